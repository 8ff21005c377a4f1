"""The exceptions that the package raises on purpose.

A `UserError` is an error that the user can fix: the magics and the command line show its one line, without a traceback.
Any other exception that reaches the user is a bug of this package and keeps its traceback.
"""

from __future__ import annotations

import re
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING

from .keys.redact import cleaned

if TYPE_CHECKING:
    from .experiment import Usage


_CALL = re.compile(
    r"(?<![\w%])%autoresearch (?P<command>[a-z]+)(?: (?P<argument>[\w.-]*\w))?(?: -n (?P<experiments>\d+))?"
)
_IN_PYTHON = {
    "status": "study.state", "wait": "study.wait()", "stop": "study.stop()", "pause": "study.pause()", "history": "study.history",
    "best": "study.incumbent", "show": "study.experiment({argument})", "restore": "study.restore({argument})",
    "apply": "study.apply({argument})", "evals": "study.evals()", "plan": "study.plan()", "say": 'study.say("...")',
    "start": "Study(...).start()", "resume": "open_study({argument!r}).resume({experiments})",
}  # fmt: skip
"""Commands that have a form in Python; the others are named as in a notebook."""


def in_python(text: str) -> list[str]:
    """Return the calls in Python that stand for the commands in a text, each once: ``study.wait()`` for ``%autoresearch wait``."""
    calls = []
    for found in _CALL.finditer(text):
        if (form := _IN_PYTHON.get(found["command"])) is not None:
            experiments = f"experiments={found['experiments']}" if found["experiments"] else ""
            calls.append(form.format(argument=found["argument"] or "", experiments=experiments))
    return [*dict.fromkeys(calls)]


class UserError(Exception):
    """An error that the user can fix; its one line says what is wrong and what to do.

    Where it is not caught, as in a script, its traceback ends with the calls in Python that stand for the commands in the line.

    Attributes
    ----------
    usage : Usage or None
        What an agent had used when it raised this; None where no agent was asked.
    """

    usage: Usage | None = None

    def __init__(self, message: str = "") -> None:
        message = cleaned(message)
        super().__init__(message)
        if calls := in_python(message):
            self.add_note(f"In Python: {', '.join(calls)}")


class UserCodeError(UserError):
    """The user's own code (setup, target or metric) raised an exception.

    Parameters
    ----------
    message : str
        One line that says what was raised, and where.
    traceback : str
        The traceback without the frames of this package.
    """

    def __init__(self, message: str, traceback: str = "") -> None:
        super().__init__(message)
        self.traceback = cleaned(traceback)


class RunLost(UserError):
    """A run has no result because workers are ended whatever they run, which is no fault of the run: it is run again."""


class NothingToPropose(UserError):
    """An agent has no proposals left; the study ends and shows this message."""


class NothingToTune(UserError):
    """A target has no constants, so an agent that only tunes cannot work; raised before the study starts."""


class ProposalFailed(Exception):
    """An agent failed to produce a usable proposal; the experiment is recorded as `rejected` without a run.

    Parameters
    ----------
    message : str
        One line that says why.
    usage : Usage or None
        Tokens, time and money that the attempt used.
    reply : str
        The agent's reply, as far as there was one.
    unchanged : bool
        Whether the agent has ended without a change, so that another question may end the same way: after three of these in a row the
        search ends.
    output : str
        The end of what the agent printed, shown where the search ends because of it.

    Attributes
    ----------
    call : int
        The ledger's number of the call; 0 outside a study.
    ideas : tuple of str
        Ideas of the agent's unusable replies, for the study's backlog.
    prompt : str
        What the agent was asked, as text.
    """

    call: int = 0
    prompt: str = ""

    def __init__(
        self, message: str, usage: Usage | None = None, reply: str = "", *, unchanged: bool = False, output: str = ""
    ) -> None:
        super().__init__(message)
        self.usage = usage
        self.reply = reply
        self.unchanged, self.output = unchanged, output
        self.ideas: tuple[str, ...] = ()


class CallFailed(ProposalFailed):
    """A call of an agent brought no reply, such as a broken connection or a program that ended with an error.

    Nothing was proposed, so there is no experiment to record; the agent is asked again after a pause.

    Attributes
    ----------
    unfit : bool
        Whether the same question would fail again; the search ends when that repeats.
    """

    unfit: bool = False


class Stopped(Exception):
    """The study was asked to stop in the middle of a run or a request; not an error.

    Attributes
    ----------
    usage : Usage or None
        What an agent's request had used when it was broken off.
    """

    usage: Usage | None = None


class TakenOver(Stopped):
    """Another process writes to the study's journal as its owner: this one ends, and writes nothing any more."""


def require(module: str, purpose: str) -> ModuleType:
    """Import and return a module of an optional package.

    Parameters
    ----------
    module : str
    purpose : str
        What needs it, as the start of a sentence, such as ``"The history as a DataFrame"``.

    Raises
    ------
    UserError
        When the package is not installed.
    """
    try:
        return import_module(module)
    except ModuleNotFoundError as error:
        package = module.partition(".")[0]
        if error.name is None or error.name.partition(".")[0] != package:
            raise  # the package is there, and lacks one of its own
        raise UserError(f"{purpose} needs {package}: pip install {package}") from None
