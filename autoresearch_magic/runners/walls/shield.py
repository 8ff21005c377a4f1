"""Protection of the kernel's own process where neither namespaces nor Landlock keep experiments from it.

A process that is not dumpable cannot be read or traced by others of the same user; its debugger and its core dump are lost meanwhile, so
it is given back when the last study has ended. Root is not stopped by it.
"""

from __future__ import annotations

import threading

from . import system

_lock = threading.Lock()
_raised = 0


def raise_shield() -> None:
    """Make this process not dumpable, until `lower_shield` has been called as often."""
    global _raised
    with _lock:
        _raised += 1
        if _raised == 1:
            system.not_dumpable()


def lower_shield() -> None:
    """Undo `raise_shield`."""
    global _raised
    with _lock:
        _raised -= 1
        if not _raised and system.LINUX:
            system.prctl(system.PR_SET_DUMPABLE, 1)
