"""Which kinds of change paid off: how often each was tried and kept, and by how much it changed the metric on average.

The mean gain of a kind is over all its experiments that have a gain, whether kept or not, so it says what the next change of this
kind may be expected to bring. Its 95% interval is Student's: ``mean ± t(0.975, n − 1) · s / sqrt(n)``, of three experiments at least. What a kind has
brought in all is the sum of the gains of those that were kept.

Pure functions, no I/O.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from ...experiment import Experiment, Verdict
from ..gains import Gain
from .change_kinds import Change, change
from .rates import Rate, wilson

LEAST = 3
"""Experiments from which a mean gain has an interval."""

Changes = dict[int, tuple[str, Change]]
"""The change of each experiment by its number, with the target that it was found in."""


@dataclass(frozen=True)
class Payoff:
    """What came of one kind of change.

    Attributes
    ----------
    kind : str
        See `change_kinds.Change.kind`.
    kept : Rate
        Those kept among those that were run.
    proven, failed : int
    total : float
        The sum of the gains of those kept, in the metric's unit, positive for better.
    mean : float or None
        The mean gain of those that have one.
    low, high : float or None
        Its 95% interval.
    """

    kind: str
    kept: Rate
    proven: int
    failed: int
    total: float
    mean: float | None = None
    low: float | None = None
    high: float | None = None


def find_changes(
    experiments: Sequence[Experiment], known: Changes | None = None, rest: Callable[[], None] | None = None
) -> Changes:
    """Return the change that each experiment made to its parent, of those that were run.

    Parameters
    ----------
    experiments : sequence of Experiment
        By number.
    known : dict, optional
        What an earlier call has returned; it is extended, and what has not changed since is not compared again.
    rest : callable, optional
        Called after each comparison, so that other threads get their turn.
    """
    changes: Changes = {} if known is None else known
    # Not the cache where the caller has one: a long history would only push out what others have found.
    compare = change if known is None else change.__wrapped__
    for e in experiments:
        if e.number == 0 or not e.ran or e.verdict is None:
            continue
        had = changes.get(e.number)
        if had is not None and had[0] == e.target:
            continue
        parent = None if e.parent is None else _numbered(experiments, e.parent)
        found = Change(structure=True) if parent is None else compare(parent.target, e.target)
        changes[e.number] = e.target, found
        if rest is not None:
            rest()
    return changes


def _numbered(experiments: Sequence[Experiment], number: int) -> Experiment | None:
    """Return the experiment of a number; that is its place, unless some are left out."""
    if number < len(experiments) and experiments[number].number == number:
        return experiments[number]
    return next((e for e in experiments if e.number == number), None)


def payoffs(experiments: Iterable[Experiment], changes: Changes, gains: Mapping[int, Gain]) -> tuple[Payoff, ...]:
    """Return what came of each kind of change, those that brought the most first."""
    members: dict[str, list[Experiment]] = {}
    for e in experiments:
        if e.number in changes:
            members.setdefault(changes[e.number][1].kind, []).append(e)
    found = [_payoff(kind, each, gains) for kind, each in members.items()]
    return tuple(sorted(found, key=lambda p: (-p.total, -(p.mean or -math.inf), -p.kept.hits, p.kept.of, p.kind)))


def _payoff(kind: str, each: Sequence[Experiment], gains: Mapping[int, Gain]) -> Payoff:
    kept = [e.number for e in each if e.verdict is Verdict.KEEP]
    sizes = [gains[e.number].gain for e in each if e.number in gains]
    mean = statistics.fmean(sizes) if sizes else None
    low = high = None
    if mean is not None and len(sizes) >= LEAST:
        from scipy.stats import t

        reach = float(t.ppf(0.975, len(sizes) - 1)) * statistics.stdev(sizes) / math.sqrt(len(sizes))
        low, high = mean - reach, mean + reach
    return Payoff(
        kind, wilson(len(kept), len(each)), sum(n in gains and gains[n].proven for n in kept),
        sum(e.verdict is not None and e.verdict.failed for e in each),
        math.fsum(gains[n].gain for n in kept if n in gains), mean, low, high,
    )  # fmt: skip
