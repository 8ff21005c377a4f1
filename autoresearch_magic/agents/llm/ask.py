"""Ask a language model until its reply can be parsed: an unusable reply is sent back once, with what is wrong with it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Generic, TypeVar

from ...errors import CallFailed, ProposalFailed, Stopped, UserError
from ...keys.redact import cleaned
from ...source.key_references import put_away
from ...text import shorten
from .backend import Backend, BackendFailed, Prompt, Turn, Usage, Wait, transcript
from .reply_parser import ReplyError

T = TypeVar("T")

DEADLINE = 600.0
"""Seconds that one answer may take; ten minutes of thinking about one change are not worth more waiting."""


SHOWN = 2000
"""Characters of the end of an answer that are shown where the search ends because of it."""


@dataclass(frozen=True)
class Answer(Generic[T]):
    """A parsed reply, its text, what all requests for it have used, and what was asked."""

    value: T
    text: str
    usage: Usage
    prompt: str = ""


def ask(
    backend: Backend, prompt: Prompt, parse: Callable[[str], T], *, form: str, instead: str, deadline: float, wait: Wait,
    paid: Callable[[Usage], bool] = lambda usage: True,
) -> Answer[T]:  # fmt: skip
    """Return a model's parsed reply.

    Parameters
    ----------
    backend : Backend
    prompt : Prompt
    parse : callable
        Parses the reply's text; raises `ReplyError` when it is unusable.
    form : str
        What a reply consists of, in a few words.
    instead : str
        What to ask of a model that declines to answer.
    deadline, wait
        See `Backend.complete`.
    paid : callable
        See `Briefing.paid`.

    Raises
    ------
    CallFailed
        When there is no reply.
    ProposalFailed
        When the second reply is unusable too, or no second one may be paid for.
    BackendRefused
        When every request would fail.
    """
    prompt, usage = _without_keys(prompt), Usage()
    for attempt in (1, 2):
        try:
            completion = backend.complete(prompt, deadline=deadline, wait=wait)
        except BackendFailed as error:
            paid(error.usage)
            broken = CallFailed(f"No reply: {shorten(str(error), 300)}", usage + error.usage)
            broken.unfit = error.unfit
            raise broken from None
        except (UserError, Stopped) as error:
            paid(error.usage or Usage())
            raise
        usage += completion.usage
        may_ask_again = paid(completion.usage)
        try:
            if completion.stop == "refusal":
                raise ReplyError(f"You declined to answer. {instead}")
            if completion.stop == "length":
                raise ReplyError(f"Your reply was cut off at the length limit. Give a shorter one: {form}.")
            return Answer(parse(completion.text), completion.text, usage, transcript(prompt))
        except ReplyError as error:
            if attempt == 2 or not may_ask_again:
                hint = f" {completion.hint}" if completion.hint else ""
                failed = ProposalFailed(
                    f"No usable reply: {shorten(str(error), 300)}{hint}", usage, completion.text, unchanged=bool(hint),
                    output=completion.text[-SHOWN:],
                )  # fmt: skip
                failed.prompt = transcript(prompt)
                raise failed from None
            turns = send_back(completion.text or "(nothing)", str(error), form)
            prompt = replace(prompt, turns=(*prompt.turns, *turns))
    raise AssertionError("unreachable: the second attempt returns or raises")


def _without_keys(prompt: Prompt) -> Prompt:
    """Return a prompt without keys: what stands in the user's files and notes is not for a vendor."""
    turns = tuple(replace(turn, text=cleaned(put_away(turn.text))) for turn in prompt.turns)
    return replace(prompt, system=cleaned(prompt.system), stable=cleaned(put_away(prompt.stable)), turns=turns)


def send_back(reply: str, problem: str, form: str) -> tuple[Turn, Turn]:
    """Return the turns that show a model its unusable reply and ask for another."""
    request = f"Your reply cannot be used. {problem}\n\nAnswer again in full: {form}."
    return Turn("assistant", reply), Turn("user", request)
