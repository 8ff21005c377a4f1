"""The layer Landlock: which files a process and all below it may read and write; and TCP, signals and abstract sockets.

Rules name files by open descriptors, so what is readable for every experiment is opened once in the worker (`Rules`), and an
experiment adds its own folder only: 3 us a rule. Which rights can be handled depends on the kernel's ABI version; a right that it
does not know is left out.
"""

from __future__ import annotations

import os
import stat
import struct
from collections.abc import Iterable
from contextlib import suppress

from . import system

EXECUTE, WRITE_FILE, READ_FILE, READ_DIR, REMOVE_DIR, REMOVE_FILE = 1 << 0, 1 << 1, 1 << 2, 1 << 3, 1 << 4, 1 << 5
MAKE_CHAR, MAKE_DIR, MAKE_REG, MAKE_SOCK, MAKE_FIFO, MAKE_BLOCK, MAKE_SYM = (1 << bit for bit in range(6, 13))
REFER, TRUNCATE, IOCTL_DEV = 1 << 13, 1 << 14, 1 << 15
READ = EXECUTE | READ_FILE | READ_DIR
WRITE = (
    WRITE_FILE | REMOVE_DIR | REMOVE_FILE | MAKE_DIR | MAKE_REG | MAKE_SOCK | MAKE_FIFO | MAKE_SYM | REFER | TRUNCATE
)
_FOR_FILES = EXECUTE | WRITE_FILE | READ_FILE | TRUNCATE | IOCTL_DEV
_BIND_TCP, _CONNECT_TCP = 1, 2
_ABSTRACT_SOCKETS, _SIGNALS = 1, 2
_VERSION, _PATH_BENEATH, _NO_AUDIT = 1, 1, 1 | 4


def abi() -> int:
    """Return the kernel's Landlock ABI version; 0 where there is none."""
    if not system.LINUX:
        return 0
    try:
        return system.call(system.LANDLOCK_CREATE_RULESET, None, 0, _VERSION)
    except OSError:
        return 0


def missing(version: int) -> list[str]:
    """Return what a Landlock of this version cannot stop, in words."""
    steps = ((3, "truncation of files that may not be written"), (4, "TCP"), (5, "ioctl on devices"),
             (6, "signals and abstract sockets"))  # fmt: skip
    return [what for first, what in steps if version < first]


def handled(version: int) -> int:
    """Return all rights to files that a version knows."""
    bits = 13 if version < 2 else 14 if version < 3 else 15 if version < 5 else 16
    return (1 << bits) - 1


class Rules:
    """Rights to files and folders, held by open descriptors."""

    def __init__(self) -> None:
        self._held: list[tuple[int, int]] = []
        self._packed: tuple[int, list[bytes]] = (0, [])

    def __len__(self) -> int:
        return len(self._held)

    def allow(self, path: str, rights: int) -> None:
        """Allow rights to a path and all below it; one that cannot be opened is left out."""
        with suppress(OSError, ValueError):
            fd = os.open(path, os.O_PATH | os.O_CLOEXEC)
            if not stat.S_ISDIR(os.fstat(fd).st_mode):
                rights &= _FOR_FILES
            self._held.append((fd, rights))

    def extend(self, paths: Iterable[str], rights: int) -> None:
        """Allow the same rights to several paths."""
        for path in paths:
            self.allow(path, rights)

    def close(self) -> None:
        """Close the descriptors."""
        self._packed = 0, []
        for fd, _ in self._held:
            os.close(fd)
        self._held.clear()

    def packed(self, files: int) -> list[bytes]:
        """Return the rules as the kernel takes them, of the rights in `files`; made once, for all experiments."""
        if self._packed[0] != files or len(self._packed[1]) != len(self._held):
            self._packed = files, [struct.pack("=Qi", rights & files, fd) for fd, rights in self._held]
        return self._packed[1]

    def enforce(self, *others: Rules, version: int, tcp: bool, scoped: bool = True) -> None:
        """Confine this thread to these rules and those of `others`, for ever.

        Parameters
        ----------
        *others : Rules
        version : int
            The kernel's ABI version.
        tcp : bool
            Whether TCP is free.
        scoped : bool
            Whether signals and abstract sockets reach only what is confined as well.

        Raises
        ------
        OSError
        """
        files = handled(version)
        net = 0 if tcp or version < 4 else _BIND_TCP | _CONNECT_TCP
        scopes = _ABSTRACT_SOCKETS | _SIGNALS if scoped and version >= 6 else 0
        attributes = struct.pack("QQQ", files, net, scopes)[: 8 if version < 4 else 16 if version < 6 else 24]
        ruleset = system.call(system.LANDLOCK_CREATE_RULESET, attributes, len(attributes), 0)
        try:
            for rules in (self, *others):
                for rule in rules.packed(files):
                    system.call(system.LANDLOCK_ADD_RULE, ruleset, _PATH_BENEATH, rule, 0)
            system.no_new_privileges()
            system.call(system.LANDLOCK_RESTRICT_SELF, ruleset, _NO_AUDIT if version >= 7 else 0)
        finally:
            os.close(ruleset)
