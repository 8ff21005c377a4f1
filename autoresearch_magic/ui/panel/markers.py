"""What happened to a study besides its experiments, for the chart's axis: notes to the agent, changes of the machine, resumes.

All of it is read from the journal's events, where it is recorded anyway; nothing is stored for the panel. A pause within one process is not
recorded, and so is no marker.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from ...runs import summary
from ...storage.journal import Journal
from ...study.study import Study
from ...text import shorten
from .answers import Answer, PanelSession, answers

MOST, MOST_TEXT = 500, 300
"""Markers that are sent, the newest ones, and characters of each."""

KINDS = ("say", "drift", "state", "given", "attempt", "attempt ended", "attempt failed")
"""The kinds of events that are read."""

AGAIN = {"finished": "after it had finished", "stopped": "after a stop", "failed": "after it had failed"}
"""What a resume follows, by the state in which the study lay."""


@answers("markers", slow=True)
def answer(session: PanelSession, content: dict[str, Any]) -> Answer:
    """Answer with the markers of the study."""
    return {"type": "markers", "markers": markers(session.study)}


def markers(study: Study) -> list[dict[str, Any]]:
    """Return the markers of a study in the order of time.

    Each has a ``kind`` (``note``, ``drift`` or ``resume``), ``after`` (the number of the experiment behind which it stands), ``at`` (seconds
    since the epoch) and ``text``.
    """
    path = study.folder / "journal.sqlite"
    if not path.is_file():
        return []
    with Journal(path) as journal:
        marks = ", ".join("?" * len(KINDS))
        rows = journal.select(f"SELECT at, kind, body FROM event WHERE kind IN ({marks}) ORDER BY id", *KINDS)
    found = _fold(study, ((row["at"], row["kind"], json.loads(row["body"])) for row in rows))
    return [
        {"kind": kind, "after": max(0, after), "at": at, "text": shorten(text, MOST_TEXT)}
        for kind, after, at, text in [*found][-MOST:]
    ]


def _fold(study: Study, events: Iterator[tuple[float, str, dict[str, Any]]]) -> Iterator[tuple[str, int, float, str]]:
    number, begun, lay = (
        0,
        False,
        "",
    )  # the experiment that ran last, whether its end is missing, and what a resume would follow
    given: set[int] = set()
    counted: dict[int, int] = {}  # from which run on the values of an experiment count
    for at, kind, body in events:
        match kind:
            case "say":
                yield "note", number, at, body["text"]
            case "drift":
                changed, since = body["experiment"], body["since"]
                yield "drift", number, at, _drift_text(study, changed, counted.get(changed, 0), since)
                counted[changed] = since
            case "given":
                given.add(body["experiment"])
            case "state":
                why = f": {body['message']}" if body["state"] == "failed" and body["message"] else ""
                lay, begun = f"{AGAIN.get(body['state'], 'after a stop')}{why}", False
            case "attempt":
                next_one = body["experiment"]
                if begun and next_one == number:
                    lay = "after its process had died"
                if lay and next_one not in given:  # each version from outside begins and ends the study's thread
                    yield "resume", next_one - 1, at, lay
                number, begun, lay = next_one, True, ""
            case _:
                begun = False


def _drift_text(study: Study, number: int, since: int, until: int) -> str:
    """Say how the values of an experiment have changed with the machine."""
    name = f"experiment {number}" if number else "the baseline"
    experiments = study.status.experiments
    if number < len(experiments):
        e = experiments[number]
        parts = e.measurements[since:until], e.measurements[until:]
        before, now = ([m.value for m in part if m.ok and m.value is not None] for part in parts)
        if before and now:
            was, gives = (study.status.format(summary(values, e.statistic)) for values in (before, now))
            return f"{name} gives {gives} now, {was} before; comparisons use the new value"
    return f"{name} gives other values now; comparisons use the new ones"
