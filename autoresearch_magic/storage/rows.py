"""Rows of a journal's tables: made from experiments and measurements, and read back as such."""

from __future__ import annotations

import json
import math
import sqlite3
import zlib
from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass, field
from functools import lru_cache
from typing import Any

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
from ..runs import LARGEST, Conditions
from ..text import cut_middle, printable
from .late import LATE, LateMeasurement, Rest, late_values
from .wall_clock import stamp

MOST_TEXT, MOST_NAMES, MOST_POINTS = 64_000, 1_000, 4_000
"""Characters of an error, a traceback or an output, names, and points of a curve that are kept; a cut text says so."""
_OUTCOMES = {outcome.value: outcome for outcome in Outcome}
_VERDICTS = {verdict.value: verdict for verdict in Verdict}
MOST_PROMPT = 400_000
"""Characters of a prompt that are kept."""


@dataclass(frozen=True)
class Run:
    """A measurement in the journal, with its experiment's number and its purpose."""

    experiment: int
    kind: RunKind
    measurement: Measurement
    id: int = field(default=0, compare=False)
    """Its number among all runs, from 1 in the order in which they were made."""


def experiment_values(experiment: Experiment) -> dict[str, Any]:
    """Return the columns of a proposal that has not run yet."""
    return {
        "number": experiment.number, "parent": experiment.parent, **proposal_values(experiment),
        "failure": printable(experiment.proposal.failure), "proposed_at": stamp(),
    }  # fmt: skip


def proposal_values(experiment: Experiment) -> dict[str, Any]:
    """Return the columns that change when a proposal is reworked."""
    p = experiment.proposal
    return {
        "target": printable(p.target), "summary": printable(p.summary), "hypothesis": printable(p.hypothesis),
        "expect": printable(p.expect), "agent": printable(p.agent), "usage": json.dumps(asdict(p.usage)),
        "reply": printable(p.reply), "fingerprint": experiment.fingerprint,
    }  # fmt: skip


def run_values(experiment: int, kind: RunKind, m: Measurement) -> dict[str, Any]:
    """Return the columns of a measurement. Whatever a run has left in it can be stored: see `MOST_TEXT`."""
    points = m.curve[:: 1 + len(m.curve) // MOST_POINTS]
    curve = [[point.elapsed, point.progress, point.step, dict(point.values)] for point in points]
    return {
        "experiment": experiment, "kind": kind, "outcome": m.outcome, "value": m.value, "seed": _integer(m.seed),
        "seconds": _real(m.seconds), "charged": _real(m.charged), "evaluation": _real(m.evaluation), "steps": _integer(m.steps),
        "memory": _real(m.memory), "curve": as_json(curve), "error": kept_text(m.error), "traceback": kept_text(m.traceback),
        "output": kept_text(m.output), "names": as_json(m.names[:MOST_NAMES]),
        "numbers": as_json(dict([*m.numbers.items()][:MOST_NUMBERS])), "made_at": stamp(),
        "conditions": m.conditions and as_json(m.conditions.to_json()), "notes": as_json(m.notes[:MOST_NOTES]),
        "artifacts": as_json({path: kept_text(text) for path, text in [*m.artifacts.items()][:MOST_ARTIFACTS]}),
        "holdout": m.holdout, "holdout_error": kept_text(m.holdout_error),
    }  # fmt: skip


def packed(prompt: str) -> bytes:
    """Return a prompt compressed: it is read rarely, and much of it is the same each time."""
    return zlib.compress(cut_middle(printable(prompt), MOST_PROMPT).encode())


def kept_text(text: str) -> str:
    """Return a text as it can be stored, cut in its middle where it is too long."""
    return cut_middle(printable(text), MOST_TEXT)


def as_json(value: Any) -> str:
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


def experiment_of(row: sqlite3.Row, measurements: Sequence[Measurement], since: int, statistic: str) -> Experiment:
    """Return the experiment of a row of the table, with its measurements."""
    proposal = Proposal.__new__(Proposal)  # without looking for what no text of a database has
    proposal.__dict__.update(
        target=row["target"], summary=row["summary"], hypothesis=row["hypothesis"], expect=row["expect"], agent=row["agent"],
        usage=_usage_of(row["usage"]), reply=row["reply"], failure=row["failure"], ideas=(), tries=(), prompt="",
    )  # fmt: skip
    verdict = row["verdict"]
    return Experiment(
        number=row["number"],
        parent=row["parent"],
        proposal=proposal,
        fingerprint=row["fingerprint"],
        verdict=None if verdict is None else _VERDICTS[verdict] if verdict in _VERDICTS else Verdict(verdict),
        reason=row["reason"],
        measurements=tuple(measurements),
        commit=row["commit_sha"],
        since=since,
        statistic=statistic,
    )


@lru_cache(maxsize=256)
def _usage_of(text: str) -> Usage:
    return Usage(**json.loads(text))


def run_of(row: sqlite3.Row) -> Run:
    """Return the run of a row of the table; one of an older journal has no numbers, conditions, notes and artifacts."""
    return Run(row["experiment"], row["kind"], Measurement(**_early_values(row), **late_values(row)), row["id"])


def late_columns(present: Collection[str]) -> str:
    """Return the columns that `late_run_of` needs, of those that the table has, and whether there is a curve at all."""
    return ", ".join([*(name for name in present if name not in LATE), "curve = '[]' AS flat"])


def late_run_of(row: sqlite3.Row, rest: Rest, judged: int | None = None) -> Run:
    """Return the run of a row without the columns of `late.LATE`, which are read when they are asked for."""
    values = _early_values(row)
    values["judged"] = judged
    value = values["value"]
    if values["outcome"] is Outcome.OK and value is not None and not abs(value) <= LARGEST:
        return run_of(rest.of(row["id"]))  # a value that is too large to compare becomes a failure
    if row["flat"]:
        values["curve"] = ()
    return Run(row["experiment"], row["kind"], LateMeasurement.make(rest, row["id"], values), row["id"])


def _early_values(row: sqlite3.Row) -> dict[str, Any]:
    outcome = _OUTCOMES[row["outcome"]] if row["outcome"] in _OUTCOMES else Outcome(row["outcome"])
    value, there = row["value"], row.keys()
    if value is None and outcome is Outcome.NOT_FINITE:
        value = math.nan  # SQLite stores NaN as NULL
    numbers = row["numbers"] if "numbers" in there else "{}"
    notes = row["notes"] if "notes" in there else "[]"
    conditions = row["conditions"] if "conditions" in there else None
    return {
        "outcome": outcome, "value": value, "seed": row["seed"], "seconds": row["seconds"], "charged": row["charged"],
        "evaluation": row["evaluation"], "steps": row["steps"], "memory": row["memory"], "error": row["error"],
        "numbers": {} if numbers == "{}" else json.loads(numbers),
        "conditions": Conditions.from_json(json.loads(conditions or "null")) if conditions else None,
        "notes": () if notes == "[]" else tuple(json.loads(notes)),
        "holdout": row["holdout"] if "holdout" in there else None,
        "holdout_error": row["holdout_error"] if "holdout_error" in there else "",
    }  # fmt: skip
