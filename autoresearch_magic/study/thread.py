"""The background thread of a study: one run from start to stop, with its runner and records."""

from __future__ import annotations

import os
import threading
import time
import traceback
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from ..agents.base import Agent
from ..errors import Stopped, TakenOver, UserCodeError, UserError
from ..events import Notice, Publish, State, StateChanged
from ..keys.redact import cleaned
from ..runners.fleet import Fleet
from ..storage.journal import Journal
from ..storage.records import Records
from ..storage.scratch import clean_up_once
from ..storage.study_lock import StudyLock
from ..storage.trouble import JournalError
from ..text import printable
from .control import Control
from .definition import Definition
from .flight import land_all
from .garbage import uncollected
from .journal_care import begin_care, check_present, end_care
from .loop import Loop
from .measuring import Measurer
from .runner_factory import make_fleet, make_runner
from .sealed import keep
from .shown_numbers import shown_numbers
from .side_by_side import SideBySide
from .status import StudyStatus
from .tracking.process import Tracking

UNLOCKED = (
    "The file system of {} has no locks (flock), as some network file systems: see to it that no other process starts this study. One "
    "that does takes it over, and this one ends."
)


class StudyThread(threading.Thread):
    """One run of the background thread: the loop where there is an agent, else one of the user's comparisons.

    Parameters
    ----------
    status : StudyStatus
        Also has the study's folder and definition.
    control : Control
        How other threads pause and stop it.
    publish : callable
        Takes every event.
    lock : StudyLock
        The study's lock, which is held already; released at the end.
    agent : Agent, optional
    comparison : callable, optional
        Takes a `Measurer` and returns the answer. The study's state and message are restored at the end.
    loop : type of Loop
        What runs where there is an agent: `Loop`, or a loop that is driven from outside (`study.driving`).
    tracking : Tracking, optional
        Tells trackers of the study; started and finished here.

    Attributes
    ----------
    takes_given : bool
        Whether versions can be given to it, to be tried.
    answer : Any
        The answer to the comparison, or the UserError that says why there is none; None when it was stopped.
    """

    def __init__(
        self,
        status: StudyStatus,
        control: Control,
        publish: Publish,
        lock: StudyLock,
        agent: Agent | None = None,
        comparison: Callable[[Measurer], object] | None = None,
        loop: type[Loop] = Loop,
        tracking: Tracking | None = None,
    ) -> None:
        super().__init__(name=f"autoresearch-{status.name}", daemon=True)
        self.answer: Any = None
        self._status, self._control, self._publish, self._lock = status, control, publish, lock
        self._agent, self._comparison, self._loop = agent, comparison, loop
        self._tracking = tracking
        self.takes_given = comparison is None
        self._fleet: Fleet | None = None
        self._at_end = (State.FINISHED, "") if comparison is None else (status.state, status.message)

    def interrupt(self) -> None:
        """Kill all runs in progress."""
        if self._fleet is not None:
            self._fleet.interrupt()

    def run(self) -> None:
        """Work until the end or a stop; every error becomes a state and a message, and nothing is left behind."""
        state, message = self._at_end
        records = None
        self._status.begin()
        try:
            self._publish(StateChanged(State.STARTING))
            if self._lock.weak:
                self._publish(Notice(UNLOCKED.format(self._status.folder), lasting=True))
            with uncollected():
                records = _open_records(self._status, self._control, self._publish)
                work = self._prepared(records)
            state, message = work()
        except TakenOver as other:
            state, message = State.STOPPED, str(other)
        except Stopped:
            state = State.STOPPED if self._comparison is None else state
        except UserError as error:
            if self._comparison is not None:
                self.answer = error
                return
            state, message = State.FAILED, str(error)
            self._status.traceback = error.traceback if isinstance(error, UserCodeError) else ""
        except BaseException as error:  # a bug in this package, or a full disk: shown whole, never swallowed
            state, message = State.FAILED, f"{type(error).__name__}: {error}"
            self._status.traceback = cleaned(traceback.format_exc())
        finally:
            self._clean_up(records, state, message)

    def _prepared(self, records: Records) -> Callable[[], tuple[State, str]]:
        """Read where the journal ends; return what goes on from there, and returns the state and message to end with."""
        status, publish, definition = self._status, self._publish, self._status.definition
        experiments = records.journal.experiments()
        status.experiments = tuple(records.begin([e for e in experiments if e.verdict is not None]))
        unjudged = [e for e in experiments if e.verdict is None]
        status.pending = unjudged[0].number if unjudged else None
        status.runs = records.journal.runs_in_short()
        if self._tracking is not None:
            self._tracking.start()
        beside = self._agent is not None and self._loop is Loop and definition.settings.side_by_side
        if beside or definition.settings.executor:
            self._fleet = make_fleet(definition, status.folder, publish)
        else:
            self._fleet = Fleet([make_runner(definition, status.folder, publish)])
        status.slots = len(self._fleet) if beside else 1
        for line in self._fleet.notes:
            publish(Notice(line, lasting=True))
        if self._agent is not None and self._agent.warning:
            publish(Notice(self._agent.warning))
        if definition.checkout is not None and not definition.checkout.branch:
            publish(Notice(
                f"HEAD is detached at {definition.checkout.commit[:10]}: the study starts there, but apply needs a branch "
                "(git switch NAME)."
            ))  # fmt: skip
        if self._agent is not None and not beside:
            unjudged += land_all(records, len(experiments), definition.settings.statistic)
        measurer = Measurer(
            definition=definition, runner=self._fleet.runners[0], records=records, status=status, publish=publish,
            control=self._control,
        )  # fmt: skip
        if self._agent is not None and beside:
            return SideBySide(measurer, self._agent, unjudged, self._fleet).run
        if self._agent is not None:
            return self._loop(measurer, self._agent, unjudged).run
        return partial(self._compare, measurer)

    def _compare(self, measurer: Measurer) -> tuple[State, str]:
        if self._comparison is not None:
            self._publish(StateChanged(State.MEASURING))
            self.answer = self._comparison(measurer)
        return self._at_end

    def _clean_up(self, records: Records | None, state: State, message: str) -> None:
        if self._fleet is not None:
            self._fleet.close()
        status, message = self._status, printable(message)
        status.end()
        try:
            if records is not None:
                with records:
                    if (wrong := end_care(records)) is not None:
                        state, message = State.FAILED, str(wrong)
                    records.complete(list(status.experiments))
                    records.ended(state, status.closing(state, message), status.elapsed)
                    if wrong is None:
                        records.back_up()
                    records.draw(list(status.experiments), lambda: status.proven, status.headline, last=True)
                    if (gains := status.believed.for_journal(status)) is not None:
                        records.journal.set(gains=gains)
        except TakenOver as other:
            state, message = State.STOPPED, str(other)
        except JournalError as error:
            if state is not State.FAILED:
                state, message = State.FAILED, str(error)
        except Exception as error:  # the result is in the journal already, and a picture is not worth it
            self._publish(Notice(f"The last picture could not be drawn: {type(error).__name__}: {error}", lasting=True))
        finally:
            if self._tracking is not None:
                asked = self._control.stopping or self._comparison is not None
                self._tracking.finish(
                    state, status.closing(state, message), stopping=self._control.stopping, asked=asked
                )
            self._lock.release()
            self._publish(StateChanged(state, message))


def open_journal(folder: Path, definition: Definition) -> Journal:
    """Return the journal of a study; one that is new gets the definition."""
    keep(folder, definition.sealed)
    journal = Journal(folder / "journal.sqlite", create=True)
    if journal.get("created") is None:
        journal.set(
            created=time.time(),
            name=folder.name,
            definition=definition.to_json(),
            settings=definition.settings.to_json(),
        )
    return journal


def _open_records(status: StudyStatus, control: Control, publish: Publish) -> Records:
    clean_up_once()
    folder, definition = status.folder, status.definition
    check_present(status)
    journal = open_journal(folder, definition)
    journal.own()
    records = Records(
        folder, journal, metric=definition.metric, title=definition.program.title, files=definition.files, publish=publish,
        checkout=definition.checkout, target=definition.target,
    )  # fmt: skip
    records.numbers = partial(shown_numbers, definition.settings)
    try:
        begin_care(records, status, control, publish)
        live = {"pid": os.getpid(), "state": State.STARTING}
        journal.set(settings=definition.settings.to_json(), state=State.RUNNING, message="", live=live)
    except BaseException:
        records.__exit__()
        raise
    return records
