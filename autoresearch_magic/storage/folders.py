"""Studies on disk: where they are, what they are called."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from ..errors import UserError
from ..metric import Metric

ROOT = ".autoresearch"
"""The folder that holds the studies, below the one that the notebook is in."""

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,79}")


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


def free_name(root: Path, metric: Metric, taken: Callable[[str], bool] = lambda name: False) -> str:
    """Make a name from the date and the metric that no study below `root` has.

    Parameters
    ----------
    root : Path
    metric : Metric
    taken : callable, optional
        Says of a name whether something else has it.
    """
    stem = f"{datetime.now():%Y-%m-%d}-{re.sub(r'[^A-Za-z0-9_-]+', '-', metric.name).strip('-') or 'study'}"[:70]
    name, count = stem, 1
    while (root / name).exists() or taken(name):
        count += 1
        name = f"{stem}-{count}"
    return name


def hide(folder: Path) -> None:
    """Keep a study's folder out of the sight of git, where it is in somebody's repository."""
    ignore = folder / ".gitignore"
    if not ignore.exists():
        ignore.write_text("*\n", encoding="utf-8")
