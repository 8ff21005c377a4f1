"""The loop: propose, run, judge, record, publish.

It knows its parts by their protocols and nothing of notebooks, widgets or processes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from ..agents import Agent, Briefing, Rework
from ..agents.prefetch import Prefetch
from ..errors import NothingToPropose, ProposalFailed, UserCodeError, UserError
from ..events import Judged, Notice, Proposed, Publish, State, StateChanged  # fmt: skip
from ..experiment import Experiment, Measurement, Outcome, Proposal, Usage, Verdict
from ..judging.analysis.analyze import evaluate
from ..judging.analysis.format import evals_line, plateau_line
from ..judging.analysis.rates import plateau
from ..judging.judge import Decision, judge, overdrawn
from ..judging.noise import estimate_noise, spread
from ..runners import Checked, Runner
from ..source.edits import check_syntax, fingerprint
from ..source.integrity import refusal
from ..storage.records import Records
from .control import Control
from .definition import Definition
from .measuring import Measurer

FRUITLESS = 20
"""Proposals in a row that could not be run, after which an agent has nothing more to say."""

REWORKS = 2
"""Times that a proposal goes back to its agent because the guard does not pass."""

UNSTEADY = 1.5
"""Ratio of the steps of two equal runs above which the machine, not the metric, is what varies."""


class Loop(Measurer):
    """One study's loop, from wherever its records stand to the end.

    Parameters
    ----------
    definition : Definition
        What the study is made of.
    agent, runner, records
        Its parts.
    publish : callable
        Takes every event.
    control : Control
    judged, pending
        What the journal holds already: judged experiments, and one that was proposed and not judged.
    elapsed : callable
        Seconds that the study has been at work.
    """

    def __init__(
        self,
        *,
        definition: Definition,
        agent: Agent,
        runner: Runner,
        records: Records,
        publish: Publish,
        control: Control,
        judged: list[Experiment],
        pending: Experiment | None,
        elapsed: Callable[[], float] = lambda: 0.0,
    ) -> None:
        super().__init__(
            definition=definition, runner=runner, records=records, publish=publish, control=control, judged=judged
        )  # fmt: skip
        self.agent, self.pending, self.elapsed = agent, pending, elapsed
        self.ahead = Prefetch(agent)
        self.begun = len(judged)  # the first experiment of this sitting
        self.checked: Checked | None = None  # what the guard said last
        self.idle = False  # whether the machine has nothing to do until the agent answers

    def run(self) -> None:
        """Go on until a limit is reached, then confirm the result."""
        self.measure_baseline()
        try:
            while self.left > 0:
                if why := self.limit_reached():
                    self.publish(Notice(why))
                    break
                self.wait_for_go(State.RUNNING)
                experiment = self.pending or self.propose()
                experiment, decision = self.try_out(experiment)
                self.record(experiment, decision)
        except NothingToPropose as end:
            self.publish(Notice(str(end)))
        finally:
            self.ahead.close()
        self.confirm()

    def limit_reached(self) -> str:
        """Say which limit ends the search before its experiments are spent; empty while none does.

        Raises
        ------
        UserError
            When a limit cannot be kept, or the agent has nothing usable to say any more.
        """
        s, used = self.settings, self.usage
        if not self.room_for(self.confirmation_seconds):
            which = f"--minutes {s.minutes:g}" if s.minutes is not None else f"--hours {s.hours:g}"
            return f"The time is up, what the confirmation takes counted ({which})."
        best = self.incumbent
        if s.until is not None and best.value is not None and self.metric.gain(best.value, over=s.until) >= 0:
            return f"Experiment {best.number} has reached {self.metric.format(best.value)} (--until {s.until:g})."
        fruitless = sum(e.ran for e in self.judged[self.incumbent.number + 1 :])
        if s.patience is not None and fruitless >= s.patience:
            return f"{fruitless} experiments in a row were not kept (--patience {s.patience})."
        if s.max_tokens is not None and used.tokens >= s.max_tokens:
            return f"The agent has used {used.tokens:,} tokens (--max-tokens {s.max_tokens})."
        if s.max_tokens is not None and used.calls and not used.tokens:
            raise UserError(f"{s.agent} does not tell its tokens, so --max-tokens cannot be kept: use -n or --hours.")
        if s.max_cost is not None and used.cost is None:
            raise UserError(
                f"What {s.agent} costs is unknown, so --max-cost cannot be kept: put its price into a file "
                "(AUTORESEARCH_PRICES), or use --max-tokens."
            )
        if s.max_cost is not None and used.cost is not None and used.cost >= s.max_cost:
            return f"The agent has cost ${used.cost:.2f} (--max-cost {s.max_cost:g})."
        # Of this sitting: who goes on after that has seen it. A run that diverged has a value, if none that counts.
        last = [e for e in self.judged[self.begun :] if e.ran][-2:]
        if s.verify and len(last) == 2 and all(e.measurements[-1].outcome is Outcome.METRIC_ERROR for e in last):
            raise UserCodeError(
                f"Two runs in a row gave no value: {last[-1].reason}", last[-1].measurements[-1].output or "(no output)"
            )
        idle = next((i for i, e in enumerate(reversed(self.judged)) if e.ran), 0)
        if idle >= FRUITLESS:
            raise UserError(f"{idle} proposals in a row could not be run; the last: {self.judged[-1].reason}")
        return ""

    # -- the steps ------------------------------------------------------------------------------------------------

    def measure_baseline(self) -> None:
        """Measure the target as it is, several times: what everything is compared with, and the noise."""
        if self.judged:
            return
        self.publish(StateChanged(State.BASELINE))
        if self.pending is None:
            proposal = Proposal(self.definition.target, "baseline")
            self.open(Experiment(0, None, proposal, fingerprint(self.definition.target)))
        assert self.pending is not None
        good = tuple(m for m in self.pending.measurements if m.ok)
        experiment = replace(self.pending, measurements=good)
        while len(experiment.measurements) < self.settings.repeats:
            self.wait_for_go(State.BASELINE)
            number = len(experiment.measurements)
            seed = self.settings.seed + number
            measurement = self.measure(experiment, "baseline", seed, number, self.settings.repeats)
            if not measurement.ok:
                raise baseline_error(measurement)
            if not self.rule.bounds.hold(value := measurement.value or 0.0):
                raise UserError(
                    f"The target's own {self.metric.name}, {self.metric.format(value)}, is outside --bounds "
                    f"{self.rule.bounds}: change the bounds or the metric."
                )
            experiment = experiment.with_measurement(measurement)
        if self.settings.guard and (failure := (checked := self.check_guard(experiment)).failure):
            raise UserCodeError(
                f"{failure} It must pass on the code as it is: mend that, or change --guard.", checked.output
            )
        noise = spread(experiment.values)
        reason = (
            f"{len(experiment.values)} runs, standard deviation {noise:.3g}."
            if len(experiment.values) > 1
            else "One run."
        )
        self.record(experiment, Decision(Verdict.BASELINE, reason))
        steps = sorted(m.steps for m in experiment.measurements)
        if steps[0] and steps[-1] > UNSTEADY * steps[0]:
            self.publish(Notice(
                f"The baseline made {steps[0]} to {steps[-1]} steps in the same budget: something else keeps this machine "
                "busy, and the noise is larger than it need be."
            ))  # fmt: skip

    def propose(self) -> Experiment:
        """Ask the agent for the next target, and write its answer down before anything is done with it."""
        number, incumbent = len(self.judged), self.incumbent
        self.idle = True
        try:
            proposal, wasted = self.ahead.take(self.briefing(number))
            mark = fingerprint(proposal.target)
        except ProposalFailed as failed:
            proposal = Proposal(
                incumbent.target, "no proposal", agent=self.settings.agent, usage=failed.usage or Usage(),
                reply=failed.reply, failure=str(failed),
            )  # fmt: skip
            mark, wasted = "", Usage()
        finally:
            self.idle = False
        proposal = replace(proposal, usage=proposal.usage + wasted)
        return self.open(Experiment(number, incumbent.number, proposal, mark))

    def briefing(self, number: int) -> Briefing:
        """Put together what the agent is told, from the journal alone."""
        return make_briefing(
            self.definition, self.judged, number, notes=self.records.journal.said(), wait=self.wait_for_agent
        )

    def wait_for_agent(self, seconds: float, reason: str) -> None:
        """Wait on behalf of an agent, visibly where there is a reason; a stop ends it."""
        if not reason:
            self.control.sleep(seconds)
            return
        # Asked ahead, the agent may wait while an experiment runs: then the study is not waiting, only told of it.
        self.publish(StateChanged(State.WAITING, reason) if self.idle else Notice(reason))
        self.control.sleep(seconds)
        if self.idle:
            self.publish(StateChanged(State.RUNNING, "The agent is asked again."))

    def try_out(self, experiment: Experiment) -> tuple[Experiment, Decision]:
        """Try a proposal; one that the guard refuses goes back to its agent, and what comes of that is tried in its place."""
        while True:
            experiment, decision = self.try_once(experiment)
            if decision.verdict is not Verdict.GUARD_FAILED:
                return experiment, decision
            experiment, again = self.rework(experiment, decision.reason)
            if not again:
                return experiment, decision

    def try_once(self, experiment: Experiment) -> tuple[Experiment, Decision]:
        """Refuse what need not be run, run the rest, check the guard, and run it again until the judge can decide."""
        if refused := self.refuse(experiment):
            return experiment, refused
        if not experiment.measurements:
            self.look_for_drift()
            if self.settings.prefetch and self.agent.slow and self.left > 1:
                self.ahead.ask(self.briefing(experiment.number + 1))
            # Candidates share the seeds of the incumbent: what a lucky seed gives, it gives to both.
            experiment = experiment.with_measurement(self.measure(experiment, "candidate", self.settings.seed, 0, 1))
        guarded = not self.settings.guard
        while (decision := self.decide(experiment)).verdict in (None, Verdict.KEEP):
            if not guarded:  # only what may be kept is worth the check, and before more runs are spent on it
                self.checked = self.check_guard(experiment)
                if self.checked.failure:
                    return experiment, Decision(Verdict.GUARD_FAILED, self.checked.failure)
                guarded = True
            if decision.verdict is None:
                self.wait_for_go(State.RUNNING)
                experiment = self.run_more(experiment)
            elif self.out_of_date():
                self.wait_for_go(State.RUNNING)
                self.run_beside(experiment)
            else:
                break
        return experiment, decision

    def rework(self, experiment: Experiment, problem: str) -> tuple[Experiment, bool]:
        """Send a proposal that the guard has refused back to its agent.

        Returns
        -------
        experiment : Experiment
            With the mended proposal, to be tried in its place.
        again : bool
            False when there is none: the agent cannot mend it, or has had its chances.
        """
        journal, before = self.records.journal, experiment.proposal
        if not self.agent.reworks or journal.reworks(experiment.number) >= REWORKS:
            return experiment, False
        self.wait_for_go(State.RUNNING)
        self.publish(Notice(f"Experiment {experiment.number} goes back to {self.settings.agent}: {problem}"))
        briefing = replace(
            self.briefing(experiment.number),
            rework=Rework(before, problem, self.checked.output if self.checked else ""),
        )
        self.idle = True
        try:
            proposal = self.ahead.ask_aside(briefing)
        except ProposalFailed as failed:
            spent = before.usage + (failed.usage or Usage())  # what was paid for nothing counts, too
            journal.set_usage(experiment.number, spent)
            return replace(experiment, proposal=replace(before, usage=spent)), False
        except NothingToPropose:
            return experiment, False
        finally:
            self.idle = False
        proposal = replace(proposal, usage=before.usage + proposal.usage)
        mended = replace(experiment, proposal=proposal, fingerprint=fingerprint(proposal.target), measurements=())
        journal.rework(experiment, mended, problem)
        self.pending = mended
        self.publish(Proposed(mended))
        return mended, True

    def decide(self, experiment: Experiment) -> Decision:
        """Ask the judge, with all that is known of the noise by now."""
        return judge(
            experiment, self.incumbent, self.metric, rule=self.rule, largest=self.largest_gain,
            noise=estimate_noise([*self.judged, experiment]), debt=overdrawn(self.judged),
        )  # fmt: skip

    def refuse(self, experiment: Experiment) -> Decision | None:
        """Find what makes a run pointless: no proposal, code that does not parse, or that was tried before."""
        if experiment.proposal.failure:
            return Decision(Verdict.REJECTED, experiment.proposal.failure)
        checkout = self.definition.checkout
        if checkout and (outside := checkout.refusal(self.incumbent.target, experiment.target, self.settings.link)):
            return Decision(Verdict.REJECTED, outside)
        try:
            check_syntax(experiment.target)
        except UserError as error:
            return Decision(Verdict.CRASH, str(error))
        allowed = (self.judged[0].target, self.incumbent.target)
        if changed := refusal(experiment.target, allowed, self.definition.setup):
            return Decision(Verdict.REJECTED, changed)
        for earlier in self.judged:
            if earlier.fingerprint == experiment.fingerprint:
                return Decision(Verdict.DUPLICATE, f"The same as experiment {earlier.number}.")
        return None

    def record(self, experiment: Experiment, decision: Decision) -> None:
        """Write the verdict down, then tell of it."""
        experiment = replace(experiment, verdict=decision.verdict, reason=decision.reason)
        experiment = self.records.judged(experiment, self.judged)
        self.judged.append(experiment)
        self.pending = None
        if experiment.number > 0:
            self.control.spend()
        self.learn(experiment)
        self.publish(Judged(experiment))
        every = self.settings.evals_interval
        if experiment.number and every and experiment.number % every == 0:
            seen = evaluate(
                self.judged, self.metric, noise=self.noise.sd, planned=self.settings.planned,
                patience=self.settings.patience,
            )  # fmt: skip
            self.publish(Notice(f"{evals_line(seen)} %autoresearch evals says more."))
        if experiment.number and (flat := plateau(self.judged, self.settings.patience)).begins:
            self.publish(Notice(f"A plateau: {plateau_line(flat)}. %autoresearch evals says more."))
        self.records.draw(self.judged)

    def room_for(self, seconds: float) -> bool:
        """Whether --hours or --minutes leaves room for so many seconds more."""
        limit = self.settings.time_limit
        return limit is None or self.elapsed() + seconds < limit

    # -- helpers --------------------------------------------------------------------------------------------------

    @property
    def usage(self) -> Usage:
        """What the agent has used so far."""
        return sum((e.proposal.usage for e in self.judged), Usage())

    @property
    def left(self) -> int:
        """How many experiments are still to be run."""
        return self.settings.experiments - sum(e.ran for e in self.judged[1:])

    def open(self, experiment: Experiment) -> Experiment:
        """Write an experiment down before it is run."""
        self.records.opened(experiment)
        self.pending = experiment
        self.publish(Proposed(experiment))
        return experiment


def make_briefing(
    definition: Definition,
    judged: list[Experiment],
    number: int,
    *,
    notes: list[str],
    wait: Callable[[float, str], None] | None = None,
) -> Briefing:
    """Put together what an agent is told before it proposes experiment `number`."""
    briefing = Briefing(
        program=definition.program.text, setup=definition.setup, metric=definition.metric,
        incumbent=next(e for e in reversed(judged) if e.kept),
        history=tuple(judged), number=number, seed=definition.settings.seed, noise=estimate_noise(judged).sd,
        budget="" if definition.checkout else str(definition.settings.budget), notes=tuple(notes),
        verify=definition.settings.verify, guard=definition.settings.guard,
        scope=definition.checkout.scope if definition.checkout else (),
        tracked=definition.checkout.shown if definition.checkout else (),
    )  # fmt: skip
    return briefing if wait is None else replace(briefing, wait=wait)


def baseline_error(measurement: Measurement) -> UserError:
    """Say why there is nothing to compare with: a study cannot begin before its target runs as it is."""
    line = f"The target does not run as it is: {measurement.error or measurement.outcome.value}"
    if measurement.outcome is Outcome.MISSING_METRIC:
        names = ", ".join(measurement.names[:12]) or "nothing"
        line = f"{measurement.error} Defined were: {names}. Change --metric, or let the target define or print it."
        return UserError(line)
    if "is not installed" in measurement.error:
        return UserError(measurement.error)
    return UserCodeError(line, measurement.traceback)
