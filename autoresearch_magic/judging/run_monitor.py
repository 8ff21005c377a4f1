"""Watches one run beside the incumbent's curve, and says when it looks hopeless; what that means is the pruner's."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ..runs import Point
from .learning_curves import LOOKS, Curve, Smoother


@dataclass(frozen=True)
class PruneDecision:
    """The decision that a run looks hopeless.

    Attributes
    ----------
    progress : float
        Share of the budget at which it was made, 0 to 1.
    reason : str
        One line for users.
    audit : bool
        Whether the run is continued all the same, to check that stopping it would have been right.
    """

    progress: float
    reason: str
    audit: bool


@dataclass(frozen=True)
class Reference:
    """The incumbent's curve and the margin that a run is compared with; the module has the formula.

    Attributes
    ----------
    number : int
    name : str
        Name of the reported value that is compared.
    sign : int
        1 where lower values are better on the curve, −1 where higher ones are.
    curve : Curve
    level, noise : float
        In the curve's unit.
    """

    number: int
    name: str
    sign: int
    curve: Curve
    level: float = 0.0
    noise: float = 0.0

    def margin(self, share: float) -> float:
        """Return how far behind a run may be at a share of the budget, in the curve's unit."""
        return self.level * (1 - share) + self.noise


class RunMonitor:
    """Watches one run and decides when it looks hopeless.

    Parameters
    ----------
    reference : Reference
    hopeless : callable
        Takes the index of a look and the run's value there; returns whether the run is hopeless by that.
    patience : int
        At how many looks in a row it must be.
    audit : bool
        Whether the run is continued even then.
    """

    def __init__(
        self, reference: Reference, hopeless: Callable[[int, float], bool], patience: int, audit: bool
    ) -> None:
        self.reference, self.audit = reference, audit
        self.decision: PruneDecision | None = None
        self.curve: Curve = {}
        self._hopeless, self._patience, self._hopeless_looks = hopeless, patience, 0
        self._smoother = Smoother(reference.name)

    def see(self, point: Point) -> PruneDecision | None:
        """Take a report of the run; returns a `PruneDecision` the first time the run looks hopeless, otherwise None."""
        for look, value, new in self._smoother.add(point):
            self.curve[look] = value
            if not new:
                continue
            self._hopeless_looks = self._hopeless_looks + 1 if self._hopeless(look, value) else 0
            if self._hopeless_looks == self._patience and self.decision is None:
                self.decision = PruneDecision(LOOKS[look], self._reason(look, value), self.audit)
                return self.decision
        return None

    def _reason(self, look: int, value: float) -> str:
        reference, share = self.reference, LOOKS[look]
        best = f"{reference.curve[look]:.4g} of the current best, experiment {reference.number}"
        margin = f"; a gap above {reference.margin(share):.2g} is rarely made up" if reference.level else ""
        return f"Hopeless at {share:.0%} of the budget: {reference.name} {value:.4g} against {best}{margin}."
