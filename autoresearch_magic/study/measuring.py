"""Run targets, record the runs, and keep the incumbent's measurements comparable.

The `Measurer` repeats candidates and the incumbent, notices when the machine has drifted, and stops hopeless runs early. What
is run, and what the values mean for the study, is decided by the loop and by the user's comparisons.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from copy import copy
from dataclasses import dataclass, replace
from typing import Any

from ..errors import RunLost, UserCodeError, UserError
from ..events import (
    Notice,
    Publish,
    Remeasured,
    RunEnded,
    RunKind,
    RunProgress,
    RunStarted,
    State,
    StateChanged,
)  # fmt: skip
from ..experiment import Experiment, Measurement, Outcome, Verdict
from ..judging.gains import gain_over_parent
from ..judging.judge import Judge, Which
from ..judging.noise import Noise, by_seed
from ..judging.pruner import make_pruner
from ..judging.run_monitor import PruneDecision, RunMonitor
from ..runners import GuardResult, Runner
from ..runners.clean import clean_guard, clean_measurement, clean_point
from ..runners.notebook_names import notebook_name_hint
from ..runners.own_limits import OwnLimits
from ..runners.stage import Stage
from ..runners.worker.client import LOSSES, LOST
from ..runs import Point, mean
from ..source.key_references import given_back
from ..storage.journal import LATER
from ..storage.records import Records
from .baton import Baton
from .control import Control
from .definition import Definition
from .drifting import DriftCheck
from .flight import Flight
from .lines import Work, line_notes, read_lines
from .stages import make_stages
from .status import StudyStatus

FRESH_SEEDS = 1000
"""Offset of the confirmation's seeds: the search never uses them."""

TRIAL_SEEDS = 2000
"""Offset of the seeds of the user's comparisons."""

RECENT = 20
"""Proposals from which it is learned how long a fresh one takes and how often it has a value."""

PRUNER, REMEMBER = "pruner", 250
"""Where the journal has what the pruner has learned, and the experiments after which it is written: a resume reads only later curves again."""


@dataclass(eq=False)
class Shared:
    """What the measurers of all slots of a study know together.

    Attributes
    ----------
    learned : dict or None
        See `Runner.learned`; as it is in the journal.
    """

    learned: dict[str, Any] | None = None


class Measurer:
    """Measures the targets of one study.

    Parameters
    ----------
    definition : Definition
    runner : Runner
    records : Records
    status : StudyStatus
        Holds the judged experiments; `publish` must fold every event into it.
    publish : callable
        Takes every event.
    control : Control

    Attributes
    ----------
    begun : callable
        Called with the number of an experiment when a target of it begins to run.
    lost : int
        How many workers were lost so far.
    drift : DriftCheck
        Of all slots together.
    slot : int
        In which of several slots its runs take place.
    baton : Baton
        Given up while a target runs; see `side_by_side`.
    share_out : callable
        Does jobs that need a measurer, one after the other or in several slots at once.
    """

    def __init__(
        self, *, definition: Definition, runner: Runner, records: Records, status: StudyStatus, publish: Publish,
        control: Control,
    ) -> None:  # fmt: skip
        self.definition, self.settings, self.metric = definition, definition.settings, definition.metric
        self.rule = definition.settings.as_rule()
        self.constraints = definition.settings.as_constraints()
        self.judge = Judge(
            self.metric, self.rule, timed=self.settings.budget.unit != "steps", last=status.believed.belief
        )
        self.runner, self.records, self.status, self.publish, self.control = runner, records, status, publish, control
        self._largest: tuple[int, float] | None = None
        self.pruner = make_pruner(self.settings.pruner, self.metric, self.settings.seed)
        self.stages = make_stages(self.settings.as_stages(), records.journal, self.metric, self.settings.seed)
        self.slot, self.baton = 0, Baton()
        self.place = ""
        self._shared, self.drift = Shared(), DriftCheck()
        self.runner.learned = self._learned()
        self.begun: Callable[[int], None] = lambda number: None
        self.lost = 0
        self.share_out: Callable[[Sequence[Callable[[Measurer], None]]], None] = self._one_after_the_other
        self._limits = OwnLimits()
        first = self.pruner.go_on(records.journal.get(PRUNER), self.experiments)
        for e in self.experiments:
            self.stages.learn(e)
            if e.number >= first:
                self._learn_curve(e)
        self.judge.followed = status.followed
        status.lines = read_lines(line_notes(records.journal), self.settings.lines, len(self.experiments))
        self.work = Work(records.journal, status, self.level) if self.settings.lines > 1 else None

    def level(self, number: int) -> float | None:
        """Return the expected level of a version, positive for better; what was seen where no more is known."""
        noise, e = self.noise, self.experiments[number]
        sign = -1.0 if self.metric.minimize else 1.0
        if noise.known and not noise.deterministic and not self.rule.strict:
            known = self.judge.belief(self.experiments, noise).level(number)
            if known is not None:
                return sign * known[0]
        return None if e.value is None else sign * e.value

    def name_of_parent(self, e: Experiment) -> str:
        """Return what the version is called that an experiment builds on."""
        return "the current best" if self.work is None else self.work.name(e)

    def base_of(self, e: Experiment) -> Experiment:
        """Return the version that an experiment is to be compared with by now: the incumbent, or that of its line of work."""
        return self.incumbent if self.work is None else self.work.base_of(e)

    def _one_after_the_other(self, jobs: Sequence[Callable[[Measurer], None]]) -> None:
        for job in jobs:
            job(self)

    def in_slot(self, slot: int, runner: Runner) -> Measurer:
        """Return a measurer of the same study for another slot, whose runs take place in another runner."""
        other = copy(self)
        other.slot, other.runner, other.lost = slot, runner, 0
        other.begun = lambda number: None
        runner.learned = self.runner.learned
        return other

    @property
    def experiments(self) -> tuple[Experiment, ...]:
        """Every judged experiment, the baseline first."""
        return self.status.experiments

    @property
    def incumbent(self) -> Experiment:
        """The current best; only to be asked for once there is a baseline."""
        incumbent = self.status.incumbent
        assert incumbent is not None, "there is no baseline yet"
        return incumbent

    @property
    def noise(self) -> Noise:
        """The estimate of the metric's noise from all experiments so far."""
        return self.status.noise

    @property
    def largest_gain(self) -> float:
        """The largest gain of a keep over its parent so far, in the metric's unit; 0 before the first."""
        tally, experiments = self.status.tally, self.experiments
        if self._largest is None or self._largest[0] != tally.changes:
            kept = [e for n in tally.kept if (e := experiments[n]).verdict is Verdict.KEEP]
            gains = (gain_over_parent(e, experiments, self.metric) for e in kept)
            self._largest = tally.changes, max((g.gain for g in gains if g), default=0.0)
        return self._largest[1]

    def _learned(self) -> dict[str, Any] | None:
        """Return what the runner has learned in an earlier run of this study; a study of an earlier version goes on as it was."""
        known: dict[str, Any] | None = self.records.journal.get("learned")
        self._shared.learned = known
        if known is None and self.records.journal.has_experiment():
            return {"mode": "in-process", "why": "the study was begun by an earlier version"}
        return known

    # -- runs -----------------------------------------------------------------------------------------------------

    def wait_for_go(self, state: State) -> None:
        """Block while the study is paused, then publish `state`; raise `Stopped` when the study is stopped."""
        with self.baton.released():
            waited = self.control.wait_for_go(lambda: self.publish(StateChanged(State.PAUSED)))
        if waited or state is State.RUNNING:
            self.publish(StateChanged(state))

    def measure(
        self, experiment: Experiment, kind: RunKind, seed: int, repeat: int, repeats: int, flight: Flight | None = None,
        stage: Stage | None = None,
    ) -> Measurement:  # fmt: skip
        """Run an experiment's target once and record the measurement; its progress is published.

        A proposal in flight lands when its run has ended: `Flight.experiment` has its number then. A run of a `stage` that fails is a
        candidate's.
        """
        self._restore_limits()
        flying = flight is not None and not flight.landed
        self.publish(RunStarted(experiment, kind, repeat, repeats, self.slot, self.place, flying))
        baseline = self.experiments[0] if self.experiments else None
        # Only first runs are pruned: a candidate is repeated because it was not a clear loser.
        first = kind == "candidate" and not experiment.measurements
        monitor = self._watch(experiment) if first else None
        lost: list[str] = []

        def watch(event: Mapping[str, Any]) -> bool:
            with self.baton.held():
                return see(event)

        def see(event: Mapping[str, Any]) -> bool:
            nonlocal monitor
            if "lost" in event:
                lost.append(event["lost"])
                self.lost += 1
                self.records.journal.note(
                    "worker lost", experiment=experiment.number, run=kind, seed=seed, reason=event["lost"]
                )
                self.publish(RunStarted(experiment, kind, repeat, repeats, self.slot, self.place, flying))
                monitor = self._watch(experiment) if first else None
                return False
            if "begin" in event:
                self.begun(experiment.number)
            return self._on_progress(experiment.number, event, monitor)

        # Tried once at the start, so that an error in it does not wait for the end of the study.
        tried = kind == "baseline" and repeat == 0 and bool(self.settings.holdout)
        held = tried or (kind == "final" and bool(self.settings.holdout))
        deadline = self.settings.deadline(baseline.seconds / len(baseline.measurements) if baseline else None)
        target = given_back(experiment.target, "target") if self.definition.checkout is None else experiment.target
        log = self.records.log(experiment.number, kind, repeat) if flight is None else flight.log
        with self.baton.released(), self.runner.at_stage(stage) if stage else nullcontext():
            measured = self.runner.measure(
                target, seed=seed, deadline=2 * deadline if held else deadline, watch=watch, log=log,
                **({"holdout": True} if held else {}),
            )  # fmt: skip
        self._restore_limits()
        measurement = clean_measurement(measured)
        unusable = measurement.holdout_error if tried and measurement.ok else ""
        if kind != "final":
            measurement = replace(measurement, holdout=None, holdout_error="")
        if len(lost) >= LOSSES and measurement.outcome is Outcome.CRASH:
            self._check_workers_live(experiment, measurement, kind)
        if monitor is not None and monitor.decision is not None and measurement.outcome is Outcome.PRUNED:
            measurement = replace(measurement, error=monitor.decision.reason)
        if flight is not None:
            experiment = flight.land(experiment)
        if stage is not None and not measurement.ok and experiment.number >= len(self.experiments):
            kind, measurement = (
                "candidate",
                replace(measurement, error=f"At the stage {stage}: {measurement.error or measurement.outcome}"),
            )
        if kind == LATER:
            measurement = replace(measurement, judged=len(self.experiments))
        measurement = self.records.journal.add_run(experiment.number, kind, measurement)
        if self.runner.learned != self._shared.learned:
            self._shared.learned = self.runner.learned
            self.records.journal.set(learned=self._shared.learned)
        self.publish(RunEnded(experiment.number, kind, measurement, self.slot))
        if unusable:
            raise UserError(
                f"--holdout {self.settings.holdout} fails on the baseline: {unusable.rstrip('.')}. Correct it, or leave it out."
            )
        return measurement

    def _watch(self, experiment: Experiment) -> RunMonitor | None:
        """Return what stops a run early that is hopeless beside the incumbent, or the version of its line of work."""
        beside = self.incumbent if self.work is None else self.experiments[experiment.parent or 0]
        return self.pruner.watch(experiment.number, beside)

    def _restore_limits(self) -> None:
        for line in self._limits.restore():
            self.publish(Notice(line, lasting=True))

    def _check_workers_live(self, experiment: Experiment, measurement: Measurement, kind: RunKind) -> None:
        """Run the incumbent, after a run whose workers were lost each time, to see whether the run or something else ends them.

        Raises
        ------
        RunLost
            When the incumbent's workers are lost as well, or there is none to ask: the run is no crash then.
        """
        best = self.status.incumbent
        if best is not None and best.number != experiment.number and kind != "trial":
            if LOST not in self.measure(best, "trial", self.settings.seed + TRIAL_SEEDS, 0, 1).error:
                return
        elif kind == "trial":
            return  # it is this question, or one of the user's, who is told
        raise RunLost(
            f"{measurement.error} Others are ended as well, or there is none to compare with: see what kills processes here, such as "
            "a lack of memory, then resume. Nothing is lost."
        )

    def check_guard(self, experiment: Experiment) -> GuardResult:
        """Run the guard on an experiment's target and record its result."""
        self.publish(RunProgress(experiment.number, "guard", 0.0, 1.0, 0, slot=self.slot))
        target = given_back(experiment.target, "target") if self.definition.checkout is None else experiment.target
        allowed = self.records.journal.guard_value() if experiment.number else None
        with self.baton.released():
            checked = self.runner.check(
                target,
                deadline=self.settings.deadline(None),
                allowed=allowed,
                log=self.records.guard_log(experiment.number),
            )
        checked = clean_guard(checked)
        self.records.journal.note(
            "guard", experiment=experiment.number, failure=checked.failure, value=checked.value, seconds=checked.seconds,
            lines=checked.lines,
        )  # fmt: skip
        return checked

    def _on_progress(self, number: int, event: Mapping[str, Any], monitor: RunMonitor | None = None) -> bool:
        """Publish a run's progress; return whether the run is hopeless and must be stopped."""
        progress = event.get("report") or event.get("tick")
        decision: PruneDecision | None = None
        if progress:
            elapsed, share, step = progress["elapsed"], progress["progress"], progress["step"]
            values = progress.get("values")
            point = clean_point(Point(elapsed, share, step, values)) if values is not None else None
            self.publish(RunProgress(number, "training", elapsed, share, step, point, self.slot))
            decision = monitor.see(point) if monitor is not None and point is not None else None
        elif "setup" in event:
            self.publish(RunProgress(number, "setup", event["setup"], 0.0, 0, slot=self.slot))
        elif event.get("evaluating"):
            self.publish(RunProgress(number, "evaluating", 0.0, 1.0, 0, slot=self.slot))
        if decision is not None and decision.audit:
            self.publish(Notice(
                f"Experiment {number} looked hopeless at {decision.progress:.0%}; running on to check that early stopping "
                "is right (an audit)."
            ))  # fmt: skip
        return decision is not None and not decision.audit

    def learn(self, experiment: Experiment) -> None:
        """Let pruner and stages learn from a judged experiment."""
        self._learn_curve(experiment)
        self.stages.learn(experiment)
        if experiment.number % REMEMBER == REMEMBER - 1:
            self.records.journal.set(**{PRUNER: self.pruner.remember(experiment.number + 1)})

    def _learn_curve(self, experiment: Experiment) -> None:
        incumbent = None if experiment.parent is None else self.experiments[experiment.parent]
        self.pruner.learn(experiment, incumbent)

    # -- repeats of candidate and incumbent ---------------------------------------------------------------------------

    def run_more(self, candidate: Experiment, which: Which) -> Experiment:
        """Run the candidate or the incumbent once more, on a seed that the other one has run if there is one; return the candidate."""
        incumbent = self.incumbent if self.work is None else self.work.against(candidate)
        if not incumbent.measurements[-1].ok and self.records.journal.runs_since(incumbent.number) == 0:
            which = "candidate"  # the incumbent has just failed
        own, other = (candidate, incumbent) if which == "candidate" else (incumbent, candidate)
        used = {m.seed for m in own.measurements}
        unpaired = [seed for seed in by_seed(other.current) if seed not in used]
        seed = unpaired[0] if unpaired else 1 + max(m.seed for m in (*candidate.measurements, *incumbent.measurements))
        if which == "candidate":
            return self._run_candidate(candidate, seed)
        if incumbent.number != self.incumbent.number:
            self.run_incumbent(incumbent, seed)
            return candidate
        self.drift.remeasure(self, seed)
        return candidate

    def fresh_proposal(self) -> dict[str, float]:
        """Return what a fresh proposal takes with its first run (`fresh_seconds`), and how often it has a value (`chance`)."""
        recent = [e for e in self.experiments[-RECENT:] if e.number and e.measurements]
        if not recent:
            return {}
        valued = sum(e.measurements[0].ok for e in recent)
        return {
            "fresh_seconds": mean([e.measurements[0].seconds for e in recent]),
            "chance": (valued + 1) / (len(recent) + 1),
        }

    def _run_candidate(self, candidate: Experiment, seed: int) -> Experiment:
        repeat = len(candidate.measurements)
        return candidate.with_measurement(self.measure(candidate, "candidate", seed, repeat, 1 + self.rule.pairs))

    def measure_again(self) -> Measurement:
        """Run the incumbent once to see whether it can be measured at all, and return the measurement."""
        best = self.incumbent
        self.wait_for_go(State.RUNNING)
        if self.rule.strict:  # one value decides there, and stays what it was
            return self.measure(best, "trial", self.settings.seed + TRIAL_SEEDS, 0, 1)
        return self.run_incumbent(best, 1 + max(m.seed for m in best.measurements)).measurements[-1]

    def run_version(self, e: Experiment) -> Experiment:
        """Run any judged version once more, if possible on a seed that the incumbent has run, and return it."""
        used = {m.seed for m in e.measurements}
        shared = [m.seed for m in self.incumbent.measurements if m.seed not in used]
        return self.run_incumbent(e, shared[0] if shared else 1 + max(used))

    def run_incumbent(self, incumbent: Experiment, seed: int) -> Experiment:
        """Run a judged version on a seed, and return it with the measurement."""
        repeat = len(incumbent.measurements)
        measurement = self.measure(incumbent, LATER, seed, repeat, repeat + 1)
        # As it is now: another slot may have run it meanwhile.
        incumbent = self.experiments[incumbent.number].with_measurement(measurement)
        self.publish(Remeasured(incumbent))
        return incumbent

    # -- comparisons ---------------------------------------------------------------------------------------------------

    def trial(self, experiment: Experiment, repeat: int, repeats: int) -> Measurement:
        """Run a target for one of the user's comparisons; see `comparisons`."""
        self.wait_for_go(State.MEASURING)
        return self.measure(experiment, "trial", self.settings.seed + TRIAL_SEEDS + repeat, repeat, repeats)


def baseline_error(measurement: Measurement) -> UserError:
    """Return the error that ends a study whose baseline has no value."""
    if measurement.outcome is Outcome.MISSING_METRIC:
        names = ", ".join(measurement.names[:12]) or "nothing"
        remedy = notebook_name_hint(measurement.error) or (
            "Change --metric, let the target define or print it, or read it from the output with --metric NAME=re:REGEX."
        )
        return UserError(f"{measurement.error} Defined were: {names}. {remedy}")
    if "is not installed" in measurement.error:
        return UserError(measurement.error)
    ran = measurement.outcome in (Outcome.METRIC_ERROR, Outcome.NOT_FINITE, Outcome.INVALID)
    what = "The target as it is gives no value that counts" if ran else "The target does not run as it is"
    line = f"{what}: {measurement.error or measurement.outcome.value}"
    if hint := notebook_name_hint(measurement.error):
        return UserError(f"{line}. {hint}")
    return UserCodeError(line, measurement.traceback)
