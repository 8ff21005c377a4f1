"""The clean side's part of one run, as the worker sees it: what it holds ready, and what comes from there."""

from __future__ import annotations

import json
import os
import signal
import socket
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from ....experiment import Outcome
from .. import processes
from ..protocol import LineBuffer, read_event
from .channel import shared_memory
from .template import CleanSide

FROM_TARGET = ("charged", "steps", "lost", "paused", "names", "gpu_memory", "shared_memory")
"""What the target's process may say of itself where the clean side measures."""
FAILURES = (Outcome.CRASH, Outcome.OUT_OF_MEMORY)
"""Outcomes that the target's process may give itself: its own end."""


class CleanRun:
    """Descriptors of one run, until the target has ended, and the clean process that evaluates it then.

    Parameters
    ----------
    output : int
        What the run prints to; a copy is held.

    Attributes
    ----------
    theirs : int
        The target's end of the connection.
    arena : int
        Memory that target and clean side share.
    events : int
        To read from; -1 once it was closed.
    pid : int
        Of the clean process; 0 before it has told.
    result : dict
        What it has sent.
    """

    def __init__(self, output: int) -> None:
        ours, theirs = socket.socketpair()
        self._ours, self.theirs = ours.detach(), theirs.detach()
        self.arena = shared_memory()
        self.events, self._emit = os.pipe()
        os.set_blocking(self.events, False)
        self._output = os.dup(output)
        self._held = [self._ours, self.theirs, self._emit, self._output]
        self.pid, self.begun, self.ended = 0, False, False
        self.result: dict[str, Any] = {}
        self._lines = LineBuffer()

    def child_keeps(self) -> dict[str, int]:
        """Close in the target's process what is not its own; return the job's entries for it."""
        for fd in (self._ours, self._emit, self._output, self.events):
            os.close(fd)
        return {"clean": self.theirs, "arena": self.arena}

    def parent_keeps(self) -> None:
        """Close the target's end in the worker."""
        self._close(self.theirs)

    def begin(self, side: CleanSide, job: Mapping[str, Any]) -> None:
        """Let the clean side evaluate; what was held for it is closed here."""
        self.begun = True
        try:
            sent = {key: value for key, value in job.items() if key != "target"}
            arena = self.arena if self.arena >= 0 else self._output
            side.evaluate({**sent, "arena": self.arena >= 0}, self._ours, arena, self._emit, self._output)
        finally:
            for fd in list(self._held):
                self._close(fd)

    def _close(self, fd: int) -> None:
        if fd in self._held:
            self._held.remove(fd)
            os.close(fd)

    def read(self) -> list[dict[str, Any]]:
        """Return the events that have come; at the end of the pipe, `ended` is set."""
        data = processes.read_available(self.events)
        if data is None:
            return []
        if not data:
            self.ended = True
        found = []
        for line in self._lines.feed(data):
            with suppress(ValueError):
                message = json.loads(line)
                if "pid" in message:
                    self.pid = int(message["pid"])
                elif "serving" in message:
                    found.append({"evaluating": True})
                elif (event := read_event(line)) is None:
                    continue
                elif "result" in event:
                    self.result.update(event["result"])
                else:
                    found.append(event)
        return found

    def kill(self, number: int = signal.SIGKILL) -> None:
        """Send a signal to the clean process."""
        if self.pid and not self.ended:
            processes.signal_group(self.pid, number)

    def close(self) -> None:
        """Close everything that is still open."""
        for fd in [*self._held, *([self.arena] if self.arena >= 0 else []), self.events]:
            with suppress(OSError):
                os.close(fd)
        self._held, self.arena, self.events = [], -1, -1

    def result_with(self, told: Mapping[str, Any]) -> dict[str, Any]:
        """Return the run's result from what the target's process has told and what was measured here; empty where neither has ended well.

        Parameters
        ----------
        told : Mapping
            The target's process can say that it has failed, and how much it has used, but not what its value is.
        """
        own = {key: told[key] for key in FROM_TARGET if key in told}
        if "outcome" in self.result and not self.result.get("gone"):
            return {**own, **self.result}
        if told.get("outcome") in FAILURES:
            failed = {key: told[key] for key in ("outcome", "error", "traceback", "missing_module") if key in told}
            return {**own, **failed, "value": None}
        return {}
