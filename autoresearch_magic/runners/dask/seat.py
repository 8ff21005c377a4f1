"""A runner on a Dask worker, and what is told of the run that is in progress there."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from ...errors import Stopped
from .. import Runner

EVERY = 0.1
"""Seconds between two messages about a run."""
MOST_SETUP_LOG = 200_000
"""Bytes of the setup's log that are sent."""


class Seat:
    """A runner on this worker with its folder; what it tells goes to the run that is in progress.

    Parameters
    ----------
    place : Path
    """

    def __init__(self, place: Path) -> None:
        self.place = place
        self.runner: Runner | None = None
        self.told: Told | None = None
        self._logged = 0

    def note(self, line: str) -> None:
        """Pass a line on for the user."""
        if self.told is not None:
            self.told.add({"note": line})

    def problem(self, line: str) -> None:
        """Pass on a line that stays."""
        if self.told is not None:
            self.told.add({"problem": line})

    def new_log(self) -> str:
        """Return the setup's log where it has grown since it was last asked for."""
        with suppress(OSError):
            data = (self.place / "setup.log").read_bytes()
            if len(data) != self._logged:
                self._logged = len(data)
                return data[-MOST_SETUP_LOG:].decode("utf-8", "replace")
        return ""

    def close(self) -> None:
        """End the runner's processes, whatever it does."""
        if self.runner is not None:
            with suppress(Exception):
                self.runner.interrupt()
                self.runner.close()


class Told:
    """What is told of one run, and what its study wants meanwhile.

    Parameters
    ----------
    worker : distributed.Worker
    key : str
        The task's.
    topic : str
        Of Dask's events, to which the study listens.
    attempt : str

    Attributes
    ----------
    pruned : bool
        Whether the study wants it to end early.
    ended : bool
        Whether the study does not want it any more.
    """

    def __init__(self, worker: Any, key: Any, topic: str, attempt: str) -> None:
        self._worker, self._key, self._topic, self.attempt = worker, key, topic, attempt
        self.pruned = self.ended = False
        self.runner: Runner | None = None
        self._events: list[dict[str, Any]] = []
        self._lock = threading.Lock()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._speak, name=f"run-{attempt[:8]}", daemon=True)

    def __enter__(self) -> Told:
        self.add({"started": time.time()})
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._over.set()
        self._thread.join()
        self._flush()

    def runs_in(self, runner: Runner) -> None:
        """Take note of what is to be interrupted; raise `Stopped` where the study has stopped meanwhile."""
        self.runner = runner
        if self.ended:
            raise Stopped

    def watch(self, event: Mapping[str, Any]) -> bool:
        """See an event of the run; see `runners.Watch`."""
        self.add(dict(event))
        return self.pruned

    def add(self, event: dict[str, Any]) -> None:
        """Send an event, with others, within `EVERY` seconds."""
        with self._lock:
            self._events.append(event)

    def _speak(self) -> None:
        while not self._over.wait(EVERY):
            self._flush()
            if not self.ended and self._released():
                self.ended = True
                if self.runner is not None:
                    self.runner.interrupt()

    def _released(self) -> bool:
        """Whether the scheduler does not want the task any more."""
        task = self._worker.state.tasks.get(self._key)
        return task is None or task.state in ("cancelled", "released", "forgotten")

    def _flush(self) -> None:
        with self._lock:
            events, self._events = self._events, []
        if events:
            with suppress(Exception):  # the connection has just gone: the task ends with it
                self._worker.log_event(self._topic, {"attempt": self.attempt, "events": events})
