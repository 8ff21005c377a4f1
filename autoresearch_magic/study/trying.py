"""Try one experiment: refuse it, or run it, check the guard, and repeat it until the judge decides."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass

from ..errors import NothingToPropose, RunLost, Stopped, UserError
from ..events import Notice, State, StateChanged
from ..experiment import Experiment, Verdict
from ..judging.constraints import FURTHER
from ..judging.judge import Decision
from ..runners import GuardResult
from ..source.edits import check_syntax
from ..source.integrity import refusal
from ..storage.trouble import JournalError
from .closing import runs_reached
from .flight import Flight
from .limits import SearchEnded
from .measuring import Measurer
from .proposing import Proposer

ATTEMPTS = 3
"""How often the process may end while an experiment's target runs, or this package's own code may fail, before it is a crash. A machine
that is switched off in the night, and a kernel that is restarted, are no fault of the experiment that ran."""

RETRIES = (5.0, 60.0)
"""Seconds before each further attempt where the runner fails that has worked before, such as a setup in a new worker."""


@dataclass(eq=False)
class Trying:
    """How one thread of a study tries experiments.

    Attributes
    ----------
    measurer : Measurer
    proposer : Proposer
    left : callable
        Returns how many experiments are still to be run.
    given : set of int
        Numbers of the versions that were given from outside: they do not go back to the agent.
    others : callable
        Returns what runs at the same time as an experiment.
    outdated : callable
        Whether an experiment's parent was replaced since it was proposed: then it is not repeated, and its verdict is left open.
    changed : callable
        Called with an experiment whose proposal was reworked.
    """

    measurer: Measurer
    proposer: Proposer
    left: Callable[[], int]
    given: set[int]
    others: Callable[[Experiment], Iterable[Experiment]] = lambda experiment: ()
    outdated: Callable[[Experiment], bool] = lambda experiment: False
    changed: Callable[[Experiment], object] = lambda experiment: None

    def __post_init__(self) -> None:
        """Take from the measurer what is used often."""
        self.definition, self.settings = self.measurer.definition, self.measurer.settings
        self.journal, self.control, self.publish = (
            self.measurer.records.journal,
            self.measurer.control,
            self.measurer.publish,
        )
        self.guard_result: GuardResult | None = None

    def attempt(self, experiment: Experiment, flight: Flight | None = None) -> tuple[Experiment, Decision]:
        """Run and judge an experiment; whatever it does to this package or its process, it is begun `ATTEMPTS` times at most."""
        journal, pauses = self.journal, list(RETRIES)
        while True:
            which = {"flight": flight.ticket} if flight and not flight.landed else {"experiment": experiment.number}
            (begun, error), lost = journal.attempts(**which), self.measurer.lost
            if begun >= ATTEMPTS:
                why = error or "The process ended while it ran."
                return self.numbered(experiment, flight), Decision(
                    Verdict.CRASH, f"Given up after {begun} attempts: {why}"
                )
            journal.note("attempt", **which)
            self.measurer.begun = lambda ran, of=experiment.number, which=which: self._note_begun(of, ran, which)  # type: ignore[misc]
            if experiment.measurements:  # what is left may be what ended the process
                self._note_begun(experiment.number, experiment.number, which)
            try:
                return self.run_and_judge(experiment, flight)
            except (Stopped, NothingToPropose, SearchEnded):
                journal.note("attempt ended", **which)
                raise
            except JournalError:
                with suppress(JournalError):  # it was not the experiment that failed
                    journal.note("attempt ended", **which)
                raise
            except UserError as failure:  # a new worker's setup fails, though it has worked before
                if ended := self.measurer.lost > lost and not isinstance(failure, RunLost):
                    # The target may have ended the worker, and broken what the setup needs: that is an attempt.
                    journal.note("attempt failed", error=str(failure), traceback="", **which)
                else:
                    journal.note("attempt ended", **which)
                if not pauses and not ended:
                    raise
                if pauses:
                    self.publish(StateChanged(State.WAITING, f"{failure} Tried again in {pauses[0]:.0f} s."))
                    with self.measurer.baton.released():
                        self.control.rest(pauses.pop(0))
                    self.measurer.wait_for_go(State.RUNNING)
            except Exception as failure:  # a bug in this package: it costs one experiment, not the study
                error = f"{type(failure).__name__}: {failure}"
                journal.note("attempt failed", error=error, traceback=traceback.format_exc(), **which)
                name = f"Experiment {experiment.number}" if "experiment" in which else "An experiment"
                self.publish(Notice(f"{name} failed the program that runs it: {error}"))
            if flight is None or flight.landed:
                number = flight.number if flight else experiment.number
                experiment = next(e for e in journal.experiments() if e.number == number)

    def _note_begun(self, number: int, ran: int, which: dict[str, int]) -> None:
        """Note that the experiment's target runs from now on: should the process end, it may be the target that has ended it."""
        if ran == number:  # not the incumbent beside it
            self.measurer.begun = lambda ran: None  # once an attempt
            self.journal.note("attempt begun", **which)

    @staticmethod
    def numbered(experiment: Experiment, flight: Flight | None) -> Experiment:
        """Return an experiment with its number: one in flight gets it now."""
        return experiment if flight is None or flight.landed else flight.land(experiment)

    def run_and_judge(self, experiment: Experiment, flight: Flight | None = None) -> tuple[Experiment, Decision]:
        """Run a proposal until the judge decides; when the guard fails, let the agent rework it and start over."""
        while True:
            experiment, decision = self.try_once(experiment, flight)
            if decision.verdict is not Verdict.GUARD_FAILED or experiment.number in self.given:
                return experiment, decision
            output = self.guard_result.output if self.guard_result else ""
            experiment, again = self.proposer.rework(experiment, decision.reason, output)
            if not again:
                return experiment, decision
            self.changed(experiment)

    def try_once(self, experiment: Experiment, flight: Flight | None = None) -> tuple[Experiment, Decision]:
        """Refuse the proposal, or run it, check the guard, and repeat it until the judge decides."""
        if refused := self.refuse(experiment):
            return self.numbered(experiment, flight), refused
        if not experiment.measurements:
            self.measurer.drift.look(self.measurer)
            self.proposer.ask_ahead(self.left() - 1, experiment)
            experiment, loser = self.measurer.stages.pass_through(self.measurer, experiment, flight)
            if loser is not None:
                return experiment, loser
        if not experiment.measurements:
            # Candidates use the incumbent's seeds, so that a lucky seed helps both.
            waiting = flight if flight and not flight.landed else None
            first = self.measurer.measure(experiment, "candidate", self.settings.seed, 0, 1, waiting)
            experiment = (waiting.experiment if waiting else experiment).with_measurement(first)
        guard_passed = not self.settings.guard
        while (decision := self.decide(experiment)).verdict in (None, Verdict.KEEP) or decision.leads:
            if self.outdated(experiment):
                break
            if (
                not guard_passed
            ):  # after the first run and before repeats: the guard is only worth it for possible keeps
                self.guard_result = self.measurer.check_guard(experiment)
                if self.guard_result.failure:
                    return experiment, Decision(Verdict.GUARD_FAILED, self.guard_result.failure)
                guard_passed = True
            if decision.verdict is not None:
                break
            self.measurer.wait_for_go(State.RUNNING)
            experiment = self.measurer.run_more(experiment, decision.run)
        if decision.verdict is Verdict.GUARD_FAILED:  # a run was not valid: its output is what the agent needs
            self.guard_result = GuardResult(decision.reason, experiment.measurements[-1].output)
        return experiment, decision

    def refuse(self, experiment: Experiment) -> Decision | None:
        """Return the verdict on a proposal that need not be run: none made, invalid, frozen code changed, or a duplicate."""
        if experiment.proposal.failure:
            return Decision(Verdict.REJECTED, experiment.proposal.failure)
        known, checkout = self.measurer.experiments, self.definition.checkout
        parent = known[experiment.parent or 0]
        if checkout and (outside := checkout.refusal(parent.target, experiment.target, self.settings.link)):
            return Decision(Verdict.REJECTED, outside)
        try:
            check_syntax(experiment.target)
        except UserError as error:
            return Decision(Verdict.CRASH, str(error))
        allowed = (known[0].target, parent.target)
        if changed := refusal(experiment.target, allowed, self.definition.setup):
            return Decision(Verdict.REJECTED, changed)
        if (earlier := self.measurer.status.tally.first_with(experiment.fingerprint)) is not None:
            return Decision(Verdict.DUPLICATE, f"The same as experiment {earlier}.")
        if any(other.fingerprint == experiment.fingerprint for other in self.others(experiment)):
            return Decision(Verdict.DUPLICATE, "The same as one that is run at the moment.")
        return None

    def decide(self, experiment: Experiment) -> Decision:
        """Return the judge's decision from everything measured so far."""
        measurer = self.measurer
        last = bool(runs_reached(measurer.status))
        most = 1 if last or measurer.rule.strict else 1 + min(measurer.rule.pairs, FURTHER)

        def compared(e: Experiment) -> Decision:
            decision = measurer.judge.decide(
                e, measurer.experiments, measurer.status.noise_with(e), largest=measurer.largest_gain, last=last,
                parent=measurer.name_of_parent(e), **measurer.fresh_proposal(),
            )  # fmt: skip
            return measurer.constraints.applied(e, measurer.experiments, decision, most=most)

        decision = compared(experiment)
        return decision if measurer.work is None else measurer.work.decided(experiment, decision, compared)
