"""The keep rule: keep a candidate, discard it, or run it or the incumbent once more.

What to build on is decided by expected value. From all runs of the study follows a distribution of the candidate's gain over the
incumbent, the current best (`belief`, `effects`): the study's own history says how often proposals help, and by how much, and so how
much of a good first value is luck. The candidate is kept when its expected gain is positive. Before that, one more run, of the
candidate or of the incumbent, is made while the expected improvement of the decision (the knowledge gradient: Frazier, Powell &
Dayanik 2008) is more than what a fresh proposal can be expected to gain, each for its seconds.

What is claimed of a keep is another question, which `gains` answers: its gain with an interval, and whether it is proven.

Without noise any strict gain is kept at once. With `Rule.strict` the original's rule applies, for comparison: any gain in one run is
kept. The constants were chosen by simulation; `benchmarks/judge.py` prints how the rule does beside the strict one.

Pure functions, no I/O.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from ..experiment import Experiment, Measurement, Outcome, Verdict
from ..metric import Metric
from ..source.edits import complexity
from ..text import counted, exact
from .belief import Belief, Candidate, Followed, LastBelief
from .disturbance import describe, deserves_second_run
from .noise import Noise, difference

FRESH = 0.25
"""Share of a fresh proposal's expected gain that counts. The history is always of better times: what helped most is found early, and
a study's proposals gain a quarter of what those before them let expect (`benchmarks/judge.py`)."""

SIMPLER, EQUAL, SURE = 1.0, 1.0, 0.9
"""A candidate with simpler code is run again unless it is expected to be worse by more than `SIMPLER` standard deviations of one run. It
is kept as equal when it is worse by less than `EQUAL` of them with probability `SURE`."""
SIMPLER_RUNS = 4
"""Further runs that are spent on showing that a simpler candidate is no worse."""

JUMP, SHARE = 4.0, 0.25
"""A gain is implausible, and measured twice before it is kept, when it is more than `JUMP` times the largest gain so far and more
than `SHARE` of the incumbent's value."""

LOOKS = -0.1
"""What the runs of a candidate must show of its effect, in standard deviations of the noise, for further ones: losers are not run again."""

SHORT = 0.1
"""Seconds of a run below which all runs count as equally long."""

Which = Literal["candidate", "incumbent"]


@dataclass(frozen=True)
class Bounds:
    """The range of possible values; None for an open end."""

    low: float | None = None
    high: float | None = None

    def hold(self, value: float) -> bool:
        """Whether a value is within the bounds."""
        return (self.low is None or value >= self.low) and (self.high is None or value <= self.high)

    def __str__(self) -> str:
        low, high = ("" if end is None else exact(end) for end in (self.low, self.high))
        return f"{low}..{high}"


@dataclass(frozen=True)
class Rule:
    """How strictly a study judges.

    Attributes
    ----------
    strict : bool
        The original's rule: any gain in one run counts.
    pairs : int
        The most runs that a candidate gets beyond its first.
    min_delta : float
        The smallest gain that is kept, in the metric's unit.
    bounds : Bounds
    """

    strict: bool = False
    pairs: int = 8
    min_delta: float = 0.0
    bounds: Bounds = Bounds()


@dataclass(frozen=True)
class Decision:
    """A verdict and the one-line reason for it; a verdict of None asks for one more run.

    Attributes
    ----------
    verdict : Verdict or None
    reason : str
    run : {"candidate", "incumbent"}
        Which of the two is to be run once more.
    leads : bool
        Whether its line of work goes on with it though it is not better than the best.
    """

    verdict: Verdict | None
    reason: str
    run: Which = "candidate"
    leads: bool = False


_FAILURES = {
    Outcome.CRASH: Verdict.CRASH,
    Outcome.TIMEOUT: Verdict.TIMEOUT,
    Outcome.OUT_OF_MEMORY: Verdict.CRASH,
    Outcome.NOT_FINITE: Verdict.METRIC_ERROR,
    Outcome.MISSING_METRIC: Verdict.METRIC_ERROR,
    Outcome.METRIC_ERROR: Verdict.METRIC_ERROR,
    Outcome.PRUNED: Verdict.PRUNED,
    Outcome.STOPPED: Verdict.CRASH,
    Outcome.TAMPERED: Verdict.REJECTED,
    Outcome.INVALID: Verdict.GUARD_FAILED,
    Outcome.OVERTIME: Verdict.REJECTED,
}


def failure(measurement: Measurement) -> Decision:
    """Return the verdict on a run that gave no usable value."""
    return Decision(_FAILURES[measurement.outcome], measurement.error or measurement.outcome.value)


class Judge:
    """Judges the candidates of one study.

    It keeps nothing but what it has worked out already: the same experiments give the same decisions. Its attribute `followed` says which
    versions' levels are needed besides (`Belief`).

    Parameters
    ----------
    metric : Metric
    rule : Rule
    timed : bool
        Whether the machine's speed can matter to a run: not for a budget in steps.
    last : LastBelief, optional
        Where the belief is kept, for others that ask for it too.
    """

    def __init__(self, metric: Metric, rule: Rule, *, timed: bool = True, last: LastBelief | None = None) -> None:
        self.metric, self.rule, self.timed = metric, rule, timed
        self._last = LastBelief() if last is None else last
        self.followed: Followed = lambda number: ()

    def belief(self, experiments: Sequence[Experiment], noise: Noise) -> Belief:
        """Return what is believed after the judged experiments; the noise must be known, and there must be some."""
        found = Belief(
            experiments, self.metric, noise, timed=self.timed, before=self._last.value, followed=self.followed
        )
        self._last.value = found
        return found

    def decide(
        self,
        candidate: Experiment,
        experiments: Sequence[Experiment],
        noise: Noise,
        *,
        largest: float = 0.0,
        fresh_seconds: float = 0.0,
        chance: float = 1.0,
        last: bool = False,
        parent: str = "the current best",
    ) -> Decision:
        """Decide whether a candidate replaces its parent, the incumbent, from all runs so far.

        Parameters
        ----------
        candidate : Experiment
        experiments : sequence of Experiment
            The judged ones by number; the candidate's parent is among them and has a value.
        noise : Noise
            Pooled over the study, the candidate included. For a deterministic metric every strict gain counts.
        largest : float
            The largest gain kept so far, in the metric's unit.
        fresh_seconds : float
            What a fresh proposal costs with its run; 0 for as much as a run of the candidate.
        chance : float
            Probability that a fresh proposal gives a value at all.
        last : bool
            Whether no further run can be made.
        parent : str
            What the parent is called.

        Returns
        -------
        Decision
            Its verdict is None when one more run is needed.
        """
        failed = next((m for m in candidate.measurements if not m.ok), None)
        if failed is not None:
            return failure(failed)
        metric, rule, incumbent = self.metric, self.rule, experiments[candidate.parent or 0]
        outside = next((v for v in candidate.values if not rule.bounds.hold(v)), None)
        if outside is not None:
            return Decision(
                Verdict.REJECTED,
                f"{metric.name} {metric.format(outside)} is not possible: the program's bounds are {rule.bounds}.",
            )
        assert candidate.value is not None
        assert incumbent.value is not None
        ours, theirs = metric.format_apart(candidate.value, incumbent.value, noise.sd)
        versus = f"{ours} against {theirs} of {parent}, experiment {incumbent.number}"
        gain = difference(candidate.value, incumbent.value, metric)
        again = rule.pairs if last else len(candidate.values) - 1  # as if all further runs had been made
        if rule.strict:
            if gain > 0 and gain >= rule.min_delta:
                return Decision(Verdict.KEEP, f"Better in one run: {versus}.")
            return Decision(Verdict.DISCARD, f"Not better: {versus}.")
        implausible = gain > max(JUMP * largest, SHARE * abs(incumbent.value))
        if implausible and not again and rule.pairs:
            return Decision(None, f"A surprisingly large jump ({versus}): run again before it is believed.")
        simpler = complexity(candidate.target) < complexity(incumbent.target)
        if noise.deterministic:
            return self._exactly(gain, simpler, versus)
        if not noise.known:
            if gain > 0 and again < rule.pairs:
                which: Which = "candidate" if len(incumbent.values) > len(candidate.values) else "incumbent"
                return Decision(
                    None, f"Better in one run ({versus}), but how much the metric varies is not known yet.", which
                )
            word = "Better" if gain > 0 else "Not better"
            return Decision(Verdict.KEEP if gain > 0 else Verdict.DISCARD, f"{word}: {versus}.")
        belief = self.belief(experiments, noise)
        found = belief.candidate(candidate, interval=True)
        if found is None:  # the parent is not followed any more
            return Decision(Verdict.KEEP if gain > 0 else Verdict.DISCARD, f"{versus}.")
        cost = candidate.seconds / len(candidate.measurements)
        each = 1.0
        if min(cost, fresh_seconds) > SHORT:  # in steps of 2, so that small differences of time decide nothing
            each = 2.0 ** round(math.log2(fresh_seconds / cost))
        return self._by_value(belief, candidate, found, again, versus, simpler, found.fresh * chance * FRESH / each)

    def _exactly(self, gain: float, simpler: bool, versus: str) -> Decision:
        """Decide where there is no noise."""
        if gain > 0:
            if gain < self.rule.min_delta:
                return Decision(Verdict.DISCARD, f"Too small a gain: {versus}; the minimum is {self.rule.min_delta:g}.")
            return Decision(Verdict.KEEP, f"Better: {versus}.")
        if gain == 0 and simpler:
            return Decision(Verdict.KEEP, f"Equal, with simpler code: {versus}.")
        return Decision(Verdict.DISCARD, f"Not better: {versus}.")

    def _by_value(
        self,
        belief: Belief,
        candidate: Experiment,
        found: Candidate,
        again: int,
        versus: str,
        simpler: bool,
        fresh: float,
    ) -> Decision:
        """Decide by the expected gain, where there is noise; `fresh` is what a proposal is worth for the time of one run."""
        unit = belief.units.size
        p = found.posterior
        said = f"{expected(p.mean * unit, p.low * unit, p.high * unit, p.p_better)}; {versus}"
        runs, most = max(found.again, found.parent_again), self.rule.pairs
        if again < most and deserves_second_run(candidate, belief.units.usual):
            return Decision(None, f"{said}, {describe(candidate.measurements[0], belief.units.usual)}: run again.")
        if again < most and runs > fresh and found.estimate.effect > LOOKS:
            which: Which = "candidate" if found.again >= found.parent_again else "incumbent"
            worth = f"one more run is worth {runs * unit:.2g}, the time of it for a new proposal {fresh * unit:.2g}"
            return Decision(None, f"{said}; {worth}.", which)
        enough = p.mean * unit >= self.rule.min_delta
        if simpler and not (p.mean > 0 and enough):
            if len(candidate.values) > 1 and found.no_worse(EQUAL) >= SURE:
                return Decision(Verdict.KEEP, f"Equal within the noise, with simpler code: {said}.")
            if p.mean > -SIMPLER and again < min(SIMPLER_RUNS, most):
                return Decision(None, f"Simpler code and perhaps equal: {said}.")
        if p.mean > 0 and not enough:
            return Decision(Verdict.DISCARD, f"Too small a gain: {said}; the minimum is {self.rule.min_delta:g}.")
        more = len(candidate.values) - 1
        after = f" after {counted(more, 'further run')}" if more else ""
        return Decision(Verdict.KEEP if p.mean > 0 else Verdict.DISCARD, f"{said}{after}.")


def expected(mean: float, low: float, high: float, chance: float) -> str:
    """Return an expected gain in words, with its interval and the chance of being better."""
    kind = "gain" if mean > 0 else "loss"
    size = abs(mean)
    percent = f"{100 * chance:.0f}%" if 0.01 <= chance <= 0.99 else ">99%" if chance > 0.5 else "<1%"
    return f"Expected {kind} {size:.2g} (95% interval {low:.2g} to {high:.2g}), better with a chance of {percent}"
