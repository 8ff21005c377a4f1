"""Where a target runs: the `Runner` protocol."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol

from ..experiment import Measurement

Watch = Callable[[Mapping[str, Any]], bool]
"""Hears the signs of life of a run (``begin``, ``tick``, ``report``, ``evaluating``); true means: stop it, it is a loser."""


class Runner(Protocol):
    """Anything that can run a target and measure it."""

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
        ...

    def interrupt(self) -> None:
        """Kill the run that is under way, from another thread; it and every later `measure` raise `Stopped`."""
        ...

    def close(self) -> None:
        """Leave no process behind."""
        ...
