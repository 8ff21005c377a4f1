"""The layer of limits: no core dumps, a number of processes and open files, and memory where no GPU is used (`RLIMIT_*`).

Linux does not count root's processes against a limit: there the watch counts them (`processes_below`), or a cgroup does.
"""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from pathlib import Path

try:
    import resource
except ImportError:  # a system without fork, where nothing is confined
    pass

PROCESSES = 4_096
"""Processes and threads that an experiment may have beside those that its user has already."""
FILES = 65_536
"""Descriptors of one process."""
ADDRESSES = 4
"""The address space may be so many times the memory limit: libraries reserve more than they use. A GPU's needs terabytes."""


def enforce(*, memory: int = 0, gpu: bool = False) -> None:
    """Limit this process and all below it.

    Parameters
    ----------
    memory : int
        Bytes that the experiment may use; 0 for no limit.
    gpu : bool
        Whether a GPU may be used, which needs address space without limit.
    """
    _lower(resource.RLIMIT_CORE, 0)
    _lower(resource.RLIMIT_NOFILE, FILES)
    if os.geteuid() != 0 and hasattr(resource, "RLIMIT_NPROC"):
        _lower(resource.RLIMIT_NPROC, _tasks_of_user() + PROCESSES)
    if memory and not gpu and sys.platform == "linux":
        _lower(resource.RLIMIT_DATA, ADDRESSES * memory + _address_space())


def machine_memory() -> int:
    """Return the bytes of memory of this machine."""
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def _lower(kind: int, limit: int) -> None:
    soft, hard = resource.getrlimit(kind)
    new = limit if hard == resource.RLIM_INFINITY else min(limit, hard)
    with suppress(OSError, ValueError):
        resource.setrlimit(kind, (new if soft == resource.RLIM_INFINITY else min(soft, new), new))


def _address_space() -> int:
    with suppress(OSError), open("/proc/self/statm", "rb") as statm:
        return int(statm.read().split()[0]) * resource.getpagesize()
    return 0


def _tasks_of_user() -> int:
    """Return how many threads this user's processes have, as the limit counts them."""
    user, found = os.getuid(), 0
    with suppress(OSError):
        for name in os.listdir("/proc"):
            if name.isdecimal():
                with suppress(OSError):
                    if Path("/proc", name).stat().st_uid == user:
                        found += Path("/proc", name, "task").stat().st_nlink - 2
    return found
