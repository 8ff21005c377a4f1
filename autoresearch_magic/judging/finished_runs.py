"""Runs that were not stopped early, and how far apart those were on the way that ended alike: what a pruner's margin is learned from."""

from __future__ import annotations

import math
from bisect import bisect_left
from dataclasses import dataclass, field

from .learning_curves import Curve, scale


@dataclass(frozen=True)
class Finished:
    """A run that was not stopped: its final value, and its curve with the name of the value that it shows."""

    value: float
    name: str
    curve: Curve


Rank = tuple[float, int]
"""What finished runs are sorted by: the best first, of equal ones the earlier first."""


@dataclass
class Neighbours:
    """The finished runs of one name in the order of their ranks, with how far each is from the next one.

    A run that is added changes the distances beside it alone, so that nothing is worked out anew for each run of a long study.
    """

    ranks: list[Rank] = field(default_factory=list)
    curves: list[Curve] = field(default_factory=list)
    squares: list[float] = field(
        default_factory=list
    )  # of the distance of each run to the next one; 0 where it is not known
    known: list[bool] = field(default_factory=list)

    def add(self, rank: Rank, curve: Curve) -> None:
        """Add a run."""
        at = bisect_left(self.ranks, rank)
        self.ranks.insert(at, rank)
        self.curves.insert(at, curve)
        self.squares.insert(at, 0.0)
        self.known.insert(at, False)
        for each in (at - 1, at):
            if 0 <= each < len(self.curves) - 1:
                self._measure(each)

    def remove(self, rank: Rank) -> None:
        """Remove the run of a rank."""
        at = bisect_left(self.ranks, rank)
        for each in (self.ranks, self.curves, self.squares, self.known):
            del each[at]
        if at:
            self._measure(at - 1)

    def _measure(self, at: int) -> None:
        """Work out how far a run is from the next one."""
        apart = scale(self.curves[at], self.curves[at + 1]) if at < len(self.curves) - 1 else None
        self.squares[at], self.known[at] = (0.0 if apart is None else apart * apart), apart is not None

    def mean_square(self, last: Rank, further: float | None) -> float:
        """Return the mean square of the known distances between the runs up to a rank, and of a further one.

        The sum is rounded once, so that it does not depend on the order.
        """
        count = max(0, bisect_left(self.ranks, (last[0], last[1] + 1)) - 1)
        squares, known = self.squares[:count], sum(self.known[:count])
        if further is not None:
            squares.append(further * further)
            known += 1
        return math.fsum(squares) / known
