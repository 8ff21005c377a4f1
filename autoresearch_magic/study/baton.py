"""The baton: of the threads of a study that runs several experiments at once, the one that holds it decides, writes and publishes.

The others run targets or wait. So everything that decides is written as for one thread, and gives the baton up where it waits.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager


class Baton:
    """Held by one thread at a time. A study with one thread never takes it, and nothing waits for it then."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._changed = threading.Condition(self._lock)
        self._holder: int | None = None

    @property
    def mine(self) -> bool:
        """Whether the calling thread holds it."""
        return self._holder == threading.get_ident()

    @contextmanager
    def held(self) -> Iterator[None]:
        """Hold it; a thread that does already goes on holding it."""
        if self.mine:
            yield
            return
        self._lock.acquire()
        self._holder = threading.get_ident()
        try:
            yield
        finally:
            self._holder = None
            self._lock.release()

    @contextmanager
    def released(self) -> Iterator[None]:
        """Give it up while something is awaited; a thread that does not hold it has nothing to give up."""
        if not self.mine:
            yield
            return
        self._holder = None
        self._lock.release()
        try:
            yield
        finally:
            self._lock.acquire()
            self._holder = threading.get_ident()

    def wait(self, seconds: float) -> None:
        """Give it up until another thread has changed something, or for so long."""
        assert self.mine
        self._holder = None
        self._changed.wait(seconds)
        self._holder = threading.get_ident()

    def tell(self) -> None:
        """Wake the threads that wait for a change."""
        assert self.mine
        self._changed.notify_all()
