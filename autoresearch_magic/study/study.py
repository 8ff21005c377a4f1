"""A study: one program, one target, all their experiments. The public handle; the thread behind it is a `StudyThread`."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from filelock import FileLock, Timeout

from ..agents.registry import make_agent
from ..config.settings import Settings
from ..errors import UserError
from ..events import Event, Observer, State, StateChanged
from ..experiment import Experiment
from ..metric import Metric
from ..storage import folders
from ..storage.folders import ROOT
from ..storage.git.checkout import has_study
from ..storage.git.commits import safe_name
from ..storage.recording import recorded_settings
from ..text import counted
from . import registry
from .asking import Askable
from .control import Control
from .definition import Definition, define
from .measuring import Measurer
from .status import StudyStatus
from .summary import applied_message
from .thread import StudyThread, changed

if TYPE_CHECKING:
    import pandas as pd


def taken(definition: Definition, name: str) -> bool:
    """Whether the repository holds the experiments of an earlier study of this name, whose folder is gone."""
    return definition.checkout is not None and has_study(definition.checkout, safe_name(name))


class Study(Askable):
    """One program, one target, and all their experiments.

    Parameters
    ----------
    program : str or Path
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
        Hear every event, in the study's thread.
    **settings
        See `autoresearch_magic.config.settings.Settings`: ``metric="val_bpb=evaluate(model)"``, ``budget="20s"``, ...

    Attributes
    ----------
    name : str
    folder : Path
        Where its journal, git repository, results.tsv, progress.png and logs are.
    definition : Definition
        Program, target, setup and settings.
    status : StudyStatus
        State, message, experiments, the run under way, how much is left.

    Raises
    ------
    UserError
        When anything of it cannot work; nothing has been run or written then.

    Examples
    --------
    >>> study = Study("Lower it", "X = 3.0; loss = (X - 1) ** 2", metric="loss", experiments=5)  # doctest: +SKIP
    >>> study.start().wait()  # doctest: +SKIP
    >>> study.history  # doctest: +SKIP
    """

    def __init__(
        self,
        program: str | Path,
        target: str | Path = "",
        setup: str | Path = "",
        *,
        name: str | None = None,
        root: str | Path = ROOT,
        observers: Sequence[Observer] = (),
        **settings: Any,
    ) -> None:
        root = Path(root).absolute()
        definition = define(
            program, target, setup, {**recorded_settings(str(settings.get("agent", "")), root), **settings}
        )
        make_agent(definition.settings.agent, definition.target, definition.settings, root)
        if name is not None and (root / folders.checked_name(name)).exists():
            raise UserError(f"There is a study {name!r} already: choose another name, or  %autoresearch resume {name}")
        if name is not None and taken(definition, name):
            raise UserError(
                f"There is a branch autoresearch/{name} of an earlier study: choose another name, or delete it."
            )
        free = name or folders.free_name(root, definition.metric, lambda name: taken(definition, name))
        self._prepare(root / free, definition, observers)

    def _prepare(self, folder: Path, definition: Definition, observers: Sequence[Observer] = ()) -> None:
        self.folder, self.name, self.definition = folder, folder.name, definition
        self.status = StudyStatus(definition.settings)
        self._observers = list(observers)
        self._changed = threading.Condition()
        self._control = Control()
        self._thread: StudyThread | None = None
        self._lock = FileLock(str(folder / "lock"), timeout=0, thread_local=False)

    # -- what it is ------------------------------------------------------------------------------------------------

    @property
    def settings(self) -> Settings:
        """The effective settings."""
        return self.definition.settings

    @property
    def metric(self) -> Metric:
        """What is measured."""
        return self.definition.metric

    @property
    def state(self) -> str:
        """Where it stands: ``new``, ``starting``, ``baseline``, ``running``, ``paused``, ``finished``, ..."""
        return self.status.state.value

    @property
    def active(self) -> bool:
        """Whether its thread is at work, or waits paused."""
        return self.status.state.active

    @property
    def locked(self) -> bool:
        """Whether some process, this one or another, is at work on it."""
        try:
            with self._lock:
                return False
        except Timeout:
            return True

    @property
    def experiments(self) -> list[Experiment]:
        """Every judged experiment, the baseline first."""
        return list(self.status.experiments)

    @property
    def incumbent(self) -> Experiment | None:
        """The best kept experiment; the baseline until something beats it."""
        return self.status.incumbent

    @property
    def history(self) -> pd.DataFrame:
        """One row an experiment.

        Columns: ``experiment`` (int), ``verdict``, ``value``, ``seconds`` (wall clock of its runs), ``summary``,
        ``commit``, ``agent``, ``source``, ``parent``, ``repeats`` (runs), ``memory_gb``, ``reason``, ``hypothesis``.
        """
        from .export import history

        return history(self.experiments)

    def experiment(self, number: int | str) -> Experiment:
        """Return one judged experiment.

        Raises
        ------
        UserError
            When there is none of that number.
        """
        there = self.status.experiments
        text = str(number).strip().lstrip("#")
        if text.isdecimal() and int(text) < len(there):
            return there[int(text)]
        range_ = f"they are numbered 0 to {len(there) - 1}" if there else "none is finished yet"
        raise UserError(f"There is no experiment {number} in {self.name}: {range_}.")

    # -- what it does ----------------------------------------------------------------------------------------------

    def observe(self, observer: Observer) -> None:
        """Add an observer; one that is there already is not told twice."""
        if not any(each is observer for each in self._observers):
            self._observers.append(observer)

    def start(self) -> Study:
        """Start, or go on, in a background thread; returns at once.

        Raises
        ------
        UserError
            When it runs already, another study runs in this process, or another process runs this one.
        """
        return self._launch(None)

    def step(self) -> Study:
        """Do one experiment (the baseline first, when there is none yet), then pause; returns at once."""
        if not self.active:
            return self._launch(1)
        if self.status.state is not State.PAUSED:
            raise UserError(f"{self.name} is {self.state}: pause it first, a step is one experiment from a pause.")
        self._control.allow(1)
        self._publish(StateChanged(State.RUNNING))
        return self

    def pause(self) -> Study:
        """Pause after the run that is under way."""
        if not self.active:
            raise UserError(f"{self.name} is {self.state}: there is nothing to pause.")
        if self.status.state not in (State.PAUSED, State.STOPPING):
            self._publish(StateChanged(State.PAUSING))
            self._control.allow(0)
        return self

    def resume(self, **settings: Any) -> Study:
        """Go on: from a pause, or, after a stop or a crash, from where the journal ends.

        Parameters
        ----------
        **settings
            Any of `stretch.CHANGEABLE`, such as ``experiments``, ``agent`` or ``patience``, to go on with others than before.
        """
        if self.active:
            if settings:
                raise UserError(f"{self.name} is {self.state}: its settings can change only after a stop.")
            if self.status.state in (State.PAUSED, State.PAUSING):
                with self._changed:
                    self.status.state = State.RUNNING  # takes back a pause that was asked for and not reached yet
                self._control.allow(None)
                self._publish(StateChanged(State.RUNNING))
            return self
        definition = changed(self.definition, settings)
        make_agent(definition.settings.agent, definition.target, definition.settings, self.folder.parent)
        self.definition, self.status.settings = definition, definition.settings
        return self._launch(None)

    def stop(self, wait: bool = True) -> Study:
        """End it now: the run under way is killed, no process is left, and the journal can be resumed.

        Parameters
        ----------
        wait : bool
            Whether to return only when all is ended (about a second).
        """
        if self.active:
            self._publish(StateChanged(State.STOPPING))
            self._control.stop()
            if (stretch := self._thread) is not None:
                stretch.interrupt()
                if wait and stretch is not threading.current_thread():
                    stretch.join()
        return self

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until it is paused or has ended; an interrupt of the wait leaves it running.

        Parameters
        ----------
        timeout : float, optional
            Seconds.

        Returns
        -------
        bool
            Whether it is paused or has ended; False when the time was up first.
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

    def restore(self, number: int | str) -> str:
        """Return the target's source as experiment `number` had it.

        Raises
        ------
        UserError
            When there is no such experiment.
        """
        return self.experiment(number).target

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
            When it is not clean to do so; nothing is changed then.
        """
        from ..storage.git.apply import apply

        if (checkout := self.definition.checkout) is None:
            raise UserError(
                "This study is of a cell: %autoresearch restore N puts an experiment's version into a cell."
            )
        best = self.incumbent if number is None else self.experiment(number)
        if best is None or best.number == 0:
            raise UserError(f"{self.name} has kept nothing so far: there is nothing to apply.")
        if not best.commit:
            raise UserError(f"Experiment {best.number} has no commit: see  %autoresearch show {best.number}")
        return apply(checkout, best.commit, applied_message(self, best))

    def report(self, path: str | Path | None = None, *, confirm: bool = True) -> Path:
        """Write a report in Markdown; ``report.md`` in the study's folder by default. Returns its path.

        Parameters
        ----------
        path : str or Path, optional
        confirm : bool
            Whether to measure best and baseline again first, where that was not done yet and the study is at rest.
        """
        from .export import write_report

        if confirm and self.unconfirmed:
            self.ask_confirmation().wait()
        return write_report(self, self.folder / "report.md" if path is None else Path(path))

    def export(self, path: str | Path, columns: int = 5) -> Path:
        """Write the best target (``.py``), a notebook of it (``.ipynb``) or the history (``.csv .tsv .json``).

        Parameters
        ----------
        path : str or Path
        columns : int
            Of a ``.tsv``: the original's 5, or the 9 of the generalised skill.

        Raises
        ------
        UserError
            For another suffix, or when there is nothing to write yet.
        """
        from .export import export

        return export(self, Path(path), columns)

    def __repr__(self) -> str:
        best = self.incumbent
        value = f", best {self.metric.format(best.value)} (experiment {best.number})" if best else ""
        return f"<Study {self.name}: {self.state}, {counted(self.status.done, 'experiment')}{value}>"

    # -- at work ---------------------------------------------------------------------------------------------------

    def _launch(self, allowed: int | None, question: Callable[[Measurer], object] | None = None) -> Study:
        if self.active:
            raise UserError(f"{self.name} is {self.state} already: see  %autoresearch status")
        finished = self.status.state is State.FINISHED and self.status.done >= self.settings.experiments
        if finished and question is None:
            more = 2 * self.settings.experiments
            raise UserError(f"{self.name} is finished: go on with  %autoresearch resume {self.name} -n {more}")
        with registry.lock:
            if (other := registry.running()) is not None:
                raise UserError(
                    f"The study {other.name} is {other.state}: wait for it (%autoresearch wait) or stop it "
                    "(%autoresearch stop) before you start another."
                )
            agent = None if question else make_agent(
                self.settings.agent, self.definition.target, self.settings, self.folder.parent
            )  # fmt: skip
            if agent is not None:
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
            self._thread = StudyThread(
                self.folder, self.definition, self.status, self._control, self._publish, self._lock, agent, question
            )
            self.status.message = self.status.traceback = ""
            self.status.state = State.STARTING
        self._thread.start()
        return self

    def _publish(self, event: Event) -> None:
        with self._changed:
            self.status.take(event)
            self._changed.notify_all()
        for observer in list(self._observers):
            try:
                observer(event)
            except Exception as error:  # an observer's fault must not end a night's work
                # By identity, as in `observe`; and another thread may have removed it already.
                self._observers = [each for each in self._observers if each is not observer]
                self.status.message = f"An observer failed and was removed: {type(error).__name__}: {error}"
