"""What a study does for its journal while it runs: checks, backups, and patience where it cannot be written."""

from __future__ import annotations

import json
from contextlib import suppress

from ..errors import UserError
from ..events import Notice, Publish, State, StateChanged
from ..runners.own_limits import OwnLimits
from ..storage.records import Records
from ..storage.results_tsv import write_atomically
from ..storage.salvage import DEFINITION
from ..storage.trouble import JournalError, changed, missing
from ..text import counted
from .control import Control
from .status import StudyStatus

PATIENCE = 600.0
"""Seconds for which a run that was measured is held in memory while the journal cannot be written."""

PAUSES = (1.0, 2.0, 5.0, 10.0)
"""Seconds before each further attempt; the last one again and again."""


class Patience:
    """Waits for a journal that cannot be written; see `JournalFile.wait`. The study shows why meanwhile, and can be stopped."""

    def __init__(self, status: StudyStatus, control: Control, publish: Publish) -> None:
        self._status, self._control, self._publish = status, control, publish
        self._before: State | None = None
        self._attempts = 0
        self._limits = OwnLimits()

    def __call__(self, why: str, waited: float) -> bool:
        """Wait before another attempt; return False to give up. An empty reason says that the attempt has succeeded."""
        if not why:
            if self._before is not None:
                self._publish(StateChanged(self._before))
                self._publish(Notice("The journal can be written again: nothing is lost, and the study goes on."))
            self._before, self._attempts = None, 0
            return True
        if waited > PATIENCE:
            return False
        for line in self._limits.restore():  # a limit on the size of files, set from inside of a run, may be why
            self._publish(Notice(line, lasting=True))
        if self._before is None:
            self._before = self._status.state
            why = f"{why.rstrip('.')}. What was measured waits in memory, and is written when that is possible."
            self._publish(StateChanged(State.WAITING, why))
        pause = PAUSES[min(self._attempts, len(PAUSES) - 1)]
        self._attempts += 1
        self._control.sleep(pause)
        return True


def begin_care(records: Records, status: StudyStatus, control: Control, publish: Publish) -> None:
    """Check a journal before a study goes on with it, make a backup, and let the study wait where it cannot be written.

    Raises
    ------
    JournalError
        When it was changed from outside, is another one than the study's, or cannot be read: nothing may be built on it.
    """
    journal = records.journal
    journal.tell = lambda line: publish(Notice(line, lasting=True))
    experiments = journal.select("SELECT number FROM experiment WHERE verdict IS NOT NULL")
    if len(experiments) < len(status.experiments):
        raise changed(
            journal.path,
            f"it holds {counted(len(experiments), 'experiment')}, and the study had {len(status.experiments)}",
        )
    journal.check(whole=True)
    check_against_git(records)
    if experiments:
        journal.verified()
    else:
        with suppress(OSError):
            kept = {key: journal.get(key) for key in ("name", "created", "definition", "settings")}
            # With it, git and results.tsv a journal can be made again where no backup is left.
            write_atomically(records.folder / DEFINITION, json.dumps(kept, indent=1).encode())
    records.back_up()
    journal.wait = Patience(status, control, publish)
    journal.heal = lambda why: _heal(records, publish, why)


def _heal(records: Records, publish: Publish, why: str) -> None:
    """Repair a journal that was damaged while its study runs, so that the study can go on.

    Raises
    ------
    UserError
        When too little is left.
    """
    from .repairing import repair_running  # rarely needed

    result = repair_running(records.folder)
    lost = sum(result.lost.values())
    publish(Notice(
        f"{why.partition(':')[0]}. It was repaired, with {counted(lost, 'row') + ' lost' if lost else 'nothing lost'}, and the study goes on; "
        "what was there is in before-repair-….",
        lasting=True,
    ))  # fmt: skip


def check_against_git(records: Records) -> None:
    """Compare the journal with the hashes in the commits of its experiments.

    Raises
    ------
    Changed
        When a commit was made from a journal that this one does not continue.
    """
    try:
        marks = records.repository.marks()
    except UserError:  # git is not what it was: it is made again from the journal
        return
    if lacking := records.journal.lacks(marks):
        more = f" and {len(lacking) - 1} more" if len(lacking) > 1 else ""
        raise changed(records.journal.path, f"git has another record of experiment {lacking[0]}{more}")


def end_care(records: Records) -> JournalError | None:
    """Check the journal at the end of a study, and return what is wrong with it."""
    journal = records.journal
    journal.wait = journal.heal = None
    try:
        journal.check(whole=True)
    except JournalError as error:
        return error
    return None


def check_present(status: StudyStatus) -> None:
    """Raise an error where a study that has experiments has no journal any more: none may be made anew in its place."""
    path = status.folder / "journal.sqlite"
    if status.experiments and not path.is_file():
        raise missing(path)
