"""The loop of a study that runs several experiments at once, one in each slot (``--workers``).

Each slot has a thread and a runner. One thread at a time holds the baton and proposes, decides, records or publishes, as the loop of a single
slot does; while its target runs it has given the baton up (`baton`). So all decisions are made one after the other, from what is measured by
then, and the journal holds them in that order.

- A proposal in flight has no number. It gets one when its first run has ended (`flight`), and verdicts are given in the order of the numbers.
  An experiment whose verdict is clear before that of an earlier one waits for it; its slot goes on with the next proposal.
- Candidate and incumbent are repeated in the slot of the candidate: pairs run on one device.
- Where a candidate is better than its parent, but another version was kept meanwhile, its change is applied on top of that and measured again.
  Where both have changed the same lines, the whole candidate is compared with the new incumbent as it is.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from ..agents.base import Agent
from ..errors import NothingToPropose
from ..events import Notice, Proposed, State
from ..experiment import Experiment, Verdict
from ..judging.closing import closing_runs
from ..judging.judge import Decision
from ..runners.fleet import Fleet
from ..runners.folder_scan import remove
from ..runs import mean
from ..source.edits import fingerprint, merge
from .again import run_again
from .closing import Closing, has_closing, searched
from .flight import Flight, Flights
from .idle import IdleRuns
from .limits import SearchEnded
from .loop import Loop
from .measuring import Measurer
from .proposing import Drafted
from .trying import Trying

LOOK = 0.25
"""Seconds after which a slot without work looks again: a request of the user wakes nobody."""

SLOWER = 0.05
"""Share by which runs side by side may be slower than alone without a word."""


class SideBySide(Loop):
    """Search in several slots at once; see this module.

    Parameters
    ----------
    measurer : Measurer
        Of the first slot.
    agent : Agent
    unjudged : sequence of Experiment
        Experiments that were begun and not judged when the study was stopped.
    fleet : Fleet
    """

    def __init__(self, measurer: Measurer, agent: Agent, unjudged: Sequence[Experiment], fleet: Fleet) -> None:
        super().__init__(measurer, agent, unjudged)
        self.fleet, self.baton = fleet, measurer.baton
        measurer.share_out = self.in_all_slots
        self.measurers = [measurer, *(measurer.in_slot(n, each) for n, each in enumerate(fleet.runners) if n)]
        for each, place in zip(self.measurers, fleet.places, strict=True):
            each.place = place.name
        self.flights = Flights(self.records, max(1, len(self.experiments) + len(unjudged)))
        self.unjudged = {e.number: e for e in unjudged if e.number}  # numbered and not judged
        self.decided: dict[int, tuple[Decision, Trying]] = {}  # of those, what waits for the verdict on an earlier one
        self.taken: set[int] = set()  # of those, what a slot works on
        self.flying: dict[int, Flight] = {}
        self.drafts: dict[int, Drafted] = {}
        self.unfinished = self.flights.unfinished(self.settings.statistic)  # were in flight when the study was stopped
        self.asks = False  # whether a slot waits for the agent
        self.idles = False  # whether a slot runs a version again meanwhile
        self.ended: BaseException | str | None = None  # why nothing more is proposed
        self.error: BaseException | None = None  # what ends the search at once
        self.proposer.in_flight = self.in_flight
        self.proposer.next_number = self.flights.next_ticket
        self.proposer.lines_in_flight = self.lines_in_flight
        self.tried = [self._trying(each) for each in self.measurers]
        self.idle_runs = [IdleRuns(each) for each in self.measurers]

    def _trying(self, measurer: Measurer) -> Trying:
        return Trying(
            measurer, self.proposer, lambda: self.left, self.given, changed=self._keep_open,
            others=lambda one: [e for e in self.in_flight() if e.proposal is not one.proposal],
            outdated=lambda e: e.parent != measurer.base_of(e).number,
        )  # fmt: skip

    def _keep_open(self, experiment: Experiment) -> None:
        self.unjudged[experiment.number] = experiment

    def in_flight(self) -> tuple[Experiment, ...]:
        """Return what was proposed and has no verdict yet."""
        flying = (flight.experiment for _, flight in sorted(self.flying.items()) if not flight.landed)
        return (*(e for _, e in sorted(self.unjudged.items())), *flying)

    def lines_in_flight(self) -> list[int]:
        """Return the lines of work of what was proposed and has no verdict yet."""
        lines = self.status.lines
        known = [] if lines is None else [lines.of.get(number, 1) for number in self.unjudged]
        return [*known, *(drafted.line for drafted in self.drafts.values())]

    # -- all slots ------------------------------------------------------------------------------------------------

    def _in_threads(self, works: Sequence[Callable[[], None]]) -> None:
        """Let each slot do its work, with the baton in turns, and raise what one of them raises; the others are interrupted then."""

        def work(own: Callable[[], None]) -> None:
            with self.baton.held():
                try:
                    own()
                except BaseException as error:
                    if self.error is None:
                        self.error = error
                        self.fleet.interrupt()
                self.baton.tell()

        threads = [
            threading.Thread(
                target=work, args=(own,), name=f"{threading.current_thread().name}-{slot + 1}", daemon=True
            )
            for slot, own in enumerate(works)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        if self.error is not None:
            raise self.error

    def in_all_slots(self, jobs: Sequence[Callable[[Measurer], None]]) -> None:
        """Do jobs that need a measurer, in as many slots as there are."""
        left = list(jobs)

        def work(measurer: Measurer) -> None:
            while left and self.error is None:
                left.pop(0)(measurer)

        self._in_threads([lambda each=each: work(each) for each in self.measurers])  # type: ignore[misc]

    # -- the baseline ---------------------------------------------------------------------------------------------

    def run_baseline(self, baseline: Experiment, repeats: int) -> Experiment:
        """Run the baseline alone first, then once in each slot at the same time; say how much runs slow each other down."""
        baseline = super().run_baseline(baseline, 1)
        for runner in self.fleet.runners:
            runner.learned = self.measurer.runner.learned
        done, total = len(baseline.measurements), max(repeats, 1 + len(self.fleet))
        made = dict(enumerate(baseline.measurements))

        def job(repeat: int) -> Callable[[Measurer], None]:
            def run(measurer: Measurer) -> None:
                measurer.wait_for_go(State.BASELINE)
                made[repeat] = self.run_baseline_once(measurer, baseline, repeat, total)

            return run

        self.in_all_slots([job(repeat) for repeat in range(done, total)])
        baseline = replace(baseline, measurements=tuple(m for _, m in sorted(made.items())))
        return self._interference(baseline)

    def _interference(self, baseline: Experiment) -> Experiment:
        """Compare the first run, which was alone, with the others; where that is told in steps, it does not count as one of them."""
        alone, *others = baseline.measurements
        if not others:
            return baseline
        many = len(self.fleet)
        if alone.steps and self.settings.budget.unit != "steps":
            share = mean([m.steps for m in others]) / alone.steps
            what = f"{many} at once make {share:.0%} of the steps that one alone makes in the same time"
        else:
            share = alone.seconds / max(1e-9, mean([m.seconds for m in others]))
            what = f"{many} at once take {1 / max(share, 1e-9):.2f} times as long as one alone"
        if share >= 1 - SLOWER:
            self.publish(Notice(f"Side by side is as fast as alone: {what}."))
            return baseline
        timed = self.settings.budget.unit != "steps" or bool(self.settings.verify)
        then = "; so a budget in seconds trains less, and metrics of time are worse than alone. All are compared under the same load"
        self.publish(Notice(f"Runs slow each other down: {what}{then if timed else ''}.", lasting=timed))
        if timed and len(others) > 1:
            baseline = replace(baseline, since=1)
            self.records.journal.set_since(baseline)
        return baseline

    # -- the search -----------------------------------------------------------------------------------------------

    def search(self) -> str:
        """Let each slot propose, run and judge until a limit is reached; return which."""
        self.pending, self.waiting = None, []  # what was not judged is in `unjudged`
        for runner in self.fleet.runners:
            runner.learned = self.measurer.runner.learned
        self._in_threads([lambda each=each: self._work(each) for each in self.tried])  # type: ignore[misc]
        if isinstance(self.ended, BaseException):
            raise self.ended
        return self.ended or self.proposer.trouble

    def _work(self, trying: Trying) -> None:
        """Work in one slot until nothing is left to do in it."""
        while self.error is None:
            trying.measurer.wait_for_go(State.RUNNING)
            if not self._step(trying):
                if self._over():
                    return
                self.baton.wait(LOOK)

    def _over(self) -> bool:
        """Whether nothing more will come to a slot that has nothing to do."""
        busy = bool(self.flying or self.unjudged or self.unfinished or self.asks or self.idles)
        if self.ended is None and self.left <= 0 and not busy:
            self.ended = ""
        return self.ended is not None and not busy

    def _step(self, trying: Trying) -> bool:
        """Do one thing; return False where there is nothing to do at the moment."""
        if (number := self._due()) is not None:
            self._advance(trying, number)
        elif self.unfinished:
            experiment, line = self.unfinished.pop(0)
            self.drafts[experiment.number] = Drafted(experiment, line=line)
            self._fly(trying, experiment)
        elif (asked := self.control.take_again()) is not None:
            run_again(trying.measurer, Closing(trying.measurer), asked[0])
            if asked[1]:
                self.control.spend()
        elif (given := self.control.take_given()) is not None:
            best = self.incumbent
            e = Experiment(
                self.flights.next_ticket(), best.number, given.proposal, fingerprint(given.proposal.target), statistic=best.statistic
            )  # fmt: skip

            def numbered(number: int) -> None:
                given.number = number
                self.given.add(number)
                self.records.journal.note("given", experiment=number)

            self.flights.begin(e)
            self._fly(trying, e, numbered)
        elif self._may_propose():
            self._propose(trying)
        else:
            return self._run_idle(trying)
        return True

    def _run_idle(self, trying: Trying) -> bool:
        """Run a version again while the agent is awaited, in one slot at a time; return whether one was run."""
        if not self.asks or self.idles or self.ended is not None:
            return False
        self.idles = True
        try:
            return self.idle_runs[trying.measurer.slot].run_one(self.proposer.expected_wait)
        finally:
            self.idles = False

    def _due(self) -> int | None:
        """Return the number of an experiment without a verdict that can be worked on now; None for none."""
        turn = len(self.experiments)
        free = sorted(self.unjudged.keys() - self.taken)
        return next((n for n in free if n not in self.decided or n == turn), None)

    @property
    def left(self) -> int:
        """How many proposals are still to be made; those without a verdict count as made."""
        return (
            self.settings.experiments - self.status.done - len(self.flying) - len(self.unjudged) - len(self.unfinished)
        )

    def _may_propose(self) -> bool:
        """Whether another proposal may be made now; where a limit ends the search, that is noted."""
        running = len(self.flying) + len(self.unjudged)
        if self.ended is not None or self.asks or self.left <= 0 or self.control.room(running) <= 0:
            return False
        most = self.settings.max_runs
        if most is not None and running:  # each of them makes at least one run
            made = searched(self.status) + len(self.flying)
            if made + (closing_runs(made) if has_closing(self.status) else 0) >= most:
                return False
        if reached := self.limit_reached():
            self.ended = reached
        return self.ended is None

    def _propose(self, trying: Trying) -> None:
        """Ask the agent, and run what it proposes."""
        self.asks = True
        try:
            drafted = self._merged()
            if drafted is None:
                self.proposer.ask_ahead(self.left)
                drafted = self.proposer.draft()
            if drafted is not None:
                self.flights.begin(drafted.experiment, drafted.line)
        except (NothingToPropose, SearchEnded) as end:
            self.ended = end
            return
        finally:
            self.asks = False
            self.baton.tell()
        if drafted is not None:
            self.drafts[drafted.experiment.number] = drafted
            self._fly(trying, drafted.experiment)

    def _merged(self) -> Drafted | None:
        """Return what tries together what two lines of work have found, where that is worth it."""
        if (work := self.measurer.work) is None:
            return None
        work.settle()
        made = work.merged(self.flights.next_ticket())
        if made is None or any(each.fingerprint == made.fingerprint for each in self.in_flight()):
            return None
        return Drafted(made, line=work.lines.line_of(self.incumbent.number))

    def _fly(
        self, trying: Trying, experiment: Experiment, numbered: Callable[[int], None] = lambda number: None
    ) -> None:
        """Run a proposal for the first time, and go on with it."""
        ticket = experiment.number
        flight = Flight(ticket, experiment, str(self.flights.log(ticket)), lambda one, e: self._land(one, e, numbered))
        self.flying[ticket] = flight
        try:
            experiment, decision = trying.attempt(experiment, flight)
        finally:
            self.flying.pop(ticket, None)
        self._settle(trying, experiment, decision)

    def _land(self, flight: Flight, experiment: Experiment, numbered: Callable[[int], None]) -> Experiment:
        """Give the next number to an experiment whose first run has ended, or that need not be run."""
        number = len(self.experiments) + len(self.unjudged)
        drafted = self.drafts.pop(flight.ticket, None)
        if drafted is None:
            experiment = replace(experiment, number=number)
        else:
            experiment = self.proposer.claimed(replace(drafted, experiment=experiment), number)
        self.records.journal.land(experiment, flight.ticket)
        self.flights.end(flight.ticket)
        with suppress(OSError):  # nothing was run, or a log that nobody can move
            Path(flight.log).rename(self.records.log(number, "candidate", 0))
        experiment = replace(experiment, proposal=replace(experiment.proposal, prompt=""))  # the journal has it
        self.unjudged[number] = experiment
        self.taken.add(number)
        self.flying.pop(flight.ticket, None)
        numbered(number)
        self.publish(Proposed(experiment))
        return experiment

    def _advance(self, trying: Trying, number: int) -> None:
        """Go on with an experiment that has a number: its turn has come, or it was left when the study was stopped."""
        self.taken.add(number)
        if number in self.decided:
            decision, before = self.decided.pop(number)
            self._settle(trying, self.unjudged[number], decision, before)
        else:
            self._settle(trying, *trying.attempt(self.unjudged[number]))

    def _settle(self, trying: Trying, e: Experiment, decision: Decision, ran: Trying | None = None) -> None:
        """Record a verdict, or keep it until its turn comes; compare with the present incumbent before anything is kept."""
        while True:
            self.unjudged[e.number] = e
            if (decision.verdict in (None, Verdict.KEEP) or decision.leads) and e.parent != self.measurer.base_of(
                e
            ).number:
                e, known = self._on_top(trying, e)
                self.unjudged[e.number], ran = e, None
                e, decision = (e, known) if known is not None else trying.attempt(e)
                continue
            if e.number == len(self.experiments):
                break
            self.decided[e.number] = decision, ran or trying
            self.taken.discard(e.number)
            if decision.verdict is Verdict.KEEP:  # its slot goes on, and forgets what it wrote
                self.keep_files(e, (ran or trying).measurer)
            return
        if decision.verdict is not Verdict.KEEP:
            with suppress(OSError):
                remove(self.records.files(e.number))  # of a version that was to be kept
        del self.unjudged[e.number]
        self.taken.discard(e.number)
        self.record(e, decision, (ran or trying).measurer)
        self.baton.tell()
        self.check_measuring(e, trying.measurer)

    def _on_top(self, trying: Trying, e: Experiment) -> tuple[Experiment, Decision | None]:
        """Return a promising experiment as a change of the present incumbent, and its verdict where that needs no run."""
        best, parent = self.measurer.base_of(e), self.experiments[e.parent or 0]
        journal = self.records.journal
        target = merge(parent.target, best.target, e.target)
        mark = "" if target is None else fingerprint(target)
        if mark == best.fingerprint:
            why = f"Better than experiment {parent.number}, but experiment {best.number}, kept meanwhile, has the same change."
            e = replace(e, parent=best.number)
            journal.set_parent(e)
            return e, Decision(Verdict.DUPLICATE, why)
        if target is not None and mark != e.fingerprint:
            problem = f"Experiment {best.number} was kept meanwhile: it is applied on top of that."
            proposal = replace(e.proposal, target=target)
            made = replace(e, parent=best.number, proposal=proposal, fingerprint=mark, measurements=(), since=0)
            if trying.refuse(made) is None:
                journal.rework(e, made, problem)
                self.publish(Proposed(made))
                self.publish(Notice(f"Experiment {e.number} looks better than its parent. {problem}"))
                return made, None
        e = replace(e, parent=best.number)  # as a whole version, which needs no common parent
        journal.set_parent(e)
        return e, None
