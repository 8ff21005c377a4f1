"""The gain of an experiment over its parent: one definition for the history, the panel and the analysis.

The parent is the incumbent (the current best) that the experiment was compared with. There are two gains:

- `gain_over_parent`, what was seen: the difference of two means, of the experiment's runs that were judged and of all runs of its parent
  that count. Of a version that was chosen because it looked good it is too large on average.
- `expected_gains`, what is believed: the mean of the gain's distribution given all runs of the study (`belief`), with the central 95% interval
  and the chance of being better. A keep is *proven* when that chance is 99%, and more than the first run says so, for which it was
  kept: its further runs alone must show a gain at the level of 97.5%, or a version was built on it and all runs are four standard errors
  apart, which no choice among hundreds of lucky runs explains. In `benchmarks/judge.py` about one proven keep in twenty is no gain.

All in the metric's unit and positive for better. Where the machine drifted later, the experiment's values from before the drift are
taken, so that they are of the same time as its parent's.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from ..experiment import Experiment, Verdict
from ..metric import Metric
from ..runs import summary
from .belief import Belief, Followed
from .chance import contrast
from .noise import Noise, difference

CONFIDENCE = 0.95
"""Of the interval of a gain, and of a keep that is proven."""

PROVEN = 0.99
"""The chance of being better from which a keep is proven, if more than its first run shows it."""

FRESH, WIDE = 0.975, 4.0
"""Chance by the further runs alone, and standard errors between all runs of keep and parent, that are enough."""

KnownGains = dict[int, tuple[Experiment, Experiment, object, object, "Gain | None"]]
"""By number: an experiment, its parent, what its gain was worked out from, and the gain."""

CERTAIN = 0.9
"""Probability that a metric has no noise from which a single value proves a gain."""


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
) -> Gain | None:
    """Return the gain of an experiment over its parent as it was seen; None for the baseline, and where one of them has no value that counts.

    Parameters
    ----------
    e : Experiment
    experiments : sequence or mapping of Experiment
        The judged experiments by number.
    metric : Metric
    """
    if e.parent is None or (e.verdict is not None and e.verdict.failed):
        return None
    try:
        ours, theirs = judged_values(e), experiments[e.parent].values
    except (KeyError, IndexError):  # the parent is not among them
        return None
    if not ours or not theirs:
        return None
    gain = difference(summary(ours, e.statistic), summary(theirs, e.statistic), metric)
    return Gain(gain, None, None, len(ours), len(theirs))


def expected_gains(
    experiments: Sequence[Experiment],
    metric: Metric,
    noise: Noise,
    *,
    timed: bool = True,
    before: Belief | None = None,
    rest: Callable[[], object] = lambda: None,
    known: KnownGains | None = None,
    followed: Followed = lambda number: (),
    keeps_only: bool = False,
) -> tuple[dict[int, Gain], Belief | None]:
    """Return the gain of each experiment over its parent as it is believed, by number; without those that have none.

    Parameters
    ----------
    experiments : sequence of Experiment
        The judged ones by number.
    metric : Metric
    noise : Noise
        The study's. While it is not known, the gains are those that were seen, without interval and chance.
    timed : bool
        Whether the machine's speed can matter to a run.
    before : Belief, optional
        The belief that an earlier call has returned.
    rest : callable, optional
        Called after each experiment that is worked out, a millisecond of work: a thread lets others go on then.
    known : dict, optional
        What earlier calls of the same study have worked out; what still holds is taken from it, and what is new is put into it.
    followed : callable, optional
        See `Belief`.
    keeps_only : bool
        Whether those of keeps are wanted alone.

    Returns
    -------
    gains : dict
    belief : Belief or None
        To be given to the next call.
    """
    kept = {} if known is None else known
    informed = bool(experiments) and bool(experiments[0].values) and noise.known
    parents = {e.parent for e in experiments if e.values} if informed and not noise.deterministic else set()
    belief = None
    if informed and not noise.deterministic:
        belief = Belief(experiments, metric, noise, timed=timed, before=before, rest=rest, followed=followed)
    certain = informed and noise.certainty >= CERTAIN
    gains: dict[int, Gain] = {}
    for e in experiments:
        parent = None if e.parent is None else _at(experiments, e.parent)
        if parent is None or (keeps_only and e.verdict is not Verdict.KEEP):
            continue
        p = None if belief is None else belief.gain_in_units(e)
        shown = p is not None and e.verdict is Verdict.KEEP and p.p_better >= PROVEN
        # What the gain is worked out from, besides the noise, by which a keep may be proven.
        basis = (
            (p, belief.units.size)
            if belief is not None
            else (certain, noise.deterministic)
            if informed
            else (None, None)
        )
        last = kept.get(e.number)
        if (
            last is not None
            and not shown
            and last[0] is e
            and last[1] is parent
            and last[2] is basis[0]
            and last[3] == basis[1]
        ):
            if last[4] is not None:
                gains[e.number] = last[4]
            continue
        rest()
        gain = gain_over_parent(e, experiments, metric)
        if gain is not None and belief is not None and p is not None:
            u = belief.units.size
            proven = shown and _shown(e, parent, metric, noise, e.number in parents)
            gain = replace(gain, gain=p.mean * u, low=p.low * u, high=p.high * u, p_better=p.p_better, proven=proven)
        elif gain is not None and informed and noise.deterministic:
            gain = _exact(e, gain, certain)
        kept[e.number] = e, parent, basis[0], basis[1], gain
        if gain is not None:
            gains[e.number] = gain
    return gains, belief


def _at(experiments: Sequence[Experiment], number: int) -> Experiment | None:
    return experiments[number] if number < len(experiments) else None


def _shown(e: Experiment, parent: Experiment, metric: Metric, noise: Noise, followed: bool) -> bool:
    """Whether more than the first run of a keep shows that it is better than its parent."""
    ours = judged_values(e)
    further = contrast(ours[1:], parent.values, metric, e.statistic, noise).p_better if len(ours) > 1 else None
    if further is not None and further >= FRESH:
        return True
    every = contrast(ours, parent.values, metric, e.statistic, noise)
    return followed and every.error > 0 and every.gain >= WIDE * every.error


def _exact(e: Experiment, gain: Gain, certain: bool) -> Gain:
    """Return a gain of a metric without noise."""
    chance = float(gain.gain > 0)  # the same value is not better
    proven = e.verdict is Verdict.KEEP and gain.gain > 0 and (certain or gain.runs > 1)
    return replace(gain, low=gain.gain, high=gain.gain, p_better=chance, proven=proven)
