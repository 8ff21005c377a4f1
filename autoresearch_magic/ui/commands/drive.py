"""Subcommands for whoever drives a study from outside: begin one, try a version, end it with a confirmed result."""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

from ...agents.me import NAME as ME
from ...config.argument_parser import given
from ...errors import UserError
from ...storage.folders import ROOT, study_names
from ...storage.study_lock import is_held
from ...study.driver_briefing import driver_briefing
from ...study.opening import current, open_study
from ...study.study import Study
from ...study.tasks import What
from ...study.tries import make_proposal
from ...text import fenced
from ..background import LOG, spawn
from ..driving import (
    Show,
    Version,
    ask,
    carry_out_begin,
    carry_out_finish,
    carry_out_try,
    finish_reply,
    follow_try,
    noticing,
    read_version,
    running_reply,
)  # fmt: skip
from ..facts import metric_facts
from ..replies import shown_path
from ..reply import Reply
from ..session import MAGIC, Place, Session
from ..verdict import verdict_reply
from ..wording import for_shell
from .shell import SETUP, TARGET, file_study
from .table import NAME, STUDY, argument, command
from .values import paths

BACKGROUND = argument(
    "--background", action="store_true",
    help="do it in a process of its own and return at once; wait waits for it",
)  # fmt: skip
HYPOTHESIS = argument("--hypothesis", metavar="TEXT", default="", help="why it should help")
EXPECT = argument("--expect", metavar="TEXT", default="", help="the effect that you expect, such as -0.02")
DROP = argument(
    "--drop", action="store_true",
    help="give up an experiment that was begun and not finished, instead of finishing it first",
)  # fmt: skip


@command(
    "begin", argument("file", metavar="PROGRAM.md"), TARGET, SETUP, NAME, BACKGROUND, settings=True, json=True, places=[Place.SHELL]
)  # fmt: skip
def begin(session: Session, arguments: argparse.Namespace) -> Reply:
    """Begin a study that you or a coding agent drives: measure the baseline and its noise, and say how to go on."""
    options = given(arguments)
    study = file_study(session, arguments, {"agent": ME, **options}, {"experiments": "unlimited"})
    if arguments.background:
        study.save()
        return background_reply(study, "begin", spawn(study, "begin"))
    return Reply("", work=lambda show: carry_out_begin(study, show, session.place))


@command(
    "try", argument("summary", nargs="*", metavar="SUMMARY", help="one line that says what your version changes"),
    HYPOTHESIS, EXPECT, argument("--target", metavar="FILE", help="the file with your version, where the target is a cell"),
    argument("--revert", action="store_true", help="put the files back to the best version where yours is not kept"), DROP,
    argument("--briefing", action="store_true", help="try nothing; print what an agent should know now"), BACKGROUND,
    of_study=True, json=True, places=[Place.SHELL],
)  # fmt: skip
def try_files(session: Session, arguments: argparse.Namespace) -> Reply:
    """Measure and judge what you have changed in the files, and record it; exit code 0 where it is kept, 5 where it is not."""
    study = driven_study(session, arguments.study)
    if arguments.briefing:
        text = for_shell(driver_briefing(study))
        data = {"study": study.name, "metric": metric_facts(study.metric), "briefing": text}
        return Reply(text, fenced(text, "text"), data=data, verbatim=True)
    check_free(session, study)
    target, path, scratch = read_version(study, arguments.target, here=Path.cwd())
    version = Version(
        target, " ".join(arguments.summary), arguments.hypothesis, arguments.expect, arguments.drop, arguments.revert, path, scratch
    )  # fmt: skip
    if arguments.background:
        proposal = make_proposal(study, target, summary=version.summary)
        return background_reply(study, "try", spawn(study, "try", version), proposal.summary)
    return Reply("", work=lambda show: carry_out_try(study, version, show, session.place))


@command(
    "try", argument("words", nargs="*", metavar="SUMMARY | PATH [SUMMARY]", help="one line that says what your version changes; without a cell below, the file that holds it", values=paths),
    HYPOTHESIS, EXPECT, DROP, of_study=True, takes_cell=True, places=[Place.MAGIC],
)  # fmt: skip
def try_cell(session: Session, arguments: argparse.Namespace) -> Reply:
    """Measure and judge your own version of the target, in the cell or a file, like one of the agent's, and record it."""
    new = arguments.study is None and current() is None and session.program is not None
    study = session.new_study(arguments) if new else session.study(arguments.study)
    words, cell = list(arguments.words), arguments.cell
    files = study.definition.checkout is not None
    if cell is not None and files:
        raise UserError(
            f"{study.name} changes files of a repository: change them there, and write  {MAGIC} try SUMMARY  with one % and no cell."
        )
    if cell is not None:
        target = cell
    else:
        path = (
            words.pop(0)
            if words and not files and (Path(words[0]).expanduser().is_file() or words[0].endswith(".py"))
            else None
        )
        if path is None and not files and study.definition.target_path is None:
            raise UserError(
                f"Write your version of the target into a cell below  %{MAGIC} try SUMMARY , or name its file: {MAGIC} try PATH"
            )
        target = read_version(study, path)[0]
    version = Version(target, " ".join(words), arguments.hypothesis, arguments.expect, arguments.drop)

    def work(show: Show) -> Reply:
        with noticing(study) as told:
            asked = ask(study, version)
            try:
                task = follow_try(study, asked, version, show)
            except KeyboardInterrupt:
                raise UserError(
                    f"Stopped waiting; {study.name} goes on with your version. {MAGIC} wait  waits for it,  {MAGIC} stop  ends it."
                ) from None
        task = replace(task, notices=tuple(told))
        return verdict_reply(study, asked.answer(), task, session.place)

    return Reply("", work=work)


@command("finish", STUDY, BACKGROUND, of_study=True, json=True, places=[Place.SHELL])
def finish_in_shell(session: Session, arguments: argparse.Namespace) -> Reply:
    """End the search: choose the final version, and measure it and the baseline again on fresh seeds."""
    study = session.study(arguments.study)
    check_free(session, study)
    if arguments.background:
        return background_reply(study, "finish", spawn(study, "finish"))
    return Reply("", work=lambda show: carry_out_finish(study, show, session.place))


@command("finish", STUDY, of_study=True, places=[Place.MAGIC])
def finish(session: Session, arguments: argparse.Namespace) -> Reply:
    """End the search: choose the final version, and measure it and the baseline again on fresh seeds."""
    study = session.study(arguments.study).finish()
    return Reply("", wait=(study, None), then=lambda: finish_reply(study))


def driven_study(session: Session, name: str | None) -> Study:
    """Return the study of that name; by default the one that was written to last, also where it has no experiment yet.

    Raises
    ------
    UserError
        When there is none.
    """
    names = study_names(session.root)
    if name is None and not names:
        above = [folder for folder in Path.cwd().parents if study_names(folder / ROOT)]
        if above and session.root == Path(ROOT):
            raise UserError(f"There is no study in {session.root}, but in {above[0]} there is: work there.")
        raise UserError(f"There is no study in {session.root}: begin one with  autoresearch begin PROGRAM.md")
    return open_study(name or names[-1], session.root)


def check_free(session: Session, study: Study) -> None:
    """Check that no process works on a study, nor on another one of the same folder, which would disturb what is measured.

    Raises
    ------
    UserError
    """
    if study.locked:
        raise UserError(
            f"Another process is working on {study.name}: wait for it with  {MAGIC} wait {study.name} , or end it with  {MAGIC} stop {study.name}"
        )
    for name in study_names(session.root):
        if name != study.name and is_held(session.root / name):
            raise UserError(
                f"Another process is working on the study {name}, and that would disturb what is measured: wait for it with  "
                f"{MAGIC} wait {name} , or end it with  {MAGIC} stop {name}"
            )


def background_reply(study: Study, what: What, pid: int, summary: str = "") -> Reply:
    """Return that a process has begun a task, and how to wait for it."""
    reply = running_reply(study)
    doing = {"begin": "The baseline is measured", "try": f"{summary} is tried", "finish": "The result is confirmed"}[
        what
    ]
    log = study.folder / "logs" / LOG
    text = f"{doing} by process {pid}, which goes on when this shell ends. Its log is {shown_path(log)}. {{}}"
    text = text.format(f"Wait for it with  {MAGIC} wait {study.name} --timeout 9m")
    data = {**(reply.data or {}), "task": what, "summary": summary, "pid": pid, "log": str(log), "text": text}
    return replace(reply, text=for_shell(text), data=data, exit_code=0)
