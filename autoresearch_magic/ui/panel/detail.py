"""One experiment, closely: what the panel shows of it on request."""

from __future__ import annotations

import math
import struct
import weakref
from collections.abc import Sequence
from typing import Any

from ...errors import UserError
from ...experiment import Experiment, Measurement, Usage
from ...judging.disturbance import Usual, describe, usual_conditions
from ...metric import format_numbers
from ...storage.journal import SEARCH, Journal
from ...study.evidence import details, forecast_outcome
from ...study.status import LiveRun, StudyStatus
from ...study.study import Study
from ...text import cut_middle
from .answers import Answer, PanelSession, answers
from .gains import gains_of

MOST_NUMBERS = 600
"""Characters of an experiment's other numbers in its details."""
MOST_TEXT = 20_000
"""Characters of an error, an output or a file in the details: head and tail of a longer one."""
CURVE_POINTS = 1000
"""Most points of a learning curve in the details."""
MOST_CURVES = 12
"""Runs whose curves are sent."""


def live_of(status: StudyStatus, number: Any) -> LiveRun | None:
    """Return the run in progress of an experiment; None where none is, and for one in flight, which has no number yet."""
    lives = [live for _, live in sorted(status.lives.items()) if not live.flying]
    return next((live for live in lives if str(live.experiment.number) == str(number)), None)


def version(study: Study, number: Any) -> Experiment:
    """Return an experiment, which may be the one that is running; raise `UserError` where there is none of that number."""
    try:
        return study.experiment(number)
    except UserError:
        live = live_of(study.status, number)
        if live is None or not live.experiment.target:
            raise
        return live.experiment


@answers("show")
def show(session: PanelSession, content: dict[str, Any]) -> Answer:
    """Answer with the details of an experiment."""
    return detail(session.study, content.get("number"))


def detail(study: Study, number: Any) -> dict[str, Any]:
    """Return what is known of an experiment in words: reasoning, what came of it, evidence, cost, error, files."""
    e, status = version(study, number), study.status
    known = gains_of(study).ready(study)  # else they come in a moment, and it is asked again
    gain = status.gains.get(e.number) if known and e.verdict is not None else None
    sd = status.spread(e) if known else 0.0
    last = e.measurements[-1] if e.measurements else None
    return {
        "type": "detail", "number": e.number, "parent": e.parent, "summary": e.summary, "hypothesis": e.proposal.hypothesis.strip(),
        "forecast": forecast_outcome(e, gain, study.metric, sd) if known else "", "evidence": details(e, gain, sd) if known else [],
        "reason": e.reason or e.proposal.failure, "numbers": format_numbers(e.numbers, MOST_NUMBERS), "notes": list(e.notes),
        "memory": e.memory, "usage": _usage(e.proposal.usage), "commit": e.commit[:10], "error": cut_middle(last.traceback or last.error, MOST_TEXT) if last else "",
        "artifacts": [[path, cut_middle(text, MOST_TEXT)] for path, text in e.artifacts.items()],
        "asked": bool(e.proposal.reply or e.proposal.usage.calls), "runs": len(e.measurements),
    }  # fmt: skip


def _usage(used: Usage) -> dict[str, Any]:
    """Return what was used to propose an experiment; nothing for an agent that uses nothing."""
    if not (used.calls or used.tokens):
        return {}
    return {
        "input": used.input + used.cached + used.written,
        "output": used.output,
        "seconds": used.seconds,
        "cost": used.cost,
    }


# -- runs ----------------------------------------------------------------------------------------------------------------


@answers("runs", slow=True)
def runs(session: PanelSession, content: dict[str, Any]) -> Answer:
    """Answer with the runs of an experiment, their learning curves, and that of its parent."""
    study = session.study
    e = version(study, content.get("number"))
    parent = study.experiments[e.parent] if e.parent is not None else None
    purposes, finals = _purposes(study, e)
    usual = _usual(study)
    name = _curve_name(e)
    curves = [_packed(m, name) for m in e.measurements[-MOST_CURVES:]]
    shown = parent and next((m for m in reversed(parent.current) if m.ok and m.curve), None)
    beside = _packed(shown, name) if shown else b""
    rows = [
        _run(study, m, purposes[n] if n < len(purposes) else "", usual, counts=n >= e.since)
        for n, m in enumerate(e.measurements)
    ]
    return {
        "type": "runs", "number": e.number, "rows": [*rows, *(_run(study, m, "final", usual) for m in finals)],
        "parent": e.parent if beside else None, "name": name, "sizes": [len(each) // 8 for each in curves],
        "first": len(e.measurements) - len(curves),
    }, [b"".join(curves), beside]  # fmt: skip


def _run(study: Study, m: Measurement, purpose: str, usual: Usual, *, counts: bool = True) -> dict[str, Any]:
    """Return one run: what it was for, how it ended, and what was unusual about it."""
    remarks = [] if m.ok else [str(m.outcome), m.error]
    if not counts:
        remarks.append("before the machine changed: does not count any more")
    remarks.append(describe(m, usual))
    return {
        "purpose": purpose, "seed": m.seed, "value": m.value if m.value is not None and math.isfinite(m.value) else None, "ok": m.ok,
        "seconds": m.seconds, "steps": m.steps, "memory": m.memory, "remark": "; ".join(dict.fromkeys(r for r in remarks if r)),
    }  # fmt: skip


def _purposes(study: Study, e: Experiment) -> tuple[list[str], list[Measurement]]:
    """Return what each of an experiment's runs was for, and its runs of the final confirmation."""
    path = study.folder / "journal.sqlite"
    if not path.is_file():  # not begun
        return [], []
    with Journal(path) as journal:
        kinds = [
            row["kind"]
            for row in journal.select("SELECT kind FROM measurement WHERE experiment = ? ORDER BY id", e.number)
        ]
        finals = [run.measurement for run in journal.runs_of(e.number, "final")] if "final" in kinds else []
    return [kind for kind in kinds if kind in SEARCH], finals


_usual_of: weakref.WeakKeyDictionary[Study, tuple[tuple[Experiment, ...], Usual]] = weakref.WeakKeyDictionary()


def _usual(study: Study) -> Usual:
    """Return what was usual during the runs of a study, worked out once for each change of them."""
    experiments, known = study.status.experiments, _usual_of.get(study)
    if known is None or known[0] is not experiments:
        found = usual_conditions(experiments, timed=study.settings.budget.unit == "seconds")
        known = _usual_of[study] = experiments, found
    return known[1]


def _curve_name(e: Experiment) -> str:
    points = (m.curve[0].values for m in e.measurements if m.curve)
    return next((name for values in points for name in values), "")


def _packed(m: Measurement, name: str) -> bytes:
    """Pack a learning curve as pairs of 32-bit floats, progress and value: evenly thinned where it is long."""
    points: Sequence[Any] = m.curve
    step = max(1, math.ceil(len(points) / CURVE_POINTS))
    pairs = ((p.progress, p.values.get(name, math.nan)) for p in points[::step])
    return b"".join(struct.pack("<ff", *pair) for pair in pairs if math.isfinite(pair[1]) and abs(pair[1]) < 3e38)
