"""The keys of a program's settings: which option each is for, which mean the same, and what several of them say together.

They are those of the options (`settings`) and, besides, ``Goal``, ``Guard-Direction`` and ``Evals`` of the generalised skill.

Pure functions, no I/O. Not here: how keys and values are found in a text (`blocks`).
"""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass, field
from typing import Any

from ..errors import UserError
from .converters import UNLIMITED, truth
from .settings import FIELDS, KEYS

_DIRECTION = re.compile(r"\b(lower|higher|smaller|larger)\s+is\s+better\s*(?:\)|$)", re.IGNORECASE)

OTHER_COMMANDS = (
    "plan", "debug", "fix", "security", "ship", "scenario", "predict", "learn", "reason", "probe", "improve", "evals",
    "regression",
)  # fmt: skip
UNUSED = {
    "chain", "depth", "mode", "domain", "focus", "format", "symptom", "scenario", "topic", "task", "icp", "severity",
    "category", "classic", "auto", "dry run", "max cycles", "fail on", "from debug", "git memory", "memory depth",
    "atomicity", "max files per change", *(set(OTHER_COMMANDS) - {"evals"}),
}  # fmt: skip
"""Keys and flags of the generalised skill for what is not done here."""

_LOWER = re.compile(r"\b(?:reduc|lower|minimi[sz]|cut|shrink|decreas|eliminat|fewer|below|under|zero)", re.IGNORECASE)
_HIGHER = re.compile(r"\b(?:increas|rais|maximi[sz]|grow|above|at least)", re.IGNORECASE)
_FROM_TO = re.compile(r"\bfrom\s+\D{0,3}?(\d+(?:\.\d+)?)\D{0,20}\bto\s+\D{0,8}?(\d+(?:\.\d+)?)", re.IGNORECASE)


@dataclass
class Found:
    """What a text's settings are so far.

    Attributes
    ----------
    settings : dict
        Raw values by option name.
    goal : str
    prose : str
        The text without its settings and its code.
    """

    settings: dict[str, Any] = field(default_factory=dict)
    goal: str = ""
    prose: str = ""
    _as: dict[str, str] = field(default_factory=dict, repr=False)
    _guard_direction: str = field(default="", repr=False)
    _evals: bool = field(default=False, repr=False)

    def add(self, key: str, value: Any) -> None:
        """Take one key or flag with its value.

        Raises
        ------
        UserError
            When it is unknown, or was there already with another value.
        """
        name = field_of(key)
        match name:
            case None:
                raise UserError(unknown_key(key))
            case "goal":
                self._once(name, key, self.goal, value)
                self.goal = value
            case "guard direction":
                self._once(name, key, self._guard_direction, value)
                self._guard_direction = value
            case "evals":
                self._evals = truth(value)
            case _:
                self._once(name, key, self.settings.get(name, ""), value)
                self.settings[name] = value

    def _once(self, name: str, key: str, before: Any, value: Any) -> None:
        shown = shown_key(key)
        first = self._as.setdefault(name, shown)
        if before not in ("", value):
            both = f"{shown}: twice" if first == shown else f"{first}: and {shown}:, which are the same"
            raise UserError(f"The program says {both}, {before!r} and {value!r}: take one out.")

    @property
    def direction(self) -> re.Match[str] | None:
        """Where the metric says in brackets which way is better."""
        return _DIRECTION.search(str(self.settings.get("metric", "")))

    def finish(self) -> Found:
        """Draw together what is said in several keys.

        Raises
        ------
        UserError
            When they contradict each other.
        """
        s = self.settings
        said = self.direction
        if said and "minimize" in s and truth(s["minimize"]) != (said[1].lower() in ("lower", "smaller")):
            raise UserError(
                f"The program says two directions, {said[1].lower()} is better at the metric and Direction: {s['minimize']}: take one out."
            )
        if (
            not said
            and "minimize" not in s
            and s.get("verify")
            and (lower := goal_direction(str(self.goal))) is not None
        ):
            s["minimize"] = lower
        if self._guard_direction:
            lower = truth(self._guard_direction)
            s["guard_metric"] = f"{s.get('guard_metric', 'guard')} ({'lower' if lower else 'higher'} is better)"
        if self._evals and "evals_interval" not in s:
            s["evals_interval"] = evals_interval(s.get("experiments", FIELDS["experiments"].default))
        return self


def plain(key: str) -> str:
    """Return a key in lower case, its words separated by blanks."""
    return re.sub(r"[\s_-]+", " ", key).strip().lower()


def shown_key(key: str) -> str:
    """Return a key as it is written: Guard-Threshold."""
    return "-".join(word.capitalize() for word in plain(key).split())


def field_of(key: str) -> str | None:
    """Return the option that a key is for, or ``goal``, ``guard direction``, ``evals``; None for an unknown one."""
    words = plain(key)
    if words in ("goal", "guard direction", "evals"):
        return words
    return KEYS.get(words) or (words.replace(" ", "_") if words.replace(" ", "_") in FIELDS else None)


def unknown_key(key: str) -> str:
    """Say in one line that a key is unknown, and which one may have been meant."""
    if plain(key) in UNUSED:
        return f"The program's key {shown_key(key)!r} is not used here: take it out."
    keys = sorted({"goal", "guard direction", "evals", *KEYS})
    near = difflib.get_close_matches(plain(key), keys, n=1, cutoff=0.7)
    hint = f"did you mean {shown_key(near[0])}?" if near else f"the keys are {', '.join(map(shown_key, keys))}."
    return f"The program's key {shown_key(key)!r} is unknown: {hint}"


def goal_direction(goal: str) -> bool | None:
    """Return whether a goal in words asks for less (True) or more (False); None where it does not say, or says both."""
    if numbers := _FROM_TO.search(goal):
        before, after = float(numbers[1]), float(numbers[2])
        if before != after:
            return after < before
    lower, higher = bool(_LOWER.search(goal)), bool(_HIGHER.search(goal))
    return None if lower == higher else lower


def evals_interval(experiments: Any) -> int:
    """Return after how many experiments ``--evals`` tells: a third of them, as upstream; ten where they do not end."""
    text = str(experiments).strip().replace("_", "")
    if not text.isdecimal() or int(text) >= UNLIMITED:
        return 10
    return max(1, int(text) // 3)
