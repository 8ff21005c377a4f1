"""A learning curve: the points that a running target reports, and the list of them while it grows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Point:
    """One point of a learning curve, from one call of ``report(...)`` in a running target.

    Attributes
    ----------
    elapsed : float
        Seconds charged to the budget so far.
    progress : float
        Share of the budget spent so far, 0 to 1.
    step : int
        Training step.
    values : Mapping[str, float]
        The reported values by name; the first one is what the chart shows.
    """

    elapsed: float
    progress: float
    step: int
    values: Mapping[str, float]


class GrowingCurve:
    """A learning curve while it grows: every second point is dropped whenever there are `most`, and so on for those that follow.

    Parameters
    ----------
    most : int
        Most points.

    Attributes
    ----------
    points : list of Point
        The list is replaced when points are dropped, so that a reader in another thread keeps a consistent view.
    every : int
        `points` has every so-many-th point, a power of two.
    """

    def __init__(self, most: int) -> None:
        self.points: list[Point] = []
        self._most, self.every, self._count = most, 1, 0

    def add(self, point: Point) -> None:
        """Add a point, or leave it out."""
        if self._count % self.every == 0:
            self.points.append(point)
            if len(self.points) >= self._most:
                self.points, self.every = self.points[::2], self.every * 2
        self._count += 1
