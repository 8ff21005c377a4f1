"""What lies in a folder, told by what the system notes of each file: any write changes it, and a program cannot set it back.

A file whose inode, mode, size and both times are those of the moment in which we wrote it has not been written since: a
change of content, name, link or permissions sets the time of the last change (``st_ctime``), which no call can set.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import stat
import time
from contextlib import suppress
from pathlib import Path

Stat = tuple[int, int, int, int, int, int]
"""Inode, mode, number of links, size, and the times of the last write and the last change in nanoseconds."""

TICK = 0.012
"""Seconds in which a file system may give two changes the same time."""
_FICLONE = 0x40049409
_SMALL = 1 << 20


def stat_of(found: os.stat_result) -> Stat:
    """Return what is compared of a file."""
    return (found.st_ino, found.st_mode, found.st_nlink, found.st_size, found.st_mtime_ns, found.st_ctime_ns)


def scan(top: Path) -> tuple[dict[str, Stat], list[str]]:
    """Return the files of a folder, by their paths in it, and its folders, outer ones first; links are files.

    A folder that cannot be read is made readable.
    """
    files: dict[str, Stat] = {}
    folders: list[str] = []
    left = [""]
    while left:
        at = left.pop()
        place = f"{top}/{at}" if at else str(top)
        try:
            entries = os.scandir(place)
        except PermissionError:
            Path(place).chmod(0o755)
            entries = os.scandir(place)
        with entries:
            for entry in entries:
                name = f"{at}/{entry.name}" if at else entry.name
                if entry.is_dir(follow_symlinks=False):
                    folders.append(name)
                    left.append(name)
                else:
                    files[name] = stat_of(entry.stat(follow_symlinks=False))
    return files, sorted(folders)


def remove(place: str | Path) -> None:
    """Remove a file, link or folder, whatever its permissions are.

    Raises
    ------
    OSError
        When something is left, such as a file that the system was told to keep.
    """
    try:
        found = os.lstat(place)
    except FileNotFoundError:
        return
    if not stat.S_ISDIR(found.st_mode):
        Path(place).unlink()
        return
    shutil.rmtree(place, ignore_errors=True)
    if os.path.lexists(place):
        for folder, inner, _ in os.walk(place):
            for name in (".", *inner):
                path = Path(folder, name)
                with suppress(OSError):
                    if not path.is_symlink():
                        path.chmod(0o755)
        try:
            shutil.rmtree(place)
        except RecursionError:
            raise OSError(f"{place} is too deep") from None


def copy(original: str, place: str, found: Stat) -> None:
    """Copy a file or link, which is not there yet, with its mode and the time of its last write."""
    if stat.S_ISLNK(found[1]):
        Path(place).symlink_to(Path(original).readlink())
        return
    mode = stat.S_IMODE(found[1])
    source = os.open(original, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        made = os.open(place, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, mode)
        try:
            if found[3] < _SMALL:
                data = os.read(source, _SMALL)
                while data:
                    data = data[os.write(made, data) :]
            else:
                _copy_large(source, made)
            os.fchmod(made, mode)
            os.utime(made, ns=(found[4], found[4]))
        finally:
            os.close(made)
    finally:
        os.close(source)


def _copy_large(source: int, made: int) -> None:
    """Share the blocks where the file system can, else let the system copy them, else copy them here."""
    with suppress(OSError):
        fcntl.ioctl(made, _FICLONE, source)
        return
    if hasattr(os, "copy_file_range"):
        with suppress(OSError):
            while os.copy_file_range(source, made, 1 << 30):
                pass
            return
    os.lseek(source, 0, os.SEEK_SET)
    os.lseek(made, 0, os.SEEK_SET)
    os.ftruncate(made, 0)
    while data := os.read(source, _SMALL):
        while data:
            data = data[os.write(made, data) :]


def wait_for_tick(since: float) -> None:
    """Wait until what is written from now on has another time than what was written until `since` (`time.monotonic`)."""
    if (left := since + TICK - time.monotonic()) > 0:
        time.sleep(left)
