"""What forks share with the process that ran the setup: open files, which are opened again, and what cannot be.

A fork has the same descriptors, and with them the same position in every file: what one experiment reads, the next one would
not find any more. So an experiment opens each file again at the position where the setup left it. Buffers, archives and lazily
read arrays on top of such a file are copied with the memory and work.

A file that the setup has opened for writing, such as a log, is another matter: what one experiment writes there, the next one or the
metric may read. Each experiment writes to a copy of its own; a file too large to be copied can only be read.
"""

from __future__ import annotations

import fcntl
import os
import socket
import stat
import sys
import tempfile
import threading
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from types import ModuleType
from typing import Any

LARGEST_COPY = 64 * 2**20
"""Bytes of the largest file of which each experiment gets a copy that it can write to."""

_FOLDER = "/proc/self/fd" if Path("/proc/self/fd").is_dir() else "/dev/fd"
_KEPT_FLAGS = os.O_ACCMODE | os.O_APPEND | os.O_NONBLOCK | getattr(os, "O_DIRECT", 0) | getattr(os, "O_NOATIME", 0)


def open_descriptors() -> list[int]:
    """Return the numbers of this process's open descriptors, without the standard ones."""
    return sorted(int(name) for name in os.listdir(_FOLDER) if int(name) > 2)


def reopen_files(
    own_copy: Callable[[str], str | None] = lambda path: None,
    mapped: Collection[int] = frozenset(),
    leave: Collection[int] = (),
) -> None:
    """Open every regular file again, under the same number and at the same position: for reading, or a copy where it can be written.

    Parameters
    ----------
    own_copy : callable
        Takes the path of a file; returns that of the experiment's own copy, where it has one with a name.
    mapped : collection of int
        Inodes of files that are mapped: their descriptors, which a map keeps for itself, are opened for reading only.
    leave : collection of int
        Descriptors that are left as they are.
    """
    for fd in open_descriptors():
        with suppress(OSError):  # it is a file that cannot be opened again, which `left_open` has told
            if fd not in leave and _is_regular(fd):
                if os.fstat(fd).st_ino in mapped:
                    new = _opened_again(fd, os.O_RDONLY)
                else:
                    new = _copied(fd, own_copy) if _is_written(fd) else _opened_again(fd)
                try:
                    os.dup2(new, fd, inheritable=os.get_inheritable(fd))
                finally:
                    os.close(new)


def _is_regular(fd: int) -> bool:
    flags = fcntl.fcntl(fd, fcntl.F_GETFL)
    return not flags & getattr(os, "O_PATH", 0) and stat.S_ISREG(os.fstat(fd).st_mode)


def _is_written(fd: int) -> bool:
    return fcntl.fcntl(fd, fcntl.F_GETFL) & os.O_ACCMODE != os.O_RDONLY


def _path_of(fd: int) -> str | bytes:
    """Return a path by which a descriptor's file can be opened. On Linux the file may have been deleted."""
    if sys.platform == "darwin":
        return fcntl.fcntl(fd, fcntl.F_GETPATH, bytes(1024)).rstrip(b"\0")
    return f"/proc/self/fd/{fd}"


def _opened_again(fd: int, access: int | None = None) -> int:
    """Return a new descriptor of the same file at the same position; `access` is by default that of the old one."""
    path, flags = _path_of(fd), fcntl.fcntl(fd, fcntl.F_GETFL) & _KEPT_FLAGS
    if access is not None:
        flags = flags & ~(os.O_ACCMODE | os.O_APPEND) | access
    new = os.open(path, flags)
    try:
        if not os.path.samestat(os.fstat(fd), os.fstat(new)):
            raise FileNotFoundError(os.fsdecode(path))
        os.lseek(new, os.lseek(fd, 0, os.SEEK_CUR), os.SEEK_SET)
    except OSError:
        os.close(new)
        raise
    return new


def _copied(fd: int, own_copy: Callable[[str], str | None]) -> int:
    """Return a descriptor of a copy of a file that is open for writing, at the same position; of the file itself, for reading, where it is too large."""
    size = os.fstat(fd).st_size
    reader = _opened_again(fd, os.O_RDONLY)
    if size > LARGEST_COPY:
        return reader
    try:
        named = own_copy(os.readlink(f"/proc/self/fd/{fd}")) if sys.platform == "linux" else None  # noqa: PTH115
        flags = fcntl.fcntl(fd, fcntl.F_GETFL) & _KEPT_FLAGS & ~os.O_NONBLOCK
        new = -1
        if named is not None:
            with suppress(OSError):
                new = os.open(named, flags | os.O_CREAT, 0o600)
        if new < 0:
            with tempfile.NamedTemporaryFile() as copy:
                new = os.open(copy.name, flags)
        try:
            _fill(reader, new, size, append=bool(flags & os.O_APPEND))
            os.lseek(new, os.lseek(fd, 0, os.SEEK_CUR), os.SEEK_SET)
        except OSError:
            os.close(new)
            raise
        return new
    finally:
        os.close(reader)


def _fill(reader: int, writer: int, size: int, *, append: bool) -> None:
    """Make one file's content that of another."""
    os.ftruncate(writer, 0)
    at = 0
    while at < size and (data := os.pread(reader, 1 << 20, at)):
        rest = memoryview(data)
        while rest:
            rest = rest[os.write(writer, rest) if append else os.pwrite(writer, rest, at + len(data) - len(rest)) :]
        at += len(data)


def written_files(mapped: Collection[int] = frozenset()) -> list[str]:
    """Return the names of the files that this process has open for writing, of which each experiment gets a copy; see `reopen_files`."""
    names = []
    for fd in open_descriptors():
        with suppress(OSError):
            if sys.platform == "linux" and _is_regular(fd) and _is_written(fd) and os.fstat(fd).st_ino not in mapped:
                path = os.readlink(f"/proc/self/fd/{fd}")  # noqa: PTH115
                if not path.endswith(" (deleted)") and not path.startswith(("/dev/shm/", "/memfd:")):
                    too_large = os.fstat(fd).st_size > LARGEST_COPY
                    names.append(Path(path).name + (" (too large for that: it can only be read)" if too_large else ""))
    return list(dict.fromkeys(names))


def left_open(namespace: Mapping[str, Any]) -> list[str]:
    """Describe what the setup has left open that does not work in forks as it does in the setup.

    Parameters
    ----------
    namespace : Mapping
        The setup's names. Only what one of them refers to, or an attribute of it, is told: an idle connection that a library
        keeps harms nobody.
    """
    told = [what for name, value in _named(namespace) if (what := _describe(name, value))]
    own = {threading.main_thread(), threading.current_thread()}
    own |= {value for _, value in _named(namespace) if isinstance(value, threading.Thread)}
    for thread in threading.enumerate():
        if thread not in own and thread.name != "setup" and not type(thread).__module__.startswith("tqdm"):
            told.append(f"a thread ({thread.name})")
    return list(dict.fromkeys(told))


def _named(namespace: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for name, value in list(namespace.items()):
        if name.startswith("__") or isinstance(value, (ModuleType, type)):
            continue
        yield name, value
        attributes = getattr(value, "__dict__", None)
        if isinstance(attributes, dict) and not callable(value):
            yield from ((f"{name}.{key}", each) for key, each in list(attributes.items())[:100])


def _describe(name: str, value: Any) -> str:
    """Describe a value that a fork cannot use; empty for any other."""
    kind = f"{type(value).__module__}.{type(value).__qualname__}"
    if isinstance(value, socket.socket):
        return f"a socket ({name})" if value.fileno() >= 0 else ""
    if kind == "sqlite3.Connection":
        return f"an SQLite connection ({name})"
    if isinstance(value, threading.Thread):
        return f"a thread ({name})" if value.is_alive() else ""
    if kind.startswith("multiprocessing.pool.") or kind.endswith((".ProcessPoolExecutor", ".ThreadPoolExecutor")):
        return f"a pool of workers ({name})"
    if kind == "subprocess.Popen" or ("multiprocessing" in kind and hasattr(value, "is_alive")):
        running = value.poll() is None if hasattr(value, "poll") else value.is_alive()
        return f"a process ({name})" if running else ""
    if type(value).__name__.endswith("DataLoaderIter"):
        return f"an iterator of a DataLoader ({name})" if getattr(value, "_num_workers", 0) else ""
    if not hasattr(type(value), "fileno") or getattr(value, "closed", False):
        return ""
    try:
        fd = value.fileno()
    except Exception:  # it has none, or is an object of the user's whose fileno means something else
        return ""
    try:
        mode = os.fstat(fd).st_mode
        if stat.S_ISSOCK(mode) or stat.S_ISFIFO(mode):
            return f"a {'socket' if stat.S_ISSOCK(mode) else 'pipe'} ({name})"
        if _is_regular(fd):
            os.close(_opened_again(fd, os.O_RDONLY))
    except OSError as error:
        return f"a file ({name}) that cannot be opened again: {error.strerror}"
    except TypeError:
        return ""
    return ""
