"""Statistics of the analysis: keep rates, slopes and plateaus.

- A share has Wilson's 95% interval (Wilson 1927, *JASA* 22, 209-212):
  ``(p + z²/2n ± z sqrt(p(1−p)/n + z²/4n²)) / (1 + z²/n)``.
- A slope is the Theil-Sen one, the median of ``(y_j − y_i) / (j − i)`` over all pairs (Sen 1968, *JASA* 63, 1379-1389),
  which is robust against one lucky jump.
- A plateau is a series of experiments without a keep that is improbable at the keep rate before it. The true rate is unknown
  and has a uniform prior; after K keeps in N experiments, m more without one have the beta-binomial's probability of no
  success, ``P(m) = Π_(i<m) (N − K + 1 + i) / (N + 2 + i)``. N ends with the last keep, so that the idle time is not in it.
  The 5% hold for each time between two keeps, and a long study has many: at a steady rate of one keep in five, simulation
  finds a plateau in 19% of studies of 24 experiments and in 70% of those of 100. So it is a reason to look, not to stop.

Pure functions, no I/O.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from ...experiment import Experiment, Verdict

Z95 = 1.959964
"""Two-sided 5% point of the normal distribution."""
SURPRISE = 0.05
"""Probability of no keep for so long at which a plateau begins."""
PATIENCE = (10, 100)
"""The least and the most experiments without a keep that make a plateau, unless the user sets the number."""


@dataclass(frozen=True)
class Rate:
    """A share with its 95% interval, which is 0 to 1 when there is nothing to count."""

    hits: int
    of: int
    low: float
    high: float

    @property
    def share(self) -> float:
        """Hits divided by all; 0 when there is nothing to count."""
        return self.hits / self.of if self.of else 0.0


def wilson(hits: int, of: int) -> Rate:
    """Return a share with Wilson's 95% interval, which stays within 0 to 1 and holds for small numbers and no hits too."""
    if of == 0:
        return Rate(0, 0, 0.0, 1.0)
    p, z2 = hits / of, Z95 * Z95
    middle = (p + z2 / (2 * of)) / (1 + z2 / of)
    reach = Z95 * math.sqrt(p * (1 - p) / of + z2 / (4 * of * of)) / (1 + z2 / of)
    return Rate(hits, of, 0.0 if hits == 0 else middle - reach, 1.0 if hits == of else middle + reach)


def theil_sen(values: Sequence[float]) -> float:
    """Return the median slope of equidistant values, per step; 0 for fewer than two."""
    slopes = [(values[j] - values[i]) / (j - i) for j in range(len(values)) for i in range(j)]
    return statistics.median(slopes) if slopes else 0.0


def none_kept(more: int, kept: int, of: int) -> float:
    """Return the probability P(m) of no keep in `more` experiments, after `kept` keeps in `of` experiments."""
    return math.prod((of - kept + 1 + i) / (of + 2 + i) for i in range(more))


def usual_patience(kept: int, of: int) -> int:
    """Return the least m with ``P(m) ≤ SURPRISE``, within `PATIENCE`; for a well-known rate p it is about ``3 / p``."""
    least, most = PATIENCE
    chance = none_kept(least, kept, of)
    for more in range(least, most):
        if chance <= SURPRISE + 1e-9:  # a product of fractions may miss 1/20 by a rounding
            return more
        chance *= (of - kept + 1 + more) / (of + 2 + more)
    return most


@dataclass(frozen=True)
class Plateau:
    """How long nothing was kept, and whether that is too long.

    Attributes
    ----------
    since : int
        Number of the last kept experiment; 0 for the baseline.
    idle : int
        Experiments that were run after it.
    patience : int
        How many of these make a plateau.
    chance : float
        Probability of no keep in `idle` experiments at the keep rate before; 1 right after a keep.
    begins : bool
        Whether the plateau begins with the last experiment: true once for each plateau, so that a notice needs no state.
    """

    since: int
    idle: int
    patience: int
    chance: float
    begins: bool = False

    @property
    def reached(self) -> bool:
        """Whether there is a plateau."""
        return self.idle >= self.patience


def plateau(experiments: Sequence[Experiment], patience: int | None = None) -> Plateau:
    """Return how long nothing was kept, and whether that is a plateau.

    Parameters
    ----------
    experiments : sequence of Experiment
        In the order of their numbers. All that were run count, with any verdict; the baseline, open ones and those that were
        refused before a run do not.
    patience : int or None
        How many without a keep make a plateau; for None or 0 it is `usual_patience` at the keep rate before.
    """
    judged = [e for e in experiments if e.verdict is not None and e.number > 0]
    ran = [e for e in judged if e.ran]
    keeps = [i for i, e in enumerate(ran) if e.verdict is Verdict.KEEP]
    before = keeps[-1] + 1 if keeps else 0
    since = ran[keeps[-1]].number if keeps else 0
    return plateau_of(since, len(keeps), before, len(ran) - before, patience, last_ran=bool(judged) and judged[-1].ran)


def plateau_of(since: int, kept: int, before: int, idle: int, patience: int | None, *, last_ran: bool) -> Plateau:
    """Return the plateau of a study by counts.

    Parameters
    ----------
    since : int
        Number of the last keep; 0 for none.
    kept, before, idle : int
        Keeps, experiments that were run up to the last of them, and after it.
    patience : int or None
    last_ran : bool
        Whether the last experiment was run.
    """
    enough = patience or usual_patience(kept, before)
    return Plateau(since, idle, enough, none_kept(idle, kept, before), begins=idle == enough and last_ran)
