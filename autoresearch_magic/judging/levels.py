"""Recognise a metric that takes two values: the same code gives either, and little between them.

Such a metric has no useful mean of a few runs, and looks as if it drifted when one value follows the other. Pure functions.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from ..experiment import Experiment
from ..metric import Metric
from ..runs import mean
from .noise import EXACT

FEWEST = 6
"""Runs from which two levels are believed, with at least two at each."""

APART = 6.0
"""How many times the distance of the levels exceeds the range within each. Of six normal values 1 in 1,000 do."""

SELDOM = 0.3
"""Share of the runs at the rarer level up to which the median of three runs is at the other one in most cases (78% at this share)."""


@dataclass(frozen=True)
class Levels:
    """The two values that a metric takes.

    Attributes
    ----------
    low, high : float
        The means at the two levels.
    runs_low, runs_high : int
        Runs at each, of versions that ran more than once.
    statistic : str
        What the study takes of a version's runs.
    """

    low: float
    high: float
    runs_low: int
    runs_high: int
    statistic: str = "mean"

    def text(self, metric: Metric) -> str:
        """Return what was found in one sentence, and what helps in another."""
        runs = self.runs_low + self.runs_high
        rare, count = (self.low, self.runs_low) if self.runs_low <= self.runs_high else (self.high, self.runs_high)
        usual, share = self.high if rare == self.low else self.low, count / runs
        more = "average more runs in the evaluation (or with --repeats)"
        if self.statistic == "mean" and share <= SELDOM:
            of_three = (1 - share) ** 2 * (1 + 2 * share)
            more = f"{more}, or begin a study with --statistic median: that of three runs is {usual:.4g} in {of_three:.0%} of cases"
        return (
            f"The metric takes two values, about {self.low:.4g} and {self.high:.4g}: the same code gives either "
            f"({rare:.4g} in {count} of {runs} runs). A {self.statistic} of few runs says little then: find out what {metric.name} depends "
            f"on besides the code, or {more}."
        )


def two_levels(experiments: Iterable[Experiment]) -> Levels | None:
    """Return the two values that a metric takes; None where it does not look so.

    Both must come from the same code: from two versions at least, or from one that returned to a former value. A machine
    that has changed once, or a version that is better, does neither.

    Parameters
    ----------
    experiments : iterable of Experiment
        Every judged experiment; those that ran once say nothing.
    """
    experiments = list(experiments)
    found = _two_levels(experiments)
    return replace(found, statistic=experiments[0].statistic) if found else None


def _two_levels(experiments: Sequence[Experiment]) -> Levels | None:
    groups = [[m.value for m in e.measurements if m.ok and m.value is not None] for e in experiments]
    groups = [values for values in groups if len(values) > 1]
    pooled = _split([value for values in groups for value in values])
    if pooled is not None:
        border = (pooled.low + pooled.high) / 2
        mixed = [values for values in groups if len({value > border for value in values}) == 2]
        if len(mixed) > 1 or any(_returns(values, border) for values in mixed):
            return pooled
    # Where versions differ, one that ran often enough may still show it.
    alone = ((values, _split(values)) for values in groups)
    return next((s for values, s in alone if s and _returns(values, (s.low + s.high) / 2)), None)


def _returns(values: Sequence[float], border: float) -> bool:
    """Whether values go from one side of a border to the other and back."""
    return sum((a > border) != (b > border) for a, b in pairwise(values)) > 1


def _split(values: Sequence[float]) -> Levels | None:
    """Return the two levels that values lie at, split at their largest gap; None where they do not."""
    ordered = sorted(values)
    if len(ordered) < FEWEST:
        return None
    gap, at = max((b - a, i) for i, (a, b) in enumerate(pairwise(ordered), 1))
    low, high = ordered[:at], ordered[at:]
    widest = max(low[-1] - low[0], high[-1] - high[0])
    if min(len(low), len(high)) < 2 or gap <= APART * widest or gap <= EXACT * max(map(abs, ordered)):
        return None
    return Levels(mean(low), mean(high), len(low), len(high))
