"""What else happened on the machine while a target ran: the `Conditions` of a run."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class Conditions:
    """How busy the machine was during a run, besides the run itself. GPUs are not looked at.

    Attributes
    ----------
    others : float
        Mean number of cores that other programs kept busy.
    cores : int
        Cores that the run was allowed to use.
    steal : float
        Mean number of cores that the hypervisor gave to other virtual machines.
    lost : float or None
        Seconds of the training in which other programs held its core, which the clock did not charge; None where it charges all.
    paused : float
        Seconds for which the target has paused the clock.
    """

    others: float
    cores: int
    steal: float = 0.0
    lost: float | None = None
    paused: float = 0.0

    @property
    def taken(self) -> float:
        """The share of the cores that was not there for the run, 0 to 1."""
        return min(1.0, max(0.0, (self.others + self.steal) / self.cores))

    def to_json(self) -> dict[str, float | None]:
        """Return the facts by name, for the journal."""
        return asdict(self)

    @classmethod
    def from_json(cls, facts: Any) -> Conditions | None:
        """Return the conditions that `to_json` gave; None where something else was written, or by a newer version without these."""
        if not isinstance(facts, Mapping):
            return None
        others, cores, steal = (facts.get(name, 0) for name in ("others", "cores", "steal"))
        if not all(map(_is_amount, (others, cores, steal))) or cores < 1:
            return None
        lost, paused = facts.get("lost"), facts.get("paused", 0.0)
        return cls(
            float(others), int(cores), float(steal), lost if _is_amount(lost) else None,
            float(paused) if _is_amount(paused) else 0.0,
        )  # fmt: skip

    def __str__(self) -> str:
        busy = f"other programs kept {self.others:.1f} of {self.cores} cores busy"
        return f"{busy}, and the hypervisor took {self.steal:.1f}" if self.steal >= 0.05 else busy


def _is_amount(value: Any) -> bool:
    return isinstance(value, (int, float)) and math.isfinite(value) and value >= 0
