"""The clean side's part of one run, as the worker sees it: the connection that both processes get, and what comes from the clean one.

The clean process is forked after the target's and waits until the target has ended: so the fork costs no time of its own. When it has
evaluated it waits once more, until the worker has seen the end of the target's process: both are forks of large processes, and two that
end at the same time take longer than one.
"""

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
    """A clean process that waits for the end of a run's target, to evaluate it.

    Attributes
    ----------
    events : int
        A socket to the clean process; -1 once it was closed.
    pid : int
        Of the clean process; 0 before it has told.
    ended : bool
        Whether nothing more comes from it.
    result : dict
        What it has sent.
    """

    def __init__(self) -> None:
        self._ours, theirs = (end.detach() for end in socket.socketpair())
        self._arena = shared_memory()
        self.events, emit = (end.detach() for end in socket.socketpair())
        os.set_blocking(self.events, False)
        self.pid, self.ended, self._gone = 0, False, False
        self.result: dict[str, Any] = {}
        self._lines = LineBuffer()
        self._theirs, self._emit = theirs, emit

    def child_keeps(self) -> dict[str, int]:
        """Close in the target's process what is not its own; return the job's entries for it: its connection to the clean side."""
        self._close(self.events, self._theirs, self._emit)
        return {"clean": self._ours, "arena": self._arena}

    def begin(self, side: CleanSide, job: Mapping[str, Any], output: int) -> None:
        """Let the clean process begin, and close in the worker what is its and the target's: when one of them ends, the other one notices it.

        Parameters
        ----------
        side : CleanSide
        job : Mapping
        output : int
            What the run prints to.

        Raises
        ------
        OSError
            When the template has ended.
        """
        sent = {key: value for key, value in job.items() if key != "target"}
        arena = self._arena if self._arena >= 0 else output
        try:
            side.evaluate({**sent, "arena": self._arena >= 0}, self._theirs, arena, self._emit, output)
        finally:
            self._close(self._ours, self._arena, self._theirs, self._emit)
            self._ours = self._arena = self._theirs = self._emit = -1

    def _close(self, *descriptors: int) -> None:
        for fd in descriptors:
            with suppress(OSError):
                if fd >= 0:
                    os.close(fd)

    def read(self) -> list[dict[str, Any]]:
        """Return the events that have come; at the end of the pipe, `ended` is set."""
        try:
            data = processes.read_available(self.events)
        except ConnectionResetError:  # it was killed before it had read what was sent to it
            data = b""
        if data is None:
            return []
        if not data:
            self.ended = self._gone = True
        found = []
        for line in self._lines.feed(data):
            with suppress(ValueError):
                message = json.loads(line)
                if "pid" in message:
                    self.pid = int(message["pid"])
                elif "serving" in message:
                    found.append({"evaluating": True})
                elif "left" in message:
                    self.ended = True
                elif (event := read_event(line)) is None:
                    continue
                elif "result" in event:
                    self.result.update(event["result"])
                else:
                    found.append(event)
        return found

    def go_on(self) -> None:
        """Let the clean process evaluate: it waits for this where it has found that the target has ended."""
        with suppress(OSError):
            os.write(self.events, b"+")

    def kill(self, number: int = signal.SIGKILL) -> None:
        """Send a signal to the clean process."""
        if self.pid and not self._gone:
            processes.signal_group(self.pid, number)

    @property
    def lost(self) -> bool:
        """Whether the clean process has ended without a word."""
        return self._gone and not self.result

    def close(self) -> None:
        """Close everything that is still open."""
        self._close(self._ours, self._arena, self._theirs, self._emit, self.events)
        self._ours = self._arena = self._theirs = self._emit = self.events = -1

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
