"""The tables of a journal, and how its file is opened.

`FORMAT` is the version of the tables; `migrations` has the way from each version to the next, and `chain` says what the table
of that name is for.
"""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Mapping
from pathlib import Path

FORMAT = 2
"""The version of the tables. A journal of a newer one is refused, one of an older one is read, and brought up to date by a resume."""

FILE = "journal.sqlite"
"""The journal's name in a study's folder."""

TABLES = """
CREATE TABLE IF NOT EXISTS meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS experiment (
    number INTEGER PRIMARY KEY, parent INTEGER, target TEXT NOT NULL, summary TEXT NOT NULL, hypothesis TEXT NOT NULL,
    expect TEXT NOT NULL, agent TEXT NOT NULL, usage TEXT NOT NULL, reply TEXT NOT NULL,
    failure TEXT NOT NULL, fingerprint TEXT NOT NULL, proposed_at REAL NOT NULL,
    verdict TEXT, reason TEXT NOT NULL DEFAULT '', value REAL, judged_at REAL, commit_sha TEXT NOT NULL DEFAULT '');
CREATE TABLE IF NOT EXISTS measurement (
    id INTEGER PRIMARY KEY, experiment INTEGER NOT NULL REFERENCES experiment (number), kind TEXT NOT NULL,
    outcome TEXT NOT NULL, value REAL, seed INTEGER NOT NULL, seconds REAL NOT NULL, charged REAL NOT NULL,
    evaluation REAL NOT NULL, steps INTEGER NOT NULL, memory REAL NOT NULL, curve TEXT NOT NULL, error TEXT NOT NULL,
    traceback TEXT NOT NULL, output TEXT NOT NULL, names TEXT NOT NULL, numbers TEXT NOT NULL DEFAULT '{}',
    made_at REAL NOT NULL, conditions TEXT, notes TEXT NOT NULL DEFAULT '[]',
    artifacts TEXT NOT NULL DEFAULT '{}', holdout REAL, holdout_error TEXT NOT NULL DEFAULT '');
CREATE TABLE IF NOT EXISTS prompt (experiment INTEGER PRIMARY KEY, text BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS event (id INTEGER PRIMARY KEY, at REAL NOT NULL, kind TEXT NOT NULL, body TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS chain (id INTEGER PRIMARY KEY, kind TEXT NOT NULL, key NOT NULL, digest BLOB NOT NULL, hash BLOB NOT NULL);
CREATE INDEX IF NOT EXISTS measurement_of ON measurement (experiment, kind);
CREATE INDEX IF NOT EXISTS experiment_mark ON experiment (number, verdict, judged_at, commit_sha);
CREATE INDEX IF NOT EXISTS event_kind ON event (kind);
CREATE INDEX IF NOT EXISTS chain_of ON chain (kind, key);
"""

LATER_COLUMNS: Mapping[str, str] = {
    "numbers": "TEXT NOT NULL DEFAULT '{}'", "conditions": "TEXT", "notes": "TEXT NOT NULL DEFAULT '[]'",
    "artifacts": "TEXT NOT NULL DEFAULT '{}'", "holdout": "REAL", "holdout_error": "TEXT NOT NULL DEFAULT ''",
}  # fmt: skip
"""Columns of `measurement` that journals of version 1 may lack: they were added without another version."""


def connect(path: Path) -> sqlite3.Connection:
    """Open the file; one that this user may only read is read as it is, without the files that SQLite keeps beside it."""
    if not path.exists() or (os.access(path, os.W_OK) and os.access(path.parent, os.W_OK)):
        connection = sqlite3.connect(path, check_same_thread=False, timeout=30)
    else:
        beside = path.with_name(f"{path.name}-wal").exists()  # what another user's process has not merged yet
        address = f"{path.absolute().as_uri()}?mode=ro{'' if beside else '&immutable=1'}"
        connection = sqlite3.connect(address, uri=True, check_same_thread=False, timeout=30)
    connection.row_factory = sqlite3.Row
    return connection


def tables(connection: sqlite3.Connection) -> set[str]:
    """Return the names of the tables that there are."""
    return {row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}


def version(connection: sqlite3.Connection) -> int | None:
    """Return a journal's version; None where it has none, as a file that holds no journal."""
    if "meta" not in tables(connection):
        return None
    row = connection.execute("SELECT value FROM meta WHERE key = 'format'").fetchone()
    found = None if row is None else json.loads(row[0])
    return found if isinstance(found, int) else None
