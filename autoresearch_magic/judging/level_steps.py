"""What one run, or the runs of one proposal, change in the joint distribution of a study's levels.

The steps of the belief, with their formulas in `belief`: the levels of versions and the effects of seeds are a joint normal, in units of the
noise. Pure functions of that distribution and of an experiment; nothing is kept but the units.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Hashable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from ..experiment import Experiment
from .effects import WIDTH, Array, Effects, Posterior
from .joint_normal import Joint
from .units import Units

LINEAGE, OTHERS_KEPT, SEEDS = 12, 8, 12
"""The most incumbents, other versions and seeds whose joint distribution is known."""

VAGUE = 1e3
"""Prior standard deviation of the baseline's level in units of the noise."""

SURPRISE = 2.0
"""Standard deviations from what the prior expected of a proposal beyond which its runs say nothing about its parent."""


@dataclass(frozen=True)
class Conditional:
    """What the runs of an experiment say about its effect, and about the other quantities given the effect."""

    joint: Joint
    effect: float
    variance: float
    wild: float
    mean: Array
    cov: Array
    follows: Array


class LevelSteps:
    """The steps by which runs change what is known of levels.

    Parameters
    ----------
    units : Units
    pairing : float
        Correlation of runs on the same seed; 0 where seeds are not taken into account.
    """

    def __init__(self, units: Units, pairing: float) -> None:
        self.units, self.pairing = units, pairing

    def trimmed(self, joint: Joint, lineage: Sequence[int], followed: Collection[int]) -> Joint:
        """Drop what no decision needs: old incumbents, all but the best of the others, seeds beyond the first."""
        levels = [name[1] for name in joint.names if isinstance(name, tuple) and name[0] == "level"]
        wanted = {0, *lineage[-LINEAGE:], *followed}
        others = sorted((n for n in levels if n not in wanted), key=lambda n: -self._upper(joint, n))[:OTHERS_KEPT]
        dropped: set[Hashable] = {("level", n) for n in levels if n not in wanted and n not in others}
        return joint.without(dropped) if dropped else joint

    def _upper(self, joint: Joint, number: int) -> float:
        i = joint.names.index(("level", number))
        return float(joint.mean[i] + math.sqrt(max(joint.cov[i, i], 0.0)))

    def _prepared(self, joint: Joint, seeds: Sequence[int | None]) -> Joint:
        """Add the seeds that are not known yet."""
        if not self.pairing:
            return joint
        for seed in seeds:
            known = sum(isinstance(name, tuple) and name[0] == "seed" for name in joint.names)
            if seed is not None and ("seed", seed) not in joint.names and known < SEEDS:
                joint = joint.with_quantity(("seed", seed), 0.0, self.pairing)
        return joint

    def _row(self, joint: Joint, number: int | None, seed: int | None) -> tuple[Array, float]:
        """Return which quantities a run is the sum of, and the variance of the rest."""
        row = np.zeros(len(joint.names))
        if number is not None:
            row[joint.names.index(("level", number))] = 1.0
        at = joint.index(("seed", seed)) if self.pairing else None
        if at is not None:
            row[at] = 1.0
        return row, 1 - self.pairing if at is not None else 1.0

    def begun(self, baseline: Experiment) -> Joint:
        """Return what the baseline's runs say of its level."""
        joint, e = Joint().with_quantity(("level", 0), 0.0, VAGUE**2), baseline
        runs = self.units.runs(e)
        joint = self._prepared(joint, [seed for _, _, seed in runs])
        for value, factor, seed in runs:
            row, rest = self._row(joint, e.number, seed)
            joint = joint.updated(row, value, rest * factor, (WIDTH**2 - 1) * factor)
        return joint

    def with_later_run(self, joint: Joint, e: Experiment, index: int) -> Joint:
        """Return the distribution after one more run of a version whose level is in it: its measurement of that index."""
        value, factor, seed = self.units.runs(replace(e, measurements=e.measurements[: index + 1]))[-1]
        joint = self._prepared(joint, [seed])
        row, rest = self._row(joint, e.number, seed)
        return joint.updated(row, value, rest * factor, (WIDTH**2 - 1) * factor)

    def estimate(self, joint: Joint, e: Experiment) -> Conditional:
        """Return what the runs of an experiment say, whatever its effect is."""
        runs = self.units.runs(e)
        joint = self._prepared(joint, [seed for _, _, seed in runs])
        rows = [self._row(joint, e.parent, seed) for _, _, seed in runs]
        h = np.array([row for row, _ in rows])
        noise = np.array([rest * factor for (_, rest), (_, factor, _) in zip(rows, runs, strict=True)])
        off = np.array([value for value, _, _ in runs]) - h @ joint.mean
        ch = joint.cov @ h.T
        inverse = np.linalg.inv(h @ ch + np.diag(noise))
        ones = inverse.sum(0)
        variance = 1 / float(ones.sum())
        # Given the effect δ, the quantities have the mean `mean − follows · δ`.
        return Conditional(
            joint, variance * float(ones @ off), variance, (WIDTH**2 - 1) / len(e.values) ** 2,
            joint.mean + ch @ (inverse @ off), joint.cov - ch @ inverse @ ch.T, ch @ ones,
        )  # fmt: skip

    def judge(self, given: Conditional, e: Experiment, posterior: Posterior) -> Joint:
        """Return the joint distribution with the experiment's level, when its effect has a posterior mean and variance."""
        follows, var = given.follows, min(posterior.variance, given.variance)
        if self._foreseen(given, posterior):
            mean, cov = given.mean - follows * posterior.mean, given.cov + var * np.outer(follows, follows)
        else:
            mean, cov = given.joint.mean, given.joint.cov
        parent = given.joint.names.index(("level", e.parent))
        own = cov[parent, parent] - 2 * follows[parent] * var + var
        return Joint(given.joint.names, mean, cov).with_quantity(
            ("level", e.number),
            float(mean[parent] + posterior.mean),
            float(max(own, 1e-9)),
            cov[:, parent] - follows * var,
        )

    def _foreseen(self, given: Conditional, posterior: Posterior) -> bool:
        """Whether the prior expected such an effect. Else its runs say nothing about the parent: it is the prior that is wrong.

        The prior as the estimate has met it is the normal that leads from the estimate to the posterior.
        """
        more = 1 / posterior.variance - 1 / given.variance
        if more <= 0:
            return False
        middle = (posterior.mean / posterior.variance - given.effect / given.variance) / more
        return abs(given.effect - middle) <= SURPRISE * math.sqrt(1 / more + given.variance)

    def posterior(self, given: Conditional, e: Experiment, effects: Effects, *, interval: bool = False) -> Posterior:
        """Return the posterior of an experiment's effect, from the estimate and the prior."""
        return effects.posterior(
            given.effect,
            given.variance,
            wild=given.wild,
            runs=len(e.values),
            forecast=self.units.forecast(e),
            interval=interval,
        )
