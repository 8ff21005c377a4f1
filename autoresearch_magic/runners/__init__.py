"""Where a target runs: the `Runner` base class."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from ..experiment import Measurement

Watch = Callable[[Mapping[str, Any]], bool]
"""Hears the signs of life of a run (``begin``, ``tick``, ``report``, ``evaluating``); true means: stop it, it is a loser."""


@dataclass(frozen=True)
class Checked:
    """What a guard has said of a target.

    Attributes
    ----------
    failure : str
        One line that says why it does not pass; empty when it does.
    output : str
        The tail of what the guard printed.
    value : float or None
        The guard's own metric, where it has one.
    seconds : float
    """

    failure: str
    output: str = ""
    value: float | None = None
    seconds: float = 0.0


class Runner(ABC):
    """Anything that can run a target and measure it. Only `measure` must be written; the rest has a default."""

    @abstractmethod
    def measure(
        self, target: str, *, seed: int, deadline: float, watch: Watch | None = None, log: str = ""
    ) -> Measurement:
        """Run `target` once.

        Parameters
        ----------
        target : str
            Source.
        seed : int
            The controller's seed for this run.
        deadline : float
            Seconds of wall clock after which the run is killed.
        watch : callable, optional
        log : str
            Path of the file that takes the run's output.

        Raises
        ------
        Stopped
            When `interrupt` was called meanwhile.
        UserCodeError
            When the setup fails.
        """

    def check(self, target: str, *, deadline: float, allowed: float | None, log: str) -> Checked:
        """Run the guard on `target` once. A runner without one lets everything pass.

        Parameters
        ----------
        target : str
        deadline : float
            Seconds after which it is killed, and has failed.
        allowed : float or None
            The guard's metric as the baseline has it; None for the baseline itself.
        log : str
            Path of the file that takes the guard's output.
        """
        return Checked("")

    def interrupt(self) -> None:  # noqa: B027 - a default, not something to be written
        """Kill the run that is under way, from another thread; it and every later `measure` raise `Stopped`."""

    def close(self) -> None:  # noqa: B027 - a default, not something to be written
        """Leave no process behind."""
