"""What a setup or a target may import: `clock`, `report` and `seed`.

The runner configures them just before a target runs. In a plain kernel they work too, so that a target can be tried
by hand: the clock then has its default budget and reports go nowhere.

Not here: hard limits. The clock asks a target to stop; the runner's deadline makes it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from .budget import Budget

Emit = Callable[[dict[str, Any]], None]

TICK = 0.2
"""Seconds between two signs of life of a running target: often enough for a bar that moves, too rare to cost."""


class Clock:
    """The budget of an experiment, as its target sees it.

    ``for step in clock:`` yields 0, 1, 2, ... until the budget is spent, be it seconds or steps. The time before the
    first step, inside ``with clock.paused():`` and after the loop is not charged.
    """

    def __init__(self) -> None:
        self.configure(Budget(10.0, "seconds"), None)

    def configure(self, budget: Budget, emit: Emit | None) -> None:
        """Set the budget and where signs of life go; starts from zero. The runner calls this."""
        self._budget = budget
        self._emit = emit
        self._spent = 0.0
        self._since: float | None = None  # when the running stretch began; None while it stands still
        self._step = 0
        self._last_tick = 0.0

    def __iter__(self) -> Iterator[int]:
        self._go()
        try:
            while not self.expired:
                yield self._step
                self._step += 1
        finally:
            self._halt()

    @property
    def budget(self) -> float:
        """The whole budget, in seconds or steps."""
        return self._budget.amount

    @property
    def unit(self) -> str:
        """``"seconds"`` or ``"steps"``."""
        return self._budget.unit

    @property
    def step(self) -> int:
        """Finished steps."""
        return self._step

    @property
    def elapsed(self) -> float:
        """Seconds charged so far."""
        return self._spent + (0.0 if self._since is None else time.perf_counter() - self._since)

    @property
    def progress(self) -> float:
        """Share of the budget that is spent, 0 to 1: what a learning rate schedule wants to know."""
        used = self._step if self._budget.unit == "steps" else self.elapsed
        return min(1.0, used / self._budget.amount)

    @property
    def expired(self) -> bool:
        """Whether the budget is spent. Asking starts the clock, so ``while not clock.expired`` is charged too."""
        if self._since is None and self._spent == 0.0:
            self._go()
        self._tick()  # before the first step already: whoever reads what a run prints knows by it that the clock is used
        return self.progress >= 1.0

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Do not charge what happens inside, such as an evaluation in mid-training."""
        running = self._since is not None
        self._halt()
        try:
            yield
        finally:
            if running:
                self._go()

    def _go(self) -> None:
        if self._since is None:
            self._since = time.perf_counter()

    def _halt(self) -> None:
        self._spent, self._since = self.elapsed, None

    def _tick(self) -> None:
        if self._emit is None:
            return
        now = time.perf_counter()
        if now - self._last_tick >= TICK:
            self._last_tick = now
            self._emit({"tick": self._place()})

    def _place(self) -> dict[str, Any]:
        return {"elapsed": self.elapsed, "progress": self.progress, "step": self._step}

    def report(self, step: int | None = None, **values: Any) -> None:
        """See `report`."""
        point = {name: number(value) for name, value in values.items()}
        if self._emit is not None:
            self._emit({"report": {**self._place(), **({} if step is None else {"step": int(step)}), "values": point}})


class Seed(int):
    """The controller's seed: an int that the runner replaces before each run, wherever the setup has bound it."""


def number(value: Any) -> float:
    """Turn a Python, numpy or torch scalar into a float.

    Raises
    ------
    TypeError
        When it is not one number.
    """
    if isinstance(value, (str, bytes)):
        raise TypeError(f"{value!r} is text, not a number")
    if hasattr(value, "item"):
        value = value.item()
    return float(value)


clock = Clock()
seed = Seed(0)


def report(step: int | None = None, **values: Any) -> None:
    """Feed the live curve and early stopping: ``report(step=step, loss=loss)``.

    Parameters
    ----------
    step : int, optional
        Defaults to the clock's own count.
    **values
        Numbers, or one-element tensors. The first one is what the curve shows.
    """
    clock.report(step, **values)
