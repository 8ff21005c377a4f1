"""A study at work: its background thread, and what starts, pauses, stops and waits for it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Self, Unpack

from filelock import Timeout

from ..agents.base import Agent
from ..agents.me import Me
from ..agents.registry import make_agent
from ..config.settings_options import SettingsOptions
from ..errors import UserError
from ..events import Event, NotesChanged, Notice, Observer, State, StateChanged
from ..storage import folders
from ..storage.journal import Journal
from . import registry
from .again import check_again, run_at_rest
from .control import Control, Given
from .definition import Definition, resumed
from .driving import DrivenLoop, DroppingLoop, FinishingLoop
from .followed import FollowedStudy
from .following import EACH
from .ideas import Idea, add_idea, strike_ideas
from .keys import without_keys
from .live_curves import curves_of
from .loop import Loop
from .measuring import Measurer
from .notes import SAID
from .requests import RequestReader, record_of
from .status import StudyStatus
from .thread import StudyThread, open_journal
from .tracking.process import Tracking

LOCK_PATIENCE = 0.2
"""Seconds in which a study's lock is tried for: another process that looks whether it is held, holds it for a moment."""

Launcher = Callable[[Mapping[str, Any], int | None, int | None], object]
"""Goes on with a study in another process: with these settings, for so many experiments, or by another run of the experiment with this number."""

Comparison = Callable[[Measurer], object]
"""Runs targets side by side and returns the answer."""


class BackgroundStudy(FollowedStudy):
    """A study with its background thread; `Study` adds how one is made and what it can be asked."""

    def _prepare(
        self, folder: Path, definition: Definition, observers: Sequence[Observer] = (), agent: Agent | None = None
    ) -> None:
        self.folder, self.name = folder, folder.name
        self._status = StudyStatus(folder.name, folder, definition)
        self._agent = agent  # made and not used yet
        self.last_given: Given | None = None
        self._drive: type[DrivenLoop] | None = None  # what its thread runs, where that is not the agent's loop
        self._remarks: list[str] = []
        self.launcher: Launcher | None = None  # where this process only watches, and may end before the study does
        self._observers = list(observers)
        self.changed = threading.Condition()
        self._control = Control()
        self._thread: StudyThread | None = None
        self._reader: RequestReader | None = None
        self._tracking: Tracking | None = None
        self._prepare_following()

    @property
    def driven(self) -> bool:
        """Whether its thread only tries what is given from outside, so that it ends with the last such version."""
        return self._drive is not None

    # -- running ----------------------------------------------------------------------------------------------------

    def take_remarks(self) -> list[str]:
        """Return what the user should know of the given settings, once: what nobody has taken, the start says as a notice."""
        remarks, self._remarks = self._remarks, []
        return remarks

    def observe(self, observer: Observer) -> None:
        """Add an observer; adding one twice has no effect."""
        if not any(each is observer for each in self._observers):
            self._observers.append(observer)

    def unobserve(self, observer: Observer) -> None:
        """Remove an observer; one that was not added has no effect."""
        self._observers = [each for each in self._observers if each is not observer]

    def start(self) -> Self:
        """Start, or go on, in a background thread; return at once.

        Raises
        ------
        UserError
            When it runs already, another study runs in this process, or another process runs this one.
        """
        return self._launch(None)

    def save(self) -> Self:
        """Write the definition, so that another process can open the study before anything has run."""
        self.folder.mkdir(parents=True, exist_ok=True)
        folders.hide(self.folder)
        open_journal(self.folder, self.definition).close()
        return self

    def begin(self) -> Self:
        """Measure the baseline, where there is none, and stop; return at once. For a study whose versions come from outside.

        Raises
        ------
        UserError
            As for `start`.
        """
        return self._launch(None, drive=DrivenLoop)

    def finish(self) -> Self:
        """End the search: choose the final version and confirm the result on fresh seeds; return at once.

        `start` does so by itself at its end; a study whose versions come from outside ends when it is told to.

        Raises
        ------
        UserError
            As for `start`, and where there is no baseline yet.
        """
        if not self.experiments:
            raise UserError(f"{self.name} has no baseline yet: there is nothing to finish.")
        return self._launch(None, drive=FinishingLoop)

    def step(self, **settings: Unpack[SettingsOptions]) -> Self:
        """Make one experiment (the baseline first, when there is none yet), then pause; return at once.

        Parameters
        ----------
        **settings
            As for `resume`, where the study has ended; a study that is paused keeps its settings.
        """
        if not self.active:
            return self._launch_with(settings, 1)
        self._check_unchanged(settings)
        if self.status.state is not State.PAUSED:
            raise UserError(f"{self.name} is {self.state}: pause it first, a step is one experiment from a pause.")
        self._control.allow(1)
        self._publish(StateChanged(State.RUNNING))
        return self

    def pause(self) -> Self:
        """Pause after the run in progress; where another process runs the study, ask that one to do so."""
        if self._asks_elsewhere("pause"):
            return self
        if not self.active:
            raise UserError(f"{self.name} is {self.state}: there is nothing to pause.")
        if self.status.state not in (State.PAUSED, State.STOPPING):
            self._publish(StateChanged(State.PAUSING))
            self._control.allow(0)
        return self

    def resume(self, **settings: Unpack[SettingsOptions]) -> Self:
        """Go on from a pause, or, after a stop or a crash, from where the journal ends.

        Parameters
        ----------
        **settings
            Any of `definition.CHANGEABLE`, such as ``experiments``, ``agent`` or ``patience``, to go on with other values.

        A study that another process holds paused is resumed there.
        """
        if self.status.state is State.ELSEWHERE:
            if settings:
                raise UserError(
                    f"Another process runs {self.name}: its settings can change only after  %autoresearch stop"
                )
            self._asks_elsewhere("resume")
            return self
        if self.active:
            self._check_unchanged(settings)
            if self.status.state in (State.PAUSED, State.PAUSING):
                with self.changed:
                    self.status.state = State.RUNNING  # takes back a pause that was requested and not reached yet
                self._control.allow(None)
                self._publish(StateChanged(State.RUNNING))
            return self
        return self._launch_with(settings, None)

    def stop(self, wait: bool = True) -> Self:
        """End the study now: the run in progress is killed, no process is left, and the journal can be resumed.

        Where another process runs the study, that one is asked to do so, and this waits until it has.

        Parameters
        ----------
        wait : bool
            Whether to return only when everything has ended (about a second).
        """
        if self._asks_elsewhere("stop"):
            return self
        if self.active:
            self._publish(StateChanged(State.STOPPING))
            self._control.stop()
            if (thread := self._thread) is not None:
                thread.interrupt()
                if wait and thread is not threading.current_thread():
                    thread.join()
        return self

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until the study is paused or has ended, here or in another process; an interrupt of the wait leaves it running.

        Parameters
        ----------
        timeout : float, optional
            Seconds.

        Returns
        -------
        bool
            Whether it is paused or has ended; False when the timeout came first.
        """
        end = None if timeout is None else time.monotonic() + timeout
        while True:
            with self.changed:
                while self.active and self._status.state is not State.PAUSED:
                    left = None if end is None else end - time.monotonic()
                    if left is not None and left <= 0:
                        return False
                    # Short waits: Python delivers an interrupt only between them.
                    self.changed.wait(0.1 if left is None else min(0.1, left))
            status = self.status
            if status.state is not State.ELSEWHERE or status.doing is State.PAUSED:
                return True
            left = EACH if end is None else min(EACH, end - time.monotonic())
            if left <= 0:
                return False
            time.sleep(left)

    def run_again(self, number: int | str) -> Self:
        """Run an experiment's version once more; return at once.

        The value joins those of its earlier runs, and the judge looks again: a keep that all runs together refute is taken back, and the
        study goes on with the version that they favour. A study that runs does so after the run in progress; one that is paused runs
        it and is paused again; one that rests runs it alone, and rests again (`wait` waits for that).

        Raises
        ------
        UserError
            Where the version has no value, or the study cannot run now.
        """
        e = self.experiment(number)
        check_again(self.status, e)
        if self._asks_elsewhere("again", e.number):
            return self
        with registry.lock:
            if not self.active and self.launcher is not None:
                self.launcher({}, None, e.number)
                return self.refresh()
            if not self.active:
                return self._ask(lambda measurer: run_at_rest(measurer, e.number))
            if self._control.stopping or self._thread is None or not self._thread.takes_given or self.status.confirming:
                raise UserError(
                    f"{self.name} is {self.state}: wait for the end of that (%autoresearch wait), then ask again."
                )
            if self.status.state in (State.PAUSED, State.PAUSING):
                self.status.state = State.RUNNING  # for this one run
            self._control.ask_again(e.number)
        return self

    def say(self, text: str) -> Self:
        """Leave a note for the agent; the next proposal that is asked for takes it into account.

        Raises
        ------
        UserError
            When the note is empty, or the study has not begun.
        """
        if not text.strip():
            raise UserError("Say what the agent should know, in quotes.")
        with Journal(self.folder / "journal.sqlite") as journal:
            journal.note(SAID, text=text.strip())
        self._publish(NotesChanged())
        return self

    def add_idea(self, text: str) -> Idea:
        """Add an idea to the backlog, for agents to try later; also while another process runs the study.

        Raises
        ------
        UserError
            When it is empty, longer than a line, or open already, or the study has not begun.
        """
        with Journal(self.folder / "journal.sqlite") as journal:
            return add_idea(journal, text)

    def strike_ideas(self, *numbers: int) -> Self:
        """Strike ideas of the backlog by their numbers; agents are not shown them any more.

        Raises
        ------
        UserError
            When there is none of a number, or it is struck already; none is struck then.
        """
        with Journal(self.folder / "journal.sqlite") as journal:
            strike_ideas(journal, numbers)
        return self

    # -- the thread -------------------------------------------------------------------------------------------------

    def _check_unchanged(self, settings: Mapping[str, Any]) -> None:
        if settings:
            raise UserError(
                f"{self.name} is {self.state}: its settings can change only after a stop. %autoresearch stop, then "
                f"%autoresearch resume {self.name}  with them."
            )

    def _launch_with(self, settings: Mapping[str, Any], allowed: int | None) -> Self:
        """Start the thread with other settings; a study that cannot be started keeps those that it had."""
        if self.launcher is not None:
            self.launcher(settings, allowed, None)
            return self.refresh()
        before = self._status.definition
        self._change(settings)
        try:
            return self._launch(allowed)
        except UserError:
            if settings:
                self._status.definition, self._agent = before, None
            raise

    def _change(self, settings: Mapping[str, Any]) -> None:
        """Take other settings to go on with, and make the agent anew; nothing changes where one of them cannot."""
        if not settings and self._agent is not None:
            return
        definition = without_keys(resumed(self.definition, settings))
        self._agent = self._make_agent(definition)
        self.status.definition = definition

    def _make_agent(self, definition: Definition) -> Agent:
        return make_agent(definition.settings.agent, definition.target, definition.settings, self.folder.parent)

    def _check_not_active(self) -> None:
        if self.active:
            raise UserError(f"{self.name} is {self.state}: stop it first, or wait for its end; then it can be asked.")

    def _ask(self, comparison: Comparison) -> Self:
        self._check_not_active()
        if not self.experiments:
            raise UserError(f"{self.name} has no baseline yet: there is nothing to compare with.")
        return self._launch(None, comparison)

    def _give(self, given: Given, *, drop: bool = False) -> None:
        """Make a version the next experiment of the study as it runs; where it does not run, run that one alone.

        With `drop`, an experiment that was begun and not finished is given up, instead of finished first.

        Raises
        ------
        UserError
            When it cannot be started, is stopping, or answers a question at the moment.
        """
        self.last_given = given
        with registry.lock:
            if not self.active:
                self._launch(None, drive=DroppingLoop if drop else DrivenLoop, given=given)
                return
            if self._control.stopping:
                raise UserError(f"{self.name} is stopping: try it again in a moment.")
            if self._thread is None or not self._thread.takes_given:
                raise UserError(f"{self.name} is {self.state}: wait for that (%autoresearch wait), then try it.")
            if self.status.state in (State.PAUSED, State.PAUSING):
                self.status.state = State.RUNNING  # for this one version
            self._control.give(given)

    def _launch(
        self, allowed: int | None, comparison: Comparison | None = None, drive: type[DrivenLoop] | None = None, given: Given | None = None
    ) -> Self:  # fmt: skip
        """Start the thread.

        Parameters
        ----------
        allowed : int or None
            The number of experiments before a pause.
        comparison : callable, optional
            What to run instead of experiments.
        drive : type of DrivenLoop, optional
            What to run instead of the agent's loop.
        given : Given, optional
            The first version for that.
        """
        if self.active:
            raise UserError(f"{self.name} is {self.state} already: see  %autoresearch status")
        if self.launcher is not None:
            raise UserError(f"This process only watches {self.name}: do it in a notebook or by a command of the shell.")
        if self.status.complete and comparison is None and drive is None:
            raise UserError(
                f"{self.name} is finished: go on with  %autoresearch resume {self.name} -n {self.status.longer}  "
                "or begin another with  %autoresearch start"
            )
        with self._follower.held(), registry.lock:
            if (other := registry.running()) is not None:
                raise UserError(
                    f"The study {other.name} is {other.state}: wait for it (%autoresearch wait) or stop it "
                    "(%autoresearch stop) before you start another."
                )
            agent: Agent | None = None
            if drive is not None:
                agent = Me()
            elif comparison is None:
                agent, self._agent = self._agent or self._make_agent(self.definition), None
                _check_ask_ahead(agent, self.definition)
                agent.check()  # a wrong key or model is told here, in the cell, before the baseline is paid for
            self.folder.mkdir(parents=True, exist_ok=True)
            folders.hide(self.folder)
            try:
                self._lock.acquire(timeout=LOCK_PATIENCE)
            except Timeout:
                raise UserError(f"Another process is running {self.name}: stop it there first.") from None
            registry.register(self)
            self._control, self._drive = Control(), drive
            self._control.allow(allowed)
            if given is not None:
                self._control.give(given)
            if self._tracking is not None:
                self._tracking.kill()
                self.unobserve(self._tracking.take)
            self._tracking = Tracking(self._status, self._publish)
            self.observe(self._tracking.take)
            self._thread = StudyThread(
                self.status, self._control, self._publish, self._lock, agent, comparison, drive or Loop, self._tracking
            )
            self.status.message = self.status.traceback = ""
            self.status.state = State.STARTING
        reader = RequestReader(  # made first, because it reads what the journal holds from before this start
            self.folder / "journal.sqlite",
            {"pause": self.pause, "resume": self.resume, "stop": lambda: self.stop(wait=False), "again": self.run_again},
            lambda notices: record_of(self._status, notices), lambda: self.active,
            (lambda: curves_of(self._status)) if self._status.settings.track else None,
        )  # fmt: skip
        self._reader = reader
        self.unfollow()
        for remark in self.take_remarks():
            self._publish(Notice(remark))
        self._thread.start()
        reader.start()
        return self

    def _publish(self, event: Event) -> None:
        with self.changed:
            if self._follower.ours:
                if self._reader is not None:
                    self._reader.take(event)
                if isinstance(event, StateChanged) and not event.state.active:
                    self._follower.adopt()  # first: who waits for the end may start the study again at once
            self._status.take(event)
            self.changed.notify_all()
        for observer in list(self._observers):
            try:
                observer(event)
            except (Exception, SystemExit) as error:  # an observer's error, or sys.exit(), must not end a night's work
                # By identity, as in `observe`; and another thread may have removed it already.
                self._observers = [each for each in self._observers if each is not observer]
                line = f"An observer failed and was removed: {type(error).__name__}: {error}"
                self._status.take(Notice(line, lasting=True))


def _check_ask_ahead(agent: Agent, definition: Definition) -> None:
    """Raise a `UserError` where --ask-ahead would do nothing."""
    s = definition.settings
    if s.ask_ahead > 1 and not (agent.parallel and s.prefetch):
        why = f"{s.agent} answers one question at a time" if s.prefetch else "--no-prefetch asks nothing ahead"
        raise UserError(
            f"--ask-ahead {s.ask_ahead} is for agents that can be asked several questions at once, and {why}: leave it out."
        )
