"""The gain of an experiment over its parent: one definition for the history, the panel and the analysis.

The gain is the difference of two means, in the metric's unit and positive for better: of the experiment's runs that were
judged, and of all runs of its parent that count. The parent is the incumbent (the current best) that it was compared with.
Where the machine drifted later, the experiment's values from before the drift are taken, so that they are of the same time as
its parent's.

Its interval is ``gain ± t · sqrt(sd_e²/n + sd_p²/m)`` for n and m runs, from the pooled noise of the study at each of the two
values; the runs on equal seeds are taken as independent. The judge's own comparison (`noise.compare`) also uses the
correlation of such pairs; its reasons say so where that makes a difference.

The chance of being better is that of Student's t at the gain in standard errors, with the noise's degrees of freedom.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ..experiment import Experiment, Verdict, mean
from ..metric import Metric
from .chance import p_better
from .noise import Noise, difference

CONFIDENCE = 0.95
"""Of the interval of a gain, and of a keep that is proven."""

PROVEN_RUNS = 2
"""Runs of a keep that chance has to be ruled out by: the first one was the reason to look at it."""


@dataclass(frozen=True)
class Gain:
    """The gain of an experiment over its parent, in the metric's unit, positive for better.

    Attributes
    ----------
    gain : float
    low, high : float or None
        The ends of its 95% interval; equal to the gain for a deterministic metric, None while the noise is not known.
    runs, parent_runs : int
        Runs behind the two means.
    p_better : float or None
        The chance that it is better than its parent, 0 to 1; for a deterministic metric 0, 0.5 (equal) or 1. None while the noise
        is not known.
    proven : bool
        Whether it is a keep, and its runs have shown that it is better.
    """

    gain: float
    low: float | None
    high: float | None
    runs: int
    parent_runs: int
    p_better: float | None = None
    proven: bool = False


def judged_values(e: Experiment) -> tuple[float, ...]:
    """Return the values that an experiment was judged by: those from before the last drift of the machine."""
    return tuple(m.value for m in e.measurements[: e.since or None] if m.ok and m.value is not None)


def gain_over_parent(
    e: Experiment,
    experiments: Sequence[Experiment] | Mapping[int, Experiment],
    metric: Metric,
    noise: Noise | None = None,
) -> Gain | None:
    """Return the gain of an experiment over its parent; None for the baseline, and where one of them has no value that counts.

    Parameters
    ----------
    e : Experiment
    experiments : sequence or mapping of Experiment
        The judged experiments by number.
    metric : Metric
    noise : Noise, optional
        The study's; without it there is no interval.
    """
    if e.parent is None or (e.verdict is not None and e.verdict.failed):
        return None
    try:
        ours, theirs = judged_values(e), experiments[e.parent].values
    except (KeyError, IndexError):  # the parent is not among them
        return None
    if not ours or not theirs:
        return None
    a, b = mean(ours), mean(theirs)
    gain = difference(a, b, metric)
    low = high = chance = None
    proven = False
    if noise is not None and noise.known:
        error = math.sqrt(noise.at(a) ** 2 / len(ours) + noise.at(b) ** 2 / len(theirs))
        reach = noise.quantile((1 - CONFIDENCE) / 2) * error if error else 0.0
        low, high = gain - reach, gain + reach
        chance = p_better(gain, error, noise.df)
        enough = not error or len(ours) >= PROVEN_RUNS
        proven = e.verdict is Verdict.KEEP and chance >= CONFIDENCE and enough
    return Gain(gain, low, high, len(ours), len(theirs), chance, proven)
