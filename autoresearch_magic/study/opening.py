"""Open studies: the current one of this process, and those on disk."""

from __future__ import annotations

from pathlib import Path

from ..errors import UserError
from ..events import State
from ..judging.judge import headline
from ..storage.folders import ROOT, study_names
from ..storage.journal import Journal
from . import registry
from .definition import from_json
from .study import Study


def open_study(name_or_path: str | Path, root: str | Path = ROOT) -> Study:
    """Open a study from its folder, to look at it or to go on with it.

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
    if folder is None:
        names = ", ".join(study_names(root)) or "none"
        raise UserError(f"There is no study {str(name_or_path)!r}: there is {names} in {root}.")
    folder = folder.absolute()
    known = registry.known(folder)
    if isinstance(known, Study) and known.active:
        return known
    study = _load(folder)
    registry.register(study)
    return study


def current() -> Study | None:
    """Return the study that was started or opened last in this process, if there is one."""
    study = registry.latest()
    return study if isinstance(study, Study) else None


def _load(folder: Path) -> Study:
    journal = Journal(folder / "journal.sqlite")
    try:
        if journal.get("definition") is None:
            raise UserError(f"The study at {folder} has not begun: delete the folder and start it again.")
        study = Study.__new__(Study)
        study._prepare(folder, from_json(journal.get("definition"), journal.get("settings")))
        status, runs = study.status, journal.runs()
        status.experiments = tuple(e for e in journal.experiments() if e.verdict is not None)
        status.runs = [(run.kind, run.measurement.seconds) for run in runs]
        status.unclaimed = journal.unclaimed()
        status.seconds = journal.get("seconds") or sum(seconds for _, seconds in status.runs)
        state = State(journal.get("state") or State.STOPPED)
        if state.active:
            # Only a live process can have such a state: another one works on the study, or this one was killed.
            state = State.ELSEWHERE if study.locked else State.STOPPED
        status.state = state
        status.message = journal.get("message") or ""
        if (best := status.incumbent) is not None and best.number > 0:
            of_best, of_baseline = ([*journal.finals(number).values()] for number in (best.number, 0))
            # A study that was stopped in its confirmation has no result yet: a report or a resume makes the missing runs.
            if state is State.FINISHED or min(len(of_best), len(of_baseline)) >= study.settings.repeats:
                status.headline = headline(best, of_best, of_baseline, study.metric)
    finally:
        journal.close()
    return study
