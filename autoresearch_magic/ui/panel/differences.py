"""How two versions differ: their sources as coloured rows, and what is known of both side by side."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ...experiment import Experiment
from ...judging.chance import pooled
from ...source.constants import format_value, read_values
from ...source.files import HEAD, is_bundle
from ...source.highlight import Line, Row, diff_rows, tokens
from ...study.comparisons import compare as compare_values
from ...study.evidence import chance, ends
from ...study.study import Study
from ...text import shorten
from .answers import Answer, PanelSession, answers
from .detail import version

MOST_ROWS = 1500
"""Rows of a difference that are sent at once; the view asks for more."""
LONGEST_LINE = 2000
"""Characters of a line that are sent."""
MOST_CONSTANTS = 40
"""Constants that differ between two versions, as far as they are named."""

KINDS = ("same", "changed", "added", "removed", "gap", "file")


@answers("diff")
def diff(session: PanelSession, content: dict[str, Any]) -> Answer:
    """Answer with the difference of an experiment to another one (``against``), or with its source where that is null.

    ``context`` is the number of lines around each change, null for all; ``most`` how many rows are sent.
    """
    study = session.study
    e = version(study, content.get("number"))
    against, context = content.get("against"), content.get("context", 3)
    rows = _source_rows(e.target) if against is None else _diff_rows(version(study, against).target, e.target, context)
    most = max(1, int(content.get("most") or MOST_ROWS))
    changed = [row[0] for row in rows]
    return {
        "type": "diff", "number": e.number, "against": against, "context": context, "rows": rows[:most], "left": len(rows[most:]),
        "added": changed.count(1) + changed.count(2) if against is not None else 0, "removed": changed.count(1) + changed.count(3),
    }  # fmt: skip


def _diff_rows(before: str, after: str, context: int | None) -> list[list[Any]]:
    return [_compact(row) for row in diff_rows(before, after, None if context is None else max(0, int(context)))]


def _compact(row: Row) -> list[Any]:
    """Return a row as the view reads it: the kind, both line numbers, both lines, and what differs within them."""
    kind = KINDS.index(row.kind)
    match row.kind:
        case "gap":
            return [kind, row.before, row.after, row.skipped]
        case "file":
            return [kind, row.path, row.status]
        case "same":
            return [kind, row.before, row.after, _line(row.old)]
        case _:
            return [kind, row.before, row.after, _line(row.old), _line(row.new), row.old_marks, row.new_marks]


def _source_rows(source: str) -> list[list[Any]]:
    lines = tokens(source)
    if lines and not lines[-1]:
        lines.pop()
    if not is_bundle(source):
        return [[0, n, n, _line(line)] for n, line in enumerate(lines, 1)]
    return list(_rows_of_files(lines))


def _rows_of_files(lines: list[Line]) -> Iterator[list[Any]]:
    number = 0
    for line in lines:
        if line and line[0][0] == "file":
            number = 0
            yield [KINDS.index("file"), line[0][1].removeprefix(HEAD), ""]
            continue
        number += 1
        yield [0, number, number, _line(line)]


def _line(line: Line) -> list[str]:
    """Return a line as classes and texts in turn."""
    left, found = LONGEST_LINE, []
    for kind, text in line:
        if len(text) > left:
            found += [kind, text[:left], "com", " …"]
            break
        left -= len(text)
        found += [kind, text]
    return found


# -- two versions --------------------------------------------------------------------------------------------------------


@answers("compare", slow=True)
def compare(session: PanelSession, content: dict[str, Any]) -> Answer:
    """Answer with what is known of two versions, and how they differ in their values and constants."""
    study = session.study
    a, b = study.experiment(content.get("a", "")), study.experiment(content.get("b", ""))
    return {
        "type": "compare", "a": a.number, "b": b.number, "sides": [_side(study, e) for e in (a, b)], "difference": _difference(study, a, b),
        "constants": _constants(a, b),
    }  # fmt: skip


def _side(study: Study, e: Experiment) -> dict[str, Any]:
    return {
        "number": e.number, "runs": len(e.values), "seconds": e.seconds, "memory": e.memory, "summary": e.summary, "agent": e.proposal.agent,
        "steps": max((m.steps for m in e.current), default=0),
    }  # fmt: skip


def _difference(study: Study, a: Experiment, b: Experiment) -> list[tuple[str, str]]:
    """Return how much better B is than A by their runs in the search, as (name, text)."""
    if not a.values or not b.values:
        missing = " and ".join(f"#{e.number}" for e in (a, b) if not e.values)
        return [("Difference", f"not known: {missing} {'has' if len(missing.split()) == 1 else 'have'} no value")]
    noise = study.status.noise
    found = compare_values(
        a.values, b.values, study.metric, a.statistic, noise if noise.known else pooled([a.values, b.values])
    ).found
    sd = study.status.spread(b)
    size = study.metric.format(abs(found.gain), noise.at(b.value or 0.0) if noise.known else 0.0)
    words = (
        f"#{b.number} is {size} {'better' if found.gain > 0 else 'worse'} than #{a.number}" if found.gain else "none"
    )
    if found.low is None:
        return [
            ("Difference", words),
            ("95% interval", "not known: how much the number varies by chance is not known yet"),
        ]
    return [
        ("Difference", words), ("95% interval", ends(found, sd)), (f"Chance that #{b.number} is better", chance(found)),
        ("Of what", "runs of the search, taken as independent; the better of many looks better than it is"),
    ]  # fmt: skip


def _constants(a: Experiment, b: Experiment) -> list[tuple[str, str, str]]:
    """Return the named literals that differ, as (name, value of A, value of B); a dash where a version has none."""
    one, two = read_values(a.target), read_values(b.target)
    names = [name for name in {**one, **two} if one.get(name) != two.get(name)]

    def written(values: Any, name: str) -> str:
        return shorten(format_value(values[name]), 60) if name in values else "–"

    return [(name, written(one, name), written(two, name)) for name in names[:MOST_CONSTANTS]]
