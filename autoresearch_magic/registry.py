"""The studies of this process, and those on disk. The only global state there is."""

from __future__ import annotations

import atexit
import re
import threading
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from .errors import UserError
from .metric import Metric

if TYPE_CHECKING:
    from .study import Study

ROOT = ".autoresearch"
"""The folder that holds the studies, below the one that the notebook is in."""

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,79}")
_studies: dict[Path, Study] = {}
lock = threading.RLock()
"""Held while a study is started, so that two cannot be at once."""


def register(study: Study) -> None:
    """Make a study the last one that was started or opened."""
    with lock:
        _studies.pop(study.folder, None)
        _studies[study.folder] = study


def known(folder: Path) -> Study | None:
    """Return this process's study of a folder, if there is one."""
    return _studies.get(folder)


def running() -> Study | None:
    """Return the study that is at work in this process, if there is one."""
    return next((study for study in list(_studies.values()) if study.active), None)


def current() -> Study | None:
    """Return the study that was started or opened last in this process, if there is one."""
    with lock:
        return running() or next(reversed(_studies.values()), None)


def study_names(root: str | Path = ROOT) -> list[str]:
    """Return the names of the studies below a folder, the newest last."""
    found = [path.parent for path in Path(root).glob("*/journal.sqlite")]
    return [folder.name for folder in sorted(found, key=lambda f: (f / "journal.sqlite").stat().st_mtime)]


def checked_name(name: str) -> str:
    """Return a study's name when it can be a folder's and a git ref's.

    Raises
    ------
    UserError
        When it cannot.
    """
    if not _NAME.fullmatch(name) or name.endswith((".lock", ".")) or ".." in name:
        raise UserError(f"{name!r} cannot name a study: use letters, digits, '-', '_' and '.', at most 80.")
    return name


def free_name(root: Path, metric: Metric) -> str:
    """Make a name from the date and the metric that no study below `root` has."""
    stem = f"{datetime.now():%Y-%m-%d}-{re.sub(r'[^A-Za-z0-9_-]+', '-', metric.name).strip('-') or 'study'}"[:70]
    name, count = stem, 1
    while (root / name).exists():
        count += 1
        name = f"{stem}-{count}"
    return name


@atexit.register
def _stop_all() -> None:
    """See that a process that ends leaves no experiment behind."""
    for study in list(_studies.values()):
        study.stop()
