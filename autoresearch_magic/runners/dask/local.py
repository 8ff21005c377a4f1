"""A Dask cluster on this machine, in a process of its own: scheduler and workers end with the study, however that ends.

Its processes have none of the kernel's keys in their environment, listen on loopback alone, and speak TLS with a certificate that is made for
this cluster, where the package ``cryptography`` is installed: else other users of the machine, and experiments that reach the network, could
give work to its scheduler.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from importlib.util import find_spec
from typing import Any

import dask
from distributed import LocalCluster
from distributed.security import Security

from ...errors import UserError
from ..environment import experiment_environment

STARTING = 60.0
"""Seconds in which the workers must be there."""
ENDING = 5.0
"""Seconds in which the cluster must end."""
_TLS = ("tls_ca_file", "tls_client_cert", "tls_client_key")


class LocalHost:
    """The process of a cluster on this machine, as the study sees it.

    Parameters
    ----------
    environments : sequence of Mapping
        For each worker, its environment variables besides those that experiments have.

    Attributes
    ----------
    address : str
        Of the scheduler.
    security : distributed.Security or None
        With which it is spoken to; None without TLS.

    Raises
    ------
    UserError
        When it does not start.
    """

    def __init__(self, environments: Sequence[Mapping[str, str]]) -> None:
        dask_options = [name for name in os.environ if name.startswith("DASK_")]
        environment = experiment_environment(threads=1, seed=0, extra=dask_options)
        del environment["PYTHONHASHSEED"]
        self._process = subprocess.Popen(
            [sys.executable, "-m", __name__], env=environment, start_new_session=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
        )  # fmt: skip
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps([dict(each) for each in environments]) + "\n")
        self._process.stdin.flush()
        try:
            told = json.loads(self._process.stdout.readline() or '{"error": "its process has ended"}')
        except ValueError:
            told = {"error": "what it says cannot be read"}
        if "error" in told:
            self.close()
            raise UserError(f"Dask's cluster on this machine could not be started: {told['error']}.")
        self.address: str = told["address"]
        self.security: Any = Security(**told["tls"], require_encryption=True) if told["tls"] else None

    @property
    def pid(self) -> int:
        """The process id of the cluster's process."""
        return self._process.pid

    def close(self) -> None:
        """End scheduler and workers."""
        if self._process.stdin is not None:
            with suppress(OSError):
                self._process.stdin.close()
        try:
            self._process.wait(ENDING)
        except subprocess.TimeoutExpired:
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
        if self._process.stdout is not None:
            self._process.stdout.close()


class OneEach(LocalCluster):  # type: ignore[misc]
    """A LocalCluster whose workers have environment variables of their own.

    Parameters
    ----------
    environments : sequence of Mapping
    """

    def __init__(self, environments: Sequence[Mapping[str, str]], **options: Any) -> None:
        self._environments = [dict(each) for each in environments]
        super().__init__(n_workers=0, threads_per_worker=1, **options)

    def new_worker_spec(self) -> dict[Any, dict[str, Any]]:
        """Return the next worker's specification, as Dask's own does."""
        made: dict[Any, dict[str, Any]] = {}
        for name, spec in super().new_worker_spec().items():
            own = self._environments[int(name) % len(self._environments)]
            made[name] = {**spec, "options": {**spec["options"], "env": own}}
        return made


def main() -> None:
    """Start the cluster that the first line of standard input describes, say where it is, and end it at the end of the input."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # what else is printed is no answer
    try:
        environments = json.loads(sys.stdin.readline())
        security = Security.temporary() if find_spec("cryptography") else None
        # By default each nanny would set OMP_NUM_THREADS and others here.
        dask.config.set({"distributed.nanny.pre-spawn-environ": {}, "distributed.worker.memory.terminate": False})
        cluster = OneEach(
            environments,
            processes=True,
            host="127.0.0.1",
            security=security,
            memory_limit=0,
            dashboard_address=_dashboard(),
            scheduler_kwargs={"dashboard_address": "127.0.0.1:0"},
        )
        cluster.scale(len(environments))
        cluster.wait_for_workers(len(environments), timeout=STARTING)
    except Exception as error:
        said = (str(error).splitlines() or [""])[0]
        print(json.dumps({"error": f"{type(error).__name__}: {said}".rstrip(": .")}), file=answers, flush=True)
        return
    tls = {name: getattr(security, name) for name in _TLS} if security is not None else {}
    print(json.dumps({"address": cluster.scheduler_address, "tls": tls}), file=answers, flush=True)
    sys.stdin.read()
    cluster.close(timeout=ENDING / 2)


def _dashboard() -> str | None:
    return "127.0.0.1:0" if find_spec("bokeh") else None


if __name__ == "__main__":
    main()
