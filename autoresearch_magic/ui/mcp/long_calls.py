"""The calls that take a while: planning, beginning and finishing a study, trying a change; and how their state is told."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import anyio
from anyio.to_thread import run_sync
from mcp.server.mcpserver import Context

from ...agents.me import NAME as ME
from ...config.settings import FIELDS
from ...errors import Stopped, UserError
from ...study.definition import read_program
from ...study.study import Study
from ...study.tries import make_proposal, unfinished
from ..driving import Version, carry_out_begin, carry_out_finish, carry_out_try, read_version
from ..replies import plan_reply
from ..session import Place, known_layout, program_settings, sealed_file
from . import results
from .serving import Serving
from .wording import for_client
from .work import Work, in_progress


def planned(serving: Serving, program: str, target: str, setup: str, settings: Mapping[str, Any]) -> Work:
    """Start to plan a study."""
    serving.check_free()
    study = new_study(serving, program, target, setup, "", settings)
    return serving.begin_work(Work("plan", study, lambda show: plan_reply(study.plan(show))))


def begun(serving: Serving, program: str, target: str, setup: str, name: str, settings: Mapping[str, Any]) -> Work:
    """Start to measure the baseline of a new study, which is the served one from now on."""
    if serving.only:
        raise UserError(
            f"This server is for the study {serving.only} alone (--study): try changes there, or use another server."
        )
    serving.check_free()
    study = new_study(serving, program, target, setup, name, settings)
    work = serving.begin_work(Work("start", study, lambda show: carry_out_begin(study, show, Place.SHELL)))
    serving.begun = study.name
    return work


def tried(serving: Serving, name: str, source: str, files: Mapping[str, str | None] | None, version: Version) -> Work:
    """Start to measure and judge a change.

    Parameters
    ----------
    serving : Serving
    name : str
        The study's; empty for the served one.
    source : str
        The whole text of a target of one file.
    files : Mapping or None
        Files of a repository study, by path; None as content deletes one. Without both, what lies on disk is tried.
    version : Version
        What is said about the change; its target is filled in here.

    Raises
    ------
    UserError
        When there is nothing to try, or the study cannot try it.
    """
    study = free_study(serving, name)
    if source and files is not None:
        raise UserError(
            "Both source and files are given: source is for a target of one file, files are for a repository."
        )
    given: str | Mapping[str, str | None] | None = files if files is not None else source or None
    if given is not None:
        if version.revert:
            raise UserError(
                "revert puts back what you have changed on disk: leave it out where you give source or files."
            )
        version = replace(version, target=make_proposal(study, given, summary=version.summary).target, on_disk=False)
    elif study.definition.checkout is None and study.definition.target_path is None:
        raise UserError(f"The target of {study.name} lies in no file: give its whole new text as source.")
    else:
        target, path, scratch = read_version(study, None)
        make_proposal(study, target, summary=version.summary)  # raises where there is nothing to try
        version = replace(version, target=target, path=path, scratch=scratch)
    return serving.begin_work(Work("try", study, lambda show: carry_out_try(study, version, show, Place.SHELL)))


def finished(serving: Serving, name: str) -> Work:
    """Start to choose the final version and confirm the result."""
    study = free_study(serving, name)
    return serving.begin_work(Work("finish", study, lambda show: carry_out_finish(study, show, Place.SHELL)))


def free_study(serving: Serving, name: str) -> Study:
    """Return the study that is meant.

    Raises
    ------
    UserError
        When there is none, or something works on it already.
    """
    study = serving.study(name)
    serving.check_free()
    if study.locked and not study.active:
        raise UserError(f"Another process is working on {study.name}: wait for its end, or end it with the tool stop.")
    return study


def new_study(serving: Serving, program: str, target: str, setup: str, name: str, settings: Mapping[str, Any]) -> Study:
    """Make a study of what a client has given; its versions come from outside, without an end in number, unless settings say otherwise.

    Raises
    ------
    UserError
        When something is missing or cannot work.
    """
    if wrong := [each for each in settings if each not in FIELDS]:
        near = difflib.get_close_matches(wrong[0].lower().replace("-", "_"), FIELDS, n=1)
        meant = f"did you mean {near[0]}?" if near else "%autoresearch resume -h  lists them, with - for _."
        raise UserError(f"There is no setting {wrong[0]!r}: {meant}")
    parsed = read_program(program)
    given = program_settings(parsed, dict(settings))
    if not target.strip() and not given.get("verify") and not known_layout(parsed, dict(settings)):
        raise UserError(
            "Say what experiments may change: target is a Python file, or the settings scope and verify name files of a git "
            "repository and the command that measures them."
        )
    parsed = replace(parsed, settings={"experiments": "unlimited", **parsed.settings})
    options: dict[str, Any] = {"agent": ME, **settings}
    sealed = sealed_file(options)
    return Study(parsed, target, setup, sealed=sealed, name=name.strip() or None, root=serving.session.root, **options)


async def carried_out(begin: Callable[[], Work], seconds: float, context: Context[Any, Any]) -> results.Work:
    """Begin a piece of work, wait for its end, at most so many seconds, and tell where it stands.

    A client that cancels the call ends the work.
    """
    with anyio.CancelScope(shield=True):  # what has begun is known from here on, and can be ended
        work = await run_sync(begin)
    try:
        return await waited_for(work, seconds, context)
    except anyio.get_cancelled_exc_class():
        await work.stop_for_client()
        raise


async def waited_for(work: Work, seconds: float, context: Context[Any, Any]) -> results.Work:
    """Wait for the end of a piece of work, at most so many seconds, and tell where it stands; the call gets the progress."""
    if not await work.follow(seconds, context.report_progress):
        text = f"{in_progress(work)}. Call the tool wait, until done is true."
        return results.Work(text=text, what=work.what, done=False, study=work.study.name, share=work.share)
    return await run_sync(_ended, work)


def nothing_to_wait_for(serving: Serving) -> results.Work:
    """Return that nothing was begun in this server, and where the study stands; also that an earlier one was cut off."""
    text = f"Nothing is in progress in this server. {for_client(serving.reply('status').text)}"
    if (left := unfinished(serving.study())) is not None:
        text += (
            f"\nExperiment {left.number}, {left.summary}, was begun and not finished: a try of the same version finishes it, any "
            "other finishes it first, or gives it up with drop."
        )
    return results.Work(text=text, what="nothing", done=True, study=serving.name(), share=1.0)


def _ended(work: Work) -> results.Work:
    """Return the result of work that has ended; raise its error, unless that is what a stop has left."""
    name = work.study.name
    ended = results.Work(
        text=f"The {work.what} of {name} is stopped.", what=work.what, done=True, study=name, share=1.0
    )
    try:
        reply = work.result()
    except Stopped:
        return ended
    except UserError as error:
        if not work.stopped:
            raise
        return ended.model_copy(update={"text": for_client(str(error))})
    facts = dict(reply.data)
    text = for_client(facts["text"])
    match work.what:
        case "plan":
            found: dict[str, Any] = {"plan": results.Plan(**facts)}
        case "start":
            found = {"begun": results.Begun(**facts)}
        case "try":
            found = {"tried": results.Tried(**facts)}
            text = f"{text}\n\n{facts['output']}" if facts["output"] else text
        case "finish":
            found = {"finished": results.Study(**facts)}
    return ended.model_copy(update={"text": text, **found})
