"""The loop: propose, run, judge, record, publish.

It knows its parts by their base classes, and nothing of notebooks, widgets or processes.
"""

from __future__ import annotations

from dataclasses import replace

from ..agents.base import Agent, Briefing, Rework
from ..agents.prefetch import Prefetch
from ..errors import NothingToPropose, ProposalFailed, UserCodeError, UserError
from ..events import Judged, Notice, Proposed, State, StateChanged
from ..experiment import Experiment, Proposal, Usage, Verdict
from ..judging.analysis.analyze import evaluate
from ..judging.analysis.format import evals_line, plateau_line
from ..judging.analysis.rates import plateau
from ..judging.judge import Decision, judge, overdrawn
from ..judging.noise import estimate_noise
from ..runners import GuardResult
from ..source.edits import check_syntax, fingerprint
from ..source.integrity import refusal
from .briefing import make_briefing
from .limits import check_proposals, has_room, limit_reached
from .measuring import Measurer, baseline_error

REWORKS = 2
"""How often a proposal goes back to its agent because the guard does not pass."""

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
        self.prefetch = Prefetch(agent)
        self.since = len(self.experiments)  # how many experiments there were at this start
        self.guard_result: GuardResult | None = None
        self.waits_for_agent = False  # whether nothing can run until the agent answers

    def run(self) -> None:
        """Measure the baseline, search until a limit is reached, and confirm the result."""
        self.measure_baseline()
        try:
            while self.left > 0 and not self.at_limit():
                self.measurer.wait_for_go(State.RUNNING)
                experiment = self.pending or self.propose()
                experiment, decision = self.run_and_judge(experiment)
                self.record(experiment, decision)
        except NothingToPropose as end:
            self.publish(Notice(str(end)))
        finally:
            self.prefetch.close()
        self.measurer.confirm(lambda seconds: has_room(self.status, seconds))

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

    def at_limit(self) -> bool:
        """Whether a limit ends the search; which one is published."""
        if reached := limit_reached(self.status, self.measurer.confirmation_seconds):
            self.publish(Notice(reached))
            return True
        check_proposals(self.status, self.since)
        return False

    # -- the baseline ---------------------------------------------------------------------------------------------

    def measure_baseline(self) -> None:
        """Measure the unchanged target `repeats` times: the value to compare with, and the first estimate of the noise."""
        if self.experiments:
            return
        self.publish(StateChanged(State.BASELINE))
        target = self.definition.target
        baseline = self.pending or self.open(Experiment(0, None, Proposal(target, "baseline"), fingerprint(target)))
        baseline = replace(baseline, measurements=tuple(m for m in baseline.measurements if m.ok))
        while len(baseline.measurements) < self.settings.repeats:
            self.measurer.wait_for_go(State.BASELINE)
            repeat = len(baseline.measurements)
            seed = self.settings.seed + repeat
            measurement = self.measurer.measure(baseline, "baseline", seed, repeat, self.settings.repeats)
            if not measurement.ok:
                raise baseline_error(measurement)
            if not self.rule.bounds.hold(value := measurement.value or 0.0):
                raise UserError(
                    f"The target's own {self.metric.name}, {self.metric.format(value)}, is outside --bounds "
                    f"{self.rule.bounds}: change the bounds or the metric."
                )
            baseline = baseline.with_measurement(measurement)
        if self.settings.guard and (failure := (result := self.measurer.check_guard(baseline)).failure):
            raise UserCodeError(
                f"{failure} It must pass on the code as it is: fix that, or change --guard.", result.output
            )
        runs = len(baseline.values)
        reason = f"{runs} runs, standard deviation {baseline.deviation:.3g}." if runs > 1 else "One run."
        self.record(baseline, Decision(Verdict.BASELINE, reason))
        steps = sorted(m.steps for m in baseline.measurements)
        if steps[0] and steps[-1] > UNSTEADY * steps[0]:
            self.publish(Notice(
                f"The baseline made {steps[0]} to {steps[-1]} steps in the same budget: other programs keep this machine "
                "busy, and the noise is larger than necessary."
            ))  # fmt: skip

    # -- propose --------------------------------------------------------------------------------------------------

    def propose(self) -> Experiment:
        """Ask the agent for the next target, and record the proposal before anything is done with it."""
        incumbent, number = self.incumbent, len(self.experiments)
        self.waits_for_agent = True
        try:
            proposal, wasted = self.prefetch.take(self.briefing())
            mark = fingerprint(proposal.target)
        except ProposalFailed as failed:
            proposal = Proposal(
                incumbent.target, "no proposal", agent=self.settings.agent, usage=failed.usage or Usage(),
                reply=failed.reply, failure=str(failed),
            )  # fmt: skip
            mark, wasted = "", Usage()
        finally:
            self.waits_for_agent = False
        proposal = replace(proposal, usage=proposal.usage + wasted)
        return self.open(Experiment(number, incumbent.number, proposal, mark))

    def open(self, experiment: Experiment) -> Experiment:
        """Record an experiment before it is run."""
        self.records.journal.open_experiment(experiment)
        self.pending = experiment
        self.publish(Proposed(experiment))
        return experiment

    def briefing(self, number: int | None = None) -> Briefing:
        """Return what the agent is told now."""
        notes = self.records.journal.said()
        return make_briefing(self.definition, self.experiments, notes=notes, wait=self.wait_for_agent, number=number)

    def wait_for_agent(self, seconds: float, reason: str) -> None:
        """Wait on behalf of the agent, such as for a rate limit; raise `Stopped` when the study is stopped."""
        if not reason:
            self.control.sleep(seconds)
            return
        # An agent that is asked ahead waits while an experiment runs: the study itself does not wait then.
        self.publish(StateChanged(State.WAITING, reason) if self.waits_for_agent else Notice(reason))
        self.control.sleep(seconds)
        if self.waits_for_agent:
            self.publish(StateChanged(State.RUNNING, "The agent is asked again."))

    # -- run and judge --------------------------------------------------------------------------------------------

    def run_and_judge(self, experiment: Experiment) -> tuple[Experiment, Decision]:
        """Run a proposal until the judge decides; when the guard fails, let the agent rework it and start over."""
        while True:
            experiment, decision = self.try_once(experiment)
            if decision.verdict is not Verdict.GUARD_FAILED:
                return experiment, decision
            experiment, again = self.rework(experiment, decision.reason)
            if not again:
                return experiment, decision

    def try_once(self, experiment: Experiment) -> tuple[Experiment, Decision]:
        """Refuse the proposal, or run it, check the guard, and repeat it until the judge decides."""
        if refused := self.refuse(experiment):
            return experiment, refused
        if not experiment.measurements:
            self.measurer.look_for_drift()
            if self.settings.prefetch and self.agent.slow and self.left > 1:
                self.prefetch.ask(self.briefing(experiment.number + 1))
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
            if decision.verdict is None:
                self.measurer.wait_for_go(State.RUNNING)
                experiment = self.measurer.run_more(experiment)
            elif self.measurer.out_of_date():
                self.measurer.wait_for_go(State.RUNNING)
                self.measurer.run_incumbent_beside(experiment)
            else:
                break
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
        return judge(
            experiment, self.incumbent, self.metric, rule=self.rule, largest=self.measurer.largest_gain,
            noise=estimate_noise([*self.experiments, experiment]), debt=overdrawn(self.experiments),
        )  # fmt: skip

    def rework(self, experiment: Experiment, problem: str) -> tuple[Experiment, bool]:
        """Send a proposal whose guard fails back to its agent.

        Returns
        -------
        experiment : Experiment
            With the reworked proposal, to be tried in its place.
        again : bool
            False when there is none: the agent does not rework, or has had its chances.
        """
        journal, before = self.records.journal, experiment.proposal
        if not self.agent.reworks or journal.reworks(experiment.number) >= REWORKS:
            return experiment, False
        self.measurer.wait_for_go(State.RUNNING)
        self.publish(Notice(f"Experiment {experiment.number} goes back to {self.settings.agent}: {problem}"))
        output = self.guard_result.output if self.guard_result else ""
        briefing = replace(self.briefing(experiment.number), rework=Rework(before, problem, output))
        self.waits_for_agent = True
        try:
            proposal = self.prefetch.ask_aside(briefing)
        except ProposalFailed as failed:
            spent = before.usage + (failed.usage or Usage())  # a failed call is paid for as well
            journal.set_usage(experiment.number, spent)
            return replace(experiment, proposal=replace(before, usage=spent)), False
        except NothingToPropose:
            return experiment, False
        finally:
            self.waits_for_agent = False
        proposal = replace(proposal, usage=before.usage + proposal.usage)
        reworked = replace(experiment, proposal=proposal, fingerprint=fingerprint(proposal.target), measurements=())
        journal.rework(experiment, reworked, problem)
        self.pending = reworked
        self.publish(Proposed(reworked))
        return reworked, True

    # -- record ---------------------------------------------------------------------------------------------------

    def record(self, experiment: Experiment, decision: Decision) -> None:
        """Record the verdict, and publish it."""
        experiment = replace(experiment, verdict=decision.verdict, reason=decision.reason)
        experiment = self.records.judged(experiment, list(self.experiments))
        self.pending = None
        if experiment.number > 0:
            self.control.spend()
        self.publish(Judged(experiment))
        self.measurer.learn(experiment)
        if experiment.number > 0:
            self.tell_progress(experiment.number)
        self.records.draw(list(self.experiments))

    def tell_progress(self, number: int) -> None:
        """Publish how the study goes, every `evals_interval` experiments and when a plateau begins."""
        s = self.settings
        if s.evals_interval and number % s.evals_interval == 0:
            noise = self.measurer.noise.sd
            seen = evaluate(self.experiments, self.metric, noise=noise, planned=s.planned, patience=s.patience)
            self.publish(Notice(f"{evals_line(seen)} %autoresearch evals says more."))
        if (flat := plateau(self.experiments, s.patience)).begins:
            self.publish(Notice(f"A plateau: {plateau_line(flat)}. %autoresearch evals says more."))
