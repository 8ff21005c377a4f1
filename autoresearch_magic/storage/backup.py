"""Backups of a journal by SQLite's own interface, whole at any moment, beside the journal.

One is made when a study starts and ends, and after a keep when the last one is some minutes old. It replaces the one before
only where it continues that one's chain, so that a journal that was damaged or changed does not end up as its own backup.
"""

from __future__ import annotations

import os
import sqlite3
import time
from contextlib import closing
from pathlib import Path

from . import chain
from .schema import connect, tables
from .trouble import changed, explain

NAME = "journal.backup.sqlite"
EVERY = 180.0
"""Seconds between two backups during a study."""
SHARE = 100.0
"""How many times as long as a backup took is waited for the next, so that those of a large journal cost at most 1%."""


class Backups:
    """Makes the backups of one study while it runs."""

    def __init__(self, journal: Path) -> None:
        self._journal = journal
        self._made_at, self._cost = -EVERY, 0.0

    @property
    def due(self) -> bool:
        """Whether the last one is old enough for another."""
        return time.monotonic() - self._made_at >= max(EVERY, SHARE * self._cost)

    def make(self) -> None:
        """Make one now.

        Raises
        ------
        JournalError
            When it cannot be written, or the journal does not continue the last backup, which is kept then.
        """
        began = time.monotonic()
        back_up(self._journal)
        self._made_at, self._cost = time.monotonic(), time.monotonic() - began


def back_up(journal: Path) -> Path:
    """Write the backup of a journal, and return its path."""
    path = journal.with_name(NAME)
    try:
        with closing(connect(journal)) as source:
            copy(source, path, before=path if path.is_file() else None)
    except (sqlite3.Error, OSError) as error:
        if (trouble := explain(error, journal)) is None:
            raise
        raise trouble from None
    return path


def copy(source: sqlite3.Connection, path: Path, before: Path | None = None) -> None:
    """Write what a connection sees into a file, as one that needs no other file beside it.

    Parameters
    ----------
    source : sqlite3.Connection
    path : Path
        The file; it is replaced as a whole.
    before : Path, optional
        A former copy that the new one must continue.
    """
    new = path.with_name(f"{path.name}.new")
    new.unlink(missing_ok=True)
    try:
        with closing(sqlite3.connect(new)) as target:
            source.backup(target)
            target.execute("PRAGMA journal_mode = DELETE")  # the header of the original asks for WAL
            if before is not None and (why := _breaks(target, before)):
                raise changed(path.with_name("journal.sqlite"), why)
        with new.open("rb+") as file:
            os.fsync(file.fileno())
        new.replace(path)
    finally:
        for name in (new.name, f"{new.name}-journal"):
            new.with_name(name).unlink(missing_ok=True)


def _breaks(made: sqlite3.Connection, before: Path) -> str:
    """Return why a new backup does not continue the last one; empty where it does, or where that cannot be told."""
    try:
        with closing(sqlite3.connect(f"{before.absolute().as_uri()}?mode=ro&immutable=1", uri=True)) as last:
            if "chain" not in tables(last):
                return ""
            known = chain.head(last)
    except sqlite3.Error:  # a backup that is damaged is worth nothing
        return ""
    if "chain" not in tables(made) or not chain.continues(made, known):
        return "it does not continue its last backup"
    found = chain.check(made, max(0, chain.head(made).id - chain.RECENT))
    return chain.sentence(found)
