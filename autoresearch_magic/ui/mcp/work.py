"""Work that takes longer than a client may wait for one answer: it runs in a thread, and any number of calls may ask after it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Coroutine
from typing import Any, Literal, TypeAlias

import anyio
import anyio.to_thread

from ...errors import Stopped
from ...study.status import StudyStatus
from ...study.study import Study
from ...study.summary import run_line, slot_lines
from ..progress_bar import caption

What: TypeAlias = Literal["plan", "start", "try", "finish"]

Report = Callable[[float, float, str], Coroutine[Any, Any, None]]
"""Sends a progress notification: what is done, of how much, and a line in words."""

LOOK = 0.2
"""Seconds between two looks at work in progress."""

PATIENCE = 30.0
"""Seconds to wait for the end of work that was asked to end, before another piece is refused."""

QUIET = 10.0
"""Seconds after which a progress notification is sent although nothing has changed, so that a client does not give up."""

TICK = 1e-6
"""The least growth of the share from one notification to the next: the protocol wants it to grow each time."""


class Work:
    """One piece of work for a client, in its own thread.

    Parameters
    ----------
    what : {"plan", "start", "try", "finish"}
    study : Study
    do : callable
        Does it and returns the result. It is given a function that takes the share done and a line; that function raises `Stopped` in a
        plan that is to end.

    Attributes
    ----------
    share : float
        About how much is done, 0 to 1.
    line : str
        What is being done.
    stopped : bool
        Whether it was asked to end before its time.
    """

    def __init__(
        self,
        what: What,
        study: Study,
        do: Callable[[Callable[[float, str], None]], Any],
    ) -> None:
        self.what, self.study, self._do = what, study, do
        self._result: Any = None
        self._error: BaseException | None = None
        self.stopped = False
        self._shown: tuple[float, str] | None = None
        self._runs_before = len(study.status.runs)
        self._first_runs = 0 if study.experiments else study.settings.repeats
        self._thread = threading.Thread(target=self._run, name=f"mcp-{what}", daemon=True)

    def start(self) -> None:
        """Begin; return at once."""
        self._thread.start()

    @property
    def running(self) -> bool:
        """Whether it has not ended yet."""
        return self._thread.is_alive()

    def _run(self) -> None:
        try:
            self._result = self._do(self._show)
        except BaseException as error:
            self._error = error

    def stop(self) -> None:
        """End it, and wait until it has ended."""
        self.stopped = True
        while self.running:
            # again and again: it may not have begun its first run yet
            self.study.stop_plan() if self.what == "plan" else self.study.stop()
            self._thread.join(LOOK)

    def wait_for_stop(self) -> bool:
        """Wait for the end of what was asked to end; return whether it has ended."""
        if self.stopped:
            self._thread.join(PATIENCE)
        return not self.running

    def result(self) -> Any:
        """Return the result; raise what the work has raised."""
        if self._error is not None:
            raise self._error
        return self._result

    def _show(self, share: float, line: str) -> None:
        if self.what != "plan":
            return  # the study's status says more
        if self.stopped:
            raise Stopped
        self._shown = share, line

    @property
    def share(self) -> float:
        """About how much is done, 0 to 1; a candidate may need more runs than one, which is known only when they begin."""
        if self._shown is not None:
            return min(1.0, self._shown[0])
        status = self.study.status
        done = len(status.runs) - self._runs_before
        running = status.live.progress if status.live is not None else 0.0
        expected = max(self._first_runs + (self.what == "try"), done + 1)
        return min(1.0, (done + running) / expected)

    @property
    def line(self) -> str:
        """What is being done, in one line."""
        if self._shown is not None:
            return self._shown[1]
        study = self.study
        return run_in_words(study.status) or (caption(study) if study.active else "it begins or ends")

    async def follow(self, seconds: float, report: Report) -> bool:
        """Wait for the end, at most so many seconds, and report progress; return whether it has ended."""
        end, last, told = time.monotonic() + seconds, -TICK, ("", -QUIET)
        while self.running:
            line, now = self.line, time.monotonic()
            share = self.share
            if share > last + 0.01 or line != told[0] or now > told[1] + QUIET:
                last = max(last + TICK, min(share, 0.99))
                told = line, now
                await report(last, 1.0, line)
            if now >= end:
                return False
            await anyio.sleep(min(LOOK, end - now))
        return True

    async def stop_for_client(self) -> None:
        """End it because the client has cancelled its call, which must not cancel this as well."""
        with anyio.CancelScope(shield=True):
            await anyio.to_thread.run_sync(self.stop)


def run_in_words(status: StudyStatus) -> str:
    """Return which run is in progress and how far it is; empty between two runs."""
    if (live := status.live) is None:
        return ""
    if status.settings.side_by_side:
        return "; ".join(slot_lines(status))
    return f"{run_line(live, status.incumbent, status.metric)} · {live.phase}, {live.progress:.0%}"


def in_progress(work: Work) -> str:
    """Return that a piece of work is in progress, and what it does."""
    return f"The {work.what} of {work.study.name} is in progress ({work.line})"
