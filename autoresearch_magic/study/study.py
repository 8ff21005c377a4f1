"""A study: one program, one target, all their experiments. The public class; its work is done by a `StudyThread`."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self, Unpack

from filelock import FileLock, Timeout

from ..agents.base import Agent
from ..agents.registry import make_agent
from ..config.effective import renamed_values
from ..config.program import Program
from ..config.settings_options import SettingsOptions
from ..errors import NothingToTune, UserError
from ..events import Event, Notice, Observer, State, StateChanged
from ..storage import folders
from ..storage.folders import ROOT
from ..storage.git.checkout import has_study
from ..storage.git.commits import safe_name
from ..storage.journal import Journal
from ..storage.recording import recorded_settings
from . import registry
from .control import Control
from .definition import Definition, define, resumed
from .measuring import Measurer
from .requests import RequestReader
from .runner_factory import make_runner
from .status import StudyStatus
from .thread import StudyThread
from .view import StudyView

if TYPE_CHECKING:
    from .comparisons import Ablation, Regression
    from .plan import Plan

Comparison = Callable[[Measurer], object]
"""Runs targets side by side and returns the answer."""


class Study(StudyView):
    """One program, one target, and all their experiments.

    Parameters
    ----------
    program : str, Path or Program
        Goal and rules in Markdown, possibly with settings; a path of a file is read.
    target : str or Path
        The editable source, or the path of the file that holds it.
    setup : str or Path
        The frozen source; runs once, before every experiment.
    name : str, optional
        Made from the date and the metric by default.
    root : str or Path
        The folder that holds the studies.
    observers : sequence of Observer
        Called with every event, in the study's thread.
    **settings
        See `autoresearch_magic.config.settings.Settings`: ``metric="val_bpb=evaluate(model)"``, ``budget="20s"``, ...

    Attributes
    ----------
    name : str
    folder : Path
        Holds the journal, the git repository, results.tsv, progress.png and the logs.
    status : StudyStatus
        State, message, experiments, the run in progress, the confirmed result, how much is left.

    Raises
    ------
    UserError
        When any part of it cannot work; nothing has been run or written then.

    Examples
    --------
    >>> study = Study("Lower it", "X = 3.0; loss = (X - 1) ** 2", metric="loss", experiments=5)  # doctest: +SKIP
    >>> study.start().wait()  # doctest: +SKIP
    >>> study.history  # doctest: +SKIP
    """

    def __init__(
        self,
        program: str | Path | Program,
        target: str | Path = "",
        setup: str | Path = "",
        *,
        name: str | None = None,
        root: str | Path = ROOT,
        observers: Sequence[Observer] = (),
        **settings: Unpack[SettingsOptions],
    ) -> None:
        root = Path(root).absolute()
        recorded = recorded_settings(str(settings.get("agent", "")), root)
        definition = define(program, target, setup, {**recorded, **settings})
        try:
            agent: Agent | None = make_agent(definition.settings.agent, definition.target, definition.settings, root)
        except NothingToTune:  # raised again by a start; a plan needs no agent
            agent = None
        if name is not None and (root / folders.checked_name(name)).exists():
            raise UserError(f"There is a study {name!r} already: choose another name, or  %autoresearch resume {name}")
        if name is not None and _branch_exists(definition, name):
            raise UserError(
                f"There is a branch autoresearch/{name} of an earlier study: choose another name, or delete it."
            )
        free = name or folders.free_name(root, definition.metric, lambda name: _branch_exists(definition, name))
        self._prepare(root / free, definition, observers, agent)
        self._remarks = renamed_values(definition.program.settings, settings)

    def _prepare(
        self, folder: Path, definition: Definition, observers: Sequence[Observer] = (), agent: Agent | None = None
    ) -> None:
        self.folder, self.name = folder, folder.name
        self.status = StudyStatus(folder.name, folder, definition)
        self._agent = agent  # made and not used yet
        self._remarks = []
        self._observers = list(observers)
        self._changed = threading.Condition()
        self._control = Control()
        self._thread: StudyThread | None = None
        self._lock = FileLock(str(folder / "lock"), timeout=0, thread_local=False)

    # -- properties -------------------------------------------------------------------------------------------------

    @property
    def locked(self) -> bool:
        """Whether this or another process is working on the study.

        False for a study that has not begun, and where its folder cannot be written, so that nobody can work on it.
        """
        if self._lock.is_locked:
            return True  # by this process, which could take it once more
        if not self.folder.is_dir():
            return False
        try:
            with self._lock:
                return False
        except Timeout:
            return True
        except OSError:
            return False

    # -- running ----------------------------------------------------------------------------------------------------

    def take_remarks(self) -> list[str]:
        """Return what the user should know of the given settings, once: what nobody has taken, the start says as a notice."""
        remarks, self._remarks = self._remarks, []
        return remarks

    def observe(self, observer: Observer) -> None:
        """Add an observer; adding one twice has no effect."""
        if not any(each is observer for each in self._observers):
            self._observers.append(observer)

    def start(self) -> Self:
        """Start, or go on, in a background thread; return at once.

        Raises
        ------
        UserError
            When it runs already, another study runs in this process, or another process runs this one.
        """
        return self._launch(None)

    def step(self, **settings: Unpack[SettingsOptions]) -> Self:
        """Make one experiment (the baseline first, when there is none yet), then pause; return at once.

        Parameters
        ----------
        **settings
            As for `resume`, where the study has ended; a study that is paused keeps its settings.
        """
        if not self.active:
            self._change(settings)
            return self._launch(1)
        self._check_unchanged(settings)
        if self.status.state is not State.PAUSED:
            raise UserError(f"{self.name} is {self.state}: pause it first, a step is one experiment from a pause.")
        self._control.allow(1)
        self._publish(StateChanged(State.RUNNING))
        return self

    def pause(self) -> Self:
        """Pause after the run in progress."""
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
        """
        if self.active:
            self._check_unchanged(settings)
            if self.status.state in (State.PAUSED, State.PAUSING):
                with self._changed:
                    self.status.state = State.RUNNING  # takes back a pause that was requested and not reached yet
                self._control.allow(None)
                self._publish(StateChanged(State.RUNNING))
            return self
        self._change(settings)
        return self._launch(None)

    def stop(self, wait: bool = True) -> Self:
        """End the study now: the run in progress is killed, no process is left, and the journal can be resumed.

        Parameters
        ----------
        wait : bool
            Whether to return only when everything has ended (about a second).
        """
        if self.active:
            self._publish(StateChanged(State.STOPPING))
            self._control.stop()
            if (thread := self._thread) is not None:
                thread.interrupt()
                if wait and thread is not threading.current_thread():
                    thread.join()
        return self

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until the study is paused or has ended; an interrupt of the wait leaves it running.

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
        with self._changed:
            while self.active and self.status.state is not State.PAUSED:
                left = None if end is None else end - time.monotonic()
                if left is not None and left <= 0:
                    return False
                # Short waits: Python delivers an interrupt only between them.
                self._changed.wait(0.1 if left is None else min(0.1, left))
        return True

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
            journal.note("say", text=text.strip())
        return self

    def plan(self, show: Callable[[float, str], None] = lambda share, what: None) -> Plan:
        """Find out, before anything is spent, whether the target runs, how noisy it is, how long it takes, what it costs.

        The target is run a few times; nothing is written and no experiment is made.

        Parameters
        ----------
        show : callable, optional
            Called with the share that is done, and what is being done.

        Raises
        ------
        UserError
            When the target does not run, or the metric cannot be read.
        """
        from .plan import make_plan

        if (other := registry.running()) is not None:
            raise UserError(
                f"The study {other.name} is {other.state}: a plan beside it would measure that. Stop it first."
            )
        plan = make_plan(
            self.definition, lambda scratch: make_runner(self.definition, self.folder, self._publish, scratch=scratch), show
        )  # fmt: skip
        try:
            self._agent = self._agent or self._make_agent(self.definition)
        except NothingToTune as error:
            plan = replace(plan, problem=str(error))
        return plan

    # -- comparisons ------------------------------------------------------------------------------------------------
    # `ask_...` starts one in the study's thread and returns at once; `answer` has the result; the plain verbs wait for it.

    def regression(self, a: int | str, b: int | str, samples: int | None = None) -> Regression:
        """Run experiments `a` and `b` side by side and return whether `b` is no worse than `a`; waits for the answer.

        Parameters
        ----------
        a, b : int
            Numbers of experiments.
        samples : int, optional
            Runs of each; 8 by default.
        """
        self.ask_regression(a, b, samples).wait()
        answer: Regression = self.answer()
        return answer

    def ask_regression(self, a: int | str, b: int | str, samples: int | None = None) -> Self:
        """Start what `regression` waits for."""
        from .comparisons import SAMPLES, ask_regression

        self._check_not_active()
        first, second = self.experiment(a), self.experiment(b)
        if first is second:
            raise UserError("Give the numbers of two experiments, for example  regression 0 5")
        for experiment in (first, second):
            if not experiment.ran:
                raise UserError(f"Experiment {experiment.number} was never run ({experiment.verdict}): choose another.")
        return self._ask(lambda measurer: ask_regression(measurer, first.number, second.number, samples or SAMPLES))

    def ablate(self, samples: int | None = None) -> Ablation:
        """Undo each kept change in turn and return what it contributes to the best; waits for the answer.

        Parameters
        ----------
        samples : int, optional
            Runs of each version; the study's `repeats` by default.
        """
        self.ask_ablation(samples).wait()
        answer: Ablation = self.answer()
        return answer

    def ask_ablation(self, samples: int | None = None) -> Self:
        """Start what `ablate` waits for."""
        from .comparisons import ask_ablation

        self._check_not_active()
        if (best := self.status.incumbent) is None or best.number == 0:
            raise UserError(f"{self.name} has kept nothing so far: there is no change to undo.")
        return self._ask(lambda measurer: ask_ablation(measurer, samples or max(2, self.settings.repeats)))

    def ask_confirmation(self) -> Self:
        """Measure best and baseline again on fresh seeds, as at the end of a study; `status.headline` has the result."""
        return self._ask(lambda measurer: measurer.confirm())

    def answer(self) -> Any:
        """Return the answer to the last comparison; None when it was stopped.

        Raises
        ------
        UserError
            When it could not be answered.
        """
        answer = None if self._thread is None else self._thread.answer
        if isinstance(answer, UserError):
            raise answer
        return answer

    # -- results ----------------------------------------------------------------------------------------------------

    def apply(self, number: int | str | None = None) -> str:
        """Commit what an experiment has changed to the user's branch, as one commit; nothing is pushed.

        Parameters
        ----------
        number : int, optional
            The best by default.

        Returns
        -------
        str
            The hash of the new commit.

        Raises
        ------
        UserError
            When the branch is not in a state for it; nothing is changed then.
        """
        from .applying import apply_to_branch

        return apply_to_branch(self.status, self.status.incumbent if number is None else self.experiment(number))

    def report(self, path: str | Path | None = None, *, confirm: bool = True) -> Path:
        """Write a report in Markdown and return its path.

        Parameters
        ----------
        path : str or Path, optional
            ``report.md`` in the study's folder by default.
        confirm : bool
            Whether to measure best and baseline again first, when the study has ended without that.
        """
        from .export import write_report

        if confirm and self.unconfirmed:
            self.ask_confirmation().wait()
        return write_report(self.status, self.folder / "report.md" if path is None else Path(path))

    # -- the thread -------------------------------------------------------------------------------------------------

    def _check_unchanged(self, settings: Mapping[str, Any]) -> None:
        if settings:
            raise UserError(
                f"{self.name} is {self.state}: its settings can change only after a stop. %autoresearch stop, then "
                f"%autoresearch resume {self.name}  with them."
            )

    def _change(self, settings: Mapping[str, Any]) -> None:
        """Take other settings to go on with, and make the agent anew; nothing changes where one of them cannot."""
        if not settings and self._agent is not None:
            return
        definition = resumed(self.definition, settings)
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

    def _launch(self, allowed: int | None, comparison: Comparison | None = None) -> Self:
        """Start the thread; `allowed` is the number of experiments before a pause."""
        if self.active:
            raise UserError(f"{self.name} is {self.state} already: see  %autoresearch status")
        if self.status.complete and comparison is None:
            raise UserError(
                f"{self.name} is finished: go on with  %autoresearch resume {self.name} -n {self.status.longer}  "
                "or begin another with  %autoresearch start"
            )
        with registry.lock:
            if (other := registry.running()) is not None:
                raise UserError(
                    f"The study {other.name} is {other.state}: wait for it (%autoresearch wait) or stop it "
                    "(%autoresearch stop) before you start another."
                )
            agent = None
            if comparison is None:
                agent, self._agent = self._agent or self._make_agent(self.definition), None
                agent.check()  # a wrong key or model is told here, in the cell, before the baseline is paid for
            self.folder.mkdir(parents=True, exist_ok=True)
            folders.hide(self.folder)
            try:
                self._lock.acquire()
            except Timeout:
                raise UserError(f"Another process is running {self.name}: stop it there first.") from None
            registry.register(self)
            self._control = Control()
            self._control.allow(allowed)
            self._thread = StudyThread(self.status, self._control, self._publish, self._lock, agent, comparison)
            self.status.message = self.status.traceback = ""
            self.status.state = State.STARTING
        reader = RequestReader(  # made first, because it reads what the journal holds from before this start
            self.folder / "journal.sqlite",
            {"pause": self.pause, "resume": self.resume, "stop": lambda: self.stop(wait=False)},
            lambda: self.state, lambda: self.active,
        )  # fmt: skip
        for remark in self.take_remarks():
            self._publish(Notice(remark))
        self._thread.start()
        reader.start()
        return self

    def _publish(self, event: Event) -> None:
        with self._changed:
            self.status.take(event)
            self._changed.notify_all()
        for observer in list(self._observers):
            try:
                observer(event)
            except (Exception, SystemExit) as error:  # an observer's error, or sys.exit(), must not end a night's work
                # By identity, as in `observe`; and another thread may have removed it already.
                self._observers = [each for each in self._observers if each is not observer]
                line = f"An observer failed and was removed: {type(error).__name__}: {error}"
                self.status.take(Notice(line, lasting=True))


def _branch_exists(definition: Definition, name: str) -> bool:
    """Whether the repository holds the experiments of an earlier study of this name, whose folder is gone."""
    return definition.checkout is not None and has_study(definition.checkout, safe_name(name))
