"""From each version of a journal's tables to the next.

A study that is resumed brings its journal up to date, after a copy of the file was made; a journal of an older version that is
only looked at, or given a note, stays as it is.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Mapping
from pathlib import Path

from . import chain
from .backup import copy
from .schema import FORMAT, LATER_COLUMNS, TABLES, version

Migration = Callable[[sqlite3.Connection], None]


def _to_2(connection: sqlite3.Connection) -> None:
    """Columns and tables that version 1 got one after another, and the chain, into which all that is there is entered."""
    present = {row[1] for row in connection.execute("PRAGMA table_info(measurement)")}
    for name, kind in LATER_COLUMNS.items():
        if name not in present:
            connection.execute(f"ALTER TABLE measurement ADD COLUMN {name} {kind}")
    for statement in filter(str.strip, TABLES.split(";")):
        connection.execute(statement)
    chain.enter_everything(connection)


MIGRATIONS: Mapping[int, Migration] = {1: _to_2}
"""What makes the next version of each."""


def copy_name(before: int) -> str:
    """Return the name of the copy that is kept of a journal of an older version."""
    return f"journal.format{before}.sqlite"


def migrate(connection: sqlite3.Connection, path: Path) -> int:
    """Bring a journal up to date; return the version that it had.

    Each step is one transaction, so that a kill in between leaves the journal at one version or the other.
    """
    before = found = version(connection) or 0
    if found in MIGRATIONS:
        copy(connection, path.with_name(copy_name(found)))
    while found in MIGRATIONS and found < FORMAT:
        connection.execute("BEGIN IMMEDIATE")
        try:
            if version(connection) != found:  # another process was faster
                connection.rollback()
                found = version(connection) or 0
                continue
            connection.execute("UPDATE meta SET value = ? WHERE key = 'format'", (json.dumps(found + 1),))
            MIGRATIONS[found](connection)
            connection.commit()
        except BaseException:
            connection.rollback()
            raise
        found += 1
    return before
