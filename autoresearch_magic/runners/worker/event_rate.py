"""How many events of a run are passed on: as many as a learning curve needs, whatever the target sends.

A target that reports in a tight loop, or writes into the pipe as fast as it can, must not keep the worker and the kernel busy. Reports and
ticks beyond the rate are dropped before they are parsed; the newest of each kind is held, and goes before what follows the training.
"""

from __future__ import annotations

BURST, RATE = 2_000.0, 200.0
"""Events that a run may send at once, as many as a curve has points, and a second from then on."""
MOST_BYTES = 64 << 20
"""Bytes of other lines, such as results, that are parsed of one run."""
_KINDS = (b'{"report"', b'{"tick"')


class EventRate:
    """Chooses the lines of one run that are to be parsed and passed on."""

    def __init__(self) -> None:
        self._tokens, self._at = BURST, 0.0
        self._bytes = 0
        self._held: dict[bytes, bytes] = {}

    def take(self, line: bytes, now: float) -> list[bytes]:
        """Return the lines to be read now: none, this one, or those that were held and this one."""
        self._tokens = min(BURST, self._tokens + RATE * max(0.0, now - self._at))
        self._at = now
        kind = next((kind for kind in _KINDS if line.startswith(kind)), None)
        if kind is None:
            self._bytes += len(line)
            return [*self.rest(), line] if self._bytes <= MOST_BYTES else []
        if self._tokens < 1.0:
            self._held[kind] = line
            return []
        self._tokens -= 1.0
        self._held.pop(kind, None)
        return [line]

    def rest(self) -> list[bytes]:
        """Return the lines that were held, and hold none any more."""
        held = [*self._held.values()]
        self._held.clear()
        return held
