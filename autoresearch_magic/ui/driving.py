"""Carry out what a shell or a notebook asks of a study that is driven from outside, and tell other processes through the journal."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ..config.host_skill import NAME as SKILL
from ..errors import UserCodeError, UserError
from ..events import Event, Notice, State
from ..source import files
from ..storage.git.working_tree import WorkingTree, check_here, check_scope, put_back, read_working_tree
from ..storage.journal import Journal
from ..study.driver_briefing import driver_briefing
from ..study.sources import read_source
from ..study.study import Study
from ..study.summary import result_line, run_line, status_text
from ..study.tasks import Task, What, begin_task, end_task, last_task
from ..study.tries import Try, unfinished
from ..text import counted
from .exit_codes import RUNNING
from .facts import metric_facts, plain_dict, status_facts
from .outcome import outcome_reply
from .progress_bar import caption
from .reply import Reply, prose_reply
from .session import MAGIC, Place
from .verdict import verdict_reply
from .wording import for_shell

Show = Callable[[float, str], None]
"""Shows the share that is done, and what is being done."""

LOOK = 0.5
"""Seconds between two looks at a study that is waited for."""


@dataclass(frozen=True)
class Version:
    """A version of the target to be tried, with what is said about it.

    Attributes
    ----------
    target : str
    summary, hypothesis, expect : str
    drop : bool
        Whether an experiment that was begun and not finished is given up.
    revert : bool
        Whether the files are put back where it is not kept.
    path : str
        The file that it was read from, for a target that is one; empty for a cell, and for files of a repository.
    scratch : tuple of str
        Untracked files that are not part of it.
    on_disk : bool
        Whether it was read from files, rather than given as a text.
    """

    target: str
    summary: str = ""
    hypothesis: str = ""
    expect: str = ""
    drop: bool = False
    revert: bool = False
    path: str = ""
    scratch: tuple[str, ...] = ()
    on_disk: bool = True

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Version:
        """Return the version whose attributes these are."""
        return cls(**{**values, "scratch": tuple(values["scratch"])})


def read_version(study: Study, path: str | None, *, here: Path | None = None) -> tuple[str, str, tuple[str, ...]]:
    """Return the user's version of a study's target: its text, the file that it was read from, and untracked files that are no part of it.

    Parameters
    ----------
    study : Study
    path : str or None
        The file of a target that is one; by default the one that the study was made from.
    here : Path, optional
        The folder that must be in the study's repository.

    Raises
    ------
    UserError
        When there is none that could be tried.
    """
    definition = study.definition
    checkout = definition.checkout
    if checkout is None:
        place = Path(path).expanduser() if path else definition.target_path
        if place is None:
            raise UserError(f"The target of {study.name} is a cell: name the file that holds your version.")
        _check_setup(study)
        return read_source(place, "version")[0], str(place), ()
    if path:
        raise UserError(
            f"{study.name} changes files of {checkout.folder}: its working tree is what is tried, so name no file."
        )
    if here is not None:
        check_here(checkout, here)
    study.refresh()
    best = study.status.incumbent
    tree: WorkingTree = read_working_tree(checkout, files.split(best.target if best else definition.target))
    check_scope(checkout, tree)
    scratch = tuple(
        path for path in tree.scratch if f"/skills/{SKILL}/" not in f"/{path}"
    )  # ours, of which nobody need be told
    return files.join(tree.target), "", scratch


def _check_setup(study: Study) -> None:
    """Check that the file of the setup, which is frozen, is as the study found it."""
    path = study.definition.setup_path
    if path is None or not path.is_file():
        return
    if path.read_text(encoding="utf-8", errors="replace") != study.definition.setup:
        raise UserError(
            f"{path} has changed since {study.name} began, and it is frozen: put it back, or begin another study with it."
        )


def carry_out_try(study: Study, version: Version, show: Show, place: Place) -> Reply:
    """Try a version and return its verdict; the journal notes the task."""
    with noticing(study) as told:
        asked = ask(study, version)
        with Journal(study.folder / "journal.sqlite") as journal:
            number = begin_task(journal, "try", asked.summary, version.scratch)
            with _ending(study, journal, number, lambda: unfinished_line(asked)):
                task = replace(follow_try(study, asked, version, show), notices=tuple(told))
            end_task(
                journal, number, experiment=task.experiment, first=list(task.first), reverted=list(task.reverted),
                left=list(task.left), notices=list(task.notices),
            )  # fmt: skip
    return verdict_reply(study, asked.answer(), task, place, on_disk=version.on_disk)


def carry_out_begin(study: Study, show: Show, place: Place) -> Reply:
    """Measure the baseline of a study; the journal notes the task."""
    with noticing(study) as told:
        study.save().begin()
        return _carry_out(study, "begin", show, told, lambda: begin_reply(study, place, told))


def carry_out_finish(study: Study, show: Show, place: Place) -> Reply:
    """Choose the final version of a study and confirm the result; the journal notes the task."""
    with noticing(study) as told:
        study.finish()
        return _carry_out(study, "finish", show, told, lambda: finish_reply(study, told))


def _carry_out(study: Study, what: What, show: Show, told: Sequence[str], reply: Callable[[], Reply]) -> Reply:
    with Journal(study.folder / "journal.sqlite") as journal:
        number = begin_task(journal, what)
        with _ending(study, journal, number, lambda: f"Go on with  {MAGIC} {what if what == 'finish' else 'try'} ."):
            while not study.wait(LOOK):
                show(share(study), try_caption(study))
            if study.status.state is State.FAILED:
                raise UserCodeError(study.status.message, study.status.traceback)
            if what == "begin" and not study.experiments:
                raise UserError(
                    f"{study.name} was stopped before its baseline was measured:  {MAGIC} try  measures it first."
                )
            if what == "finish" and study.status.state is not State.FINISHED:
                raise UserError(f"{study.name} was stopped before the result was confirmed:  {MAGIC} finish  goes on.")
        end_task(journal, number, notices=list(told))
    return reply()


@contextmanager
def noticing(study: Study) -> Iterator[list[str]]:
    """Give the list of what a study that is driven from outside tells meanwhile."""
    told: list[str] = []

    def keep(event: Event) -> None:
        if isinstance(event, Notice) and study.driven and event.message not in told:
            told.append(event.message)

    study.observe(keep)
    try:
        yield told
    finally:
        study.unobserve(keep)


@contextmanager
def _ending(study: Study, journal: Journal, number: int, left: Callable[[], str]) -> Iterator[None]:
    """Note what ends a task early; an interrupt stops the study, and `left` says what that leaves."""
    try:
        yield
    except UserError as error:
        end_task(journal, number, error=str(error), judged=len(study.experiments))
        raise
    except KeyboardInterrupt:
        study.stop()
        end_task(journal, number, error=f"It was interrupted. {left()}", judged=len(study.experiments))
        raise UserCodeError(f"Interrupted. {left()}") from None


def ask(study: Study, version: Version) -> Try:
    """Give a version to a study."""
    return study.ask_try(
        version.target, summary=version.summary, hypothesis=version.hypothesis, expect=version.expect, drop=version.drop
    )


def follow_try(study: Study, asked: Try, version: Version, show: Show) -> Task:
    """Wait for the verdict, put files back where that was asked for, and return what became of the version.

    Raises
    ------
    UserError
        When there is no verdict.
    """
    while not asked.wait(LOOK):
        show(share(study), try_caption(study))
    e = asked.answer()
    show(1.0, f"experiment {e.number}: {e.verdict}")
    first = (asked.unfinished.number,) if asked.unfinished is not None and asked.unfinished.number != e.number else ()
    task = Task(0, "try", 0, e.summary, True, e.number, first, scratch=version.scratch)
    if e.kept or not version.revert:
        return task
    done, left = _put_back(study, version)
    return replace(task, reverted=tuple(done), left=tuple(left))


def _put_back(study: Study, version: Version) -> tuple[list[str], list[str]]:
    best = study.incumbent.target
    if (checkout := study.definition.checkout) is not None:
        return put_back(checkout, files.split(version.target), files.split(best))
    path = Path(version.path)
    if read_source(path, "version")[0] != version.target:
        return [], [version.path]
    path.write_bytes(best.encode())
    return [version.path], []


def unfinished_line(asked: Try) -> str:
    """Return what an interrupted try leaves."""
    if asked.number is None or asked.experiment is not None:
        return "Your version was not begun."
    return f"Experiment {asked.number} is not finished: the next try finishes it first, or gives it up with --drop."


def share(study: Study) -> float:
    """Return the share of the run in progress that is done."""
    live = study.status.live
    return live.progress if live is not None else 0.0


def try_caption(study: Study) -> str:
    """Return what a study that is driven from outside does at the moment, in one line."""
    status = study.status
    return caption(study) if (live := status.live) is None else run_line(live, status.incumbent, status.metric)


# -- what is shown of the begin, the end, and while something runs ------------------------------------------------------------------


def begin_reply(study: Study, place: Place, notices: Sequence[str] = ()) -> Reply:
    """Return what was begun, the baseline and its noise, what an agent should know, and how to go on."""
    baseline = study.experiments[0]
    spread = f", sd {baseline.deviation:.2g}" if len(baseline.values) > 1 else ""
    runs = f"{counted(len(baseline.values), 'run')}{spread}, {baseline.seconds / len(baseline.measurements):.2g} s each"
    head = f"{study.name}: {study.settings.describe()}\nBaseline: {study.metric.name} {study.status.format(baseline.value)} ({runs})."
    head = "\n".join([head, *notices])
    told = for_shell(driver_briefing(study)) if place is Place.SHELL else driver_briefing(study)
    text = f"{head}\n\n{told}"
    return Reply(
        for_shell(text) if place is Place.SHELL else text, verbatim=True,
        data=plain_dict({
            "study": study.name, "metric": metric_facts(study.metric), "running": False, "task": "begin", "folder": study.folder,
            "baseline": baseline.value, "sd": baseline.deviation if len(baseline.values) > 1 else None, "runs": len(baseline.values),
            "seconds": baseline.seconds, "commit": baseline.commit, "settings": study.settings.to_json(), "briefing": told, "notices": list(notices),
            "error": "", "text": head,
        }),
    )  # fmt: skip


def finish_reply(study: Study, notices: Sequence[str] = ()) -> Reply:
    """Return the result of a study that was finished."""
    reply = outcome_reply(study)
    return replace(
        reply,
        data={
            **status_facts(study),
            "running": False,
            "task": "finish",
            "notices": list(notices),
            "error": "",
            "text": result_line(study.status),
        },
    )


def working_on(study: Study) -> Task | None:
    """Return the task that a process is working on now; None where there is none."""
    path = study.folder / "journal.sqlite"
    if not path.is_file():
        return None
    with Journal(path) as journal:
        task = last_task(journal)
    return task if task is not None and not task.ended and task.alive else None


def running_reply(study: Study) -> Reply:
    """Return that something still runs, and how to go on waiting."""
    task = working_on(study)
    summary = task.summary if task is not None else ""
    doing = {"try": f"the try of  {summary}", "begin": "the baseline", "finish": "the confirmation of the result"}
    what = doing[task.what] if task is not None else f"{study.name} ({study.status.message or study.state})"
    text = f"Still running: {what}. Wait for it with  {MAGIC} wait {study.name} --timeout 9m"
    return Reply(
        text, prose=True, exit_code=RUNNING,
        data=plain_dict({
            "study": study.name, "metric": metric_facts(study.metric), "running": True, "task": task.what if task else "",
            "summary": summary, "experiments": study.status.done, "error": "", "text": text,
        }),
    )  # fmt: skip


def after_wait(study: Study, place: Place) -> Reply:
    """Return what became of the last task of a study that nobody works on any more; its status, where that is not the last that happened.

    Raises
    ------
    UserError
        When the task could not be carried out.
    """
    with Journal(study.folder / "journal.sqlite") as journal:
        task = last_task(journal)
    last = len(study.experiments) - 1
    if task is not None and task.error and task.judged == len(study.experiments):
        raise UserCodeError(task.error)
    if task is not None and not task.ended and (open_one := unfinished(study)) is not None:
        raise UserCodeError(
            f"The process that tried  {open_one.summary}  ended before the verdict: the next try finishes experiment "
            f"{open_one.number} first, or gives it up with --drop."
        )
    if task is not None and task.ended:
        if task.what == "try" and task.experiment == last:
            return verdict_reply(study, study.experiments[last], task, place)
        if task.what == "begin" and last == 0:
            return begin_reply(study, place, task.notices)
        if task.what == "finish" and study.status.state is State.FINISHED:
            return finish_reply(study, task.notices)
    text = status_text(study.status)
    return replace(
        prose_reply(text), data={**status_facts(study), "running": False, "task": "", "error": "", "text": text}
    )
