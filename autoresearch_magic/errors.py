"""What can go wrong, and who has to hear of it.

A `UserError` is one line that says what to do; the magics and the command line show that line and no traceback.
Anything else that is raised is a bug of ours and keeps its traceback.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .experiment import Usage


class UserError(Exception):
    """A mistake that its maker can mend: one line that says what is wrong and what to do."""


class UserCodeError(UserError):
    """Code of the user raised: the line says where, `traceback` holds the user's own frames.

    Parameters
    ----------
    message : str
        One line.
    traceback : str
        The traceback of the user's code, without frames of ours. Shown once.
    """

    def __init__(self, message: str, traceback: str = "") -> None:
        super().__init__(message)
        self.traceback = traceback


class NothingToPropose(UserError):
    """An agent has run out of proposals: the study ends, and says so."""


class ProposalFailed(Exception):
    """An agent could not make a proposal this time; it is recorded as `rejected` and costs no run.

    Parameters
    ----------
    message : str
        One line.
    usage : Usage or None
        What the attempt has used.
    reply : str
        What the agent had said.
    """

    def __init__(self, message: str, usage: Usage | None = None, reply: str = "") -> None:
        super().__init__(message)
        self.usage = usage
        self.reply = reply


class Stopped(Exception):
    """The study was asked to stop while something was under way; not an error."""
