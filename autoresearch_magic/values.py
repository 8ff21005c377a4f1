"""Sums over the values of runs: mean and spread, for values of any size that a float holds."""

from __future__ import annotations

import math
from collections.abc import Collection

LARGEST = 1e100
"""Magnitude above which a value is treated as infinite: the squares of larger ones overflow when noise is estimated."""


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


def limited(value: float) -> float:
    """Return a value, or the infinity of its sign where it is larger than `LARGEST`."""
    return value if not abs(value) > LARGEST else math.copysign(math.inf, value)
