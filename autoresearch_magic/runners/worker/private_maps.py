"""Shared maps of memory that the setup has left, which an experiment gets as private copies.

A fork shares with its parent what was mapped to be shared: ``np.memmap`` with ``r+``, `multiprocessing.shared_memory`, tensors
after ``share_memory_()``, ``mmap`` objects. What one experiment writes there, the next one and the metric would read. So a fork
replaces each such map, at its address, before the target runs: by a private map of the same file, whose pages are copied when they
are written, or where the file cannot be opened any more by a copy of the content.

Maps of devices stay as they are, and so do those that are too large to be copied: these can only be read afterwards. Where the system
does not list a process's maps (macOS) nothing is replaced, and what the setup's names show of them is told (`shared_names`).
"""

from __future__ import annotations

import ctypes
import mmap
import os
import stat
import sys
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

MAPS = "/proc/self/maps"
LARGEST_COPY = 2 * 2**30
"""Bytes of the largest map whose content is copied; private maps of files cost nothing, however large they are."""

_FIXED, _PRIVATE, _ANONYMOUS = 0x10, 0x02, 0x20
_MAY_MOVE_FIXED = 3
_FAILED = ctypes.c_void_p(-1).value
_DEVICES_OF_MEMORY = ("/dev/shm/", "/dev/zero", "/dev/hugepages/")


@dataclass(frozen=True)
class SharedMap:
    """One shared map of this process.

    Attributes
    ----------
    start, end : int
        Its addresses.
    protection : int
        As for mmap(2).
    offset : int
        In the file.
    inode : int
    path : str
        As the system tells it, with `` (deleted)`` at its end where the file has no name any more; empty for none.
    """

    start: int
    end: int
    protection: int
    offset: int
    inode: int
    path: str

    @property
    def size(self) -> int:
        """Bytes of memory."""
        return self.end - self.start

    @property
    def writable(self) -> bool:
        """Whether it can be written to as it is."""
        return bool(self.protection & mmap.PROT_WRITE)

    @property
    def device(self) -> bool:
        """Whether it shows a device, or something of the system's."""
        if self.path.endswith("/gconv-modules.cache"):
            return (
                True  # the C library's own, of a file that it has opened for reading: what it knows of character sets
            )
        if self.path.startswith("/dev/"):
            return not self.path.startswith(_DEVICES_OF_MEMORY)
        return self.path.startswith(("anon_inode:", "/anon_hugepage", "/sys/", "/proc/", "[", "socket:"))

    @property
    def system_v(self) -> bool:
        """Whether it is System V shared memory, which any process can attach again by its number."""
        return self.path.startswith("/SYSV")

    def __str__(self) -> str:
        name = self.path.removesuffix(" (deleted)")
        if self.system_v:
            return f"System V shared memory ({self.size:,} bytes)"
        if name.startswith(("/dev/shm/", "/memfd:")):
            return f"shared memory ({name.rpartition('/')[2]})"
        if name in ("", "/dev/zero"):
            return f"shared memory ({self.size:,} bytes)"
        return f"a shared map of {name.rpartition('/')[2]}"


def shared_maps() -> list[SharedMap]:
    """Return this process's shared maps, without those of devices; none where the system does not list them."""
    try:
        with open(MAPS, encoding="utf-8", errors="surrogateescape") as lines:
            return [found for line in lines if (found := _parsed(line)) is not None and not found.device]
    except OSError:
        return []


def _parsed(line: str) -> SharedMap | None:
    addresses, permissions, offset, _, inode, *path = line.rstrip("\n").split(None, 5)
    if permissions[3] != "s":
        return None
    start, _, end = addresses.partition("-")
    protection = sum(
        bit for letter, bit in zip(permissions[:3], (mmap.PROT_READ, mmap.PROT_WRITE, mmap.PROT_EXEC), strict=True) if letter != "-"
    )  # fmt: skip
    name = path[0].replace("\\012", "\n") if path else ""
    return SharedMap(int(start, 16), int(end, 16), protection, int(offset, 16), int(inode), name)


def make_private() -> list[str]:
    """Replace every shared map of this process by a private copy; return what could not be, a description each.

    Called in a fork that has no other thread, before it opens files again: their descriptors lead to maps without a name.
    """
    maps = shared_maps()
    if not maps:
        return []
    libc = _libc()
    opened = _open_files()
    told = []
    for each in maps:
        if _replaced(libc, each, opened):
            continue
        if each.writable:
            libc.mprotect(each.start, each.size, each.protection & ~mmap.PROT_WRITE)
            told.append(str(each))
    return list(dict.fromkeys(told))


def _replaced(libc: ctypes.CDLL, each: SharedMap, opened: Mapping[int, int]) -> bool:
    for fd in _descriptors(each, opened):
        try:
            got = libc.mmap(each.start, each.size, each.protection, _FIXED | _PRIVATE, fd, each.offset)
        finally:
            os.close(fd)
        if got != _FAILED:
            return True
    return _copied(libc, each)


def _copied(libc: ctypes.CDLL, each: SharedMap) -> bool:
    """Put a copy of a map's content in its place; what cannot be read of it is neither copied nor replaced."""
    if each.size > LARGEST_COPY or not each.protection & mmap.PROT_READ:
        return False
    both = mmap.PROT_READ | mmap.PROT_WRITE
    new = libc.mmap(None, each.size, both, _PRIVATE | _ANONYMOUS, -1, 0)
    if new == _FAILED:
        return False
    if not _copy(each, new):
        libc.munmap(new, each.size)
        return False
    libc.mprotect(new, each.size, each.protection)
    if libc.mremap(new, each.size, each.size, _MAY_MOVE_FIXED, ctypes.c_void_p(each.start)) == _FAILED:
        libc.munmap(new, each.size)
        return False
    return True


def _copy(each: SharedMap, to: int) -> bool:
    """Copy a map's content through /proc/self/mem, where memory beyond a file's end is an error and no fatal signal."""
    step = 1 << 24
    try:
        with open("/proc/self/mem", "rb", buffering=0) as memory:
            for at in range(0, each.size, step):
                size = min(step, each.size - at)
                memory.seek(each.start + at)
                view = (ctypes.c_char * size).from_address(to + at)
                done = memory.readinto(view) or 0
                if done < size:  # a hole beyond the file's end: what is behind it stays zero
                    break
    except OSError:
        return False
    return True


def _descriptors(each: SharedMap, opened: Mapping[int, int]) -> Iterator[int]:
    """Yield new descriptors of the map's file, for reading."""
    names = [each.path] if each.path.startswith("/") and not each.path.endswith(" (deleted)") else []
    if each.inode in opened:
        names.append(f"/proc/self/fd/{opened[each.inode]}")
    for name in names:
        with suppress(OSError):
            fd = os.open(name, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
            found = os.fstat(fd)
            if found.st_ino == each.inode and stat.S_ISREG(found.st_mode):
                yield fd
            else:
                os.close(fd)


def _open_files() -> dict[int, int]:
    """Return the descriptors of regular files by their inodes."""
    found: dict[int, int] = {}
    for name in os.listdir("/proc/self/fd"):
        with suppress(OSError):
            status = os.fstat(int(name))
            if stat.S_ISREG(status.st_mode):
                found[status.st_ino] = int(name)
    return found


def _libc() -> ctypes.CDLL:
    libc = ctypes.CDLL(None, use_errno=True)
    libc.mmap.restype = libc.mremap.restype = ctypes.c_void_p
    libc.mmap.argtypes = [
        ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int, ctypes.c_int, ctypes.c_int, ctypes.c_int64,
    ]  # fmt: skip
    libc.mremap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_size_t, ctypes.c_int, ctypes.c_void_p]
    libc.mprotect.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]
    libc.munmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t]
    return libc


def not_private(names: Mapping[str, Any]) -> list[str]:
    """Describe what of the setup's shared memory experiments cannot get as copies of their own.

    Parameters
    ----------
    names : Mapping
        The setup's names, which are looked through where the system does not list a process's maps.
    """
    if sys.platform != "linux":
        return shared_names(names)
    return list(
        dict.fromkeys(str(each) for each in shared_maps() if each.writable and (each.system_v or _too_large(each)))
    )


def _too_large(each: SharedMap) -> bool:
    if each.size <= LARGEST_COPY:
        return False
    fds = list(_descriptors(each, _open_files()))
    for fd in fds:
        os.close(fd)
    return not fds


def shared_names(names: Mapping[str, Any]) -> list[str]:
    """Describe the names that hold writable shared memory."""
    return [what for name, value in list(names.items()) if (what := _shared(name, value))]


def _shared(name: str, value: Any) -> str:
    kinds = {f"{kind.__module__}.{kind.__qualname__}" for kind in type(value).__mro__}
    if kinds & {"numpy.memmap", "numpy._core.memmap.memmap", "numpy.core.memmap.memmap"}:
        return f"a writable map ({name})" if getattr(value, "mode", "r") in ("r+", "w+") else ""
    if "multiprocessing.shared_memory.SharedMemory" in kinds:
        return f"shared memory ({name})"
    if "mmap.mmap" in kinds:
        with suppress(TypeError, ValueError, BufferError), memoryview(value) as view:
            return "" if view.readonly else f"a writable map ({name})"
        return ""
    if "torch.Tensor" in kinds and value.device.type == "cpu" and value.is_shared():
        return f"a shared tensor ({name})"
    return ""
