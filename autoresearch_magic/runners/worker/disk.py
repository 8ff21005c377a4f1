"""What an experiment has written to the disk: a limit of its own, and a disk that does not run full.

Two sources are read. The free space of the file system takes 2 us, but others write and delete there as well. What lies in the run's own
folders, by the blocks that files occupy (a sparse file counts by what is written in it), takes a walk: it is made in slices, because the worker
must stay responsive, now and then, and at once where the free space has fallen by as much as would matter. A file whose inode has changed since
the run began is the run's own (no call sets ``st_ctime`` back); one that was deleted and is still open is found in ``/proc``.

No ``RLIMIT_FSIZE``: it counts a file's length, and honest programs make sparse files longer than the disk (LMDB).
"""

from __future__ import annotations

import math
import os
import stat
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path

from ...experiment import GIB
from ...text import size_in_bytes
from .processes import descendants

POLL, SOONEST = 0.05, 0.005
"""Most and least seconds between two looks at the free space."""
FASTEST = 8e9
"""Bytes a second at which files can be written: the next look comes before what is left could be used up."""
COUNT_EVERY, SLICE = 1.0, 0.003
"""Seconds between two counts of the run's files, and of one slice of a count."""
COUNT_SHARE, CLOSE_SHARE = 0.05, 0.5
"""Largest share of the time for counting, and where the free space has fallen by what the run may write."""
RESERVE = GIB
"""Bytes that stay free, or a quarter of what was free when the run began where that is less."""
RESERVED_FILES = 10_000
"""Files that can still be made, likewise."""
ENTRY = 512
"""Bytes that each file takes besides its blocks: its inode and its name."""
BLAMED = 0.1
"""Share of what has gone from the free space that the run must have written for a nearly full disk to be its doing."""
_LAG = 0.02
_AT_ONCE = 128


class DiskWatch:
    """Follows what one run writes.

    Parameters
    ----------
    limit : str
        A size such as ``20GB``, or a share of the free space such as ``50%``; empty for none.
    folders : sequence of str
        Where it may write, on a disk; the share is of the first one's file system.

    Attributes
    ----------
    written : int
        Bytes by the last count.
    due : float
        When the next look is due, by the monotonic clock.
    why : str
        Why the run is ended, once it is.
    """

    def __init__(self, limit: str, folders: Sequence[str]) -> None:
        self.folders = [folder for folder in folders if Path(folder).is_dir()] if limit else []
        self.written, self.due, self.why = 0, 0.0 if self.folders else math.inf, ""
        self._since = time.time() - _LAG
        self._places = {Path(folder).stat().st_dev: folder for folder in self.folders}
        self._before = {device: _free(folder) for device, folder in self._places.items()}
        self.limit = size_in_bytes(limit, next(iter(self._before.values()), (0, 0))[0])
        self._count: Iterator[None] | None = None
        self._files = self._counting = self._counting_files = 0
        self._hidden = False
        self._dropped_then, self._dropped_files_then = 0, 0
        self._next_count, self._spent = time.monotonic() + COUNT_EVERY, 0.0

    def exceeded(self, pid: int, now: float, others: Iterable[int] = ()) -> bool:
        """Look at what a run has written, if a look is due; return whether that is too much. `why` says it then.

        Parameters
        ----------
        pid : int
        now : float
        others : iterable of int
            Processes below which are daemons of the run.
        """
        if not self.folders or now < self.due:
            return False
        scarce, dropped, dropped_files, left = "", 0, 0, self.limit
        for device, folder in self._places.items():
            (free, files), (before, files_before) = _free(folder), self._before[device]
            dropped, dropped_files = dropped + max(0, before - free), dropped_files + max(0, files_before - files)
            reserve = min(RESERVE, before // 4)
            left = min(left, free - reserve)
            if free < reserve:
                scarce = f"the disk of {folder} had {max(0, free) / GIB:.2f} GiB left"
            elif files_before and files < min(RESERVED_FILES, files_before // 4):
                scarce = f"the file system of {folder} had room for {max(0, files):,} more files"
        # What has gone since the last count may be the run's.
        likely = self.written + max(0, dropped - self._dropped_then)
        close = likely > self.limit or bool(scarce)
        if self._count is None and (now >= self._next_count or (close and now >= self._next_count - COUNT_EVERY)):
            self._count, self._spent = self._walk([pid, *others]), 0.0
            self._dropped_then, self._dropped_files_then = dropped, dropped_files
        ended = self._count is not None and self._go_on(now, close)
        counts = self._count is not None  # its slices follow each other, and then there is a long rest
        self.due = now + min(SOONEST if counts else POLL, max(SOONEST, min(left, self.limit - likely) / FASTEST))
        # Where it has closed or nested folders so that they cannot be counted, what has gone from the disk is taken for its own.
        written = max(self.written, dropped) if ended and self._hidden else self.written
        if written > self.limit:
            self.why = f"Ended because it had written {written / GIB:.3g} GiB: an experiment may write {self.limit / GIB:.3g} GiB (--disk)."
        elif ended and scarce and self._is_to_blame(dropped, dropped_files):
            self.why = f"Ended because {scarce}, and it had written {self._files:,} files of {self.written / GIB:.3g} GiB: make room."
        return bool(self.why)

    def _is_to_blame(self, dropped: int, dropped_files: int) -> bool:
        """Whether it is the run that has left little space; files may lie where they cannot be counted."""
        if dropped >= self.limit:
            return True
        if self._hidden and (dropped or dropped_files):
            return True
        return self.written >= BLAMED * dropped > 0 or self._files >= BLAMED * dropped_files > 0

    def _go_on(self, now: float, close: bool) -> bool:
        """Count for a slice of time; return whether the count is complete."""
        assert self._count is not None
        began, end = time.thread_time(), time.perf_counter() + SLICE  # a busy machine makes a count longer, not dearer
        for _ in self._count:
            if self._counting > self.limit:
                break
            if time.perf_counter() > end:
                self._spent += time.thread_time() - began
                return False
        self._spent += time.thread_time() - began
        self._count = None
        self.written, self._files = self._counting, self._counting_files
        self._next_count = now + max(COUNT_EVERY, self._spent / COUNT_SHARE)
        if close:
            self._next_count = now + COUNT_EVERY + self._spent / CLOSE_SHARE
        return True

    def _walk(self, processes: Sequence[int]) -> Iterator[None]:
        """Count all files of the run anew, and yield between some and the next."""
        self._counting = self._counting_files = 0
        self._hidden = False
        seen: set[tuple[int, int]] = set()
        folders, number = [*self.folders], 0
        while folders:
            try:
                entries = os.scandir(folders.pop())
            except FileNotFoundError:
                continue
            except OSError:  # closed to this user, or too deep for a path
                self._hidden = True
                continue
            with entries:
                for entry in entries:
                    try:
                        found = entry.stat(follow_symlinks=False)
                    except FileNotFoundError:
                        continue
                    except OSError:
                        self._hidden = True
                        continue
                    self._add(found, seen)
                    if stat.S_ISDIR(found.st_mode):
                        folders.append(entry.path)
                    if (number := number + 1) % _AT_ONCE == 0:
                        yield
            yield
        for pid in processes:
            for each in [pid, *descendants(pid)]:
                self._add_deleted(each, seen)
                yield

    def _add(self, found: os.stat_result, seen: set[tuple[int, int]]) -> None:
        if found.st_ctime < self._since:
            return
        if found.st_nlink > 1 and not stat.S_ISDIR(found.st_mode):
            if (found.st_dev, found.st_ino) in seen:
                return
            seen.add((found.st_dev, found.st_ino))
        self._counting += found.st_blocks * 512 + ENTRY
        self._counting_files += 1

    def _add_deleted(self, pid: int, seen: set[tuple[int, int]]) -> None:
        """Add the files that a process has deleted and still has open."""
        with suppress(OSError):
            for name in os.listdir(f"/proc/{pid}/fd"):
                with suppress(OSError):
                    found = Path(f"/proc/{pid}/fd/{name}").stat()
                    key = (found.st_dev, found.st_ino)
                    if (
                        not found.st_nlink
                        and stat.S_ISREG(found.st_mode)
                        and found.st_dev in self._places
                        and key not in seen
                    ):
                        seen.add(key)
                        self._add(found, set())


def _free(folder: str) -> tuple[int, int]:
    """Return the bytes and files for which a file system has room; no number of files where it has no limit of them."""
    try:
        found = os.statvfs(folder)
    except OSError:
        return 0, 0
    return found.f_bavail * found.f_frsize, found.f_favail if found.f_files else 0
