"""The folders of studies: where they are and how they are named."""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from pathlib import Path

from ..errors import UserError
from ..metric import Metric

ROOT = ".autoresearch"
"""The folder of all studies, in the notebook's folder."""

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,79}")


def study_names(root: str | Path = ROOT) -> list[str]:
    """Return the names of the studies in a folder, the one that was written to last at the end.

    One whose journal is gone while its backup or definition is there is among them.
    """
    names = ("definition.json", "journal.backup.sqlite", "journal.sqlite")
    files = [path for name in names for path in Path(root).glob(f"*/{name}")]
    written = {}
    for path in files:
        with suppress(OSError):  # deleted a moment ago
            written[path.parent.name] = path.stat().st_mtime  # the journal's, where it is there
    return sorted(written, key=lambda name: written[name])


def checked_name(name: str) -> str:
    """Return a study's name after checking that it can name a folder and a git ref.

    Raises
    ------
    UserError
        When it cannot.
    """
    if not _NAME.fullmatch(name) or name.endswith((".lock", ".")) or ".." in name:
        raise UserError(f"{name!r} cannot name a study: use letters, digits, '-', '_' and '.', at most 80.")
    return name


def free_name(root: Path, metric: Metric, taken: Callable[[str], bool] = lambda name: False) -> str:
    """Return a new study's name, made from the date and the metric, that is not taken in `root`.

    Parameters
    ----------
    root : Path
    metric : Metric
    taken : callable, optional
        Says whether a name is taken elsewhere, as by a branch.
    """
    stem = f"{datetime.now():%Y-%m-%d}-{re.sub(r'[^A-Za-z0-9_-]+', '-', metric.name).strip('-') or 'study'}"[:70]
    name, count = stem, 1
    while (root / name).exists() or taken(name):
        count += 1
        name = f"{stem}-{count}"
    return name


def hide(folder: Path) -> None:
    """Make git ignore a folder with everything in it, where it lies in a user's repository."""
    ignore = folder / ".gitignore"
    if not ignore.exists():
        ignore.write_text("*\n", encoding="utf-8")
