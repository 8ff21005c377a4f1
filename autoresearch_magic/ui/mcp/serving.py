"""What a server works on: one study at a time, by default the one that was begun here, and one piece of work."""

from __future__ import annotations

import threading
from pathlib import Path

from ...errors import UserError
from ...study.opening import newest, open_study
from ...study.study import Study
from ..commands.table import run_words
from ..reply import Reply
from ..session import Place, Session
from .work import Work, in_progress


class Serving:
    """The study of a server, and the work in progress on it.

    Parameters
    ----------
    root : Path
        The folder that holds the studies.
    only : str
        The study that is served; without one, the study that was begun here, else the newest of the folder.

    Raises
    ------
    UserError
        When there is no study of that name.
    """

    def __init__(self, root: Path, only: str = "") -> None:
        self.session = Session(root, Place.SHELL)
        self.only = only and open_study(only, root).name
        self.begun = ""
        self.work: Work | None = None
        self._lock = threading.Lock()

    def name(self, study: str = "") -> str:
        """Return the name of the study that is meant.

        Raises
        ------
        UserError
            When there is none.
        """
        found = study.strip() or self.only or self.begun or newest(self.session.root)
        if found is None:
            raise UserError(f"There is no study in {self.session.root} yet: begin one with the tool start.")
        return found

    def study(self, study: str = "") -> Study:
        """Return the study that is meant, as it is on disk now, or as it runs in this process."""
        return open_study(self.name(study), self.session.root)

    def reply(self, command: str, *words: str, study: str = "") -> Reply:
        """Return the reply of a command of the command line about the study that is meant."""
        return run_words(self.session, [command, "--study", self.name(study), *words])

    def check_free(self) -> None:
        """Check that no piece of work is in progress; wait for one that was asked to end.

        Raises
        ------
        UserError
            When one is.
        """
        if (work := self.work) is not None and not work.wait_for_stop():
            raise UserError(f"{in_progress(work)}: wait for it with the tool wait, or end it with the tool stop.")

    def begin_work(self, work: Work) -> Work:
        """Start a piece of work, and return it.

        Raises
        ------
        UserError
            When another one is in progress.
        """
        with self._lock:
            self.check_free()
            self.work = work
            work.start()
            return work

    def close(self) -> None:
        """End what runs: the run in progress is killed, and the study can go on later."""
        if (work := self.work) is not None and work.running:
            work.stop()
