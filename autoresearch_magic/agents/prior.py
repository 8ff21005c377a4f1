"""Prior knowledge of the tuner: trials of another study, which another version of the code or another machine may have run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..source.search_space import Value
from ..text import counted

MOST = 200
"""Trials that are kept of a study: the best half, and others evenly."""


@dataclass(frozen=True)
class PriorTrial:
    """One trial: values of the target's constants, and what came of them.

    Attributes
    ----------
    values : mapping
        Values by the constants' names; a constant that the trial did not have is missing.
    value : float
        The objective, with the sign of this study's metric.
    pruned : bool
        Whether it was stopped early; the value is then the last that it reported.
    """

    values: Mapping[str, Value]
    value: float
    pruned: bool = False


@dataclass(frozen=True)
class Prior:
    """What is known from one other study.

    Attributes
    ----------
    name : str
        The other study's.
    storage : str
        Where it was read from, without a password.
    names : tuple of str
        The target's constants about which it says something.
    trials : tuple of PriorTrial
        In their order, at most `MOST`.
    found : int
        How many usable trials there were.
    opposite : bool
        Whether its values count with the opposite sign.
    """

    name: str
    storage: str
    names: tuple[str, ...]
    trials: tuple[PriorTrial, ...]
    found: int
    opposite: bool = False

    def text(self) -> str:
        """Return what is known in a few words."""
        some = f", {len(self.trials)} of them kept" if self.found > len(self.trials) else ""
        sign = ", with the opposite sign" if self.opposite else ""
        return f"{counted(self.found, 'trial')} of {self.name} ({self.storage}){some}: {', '.join(self.names)}{sign}"

    def best(self, minimize: bool) -> PriorTrial:
        """Return the best of the trials that ran to their end."""
        ended = [t for t in self.trials if not t.pruned] or self.trials
        return min(ended, key=lambda t: t.value if minimize else -t.value)

    def to_json(self) -> dict[str, Any]:
        """Return JSON-ready values; `from_json` reads them."""
        trials = [[dict(t.values), t.value, t.pruned] for t in self.trials]
        return {**vars(self), "names": list(self.names), "trials": trials}

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Prior:
        """Return what `to_json` has written."""
        trials = tuple(PriorTrial(*each) for each in values["trials"])
        known = {key: values[key] for key in ("name", "storage", "found", "opposite")}
        return cls(**known, names=tuple(values["names"]), trials=trials)


def thinned(trials: Sequence[PriorTrial], most: int, minimize: bool) -> tuple[PriorTrial, ...]:
    """Return at most so many trials in their order: the best half of them, and of the others evenly."""
    if len(trials) <= most:
        return tuple(trials)
    ranked = sorted(
        range(len(trials)), key=lambda i: (trials[i].pruned, trials[i].value if minimize else -trials[i].value)
    )
    best, rest = ranked[: most // 2], ranked[most // 2 :]
    count = most - len(best)
    chosen = {*best, *(rest[i * len(rest) // count] for i in range(count))}
    return tuple(trials[i] for i in sorted(chosen))
