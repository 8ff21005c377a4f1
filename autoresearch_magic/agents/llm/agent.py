"""The agent that asks a language model for its proposals."""

from __future__ import annotations

from ...errors import ProposalFailed
from ...experiment import Proposal
from ...source.edits import fingerprint
from ..base import Agent, Briefing
from .ask import DEADLINE, ask
from .backend import Backend
from .prompt import LONG, build_prompt
from .reply_parser import ParsedReply, ReplyError, read_ideas, read_reply


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
    parallel = True
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
            When there is no usable reply; `CallFailed` when there is no reply at all.
        UserError
            When no request can succeed, as with a wrong key or an unknown model.
        """
        if self.backend.guard is not None:
            self.backend.guard.set_checkout(briefing.checkout)
        base = briefing.incumbent.target if briefing.rework is None else briefing.rework.proposal.target
        tried = {e.fingerprint: e.number for e in briefing.history if e.fingerprint}

        ideas: dict[str, None] = {}  # also those of a reply that is sent back

        def parse(text: str) -> ParsedReply:
            ideas.update(dict.fromkeys(read_ideas(text)))
            reply = read_reply(text, base)
            if (number := tried.get(fingerprint(reply.target))) is not None:
                raise ReplyError(f"Experiment {number} has already tried this. Propose something else.")
            return reply

        try:
            answer = ask(
                self.backend, build_prompt(briefing, long=self.long), parse, form="the tags, then the code",
                instead="Propose a small, simple change to the target instead.", deadline=self.deadline, wait=briefing.wait,
                paid=briefing.paid,
            )  # fmt: skip
        except ProposalFailed as failed:
            failed.ideas = tuple(ideas)
            raise
        reply = answer.value
        return Proposal(
            reply.target, reply.summary, reply.hypothesis, reply.expect, self.backend.name, answer.usage, answer.text,
            ideas=tuple(ideas), tries=reply.tries, prompt=answer.prompt,
        )  # fmt: skip
