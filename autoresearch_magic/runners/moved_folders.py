"""Folders that a run has moved: a folder can be put away, another one shown in its place, and put back without a trace in any file.

Linux tells who asks for it beforehand (inotify), also where the run has mounts of its own. Elsewhere, and where the system's limit of watches
is reached, nothing is noticed.
"""

from __future__ import annotations

import ctypes
import os
import struct
import sys
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from types import TracebackType

MOST = 4_096
"""Folders that are watched."""
_MOVE_SELF, _ONLY_FOLDERS, _NO_LINKS = 0x800, 0x0100_0000, 0x0200_0000
_NON_BLOCKING = os.O_NONBLOCK | getattr(os, "O_CLOEXEC", 0)
_HEAD = struct.Struct("iIII")


class MovedFolders:
    """Watches folders while it is entered.

    Parameters
    ----------
    top : Path
    folders : iterable of str
        Relative to `top`.
    """

    def __init__(self, top: Path, folders: Iterable[str]) -> None:
        self._top, self._folders = top, sorted(folders)[:MOST]
        self._fd = -1
        self._names: dict[int, str] = {}
        self.moved: list[str] = []
        """Which were moved, once it was left."""

    def __enter__(self) -> MovedFolders:
        if sys.platform != "linux":
            return self
        system = ctypes.CDLL(None, use_errno=True)
        self._fd = system.inotify_init1(_NON_BLOCKING)
        if self._fd < 0:
            return self
        for name in self._folders:
            path = os.fsencode(self._top / name)
            if (number := system.inotify_add_watch(self._fd, path, _MOVE_SELF | _ONLY_FOLDERS | _NO_LINKS)) >= 0:
                self._names[number] = name
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        if self._fd < 0:
            return
        found: set[str] = set()
        with suppress(BlockingIOError):
            while data := os.read(self._fd, 1 << 16):
                while data:
                    number, what, _, length = _HEAD.unpack_from(data)
                    data = data[_HEAD.size + length :]
                    if what & _MOVE_SELF and number in self._names:
                        found.add(self._names[number])
        os.close(self._fd)
        self._fd, self.moved = -1, sorted(found)
