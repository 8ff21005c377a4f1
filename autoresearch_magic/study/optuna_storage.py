"""Opening the storages of Optuna: databases by their URLs, and journal files.

A file that holds something else is refused before Optuna sees it, since Optuna makes its tables in any database that it opens. The
password of a URL is in no message.
"""

from __future__ import annotations

import re
import sqlite3
import warnings
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import UserError
from ..judging.optuna_logging import quiet_optuna

if TYPE_CHECKING:
    from optuna.storages import BaseStorage

DATABASES, JOURNALS = (".db", ".sqlite", ".sqlite3"), (".log", ".journal", ".jsonl")
"""Suffixes of new files by what they are to be: an SQLite database, and a journal file of Optuna."""
_SQLITE = b"SQLite format 3\0"


def shown_storage(storage: str) -> str:
    """Return a storage as it is told: a URL without its password."""
    if "://" not in storage:
        return storage
    from sqlalchemy.engine import make_url
    from sqlalchemy.exc import ArgumentError

    try:
        return make_url(storage).render_as_string(hide_password=True)
    except (ArgumentError, ValueError):
        return f"{storage.partition('://')[0]}://…"


@contextmanager
def opened_storage(storage: str, *, new: bool) -> Iterator[BaseStorage]:
    """Open a storage of Optuna for a block.

    Parameters
    ----------
    storage : str
        A URL, such as ``sqlite:///trials.db`` or ``postgresql://…``, or the path of an SQLite database or of a journal file.
    new : bool
        Whether one that does not exist is made.

    Raises
    ------
    UserError
        When it cannot be opened, or holds something else.
    """
    try:
        with quiet_optuna(), expected_warnings():
            made = _open(storage, new)
    except UserError:
        raise
    except Exception as error:  # of SQLAlchemy, of a driver, or of Optuna
        raise UserError(_why(storage, error)) from None
    try:
        yield made
    except UserError:
        raise
    except Exception as error:
        if type(error).__module__.partition(".")[0] not in ("optuna", "sqlalchemy", "redis"):
            raise
        raise UserError(_why(storage, error)) from None
    finally:
        made.remove_session()


@contextmanager
def expected_warnings() -> Iterator[None]:
    """Silence Optuna's warnings that a function is experimental, which say nothing to the user of a command."""
    from optuna.exceptions import ExperimentalWarning

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ExperimentalWarning)
        yield


def _open(storage: str, new: bool) -> BaseStorage:
    from optuna.storages import JournalStorage, RDBStorage
    from optuna.storages.journal import JournalFileBackend, JournalRedisBackend

    scheme, found, _ = storage.partition("://")
    if found and scheme in ("redis", "rediss"):
        return JournalStorage(JournalRedisBackend(storage))
    if found:
        if scheme.startswith("sqlite") and (path := _sqlite_path(storage)):
            _check_database(path, new)
        return RDBStorage(storage)
    path = Path(storage).expanduser()
    if path.is_dir():
        raise UserError(
            f"{storage} is a folder: give a file, or a URL such as  sqlite:///{storage.rstrip('/')}/trials.db"
        )
    if path.suffix.lower() in DATABASES if not path.exists() else _begins_with(path, _SQLITE):
        _check_database(path, new)
        return RDBStorage(f"sqlite:///{path}")
    if not path.exists():
        if path.suffix.lower() not in JOURNALS:
            raise UserError(
                f"{storage} could be a database or a journal file of Optuna: give a URL such as  sqlite:///{storage}.db , or a path "
                f"that ends in {DATABASES[0]} (a database) or {JOURNALS[0]} (a journal file)."
            )
        if not new:
            raise UserError(f"There is no file {storage}.")
        if not path.parent.is_dir():
            raise UserError(f"There is no folder {path.parent}.")
    elif path.stat().st_size and not _begins_with(path, b'{"op_code"'):
        raise UserError(f"{storage} is neither an SQLite database nor a journal file of Optuna.")
    return JournalStorage(JournalFileBackend(str(path)))


def _sqlite_path(url: str) -> Path | None:
    from sqlalchemy.engine import make_url

    name = make_url(url).database
    if not name or name == ":memory:":
        raise UserError(
            f"{url} is a database in memory, which ends with this process: give a file, as in  sqlite:///trials.db"
        )
    return None if name.startswith("file:") else Path(name)


def _check_database(path: Path, new: bool) -> None:
    """Raise a `UserError` unless a file is Optuna's, or may be made."""
    if not path.exists():
        if not new:
            raise UserError(f"There is no file {path}.")
        if not path.parent.is_dir():
            raise UserError(f"There is no folder {path.parent}.")
        return
    if path.is_dir() or (path.stat().st_size and not _begins_with(path, _SQLITE)):
        raise UserError(f"{path} is no SQLite database.")
    with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as connection:
        tables = {row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    if "studies" not in tables and (tables or not new):
        raise UserError(
            f"{path} is a database of something else than Optuna: give another file."
            if tables
            else f"{path} holds no study of Optuna."
        )


def _begins_with(path: Path, mark: bytes) -> bool:
    with path.open("rb") as file:
        return file.read(len(mark)) == mark


def _why(storage: str, error: Exception) -> str:
    if isinstance(error, ImportError):
        missing = re.search(r"No module named '([^']+)'", str(error))
        return f"{shown_storage(storage)} needs the package {missing[1] if missing else error.name}: install it."
    from sqlalchemy.exc import ArgumentError, NoSuchModuleError

    if isinstance(error, ArgumentError | NoSuchModuleError):
        return f"{shown_storage(storage)} is no URL of a database: one is  sqlite:///trials.db  or  postgresql://USER@HOST/NAME"
    cause = error.__cause__ or error.__context__ or error
    first = next((line.strip() for line in str(getattr(cause, "orig", None) or cause).splitlines() if line.strip()), "")
    return f"Optuna cannot use {shown_storage(storage)}: {first or type(cause).__name__}"
