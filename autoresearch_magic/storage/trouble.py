"""What can be wrong with a journal, in one line that says what to do."""

from __future__ import annotations

import errno
import os
import shutil
import sqlite3
from pathlib import Path

from ..errors import UserError


class JournalError(UserError):
    """The journal could not be read or written.

    Attributes
    ----------
    passing : bool
        Whether it may succeed later without anything else being done to the study, as when a disk is full.
    """

    passing = False


class CannotWrite(JournalError):
    """The journal could not be written: no room, no permission, or another program holds it."""

    passing = True


class Damaged(JournalError):
    """The journal cannot be read as it is: ``autoresearch repair`` gets out what can be got."""


class Changed(JournalError):
    """The journal is not what was written to it: it was changed, replaced or deleted from outside."""


LACKS = ("no such table", "no such column", "has no column")
"""What SQLite says where somebody has dropped a table or a column."""

ROOM = 1 << 20
"""Bytes that must be free for an unclear error not to be one of a full disk."""


def explain(error: Exception, path: Path) -> JournalError | None:
    """Return what an error of SQLite or of the system means for a journal; None for one that is a bug of ours."""
    if isinstance(error, OSError):
        return _of_system(error, path)
    if isinstance(error, sqlite3.ProgrammingError):  # closed already, or a wrong query
        return None
    if not isinstance(error, sqlite3.DatabaseError):
        return None
    name = getattr(error, "sqlite_errorname", "") or ""
    study = path.parent.name
    if name.startswith("SQLITE_FULL") or (name.startswith("SQLITE_IOERR") and _full(path.parent)):
        return CannotWrite(_no_room(path))
    if name.startswith(("SQLITE_READONLY", "SQLITE_PERM", "SQLITE_AUTH")):
        return CannotWrite(f"Cannot write {path}: the study can be looked at, but not changed.")
    if name.startswith("SQLITE_CANTOPEN"):
        return CannotWrite(f"Cannot open {path}: its folder or file may not be read or written by you ({error}).")
    if name.startswith(("SQLITE_BUSY", "SQLITE_LOCKED", "SQLITE_PROTOCOL")):
        return CannotWrite(f"Another program holds {path}: end that program, then  %autoresearch resume {study}")
    if name.startswith("SQLITE_NOTADB"):
        return Damaged(
            f"{path} is not a study's journal, or its beginning was destroyed: to repair it,  %autoresearch repair {study}"
        )
    if name.startswith("SQLITE_CORRUPT") or any(lack in str(error) for lack in LACKS):
        return damaged(path, str(error))
    if name.startswith("SQLITE_IOERR"):
        if path.is_file() and name == "SQLITE_IOERR_SHORT_READ":
            return damaged(path, "it was cut off")
        return CannotWrite(
            f"{path} could not be read or written ({error}): look at the disk, and at limits on the size of files; then  "
            f"%autoresearch resume {study}"
        )
    return None


def damaged(path: Path, why: str) -> Damaged:
    """Return the error for a journal that cannot be read as it is."""
    return Damaged(
        f"{path} is damaged ({' '.join(why.split())[:120]}): to get out what can be got,  %autoresearch repair {path.parent.name}"
    )


def changed(path: Path, what: str) -> Changed:
    """Return the error for a journal that was changed from outside; `what` says what was found, as a clause."""
    return Changed(
        f"{path} was changed from outside ({what}): nothing that it says is certain. To see what differs,  "
        f"%autoresearch repair {path.parent.name} --check"
    )


def missing(path: Path) -> Damaged:
    """Return the error for a study whose journal is gone while its results are there."""
    return Damaged(
        f"The journal of the study {path.parent.name} is gone, though its results are there: to make it again from them,  "
        f"%autoresearch repair {path.parent.name}"
    )


REMAINS = ("journal.backup.sqlite", "results.tsv", "repo/.git", "definition.json", "progress.png")
"""What is beside a journal only once its study has recorded something."""


def remains(folder: Path) -> bool:
    """Return whether a study has recorded something in its folder."""
    return any((folder / name).exists() for name in REMAINS)


def _of_system(error: OSError, path: Path) -> JournalError | None:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return CannotWrite(_no_room(path))
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return CannotWrite(
            f"Cannot read or write {error.filename or path}: {os.strerror(error.errno)}. Make that possible for you, then try again."
        )
    if error.errno == errno.EFBIG:
        return CannotWrite(
            f"Cannot write {error.filename or path}: a limit on the size of files was reached (ulimit -f)."
        )
    return None


def _full(folder: Path) -> bool:
    try:
        return shutil.disk_usage(folder).free < ROOM
    except OSError:
        return False


def _no_room(path: Path) -> str:
    return (
        f"There is no room on the disk for {path}: make some, then  %autoresearch resume {path.parent.name}  "
        "(what was recorded so far is kept)"
    )
