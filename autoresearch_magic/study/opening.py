"""Open studies: the current one of this process, and those on disk."""

from __future__ import annotations

import difflib
from pathlib import Path

from ..errors import UserError
from ..events import State
from ..storage.folders import ROOT, study_names
from ..storage.journal import Journal
from ..storage.study_lock import is_held
from ..storage.trouble import JournalError, remains
from . import registry
from .definition import from_json
from .garbage import uncollected
from .study import Study


class JustBeginning(UserError):
    """Another process has begun the study a moment ago, and has not written yet what it is."""


def open_study(name_or_path: str | Path, root: str | Path = ROOT) -> Study:
    """Open a study from its folder, to look at it or to go on with it.

    Where another process runs it, or goes on with it later, what is asked of it is brought up to date with the journal first; see
    `Study.follow` for its events.

    Parameters
    ----------
    name_or_path : str or Path
        Its name below `root`, or the path of its folder.
    root : str or Path

    Raises
    ------
    UserError
        When there is none, or its journal cannot be read.
    """
    candidates = (Path(root) / name_or_path, Path(name_or_path))
    folder = next((path for path in candidates if (path / "journal.sqlite").is_file()), None)
    folder = folder or next((path for path in candidates if remains(path)), None)
    if folder is None:
        raise UserError(_not_found(str(name_or_path), root))
    folder = folder.absolute()
    known = registry.known(folder)
    if isinstance(known, Study) and (known.active or known.following):
        return known
    with uncollected():
        study = _load(folder)
    # One without an experiment has nothing to show: it does not become the current study in place of one that has.
    if study.experiments or study.state == State.ELSEWHERE or registry.latest() is None:
        registry.register(study)
    return study


def newest(root: str | Path = ROOT) -> str | None:
    """Return the name of the study that was written to last: one that is running or has an experiment, if there is one.

    A start that failed before its first experiment leaves a study without one, which would hide an earlier result.
    """
    names = study_names(root)
    return next((name for name in reversed(names) if _has_begun(Path(root) / name)), names[-1] if names else None)


def _has_begun(folder: Path) -> bool:
    try:
        with Journal(folder / "journal.sqlite") as journal:
            if journal.has_experiment():
                return True
    except JournalError:  # it is told when it is opened, rather than an earlier study shown in its place
        return True
    except UserError:  # not a journal, or not yet
        pass
    return is_held(folder)


def _not_found(name: str, root: str | Path) -> str:
    names = study_names(root)
    if not names:
        return f"There is no study {name!r}: there is none in {root}."
    near = difflib.get_close_matches(name, names, n=1)
    meant = f"did you mean {near[0]}? " if near else ""
    listed = ", ".join(names[:-9:-1]) + (f" and {len(names) - 8} more" if len(names) > 8 else "")
    return f"There is no study {name!r} in {root}: {meant}{'Its' if meant else 'its'} studies: {listed}."


def current() -> Study | None:
    """Return the study that was started or opened last in this process, if there is one."""
    study = registry.latest()
    return study if isinstance(study, Study) else None


def _load(folder: Path) -> Study:
    journal = Journal(folder / "journal.sqlite")
    try:
        if journal.get("definition") is None:
            if is_held(folder):
                raise JustBeginning(f"The study at {folder} is only just beginning: try it again in a moment.")
            raise UserError(f"The study at {folder} has not begun: delete the folder and start it again.")
        study = Study.__new__(Study)
        study._prepare(folder, from_json(journal.get("definition"), journal.get("settings"), folder))
    finally:
        journal.close()
    study._follower.open()
    return study
