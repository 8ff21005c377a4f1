"""How a study ended, for the command line: the exit code, and the text that is printed last."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

from ..errors import UserCodeError
from ..events import State
from ..study.display import listed
from ..study.gain_words import beyond_chance
from ..study.holdout import contradicts
from ..study.study import Study
from ..study.summary import history_markdown, history_text, result_line, tried_line
from ..text import escape
from .exit_codes import DONE, NOT_SHOWN
from .replies import shown_path
from .reply import Reply, table_width

PRINTED = 20
"""Lines that are shown of what an agent has printed."""


def outcome_reply(study: Study, more: Sequence[tuple[str, Path]] = ()) -> Reply:
    """Return the table of experiments, the result, and where the files are.

    Parameters
    ----------
    study : Study
    more : sequence of (str, Path)
        Further files to name.

    Raises
    ------
    UserCodeError
        When the study failed.
    """
    if study.state == State.FAILED:
        raise UserCodeError(study.status.message, study.status.traceback)
    files = [("results", study.folder / "results.tsv"), ("picture", study.folder / "progress.png"), *more]
    lines = [f"{what:<9} {shown_path(path)}" for what, path in files if path.exists()]
    if find_spec("matplotlib") is None:
        lines.append("picture   none without matplotlib: pip install matplotlib")
    title = study.definition.program.title or study.name
    ended = [f"{tried_line(study.status)}.", result_line(study.status), *_not_shown(study), *_why_stopped(study)]
    text = "\n".join(
        ["", title, "", history_text(study.status, study.experiments, table_width()), "", *ended, "", *lines]
    )
    markdown = "\n\n".join(
        [f"**{escape(title)}**", *map(escape, ended), history_markdown(study.status, listed(study.experiments))]
    )
    return Reply(
        text, markdown, exit_code=NOT_SHOWN if _not_shown(study) or not beyond_chance(study.headline) else DONE
    )


def _not_shown(study: Study) -> list[str]:
    """Return that the best may be no better than the baseline, where that is not certain."""
    best, head = study.status.incumbent, study.headline
    if best is None or best.number == 0:
        return []
    if contradicts(head):
        return [f"The holdout does not show the improvement (exit code {NOT_SHOWN})."]
    if beyond_chance(head):
        return []
    if head is None:
        return [f"The best was not measured again, so no improvement is shown (exit code {NOT_SHOWN})."]
    return [f"Chance may explain this: no improvement is shown (exit code {NOT_SHOWN})."]


def _why_stopped(study: Study) -> list[str]:
    """Return why a search ended before its time and how it goes on, or what went wrong on the way."""
    if study.status.complete or not study.status.message:
        return [study.status.message] if study.status.message else []
    printed = study.status.traceback  # by the agent that ended it
    lines = [f"The search ended early: {study.status.message}", *(printed.splitlines()[-PRINTED:] if printed else [])]
    return [*lines, f"Go on with  %autoresearch resume {study.name}"] if study.state == State.STOPPED else lines
