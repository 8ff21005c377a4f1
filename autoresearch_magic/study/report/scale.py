"""Axes of the report's chart: which values are shown, on a linear or a logarithmic axis, and where its ticks are."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import quantiles

DECADES = 1.5
"""Decades between the kept values from which the axis is logarithmic."""


@dataclass(frozen=True)
class Scale:
    """A vertical axis. `low` and `high` are its ends in the metric's unit."""

    low: float
    high: float
    log: bool = False

    def share(self, value: float) -> float:
        """Return where a value is, 0 at the low end and 1 at the high one; below 0 or above 1 when it is off the scale."""
        low, high = self._placed(self.low), self._placed(self.high)
        return (self._placed(value) - low) / (high - low)

    def _placed(self, value: float) -> float:
        if not self.log:
            return value
        return math.log10(value) if value > 0 else -math.inf

    def ticks(self, most: int) -> list[float]:
        """Return at most about so many round values."""
        if self.log:
            return _log_ticks(self.low, self.high, most)
        step = nice_step((self.high - self.low) / max(1, most))
        first = math.ceil(self.low / step)
        count = math.floor(self.high / step) - first
        return [round((first + i) * step, 12) if step > 1e-9 else (first + i) * step for i in range(min(count, 50) + 1)]


def make_scale(core: Sequence[float], others: Sequence[float], noise: float, minimize: bool) -> Scale:
    """Return the axis of a chart.

    Parameters
    ----------
    core : sequence of float
        Values that are always shown: what was kept, and what was measured again.
    others : sequence of float
        Values that are shown unless they are far off: worse ones get about as much room as the core, outliers none.
    noise : float
        Standard deviation of one run.
    minimize : bool
    """
    core = [value for value in core if abs(value) < 1e100]
    others = [value for value in others if abs(value) < 1e100]
    if not core:
        core = _without_outliers(others)[:1]
    if not core:
        return Scale(0.0, 1.0)
    log = min(core) > 0 and math.log10(max(core)) - math.log10(min(core)) > DECADES
    if log:
        sides = [math.log10(value) for value in core], [math.log10(value) for value in others if value > 0]
        low, high = _limits(*sides, 0.0, minimize)
        return Scale(10.0 ** max(-300.0, low), 10.0 ** min(300.0, high), log=True)
    return Scale(*_limits(core, others, noise, minimize))


def _limits(core: Sequence[float], others: Sequence[float], noise: float, minimize: bool) -> tuple[float, float]:
    low, high = min(core), max(core)
    span = high - low
    typical = _without_outliers(others)
    room = 1.5 * span if span > 0 else math.inf
    worse_room, better_room = max(room, 6 * noise), max(0.5 * span, 4 * noise) if span > 0 else math.inf
    below, above = (worse_room, better_room)[minimize], (better_room, worse_room)[minimize]
    ends = [value for value in typical if low - below <= value <= high + above]
    low, high = min([low, *ends]) - 1.2 * noise, max([high, *ends]) + 1.2 * noise
    if not low < high:
        reach = abs(low) * 0.05 or 1.0
        return low - reach, high + reach
    pad = 0.07 * (high - low)
    return low - pad, high + pad


def _without_outliers(values: Sequence[float]) -> list[float]:
    """Return the sorted values that are within 3 interquartile ranges of the quartiles (Tukey's outer fences)."""
    if len(values) < 4:
        return sorted(values)
    first, _, third = quantiles(values, n=4)
    fence = 3 * (third - first)
    return sorted(value for value in values if first - fence <= value <= third + fence)


def nice_step(step: float) -> float:
    """Return the least of 1, 2, 2.5, 5 times a power of ten that is not below a step."""
    if not math.isfinite(step) or step <= 0:
        return 1.0
    power = 10.0 ** math.floor(math.log10(step))
    return next(each for factor in (1, 2, 2.5, 5, 10) if (each := factor * power) >= step * (1 - 1e-9))


def _log_ticks(low: float, high: float, most: int) -> list[float]:
    first, last = math.floor(math.log10(low)), math.ceil(math.log10(high))
    for factors in ((1, 2, 5), (1, 3), (1,)):
        found = [f * 10.0**power for power in range(first, last + 1) for f in factors if low <= f * 10.0**power <= high]
        if len(found) <= most + 1:
            return found
    every = math.ceil(len(found) / most)
    return found[::every]


def tick_names(ticks: Sequence[float]) -> list[str]:
    """Return the numbers as texts with equally many decimals, as far as they are of one size."""
    names = [f"{tick:.12g}" for tick in ticks]
    if len(ticks) > 1 and not any("e" in name for name in names) and max(map(abs, ticks)) < 1e4 * _least(ticks):
        decimals = max(len(name.partition(".")[2]) for name in names)
        if decimals <= 8:
            names = [f"{tick:.{decimals}f}" for tick in ticks]
    elif any("e" in name for name in names) or max(map(len, names), default=0) > 9:
        names = [f"{tick:.4g}" for tick in ticks]
    return [name.replace("-", "\u2212") for name in names]


def _least(ticks: Sequence[float]) -> float:
    """Return the smallest distance between two ticks."""
    return min(b - a for a, b in itertools.pairwise(ticks))
