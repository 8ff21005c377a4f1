"""The panel's commands: what its buttons do to the study."""

from __future__ import annotations

from typing import Any

from ...errors import UserError
from ...events import State
from .answers import Answer, PanelSession, answers


@answers("command")
def command(session: PanelSession, content: dict[str, Any]) -> Answer:
    """Carry out a command."""
    name = content.get("name")
    if session.study.status.state is State.ELSEWHERE:  # the other process takes a second or two to answer
        session.in_thread(lambda: _carry_out(session, name))
    else:
        _carry_out(session, name)
    return None


def _carry_out(session: PanelSession, name: Any) -> None:
    study = session.study
    try:
        match name:
            case "pause":
                study.pause()
            case "resume":
                study.resume()
            case "stop":
                study.stop(wait=False)
            case _:
                raise UserError(f"The panel has no command {name!r}.")
    except UserError as error:
        session.refuse(str(error))
    session.send_changes()
