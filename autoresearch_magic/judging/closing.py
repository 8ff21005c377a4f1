"""The closing phase: which runs at the end of a study choose its result and prove its keeps.

One run in twenty at most. Each is one of two:

- *Choosing* between the last incumbents and near misses is ranking and selection with correlated beliefs: the version is run whose run
  improves the expected level of the best one most (the knowledge gradient; Frazier, Powell & Dayanik 2009, *INFORMS J. Computing* 21,
  599-613), as long as that is worth anything.
- *Proving*: then a keep that is nearest to being proven, or the version that it was built on, is run, whichever makes its gain more precise.

Pure functions, no I/O.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence

from ..experiment import Experiment, Verdict
from ..source.edits import complexity
from .belief import Belief
from .effects import knowledge_gradient
from .gains import PROVEN

SHARE = 20
"""One run in so many may belong to the closing phase. With one in ten the studies of `benchmarks/judge.py` end no higher."""

WORTH = 0.01
"""Worth of a run, in standard deviations of the noise, below which it chooses nothing any more."""

SWITCH, SIMPLER = 0.1, 1.0
"""Standard deviations by which another version must be expected to be better than the incumbent to take its place: in general, and where
the incumbent's code is simpler."""

HOPE = 0.5
"""Chance of being better from which it is tried to prove a keep."""


def closing_runs(runs: int) -> int:
    """Return how many runs of the closing phase so many runs of the search allow."""
    return runs // SHARE


def eligible(belief: Belief, experiments: Sequence[Experiment], excluded: Collection[int] = ()) -> list[int]:
    """Return the versions that the result may be chosen from: those whose level is known, kept or discarded."""
    kinds = (Verdict.BASELINE, Verdict.KEEP, Verdict.DISCARD)
    return [e.number for e in experiments if e.verdict in kinds and e.number not in excluded and belief.knows(e.number)]


def best_version(
    belief: Belief, experiments: Sequence[Experiment], incumbent: Experiment, excluded: Collection[int] = ()
) -> int:
    """Return the version that a study should end with: the incumbent, or another one that is expected to be better."""
    found = eligible(belief, experiments, excluded)
    best = max(found, key=belief.mean, default=incumbent.number)
    if best == incumbent.number or not belief.knows(incumbent.number):
        return incumbent.number
    simpler = complexity(incumbent.target) < complexity(experiments[best].target)
    enough = SIMPLER if simpler else SWITCH
    return best if belief.mean(best) - belief.mean(incumbent.number) > enough else incumbent.number


def next_run(
    belief: Belief, experiments: Sequence[Experiment], incumbent: Experiment, excluded: Collection[int] = ()
) -> int | None:
    """Return which version the closing phase runs next; None when no run is worth anything. See `next_runs`."""
    return next(iter(next_runs(belief, experiments, incumbent, excluded)), None)


def next_runs(
    belief: Belief,
    experiments: Sequence[Experiment],
    incumbent: Experiment,
    excluded: Collection[int] = (),
    most: int = 1,
) -> list[int]:
    """Return which versions the closing phase runs next, at the same time; none when no run is worth anything.

    Parameters
    ----------
    belief : Belief
    experiments : sequence of Experiment
        The judged ones by number.
    incumbent : Experiment
    excluded : collection of int
        Versions that cannot be the result, such as those that fail the guard.
    most : int
        How many at the same time.
    """
    found = eligible(belief, experiments, excluded)
    if incumbent.number not in found:
        return []
    best = max(found, key=belief.mean)
    worth = {n: _worth(belief, n, best, found) for n in found}
    chosen = [n for n in sorted(worth, key=lambda n: worth[n], reverse=True) if worth[n] > WORTH]
    if chosen:
        return chosen[:most]
    unproven = _to_prove(belief, experiments, experiments[best])
    return [] if unproven is None else [unproven]


def _worth(belief: Belief, number: int, best: int, found: Sequence[int]) -> float:
    """Return the expected improvement of the result by one more run of a version: against its strongest rival."""
    rivals = [n for n in found if n != number] if number == best else [best]
    return max(
        (
            knowledge_gradient(belief.change(number, number, other), belief.mean(number) - belief.mean(other))
            for other in rivals
        ),
        default=0.0,
    )


def _to_prove(belief: Belief, experiments: Sequence[Experiment], best: Experiment) -> int | None:
    """Return the version to run for the keep that is nearest to being proven among those that led to the best version."""
    nearest: tuple[float, Experiment] | None = None
    e = best
    while e.parent is not None:
        gain = belief.gain(e)
        if gain is not None and HOPE <= gain.p_better < PROVEN and belief.knows(e.number) and belief.knows(e.parent):
            nearest = max(nearest or (0.0, e), (gain.p_better, e), key=lambda pair: pair[0])
        e = experiments[e.parent]
    if nearest is None:
        return None
    keep = nearest[1]
    assert keep.parent is not None
    parent = keep.parent
    return max((keep.number, parent), key=lambda n: math.fabs(belief.change(n, keep.number, parent)))
