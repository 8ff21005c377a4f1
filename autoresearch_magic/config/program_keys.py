"""The keys of a program's settings: which option each key sets, and how several keys combine.

The keys are those of the options (`settings`), and ``Goal``, ``Guard-Direction`` and ``Evals`` of the generalised autoresearch
skill.

Not here: how keys and values are found in a text (`program_blocks`).
"""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass, field
from typing import Any

from ..errors import UserError
from ..metric import split_direction
from .converters import UNLIMITED, read_bool
from .settings import FIELDS, KEYS
from .skill_words import COUNTERPARTS

PROGRAM_KEYS = ("goal", "guard direction", "evals")
"""Keys that only programs have; all others are those of the options."""
NOT_IN_PROGRAMS = ("track", "notify")
"""Options that no program can give: a text from elsewhere must not send a study away. A line ``Track: ...`` in one is prose."""
UNUSED = {
    "chain", "depth", "mode", "domain", "focus", "format", "symptom", "scenario", "topic", "task", "icp", "severity",
    "category", "classic", "auto", "dry run", "max cycles", "fail on", "from debug", "git memory", "memory depth",
    "atomicity", "max files per change", *(set(COUNTERPARTS) - {"evals"}),
}  # fmt: skip
"""Keys and flags of the generalised skill for features that this package does not have."""


@dataclass
class ProgramSettings:
    """The settings collected from a program's text.

    Attributes
    ----------
    settings : dict
        Raw values by option name.
    goal : str
        The value of ``Goal``.
    prose : str
        The text without its settings and code.
    of_skill : bool
        Whether a command of the generalised skill, such as ``/autoresearch``, stands in it.
    """

    settings: dict[str, Any] = field(default_factory=dict)
    goal: str = ""
    prose: str = ""
    of_skill: bool = False
    _spellings: dict[str, str] = field(default_factory=dict, repr=False)
    _guard_direction: str = field(default="", repr=False)
    _evals: bool = field(default=False, repr=False)

    def add(self, key: str, value: Any) -> None:
        """Add one key or flag with its value.

        Raises
        ------
        UserError
            When the key is unknown, or already has another value.
        """
        name = field_of(key)
        match name:
            case None:
                raise UserError(unknown_key(key))
            case "goal":
                self._check_single(name, key, self.goal, value)
                self.goal = value
            case "guard direction":
                self._check_single(name, key, self._guard_direction, value)
                self._guard_direction = value
            case "evals":
                self._evals = read_bool(value)
            case _:
                self._check_single(name, key, self.settings.get(name, ""), value)
                self.settings[name] = value

    def _check_single(self, name: str, key: str, before: Any, value: Any) -> None:
        shown = shown_key(key)
        first = self._spellings.setdefault(name, shown)
        if before not in ("", value):
            both = f"{shown}: twice" if first == shown else f"{first}: and {shown}:, which are the same"
            raise UserError(f"The program says {both}, {before!r} and {value!r}: take one out.")

    @property
    def metric_direction(self) -> bool | None:
        """Whether lower is better according to the metric's ``(lower is better)``; None where the metric does not say."""
        return split_direction(str(self.settings.get("metric", "")))[1]

    def resolve(self) -> None:
        """Set the options that follow from several keys together.

        Raises
        ------
        UserError
            When keys contradict each other.
        """
        s = self.settings
        lower = self.metric_direction
        if "minimize" in s and lower is not None and read_bool(s["minimize"]) != lower:
            raise UserError(
                f"The program says two directions, {'lower' if lower else 'higher'} is better at the metric and "
                f"Direction: {s['minimize']}: take one out."
            )
        if self._guard_direction:
            better = "lower" if read_bool(self._guard_direction) else "higher"
            s["guard_metric"] = f"{s.get('guard_metric', 'guard')} ({better} is better)"
        if self._evals and "evals_interval" not in s:
            s["evals_interval"] = evals_interval(s.get("experiments", FIELDS["experiments"].default))


def plain(key: str) -> str:
    """Return a key in lower case with single blanks between its words: ``guard threshold``."""
    return re.sub(r"[\s_-]+", " ", key).strip().lower()


def shown_key(key: str) -> str:
    """Return a key as programs write it: ``Guard-Threshold``."""
    return "-".join(word.capitalize() for word in plain(key).split())


def field_of(key: str) -> str | None:
    """Return the option that a key sets, or ``goal``, ``guard direction`` or ``evals``; None for an unknown key."""
    words = plain(key)
    if words in PROGRAM_KEYS:
        return words
    if words in NOT_IN_PROGRAMS:
        return None
    return KEYS.get(words) or (words.replace(" ", "_") if words.replace(" ", "_") in FIELDS else None)


def unknown_key(key: str) -> str:
    """Return the error message for an unknown key, with the closest known key."""
    if plain(key) in NOT_IN_PROGRAMS:
        return f"{shown_key(key)!r} is no key of a program, as a study is told of where its user says: give  --{plain(key)}  as an option."
    if plain(key) in UNUSED:
        return f"The program's key {shown_key(key)!r} is not used here: take it out."
    if plain(key) in ("minimize", "maximize"):
        better = "lower" if plain(key) == "minimize" else "higher"
        return f"The program's key {shown_key(key)!r} is unknown: write  Direction: {better} is better."
    near = closest_key(key)
    known = ", ".join(shown_key(each) for each in sorted({*PROGRAM_KEYS, *KEYS}))
    hint = f"did you mean {shown_key(near)}?" if near else f"the keys are {known}."
    return f"The program's key {shown_key(key)!r} is unknown: {hint}"


def closest_key(key: str) -> str | None:
    """Return the known key that an unknown one is probably a misspelling of; None when none is similar."""
    return next(iter(difflib.get_close_matches(plain(key), sorted({*PROGRAM_KEYS, *KEYS}), n=1, cutoff=0.7)), None)


def evals_interval(experiments: Any) -> int:
    """Return the number of experiments between two ``--evals`` reports: a third of all, as in the skill; 10 without a limit."""
    text = str(experiments).strip().replace("_", "")
    if not text.isdecimal() or int(text) >= UNLIMITED:
        return 10
    return max(1, int(text) // 3)
