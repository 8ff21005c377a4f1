"""Several lines of work: which gets the next proposal, which ends, and what two have found that can be tried together (``--lines``).

A *line* has a version of its own, on which its proposals build, whether that is the best of the study or not. Which line goes on is a question of
the value of information, in gain of the best for each proposal:

- *A line that goes on* is worth the expected improvement of the best within `HORIZON` proposals (Jones, Schonlau & Welch 1998), where the line's
  level is extrapolated from what its latest proposals have gained, as for rising bandits (Li, Jiang, Gao, Shao, Zhang & Cui 2020,
  *Efficient automatic CASH via rising bandits*).
- *A new start* is worth a share of what the study's proposals have gained on average, and less with each that has brought nothing. So a line is
  left when its gains fall below that average: the marginal value theorem (Charnov 1976, *Optimal foraging*).
- *Both together* is worth half of what the other line has gained since both parted.

A line begins with `OPENING` bold proposals, of which the best becomes its version, or at a version that was tried before. It gets `GRACE` proposals
before it is compared; then it ends when a new start is worth more, and is given one, unless it has the best version.

Pure functions, no I/O. Levels are in the metric's unit and positive for better.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from ..experiment import Experiment, Verdict

OPENING = 3
"""Bold proposals from which a line takes its first version."""
GRACE = 12
"""Proposals that a line gets before it may end."""
HORIZON = 20
"""Proposals of a line whose gain is foreseen."""
DECAY = 0.9
"""Factor on the weight of a proposal of a line for each later one."""
PRIOR = 1.0
"""Proposals with the study's average gain that each line has a priori."""
FRESH = 0.5
"""Share of the study's average gain that a new start is worth, before one was tried."""
TOGETHER = 0.5
"""Share of another line's gain that is expected of it beside those of the best."""

OF, MOVED, ENDED = "line of", "line", "line ended"
"""Kinds of the journal's notes: which line a proposal belongs to, a line's new version, and that a line begins again."""

Level = Callable[[int], float | None]
"""The expected level of a version; None for one that is not known."""


@dataclass(frozen=True)
class Line:
    """One line of work, in its present life.

    Attributes
    ----------
    number : int
        From 1.
    trunk : tuple of int
        Its versions, the present one last; empty while it looks for its first.
    members : tuple of int
        The proposals that were made for it, those of its opening included.
    opened : int
        How many of them belong to its opening, once that has ended.
    life : int
        How often it has begun.
    """

    number: int
    trunk: tuple[int, ...] = ()
    members: tuple[int, ...] = ()
    opened: int = 0
    life: int = 1

    @property
    def version(self) -> int | None:
        """The version that its proposals build on; None while it looks for its first."""
        return self.trunk[-1] if self.trunk else None

    @property
    def opening(self) -> tuple[int, ...]:
        """The bold proposals with which it began."""
        return self.members[: self.opened] if self.trunk else self.members

    @property
    def tried(self) -> tuple[int, ...]:
        """The proposals that were built on its versions."""
        return self.members[self.opened :] if self.trunk else ()


@dataclass(frozen=True)
class Lines:
    """All lines of a study, as its journal tells them.

    Attributes
    ----------
    lines : tuple of Line
    of : mapping of int to int
        The line of each experiment that belongs to one.
    spans : mapping of int to (int, int or None)
        From which number of experiments on, and until which, a version is one that lines need the level of.
    starts : tuple of int
        The versions at which lines have begun that have ended.
    """

    lines: tuple[Line, ...]
    of: Mapping[int, int] = field(default_factory=dict)
    spans: Mapping[int, tuple[int, int | None]] = field(default_factory=dict)
    starts: tuple[int, ...] = ()

    @classmethod
    def begin(cls, count: int) -> Lines:
        """Return so many lines, of which the first is at the baseline and the others have not begun."""
        return cls((Line(1, (0,)), *(Line(n) for n in range(2, count + 1))))

    @classmethod
    def read(cls, count: int, notes: Sequence[tuple[str, Mapping[str, Any]]], judged: int) -> Lines:
        """Return the lines that notes of the journal tell.

        Parameters
        ----------
        count : int
            How many lines there are now: a study may go on with more or fewer than before.
        notes : sequence of (str, mapping)
            Kind and body, in order.
        judged : int
            How many experiments have a verdict; one that was to become a version when the study was stopped is judged anew.
        """
        lines = cls.begin(max([count, *(body["line"] for _, body in notes)]))
        for kind, body in notes:
            if kind != MOVED or body["experiment"] < judged:
                lines = lines.after(kind, body)
        return replace(lines, lines=lines.lines[:count])

    def after(self, kind: str, body: Mapping[str, Any]) -> Lines:
        """Return the lines after a note."""
        line = self.lines[body["line"] - 1]
        if kind == OF:
            n = body["experiment"]
            spans = {**self.spans, n: (n, None)} if line.version is None else self.spans
            joined = replace(line, members=(*(m for m in line.members if m != n), n))
            return replace(self._without(n)._with(joined), of={**self.of, n: line.number}, spans=spans)
        at, version = body["at"], body.get("experiment")
        spans = self._closed([*line.opening, *line.trunk[-1:]], at, version)
        if version is not None:
            spans[version] = spans.get(version, (body.get("since", at), None))[0], None
        if kind == MOVED:
            opened = line.opened if line.trunk else len(line.members)
            return replace(self._with(replace(line, trunk=(*line.trunk, version), opened=opened)), spans=spans)
        new = Line(line.number, () if version is None else (version,), life=line.life + 1)
        return replace(self._with(new), spans=spans, starts=(*self.starts, *line.trunk[:1]))

    def _without(self, number: int) -> Lines:
        """Return the lines without a proposal, which was not recorded any more when the study was stopped, and is another one now."""
        if (before := self.of.get(number)) is None:
            return self
        line = self.lines[before - 1]
        return self._with(replace(line, members=tuple(m for m in line.members if m != number)))

    def _with(self, line: Line) -> Lines:
        return replace(self, lines=tuple(line if each.number == line.number else each for each in self.lines))

    def _closed(self, numbers: Collection[int], at: int, but: int | None) -> dict[int, tuple[int, int | None]]:
        spans = dict(self.spans)
        for n in numbers:
            if n in spans and n != but and spans[n][1] is None:
                spans[n] = spans[n][0], at
        return spans

    def followed(self, at: int) -> set[int]:
        """Return the versions whose levels lines need once there are experiments up to this number."""
        return {n for n, (since, until) in self.spans.items() if since <= at and (until is None or at < until)}

    def line_of(self, number: int) -> int:
        """Return the number of the line of an experiment; of one without, that which has it as version, else the first."""
        found = self.of.get(number, 0)
        having = (line.number for line in self.lines if line.version == number)
        return found if 0 < found <= len(self.lines) else next(having, 1)

    def versions(self) -> set[int]:
        """Return the present versions of all lines."""
        return {line.version for line in self.lines if line.version is not None}


# -- worth ----------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Worth:
    """What lines are worth, in gain of the best for each proposal.

    Attributes
    ----------
    lines : mapping of int to float
        A line that goes on.
    fresh : float
        A new start.
    """

    lines: Mapping[int, float]
    fresh: float


def worth(lines: Lines, level: Level, best: int, proposals: int, pending: Mapping[int, int] | None = None) -> Worth:
    """Return what each line and a new start are worth.

    Parameters
    ----------
    lines : Lines
    level : callable
    best : int
        The best version.
    proposals : int
        How many proposals the study has judged.
    pending : mapping, optional
        How many proposals of each line have no verdict yet: they count as such that gain nothing.
    """
    top, base = level(best) or 0.0, level(0) or 0.0
    average = max(0.0, top - base) / max(1, proposals)
    begun = [line for line in lines.lines if line.number > 1]
    lives = len(lines.starts) + sum(line.version is not None for line in begun)
    lucky = sum(n > 1 for n in {lines.of.get(e) for e in _trunk_to(lines, best)} if n)
    fresh = FRESH * average * (1 + lucky) / (1 + lives)
    found: dict[int, float] = {}
    for line in lines.lines:
        waiting = (pending or {}).get(line.number, 0)
        if line.number > 1 and len(line.members) + waiting < OPENING + GRACE and line.version != best:
            found[line.number] = fresh * (1 + 1e-6 * len(line.members)) if line.members else fresh
            continue
        found[line.number] = _going_on(line, level, top, average, waiting)
    return Worth(found, fresh)


def _trunk_to(lines: Lines, best: int) -> tuple[int, ...]:
    return next((line.trunk for line in lines.lines if line.version == best), ())


def _going_on(line: Line, level: Level, top: float, average: float, waiting: int) -> float:
    """Return what a line is worth that goes on."""
    gains = gains_of(line, level) + [0.0] * waiting
    weights = [DECAY ** (len(gains) - 1 - i) for i in range(len(gains))]
    total = sum(weights) + PRIOR
    rate = (sum(w * g for w, g in zip(weights, gains, strict=True)) + PRIOR * average) / total
    square = (sum(w * g * g for w, g in zip(weights, gains, strict=True)) + PRIOR * average**2) / total
    own = level(line.version or 0)
    gap = 0.0 if own is None else max(0.0, top - own)
    return expected_improvement(HORIZON * rate - gap, math.sqrt(HORIZON * square)) / HORIZON


def gains_of(line: Line, level: Level) -> list[float]:
    """Return what each of a line's proposals has gained over its version, 0 for those that became none."""
    found, before = [], level(line.trunk[0]) if line.trunk else None
    for n in line.tried:
        now = level(n) if n in line.trunk else None
        found.append(max(0.0, now - before) if now is not None and before is not None else 0.0)
        before = now if now is not None else before
    return found


def expected_improvement(mean: float, sd: float) -> float:
    """Return the mean of the positive part of a normal."""
    if sd <= 0:
        return max(0.0, mean)
    z = mean / sd
    return mean * 0.5 * math.erfc(-z / math.sqrt(2)) + sd * math.exp(-0.5 * z * z) / math.sqrt(2 * math.pi)


def next_line(lines: Lines, level: Level, best: int, proposals: int, pending: Mapping[int, int] | None = None) -> int:
    """Return the line that gets the next proposal; of those that are worth as much, the earlier one.

    Where nothing has gained anything, nothing is worth anything: then the first line gets `GRACE` proposals, and from then on the line that
    had fewest.
    """
    found = worth(lines, level, best, proposals, pending).lines
    had = {line.number: len(line.members) + (pending or {}).get(line.number, 0) for line in lines.lines}
    if not any(found.values()) and had[1] >= GRACE:
        return min(had, key=lambda n: (had[n], n))
    return max(found, key=lambda n: (found[n], -n))


def to_end(lines: Lines, level: Level, best: int, proposals: int) -> Line | None:
    """Return a line that has fallen behind so far that a new start is worth more; None for none."""
    found = worth(lines, level, best, proposals)
    behind = [
        line
        for line in lines.lines
        if line.version not in (None, best)
        and len(line.members) >= OPENING + GRACE
        and found.lines[line.number] < found.fresh
    ]
    return min(behind, key=lambda line: found.lines[line.number], default=None)


# -- starts, and what two lines have found ---------------------------------------------------------------------------------


def near_miss(lines: Lines, level: Level, experiments: Sequence[Experiment]) -> int | None:
    """Return a version of the past to begin a line at: the best that no line has been at, nor built on; None for none."""
    seen = {
        0,
        *lines.starts,
        *(n for line in lines.lines for n in line.trunk),
        *(e.parent for e in experiments if e.parent),
    }
    found = {
        e.number: known
        for e in experiments
        if e.verdict is Verdict.DISCARD and e.number not in seen and (known := level(e.number)) is not None
    }
    return max(found, key=lambda n: (found[n], -n), default=None)


def together(lines: Lines, level: Level, best: int, experiments: Sequence[Experiment]) -> list[int]:
    """Return the versions of other lines whose changes may be worth more beside those of the best than any other proposal.

    The one with the largest gain since both parted comes first. What gained nothing is left out.
    """
    value = worth(lines, level, best, len(experiments) - 1)
    least = max([*value.lines.values(), value.fresh])
    found: dict[int, float] = {}
    for version in lines.versions() - {best}:
        was, now = level(ancestor(best, version, experiments)), level(version)
        if was is not None and now is not None and now > was and TOGETHER * (now - was) > least:
            found[version] = now - was
    return sorted(found, key=lambda n: (-found[n], n))


def ancestor(one: int, other: int, experiments: Sequence[Experiment]) -> int:
    """Return the latest version that two versions both descend from."""
    ancestors, at = {one}, experiments[one].parent
    while at is not None:
        ancestors.add(at)
        at = experiments[at].parent
    while other not in ancestors:
        other = experiments[other].parent or 0
    return other
