"""Memory of an experiment with all processes below it, in which a shared page counts once.

What four data loaders read together is no memory of each of them, and the setup's data, which the worker has loaded, is not the
experiment's alone. Linux tells both sums: resident memory (RSS) counts a shared page for every process and is read in 0.02 ms
a process; proportional memory (PSS) divides it among them, which takes 0.5 ms for 2 GB of huge pages (numpy's), and 20 ms for
500 MB of small ones. RSS is never smaller, so it is the one that is looked at often.
"""

from __future__ import annotations

import math
import os
import time
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from .processes import descendants

POLL, SOONEST = 0.25, 0.005
"""Most and least seconds between two looks at RSS."""
FASTEST = 8e9
"""Bytes a second at which memory can be filled: the next look comes before what is left could be used up."""
MOST_PROCESSES = max(512, 16 * (os.cpu_count() or 1))
"""Processes of one run, which Linux does not limit for root: more of them leave the worker no time to end them."""
EXACT_SHARE, CLOSE_SHARE = 0.02, 0.1
"""Largest share of the time for reading PSS, and where RSS is above the limit."""
_PAGE = os.sysconf("SC_PAGE_SIZE")


class MemoryWatch:
    """Follows the memory of one run.

    Parameters
    ----------
    limit : int
        Bytes; 0 for none.

    Attributes
    ----------
    peak : int
        The largest proportional memory so far, in bytes.
    due : float
        When the next look is due, by the monotonic clock.
    crowd : bool
        Whether the run has more processes than any needs.
    """

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.peak = 0
        self.due = self._next_exact = 0.0
        self.crowd = False
        self._exact = self._resident = 0  # at the last look at PSS

    def exceeded(self, pid: int, now: float, others: Iterable[int] = ()) -> bool:
        """Look at the memory of a process and all below it, if a look is due; return whether it is above the limit.

        Parameters
        ----------
        pid : int
        now : float
        others : iterable of int
            Processes below which are daemons of the run: they do not count themselves.
        """
        if now < self.due:
            return False
        found = [pid, *descendants(pid)]
        for other in others:
            found += descendants(other)
        if len(found) > MOST_PROCESSES:
            self.crowd = True
            return True
        resident = sum(map(resident_bytes, found))
        left = self.limit - resident if self.limit else math.inf
        self.due = now + min(POLL, max(SOONEST, left / FASTEST))
        # PSS may have grown by what RSS has grown; and by pages that are no longer shared, which RSS does not show.
        over = self.limit and resident > self.limit
        if now >= self._next_exact or (over and self._exact + resident - self._resident > self.limit):
            began = time.perf_counter()
            self._exact, self._resident = sum(map(proportional_bytes, found)), resident
            self._next_exact = now + (time.perf_counter() - began) / (CLOSE_SHARE if over else EXACT_SHARE)
            self.peak = max(self.peak, self._exact)
        return bool(over and self._exact > self.limit)


def resident_bytes(pid: int) -> int:
    """Return the resident memory of one process; 0 when it has ended."""
    with suppress(OSError):
        return int(Path(f"/proc/{pid}/statm").read_bytes().split()[1]) * _PAGE
    return _from_psutil(pid)[0]


def proportional_bytes(pid: int) -> int:
    """Return the proportional memory of one process; 0 when it has ended.

    Where the system does not tell it (macOS, Linux before 4.14, a process of another user), RSS without shared files.
    """
    with suppress(OSError, ValueError, IndexError):
        text = Path(f"/proc/{pid}/smaps_rollup").read_bytes()
        return int(text.split(b"\nPss:", 1)[1].split(None, 1)[0]) * 1024
    resident, shared = _from_psutil(pid)
    return max(0, resident - shared)


def shared_bytes() -> int:
    """Return by how much this process's resident memory is larger than its proportional one."""
    pid = os.getpid()
    return max(0, resident_bytes(pid) - proportional_bytes(pid))


def _from_psutil(pid: int) -> tuple[int, int]:
    import psutil

    with suppress(psutil.Error):
        info = psutil.Process(pid).memory_info()
        return info.rss, getattr(info, "shared", 0)
    return 0, 0
