"""The final comparison of best and baseline, from runs on fresh seeds."""

from __future__ import annotations

from collections.abc import Sequence

from ..experiment import Experiment, Headline
from ..metric import Metric
from ..values import summary
from .chance import contrast
from .noise import spread

CONFIDENCE = 0.95
"""Of the interval of the final gain."""


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
