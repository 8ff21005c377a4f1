"""The loop: propose, run, judge, record, publish.

It knows its parts by their base classes, and nothing of notebooks, widgets or processes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from ..agents.base import Agent
from ..errors import NothingToPropose, UserCodeError, UserError
from ..events import Judged, Notice, Proposed, State, StateChanged
from ..experiment import Experiment, Measurement, Outcome, Proposal, Verdict
from ..judging.analysis.analyze import evaluate
from ..judging.analysis.format import evals_line, plateau_line
from ..judging.analysis.payoff import Changes
from ..judging.analysis.rates import Plateau, plateau_of, usual_patience
from ..judging.judge import Decision
from ..source.edits import fingerprint
from ..storage.late import forget
from ..text import counted
from .again import run_again
from .closing import Closing, baseline_runs, closing_seconds, runs_reached
from .confirming import confirm, confirmation_seconds
from .idle import IdleRuns
from .limits import SearchEnded, has_room, limit_reached
from .measuring import Measurer, baseline_error
from .proposing import Proposer
from .trying import Trying

WORKERS = "workers"
"""Kind of the journal's notes that tell how many experiments run at once from then on."""

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
    unjudged : sequence of Experiment
        Experiments that were begun and not judged when the study was stopped; more than one where several ran at once.
    """

    def __init__(self, measurer: Measurer, agent: Agent, unjudged: Sequence[Experiment] = ()) -> None:
        self.measurer, self.agent = measurer, agent
        self.pending = unjudged[0] if unjudged else None
        self.waiting = list(unjudged[1:])
        self.definition, self.settings, self.metric = measurer.definition, measurer.settings, measurer.metric
        self.records, self.status, self.control = measurer.records, measurer.status, measurer.control
        self.publish, self.rule = measurer.publish, measurer.rule
        self.proposer = Proposer(measurer, agent, unjudged)
        self.idle = IdleRuns(measurer)
        self.changes: Changes = {}  # that were found so far
        self.unread = self.valueless = 0  # runs in a row without a printed number, without a value
        self.given = {body["experiment"] for _, _, body in self.records.journal.notes("given")}
        self.trying = Trying(measurer, self.proposer, lambda: self.left, self.given, changed=self._set_pending)

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
        self.compare_workers()
        self.measurer.stages.prepare(self.measurer)
        try:
            state, why = self.search_until_end()
            Closing(self.measurer).run(
                lambda seconds: has_room(self.status, seconds + confirmation_seconds(self.status))
            )
            if beyond := self.measurer.constraints.told_of_result(self.incumbent, self.experiments, self.metric):
                self.publish(Notice(beyond, lasting=True))
            confirm(self.measurer, lambda seconds: has_room(self.status, seconds))
        finally:
            self.proposer.join()
        return state, why

    def compare_workers(self) -> None:
        """Say that a study goes on with another number of workers than before, where that can change what is measured."""
        s, journal = self.settings, self.records.journal
        told = journal.notes(WORKERS)
        before = told[-1][2]["number"] if told else 1
        known = bool(told) or len(self.experiments) > 1
        if s.workers == before:
            return
        journal.note(WORKERS, number=s.workers)
        if known and (s.verify or s.budget.unit == "seconds"):
            self.measurer.drift.doubt()
            self.publish(Notice(
                f"It goes on with {counted(s.workers, 'worker')}, and had {before} before: what depends on time may be other than it was, so the best "
                "version is measured again first."
            ))  # fmt: skip

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
                if self.open_merged():
                    continue
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

    def open_merged(self) -> bool:
        """Open the experiment that tries together what two lines of work have found, where it is worth it; return whether there was one."""
        if (work := self.measurer.work) is None:
            return False
        work.settle()
        if (merged := work.merged(len(self.experiments))) is None:
            return False
        work.belongs(merged.number, work.lines.line_of(self.incumbent.number))
        self.open(merged)
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
        experiment, decision = self.trying.attempt(self.pending)
        self.record(experiment, decision)
        self.check_measuring(experiment, self.measurer)

    def _set_pending(self, experiment: Experiment) -> None:
        self.pending = experiment

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
        ending = confirmation_seconds(self.status) + closing_seconds(self.status)
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
        baseline = self.run_baseline(baseline, repeats)
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

    def run_baseline(self, baseline: Experiment, repeats: int) -> Experiment:
        """Run the baseline until it has so many measurements, and return it with them."""
        while len(baseline.measurements) < repeats:
            self.measurer.wait_for_go(State.BASELINE)
            repeat = len(baseline.measurements)
            measurement = self.run_baseline_once(self.measurer, baseline, repeat, repeats)
            baseline = baseline.with_measurement(measurement)
            self.measurer.constraints.check_names(baseline)
        return baseline

    def run_baseline_once(self, measurer: Measurer, baseline: Experiment, repeat: int, repeats: int) -> Measurement:
        """Run the baseline once, on the seed of that repeat, and return a measurement that has a value within the bounds."""
        measurement = measurer.measure(baseline, "baseline", self.settings.seed + repeat, repeat, repeats)
        if not measurement.ok:
            raise baseline_error(measurement)
        if not self.rule.bounds.hold(value := measurement.value or 0.0):
            raise UserError(
                f"The target's own {self.metric.name}, {self.metric.format(value)}, is outside --bounds "
                f"{self.rule.bounds}: change the bounds or the metric."
            )
        return measurement

    def open(self, experiment: Experiment) -> Experiment:
        """Record an experiment before it is run."""
        self.records.journal.open_experiment(experiment)
        experiment = replace(experiment, proposal=replace(experiment.proposal, prompt=""))  # the journal has it
        self.pending = experiment
        self.publish(Proposed(experiment))
        return experiment

    # -- record ---------------------------------------------------------------------------------------------------

    def record(self, experiment: Experiment, decision: Decision, measurer: Measurer | None = None) -> None:
        """Record the verdict, and publish it; `measurer` is the one that has run the experiment, where there are several."""
        measurer = measurer or self.measurer
        experiment = replace(experiment, verdict=decision.verdict, reason=decision.reason)
        if self.measurer.work is not None:
            self.measurer.work.judged(experiment, decision)
        experiment = self.records.judged(experiment, list(self.experiments))
        self.pending = self.waiting.pop(0) if self.waiting else None
        if experiment.number > 0:
            self.control.spend()
        self.publish(Judged(experiment))
        try:
            self.measurer.learn(experiment)
            if experiment.verdict is not None and experiment.verdict.kept:
                self.keep_files(experiment, measurer)
            else:  # what is built upon is looked at again and again
                forget(experiment.measurements)
            if experiment.number > 0:
                self.tell_progress(experiment.number)
            self.records.draw(list(self.experiments), lambda: self.status.proven)
        except Exception as failure:  # nothing of this is worth a study's end
            self.publish(Notice(f"After experiment {experiment.number}: {type(failure).__name__}: {failure}"))
        if experiment.number not in self.given:
            self.proposer.judged(experiment)

    def keep_files(self, experiment: Experiment, measurer: Measurer) -> None:
        """Keep what the last run of an experiment wrote, if that was not done already."""
        folder = self.records.files(experiment.number)
        if folder.exists():
            return
        try:
            measurer.runner.keep_files(experiment.target, folder)
        except Exception as failure:  # it is worth no study's end
            self.publish(
                Notice(
                    f"What experiment {experiment.number} wrote could not be kept: {type(failure).__name__}: {failure}"
                )
            )

    def check_measuring(self, experiment: Experiment, measurer: Measurer) -> None:
        """Run the incumbent when several runs in a row gave no value, to see whether the proposals or the measuring are broken.

        Raises
        ------
        UserCodeError
            When not even the incumbent has a value any more.
        """
        if not experiment.measurements:
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
        again = measurer.measure_again()
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
                budgeted=not s.verify, known=self.changes,
            )  # fmt: skip
            self.publish(Notice(f"{evals_line(seen)} %autoresearch evals says more."))
        self.measurer.drift.tell_levels(self.measurer)
        if (flat := self.plateau_that_begins()) is not None:
            self.publish(Notice(f"A plateau: {plateau_line(flat)}. %autoresearch evals says more."))

    def plateau_that_begins(self) -> Plateau | None:
        """Return the plateau that begins with the last experiment, if there is one; from counts, as a study may be long."""
        tally, experiments, patience = self.status.tally, self.experiments, self.settings.patience
        keeps = [n for n in tally.kept if n]
        since = keeps[-1] if keeps else 0
        idle, ran = tally.ran_after(since), tally.ran_after(0)
        if not experiments[-1].ran or idle != (patience or usual_patience(len(keeps), ran - idle)):
            return None
        return plateau_of(since, len(keeps), ran - idle, idle, patience, last_ran=True)


def _doubled(count: int, first: int) -> bool:
    """Return whether a count is `first`, or that doubled any number of times."""
    times, rest = divmod(count, first)
    return times > 0 and rest == 0 and times & (times - 1) == 0
