"""Counts over a study's experiments and runs, brought up to date with what has changed since they were asked for last.

Loop, limits and panel ask for them several times an experiment, and a study may have ten thousand experiments.
"""

from __future__ import annotations

import threading
from bisect import bisect_left, bisect_right
from collections.abc import Sequence

from ..events import RunKind
from ..experiment import Experiment, Usage
from ..judging.noise import Noise
from ..judging.noise_estimator import Followed, NoiseEstimator
from ..storage.journal import SEARCH


class Tally:
    """Counts over the judged experiments of one study; safe to use from several threads.

    Attributes
    ----------
    ran, kept : list of int
        Places of the experiments that were run, and of those that were kept, the baseline included.
    repeated : list of int
        Places of those that ran more than once.
    changes : int
        How often a kept experiment has appeared, changed or gone.
    """

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.ran: list[int] = []
        self.kept: list[int] = []
        self.repeated: list[int] = []
        self.changes = self.repeats = 0
        self._seen: Sequence[Experiment] | None = None
        self._followed, self._noise = Followed(), NoiseEstimator()
        self._first: dict[str, int] = {}
        self._usage: Usage | None = Usage()

    def follow(self, experiments: Sequence[Experiment]) -> Tally:
        """Bring the counts up to date with the experiments, which stand in the order of their numbers from 0 on."""
        with self.lock:
            if experiments is self._seen:
                return self
            for before, now in self._followed.changed(experiments):
                self._take(before, now)
            self._seen = experiments
        return self

    def _take(self, before: Experiment | None, now: Experiment | None) -> None:
        e = now or before
        assert e is not None
        for places, was, holds in (
            (self.ran, before is not None and before.ran, now is not None and now.ran),
            (self.kept, before is not None and before.kept, now is not None and now.kept),
            (self.repeated, _repeated(before), _repeated(now)),
        ):
            if was != holds:
                at = bisect_left(places, e.number)
                if holds:
                    places.insert(at, e.number)
                else:
                    del places[at]
        self.changes += (before is not None and before.kept) or (now is not None and now.kept)
        self.repeats += _repeated(before) or _repeated(now)
        if before is None and now is not None:
            self._first.setdefault(now.fingerprint, now.number)
            if self._usage is not None:
                self._usage += now.proposal.usage
        elif before is not None and (now is None or before.fingerprint != now.fingerprint):
            self._first = {}
            for other in reversed(self._followed.experiments):
                self._first[other.fingerprint] = other.number
        if before is not None and (now is None or before.proposal.usage != now.proposal.usage):
            self._usage = None

    def noise(self, experiments: Sequence[Experiment]) -> Noise:
        """Return the noise of all repeats."""
        with self.lock:
            return self._noise.estimate(experiments)

    def usage(self, experiments: Sequence[Experiment]) -> Usage:
        """Return what the experiments' proposals have used."""
        with self.lock:
            self.follow(experiments)
            if self._usage is None:
                self._usage = sum((e.proposal.usage for e in experiments), Usage())
            return self._usage

    def first_with(self, fingerprint: str) -> int | None:
        """Return the first experiment of a fingerprint; None where there is none."""
        with self.lock:
            return self._first.get(fingerprint)

    def ran_after(self, number: int) -> int:
        """Return how many experiments were run after the one of a number."""
        with self.lock:
            return len(self.ran) - bisect_right(self.ran, number)


class RunTally:
    """Counts and seconds of a study's runs, which are only ever added, or replaced by another list; safe to use from several threads."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._runs: list[tuple[RunKind, float]] | None = None
        self._count = 0
        self._seconds: dict[str, float] = {}
        self._counts: dict[str, int] = {}

    def follow(self, runs: list[tuple[RunKind, float]]) -> tuple[dict[str, int], dict[str, float]]:
        """Return the number of runs of each kind, and their seconds."""
        with self._lock:
            if runs is not self._runs or len(runs) < self._count:
                self._runs, self._count, self._seconds, self._counts = runs, 0, {}, {}
            for kind, seconds in runs[self._count :]:
                self._counts[kind] = self._counts.get(kind, 0) + 1
                self._seconds[kind] = self._seconds.get(kind, 0.0) + seconds
                self._count += 1
            return dict(self._counts), dict(self._seconds)

    def searched(self, runs: list[tuple[RunKind, float]], *more: RunKind) -> tuple[int, float]:
        """Return number and seconds of the runs of the search, and of further kinds."""
        counts, seconds = self.follow(runs)
        kinds = (*SEARCH, *more)
        return sum(counts.get(kind, 0) for kind in kinds), sum(seconds.get(kind, 0.0) for kind in kinds)


def _repeated(e: Experiment | None) -> bool:
    return e is not None and len(e.measurements) > 1
