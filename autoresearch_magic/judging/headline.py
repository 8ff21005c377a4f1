"""The final comparison of best and baseline, from runs on fresh seeds."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from ..experiment import Experiment, Measurement
from ..headline import Headline, Holdout
from ..metric import Metric
from ..runs import standard_deviation, summary
from .chance import contrast
from .noise import spread, student
from .statistic import standard_error

CONFIDENCE = 0.95
"""Of the interval of the final gain."""
ROUNDING = 1e-14
"""Of differences of values, as a share of these: some units in their last place."""


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


def runs_by_seed(runs: Iterable[Measurement]) -> dict[int, Measurement]:
    """Return the runs that have a value, by seed; of several on one seed the last."""
    return {m.seed: m for m in runs if m.ok}


def confirmed(
    best: Experiment, finals: Mapping[int, Sequence[Measurement]], metric: Metric, repeats: int, holdout: str = ""
) -> Headline | None:
    """Return the final comparison from the runs of the confirmation, with that on the holdout where there is one.

    Parameters
    ----------
    best : Experiment
    finals : Mapping
        All runs of the confirmation, by experiment; those of an earlier best as well.
    metric : Metric
    repeats : int
        Runs of each version that a confirmation makes at least.
    holdout : str
        The name of the holdout; empty for none.
    """
    ours, theirs = (runs_by_seed(finals.get(number, ())) for number in (best.number, 0))
    values = [[m.value for m in side.values() if m.value is not None] for side in (ours, theirs)]
    found = headline(best, values[0], values[1], metric)
    if found is None or not holdout:
        return found
    earlier = sum(n not in (0, best.number) and len(runs) >= repeats for n, runs in finals.items())
    error = next((m.holdout_error for side in (ours, theirs) for m in side.values() if m.holdout_error), "")
    compared = on_holdout(holdout, ours, theirs, metric, best.statistic)
    return replace(found, holdout=compared and replace(compared, looks=1 + earlier), holdout_error=error)


def on_holdout(
    name: str,
    ours: Mapping[int, Measurement],
    theirs: Mapping[int, Measurement],
    metric: Metric,
    statistic: str = "mean",
) -> Holdout | None:
    """Return the comparison of best and baseline on the holdout; None when one side has no value of it.

    The interval of the share is that of the differences on the seeds that both have run: what a seed does to the value and to the
    holdout of both versions cancels out.

    Parameters
    ----------
    name : str
    ours, theirs : Mapping of int to Measurement
        The runs of best and baseline that have a value, by seed.
    metric : Metric
        Whose direction the holdout has.
    statistic : {"mean", "median", "min", "max"}
    """
    pairs = [
        {seed: (m.value, m.holdout) for seed, m in side.items() if m.value is not None and m.holdout is not None}
        for side in (ours, theirs)
    ]
    if not all(pairs):
        return None
    (values, held), (base_values, base_held) = (
        [[*column] for column in zip(*side.values(), strict=True)] for side in pairs
    )
    gain = contrast(held, base_held, metric, statistic)
    differences = [
        metric.gain(a[0], b[0]) - metric.gain(a[1], b[1])
        for seed, a in pairs[0].items()
        if (b := pairs[1].get(seed)) is not None
    ]
    return Holdout(
        name=name,
        best=summary(held, statistic),
        best_sd=spread(held),
        baseline=summary(base_held, statistic),
        baseline_sd=spread(base_held),
        runs=min(len(held), len(base_held)),
        gain=gain.gain,
        reach=gain.reach(CONFIDENCE),
        p_better=gain.p_better,
        share=contrast(values, base_values, metric, statistic).gain - gain.gain,
        share_reach=_reach(differences, statistic, max(map(abs, [*values, *held, *base_values, *base_held]))),
    )


def _reach(differences: Sequence[float], statistic: str, size: float) -> float | None:
    """Return half the width of the interval of the mean, or another statistic, of paired differences; None for fewer than two.

    Differences that differ by no more than what floats of that size are rounded by are equal.
    """
    if len(differences) < 2:
        return None
    sd = standard_deviation(differences)
    if sd <= ROUNDING * size:
        return 0.0
    return student((1 - CONFIDENCE) / 2, len(differences) - 1) * standard_error(len(differences), statistic, sd)
