"""An agent that is a language model: prompt, answer, one second chance, proposal."""

from __future__ import annotations

from dataclasses import replace

from ...errors import ProposalFailed
from ...experiment import Proposal, Usage
from ...source.edits import fingerprint
from ..base import Agent, Briefing
from .backend import Backend, BackendFailed, Completion, Prompt, Turn
from .prompt import LONG, build_prompt
from .reply_parser import ParsedReply, ReplyError, read_reply

DEADLINE = 600.0
"""Seconds that one answer may take; a model that thinks for ten minutes about one change has lost its way."""


class LanguageModel(Agent):
    """Proposes by asking a language model.

    Parameters
    ----------
    backend : Backend
    deadline : float
        Seconds of wall clock for each answer.
    long : int
        Lines of a target from which SEARCH/REPLACE blocks are asked for.
    """

    slow = True
    reworks = True

    def __init__(self, backend: Backend, *, deadline: float = DEADLINE, long: int = LONG) -> None:
        self._backend, self.name, self.deadline, self.long = backend, backend.name, deadline, long

    @property
    def backend(self) -> Backend:
        """What completes its prompts."""
        return self._backend

    def check(self) -> None:
        """See that the model can be asked at all, before the baseline is paid for."""
        self.backend.check()
        self.warning = self.backend.warning  # a model's retirement is known only after it was asked for

    def propose(self, briefing: Briefing) -> Proposal:
        """Ask; answer an unusable reply once with what is wrong; give up after that.

        Raises
        ------
        ProposalFailed
            When there is no usable reply.
        UserError
            When there will never be one: a wrong key, an unknown model.
        """
        prompt = build_prompt(briefing, long=self.long)
        tried = {e.fingerprint: e.number for e in briefing.history if e.fingerprint}
        usage = Usage()
        for chance in (1, 2):
            completion = self._complete(prompt, briefing, usage)
            usage = usage + completion.usage
            try:
                reply = self._read(completion, briefing, tried)
            except ReplyError as error:
                if chance == 2:
                    raise ProposalFailed(f"No usable reply: {_one_line(error)}", usage, completion.text) from None
                prompt = _answer(prompt, completion.text, str(error))
                continue
            return Proposal(
                reply.target, reply.summary, reply.hypothesis, reply.expect, self.backend.name, usage, completion.text
            )
        raise AssertionError("two chances are all there are")

    def _complete(self, prompt: Prompt, briefing: Briefing, used: Usage) -> Completion:
        try:
            return self.backend.complete(prompt, deadline=self.deadline, wait=briefing.wait)
        except BackendFailed as error:
            raise ProposalFailed(f"No reply: {error}", used + error.usage) from None

    @staticmethod
    def _read(completion: Completion, briefing: Briefing, tried: dict[str, int]) -> ParsedReply:
        if completion.stop == "refusal":
            raise ReplyError("You declined to answer. Propose a small, plain change to the target instead.")
        if completion.stop == "length":
            raise ReplyError("Your reply was cut off at the length limit. Answer more briefly: tags, then the code.")
        base = briefing.incumbent.target if briefing.rework is None else briefing.rework.proposal.target
        reply = read_reply(completion.text, base)
        if (number := tried.get(fingerprint(reply.target))) is not None:
            raise ReplyError(f"That is what experiment {number} has tried already. Propose something else.")
        return reply


def _answer(prompt: Prompt, said: str, problem: str) -> Prompt:
    again = f"That cannot be used. {problem}\n\nAnswer again in full: the tags, then the code."
    return replace(prompt, turns=(*prompt.turns, Turn("assistant", said or "(nothing)"), Turn("user", again)))


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())[:300]
