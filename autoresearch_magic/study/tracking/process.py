"""The study's side of trackers and notifications: one process for each, told that something is new, and never waited for in the loop.

`Tracking.take` is the observer: it writes one byte into each process's pipe, and none where the pipe is full. What a process reports is read by a
thread of its own, which tells once that a tracker fails. Only the end of a study waits, for `QUIET` seconds at most without a sign of progress.
"""

from __future__ import annotations

import json
import os
import select
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from ...agents.environment import agent_environment
from ...errors import UserError
from ...events import Confirmed, Event, Judged, Notice, Publish, Remeasured
from ...keys.redact import remember
from ...source.key_references import given_back, keys_of
from ..notifying.address import parse_address
from ..status import StudyStatus
from .found import label, parted, tracker_class

QUIET, LONGEST, STOPPING = 5.0, 20.0, 1.0
"""Seconds for which the end of a study waits for a tracker: without a sign of progress, in all, and where the user stops the study."""

SILENT = 30.0
"""Seconds without an answer after which a tracker is said to hang."""

MODULE = f"{__name__.rpartition('.')[0]}.sender"


@dataclass(frozen=True)
class Destination:
    """One tracker or notification of a study.

    Attributes
    ----------
    label : str
        How messages call it.
    job : Mapping
        What its process is told; holds keys.
    credentials : tuple of str
        Environment variables with keys that it may see.
    counted : bool
        Whether it is told how many experiments are missing there.
    """

    label: str
    job: Mapping[str, Any] = field(repr=False)
    credentials: tuple[str, ...] = ()
    counted: bool = True


def tracker_destination(order: str, status: StudyStatus) -> Destination:
    """Return the destination of ``--track``; raise a `UserError` where a key of it is not known."""
    real = given_back(order, f"address of {parted(order)[0]}")
    job = {"kind": "track", "name": order, "order": real, "folder": str(status.folder), "keys": keys_of(real)}
    return Destination(label(real), job, tracker_class(parted(order)[0]).credentials)


def notify_destination(text: str, status: StudyStatus) -> Destination:
    """Return the destination of ``--notify``; raise a `UserError` where a key of it is not known."""
    address = parse_address(given_back(text, "address of --notify", known=False))
    remember(*address.secrets)
    job = {
        "kind": "notify", "name": text, "order": address.text, "folder": str(status.folder), "keys": address.secrets,
        "from": len(status.experiments),
    }  # fmt: skip
    return Destination(address.label, job, address.variables, counted=False)


class TrackerProcess:
    """The process of one destination, and the thread that reads what it reports."""

    def __init__(self, destination: Destination, study: str, publish: Publish) -> None:
        self._to, self._study, self._publish = destination, study, publish
        self.sent = self.of = 0
        self.problem = self.where = ""
        self.done = self.dead = self.over = False
        self._told_problem = self._told_where = self._told_silence = False
        self._heard = self._asked = time.monotonic()
        self._changed = threading.Condition()
        self._process: subprocess.Popen[bytes] | None = None
        self._end = b""
        self._thread = threading.Thread(target=self._run, name=f"autoresearch-{destination.label}", daemon=True)

    @property
    def label(self) -> str:
        """How messages call it."""
        return self._to.label

    def start(self) -> None:
        """Start the process in the thread; return at once."""
        self._thread.start()

    def wake(self) -> None:
        """Tell the process that something is new; where its pipe is full, it knows."""
        if self._asked <= self._heard:
            self._asked = time.monotonic()
        self._write(b"\n")

    def _write(self, data: bytes) -> None:
        if (process := self._process) is None or process.stdin is None:
            return
        with suppress(OSError, ValueError):  # full, or the process has ended, which its reader tells
            os.write(process.stdin.fileno(), data)

    def _run(self) -> None:
        try:
            process = subprocess.Popen(
                [sys.executable, "-P", "-m", MODULE], env=agent_environment(self._to.credentials),
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, start_new_session=True,
            )  # fmt: skip
        except OSError as error:
            self._fail(f"its process does not start: {error}")
            return
        assert process.stdin is not None
        assert process.stdout is not None
        with suppress(OSError):
            os.write(process.stdin.fileno(), json.dumps(self._to.job).encode() + b"\n")
        os.set_blocking(process.stdin.fileno(), False)
        self._process = process
        self.wake()  # something may have been new before there was a pipe
        if self._end:
            self._write(self._end)
        self._read(process, process.stdout.fileno())
        code = process.wait()
        process.stdout.close()
        with suppress(OSError):
            process.stdin.close()
        if not self.done:
            self._fail(self.problem or f"its process has ended with exit code {code}")

    def _read(self, process: subprocess.Popen[bytes], pipe: int) -> None:
        held = b""
        while True:
            if not select.select([pipe], [], [], 1.0)[0]:
                self._look_for_silence()
                continue
            data = os.read(pipe, 1 << 16)
            if not data:
                return
            *lines, held = (held + data).split(b"\n")
            for line in lines:
                with suppress(ValueError):
                    self._take(json.loads(line))

    def _take(self, report: Mapping[str, Any]) -> None:
        with self._changed:
            self._heard = time.monotonic()
            self.sent, self.of = report.get("sent", self.sent), report.get("of", self.of)
            if (problem := report.get("problem")) is not None:
                self.problem = problem
            elif "idle" in report or "done" in report:
                self.problem = ""
            self.done = self.done or "done" in report
            self._changed.notify_all()
        if (where := report.get("where")) and not self._told_where:
            self._told_where, self.where = True, where
            self._tell(f"{self.label}: {where}")
        if self.problem and not self._told_problem:
            self._told_problem = True
            self._tell(
                f"{self.label} cannot be told of the study now, which goes on without it; it is tried again: {self.problem}"
            )

    def _look_for_silence(self) -> None:
        silent = self._asked > self._heard and time.monotonic() - self._asked > SILENT
        if silent and not (self._told_problem or self._told_silence):
            with self._changed:
                self._told_silence = True
                self._changed.notify_all()
            self._tell(f"{self.label} has not answered for {SILENT:.0f} s; the study goes on without it.")

    def _fail(self, why: str) -> None:
        with self._changed:
            self.dead, self.problem = True, why
            self._changed.notify_all()
        if not self._told_problem:
            self._told_problem = True
            self._tell(f"{self.label} cannot be told of the study, which goes on without it: {why}")

    def _tell(self, line: str) -> None:
        if not self.over:
            self._publish(Notice(line))

    def end(self, state: str, message: str, *, asked: bool = False) -> None:
        """Tell the process that the study has ended; it sends the rest and ends, whether or not anybody waits for it."""
        told = {"state": state, "message": message[:600], "asked": asked}  # a line that is written whole, or not at all
        self._end = json.dumps(told).encode() + b"\n"
        self._write(self._end)

    def wait(self, until: float, quiet: float) -> None:
        """Wait until everything is there, not beyond a time, and no longer than `quiet` seconds without a sign of progress."""
        sent, since = self.sent, time.monotonic()
        with self._changed:
            while not (self.done or self.dead or self.problem or self._told_silence):
                if self.sent != sent:
                    sent, since = self.sent, time.monotonic()
                left = min(until, since + quiet) - time.monotonic()
                if left <= 0:
                    return
                self._changed.wait(left)

    def progress(self, quiet: float) -> Iterator[int]:
        """Yield how many experiments are there, at each change, until all are, it has failed, or nothing has changed for `quiet` seconds."""
        since, sent = time.monotonic(), -1
        while not (self.done or self.dead or self.problem) and time.monotonic() - since < quiet:
            if self.sent != sent:
                since, sent = time.monotonic(), self.sent
                yield sent
            with self._changed:
                self._changed.wait(0.1)

    def missing(self, of: int) -> str:
        """Return how much is missing there of so many experiments, in a sentence; empty where nothing is."""
        if self.done or (not self._to.counted and not self.problem):
            return ""
        why = f" ({self.problem.rstrip('.')})" if self.problem else " (it has not answered yet)"
        if not self._to.counted:
            return f"{self.label} was not told of the end{why}."
        name = parted(self._to.job["name"])[0]
        what = "the end of the study" if self.sent >= of else f"{of - self.sent} of {of} experiments"
        return f"{self.label} lacks {what}{why}: send it again with  %autoresearch track {name} --study {self._study}"

    def kill(self) -> None:
        """End the process at once."""
        if (process := self._process) is not None and process.poll() is None:
            process.kill()


class Tracking:
    """All trackers and notifications of one run of a study's thread.

    Parameters
    ----------
    status : StudyStatus
    publish : callable
        Takes notices.
    """

    def __init__(self, status: StudyStatus, publish: Publish) -> None:
        self._status, self._publish = status, publish
        self._processes: list[TrackerProcess] = []

    def start(self) -> None:
        """Start a process for each; nothing here raises, and nothing waits."""
        for destination in self._destinations():
            process = TrackerProcess(destination, self._status.name, self._publish)
            self._processes.append(process)
            process.start()

    def _destinations(self) -> Sequence[Destination]:
        found, s = [], self._status.settings
        for make, orders in ((tracker_destination, s.track), (notify_destination, s.notify)):
            for order in orders:
                try:
                    found.append(make(order, self._status))
                except UserError as error:
                    self._publish(Notice(f"{error} Until then nothing is sent there.", lasting=True))
        return found

    def take(self, event: Event) -> None:
        """Wake the processes where an event is new to them."""
        if isinstance(event, Judged | Remeasured | Confirmed):
            for process in self._processes:
                process.wake()

    def finish(self, state: str, message: str, *, stopping: bool = False, asked: bool = False) -> None:
        """Tell that the study has ended, give each a moment, and tell how much is missing.

        Parameters
        ----------
        state, message : str
        stopping : bool
            Whether it was stopped, and should end at once.
        asked : bool
            Whether its user has asked for this end, so that nobody need be told of it.
        """
        for process in self._processes:
            process.end(state, message, asked=asked)
        limit = STOPPING if stopping else LONGEST
        until = time.monotonic() + limit
        for process in self._processes:
            process.wait(until, min(QUIET, limit))
            process.over = True  # what it has to say from now on would hide how the study has ended
            if missing := process.missing(len(self._status.experiments)):
                self._publish(Notice(missing, lasting=True))

    def kill(self) -> None:
        """End what an earlier run has left."""
        for process in self._processes:
            process.kill()
