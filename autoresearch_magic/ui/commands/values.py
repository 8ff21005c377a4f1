"""What can stand where an argument is typed, with a description each: studies, experiments, agents, paths, names."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ...agents.registry import agent_names, description
from ...config.skills import read_skills, skill_folders
from ...errors import UserError
from ...storage.folders import study_names
from ...storage.journal import Journal
from ...study.registry import known
from ..session import Session

MOST_PATHS = 200


@dataclass(frozen=True)
class Typed:
    """What has been typed of a line: the whole words before the cursor, and the part of a word at it."""

    session: Session
    words: Sequence[str]
    fragment: str

    @property
    def study(self) -> str | None:
        """The study that the line names with ``--study``."""
        for option, value in zip(self.words, self.words[1:], strict=False):
            if option == "--study":
                return value
        return None


def studies(typed: Typed) -> Mapping[str, str]:
    """Return the studies, the newest first, with their states."""
    root = typed.session.root
    return {name: _state(root / name) for name in reversed(study_names(root))}


def _state(folder: Path) -> str:
    if (study := known(folder.absolute())) is not None:
        return f"study, {study.state}"
    try:
        with Journal(folder / "journal.sqlite") as journal:
            return f"study, {journal.get('state') or 'new'}"
    except (UserError, OSError):
        return "study, not readable"


def experiments(typed: Typed) -> Mapping[str, str]:
    """Return the numbers of the experiments of the study that is meant, with verdicts, values and summaries."""
    try:
        study = typed.session.study(typed.study)
    except UserError:
        return {}
    return {
        str(e.number): f"{e.verdict} {study.status.format(e.value)}: {e.summary}" for e in study.experiments
    }  # fmt: skip


def agents(typed: Typed) -> Mapping[str, str]:
    """Return the names of the agents."""
    return {name: description(name) for name in agent_names()}


def skill_names(typed: Typed) -> Mapping[str, str]:
    """Return the names of the skills."""
    found, _ = read_skills(skill_folders(typed.session.root.parent))
    return {skill.name: skill.description for skill in found}


def paths(typed: Typed) -> Mapping[str, str]:
    """Return the files and folders that begin as the typed path does; hidden ones only after a dot."""
    before, slash, begun = typed.fragment.rpartition("/")
    folder = Path(f"{before}{slash}" or ".").expanduser()
    try:
        inside = sorted(folder.iterdir(), key=lambda path: (not path.is_dir(), path.name))
    except OSError:
        return {}
    shown = [path for path in inside if path.name.startswith(begun) and (begun or not path.name.startswith("."))]
    return {
        f"{before}{slash}{path.name}{'/' if path.is_dir() else ''}": "folder" if path.is_dir() else "file"
        for path in shown[:MOST_PATHS]
        if " " not in path.name
    }  # fmt: skip
