"""Search spaces: the values that a constant may take, as choices or as a range of numbers.

Every value of a space has a position between 0 and 1, so that steps are comparable between spaces. `inferred_space` gives
the space of a constant about which only its value is known.

Not here: spaces that a comment gives (`constant_comments`), and finding constants in a source (`constants`).
"""

from __future__ import annotations

import math
from bisect import bisect_left
from dataclasses import dataclass
from typing import Literal

Value = bool | int | float | str


@dataclass(frozen=True)
class Choices:
    """A search space of a few values.

    Attributes
    ----------
    values : tuple
    ordered : bool
        Whether neighbouring values are similar: true for numbers, which are in ascending order, not for names and booleans.
    """

    values: tuple[Value, ...]
    ordered: bool = False

    def position(self, value: Value) -> float:
        """Return the position of a value between the first (0) and the last (1); other numbers count as the next higher value."""
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
        """Return every value that `at` can return."""
        return self.values


@dataclass(frozen=True)
class Range:
    """A search space of numbers from `low` to `high`.

    Attributes
    ----------
    low, high : float
        The limits, both included.
    scale : {"linear", "log", "near-one"}
        Equal steps of position are equal differences of the value, of its logarithm, or of the logarithm of 1 − value.
    step : float
        Values are `low` plus multiples of `step`; 0 for no grid.
    whole : bool
        Whether values are ints.
    """

    low: float
    high: float
    scale: Literal["linear", "log", "near-one"] = "linear"
    step: float = 0.0
    whole: bool = False

    def position(self, value: Value) -> float:
        """Return the position of a value between `low` (0) and `high` (1); 0 or 1 for a value outside."""
        inside = min(self.high, max(self.low, float(value)))
        bottom, top = self._forward(self.low), self._forward(self.high)
        return (self._forward(inside) - bottom) / (top - bottom)

    def place(self, value: Value) -> float:
        """Return the position of a value that may lie outside: below 0 or above 1, at most one range away."""
        number = float(value)
        if (self.scale == "log" and number * self.low <= 0) or (self.scale == "near-one" and number >= 1):
            return self.position(value)
        bottom, top = self._forward(self.low), self._forward(self.high)
        return min(2.0, max(-1.0, (self._forward(number) - bottom) / (top - bottom)))

    def at(self, position: float) -> Value:
        """Return the value at a position between 0 and 1, rounded to few digits, as a person would write it."""
        bottom, top = self._forward(self.low), self._forward(self.high)
        value = self._back(bottom + min(1.0, max(0.0, position)) * (top - bottom))
        if self.step:
            value = self.low + min(round((value - self.low) / self.step), self._steps) * self.step
            value = float(f"{value:.12g}")  # 0.1 + 2 * 0.1 is 0.30000000000000004
        elif self.scale == "near-one":
            digits = 1 - math.floor(math.log10(1 - value))  # two significant digits of 1 - value
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
        """Return the values at 401 evenly spaced positions; for a small space these are all its values."""
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
    """Return the search space of a constant without a comment; None for one that should not be tuned.

    The space reaches a few times the value in both directions, so that steps can be large but never absurd:

    ===================================  ==============================================================================
    bool                                 both
    0.0                                  0 to 0.3: probably a dropout, decay or smoothing that is off
    float in (0, 0.5)                    log, v/8 to 8v, at most halfway from v to 1: may be a rate or a share
    float in [0.5, 1)                    log of 1 − v, 8 times smaller to 4 times larger: momentum, betas, shares
    other float                          log, v/8 to 8v
    0                                    0 to 4
    2**k ≥ 8, 3 · 2**k ≥ 24              numbers of those two forms, v/4 to 4v; of 3 · 2**k only multiples of 8: tensor
                                         shapes, batch sizes, and their divisors
    other int                            log, v/4 to 4v, at least 1
    −1                                   not tuned: it is a code ("all", "last"), not a quantity
    other negative number                the mirror image of log, v/8 to 8v (ints v/4 to 4v, but not −1)
    str                                  not tuned: the alternatives are unknown
    ===================================  ==============================================================================

    Parameters
    ----------
    value : bool, int, float or str
    origin : bool, int, float or str, optional
        The constant's original value, which selects the line of the table and says better what kind of quantity it is: a
        scale of 1.0 that is now 0.9 is not a share, and a constant that began as 0.0 may return to it.
    """
    if isinstance(value, bool):
        return Choices((False, True))
    if isinstance(value, str):
        return None
    if origin is None or isinstance(origin, str) or type(origin) is not type(value) or not _same_kind(value, origin):
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


def _same_kind(value: float, origin: float) -> bool:
    """Whether a number can be the same kind of quantity as its original value."""
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
    if _is_tensor_size(origin) and origin >= 8 and _is_tensor_size(value):
        sizes = {2**k for k in range(60)} | {3 * 2**k for k in range(3, 60)}
        return Choices(tuple(sorted(size for size in sizes if value <= 4 * size and size <= 4 * value)), ordered=True)
    return Range(max(1, value // 4), value * 4, "log", whole=True)


def _is_tensor_size(value: int) -> bool:
    odd = value // (value & -value)
    return odd == 1 or (odd == 3 and value % 8 == 0)


def _tidy(value: float) -> float:
    return float(f"{value:.4g}")


def _one_minus(value: float) -> float:
    """Return 1 − value, rounding the value and not the result: 0.99999875 to four digits would be 1."""
    return float(f"{1 - _tidy(value):.14g}")
