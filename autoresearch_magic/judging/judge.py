"""The keep rule: keep a candidate, discard it, or run it once more.

A candidate that is clearly worse is discarded after one run. One that looks better is run again, on seeds that the incumbent
(the current best) has run or runs as well, until the gain is beyond what chance explains or not worth another run. This is a
group-sequential test (Jennison & Turnbull 2000, *Group Sequential Methods*, chapters 4 and 5): each look at the runs has a bound
for keeping, from Student's t with the degrees of freedom so far, and a bound for giving up. How good the first run must be for a
second one depends on how many repeats the study has already spent. The constants were set by simulation: `benchmarks/judge.py`
prints their error rates beside those of the best possible test.

With `Rule.strict` the original's rule applies, for comparison: any gain in one run is kept.

Pure functions, no I/O.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ..experiment import Experiment, Headline, Measurement, Outcome, Verdict, mean
from ..metric import Metric
from ..source.edits import complexity
from ..text import counted, exact
from ..values import summary
from .chance import contrast
from .noise import EXACT, Comparison, Noise, compare, difference, spread

FIRST, NEXT, GROWTH = 0.001, 0.0017, 1.33
"""Significance levels of the looks: of the first run, of the second, and the factor by which the level grows with each further
one. Error spent late costs less power, as the noise is known better by then. Most proposals that change nothing never get a
second look, and most others end at the bound for giving up, so the sum of the levels is not the rate of false keeps
(`benchmarks/judge.py`)."""

ENOUGH = 6
"""Degrees of freedom of the noise below which a single run is no proof: three baseline runs may lie close together by chance,
and then everything looks like a gain. A further run also adds to what is known of the noise."""

PROMISING, LEAST, HIGHEST = 0.7, 0.5, 1.8
"""Standard errors by which the first run must be better to be worth a second one: when repeats are at their allowance, at least,
and at most."""

ALLOWANCE, CREDIT, PRICE = 0.185, 20.0, 0.06
"""The budget of repeats: the share of all runs that may be repeats, the runs that are credited at the start (early gains count
longest), and by how many standard errors each repeat beyond the budget raises the first look's bound; each one left lowers it. In
studies of 150 runs repeats come to 21 to 26% of all runs, the baseline's included. With 0.14, and `PROMISING` 0.85, they are 3
points less, and 3 to 9 in 100 fewer of the gains of 2 sd or more are found: this moves along the frontier that
`benchmarks/frontier.py` computes."""

HOPE, HOPE_RISE = 0.94, 0.06
"""Standard errors by which the mean must be better after the second run, and how much more after each further one."""

SIMPLER, EQUAL, SURE = -1.0, 1.0, 0.1
"""A candidate with simpler code is run again unless it is worse by more than one standard error (`SIMPLER`). It counts as equal
when a test at level `SURE` rules out that it is worse by more than `EQUAL` standard deviations of one run."""
SIMPLER_PAIRS = 4
"""Further runs that are spent on showing that a simpler candidate is no worse."""

JUMP, SHARE = 4.0, 0.25
"""A gain is implausible, and measured twice before it is kept, when it is more than `JUMP` times the largest gain so far and more
than `SHARE` of the incumbent's value."""

DRIFT = 0.01
"""Probability that one run of the incumbent makes a steady machine look as if it had drifted; two in a row are required."""

CONFIDENCE = 0.95
"""Of the interval of the final gain."""


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
    """A verdict and the one-line reason for it; a verdict of None asks for one more run."""

    verdict: Verdict | None
    reason: str


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
}


def failure(measurement: Measurement) -> Decision:
    """Return the verdict on a run that gave no usable value."""
    return Decision(_FAILURES[measurement.outcome], measurement.error or measurement.outcome.value)


def levels(pairs: int) -> tuple[float, ...]:
    """Return the significance level of each look: after the first run, and after each further one."""
    return (FIRST, *(NEXT * GROWTH**k for k in range(pairs)))


def overdrawn(experiments: Iterable[Experiment]) -> float:
    """Return by how many runs a study's repeats exceed their budget; negative while some are left.

    A repeat is every run of a target but its first, the baseline's included. The result is
    ``repeats − ALLOWANCE · (runs + CREDIT)``.

    Parameters
    ----------
    experiments : iterable of Experiment
        Those that were judged.
    """
    counts = [len(e.measurements) for e in experiments]
    runs = sum(counts)
    return runs - sum(map(bool, counts)) - ALLOWANCE * (runs + CREDIT)


def promising(debt: float) -> float:
    """Return by how many standard errors a first run must be better to be worth a second one.

    Parameters
    ----------
    debt : float
        Runs by which repeats exceed their budget; see `overdrawn`.
    """
    return min(max(PROMISING + PRICE * debt, LEAST), HIGHEST)


def judge(
    candidate: Experiment,
    incumbent: Experiment,
    metric: Metric,
    *,
    noise: Noise,
    rule: Rule,
    largest: float = 0.0,
    debt: float = 0.0,
) -> Decision:
    """Decide whether a candidate replaces the incumbent, from the runs of both so far.

    Parameters
    ----------
    candidate, incumbent : Experiment
        The incumbent must have a value.
    metric : Metric
    noise : Noise
        Pooled over the study, the candidate included. For a deterministic metric every strict gain counts.
    rule : Rule
    largest : float
        The largest gain kept so far, in the metric's unit.
    debt : float
        Runs by which repeats exceed their budget; see `overdrawn`.

    Returns
    -------
    Decision
        Its verdict is None when one more run is needed.
    """
    failed = next((m for m in candidate.measurements if not m.ok), None)
    if failed is not None:
        return failure(failed)
    outside = next((v for v in candidate.values if not rule.bounds.hold(v)), None)
    if outside is not None:
        return Decision(
            Verdict.REJECTED,
            f"{metric.name} {metric.format(outside)} is not possible: the program's bounds are {rule.bounds}.",
        )
    assert candidate.value is not None
    assert incumbent.value is not None
    best = f"the current best, experiment {incumbent.number}"
    ours, theirs = metric.format_apart(candidate.value, incumbent.value, noise.sd)
    versus = f"{ours} against {theirs} of {best}"
    if rule.strict:
        gain = difference(candidate.value, incumbent.value, metric)
        if gain > 0 and gain >= rule.min_delta:
            return Decision(Verdict.KEEP, f"Better in one run: {versus}.")
        return Decision(Verdict.DISCARD, f"Not better: {versus}.")
    found = compare(candidate, incumbent, metric, noise)
    repeats = found.runs - 1
    apart = _difference(found, difference(candidate.value, incumbent.value, metric))
    evidence = f"{versus}{_run_counts(candidate, incumbent)}{apart}"
    if found.gain > 0 and found.gain < rule.min_delta and (repeats or noise.deterministic):
        return Decision(Verdict.DISCARD, f"Too small a gain: {versus}{apart}; the minimum is {rule.min_delta:g}.")
    if not noise.known and found.gain > 0 and repeats < rule.pairs:
        return Decision(None, f"Better in one run ({evidence}), but how much the metric varies is not known yet.")
    simpler = complexity(candidate.target) < complexity(incumbent.target)
    if _beyond_chance(found, noise, repeats, rule):
        if not repeats and rule.pairs and noise.df < ENOUGH and not noise.deterministic:
            return Decision(None, f"Better in one run ({evidence}), but the noise is known from few runs only.")
        implausible = found.gain > max(JUMP * largest, SHARE * abs(incumbent.value))
        if implausible and not repeats and rule.pairs:
            return Decision(None, f"A surprisingly large jump ({evidence}): run again before it is believed.")
        return Decision(Verdict.KEEP, f"Better: {evidence}.")
    if noise.deterministic:
        if found.gain == 0 and simpler:
            return Decision(Verdict.KEEP, f"Equal, with simpler code: {versus}.")
        return Decision(Verdict.DISCARD, f"Not better: {evidence}.")
    return _within_noise(found, noise, repeats, rule, simpler, evidence, promising(debt))


def _beyond_chance(found: Comparison, noise: Noise, repeats: int, rule: Rule) -> bool:
    if found.gain <= 0 or not noise.known:
        return False
    return noise.deterministic or found.score >= noise.quantile(levels(max(repeats, rule.pairs))[repeats])


def _within_noise(
    found: Comparison, noise: Noise, repeats: int, rule: Rule, simpler: bool, evidence: str, first: float
) -> Decision:
    """Decide where noise may explain the difference: run again while a keep is likely enough, else discard."""
    if simpler and found.score > SIMPLER:
        # A test of non-inferiority: worse by no more than EQUAL sd, at level SURE.
        if repeats and found.gain + EQUAL * noise.sd >= noise.quantile(SURE) * found.error:
            return Decision(Verdict.KEEP, f"Equal within the noise, with simpler code: {evidence}.")
        if repeats < min(SIMPLER_PAIRS, rule.pairs):
            return Decision(None, f"Simpler code and perhaps equal: {evidence}.")
    bound = HOPE + HOPE_RISE * (repeats - 1) if repeats else first
    if found.score < bound:
        return Decision(Verdict.DISCARD, f"{'Within the noise' if found.gain > 0 else 'Not better'}: {evidence}.")
    if repeats >= rule.pairs:
        return Decision(Verdict.DISCARD, f"Still within the noise after {counted(repeats, 'further run')}: {evidence}.")
    return Decision(None, f"Perhaps better: {evidence}.")


def _run_counts(candidate: Experiment, incumbent: Experiment) -> str:
    n, m = len(candidate.values), len(incumbent.values)
    return f" ({n} and {m} runs)" if n > 1 else ""


def _difference(found: Comparison, of_means: float) -> str:
    """Return by how much the candidate is better or worse, with the standard error where there is noise.

    A gain that also uses the pairs of runs on equal seeds is not the difference of the two means beside it, and is named.
    """
    if found.gain == 0:
        return ", no difference"
    error = f" (standard error {found.error:.2g})" if found.error > 0 else ""
    paired = " by pairs of equal seeds" if abs(found.gain - of_means) > 0.005 * abs(found.gain) else ""
    return f", {'better' if found.gain > 0 else 'worse'} by {abs(found.gain):.3g}{paired}{error}"


def drifted(before: Sequence[float], now: Sequence[float], noise: Noise) -> bool:
    """Whether new runs of the same target show that the machine, or what it measures, has changed.

    Each new value must lie outside the prediction interval of a single run, ``mean ± t · sd · sqrt(1 + 1/n)``, all of them on
    the same side.

    Parameters
    ----------
    before : sequence of float
        The incumbent's values so far.
    now : sequence of float
        Its latest ones.
    noise : Noise
    """
    if not before or not now or not noise.known:
        return False
    middle = mean(before)
    # Equal values may differ in their last bits; without noise there is no other reach.
    reach = max(noise.quantile(DRIFT / 2) * noise.sd * (1 + 1 / len(before)) ** 0.5, EXACT * abs(middle))
    return all(v - middle > reach for v in now) or all(middle - v > reach for v in now)


def moved_alike(
    before: Sequence[float], now: Sequence[float], control_before: Sequence[float], control_now: Sequence[float]
) -> bool:
    """Whether another target has moved with the incumbent, as it does when the machine has changed.

    It must have moved the same way, and at least half as far, where a change may be of an amount or of a share.

    Parameters
    ----------
    before, now : sequence of float
        The incumbent's values.
    control_before, control_now : sequence of float
        The other target's.
    """
    if not before or not now or not control_before or not control_now:
        return False
    a, b = mean(before), mean(control_before)
    shift, other = mean(now) - a, mean(control_now) - b
    expected = abs(shift) * min(1.0, abs(b / a) if a else 1.0)
    return shift * other > 0 and abs(other) >= expected / 2


def headline(
    best: Experiment, best_values: Sequence[float], baseline_values: Sequence[float], metric: Metric
) -> Headline | None:
    """Return the final comparison of best and baseline from runs on fresh seeds; None when one side has no value."""
    if not best_values or not baseline_values:
        return None
    found = contrast(best_values, baseline_values, metric, best.statistic)
    return Headline(
        number=best.number,
        best=summary(best_values, best.statistic),
        best_sd=spread(best_values),
        baseline=summary(baseline_values, best.statistic),
        baseline_sd=spread(baseline_values),
        repeats=min(len(best_values), len(baseline_values)),
        gain=found.gain,
        reach=found.reach(CONFIDENCE),
        confidence=CONFIDENCE,
        p_better=found.p_better,
    )
