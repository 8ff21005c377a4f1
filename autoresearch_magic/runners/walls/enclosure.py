"""The walls as the worker holds them: prepared once, entered by every experiment."""

from __future__ import annotations

import os
from collections.abc import Iterable

from . import landlock, policy
from .places import Allowed, Tree
from .probing import probe
from .wanted import Walls


class Enclosure:
    """What experiments of a worker are confined by.

    Parameters
    ----------
    walls : Walls
    projects : iterable of str
        See `policy.make_tree`.
    """

    def __init__(self, walls: Walls, projects: Iterable[str] = ()) -> None:
        self.walls = walls
        self._projects = [*projects]
        self._tree: Tree | None = None
        self._rules = landlock.Rules()
        self.layers = [layer for layer, why in probe().items() if walls.wants(layer) and not why] if walls.up else []

    def prepare(self, opened: Iterable[str] = ()) -> None:
        """Open what every experiment may read. Called after the setup, which may have made and opened files."""
        if not self.walls.up:
            return
        self._tree = policy.make_tree(self.walls, projects=self._projects, opened=opened)
        self._rules.close()
        if "landlock" in self.layers:
            self._rules = _rules_of(self._tree.allowed())

    def enter(self, folder: str | None = None, *, writable: Iterable[str] = ()) -> None:
        """Confine this process, an experiment's, for ever.

        Parameters
        ----------
        folder : str, optional
            Its own folder, which it may write to; by default its working folder.
        writable : iterable of str
            Further ones, such as its temporary folder.
        """
        if not self.walls.up:
            return
        if self._tree is None:
            self.prepare()
        own = [os.path.realpath(path) for path in (folder or os.getcwd(), *writable)]
        if "landlock" in self.layers:
            rules = landlock.Rules()
            rules.extend(own, landlock.READ | landlock.WRITE)
            rules.enforce(self._rules, version=landlock.abi(), tcp=self.walls.network != "off")


def _rules_of(allowed: Allowed) -> landlock.Rules:
    rules = landlock.Rules()
    rules.extend(allowed.read, landlock.READ)
    rules.extend(allowed.write, landlock.READ | landlock.WRITE | landlock.IOCTL_DEV)
    rules.extend((path for path in allowed.listed if path != "/"), landlock.READ_DIR)
    return rules


def enter(
    walls: Walls, folder: str | None = None, *, writable: Iterable[str] = (), projects: Iterable[str] = ()
) -> None:
    """Confine this process without a worker that has prepared anything; see `Enclosure.enter`."""
    enclosure = Enclosure(walls, projects)
    enclosure.prepare()
    enclosure.enter(folder, writable=writable)
