"""Ranges and ticks of the charts in a terminal."""

from __future__ import annotations

import math
from collections.abc import Sequence

TINY = 1e-200
"""Differences below it are none: numbers that are not normal any more cannot be scaled."""


def value_range(
    kept: Sequence[float], others: Sequence[float], baseline: float | None, sd: float
) -> tuple[float, float]:
    """Return the range of the values that a chart shows: all kept ones, and the others that are not far from these.

    Parameters
    ----------
    kept, others : sequence of float
        Values of kept and of other experiments; not both empty.
    baseline : float or None
    sd : float
        Standard deviation of one run; 0 where it is not known.
    """
    anchors = kept or others
    low, high = min(anchors), max(anchors)
    distances = sorted(d for v in others if (d := max(low - v, v - high, 0.0)) > 0)
    reach = max(0.6 * (high - low), 3 * sd)
    if high == low and distances:
        reach = max(reach, 1.2 * distances[len(distances) // 2])
    inside = [*anchors, *(v for v in others if low - reach <= v <= high + reach)]
    if baseline is not None:
        inside += [baseline - sd, baseline + sd]
    low, high = min(inside), max(inside)
    size = max(abs(low), abs(high))
    apart = high - low > max(TINY, 1e-9 * size)  # else they differ only by rounding
    pad = 0.06 * (high - low) if apart else 0.01 * size if size > TINY else 1.0
    return low - pad, high + pad


def last_number(planned: int, last: int) -> int:
    """Return the number of the experiment at the right end: all that are planned, or a part while a long study has just begun."""
    if planned <= 30 or 3 * last >= planned:
        return max(planned, last, 1)
    wanted = max(12.0, 1.6 * last)
    power = 10 ** math.floor(math.log10(wanted))
    return min(planned, next(int(power * m) for m in (1.2, 1.6, 2, 3, 4, 5, 6, 8, 10) if power * m >= wanted))


def ticks(low: float, high: float, most: int) -> list[float]:
    """Return at most so many round values within a range, with equal distances."""
    if not (math.isfinite(low) and math.isfinite(high) and high - low > TINY) or most < 1:
        return []
    power = 10.0 ** math.floor(math.log10((high - low) / most))
    for size in (1, 2, 5, 10, 20, 50):
        step = size * power
        first = math.ceil(low / step - 1e-9)
        count = math.floor(high / step + 1e-9) - first + 1
        if count <= most:
            return [(first + i) * step for i in range(count)]
    return []


def tick_texts(values: Sequence[float]) -> list[str]:
    """Return the values of ticks as texts with the same decimals, large and small ones with an exponent."""
    if not values:
        return []
    step = abs(values[1] - values[0]) if len(values) > 1 else abs(values[0]) or 1.0
    largest = max(abs(v) for v in values)
    if largest >= 1e7 or largest < 1e-4:
        return [f"{v:.3g}" for v in values]
    decimals = max(0, min(8, -math.floor(math.log10(step) + 1e-9)))
    return [f"{v + 0.0:.{decimals}f}" for v in (0.0 if abs(v) < step / 1e6 else v for v in values)]
