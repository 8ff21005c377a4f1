"""The chain of a journal: a hash over everything that was written to it, in the order in which it was written.

Each row that is written appends an entry to the table `chain`: which row it was, a digest of what stands in it, and a hash of
this entry and the hash before it. A row that changes later is entered again. So an edited, added or deleted row disagrees with the
newest entry about it, and an edited entry breaks all that follow.

Who can write the file can compute such a chain anew. That is why the hash at each verdict also stands in the commit of the
experiment (`git.commits`), and why a running study compares with the hash that it remembers.

What is not in the chain: the hashes of commits, which are compared with git and made again from the rest, and the values `live` and
`curves` of the metadata, which change once a second and say nothing that lasts.
"""

from __future__ import annotations

import sqlite3
import struct
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

from ..text import counted
from .schema import tables

SIZE = 20
"""Bytes of a digest and of a hash."""
BEGIN = bytes(SIZE)
"""The hash before the first entry."""
RECENT = 64
"""Entries that are looked at when a journal is opened."""
SMALL = 1_500
"""Entries of a journal that is compared as a whole also then."""
WHOLE = 120_000
"""Entries up to which a resume checks the chain as a whole, which takes less than a second; above, it begins at the last mark."""
VERIFIED = "verified"
"""The kind of entry that says up to which entry, its key, the chain was found to be right."""
REPAIRED = "repaired"
"""The kind of entry that a repaired journal begins with; its key is the last hash of the one before, as far as it was known."""

COMMITTED = "committed"
"""The kind of entry that says that an experiment, its key, has another commit now; which one is not in the chain."""

_EMPTY = (None, "", "[]", "{}")
"""Content that counts for nothing, so that a column that a later version adds does not change the digests of older rows."""


@dataclass(frozen=True)
class Source:
    """Where the content of a kind of entry stands: its table, the column of the key, and the columns of the content."""

    table: str
    key: str
    columns: tuple[str, ...]
    noun: str = ""

    def select(self, present: Iterable[str]) -> str:
        """Return the start of a query for key and content; a column that the table lacks is read as NULL."""
        there = set(present)
        columns = ", ".join(name if name in there else "NULL" for name in self.columns)
        return f"SELECT {self.key}, {columns} FROM {self.table}"


SOURCES: Mapping[str, Source] = {
    "experiment": Source("experiment", "number", (
        "parent", "target", "summary", "hypothesis", "expect", "agent", "usage", "reply", "failure", "fingerprint", "proposed_at",
        "verdict", "reason", "value", "judged_at",
    ), "experiment"),
    "measurement": Source("measurement", "id", (
        "experiment", "kind", "outcome", "value", "seed", "seconds", "charged", "evaluation", "steps", "memory", "curve", "error",
        "traceback", "output", "names", "numbers", "made_at", "conditions", "notes", "artifacts", "holdout",
        "holdout_error",
    ), "run"),
    "prompt": Source("prompt", "experiment", ("text",), "prompt"),
    "event": Source("event", "id", ("at", "kind", "body"), "event"),
    "meta": Source("meta", "key", ("value",), "setting"),
}  # fmt: skip
UNCHAINED = ("live", "curves", "flights")
"""Keys of the metadata that are not in the chain."""


@dataclass(frozen=True)
class Finding:
    """One thing that the chain says about a journal: a kind of row, its key, and what was done to it."""

    kind: str
    key: Any
    what: str

    @property
    def text(self) -> str:
        """As a clause: ``experiment 3 was changed``."""
        if self.kind == "chain":
            return self.what
        return f"{SOURCES[self.kind].noun} {self.key} {self.what}"


@dataclass(frozen=True)
class Head:
    """The last entry of a chain: its number and its hash."""

    id: int = 0
    hash: bytes = BEGIN


def digest(columns: Sequence[str], values: Sequence[Any]) -> bytes:
    """Return the digest of a row's content; see `_EMPTY` for what counts for nothing."""
    parts = []
    for name, value in zip(columns, values, strict=True):
        if value in _EMPTY:
            continue
        if isinstance(value, str):
            kind, content = "t", value.encode("utf-8", "surrogatepass")
        elif isinstance(value, bytes):
            kind, content = "b", value
        elif isinstance(value, float):
            kind, content = "r", struct.pack(">d", value)
        else:
            kind, content = "i", str(value).encode()
        parts.append(f"{name}:{kind}{len(content)}:".encode() + content)
    return blake2b(b"".join(parts), digest_size=SIZE).digest()


def link(before: bytes, kind: str, key: Any, content: bytes) -> bytes:
    """Return the hash of an entry."""
    return blake2b(b"%b%b\0%b\0%b" % (before, kind.encode(), str(key).encode(), content), digest_size=SIZE).digest()


def head(connection: sqlite3.Connection) -> Head:
    """Return the last entry."""
    row = connection.execute("SELECT id, hash FROM chain ORDER BY id DESC LIMIT 1").fetchone()
    return Head() if row is None else Head(row[0], bytes(row[1]))


def continues(connection: sqlite3.Connection, known: Head) -> bool:
    """Return whether an entry that is known from before is still there as it was."""
    if known.id == 0:
        return True
    row = connection.execute("SELECT hash FROM chain WHERE id = ?", (known.id,)).fetchone()
    return row is not None and bytes(row[0]) == known.hash


class Appender:
    """Appends entries to the chain of one connection, inside of transactions that the caller makes."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._queries = {
            kind: f"{source.select(_columns(connection, source.table))} WHERE {source.key} = ?"
            for kind, source in SOURCES.items()
        }

    def append(self, last: Head, kind: str, key: Any) -> Head:
        """Enter a row as it now stands in its table; return the new last entry."""
        if kind in (VERIFIED, REPAIRED, COMMITTED):
            content = BEGIN
        else:
            row = self._connection.execute(self._queries[kind], (key,)).fetchone()
            content = digest(SOURCES[kind].columns, tuple(row)[1:]) if row is not None else BEGIN
        made = Head(last.id + 1, link(last.hash, kind, key, content))
        self._connection.execute("INSERT INTO chain VALUES (?, ?, ?, ?, ?)", (made.id, kind, key, content, made.hash))
        return made


def enter_everything(connection: sqlite3.Connection, last: Head | None = None) -> Head:
    """Enter every row of a journal whose chain is empty; return the last entry."""
    appender = Appender(connection)
    last = last or Head()
    for kind in ("meta", "experiment", "prompt", "measurement", "event"):
        source = SOURCES[kind]
        for (key,) in connection.execute(f"SELECT {source.key} FROM {source.table} ORDER BY {source.key}").fetchall():
            if not (kind == "meta" and key in UNCHAINED):
                last = appender.append(last, kind, key)
    return last


def marked(connection: sqlite3.Connection) -> int:
    """Return the number of the entry up to which the chain was found to be right; 0 for none."""
    row = connection.execute("SELECT key FROM chain WHERE kind = ? ORDER BY id DESC LIMIT 1", (VERIFIED,)).fetchone()
    return int(row[0]) if row is not None else 0


def check(connection: sqlite3.Connection, after: int = 0) -> list[Finding]:
    """Compare a journal with its chain.

    Parameters
    ----------
    connection : sqlite3.Connection
    after : int
        Only what was entered behind this entry is compared; 0 for everything.

    Returns
    -------
    list of Finding
        Empty where they agree.
    """
    if connection.in_transaction:
        return _check(connection, after)
    connection.execute("BEGIN")  # rows and their entries of one moment, while another process may write
    try:
        return _check(connection, after)
    finally:
        connection.rollback()


def _check(connection: sqlite3.Connection, after: int) -> list[Finding]:
    if "chain" not in tables(connection):
        return [Finding("chain", 0, "the table that says what was written is gone")]
    before = BEGIN
    if after:
        row = connection.execute("SELECT hash FROM chain WHERE id = ?", (after,)).fetchone()
        if row is None:
            return [Finding("chain", after, f"entry {after} of its chain is gone")]
        before = bytes(row[0])
    newest: dict[tuple[str, Any], bytes] = {}
    found, expected = [], after
    rows = connection.execute("SELECT id, kind, key, digest, hash FROM chain WHERE id > ? ORDER BY id", (after,))
    for number, kind, key, content, made in rows:
        expected += 1
        if number != expected or link(before, kind, key, bytes(content)) != bytes(made):
            found.append(Finding("chain", number, f"entry {expected} of its chain does not follow from the one before"))
            break
        before = bytes(made)
        if kind in SOURCES:
            newest[kind, key] = bytes(content)
    if not found:
        found += _compare(connection, newest, whole=after == 0)
        found += _ends(connection)
    return found


def _compare(connection: sqlite3.Connection, newest: dict[tuple[str, Any], bytes], *, whole: bool) -> list[Finding]:
    """Compare rows with the newest entries about them."""
    found = []
    for kind, source in SOURCES.items():
        wanted = {key: content for (of, key), content in newest.items() if of == kind}
        query = source.select(_columns(connection, source.table))
        if whole:
            rows: Iterable[Sequence[Any]] = connection.execute(query)
        else:
            one = f"{query} WHERE {source.key} = ?"
            rows = [row for key in wanted for row in connection.execute(one, (key,))]
        for row in rows:
            key, *values = row
            content = wanted.pop(key, None)
            if content is None:
                if kind == "meta" and key in UNCHAINED:
                    continue
                found.append(Finding(kind, key, "was added"))
            elif content != digest(source.columns, values):
                found.append(Finding(kind, key, "was changed"))
        found += [Finding(kind, key, "was deleted") for key in wanted]
    return found


def _ends(connection: sqlite3.Connection) -> list[Finding]:
    """Compare how many rows there are with how many were entered, without reading them: rows are never deleted."""
    found = []
    for kind, first in (("experiment", 0), ("measurement", 1), ("event", 1)):
        source = SOURCES[kind]
        count, last = connection.execute(
            f"SELECT count(*), coalesce(max({source.key}), {first - 1}) FROM {source.table}"
        ).fetchone()
        (entered,) = connection.execute("SELECT max(key) FROM chain WHERE kind = ?", (kind,)).fetchone()
        entered = first - 1 if entered is None else entered
        if last < entered:
            found.append(
                Finding(
                    "chain", last, f"{counted(entered - last, source.noun)} at the end {_were(entered - last)} deleted"
                )
            )
        elif last > entered:
            found.append(
                Finding(
                    "chain", last, f"{counted(last - entered, source.noun)} at the end {_were(last - entered)} added"
                )
            )
        elif count != last - first + 1:
            missing = last - first + 1 - count
            found.append(Finding("chain", last, f"{counted(missing, source.noun)} {_were(missing)} deleted"))
    return found


def _were(count: int) -> str:
    return "was" if count == 1 else "were"


def sentence(found: Sequence[Finding], most: int = 3) -> str:
    """Return what was found as one clause: ``experiment 3 was changed, run 7 was deleted and 5 more``."""
    texts = list(dict.fromkeys(each.text for each in found))
    more = f" and {len(texts) - most} more" if len(texts) > most else ""
    return ", ".join(texts[:most]) + more


def _columns(connection: sqlite3.Connection, table: str) -> list[str]:
    return [row[1] for row in connection.execute(f"PRAGMA table_info({table})")]
