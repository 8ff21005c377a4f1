"""The measurer: runs a target, writes the run down, and knows the incumbent. The loop and the user's questions work at it.

Here is where candidates are run again, where the incumbent is run again, where a drift of the machine is seen and where a hopeless run
is stopped. Not here: what to run, and what comes of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from ..events import (  # fmt: skip
    Confirmed,
    Notice,
    Publish,
    Remeasured,
    RunEnded,
    RunKind,
    RunProgress,
    RunStarted,
    State,
    StateChanged,
)
from ..experiment import Experiment, Measurement, Outcome, Point, Verdict
from ..judging.judge import drifted, headline
from ..judging.noise import Noise, by_seed, disturbed, estimate_noise
from ..judging.pruner import PruneDecision, RunMonitor, make_pruner
from ..metric import Metric
from ..runners import Checked, Runner
from ..storage.records import Records
from .control import Control
from .definition import Definition

FRESH_SEEDS = 1000
"""Where the seeds of the confirmation begin: none of them was seen while the study searched."""

TRIAL_SEEDS = 2000
"""Where the seeds of the user's own questions begin."""

FRESH = 10
"""Runs after which the incumbent's values are taken to be of another time: nothing is kept then before it is run again."""

RECHECK = 20
"""Runs after which the incumbent is measured again when nothing else has given a reason to: to see the machine drift."""

CALM = 3
"""Times as many where every repeat gave the same value: what the machine did meanwhile has not told on it."""


class Measurer:
    """Where the targets of one study are run.

    Parameters
    ----------
    definition : Definition
        What the study is made of.
    runner, records
        Its parts.
    publish : callable
        Takes every event.
    control : Control
    judged : list of Experiment
        What the journal holds already; experiments that get more runs are replaced in it.
    """

    def __init__(
        self, *, definition: Definition, runner: Runner, records: Records, publish: Publish, control: Control,
        judged: list[Experiment],
    ) -> None:  # fmt: skip
        self.definition, self.settings, self.metric = definition, definition.settings, definition.metric
        self.rule = definition.settings.as_rule()
        self.runner, self.records, self.publish, self.control, self.judged = runner, records, publish, control, judged
        self.pruner = make_pruner(self.settings.pruner, self.metric, self.settings.seed)
        for e in judged:
            self.learn(e)

    @property
    def noise(self) -> Noise:
        """What is known of the metric's noise by now."""
        return estimate_noise(self.judged)

    @property
    def largest_gain(self) -> float:
        """The largest gain of a keep over its parent so far, in the metric's unit; 0 before the first."""
        kept = [e for e in self.judged[1:] if e.verdict is Verdict.KEEP]
        return max((gain_over_parent(e, self.judged, self.metric) for e in kept), default=0.0)

    @property
    def incumbent(self) -> Experiment:
        """The best kept experiment."""
        return next(e for e in reversed(self.judged) if e.kept)

    # -- runs -----------------------------------------------------------------------------------------------------

    def wait_for_go(self, state: State) -> None:
        """Pause here when asked to, and say so."""
        if self.control.wait_for_go(lambda: self.publish(StateChanged(State.PAUSED))) or state is State.RUNNING:
            self.publish(StateChanged(state))

    def measure(self, experiment: Experiment, kind: RunKind, seed: int, repeat: int, repeats: int) -> Measurement:
        """Run an experiment's target once, with signs of life, and write the measurement down."""
        self.publish(RunStarted(experiment, kind, repeat, repeats))
        baseline = self.judged[0] if self.judged else None
        # Only a first run can be a loser's: who is run again has shown that he is none.
        first = kind == "candidate" and not experiment.measurements
        watch = self.pruner.watch(experiment.number, self.incumbent) if first else None
        measurement = self.runner.measure(
            experiment.target,
            seed=seed,
            deadline=self.settings.deadline(baseline.seconds / len(baseline.measurements) if baseline else None),
            watch=lambda event: self.watch(experiment.number, event, watch),
            log=self.records.log(experiment.number, kind, repeat),
        )
        if watch is not None and watch.decision is not None and measurement.outcome is Outcome.PRUNED:
            measurement = replace(measurement, error=watch.decision.reason)
        self.records.measured(experiment.number, kind, measurement)
        self.publish(RunEnded(experiment.number, kind, measurement))
        return measurement

    def check_guard(self, experiment: Experiment) -> Checked:
        """Run what must still pass on an experiment's target, and write down what it said."""
        self.publish(RunProgress(experiment.number, "guard", 0.0, 1.0, 0))
        checked = self.runner.check(
            experiment.target,
            deadline=self.settings.deadline(None),
            allowed=self.records.journal.guard_value() if experiment.number else None,
            log=self.records.guard_log(experiment.number),
        )
        self.records.journal.note(
            "guard", experiment=experiment.number, failure=checked.failure, value=checked.value, seconds=checked.seconds
        )
        return checked

    def watch(self, number: int, event: Mapping[str, Any], watch: RunMonitor | None = None) -> bool:
        """Pass a run's signs of life on; true when it is hopeless and to be stopped."""
        told = event.get("report") or event.get("tick")
        decision: PruneDecision | None = None
        if told:
            values = told.get("values")
            point = Point(told["elapsed"], told["progress"], told["step"], values) if values is not None else None
            self.publish(RunProgress(number, "training", told["elapsed"], told["progress"], told["step"], point))
            decision = watch.see(point) if watch is not None and point is not None else None
        elif event.get("evaluating"):
            self.publish(RunProgress(number, "evaluating", 0.0, 1.0, 0))
        if decision is not None and decision.audit:
            self.publish(
                Notice(
                    f"Experiment {number} looks hopeless at {decision.progress:.0%} and is let through, as an audit."
                )
            )
        return decision is not None and not decision.audit

    def learn(self, experiment: Experiment) -> None:
        """Let the pruner know how an experiment has ended."""
        incumbent = None if experiment.parent is None else self.judged[experiment.parent]
        self.pruner.learn(experiment, incumbent, self.noise.sd)

    # -- the incumbent beside a candidate ---------------------------------------------------------------------------

    def run_more(self, candidate: Experiment) -> Experiment:
        """Run the candidate once more, or else the incumbent beside it; returns the candidate.

        As long as the incumbent has a run on a seed that the candidate lacks, that is the other half of the pair. Then it is
        the incumbent's turn, which serves every later candidate too, and the judge is asked again before the candidate follows.
        """
        incumbent = self.incumbent
        used = {m.seed for m in candidate.measurements}
        halves = [seed for seed in by_seed(incumbent.current) if seed not in used]
        if halves:
            return self.run_again(candidate, halves[0])
        seed = 1 + max(m.seed for m in (*candidate.measurements, *incumbent.measurements))
        if self.records.journal.runs_since(incumbent.number) == 0:
            return self.run_again(candidate, seed)  # it was the incumbent's turn just now, and its run may have failed
        self.remeasure_incumbent(seed)
        return candidate

    def out_of_date(self) -> bool:
        """Whether the incumbent is to be run again before anything is kept: its values may be of another time.

        A budget in steps gives the same value whenever it is run, and a metric that does not vary is no other by chance.
        """
        if self.rule.strict or self.settings.budget.unit == "steps":
            return False
        return not self.noise.deterministic and self.records.journal.runs_since(self.incumbent.number) > FRESH

    def run_beside(self, candidate: Experiment) -> None:
        """Run the incumbent once more, on a seed of the candidate's where there is one that it lacks."""
        theirs = {m.seed for m in self.incumbent.measurements}
        lacking = [m.seed for m in candidate.measurements if m.seed not in theirs]
        self.remeasure_incumbent(lacking[0] if lacking else 1 + max(theirs))

    def run_again(self, candidate: Experiment, seed: int) -> Experiment:
        """Run a candidate once more."""
        repeat = len(candidate.measurements)
        return candidate.with_measurement(self.measure(candidate, "candidate", seed, repeat, 1 + self.rule.pairs))

    def look_for_drift(self) -> None:
        """Measure the incumbent again when that was long ago."""
        incumbent = self.incumbent
        due = RECHECK * (CALM if self.noise.deterministic else 1)
        if self.rule.strict or self.records.journal.runs_since(incumbent.number) < due:
            return
        self.remeasure_incumbent(1 + max(m.seed for m in incumbent.measurements))

    def remeasure_incumbent(self, seed: int) -> None:
        """Run the incumbent once more; where it has become another by more than chance, its older values no longer count."""
        before = self.incumbent
        noise = estimate_noise(self.judged)
        incumbent = self.run_incumbent(before, seed)
        count = len(before.measurements)
        if not drifted(before.values, incumbent.values[len(before.values) :], noise):
            return
        incumbent = self.run_incumbent(incumbent, seed + 1)  # once may be chance
        now = [m.value for m in incumbent.measurements[count:] if m.ok and m.value is not None]
        if len(now) > 1 and drifted(before.values, now, noise):
            incumbent = replace(incumbent, since=count)
            self.records.drifted(incumbent)
            self.replace_incumbent(incumbent)
            self.publish(Notice(
                f"Experiment {incumbent.number} gives {self.metric.format(incumbent.value)} now, "
                f"{self.metric.format(before.value)} before: the machine has changed, and comparisons go on from the new value."
            ))  # fmt: skip

    def run_incumbent(self, incumbent: Experiment, seed: int) -> Experiment:
        """Run the incumbent and put the run to the others that it has had."""
        repeat = len(incumbent.measurements)
        measurement = self.measure(incumbent, "incumbent", seed, repeat, repeat + 1)
        incumbent = incumbent.with_measurement(measurement)
        self.replace_incumbent(incumbent)
        return incumbent

    def replace_incumbent(self, incumbent: Experiment) -> None:
        """Let an experiment with more runs take its own place."""
        self.judged[incumbent.number] = incumbent
        self.publish(Remeasured(incumbent))

    # -- the result, and questions ----------------------------------------------------------------------------------

    def confirm(self) -> None:
        """Measure best and baseline again, in turn and on fresh seeds: the study's honest result.

        Where one of them varied far more than it did in the search, as many runs are made once more: what disturbed them would
        otherwise make the interval so wide that it says nothing.
        """
        best, baseline = self.incumbent, self.judged[0]
        if best.number == 0:
            return
        self.publish(StateChanged(State.CONFIRMING))
        sides = {e.number: self.records.journal.finals(e.number) for e in (best, baseline)}
        self.run_finals((best, baseline), sides, self.settings.repeats)
        size, most = best.value or 0.0, 2 * self.settings.repeats
        # In a later stretch they may have had them all before.
        due = any(len(values) < most for values in sides.values())
        if due and any(disturbed([*values.values()], self.noise, size) for values in sides.values()):
            room = self.room_for(self.confirmation_seconds)
            what = (
                "each gets as many runs once more."
                if room
                else "the interval is wide, and no time is left for more runs."
            )
            self.publish(Notice(f"Best and baseline varied far more than before when they were run again: {what}"))
            if room:
                self.run_finals((best, baseline), sides, most)
        ours, theirs = ([*sides[number].values()] for number in (best.number, 0))
        if (result := headline(best, ours, theirs, self.metric)) is not None:
            self.publish(Confirmed(result))

    def room_for(self, seconds: float) -> bool:
        """Whether a limit of time leaves room for so many seconds more; there is none for a question of the user's."""
        return True

    @property
    def confirmation_seconds(self) -> float:
        """How long it will take to measure best and baseline again; 0 while nothing has beaten the baseline."""
        best, baseline = self.incumbent, self.judged[0]
        if best.number == 0:
            return 0.0
        return self.settings.repeats * sum(e.seconds / len(e.measurements) for e in (best, baseline))

    def run_finals(self, experiments: tuple[Experiment, ...], sides: dict[int, dict[int, float]], repeats: int) -> None:
        """Run experiments in turn on so many fresh seeds, where they have no value yet; adds those to `sides`, by their seeds."""
        for repeat in range(repeats):
            seed = self.settings.seed + FRESH_SEEDS + repeat
            for experiment in experiments:
                if seed in sides[experiment.number]:
                    continue
                self.wait_for_go(State.CONFIRMING)
                measurement = self.measure(experiment, "final", seed, repeat, repeats)
                if measurement.ok and measurement.value is not None:
                    sides[experiment.number][seed] = measurement.value

    def trial(self, experiment: Experiment, repeat: int, repeats: int) -> Measurement:
        """Run a target for a question of the user's; see `questions.Measurer`."""
        self.wait_for_go(State.MEASURING)
        seed = self.settings.seed + TRIAL_SEEDS + repeat
        return self.measure(experiment, "trial", seed, repeat, repeats)


def gain_over_parent(e: Experiment, judged: list[Experiment], metric: Metric) -> float:
    """Return by how much an experiment is better than the one it was proposed against; 0 where one has no value."""
    before = None if e.parent is None else judged[e.parent].value
    return 0.0 if before is None or e.value is None else metric.gain(e.value, over=before)
