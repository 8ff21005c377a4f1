"""Capabilities of root: an experiment keeps those that concern files, and so reads and writes files of other users as it did.

What root may do to the machine, to processes and to the network is dropped for good, also for programs that the experiment starts.
"""

from __future__ import annotations

import os
import struct
from contextlib import suppress

from . import system

CHOWN, DAC_OVERRIDE, FOWNER, FSETID, SETGID, SETUID = 0, 1, 3, 4, 6, 7
SETFCAP = 31
"""What root needs to be root in a user namespace of its own."""
KEPT = (CHOWN, DAC_OVERRIDE, FOWNER, FSETID, SETGID, SETUID)
_VERSION = 0x20080522
_CLEAR_ALL_AMBIENT = 4


def held() -> tuple[int, int]:
    """Return the capabilities that this process has, and those that its programs may have, as bits."""
    found = {b"CapPrm:": 0, b"CapBnd:": 0}
    with open("/proc/self/status", "rb") as status:
        for line in status:
            if (key := line[:7]) in found:
                found[key] = int(line.split()[1], 16)
    return found[b"CapPrm:"], found[b"CapBnd:"]


def drop(now: tuple[int, int], keep: tuple[int, ...] = KEPT) -> None:
    """Drop all capabilities; root keeps those in `keep`.

    Parameters
    ----------
    now : (int, int)
        See `held`.
    keep : tuple of int

    Raises
    ------
    OSError
    """
    permitted, bounding = now
    kept = sum(1 << number for number in keep) if os.geteuid() == 0 else 0
    for number in range(64):
        if bounding & ~kept & 1 << number:
            try:
                system.prctl(system.PR_CAPBSET_DROP, number)
            except PermissionError:  # a user without any: programs that it starts get none either
                break
    with suppress(OSError):
        system.prctl(system.PR_CAP_AMBIENT, _CLEAR_ALL_AMBIENT)
    left = kept & permitted
    low, high = left & 0xFFFFFFFF, left >> 32
    system.call(system.CAPSET, struct.pack("Ii", _VERSION, 0), struct.pack("IIIIII", low, low, 0, high, high, 0))
