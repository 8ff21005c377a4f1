"""What passes between the process that runs a study and others: requests to pause, go on or stop, and the live record.

A request is a note in the study's journal. A thread beside the study's own one reads the journal once a second, so a request
is taken in the middle of a run, and while an agent is asked. It answers with a note as well, and writes the live record
(`live_record`), which tells those who watch what the journal does not hold.
"""

from __future__ import annotations

import os
import sqlite3
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from ..errors import UserError
from ..events import Event, Notice
from ..runs import Point
from ..storage.journal import Journal
from ..text import shorten
from .live_curves import CURVES
from .status import LiveRun, StudyStatus

Action = Literal["pause", "resume", "stop", "again"]

INTERVAL = 1.0
"""Seconds between two looks into the journal."""

PATIENCE = 15.0
"""Seconds to wait for an answer, and then for the end of a study that was stopped."""


MOST_POINTS, MOST_TEXT, MOST_NOTICES = 128, 300, 5
"""Most points of the curve, characters of a message, and latest notices that the live record has."""


class RequestReader(threading.Thread):
    """Carries out the requests to one study while it is active, and writes its live record into the journal.

    Parameters
    ----------
    journal : Path
        Need not exist yet.
    actions : Mapping
        What each action does, given the number of an experiment where it is about one; a `UserError` of it is the answer.
    record : callable
        Returns the live record, given the latest notices; see `record_of`.
    active : callable
        Says whether to go on.
    curves : callable, optional
        Returns the curves of the runs in progress, where somebody reads them; see `live_curves`.
    """

    def __init__(
        self,
        journal: Path,
        actions: Mapping[Action, Callable[..., object]],
        record: Callable[[Sequence[tuple[int, Notice]]], dict[str, Any]],
        active: Callable[[], bool],
        curves: Callable[[], list[dict[str, Any]]] | None = None,
    ) -> None:
        super().__init__(name=f"requests-{journal.parent.name}", daemon=True)
        self._path, self._actions, self._record, self._active = journal, actions, record, active
        self._curves = curves
        self._last, self._told = 0, ""
        self._notices: deque[tuple[int, Notice]] = deque(maxlen=MOST_NOTICES)
        self._counted = 0
        if journal.is_file():  # requests to an earlier process are void
            with Journal(journal) as opened:
                self._last = max((number for number, _ in opened.requests()), default=0)

    def run(self) -> None:
        """Read and answer until the study is no longer active."""
        while self._active():
            try:
                if self._path.is_file():
                    # Not kept open, so that the study itself closes the journal last, which merges the WAL into it.
                    with Journal(self._path) as journal:
                        self._look(journal)
            except (UserError, sqlite3.Error, OSError):
                pass  # not written yet, locked, or a full disk, of which the study itself tells: the next look may succeed
            time.sleep(INTERVAL)

    def take(self, event: Event) -> None:
        """Take an event of the study, of which notices become part of the live record."""
        if isinstance(event, Notice):
            self._counted += 1
            self._notices.append((self._counted, event))

    def _look(self, journal: Journal) -> None:
        for number, asked in journal.requests(self._last):
            self._last = number
            journal.note("answer", request=number, refused=self._carry_out(asked))
        record = self._record([*self._notices])
        # While nothing happens, such as in a pause, nothing is written: the clock goes on by itself.
        if (told := repr({key: value for key, value in record.items() if key not in ("seconds", "at")})) != self._told:
            journal.set(live=record, **({CURVES: self._curves()} if self._curves is not None else {}))
            self._told = told

    def _carry_out(self, asked: Mapping[str, Any]) -> str:
        """Return why an action was refused; empty when it was not."""
        action = self._actions.get(asked["action"])
        if action is None:
            return f"The process that runs the study cannot do that: {asked['action']}."
        try:
            action(*([asked["number"]] if "number" in asked else []))
        except UserError as error:
            return str(error)
        return ""


def record_of(status: StudyStatus, notices: Sequence[tuple[int, Notice]] = ()) -> dict[str, Any]:
    """Return what to tell of a study that this process runs, JSON-ready."""
    lives = [each for _, each in sorted(status.lives.items())]
    return {
        "pid": os.getpid(), "state": status.state.value, "message": shorten(status.message, MOST_TEXT),
        "seconds": status.elapsed, "at": time.time(), "runs": len(status.runs), "run": _run(lives[0]) if lives else None,
        "notices": [[n, shorten(each.message, MOST_TEXT), each.lasting] for n, each in notices],
        **({"others": [_run(each) for each in lives[1:]]} if len(lives) > 1 else {}),
    }  # fmt: skip


def _run(live: LiveRun) -> dict[str, Any]:
    return {
        "number": live.experiment.number, "kind": live.kind, "repeat": live.repeat, "repeats": live.repeats,
        "summary": shorten(live.experiment.summary, MOST_TEXT), "phase": live.phase, "elapsed": live.elapsed,
        "progress": live.progress, "step": live.step, "curve": _curve(live.curve),
        **({"slot": live.slot, "place": live.place, "flying": live.flying} if live.slot or live.place or live.flying else {}),
    }  # fmt: skip


def _curve(points: Sequence[Point]) -> tuple[str, list[tuple[float, float, int, float]]] | None:
    """Return the name of the value that the chart shows, and at most `MOST_POINTS` of its points, the newest one included."""
    count = len(points)
    if not count:
        return None
    stride = 1 << max(0, (count - 1) // (MOST_POINTS - 1)).bit_length()
    name = next(iter(points[0].values), "")
    chosen = [*points[:count:stride], *([points[count - 1]] if (count - 1) % stride else [])]
    return name, [
        (round(p.elapsed, 3), round(p.progress, 5), p.step, float(f"{p.values[name]:.6g}"))
        for p in chosen
        if name in p.values
    ]


def request(
    folder: Path, action: Action, locked: Callable[[], bool], patience: float = PATIENCE, *, number: int | None = None
) -> None:
    """Ask the process that runs a study to do something, and wait until it says that it does.

    Parameters
    ----------
    folder : Path
        The folder of a study that another process runs.
    action : {"pause", "resume", "stop", "again"}
        After ``stop``, the study has ended when this returns.
    locked : callable
        Whether a process works on the study.
    patience : float
        Seconds.
    number : int, optional
        The experiment that it is about.

    Raises
    ------
    UserError
        When the process refuses or does not answer.
    """
    with Journal(folder / "journal.sqlite") as journal:
        asked = journal.note("request", action=action, **({} if number is None else {"number": number}))
        end = time.monotonic() + patience
        while (answer := _answer(journal, asked)) is None:
            if not locked():
                break  # it has ended by itself
            if time.monotonic() > end:
                raise UserError(_silent(folder.name, journal))
            time.sleep(INTERVAL / 5)
        if answer:
            raise UserError(answer)
        end = time.monotonic() + patience
        while action == "stop" and locked():
            if time.monotonic() > end:
                raise UserError(
                    f"{folder.name} is stopping, but has not ended yet: look again with  %autoresearch status"
                )
            time.sleep(INTERVAL / 5)


def _answer(journal: Journal, number: int) -> str | None:
    """Return why a request was refused, empty when it was not; None while there is no answer."""
    answers = (body for _, _, body in journal.notes("answer"))
    return next((body["refused"] for body in answers if body["request"] == number), None)


def _silent(name: str, journal: Journal) -> str:
    import psutil  # not above: it needs modules that a system without fork has not, where the doctor still runs

    live = journal.get("live") or {}
    pid = live.get("pid")
    if pid and psutil.pid_exists(pid):
        return f"The process {pid} that runs {name} does not answer. To end it:  kill {pid}  (nothing is lost)"
    return f"The process that runs {name} does not answer; it may be on another machine. Stop it there."
