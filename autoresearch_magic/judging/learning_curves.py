"""Learning curves as they are compared: smoothed, at fixed shares of the budget, whichever way they go.

Raw losses of single steps jump about, and every run reports at other moments. So a curve is known by its means at the
`LOOKS`. A finished curve and one that is still being drawn have the same values there.
"""

from __future__ import annotations

import math
import statistics
from bisect import bisect_right
from collections.abc import Iterable, Sequence

from ..experiment import Measurement, Point

LOOKS = tuple(round(0.1 + 0.025 * k, 3) for k in range(34))
"""Shares of the budget at which runs are compared. Before the first, curves say more of the start than of the run; after
the last, stopping saves nothing."""
WINDOW, SHORTEST = 0.25, 0.04
"""A curve's value at share p is its mean over the last quarter of p, and over no less than this share of the budget."""
TREND = 0.5
"""Kendall's tau of a curve against time from which it has a direction at all."""
FALL = 0.05
"""By how much progress may fall back before it is not the run's (but an epoch's, for example)."""


class Smoother:
    """Takes a run's reports as they come and gives its curve at the looks.

    Parameters
    ----------
    name : str
        The value to follow; points without it are passed over.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.usable = True
        self._progress: list[float] = []
        self._values: list[float] = []
        self._look = 0
        self._counted = 0

    def add(self, point: Point) -> list[tuple[int, float, bool]]:
        """Take a point; returns the looks that are complete with it.

        Returns
        -------
        list of (int, float, bool)
            The look's index, the value there, NaN when one of its points is not finite, and whether there was a new point
            since the look before: where reports are rare, several looks see the same ones.
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
    """Smooth a finished run's curve; empty where its progress falls back."""
    smoother = Smoother(name)
    curve = {look: value for point in points for look, value, _ in smoother.add(point) if not math.isnan(value)}
    return curve if smoother.usable else {}


def followed(points: Iterable[Point]) -> str:
    """Return the name of the value that a curve shows: the first of most of its points; empty for no points."""
    firsts = [name for point in points for name in list(point.values)[:1]]
    return max(dict.fromkeys(firsts), key=firsts.count, default="")


def trend(curve: Curve) -> int:
    """Say which way is better on a curve, by the way it goes itself: 1 for down, −1 for up, 0 for neither.

    Taken from Kendall's tau of the values against time, which no single value can spoil.
    """
    values = [curve[look] for look in sorted(curve)]
    pairs = [(a, b) for i, a in enumerate(values) for b in values[i + 1 :]]
    if not pairs:
        return 0
    tau = sum((a > b) - (a < b) for a, b in pairs) / len(pairs)
    return 0 if abs(tau) < TREND else int(math.copysign(1, tau))


def scale(one: Curve, other: Curve) -> float | None:
    """Return how far two curves are apart for the time that is left: the root mean square of ``gap(p) / (1 − p)``."""
    ratios = [(one[look] - other[look]) / (1 - LOOKS[look]) for look in one if look in other]
    return math.sqrt(statistics.fmean(r * r for r in ratios)) if ratios else None


def mean(curves: Sequence[Curve]) -> Curve:
    """Average curves where all of them have a value."""
    if not curves:
        return {}
    return {look: statistics.fmean(c[look] for c in curves) for look in curves[0] if all(look in c for c in curves)}


def curve_noise(runs: Sequence[Measurement]) -> float:
    """Return by how much the smoothed curves of equal runs differ: the median over the looks of their standard deviation.

    0 with fewer than two curves. The median, because a machine that falters for a moment is not the curve's noise.
    """
    name = followed(point for run in runs for point in run.curve)
    curves = [smooth(run.curve, name) for run in runs]
    shared = mean(curves)
    return (
        statistics.median(statistics.stdev(c[look] for c in curves) for look in shared)
        if len(curves) > 1 and shared
        else 0.0
    )
