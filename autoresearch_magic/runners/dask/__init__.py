"""Runs on the workers of a Dask cluster: ``--executor dask`` and ``--executor dask://HOST:PORT`` (extra ``dask``).

Dask's scheduler takes one task for each run, bound to one worker. `cluster` knows the workers, `runner` is the study's side of a run (`work` is what
its slots share) and `worker` the other one (`seat` holds a runner there); `shipping` is what travels, `environments` compares the workers, and `local` is the cluster on this machine.
"""
