"""The experiments as columns of numbers: 22 bytes a row, where plain JSON took 270.

Texts follow in pieces, the newest rows first, so that ten thousand experiments are drawn before their summaries are there.
"""

from __future__ import annotations

import json
import threading
import weakref
from collections.abc import Sequence
from typing import Any

import numpy as np

from ...experiment import Experiment, Verdict
from ...study.study import Study

VERDICTS = [str(verdict) for verdict in Verdict]
COLUMNS = (("value", "<f8"), ("seconds", "<f4"), ("parent", "<i4"), ("repeats", "<u2"), ("averaged", "<u2"), ("verdict", "u1"), ("agent", "u1"))  # fmt: skip
"""Names and types of the columns, widest first so that each begins at a multiple of its size where a view reads it."""
MOST_AGENTS = 255
LONGEST = 400
"""Characters of a summary or reason in the table; the details have all of it."""

_UNKNOWN = np.nan


class Columns:
    """The columns of a study's experiments; what has not changed is not worked out again."""

    def __init__(self) -> None:
        self.agents: list[str] = []
        self._seen: list[Experiment] = []
        self._arrays = {name: np.zeros(0, kind) for name, kind in COLUMNS}
        self._lock = threading.Lock()  # a pull may come in while a thread of the panel reads

    def follow(self, experiments: Sequence[Experiment]) -> None:
        """Take the experiments as they are now."""
        with self._lock:
            seen = self._seen
            if len(experiments) < len(seen):  # another opening of the study
                seen.clear()
            size = len(self._arrays["value"])
            if len(experiments) > size:
                more = max(256, 2 * size, len(experiments)) - size
                for name, column in self._arrays.items():
                    self._arrays[name] = np.concatenate([column, np.zeros(more, column.dtype)])
            changed = [i for i, (new, old) in enumerate(zip(experiments, seen, strict=False)) if new is not old]
            for number in [*changed, *range(len(seen), len(experiments))]:
                self._write(number, experiments[number])
            seen[:] = experiments

    def _write(self, number: int, e: Experiment) -> None:
        agent = e.proposal.agent
        if agent not in self.agents:
            self.agents.append(agent)
        row = (
            _UNKNOWN if e.value is None else e.value, e.seconds, -1 if e.parent is None else e.parent,
            min(len(e.measurements), 65535), min(len(e.values), 65535),
            VERDICTS.index(str(e.verdict)), min(self.agents.index(agent), MOST_AGENTS),
        )  # fmt: skip
        for (name, _), value in zip(COLUMNS, row, strict=True):
            self._arrays[name][number] = value

    def packed(self, numbers: Sequence[int], start: int, end: int) -> bytes:
        """Return all columns of some rows, and of those from `start` to `end`, one column after another."""
        with self._lock:
            rows = np.concatenate([np.asarray(numbers, dtype=np.int64), np.arange(start, end)])
            return b"".join(self._arrays[name][rows].tobytes() for name, _ in COLUMNS)


def columns_of(study: Study) -> Columns:
    """Return the columns of a study, which all its panels share."""
    columns = _columns.get(study)
    if columns is None:
        columns = _columns[study] = Columns()
    columns.follow(study.status.experiments)
    return columns


_columns: weakref.WeakKeyDictionary[Study, Columns] = weakref.WeakKeyDictionary()


def texts(
    experiments: Sequence[Experiment], low: int, high: int, changed: Sequence[int], room: int
) -> dict[str, Any] | None:
    """Return the next piece of texts, of about `room` bytes, for a view that has those from `low` to `high`.

    Returns
    -------
    dict or None
        ``from`` and ``rows`` ([summary, reason, cause] each; what is empty at the end is left out), ``again`` with the texts of changed
        rows, and ``more``: whether others are still missing. None where the view has all.
    """
    end = len(experiments)
    again = {str(n): _text(experiments[n]) for n in changed if low <= n < high}
    if high < end:  # new ones; a view without any gets the newest first
        start = high if high > low else end
    elif low > 0:
        start, end = low, low
    elif again:
        return {"from": high, "rows": [], "again": again, "more": False}
    else:
        return None
    rows: list[list[str]] = []
    if start < end:  # forward, from what it has
        while room > 0 and start + len(rows) < end:
            rows.append(_text(experiments[start + len(rows)]))
            room -= _size(rows[-1])
        return {"from": start, "rows": rows, "again": again, "more": low > 0 or start + len(rows) < end}
    while room > 0 and end > 0:  # backward
        end -= 1
        rows.append(_text(experiments[end]))
        room -= _size(rows[-1])
    return {"from": end, "rows": rows[::-1], "again": again, "more": end > 0}


def _text(e: Experiment) -> list[str]:
    cause = e.cause if e.verdict is not None and e.verdict.failed else ""
    found = [_cut(e.summary), _cut(e.reason), cause]
    while found and not found[-1]:
        found.pop()
    return found


def _cut(text: str) -> str:
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"


def _size(row: list[str]) -> int:
    return len(json.dumps(row))
