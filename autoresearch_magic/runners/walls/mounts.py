"""The file system of an experiment in its own mount namespace: read-only, without what is closed, and with temporary folders of its own.

Nothing is copied: what stays visible inside of a closed folder is bound into an empty one. All empty folders are those of one small tmpfs,
because a file system more costs 20 us and a bound folder 10.
"""

from __future__ import annotations

import os
import stat
import struct
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from . import system
from .places import Access, Step

TEMPORARY = ("/tmp", "/var/tmp")
SHARED_MEMORY, TERMINALS = "/dev/shm", "/dev/pts"
_CLONE, _CLOEXEC = 1, os.O_CLOEXEC
_EMPTY_SOURCE = 4  # MOVE_MOUNT_F_EMPTY_PATH
_READ_ONLY, _NO_SUID, _NO_DEV, _NO_EXEC = 1, 2, 4, 8
_RECURSIVE, _PRIVATE = 0x4000, 1 << 18
_LINKS = {"fd": "/proc/self/fd", "stdin": "/proc/self/fd/0", "stdout": "/proc/self/fd/1", "stderr": "/proc/self/fd/2",
          "ptmx": "pts/ptmx"}  # fmt: skip


def private_root() -> None:
    """Keep later mounts of this namespace from others, and make everything read-only."""
    system.mount(None, "/", None, _RECURSIVE | _PRIVATE)
    _set(system.AT_FDCWD, b"/", _READ_ONLY | _NO_SUID)


def arrange(
    steps: Sequence[Step],
    own: Sequence[str],
    temporary: str | None,
    *,
    shared_memory: int,
    space: int,
    processes: bool = True,
    frozen: Sequence[str] = (),
) -> None:
    """Build the file system of an experiment; `private_root` has been called.

    Parameters
    ----------
    steps : sequence of Step
        Where access changes (`places.steps`).
    own : sequence of str
        Folders that the experiment may write to.
    temporary : str or None
        What it finds as ``/tmp`` and ``/var/tmp``; None for folders in memory.
    shared_memory, space : int
        Bytes of ``/dev/shm``, and of temporary folders in memory.
    processes : bool
        Whether this process has a PID namespace of its own, which ``/proc`` is to show.
    frozen : sequence of str
        Files in `own` that it may only read.

    Raises
    ------
    OSError
    """
    opened = {step.path: (tree, step.access) for step in steps
              if step.access is not Access.NONE and step.path != "/dev/ptmx" and (tree := _clone(step.path)) is not None}  # fmt: skip
    opened |= {path: (tree, Access.WRITE) for path in own if (tree := _clone(path)) is not None}
    kept = [(path, tree) for path in frozen if (tree := _clone(path)) is not None]  # as everything here, read-only
    own_temporary = _clone(temporary) if temporary else None
    if own_temporary is not None:
        with suppress(OSError):  # it was mounted read-only before
            _set(own_temporary, b"", clear=_READ_ONLY)
    covers = {step.path for step in steps if step.access is Access.NONE and not step.path.startswith("/proc/")}
    nothing = _clone("/dev/null")
    if processes:
        system.mount("proc", "/proc", "proc", _READ_ONLY | _NO_SUID | _NO_DEV | _NO_EXEC)
    system.mount("autoresearch", "/tmp", "tmpfs", _NO_SUID | _NO_DEV, f"size={space},mode=0755")
    stage = os.open("/tmp", os.O_PATH | os.O_DIRECTORY)
    special = {*TEMPORARY, SHARED_MEMORY, TERMINALS}
    # Outer places first: what is put on a place hides what was below it.
    for path in sorted({*covers, *opened, *special}, key=lambda each: each.count("/")):
        if path in TEMPORARY:
            with suppress(OSError):
                _place(_again(own_temporary) if own_temporary is not None else _fresh(stage, path), path)
        elif path == SHARED_MEMORY:
            with suppress(OSError):
                system.mount("autoresearch", path, "tmpfs", _NO_SUID | _NO_DEV, f"size={shared_memory},mode=1777")
        elif path == TERMINALS:
            with suppress(OSError):
                system.mount("devpts", path, "devpts", _NO_SUID | _NO_EXEC, "newinstance,ptmxmode=0666,mode=0600")
        elif path in opened:
            _open(path, *opened[path])
        elif os.path.isdir(path):  # noqa: PTH112 - a tenth of the time
            _cover(stage, path, {each: tree for each, (tree, _) in opened.items() if each.startswith(f"{path}/")})
        elif nothing is not None and os.path.lexists(path):
            _place(_again(nothing), path)
    for path, tree in kept:
        with suppress(OSError):
            _place(tree, path)
    for fd in (stage, nothing, own_temporary):
        if fd is not None:
            os.close(fd)


def _cover(stage: int, path: str, inside: Mapping[str, int]) -> None:
    """Put an empty folder over one, with places for what is visible inside of it."""
    name = path.strip("/").replace("/", "|")
    os.mkdir(name, 0o755, dir_fd=stage)
    if path == "/dev":
        for link, target in _LINKS.items():
            os.symlink(target, f"{name}/{link}", dir_fd=stage)
        for folder in ("shm", "pts"):
            os.mkdir(f"{name}/{folder}", dir_fd=stage)
    for each, tree in inside.items():
        *above, last = [name, *each[len(path) + 1 :].split("/")]
        for depth in range(2, len(above) + 1):
            with suppress(FileExistsError):
                os.mkdir("/".join(above[:depth]), 0o755, dir_fd=stage)
        _make_entry("/".join([*above, last]), tree, stage)
    cover = system.call(system.OPEN_TREE, stage, os.fsencode(name), _CLONE | _CLOEXEC)
    _set(cover, b"", _READ_ONLY)
    _place(cover, path)


def _make_entry(path: str, tree: int, folder: int | None = None) -> None:
    """Make an empty file or folder, for a file or folder to be put on it."""
    with suppress(FileExistsError):
        if stat.S_ISDIR(os.fstat(tree).st_mode):
            os.mkdir(path, 0o755, dir_fd=folder)
        else:
            os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600, dir_fd=folder))


def _open(path: str, tree: int, access: Access) -> None:
    """Put a file or folder on its own path again, through which it can be reached, and written to where that is allowed."""
    if access is Access.WRITE:
        with suppress(OSError):  # it was mounted read-only before
            _set(tree, b"", clear=_READ_ONLY)
    if not os.path.lexists(path):  # below a temporary folder, which is the experiment's own
        with suppress(OSError):
            Path(path).parent.mkdir(parents=True, exist_ok=True)
            _make_entry(path, tree)
    with suppress(OSError):
        _place(tree, path)


def _fresh(stage: int, path: str) -> int:
    """Return an empty temporary folder in memory."""
    name = f"|{path.strip('/').replace('/', '|')}"
    os.mkdir(name, dir_fd=stage)
    os.chmod(name, 0o1777, dir_fd=stage)
    return system.call(system.OPEN_TREE, stage, os.fsencode(name), _CLONE | _CLOEXEC)


def _clone(path: str) -> int | None:
    with suppress(OSError):
        return system.call(
            system.OPEN_TREE, system.AT_FDCWD, os.fsencode(path), _CLONE | _CLOEXEC | system.AT_RECURSIVE
        )
    return None


def _again(tree: int) -> int:
    return system.call(system.OPEN_TREE, tree, b"", _CLONE | _CLOEXEC | system.AT_EMPTY_PATH)


def _place(tree: int, path: str) -> None:
    try:
        system.call(system.MOVE_MOUNT, tree, b"", system.AT_FDCWD, os.fsencode(path), _EMPTY_SOURCE)
    finally:
        os.close(tree)


def _set(tree: int, path: bytes, attributes: int = 0, *, clear: int = 0) -> None:
    flags = system.AT_RECURSIVE | (0 if path else system.AT_EMPTY_PATH)
    packed = struct.pack("QQQQ", attributes, clear, 0, 0)
    system.call(system.MOUNT_SETATTR, tree, path, flags, packed, len(packed))
