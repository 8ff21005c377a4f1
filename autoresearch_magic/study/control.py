"""Pause, resume and stop a study's thread from other threads."""

from __future__ import annotations

import threading
from collections.abc import Callable

from ..errors import Stopped


class Control:
    """Lets other threads pause the study's thread after the run in progress, let it go on, or stop it."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._allowed: int | None = None  # experiments until a pause; None: no pause
        self._stopping = False

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
        """Wait, but no longer than until a pause is asked for; raise as soon as the study is stopped.

        Raises
        ------
        Stopped
        """
        with self._changed:
            self._changed.wait_for(lambda: self._stopping or self._allowed == 0, timeout=max(0.0, seconds))
            if self._stopping:
                raise Stopped

    def stop(self) -> None:
        """Make the thread raise `Stopped` at its next check."""
        with self._changed:
            self._stopping = True
            self._changed.notify_all()

    def spend(self) -> None:
        """Count one experiment against the allowed number."""
        with self._changed:
            if self._allowed:
                self._allowed -= 1

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
