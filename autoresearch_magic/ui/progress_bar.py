"""Waiting for a study with a bar; the bar of a terminal is here, a notebook's is with the notebook."""

from __future__ import annotations

import time
from typing import Protocol

from tqdm import tqdm

from ..budget import format_duration
from ..study.study import Study
from ..study.summary import result_line
from ..text import counted

BAR = "{percentage:3.0f}% |{bar:30}| {elapsed}  {desc}"
"""How a bar in a terminal looks."""

REFRESH = 0.5
"""Seconds between two pictures of a bar."""


class Bar(Protocol):
    """Anything that can show how far a study is."""

    def draw(self) -> None:
        """Show how far it is."""
        ...

    def close(self) -> None:
        """Show it a last time."""
        ...


def follow(study: Study, bar: Bar, timeout: float | None = None) -> bool:
    """Wait until a study is paused or has ended, with a bar.

    Parameters
    ----------
    study : Study
    bar : Bar
    timeout : float, optional
        Seconds.

    Returns
    -------
    bool
        Whether it is paused or has ended; False when the time was up first.
    """
    end = None if timeout is None else time.monotonic() + timeout
    over = False
    try:
        while not over:
            bar.draw()
            left = REFRESH if end is None else min(REFRESH, end - time.monotonic())
            if left <= 0:
                break
            over = study.wait(left)
    finally:
        bar.close()
    return over


def caption(study: Study) -> str:
    """Say in one line where a study is."""
    done, planned = study.status.done, study.settings.planned
    parts = [f"{done}/{counted(planned, 'experiment')}" if planned else counted(done, "experiment"), study.state]
    if (best := study.incumbent) is not None:
        parts.append(f"best {study.metric.format(best.value)}")
    if (left := study.status.remaining) and study.active:
        parts.append(f"about {format_duration(max(1.0, round(left)))} left")
    return " · ".join(parts)


class TerminalBar:
    """A bar in a terminal."""

    def __init__(self, study: Study) -> None:
        self.study = study
        self._bar = tqdm(total=100, bar_format=BAR, leave=True)

    def draw(self) -> None:
        """Show how far it is."""
        self._bar.n = round(100 * self.study.status.fraction, 1)
        self._bar.set_description_str(caption(self.study))

    def close(self) -> None:
        """Leave the last state standing, and the result below it."""
        self.draw()
        self._bar.close()
        print(result_line(self.study.status))


class Meter(Protocol):
    """Anything that can show how far some work is."""

    def put(self, share: float, text: str) -> None:
        """Show the share that is done, 0 to 1, and what is being done."""
        ...

    def close(self) -> None:
        """Be done."""
        ...


class TerminalMeter:
    """A bar in a terminal, for work that is no study's."""

    def __init__(self) -> None:
        self._bar = tqdm(total=100, bar_format=BAR, leave=False)

    def put(self, share: float, text: str) -> None:
        """Show how far it is."""
        self._bar.n = round(100 * share, 1)
        self._bar.set_description_str(text)

    def close(self) -> None:
        """Take it away."""
        self._bar.close()
