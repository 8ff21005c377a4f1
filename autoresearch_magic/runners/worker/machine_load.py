"""How busy the rest of the machine is while an experiment runs, from the system's counts of processor time.

The counts are read when a run starts and when it has ended, in 0.1 ms each, and not in between. What the worker and its children
have used is subtracted from what all processes have used; the rest is other programs, the notebook's kernel among them.
"""

from __future__ import annotations

import os
import resource
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

import psutil

from ...runs import Conditions

SHORTEST = 0.5
"""Seconds that two readings must lie apart, because the system counts in hundredths of a second: for a shorter run, the time before it
counts as well."""


@dataclass(frozen=True)
class Counts:
    """Processor time in seconds, of all usable cores together, since some fixed moment.

    Attributes
    ----------
    at : float
        Time of the reading.
    busy : float
        In which the cores ran any process.
    steal : float
        In which the hypervisor ran another virtual machine.
    own : float
        Used by this process and by its children that have ended.
    """

    at: float
    busy: float
    steal: float
    own: float


def usable_cores() -> list[int]:
    """Return the numbers of the cores that this process may use."""
    affinity = getattr(os, "sched_getaffinity", None)
    return sorted(affinity(0)) if affinity else list(range(os.cpu_count() or 1))


def read_counts() -> Counts:
    """Read the system's counts."""
    usages = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    every = psutil.cpu_times(percpu=True)
    times = [every[core] for core in usable_cores() if core < len(every)]
    # A guest's time is in `user`; what a system does not count is no field there.
    kinds = ("user", "nice", "system", "irq", "softirq")
    return Counts(
        time.monotonic(), sum(getattr(each, kind, 0.0) for each in times for kind in kinds),
        sum(getattr(each, "steal", 0.0) for each in times), sum(usage.ru_utime + usage.ru_stime for usage in usages),
    )  # fmt: skip


class MachineLoad:
    """Tells what else the machine did during a run.

    Parameters
    ----------
    read : callable, optional
        Reads the counts.
    """

    def __init__(self, read: Callable[[], Counts] = read_counts) -> None:
        self._read = read
        self._cores = len(usable_cores())
        self._readings: deque[Counts] = deque([read()])

    def started(self) -> Counts:
        """Take the reading at the start of a run, for `ended`."""
        reading = self._read()
        self._readings.append(reading)
        while len(self._readings) > 1 and self._readings[1].at <= reading.at - SHORTEST:
            self._readings.popleft()
        return reading

    def ended(self, start: Counts) -> Conditions | None:
        """Return the conditions since the start of a run that has ended and was reaped; None where the counts say nothing.

        Runs side by side count as the study's own, not as others.
        """
        now = self._read()
        long_enough = (r for r in (start, *reversed(self._readings)) if now.at - r.at >= SHORTEST)
        first = next(long_enough, self._readings[0])
        seconds = now.at - first.at
        if seconds < SHORTEST / 2 or now.busy < first.busy:  # counts may start anew when a machine has slept
            return None

        def cores(amount: float) -> float:
            return round(min(float(self._cores), max(0.0, amount / seconds)), 3)

        others = (now.busy - first.busy) - (now.own - first.own)
        return Conditions(cores(others), self._cores, cores(now.steal - first.steal))
