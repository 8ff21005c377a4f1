"""The lock files of git: whether one was left behind by a git that was killed.

A git that lives removes its locks itself. Whether one lives is asked of the system, as a lock file does not say who made it.
"""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

SETTLED = 0.15
"""Seconds for which a lock has to stay the same before it counts as left behind: git holds one for milliseconds, and may just have begun."""

Mark = tuple[int, int, int]


def mark_of(lock: Path) -> Mark | None:
    """Return what tells a lock file from another one at the same place; None when there is none any more."""
    try:
        found = lock.lstat()
    except OSError:
        return None
    return found.st_ino, found.st_mtime_ns, found.st_size


def git_works_at(lock: Path) -> bool:
    """Whether a git process is at work in the repository of a lock file; True where the system does not tell."""
    try:
        import psutil  # not above: not needed where nothing is locked
    except ImportError:
        return True
    inside = next((folder for folder in lock.parents if folder.name == ".git"), lock.parent)
    root = str(inside.parent)
    try:
        for process in psutil.process_iter(["name"]):
            if not (process.info["name"] or "").startswith("git"):
                continue
            with suppress(psutil.NoSuchProcess):
                if process.status() == psutil.STATUS_ZOMBIE:
                    continue
                if _names(process, root):
                    return True
    except (psutil.Error, OSError):
        return True
    return False


def _names(process: object, root: str) -> bool:
    """Whether a process works in a folder, by its working folder, its arguments or its environment; True where it may not be looked at."""
    import psutil

    assert isinstance(process, psutil.Process)
    try:
        cwd = process.cwd()
        if cwd == root or cwd.startswith(f"{root}/"):
            return True
        return any(root in each for each in (*process.cmdline(), *process.environ().values()))
    except psutil.AccessDenied:
        return True
