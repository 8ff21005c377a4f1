"""The process of one tracker: reads the study's journal as it grows, and sends what is new. ``python -m ...tracking.sender`` is started by `process`.

The journal is the queue: what a tracker has is known by marks, so what could not be sent is sent again later, by this process, by that of the next
resume, or by ``%autoresearch track``, and nothing twice. The first line of standard input says what to send and where; each further one that
something is new, or with which state the study has ended. Each line of standard output is a report. Where standard input ends without that, the
study's process was killed; the rest is sent all the same.
"""

from __future__ import annotations

import hashlib
import json
import os
import signal
import sqlite3
import sys
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Protocol, TextIO

from filelock import FileLock, Timeout

from ...errors import UserError
from ...events import State
from ...experiment import Experiment
from ...keys.redact import cleaned, remember
from ...storage.journal import Journal
from ...text import shorten
from ..live_curves import CURVES, live_curves
from ..notifying.address import parse_address
from ..notifying.notifier import Notifier
from ..opening import open_study
from ..study import Study
from .base import Tracker, TrackerError, runs_in
from .content import mark, tracked_end, tracked_experiment, tracked_study
from .found import make_tracker
from .live import LiveSender

NOTE = "tracked"
"""Kind of the journal's notes that tell what identifies a study in a tracker."""

PAUSES = (0.5, 1.0, 2.0, 5.0, 10.0, 30.0)
"""Seconds between two attempts while a tracker cannot be reached; the last one again and again."""

LOOK = 2.0
"""Seconds after which the journal is looked at without being told that something is new: for the curves of runs that go on, among others."""

LIMIT = 30
"""Seconds without progress after which a process whose study has ended is ended, whatever it is doing."""

LINE = 300
"""Characters of a problem that are told."""

Report = Callable[[Mapping[str, Any]], None]


class Work(Protocol):
    """What the process does at each news and at the end: `Sender`, or that of notifications."""

    def pass_over(self, *, last: bool = False) -> None:
        """Do what is new; `last` says whether the study has ended."""

    def end(self, state: str, message: str, asked: bool = False) -> None:
        """Tell how the study has ended; `asked` says whether its user has stopped it."""

    def close(self) -> None:
        """Let go of what it holds."""


class Sender:
    """Brings one tracker up to date with one study.

    Parameters
    ----------
    study : Study
    tracker : Tracker
    name : str
        What `--track` says, by which the journal knows it.
    report : callable
        Takes reports: ``where`` once it is open; ``sent`` and ``of`` as experiments get there; ``problem`` when something went wrong.
    """

    def __init__(self, study: Study, tracker: Tracker, name: str, report: Report) -> None:
        self._study, self._tracker, self._name, self._report = study, tracker, name, report
        self._marks: dict[int, str] | None = None  # of what the tracker has; None while it is not open
        self._seen: dict[int, Experiment] = {}
        self._live = LiveSender(tracker)

    def pass_over(self, *, last: bool = False) -> None:
        """Send everything that is new; raise what the tracker raises. One experiment that cannot be sent does not hold up the next."""
        with Journal(self._study.folder / "journal.sqlite") as journal:
            # Before the status is read, so that what has a verdict by then is known to have one.
            curves = live_curves(journal.get(CURVES)) if self._live.wanted and not last else ()
            status = self._study.refresh().status
            if self._marks is None:
                self._marks = self._open(journal)
            failures = 0
            problem: Exception | None = None
            newest = status.experiments[-1] if status.experiments else None
            for e in status.experiments:
                if self._seen.get(e.number) is e or (e is newest and not (e.commit or last)):
                    continue  # one that was judged this moment has its commit in the next
                now, before = mark(e), self._marks.get(e.number, "")
                try:
                    if now != before:
                        live = self._live.matched(e) if not before else None
                        self._tracker.send(tracked_experiment(status, e, journal, live), runs_in(before))
                        self._marks[e.number] = now
                        if live is not None:
                            self._live.settle(live)
                except Exception as error:
                    problem, failures = error, failures + 1
                    self._seen.pop(e.number, None)
                    if failures > 1:
                        break
                    continue
                failures = 0
                self._seen[e.number] = e
                self._report({"sent": len(self._seen), "of": len(status.experiments)})
        self._report({"sent": len(self._seen), "of": len(status.experiments)})
        if problem is not None:
            raise problem
        if last:
            self._live.drop_all()
        else:
            self._live.send(curves, status.experiments)

    def end(self, state: str, message: str, asked: bool = False) -> None:
        """Tell the tracker how the study has ended."""
        self._tracker.end(tracked_end(self._study.refresh().status, state, message))

    def close(self) -> None:
        """Let the tracker let go of what it holds."""
        with suppress(Exception):  # everything is there
            self._tracker.close()

    def _open(self, journal: Journal) -> dict[int, str]:
        told = [body for _, _, body in journal.notes(NOTE) if body["tracker"] == self._name]
        before = told[-1]["identity"] if told else ""
        identity = self._tracker.open(tracked_study(self._study.status, journal), before)
        if identity != before:
            with suppress(
                UserError, sqlite3.Error
            ):  # a journal that may only be read: the tracker finds it again by itself
                journal.note(NOTE, tracker=self._name, identity=identity)
        self._report({"where": cleaned(self._tracker.where)})
        return dict(self._tracker.sent())


class Orders:
    """Standard input, read in a thread of its own, so that its end is noticed whatever the tracker does."""

    def __init__(self, lines: TextIO, on_close: Callable[[], None]) -> None:
        self.ended: dict[str, Any] | None = None
        self.closed = False
        self._news = threading.Event()
        self._on_close = on_close
        threading.Thread(target=self._read, args=(lines,), daemon=True).start()

    def _read(self, lines: TextIO) -> None:
        for line in lines:
            if line.strip():
                self.ended = json.loads(line)
                self._on_close()
            self._news.set()
        self.closed = True
        self._on_close()
        self._news.set()

    def wait(self, seconds: float) -> None:
        """Wait until there is something new, or so many seconds."""
        self._news.wait(seconds)
        self._news.clear()


def keep_alive() -> None:
    """Let the process be ended by the system unless this is called again in time."""
    signal.setitimer(signal.ITIMER_REAL, LIMIT)


def told_error(error: BaseException) -> str:
    """Return an exception as one line without keys; its type is left out where it is written for users."""
    text = " ".join(str(error).split())
    line = text if isinstance(error, TrackerError | UserError) else f"{type(error).__name__}: {text}"
    return shorten(cleaned(line), LINE)


def work(sender: Work, study: Study, orders: Orders, report: Report) -> None:
    """Send until the study has ended and everything is there; while something fails, try again after pauses."""
    attempt, ended = 0, False
    while True:
        over = orders.ended is not None or orders.closed  # looked at first: what is new by then is sent in this pass
        try:
            sender.pass_over(last=over)
            if over and not ended:
                sender.end(**(orders.ended or _left(study)))
                ended = True
            attempt = 0
            if ended:
                report({"done": True})
                return
            report({"idle": True})
            orders.wait(LOOK)
        except Exception as error:
            report({"problem": told_error(error)})
            pause = PAUSES[min(attempt, len(PAUSES) - 1)]
            attempt += 1
            until = time.monotonic() + pause
            while (left := until - time.monotonic()) > 0 and over == (orders.ended is not None or orders.closed):
                orders.wait(left)


def _left(study: Study) -> dict[str, Any]:
    """Return the end of a study whose process was killed; its message says so."""
    status = study.refresh().status
    state = State.FAILED if status.state in (State.ELSEWHERE, State.STOPPED) else status.state
    return {"state": state.value, "message": status.message}


def main() -> None:
    """Do what the first line of standard input says."""
    out = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # what a tracker prints is no report
    lock = threading.Lock()
    over = False

    def report(what: Mapping[str, Any]) -> None:
        with lock:
            if over and ("sent" in what or "where" in what):
                keep_alive()
            try:
                out.write(json.dumps(what) + "\n")
                out.flush()
            except (OSError, ValueError):  # nobody listens any more
                pass

    def on_close() -> None:
        nonlocal over
        if not over:
            over = True
            keep_alive()

    os.nice(10)
    job = json.loads(sys.stdin.readline())
    orders = Orders(sys.stdin, on_close)
    remember(*job["keys"])
    try:
        study = open_study(Path(job["folder"]))
        sender = _work_of(job, study, report)
        one_at_a_time(study.folder, job["name"])
    except Exception as error:
        report({"problem": told_error(error)})
        os._exit(1)
    work(sender, study, orders, report)
    sender.close()
    os._exit(0)  # not delayed by threads that a tracker has left


def _work_of(job: Mapping[str, Any], study: Study, report: Report) -> Work:
    if job["kind"] == "notify":
        return Notifier(study, parse_address(job["order"]), job["from"])
    return Sender(study, make_tracker(job["order"]), job["name"], report)


def one_at_a_time(folder: Path, name: str) -> FileLock:
    """Wait for the process of an earlier run that still sends to the same place, as two would send everything twice; return the lock.

    Raises
    ------
    TrackerError
        When it does not end.
    """
    lock = FileLock(folder / f".sending-{hashlib.sha256(name.encode()).hexdigest()[:10]}.lock")
    try:
        lock.acquire(timeout=LIMIT + 5)
    except Timeout:
        raise TrackerError("another process sends this study there: wait for it, or end it.") from None
    return lock


if __name__ == "__main__":
    main()
