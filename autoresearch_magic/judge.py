"""Keep or discard: the rule, pure.

The baseline is run several times; the spread of its values is the noise of one run. A candidate is kept when it
beats the incumbent by more than that noise explains.

Not here yet: retests of close winners, drift, simplicity as a tie-break.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from .experiment import Experiment, Headline, Measurement, Outcome, Verdict
from .metric import Metric

Z = 1.645
"""One-sided 5% point of the normal distribution: of unchanged candidates that few seem better by chance. The noise is
an estimate from few repeats, so the true share is somewhat higher."""


@dataclass(frozen=True)
class Decision:
    """A verdict and the one line that says why."""

    verdict: Verdict
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
}


def spread(values: Sequence[float]) -> float:
    """Return the sample standard deviation (n − 1) of one run; 0 for fewer than two values."""
    return statistics.stdev(values) if len(values) > 1 else 0.0


def margin(noise: float, candidate_runs: int, incumbent_runs: int) -> float:
    """Return the gain that chance alone explains: ``Z · noise · sqrt(1/n + 1/m)``, in the metric's unit.

    The difference of two means of n and m runs with standard deviation `noise` has that standard error.
    """
    return Z * noise * math.sqrt(1 / candidate_runs + 1 / incumbent_runs)


def failure(measurement: Measurement) -> Decision:
    """Judge a run that gave no usable value."""
    return Decision(_FAILURES[measurement.outcome], measurement.error or measurement.outcome.value)


def judge(
    candidate: Experiment, incumbent: Experiment, metric: Metric, *, noise: float, min_delta: float = 0.0
) -> Decision:
    """Decide about a candidate that has been measured.

    Parameters
    ----------
    candidate, incumbent : Experiment
        The incumbent has a value.
    metric : Metric
    noise : float
        Standard deviation of one run, in the metric's unit; 0 means that the metric is deterministic, and then every
        strict gain counts.
    min_delta : float
        Smallest gain worth a keep.
    """
    failed = next((m for m in candidate.measurements if not m.ok), None)
    if failed is not None:
        return failure(failed)
    assert candidate.value is not None
    assert incumbent.value is not None
    gain = metric.gain(candidate.value, over=incumbent.value)
    chance = margin(noise, len(candidate.values), len(incumbent.values))
    versus = (
        f"{metric.format(candidate.value)} against {metric.format(incumbent.value)} of experiment {incumbent.number}"
    )
    if gain <= 0:
        return Decision(Verdict.DISCARD, f"Not better: {versus}.")
    if gain <= chance:
        return Decision(
            Verdict.DISCARD, f"Within the noise: {versus}, a gain of {gain:.3g} where chance explains {chance:.3g}."
        )
    if gain < min_delta:
        return Decision(
            Verdict.DISCARD, f"Too small: {versus}, a gain of {gain:.3g} below the minimum of {min_delta:g}."
        )
    return Decision(Verdict.KEEP, f"Better: {versus}, a gain of {gain:.3g} where chance explains {chance:.3g}.")


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
    )
