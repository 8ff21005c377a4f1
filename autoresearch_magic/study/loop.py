"""The loop: propose, run, judge, record, publish.

It knows its parts by their base classes, and nothing of notebooks, widgets or processes.
"""

from __future__ import annotations

import traceback
from contextlib import suppress
from dataclasses import replace

from ..agents.base import Agent
from ..errors import NothingToPropose, RunLost, Stopped, UserCodeError, UserError
from ..events import Judged, Notice, Proposed, State, StateChanged
from ..experiment import Experiment, Outcome, Proposal, Verdict
from ..judging.analysis.analyze import evaluate
from ..judging.analysis.format import evals_line, plateau_line
from ..judging.analysis.rates import plateau
from ..judging.constraints import FURTHER
from ..judging.judge import Decision
from ..judging.noise import estimate_noise
from ..runners import GuardResult
from ..source.edits import check_syntax, fingerprint
from ..source.integrity import refusal
from ..storage.trouble import JournalError
from .again import run_again
from .closing import Closing, baseline_runs, closing_seconds, runs_reached
from .idle import IdleRuns
from .limits import SearchEnded, has_room, limit_reached
from .measuring import Measurer, baseline_error
from .proposing import Proposer

ATTEMPTS = 3
"""How often the process may end while an experiment's target runs, or this package's own code may fail, before it is a crash. A machine
that is switched off in the night, and a kernel that is restarted, are no fault of the experiment that ran."""

RETRIES = (5.0, 60.0)
"""Seconds before each further attempt where the runner fails that has worked before, such as a setup in a new worker."""

UNREAD, VALUELESS = 2, 5
"""Runs in a row that print no number, or have no value for any reason, after which the incumbent is run to see whether the
measuring itself still works."""

UNSTEADY = 1.5
"""Ratio of the steps of two equal runs above which the machine, not the metric, is taken to vary."""


class Loop:
    """Search for better targets, from where the journal ends until a limit is reached; then confirm the result.

    Parameters
    ----------
    measurer : Measurer
        Runs and repeats targets; has the study's definition, records, status, events and control.
    agent : Agent
    pending : Experiment, optional
        An experiment that was proposed and not judged when the study was stopped.
    """

    def __init__(self, measurer: Measurer, agent: Agent, pending: Experiment | None = None) -> None:
        self.measurer, self.agent, self.pending = measurer, agent, pending
        self.definition, self.settings, self.metric = measurer.definition, measurer.settings, measurer.metric
        self.records, self.status, self.control = measurer.records, measurer.status, measurer.control
        self.publish, self.rule = measurer.publish, measurer.rule
        self.proposer = Proposer(measurer, agent, pending)
        self.idle = IdleRuns(measurer)
        self.guard_result: GuardResult | None = None
        self.unread = self.valueless = 0  # runs in a row without a printed number, without a value
        self.given = {body["experiment"] for _, _, body in self.records.journal.notes("given")}

    def run(self) -> tuple[State, str]:
        """Measure the baseline, search until a limit is reached, and confirm the result.

        Returns
        -------
        state : State
            FINISHED, or STOPPED where the search could not go on.
        message : str
            Why it has ended, in one line; empty where all experiments were made.
        """
        self.measure_baseline()
        try:
            state, why = self.search_until_end()
            Closing(self.measurer).run(
                lambda seconds: has_room(self.status, seconds + self.measurer.confirmation_seconds)
            )
            if beyond := self.measurer.constraints.told_of_result(self.incumbent, self.experiments):
                self.publish(Notice(beyond, lasting=True))
            self.measurer.confirm(lambda seconds: has_room(self.status, seconds))
        finally:
            self.proposer.join()
        return state, why

    def search_until_end(self) -> tuple[State, str]:
        """Search, and let go of the agent at the end; return what `run` returns."""
        state = State.FINISHED
        try:
            why = self.search()
        except NothingToPropose as end:
            why = str(end)
        except SearchEnded as end:
            if self.incumbent.number == 0:  # there is nothing to confirm
                raise UserCodeError(str(end), end.output) from end
            state, why = State.STOPPED, str(end)
            self.status.traceback = end.output
        finally:
            self.proposer.close()
        if why:
            self.publish(Notice(why))
        return state, why

    def search(self) -> str:
        """Propose, run, judge, record and publish, until a limit is reached; return which."""
        reached = ""
        while self.control.asked or (self.left > 0 and not (reached := self.limit_reached())):
            self.measurer.wait_for_go(State.RUNNING)
            if self.pending is None and self.run_asked():
                continue
            if self.pending is None and not self.open_given():
                self.proposer.ask_ahead(self.left)
                if self.idle.run_one(self.proposer.expected_wait):
                    continue
                proposed = self.proposer.propose()
                if proposed is None:
                    continue
                self.open(proposed)
            self.try_pending()
        return reached if self.left > 0 else self.proposer.trouble

    def open_given(self) -> bool:
        """Open the experiment of a version that was given from outside; return whether there was one."""
        if (given := self.control.take_given()) is None:
            return False
        best, number = self.incumbent, len(self.experiments)
        self.given.add(number)
        self.records.journal.note("given", experiment=number)
        mark = fingerprint(given.proposal.target)
        self.open(Experiment(number, best.number, given.proposal, mark, statistic=best.statistic))
        given.number = number
        return True

    def run_asked(self) -> bool:
        """Run a version once more that the user has asked for; return whether there was one."""
        if (asked := self.control.take_again()) is None:
            return False
        number, lifts = asked
        run_again(self.measurer, self.idle.closing, number)
        if lifts:
            self.control.spend()
        return True

    def try_pending(self) -> None:
        """Run and judge the experiment that was opened, record it, and see whether the measuring still works."""
        assert self.pending is not None
        experiment, decision = self.attempt(self.pending)
        self.record(experiment, decision)
        self.check_measuring(experiment)

    @property
    def experiments(self) -> tuple[Experiment, ...]:
        """Every judged experiment, the baseline first."""
        return self.status.experiments

    @property
    def incumbent(self) -> Experiment:
        """The current best."""
        return self.measurer.incumbent

    @property
    def left(self) -> int:
        """How many experiments are still to be run."""
        return self.settings.experiments - self.status.done

    def limit_reached(self) -> str:
        """Return which limit ends the search, in one line; empty while none does."""
        ending = self.measurer.confirmation_seconds + closing_seconds(self.status)
        reached = limit_reached(self.status, ending) or runs_reached(self.status)
        return reached or ("" if self.pending else self.proposer.money_spent)

    # -- the baseline ---------------------------------------------------------------------------------------------

    def measure_baseline(self) -> None:
        """Measure the unchanged target `repeats` times: the value to compare with, and the first estimate of the noise."""
        if self.experiments:
            return
        self.publish(StateChanged(State.BASELINE))
        target = self.definition.target
        unchanged = Experiment(
            0, None, Proposal(target, "baseline"), fingerprint(target), statistic=self.settings.statistic
        )
        baseline = self.pending or self.open(unchanged)
        baseline = replace(baseline, measurements=tuple(m for m in baseline.measurements if m.ok))
        repeats = baseline_runs(self.settings)
        if self.agent.slow:  # its first answers take about as long as the baseline does
            self.proposer.ask_ahead(
                self.left, baseline, (replace(baseline, verdict=Verdict.BASELINE, measurements=()),)
            )
        while len(baseline.measurements) < repeats:
            self.measurer.wait_for_go(State.BASELINE)
            repeat = len(baseline.measurements)
            seed = self.settings.seed + repeat
            measurement = self.measurer.measure(baseline, "baseline", seed, repeat, repeats)
            if not measurement.ok:
                raise baseline_error(measurement)
            if not self.rule.bounds.hold(value := measurement.value or 0.0):
                raise UserError(
                    f"The target's own {self.metric.name}, {self.metric.format(value)}, is outside --bounds "
                    f"{self.rule.bounds}: change the bounds or the metric."
                )
            baseline = baseline.with_measurement(measurement)
            self.measurer.constraints.check_names(baseline)
        if self.settings.guard and (failure := (result := self.measurer.check_guard(baseline)).failure):
            raise UserCodeError(
                f"{failure} It must pass on the code as it is: fix that, or change --guard.", result.output
            )
        runs = len(baseline.values)
        reason = f"{runs} runs, sd {baseline.deviation:.3g}." if runs > 1 else "One run."
        self.record(baseline, Decision(Verdict.BASELINE, reason))
        if beyond := self.measurer.constraints.told_of_baseline(baseline):
            self.publish(Notice(beyond, lasting=True))
        steps = sorted(m.steps for m in baseline.measurements)
        if steps[0] and steps[-1] > UNSTEADY * steps[0]:
            self.publish(Notice(
                f"The baseline made {steps[0]} to {steps[-1]} steps in the same budget: other programs keep this machine "
                "busy, and the noise is larger than necessary."
            ))  # fmt: skip

    def open(self, experiment: Experiment) -> Experiment:
        """Record an experiment before it is run."""
        self.records.journal.open_experiment(experiment)
        experiment = replace(experiment, proposal=replace(experiment.proposal, prompt=""))  # the journal has it
        self.pending = experiment
        self.publish(Proposed(experiment))
        return experiment

    # -- run and judge --------------------------------------------------------------------------------------------

    def attempt(self, experiment: Experiment) -> tuple[Experiment, Decision]:
        """Run and judge an experiment; whatever it does to this package or its process, it is begun `ATTEMPTS` times at most."""
        journal, number, pauses = self.records.journal, experiment.number, list(RETRIES)
        while True:
            (begun, error), lost = journal.attempts(number), self.measurer.lost
            if begun >= ATTEMPTS:
                why = error or "The process ended while it ran."
                return experiment, Decision(Verdict.CRASH, f"Given up after {begun} attempts: {why}")
            journal.note("attempt", experiment=number)
            self.measurer.begun = lambda ran: self._note_begun(number, ran)
            if experiment.measurements:  # what is left may be what ended the process
                self._note_begun(number, number)
            try:
                return self.run_and_judge(experiment)
            except (Stopped, NothingToPropose, SearchEnded):
                journal.note("attempt ended", experiment=number)
                raise
            except JournalError:
                with suppress(JournalError):  # it was not the experiment that failed
                    journal.note("attempt ended", experiment=number)
                raise
            except UserError as failure:  # a new worker's setup fails, though it has worked before
                if ended := self.measurer.lost > lost and not isinstance(failure, RunLost):
                    # The target may have ended the worker, and broken what the setup needs: that is an attempt.
                    journal.note("attempt failed", experiment=number, error=str(failure), traceback="")
                else:
                    journal.note("attempt ended", experiment=number)
                if not pauses and not ended:
                    raise
                if pauses:
                    self.publish(StateChanged(State.WAITING, f"{failure} Tried again in {pauses[0]:.0f} s."))
                    self.control.rest(pauses.pop(0))
                    self.measurer.wait_for_go(State.RUNNING)
            except Exception as failure:  # a bug in this package: it costs one experiment, not the study
                error = f"{type(failure).__name__}: {failure}"
                journal.note("attempt failed", experiment=number, error=error, traceback=traceback.format_exc())
                self.publish(Notice(f"Experiment {number} failed the program that runs it: {error}"))
            experiment = next(e for e in journal.experiments() if e.number == number)

    def _note_begun(self, number: int, ran: int) -> None:
        """Note that the experiment's target runs from now on: should the process end, it may be the target that has ended it."""
        if ran == number:  # not the incumbent beside it
            self.measurer.begun = lambda ran: None  # once an attempt
            self.records.journal.note("attempt begun", experiment=number)

    def run_and_judge(self, experiment: Experiment) -> tuple[Experiment, Decision]:
        """Run a proposal until the judge decides; when the guard fails, let the agent rework it and start over."""
        while True:
            experiment, decision = self.try_once(experiment)
            if decision.verdict is not Verdict.GUARD_FAILED or experiment.number in self.given:
                return experiment, decision
            output = self.guard_result.output if self.guard_result else ""
            experiment, again = self.proposer.rework(experiment, decision.reason, output)
            if again:
                self.pending = experiment
            else:
                return experiment, decision

    def try_once(self, experiment: Experiment) -> tuple[Experiment, Decision]:
        """Refuse the proposal, or run it, check the guard, and repeat it until the judge decides."""
        if refused := self.refuse(experiment):
            return experiment, refused
        if not experiment.measurements:
            self.measurer.look_for_drift()
            self.proposer.ask_ahead(self.left - 1, experiment)
            # Candidates use the incumbent's seeds, so that a lucky seed helps both.
            first = self.measurer.measure(experiment, "candidate", self.settings.seed, 0, 1)
            experiment = experiment.with_measurement(first)
        guard_passed = not self.settings.guard
        while (decision := self.decide(experiment)).verdict in (None, Verdict.KEEP):
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
        checkout = self.definition.checkout
        if checkout and (outside := checkout.refusal(self.incumbent.target, experiment.target, self.settings.link)):
            return Decision(Verdict.REJECTED, outside)
        try:
            check_syntax(experiment.target)
        except UserError as error:
            return Decision(Verdict.CRASH, str(error))
        allowed = (self.experiments[0].target, self.incumbent.target)
        if changed := refusal(experiment.target, allowed, self.definition.setup):
            return Decision(Verdict.REJECTED, changed)
        for earlier in self.experiments:
            if earlier.fingerprint == experiment.fingerprint:
                return Decision(Verdict.DUPLICATE, f"The same as experiment {earlier.number}.")
        return None

    def decide(self, experiment: Experiment) -> Decision:
        """Return the judge's decision from everything measured so far."""
        last = bool(runs_reached(self.status))
        decision = self.measurer.judge.decide(
            experiment, self.experiments, estimate_noise([*self.experiments, experiment]), largest=self.measurer.largest_gain,
            last=last, **self.measurer.fresh_proposal(),
        )  # fmt: skip
        return self.measurer.constraints.applied(
            experiment,
            self.experiments,
            decision,
            most=1 if last or self.rule.strict else 1 + min(self.rule.pairs, FURTHER),
        )

    # -- record ---------------------------------------------------------------------------------------------------

    def record(self, experiment: Experiment, decision: Decision) -> None:
        """Record the verdict, and publish it."""
        experiment = replace(experiment, verdict=decision.verdict, reason=decision.reason)
        experiment = self.records.judged(experiment, list(self.experiments))
        self.pending = None
        if experiment.number > 0:
            self.control.spend()
        self.publish(Judged(experiment))
        try:
            self.measurer.learn(experiment)
            if experiment.verdict is not None and experiment.verdict.kept:
                self.measurer.runner.keep_files(experiment.target, self.records.files(experiment.number))
            if experiment.number > 0:
                self.tell_progress(experiment.number)
            self.records.draw(list(self.experiments), lambda: self.status.proven)
        except Exception as failure:  # nothing of this is worth a study's end
            self.publish(Notice(f"After experiment {experiment.number}: {type(failure).__name__}: {failure}"))
        if experiment.number not in self.given:
            self.proposer.judged(experiment)

    def check_measuring(self, experiment: Experiment) -> None:
        """Run the incumbent when several runs in a row gave no value, to see whether the proposals or the measuring are broken.

        Raises
        ------
        UserCodeError
            When not even the incumbent has a value any more.
        """
        if not experiment.ran:
            return
        last = experiment.measurements[-1]
        has_value = last.ok or last.outcome in (
            Outcome.PRUNED,
            Outcome.NOT_FINITE,
            Outcome.TAMPERED,
            Outcome.INVALID,
            Outcome.OVERTIME,
        )
        self.valueless = 0 if has_value else self.valueless + 1
        unread = bool(self.settings.verify) and last.outcome is Outcome.METRIC_ERROR
        self.unread = self.unread + 1 if unread else 0
        # After 2, 4, 8, ... (or 5, 10, 20, ...) in a row.
        if not (_doubled(self.unread, UNREAD) or _doubled(self.valueless, VALUELESS)):
            return
        runs = f"{self.unread if unread else self.valueless} runs in a row gave no value"
        again = self.measurer.measure_again()
        best = self.incumbent
        which = f"experiment {best.number}, the best so far," if best.number else "the baseline"
        if not again.ok:
            raise UserCodeError(
                f"{runs}, and {which} gives none any more either: {(again.error or again.outcome).rstrip('.')}. "
                "So nothing can be confirmed: repair what measures, then resume.",
                again.traceback or again.output or "(no output)",
            )
        self.publish(Notice(f"{runs}, but {which} still does: the changes broke it, and the search goes on."))

    def tell_progress(self, number: int) -> None:
        """Publish how the study goes, every `evals_interval` experiments and when a plateau begins."""
        s = self.settings
        if s.evals_interval and number % s.evals_interval == 0:
            seen = evaluate(
                self.experiments, self.metric, noise=self.status.noise, gains=self.status.gains, planned=s.planned, patience=s.patience,
                budgeted=not s.verify,
            )  # fmt: skip
            self.publish(Notice(f"{evals_line(seen)} %autoresearch evals says more."))
        self.measurer.tell_levels()
        if (flat := plateau(self.experiments, s.patience)).begins:
            self.publish(Notice(f"A plateau: {plateau_line(flat)}. %autoresearch evals says more."))


def _doubled(count: int, first: int) -> bool:
    """Return whether a count is `first`, or that doubled any number of times."""
    times, rest = divmod(count, first)
    return times > 0 and rest == 0 and times & (times - 1) == 0
