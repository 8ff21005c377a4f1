"""A stretch of a study's work: what its thread does from a start to the next rest, with which runner, into which records.

Not here: whether the study may start, how it is steered and who listens; that is the study's.
"""

from __future__ import annotations

import threading
import time
import traceback
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from filelock import FileLock

from ..agents import Agent
from ..config.settings import make_settings
from ..errors import Stopped, UserCodeError, UserError
from ..events import Notice, Publish, State, StateChanged
from ..runners import Runner
from ..runners.cell import CellRunner
from ..runners.command import CommandRunner, GuardCommand
from ..runners.replay import ReplayRunner
from ..runners.worktree import Worktree
from ..source.files import split
from ..storage.git.commits import safe_name
from ..storage.journal import Journal
from ..storage.recording import parse_replay
from ..storage.records import Records
from .control import Control
from .definition import Definition
from .loop import Loop
from .measuring import Measurer
from .status import StudyStatus

CHANGEABLE = {
    "experiments", "agent", "timeout", "memory", "threads", "hours", "minutes", "max_tokens", "max_cost", "patience", "until", "pruner",
}  # fmt: skip
"""Settings that a study can go on with in another way; with any other its values would not compare."""


def changed(definition: Definition, settings: Mapping[str, Any]) -> Definition:
    """Return what the next stretch goes on with: the same study, some of its settings (`CHANGEABLE`) others than before.

    Raises
    ------
    UserError
        When its values would not compare with those so far.
    """
    if odd := sorted(set(settings) - CHANGEABLE):
        raise UserError(f"A study cannot go on with another {odd[0]}: its values would not compare. Start a new one.")
    made = make_settings(definition.settings.to_json(), settings)
    if made.agent.startswith("replay:") != definition.settings.agent.startswith("replay:"):
        raise UserError("A replay and a real study cannot go on as each other: recorded and measured values would mix.")
    return replace(definition, settings=made)


class StudyThread(threading.Thread):
    """One stretch of work, in a thread: the loop where there is an agent, else the answer to a question.

    Parameters
    ----------
    folder : Path
        The study's.
    definition : Definition
    status : StudyStatus
        Where the study stands; a question leaves it as it stands when this is made.
    control : Control
        How other threads steer it.
    publish : callable
        Takes every event.
    lock : FileLock
        Is held already, and given back at the end.
    agent : Agent, optional
    question : callable, optional
        Is given the measurer, returns its answer.

    Attributes
    ----------
    answer : Any
        What came of the question: the answer, or the UserError that says why there is none; None when it was stopped.
    """

    def __init__(
        self,
        folder: Path,
        definition: Definition,
        status: StudyStatus,
        control: Control,
        publish: Publish,
        lock: FileLock,
        agent: Agent | None = None,
        question: Callable[[Measurer], object] | None = None,
    ) -> None:
        super().__init__(name=f"autoresearch-{folder.name}", daemon=True)
        self.answer: Any = None
        self._folder, self._definition, self._status = folder, definition, status
        self._control, self._publish, self._lock = control, publish, lock
        self._agent, self._question = agent, question
        self._runner: Runner | None = None
        self._rest = (State.FINISHED, "") if question is None else (status.state, status.message)

    def interrupt(self) -> None:
        """Kill the run under way."""
        if self._runner is not None:
            self._runner.interrupt()

    def run(self) -> None:
        """Work; whatever happens ends in a state, a message and nothing left behind."""
        state, message = self._rest
        records = None
        self._status.begin()
        try:
            self._publish(StateChanged(State.STARTING))
            records = _open_records(self._folder, self._definition, self._publish)
            self._work(records)
        except Stopped:
            state = State.STOPPED if self._question is None else state
        except UserError as error:
            if self._question is not None:
                self.answer = error
                return
            state, message = State.FAILED, str(error)
            self._status.traceback = error.traceback if isinstance(error, UserCodeError) else ""
        except BaseException as error:  # a bug of ours, or a full disk: shown whole, never swallowed
            state, message = State.FAILED, f"{type(error).__name__}: {error}"
            self._status.traceback = traceback.format_exc()
        finally:
            self._wind_up(records, state, message)

    def _work(self, records: Records) -> None:
        """Go on from where the records stand."""
        status, publish = self._status, self._publish
        experiments = records.journal.experiments()
        judged = records.catch_up([e for e in experiments if e.verdict is not None])
        status.experiments = tuple(judged)
        status.runs = [(run.kind, run.measurement.seconds) for run in records.journal.runs()]
        self._runner = make_runner(self._definition, self._folder, publish)
        if self._agent is not None and self._agent.warning:
            publish(Notice(self._agent.warning))
        if (checkout := self._definition.checkout) is not None and not checkout.branch:
            publish(Notice(
                f"HEAD is detached at {checkout.commit[:10]}: the study begins there, but apply will need a branch (git switch NAME)."
            ))  # fmt: skip
        parts: dict[str, Any] = {
            "definition": self._definition, "runner": self._runner, "records": records, "publish": publish,
            "control": self._control, "judged": judged,
        }  # fmt: skip
        if self._agent is not None:
            pending = next((e for e in experiments if e.verdict is None), None)
            Loop(**parts, agent=self._agent, pending=pending, elapsed=lambda: status.elapsed).run()
        elif self._question is not None:
            publish(StateChanged(State.MEASURING))
            self.answer = self._question(Measurer(**parts))

    def _wind_up(self, records: Records | None, state: State, message: str) -> None:
        if self._runner is not None:
            self._runner.close()
        status = self._status
        status.end()
        try:
            if records is not None:
                with records:
                    records.ended(state, message or status.message, status.elapsed)
                    records.draw(list(status.experiments), status.headline, last=True)
        finally:
            self._lock.release()
            self._publish(StateChanged(state, message))


def _open_records(folder: Path, definition: Definition, publish: Publish) -> Records:
    journal = Journal(folder / "journal.sqlite", create=True)
    if journal.get("created") is None:
        journal.set(created=time.time(), name=folder.name, definition=definition.to_json())
    journal.set(settings=definition.settings.to_json(), state=State.RUNNING, message="")
    return Records(
        folder, journal, metric=definition.metric, title=definition.program.title, files=definition.files, publish=publish,
        checkout=definition.checkout, target=definition.target,
    )  # fmt: skip


def make_runner(definition: Definition, folder: Path, publish: Publish, logs: Path | None = None) -> Runner:
    """Make the runner that a study's target needs: of a record, of the files of a repository, or of a cell.

    Parameters
    ----------
    definition : Definition
    folder : Path
        The study's.
    publish : callable
        Told when experiments cannot be forked.
    logs : Path, optional
        Where to write instead of `folder`, for a plan, which leaves nothing behind.
    """
    s = definition.settings
    if s.agent.startswith("replay:"):
        record, speed = parse_replay(s.agent.partition(":")[2], folder.parent)
        return ReplayRunner(record, speed, seed=s.seed)
    if (checkout := definition.checkout) is not None:
        guard = GuardCommand(s.guard, s.as_guard_metric(), s.guard_threshold or 0.0) if s.guard else None
        return CommandRunner(
            # A plan leaves nothing behind: its worktree is its own, and stands on no branch.
            Worktree((folder if logs is None else logs) / "worktree", checkout, split(definition.target),
                     f"autoresearch/{safe_name(folder.name)}" if logs is None else "", s.link),
            s.verify, definition.metric, guard=guard, threads=s.threads, memory=s.memory, seed=s.seed, pass_env=s.pass_env,
            worker_log=(logs or folder / "logs") / "worker.log",
            keep=logs is None,
        )  # fmt: skip

    def tell_mode(mode: str, why: str) -> None:
        if mode != "fork":
            publish(Notice(f"Every experiment gets a fresh process: {why}."))

    return CellRunner(
        definition.setup,
        definition.target,
        definition.metric,
        s.budget,
        threads=s.threads,
        memory=s.memory,
        seed=s.seed,
        pass_env=s.pass_env,
        mode="fresh" if s.fresh else "auto",
        folders=definition.folders,
        setup_name=definition.setup_path.stem if definition.setup_path else "",
        setup_log=(logs or folder / "logs") / "setup.log",
        on_ready=tell_mode,
    )
