"""Ask the agent for proposals: ahead of time, with pauses after failures and waits for its limits, and count what it uses."""

from __future__ import annotations

import threading
import time
import traceback
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace

from ..agents.base import Agent, Briefing
from ..agents.llm.reply_parser import read_ideas
from ..agents.prefetch import Answer, Prefetch
from ..agents.readers import reads_nothing
from ..budget import format_duration
from ..errors import CallFailed, NothingToPropose, ProposalFailed, Stopped, UserError
from ..events import NotesChanged, Notice, Proposed, State, StateChanged
from ..experiment import Experiment, Proposal, Usage
from ..source.edits import fingerprint
from ..text import counted
from .briefing import make_briefing, make_rework
from .confirming import confirmation_seconds
from .control import GivenFirst
from .ideas import backlog, keep_ideas
from .ledger import Ledger
from .limits import SearchEnded, money_spent, room_for_calls, time_left
from .measuring import Measurer
from .notes import READ, told
from .priors import read_priors

REWORKS = 2
"""How often a proposal goes back to its agent because the guard does not pass."""

PAUSES = (1.0, 300.0)
"""Seconds of the first pause after an attempt without a proposal, doubled each time, and of the longest."""

REFUSED = 9
"""Proposals in a row that may be refused (a duplicate, frozen code changed) before the agent gets a pause."""

NEVER_ANSWERED, NO_MORE = 3600.0, 24 * 3600.0
"""Seconds without a proposal that could be run after which the search ends: where there was none since the start, and else."""

FAILURES = 3
"""Exceptions of an agent's own code in a row, refusals of the same prompt, or answers without a change, after which the search ends."""

SLICE = 0.2
"""Seconds between two checks whether the search has ended, while an agent waits."""

CLEAN_UP = 2.0
"""Seconds that open requests get to close what they opened, at the end."""


@dataclass(frozen=True)
class Drafted:
    """What a question to the agent has brought: an experiment that claims nothing yet, so that it can still get another number.

    Attributes
    ----------
    experiment : Experiment
    calls : tuple of int
        The ledger's numbers of the calls that have brought it.
    answer : Answer or None
        None where the reply was of no use.
    line : int
        The line of work that it is for.
    """

    experiment: Experiment
    calls: tuple[int, ...] = ()
    answer: Answer | None = None
    line: int = 1


class Proposer:
    """Asks one study's agent.

    Parameters
    ----------
    measurer : Measurer
        Has the study's definition, records, status, events and control.
    agent : Agent
    pending : sequence of Experiment
        Experiments that were proposed and not judged when the study was stopped.

    Attributes
    ----------
    in_vain : int
        Attempts in a row, since the start, that brought nothing to run.
    in_flight : callable
        Returns what runs at the moment beside others, for the agent to know.
    lines_in_flight : callable
        Returns the lines of work of what runs, where there are several.
    next_number : callable
        Returns the ordinal of the next proposal.
    """

    def __init__(self, measurer: Measurer, agent: Agent, pending: Sequence[Experiment] = ()) -> None:
        self.measurer, self.agent = measurer, agent
        self.definition, self.settings, self.records = measurer.definition, measurer.settings, measurer.records
        self.status, self.control, self.publish = measurer.status, measurer.control, measurer.publish
        self.ledger = Ledger(self.records.journal, self.publish, pending)
        self.prefetch = Prefetch(agent, self.ledger.new_call, self._paid)
        self.prefetch.present = self._present
        self.in_vain = 0
        self.baton = measurer.baton
        self.in_flight: Callable[[], tuple[Experiment, ...]] = lambda: ()
        self.lines_in_flight: Callable[[], list[int]] = list
        self.next_number: Callable[[], int] = lambda: len(self.status.experiments)
        self._failures = 0  # in a row, that another attempt will hardly repair
        self._unchanged = 0  # answers in a row without a change
        self._given_up: SearchEnded | None = None
        self._ask_after = 0.0  # by time.monotonic; later than now in a pause
        self._hoped_since, self._never_answered = time.monotonic(), True
        self._awaited = False  # whether nothing can run until the agent answers
        self._told: list[str] = []  # by the agent, without a wait
        self._read = max((note.number for note in told(self.records.journal) if note.read is not None), default=0)
        self._waits: dict[int, tuple[str, float]] = {}  # by thread: for what the agent waits, and until when

    @property
    def trouble(self) -> str:
        """The last that the agent has told, in one line, such as that a part of it could not be reached; empty for nothing."""
        return f"{self._told[-1]} ({counted(len(self._told), 'time')})" if self._told else ""

    @property
    def money_spent(self) -> str:
        """Which limit of tokens or money forbids another call, in one line; empty while a paid proposal is to be run."""
        return "" if self.prefetch.pending else money_spent(self.status)

    @property
    def expected_wait(self) -> float:
        """Seconds for which nothing can run because the agent is awaited, as far as its earlier answers tell; 0 where it answers at once."""
        if not self.agent.slow or not self.settings.prefetch:
            return 0.0
        now, waits = time.monotonic(), [*self._waits.values()]
        if not self.prefetch.pending:
            return max(0.0, self._ask_after - now)
        if not waits or len(waits) < self.prefetch.pending:
            return self.prefetch.expected_wait
        return max(0.0, min(end for _, end in waits) - now)

    def ask_ahead(
        self, left: int, running: Experiment | None = None, experiments: Sequence[Experiment] | None = None
    ) -> None:
        """Ask for the next proposals, where agent and limits allow that, or let the agent prepare the next one.

        Parameters
        ----------
        left : int
            How many proposals can still be run.
        running : Experiment, optional
            What runs meanwhile.
        experiments : sequence of Experiment, optional
            The history to tell, where it is not that of the study: a baseline that has no value yet.
        """
        if not self.settings.prefetch:
            return
        if not self.agent.slow:
            if running is not None and left > 0:
                self.prefetch.prepare(self._ahead(running, experiments))
            return
        while (
            self.prefetch.pending < min(left, max(self.settings.ask_ahead, self.status.slots))
            and time.monotonic() >= self._ask_after
        ):
            if not room_for_calls(self.status, 1 + self.prefetch.unanswered, alone=not self.prefetch.pending):
                return
            self.prefetch.ask(self._ahead(running, experiments))

    def _ahead(self, running: Experiment | None, experiments: Sequence[Experiment] | None) -> Briefing:
        """Return the briefing of a question that is asked ahead: with what runs, what waits to be run, and what else is asked."""
        next_number = self.next_number()
        if running is not None and not self.settings.side_by_side:
            next_number = running.number + 1
        briefing = self._briefing(next_number + self.prefetch.pending, experiments)
        waiting = [
            Experiment(next_number + k, briefing.incumbent.number, each, fingerprint(each.target))
            for k, each in enumerate(self.prefetch.proposals)
        ]
        before = [running] if running is not None and running.number else []
        flying = [e for e in briefing.running if running is None or e.number != running.number]
        return replace(briefing, running=(*before, *flying, *waiting), others=self.prefetch.unanswered)

    def propose(self) -> Experiment | None:
        """Return the next experiment, not recorded yet; None after a call in vain, when the limits are to be checked again; see `draft`."""
        drafted = self.draft()
        return None if drafted is None else self.claimed(drafted, drafted.experiment.number)

    def draft(self) -> Drafted | None:
        """Return what the agent proposes next, with the ordinal of the proposal as its number; None after a call in vain.

        Raises
        ------
        NothingToPropose
            When every idea was tried, or the agent asks to wait longer than the study may last.
        SearchEnded
            When no call can succeed any more.
        """
        number, answer = self.next_number(), None
        if self._given_up is not None:
            raise self._given_up
        self._awaited = True
        try:
            briefing = self._briefing(number)
            with self.baton.released():
                answer = self.prefetch.take(briefing, self._poll_proposal)
            self._show_state()
            made, proposal, mark = answer.call, answer.proposal, fingerprint(answer.proposal.target)
        except GivenFirst:
            return None  # the request stays open
        except CallFailed as failed:
            self.records.journal.note("call failed", message=str(failed))
            self._failures = self._failures + 1 if failed.unfit else 0
            if self._failures >= FAILURES:
                raise SearchEnded(str(failed)) from failed
            self._pause(str(failed))
            return None
        except ProposalFailed as failed:
            made, mark = failed.call, ""
            proposal = Proposal(
                briefing.incumbent.target, "no proposal", agent=self.settings.agent, reply=failed.reply, failure=str(failed),
                ideas=failed.ideas or read_ideas(failed.reply), prompt=failed.prompt,
            )  # fmt: skip
            self._count_unchanged(failed)
        except (NothingToPropose, Stopped):
            raise
        except UserError as error:
            raise SearchEnded(str(error)) from error
        except Exception as error:
            self._bug(error)
            return None
        finally:
            self._awaited = False
        self._failures = 0
        if not proposal.failure:
            self._unchanged = 0
        if answer is not None and answer.briefing is not None:
            briefing = answer.briefing
        parent, line = briefing.incumbent, briefing.line.number if briefing.line else 1
        if briefing.line is not None:  # so that it is seen wherever an experiment is told
            proposal = replace(proposal, summary=f"line {line}: {proposal.summary}")
        experiment = Experiment(number, parent.number, proposal, mark, statistic=parent.statistic)
        return Drafted(experiment, (made,), answer, line)

    def _present(self, asked: Briefing, now: Briefing) -> Briefing:
        """Return the present briefing for the line of work that a question was asked for."""
        work = self.measurer.work
        return now if work is None or asked.line is None else work.brief_for(now, asked.line.number)

    def claimed(self, drafted: Drafted, number: int) -> Experiment:
        """Return the experiment with a number, under which it claims what the agent has used for it, and keep what else came with it."""
        experiment, answer = drafted.experiment, drafted.answer
        if self.measurer.work is not None:
            self.measurer.work.belongs(number, drafted.line)
        if answer is not None:
            self._tell_conflict(answer, number)
            self._note_read(answer, number)
        proposal = experiment.proposal
        if drafted.calls:
            proposal = replace(proposal, usage=self.ledger.claim(number, drafted.calls))
        self._keep_ideas(proposal, number)
        return replace(experiment, number=number, proposal=proposal)

    def _tell_conflict(self, answer: Answer, number: int) -> None:
        """Say that a proposal that was asked for ahead of time does not fit what was kept since, and is run all the same."""
        mark = fingerprint(answer.proposal.target)
        if not answer.merged and not any(e.fingerprint == mark for e in self.status.experiments):
            self.records.journal.note("conflict", experiment=number, made_for=answer.made_for)
            self.publish(Notice(
                f"Experiment {number} was proposed for experiment {answer.made_for} and changes the same lines as what was kept since: "
                "it is run as it is."
            ))  # fmt: skip

    def _note_read(self, answer: Answer, number: int) -> None:
        """Record which of the user's notes the agent has read; the part of a hybrid that is no language model reads none."""
        if answer.notes > self._read and not reads_nothing(answer.proposal.agent or self.settings.agent):
            self._read = answer.notes
            self.records.journal.note(READ, notes=answer.notes, experiment=number)
            self.publish(NotesChanged())

    def _count_unchanged(self, failed: ProposalFailed) -> None:
        """Take note of an answer; after the third in a row without a change the next question is not asked."""
        self._unchanged = self._unchanged + 1 if failed.unchanged else 0
        if self._unchanged >= FAILURES:
            said = failed.output or failed.reply
            self._given_up = SearchEnded(
                f"{self.settings.agent} has ended {FAILURES} times in a row without a change to the target: {failed}",
                said,
            )

    def judged(self, experiment: Experiment) -> None:
        """Take note of a verdict: a proposal that could not be run was in vain, and the agent gets a pause."""
        self.ledger.judged(experiment.number)
        if experiment.number == 0:
            return
        if experiment.ran:
            self.in_vain, self._hoped_since, self._never_answered = 0, time.monotonic(), False
        else:
            self._pause(experiment.reason, free=1 if experiment.proposal.failure else REFUSED)

    def rework(self, experiment: Experiment, problem: str, output: str) -> tuple[Experiment, bool]:
        """Send a proposal whose guard fails back to its agent.

        Parameters
        ----------
        experiment : Experiment
        problem : str
            What did not pass, in one line.
        output : str
            The end of the guard's output.

        Returns
        -------
        experiment : Experiment
            With the reworked proposal, to be tried in its place.
        again : bool
            False when there is none: the agent does not rework, has had its chances, or may cost no more.
        """
        journal, before = self.records.journal, experiment.proposal
        number = experiment.number
        if not self.agent.reworks or journal.reworks(number) >= REWORKS or money_spent(self.status):
            return experiment, False
        self.measurer.wait_for_go(State.RUNNING)
        self.publish(Notice(f"Experiment {number} goes back to {self.settings.agent}: {problem}"))
        briefing = replace(self._briefing(number), rework=make_rework(self.definition, before, problem, output))
        self._awaited = True
        try:
            with self.baton.released():
                answer = self.prefetch.ask_aside(briefing, self._poll)
            self._show_state()
            proposal, mark = answer.proposal, fingerprint(answer.proposal.target)
        except ProposalFailed as failed:
            self._keep_ideas(replace(before, ideas=failed.ideas or read_ideas(failed.reply), tries=()), number)
            spent = before.usage + self.ledger.claim(number, [failed.call])  # a failed call is paid for as well
            journal.set_usage(number, spent)
            return replace(experiment, proposal=replace(before, usage=spent)), False
        except NothingToPropose:
            return experiment, False
        except UserError as error:
            raise SearchEnded(str(error)) from error
        finally:
            self._awaited = False
        proposal = replace(proposal, usage=before.usage + self.ledger.claim(number, [answer.call]))
        self._keep_ideas(proposal, number)
        reworked = replace(experiment, proposal=proposal, fingerprint=mark, measurements=())
        journal.rework(experiment, reworked, problem)
        reworked = replace(reworked, proposal=replace(proposal, prompt=""))  # the journal has it
        self.publish(Proposed(reworked))
        return reworked, True

    def _keep_ideas(self, proposal: Proposal, number: int | None) -> None:
        keep_ideas(
            self.records.journal, proposal.ideas, proposal.tries,
            agent=proposal.agent or self.settings.agent, experiment=number,
        )  # fmt: skip

    def close(self) -> None:
        """End all requests that are still open; the ideas in answers that nobody took are kept."""
        with suppress(Exception):  # they are not worth a study's end
            for unused in self.prefetch.proposals:
                self._keep_ideas(unused, None)
        self.prefetch.close()

    def join(self) -> None:
        """Wait a moment until those requests have closed what they opened; an agent that does not is abandoned."""
        self.prefetch.join(CLEAN_UP)

    # -- waits ------------------------------------------------------------------------------------------------------

    def _briefing(self, number: int, experiments: Sequence[Experiment] | None = None) -> Briefing:
        journal, known = self.records.journal, self.status.experiments if experiments is None else experiments
        briefing = make_briefing(
            self.definition, known, notes=journal.said(), ideas=backlog(journal, known), priors=read_priors(journal),
            wait=self._wait, number=number, noise=self.status.noise.sd if experiments is None else None,
        )  # fmt: skip
        flying, work = self.in_flight(), self.measurer.work
        if work is not None and experiments is None:
            briefing = work.brief(briefing, [*self.prefetch.lines, *self.lines_in_flight()])
        return replace(briefing, running=flying) if flying else briefing

    def _paid(self, call: int, usage: Usage) -> bool:
        self.ledger.paid(call, usage)
        try:
            return not money_spent(self.status)
        except SearchEnded:
            return False

    def _poll(self) -> None:
        """Pause or stop at once, also while the agent is awaited, and show for what it waits."""
        self.control.wait_for_go(lambda: self.publish(StateChanged(State.PAUSED)))
        self._show_state()

    def _poll_proposal(self) -> None:
        """Do what `_poll` does, and wait no longer where a version was given that can be tried meanwhile."""
        self._poll()
        if self.control.asked:
            raise GivenFirst

    def _show_state(self) -> None:
        """Publish that the study waits or runs, when that has changed: the agent may have begun to wait before it was awaited."""
        line, shown = next((line for line, _ in [*self._waits.values()]), ""), self.status.state
        state = State.WAITING if line else State.RUNNING
        if shown is not state and shown in (State.RUNNING, State.WAITING):
            self.publish(StateChanged(state, line or "The agent is asked again."))

    def _wait(self, seconds: float, reason: str) -> None:
        """Wait on behalf of the agent, such as for a rate limit; called in the agent's thread."""
        if not reason:
            self.control.sleep(seconds)
            return
        if seconds <= 0:
            self._told.append(reason)
            self.publish(Notice(reason))
            return
        left = time_left(self.status, confirmation_seconds(self.status))
        hope = self._hoped_since + NO_MORE - time.monotonic()
        if seconds > hope or (left is not None and seconds >= left):
            limit = "the time limit leaves" if seconds <= hope else "a search waits"
            raise NothingToPropose(f"{reason} That is {_when(seconds)}, later than {limit}: the search ends.")
        line = f"{reason} Asked again {_when(seconds)}." if seconds >= 1 else reason
        self._waits[threading.get_ident()] = line, time.monotonic() + seconds
        if not self._awaited:  # asked ahead, while an experiment runs: the study itself does not wait yet
            self.publish(Notice(line))
        try:
            # By both clocks: one stands still while a laptop sleeps, the other may be set.
            end, at = time.monotonic() + seconds, time.time() + seconds
            while (left := min(end - time.monotonic(), at - time.time())) > 0:
                if self.prefetch.closed:
                    raise Stopped
                self.control.sleep(min(left, SLICE))
        finally:
            self._waits.pop(threading.get_ident(), None)

    def _pause(self, why: str, *, free: int = 0) -> None:
        """Wait after an attempt in vain, longer each time; the first `free` ones in a row cost no time."""
        self.in_vain += 1
        if self.settings.agent.startswith("replay:"):
            return
        waited = time.monotonic() - self._hoped_since
        if waited > (NEVER_ANSWERED if self._never_answered else NO_MORE):
            raise SearchEnded(
                f"{self.settings.agent} has brought nothing to run for {format_duration(waited)} "
                f"({counted(self.in_vain, 'attempt')}); the last: {why}"
            )
        steps = self.in_vain - free - 1
        if steps < 0:
            return
        seconds = min(PAUSES[1], PAUSES[0] * 2 ** min(steps, 30))
        if (left := time_left(self.status, confirmation_seconds(self.status))) is not None:
            seconds = max(0.0, min(seconds, left if left < 2 else left / 2))  # time for another attempt, if possible
        if self.prefetch.pending:  # other questions are open: only the next one waits
            self._ask_after = time.monotonic() + seconds
            return
        times = "" if self.in_vain == 1 else f" {self.in_vain} attempts in vain;"
        told = f"{why.rstrip('.')}.{times} {self.settings.agent} is asked again {_when(seconds)}."
        self.publish(StateChanged(State.WAITING, told))
        with self.baton.released():
            self.control.rest(seconds)
        self.publish(StateChanged(State.RUNNING))

    def _bug(self, error: Exception) -> None:
        """Contain an exception of the agent's own code; raise it where the agent has never worked, or again and again."""
        self._failures += 1
        if self._never_answered:
            raise error
        line, whole = f"{type(error).__name__}: {error}", "".join(traceback.format_exception(error))
        self.records.journal.note("call failed", message=line, traceback=whole)
        if self._failures >= FAILURES:
            raise SearchEnded(f"{self.settings.agent} failed {FAILURES} times in a row: {line}") from error
        self._pause(f"{self.settings.agent} failed: {line}")


def _when(seconds: float) -> str:
    """Return when a wait ends: in so much time, and at what time of the day where that is long."""
    at = time.localtime(time.time() + seconds)
    clock = "" if seconds < 600 else time.strftime(" (%H:%M)" if seconds < 43_200 else " (%a %d %b, %H:%M)", at)
    return f"in {format_duration(max(1, round(seconds)))}{clock}"
