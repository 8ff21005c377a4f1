"""Prefetching: the next proposal is requested while an experiment runs, so that the machine does not wait for the agent.

There is one pending request at a time, so at most one proposal is paid for in vain. If the running experiment is kept, the
pending proposal is an edit of the previous incumbent: it is merged line by line into the new one, and dropped when that
fails.

Requests run in daemon threads, and `Briefing.wait` raises `Stopped` in them once the search has ended: nothing waits for an
answer that nobody will use, neither the study nor the end of the process.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from concurrent.futures import wait as wait_for
from contextlib import suppress
from dataclasses import dataclass, field, replace

from ..errors import ProposalFailed, Stopped
from ..experiment import Proposal, Usage
from ..source.edits import merge
from .base import Agent, Briefing

POLL = 0.05
"""Seconds between two checks whether the study was paused or stopped, while a request is pending."""


@dataclass(eq=False)
class Call:
    """One request for a proposal.

    Attributes
    ----------
    number : int
        The ledger's number of it.
    briefing : Briefing
    future : Future
        The proposal.
    used : Usage
        What it has used so far.
    """

    number: int
    briefing: Briefing
    future: Future[Proposal] = field(default_factory=Future)
    used: Usage = field(default_factory=Usage)


class Prefetch:
    """Requests proposals from an agent in background threads, one at a time.

    Parameters
    ----------
    agent : Agent
    new_call : callable
        Returns the number of a new call.
    paid : callable
        Called with a call's number and what it has used, as soon as that is known; returns whether another request may be
        made.

    Attributes
    ----------
    closed : bool
        Whether the search has ended.
    """

    def __init__(self, agent: Agent, new_call: Callable[[], int], paid: Callable[[int, Usage], bool]) -> None:
        self.agent, self.closed = agent, False
        self._new_call, self._paid = new_call, paid
        self._pending: Call | None = None
        self._one_at_a_time = threading.Lock()  # agents need not be safe to use from several threads
        self._threads: list[threading.Thread] = []

    @property
    def pending(self) -> bool:
        """Whether a request has been made whose proposal was not taken."""
        return self._pending is not None

    def ask(self, briefing: Briefing) -> None:
        """Request a proposal ahead of time, unless a request is pending."""
        if self._pending is None:
            self._pending = self._start(briefing)

    def prepare(self, briefing: Briefing) -> None:
        """Let the agent prepare its next proposal, in the background; a request that comes meanwhile waits for the end of that."""
        thread = threading.Thread(target=self._prepare, args=(briefing,), name="autoresearch-prepare", daemon=True)
        self._threads = [each for each in self._threads if each.is_alive()] + [thread]
        thread.start()

    def take(self, briefing: Briefing, poll: Callable[[], None]) -> tuple[Call, Proposal | None]:
        """Return the pending request, or a new one, and its proposal.

        Parameters
        ----------
        briefing : Briefing
            The current briefing.
        poll : callable
            Called every `POLL` seconds while the request is pending; what it raises is raised here.

        Returns
        -------
        call : Call
        proposal : Proposal or None
            None when it was made for an earlier incumbent and cannot be merged into the current one.

        Raises
        ------
        ProposalFailed, NothingToPropose, UserError
            As the agent raised them; `ProposalFailed.call` is the number of the request.
        """
        self.ask(briefing)
        call = self._pending
        assert call is not None
        self._await(call, poll)
        self._pending = None
        return call, rebase(_result(call), call.briefing, briefing)

    def ask_aside(self, briefing: Briefing, poll: Callable[[], None]) -> tuple[Call, Proposal]:
        """Request another proposal and return it; the pending request stays pending. See `take`."""
        call = self._start(briefing)
        self._await(call, poll)
        return call, _result(call)

    def close(self) -> None:
        """End all requests; what they still answer is dropped."""
        self.closed = True

    def join(self, seconds: float) -> None:
        """Wait at most so many seconds until the requests have closed what they opened."""
        end = time.monotonic() + seconds
        for thread in self._threads:
            thread.join(max(0.0, end - time.monotonic()))

    def _start(self, briefing: Briefing) -> Call:
        def wait(seconds: float, reason: str) -> None:
            if self.closed:
                raise Stopped
            briefing.wait(seconds, reason)

        def paid(usage: Usage) -> bool:
            call.used += usage
            return self._paid(call.number, usage)

        call = Call(self._new_call(), replace(briefing, wait=wait, paid=paid))
        thread = threading.Thread(target=self._run, args=(call,), name="autoresearch-agent", daemon=True)
        self._threads = [each for each in self._threads if each.is_alive()] + [thread]
        thread.start()
        return call

    def _prepare(self, briefing: Briefing) -> None:
        with self._one_at_a_time, suppress(Exception):  # an error comes again when the proposal is asked for
            if not self.closed:
                self.agent.prepare(briefing)

    def _run(self, call: Call) -> None:
        try:
            with self._one_at_a_time:
                if self.closed:
                    raise Stopped
                proposal = self.agent.propose(call.briefing)
            _settle(call, proposal.usage)
            call.future.set_result(proposal)
        except BaseException as error:
            if isinstance(error, ProposalFailed):
                _settle(call, error.usage or Usage())
            call.future.set_exception(error)

    @staticmethod
    def _await(call: Call, poll: Callable[[], None]) -> None:
        while not call.future.done():
            wait_for([call.future], POLL)  # returns as soon as the future is done
            poll()


def _settle(call: Call, usage: Usage) -> None:
    """Record the usage of an agent that did not report it through `Briefing.paid`."""
    if call.used == Usage():
        call.briefing.paid(usage)


def _result(call: Call) -> Proposal:
    try:
        return call.future.result()
    except ProposalFailed as failed:
        failed.call = call.number
        raise


def rebase(proposal: Proposal, earlier: Briefing, now: Briefing) -> Proposal | None:
    """Return a proposal for an earlier briefing as one for the current incumbent; None when it no longer applies."""
    if earlier.incumbent.number == now.incumbent.number:
        return proposal
    target = merge(earlier.incumbent.target, now.incumbent.target, proposal.target)
    return None if target is None else replace(proposal, target=target)
