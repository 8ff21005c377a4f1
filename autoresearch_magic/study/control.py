"""How other threads steer a loop."""

from __future__ import annotations

import threading
from collections.abc import Callable

from ..errors import Stopped


class Control:
    """How other threads steer the loop: go, pause after the run under way, or stop."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._allowed: int | None = None  # experiments until a pause; None: no pause
        self._stopping = False

    def allow(self, experiments: int | None) -> None:
        """Let so many experiments happen before the next pause; None lifts it, 0 pauses."""
        with self._changed:
            self._allowed = experiments
            self._changed.notify_all()

    def sleep(self, seconds: float) -> None:
        """Wait so long, or until the study is stopped.

        Raises
        ------
        Stopped
        """
        with self._changed:
            if self._changed.wait_for(lambda: self._stopping, timeout=max(0.0, seconds)):
                raise Stopped

    def stop(self) -> None:
        """Make the loop raise `Stopped` where it next looks."""
        with self._changed:
            self._stopping = True
            self._changed.notify_all()

    def spend(self) -> None:
        """Count one experiment against what is allowed."""
        with self._changed:
            if self._allowed:
                self._allowed -= 1

    def wait_for_go(self, on_pause: Callable[[], None]) -> bool:
        """Return at once when the loop may go on; else wait. Returns whether it waited; raises `Stopped`."""
        with self._changed:
            paused = self._allowed == 0 and not self._stopping
            if paused:
                on_pause()
                self._changed.wait_for(lambda: self._allowed != 0 or self._stopping)
            if self._stopping:
                raise Stopped
            return paused
