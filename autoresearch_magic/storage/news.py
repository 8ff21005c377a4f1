"""What is new in a journal since it was last read, for a process that watches what another one writes.

Runs and events are only ever added, so those behind the last known number are new. Rows of experiments change: an open one gets
another proposal or its verdict, a judged one may get another verdict or its commit. Which of them have changed is in the journal's
chain, except for the commits: so the rows are read that were entered since, and those without a verdict or a commit.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from .chain import COMMITTED, Head
from .journal import Journal
from .rows import Run

META = ("created", "settings", "state", "message", "seconds", "live")
"""The values of the study's metadata that are read."""

EVENTS = ("drift", "rework", "paid", "claimed")
"""The kinds of events that are read."""


@dataclass(frozen=True)
class Position:
    """How far a journal was read.

    Attributes
    ----------
    event, run : int
        The numbers of the last event and of the last run.
    marks : Mapping of int to tuple
        What was known of each experiment's row, by number; only of a journal without a chain.
    open : frozenset of int
        The experiments whose rows change without an entry in the chain: they lack a verdict, or a commit.
    head : Head
        The last entry of the journal's chain.
    """

    event: int = 0
    run: int = 0
    marks: Mapping[int, tuple[Any, ...]] = field(default_factory=dict)
    open: frozenset[int] = frozenset()
    head: Head = field(default_factory=Head)


@dataclass(frozen=True)
class News:
    """What is new since a position.

    Attributes
    ----------
    meta : Mapping of str to Any
        The values of `META` as they are now; None for those that are not set.
    rows : sequence of sqlite3.Row
        The rows of experiments that are new, open, or changed, in the order of their numbers.
    runs : sequence of Run
    events : sequence of (str, dict)
        Kind and body of the events of `EVENTS`.
    position : Position
        To read on from.
    """

    meta: Mapping[str, Any]
    rows: Sequence[sqlite3.Row]
    runs: Sequence[Run]
    events: Sequence[tuple[str, dict[str, Any]]]
    position: Position


def read_news(journal: Journal, since: Position) -> News:
    """Read what is new since a position, all of one moment."""
    with journal.snapshot():
        marks = dict[int, tuple[Any, ...]]()
        if not journal.chained:
            named = journal.select("SELECT number, verdict, judged_at, commit_sha FROM experiment ORDER BY number")
            marks = {row["number"]: tuple(row) for row in named}
            changed = [n for n, mark in marks.items() if mark[1] is None or since.marks.get(n) != mark]
        elif since.head.id:
            entered = journal.select(
                "SELECT key FROM chain WHERE id > ? AND kind IN ('experiment', ?)", since.head.id, COMMITTED
            )
            changed = sorted({*since.open, *(row["key"] for row in entered)})
        else:
            changed = None
        if changed is None:
            rows = journal.select("SELECT * FROM experiment ORDER BY number")
        else:
            rows = [r for n in changed for r in journal.select("SELECT * FROM experiment WHERE number = ?", n)]
        runs = journal.runs(since.run)
        events = journal.select(
            f"SELECT id, kind, body FROM event WHERE id > ? AND kind IN ({', '.join('?' * len(EVENTS))}) ORDER BY id",
            since.event, *EVENTS,
        )  # fmt: skip
        (last,) = journal.select("SELECT coalesce(max(id), 0) AS id FROM event")
        meta = {key: journal.get(key) for key in META}
        head = journal.head
    open_now = frozenset(row["number"] for row in rows if row["verdict"] is None or not row["commit_sha"])
    position = Position(last["id"], runs[-1].id if runs else since.run, marks, open_now, head)
    return News(meta, rows, runs, [(row["kind"], json.loads(row["body"])) for row in events], position)
