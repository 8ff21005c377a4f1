"""The estimate of a metric's noise, brought up to date with what has changed since it was asked for last.

The formulas are those of `noise`. A long study has thousands of repeated versions, and each experiment adds or changes one or two: what
a version's runs say is worked out once. The sums are made in the same order over the same numbers as if all were worked out anew.
"""

from __future__ import annotations

import math
import operator
from bisect import bisect_left, insort
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from ..experiment import Experiment
from ..runs import mean
from .noise import EXACT, MOST, TIE, UNPAIRED, Noise, by_seed, significant_digits

POWERS = (0.5, 0.0, 1.0)


class Followed:
    """The experiments of a study as they were seen last."""

    def __init__(self) -> None:
        self.experiments: list[Experiment] = []

    def changed(self, experiments: Sequence[Experiment]) -> list[tuple[Experiment | None, Experiment | None]]:
        """Return what has changed since, in the order of the places: what was there and what is there now."""
        known = self.experiments
        found: list[tuple[Experiment | None, Experiment | None]] = [(e, None) for e in known[len(experiments) :]]
        del known[len(experiments) :]
        if not all(map(operator.is_, known, experiments)):
            for at, (before, now) in enumerate(zip(known, experiments, strict=False)):
                if before is not now:
                    found.append((before, now))
                    known[at] = now
        more = experiments[len(known) :]
        known += more
        return [*found, *((None, e) for e in more)]


@dataclass
class _Group:
    """The values of one version that ran more than once."""

    values: list[float]
    shared: list[tuple[float, float]] = field(default_factory=list)  # with the parent, as deviations from the means
    sizes: tuple[float, float] = (0.0, 0.0)  # of the means of the shared values

    @cached_property
    def middle(self) -> float:
        return mean(self.values)

    @property
    def size(self) -> float:
        return abs(self.middle)

    @cached_property
    def signs(self) -> set[int]:
        return {(value > 0) - (value < 0) for value in self.values}

    @cached_property
    def digits(self) -> int:
        return max(map(significant_digits, self.values))

    def deviations(self, power: float) -> list[float]:
        """Return how far each value is from the mean, divided by its size to a power."""
        unit: float = abs(self.middle) ** power
        return [(value - self.middle) / unit for value in self.values]


class NoiseEstimator:
    """Estimates the noise of one study's metric; see `noise.estimate_noise`."""

    def __init__(self) -> None:
        self._followed = Followed()
        self._repeated: dict[int, Experiment] = {}
        self._children: dict[int, set[int]] = {}  # repeated ones, by the parent's number
        self._groups: dict[int, _Group] = {}
        self._order: list[int] = []  # of the groups
        self._paired: list[int] = []  # groups that share seeds with their parents
        self._kept: list[int] = []
        self._values: dict[int, tuple[float, ...]] = {}  # of those
        self._signs: Counter[int] = Counter()
        self._df = 0
        self._flat: dict[float, list[float]] = {}
        self._logs: list[float] | None = None
        self._found: Noise | None = None

    def estimate(self, experiments: Iterable[Experiment]) -> Noise:
        """Return the noise from all repeats of a study; the experiments are given in the order of their numbers."""
        experiments = experiments if isinstance(experiments, list | tuple) else list(experiments)
        again: set[int] = set()
        for before, now in self._followed.changed(experiments):
            again |= self._take(before, now)
        for number in sorted(again):
            self._group(number)
        if self._found is None:
            self._found = self._estimate()
        return self._found

    def _take(self, before: Experiment | None, now: Experiment | None) -> set[int]:
        """Take a change of one experiment; return the numbers of those whose groups it changes."""
        again: set[int] = set()
        for e, is_new in ((before, False), (now, True)):
            if e is None:
                continue
            if len(e.measurements) > 1:
                again |= {e.number, *self._children.get(e.number, ())}
                if is_new:
                    self._repeated[e.number] = e
                    if e.parent is not None:
                        self._children.setdefault(e.parent, set()).add(e.number)
                else:
                    self._repeated.pop(e.number, None)
                    self._children.get(e.parent if e.parent is not None else -1, set()).discard(e.number)
            if e.kept and e.values:
                self._found = None
                if is_new:
                    insort(self._kept, e.number)
                    self._values[e.number] = e.values
                else:
                    self._kept.remove(e.number)
        return again

    def _group(self, number: int) -> None:
        """Work out anew what a version's runs say."""
        self._found = None
        e, known = self._repeated.get(number), self._groups.pop(number, None)
        at = bisect_left(self._order, number)
        last = at >= len(self._order) - (known is not None)
        if known is not None:
            del self._order[at]
            self._signs.subtract(known.signs)
            self._df -= len(known.values) - 1
            if known.shared:
                self._paired.remove(number)
            if last:
                for flat in self._flat.values():
                    del flat[len(flat) - len(known.values) :]
                if self._logs is not None:
                    self._logs.pop()
        if not last:
            self._flat.clear()
            self._logs = None
        values = [] if e is None else [
            m.value for m in e.current if m.ok and m.value is not None and (e.number == 0 or m is not e.measurements[0])
        ]  # fmt: skip
        if e is None or len(values) < 2:
            return
        group = self._groups[number] = _Group(values)
        self._order.insert(at, number)
        self._signs.update(group.signs)
        self._df += len(values) - 1
        if last:
            for power, flat in self._flat.items():
                if power and not group.size:
                    self._flat.clear()
                    break
                flat += group.deviations(power)
            if self._logs is not None:
                if group.size:
                    self._logs.append(_log(group))
                else:
                    self._logs = None
        parent = None if e.parent is None else self._repeated.get(e.parent)
        if parent is not None:
            own, other = by_seed(e.current), by_seed(parent.current)
            seeds = [seed for seed in own if seed in other and seed != e.measurements[0].seed]
            if len(seeds) > 1:
                ours, theirs = [own[s] for s in seeds], [other[s] for s in seeds]
                a, b = mean(ours), mean(theirs)
                group.shared = [(x - a, y - b) for x, y in zip(ours, theirs, strict=True)]
                group.sizes = abs(a), abs(b)
                insort(self._paired, number)

    def _estimate(self) -> Noise:
        df, groups = self._df, self._groups
        if df == 0:
            return Noise()
        size = abs(mean(self._values[self._kept[-1]])) if self._kept else groups[self._order[0]].size
        power = self._power() if size else 0.0
        sd = self._pooled(power)
        largest = max(groups[n].size for n in self._order)
        # Values that are equal but for the last bits of a sum are equal.
        if sd * largest**power <= EXACT * largest:
            return Noise(0.0, df, digits=max(groups[n].digits for n in self._order))
        products, pair_df = 0.0, 0
        for n in self._paired:
            group = groups[n]
            one, two = sd * group.sizes[0] ** power, sd * group.sizes[1] ** power
            if one and two:  # zero for the tiniest values
                products += sum(x / one * (y / two) for x, y in group.shared)
                pair_df += len(group.shared) - 1
        pairing = products / (pair_df + UNPAIRED)
        return Noise(sd * size**power, df, max(0.0, min(MOST, pairing)), power, size)

    def _pooled(self, power: float) -> float:
        """Return the standard deviation pooled within groups, each divided by its mean's size to a power.

        Without squares, which would overflow or vanish for values beyond 1e154 or below 1e-154.
        """
        flat = self._flat.get(power)
        if flat is None:
            flat = self._flat[power] = [each for n in self._order for each in self._groups[n].deviations(power)]
        return math.hypot(*flat) / math.sqrt(self._df)

    def _power(self) -> float:
        """Return the power of its mean that a metric's standard deviation is proportional to: 0, ½ or 1."""
        signs = {sign for sign, count in self._signs.items() if count > 0}
        if len(signs) > 1 or signs == {0}:
            return 0.0
        found = {power: self._likelihood(power) for power in POWERS}
        best = max(found.values())
        return next(power for power, value in found.items() if value >= best - TIE)

    def _likelihood(self, power: float) -> float:
        sd = self._pooled(power)
        if sd <= 0:
            return 0.0
        if self._logs is None:
            self._logs = [_log(self._groups[n]) for n in self._order]
        return -self._df * math.log(sd) - power * sum(self._logs)


def _log(group: _Group) -> float:
    return (len(group.values) - 1) * math.log(group.size)
