"""Sums over the values of runs: mean, median and spread, for values of any size that a float holds."""

from __future__ import annotations

import math
from collections.abc import Collection

LARGEST = 1e100
"""Magnitude above which a value is treated as infinite: the squares of larger ones overflow when noise is estimated."""
STATISTICS = ("mean", "median", "min", "max")
"""The ways in which the values of a version's runs become one value (``--statistic``)."""


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
