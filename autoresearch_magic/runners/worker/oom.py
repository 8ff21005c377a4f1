"""Whether memory ran out: what tells the kernel's out-of-memory killer from somebody else's ``kill -9``."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

VMSTAT = Path("/proc/vmstat")
NEAR = 0.8
"""Share of the memory limit from which a killed run is taken to have run out of memory."""


def oom_kills() -> int | None:
    """Return how many processes the system has killed for want of memory since it started; None where it does not tell.

    Linux counts the kills of whole machines and of control groups alike.
    """
    with suppress(OSError, ValueError, IndexError):
        return int(VMSTAT.read_bytes().split(b"\noom_kill ", 1)[1].split(None, 1)[0])
    return None


def ran_out(before: int | None, peak: int, limit: int) -> bool | None:
    """Return whether a run that was killed had run out of memory; None where nothing tells.

    Parameters
    ----------
    before : int or None
        `oom_kills` when the run began.
    peak, limit : int
        Bytes that it has used, and that it may use (0 for no limit).
    """
    if limit and peak > NEAR * limit:
        return True
    now = oom_kills()
    return None if before is None or now is None else now > before
