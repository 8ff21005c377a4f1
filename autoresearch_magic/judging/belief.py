"""What all runs of a study say about the levels of its versions and about the effects of its proposals.

The level of a version is the mean (or median, or least value: ``--statistic``) of very many runs of it. The belief is a joint normal
distribution of the levels of the incumbents, of the best of the others, and of the seeds that several versions ran on. A proposal is
its parent's level plus an effect, whose prior is a mixture (`effects`):

1. Its runs ``y_i = level_parent + δ + seed_i + e_i`` give an estimate of the effect with its variance, by generalised least
   squares, ``V = 1 / (1ᵀS⁻¹1)``, ``d = V · 1ᵀS⁻¹(y − Hm)``, where S is the covariance of the runs if there were no effect.
2. The mixture turns the estimate into a posterior; its mean and variance are put back into the joint normal (assumed density filtering,
   Opper 1998; Minka 2001). So a discarded proposal says something about its parent's level too, and a lucky first value shrinks by
   itself as later versions are measured against it.
3. Runs that a version makes long after its verdict (`LONG_AFTER`) are ordinary updates (Kalman 1960), at the place where they were made: between
   the experiment that was judged last then and the next one. Those before count with the ones that it was judged by. A run far from what was expected counts less: it may be wild.

All in units of the noise's standard deviation, with gains positive. The unit is rounded to steps of a tenth, so that what was
worked out for the first experiments holds until the estimate of the noise has moved. Pure: the same experiments give the same belief.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Collection, Hashable, Mapping, Sequence
from copy import copy
from dataclasses import dataclass, field, replace

from ..experiment import Experiment, Measurement, Verdict
from ..metric import Metric
from .disturbance import UsualConditions
from .effects import Array, Effects, Posterior, knowledge_gradient
from .evidence_table import Estimate, EvidenceTable, Row
from .joint_normal import Joint
from .level_steps import LevelSteps
from .noise import Noise
from .units import Units

Followed = Callable[[int], Collection[int]]

PAIRED = 0.1
"""Correlation of runs on the same seed from which seeds are taken into account."""

FARTHEST = 1e6
"""The largest effect that the prior's scales follow, in units: beyond it the prior makes no difference."""

LONG_AFTER = 100
"""Experiments after a version's verdict up to which a further run of it counts as if it had been judged by it. That is exact where the joint
normal is not, and everything after the version is worked out again; so a long study's runs must not all count so."""


@dataclass(frozen=True)
class _State:
    joint: Joint = field(default_factory=Joint)
    rows: int = 0  # how many there are
    lineage: tuple[int, ...] = ()
    effects: Mapping[str, Effects] = field(default_factory=dict)
    largest: float = 0.0  # effect, in absolute value, also of older rows


@dataclass(frozen=True)
class Candidate:
    """A candidate that is being judged.

    Attributes
    ----------
    posterior : Posterior
        Of its effect, in units of the noise.
    estimate : Estimate
    effects : Effects
        The prior.
    again, parent_again : float
        The most that one more run of the candidate, or of its parent, is worth: the expected improvement of the decision for each run.
    fresh : float
        The expected gain of a fresh proposal with one run.
    """

    posterior: Posterior
    estimate: Estimate
    effects: Effects
    again: float
    parent_again: float
    fresh: float

    def no_worse(self, by: float) -> float:
        """Return the probability that the effect is a loss of less than `by` units."""
        e = self.estimate
        return 1 - self.effects.below(-by, e.effect, e.variance, wild=e.wild, runs=e.runs)


AHEAD = (1, 2, 4)
"""Numbers of further runs whose worth is looked at: one alone may never change a decision that two or four do."""


class Belief:
    """What the runs of a study's judged experiments say. See the module's text.

    Parameters
    ----------
    experiments : sequence of Experiment
        The judged ones, by number.
    metric : Metric
    noise : Noise
        Known, and not deterministic.
    timed : bool
        Whether the machine's speed can matter to a run.
    before : Belief, optional
        An earlier belief of the same study; what still holds of it is not worked out again.
    rest : callable, optional
        Called after each experiment, a millisecond of work: a thread lets others go on then.
    followed : callable, optional
        Returns the versions whose levels are not to be dropped after an experiment, by its number: those of lines of work.
    """

    def __init__(
        self, experiments: Sequence[Experiment], metric: Metric, noise: Noise, *, timed: bool = True,
        before: Belief | None = None, rest: Callable[[], object] = lambda: None, followed: Followed = lambda number: (),
    ) -> None:  # fmt: skip
        self._followed = followed
        self._usual: UsualConditions = UsualConditions(timed=timed) if before is None else before._usual
        usual = self._usual.of(experiments)
        # The first value as origin, as the baseline's mean changes with each run of it.
        first = next((m.value for m in experiments[0].measurements if m.ok and m.value is not None), 0.0)
        self.units = Units.of(metric, noise, first, usual)
        paired = experiments[0].statistic == "mean" and noise.pairing >= PAIRED
        self.pairing = round(noise.pairing * 10) / 10 if paired else 0.0
        self._levels = LevelSteps(self.units, self.pairing)
        self._experiments = experiments
        self._seen: list[Experiment] = []
        self._later: dict[
            int, list[tuple[int, int]]
        ] = {}  # place and index of runs after a verdict, by the experiment's number
        self._unfollowed: dict[
            int, int
        ] = {}  # versions whose later runs count with their first ones: the place where that was seen
        self._table = EvidenceTable()
        self._places: dict[Hashable, int] | None = None  # of the quantities after all experiments
        self._full: dict[int, Posterior] = {}  # with the interval, of what no later run has changed
        self._states: list[_State] = [_State()]
        self._key = key = (*self.units.key, self.pairing, experiments[0].statistic)
        self._other: Belief | None = (
            None  # with the key before: an estimate of the noise may go to and fro between two units
        )
        if before is not None and before._key != key:
            other = copy(before)
            other._other = None
            before, self._other = before._other, other
        elif before is not None:
            self._other = before._other
        if before is not None and before._key == key:
            self._take_over(before)
        for e in experiments[len(self._seen) :]:
            if later := self._later_runs(e):
                self._later[e.number] = later
        while (again := self._go_on(rest)) is not None:
            del self._later[again]
            self._cut(again)

    def _take_over(self, before: Belief) -> None:
        """Take over what still holds of an earlier belief."""
        experiments, known = self._experiments, before._seen
        same, unfollowed = min(len(experiments), len(known)), dict(before._unfollowed)
        changed: list[Experiment] = []
        if not all(map(operator.is_, experiments, known)):
            for at, (now, was) in enumerate(zip(experiments, known, strict=False)):
                if not _same(now, was):
                    changed.append(now)
                    same = min(same, at if now.number in unfollowed else _first_change(now, was))
        while (gone := next((n for n, at in unfollowed.items() if at > same), None)) is not None:
            del unfollowed[gone]  # whether it is followed is seen anew
            same = min(same, gone)
        self._unfollowed = unfollowed
        self._later = {n: runs for n, runs in before._later.items() if n < same}
        for e in changed:
            self._later.pop(e.number, None)
            if e.number < same and (later := self._later_runs(e)):
                self._later[e.number] = later
        self._seen, self._states = list(experiments[: len(known)]), before._states
        self._table, self._full = before._table, before._full
        self._cut(same)

    def _cut(self, count: int) -> None:
        """Forget what was worked out of all experiments but the first ones."""
        whole = count == len(self._seen)
        self._seen, self._states = self._seen[:count], self._states[: count + 1]
        self._table = self._table.first(self._states[-1].rows)
        self._full = self._full.copy() if whole else {n: p for n, p in self._full.items() if n < count}

    def _go_on(self, rest: Callable[[], object]) -> int | None:
        """Work out what is not known yet; return the number of a version from which on to do it again, where there is one."""
        by_place: dict[int, list[tuple[int, int]]] = {}
        for number, runs in sorted(self._later.items()):
            for place, index in runs:
                by_place.setdefault(min(place, len(self._experiments)), []).append((number, index))
        while True:
            place, state = len(self._seen), self._states[-1]
            joint = state.joint
            for number, index in by_place.get(place, ()):
                if joint.index(("level", number)) is None:
                    self._unfollowed[number] = place
                    return number
                joint = self._levels.with_later_run(joint, self._experiments[number], index)
            if joint is not state.joint:
                state = replace(state, joint=joint)
            if place == len(self._experiments):
                self._last = state
                return None
            e = self._experiments[place]
            self._states.append(self._after(state, _at_verdict(e) if e.number in self._later else e))
            self._seen.append(e)
            rest()

    def _later_runs(self, e: Experiment) -> list[tuple[int, int]]:
        """Return place and index of the runs that an experiment has made after its verdict, where they count at their place."""
        if e.statistic != "mean" or e.since or e.number in self._unfollowed:
            return []
        return [
            (m.judged, index)
            for index, m in enumerate(e.measurements)
            if _long_after(e, m) and m.judged is not None and m.ok and m.value is not None
        ]

    @property
    def joint(self) -> Joint:
        """The joint distribution after all experiments."""
        return self._last.joint

    # -- one experiment -------------------------------------------------------------------------------------------

    def _after(self, state: _State, e: Experiment) -> _State:
        if e.number == 0:
            return _State(self._levels.begun(e), 0, (0,))
        if e.verdict is Verdict.PRUNED:
            return replace(state, rows=self._table.add(Row(e.number, e.proposal.agent, None, None)))
        if (
            not e.values
            or (e.verdict is not None and e.verdict.failed)
            or state.joint.index(("level", e.parent)) is None
        ):
            return state
        given = self._levels.estimate(state.joint, e)
        effects = self._effects(state, e, abs(given.effect))
        posterior = self._levels.posterior(given, e, effects)
        joint = self._levels.judge(given, e, posterior)
        row = Row(
            e.number,
            e.proposal.agent,
            Estimate(given.effect, given.variance, given.wild, len(e.values), posterior, effects),
            self.units.forecast(e),
        )
        lineage = (*state.lineage, e.number) if e.kept else state.lineage
        return _State(
            self._levels.trimmed(joint, lineage, self._followed(e.number)),
            self._table.add(row),
            lineage,
            {**state.effects, e.proposal.agent: effects},
            max(state.largest, abs(given.effect)),
        )

    # -- the prior ------------------------------------------------------------------------------------------------

    def _effects(self, state: _State, e: Experiment, largest: float = 0.0) -> Effects:
        """Return the prior of an experiment's effect, from the proposals before it."""
        largest = min(max(largest, state.largest), FARTHEST)
        return self._table.fit(state.rows, e.proposal.agent, largest, state.effects.get(e.proposal.agent))

    # -- questions ------------------------------------------------------------------------------------------------

    def candidate(self, e: Experiment, *, interval: bool = False) -> Candidate | None:
        """Return what is known of a candidate that is not judged yet, and what more runs are worth; None without a value."""
        state = self._last
        if not e.values or state.joint.index(("level", e.parent)) is None:
            return None
        given = self._levels.estimate(state.joint, e)
        effects = self._effects(state, e, abs(given.effect))
        p = self._levels.posterior(given, e, effects, interval=interval)
        after = self._levels.judge(given, e, p)
        estimate = Estimate(given.effect, given.variance, given.wild, len(e.values), p, effects)
        own, parent = after.names.index(("level", e.number)), after.names.index(("level", e.parent))
        gap = after.cov[own] - after.cov[parent]  # covariance of the gain with each quantity
        again = self._worth(gap, own, after, p.mean)
        parent_again = self._worth(gap, parent, after, p.mean)
        at = state.joint.names.index(("level", e.parent))
        fresh = effects.fresh(
            float(state.joint.cov[at, at]) * (1 - self.pairing) + 1 - self.pairing
            if self.pairing
            else float(state.joint.cov[at, at]) + 1
        )
        return Candidate(p, estimate, effects, again, parent_again, fresh)

    def _worth(self, gap: Array, which: int, joint: Joint, mean: float) -> float:
        variance = float(joint.cov[which, which])
        return max(knowledge_gradient(abs(float(gap[which])) / math.sqrt(variance + 1 / k), mean) / k for k in AHEAD)

    def gain(self, e: Experiment) -> Posterior | None:
        """Return the posterior of a judged experiment's gain over its parent, from all runs of the study, in the metric's unit."""
        p, u = self.gain_in_units(e), self.units.size
        return None if p is None else Posterior(p.mean * u, p.variance * u * u, p.p_better, p.low * u, p.high * u)

    def gain_in_units(self, e: Experiment) -> Posterior | None:
        """Return the same in units; the same object as long as no later run has changed it.

        Runs that came after the verdict, of the two or of versions that were built on them, have changed the joint distribution; what
        they add is a further estimate of the gain, with the precision by which its variance has shrunk.
        """
        row = self._table.rows.get(e.number)
        if row is None or row.estimate is None:
            return None
        found = row.estimate
        joint = self.joint
        if self._places is None:
            self._places = {name: at for at, name in enumerate(joint.names)}
        own, parent = self._places.get(("level", e.number)), self._places.get(("level", e.parent))
        p = None
        if own is not None and parent is not None:
            mean = float(joint.mean[own] - joint.mean[parent])
            var = max(float(joint.cov[own, own] + joint.cov[parent, parent] - 2 * joint.cov[own, parent]), 1e-9)
            more = 1 / var - 1 / found.posterior.variance
            if more > 1e-3 / found.variance:
                later = (mean / var - found.posterior.mean / found.posterior.variance) / more
                total = 1 / found.variance + more
                effect = (found.effect / found.variance + later * more) / total
                wild = found.wild * (1 / found.variance / total) ** 2
                p = found.effects.posterior(
                    effect, 1 / total, wild=wild, runs=found.runs, forecast=row.forecast, interval=True
                )
        if p is None:
            p = self._full.get(e.number) or found.effects.posterior(
                found.effect, found.variance, wild=found.wild, runs=found.runs, forecast=row.forecast, interval=True
            )
            self._full[e.number] = p
        return p

    def knows(self, number: int) -> bool:
        """Whether the level of a version is part of the joint distribution."""
        return ("level", number) in self.joint.names

    def mean(self, number: int) -> float:
        """Return the expected level of a version, in units and positive for better."""
        return float(self.joint.mean[self.joint.names.index(("level", number))])

    def change(self, run: int, number: int, other: int) -> float:
        """Return by how much (one standard deviation, in units) a run of a version will move the difference of two versions' levels."""
        joint = self.joint
        at, one, two = (joint.names.index(("level", n)) for n in (run, number, other))
        return abs(float(joint.cov[at, one] - joint.cov[at, two])) / math.sqrt(float(joint.cov[at, at]) + 1)

    def level(self, number: int) -> tuple[float, float] | None:
        """Return the mean and standard deviation of a version's level, in the metric's unit; None for one that is not followed."""
        at = self.joint.index(("level", number))
        if at is None:
            return None
        sd = self.units.size * math.sqrt(max(float(self.joint.cov[at, at]), 0.0))
        return self.units.level(float(self.joint.mean[at])), sd


@dataclass
class LastBelief:
    """The belief that was worked out last for one study, from which the next one goes on."""

    value: Belief | None = None


def _same(one: Experiment, other: Experiment) -> bool:
    return one is other or (
        one.verdict == other.verdict
        and one.since == other.since
        and one.measurements == other.measurements
        and [m.judged for m in one.measurements] == [m.judged for m in other.measurements]
    )


def _long_after(e: Experiment, m: Measurement) -> bool:
    """Whether a run of an experiment was made long after its verdict."""
    return m.judged is not None and m.judged - e.number > LONG_AFTER


def _at_verdict(e: Experiment) -> Experiment:
    """Return an experiment with the runs that it was judged by, and those that count with them."""
    return replace(e, measurements=tuple(m for m in e.measurements if not _long_after(e, m)))


def _first_change(now: Experiment, was: Experiment) -> int:
    """Return the first place at which something is different between two states of an experiment."""
    if now.since or was.since or now.statistic != "mean" or not _same(_at_verdict(now), _at_verdict(was)):
        return now.number
    ours, theirs = ([(m.judged or 0, m) for m in e.measurements if _long_after(e, m)] for e in (now, was))
    both = next(
        (at for at, (a, b) in enumerate(zip(ours, theirs, strict=False)) if a != b), min(len(ours), len(theirs))
    )
    return min(at for at, _ in [*ours[both:], *theirs[both:]])
