"""What a journal holds of a run beside its value, read when somebody asks for it.

Curves and outputs are most of a journal, and few of thousands are ever looked at. A `LateMeasurement` is a `Measurement` in all that it
says; its curve, output, traceback, names and artifacts are read from the journal at the first look at one of them.
"""

from __future__ import annotations

import json
import sqlite3
import threading
from collections.abc import Iterable
from contextlib import closing
from dataclasses import fields
from pathlib import Path
from typing import Any

from ..experiment import Measurement
from ..runs import Point
from .schema import connect, tables
from .trouble import changed, damaged, explain, missing

LATE = ("curve", "traceback", "output", "names", "artifacts")
"""The fields of a measurement that are read late."""
BLOCK = 32
"""Runs that are read at once: who looks at one often looks at the next."""
BLOCKS = 4
"""Blocks that are remembered."""
_NONE: dict[str, Any] = {}


class Rest:
    """The late fields of all runs in one journal; safe to use from several threads."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = threading.Lock()
        self._blocks: dict[int, dict[int, sqlite3.Row]] = {}

    def of(self, run: int) -> sqlite3.Row:
        """Return the row of a run.

        Raises
        ------
        JournalError
            When it cannot be read any more.
        """
        with self._lock:
            number = run // BLOCK
            block = self._blocks.get(number)
            if block is None or run not in block:
                self._blocks.pop(number, None)
                while len(self._blocks) >= BLOCKS:
                    del self._blocks[next(iter(self._blocks))]
                block = self._blocks[number] = self._read(number)
            if run not in block:
                raise changed(self.path, f"run {run} is not in it any more")
            return block[run]

    def _read(self, number: int) -> dict[int, sqlite3.Row]:
        if not self.path.is_file():
            raise missing(self.path)
        try:
            with closing(connect(self.path)) as connection:
                if "measurement" not in tables(connection):
                    return {}
                rows = connection.execute(
                    "SELECT * FROM measurement WHERE id BETWEEN ? AND ?", (number * BLOCK, number * BLOCK + BLOCK - 1)
                ).fetchall()
        except (sqlite3.Error, OSError) as error:
            if (trouble := explain(error, self.path)) is None:
                raise
            raise trouble from None
        return {row["id"]: row for row in rows}


class _Late:
    """A field that is not there until somebody asks for it."""

    def __init__(self, default: Any) -> None:
        self._default = default

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name

    def __get__(self, instance: LateMeasurement | None, owner: type) -> Any:
        if instance is None:
            return self._default
        instance.complete()
        return instance.__dict__[self._name]


class LateMeasurement(Measurement):
    """A measurement in a journal; see the module."""

    curve: Any = _Late(())
    traceback: Any = _Late("")
    output: Any = _Late("")
    names: Any = _Late(())
    artifacts: Any = _Late({})

    @classmethod
    def make(cls, rest: Rest, run: int, values: dict[str, Any]) -> LateMeasurement:
        """Return the measurement of a run by its number, with the values of all fields that are not late."""
        made = cls.__new__(cls)
        for name, value in values.items():  # one by one, as attributes take a third of a dict of their own
            object.__setattr__(made, name, value)
        object.__setattr__(made, "_rest", rest)
        object.__setattr__(made, "_run", run)
        return made

    @classmethod
    def recorded(cls, rest: Rest, run: int, measurement: Measurement) -> LateMeasurement:
        """Return a measurement that was just written as the run of that number; it holds everything until `forget`."""
        return cls.make(rest, run, dict(vars(measurement)))

    def forget(self) -> None:
        """Keep in memory only what is not late; the rest is read from the journal where somebody asks for it."""
        own = self.__dict__
        for name in LATE:
            if "_rest" in own and own.get(name):
                del own[name]
        for name in ("numbers", "artifacts"):
            if name in own and not own[name]:
                own[name] = _NONE  # one for all

    def complete(self) -> None:
        """Read the late fields."""
        own = self.__dict__
        rest: Rest = own["_rest"]
        row = rest.of(own["_run"])
        if row["seed"] != self.seed or row["seconds"] != self.seconds:
            raise changed(rest.path, f"run {own['_run']} is not the one that it was")
        try:
            own.update(late_values(row))
        except (ValueError, KeyError, TypeError, IndexError) as error:
            raise damaged(rest.path, f"a row cannot be read: {error}") from None

    def __eq__(self, other: object) -> bool:
        """Whether all fields are equal; those of the same row are, without reading them."""
        if self is other:
            return True
        if not isinstance(other, Measurement):
            return NotImplemented
        mine, theirs = self.__dict__, other.__dict__
        if isinstance(other, LateMeasurement) and mine.get("_run") == theirs.get("_run") is not None:
            early = [f.name for f in fields(self) if f.compare and f.name not in LATE]
            if mine["_rest"].path == theirs["_rest"].path:
                return all(getattr(self, name) == getattr(other, name) for name in early)
        return all(getattr(self, f.name) == getattr(other, f.name) for f in fields(self) if f.compare)

    __hash__ = Measurement.__hash__


def late_values(row: sqlite3.Row) -> dict[str, Any]:
    """Return the late fields from a row of the table; one of an older journal has no artifacts."""
    return {
        "curve": tuple(Point(*point) for point in json.loads(row["curve"])), "traceback": row["traceback"], "output": row["output"],
        "names": tuple(json.loads(row["names"])),
        "artifacts": json.loads(row["artifacts"]) if "artifacts" in row.keys() else {},  # noqa: SIM118
    }  # fmt: skip


def forget(measurements: Iterable[Measurement]) -> None:
    """Let measurements that the journal has keep in memory only what is looked at in every one of thousands; see `LateMeasurement`."""
    for measurement in measurements:
        if isinstance(measurement, LateMeasurement):
            measurement.forget()
