"""Temporary folders that do not outlive their owner for long: what a killed kernel leaves behind, the next start deletes.

The owner holds a lock on a file in its folder, which the system releases when the process ends, however it ends.
"""

from __future__ import annotations

import os
import shutil
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout

PREFIX = "autoresearch-"
LOCK = ".owner.lock"
YOUNG = 60.0
"""Seconds for which a folder is left alone: its owner may be about to take the lock."""
UNOWNED = 86_400.0
"""Seconds for which a folder without a lock file is left alone: it may belong to an older version, or to another program."""

_once = threading.Lock()
_cleaned: set[str] = set()


@contextmanager
def scratch_folder(purpose: str = "") -> Iterator[Path]:
    """Make a temporary folder and delete it at the end; the first one of a process deletes what dead processes have left.

    Parameters
    ----------
    purpose : str
        A word for its name.
    """
    clean_up_once()
    folder = Path(tempfile.mkdtemp(prefix=f"{PREFIX}{purpose}-" if purpose else PREFIX))
    lock = FileLock(str(folder / LOCK), timeout=0, thread_local=False)
    try:
        with suppress(OSError, Timeout, NotImplementedError):  # a file system without locks: the folder's age must do
            lock.acquire()
        yield folder
    finally:
        lock.release()
        shutil.rmtree(folder, ignore_errors=True)


def clean_up_once() -> None:
    """Delete the temporary folders of dead processes, once in the life of this one."""
    with _once:
        place = tempfile.gettempdir()
        if place not in _cleaned:
            _cleaned.add(place)
            clean_up(Path(place))


def clean_up(place: Path) -> None:
    """Delete our temporary folders in `place` whose owners are dead, with git's record of worktrees in them."""
    now, user = time.time(), os.getuid()
    for folder in place.glob(f"{PREFIX}*"):
        with suppress(OSError):
            status = folder.lstat()
            mine = folder.is_dir() and not folder.is_symlink() and status.st_uid == user
            if mine and now - status.st_mtime > YOUNG and _is_abandoned(folder, now - status.st_mtime):
                _forget_worktrees(folder)
                shutil.rmtree(folder, ignore_errors=True)


def _is_abandoned(folder: Path, age: float) -> bool:
    if not (folder / LOCK).is_file():
        return age > UNOWNED
    lock = FileLock(str(folder / LOCK), timeout=0, thread_local=False)
    try:
        lock.acquire()
    except (Timeout, NotImplementedError):
        return False
    lock.release()
    return True


def _forget_worktrees(folder: Path) -> None:
    """Delete the records that the users' repositories keep of git worktrees in a folder."""
    for link in folder.glob("*/.git"):
        with suppress(OSError, UnicodeDecodeError):
            record = Path(link.read_text("utf-8").removeprefix("gitdir:").strip())
            if record.parent.name == "worktrees" and (record / "gitdir").read_text("utf-8").strip() == str(link):
                shutil.rmtree(record, ignore_errors=True)
