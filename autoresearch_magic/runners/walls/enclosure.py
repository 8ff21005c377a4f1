"""The walls as the worker holds them: prepared once, entered by every experiment."""

from __future__ import annotations

import os
import platform
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from ...text import size_in_bytes
from . import capabilities, cgroup, landlock, limits, mounts, policy, sandbox_exec, seccomp, system, words
from .namespaces import Namespaces, may_make_namespaces, own_user_namespace
from .places import Access, Allowed, Step, Tree, steps
from .probing import probe
from .wanted import Walls

MANY = 24
"""Entries of a folder above which one of them is closed by a mount."""


class Enclosure:
    """What experiments of a worker are confined by. Made while the process is small and has one thread.

    Parameters
    ----------
    walls : Walls
    projects : iterable of str
        See `policy.make_tree`.
    forks : bool
        Whether experiments will be forks of this process; else this process becomes the experiment.
    tools : bool
        See `policy.make_tree`.

    Attributes
    ----------
    layers : list of str
        Those in force.
    missing : dict of str to str
        Wanted layers that do not work here, and why.
    """

    def __init__(self, walls: Walls, projects: Iterable[str] = (), *, forks: bool = True, tools: bool = False) -> None:
        self.walls = walls
        self._projects, self._tools = [*projects], tools
        self.kept: tuple[int, ...] = capabilities.KEPT  # of root
        self._tree: Tree | None = None
        self._steps: list[Step] = []
        self._rules = landlock.Rules()
        self._namespaces: Namespaces | None = None
        self._group: cgroup.Group | None = None
        self._listed: dict[str, int] = {}
        self._opened: list[str] = []
        self._runs = 0
        self.layers, self.missing = usable(walls)
        if "namespaces" in self.layers:
            try:
                if not may_make_namespaces():
                    own_user_namespace()
                if forks:
                    self._namespaces = Namespaces()
            except OSError as error:
                self.layers.remove("namespaces")
                self.missing["namespaces"] = str(error)
        if walls.up:
            system.not_dumpable()

    def refused(self) -> str:
        """Return why a strict study cannot run here; empty where it can."""
        return words.refusal(self.walls, self.layers, self.missing, platform.system())

    def told(self) -> dict[str, Any]:
        """Return what the kernel is told: what confines experiments, what does not although it should, and whether it is exposed itself."""
        lacking = words.lacking(self.walls, self.layers, self.missing)
        exposed = system.LINUX and self.walls.up and not {"namespaces", "landlock"} & {*self.layers}
        return {"walls": words.in_force(self.walls, self.layers), "lacking": lacking, "exposed": exposed}

    def hide(self, paths: Iterable[str]) -> None:
        """Close further paths, before `prepare`; not those of Python's own folders, from which modules are read."""
        own = tuple(
            f"{os.path.realpath(folder)}/" for folder in policy.python_folders() if folder not in self._projects
        )
        real = [path for path in map(os.path.realpath, paths) if Path(path).is_file() and not path.startswith(own)]
        found = [
            path
            for path in real
            if not path.endswith((".py", ".pyc", ".so"))
            and not path.startswith(("/etc/", "/usr/", "/proc/", "/sys/", "/dev/"))
        ]
        self.walls = replace(self.walls, hidden=tuple(dict.fromkeys((*self.walls.hidden, *found))))

    def closed(self) -> frozenset[str]:
        """Return what experiments may not read in folders that they may read otherwise; nothing without walls."""
        return policy.closed_paths(self.walls, self._projects) if self.walls.up else frozenset()

    def prepare(self, opened: Iterable[str] = ()) -> None:
        """Open what every experiment may read. Called after the setup, which may have made and opened files."""
        if not self.walls.up:
            return
        self._tree = policy.make_tree(self.walls, projects=self._projects, opened=opened, tools=self._tools)
        self._steps = steps(self._tree)
        self._held = capabilities.held() if system.LINUX else (0, 0)
        self._rules.close()
        self._opened = [*opened]
        if "landlock" in self.layers:
            if "namespaces" in self.layers:
                self._steps, bulky = _shared_out(self._steps, self._projects)
                self._tree.forget(bulky)
            allowed = self._tree.allowed()
            self._rules = _rules_of(allowed)
            self._listed = {path: _changed(path) for path in allowed.listed}
        self._filter = (
            seccomp.program(inet="namespaces" in self.layers or self.walls.network != "off")
            if system.KNOWN_MACHINE
            else b""
        )

    def begin(self, memory: int) -> None:
        """Make ready for the next experiment: look for new files, and make its control group, where there is that layer."""
        if any(_changed(path) != before for path, before in self._listed.items()):
            self.prepare(self._opened)  # what is allowed one by one has new neighbours
        if "cgroup" not in self.layers:
            return
        place, _ = cgroup.find_place(cgroup.mounted())
        self._runs += 1
        try:
            self._group = cgroup.Group(place, f"autoresearch-{os.getpid()}-{self._runs}", memory) if place else None
        except OSError:  # the watch limits memory too
            self._group = None

    def fork(self, run: Callable[[], None]) -> int:
        """Fork an experiment; `run` is called in it and must not return. Return its id.

        Raises
        ------
        OSError
        """
        if self._namespaces is not None:
            if not self._namespaces.alive:  # killed from outside
                self._namespaces = Namespaces()
            return self._namespaces.fork(run)
        pid = os.fork()
        if pid == 0:
            try:
                run()
            finally:
                os._exit(1)
        return pid

    def sweep(self) -> None:
        """Kill everything that an ended experiment has left behind. No other one may be running."""
        if self._group is not None:
            self._group.close()
            self._group = None
        if self._namespaces is not None and not self._namespaces.sweep():
            self._namespaces.close()
            self._namespaces = Namespaces()

    @property
    def keeper(self) -> list[int]:
        """The process that is the worker's and no experiment's, if there is one."""
        return [] if self._namespaces is None else [self._namespaces.keeper]

    def enter(
        self, folder: str | None = None, *, writable: Iterable[str] = (), memory: int = 0, readable: Iterable[str] = (),
        frozen: Iterable[str] = (),
    ) -> None:  # fmt: skip
        """Confine this process, an experiment's, for ever.

        Parameters
        ----------
        folder : str, optional
            Its own folder, which it may write to and works in; by default its working folder.
        writable : iterable of str
            Further ones, such as its temporary folder.
        memory : int
            Bytes that it may use; 0 for no limit.
        readable : iterable of str
            Further files that it may read.
        frozen : iterable of str
            Files in its own folders that it may only read; only mounts can do that.

        Raises
        ------
        OSError
            When a layer that worked before does not any more.
        """
        if not self.walls.up:
            return
        if self._tree is None:
            self.prepare()
        if system.LINUX:
            system.prctl(system.PR_SET_DUMPABLE, 1)  # the worker is not, and its forks could not read their own /proc
        if self._group is not None:
            self._group.enter()
        folder = os.path.realpath(folder or os.getcwd())
        own = list(dict.fromkeys([folder, *map(os.path.realpath, writable)]))
        temporary = _temporary_in(own)
        mounted = "namespaces" in self.layers
        if "sandbox-exec" in self.layers:
            more = [Step(os.path.realpath(path), Access.READ) for path in readable]
            sandbox_exec.enforce(sandbox_exec.profile([*self._steps, *more], own, network=self.walls.network))
        if mounted:
            self._enter_namespaces(own, temporary, memory, [*readable], [*frozen])
            os.chdir(folder)
        if system.LINUX:
            capabilities.drop(self._held, self.kept)
        if "landlock" in self.layers:
            rules = landlock.Rules()
            rules.extend(own, landlock.READ | landlock.WRITE)
            rules.extend(readable, landlock.READ)
            if mounted:
                rules.allow("/proc", landlock.READ)
                rules.allow("/", landlock.READ_DIR)  # what is closed is not there at all
                places = (*mounts.TEMPORARY, mounts.SHARED_MEMORY, mounts.TERMINALS)
                rules.extend(places, landlock.READ | landlock.WRITE | landlock.IOCTL_DEV)
            rules.enforce(self._rules, version=landlock.abi(), tcp=mounted or self.walls.network != "off")
            rules.close()
            self._rules.close()
        if "limits" in self.layers:
            limits.enforce(memory=memory, gpu=any(map(os.path.exists, policy.GPU_DEVICES)))
        if "seccomp" in self.layers:
            seccomp.enforce(self._filter)

    def _enter_namespaces(
        self, own: list[str], temporary: str | None, memory: int, readable: list[str], frozen: list[str]
    ) -> None:
        network = self.walls.network != "off"
        if self._namespaces is not None:
            self._namespaces.enter(network=network)
            self._namespaces.forget()
        else:
            Namespaces.enter_new(network=network)
        mounts.private_root()
        room = memory or limits.machine_memory() // 2
        space = max(room // 4, 1 << 20)
        if not self.walls.disk.endswith("%"):  # where it lies on a disk, the watch limits it (`worker.disk`)
            space = min(space, size_in_bytes(self.walls.disk, 0) or space)
        mounts.arrange(
            [*self._steps, *(Step(os.path.realpath(path), Access.READ) for path in readable)], own, temporary, shared_memory=room,
            space=space, processes=self._namespaces is not None, frozen=frozen,
        )  # fmt: skip


def usable(walls: Walls) -> tuple[list[str], dict[str, str]]:
    """Return the layers that are wanted and work here, and those that do not, with why."""
    found = {layer: why for layer, why in probe().items() if walls.wants(layer)}
    return [layer for layer, why in found.items() if not why], {layer: why for layer, why in found.items() if why}


def _shared_out(found: list[Step], projects: Iterable[str]) -> tuple[list[Step], list[str]]:
    """Return which places mounts have to close where Landlock closes the others, and those of them that Landlock need not.

    A socket can be reached wherever its folder is seen, so what may hold some is put away. Landlock allows the entries beside a closed
    one one by one, which takes longer than a mount where there are many. A project may be the experiment's own folder, of which Landlock
    allows all.
    """
    closed = [step.path for step in found if step.access is Access.NONE]
    private = policy.private_folders()
    bulky = [
        path for path in closed if path not in private and not path.startswith("/dev") and _beside_many(path, closed)
    ]
    inside = tuple(f"{os.path.realpath(folder)}/" for folder in projects)
    # Landlock leaves a project as a whole, so that files that come later are seen.
    bulky += [path for path in closed if path.startswith(inside) and path not in private and path not in bulky]
    away = {*bulky, *(path for path in closed if path in private)}
    kept = []
    for step in found:
        above = next((path for path in sorted(closed, key=len, reverse=True) if step.path.startswith(f"{path}/")), "")
        writable = step.access is Access.WRITE and not step.path.startswith("/dev/")
        if step.path in away or (step.access is not Access.NONE and (above in away or writable)):
            kept.append(step)
    return kept, bulky


def _changed(folder: str) -> int:
    """Return when the entries of a folder have changed."""
    try:
        return os.stat(folder).st_mtime_ns  # noqa: PTH116 - for every experiment
    except OSError:
        return 0


def _beside_many(path: str, closed: list[str]) -> bool:
    """Return whether one of the folders above a path, of which Landlock would allow the entries, has many of them."""
    above = os.path.dirname(path)
    while above != "/" and above not in closed:
        with suppress(OSError):
            if len(os.listdir(above)) > MANY:
                return True
        above = os.path.dirname(above)
    return False


def _temporary_in(own: list[str]) -> str | None:
    """Return the experiment's temporary folder, if one of its own folders has been made for that."""
    given = os.path.realpath(os.environ.get("TMPDIR") or "/")
    inside = any(given == path or given.startswith(f"{path}/") for path in own)
    return given if inside and Path(given).is_dir() else None


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
    enclosure = Enclosure(walls, projects, forks=False)
    enclosure.prepare()
    enclosure.enter(folder, writable=writable)
