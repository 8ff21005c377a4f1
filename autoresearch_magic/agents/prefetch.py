"""The machine never waits for the agent: the next proposal is asked for while an experiment runs.

One question is open at a time, so never more than one experiment's worth of spending is ahead. What was asked for before
the running experiment was kept is an edit of the old incumbent: it is applied to the new one when it still applies, line
by line, and else asked for again.
"""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import wait as wait_for
from dataclasses import replace

from ..experiment import Proposal, Usage
from ..source.edits import merge
from .base import Agent, Briefing

POLL = 0.05
"""Seconds between two looks at whether the study is stopped while an answer is outstanding."""


class Prefetch:
    """Asks an agent in a thread of its own.

    Parameters
    ----------
    agent : Agent
    """

    def __init__(self, agent: Agent) -> None:
        self.agent = agent
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="autoresearch-agent")
        self._open: tuple[Briefing, Future[Proposal]] | None = None

    def ask(self, briefing: Briefing) -> None:
        """Ask ahead, unless a question is open."""
        if self._open is None:
            self._open = (briefing, self._pool.submit(self.agent.propose, briefing))

    def take(self, briefing: Briefing) -> tuple[Proposal, Usage]:
        """Return the proposal for a briefing: the one asked for ahead where it fits, else a new one.

        Parameters
        ----------
        briefing : Briefing
            As things stand now. Its `wait` is called while the answer is outstanding, so that a stop is noticed.

        Returns
        -------
        proposal : Proposal
        wasted : Usage
            What an answer has used that did not fit any more.

        Raises
        ------
        ProposalFailed, NothingToPropose, UserError
            As the agent raised them.
        Stopped
        """
        self.ask(briefing)
        wasted = Usage()
        while True:
            assert self._open is not None
            asked, future = self._open
            self._await(future, briefing)
            self._open = None
            proposal = future.result()
            fitting = fit(proposal, asked, briefing)
            if fitting is not None:
                return fitting, wasted
            wasted = wasted + proposal.usage
            self.ask(briefing)

    def ask_aside(self, briefing: Briefing) -> Proposal:
        """Ask something else, behind the question that is open where one is; that one stays open.

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
            wait_for([future], POLL)  # comes back with the answer, not after it
            briefing.wait(0.0, "")

    def close(self) -> None:
        """Let go of an open question; its answer is dropped."""
        self._pool.shutdown(wait=False, cancel_futures=True)


def fit(proposal: Proposal, asked: Briefing, now: Briefing) -> Proposal | None:
    """Carry a proposal over to the present incumbent; None when it does not apply any more."""
    if asked.incumbent.number == now.incumbent.number:
        return proposal
    target = merge(asked.incumbent.target, now.incumbent.target, proposal.target)
    return None if target is None else replace(proposal, target=target)
