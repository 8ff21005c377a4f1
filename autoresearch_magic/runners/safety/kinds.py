"""What a command line could do harm to, and which of that the walls round an experiment stop, whatever the command line says.

The belt, which reads command lines, is for the rest: `Hazard` says what a call endangers, `held_by` what needs no reading.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Flag, auto

from ..walls import Walls
from ..walls.enclosure import usable


class Kind(Flag):
    """What a command line could do harm to.

    ``FILES``: what the user has on this machine, outside of the run's own folder. ``MACHINE``: other processes, services, devices, and what
    an administrator may do. ``REMOTE``: other machines, and servers on this one. ``OPEN``: what no wall is known to stop.
    """

    NONE = 0
    FILES = auto()
    MACHINE = auto()
    REMOTE = auto()
    ALL = FILES | MACHINE | REMOTE
    OPEN = auto()


@dataclass(frozen=True)
class Hazard:
    """One reason to refuse a command line.

    Attributes
    ----------
    kind : Kind
        All of what it endangers.
    reason : str
        What it does, in a few words after "it", such as ``"pushes to a remote (git push)"``.
    """

    kind: Kind
    reason: str


def held_by(walls: Walls) -> Kind:
    """Return what these walls stop on this machine, so that no command line need be read for it.

    Never pushes, publishing, remote systems and databases: without a network they fail in walls as well, but a command line that means to
    do them is a mistake, which one line says better than their errors; and the socket of a database may be a file that no wall puts away.

    Namespaces alone are trusted with the rest: without them a run sees the machine's processes and the sockets of its services, and Landlock
    knows neither ``chmod`` nor, before Linux 6.2, ``truncate``. What ``--allow-write`` opens is the user's own again, and what
    either option opens may hold the socket of a service, such as Docker's.
    """
    if "namespaces" not in usable(walls)[0]:
        return Kind.NONE
    if walls.read or walls.write:
        return Kind.NONE if walls.write else Kind.FILES
    return Kind.FILES | Kind.MACHINE


def first_not_held(hazards: Iterable[Hazard], held: Kind) -> str:
    """Return the reason of the first hazard of which something is not held; empty for none."""
    return next((hazard.reason for hazard in hazards if hazard.kind & ~held), "")
