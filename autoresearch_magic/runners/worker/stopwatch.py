"""The worker's own times of an experiment: what its process says of time is not used.

The time is wall clock, without that in which other programs held the core of the experiment's busiest process; how that is found, from
the system's counts of its main thread and of all of the experiment's processes, is as in `waiting`. Where the system does not tell
it, all is counted.
"""

from __future__ import annotations

from time import monotonic

from ...runtime import LONGEST
from . import processes
from .waiting import Times, busy_and_steal, cpu_of, main_thread


class Stopwatch:
    """Times one experiment from the beginning of its target.

    Parameters
    ----------
    pid : int
        Of its first process.
    """

    def __init__(self, pid: int) -> None:
        self._pid, self._began = pid, monotonic()
        self._base = _times(pid, pid)
        self.target: float | None = None
        self._ended = self._began

    def target_ended(self) -> None:
        """Take the time of the target: it says that it has ended. Only the first time counts."""
        if self.target is None:
            self._ended = monotonic()
            taken = self._ended - self._began
            self.target = max(taken - self._lost(), taken / LONGEST)

    def times(self) -> dict[str, float] | None:
        """Return the seconds of the target and of what came after; None where it has not said that it had ended."""
        if self.target is None:
            return None
        return {"target": self.target, "evaluation": monotonic() - self._ended}

    def _lost(self) -> float:
        alive = [self._pid, *processes.descendants(self._pid)]
        ran = {pid: thread for pid in alive if (thread := main_thread(pid)) is not None}
        if not ran or self._base is None:
            return 0.0
        busiest = max(ran, key=lambda pid: ran[pid][0])
        now = _times(self._pid, busiest)
        if now is None:
            return 0.0
        base = self._base
        if busiest != self._pid:  # it has been started since
            base = Times(0.0, 0.0, base.own, base.busy, base.steal)
        return (now - base).lost


def _times(pid: int, busiest: int) -> Times | None:
    thread, machine = main_thread(busiest), busy_and_steal()
    if thread is None or machine is None:
        return None
    own = sum(cpu_of(each) for each in (pid, *processes.descendants(pid)))
    return Times(thread[1], thread[0], own, *machine)
