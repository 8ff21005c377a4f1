"""Prefetching: the next proposal is requested while an experiment runs, so that the machine does not wait for the agent.

There is one pending request at a time, so at most one proposal is paid for in vain. If the running experiment is kept, the
pending proposal is an edit of the previous incumbent: it is merged line by line into the new one, and requested again when
that fails.
"""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import wait as wait_for
from dataclasses import replace

from ..experiment import Proposal, Usage
from ..source.edits import merge
from .base import Agent, Briefing

POLL = 0.05
"""Seconds between two checks whether the study was stopped, while a request is pending."""


class Prefetch:
    """Requests proposals from an agent in a background thread."""

    def __init__(self, agent: Agent) -> None:
        self.agent = agent
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="autoresearch-agent")
        self._pending: tuple[Briefing, Future[Proposal]] | None = None

    def ask(self, briefing: Briefing) -> None:
        """Request a proposal ahead of time, unless a request is pending."""
        if self._pending is None:
            self._pending = (briefing, self._pool.submit(self.agent.propose, briefing))

    def take(self, briefing: Briefing) -> tuple[Proposal, Usage]:
        """Return the proposal for a briefing: the prefetched one where it still applies, else a new one.

        Parameters
        ----------
        briefing : Briefing
            The current briefing. Its `wait` is called while the request is pending, so that a stop is noticed.

        Returns
        -------
        proposal : Proposal
        wasted : Usage
            What proposals used that no longer applied.

        Raises
        ------
        ProposalFailed, NothingToPropose, UserError
            As the agent raised them.
        Stopped
        """
        self.ask(briefing)
        wasted = Usage()
        while True:
            assert self._pending is not None
            earlier, future = self._pending
            self._await(future, briefing)
            self._pending = None
            proposal = future.result()
            rebased = rebase(proposal, earlier, briefing)
            if rebased is not None:
                return rebased, wasted
            wasted = wasted + proposal.usage
            self.ask(briefing)

    def ask_aside(self, briefing: Briefing) -> Proposal:
        """Request another proposal, after the pending one, which stays pending.

        Raises
        ------
        ProposalFailed, NothingToPropose, UserError
            As the agent raised them.
        Stopped
        """
        future = self._pool.submit(self.agent.propose, briefing)
        self._await(future, briefing)
        return future.result()

    @staticmethod
    def _await(future: Future[Proposal], briefing: Briefing) -> None:
        while not future.done():
            wait_for([future], POLL)  # returns as soon as the future is done
            briefing.wait(0.0, "")

    def close(self) -> None:
        """Stop; a pending request is cancelled or its answer dropped."""
        self._pool.shutdown(wait=False, cancel_futures=True)


def rebase(proposal: Proposal, earlier: Briefing, now: Briefing) -> Proposal | None:
    """Return a proposal for an earlier briefing as one for the current incumbent; None when it no longer applies."""
    if earlier.incumbent.number == now.incumbent.number:
        return proposal
    target = merge(earlier.incumbent.target, now.incumbent.target, proposal.target)
    return None if target is None else replace(proposal, target=target)
