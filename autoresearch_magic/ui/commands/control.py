"""Subcommands that start, pause, resume and stop a study, wait for it, and send its agent a note."""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable

from ...agents.me import NAME as ME
from ...agents.readers import reads_nothing, told_when
from ...budget import parse_duration
from ...config.argument_parser import given
from ...errors import UserError
from ...events import State
from ...study.definition import read_program
from ...study.opening import current
from ...study.study import Study
from ...study.summary import result_line
from ...study.tasks import Task
from ..driving import after_wait, running_reply, working_on
from ..progress_bar import caption, follow
from ..reply import Reply, prose_reply
from ..session import MAGIC, Place, Session
from ..verdict import verdict_reply
from .table import NAME, STUDY, argument, command

NOTED = 10.0
"""Seconds within which a process notes the end of its task, once the study has ended."""


def go_on(study: Study, place: Place) -> list[str]:
    """Return the line that offers to go on with a study that is complete, or with one that was ended; else nothing."""
    if study.status.complete:
        return [f"Go on with  {place.value} resume {study.name} -n {study.status.longer}"]
    ended = study.state in (State.STOPPED, State.FAILED) and bool(study.experiments)
    if ended and study.settings.agent == ME:
        return [f"Try another version with  {MAGIC} try SUMMARY , or end the search with  {MAGIC} finish"]
    return [f"Continue with  {place.value} resume {study.name}"] if ended else []


@command("start", NAME, settings=True, places=[Place.MAGIC])
def start(session: Session, arguments: argparse.Namespace) -> Reply:
    """Start a study of what has been defined, in the background."""
    if arguments.cell is not None:  # the bare %%autoresearch: the cell is the program
        session.program, session.options = read_program(arguments.cell), given(arguments)
    study = session.new_study(arguments)
    remarks = "".join(f"{remark}\n" for remark in study.take_remarks())
    study.start()
    return prose_reply(
        f"{study.name}: {study.settings.describe()}\n{remarks}"
        f"It runs in the background. {MAGIC} status · pause · stop · wait · history · best",
        watch=study,
    )


@command("step", NAME, settings=True, places=[Place.MAGIC])
def step(session: Session, arguments: argparse.Namespace) -> Reply:
    """Run one experiment, then pause."""
    if (study := current()) is None:
        study = session.new_study(arguments).step()
    elif arguments.name is not None:
        raise UserError(
            f"{study.name} is open, and step makes its next experiment: without --name, or  {MAGIC} start --name "
            f"{arguments.name}  begins another."
        )
    else:
        study.step(**given(arguments))
    return prose_reply(f"{study.name}: one experiment, then a pause. {MAGIC} wait waits for it.", watch=study)


@command("pause", STUDY, of_study=True)
def pause(session: Session, arguments: argparse.Namespace) -> Reply:
    """Pause after the current run."""
    study = session.study(arguments.study).pause()
    return prose_reply(f"{study.name} pauses after the current run. Continue with  {MAGIC} resume {study.name}")


@command("resume", STUDY, settings=True, of_study=True)
def resume(session: Session, arguments: argparse.Namespace) -> Reply:
    """Continue after a pause, a stop or a crash; settings given here replace the old ones."""
    study = session.study(arguments.study, switch=True)
    if study.state == State.ELSEWHERE:
        study.resume(**given(arguments))
        return prose_reply(f"{study.name} continues, in the process that runs it.")
    paused = study.active
    study.resume(**given(arguments))
    done, best = len(study.experiments), study.status.incumbent
    where = f" with experiment {done}; best so far is experiment {best.number if best else 0}"
    return prose_reply(
        f"{study.name} {'continues' if done else 'starts'}{where if done and not paused else ''}.",
        watch=None if paused else study,
    )


@command("stop", STUDY, of_study=True)
def stop(session: Session, arguments: argparse.Namespace) -> Reply:
    """End the study now; it can be resumed."""
    study = session.study(arguments.study)
    if study.status.state.ongoing:
        study.stop()
    else:
        return prose_reply("\n".join([f"{study.name} is {study.state} already.", *go_on(study, session.place)]))
    return prose_reply(
        f"{study.name} is stopped: {result_line(study.status)}. Continue with  {MAGIC} resume {study.name}"
    )


@command(
    "wait",
    argument("--timeout", metavar="DURATION", help="wait at most this long, for example 60s"),
    STUDY, of_study=True, json=True,
)  # fmt: skip
def wait(session: Session, arguments: argparse.Namespace) -> Reply:
    """Wait until the study ends or pauses, or the try that another process makes, with a progress bar; exit code 6: still running."""
    timeout = None if arguments.timeout is None else parse_duration(arguments.timeout, "timeout")
    study = session.study(arguments.study)
    if session.place is Place.SHELL:
        return watched(study, timeout)
    if study.driven or arguments.json or working_on(study) is not None:
        return Reply("", wait=(study, timeout), then=lambda: _waited(study, session.place))
    return Reply("", wait=(study, timeout))


def _waited(study: Study, place: Place) -> Reply:
    """Return what became of what was waited for."""
    if study.status.state.ongoing and study.status.state is not State.PAUSED:
        return running_reply(study)
    given = study.last_given
    if given is not None and given.number is not None and given.number == len(study.experiments) - 1:
        return verdict_reply(study, study.experiments[-1], Task(0, "try", 0), place)
    return after_wait(study, place)


def watched(study: Study, timeout: float | None = None) -> Reply:
    """Follow a study that another process runs, with a bar, until no process runs it; what it did comes last."""

    def work(show: Callable[[float, str], None]) -> Reply:
        if not study.status.state.ongoing and working_on(study) is None:
            return after_wait(study, Place.SHELL)
        over = follow(study, _Shown(show), timeout, to_end=True)
        end = time.monotonic() + NOTED
        while over and working_on(study) is not None and time.monotonic() < end:
            time.sleep(0.05)  # it puts files back, and notes the end
        return after_wait(study, Place.SHELL) if over else running_reply(study)

    return Reply("", work=work)


class _Shown:
    """The bar of a reply's work, which ends without a last text: the status is printed below it."""

    def __init__(self, show: Callable[[float, str], None]) -> None:
        self.show = show

    def close(self, last: str | None = None) -> None:
        """Leave it to who has made the bar."""


@command("watch", STUDY, of_study=True, places=[Place.MAGIC])
def watch(session: Session, arguments: argparse.Namespace) -> Reply:
    """Show the live panel again."""
    study = session.study(arguments.study, switch=True)
    return prose_reply(f"{study.name}: {caption(study)}", watch=study)


@command("say", argument("text", nargs="+", metavar="TEXT", help="what it should know"), of_study=True)
def say(session: Session, arguments: argparse.Namespace) -> Reply:
    """Send the agent a note; it reads it before its next proposal."""
    study = session.study(arguments.study).say(" ".join(arguments.text))
    agent = study.settings.agent
    deaf = reads_nothing(agent)
    return prose_reply(f"Noted, but {deaf}." if deaf else f"Noted: {told_when(agent)}")
