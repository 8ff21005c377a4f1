"""A Dask cluster of Slurm jobs, for as long as this runs: one worker a job, each with its own processors, memory and GPU.

    pip install dask-jobqueue 'autoresearch-magic[dask]'
    python slurm.py 8                                    # in one terminal of the login node, or as a job of its own
    autoresearch run program.md --executor dask://HOST:PORT    # in another one: the address is printed

Change the options of `SLURMCluster` to your site's; `python slurm.py --show` prints the job script and submits nothing.
"""

import signal
import sys

from dask_jobqueue import SLURMCluster

cluster = SLURMCluster(
    queue="gpu",  # --partition
    account=None,
    cores=4,  # threads of an experiment
    processes=1,  # one worker process, and so one experiment, a job
    memory="16GB",
    walltime="08:00:00",
    job_extra_directives=["--gres=gpu:1"],  # leave out without GPUs
    worker_extra_args=["--lifetime", "470m", "--lifetime-stagger", "5m"],  # leaves by itself before Slurm kills it
    job_script_prologue=["source ~/venv/bin/activate"],  # where autoresearch-magic[dask] is installed
    local_directory="/tmp",
    log_directory="slurm-logs",
    scheduler_options={"dashboard": False, "dashboard_address": "127.0.0.1:0"},
    python="python",
)

if "--show" in sys.argv:
    print(cluster.job_script())
    sys.exit()

jobs = int(sys.argv[1]) if len(sys.argv) > 1 else 2
cluster.adapt(minimum_jobs=jobs, maximum_jobs=jobs)  # a job that has ended is replaced
print(f"--executor dask://{cluster.scheduler_address.partition('://')[2]}", flush=True)
signal.sigwait({signal.SIGINT, signal.SIGTERM})
cluster.close()
