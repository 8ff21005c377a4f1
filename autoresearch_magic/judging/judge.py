"""Keep, discard, or run it once more: the rule, pure.

One run of a loser is enough. A candidate that looks better is run again, on seeds that the incumbent has run or runs beside
it, until the gain is beyond what chance explains or not worth another run: a sequential test with a bound for keeping, whose
level each look meets with Student's t of the degrees of freedom so far, and one for giving up (Jennison & Turnbull 2000,
*Group Sequential Methods*, chapters 4 and 5). What first run is good enough for a second one depends on the account of the
repeats: a study that has had many asks for more. The constants were set by simulation, `benchmarks/judge.py`, which prints
what they come to beside what the best test could.

`strict` is the original's rule, for comparison: any gain in one run is a keep.
"""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ..experiment import Experiment, Headline, Measurement, Outcome, Verdict
from ..metric import Metric
from ..source.edits import complexity
from .noise import Comparison, Noise, compare, spread, welch

__all__ = [
    "CONFIDENCE",
    "Bounds",
    "Decision",
    "Rule",
    "drifted",
    "failure",
    "headline",
    "judge",
    "levels",
    "overdrawn",
    "promising",
]

FIRST, NEXT, GROWTH = 0.001, 0.0017, 1.33
"""Levels of the looks: of the first run, of the second, and by what factor the level grows with each further one. What is
spent late costs less power, as more is known of the noise by then. Most no-change proposals never get to a second look, and
most others end at the futility bound, so the sum of the levels is not the rate of false keeps (`benchmarks/judge.py`)."""

ENOUGH = 6
"""Degrees of freedom of the noise below which no single run is a proof: three baseline runs may lie close together by chance,
and then everything looks like a gain. A further run also adds to what is known."""

PROMISING, LEAST, HIGHEST = 0.7, 0.5, 1.8
"""Standard errors by which the first run must be better to be worth a second one: with an even account, at least and at most."""

ALLOWANCE, CREDIT, PRICE = 0.185, 20.0, 0.06
"""The account of the repeats: the share of the runs that they may be, the runs on credit for which they are granted
beforehand, since what is found early counts longest, and by how many standard errors each repeat beyond it makes the first
look stricter (each one left, more lenient). In studies of 150 runs repeats come to 21 to 26% of all, the baseline's included.
With 0.14, and `PROMISING` 0.85, they are 3 less, and 3 to 9 in 100 fewer of the gains of 2 sd or more are found: this is what
moves along the frontier that `benchmarks/frontier.py` computes."""

HOPE, HOPE_RISE = 0.94, 0.06
"""Standard errors by which it must be better after its second run, and how much more after each further one."""

SIMPLER, EQUAL, SURE = -1.0, 1.0, 0.1
"""A simpler candidate is tried further from so many standard errors on; it is equal when it is worse by less than `EQUAL` sd
of one run with an error of `SURE`."""
SIMPLER_PAIRS = 4
"""Pairs that are spent on showing that a simpler candidate is no worse."""

JUMP, SHARE = 4.0, 0.25
"""A gain is implausible that is so many times the largest kept so far, and more than so much of the incumbent's value: it is
seen twice before it is believed."""

DRIFT = 0.01
"""Chance that a steady machine is suspected of having drifted by one run of the incumbent; two in a row are needed."""

CONFIDENCE = 0.95
"""Of the final gain's interval."""


@dataclass(frozen=True)
class Bounds:
    """What values are possible at all; None for an open end."""

    low: float | None = None
    high: float | None = None

    def hold(self, value: float) -> bool:
        """Whether a value is possible."""
        return (self.low is None or value >= self.low) and (self.high is None or value <= self.high)

    def __str__(self) -> str:
        low, high = ("" if end is None else f"{end:g}" for end in (self.low, self.high))
        return f"{low}..{high}"


@dataclass(frozen=True)
class Rule:
    """How strictly a study judges.

    Attributes
    ----------
    strict : bool
        The original's rule: any gain in one run counts.
    pairs : int
        Runs that a candidate gets at most beyond its first.
    min_delta : float
        Smallest gain worth a keep, in the metric's unit.
    bounds : Bounds
    """

    strict: bool = False
    pairs: int = 8
    min_delta: float = 0.0
    bounds: Bounds = Bounds()


@dataclass(frozen=True)
class Decision:
    """A verdict and the one line that says why; without a verdict, the candidate is to be run once more."""

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
}


def failure(measurement: Measurement) -> Decision:
    """Judge a run that gave no usable value."""
    return Decision(_FAILURES[measurement.outcome], measurement.error or measurement.outcome.value)


def levels(pairs: int) -> tuple[float, ...]:
    """Return the level of each look: of the first run, and after each further one."""
    return (FIRST, *(NEXT * GROWTH**k for k in range(pairs)))


def overdrawn(experiments: Iterable[Experiment]) -> float:
    """Return by how many runs a study's repeats exceed what they may be; negative while some are left.

    A repeat is every run of a target but its first, the baseline's among them: ``repeats − ALLOWANCE · (runs + CREDIT)``.

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
        What the account of the repeats is overdrawn by, in runs; see `overdrawn`.
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
    """Decide about a candidate, from the runs that it and the incumbent have had.

    Parameters
    ----------
    candidate, incumbent : Experiment
        The incumbent has a value.
    metric : Metric
    noise : Noise
        Pooled over the study, the candidate included. Where every repeat gave the same value, every strict gain counts.
    rule : Rule
    largest : float
        The largest gain that was kept so far, in the metric's unit.
    debt : float
        What the account of the repeats is overdrawn by, in runs; see `overdrawn`.

    Returns
    -------
    Decision
        With `verdict` None where one more run is needed.
    """
    failed = next((m for m in candidate.measurements if not m.ok), None)
    if failed is not None:
        return failure(failed)
    outside = next((v for v in candidate.values if not rule.bounds.hold(v)), None)
    if outside is not None:
        return Decision(
            Verdict.REJECTED, f"{metric.name} {metric.format(outside)} is not possible: bounds are {rule.bounds}."
        )
    assert candidate.value is not None
    assert incumbent.value is not None
    versus = (
        f"{metric.format(candidate.value)} against {metric.format(incumbent.value)} of experiment {incumbent.number}"
    )
    if rule.strict:
        gain = metric.gain(candidate.value, over=incumbent.value)
        if gain > 0 and gain >= rule.min_delta:
            return Decision(Verdict.KEEP, f"Better in one run: {versus}.")
        return Decision(Verdict.DISCARD, f"Not better: {versus}.")
    found = compare(candidate, incumbent, metric, noise)
    pairs = found.runs - 1
    told = f"{versus}{_runs(candidate, incumbent)}, a gain of {found.gain:.3g}{_chance(found)}"
    if found.gain > 0 and found.gain < rule.min_delta and (pairs or noise.deterministic):
        return Decision(Verdict.DISCARD, f"Too small: {versus}, a gain below the minimum of {rule.min_delta:g}.")
    if not noise.known and found.gain > 0 and pairs < rule.pairs:
        return Decision(None, f"Better in one run ({told}); how much the metric varies is not known yet.")
    simpler = complexity(candidate.target) < complexity(incumbent.target)
    if _beyond_chance(found, noise, pairs, rule):
        if not pairs and rule.pairs and noise.df < ENOUGH and not noise.deterministic:
            return Decision(None, f"Better in one run ({told}), and the noise is known from few runs only.")
        implausible = found.gain > max(JUMP * largest, SHARE * abs(incumbent.value))
        if implausible and not pairs and rule.pairs:
            return Decision(None, f"A jump ({told}): it is run again before it is believed.")
        return Decision(Verdict.KEEP, f"Better: {told}.")
    if noise.deterministic:
        if found.gain == 0 and simpler:
            return Decision(Verdict.KEEP, f"Equal and simpler: {versus}.")
        return Decision(Verdict.DISCARD, f"Not better: {versus}.")
    return _within_noise(found, noise, pairs, rule, simpler, told, promising(debt))


def _beyond_chance(found: Comparison, noise: Noise, pairs: int, rule: Rule) -> bool:
    if found.gain <= 0 or not noise.known:
        return False
    return noise.deterministic or found.score >= noise.quantile(levels(max(pairs, rule.pairs))[pairs])


def _within_noise(
    found: Comparison, noise: Noise, pairs: int, rule: Rule, simpler: bool, told: str, first: float
) -> Decision:
    """Decide where the noise may explain the difference: run again while there is hope, else discard."""
    if simpler and found.score > SIMPLER:
        # No worse by more than EQUAL sd, with an error of SURE: a test of non-inferiority.
        if pairs and found.gain + EQUAL * noise.sd >= noise.quantile(SURE) * found.error:
            return Decision(Verdict.KEEP, f"Equal within the noise and simpler: {told}.")
        if pairs < min(SIMPLER_PAIRS, rule.pairs):
            return Decision(None, f"Simpler and perhaps equal: {told}.")
    hope = HOPE + HOPE_RISE * (pairs - 1) if pairs else first
    if found.score < hope:
        return Decision(Verdict.DISCARD, f"{'Within the noise' if found.gain > 0 else 'Not better'}: {told}.")
    if pairs >= rule.pairs:
        return Decision(Verdict.DISCARD, f"Still within the noise after {pairs} pairs: {told}.")
    return Decision(None, f"Perhaps better: {told}.")


def _runs(candidate: Experiment, incumbent: Experiment) -> str:
    n, m = len(candidate.values), len(incumbent.values)
    return f" ({n} and {m} runs)" if n > 1 else ""


def _chance(found: Comparison) -> str:
    return f" ± {found.error:.2g}" if found.error > 0 else ""


def drifted(before: Sequence[float], now: Sequence[float], noise: Noise) -> bool:
    """Whether runs of the same target say that the machine, or what it measures, has changed.

    Each of the new values must lie outside what a new run may give, ``mean ± t · sd · sqrt(1 + 1/n)``, and all of them on
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
    mean = statistics.fmean(before)
    reach = noise.quantile(DRIFT / 2) * noise.sd * (1 + 1 / len(before)) ** 0.5
    return all(v - mean > reach for v in now) or all(mean - v > reach for v in now)


def headline(
    best: Experiment, best_values: Sequence[float], baseline_values: Sequence[float], metric: Metric
) -> Headline | None:
    """Sum up the runs that confirm a study; None when one side has no value."""
    if not best_values or not baseline_values:
        return None
    mean_best, mean_baseline = statistics.fmean(best_values), statistics.fmean(baseline_values)
    return Headline(
        number=best.number,
        best=mean_best,
        best_sd=spread(best_values),
        baseline=mean_baseline,
        baseline_sd=spread(baseline_values),
        repeats=min(len(best_values), len(baseline_values)),
        gain=metric.gain(mean_best, over=mean_baseline),
        reach=welch(best_values, baseline_values, CONFIDENCE),
        confidence=CONFIDENCE,
    )
