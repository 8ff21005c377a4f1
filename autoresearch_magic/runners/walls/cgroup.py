"""The layer cgroup v2: memory, swap and processes of one experiment, limited by Linux itself, and all of it killed at once.

Which group may be used depends on who has handed it over: root has the top, a user what systemd has delegated to the session. The group
of an experiment is made beside the worker's or below it, where the controllers are switched on for groups below.
"""

from __future__ import annotations

import os
import time
from contextlib import suppress
from pathlib import Path

PROCESSES = 4_096
WAIT = 1.0
"""Seconds for the last process of a group to go after it was killed."""


def mounted(mounts: str = "/proc/self/mountinfo") -> Path | None:
    """Return where the one tree of cgroup v2 is mounted; None where there is none."""
    with suppress(OSError):
        for line in Path(mounts).read_text().splitlines():
            fields, _, system = line.partition(" - ")
            if system.split()[0] == "cgroup2":
                return Path(fields.split()[4])
    return None


def own_group(top: Path, groups: str = "/proc/self/cgroup") -> Path:
    """Return the folder of this process's group."""
    with suppress(OSError):
        for line in Path(groups).read_text().splitlines():
            if line.startswith("0::"):
                return top / line[3:].strip().lstrip("/")
    return top


def find_place(top: Path | None, own: Path | None = None) -> tuple[Path | None, str]:
    """Return the group in which those of experiments can be made, or None and why there is none."""
    if top is None:
        return None, "no cgroup v2 is mounted"
    own = own or own_group(top)
    above = [each for each in (own, *own.parents) if each == top or top in each.parents]
    switched_on = False
    for group in above:
        with suppress(OSError):
            controllers = (group / "cgroup.subtree_control").read_text().split()
            if not {"memory", "pids"} <= set(controllers):
                continue
            switched_on = True
            if os.access(group, os.W_OK) and os.access(group / "cgroup.procs", os.W_OK):
                return group, ""
    if not switched_on:
        return None, "memory and pids are not switched on in any group above this process"
    return (
        None,
        "no group above this process may be written to: systemd-run --user --scope -p Delegate=yes COMMAND gives one",
    )


class Group:
    """The group of one experiment.

    Parameters
    ----------
    place : Path
        See `find_place`.
    name : str
    memory : int
        Bytes; 0 for no limit.

    Raises
    ------
    OSError
    """

    def __init__(self, place: Path, name: str, memory: int) -> None:
        self.folder = place / name
        self.folder.mkdir()
        try:
            self._set("pids.max", str(PROCESSES))
            if memory:
                self._set("memory.max", str(memory))
                self._set("memory.oom.group", "1")
                with suppress(OSError):  # a kernel without swap accounting
                    self._set("memory.swap.max", "0")
        except OSError:
            self.close()
            raise

    def _set(self, name: str, value: str) -> None:
        (self.folder / name).write_text(value)

    def enter(self) -> None:
        """Move this process into the group."""
        self._set("cgroup.procs", "0")

    def out_of_memory(self) -> bool:
        """Return whether Linux has killed processes of the group because it was full."""
        with suppress(OSError, ValueError):
            for line in (self.folder / "memory.events").read_text().splitlines():
                name, _, count = line.partition(" ")
                if name == "oom_kill":
                    return int(count) > 0
        return False

    def close(self) -> None:
        """Kill every process of the group, and remove it."""
        with suppress(OSError):
            self._set("cgroup.kill", "1")
        end = time.monotonic() + WAIT
        while True:
            try:
                self.folder.rmdir()
                return
            except OSError:
                if time.monotonic() > end or not self.folder.exists():
                    return
            time.sleep(0.002)
