"""The setup's memory in huge pages: a fork of the worker then copies one entry of its page table where it copied 512, and its end frees as few.

After ``import torch`` and its optimizers a process has some 220 MB of memory of its own in 4 kB pages. Their entries are what a fork and its end
take their time for: 5.0 and 7.0 ms, with huge pages 1.7 and 2.4. Collapsing them takes 2 ms for 2 MB once (Linux 6.1 and later,
``MADV_COLLAPSE`` of madvise(2)); other systems stay as they are. What a fork writes to is still copied by 4 kB.
"""

from __future__ import annotations

import ctypes
import os
import re
import time
from collections.abc import Iterator

HUGE = 2 << 20
"""Bytes of a huge page on x86-64, and on ARM with pages of 4 kB; elsewhere nothing is collapsed."""
PIECE = 32 << 20
"""Bytes that are collapsed at once."""
FILLED = 0.9
"""Share of a map that must be in memory: a huge page takes all of its 2 MB."""

_COLLAPSE = 25
_MAP = re.compile(
    rb"^([0-9a-f]+)-([0-9a-f]+) rw-p \S+ \S+ 0 *(\[heap\])?\n(?:(?![0-9a-f]+-)[^\n]*\n)*?Anonymous: +(\d+) kB", re.M
)


def collapse(seconds: float) -> int:
    """Put this process's memory into huge pages where the system can, the largest maps first.

    What numpy allocates for large arrays has huge pages anyway.

    Parameters
    ----------
    seconds : float
        What that may take; the rest stays as it is.

    Returns
    -------
    int
        The bytes that are in huge pages now.
    """
    done, end = 0, time.monotonic() + seconds
    try:
        with open("/proc/self/smaps", "rb") as file:
            maps = sorted(_anonymous(file.read()), key=lambda each: each[0] - each[1])
        if not maps or os.sysconf("SC_PAGE_SIZE") != 4096:
            return 0
        madvise = ctypes.CDLL(None).madvise
    except (OSError, AttributeError, ValueError):
        return 0
    madvise.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]
    for first, last in maps:
        for start in range(first, last, PIECE):
            if time.monotonic() > end:
                return done
            size = min(PIECE, last - start)
            if madvise(start, size, _COLLAPSE) == 0:
                done += size
    return done


def _anonymous(smaps: bytes) -> Iterator[tuple[int, int]]:
    """Yield the first and the last address of the huge pages that fit into maps of memory which is no file's."""
    for found in _MAP.finditer(smaps):
        start, end = int(found[1], 16), int(found[2], 16)
        first, last = -(-start // HUGE) * HUGE, end // HUGE * HUGE
        if first < last and int(found[4]) << 10 >= FILLED * (end - start):
            yield first, last
