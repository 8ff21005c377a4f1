"""Learning curves in comparable form: smoothed, and sampled at fixed shares of the budget.

Losses of single steps are noisy, and every run reports at different moments. So a curve is represented by its moving averages at
the shares `LOOKS`, which are the same for a finished run and for one that has come that far.
"""

from __future__ import annotations

import math
import statistics
from bisect import bisect_right
from collections.abc import Iterable, Sequence

from ..experiment import Measurement
from ..runs import Point

LOOKS = tuple(round(0.1 + 0.025 * k, 3) for k in range(34))
"""Shares of the budget at which runs are compared. Before the first, curves reflect the initialisation; after the last, stopping
saves nothing."""
WINDOW, SHORTEST = 0.25, 0.04
"""A curve's value at share p is its mean over the last quarter of p, and over at least `SHORTEST` of the budget."""
TREND = 0.5
"""Absolute value of Kendall's tau of a curve against time from which the curve has a direction."""
FALL = 0.05
"""By how much reported progress may fall back before the curve is unusable, as when it restarts with each epoch."""


class Smoother:
    """Smooths a run's reports as they arrive; gives the curve's values at the looks.

    Parameters
    ----------
    name : str
        The value to follow; points without it are ignored.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.usable = True
        self._progress: list[float] = []
        self._values: list[float] = []
        self._look = 0
        self._counted = 0

    def add(self, point: Point) -> list[tuple[int, float, bool]]:
        """Add a point; returns the looks that it completes.

        Returns
        -------
        list of (int, float, bool)
            The look's index; the value there, NaN when one of its points is not finite; and whether there was a new point since
            the look before (where reports are rare, several looks see the same points).
        """
        value = point.values.get(self.name)
        if value is None or not self.usable:
            return []
        last = self._progress[-1] if self._progress else 0.0
        self.usable = point.progress > last - FALL
        self._progress.append(max(last, point.progress))
        self._values.append(value)
        looks = []
        while self._look < len(LOOKS) and point.progress >= LOOKS[self._look] and self.usable:
            share = LOOKS[self._look]
            end = bisect_right(self._progress, share)
            start = bisect_right(self._progress, share - max(SHORTEST, WINDOW * share))
            if end > start:
                value = statistics.fmean(self._values[start:end])
                looks.append((self._look, value if math.isfinite(value) else math.nan, end > self._counted))
                self._counted = end
            self._look += 1
        return looks


Curve = dict[int, float]
"""A run's smoothed curve: its values by the index of the look."""


def smooth(points: Sequence[Point], name: str) -> Curve:
    """Return a finished run's smoothed curve; empty where its progress falls back."""
    smoother = Smoother(name)
    curve = {look: value for point in points for look, value, _ in smoother.add(point) if not math.isnan(value)}
    return curve if smoother.usable else {}


def followed(points: Iterable[Point]) -> str:
    """Return the name of the value to follow: the one that most points report first; empty for no points."""
    firsts = [name for point in points for name in list(point.values)[:1]]
    return max(dict.fromkeys(firsts), key=firsts.count, default="")


def trend(curve: Curve) -> int:
    """Return which direction of a curve is better, taken from its own trend: 1 for falling, −1 for rising, 0 for neither.

    The trend is Kendall's tau of the values against time, which is robust against single outliers.
    """
    values = [curve[look] for look in sorted(curve)]
    pairs = [(a, b) for i, a in enumerate(values) for b in values[i + 1 :]]
    if not pairs:
        return 0
    tau = sum((a > b) - (a < b) for a, b in pairs) / len(pairs)
    return 0 if abs(tau) < TREND else int(math.copysign(1, tau))


def scale(one: Curve, other: Curve) -> float | None:
    """Return the distance of two curves relative to the remaining budget: the root mean square of ``gap(p) / (1 − p)``."""
    ratios = [(one[look] - other[look]) / (1 - LOOKS[look]) for look in one if look in other]
    return math.sqrt(statistics.fmean(r * r for r in ratios)) if ratios else None


def mean(curves: Sequence[Curve]) -> Curve:
    """Return the mean of curves at the looks where all have a value."""
    if not curves:
        return {}
    return {look: statistics.fmean(c[look] for c in curves) for look in curves[0] if all(look in c for c in curves)}


def curve_noise(runs: Sequence[Measurement]) -> float:
    """Return the noise of repeats' smoothed curves: the median over the looks of their standard deviation.

    0 with fewer than two curves. The median ignores moments in which the machine was busy.
    """
    name = followed(point for run in runs for point in run.curve)
    curves = [smooth(run.curve, name) for run in runs]
    shared = mean(curves)
    return (
        statistics.median(statistics.stdev(c[look] for c in curves) for look in shared)
        if len(curves) > 1 and shared
        else 0.0
    )
