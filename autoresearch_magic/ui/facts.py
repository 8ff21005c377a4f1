"""The facts behind the replies, as plain values: what ``--json`` prints, and what the objects that the magics return hold.

Every value is a string, a finite number, a truth value, None, or a list or dict of such; NaN and infinities become None.
``docs/command-line.md`` documents the fields, and `tests/ui/test_shell.py` compares the two.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sequence
from enum import Enum
from pathlib import Path
from typing import Any

from ..budget import Budget
from ..experiment import Experiment
from ..judging.analysis.models import Findings
from ..metric import Metric
from ..study.comparisons import Ablation, Regression
from ..study.export import rows
from ..study.plan import Plan
from ..study.status import LiveRun, StudyStatus
from ..study.study import Study
from ..study.summary import counts, result_line, run_line


def plain(value: Any) -> Any:
    """Return a value as JSON has it: data classes as dicts, sequences as lists, everything else that is not plain as text."""
    match value:
        case bool() | int() | None:
            return value
        case float():
            return value if math.isfinite(value) else None
        case Enum():
            return plain(value.value)
        case str():
            return str(value)
        case Mapping():
            return {str(key): plain(each) for key, each in value.items()}
        case Budget() | Path():
            return str(value)
        case _ if dataclasses.is_dataclass(value):
            return {each.name: plain(getattr(value, each.name)) for each in dataclasses.fields(value)}
        case Sequence() | set() | frozenset():
            return [plain(each) for each in value]
        case _:
            return str(value)


def plain_dict(facts: Mapping[str, Any]) -> dict[str, Any]:
    """Return a mapping with plain values."""
    return {key: plain(each) for key, each in facts.items()}


def metric_facts(metric: Metric) -> dict[str, Any]:
    """Return a metric's name and its direction."""
    return {"name": metric.name, "direction": "minimize" if metric.minimize else "maximize"}


def status_facts(study: Study) -> dict[str, Any]:
    """Return the state of a study and its result so far."""
    status = study.status
    n, best = counts(status.experiments), status.incumbent
    return plain_dict({
        "study": study.name, "folder": study.folder, "state": status.state, "message": status.message,
        "metric": metric_facts(study.metric), "experiments": status.done, "planned": status.settings.planned,
        "kept": n["keep"], "proven": len(status.proven), "discarded": n["discard"], "failed": n["failed"], "seconds": status.elapsed,
        "remaining_seconds": status.remaining,
        "baseline": status.baseline.value if status.baseline else None,
        "best": None if best is None else {"experiment": best.number, "value": best.value, "summary": best.summary},
        "runs": [run_facts(live, status) for _, live in sorted(status.lives.items())],
        "headline": status.told, "result": result_line(status), "usage": status.usage,
        "settings": status.settings.to_json(),
    })  # fmt: skip


def run_facts(live: LiveRun, status: StudyStatus) -> dict[str, Any]:
    """Return a run in progress; one of an experiment that is measured for the first time beside others has no number yet."""
    return {
        "slot": live.slot, "place": live.place, "experiment": None if live.flying else live.experiment.number, "kind": live.kind,
        "summary": live.experiment.summary, "what": run_line(live, status.incumbent, status.metric), "phase": live.phase,
        "progress": live.progress, "seconds": live.elapsed,
    }  # fmt: skip


def history_facts(study: Study, experiments: Sequence[Experiment]) -> dict[str, Any]:
    """Return the experiments of a study, a dict with the columns of `Study.history` each."""
    return plain_dict(
        {
            "study": study.name,
            "metric": metric_facts(study.metric),
            "experiments": rows(study.status, experiments),
        }
    )


def experiment_facts(study: Study, e: Experiment) -> dict[str, Any]:
    """Return one experiment: its row of the history, and its runs."""
    failed = next((m for m in e.measurements if not m.ok), None)
    runs = [
        {
            "outcome": m.outcome, "value": m.value, "seed": m.seed, "seconds": m.seconds, "steps": m.steps,
            "memory_gb": m.memory, "error": m.error, "steps_per_second": m.steps / m.charged if m.steps and m.charged else None,
            "conditions": m.conditions and m.conditions.to_json(), "notes": m.notes, "artifacts": m.artifacts,
        }
        for m in e.measurements
    ]  # fmt: skip
    return plain_dict({
        "study": study.name, "metric": metric_facts(study.metric), **rows(study.status, [e])[0], "commit": e.commit,
        "expect": e.proposal.expect, "measurements": runs, "traceback": failed.traceback if failed else "",
        "output": e.measurements[-1].output if e.measurements else "",
    })  # fmt: skip


def evals_facts(study: Study) -> dict[str, Any]:
    """Return the analysis of a study: the fields of `judging.analysis.models.Findings`."""
    return {
        "study": study.name, **plain(study.evals()), "metric": metric_facts(study.metric),
        "pruning": plain(study.pruning), "stages": [plain(account) for account in study.staging],
    }  # fmt: skip


def table_evals_facts(path: Path, evals: Findings) -> dict[str, Any]:
    """Return the analysis of a results table."""
    return {"table": str(path), **plain(evals), "metric": metric_facts(evals.metric)}


def comparison_facts(study: Study, answer: Regression | Ablation) -> dict[str, Any]:
    """Return the answer to whether an experiment is no worse than another, or what each kept change contributes."""
    return {
        "study": study.name,
        "metric": metric_facts(study.metric),
        **plain(answer),
        "text": answer.text(study.metric),
    }


def plan_facts(plan: Plan) -> dict[str, Any]:
    """Return what a study will take."""
    trials = [
        {"budget": t.budget, "values": t.values, "sd": t.sd, "seconds": t.seconds} for t in plan.trials
    ]  # fmt: skip
    return plain_dict({
        "metric": metric_facts(plan.metric), "trials": trials, "seconds": plan.seconds, "most_seconds": plan.most_seconds,
        "guard_seconds": plan.guard_seconds, "notes": list(plan.notes), "advice": plan.advice, "text": str(plan),
        "settings": plan.settings.to_json(),
    })  # fmt: skip
