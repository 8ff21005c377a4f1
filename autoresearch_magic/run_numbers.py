"""The numbers of a run besides its metric, by name: those that every run is measured by, and those that it prints or ``--also`` reads."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from .experiment import Experiment, Measurement
from .runs import mean

MEASURED: Mapping[str, Callable[[Measurement], float]] = {
    "peak_memory_gb": lambda m: m.memory,
    "seconds": lambda m: m.seconds,
    "evaluation_seconds": lambda m: m.evaluation,
    "steps": lambda m: float(m.steps),
}
"""What every run is measured by: peak memory in GiB (of one run; results.tsv has the largest of a version's runs as ``memory_gb``), wall
clock of the whole run and of evaluating the metric, and training steps."""

UNITS: Mapping[str, str] = {"peak_memory_gb": "GiB", "seconds": "s", "evaluation_seconds": "s"}
"""Units of those that have one."""

OWN = "run."
"""In front of a name of `MEASURED`: that one, even where the run prints a number of the same name."""


def plain_name(name: str) -> str:
    """Return what two spellings of one name have in common: case, and blanks or hyphens for underscores, do not count."""
    return re.sub(r"[\s_-]+", "_", name).strip("_").lower()


def number_of(m: Measurement, name: str) -> float | None:
    """Return a number of one run; None where it has none.

    A measured one of 0 is none: a command counts no steps, and where memory cannot be read it is 0.

    Parameters
    ----------
    m : Measurement
    name : str
        In any spelling; see `plain_name`. A number that the run has printed comes before a measured one of the same name.
    """
    wanted = plain_name(name)
    own = wanted.removeprefix(OWN)
    if own == wanted:
        for each, value in m.numbers.items():
            if plain_name(each) == wanted:
                return value if math.isfinite(value) else None
    value = MEASURED[own](m) if own in MEASURED else 0.0
    return value if value > 0 and math.isfinite(value) else None


def numbers_of(e: Experiment, name: str) -> tuple[float, ...]:
    """Return a number of each of an experiment's runs that count."""
    found = (number_of(m, name) for m in e.current if m.ok)
    return tuple(value for value in found if value is not None)


def mean_number(e: Experiment, name: str) -> float | None:
    """Return the mean of a number over an experiment's runs that count; None where none has it."""
    values = numbers_of(e, name)
    return mean(values) if values else None


def known_names(measurements: Iterable[Measurement]) -> list[str]:
    """Return the names of all numbers that some runs have: the measured ones first."""
    runs = list(measurements)
    printed = dict.fromkeys(name for m in runs for name in m.numbers)
    taken = {plain_name(name) for name in printed}
    own = [(f"{OWN}{name}" if name in taken else name) for name in MEASURED]
    return [*(name for name in own if any(number_of(m, name) is not None for m in runs)), *printed]


def written(name: str, value: float) -> str:
    """Return a number as text, with its unit where it is one of `MEASURED`."""
    unit = UNITS.get(plain_name(name).removeprefix(OWN), "")
    return f"{value:.4g}{f' {unit}' if unit else ''}"


@dataclass(frozen=True)
class ShownNumber:
    """A number that a study shows beside its metric.

    Attributes
    ----------
    name : str
    limits : tuple of (str, float)
        Sign and bound of each of its limits (``--limit``).
    """

    name: str
    limits: tuple[tuple[str, float], ...] = ()

    @property
    def bounds(self) -> list[float]:
        """The bounds of its limits."""
        return [bound for _, bound in self.limits]

    @property
    def words(self) -> str:
        """Its limits in words; empty without any."""
        return " and ".join(f"{sign} {bound:g}" for sign, bound in self.limits)

    def value(self, e: Experiment) -> float | None:
        """Return an experiment's number."""
        return mean_number(e, self.name)

    def broken_by(self, value: float) -> bool:
        """Whether a value is beyond a limit."""
        return not all(within(value, sign, bound) for sign, bound in self.limits)


def within(value: float, sign: str, bound: float) -> bool:
    """Whether a value fulfils ``value SIGN bound``, with one of < <= > >=."""
    return (value < bound if sign[0] == "<" else value > bound) or (value == bound and len(sign) > 1)
