"""Process trees, signals and pipes: what the worker sees of an experiment from outside."""

from __future__ import annotations

import ctypes
import os
import select
import signal
import time
from collections.abc import Collection
from contextlib import suppress
from pathlib import Path

try:
    import psutil
except ImportError:  # a system without fork, where no worker runs, but the doctor says so
    pass

PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER = 1, 36
_LINUX_LISTS_CHILDREN = Path("/proc/thread-self/children").exists()


def descendants(pid: int) -> list[int]:
    """Return the ids of all processes below `pid`, parents before their children.

    `psutil.Process.children` reads every process of the machine: 2 ms for a hundred of them, which is too slow for every
    experiment's end and for four looks a second. Linux lists the children of a thread, which takes 0.02 ms.
    """
    if not _LINUX_LISTS_CHILDREN:
        with suppress(psutil.Error):
            return [process.pid for process in psutil.Process(pid).children(recursive=True)]
        return []
    found = _children(pid)
    for each in found:
        found += _children(each)
    return found


def _children(pid: int) -> list[int]:
    found: list[int] = []
    with suppress(OSError):  # the process has ended
        for task in os.listdir(f"/proc/{pid}/task"):
            found += map(int, Path(f"/proc/{pid}/task/{task}/children").read_text().split())
    return found


def kill_descendants(keep: Collection[int] = ()) -> None:
    """Kill and reap every process below this one, except those in `keep` and all below them.

    That includes daemons, which left the process group of their experiment: the worker is a child subreaper, so they became
    its own children.
    """
    for _ in range(200):
        kept = {below for pid in keep for below in (pid, *descendants(pid))}
        found = [pid for pid in descendants(os.getpid()) if pid not in kept]
        for pid in found:
            with suppress(OSError):
                os.kill(pid, signal.SIGKILL)
        try:
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        except ChildProcessError:
            return
        if not found:
            return
        time.sleep(0.005)


def wait_for_ending_threads() -> None:
    """Wait, for a second at most, until the number of threads has been the same for a tenth of a second.

    A lock that a thread holds while it ends stays locked for ever in a process forked at that moment. The number need not be
    one, because some libraries keep their threads.
    """
    process = psutil.Process()
    end = time.monotonic() + 1.0
    before, since = -1, time.monotonic()
    while (now := time.monotonic()) < end and now - since < 0.1:
        if (count := process.num_threads()) != before:
            before, since = count, now
        time.sleep(0.005)


def prefer_for_oom_kill() -> None:
    """Let Linux kill this process first when memory runs out: the experiment rather than the notebook."""
    with suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("1000")


def readable(fd: int) -> bool:
    """Return whether a read of the descriptor would return at once; without opening another one, which a run may have made impossible."""
    look = select.poll()
    look.register(fd, select.POLLIN)
    return bool(look.poll(0))


def read_available(fd: int) -> bytes | None:
    """Return what a non-blocking descriptor has to read: None when there is nothing at the moment, empty at its end."""
    try:
        return os.read(fd, 1 << 16)
    except BlockingIOError:
        return None


def signal_group(pid: int, number: int) -> None:
    """Send a signal to a process and to its group, where they still exist. psutil does not know groups."""
    for send in (os.killpg, os.kill):  # a fork has no group of its own before it has called setsid
        with suppress(ProcessLookupError, PermissionError):
            send(pid, number)


def prctl(option: int, value: int) -> None:
    """Call Linux's prctl(2)."""
    ctypes.CDLL(None, use_errno=True).prctl(option, value, 0, 0, 0)


def is_stopped(pid: int) -> bool:
    """Return whether a process is stopped by a signal (SIGSTOP): it does nothing until it is continued."""
    with suppress(psutil.Error):
        return bool(psutil.Process(pid).status() == psutil.STATUS_STOPPED)
    return False


def kill_tree(pid: int) -> None:
    """Kill a process and all below it, a stopped one as well."""
    found = [pid, *descendants(pid)]
    for each in found:
        with suppress(OSError):
            os.kill(each, signal.SIGKILL)
