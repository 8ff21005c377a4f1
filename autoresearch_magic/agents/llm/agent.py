"""The agent that asks a language model: prompt, reply, one chance to correct it, proposal."""

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
"""Seconds that one answer may take; ten minutes of thinking about one change are not worth more waiting."""


class LanguageModel(Agent):
    """Proposes by asking a language model.

    Parameters
    ----------
    backend : Backend
    deadline : float
        Seconds of wall clock for each answer.
    long : int
        Number of lines from which a target is edited by SEARCH/REPLACE blocks instead of being rewritten.
    """

    slow = True
    reworks = True

    def __init__(self, backend: Backend, *, deadline: float = DEADLINE, long: int = LONG) -> None:
        self._backend, self.name, self.deadline, self.long = backend, backend.name, deadline, long

    @property
    def backend(self) -> Backend:
        """The language model behind the agent."""
        return self._backend

    def check(self) -> None:
        """Check that the model can be asked; raise `UserError` if not."""
        self.backend.check()
        self.warning = self.backend.warning  # known only after the check, such as a model's retirement

    def propose(self, briefing: Briefing) -> Proposal:
        """Ask the model for a proposal; an unusable reply is sent back once, with what is wrong with it.

        Raises
        ------
        ProposalFailed
            When there is no usable reply.
        UserError
            When no request can succeed, as with a wrong key or an unknown model.
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
                prompt = _ask_again(prompt, completion.text, str(error))
                continue
            return Proposal(
                reply.target, reply.summary, reply.hypothesis, reply.expect, self.backend.name, usage, completion.text
            )
        raise AssertionError("unreachable: the second chance returns or raises")

    def _complete(self, prompt: Prompt, briefing: Briefing, used: Usage) -> Completion:
        try:
            return self.backend.complete(prompt, deadline=self.deadline, wait=briefing.wait)
        except BackendFailed as error:
            raise ProposalFailed(f"No reply: {error}", used + error.usage) from None

    @staticmethod
    def _read(completion: Completion, briefing: Briefing, tried: dict[str, int]) -> ParsedReply:
        if completion.stop == "refusal":
            raise ReplyError("You declined to answer. Propose a small, simple change to the target instead.")
        if completion.stop == "length":
            raise ReplyError("Your reply was cut off at the length limit. Give a shorter one: the tags, then the code.")
        base = briefing.incumbent.target if briefing.rework is None else briefing.rework.proposal.target
        reply = read_reply(completion.text, base)
        if (number := tried.get(fingerprint(reply.target))) is not None:
            raise ReplyError(f"Experiment {number} has already tried this. Propose something else.")
        return reply


def _ask_again(prompt: Prompt, reply: str, problem: str) -> Prompt:
    request = f"Your reply cannot be used. {problem}\n\nAnswer again in full: the tags, then the code."
    return replace(prompt, turns=(*prompt.turns, Turn("assistant", reply or "(nothing)"), Turn("user", request)))


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())[:300]
