"""The objects that a setup or a target may import: `clock`, `report` and `seed`.

The runner configures them before each run of a target. They also work in a plain kernel, so that a target can be tried
by hand: the clock then has its default budget of 10 seconds, and reports are dropped.

Not here: hard limits. The clock only tells a target when to stop; the runner's deadline kills it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from .budget import Budget

Emit = Callable[[dict[str, Any]], None]

TICK = 0.2
"""Seconds between two progress signals of a running target: smooth for a progress bar, cheap for the target."""


class Clock:
    """The training budget of an experiment, as its target sees it.

    ``for step in clock:`` yields 0, 1, 2, ... until the budget of seconds or steps is spent. Time before the first
    step, inside ``with clock.paused():`` and after the loop is not charged.
    """

    def __init__(self) -> None:
        self.configure(Budget(10.0, "seconds"), None)

    def configure(self, budget: Budget, emit: Emit | None) -> None:
        """Set the budget and the receiver of progress signals, and reset the clock. The runner calls this."""
        self._budget = budget
        self._emit = emit
        self._spent = 0.0
        self._since: float | None = None  # start of the time being charged; None while stopped
        self._step = 0
        self._last_signal = 0.0

    def __iter__(self) -> Iterator[int]:
        self._start()
        try:
            while not self.expired:
                yield self._step
                self._step += 1
        finally:
            self._stop()

    @property
    def budget(self) -> float:
        """The whole budget, in seconds or steps (see `unit`)."""
        return self._budget.amount

    @property
    def unit(self) -> str:
        """``"seconds"`` or ``"steps"``."""
        return self._budget.unit

    @property
    def step(self) -> int:
        """Number of finished steps."""
        return self._step

    @property
    def elapsed(self) -> float:
        """Seconds charged so far."""
        return self._spent + (0.0 if self._since is None else time.perf_counter() - self._since)

    @property
    def progress(self) -> float:
        """Share of the budget that is spent, 0 to 1; useful for learning rate schedules."""
        used = self._step if self._budget.unit == "steps" else self.elapsed
        return min(1.0, used / self._budget.amount)

    @property
    def expired(self) -> bool:
        """Whether the budget is spent. The first access starts the clock, so that ``while not clock.expired:`` works too."""
        if self._since is None and self._spent == 0.0:
            self._start()
        self._signal()  # also before the first step: the signal shows the runner that the target uses the clock
        return self.progress >= 1.0

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Stop charging inside a ``with`` block, for example during an evaluation in mid-training."""
        running = self._since is not None
        self._stop()
        try:
            yield
        finally:
            if running:
                self._start()

    def _start(self) -> None:
        if self._since is None:
            self._since = time.perf_counter()

    def _stop(self) -> None:
        self._spent, self._since = self.elapsed, None

    def _signal(self) -> None:
        if self._emit is None:
            return
        now = time.perf_counter()
        if now - self._last_signal >= TICK:
            self._last_signal = now
            self._emit({"tick": self._position()})

    def _position(self) -> dict[str, Any]:
        return {"elapsed": self.elapsed, "progress": self.progress, "step": self._step}

    def report(self, step: int | None = None, **values: Any) -> None:
        """Report values; see the function `report`."""
        point = {name: number(value) for name, value in values.items()}
        if self._emit is not None:
            position = self._position() if step is None else {**self._position(), "step": int(step)}
            self._emit({"report": {**position, "values": point}})


class Seed(int):
    """The seed of a run: an int that the runner replaces before each run, also where the setup has bound it."""


def number(value: Any) -> float:
    """Return a Python, numpy or torch scalar as a float.

    Raises
    ------
    TypeError
        When the value is not a single number.
    """
    if isinstance(value, (str, bytes)):
        raise TypeError(f"{value!r} is text, not a number")
    if hasattr(value, "item"):
        value = value.item()
    return float(value)


clock = Clock()
seed = Seed(0)


def report(step: int | None = None, **values: Any) -> None:
    """Report intermediate values for the live curve and early stopping: ``report(step=step, loss=loss)``.

    Parameters
    ----------
    step : int, optional
        Training step; defaults to the number of steps that the clock has counted.
    **values
        Numbers or one-element tensors. The curve shows the first one.
    """
    clock.report(step, **values)
