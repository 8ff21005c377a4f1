"""Linux system calls that Python has no function for, through ctypes. Loading the library here costs nothing in a fork."""

from __future__ import annotations

import ctypes
import os
import platform
import sys
from typing import Any

LINUX = sys.platform == "linux"
MACHINE = platform.machine()
KNOWN_MACHINE = MACHINE in ("x86_64", "aarch64")

# The same numbers on all architectures, because they are younger than the unified table.
OPEN_TREE, MOVE_MOUNT, CLOSE_RANGE, MOUNT_SETATTR = 428, 429, 436, 442
LANDLOCK_CREATE_RULESET, LANDLOCK_ADD_RULE, LANDLOCK_RESTRICT_SELF = 444, 445, 446
SECCOMP = {"x86_64": 317, "aarch64": 277}.get(MACHINE, -1)
CAPSET = {"x86_64": 126, "aarch64": 91}.get(MACHINE, -1)

PR_SET_PDEATHSIG, PR_SET_DUMPABLE, PR_CAPBSET_DROP, PR_SET_NO_NEW_PRIVS, PR_CAP_AMBIENT = 1, 4, 24, 38, 47
AT_FDCWD, AT_EMPTY_PATH, AT_RECURSIVE = -100, 0x1000, 0x8000

_libc: Any = ctypes.CDLL(None, use_errno=True) if os.name == "posix" else None


def _checked(result: int) -> int:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return result


def call(number: int, *arguments: int | bytes | None) -> int:
    """Make a system call by its number.

    Raises
    ------
    OSError
    """
    # Plain numbers are passed as 32 bits, which is right for descriptors and flags and takes a third of the time.
    return _checked(_libc.syscall(number, *arguments))


def prctl(option: int, *arguments: int) -> int:
    """Call prctl(2) with up to four arguments.

    Raises
    ------
    OSError
    """
    padded = [*arguments, 0, 0, 0, 0][:4]
    return _checked(_libc.prctl(ctypes.c_int(option), *map(ctypes.c_ulong, padded)))


def unshare(flags: int) -> None:
    """Give this thread namespaces of its own; see unshare(2)."""
    _checked(_libc.unshare(ctypes.c_int(flags)))


def setns(fd: int, kind: int) -> None:
    """Move this thread into a namespace; see setns(2)."""
    _checked(_libc.setns(ctypes.c_int(fd), ctypes.c_int(kind)))


def mount(source: str | None, target: str, kind: str | None, flags: int = 0, options: str = "") -> None:
    """Call mount(2)."""
    encoded = [None if each is None else os.fsencode(each) for each in (source, target, kind)]
    _checked(
        _libc.mount(*map(ctypes.c_char_p, encoded), ctypes.c_ulong(flags), ctypes.c_char_p(options.encode() or None))
    )


def no_new_privileges() -> None:
    """Let no program that this process starts have more rights than it has: no set-user-id, no file capabilities."""
    prctl(PR_SET_NO_NEW_PRIVS, 1)


def not_dumpable() -> None:
    """Keep other processes of the same user from reading this one's memory and environment."""
    if LINUX:
        prctl(PR_SET_DUMPABLE, 0)
