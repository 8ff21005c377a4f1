"""The lock of a study: one process at a time works on it.

Two things are locked: the study's folder itself, which stays the same when its files are deleted or it is renamed, and the file `lock`
in it, which earlier versions look at, and which can be locked on network file systems where folders cannot. Where neither can be
locked, the owner that the journal names (`JournalFile.own`) still keeps a second writer from writing.
"""

from __future__ import annotations

import os
import time
from contextlib import suppress
from pathlib import Path
from typing import Self

from filelock import FileLock, Timeout

try:
    import fcntl
except ImportError:  # a system without flock
    fcntl = None  # type: ignore[assignment]

NAME = "lock"
POLL = 0.02
"""Seconds between two attempts."""


class StudyLock:
    """The lock of the study in a folder, for the process that works on it.

    Parameters
    ----------
    folder : Path
        Must exist when the lock is taken.

    Attributes
    ----------
    weak : bool
        Whether the file system could lock neither the folder nor the file when it was taken last.
    """

    def __init__(self, folder: Path) -> None:
        self.folder, self.weak = folder, False
        self._file = FileLock(str(folder / NAME), timeout=0, thread_local=False)
        self._folder: int | None = None
        self._held = False

    @property
    def is_locked(self) -> bool:
        """Whether this object holds the lock."""
        return self._held

    def acquire(self, timeout: float = 0.0) -> None:
        """Take the lock.

        Raises
        ------
        Timeout
            When another process holds it for so many seconds.
        OSError
            When the folder may not be written.
        """
        end = time.monotonic() + timeout
        while not self._taken():
            if time.monotonic() >= end:
                raise Timeout(str(self.folder / NAME))
            time.sleep(POLL)
        self._held = True

    def _taken(self) -> bool:
        self.weak = False
        try:
            self._folder = _flock(self.folder, exclusive=True)
        except BlockingIOError:
            return False
        except OSError:  # not on this file system
            self._folder, self.weak = None, True
        try:
            self._file.acquire(timeout=0)
        except Timeout:
            self._let_go()
            return False
        except NotImplementedError:
            pass
        except BaseException:
            self._let_go()
            raise
        else:
            self.weak = False
        return True

    def _let_go(self) -> None:
        if self._folder is not None:
            os.close(self._folder)
            self._folder = None

    def release(self) -> None:
        """Let it go; nothing where it is not held."""
        self._held = False
        self._file.release(force=True)
        self._let_go()

    def __enter__(self) -> Self:
        self.acquire()
        return self

    def __exit__(self, *_: object) -> None:
        self.release()


def is_held(folder: Path) -> bool:
    """Whether a process works on the study in a folder; nothing is written or created to find out."""
    for path in (folder, folder / NAME):
        try:
            os.close(_flock(path, exclusive=False))
        except BlockingIOError:
            return True
        except OSError:  # there is none, or it cannot be locked or read
            pass
    return False


def _flock(path: Path, *, exclusive: bool) -> int:
    """Lock a folder or file without waiting; return its descriptor, which holds the lock until it is closed."""
    if fcntl is None:
        raise OSError("no flock")
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    try:
        fcntl.flock(descriptor, (fcntl.LOCK_EX if exclusive else fcntl.LOCK_SH) | fcntl.LOCK_NB)
    except BaseException:
        with suppress(OSError):
            os.close(descriptor)
        raise
    return descriptor
