"""Begin a new study at a version of another one."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from ..agents.me import NAME as ME
from ..errors import UserError
from ..experiment import Experiment
from ..source.edits import check_syntax
from ..storage import folders
from .definition import Definition
from .status import StudyStatus

LONGEST_STEM = 60
"""Characters of the first study's name in that of a branch; a name has 80 at most."""


def branched(status: StudyStatus, e: Experiment) -> Definition:
    """Return the definition of a study that begins at a version: with its target, and the same program, setup and settings.

    Raises
    ------
    UserError
        Where a study cannot begin there.
    """
    definition = status.definition
    if definition.checkout is not None:
        raise UserError(
            f"{status.name} is of a repository, whose studies begin at a commit: %autoresearch apply {e.number}  commits the experiment to your "
            "branch, and a study that is started then begins there."
            if e.number
            else f"{status.name} is of a repository, and experiment 0 is the code as it was: start a study there."
        )
    if definition.settings.agent.partition(":")[0] in ("replay", "recorded"):
        raise UserError(
            f"{status.name} plays what was recorded for its own target: a branch needs another agent, so start it by hand."
        )
    if not e.values:
        raise UserError(f"Experiment {e.number} has no value ({e.verdict}): a study begins at a version that runs.")
    check_syntax(e.target)
    return replace(definition, target=e.target)


def name_of_branch(root: Path, name: str, number: int, wanted: str | None = None) -> str:
    """Return the name of a branch: the wanted one, else ``NAME-from-7``, with a number behind it where there is one already.

    Raises
    ------
    UserError
        When there is a study of the wanted name.
    """
    if wanted is not None:
        if (root / folders.checked_name(wanted)).exists():
            raise UserError(
                f"There is a study {wanted!r} already: choose another name, or  %autoresearch resume {wanted}"
            )
        return wanted
    stem = made = f"{name[:LONGEST_STEM].rstrip('.')}-from-{number}"
    count = 1
    while (root / made).exists():
        count += 1
        made = f"{stem}-{count}"
    return made


def branch_text(of: str, made: str, number: int, agent: str) -> str:
    """Return what a new branch is, and how to start it, in one line."""
    start = f"%autoresearch try SUMMARY --study {made}" if agent == ME else f"%autoresearch resume {made}"
    return f"{made} is ready: it begins at experiment {number} of {of}. Start it with  {start}"
