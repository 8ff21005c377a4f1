"""Budgets and durations, read and written: ``20s``, ``5m``, ``1h30m``, ``300steps``."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from .errors import UserError
from .text import exact

_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_WORDS = {
    "sec": "s", "secs": "s", "second": "s", "seconds": "s", "min": "m", "mins": "m", "minute": "m", "minutes": "m",
    "hour": "h", "hours": "h", "hr": "h", "hrs": "h", "day": "d", "days": "d",
}  # fmt: skip
_PART = re.compile(r"(\d+(?:\.\d+)?)\s*([a-z]+)", re.IGNORECASE)
_STEPS = re.compile(r"(\d+(?:_\d+)*)\s*steps?", re.IGNORECASE)


@dataclass(frozen=True)
class Budget:
    """The training budget of one experiment, in seconds or in steps.

    Attributes
    ----------
    amount : float
        Number of seconds or steps.
    unit : {"seconds", "steps"}
    """

    amount: float
    unit: Literal["seconds", "steps"]

    @property
    def seconds(self) -> float | None:
        """The budget in seconds; None for a budget in steps."""
        return self.amount if self.unit == "seconds" else None

    def __str__(self) -> str:
        return format_duration(self.amount) if self.unit == "seconds" else f"{exact(self.amount)}steps"


def parse_duration(text: str | float, what: str = "duration") -> float:
    """Return a duration in seconds.

    Parameters
    ----------
    text : str or float
        ``20s``, ``5m``, ``1h30m``, ``250ms``; a number means seconds.
    what : str
        Name of the option, for the error message.

    Returns
    -------
    float
        Seconds, above 0.

    Raises
    ------
    UserError
        When the text is not a duration, or not above zero.
    """
    if isinstance(text, (int, float)) and not isinstance(text, bool):
        seconds = float(text)
    else:
        seconds = _read_duration(str(text).strip(), what)
    if not 0 < seconds < 1e9:
        raise UserError(f"The {what} must be above zero, not {text!r}.")
    return seconds


def _read_duration(text: str, what: str) -> float:
    parts = _PART.findall(text)
    rest = re.sub(r"[\s,]+", "", _PART.sub("", text))
    units = [_WORDS.get(unit.lower(), unit.lower()) for _, unit in parts]
    if not parts or rest or not all(unit in _UNITS for unit in units):
        hint = f", for example {text}s" if re.fullmatch(r"\d+(\.\d+)?", text) else ""
        raise UserError(f"The {what} {text!r} is not a duration: write 20s, 5m or 1h30m{hint}.")
    return sum(float(number) * _UNITS[unit] for (number, _), unit in zip(parts, units, strict=True))


def parse_budget(text: str | float | Budget) -> Budget:
    """Return a budget from a duration (``5m``) or a number of steps (``300steps``).

    Raises
    ------
    UserError
        When the text is neither.
    """
    if isinstance(text, Budget):
        return text
    if isinstance(text, str) and (steps := _STEPS.fullmatch(text.strip())):
        if (count := int(steps[1])) > 0:
            return Budget(count, "steps")
        raise UserError("The budget must be at least one step.")
    try:
        return Budget(parse_duration(text, "budget"), "seconds")
    except UserError as error:
        raise UserError(f"{str(error).rstrip('.')}, or a number of steps such as 300steps.") from None


def format_duration(seconds: float) -> str:
    """Format seconds as a short duration: ``0.25s``, ``20s``, ``5m``, ``1h30m``."""
    if seconds < 60:
        return f"{round(seconds, 2):g}s"
    whole = round(seconds)
    hours, minutes, rest = whole // 3600, whole % 3600 // 60, whole % 60
    return "".join(f"{n}{unit}" for n, unit in ((hours, "h"), (minutes, "m"), (rest, "s")) if n)
