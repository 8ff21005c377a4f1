"""The wall clock, which a person, NTP or the end of a suspend may set by hours at any moment.

Durations are measured by monotonic clocks everywhere. The wall clock is read for the times of files, and for what people are shown.
"""

from __future__ import annotations

import threading
import time

JUMP = 0.5
"""Seconds by which the wall clock has to differ from a monotonic one to have been set."""
AHEAD = 86_400.0
"""Seconds by which the last time stamp may be ahead of the clock; above, that one is taken to have been wrong."""

_lock = threading.Lock()
_last = 0.0


class Began:
    """When something began, for a comparison with the times of files that it writes."""

    def __init__(self) -> None:
        self._wall, self._monotonic = time.time(), time.monotonic()

    @property
    def since(self) -> float:
        """The earliest time that a file can have which was written since: earlier than the beginning where the clock was set back meanwhile."""
        jump = time.time() - self._wall - (time.monotonic() - self._monotonic)
        return self._wall + jump if jump < -JUMP else self._wall


def stamp() -> float:
    """Return seconds since the epoch for a record; never less than before, also where the clock was set back since."""
    global _last
    with _lock:
        now = time.time()
        _last = max(now, _last) if _last - now < AHEAD else now
        return _last


def not_before(last: float) -> None:
    """Let no stamp be less than one that an earlier process has written."""
    global _last
    with _lock:
        if last - time.time() < AHEAD:
            _last = max(_last, last)
