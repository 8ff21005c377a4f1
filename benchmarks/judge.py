"""The judge against simulated metrics whose truth is known: the strict rule and ours, at the same number of evaluations.

    python benchmarks/judge.py [STUDIES] [EVALUATIONS]        500 and 150 by default; about ten minutes on two cores

The real loop and the real judge run; only the target is simulated: its value is the truth plus normal noise. The effects of
proposals are in units of the typical gain. A study has a few ideas that help, each with an exponential gain of mean 1, which
can be kept once; a proposal is one of them with a chance that shrinks as they are used up, changes nothing, or does harm, of
exponential size with mean 1 as well. Not simulated: drift, crashes, curves, agents that learn.
"""

from __future__ import annotations

import math
import random
import statistics
import sys
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field, replace

from autoresearch_magic.control import Control
from autoresearch_magic.definition import Definition
from autoresearch_magic.errors import Stopped
from autoresearch_magic.experiment import Experiment, Measurement, Outcome, Proposal, Verdict
from autoresearch_magic.loop import Loop
from autoresearch_magic.program import Program
from autoresearch_magic.settings import Settings

IDEAS = 0.1
"""Share of the proposals that are one of the ideas, at first."""

Chooser = Callable[[random.Random, list[float]], float]


@dataclass(frozen=True)
class World:
    """Where proposals come from, and how noisy their values are.

    Attributes
    ----------
    name : str
    sd : float
        Noise of one run, in typical gains.
    choose : callable
        Draws the effect of a proposal; the ideas that are left are its second argument.
    ideas : int
        How many ideas there are to be had.
    shared : float
        Correlation of two targets' values on the same seed.
    """

    name: str
    sd: float
    choose: Chooser
    ideas: int = 6
    shared: float = 0.0


def mixed(rng: random.Random, left: list[float], total: int = 6) -> float:
    """Draw from a realistic stream: one in ten helps at first, two in ten do nothing, the rest do harm."""
    draw = rng.random()
    if draw < IDEAS * len(left) / total:
        return rng.choice(left)
    return 0.0 if draw < IDEAS + 0.2 else -rng.expovariate(1.0)


def nothing(rng: random.Random, left: list[float]) -> float:
    """Draw proposals that change nothing."""
    return 0.0


def exactly(gain: float) -> Chooser:
    """Return a stream in which one in twenty helps by exactly `gain`, for ever."""

    def choose(rng: random.Random, left: list[float]) -> float:
        draw = rng.random()
        return gain if draw < 0.05 else 0.0 if draw < 0.2 else -rng.expovariate(1.0)

    return choose


@dataclass
class Tally:
    """What a study came to: its final truth, its runs, and each proposal's effect with whether it was kept."""

    truth: float = 0.0
    runs: int = 0
    repeats: int = 0
    proposals: list[tuple[float, bool]] = field(default_factory=list)
    covered: bool | None = None
    claimed: float = 0.0


class Lab:
    """Agent, runner and records of a simulated study, in one."""

    slow = False

    def __init__(self, world: World, seed: int, evaluations: int) -> None:
        self.world, self.rng, self.evaluations = world, random.Random(seed), evaluations
        self.ideas = [self.rng.expovariate(1.0) for _ in range(world.ideas)]
        self.truths = {"x = 0": 0.0}
        self.luck: dict[int, float] = {}
        self.effects: dict[int, float] = {}
        self.order: list[int] = []
        self.tally = Tally()
        self.journal = self
        self.first: set[str] = set()
        self.final = False

    # the agent
    def propose(self, briefing: object) -> Proposal:
        parent = briefing.incumbent.target  # type: ignore[attr-defined]
        number = briefing.number  # type: ignore[attr-defined]
        self.effects[number] = effect = self.world.choose(self.rng, self.ideas)
        target = f"x = {number}"
        self.truths[target] = self.truths[parent] + effect
        return Proposal(target, "")

    # the runner
    def measure(self, target: str, *, seed: int, **_: object) -> Measurement:
        if not self.final:
            if self.tally.runs >= self.evaluations:
                raise Stopped
            self.tally.runs += 1
            self.tally.repeats += target in self.first and target != "x = 0"
            self.first.add(target)
        rho, sd = self.world.shared, self.world.sd
        luck = self.luck.setdefault(seed, self.rng.gauss(0, sd))
        value = -self.truths[target] + math.sqrt(rho) * luck + math.sqrt(1 - rho) * self.rng.gauss(0, sd)
        return Measurement(Outcome.OK, value, seed)

    # the records
    def opened(self, experiment: Experiment) -> None: ...
    def drifted(self, experiment: Experiment) -> None: ...
    def draw(self, experiments: object) -> None: ...

    def log(self, *_: object) -> str:
        return ""

    def measured(self, number: int, kind: str, measurement: Measurement) -> None:
        self.order.append(number)

    def judged(self, experiment: Experiment, before: list[Experiment]) -> Experiment:
        if experiment.number:
            effect = self.effects[experiment.number]
            self.tally.proposals.append((effect, experiment.verdict is Verdict.KEEP))
            if experiment.verdict is Verdict.KEEP and effect in self.ideas:
                self.ideas.remove(effect)
        return experiment

    def said(self) -> list[str]:
        return []

    def finals(self, number: int) -> list[float]:
        return []

    def runs_since(self, number: int) -> int:
        return next((i for i, n in enumerate(reversed(self.order)) if n == number), len(self.order))


def study(world: World, judge: str, seed: int, evaluations: int) -> Tally:
    """Run one study until its evaluations are spent, then its confirmation."""
    lab = Lab(world, seed, evaluations)
    settings = Settings(
        metric="loss", experiments=10**6, judge=judge, pruner="none", repeats=1 if judge == "strict" else 3
    )
    told: list[object] = []
    loop = Loop(
        definition=Definition(Program("", ""), "x = 0", "", settings), agent=lab, runner=lab, records=lab,  # type: ignore[arg-type]
        publish=told.append, control=Control(), judged=[], pending=None,
    )  # fmt: skip
    try:
        loop.run()
    except Stopped:
        pass
    best, tally = loop.incumbent, lab.tally
    tally.truth = lab.truths[best.target]
    tally.claimed = -(best.value or 0.0)
    if best.number:
        lab.final, loop.settings = True, replace(settings, repeats=3)
        told.clear()
        loop.confirm()
        head = told[-1].headline  # type: ignore[attr-defined]
        tally.covered = abs(head.gain - tally.truth) <= head.reach + 1e-9
    return tally


def worker(job: tuple[str, str, int, int]) -> Tally:
    name, judge, seed, evaluations = job
    return study(next(w for w in WORLDS if w.name == name), judge, seed, evaluations)


WORLDS = [
    World("no change", 1.0, nothing),
    World("no change, shared luck", 1.0, nothing, shared=0.7),
    World("gains of 1 sd", 1.0, exactly(1.0)),
    World("gains of 2 sd", 1.0, exactly(2.0)),
    *(World(f"noise {sd:g}", sd, mixed) for sd in (0.0, 0.5, 1.0, 2.0)),
    World("noise 1, shared luck", 1.0, mixed, shared=0.7),
]


def percent(hits: list[bool]) -> str:
    return f"{100 * sum(hits) / len(hits):5.1f}%" if hits else "     –"


def report(world: World, results: dict[str, list[Tally]]) -> None:
    print(f"\n{world.name}" + (f" (of the typical gain), {world.ideas} ideas" if world.choose is mixed else ""))
    for judge, tallies in results.items():
        kept = [(effect, keep) for t in tallies for effect, keep in t.proposals]
        none = [keep for effect, keep in kept if effect == 0]
        harm = [keep for effect, keep in kept if effect < 0]
        sd = world.sd or 1e-9
        one = [keep for effect, keep in kept if 0.75 * sd <= effect <= 1.25 * sd]
        two = [keep for effect, keep in kept if effect >= 2 * sd]
        truths = [t.truth for t in tallies]
        mean, error = statistics.fmean(truths), 1.96 * statistics.stdev(truths) / math.sqrt(len(truths))
        repeats = sum(t.repeats for t in tallies)
        runs = sum(t.runs for t in tallies)
        covered = [t.covered for t in tallies if t.covered is not None]
        fooled = statistics.fmean(t.claimed - t.truth for t in tallies)
        print(
            f"  {judge:<10} kept: no change {percent(none)}  harm {percent(harm)}  about 1 sd {percent(one)}  from 2 sd "
            f"{percent(two)} | repeats {100 * repeats / runs:4.1f}% of runs | final truth {mean:5.2f} ± {error:.2f}, shown "
            f"{fooled:+.2f} too good | interval holds the truth {percent(covered)}"
        )
    if len(results) == 2 and world.sd:
        pairs = list(zip(results["sequential"], results["strict"], strict=True))
        differences = [a.truth - b.truth for a, b in pairs]
        error = 1.96 * statistics.stdev(differences) / math.sqrt(len(differences))
        print(f"  ours − strict: {statistics.fmean(differences):+.2f} ± {error:.2f}")


def main() -> None:
    studies = int(sys.argv[1]) if len(sys.argv) > 1 else 500
    evaluations = int(sys.argv[2]) if len(sys.argv) > 2 else 150
    print(f"{studies} studies of {evaluations} evaluations in each world, by each rule")
    with ProcessPoolExecutor() as pool:
        for world in WORLDS:
            results = {}
            for judge in ("sequential", "strict"):
                jobs = [(world.name, judge, seed, evaluations) for seed in range(studies)]
                results[judge] = list(pool.map(worker, jobs, chunksize=10))
            report(world, results)


if __name__ == "__main__":
    main()
