"""What forks share with the process that ran the setup: open files, which are opened again, and what cannot be.

A fork has the same descriptors, and with them the same position in every file: what one experiment reads, the next one would
not find any more. So an experiment opens each file again at the position where the setup left it. Buffers, archives and lazily
read arrays on top of such a file are copied with the memory and work. Files that are only written are left alone: nothing can be
read from them, and a log that all experiments write to keeps its lines.
"""

from __future__ import annotations

import fcntl
import os
import socket
import stat
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from types import ModuleType
from typing import Any

_FOLDER = "/proc/self/fd" if Path("/proc/self/fd").is_dir() else "/dev/fd"
_KEPT_FLAGS = os.O_ACCMODE | os.O_APPEND | os.O_NONBLOCK | getattr(os, "O_DIRECT", 0) | getattr(os, "O_NOATIME", 0)


def open_descriptors() -> list[int]:
    """Return the numbers of this process's open descriptors, without the standard ones."""
    return sorted(int(name) for name in os.listdir(_FOLDER) if int(name) > 2)


def reopen_files() -> None:
    """Open every regular file that can be read again, under the same number and at the same position."""
    for fd in open_descriptors():
        with suppress(OSError):  # it is a file that cannot be opened again, which `left_open` has told
            if _is_read(fd):
                new = _opened_again(fd)
                try:
                    os.dup2(new, fd, inheritable=os.get_inheritable(fd))
                finally:
                    os.close(new)


def _is_read(fd: int) -> bool:
    flags = fcntl.fcntl(fd, fcntl.F_GETFL)
    readable = flags & os.O_ACCMODE != os.O_WRONLY and not flags & getattr(os, "O_PATH", 0)
    return readable and stat.S_ISREG(os.fstat(fd).st_mode)


def _opened_again(fd: int) -> int:
    """Return a new descriptor of the same file at the same position. On Linux the file may have been deleted."""
    if sys.platform == "darwin":
        path = fcntl.fcntl(fd, fcntl.F_GETPATH, bytes(1024)).rstrip(b"\0")
    else:
        path = b"/proc/self/fd/%d" % fd
    new = os.open(path, fcntl.fcntl(fd, fcntl.F_GETFL) & _KEPT_FLAGS)
    try:
        if not os.path.samestat(os.fstat(fd), os.fstat(new)):
            raise FileNotFoundError(path)
        os.lseek(new, os.lseek(fd, 0, os.SEEK_CUR), os.SEEK_SET)
    except OSError:
        os.close(new)
        raise
    return new


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
        if _is_read(fd):
            os.close(_opened_again(fd))
    except OSError as error:
        return f"a file ({name}) that cannot be opened again: {error.strerror}"
    except TypeError:
        return ""
    return ""
