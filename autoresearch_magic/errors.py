"""What can go wrong, and who has to hear of it.

A `UserError` is one line that says what to do; the magics and the command line show that line and no traceback.
Anything else that is raised is a bug of ours and keeps its traceback.
"""

from __future__ import annotations


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


class Stopped(Exception):
    """The study was asked to stop while something was under way; not an error."""
