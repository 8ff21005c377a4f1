"""The file of a journal: opened, read, and written in transactions that enter each row into the chain.

Errors of SQLite and of the system become one line that says what to do (`trouble`). A study that runs gives two functions: `wait`,
with which a write that fails for want of room is tried again, and `tell`, which says what had to be done to go on.
"""

from __future__ import annotations

import json
import os
import platform
import secrets
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any

from ..errors import TakenOver, UserError
from . import chain
from .backup import copy
from .migrations import migrate
from .schema import FORMAT, TABLES, connect, tables, version
from .trouble import Changed, Damaged, JournalError, changed, damaged, explain, missing, remains
from .wall_clock import not_before

Step = tuple[str, Sequence[Any], str, Any]
"""A statement with its values, and the row that it writes: its kind in `chain.SOURCES` and its key, None for the new row's number.
Without a kind, it is not entered into the chain."""

MOST_HEALS = 3
"""How often a journal is repaired while its study runs; who destroys it more often, ends the study."""


class JournalFile:
    """A journal's file, with one connection; safe to use from several threads.

    Parameters
    ----------
    path : Path
        The file; its folder must exist.
    create : bool
        Whether to create the file when it does not exist, and to bring one of an older version up to date.

    Attributes
    ----------
    wait : callable or None
        Called before another attempt at a write that has failed, with the reason and the seconds since the first one; it waits, and
        returns False to give up for good. After an attempt that succeeds it is called with an empty reason. Without it, a write
        is tried once.
    heal : callable or None
        Called where the journal turns out to be damaged, with the reason, while its file is closed; it repairs the file, or raises a
        `UserError`. The read or write is tried again then.
    tell : callable
        Takes one line for the user.

    Raises
    ------
    UserError
        When the file does not exist, is not a journal, or was written by a newer version.
    """

    def __init__(self, path: Path, *, create: bool = False) -> None:
        self.wait: Callable[[str, float], bool] | None = None
        self.heal: Callable[[str], None] | None = None
        self._healed = 0
        self.tell: Callable[[str], None] = lambda line: None
        self._owner = ""
        self.path = path
        self._lock = threading.RLock()
        self._open(create)

    def _open(self, create: bool) -> None:
        path = self.path
        if not path.is_file():
            if remains(path.parent):
                raise missing(path)
            if not create:
                raise UserError(f"There is no study at {path.parent}: %autoresearch status lists the existing ones.")
        with self._explained():
            if create and not path.is_file():
                _make(path)
            self._size = path.stat().st_size
            if not self._size:
                raise damaged(path, "the file is empty")
            self._connection = connect(path)
            try:
                self._set_up(create)
            except BaseException:
                self._connection.close()
                raise

    def _set_up(self, create: bool) -> None:
        connection = self._connection
        # NORMAL loses nothing when a process is killed, and at most the last experiment in a power cut.
        connection.execute("PRAGMA synchronous = NORMAL")
        try:
            found = version(connection)
        except (ValueError, TypeError):
            found = None
        if found is None:
            raise damaged(self.path, "it does not say of which version it is")
        if found > FORMAT:
            raise UserError(f"{self.path} was written by a newer version: upgrade autoresearch-magic to open it.")
        if create and found < FORMAT:
            migrate(connection, self.path)
            found = FORMAT
        if create:  # a journal of an earlier version of this package lacks it, and is read more slowly
            connection.execute("CREATE INDEX IF NOT EXISTS event_kind ON event (kind)")
        self.version = found
        self.chained = found > 1
        self._appender: chain.Appender | None = None
        self._head: chain.Head | None = None
        self._file = _identity(self.path)

    # -- reading ----------------------------------------------------------------------------------------------------

    @contextmanager
    def _explained(self) -> Iterator[None]:
        """Turn errors of SQLite and of the system into one line."""
        try:
            yield
        except (sqlite3.Error, OSError) as error:
            if (trouble := explain(error, self.path)) is None:
                raise
            raise trouble from None

    @contextmanager
    def readable(self) -> Iterator[None]:
        """Turn what a damaged row leads to into one line."""
        try:
            yield
        except (ValueError, KeyError, TypeError, IndexError) as error:
            raise damaged(self.path, f"a row cannot be read: {error}") from None

    @contextmanager
    def snapshot(self) -> Iterator[None]:
        """Let everything that is read inside be of one moment."""
        with self._lock:
            with self._explained():
                self._connection.execute("BEGIN")
            try:
                yield
            finally:
                self._connection.rollback()

    def select(self, query: str, *values: object) -> list[sqlite3.Row]:
        """Return the rows of a query that changes nothing."""
        while True:
            try:
                with self._lock, self._explained():
                    return self._connection.execute(query, values).fetchall()
            except Damaged as error:
                self._heal(error)

    def get(self, key: str) -> Any:
        """Return a value from the study's metadata; None when it is not set."""
        rows = self.select("SELECT value FROM meta WHERE key = ?", key)
        with self.readable():
            return json.loads(rows[0]["value"]) if rows else None

    # -- writing ----------------------------------------------------------------------------------------------------

    def write(self, *steps: Step) -> int:
        """Carry out statements in one transaction, and enter what they write into the chain; return the number of the last new row.

        Raises
        ------
        JournalError
            When it cannot be written, or is not the file any more that was opened.
        """
        began, waited = time.monotonic(), False
        while True:
            try:
                with self._lock, self._explained():
                    number = self._write(steps)
            except Damaged as error:
                self._heal(error)
            except JournalError as error:
                if not error.passing or self.wait is None:
                    raise
                waited = True
                if not self.wait(str(error), time.monotonic() - began):
                    self.wait = None
                    raise
            else:
                if waited and self.wait is not None:
                    self.wait("", time.monotonic() - began)
                return number

    def _heal(self, error: Damaged) -> None:
        """Let the file be repaired, and open it again.

        Raises
        ------
        Damaged
            The same error, where nobody repairs it, or that was not possible, or was done often enough.
        """
        with self._lock:
            heal = self.heal
            if heal is None or self._healed >= MOST_HEALS:
                raise error
            self.heal = None
            self._healed += 1
            self._connection.close()
            try:
                heal(str(error))
                self._open(create=False)
            except UserError:
                raise error from None
            self.heal = heal

    def _write(self, steps: Sequence[Step]) -> int:
        self._look_after()
        connection = self._connection
        connection.execute("BEGIN IMMEDIATE")
        try:
            self._check_owner()
            if self.chained:
                last = self._continued(chain.head(connection))
                appender = self._appender = self._appender or chain.Appender(connection)
            number = 0
            for statement, values, kind, key in steps:
                made = connection.execute(statement, values)
                number = int(made.lastrowid or 0)
                if kind and self.chained:
                    last = appender.append(last, kind, number if key is None else key)
            connection.commit()
        except BaseException:
            with suppress(sqlite3.Error):
                connection.rollback()
            raise
        if self.chained:
            self._head = last
        return number

    def own(self) -> None:
        """Make this connection the one that runs the study: from now on, every other that had become it before writes nothing more."""
        self._owner = ""
        if rows := self.select("SELECT at FROM event ORDER BY id DESC LIMIT 1"):
            not_before(float(rows[0]["at"]))
        owner = {"token": secrets.token_hex(8), "pid": os.getpid(), "host": platform.node()}
        self.write((
            "INSERT INTO meta VALUES ('owner', ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value", (json.dumps(owner),), "meta",
            "owner",
        ))  # fmt: skip
        self._owner = json.dumps(owner)

    def _check_owner(self) -> None:
        """Raise `TakenOver` where another process has become the owner since; inside of the transaction, so that none does between."""
        if not self._owner:
            return
        row = self._connection.execute("SELECT value FROM meta WHERE key = 'owner'").fetchone()
        if row is not None and row["value"] != self._owner:
            with suppress(ValueError, KeyError, TypeError):
                other = json.loads(row["value"])
                raise TakenOver(f"Process {other['pid']} on {other['host']} runs this study now: this one has ended.")
            raise TakenOver("Another process runs this study now: this one has ended.")

    def _continued(self, last: chain.Head) -> chain.Head:
        """Return the last entry after comparing it with the one that this journal has written last."""
        known = self._head
        if known is not None and (last.id < known.id or not chain.continues(self._connection, known)):
            raise changed(self.path, "what was written a moment ago is not in it any more")
        return last

    def _look_after(self) -> None:
        """See whether the file is still the one that was opened, and as large as it was.

        A deleted file is still there for who has it open, so it is written again from there; one that was replaced is left alone.
        """
        now = _identity(self.path)
        if now is None:
            if not self.path.parent.is_dir():
                raise Changed(f"The folder {self.path.parent} was deleted while its study ran: what it held is gone.")
            self._restore()
        elif now[:2] != (self._file or now)[:2]:
            aside = self._save_aside()
            kept = f"; what the study had recorded is in {aside.name}" if aside else ""
            raise Changed(
                f"{self.path} was replaced by another file while its study ran{kept}: to put both together,  "
                f"%autoresearch repair {self.path.parent.name}"
            )
        elif now[2] < self._size:
            self._save_aside()
            raise damaged(self.path, f"it was cut off at {now[2]:,} of {self._size:,} bytes")
        else:
            self._size = now[2]

    def _restore(self) -> None:
        """Write the file again after somebody has deleted it."""
        for name in ("-wal", "-shm"):  # of the deleted file: SQLite would put it into the new one
            self.path.with_name(self.path.name + name).unlink(missing_ok=True)
        copy(self._connection, self.path)
        known, waits = self._head, self._connection
        self._connection = connect(self.path)
        waits.close()
        self._connection.execute("PRAGMA journal_mode = WAL")
        self._connection.execute("PRAGMA synchronous = NORMAL")
        self._appender, self._head = None, known
        self._file, self._size = _identity(self.path), self.path.stat().st_size
        self.tell(f"{self.path} was deleted while the study ran; it was written again, and nothing is lost.")

    def _save_aside(self) -> Path | None:
        """Save what this connection sees beside the journal, for a repair."""
        aside = self.path.with_name(f"journal.kept-{int(time.time())}.sqlite")
        try:
            copy(self._connection, aside)
        except (sqlite3.Error, OSError, JournalError):
            return None
        return aside

    # -- the chain --------------------------------------------------------------------------------------------------

    def check(self, *, whole: bool = False) -> None:
        """Compare what is there with what was written: the newest rows and how many there are, or with `whole` all of it.

        A journal of some hundred experiments is compared as a whole in any case, as that takes milliseconds. With `whole`, a
        journal with very many rows is compared from its last mark on; `findings` compares all of it.

        Raises
        ------
        JournalError
            When they differ, or the journal cannot be read.
        """
        if not self.chained:
            with self._lock, self._explained():
                if "chain" in tables(self._connection):
                    raise changed(self.path, "it says that it is of an older version than it is")
            return
        with self._lock, self._explained(), self.readable():
            last = chain.head(self._connection)
            after = max(0, last.id - chain.RECENT)
            if last.id <= (chain.WHOLE if whole else chain.SMALL):
                after = 0
            elif whole:
                after = min(after, chain.marked(self._connection))
            found = chain.check(self._connection, after)
            if not found and self._head is not None and not chain.continues(self._connection, self._head):
                found = [chain.Finding("chain", 0, "what was written a moment ago is not in it any more")]
        if found:
            raise changed(self.path, chain.sentence(found))

    def findings(self) -> list[chain.Finding]:
        """Return all that differs from what was written; empty for a journal of a version without a chain."""
        if not self.chained:
            return []
        with self._lock, self._explained(), self.readable():
            return chain.check(self._connection)

    def verified(self) -> None:
        """Enter that everything up to here was compared and found to be right."""
        if self.chained:
            self.write(("SELECT 1", (), chain.VERIFIED, self.head.id))

    @property
    def head(self) -> chain.Head:
        """The last entry of the chain; one of number 0 where there is none."""
        if not self.chained:
            return chain.Head()
        with self._lock, self._explained():
            return chain.head(self._connection)

    def continues(self, known: chain.Head) -> bool:
        """Return whether an entry that was the last one before is still in the chain."""
        if not self.chained:
            return True
        with self._lock, self._explained():
            return chain.continues(self._connection, known)

    def close(self) -> None:
        """Close the file, after merging the WAL into it."""
        with self._lock:
            self._connection.close()


def _make(path: Path) -> None:
    """Create an empty journal. It is complete when it appears: another process or thread may open it at once."""
    new = path.with_name(f"{path.name}.new")
    new.unlink(missing_ok=True)
    try:
        with closing(sqlite3.connect(new)) as connection:
            connection.executescript(TABLES)
            with connection:
                connection.execute("INSERT INTO meta (key, value) VALUES ('format', ?)", (json.dumps(FORMAT),))
                chain.enter_everything(connection)
        with closing(sqlite3.connect(new)) as connection:
            connection.execute("PRAGMA journal_mode = WAL")  # stays with the file
        new.replace(path)  # the study's lock sees to it that nobody else makes one
    finally:
        new.unlink(missing_ok=True)


def _identity(path: Path) -> tuple[int, int, int] | None:
    """Return what tells one file from another, and its size; None where there is none."""
    try:
        found = path.stat()
    except FileNotFoundError:
        return None
    return found.st_dev, found.st_ino, found.st_size
