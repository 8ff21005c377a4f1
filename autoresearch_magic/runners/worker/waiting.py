"""How long a thread was ready to run, but another program had its core: what the clock does not charge.

Linux counts this for each thread (``run_delay`` of ``schedstat``, in nanoseconds). Waiting for a disk, a lock, a GPU or a sleep is not in
it, so slow code is charged in full. Where the target's own threads and processes take the cores from each other, their share of
the waiting is charged: it is put down to others in proportion to the processor time that they used meanwhile,

    lost = delay · others / (others + helpers) + steal · thread / busy,

with `helpers` the time that the target's other threads and its child processes used. The second term is the thread's share of what a
hypervisor gave to other virtual machines, which Linux takes for running.

Elsewhere, and for a process that uses a GPU, nothing is known to be lost: a GPU works on while the thread that feeds it waits.
"""

from __future__ import annotations

import os
import threading
from contextlib import suppress
from dataclasses import astuple, dataclass
from time import monotonic, process_time

try:
    import resource
except ImportError:  # Windows, where no experiment runs
    pass

MINOR = 0.02
"""Share of the thread's own time up to which helpers are neglected: Python's and a library's housekeeping."""
GPU_FILES = ("/dev/nvidia", "/dev/kfd", "/dev/dri/")
"""How the names of the files begin that a process has open while it uses a GPU."""
GPU_EVERY = 1.0
"""Seconds between two looks at the open files."""

_TICK = os.sysconf("SC_CLK_TCK") if hasattr(os, "sysconf") else 100
_open, _read, _close = os.open, os.read, os.close  # a target may replace what modules contain


@dataclass(frozen=True)
class Times:
    """Processor times in seconds since some fixed moment.

    Attributes
    ----------
    delay, thread : float
        In which a thread was ready but did not run, and in which it ran.
    own : float
        In which any thread of the process ran, or of its children.
    busy, steal : float
        In which any core of the machine ran any process, and in which the hypervisor ran another virtual machine.
    """

    delay: float = 0.0
    thread: float = 0.0
    own: float = 0.0
    busy: float = 0.0
    steal: float = 0.0

    def __add__(self, other: Times) -> Times:
        return Times(*(a + b for a, b in zip(astuple(self), astuple(other), strict=True)))

    def __sub__(self, other: Times) -> Times:
        return Times(*(max(0.0, a - b) for a, b in zip(astuple(self), astuple(other), strict=True)))

    @property
    def lost(self) -> float:
        """The seconds that others took from the thread; see this module."""
        helpers, others = max(0.0, self.own - self.thread), max(0.0, self.busy - self.own)
        share = others / (others + helpers) if helpers > MINOR * self.thread else 1.0
        stolen = self.steal * min(1.0, self.thread / self.busy) if self.busy > 0 else 0.0
        return self.delay * share + stolen


class LostTime:
    """Adds up the seconds that others took from the thread that starts it, between `start` and `stop`.

    Attributes
    ----------
    known : bool
        Whether the system tells them; not before the first start.
    """

    def __init__(self) -> None:
        self._before = Times()
        self._base: Times | None = None
        self.known = False
        self._thread = 0
        self._gpu = False
        self._next_gpu = 0.0  # when to look whether a GPU is used

    def start(self) -> None:
        """Begin to count for the calling thread."""
        self._thread = threading.get_native_id()
        self._base = self._times()

    def stop(self) -> None:
        """End to count; `seconds` keeps its value until the next start."""
        if self._base is not None and (now := self._times()) is not None:
            self._before += now - self._base
        self._base = None

    def seconds(self) -> float:
        """Return the seconds so far."""
        if self._base is None or (now := self._times()) is None:
            return self._before.lost
        return (self._before + (now - self._base)).lost

    def _times(self) -> Times | None:
        """Return the times now; None where the system does not tell them, or a GPU is used."""
        if not self._gpu and (now := monotonic()) >= self._next_gpu:
            self._gpu, self._next_gpu = uses_gpu(), now + GPU_EVERY
        self.known = False
        if self._gpu:
            return None
        thread, machine = _thread_times(f"/proc/self/task/{self._thread}/schedstat"), busy_and_steal()
        if thread is None or machine is None:
            return None
        self.known = True
        ended = resource.getrusage(resource.RUSAGE_CHILDREN)
        own = process_time() + ended.ru_utime + ended.ru_stime + _living_children()
        return Times(thread[1], thread[0], own, *machine)


def main_thread(pid: int) -> tuple[float, float] | None:
    """Return the seconds in which a process's main thread ran, and in which it was ready; None where they are not known."""
    return _thread_times(f"/proc/{pid}/schedstat")


def _thread_times(path: str) -> tuple[float, float] | None:
    try:
        ran, delay, _ = map(int, _text(path).split())
    except (OSError, ValueError):
        return None
    return ran / 1e9, delay / 1e9


def busy_and_steal() -> tuple[float, float] | None:
    """Return the seconds in which any core ran any process, and in which the hypervisor ran another machine; None where they are not known."""
    try:
        user, nice, system, _, _, irq, softirq, steal = (
            int(each) / _TICK for each in _text("/proc/stat").split(None, 9)[1:9]
        )
    except (OSError, ValueError):
        return None
    return user + nice + system + irq + softirq, steal


def cpu_of(pid: int) -> float:
    """Return the processor time in seconds of a process, with that of its children that have ended; 0 where it is not known."""
    try:
        return sum(map(int, _text(f"/proc/{pid}/stat").rpartition(b")")[2].split()[11:15])) / _TICK
    except (OSError, ValueError):
        return 0.0


def _text(path: str) -> bytes:
    """Return the first bytes of a file of the system."""
    file = _open(path, os.O_RDONLY)
    try:
        return _read(file, 400)
    finally:
        _close(file)


def _living_children() -> float:
    """Return the processor time of this process's living children, with that of their own ended ones."""
    total = 0
    with suppress(OSError):
        for thread in os.listdir("/proc/self/task"):
            for child in _text(f"/proc/self/task/{thread}/children").split():
                with suppress(OSError, ValueError):  # it has ended
                    fields = _text(f"/proc/{int(child)}/stat").rpartition(b")")[2].split()
                    total += sum(map(int, fields[11:15]))
    return total / _TICK


def uses_gpu() -> bool:
    """Whether this process has opened a GPU."""
    with suppress(OSError):
        for number in os.listdir("/proc/self/fd"):
            with suppress(OSError):
                if os.readlink(f"/proc/self/fd/{number}").startswith(GPU_FILES):  # noqa: PTH115 - ten times as fast
                    return True
    return False
