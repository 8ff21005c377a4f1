"""What became of an attack."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from autoresearch_magic.experiment import Measurement, Outcome

from .attack import Attack


@dataclass(frozen=True)
class Result:
    """What became of one attack, in one configuration."""

    attack: str
    problems: tuple[str, ...] = ()
    """What it has achieved; nothing where it was held."""
    ended: str = ""
    """The outcome and value of its run."""

    @property
    def held(self) -> bool:
        return not self.problems

    def to_json(self) -> dict:
        return {"attack": self.attack, "problems": list(self.problems), "ended": self.ended}

    @classmethod
    def from_json(cls, data: dict) -> Result:
        return cls(data["attack"], tuple(data["problems"]), data["ended"])


def shown(m: Measurement) -> str:
    """Return how a run ended, in one line."""
    return str(m.outcome) + (f" {m.value:g}" if m.value is not None else "") + (f": {m.error}" if m.error else "")


def fits(expected: Sequence[str], m: Measurement, honest: float | None) -> bool:
    """Return whether a run ended as it must."""
    for word in expected:
        if word in ("honest-value", "denied"):
            if m.outcome is Outcome.OK and (m.value == honest or honest is None):
                return True
        elif word == "no-value":
            if m.outcome is not Outcome.OK and m.error:
                return True
        elif m.outcome == word and (m.error or m.outcome is Outcome.OK):
            return True
    return False


def unexpected(attack: Attack, m: Measurement, honest: float | None) -> list[str]:
    """Return how the run of an attack did not end as it must."""
    found = [] if fits(attack.expect, m, honest) else [f"the run ended as {shown(m)}"]
    if (condition := attack.options.get("check")) and not eval(condition, {"m": m, "Outcome": Outcome}):
        found.append(f"not {condition}")
    return found
