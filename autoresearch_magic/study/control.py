"""Pause, resume and stop a study's thread from other threads, and give it versions to try."""

from __future__ import annotations

import math
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from ..errors import Stopped
from ..experiment import Proposal


class GivenFirst(Exception):
    """Raised where the agent is awaited: a version was given, and is tried before the agent's next one."""


@dataclass(eq=False)
class Given:
    """A version that a person or another program has given, to be the next experiment.

    Attributes
    ----------
    proposal : Proposal
    number : int or None
        The number of its experiment; None until that is opened.
    """

    proposal: Proposal
    number: int | None = None


class Control:
    """Lets other threads pause the study's thread after the run in progress, let it go on, or stop it."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._allowed: int | None = None  # experiments until a pause; None: no pause
        self._stopping = False
        self._given: deque[Given] = deque()
        self._again: deque[tuple[int, bool]] = deque()  # with whether a pause is lifted for it

    @property
    def stopping(self) -> bool:
        """Whether the study was asked to stop."""
        return self._stopping

    @property
    def has_given(self) -> bool:
        """Whether a version waits to be tried."""
        return bool(self._given)

    @property
    def asked(self) -> bool:
        """Whether a version waits to be tried, or to be run once more."""
        return bool(self._given or self._again)

    def room(self, running: int) -> float:
        """Return how many experiments may begin before the next pause, while so many run; infinite without a pause."""
        allowed = self._allowed
        return math.inf if allowed is None else allowed - running

    def ask_again(self, number: int) -> None:
        """Make a judged version the next to be run, once more; a study that is paused runs it, and is paused again."""
        with self._changed:
            lifts = self._allowed == 0 or any(lifts for _, lifts in self._again)
            self._again.append((number, lifts))
            if self._allowed == 0:
                self._allowed = 1
            self._changed.notify_all()

    def take_again(self) -> tuple[int, bool] | None:
        """Return the number of the version to be run once more, and whether a pause was lifted for it; None where none was asked for."""
        with self._changed:
            return self._again.popleft() if self._again else None

    def give(self, given: Given) -> None:
        """Make a version the next experiment; a study that is paused runs it, and is paused again."""
        with self._changed:
            self._given.append(given)
            if self._allowed == 0:
                self._allowed = 1
            self._changed.notify_all()

    def take_given(self) -> Given | None:
        """Return the version to be tried next, once; None where none was given."""
        with self._changed:
            return self._given.popleft() if self._given else None

    def allow(self, experiments: int | None) -> None:
        """Allow so many experiments before the next pause; None lifts the pause, 0 pauses now."""
        with self._changed:
            self._allowed = experiments
            self._changed.notify_all()

    def sleep(self, seconds: float) -> None:
        """Wait, or raise as soon as the study is stopped.

        Raises
        ------
        Stopped
        """
        with self._changed:
            if self._changed.wait_for(lambda: self._stopping, timeout=max(0.0, seconds)):
                raise Stopped

    def rest(self, seconds: float) -> None:
        """Wait, but no longer than until a pause is asked for or a version given; raise as soon as the study is stopped.

        Raises
        ------
        Stopped
        """
        with self._changed:
            self._changed.wait_for(
                lambda: self._stopping or self._allowed == 0 or self.asked, timeout=max(0.0, seconds)
            )
            if self._stopping:
                raise Stopped

    def stop(self) -> None:
        """Make the thread raise `Stopped` at its next check."""
        with self._changed:
            self._stopping = True
            self._changed.notify_all()

    def spend(self) -> None:
        """Count one experiment against the allowed number; a version that waits is allowed in any case."""
        with self._changed:
            if self._allowed:
                waits = self.has_given or any(lifts for _, lifts in self._again)
                self._allowed = max(self._allowed - 1, int(waits))

    def wait_for_go(self, on_pause: Callable[[], None]) -> bool:
        """Wait while paused; return whether it had to wait. Raise `Stopped` when the study is stopped."""
        with self._changed:
            paused = self._allowed == 0 and not self._stopping
            if paused:
                on_pause()
                self._changed.wait_for(lambda: self._allowed != 0 or self._stopping)
            if self._stopping:
                raise Stopped
            return paused
