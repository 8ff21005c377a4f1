"""Which values of its constants each version of a target had, beside what came of it.

Only versions that share their *structure* can be compared: the code without the values of its tunable constants, as it is read by
`edits.fingerprint`. A learning rate that suits two layers says little about one that suits twenty, so values of versions with other code are
left out, and none are imputed. Of several structures the current best's is taken where it has enough runs, else the one with the most.

Reading 10,000 versions as syntax trees would take a minute. Most differ from their parent by the digits of a line, so a version is first
compared with what is known line by line (some microseconds); only one that differs elsewhere is parsed.

Pure functions, no I/O.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from ...experiment import Experiment, Verdict
from ...metric import Metric
from ...source.constants import Constant, find_constants, read_values, replace_constants
from ...source.edits import fingerprint
from ...source.search_space import Space, Value

MOST_PARSED = 600
"""Versions of a study that are parsed, the latest: those before them that differ by more than known lines are not read."""

Rest = Callable[[], None]


@dataclass(frozen=True)
class Tried:
    """The values of the constants of comparable versions.

    Attributes
    ----------
    names : tuple of str
        Constants that had two values at least, in the order in which they stand.
    spaces : tuple of Choices or Range
        The values that each may take, by its name and its value in `example`.
    numbers : tuple of int
        The experiments, in their order.
    values : tuple of tuple
        For each constant its value in each of these experiments.
    results : tuple of float or None
        The metric; None for a run that was stopped early as hopeless.
    example : int
        The experiment whose structure they share: the latest kept one, else the first.
    current : bool
        Whether this is the structure of the current best.
    of : int
        All experiments with a result, of any structure.
    """

    names: tuple[str, ...] = ()
    spaces: tuple[Space, ...] = ()
    numbers: tuple[int, ...] = ()
    values: tuple[tuple[Value, ...], ...] = ()
    results: tuple[float | None, ...] = ()
    example: int = 0
    current: bool = True
    of: int = 0

    @property
    def valued(self) -> int:
        """How many of the experiments have a result."""
        return sum(value is not None for value in self.results)


@dataclass
class Readings:
    """What was read of a study's versions so far, kept between two calls of `tried_constants`."""

    structures: dict[str, Structure] = field(default_factory=dict)
    read: dict[int, tuple[str, Structure, tuple[Value, ...]]] = field(default_factory=dict)
    parsed: int = 0


class Structure:
    """The code of a version around its constants.

    Parameters
    ----------
    target : str
    constants : sequence of Constant
    """

    def __init__(self, target: str, constants: Sequence[Constant]) -> None:
        self.constants = tuple(constants)
        self._lines = target.split("\n")
        self._patterns: dict[int, tuple[re.Pattern[str], tuple[int, ...]]] = {}
        starts = [0]
        for line in self._lines:
            starts.append(starts[-1] + len(line) + 1)
        on_line: dict[int, list[int]] = {}
        for index, constant in enumerate(constants):
            row = target.count("\n", 0, constant.start)
            if constant.end <= starts[row] + len(self._lines[row]):
                on_line.setdefault(row, []).append(index)
        for row, indices in on_line.items():
            text, at, pattern = self._lines[row], 0, ""
            indices.sort(key=lambda index: constants[index].start)
            for index in indices:
                start, end = constants[index].start - starts[row], constants[index].end - starts[row]
                pattern += re.escape(text[at:start]) + r"([^\s,;#()]+|'[^']*'|\"[^\"]*\")"
                at = end
            self._patterns[row] = re.compile(pattern + re.escape(text[at:])), tuple(indices)

    def read(self, target: str) -> tuple[Value, ...] | None:
        """Return the values of the constants in a target that differs in them alone, letter by letter; None for another one."""
        lines = target.split("\n")
        if len(lines) != len(self._lines):
            return None
        values = [constant.value for constant in self.constants]
        for number, (line, ours) in enumerate(zip(lines, self._lines, strict=True)):
            if line == ours:
                continue
            if (known := self._patterns.get(number)) is None or (match := known[0].fullmatch(line)) is None:
                return None
            for index, text in zip(known[1], match.groups(), strict=True):
                value = _literal(text, self.constants[index].value)
                if value is None:
                    return None
                values[index] = value
        return tuple(values)


def tried_constants(
    experiments: Sequence[Experiment],
    metric: Metric,
    readings: Readings,
    *,
    enough: int = 1,
    rest: Rest | None = None,
) -> Tried:
    """Return the values of the constants of all comparable versions of a study.

    Parameters
    ----------
    experiments : sequence of Experiment
        By number.
    metric : Metric
    readings : Readings
        What earlier calls have read of the same study; extended.
    enough : int
        Results from which the current best's structure is taken even where another one has more.
    rest : callable, optional
        Called between two versions, so that other threads get their turn.
    """
    judged = [e for e in experiments if e.verdict in _COUNTED and (e.value is not None or e.verdict is Verdict.PRUNED)]
    baseline = experiments[0].target if experiments else ""
    rows: dict[int, tuple[Structure, tuple[Value, ...]]] = {}
    recent = {e.number for e in judged[-MOST_PARSED:]}
    for e in judged:
        had = readings.read.get(e.number)
        if had is None or had[0] != e.target:
            parent = readings.read.get(e.parent) if e.parent is not None else None
            found = _read(
                e, readings, parent[1] if parent else None, metric, baseline, parse=e.kept or e.number in recent
            )
            if found is None:
                continue
            had = readings.read[e.number] = e.target, *found
        rows[e.number] = had[1:]
        if rest is not None:
            rest()
    return _table(
        [e for e in judged if e.number in rows], rows, experiments, enough, of=sum(e.value is not None for e in judged)
    )


_COUNTED = (Verdict.BASELINE, Verdict.KEEP, Verdict.DISCARD, Verdict.PRUNED)


def _table(
    judged: Sequence[Experiment], rows: dict[int, tuple[Structure, tuple[Value, ...]]], experiments: Sequence[Experiment], enough: int, of: int
) -> Tried:  # fmt: skip
    members: dict[int, list[Experiment]] = {}
    for e in judged:
        members.setdefault(id(rows[e.number][0]), []).append(e)
    best = next((e for e in reversed(experiments) if e.kept), None)
    if not members:
        return Tried(of=of)
    valued = {key: sum(e.value is not None for e in each) for key, each in members.items()}
    own = id(rows[best.number][0]) if best is not None and best.number in rows else None
    chosen = max(members, key=lambda key: (valued[key], key == own))
    if own is not None and (valued[own] >= enough or valued[chosen] < enough):
        chosen = own
    each = members[chosen]
    example = next((e for e in reversed(each) if e.kept), each[0])
    constants = rows[example.number][0].constants
    columns = [tuple(rows[e.number][1][index] for e in each) for index in range(len(constants))]
    changed = [index for index, column in enumerate(columns) if len(set(column)) > 1]
    return Tried(
        tuple(constants[i].name for i in changed), tuple(constants[i].space for i in changed), tuple(e.number for e in each),
        tuple(columns[i] for i in changed), tuple(None if e.verdict is Verdict.PRUNED else e.value for e in each),
        example.number, chosen == own, of,
    )  # fmt: skip


def _read(
    e: Experiment, readings: Readings, parent: Structure | None, metric: Metric, baseline: str, *, parse: bool
) -> tuple[Structure, tuple[Value, ...]] | None:
    """Return a version's structure and values; None where it has no constants or too many were parsed already."""
    if parent is not None and (as_parent := parent.read(e.target)) is not None:
        return parent, as_parent
    if not parse:
        return None
    readings.parsed += 1
    found = find_constants(e.target, strict=False, baseline=baseline, metric=metric.name, outside=metric.expression)
    if not found:
        return None
    values = read_values(e.target)
    plain = {c.name: type(c.value)() for c in found}
    try:
        key = fingerprint(replace_constants(e.target, plain))
    except KeyError:
        return None
    if (known := readings.structures.get(key)) is None:
        known = readings.structures[key] = Structure(e.target, found)
    if any(c.name not in values for c in known.constants):
        return None
    return known, tuple(values[c.name] for c in known.constants)


def _literal(text: str, like: Value) -> Value | None:
    """Return the value of a literal if it is of the same kind as another value; None otherwise."""
    try:
        value = ast.literal_eval(text)
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return None
    if type(value) is type(like):
        return value
    return value if type(value) is int and type(like) is float else None
