"""Measures cells: hands targets to a warm worker and makes measurements of what it tells."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from ..budget import Budget
from ..experiment import Measurement, Outcome
from ..metric import Metric
from . import Runner, Watch
from .environment import experiment_environment
from .worker.client import WorkerClient, missing_module


class CellRunner(Runner):
    """Measures targets in forks of one warm process (see `autoresearch_magic.runners.worker.server`).

    Parameters
    ----------
    setup : str
        Frozen source, run once.
    target : str
        A first target: what it imports is loaded ahead.
    metric : Metric
    budget : Budget
    threads : int
        Threads of an experiment.
    memory : int
        Bytes an experiment may use; 0 for no limit.
    seed : int
    pass_env : iterable of str
        Environment variables to let through besides the allow-list.
    mode : {"auto", "fresh"}
        ``fresh`` starts every experiment in a process of its own, setup included.
    folders : iterable of Path
        Where modules of the user's own are looked for first.
    setup_name : str
        As which module the target may import the setup; empty for none.
    setup_log, on_ready
        See `WorkerClient`.
    """

    def __init__(
        self,
        setup: str,
        target: str,
        metric: Metric,
        budget: Budget,
        *,
        threads: int = 1,
        memory: int = 0,
        setup_log: Path,
        seed: int = 0,
        pass_env: Iterable[str] = (),
        mode: str = "auto",
        folders: Iterable[Path] = (),
        setup_name: str = "",
        on_ready: Callable[[str, str], object] | None = None,
    ) -> None:
        self.metric, self.budget, self.threads, self.memory = metric, budget, threads, memory
        config = {
            "setup": setup, "target": target, "seed": seed, "threads": threads, "mode": mode,
            "folders": list(map(str, folders)), "setup_name": setup_name,
        }  # fmt: skip
        environment = experiment_environment(threads=threads, seed=seed, extra=pass_env)
        self._client = WorkerClient(config, environment, setup_log=setup_log, on_ready=on_ready)

    @property
    def mode(self) -> str:
        """How experiments are started; see `WorkerClient`."""
        return self._client.mode

    @property
    def why(self) -> str:
        """Why it is not ``fork``; see `WorkerClient`."""
        return self._client.why

    @property
    def pid(self) -> int | None:
        """See `WorkerClient.pid`."""
        return self._client.pid

    def start(self) -> None:
        """Start the worker, which the first `measure` does otherwise; see `WorkerClient.start`."""
        self._client.start()

    def measure(
        self, target: str, *, seed: int, deadline: float, watch: Watch | None = None, log: str = os.devnull
    ) -> Measurement:
        """Run a target once; see `Runner.measure`."""
        job = {
            "target": target, "seed": seed, "budget": (self.budget.amount, self.budget.unit), "threads": self.threads,
            "metric": {"name": self.metric.name, "expression": self.metric.expression},
        }  # fmt: skip
        result, curve = self._client.run(job, limit=deadline, memory=self.memory, log=log, watch=watch)
        return Measurement(
            outcome=Outcome(result["outcome"]),
            value=result.get("value"),
            seed=seed,
            seconds=result["seconds"],
            charged=result.get("charged", 0.0),
            evaluation=result.get("evaluation", 0.0),
            steps=result.get("steps", 0),
            memory=result.get("memory", 0.0),
            curve=tuple(curve),
            error=_with_remedy(result),
            traceback=result.get("traceback", ""),
            output=result.get("output", ""),
            names=tuple(result.get("names", ())),
        )

    def interrupt(self) -> None:
        """See `Runner.interrupt`."""
        self._client.interrupt()

    def close(self) -> None:
        """See `WorkerClient.close`."""
        self._client.close()


def _with_remedy(result: dict[str, Any]) -> str:
    if result.get("missing_module"):
        return missing_module(result["missing_module"], "target")
    return str(result.get("error", ""))
