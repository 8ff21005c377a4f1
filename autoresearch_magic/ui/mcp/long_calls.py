"""The calls that take a while: planning, beginning and finishing a study, trying a change; and how their state is told."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from typing import Any

import anyio
import anyio.to_thread
from mcp.server.mcpserver import Context

from ...config.settings import FIELDS
from ...errors import Stopped, UserError
from ...experiment import Experiment
from ...study.definition import read_program
from ...study.plan import Plan
from ...study.study import Study
from ..facts import plan_facts
from ..replies import experiment_reply
from ..session import Place, known_layout, program_settings
from . import results
from .serving import Serving
from .wording import for_client
from .work import Work


def planned(serving: Serving, program: str, target: str, setup: str, settings: Mapping[str, Any]) -> Work:
    """Start to plan a study."""
    study = new_study(serving, program, target, setup, "", settings)
    return serving.begin_work(Work("plan", study, study.plan, lambda: None))


def new_study(serving: Serving, program: str, target: str, setup: str, name: str, settings: Mapping[str, Any]) -> Study:
    """Make a study of what a client has given.

    Raises
    ------
    UserError
        When something is missing or cannot work.
    """
    if wrong := [each for each in settings if each not in FIELDS]:
        near = difflib.get_close_matches(wrong[0].lower().replace("-", "_"), FIELDS, n=1)
        meant = f"did you mean {near[0]}?" if near else "autoresearch plan --help  lists them, with _ for -."
        raise UserError(f"There is no setting {wrong[0]!r}: {meant}")
    parsed = read_program(program)
    given = program_settings(parsed, dict(settings))
    if not target.strip() and not given.get("verify") and not known_layout(parsed, dict(settings)):
        raise UserError(
            "Say what experiments may change: target is a Python file, or the settings scope and verify name files of a git "
            "repository and the command that measures them."
        )
    options: dict[str, Any] = dict(settings)
    return Study(parsed, target, setup, name=name.strip() or None, root=serving.session.root, **options)


async def looked_after(
    serving: Serving, work: Work | None, seconds: float, context: Context[Any, Any], *, stop: bool = True
) -> results.Work:
    """Wait for a piece of work, at most so many seconds, and tell where it stands.

    Parameters
    ----------
    serving : Serving
    work : Work or None
    seconds : float
    context : Context
        Of the call; it gets the progress.
    stop : bool
        Whether a client that cancels the call ends the work.
    """
    if work is None:
        text = await anyio.to_thread.run_sync(nothing_to_wait_for, serving)
        return results.Work(text=text, what="nothing", done=True, study=serving.name(), share=1.0)
    try:
        done = await work.follow(seconds, context.report_progress)
    except anyio.get_cancelled_exc_class():
        if stop:
            await work.stop_for_client()
        raise
    if not done:
        text = f"{serving.in_progress(work)}. Call the tool wait, until done is true."
        return results.Work(text=text, what=work.what, done=False, study=work.study.name, share=work.share)
    return await anyio.to_thread.run_sync(_ended, work)


def nothing_to_wait_for(serving: Serving) -> str:
    """Return that nothing runs here, and where the study stands."""
    return f"Nothing is in progress in this server. {for_client(serving.reply('status').text)}"


def _ended(work: Work) -> results.Work:
    """Return the result of work that has ended; raise its error."""
    study = work.study
    try:
        found = work.result()
    except Stopped:
        found = None
    ended = results.Work(
        text=f"The {work.what} of {study.name} was stopped.", what=work.what, done=True, study=study.name, share=1.0
    )
    match found:
        case Plan():
            text = for_client(str(found))
            return ended.model_copy(update={"text": text, "plan": results.Plan(**plan_facts(found))})
        case Experiment():
            shown = experiment_reply(study, found, place=Place.SHELL)
            text = for_client(shown.text)
            experiment = results.Experiment(**(shown.data or {}))
            return ended.model_copy(update={"text": text, "experiment": experiment})
    return ended
