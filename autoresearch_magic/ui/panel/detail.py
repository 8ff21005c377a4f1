"""One experiment, closely: what the panel shows of it on request."""

from __future__ import annotations

from typing import Any

from ...experiment import Experiment
from ...metric import format_numbers
from ...source.edits import unified_diff
from ...study.evidence import details
from ...study.study import Study
from .answers import Answer, PanelSession, answers

MOST_TEXT = 600
"""Characters of an experiment's other numbers in its details."""


@answers("show")
def show(session: PanelSession, content: dict[str, Any]) -> Answer:
    """Answer with the details of an experiment."""
    return detail(session.study, content.get("number"))


@answers("source")
def source(session: PanelSession, content: dict[str, Any]) -> Answer:
    """Answer with the source of an experiment, and with the whole cell that makes it the target again."""
    e = session.study.experiment(content.get("number", ""))
    cell = "" if session.study.definition.checkout is not None else f"%%autoresearch target\n{e.target.rstrip()}"
    return {"type": "source", "number": e.number, "source": e.target, "cell": cell}


def detail(study: Study, number: Any) -> dict[str, Any]:
    """Return the details of an experiment: reasoning, diff, output, error."""
    e = study.experiment(number)
    before = study.experiments[e.parent].target if e.parent is not None else ""
    last = e.measurements[-1] if e.measurements else None
    return {
        "type": "detail", "number": e.number, "hypothesis": _hypothesis(e), "reason": e.reason,
        "evidence": details(e, study.status.gains.get(e.number), study.status.spread(e)),
        "numbers": format_numbers(e.numbers, MOST_TEXT), "notes": " · ".join(e.notes),
        "diff": unified_diff(before, e.target, f"experiment {e.parent}", f"experiment {e.number}") if e.number else e.target,
        "output": last.output if last else "", "error": last.traceback if last else "",
    }  # fmt: skip


def _hypothesis(e: Experiment) -> str:
    expected = f" Expected effect: {e.proposal.expect}" if e.proposal.expect else ""
    return f"{e.proposal.hypothesis}{expected}".strip()
