"""All rows of a study's journal that can still be read, from every file that may hold them.

The files are read in this order: the journal as SQLite reads it; its pages one by one (`pages`), where SQLite cannot read all of
it; copies that a running study has kept; the backup; the copy from before a migration. Where the chain says what a row must be, the
copy of the row is taken that agrees with it, wherever it was found.
"""

from __future__ import annotations

import json
import shutil
import sqlite3
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..experiment import Outcome
from . import chain, pages
from .backup import NAME as BACKUP
from .schema import FILE, TABLES, version

Values = dict[str, Any]
"""A row: its values by column."""

JOURNAL, PAGES, KEPT, OF_BACKUP, EARLIER = "journal", "its pages", "a kept copy", "backup", "an earlier copy"
DEFINITION = "definition.json"
"""What is beside a journal of a study that has begun: see `trouble.REMAINS`."""
"""Where rows may come from."""

KEYS = {"experiment": "number", "measurement": "id", "event": "id", "prompt": "experiment", "meta": "key"}
"""The tables, without the chain, and the column of their keys."""

_AFTER_NAMES = (("numbers", "made_at"), ("made_at", "numbers"))
"""Order of the two columns behind `names`: as the tables are made, and where `numbers` was added later."""
_RUN_KINDS = ("baseline", "candidate", "incumbent", "control", "final", "trial", "reworked", "stage")
_OUTCOMES = {outcome.value for outcome in Outcome}


@dataclass(frozen=True)
class Copy:
    """One copy of a row, and where it was found."""

    values: Values
    origin: str


@dataclass
class Salvaged:
    """What was found of a journal.

    Attributes
    ----------
    rows : dict
        By table and key, the copy of each row that counts.
    origins : Counter
        How many rows of each table came from where: counts by (table, origin).
    lost : dict of str to list
        Keys of rows that the chain names and that no file has, by table.
    unproven : list of str
        Rows that agree with nothing that the chain says, as clauses.
    edited : set of int
        The experiments among these.
    left_out : list of str
        Rows that the study did not write, as clauses; only told where the chain is whole.
    head : bytes
        The last hash of the chain, as far as it is whole.
    whole : bool
        Whether the chain was found as a whole.
    problems : list of str
        What is wrong with the journal, one clause each.
    beside : list of str
        What is wrong with its backup and other copies.
    """

    rows: dict[str, dict[Any, Values]] = field(default_factory=lambda: {table: {} for table in KEYS})
    origins: Counter[tuple[str, str]] = field(default_factory=Counter)
    lost: dict[str, list[Any]] = field(default_factory=dict)
    unproven: list[str] = field(default_factory=list)
    edited: set[int] = field(default_factory=set)
    left_out: list[str] = field(default_factory=list)
    head: bytes = chain.BEGIN
    whole: bool = False
    problems: list[str] = field(default_factory=list)
    beside: list[str] = field(default_factory=list)

    @property
    def sound(self) -> bool:
        """Whether the journal itself has everything, and agrees with its chain."""
        return not (self.problems or any(self.lost.values()) or self.unproven or self.left_out)


class Finds:
    """All copies of all rows, in the order in which they were found."""

    def __init__(self) -> None:
        self.copies: dict[str, dict[Any, list[Copy]]] = {table: {} for table in KEYS}
        self.entries: dict[int, list[tuple[str, Any, bytes, bytes]]] = {}

    def add(self, table: str, values: Values, origin: str) -> None:
        """Add a copy of a row."""
        self.copies[table].setdefault(values[KEYS[table]], []).append(Copy(values, origin))

    def add_entry(self, number: int, entry: tuple[str, Any, bytes, bytes]) -> None:
        """Add a copy of an entry of the chain."""
        self.entries.setdefault(number, []).append(entry)


def salvage(folder: Path, scratch: Path, marks: Iterable[str] = ()) -> Salvaged:
    """Read everything that can be read of a study's journal; nothing in its folder is written.

    Parameters
    ----------
    folder : Path
        The study's.
    scratch : Path
        An empty folder for copies of its files: SQLite writes beside a file that it reads.
    marks : iterable of str
        The hashes of the chain that git knows: where a copy has more of them than the journal, it comes before the journal.
    """
    found, finds = Salvaged(), Finds()
    journal = folder / FILE
    kept = sorted(folder.glob("journal.kept-*.sqlite"), reverse=True)
    if (better := _better(journal, [*kept, folder / BACKUP], set(marks), scratch)) is not None:
        _read_file(better, scratch / "better", finds, KEPT if better in kept else OF_BACKUP)
    if not journal.is_file():
        found.problems.append("the journal is gone")
    elif problem := _read_file(journal, scratch / "journal", finds, JOURNAL):
        found.problems.append(f"the journal: {problem}")
        log = journal.with_name(f"{FILE}-wal")
        _read_pages(journal.read_bytes(), log.read_bytes() if log.is_file() else b"", finds)
    for path in kept:
        _read_file(path, scratch / path.stem, finds, KEPT)
        found.problems.append(f"{path.name} was kept by a study whose journal was replaced")
    before = [folder / BACKUP, *sorted(folder.glob("journal.format*.sqlite"), reverse=True)]
    for path, origin in zip(before, [OF_BACKUP, *[EARLIER] * len(before)], strict=False):
        if path.is_file() and (problem := _read_file(path, scratch / path.stem, finds, origin)):
            found.beside.append(f"{path.name}: {problem}")
    _choose(finds, found)
    return found


def _better(journal: Path, copies: Sequence[Path], marks: set[str], scratch: Path) -> Path | None:
    """Return the copy that has more of the hashes in git than the journal has."""

    def has(path: Path) -> int:
        finds = Finds()
        if path.is_file():
            _read_file(path, scratch / f"{path.stem}-marks", finds, "")
        return len(marks & {entry[3].hex() for entries in finds.entries.values() for entry in entries})

    if not marks:
        return None
    counts = {path: has(path) for path in (journal, *copies)}
    best = max(copies, key=lambda path: counts[path])
    return best if counts[best] > counts[journal] else None


# -- reading ------------------------------------------------------------------------------------------------------------


def _read_file(path: Path, scratch: Path, finds: Finds, origin: str) -> str:
    """Read a file by SQLite, as far as it can; return what is wrong with it, in a clause."""
    scratch.mkdir(parents=True)
    for each in (path, path.with_name(f"{path.name}-wal")):
        if each.is_file():
            shutil.copyfile(each, scratch / each.name)
    if not path.stat().st_size:
        return "it is empty"
    problem = ""
    try:
        with closing(sqlite3.connect(scratch / path.name)) as connection:
            connection.row_factory = sqlite3.Row
            (state,) = connection.execute("PRAGMA integrity_check(1)").fetchone()
            problem = (
                "" if state == "ok" else " ".join(str(state).replace("*** in database main ***", "").split())[:200]
            )
            format_found = _format(connection)
            for table in [*KEYS, "chain"]:
                try:
                    for row in connection.execute(f"SELECT * FROM {table}"):
                        _take(table, dict(row), finds, origin)
                except sqlite3.DatabaseError as error:
                    if table not in ("chain", "prompt") or format_found != 1:  # version 1 had neither
                        problem = problem or str(error)
            if not problem and format_found is None:
                problem = "it does not say of which version it is"
    except sqlite3.DatabaseError as error:
        problem = problem or str(error)
    return problem


def _format(connection: sqlite3.Connection) -> int | None:
    try:
        return version(connection)
    except (sqlite3.DatabaseError, ValueError):
        return None


def _take(table: str, values: Values, finds: Finds, origin: str) -> None:
    if table == "chain":
        finds.add_entry(values["id"], (values["kind"], values["key"], bytes(values["digest"]), bytes(values["hash"])))
    else:
        finds.add(table, values, origin)


def _read_pages(file: bytes, log: bytes, finds: Finds) -> None:
    columns = _columns()
    for number, values in pages.rows(file, log):
        try:
            found = _recognised(number, values, columns)
        except (ValueError, IndexError, TypeError):
            continue
        if found is not None:
            _take(*found, finds, PAGES)


def _columns() -> dict[str, dict[str, str]]:
    """Return the columns of each table with their types."""
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.executescript(TABLES)
        return {
            table: {row[1]: row[2] for row in connection.execute(f"PRAGMA table_info({table})")}
            for table in [*KEYS, "chain"]
        }


def _recognised(
    number: int | None, values: Sequence[Any], columns: Mapping[str, Mapping[str, str]]
) -> tuple[str, Values] | None:
    """Return table and row that a record is by its shape; None for one of an index, or of something else."""
    count = len(values)
    if number is None:
        if count == 2 and all(isinstance(value, str) for value in values):
            json.loads(values[1])
            return "meta", {"key": values[0], "value": values[1]}
        return None
    if values[0] is not None:
        return None
    names: Sequence[str]
    if count == 17 and all(isinstance(value, str) for value in values[2:11]) and "calls" in json.loads(values[7]):
        table, names = "experiment", [*columns["experiment"]]
    elif count >= 17 and values[2] in _RUN_KINDS and values[3] in _OUTCOMES and isinstance(values[15], str):
        table = "measurement"
        all_names = [*columns[table]]
        behind = _AFTER_NAMES[0] if isinstance(values[16], str) else _AFTER_NAMES[1]
        names = [*all_names[:16], *behind, *all_names[18:]][:count]
    elif (
        count == 4
        and isinstance(values[1], int | float)
        and isinstance(values[2], str)
        and isinstance(json.loads(values[3]), dict)
    ):
        table, names = "event", [*columns["event"]]
    elif count == 5 and isinstance(values[3], bytes) and len(values[3]) == len(values[4]) == chain.SIZE:
        table, names = "chain", [*columns["chain"]]
    elif count == 2 and isinstance(values[1], bytes) and values[1][:1] == b"x":
        table, names = "prompt", [*columns["prompt"]]
    else:
        return None
    row = dict(zip(names, [number, *values[1:]], strict=False))
    # SQLite stores a whole number in a column of reals as an integer.
    real = {name for name, kind in columns[table].items() if kind == "REAL"}
    return table, {name: float(v) if name in real and isinstance(v, int) else v for name, v in row.items()}


# -- choosing -----------------------------------------------------------------------------------------------------------


def _choose(finds: Finds, found: Salvaged) -> None:
    """Take one copy of each row."""
    intact = (
        not found.problems
    )  # of a damaged file the end of the chain may be lost, and with it what was entered there
    newest = _walk(finds, found)
    for table, copies in finds.copies.items():
        noun = chain.SOURCES[table].noun
        for key, of_one in sorted(copies.items(), key=lambda item: str(item[0]).rjust(20)):
            wanted = newest.get((table, key))
            chosen = of_one[0]
            if wanted is not None:
                agreeing = [copy for copy in of_one if _digest(table, copy.values) == wanted]
                if agreeing:
                    chosen = agreeing[0]
                else:
                    found.unproven.append(f"{noun} {key} is not as it was written")
                    if table == "experiment":
                        found.edited.add(key)
            elif found.whole and intact and not (table == "meta" and key in chain.UNCHAINED):
                found.left_out.append(f"{noun} {key} was not written by the study")
                continue
            found.rows[table][key] = chosen.values
            found.origins[table, chosen.origin] += 1
    for table, key in newest:
        if key not in found.rows[table]:
            found.lost.setdefault(table, []).append(key)


def _walk(finds: Finds, found: Salvaged) -> dict[tuple[str, Any], bytes]:
    """Follow the chain from its first entry as far as it goes; return the newest digest of each row that it names."""
    newest: dict[tuple[str, Any], bytes] = {}
    before, number = chain.BEGIN, 0
    last = max(finds.entries, default=0)
    while number < last:
        number += 1
        entry = next(_following(finds.entries.get(number, ()), before), None)
        if entry is None:
            break
        kind, key, content, before = entry
        if kind in KEYS:
            newest[kind, key] = content
        found.head = before
    else:
        found.whole = last > 0
    if last and not found.whole:
        found.problems.append(f"entry {number} of the chain is missing or was changed")
        for at in range(number, last + 1):  # a digest is better than nothing, though it proves nothing
            for kind, key, content, _ in finds.entries.get(at, ())[:1]:
                if kind in KEYS:
                    newest[kind, key] = content
    return newest


def _following(
    entries: Sequence[tuple[str, Any, bytes, bytes]], before: bytes
) -> Iterator[tuple[str, Any, bytes, bytes]]:
    for kind, key, content, made in entries:
        if chain.link(before, kind, key, content) == made:
            yield kind, key, content, made


def _digest(table: str, values: Values) -> bytes:
    source = chain.SOURCES[table]
    return chain.digest(source.columns, [values.get(name) for name in source.columns])
