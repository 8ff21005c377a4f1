"""Processes from the outside: whose children they are, what memory they use, how they are ended whole."""

from __future__ import annotations

import ctypes
import os
import selectors
import signal
import time
from pathlib import Path

PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER = 1, 36


def resident(pid: int) -> int:
    """Return the resident bytes of a process and of its descendants (shared pages count in each); 0 where unknown."""
    total = 0
    for each in (pid, *descendants(pid)):
        try:
            total += int(Path(f"/proc/{each}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
        except (OSError, IndexError, ValueError):
            continue
    return total


def _children(pid: int) -> list[int]:
    found: list[int] = []
    try:
        for task in os.listdir(f"/proc/{pid}/task"):
            found += map(int, Path(f"/proc/{pid}/task/{task}/children").read_text().split())
    except OSError:
        pass  # it ended, or the system tells no such thing
    return found


def descendants(pid: int) -> list[int]:
    """Return the processes below one, children before grandchildren."""
    found = _children(pid)
    for each in found:
        found += _children(each)
    return found


def sweep() -> None:
    """Kill and reap every process below the worker: daemons that left their experiment's group end up here."""
    for _ in range(200):
        orphans = descendants(os.getpid())
        for pid in orphans:
            try:
                os.kill(pid, signal.SIGKILL)
            except OSError:
                continue
        try:
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        except ChildProcessError:
            return
        if not orphans:
            return
        time.sleep(0.005)


def settle() -> None:
    """Wait, a second at most, until no thread of the setup is on its way out any more.

    A lock that a thread holds while it ends is held for ever in a fork taken at that moment. Some libraries keep threads
    for good, so what counts is that their number stays the same for a tenth of a second.
    """
    end = time.monotonic() + 1.0
    before, since = -1, time.monotonic()
    while (now := time.monotonic()) < end and now - since < 0.1:
        try:
            count = len(os.listdir("/proc/self/task"))
        except OSError:
            return  # no such thing is told here
        if count != before:
            before, since = count, now
        time.sleep(0.005)


def prefer_as_victim() -> None:
    """Ask Linux to end this process first when memory runs out: the experiment, not the notebook."""
    try:
        Path("/proc/self/oom_score_adj").write_text("1000")
    except OSError:
        pass


def readable(fd: int) -> bool:
    """Whether a read of the descriptor would return at once."""
    with selectors.DefaultSelector() as one:
        one.register(fd, selectors.EVENT_READ)
        return bool(one.select(timeout=0))


def read_ready(fd: int) -> bytes:
    """Read what a non-blocking descriptor has; empty when that is nothing, or at its end."""
    try:
        return os.read(fd, 1 << 16)
    except BlockingIOError:
        return b""


def signal_group(pid: int, number: int) -> None:
    """Send a signal to a process and to its group; one that is gone already is no error."""
    for send in (os.killpg, os.kill):  # before its setsid a fork has no group of its own yet
        try:
            send(pid, number)
        except (ProcessLookupError, PermissionError):
            continue


def prctl(option: int, value: int) -> None:
    """Call Linux's prctl(2)."""
    ctypes.CDLL(None, use_errno=True).prctl(option, value, 0, 0, 0)
