"""The journal: a study's database, one SQLite file.

Everything is written here before it is acted on or shown anywhere else, in WAL mode, so that a killed kernel loses at most the
run in progress. Git commits, results.tsv and pictures are derived from it and can be made again. `journal_file` has how the file
is opened, read and written, and `chain` how it is noticed that somebody else has changed it.
"""

from __future__ import annotations

import json
import zlib
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any, Self

from ..events import RunKind
from ..experiment import Experiment, Measurement, Outcome, Usage
from ..keys.redact import cleaned
from ..runs import LARGEST
from .chain import COMMITTED, UNCHAINED
from .journal_file import JournalFile, Step
from .late import LateMeasurement, Rest
from .rows import (
    Run,
    as_json,
    experiment_of,
    experiment_values,
    kept_text,
    late_columns,
    late_run_of,
    packed,
    proposal_values,
    run_of,
    run_values,
)
from .wall_clock import stamp

LATER: RunKind = "incumbent"
"""The kind of the runs that a version makes after its verdict."""

SEARCH: tuple[RunKind, ...] = ("baseline", "candidate", LATER)
"""The kinds of run whose measurements belong to an experiment, unlike those of the final confirmation and of trials by users."""


ATTEMPTS = ("attempt", "attempt begun", "attempt ended", "attempt failed")
"""Kinds of notes on attempts at an experiment."""


class Journal(JournalFile):
    """One study's journal; safe to use from several threads. See `JournalFile` for how it is opened."""

    def _open(self, create: bool) -> None:
        super()._open(create)
        self._rest = Rest(self.path.absolute())
        self._noted: dict[tuple[str, int], list[tuple[str, dict[str, Any]]]] | None = None
        self._begun_at = self._noted_until = self._earlier = 0

    def set(self, **values: Any) -> None:
        """Set values in the study's metadata."""
        statement = "INSERT INTO meta VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value"
        self.write(*(
            (statement, (key, cleaned(as_json(value))), "" if key in UNCHAINED else "meta", key) for key, value in values.items()
        ))  # fmt: skip

    def note(self, kind: str, **body: Any) -> int:
        """Record an event, and return its number."""
        return self.write(_event(kind, body))

    def requests(self, after: int = 0) -> list[tuple[int, dict[str, Any]]]:
        """Return the requests of other processes behind event number `after`: the event's number, and action and more by name."""
        rows = self.select("SELECT id, body FROM event WHERE kind = 'request' AND id > ? ORDER BY id", after)
        with self.readable():
            return [(row["id"], json.loads(row["body"])) for row in rows]

    def notes(self, *kinds: str) -> list[tuple[float, str, dict[str, Any]]]:
        """Return the events of some kinds, or all, in order: time (seconds since the epoch), kind and body.

        What asks at every experiment asks for its kinds: a study of thousands of experiments has tens of thousands of events.
        """
        chosen = f" WHERE kind IN ({', '.join('?' * len(kinds))})" if kinds else ""
        rows = self.select(f"SELECT at, kind, body FROM event{chosen} ORDER BY id", *kinds)
        with self.readable():
            return [(row["at"], row["kind"], json.loads(row["body"])) for row in rows]

    def numbered_notes(self, *kinds: str) -> list[tuple[int, str, dict[str, Any]]]:
        """Return the events of some kinds in order: number, kind and body."""
        marks = ", ".join("?" * len(kinds))
        rows = self.select(f"SELECT id, kind, body FROM event WHERE kind IN ({marks}) ORDER BY id", *kinds)
        with self.readable():
            return [(row["id"], row["kind"], json.loads(row["body"])) for row in rows]

    def said(self) -> list[str]:
        """Return the user's notes to the agent (``%autoresearch say``), in order."""
        return [body["text"] for _, _, body in self.notes("say")]

    # -- experiments ------------------------------------------------------------------------------------------------

    def open_experiment(self, experiment: Experiment) -> None:
        """Record a new proposal, before it is run."""
        self.write(
            _insert("experiment", experiment_values(experiment), "experiment", experiment.number),
            *self._prompt(experiment),
        )

    def land(self, experiment: Experiment, ticket: int) -> None:
        """Record a proposal that was in flight under a ticket and has its number now; both or neither, whatever happens meanwhile."""
        self.write(
            _insert("experiment", experiment_values(experiment), "experiment", experiment.number),
            *self._prompt(experiment),
            _event("landed", {"flight": ticket, "experiment": experiment.number}),
        )

    def _prompt(self, experiment: Experiment) -> list[Step]:
        """Keep what an agent was asked for an experiment, if it was asked; a journal of an older version has no place for it."""
        text, number = experiment.proposal.prompt, experiment.number
        if not text or not self.chained:
            return []
        return [("INSERT OR REPLACE INTO prompt VALUES (?, ?)", (number, packed(text)), "prompt", number)]

    def prompt(self, number: int) -> str:
        """Return what an agent was asked for an experiment, as text; empty where that is not known, as in older journals."""
        if not self.select("SELECT 1 FROM sqlite_master WHERE name = 'prompt'"):
            return ""
        rows = self.select("SELECT text FROM prompt WHERE experiment = ?", number)
        return zlib.decompress(rows[0]["text"]).decode() if rows else ""

    def rework(self, before: Experiment, after: Experiment, problem: str) -> None:
        """Replace a proposal that the guard refused by a reworked one; the old one and its runs stay in the journal.

        So it is with one that is applied on top of another version than it was proposed for: it has another parent then.
        """
        number = before.number
        old = {
            "experiment": number, "problem": problem, "target": before.target, "summary": before.summary,
            "reply": before.proposal.reply, "values": before.values,
            **({"parent": before.parent} if before.parent != after.parent else {}),
        }  # fmt: skip
        runs = self.select("SELECT id FROM measurement WHERE experiment = ? AND kind = 'candidate'", number)
        self.write(
            _event("rework", old),
            *(("UPDATE measurement SET kind = 'reworked' WHERE id = ?", (row["id"],), "measurement", row["id"]) for row in runs),
            _update(number, {**proposal_values(after), "parent": after.parent}),
            *self._prompt(after),
        )  # fmt: skip

    def reworks(self, number: int) -> int:
        """Return how many times an experiment's proposal was reworked by its agent."""
        return sum(body["experiment"] == number and "parent" not in body for _, _, body in self.notes("rework"))

    def set_parent(self, experiment: Experiment) -> None:
        """Record with which version an experiment is compared from now on."""
        self.write(_update(experiment.number, {"parent": experiment.parent}))

    def guard_value(self) -> float | None:
        """Return the guard's metric from when the baseline last passed it; None when there is none."""
        found = [body for _, _, body in self.notes("guard") if body["experiment"] == 0]
        return next((body["value"] for body in reversed(found) if not body["failure"]), None)

    def set_usage(self, number: int, usage: Usage) -> None:
        """Record what an agent has used for an experiment so far."""
        self.write(_update(number, {"usage": json.dumps(asdict(usage))}))

    def unclaimed(self, *, opened: bool = True) -> Usage:
        """Return what calls of the agent have used that no experiment has claimed, and with `opened` the open experiment's.

        See `study.ledger`.
        """
        notes = self.notes("claimed", "paid")
        claimed = {call for _, kind, body in notes if kind == "claimed" for call in body["calls"]}
        stray = (body for _, kind, body in notes if kind == "paid" and body["call"] not in claimed)
        total = sum((Usage(**body["usage"]) for body in stray), Usage())
        if not opened:
            return total
        rows = self.select("SELECT usage FROM experiment WHERE verdict IS NULL")
        with self.readable():
            return sum((Usage(**json.loads(row["usage"])) for row in rows), total)

    def attempts(self, experiment: int | None = None, *, flight: int | None = None) -> tuple[int, str]:
        """Return how often an experiment's handling failed or ended with its process after a target had begun, and the last error.

        One that has no number yet is named by the ticket of its flight.
        """
        name, number = ("experiment", experiment) if flight is None else ("flight", flight)
        count, running, error = 0, False, ""
        for kind, body in self._attempts(name, number or 0):
            match kind:
                case "attempt":
                    running = False
                case "attempt begun":
                    running, count = True, count + 1
                case "attempt ended":
                    count -= running
                case "attempt failed":
                    count += not running
            error = body.get("error", error)
        return count, error

    def _attempts(self, name: str, number: int) -> list[tuple[str, dict[str, Any]]]:
        """Return the notes on attempts at an experiment, or at a proposal in flight.

        Those of this process are remembered by what they are of, and only new ones are read: a long study has tens of thousands.
        """
        if self._noted is None:
            (last,) = self.select("SELECT coalesce(max(id), 0) AS id FROM event")
            (known,) = self.select("SELECT coalesce(max(number), 0) AS number FROM experiment")
            flights = map(int, self.get("flights") or ())
            self._noted, self._begun_at, self._noted_until = {}, last["id"], last["id"]
            self._earlier = max(known["number"], *flights, 0)
        key = name, number
        if number <= self._earlier and key not in self._noted:
            # Found as text first, since reading each of them takes longer than a short experiment.
            rows = self._attempt_rows("id <= ? AND body LIKE ?", self._begun_at, f'%"{name}": {number}%')
            self._noted[key] = [(kind, body) for _, kind, body in rows if body.get(name) == number]
        for at, kind, body in self._attempt_rows("id > ?", self._noted_until):
            for each in ("experiment", "flight"):
                if each in body:
                    self._noted.setdefault((each, body[each]), []).append((kind, body))
            self._noted_until = at
        return self._noted.get(key, [])

    def _attempt_rows(self, where: str, *values: object) -> list[tuple[int, str, dict[str, Any]]]:
        kinds = ", ".join(f"'{kind}'" for kind in ATTEMPTS)
        rows = self.select(f"SELECT id, kind, body FROM event WHERE kind IN ({kinds}) AND {where} ORDER BY id", *values)
        with self.readable():
            return [(row["id"], row["kind"], json.loads(row["body"])) for row in rows]

    def add_run(self, experiment: int, kind: RunKind, m: Measurement) -> Measurement:
        """Record a measurement, and return it as one whose curve and texts can be forgotten (`late.forget`).

        Whatever a run has left in it can be recorded: see `rows.MOST_TEXT`.
        """
        run = self.write(_insert("measurement", run_values(experiment, kind, m), "measurement", None))
        return LateMeasurement.recorded(self._rest, run, m)

    def close_experiment(self, experiment: Experiment) -> None:
        """Record an experiment's verdict, with its reason and value."""
        if self._noted is not None:
            self._attempts(
                "experiment", experiment.number
            )  # reads the last ones too, so that they are not remembered later
            self._noted.pop(("experiment", experiment.number), None)
        self.write(_update(experiment.number, {
            "verdict": experiment.verdict, "reason": kept_text(experiment.reason), "value": experiment.value,
            "judged_at": stamp(),
        }))  # fmt: skip

    def set_commit(self, number: int, commit: str) -> None:
        """Record the git commit of an experiment."""
        had = self.select("SELECT 1 FROM experiment WHERE number = ? AND commit_sha NOT IN ('', ?)", number, commit)
        self.write(
            (
                "UPDATE experiment SET commit_sha = ? WHERE number = ?",
                (commit, number),
                COMMITTED if had else "",
                number,
            )
        )

    def set_since(self, experiment: Experiment) -> None:
        """Record from which of its measurements on an experiment's values count, after the machine drifted."""
        self.note("drift", experiment=experiment.number, since=experiment.since)

    def mark(self, number: int) -> str:
        """Return the chain's hash at the last change of an experiment, which goes into its commit; empty where there is none."""
        if not self.chained:
            return ""
        rows = self.select(
            "SELECT hash FROM chain WHERE kind = 'experiment' AND key = ? ORDER BY id DESC LIMIT 1", number
        )
        return bytes(rows[0]["hash"]).hex() if rows else ""

    def lacks(self, marks: Mapping[int, str]) -> list[int]:
        """Return the experiments of which git has a mark that was never in this journal."""
        if not self.chained or not marks:
            return []
        rows = self.select("SELECT key, hash FROM chain WHERE kind = 'experiment'")
        known = {(row["key"], bytes(row["hash"]).hex()) for row in rows}
        known |= {(int(number), mark) for number, mark in (self.get("accepted") or {}).items()}  # see `repair`
        return sorted(number for number, mark in marks.items() if (number, mark) not in known)

    def judged_at(self, number: int) -> float:
        """Return when an experiment was judged, in seconds since the epoch; 0 when it has no verdict."""
        rows = self.select("SELECT judged_at FROM experiment WHERE number = ?", number)
        return float(rows[0]["judged_at"]) if rows and rows[0]["judged_at"] is not None else 0.0

    def times(self, number: int) -> tuple[float, float]:
        """Return when an experiment was proposed and when it was judged, in seconds since the epoch; the former where it was not."""
        rows = self.select("SELECT proposed_at, judged_at FROM experiment WHERE number = ?", number)
        if not rows:
            return 0.0, 0.0
        proposed = float(rows[0]["proposed_at"])
        return proposed, float(rows[0]["judged_at"] or proposed)

    def has_experiment(self) -> bool:
        """Whether there is an experiment with a verdict."""
        return bool(self.select("SELECT 1 FROM experiment WHERE verdict IS NOT NULL LIMIT 1"))

    def runs(self, after: int = 0) -> list[Run]:
        """Return all measurements in the order they were made; with `after`, those behind the run of that number."""
        return self._runs("WHERE id > ?", after)

    def runs_of(self, number: int, kind: RunKind) -> list[Run]:
        """Return the measurements of one experiment and purpose, in the order they were made."""
        return self._runs("WHERE experiment = ? AND kind = ?", number, kind)

    def _runs(self, where: str, *values: object) -> list[Run]:
        present = [row["name"] for row in self.select("SELECT name FROM pragma_table_info('measurement')")]
        rows = self.select(f"SELECT {late_columns(present)} FROM measurement {where} ORDER BY id", *values)
        with self.readable():
            judged = self._judged_by([row["made_at"] for row in rows if row["kind"] == LATER])
            return [
                late_run_of(row, self._rest, judged[row["made_at"]] if row["kind"] == LATER else None) for row in rows
            ]

    def _judged_by(self, moments: Sequence[float]) -> dict[float, int]:
        """Return how many experiments were judged by certain moments."""
        if not moments:
            return {}
        rows = self.select("SELECT judged_at FROM experiment WHERE verdict IS NOT NULL ORDER BY judged_at")
        at = [row["judged_at"] for row in rows]
        return {moment: bisect_right(at, moment) for moment in moments}

    def runs_since(self, number: int) -> int:
        """Return how many runs of `SEARCH` kinds were made after an experiment's last one."""
        kinds = ", ".join(f"'{kind}'" for kind in SEARCH)
        rows = self.select(
            f"SELECT count(*) AS runs FROM measurement WHERE kind IN ({kinds}) AND id > "
            "(SELECT coalesce(max(id), 0) FROM measurement WHERE experiment = ? AND kind != 'final')",
            number,
        )
        return int(rows[0]["runs"])

    def runs_in_short(self) -> list[tuple[RunKind, float]]:
        """Return kind and seconds of all runs in the order in which they were made."""
        return [
            (row["kind"], row["seconds"]) for row in self.select("SELECT kind, seconds FROM measurement ORDER BY id")
        ]

    def order_of_runs(self) -> list[tuple[int, bool]]:
        """Return, for each run of `SEARCH` kinds in the order in which they were made, its experiment and whether it has a value."""
        kinds = ", ".join(f"'{kind}'" for kind in SEARCH)
        rows = self.select(f"SELECT experiment, outcome, value FROM measurement WHERE kind IN ({kinds}) ORDER BY id")
        return [
            (
                row["experiment"],
                row["outcome"] == Outcome.OK and row["value"] is not None and abs(row["value"]) <= LARGEST,
            )
            for row in rows
        ]

    def finals(self) -> dict[int, list[Measurement]]:
        """Return the runs of the final confirmation by experiment, in the order in which they were made."""
        found: dict[int, list[Measurement]] = {}
        for row in self.select("SELECT * FROM measurement WHERE kind = 'final' ORDER BY id"):
            found.setdefault(row["experiment"], []).append(run_of(row).measurement)
        return found

    def experiments(self) -> list[Experiment]:
        """Return all experiments in the order of their numbers, including those without a verdict."""
        measurements: dict[int, list[Measurement]] = {}
        for run in self.runs():
            if run.kind in SEARCH:
                measurements.setdefault(run.experiment, []).append(run.measurement)
        since = {body["experiment"]: body["since"] for _, _, body in self.notes("drift")}
        statistic = (self.get("settings") or {}).get("statistic", "mean")
        rows = self.select("SELECT * FROM experiment ORDER BY number")
        with self.readable():
            return [
                experiment_of(row, measurements.get(row["number"], ()), since.get(row["number"], 0), statistic)
                for row in rows
            ]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _event(kind: str, body: Mapping[str, Any]) -> Step:
    return (
        "INSERT INTO event (at, kind, body) VALUES (?, ?, ?)",
        (stamp(), kind, cleaned(as_json(body))),
        "event",
        None,
    )


def _insert(table: str, values: Mapping[str, Any], kind: str, key: int | None) -> Step:
    columns = ", ".join(values)
    return (f"INSERT INTO {table} ({columns}) VALUES ({', '.join('?' * len(values))})", [*values.values()], kind, key)


def _update(number: int, values: Mapping[str, Any]) -> Step:
    changes = ", ".join(f"{name} = ?" for name in values)
    return (f"UPDATE experiment SET {changes} WHERE number = ?", [*values.values(), number], "experiment", number)
