"""The panel's commands: what its buttons and its line for notes do to the study."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from ...agents.readers import reads_nothing, told_when
from ...errors import UserError
from ...events import State
from ...study.again import version_name
from ...study.branching import branch_text
from ...study.limits import limit_reached, money_spent
from ...study.study import Study
from .answers import Answer, PanelSession, answers

MOST = 1_000_000
"""Further experiments that can be asked for at once."""

Carried = Callable[[PanelSession, dict[str, Any]], str]
"""Carries out a command; returns what to tell, in one line, where the panel does not show it anyway."""


@answers("command")
def command(session: PanelSession, content: dict[str, Any]) -> Answer:
    """Carry out a command; "taken" tells the view when that is done."""
    name = str(content.get("name"))
    # To start a study may take a while, as its agent is checked; another process takes a second or two to answer.
    if name in SLOW or session.study.status.state is State.ELSEWHERE:
        session.in_thread(lambda: _carry_out(session, name, content))
    else:
        _carry_out(session, name, content)
    return None


def _carry_out(session: PanelSession, name: str, content: dict[str, Any]) -> None:
    try:
        if name not in COMMANDS:
            raise UserError(f"The panel has no command {name!r}.")
        if said := COMMANDS[name](session, content):
            session.tell(said)
    except UserError as error:
        session.refuse(str(error))
    finally:
        session.send_changes()
        session.taken(name)


def _pause(session: PanelSession, _: dict[str, Any]) -> str:
    session.study.pause()
    return ""


def _resume(session: PanelSession, _: dict[str, Any]) -> str:
    session.study.resume()
    return ""


def _stop(session: PanelSession, _: dict[str, Any]) -> str:
    session.study.stop(wait=False)
    return ""


def _step(session: PanelSession, _: dict[str, Any]) -> str:
    study = session.study
    status = study.status
    _check_limits(study)
    if not study.active and status.done >= status.settings.experiments:
        study.step(experiments=status.done + 1)
    else:
        study.step()
    return ""


def _more(session: PanelSession, content: dict[str, Any]) -> str:
    study, count = session.study, content.get("count")
    if not isinstance(count, int) or isinstance(count, bool) or not 0 < count <= MOST:
        raise UserError(f"Say how many further experiments: a whole number from 1 to {MOST:,}.")
    if study.status.state.ongoing:
        raise UserError(f"{study.name} is {study.state}: more experiments can be asked for when it has ended.")
    _check_limits(study)
    experiments = study.status.done + count
    if experiments == study.settings.experiments:
        study.resume()
    else:
        study.resume(experiments=experiments)
    return ""


def _check_limits(study: Study) -> None:
    """Raise a `UserError` where a limit would end the search at once."""
    status = study.status
    if status.incumbent is None or study.active:
        return
    if reached := limit_reached(status, 0.0) or money_spent(status):
        option = next(iter(re.findall(r"\((--[\w-]+)", reached)), "OPTION")
        raise UserError(f"{reached} To go on, give it another limit:  %autoresearch resume {study.name} {option} …")


def _note(session: PanelSession, content: dict[str, Any]) -> str:
    study = session.study
    agent = study.settings.agent
    if deaf := reads_nothing(agent):
        raise UserError(f"{deaf}.")
    study.say(str(content.get("text", "")))
    return f"Noted: {told_when(agent)}"


def _again(session: PanelSession, content: dict[str, Any]) -> str:
    study = session.study
    number = study.experiment(content.get("number", "")).number
    rests, paused = not study.status.state.ongoing, study.status.doing in (State.PAUSED, State.PAUSING)
    study.run_again(number)
    name = version_name(number)
    if rests:
        return f"Running {name} again."
    return (
        f"{name[0].upper()}{name[1:]} is run again {'now, then it pauses' if paused else 'after the run in progress'}."
    )


def _branch(session: PanelSession, content: dict[str, Any]) -> str:
    study = session.study
    number = study.experiment(content.get("number", "")).number
    made = study.branch(number)
    return branch_text(study.name, made.name, number, made.settings.agent)


COMMANDS: dict[str, Carried] = {
    "pause": _pause,
    "resume": _resume,
    "stop": _stop,
    "step": _step,
    "more": _more,
    "note": _note,
    "again": _again,
    "branch": _branch,
}
"""What each command does."""

SLOW = ("resume", "step", "more", "again", "branch")
"""Commands that may take longer than a blink."""


@answers("notes")
def notes(session: PanelSession, _: dict[str, Any]) -> Answer:
    """Answer with the notes that the agent was given, and which of them it has read."""
    found = [{"number": n.number, "text": n.text, "read": n.read} for n in session.study.notes]
    return {"type": "notes", "notes": found}
