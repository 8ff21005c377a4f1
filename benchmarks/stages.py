"""Measure what a cheap stage (``--stage``) brings at equal seconds, beside no stage, in simulated studies whose truth is known.

``python benchmarks/stages.py [STUDIES]`` runs the real judge and the real decision after the stage. A task has `DIMENSIONS` constants, and its full
loss is the mean square of their distances from the best. A proposal moves one to three constants of the incumbent. A full run takes one second and has
noise; a run of the stage takes `COST` of it, and its number is, by the task,

- *alike*: the full loss and a tenth of another one;
- *little alike*: another loss, with its own best, and a fifth of the full one;
- *unrelated*: noise alone;
- *opposite*: the better in full, the worse at the stage;
- *turns*: as the full loss far from its best, and the opposite near to it, as where small models win early and lose late.

Both studies of a pair get the same seconds (`SECONDS`), the same start and the same stream of random numbers. ``truth`` is the full loss of the version
that a study ends with, without noise, as a share of the baseline's: 1 is no progress, 0 the best there is.
"""

from __future__ import annotations

import math
import random
import statistics
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace

from autoresearch_magic.experiment import Experiment, Measurement, Outcome, Proposal, Verdict
from autoresearch_magic.judging.judge import Judge, Rule
from autoresearch_magic.judging.noise import estimate_noise, student
from autoresearch_magic.judging.stages import Full, Seen, StageJudge
from autoresearch_magic.metric import Metric

DIMENSIONS, SECONDS, COST, NOISE = 8, 60.0, 0.1, 0.005
START = 1.0
"""Distance of each constant from its best at the start."""
METRIC = Metric("loss", "")
Point = tuple[float, ...]


def full_loss(x: Point) -> float:
    """Return the full loss without noise."""
    return statistics.fmean(v * v for v in x)


def other_loss(x: Point) -> float:
    """Return another loss, whose best is elsewhere."""
    return statistics.fmean((v - (1.4 if i % 2 else -0.8)) ** 2 for i, v in enumerate(x))


def turning_loss(x: Point) -> float:
    """Return a loss that falls with the full one until a third of the start's, and rises from there."""
    return abs(full_loss(x) - START / 3)


TASKS: dict[str, Callable[[Point], float]] = {
    "alike": lambda x: full_loss(x) + 0.1 * other_loss(x),
    "little alike": lambda x: 0.2 * full_loss(x) + other_loss(x),
    "unrelated": lambda x: 0.0,
    "opposite": lambda x: -full_loss(x),
    "turns": turning_loss,
}


@dataclass(frozen=True)
class Ended:
    """What a study has ended with."""

    truth: float
    tried: int
    full: int
    stopped: int
    audits: int
    wrong: int


class Study:
    """One simulated study."""

    def __init__(self, cheap: Callable[[Point], float] | None, seed: int) -> None:
        self.cheap, self.seed = cheap, seed
        self.proposals, self.noise = random.Random(f"proposals {seed}"), random.Random(f"noise {seed}")
        self.judge, self.stage = Judge(METRIC, Rule()), StageJudge("cheap", METRIC, METRIC, seed)
        self.spent, self.full = 0.0, 0
        self.experiments: list[Experiment] = []
        self.points: list[Point] = []
        self.cheap_values: dict[int, list[float]] = {}
        self.best = 0

    def run(self) -> Ended:
        """Search until the seconds are spent."""
        start = tuple(START * self.proposals.choice((-1.0, 1.0)) for _ in range(DIMENSIONS))
        self.points.append(start)
        baseline = Experiment(0, None, Proposal("0", "baseline"), verdict=Verdict.BASELINE)
        for _ in range(3):
            baseline = baseline.with_measurement(self.measure(start))
        self.experiments.append(baseline)
        if self.cheap is not None:
            self.cheap_values[0] = [self.at_stage(start) for _ in range(3)]
        while self.spent < SECONDS:
            self.step()
        ways = [s.way for s in self.stage.seen.values()]
        audited = [n for n, s in self.stage.seen.items() if s.way == "audit"]
        wrong = sum(self.stage.values[n].promising for n in audited if n in self.stage.values)
        truth = full_loss(self.points[self.best]) / full_loss(start)
        return Ended(truth, len(self.experiments) - 1, self.full, ways.count("stopped"), len(audited), wrong)

    def measure(self, x: Point) -> Measurement:
        """Run a version in full."""
        self.spent, self.full = self.spent + 1.0, self.full + 1
        return Measurement(Outcome.OK, full_loss(x) + self.noise.gauss(0, NOISE), self.full, seconds=1.0)

    def at_stage(self, x: Point) -> float:
        """Run a version at the stage."""
        assert self.cheap is not None
        self.spent += COST
        return self.cheap(x) + self.noise.gauss(0, NOISE)

    def step(self) -> None:
        """Propose, run and judge."""
        number, parent = len(self.experiments), self.best
        x = list(self.points[parent])
        for d in self.proposals.sample(range(DIMENSIONS), self.proposals.choice((1, 1, 2, 3))):
            x[d] += self.proposals.gauss(0, 1) * math.exp(self.proposals.uniform(math.log(0.1), math.log(1.5)))
        self.points.append(point := tuple(x))
        candidate = Experiment(number, parent, Proposal(str(number), "s"), str(number))
        if self.cheap is not None and not self.stage.spares(str(number)) and self.loses(number, parent, point):
            self.experiments.append(replace(candidate, verdict=Verdict.PRUNED))
            return
        candidate = candidate.with_measurement(self.measure(point))
        while True:
            known = list(self.experiments)
            decision = self.judge.decide(candidate, known, estimate_noise([*known, candidate]), largest=START)
            if decision.verdict is not None:
                break
            if decision.run == "candidate":
                candidate = candidate.with_measurement(self.measure(point))
            else:
                self.experiments[parent] = self.experiments[parent].with_measurement(self.measure(self.points[parent]))
        candidate = replace(candidate, verdict=decision.verdict)
        self.experiments.append(candidate)
        assert candidate.value is not None
        self.stage.values[number] = Full(candidate.value, candidate.kept or len(candidate.measurements) > 1)
        if candidate.kept:
            self.best = number

    def loses(self, number: int, parent: int, x: Point) -> bool:
        """Run a version at the stage; return whether it is stopped there."""
        value = self.at_stage(x)
        groups = [v for v in self.cheap_values.values() if len(v) > 1]
        sd = math.sqrt(statistics.fmean(statistics.variance(v) for v in groups))
        theirs = self.cheap_values.setdefault(parent, [])
        if not theirs:
            theirs.append(self.at_stage(self.points[parent]))
        while self.stage.near(value, theirs, sd) and len(theirs) < 3:
            theirs.append(self.at_stage(self.points[parent]))
        decision = self.stage.decide(value, theirs[-3:], sd, number=parent, mark=str(number))
        self.stage.seen[number] = Seen(number, value, self.stage.gap(value, theirs[-3:]), decision.way)
        self.cheap_values[number] = [value]
        return decision.way == "stopped"


def one(name: str, seed: int) -> tuple[Ended, Ended]:
    """Return how a study without and one with the stage end."""
    return Study(None, seed).run(), Study(TASKS[name], seed).run()


def interval(values: Sequence[float]) -> tuple[float, float, float]:
    """Return a mean with the ends of its 95% interval."""
    middle = statistics.fmean(values)
    reach = student(0.025, len(values) - 1) * statistics.stdev(values) / math.sqrt(len(values))
    return middle, middle - reach, middle + reach


def main(studies: int) -> None:
    """Print the table."""
    print(f"{studies} pairs of studies a task, {SECONDS:.0f} s each, a full run 1 s, a run of the stage {COST:g} s\n")
    print(
        "| the stage is | truth without | truth with | with / without (95% interval) | tried, without and with | stopped | audits, wrong |"
    )
    print("|---|---|---|---|---|---|---|")
    with ProcessPoolExecutor() as pool:
        for name in TASKS:
            pairs = list(pool.map(one, [name] * studies, range(studies)))
            ratio = interval([math.log(b.truth / a.truth) for a, b in pairs])
            mean = [
                statistics.fmean(getattr(p[i], field) for p in pairs) for i in (0, 1) for field in ("truth", "tried")
            ]
            rest = [statistics.fmean(getattr(p[1], field) for p in pairs) for field in ("stopped", "audits", "wrong")]
            ends = " to ".join(f"{math.exp(v):.2f}" for v in ratio[1:])
            print(
                f"| {name} | {mean[0]:.3f} | {mean[2]:.3f} | {math.exp(ratio[0]):.2f} ({ends}) | {mean[1]:.0f}, {mean[3]:.0f} | {rest[0]:.0f} | "
                f"{rest[1]:.1f}, {rest[2]:.1f} |",
                flush=True,
            )


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 40)
