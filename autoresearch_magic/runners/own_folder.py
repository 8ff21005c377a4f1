"""A folder for each run of a cell: made before the run, emptied after it, and what a kept version wrote is kept.

The folders lie in a scratch folder outside of the notebook's. Caches of compiled code are the run's own as well: the baseline, which is the
user's code, leaves one that is trusted, and every later run starts with a copy of it, never with another experiment's.

Not here: what is in the folder when the target begins (`runners.worker.working_folder`).
"""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
import weakref
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path

from ..storage.scratch import scratch_folder
from .worker.working_folder import CACHE, TEMPORARY, WORK

LARGEST = 2**30
"""Bytes of what one version wrote that are kept."""
KEPT_LARGEST = 4 * 2**30
"""Bytes of what all kept versions of a study wrote; the oldest are deleted where there are more."""
MOST_FILES = 10_000
"""Files of one version that are kept."""
HELD = 3
"""Versions whose files are held until it is known whether they are kept: candidate, incumbent and one more."""
LARGEST_CACHE = 512 * 2**20
"""Bytes of the largest cache that is copied for every run."""
NOT_KEPT = "not-kept.txt"


class OwnFolders:
    """The folders of one runner's runs, of which one runs at a time.

    Parameters
    ----------
    baseline : str
        The source of the target that is the user's own.
    caches : Path, optional
        Where the trusted caches are kept beyond this process.
    """

    def __init__(self, baseline: str, caches: Path | None = None) -> None:
        self._baseline = baseline
        self._stack = ExitStack()
        self._place: Path | None = None
        self._caches = caches
        self._count = 0
        self._held: dict[str, Path] = {}  # what the last run of a source wrote
        self._spare: Path | None = None  # a working folder with its links
        self._closing = weakref.finalize(self, self._stack.close)

    def begin(self) -> Path:
        """Make the folder of the next run."""
        if self._place is None:
            self._place = Path(os.path.realpath(self._stack.enter_context(scratch_folder())))
            if self._caches is None:
                self._caches = self._place / "trusted"
        self._count += 1
        folder = self._place / str(self._count)
        folder.mkdir()
        (folder / TEMPORARY).mkdir()
        if self._spare is not None:
            with suppress(OSError):  # it was made immovable
                self._spare.rename(folder / WORK)
        (folder / WORK).mkdir(exist_ok=True)
        self._spare = None
        assert self._caches is not None
        if self._caches.is_dir():
            shutil.copytree(self._caches, folder / CACHE, symlinks=True)
        else:
            (folder / CACHE / "matplotlib").mkdir(parents=True)
            _copy_fonts(folder / CACHE / "matplotlib")
        return folder

    def end(self, folder: Path, target: str, users: Path | None, *, ok: bool) -> None:
        """Take what a run wrote out of its folder, and delete the folder.

        Parameters
        ----------
        folder : Path
        target : str
            The source that ran.
        users : Path, optional
            The folder that it showed.
        ok : bool
            Whether the run has a value; else nothing that it wrote is held.
        """
        assert self._place is not None
        if not folder.is_dir():  # closed meanwhile
            return
        self._forget(target)
        if ok:
            self._held[target] = held = self._place / f"held-{self._count}"
            take_written(folder / WORK, users, held)
            for old in list(self._held)[:-HELD]:
                self._forget(old)
            if target == self._baseline:
                self._trust(folder / CACHE)
        if emptied(folder / WORK):
            with suppress(OSError):
                self._spare = (folder / WORK).rename(self._place / "spare")
        remove(folder)
        remove(folder.with_name(f"{folder.name}-view"))  # of the clean side, see `clean.view`

    def _trust(self, cache: Path) -> None:
        assert self._caches is not None
        if self._caches.is_dir() or not 0 < size_of(cache) <= LARGEST_CACHE:
            return
        with suppress(OSError, shutil.Error):
            unfinished = self._caches.with_name(
                f"{self._caches.name}.{id(self)}.new"
            )  # several runners may do so at once
            remove(unfinished)
            shutil.copytree(cache, unfinished, symlinks=True)
            unfinished.rename(self._caches)

    def _forget(self, target: str) -> None:
        if (held := self._held.pop(target, None)) is not None:
            remove(held)

    def keep(self, target: str, folder: Path) -> None:
        """Keep what the last run of a source wrote; where it wrote nothing there is no folder.

        Parameters
        ----------
        target : str
        folder : Path
            Does not exist; the folders beside it are those of other versions.
        """
        held = self._held.pop(target, None)
        if held is None or not held.is_dir():
            return
        remove(folder)
        folder.parent.mkdir(parents=True, exist_ok=True)
        shutil.move(held, folder)
        others = sorted((each for each in folder.parent.iterdir() if each.is_dir() and each != folder), reverse=True)
        total = size_of(folder)
        for other in others:
            total += size_of(other)
            if total > KEPT_LARGEST:
                remove(other)

    def close(self) -> None:
        """Delete everything; a run that is still going on loses its folder."""
        if self._place is not None and self._place.is_dir():
            for each in self._place.iterdir():
                if each.is_dir():
                    remove(each)
        self._closing()


def written_files(work: Path, users: Path | None) -> Iterator[tuple[str, os.stat_result]]:
    """Yield the relative paths of the regular files that a run wrote: all that are no unchanged copies of the user's."""
    for place, folders, files in os.walk(work):
        folders[:] = sorted(each for each in folders if not os.path.islink(os.path.join(place, each)))
        for name in sorted(files):
            path = os.path.join(place, name)
            relative = os.path.relpath(path, work)
            with suppress(OSError):
                status = os.lstat(path)
                if stat.S_ISREG(status.st_mode) and not (users is not None and _same(status, users / relative)):
                    yield relative, status


def _same(status: os.stat_result, users: Path) -> bool:
    try:
        other = os.lstat(users)
    except OSError:
        return False
    return (status.st_size, status.st_mtime_ns) == (other.st_size, other.st_mtime_ns)


def take_written(work: Path, users: Path | None, to: Path) -> None:
    """Move the files that a run wrote to another folder on the same disk, up to `LARGEST` bytes; what is left out is listed there."""
    left, count, out = LARGEST, 0, []
    for relative, status in written_files(work, users):
        if status.st_size > left or count >= MOST_FILES or status.st_nlink > 1:
            out.append(f"{relative}  {status.st_size:,} bytes\n")
            continue
        with suppress(OSError):
            (to / relative).parent.mkdir(parents=True, exist_ok=True)
            os.rename(work / relative, to / relative)
            left, count = left - status.st_size, count + 1
    if out:
        to.mkdir(exist_ok=True)
        (to / NOT_KEPT).write_text("".join(out[:MOST_FILES]), "utf-8", "backslashreplace")


def emptied(work: Path) -> bool:
    """Remove all but links and folders; return whether the folder can be used again."""
    try:
        for place, folders, files in os.walk(work, onerror=_raise):
            for name in files:
                path = os.path.join(place, name)
                if not os.path.islink(path):
                    os.unlink(path)
            folders[:] = [each for each in folders if not os.path.islink(os.path.join(place, each))]
    except (OSError, RecursionError):
        return False
    return True


def _raise(error: OSError) -> None:
    raise error


def size_of(folder: Path) -> int:
    """Return the bytes of the files below a folder."""
    total = 0
    for place, _, files in os.walk(folder):
        for name in files:
            with suppress(OSError):
                total += os.lstat(os.path.join(place, name)).st_size
    return total


def remove(folder: Path) -> None:
    """Delete a folder, whatever modes and depths a run has left in it."""
    with suppress(RecursionError):
        shutil.rmtree(folder, ignore_errors=True)
    if not folder.exists():
        return
    with suppress(OSError, RecursionError):
        os.chmod(folder, 0o700)
        for place, folders, _ in os.walk(folder):
            for name in folders:
                path = os.path.join(place, name)
                if not os.path.islink(path):
                    os.chmod(path, 0o700)
    with suppress(OSError):
        subprocess.run(["rm", "-rf", "--", str(folder)], stdin=subprocess.DEVNULL, capture_output=True, timeout=60.0)


def _copy_fonts(to: Path) -> None:
    """Copy matplotlib's list of fonts, which takes seconds to make, and the user's settings of it."""
    home = Path.home()
    given = os.environ.get("MPLCONFIGDIR")
    places = [Path(given)] if given else [home / ".config/matplotlib", home / ".cache/matplotlib", home / ".matplotlib"]
    for place in places:
        with suppress(OSError):
            for file in (*place.glob("matplotlibrc"), *place.glob("fontlist*.json")):
                shutil.copy2(file, to)
