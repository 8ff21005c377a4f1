"""The journal: a study's database, one SQLite file.

Everything is written here before it is acted on or shown anywhere else, in WAL mode, so that a killed kernel loses at most the
run in progress. Git commits, results.tsv and pictures are derived from it and can be made again.
"""

from __future__ import annotations

import json
import math
import os
import sqlite3
import threading
import time
import zlib
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from ..conditions import Conditions
from ..curve import Point
from ..errors import UserError
from ..events import RunKind
from ..experiment import (
    LARGEST_INTEGER,
    MOST_ARTIFACTS,
    MOST_NOTES,
    MOST_NUMBERS,
    Experiment,
    Measurement,
    Outcome,
    Proposal,
    Usage,
    Verdict,
)
from ..text import cut_middle, printable

FORMAT = 1
MOST_TEXT, MOST_NAMES, MOST_POINTS = 64_000, 1_000, 4_000
"""Characters of an error, a traceback or an output, names, and points of a curve that are kept; a cut text says so."""
MOST_PROMPT = 400_000
"""Characters of a prompt that are kept."""
_SCHEMA = """
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
    artifacts TEXT NOT NULL DEFAULT '{}');
CREATE TABLE IF NOT EXISTS prompt (experiment INTEGER PRIMARY KEY, text BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS event (id INTEGER PRIMARY KEY, at REAL NOT NULL, kind TEXT NOT NULL, body TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS measurement_of ON measurement (experiment, kind);
CREATE INDEX IF NOT EXISTS experiment_mark ON experiment (number, verdict, judged_at, commit_sha);
"""

SEARCH: tuple[RunKind, ...] = ("baseline", "candidate", "incumbent")
"""The kinds of run whose measurements belong to an experiment, unlike those of the final confirmation and of trials by users."""


@dataclass(frozen=True)
class Run:
    """A measurement in the journal, with its experiment's number and its purpose."""

    experiment: int
    kind: RunKind
    measurement: Measurement
    id: int = field(default=0, compare=False)
    """Its number among all runs, from 1 in the order in which they were made."""


class Journal:
    """One study's journal; safe to use from several threads.

    Parameters
    ----------
    path : Path
        The file; its folder must exist.
    create : bool
        Whether to create the file when it does not exist.

    Raises
    ------
    UserError
        When the file does not exist, is not a journal, or was written by a newer version.
    """

    def __init__(self, path: Path, *, create: bool = False) -> None:
        if not create and not path.is_file():
            raise UserError(f"There is no study at {path.parent}: %autoresearch status lists the existing ones.")
        self.path = path
        self._lock = threading.RLock()
        try:
            if create and not path.is_file():
                _make(path)
            self._connection = _connect(path)
            self._connection.row_factory = sqlite3.Row
            # NORMAL loses nothing when a process is killed, and at most the last experiment in a power cut.
            self._connection.execute("PRAGMA synchronous = NORMAL")
            if create:  # tables that an earlier version did not have
                self._connection.executescript(_SCHEMA)
            version = self.get("format")
        except sqlite3.DatabaseError as error:
            raise UserError(f"{path} is not a study's journal: {error}.") from None
        if version is None or version > FORMAT:
            raise UserError(f"{path} was written by a newer version: upgrade autoresearch-magic to open it.")
        self._add_missing_columns()

    def _add_missing_columns(self) -> None:
        """Add what a journal of an earlier version lacks; one that cannot be written is read without it."""
        columns = {row["name"] for row in self._connection.execute("PRAGMA table_info(measurement)")}
        added = {
            "numbers": "TEXT NOT NULL DEFAULT '{}'", "conditions": "TEXT", "notes": "TEXT NOT NULL DEFAULT '[]'",
            "artifacts": "TEXT NOT NULL DEFAULT '{}'",
        }  # fmt: skip
        for name, kind in added.items():
            if columns and name not in columns:
                with suppress(sqlite3.OperationalError):
                    self._connection.execute(f"ALTER TABLE measurement ADD COLUMN {name} {kind}")

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        try:
            with self._lock, self._connection:
                yield self._connection
        except sqlite3.OperationalError as error:
            if "readonly" not in str(error):
                raise
            raise UserError(f"Cannot write {self.path}: the study can be looked at, but not changed.") from None

    @contextmanager
    def snapshot(self) -> Iterator[None]:
        """Let everything that is read inside be of one moment."""
        with self._lock:
            self._connection.execute("BEGIN")
            try:
                yield
            finally:
                self._connection.rollback()

    def select(self, query: str, *values: object) -> list[sqlite3.Row]:
        """Return the rows of a query that changes nothing."""
        with self._lock:
            return self._connection.execute(query, values).fetchall()

    def get(self, key: str) -> Any:
        """Return a value from the study's metadata; None when it is not set."""
        with self._lock:
            row = self._connection.execute("SELECT value FROM meta WHERE key = ?", (key,)).fetchone()
        return None if row is None else json.loads(row["value"])

    def set(self, **values: Any) -> None:
        """Set values in the study's metadata."""
        with self._transaction() as connection:
            connection.executemany(
                "INSERT INTO meta VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value",
                [(key, _json(value)) for key, value in values.items()],
            )

    def note(self, kind: str, **body: Any) -> int:
        """Record an event, and return its number."""
        with self._transaction() as connection:
            made = connection.execute(
                "INSERT INTO event (at, kind, body) VALUES (?, ?, ?)", (time.time(), kind, _json(body))
            )
        return int(made.lastrowid or 0)

    def requests(self, after: int = 0) -> list[tuple[int, dict[str, Any]]]:
        """Return the requests of other processes behind event number `after`: the event's number, and action and more by name."""
        with self._lock:
            rows = self._connection.execute(
                "SELECT id, body FROM event WHERE kind = 'request' AND id > ? ORDER BY id", (after,)
            ).fetchall()
        return [(row["id"], json.loads(row["body"])) for row in rows]

    def notes(self) -> list[tuple[float, str, dict[str, Any]]]:
        """Return all events in order: time (seconds since the epoch), kind and body."""
        with self._lock:
            rows = self._connection.execute("SELECT at, kind, body FROM event ORDER BY id").fetchall()
        return [(row["at"], row["kind"], json.loads(row["body"])) for row in rows]

    def numbered_notes(self, *kinds: str) -> list[tuple[int, str, dict[str, Any]]]:
        """Return the events of some kinds in order: number, kind and body."""
        marks = ", ".join("?" * len(kinds))
        with self._lock:
            rows = self._connection.execute(
                f"SELECT id, kind, body FROM event WHERE kind IN ({marks}) ORDER BY id", kinds
            ).fetchall()
        return [(row["id"], row["kind"], json.loads(row["body"])) for row in rows]

    def said(self) -> list[str]:
        """Return the user's notes to the agent (``%autoresearch say``), in order."""
        return [body["text"] for _, kind, body in self.notes() if kind == "say"]

    def open_experiment(self, experiment: Experiment) -> None:
        """Record a new proposal, before it is run."""
        p = experiment.proposal
        with self._transaction() as connection:
            connection.execute(
                "INSERT INTO experiment (number, parent, target, summary, hypothesis, expect, agent, usage, reply, "
                "failure, fingerprint, proposed_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (experiment.number, experiment.parent, *map(printable, (p.target, p.summary, p.hypothesis, p.expect, p.agent)),
                 json.dumps(asdict(p.usage)), printable(p.reply), printable(p.failure),
                 experiment.fingerprint, time.time()),
            )  # fmt: skip
            self._keep_prompt(connection, experiment)

    def _keep_prompt(self, connection: sqlite3.Connection, experiment: Experiment) -> None:
        """Keep what an agent was asked for an experiment, compressed: it is read rarely, and much of it is the same each time."""
        if text := experiment.proposal.prompt:
            packed = zlib.compress(cut_middle(printable(text), MOST_PROMPT).encode())
            connection.execute("INSERT OR REPLACE INTO prompt VALUES (?, ?)", (experiment.number, packed))

    def prompt(self, number: int) -> str:
        """Return what an agent was asked for an experiment, as text; empty where that is not known, as in older journals."""
        try:
            rows = self.select("SELECT text FROM prompt WHERE experiment = ?", number)
        except sqlite3.OperationalError:  # a journal of an earlier version
            return ""
        return zlib.decompress(rows[0]["text"]).decode() if rows else ""

    def rework(self, before: Experiment, after: Experiment, problem: str) -> None:
        """Replace a proposal that the guard refused by a reworked one; the old one and its runs stay in the journal."""
        p = after.proposal
        with self._transaction() as connection:
            connection.execute(
                "INSERT INTO event (at, kind, body) VALUES (?, 'rework', ?)",
                (time.time(), _json({
                    "experiment": before.number, "problem": problem, "target": before.target, "summary": before.summary,
                    "reply": before.proposal.reply, "values": before.values,
                })),
            )  # fmt: skip
            connection.execute(
                "UPDATE measurement SET kind = 'reworked' WHERE experiment = ? AND kind = 'candidate'", (before.number,)
            )
            connection.execute(
                "UPDATE experiment SET target = ?, summary = ?, hypothesis = ?, expect = ?, agent = ?, usage = ?, reply = ?, "
                "fingerprint = ? WHERE number = ?",
                (*map(printable, (p.target, p.summary, p.hypothesis, p.expect, p.agent)), json.dumps(asdict(p.usage)),
                 printable(p.reply), after.fingerprint, before.number),
            )  # fmt: skip
            self._keep_prompt(connection, after)

    def reworks(self, number: int) -> int:
        """Return how many times an experiment's proposal was reworked."""
        return sum(kind == "rework" and body["experiment"] == number for _, kind, body in self.notes())

    def guard_value(self) -> float | None:
        """Return the guard's metric from when the baseline last passed it; None when there is none."""
        found = [body for _, kind, body in self.notes() if kind == "guard" and body["experiment"] == 0]
        return next((body["value"] for body in reversed(found) if not body["failure"]), None)

    def set_usage(self, number: int, usage: Usage) -> None:
        """Record what an agent has used for an experiment so far."""
        with self._transaction() as connection:
            connection.execute("UPDATE experiment SET usage = ? WHERE number = ?", (json.dumps(asdict(usage)), number))

    def unclaimed(self, *, opened: bool = True) -> Usage:
        """Return what calls of the agent have used that no experiment has claimed, and with `opened` the open experiment's.

        See `study.ledger`.
        """
        notes = self.notes()
        claimed = {call for _, kind, body in notes if kind == "claimed" for call in body["calls"]}
        stray = (body for _, kind, body in notes if kind == "paid" and body["call"] not in claimed)
        total = sum((Usage(**body["usage"]) for body in stray), Usage())
        if not opened:
            return total
        with self._lock:
            rows = self._connection.execute("SELECT usage FROM experiment WHERE verdict IS NULL").fetchall()
        return sum((Usage(**json.loads(row["usage"])) for row in rows), total)

    def attempts(self, number: int) -> tuple[int, str]:
        """Return how often an experiment's handling was begun and never ended, and the last error that ended it."""
        begun, error = 0, ""
        for _, kind, body in self.notes():
            if kind in ("attempt", "attempt ended", "attempt failed") and body["experiment"] == number:
                begun += {"attempt": 1, "attempt ended": -1, "attempt failed": 0}[kind]
                error = body.get("error", error)
        return begun, error

    def add_run(self, experiment: int, kind: RunKind, m: Measurement) -> None:
        """Record a measurement. Whatever a run has left in it can be recorded: see `MOST_TEXT`."""
        points = m.curve[:: 1 + len(m.curve) // MOST_POINTS]
        curve = [[point.elapsed, point.progress, point.step, dict(point.values)] for point in points]
        with self._transaction() as connection:
            connection.execute(
                "INSERT INTO measurement (experiment, kind, outcome, value, seed, seconds, charged, evaluation, steps, "
                "memory, curve, error, traceback, output, names, numbers, made_at, conditions, notes, artifacts) VALUES "
                f"({', '.join('?' * 20)})",
                (experiment, kind, m.outcome, m.value, _integer(m.seed), _real(m.seconds), _real(m.charged), _real(m.evaluation),
                 _integer(m.steps), _real(m.memory), _json(curve), _text(m.error), _text(m.traceback), _text(m.output),
                 _json(m.names[:MOST_NAMES]), _json(dict([*m.numbers.items()][:MOST_NUMBERS])), time.time(),
                 m.conditions and _json(m.conditions.to_json()), _json(m.notes[:MOST_NOTES]),
                 _json({path: _text(text) for path, text in [*m.artifacts.items()][:MOST_ARTIFACTS]})),
            )  # fmt: skip

    def close_experiment(self, experiment: Experiment) -> None:
        """Record an experiment's verdict, with its reason and value."""
        with self._transaction() as connection:
            connection.execute(
                "UPDATE experiment SET verdict = ?, reason = ?, value = ?, judged_at = ? WHERE number = ?",
                (experiment.verdict, _text(experiment.reason), experiment.value, time.time(), experiment.number),
            )

    def set_commit(self, number: int, commit: str) -> None:
        """Record the git commit of an experiment."""
        with self._transaction() as connection:
            connection.execute("UPDATE experiment SET commit_sha = ? WHERE number = ?", (commit, number))

    def set_since(self, experiment: Experiment) -> None:
        """Record from which of its measurements on an experiment's values count, after the machine drifted."""
        self.note("drift", experiment=experiment.number, since=experiment.since)

    def judged_at(self, number: int) -> float:
        """Return when an experiment was judged, in seconds since the epoch; 0 when it has no verdict."""
        with self._lock:
            row = self._connection.execute("SELECT judged_at FROM experiment WHERE number = ?", (number,)).fetchone()
        return 0.0 if row is None or row["judged_at"] is None else float(row["judged_at"])

    def has_experiment(self) -> bool:
        """Whether there is an experiment with a verdict."""
        with self._lock:
            return self._connection.execute("SELECT 1 FROM experiment WHERE verdict IS NOT NULL").fetchone() is not None

    def runs(self, after: int = 0) -> list[Run]:
        """Return all measurements in the order they were made; with `after`, those behind the run of that number."""
        rows = self.select("SELECT * FROM measurement WHERE id > ? ORDER BY id", after)
        return [Run(row["experiment"], row["kind"], _measurement(row), row["id"]) for row in rows]

    def runs_of(self, number: int, kind: RunKind) -> list[Run]:
        """Return the measurements of one experiment and purpose, in the order they were made."""
        rows = self.select("SELECT * FROM measurement WHERE experiment = ? AND kind = ? ORDER BY id", number, kind)
        return [Run(row["experiment"], row["kind"], _measurement(row), row["id"]) for row in rows]

    def runs_since(self, number: int) -> int:
        """Return how many runs of `SEARCH` kinds were made after an experiment's last one."""
        kinds = ", ".join(f"'{kind}'" for kind in SEARCH)
        with self._lock:
            (count,) = self._connection.execute(
                f"SELECT count(*) FROM measurement WHERE kind IN ({kinds}) AND id > "
                "(SELECT coalesce(max(id), 0) FROM measurement WHERE experiment = ? AND kind != 'final')",
                (number,),
            ).fetchone()
        return int(count)

    def finals(self, number: int) -> dict[int, float]:
        """Return the values of an experiment's final confirmation, by seed."""
        found = (run.measurement for run in self.runs() if run.kind == "final" and run.experiment == number)
        return {m.seed: m.value for m in found if m.ok and m.value is not None}

    def experiments(self) -> list[Experiment]:
        """Return all experiments in the order of their numbers, including those without a verdict."""
        measurements: dict[int, list[Measurement]] = {}
        for run in self.runs():
            if run.kind in SEARCH:
                measurements.setdefault(run.experiment, []).append(run.measurement)
        since = {body["experiment"]: body["since"] for _, kind, body in self.notes() if kind == "drift"}
        statistic = (self.get("settings") or {}).get("statistic", "mean")
        return [
            experiment_of(row, measurements.get(row["number"], ()), since.get(row["number"], 0), statistic)
            for row in self.select("SELECT * FROM experiment ORDER BY number")
        ]

    def __enter__(self) -> Journal:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the file, after merging the WAL into it."""
        with self._lock:
            self._connection.close()


def _text(text: str) -> str:
    return cut_middle(printable(text), MOST_TEXT)


def _json(value: Any) -> str:
    """Return JSON without halves of surrogate pairs, which could be read but not written anywhere else."""
    text = json.dumps(value, ensure_ascii=False)
    try:
        text.encode()
    except UnicodeEncodeError:  # the escape needs a second backslash, as it is in a JSON string
        return "".join(c if not "\ud800" <= c <= "\udfff" else f"\\\\u{ord(c):x}" for c in text)
    return text


def _integer(value: int) -> int:
    return max(-LARGEST_INTEGER, min(LARGEST_INTEGER, value))


def _real(value: float) -> float:
    """Return a number for a column that must have one: SQLite stores NaN as NULL."""
    return value if math.isfinite(value) else 0.0


def _make(path: Path) -> None:
    """Create an empty journal. It is complete when it appears: another process or thread may open it at once."""
    new = path.with_name(f"{path.name}.new")
    new.unlink(missing_ok=True)
    try:
        with closing(sqlite3.connect(new)) as connection, connection:
            connection.executescript(_SCHEMA)
            connection.execute("INSERT OR IGNORE INTO meta (key, value) VALUES ('format', ?)", (json.dumps(FORMAT),))
        with closing(sqlite3.connect(new)) as connection:
            connection.execute("PRAGMA journal_mode = WAL")  # stays with the file
        new.replace(path)  # the study's lock sees to it that nobody else makes one
    finally:
        new.unlink(missing_ok=True)


def _connect(path: Path) -> sqlite3.Connection:
    """Open the file; one that this user may only read is read as it is, without the files that SQLite keeps beside it."""
    if not path.exists() or (os.access(path, os.W_OK) and os.access(path.parent, os.W_OK)):
        return sqlite3.connect(path, check_same_thread=False, timeout=30)
    beside = path.with_name(f"{path.name}-wal").exists()  # what another user's process has not merged yet
    address = f"{path.absolute().as_uri()}?mode=ro{'' if beside else '&immutable=1'}"
    return sqlite3.connect(address, uri=True, check_same_thread=False, timeout=30)


def experiment_of(row: sqlite3.Row, measurements: Sequence[Measurement], since: int, statistic: str) -> Experiment:
    """Return the experiment of a row of the table, with its measurements."""
    texts = ("target", "summary", "hypothesis", "expect", "agent", "reply", "failure")
    return Experiment(
        number=row["number"],
        parent=row["parent"],
        proposal=Proposal(**{key: row[key] for key in texts}, usage=Usage(**json.loads(row["usage"]))),
        fingerprint=row["fingerprint"],
        verdict=None if row["verdict"] is None else Verdict(row["verdict"]),
        reason=row["reason"],
        measurements=tuple(measurements),
        commit=row["commit_sha"],
        since=since,
        statistic=statistic,
    )


def _measurement(row: sqlite3.Row) -> Measurement:
    outcome = Outcome(row["outcome"])
    value = row["value"]
    if value is None and outcome is Outcome.NOT_FINITE:
        value = math.nan  # SQLite stores NaN as NULL
    return Measurement(
        outcome=outcome, value=value, seed=row["seed"], seconds=row["seconds"], charged=row["charged"],
        evaluation=row["evaluation"], steps=row["steps"], memory=row["memory"],
        curve=tuple(Point(*point) for point in json.loads(row["curve"])), error=row["error"],
        traceback=row["traceback"], output=row["output"], names=tuple(json.loads(row["names"])),
        numbers=json.loads(row["numbers"]) if "numbers" in row.keys() else {},  # noqa: SIM118
        conditions=Conditions.from_json(json.loads(row["conditions"] or "null")) if "conditions" in row.keys() else None,  # noqa: SIM118
        notes=tuple(json.loads(row["notes"])) if "notes" in row.keys() else (),  # noqa: SIM118
        artifacts=json.loads(row["artifacts"]) if "artifacts" in row.keys() else {},  # noqa: SIM118
    )  # fmt: skip
