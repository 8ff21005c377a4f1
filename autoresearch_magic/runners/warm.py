"""Measures cells: hands targets to a warm worker and makes measurements of what it tells."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from ..budget import Budget
from ..experiment import Measurement, Outcome
from ..metric import Metric
from . import Watch
from .environment import experiment_environment
from .link import Link, missing_module


class WarmRunner:
    """Measures targets in forks of one warm process (see `autoresearch_magic.runners.worker`).

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
    setup_log : Path
        Takes what the setup prints.
    seed : int
    pass_env : iterable of str
        Environment variables to let through besides the allow-list.
    mode : {"auto", "fresh"}
        ``fresh`` starts every experiment in a process of its own, setup included.
    folders : iterable of Path
        Where modules of the user's own are looked for first.
    setup_name : str
        As which module the target may import the setup; empty for none.
    on_ready : callable, optional
        Hears the mode that was chosen when the setup has run, ``fork`` or ``fresh``, and why where it is not fork.
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
        self._link = Link(config, environment, setup_log=setup_log, on_ready=on_ready)

    @property
    def mode(self) -> str:
        """How experiments are started: ``fork`` or ``fresh``; empty before the setup has run."""
        return self._link.mode

    @property
    def why(self) -> str:
        """Why it is not ``fork``."""
        return self._link.why

    @property
    def pid(self) -> int | None:
        """The worker's process id while it lives."""
        return self._link.pid

    def start(self) -> None:
        """Start the worker and wait until the setup has run. Called by the first `measure`.

        Raises
        ------
        UserCodeError
            When the setup raises.
        Stopped
            When `interrupt` or `close` was called meanwhile.
        """
        self._link.start()

    def measure(
        self, target: str, *, seed: int, deadline: float, watch: Watch | None = None, log: str = os.devnull
    ) -> Measurement:
        """Run a target once; see `Runner.measure`."""
        job = {
            "target": target, "seed": seed, "budget": (self.budget.amount, self.budget.unit), "threads": self.threads,
            "metric": {"name": self.metric.name, "expression": self.metric.expression},
        }  # fmt: skip
        result, curve = self._link.run(job, limit=deadline, memory=self.memory, log=log, watch=watch)
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
        """Kill the run that is under way; it and every later `measure` raise `Stopped`. From any thread."""
        self._link.interrupt()

    def close(self) -> None:
        """End the worker and everything below it, within about a second."""
        self._link.close()


def _with_remedy(result: dict[str, Any]) -> str:
    if result.get("missing_module"):
        return missing_module(result["missing_module"], "target")
    return str(result.get("error", ""))
