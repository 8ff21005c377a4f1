"""How verdicts and the best value have gone over time: counts by batches of experiments, with the best value at the end of each.

Pure functions, no I/O.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ...experiment import Experiment, Verdict

MOST_BATCHES = 40
GROUPS = ("kept", "discarded", "stopped early or duplicate", "failed")
"""What the verdicts of a batch are counted as, in this order."""


@dataclass(frozen=True)
class VerdictHistory:
    """Counts of verdicts by batches of equal size; the baseline is in none.

    Attributes
    ----------
    size : int
        Experiments of a batch; the last batch may have fewer.
    starts : tuple of int
        The number of the first experiment of each batch.
    counts : tuple of tuple of int
        For each of `GROUPS` its count in each batch.
    best : tuple of float or None
        The value of the current best at the end of each batch.
    """

    size: int = 1
    starts: tuple[int, ...] = ()
    counts: tuple[tuple[int, ...], ...] = ((), (), (), ())
    best: tuple[float | None, ...] = ()


def verdict_history(experiments: Sequence[Experiment], most: int = MOST_BATCHES) -> VerdictHistory:
    """Count the verdicts of a study by batches.

    Parameters
    ----------
    experiments : sequence of Experiment
        In the order of their numbers, the baseline first.
    most : int
        The most batches; their size is 1, 2 or 5 times a power of ten.
    """
    judged = [e for e in experiments if e.verdict is not None]
    proposals = [e for e in judged if e.number > 0]
    if not proposals:
        return VerdictHistory()
    size = batch_size(len(proposals), most)
    best = next((e.value for e in judged if e.number == 0), None)
    starts: list[int] = []
    counts: list[list[int]] = [[], [], [], []]
    at_end: list[float | None] = []
    for first in range(0, len(proposals), size):
        batch = proposals[first : first + size]
        groups = [_group(e) for e in batch]
        best = next((e.value for e in reversed(batch) if e.kept), best)
        starts.append(batch[0].number)
        at_end.append(best)
        for group, row in enumerate(counts):
            row.append(groups.count(group))
    return VerdictHistory(size, tuple(starts), tuple(map(tuple, counts)), tuple(at_end))


def batch_size(count: int, most: int) -> int:
    """Return the smallest of 1, 2, 5, 10, 20, 50, ... with which there are `most` batches at most."""
    power = 1
    while True:
        for size in (power, 2 * power, 5 * power):
            if count <= most * size:
                return size
        power *= 10


def _group(e: Experiment) -> int:
    if e.kept:
        return 0
    if e.verdict in (Verdict.PRUNED, Verdict.DUPLICATE):
        return 2
    return 3 if e.verdict is not None and e.verdict.failed else 1
