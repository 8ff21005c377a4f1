"""What a language model is to us: something that completes a prompt, and what that has used.

A `Backend` speaks with one vendor or program and knows nothing of studies; `autoresearch_magic.agents.llm.agent` knows the
study and nothing of vendors.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from ...errors import UserError
from ...experiment import Usage as Usage

Wait = Callable[[float, str], None]
"""Waits so many seconds, visibly, for the reason given; raises `Stopped` when the study is stopped meanwhile."""


@dataclass(frozen=True)
class Turn:
    """One message of a conversation."""

    role: Literal["user", "assistant"]
    text: str


@dataclass(frozen=True)
class Prompt:
    """A prompt, its parts ordered from what never changes to what always does, so that a vendor's cache can hit.

    Attributes
    ----------
    system : str
        Who the model is and how it must answer: the same for every study.
    stable : str
        Program, setup, rules: the same for every proposal of one study.
    turns : tuple of Turn
        What changes: the first is the user's and holds the state of the study; more follow when a reply had to be
        answered. Begins and ends with the user.
    """

    system: str
    stable: str
    turns: tuple[Turn, ...]


@dataclass(frozen=True)
class Completion:
    """An answer.

    Attributes
    ----------
    text : str
        Without thinking.
    usage : Usage
    stop : str
        Why it ended: ``end``, ``length`` (cut off), ``refusal``, or the vendor's own word.
    """

    text: str
    usage: Usage
    stop: str = "end"


class BackendFailed(Exception):
    """One answer could not be had (a deadline, a broken connection, an answer in no known form).

    The study goes on: the proposal is recorded as `rejected` and the next one is asked for.

    Parameters
    ----------
    message : str
        One line.
    usage : Usage
        What it has cost all the same.
    """

    def __init__(self, message: str, usage: Usage | None = None) -> None:
        super().__init__(message)
        self.usage = usage or Usage()


class BackendRefused(UserError):
    """No answer will ever be had this way (a wrong key, an unknown model): one line, and the study ends."""


class Backend(ABC):
    """Something that completes prompts."""

    @property
    @abstractmethod
    def name(self) -> str:
        """For people: ``claude:MODEL``, ``openai:MODEL``, ``command:...``."""

    @property
    def warning(self) -> str:
        """One line that the user should see, such as that the model is about to be retired; mostly empty."""
        return ""

    @abstractmethod
    def check(self) -> None:
        """See, before anything is paid for, that it can work at all; raise `BackendRefused` with one line if not."""

    @abstractmethod
    def complete(self, prompt: Prompt, *, deadline: float, wait: Wait) -> Completion:
        """Answer a prompt.

        Parameters
        ----------
        prompt : Prompt
        deadline : float
            Seconds of wall clock for the answer; waiting for rate limits through `wait` is not counted.
        wait : callable
            To wait out a rate limit or an overload with.

        Raises
        ------
        BackendFailed
            This time.
        BackendRefused
            For good.
        Stopped
            From `wait`.
        """


def as_text(prompt: Prompt) -> str:
    """Return a prompt as one text, for programs that know no roles."""
    parts: Sequence[str] = [prompt.system, prompt.stable, *(turn.text for turn in prompt.turns)]
    return "\n\n".join(part.strip() for part in parts if part.strip()) + "\n"
