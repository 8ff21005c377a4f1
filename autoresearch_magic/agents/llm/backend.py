"""The `Backend` base class: a language model that completes a `Prompt`, and what that costs.

A backend knows one vendor or program and nothing of studies; `agents.llm.agent` knows the study and nothing of vendors.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from ...errors import UserError
from ...experiment import Usage as Usage

if TYPE_CHECKING:
    from ..checkout_guard import CheckoutGuard

Wait = Callable[[float, str], None]
"""Called with seconds and a reason: waits, shows the reason, and raises `Stopped` when the study is stopped."""


@dataclass(frozen=True)
class Turn:
    """One message of a conversation."""

    role: Literal["user", "assistant"]
    text: str


@dataclass(frozen=True)
class Prompt:
    """A prompt in three parts, ordered by how often they change, so that a vendor's prompt cache applies.

    Attributes
    ----------
    system : str
        The model's role and the form of its answers: the same for every study.
    stable : str
        Program, setup, rules: the same for every proposal of one study.
    turns : tuple of Turn
        The conversation: first the state of the study; then each unusable reply and what is wrong with it. Begins and ends
        with the user.
    """

    system: str
    stable: str
    turns: tuple[Turn, ...]


@dataclass(frozen=True)
class Completion:
    """A model's answer to a prompt.

    Attributes
    ----------
    text : str
        The answer without the model's thinking.
    usage : Usage
    stop : str
        Why the answer ended: ``end``, ``length`` (cut off), ``refusal``, or the vendor's own word.
    hint : str
        A sentence for the user, in case that the answer cannot be used: what the model did instead of answering. Usually empty.
    """

    text: str
    usage: Usage
    stop: str = "end"
    hint: str = ""


class BackendFailed(Exception):
    """A request failed this time, such as by a deadline, a broken connection or an answer in no known form.

    The study continues: the model is asked again after a pause.

    Parameters
    ----------
    message : str
        One line.
    usage : Usage
        What the failed request has used.
    unfit : bool
        Whether the server cannot take this prompt, so that asking the same again cannot help.
    """

    def __init__(self, message: str, usage: Usage | None = None, *, unfit: bool = False) -> None:
        super().__init__(message)
        self.usage, self.unfit = usage or Usage(), unfit


class BackendRefused(UserError):
    """Every request would fail, such as with a wrong key or an unknown model: the study ends with this one line."""


class Backend(ABC):
    """Base class of the language models: something that completes prompts."""

    @property
    @abstractmethod
    def name(self) -> str:
        """Name for messages and proposals: ``claude:MODEL``, ``openai:MODEL``, ``command:...``."""

    guard: CheckoutGuard | None = None
    """Watches the user's checkout around the programs that the backend runs; None for one that runs none."""

    @property
    def warning(self) -> str:
        """One line for the user, such as that the model will soon be retired; usually empty."""
        return ""

    @abstractmethod
    def check(self) -> None:
        """Raise `BackendRefused` when the model cannot be used; called before the baseline runs and free of charge."""

    @abstractmethod
    def complete(self, prompt: Prompt, *, deadline: float, wait: Wait) -> Completion:
        """Return the model's answer to a prompt.

        Parameters
        ----------
        prompt : Prompt
        deadline : float
            Seconds of wall clock for the answer; waits for rate limits through `wait` do not count.
        wait : callable
            Used to wait for a rate limit or an overload, and to notice that the study was stopped.

        Raises
        ------
        BackendFailed
            When this request failed.
        BackendRefused
            When every request would fail.
        Stopped
            From `wait`.
        """


def transcript(prompt: Prompt) -> str:
    """Return a prompt as it is kept for people: one text, in which further turns have a line that says whose they are."""
    first, *further = prompt.turns
    said = (f"[{'reply' if turn.role == 'assistant' else 'then'}]\n{turn.text}" for turn in further)
    return "\n\n".join([as_text(Prompt(prompt.system, prompt.stable, (first,))).strip(), *said])


def as_text(prompt: Prompt) -> str:
    """Return a prompt as one text, for programs without roles."""
    parts: Sequence[str] = [prompt.system, prompt.stable, *(turn.text for turn in prompt.turns)]
    return "\n\n".join(part.strip() for part in parts if part.strip()) + "\n"
