"""Where a target runs: the `Runner` base class."""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..budget import Budget
from ..experiment import Measurement
from .stage import Stage

Watch = Callable[[Mapping[str, Any]], bool]
"""Called with every event of a run (``setup``, ``begin``, ``tick``, ``report``, ``evaluating``, and ``lost`` where it begins anew because
its worker was lost); returns whether to stop the run early."""


@dataclass(frozen=True)
class GuardResult:
    """The result of running the guard on a target.

    Attributes
    ----------
    failure : str
        Why the target does not pass, in one line; empty when it passes.
    output : str
        The end of the guard's output.
    value : float or None
        The value of the guard's own metric, where it has one.
    seconds : float
    lines : tuple of str
        The lines of the output that say what failed; empty when it passes.
    """

    failure: str
    output: str = ""
    value: float | None = None
    seconds: float = 0.0
    lines: tuple[str, ...] = ()


class Runner(ABC):
    """Runs targets and measures them. A subclass must define `measure`; everything else has a default.

    Attributes
    ----------
    budget : Budget or None
        What one run may spend; it can be changed between runs. None where a target ends by itself.
    learned : dict or None
        What the runner has learned from the baseline and needs for later runs, as JSON; the study keeps it, and sets it when it is resumed.
    """

    budget: Budget | None = None
    learned: dict[str, Any] | None = None

    @abstractmethod
    def measure(
        self, target: str, *, seed: int, deadline: float, watch: Watch | None = None, log: str = os.devnull, holdout: bool = False
    ) -> Measurement:  # fmt: skip
        """Run a target once.

        Parameters
        ----------
        target : str
            Its text.
        seed : int
            The controller's seed for this run.
        deadline : float
            Seconds of wall clock after which the run is killed.
        watch : callable, optional
        log : str
            Path of the log file for the run's output.
        holdout : bool
            Whether to measure the holdout as well (`Measurement.holdout`). Only studies with that option pass it, so that a runner
            without a holdout need not take it.

        Raises
        ------
        Stopped
            When `interrupt` was called in the meantime.
        UserCodeError
            When the setup fails.
        """

    @contextmanager
    def at_stage(self, stage: Stage) -> Iterator[None]:
        """Measure a cheap stage of a study instead of the full run, within this context."""
        full, self.budget = self.budget, stage.budget if self.budget is not None else None
        try:
            yield
        finally:
            self.budget = full

    def check(self, target: str, *, deadline: float, allowed: float | None, log: str) -> GuardResult:
        """Run the guard on a target once. A runner without a guard lets every target pass.

        Parameters
        ----------
        target : str
        deadline : float
            Seconds after which the guard is killed and has failed.
        allowed : float or None
            The baseline's value of the guard's metric, which a threshold refers to; None for the baseline itself.
        log : str
            Path of the log file for the guard's output.
        """
        return GuardResult("")

    def describe(self) -> list[str]:
        """Return what targets run with, in lines for the plan of a study; nothing by default."""
        return []

    def keep_files(self, target: str, folder: Path) -> None:  # noqa: B027 - a default, not an abstract method
        """Keep what the last run of a target wrote, as it was kept.

        Parameters
        ----------
        target : str
        folder : Path
            Where to; it does not exist.
        """

    def interrupt(self) -> None:  # noqa: B027 - a default, not an abstract method
        """Kill the current run, from another thread; it and every later `measure` raise `Stopped`."""

    def close(self) -> None:  # noqa: B027 - a default, not an abstract method
        """End all processes of the runner."""
