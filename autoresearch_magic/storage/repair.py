"""A journal made anew from the rows that were found (`salvage`) and from what else is known of a study's experiments."""

from __future__ import annotations

import json
import shutil
import sqlite3
from collections.abc import Iterable, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

from . import chain
from .backup import NAME as BACKUP
from .salvage import KEYS, Salvaged, Values
from .schema import FILE, FORMAT, TABLES

ASIDE = "before-repair"
"""How the folders begin into which a repair copies what it replaces."""


def set_aside(folder: Path, names: Iterable[str], when: str, *, move: Iterable[str] = ()) -> Path:
    """Copy files of a study into a folder of their own, and move others there; return the folder.

    Parameters
    ----------
    folder : Path
        The study's.
    names : iterable of str
        Globs of the files to copy.
    when : str
        For the folder's name.
    move : iterable of str
        Files and folders to move.
    """
    aside = folder / f"{ASIDE}-{when}"
    aside.mkdir(exist_ok=True)
    for name in names:
        for path in sorted(folder.glob(name)):
            if path.is_file() and not (aside / path.name).exists():
                shutil.copy2(path, aside / path.name)
    for name in move:
        if (folder / name).exists():
            shutil.move(folder / name, aside / name)
    return aside


def write_journal(folder: Path, found: Salvaged, marks: Mapping[int, str]) -> None:
    """Write a journal with the rows that were found, in place of the one that is there.

    Runs and events are numbered anew where some are lost. The chain begins with an entry that names the last hash of the one
    before.

    Parameters
    ----------
    folder : Path
    found : Salvaged
        Its rows must have all columns that must be set.
    marks : Mapping of int to str
        The hashes in the commits of experiments, which were made from the chain before and are accepted from now on.
    """
    new = folder / f"{FILE}.new"
    new.unlink(missing_ok=True)
    try:
        with closing(sqlite3.connect(new)) as connection:
            connection.executescript(TABLES)
            with connection:
                _fill(connection, found.rows, marks)
                first = chain.Appender(connection).append(chain.Head(), chain.REPAIRED, found.head.hex())
                chain.enter_everything(connection, first)
        with closing(sqlite3.connect(new)) as connection:
            connection.execute("PRAGMA journal_mode = WAL")
        for name in (f"{FILE}-wal", f"{FILE}-shm", BACKUP):  # of the journal before; copies are set aside
            (folder / name).unlink(missing_ok=True)
        for path in folder.glob("journal.kept-*.sqlite"):
            path.unlink()
        new.replace(folder / FILE)
    finally:
        new.unlink(missing_ok=True)


def _fill(connection: sqlite3.Connection, rows: Mapping[str, Mapping[Any, Values]], marks: Mapping[int, str]) -> None:
    for table in KEYS:
        present = [row[1] for row in connection.execute(f"PRAGMA table_info({table})")]
        numbered = table in ("measurement", "event")
        for count, key in enumerate(sorted(rows[table]), 1):
            values = {name: value for name, value in rows[table][key].items() if name in present}
            if numbered:
                values["id"] = count
            columns = ", ".join(values)
            connection.execute(
                f"INSERT INTO {table} ({columns}) VALUES ({', '.join('?' * len(values))})", [*values.values()]
            )
    accepted = {str(number): mark for number, mark in marks.items()}
    for name, value in (("format", FORMAT), ("accepted", accepted)):
        connection.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (name, json.dumps(value)))
