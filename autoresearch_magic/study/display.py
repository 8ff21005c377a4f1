"""A study in Markdown, as a notebook shows it when a cell ends with it: its state, its result, and its experiments."""

from __future__ import annotations

from collections.abc import Sequence

from ..experiment import Experiment
from ..text import counted, escape
from .status import StudyStatus
from .summary import history_markdown, result_line

MAX_ROWS = 30
"""Experiments that are listed; of longer studies the baseline, what was kept, and the last ones."""


def listed(experiments: Sequence[Experiment]) -> list[Experiment]:
    """Return the experiments to list, at most about `MAX_ROWS`, in their order."""
    if len(experiments) <= MAX_ROWS:
        return list(experiments)
    kept = [e for e in experiments if e.kept][-MAX_ROWS // 2 :]
    wanted = {e.number for e in [*experiments[:1], *kept, *experiments[-(MAX_ROWS // 2) :]]}
    return [e for e in experiments if e.number in wanted]


def study_markdown(status: StudyStatus) -> str:
    """Return the study in Markdown: name and state, result, settings, and a table of its experiments."""
    lines = [
        f"**{escape(status.name)}**: {_state(status)}",
        f"{escape(result_line(status))}",
        escape(status.settings.describe()),
    ]
    if status.experiments:
        lines.append(history_markdown(status, listed(status.experiments)))
    if note := _left_out(status):
        lines.append(note)
    return "\n\n".join(lines)


def _state(status: StudyStatus) -> str:
    done = counted(status.done, "experiment")
    return f"{status.state}, {done}{f' · {status.message}' if status.message else ''}"


def _left_out(status: StudyStatus) -> str:
    left = len(status.experiments) - len(listed(status.experiments))
    return f"{counted(left, 'experiment')} not listed; .history has all of them" if left else ""
