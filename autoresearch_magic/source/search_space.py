"""Spaces of values: what values a constant may take, as a few choices or as a range of numbers.

Every value of a space has a position between 0 and 1, so that a step means the same in all of them. What to search
around a value of which nothing else is known is here, too.

Pure functions, no I/O. Not here: what a person wrote beside a constant (`comments`), and where constants stand in a
source (`constants`).
"""

from __future__ import annotations

import math
from bisect import bisect_left
from dataclasses import dataclass
from typing import Literal

Value = bool | int | float | str


@dataclass(frozen=True)
class Choices:
    """A few values.

    Attributes
    ----------
    values : tuple
    ordered : bool
        Whether neighbours are alike: numbers are, in ascending order; names and booleans are not.
    """

    values: tuple[Value, ...]
    ordered: bool = False

    def position(self, value: Value) -> float:
        """Return where a value lies between the first (0) and the last (1); the next higher for a number between."""
        if value in self.values:
            index = float(self.values.index(value))
        elif isinstance(value, str) or not self.ordered:
            raise ValueError(f"{value!r} is not among {self.values}")
        else:
            index = float(min(bisect_left([float(v) for v in self.values], float(value)), len(self.values) - 1))
        return index / max(1, len(self.values) - 1)

    def at(self, position: float) -> Value:
        """Return the value at a position between 0 and 1."""
        return self.values[round(min(1.0, max(0.0, position)) * (len(self.values) - 1))]

    def grid(self) -> tuple[Value, ...]:
        """Return every value that `at` can give."""
        return self.values


@dataclass(frozen=True)
class Range:
    """The numbers from `low` to `high`.

    Attributes
    ----------
    low, high : float
        Both belong to it.
    scale : {"linear", "log", "near-one"}
        Equal steps of position are equal differences of the value, its logarithm, or the logarithm of one minus it.
    step : float
        Values are `low` plus multiples of it; 0 for none.
    whole : bool
        Whether values are ints.
    """

    low: float
    high: float
    scale: Literal["linear", "log", "near-one"] = "linear"
    step: float = 0.0
    whole: bool = False

    def position(self, value: Value) -> float:
        """Return where a value lies between `low` (0) and `high` (1); 0 or 1 for one outside."""
        inside = min(self.high, max(self.low, float(value)))
        bottom, top = self._forward(self.low), self._forward(self.high)
        return (self._forward(inside) - bottom) / (top - bottom)

    def at(self, position: float) -> Value:
        """Return the value at a position between 0 and 1, rounded to what a person would write."""
        bottom, top = self._forward(self.low), self._forward(self.high)
        value = self._back(bottom + min(1.0, max(0.0, position)) * (top - bottom))
        if self.step:
            value = self.low + min(round((value - self.low) / self.step), self._steps) * self.step
            value = float(f"{value:.12g}")  # 0.1 + 2 * 0.1 is 0.30000000000000004
        elif self.scale == "near-one":
            digits = 1 - math.floor(math.log10(1 - value))  # of one minus the value, two count
            value = round(value, digits)
        elif self.scale == "linear":
            value = round(value, max(0, math.ceil(-math.log10((self.high - self.low) / 200))))
        elif not self.whole or abs(value) >= 100:
            value = float(f"{value:.{2 if abs(top - bottom) > math.log(4) else 3}g}")
        if self.whole:
            value = round(value)
        value = min(self.high, max(self.low, value))
        return int(value) if self.whole else float(value)

    @property
    def _steps(self) -> int:
        return math.floor((self.high - self.low) / self.step + 1e-9)

    def grid(self) -> tuple[Value, ...]:
        """Return the values that `at` gives at 401 evenly spaced positions: all of them where there are few."""
        return tuple(dict.fromkeys(self.at(i / 400) for i in range(401)))

    def _forward(self, value: float) -> float:
        if self.scale == "log":
            return math.log(value) if value > 0 else -math.log(-value)
        return -math.log(1 - value) if self.scale == "near-one" else value

    def _back(self, value: float) -> float:
        if self.scale == "log":
            return math.exp(value) if self.low > 0 else -math.exp(-value)
        return 1 - math.exp(-value) if self.scale == "near-one" else value


Space = Choices | Range


def inferred_space(value: Value, origin: Value | None = None) -> Space | None:
    """Return where to search a constant that no comment speaks of; None for one that is better left alone.

    Always a few times the value either way, so that one step can be bold and none is absurd:

    ===================================  ==============================================================================
    bool                                 both
    0.0                                  0 to 0.3: what may be switched off is a dropout, a decay, a smoothing
    float in (0, 0.5)                    log, v/8 to 8v, at most halfway from v to 1: it may be a rate or a share
    float in [0.5, 1)                    log of 1 − v, 8 times smaller to 4 times larger: momentum, betas, shares
    other float                          log, v/8 to 8v
    0                                    0 to 4
    2**k ≥ 8, 3 · 2**k ≥ 24              numbers of those two forms, v/4 to 4v; of 3 · 2**k only multiples of 8: tensor
                                         shapes, batches, and what must divide them
    other int                            log, v/4 to 4v, at least 1
    −1                                   left alone: it is a code ("all", "last") and no quantity
    other negative number                the mirror image of log, v/8 to 8v (ints v/4 to 4v, but not −1)
    str                                  left alone: nothing says what else there is
    ===================================  ==============================================================================

    Parameters
    ----------
    value : bool, int, float or str
    origin : bool, int, float or str, optional
        What the constant was at first, which tells better what sort of thing it is: a scale of 1.0 that has come down to
        0.9 is no share, and what began as 0.0 may go back there. It chooses the line of the table.
    """
    if isinstance(value, bool):
        return Choices((False, True))
    if isinstance(value, str):
        return None
    if origin is None or isinstance(origin, str) or type(origin) is not type(value) or not _akin(value, origin):
        origin = value
    if isinstance(value, int):
        return _inferred_int(value, int(origin))
    if not math.isfinite(value) or 0 < abs(value) < 1e-300 or abs(value) > 1e300 or 0 < 1 - value < 1e-9:
        return None
    if origin == 0:
        return Range(0.0, max(0.3, min(_tidy(value * 2), _one_minus((1 - value) / 2))))
    if origin < 0:
        return Range(_tidy(value * 8), _tidy(value / 8), "log")
    if origin < 0.5:
        return Range(_tidy(value / 8), min(_tidy(value * 8), _one_minus((1 - value) / 2)), "log")
    if origin < 1:
        rest = 1 - value
        return Range(max(_one_minus(4 * rest), _tidy(value / 8)), _one_minus(rest / 8), "near-one")
    return Range(_tidy(value / 8), _tidy(value * 8), "log")


def _akin(value: float, origin: float) -> bool:
    """Whether a number can be of the same sort as the one it began as."""
    if origin < 0 or value < 0:
        return origin < 0 and value < 0
    if value == 0 < origin:
        return False
    return value < 1 or origin >= 1 or isinstance(origin, int)


def _inferred_int(value: int, origin: int) -> Space | None:
    if value == -1 or abs(value) > 2**53:
        return None
    if origin == 0:
        return Range(0, max(4, 4 * value), whole=True)
    if origin < 0:
        return Range(value * 4, min(-2, math.ceil(value / 4)), "log", whole=True)
    if _is_ladder(origin) and origin >= 8 and _is_ladder(value):
        rungs = {2**k for k in range(60)} | {3 * 2**k for k in range(3, 60)}
        return Choices(tuple(sorted(r for r in rungs if value <= 4 * r and r <= 4 * value)), ordered=True)
    return Range(max(1, value // 4), value * 4, "log", whole=True)


def _is_ladder(value: int) -> bool:
    odd = value // (value & -value)
    return odd == 1 or (odd == 3 and value % 8 == 0)


def _tidy(value: float) -> float:
    return float(f"{value:.4g}")


def _one_minus(value: float) -> float:
    """Return one minus it, tidy: the rest has to be rounded, as 0.99999875 to four figures is 1."""
    return float(f"{1 - _tidy(value):.14g}")
