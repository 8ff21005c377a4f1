"""Plan a study: run its target a few times, and tell noise, which gains are found, duration and cost before the start.

- The noise is the standard deviation of runs on different seeds, at the study's budget and at a third of it.
- Which gains are kept, and which are proven, is a share of cases at a gain in standard deviations of one run: `KEPT` and `PROVEN`. Both
  are of simulated studies with the judge's rule, of 30 to 60 runs (`benchmarks/plan.py`). With the strict rule a gain
  g is kept in a share q of cases where ``g = z(q) · sd · sqrt(1 + 1/m)``, for m runs of the baseline.
- The duration is the seconds of a run times the number of runs: baseline, experiments, 30% more for repeats, one in twenty
  for the closing phase, confirmation. The upper limit has every experiment with all its pairs.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..agents.editing.accounting import accounting
from ..agents.me import NAME as ME
from ..budget import Budget, format_duration
from ..config.settings import Settings
from ..errors import UserCodeError
from ..experiment import Measurement
from ..judging.closing import SHARE as CLOSING
from ..judging.closing import closing_runs
from ..judging.noise import certain, significant_digits, spread, student
from ..judging.statistic import standard_error
from ..metric import Metric
from ..runners import Runner, Watch
from ..runners.fleet import Fleet
from ..runs import summary
from ..runtime import LONGEST
from ..storage.scratch import scratch_folder
from ..text import counted
from .definition import Definition
from .measuring import baseline_error

SHARE = 1 / 3
"""The shorter budget that is tried as well, as a share of the study's own."""

REPEATS = 0.3
"""Repeats that the judge asks for, per experiment."""

MOSTLY = 0.9
"""Share of cases that the plan calls nine of ten."""

KEPT = {0.5: 1.2, MOSTLY: 2.5}
"""Gain, in standard deviations of one run, of the versions that are kept in a share of cases."""

PROVEN = {0.5: 3.0, MOSTLY: 5.0}
"""The same for keeps that are proven at the end of a study."""


@dataclass(frozen=True)
class Trial:
    """The runs of the target at one budget."""

    budget: Budget
    measurements: tuple[Measurement, ...]

    @property
    def values(self) -> list[float]:
        """The metric's values."""
        return [m.value for m in self.measurements if m.value is not None]

    @property
    def sd(self) -> float:
        """Noise of one run, in the metric's unit."""
        return spread(self.values)

    @property
    def seconds(self) -> float:
        """Wall clock of one run."""
        return statistics.fmean(m.seconds for m in self.measurements)


@dataclass(frozen=True)
class Plan:
    """What a study will take; `str` gives it as text.

    Attributes
    ----------
    metric : Metric
    settings : Settings
    trials : tuple of Trial
        Runs at the study's budget, and at a shorter one.
    guard_seconds : float
        Duration of the guard.
    problem : str
        Why the study could not start with its agent; usually empty.
    notes : tuple of str
        What a command runs with, or what the setup of a cell leaves open: `Runner.describe`.
    stages : tuple of (str, float)
        Each cheap stage with the seconds of a run of it.
    slots : int
        Experiments that run at once.
    """

    metric: Metric
    settings: Settings
    trials: tuple[Trial, ...]
    guard_seconds: float = 0.0
    problem: str = ""
    notes: tuple[str, ...] = ()
    stages: tuple[tuple[str, float], ...] = ()
    slots: int = 1

    @property
    def seconds(self) -> float:
        """Expected wall clock of the whole study."""
        s = self.settings
        search = s.repeats + s.experiments * (1 + (REPEATS if s.judge != "strict" else 0))
        closing = closing_runs(math.floor(search)) if s.judge != "strict" else 0
        runs = search + closing + 2 * s.repeats
        stages = (s.experiments + s.repeats) * sum(seconds for _, seconds in self.stages)
        return (runs * self.trials[0].seconds + stages) / self.slots

    @property
    def most_seconds(self) -> float:
        """Wall clock if every experiment took all its pairs."""
        s = self.settings
        pairs = 0 if s.judge == "strict" else s.pairs
        stages = (s.experiments + s.repeats) * sum(seconds for _, seconds in self.stages)
        return ((3 * s.repeats + s.experiments * (1 + 2 * pairs)) * self.trials[0].seconds + stages) / self.slots

    def kept_gain(self, share: float) -> float:
        """Return the gain that is kept in a share of cases (one of `KEPT`), in the metric's unit."""
        s, sd = self.settings, self.trials[0].sd
        if s.judge == "strict":
            error = math.hypot(standard_error(1, s.statistic, sd), standard_error(s.repeats, s.statistic, sd))
            return s.min_delta + student(1 - share, math.inf) * error
        return s.min_delta + KEPT[share] * sd

    @property
    def _fitting(self) -> int | None:
        """Experiments that fit into the limit of time; None without one."""
        s, seconds = self.settings, self.trials[0].seconds / self.slots
        if s.time_limit is None:
            return None
        return max(0, int((s.time_limit - 3 * s.repeats * seconds) / (seconds * (1 + REPEATS) * (1 + 1 / CLOSING))))

    def __str__(self) -> str:
        s, own = self.settings, self.trials[0]
        lines = [
            f"The target runs: {self.metric.name} {self.metric.format(summary(own.values, s.statistic), own.sd)}, {own.seconds:.1f} s a run "
            f"({_split(own.measurements)})."
            if not s.verify
            else f"The command runs: {self.metric.name} {self.metric.format(summary(own.values, s.statistic), own.sd)}, {own.seconds:.1f} s a run."
        ]
        lines += self.notes
        if s.guard:
            lines.append(f"The guard passes, in {self.guard_seconds:.1f} s.")
        if len(own.values) < 2:
            lines.append("One run does not show the noise: --repeats 3 measures it.")
        elif own.sd == 0:
            sure = certain(len(own.values) - 1, max(map(significant_digits, own.values)))
            lines.append(
                f"{len(own.values)} runs on different seeds gave the same value: there seems to be no noise ({sure:.0%} sure), "
                "and every gain counts."
            )
        else:
            half, mostly = self.kept_gain(0.5), self.kept_gain(MOSTLY)
            lines += [
                f"Single runs vary with sd {own.sd:.2g} (of {len(own.values)} runs).",
                f"A version that is better by {mostly:.2g} is kept in 9 of 10 cases, one that is "
                f"{f'better by {half:.2g}' if half else 'no better'} in half of them.",
            ]
            if s.judge != "strict":
                lines.append(
                    f"Kept is not proven: at the end a gain of {PROVEN[MOSTLY] * own.sd:.2g} is proven in 9 of 10 cases, one of "
                    f"{PROVEN[0.5] * own.sd:.2g} in half of them."
                )
        lines += [
            f"At {t.budget}: sd {t.sd:.2g}, {t.seconds:.1f} s a run." for t in self.trials[1:] if len(t.values) > 1
        ]
        lines += [
            f"A run of the stage {name} takes {seconds:.1f} s, {seconds / own.seconds:.0%} of a full one: every experiment runs there first, and losers "
            "there are not run in full, which the time below leaves out."
            for name, seconds in self.stages
        ]
        if s.planned:
            again = "once" if s.pairs == 1 else f"{s.pairs} times"
            lines.append(
                f"{counted(s.planned, 'experiment')} {'takes' if s.planned == 1 else 'take'} about "
                f"{format_duration(max(1.0, round(self.seconds)))}, with the confirmation; at most "
                f"{format_duration(max(1.0, round(self.most_seconds)))} if each is run again {again}."
            )
        elif s.time_limit is None:
            lines.append("The study runs until it is stopped: -n, --hours or --minutes sets an end.")
        if s.time_limit is not None:
            fit = self._fitting or 0
            lines.append(
                f"About {counted(fit, 'experiment')} {'fits' if fit == 1 else 'fit'} into {format_duration(s.time_limit)}."
            )
        lines += [f"Cost: {cost_line(s)}", f"Advice: {self.advice}"]
        if self.problem:
            lines.append(f"It cannot start yet. {self.problem}")
        return "\n".join(lines)

    @property
    def advice(self) -> str:
        """One or two sentences on what to change before the start."""
        own, value = self.trials[0], abs(summary(self.trials[0].values, self.settings.statistic))
        advice = []
        slow = [m for m in own.measurements if m.evaluation > 0.2 * m.seconds]
        if slow:
            advice.append(f"evaluation takes {slow[0].evaluation / slow[0].seconds:.0%} of a run: make it shorter.")
        steps = sorted(m.steps for m in own.measurements)
        if steps[0] and steps[-1] > 1.5 * steps[0]:
            advice.append(f"equal runs made {steps[0]} to {steps[-1]} steps: other programs keep this machine busy.")
        for other in self.trials[1:]:
            if len(other.values) < 2 or other.sd == 0 or own.sd == 0:
                continue
            both = f"sd {other.sd:.2g} at {other.budget}, {own.sd:.2g} at {own.budget}"
            if other.sd <= own.sd * 1.2:
                advice.append(f"{both}: a shorter budget loses little here and fits more experiments.")
            elif other.sd > 2 * own.sd:
                advice.append(f"{both}: longer runs are less noisy, and a longer budget may help more.")
        if own.sd > 0 and value and self.kept_gain(MOSTLY) > 0.05 * value:
            more = "measuring more in each run of the command" if self.settings.verify else (
                "a longer budget, a budget in steps or a larger evaluation"
            )  # fmt: skip
            advice.append(f"gains below 5% are often missed: {more} would help.")
        in_seconds = self.settings.budget.unit == "seconds" and not self.settings.verify  # a command has no budget
        if own.measurements[0].steps and in_seconds and own.sd > 0:
            advice.append(
                f"a budget in steps (--budget {round(statistics.fmean(steps))}steps) is often less noisy than one in seconds."
            )
        return " ".join(each[:1].upper() + each[1:] for each in advice) or "nothing to change."


def cost_line(settings: Settings) -> str:
    """Return what the agent may cost, in one line."""
    s = settings
    if s.agent.partition(":")[0] in ("tuner", "replay", "recorded"):
        return "nothing; the agent is offline."
    if s.agent == ME:
        return "nothing here; a coding agent that drives has its own account."
    if s.max_cost is not None:
        return f"at most ${s.max_cost:g} (--max-cost)."
    if s.max_tokens is not None:
        return f"at most {s.max_tokens:,} tokens (--max-tokens)."
    told = accounting(s.agent)
    answers = f"{counted(s.planned, 'answer')} of {s.agent}" if s.planned else f"one answer of {s.agent} an experiment"
    if told is not None and told.untold:
        return f"{answers} or more. {told.untold}."
    return f"{answers} or more; --max-cost or --max-tokens sets a limit."


def _split(measurements: Sequence[Measurement]) -> str:
    charged = statistics.fmean(m.charged for m in measurements)
    evaluation = statistics.fmean(m.evaluation for m in measurements)
    lost = statistics.fmean(m.training for m in measurements) - charged
    training = f"{charged:.1f} s training, " if charged else ""
    if lost >= 0.05 * charged > 0:
        training += f"{lost:.1f} s that other programs took, "
    return f"{training}{f'{evaluation:.2g}' if evaluation >= 0.01 else 'under 0.01'} s evaluation"


def _clock_notes(trial: Trial) -> list[str]:
    """Return which seconds a budget counts, where the target uses the clock and others' time is left out."""
    left_out = any(m.conditions and m.conditions.lost is not None for m in trial.measurements)
    if trial.budget.unit != "seconds" or not left_out:
        return []
    return [
        f"Seconds: those in which other programs hold the experiment's core do not count, for up to {LONGEST:g} x the budget (--clock "
        "wall counts them)."
    ]


def make_plan(definition: Definition, fleet: Callable[[Path], Fleet], show: Callable[[float, str], None]) -> Plan:
    """Run the target a few times and return the plan; see `Study.plan`.

    Parameters
    ----------
    definition : Definition
    fleet : callable
        Makes the runners, of which the first is used, given a temporary folder.
    show : callable
        Called with the share that is done, and what is being done.
    """
    s = definition.settings
    shorter = Budget(
        max(1.0, round(s.budget.amount * SHARE)) if s.budget.unit == "steps" else s.budget.amount * SHARE, s.budget.unit
    )
    budgets = [s.budget, shorter] if s.repeats > 1 and not s.verify else [s.budget]
    guard_seconds = 0.0
    total, done = len(budgets) * s.repeats, 0
    with scratch_folder("plan") as folder:
        lent = fleet(folder)
        made, slots = lent.runners[0], max(len(lent), s.workers)
        trials = []
        try:
            for budget in budgets:
                if made.budget is not None:
                    made.budget = budget
                measurements: list[Measurement] = []
                for repeat in range(s.repeats):
                    at = "" if s.verify else f" at {budget}"
                    share = done / total
                    show(share, f"running the {'command' if s.verify else 'target'}, {repeat + 1} of {s.repeats}{at}")
                    m = made.measure(
                        definition.target, seed=s.seed + repeat, deadline=s.deadline(None), watch=_tell_setup(show, share)
                    )  # fmt: skip
                    done += 1
                    if not m.ok and budget is s.budget:
                        raise baseline_error(m)
                    if m.ok:
                        measurements.append(m)
                if measurements and (budget is s.budget or measurements[0].steps or measurements[0].charged):
                    trials.append(Trial(budget, tuple(measurements)))
                if not (measurements and (measurements[0].charged or measurements[0].steps)):
                    break  # a target that does not use the clock has no budget: a shorter one makes no difference
            stages = []
            made.budget = s.budget if made.budget is not None else None
            for stage in s.as_stages():
                show(1.0, f"running the stage {stage}")
                with made.at_stage(stage):
                    m = made.measure(definition.target, seed=s.seed, deadline=s.deadline(None))
                if not m.ok:
                    raise UserCodeError(
                        f"--stage {stage} gives no value: {(m.error or m.outcome).rstrip('.')}. Correct it, or leave it out.",
                        m.traceback or m.output,
                    )
                stages.append((str(stage), m.seconds))
            if s.guard:
                show(1.0, "running the guard")
                guard_seconds = _check_guard(made, definition, folder)
        finally:
            lent.close()
    show(1.0, "done")
    return Plan(
        definition.metric,
        s,
        tuple(trials),
        guard_seconds,
        notes=(*lent.notes, *made.describe(), *_clock_notes(trials[0])),
        stages=tuple(stages),
        slots=slots,
    )


def _tell_setup(show: Callable[[float, str], None], share: float) -> Watch:
    def watch(event: Mapping[str, Any]) -> bool:
        if "setup" in event:
            show(share, f"setup is running, {event['setup']:.0f} s")
        return False

    return watch


def _check_guard(runner: Runner, definition: Definition, folder: Path) -> float:
    checked = runner.check(
        definition.target,
        deadline=definition.settings.deadline(None),
        allowed=None,
        log=str(folder / "guard.log"),
    )
    if checked.failure:
        raise UserCodeError(
            f"{checked.failure} It must pass on the code as it is: fix that, or change --guard.", checked.output
        )
    return checked.seconds
