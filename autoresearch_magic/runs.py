"""Runs: the learning curve of one, what else happened on the machine meanwhile (its `Conditions`), and one value for those of several.

Sums are right for values of any size that a float holds.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass
from typing import Any

LARGEST = 1e100
"""Magnitude above which a value is treated as infinite: the squares of larger ones overflow when noise is estimated."""
STATISTICS = ("mean", "median", "min", "max")
"""The ways in which the values of a version's runs become one value (``--statistic``)."""


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


@dataclass(frozen=True)
class Conditions:
    """How busy the machine was during a run, besides the run itself. GPUs are not looked at.

    Attributes
    ----------
    others : float
        Mean number of cores that other programs kept busy.
    cores : int
        Cores that the run was allowed to use.
    steal : float
        Mean number of cores that the hypervisor gave to other virtual machines.
    lost : float or None
        Seconds of the training in which other programs held its core, which the clock did not charge; None where it charges all.
    paused : float
        Seconds for which the target has paused the clock.
    """

    others: float
    cores: int
    steal: float = 0.0
    lost: float | None = None
    paused: float = 0.0

    @property
    def taken(self) -> float:
        """The share of the cores that was not there for the run, 0 to 1."""
        return min(1.0, max(0.0, (self.others + self.steal) / self.cores))

    def to_json(self) -> dict[str, float | None]:
        """Return the facts by name, for the journal."""
        return asdict(self)

    @classmethod
    def from_json(cls, facts: Any) -> Conditions | None:
        """Return the conditions that `to_json` gave; None where something else was written, or by a newer version without these."""
        if not isinstance(facts, Mapping):
            return None
        others, cores, steal = (facts.get(name, 0) for name in ("others", "cores", "steal"))
        if not all(map(_is_amount, (others, cores, steal))) or cores < 1:
            return None
        lost, paused = facts.get("lost"), facts.get("paused", 0.0)
        return cls(
            float(others), int(cores), float(steal), lost if _is_amount(lost) else None,
            float(paused) if _is_amount(paused) else 0.0,
        )  # fmt: skip

    def __str__(self) -> str:
        busy = f"other programs kept {self.others:.1f} of {self.cores} cores busy"
        return f"{busy}, and the hypervisor took {self.steal:.1f}" if self.steal >= 0.05 else busy


def _is_amount(value: Any) -> bool:
    return isinstance(value, (int, float)) and math.isfinite(value) and value >= 0


def mean(values: Collection[float]) -> float:
    """Return the mean of finite values, also where their sum is beyond the range of a float; equal values are their own mean."""
    first = next(iter(values))
    if all(value == first for value in values):
        return first
    try:
        total = math.fsum(values)
    except OverflowError:
        total = math.inf
    if math.isfinite(total):
        return total / len(values)
    return math.fsum(value / len(values) for value in values)


def standard_deviation(values: Collection[float]) -> float:
    """Return the sample standard deviation (n - 1); 0 for fewer than two values, infinite where it exceeds the range of a float."""
    if len(values) < 2:
        return 0.0
    center = mean(values)
    return math.hypot(*(value - center for value in values)) / math.sqrt(len(values) - 1)


def summary(values: Collection[float], statistic: str) -> float:
    """Return one value for those of several runs; the median of an even number is the mean of the two in the middle.

    Parameters
    ----------
    values : collection of float
        One at least.
    statistic : {"mean", "median", "min", "max"}
    """
    match statistic:
        case "mean":
            return mean(values)
        case "median":
            ordered, middle = sorted(values), len(values) // 2
            return mean(ordered[middle - 1 + len(ordered) % 2 : middle + 1])
        case "min":
            return min(values)
        case "max":
            return max(values)
    raise ValueError(f"There is no statistic {statistic!r}.")


def limited(value: float) -> float:
    """Return a value, or the infinity of its sign where it is larger than `LARGEST`."""
    return value if not abs(value) > LARGEST else math.copysign(math.inf, value)
