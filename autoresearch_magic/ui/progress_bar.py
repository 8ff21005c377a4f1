"""Progress bars: what they show of a study, and the one for terminals. The one for notebooks is in `jupyter.progress_bar`."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import Protocol

from tqdm import tqdm

from ..budget import format_duration
from ..events import State
from ..study.study import Study
from ..study.summary import result_line, tried_line
from ..text import counted, shorten
from .wording import for_shell

REFRESH = 0.5
"""Seconds between two updates of a bar."""


class Bar(Protocol):
    """A progress bar."""

    def show(self, share: float, text: str) -> None:
        """Show the share that is done, 0 to 1, and what is being done."""
        ...

    def close(self, last: str | None = None) -> None:
        """End it; `last` is a text to leave on the screen with it."""
        ...


def terminal_bar(text: str = "", wording: Callable[[str], str] = for_shell) -> Bar:
    """Return a bar for the standard error: one that redraws itself in a terminal, lines now and then elsewhere.

    Parameters
    ----------
    text : str
        What it shows first.
    wording : callable
        How commands inside of texts are said: as a shell types them, or `str` in IPython.
    """
    return TerminalBar(text, wording) if getattr(sys.stderr, "isatty", bool)() else ProgressLines(wording)


class TerminalBar:
    """A progress bar in a terminal; it is erased at the end unless it leaves a last text."""

    def __init__(self, text: str = "", wording: Callable[[str], str] = for_shell) -> None:
        self._wording = wording
        self._bar = tqdm(total=100, bar_format="{percentage:3.0f}% |{bar:30}| {elapsed}  {desc}", desc=text)

    def show(self, share: float, text: str) -> None:
        """Show the share that is done, 0 to 1, and what is being done."""
        self._bar.n = round(100 * share, 1)
        self._bar.set_description_str(self._wording(text))

    def close(self, last: str | None = None) -> None:
        """End it, and print `last` below it."""
        self._bar.leave = last is not None
        self._bar.close()
        if last:
            print(last, file=sys.stderr)


class ProgressLines:
    """Progress in a log file or a pipe: a line at the start, one every `EVERY` seconds, and the last one."""

    EVERY = 15.0

    def __init__(self, wording: Callable[[str], str] = for_shell) -> None:
        self._wording = wording
        self._next = 0.0
        self._line = self._printed = ""

    def show(self, share: float, text: str) -> None:
        """Take the share that is done, 0 to 1, and what is being done; print it if it is time."""
        self._line = f"{share:4.0%}  {self._wording(text)}".rstrip()
        if time.monotonic() >= self._next:
            self._print()

    def close(self, last: str | None = None) -> None:
        """Print the last state, and `last` below it."""
        self._print()
        if last:
            print(last, file=sys.stderr, flush=True)

    def _print(self) -> None:
        if self._line != self._printed:
            print(self._line, file=sys.stderr, flush=True)
        self._printed, self._next = self._line, time.monotonic() + self.EVERY


def follow(
    study: Study,
    bar: Bar,
    timeout: float | None = None,
    also: Callable[[Study], object] = lambda study: None,
    *,
    to_end: bool = False,
    wait: Callable[[float], bool] | None = None,
) -> bool:
    """Wait until a study is paused or has ended, with a bar that ends with its result.

    Parameters
    ----------
    study : Study
    bar : Bar
    timeout : float, optional
        Seconds.
    also : callable, optional
        Called at each update of the bar.
    to_end : bool
        Whether to wait in pauses too, because another process may lift them.
    wait : callable, optional
        Waits at most so many seconds for the study in place of `Study.wait`, and returns whether it is paused or has ended.

    Returns
    -------
    bool
        Whether it is paused or has ended; False when the time was up first.
    """
    end = None if timeout is None else time.monotonic() + timeout
    over = False
    try:
        while not over:
            bar.show(study.status.fraction, caption(study))
            also(study)
            left = REFRESH if end is None else min(REFRESH, end - time.monotonic())
            if left <= 0:
                break
            over = (wait or study.wait)(left)
            if over and to_end and study.status.state.ongoing:
                time.sleep(left)
                over = not study.status.state.ongoing
    finally:
        bar.show(study.status.fraction, caption(study))
        bar.close(f"{result_line(study.status)}; {tried_line(study.status)}")
    return over


def caption(study: Study) -> str:
    """Return one line with a study's experiments, state, best value and remaining time."""
    done, planned = study.status.done, study.settings.planned
    parts = [f"{done}/{counted(planned, 'experiment')}" if planned else counted(done, "experiment"), _state(study)]
    if study.settings.side_by_side and len(study.status.lives) > 1:
        parts.append(f"{len(study.status.lives)} runs at once")
    if (live := study.status.live) is not None and live.phase == "setup":
        parts.append(f"setup is running, {live.elapsed:.0f} s")
    if (best := study.status.incumbent) is not None:
        parts.append(f"best {study.status.format(best.value)}")
    if left := study.status.remaining:
        parts.append(f"about {format_duration(max(1.0, round(left)))} left")
    return " · ".join(parts)


def _state(study: Study) -> str:
    """Return the state; that of a study that waits says for what."""
    status = study.status
    told = status.elsewhere
    if status.state is State.ELSEWHERE and told is not None:
        return shorten(told.words, 160) if told.state is State.WAITING else f"{told.state} in process {told.pid}"
    return f"{study.state}: {shorten(status.message, 160)}" if status.state is State.WAITING else study.state
