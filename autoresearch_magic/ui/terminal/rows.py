"""The rows of the table of experiments: which are shown, in which order, and how one is written."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from rich.text import Text

from ...budget import format_duration
from ...experiment import Experiment
from ...judging.gains import Gain
from ...metric import Metric, format_number
from ...run_numbers import ShownNumber
from ...study.evidence import figures
from ...study.shown_numbers import shown_numbers
from ...study.status import StudyStatus
from ...study.summary import BEYOND
from . import look

MOST_NUMBERS, SUMMARY = 4, 40
"""Columns of further numbers, and characters that they leave to the summary at least."""

Order = Literal["newest", "best", "gain", "slowest"]
ORDERS: tuple[Order, ...] = ("newest", "best", "gain", "slowest")

Shown = Literal["all", "kept", "failed"]


@dataclass(frozen=True)
class Choice:
    """Which experiments the table shows, and in which order."""

    shown: Shown = "all"
    order: Order = "newest"
    search: str = ""

    def turned(self) -> Choice:
        """Return the choice with the next order."""
        return replace(self, order=ORDERS[(ORDERS.index(self.order) + 1) % len(ORDERS)])

    def words(self, count: int, of: int) -> str:
        """Return what is shown, in a few words."""
        parts = [
            f"{count} of {of}" if count != of else f"{of}",
            *([f"{self.shown} only"] if self.shown != "all" else []),
        ]
        parts += [f"with {self.search!r}"] if self.search else []
        return f"Experiments: {', '.join(parts)}; {self.order} first"


def chosen(
    experiments: Sequence[Experiment], choice: Choice, gains: Mapping[int, Gain], metric: Metric
) -> list[Experiment]:  # fmt: skip
    """Return the experiments that a choice shows, in its order; those without a value come last where values order them."""
    found = [e for e in experiments if _fits(e, choice)]
    found.reverse()
    if choice.order == "best":
        found.sort(key=lambda e: _worth(e, metric))
    elif choice.order == "gain":
        found.sort(key=lambda e: -gains[e.number].gain if e.number in gains else math.inf)
    elif choice.order == "slowest":
        found.sort(key=lambda e: -e.seconds)
    return found


def _worth(e: Experiment, metric: Metric) -> float:
    if e.value is None:
        return math.inf
    return e.value if metric.minimize else -e.value


def _fits(e: Experiment, choice: Choice) -> bool:
    if choice.shown == "kept" and not e.kept:
        return False
    if choice.shown == "failed" and not (e.verdict is not None and e.verdict.failed):
        return False
    if not (wanted := choice.search.casefold().strip()):
        return True
    if wanted.startswith("#") and wanted[1:].isdecimal():
        return e.number == int(wanted[1:])
    return all(word in f"{e.summary} {e.verdict} {e.proposal.agent} {e.reason}".casefold() for word in wanted.split())


@dataclass(frozen=True)
class Column:
    """A column of the table: its head, its width, and from which width of the table on it is shown."""

    name: str
    width: int
    least: int = 0
    right: bool = True
    number: ShownNumber | None = None


def columns(status: StudyStatus, gains: Mapping[int, Gain], width: int) -> list[Column]:
    """Return the columns that fit; the summary takes what is left, at least 20 characters."""
    values = [status.format(e.value) for e in status.experiments[-200:]]
    value = max([len(status.metric.name[:12]), *map(len, values)], default=6)
    shown = [_figures(e, status, gains) for e in status.experiments[-200:]]
    gain, interval = (max([len(head), *(len(f[i]) for f in shown)]) for i, head in ((0, "gain"), (1, "95% interval")))
    number = max(2, len(str(len(status.experiments))) + 1)
    wanted = [
        Column("#", number), Column("verdict", 15, right=False), Column(status.metric.name[:value], value), Column("gain", gain, 60),
        Column("95% interval", interval, 104), Column("chance", 6, 72), Column("time", 7, 92), Column("agent", 12, 124, right=False),
    ]  # fmt: skip
    found = [column for column in wanted if width >= column.least]
    taken, numbers = sum(c.width + 2 for c in found), []
    for n in shown_numbers(status.settings, status.experiments, brief=True)[:MOST_NUMBERS]:
        written = [_number(n, e) for e in status.experiments[-200:]]
        column = Column(n.name[:12], max(len(n.name[:12]), *map(len, written)), number=n)
        if taken + column.width + 2 + SUMMARY <= width:
            taken += column.width + 2
            numbers.append(column)
    return [*found, *numbers]


def head_line(made: Sequence[Column]) -> Text:
    """Return the heads of the columns."""
    cells = [f"{c.name:>{c.width}}" if c.right else f"{c.name:<{c.width}}" for c in made]
    return Text("  ".join([*cells, "summary"]), f"{look.QUIET} underline", no_wrap=True)


def row_line(
    e: Experiment, status: StudyStatus, gains: Mapping[int, Gain], proven: Collection[int], made: Sequence[Column]
) -> Text:  # fmt: skip
    """Return the row of an experiment."""
    character, style = look.mark(e, e.number in proven)
    gain, interval, chance = _figures(e, status, gains)
    words = f"{character} {e.verdict}" + (", proven" if e.number in proven else "")
    cells = {
        "#": (str(e.number), look.QUIET), "verdict": (words, style), status.metric.name: (status.format(e.value), "bold" if e.kept else ""),
        "gain": (gain, look.GOOD if gain.startswith("+") else ""), "95% interval": (interval, look.QUIET), "chance": (chance, ""),
        "time": (format_duration(round(e.seconds, 1)) if e.seconds else "–", look.QUIET), "agent": (e.proposal.agent, look.QUIET),
    }  # fmt: skip
    row = Text(no_wrap=True)
    for i, column in enumerate(made):
        if column.number is not None:
            text = _number(column.number, e)
            how = look.BAD if text.endswith(BEYOND) else look.QUIET
        else:
            text, how = cells[status.metric.name if i == 2 else column.name]
        cell = Text(" ".join(text.split()), how)
        cell.truncate(column.width, overflow="ellipsis")
        cell.align("right" if column.right else "left", column.width)
        row.append_text(cell).append("  ")
    return row.append(" ".join(e.summary.split()), "bold" if e.kept and e.number else "")


def _number(number: ShownNumber, e: Experiment) -> str:
    value = number.value(e)
    return "–" if value is None else format_number(value) + (BEYOND if number.broken_by(value) else "")


def _figures(e: Experiment, status: StudyStatus, gains: Mapping[int, Gain]) -> tuple[str, str, str]:
    return figures(gains.get(e.number), status.spread(e))
