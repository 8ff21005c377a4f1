"""The objects that a setup or a target may import: `clock`, `report` and `seed`.

The runner configures them before each run of a target. They also work in a plain kernel, so that a target can be tried
by hand: the clock then has its default budget of 10 seconds, and reports are dropped.

Not here: hard limits. The clock only tells a target when to stop; the runner's deadline kills it.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from time import perf_counter as _now  # a target may replace what the module contains
from typing import Any, Protocol

from .budget import Budget

Emit = Callable[[dict[str, Any]], None]

TICK = 0.2
"""Seconds between two progress signals of a running target: smooth for a progress bar, cheap for the target."""
LONGEST = 3.0
"""How many times as long as its budget a training may take, where other programs hold its core."""
LOOK, LOOK_SHARE = 0.05, 0.005
"""Seconds between two looks at the time that others took, at least, and the largest share of the time for looking."""
REPORTS = 1_000
"""Reports that are sent before every second one is left out, then three of four, and so on; one each `TICK` is always sent."""
REPORTED_VALUES, REPORTED_NAME = 32, 60
"""Most values of one report, and characters of the longest name."""
LAST_STEP = 2**53
"""The largest step that is told: larger integers are no exact floats."""


class LostTime(Protocol):
    """Tells how much of the time between `start` and `stop` other programs held the core (`runners.worker.waiting`)."""

    @property
    def known(self) -> bool:
        """Whether the system tells it."""

    def start(self) -> None:
        """Begin to count."""

    def stop(self) -> None:
        """Stop counting."""

    def seconds(self) -> float:
        """Return the seconds so far."""


class Clock:
    """The training budget of an experiment, as its target sees it.

    ``for step in clock:`` yields 0, 1, 2, ... until the budget of seconds or steps is spent. In an experiment time is charged from the
    target's first line to the end of the budget; by hand, from the first step to the end of the loop. What is spent inside
    ``with clock.paused():`` is not charged; nor is, unless ``--clock wall`` is given, the time in which other programs held
    the core of the thread that trains (see `runners.worker.waiting`), up to two thirds of the time (`LONGEST`).

    This is what a target sees. It decides nothing: the runner compares the time outside of the clock with the baseline's
    (`runners.outside_clock`).
    """

    def __init__(self) -> None:
        self.configure(Budget(10.0, "seconds"), None)

    def configure(self, budget: Budget, emit: Emit | None, lost: LostTime | None = None) -> None:
        """Set the budget and the receiver of progress signals, and reset the clock. The runner calls this.

        Parameters
        ----------
        budget : Budget
        emit : callable or None
        lost : LostTime, optional
            Tells the time in which other programs held the core, which is not charged; without it all is.
        """
        self._budget = budget
        self._seconds = budget.seconds or math.inf
        self._emit = emit
        self._spent = 0.0  # seconds of wall clock before the time that is running
        self._since: float | None = None  # start of the time that is running; None while stopped
        self._lost = lost
        self._lost_seconds = 0.0
        self._next_look = 0.0
        self._charged = 0.0
        self._step = 0
        self._begun = False  # by the runner, at the target's first line
        self._paused_seconds = 0.0
        self._last_signal = 0.0
        self._reports = self._sent = 0
        self._every = 1  # of the reports, one in so many is sent
        self._last_report = 0.0
        self._held: dict[str, Any] | None = None  # the last report, while it is not sent

    def begin(self) -> None:
        """Charge from now on: the target's first line. The runner calls this."""
        self._begun = True
        self._start()

    def __iter__(self) -> Iterator[int]:
        self._start()
        try:
            while not self.expired:
                yield self._step
                self._step += 1
        finally:
            if not self._begun:
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
        if self._since is not None:
            now = _now()
            taken = self._spent + now - self._since
            if self._lost is not None and (now >= self._next_look or self._allowed(taken) >= self._seconds):
                self._look(self._lost, now)
            # What is noticed to be lost only later must not turn back the clock.
            self._charged = max(self._charged, self._allowed(taken))
        return self._charged

    @property
    def paused_seconds(self) -> float:
        """Seconds inside of ``with clock.paused():``, which are not charged but recorded."""
        return self._paused_seconds

    @property
    def lost(self) -> float | None:
        """Seconds that were not charged, as other programs held the core; None where they are charged or not known."""
        if self._lost is None or not self._lost.known:
            return None
        taken = self._spent + (0.0 if self._since is None else _now() - self._since)
        return max(0.0, taken - self.elapsed)

    def _allowed(self, taken: float) -> float:
        return max(taken - self._lost_seconds, taken / LONGEST)

    def _look(self, lost: LostTime, now: float) -> None:
        """Find out how much time others have taken so far."""
        self._lost_seconds = lost.seconds()
        cost = _now() - now
        self._next_look = now + max(LOOK, cost / LOOK_SHARE)

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
        over = self.progress >= 1.0
        if over and self._begun:
            self._stop()  # what comes now is an evaluation, or what the runner finds to be too long
        return over

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Stop charging inside a ``with`` block, for example during an evaluation in mid-training."""
        running, began = self._since is not None, _now()
        self._stop()
        try:
            yield
        finally:
            self._paused_seconds += _now() - began
            if running:
                self._start()

    def _start(self) -> None:
        if self._since is None:
            if self._lost is not None:
                self._lost.start()
            self._since = _now()

    def _stop(self) -> None:
        if self._since is None:
            return
        now = _now()
        self._spent, self._since = self._spent + now - self._since, None
        if self._lost is not None:
            self._lost.stop()
            self._look(self._lost, now)
        self._charged = max(self._charged, self._allowed(self._spent))

    def _signal(self) -> None:
        if self._emit is None:
            return
        now = _now()
        if now - self._last_signal >= TICK:
            self._last_signal = now
            self._emit({"tick": self._position()})

    def _position(self) -> dict[str, Any]:
        return {"elapsed": self.elapsed, "progress": self.progress, "step": self._step}

    def report(self, step: int | None = None, **values: Any) -> None:
        """Report values; see the function `report`."""
        if not values:
            example = (
                "report(loss=loss)" if step is None else f"report(loss={step!r:.40}) or report(step=step, loss=loss)"
            )
            raise TypeError(f"report() got no value with a name: write {example}")
        if len(values) > REPORTED_VALUES:
            warnings.warn(f"report() keeps the first {REPORTED_VALUES} values of a call", stacklevel=2)
        point = {name[:REPORTED_NAME]: number(value) for name, value in list(values.items())[:REPORTED_VALUES]}
        if self._emit is None:
            return
        position = self._position()
        if step is not None:
            position["step"] = max(-LAST_STEP, min(LAST_STEP, int(step)))
        self._send({"report": {**position, "values": point}})

    def _send(self, report: dict[str, Any]) -> None:
        """Send a report, or hold it back where there have been very many; see `REPORTS`."""
        assert self._emit is not None
        now = _now()
        due = self._reports % self._every == 0 or now - self._last_report >= TICK
        self._reports += 1
        self._held = None if due else report
        if not due:
            return
        self._last_report = now
        self._sent += 1
        if self._sent % REPORTS == 0:
            self._every *= 2
        self._emit(report)

    def flush(self) -> None:
        """Send the last report, if it was held back. The runner calls this at the target's end."""
        if self._emit is not None and self._held is not None:
            self._emit(self._held)
        self._held = None


class Seed(int):
    """The seed of a run: an int that the runner replaces before each run, also where the setup has bound it."""


def number(value: Any) -> float:
    """Return a Python, numpy or torch scalar as a float; what is too large for one is infinite.

    Raises
    ------
    TypeError
        When the value is not a single number.
    """
    if isinstance(value, (str, bytes)):
        raise TypeError(f"{value!r} is text, not a number")
    if hasattr(value, "item"):
        value = value.item()
    try:
        return float(value)
    except OverflowError:  # an integer or a fraction of more than 308 digits
        return math.inf if value > 0 else -math.inf


clock = Clock()
seed = Seed(0)


def report(step: int | None = None, **values: Any) -> None:
    """Report intermediate values for the live curve and early stopping: ``report(step=step, loss=loss)``.

    Parameters
    ----------
    step : int, optional
        Training step; defaults to the number of steps that the clock has counted.
    **values
        Numbers or one-element tensors, at least one and at most `REPORTED_VALUES`. The curve shows the first one.

    Notes
    -----
    After `REPORTS` reports only every second one is kept, later every fourth, and so on, and the last one; nothing else depends
    on how many there are.

    Raises
    ------
    TypeError
        Without a named value, such as ``report(5)``, or for a value that is not a single number.
    """
    clock.report(step, **values)
