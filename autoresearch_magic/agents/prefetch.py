"""Questions to the agent that are asked ahead of time, while experiments run, so that the machine does not wait for the agent.

One question is open at a time, or as many as ``--ask-ahead`` says. What was proposed for an earlier incumbent is an edit of that: it is
merged line by line into the present one. Where the two have changed the same lines, it is run as it is, as the judge compares versions and
needs no common parent.

Requests run in daemon threads, and `Briefing.wait` raises `Stopped` in them once the search has ended: nothing waits for an
answer that nobody will use, neither the study nor the end of the process.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, Future
from concurrent.futures import wait as wait_for
from contextlib import AbstractContextManager, nullcontext, suppress
from dataclasses import dataclass, field, replace
from statistics import median

from ..errors import ProposalFailed, Stopped
from ..experiment import Proposal, Usage
from ..source.edits import merge
from .base import Agent, Briefing
from .clean import clean_failure, clean_proposal

POLL = 0.05
"""Seconds between two checks whether the study was paused or stopped, while a request is pending."""

LATEST = 8
"""Answers from which it is learned how long the agent takes."""


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
    began : float
        When it was asked, by `time.monotonic`.
    """

    number: int
    briefing: Briefing
    future: Future[Proposal] = field(default_factory=Future)
    used: Usage = field(default_factory=Usage)
    began: float = field(default_factory=time.monotonic)


@dataclass(frozen=True)
class Answer:
    """A proposal, as one for the present incumbent.

    Attributes
    ----------
    call : int
        The ledger's number of the request.
    proposal : Proposal
    made_for : int
        The experiment that it changes: the incumbent of the time when it was asked for.
    merged : bool
        Whether it is a change of the present incumbent; False for one that is to be run as it is, because the incumbent has other text
        in the same lines by now.
    notes : int
        How many of the user's notes the agent was given with the request.
    briefing : Briefing or None
        The briefing of the present incumbent, of which it is a change.
    """

    call: int
    proposal: Proposal
    made_for: int
    merged: bool = True
    notes: int = 0
    briefing: Briefing | None = None


class Prefetch:
    """Requests proposals from an agent in background threads: one at a time, unless the agent is `parallel`.

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
    present : callable
        Returns the present briefing for what was asked with another one: the latest, or that of the same line of work.
    """

    def __init__(self, agent: Agent, new_call: Callable[[], int], paid: Callable[[int, Usage], bool]) -> None:
        self.agent, self.closed = agent, False
        self.present: Callable[[Briefing, Briefing], Briefing] = lambda asked, now: now
        self._new_call, self._paid = new_call, paid
        self._calls: list[Call] = []  # in the order of asking; taken ones are removed
        self._latencies: deque[float] = deque(maxlen=LATEST)
        # Agents need not be safe to use from several threads.
        self._turn: AbstractContextManager[object] = nullcontext() if agent.parallel else threading.Lock()
        self._threads: list[threading.Thread] = []

    @property
    def pending(self) -> int:
        """How many requests were made whose proposals were not taken, whether they are answered or not."""
        return len(self._calls)

    @property
    def unanswered(self) -> int:
        """How many requests are open."""
        return sum(not call.future.done() for call in self._calls)

    @property
    def lines(self) -> list[int]:
        """The lines of work that requests were made for whose proposals were not taken."""
        return [call.briefing.line.number for call in self._calls if call.briefing.line is not None]

    @property
    def proposals(self) -> list[Proposal]:
        """The proposals that wait to be taken."""
        done = [call.future for call in self._calls if call.future.done()]
        return [future.result() for future in done if future.exception() is None]

    @property
    def expected_wait(self) -> float:
        """Seconds until the next answer, as far as earlier ones tell; 0 where one is there, or nothing was asked."""
        if not self._calls or any(call.future.done() for call in self._calls):
            return 0.0
        # One that takes longer than usual is expected to take as much longer again.
        waited = [time.monotonic() - call.began for call in self._calls]
        usual = median(self._latencies) if self._latencies else 0.0
        return min(abs(usual - each) for each in waited)

    def ask(self, briefing: Briefing) -> None:
        """Request another proposal."""
        self._calls.append(self._start(briefing))

    def prepare(self, briefing: Briefing) -> None:
        """Let the agent prepare its next proposal, in the background; a request that comes meanwhile waits for the end of that."""
        thread = threading.Thread(target=self._prepare, args=(briefing,), name="autoresearch-prepare", daemon=True)
        self._threads = [each for each in self._threads if each.is_alive()] + [thread]
        thread.start()

    def take(self, briefing: Briefing, poll: Callable[[], None]) -> Answer:
        """Return the first answer that is there, in the order of asking; wait for one, and ask where nothing is pending.

        Parameters
        ----------
        briefing : Briefing
            The current briefing.
        poll : callable
            Called every `POLL` seconds while no answer is there; what it raises is raised here.

        Raises
        ------
        ProposalFailed, NothingToPropose, UserError
            As the agent raised them; `ProposalFailed.call` is the number of the request.
        """
        if not self._calls:
            self.ask(briefing)
        while not any(call.future.done() for call in self._calls):
            wait_for([call.future for call in self._calls], POLL, return_when=FIRST_COMPLETED)
            poll()
        call = next(call for call in self._calls if call.future.done())
        self._calls.remove(call)
        now = self.present(call.briefing, briefing)
        proposal, merged = rebase(_result(call), call.briefing, now)
        return Answer(call.number, proposal, call.briefing.incumbent.number, merged, len(call.briefing.notes), now)

    def ask_aside(self, briefing: Briefing, poll: Callable[[], None]) -> Answer:
        """Request another proposal and return it; pending requests stay pending. See `take`."""
        call = self._start(briefing)
        while not call.future.done():
            wait_for([call.future], POLL)  # returns as soon as the future is done
            poll()
        return Answer(call.number, _result(call), call.briefing.incumbent.number)

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
            if self.closed and not (reason and seconds <= 0):  # what there is to tell is told at the end as well
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
        with self._turn, suppress(Exception):  # an error comes again when the proposal is asked for
            if not self.closed:
                self.agent.prepare(briefing)

    def _run(self, call: Call) -> None:
        try:
            with self._turn:
                if self.closed:
                    raise Stopped
                call.began = time.monotonic()
                proposal = clean_proposal(self.agent.propose(call.briefing), _base(call.briefing))
            _settle(call, proposal.usage)
            self._latencies.append(time.monotonic() - call.began)
            call.future.set_result(proposal)
        except BaseException as error:
            if isinstance(error, ProposalFailed):
                clean_failure(error)
                _settle(call, error.usage or Usage())
            call.future.set_exception(error)


def _base(briefing: Briefing) -> str:
    return briefing.incumbent.target if briefing.rework is None else briefing.rework.proposal.target


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


def rebase(proposal: Proposal, earlier: Briefing, now: Briefing) -> tuple[Proposal, bool]:
    """Return a proposal for an earlier briefing as one for the current incumbent, and whether it is one: else it is as it was."""
    if earlier.incumbent.number == now.incumbent.number:
        return proposal, True
    target = merge(earlier.incumbent.target, now.incumbent.target, proposal.target)
    return (proposal, False) if target is None else (replace(proposal, target=target), True)
