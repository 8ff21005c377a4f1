"""What a study ends with: the rule of expected value beside the strict one, in simulated studies whose truth is known.

    python benchmarks/judge.py [STUDIES] [EVALUATIONS] [WORKERS] [WORLD;...]

The real loop with its judge, closing phase and final measurement; only the targets are simulated. Both rules get the same proposals
and the same number of runs (repeats and the closing phase included; the final measurement of best and baseline selects nothing and
comes on top). A world says how proposals turn out and how noisy runs are. Gains are in units of a typical gain of the world.

Figures, each with its standard error or 95% interval:

- final truth: the true gain of the version that a study ends with over the baseline; its mean, and the lower decile of the studies.
- ours − strict: the difference, study by study, with the 95% interval of its mean.
- keeps, and how many of them are no gain; *proven* keeps, and which share of them is no gain. Where nothing can help, every proven keep is
  false, so what counts there is the share of studies with one.
- repeats: the share of runs that are not the first of their version.
- the interval: in how many studies the final 95% interval holds the truth.
"""

from __future__ import annotations

import gzip
import json
import math
import random
import statistics
import sys
import tempfile
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path

from autoresearch_magic.agents import Agent
from autoresearch_magic.config.program import Program
from autoresearch_magic.config.settings import Settings
from autoresearch_magic.errors import Stopped
from autoresearch_magic.experiment import Experiment, Measurement, Outcome, Proposal, Verdict
from autoresearch_magic.storage.journal import Journal
from autoresearch_magic.study.confirming import confirm
from autoresearch_magic.study.control import Control
from autoresearch_magic.study.definition import Definition
from autoresearch_magic.study.loop import Loop
from autoresearch_magic.study.measuring import Measurer
from autoresearch_magic.study.status import StudyStatus

CURVES = Path(__file__).resolve().parent / "quickstart_curves.json.gz"

BASELINE = 33.0
"""The baseline's value in typical gains, as in the quickstart."""

IDEAS, NOTHING = 0.1, 0.2
"""Initial share of proposals that are one of the ideas, and share that change nothing, in worlds with few ideas."""

QUICK_IDEAS, QUICK_NOTHING = 0.3, 0.15
"""The same for the quickstart: as ideas are used up, a quarter of all its proposals were gains."""

Chooser = Callable[[random.Random, list[float], int], float]


@dataclass(frozen=True)
class World:
    """A source of proposals, and the noise of their values.

    Attributes
    ----------
    name : str
    sd : float
        Noise of one run, in typical gains.
    choose : callable
        Draws the effect of a proposal, given the ideas that are left and their initial number.
    ideas : int
        Initial number of ideas.
    gain : callable
        Draws the effect of an idea.
    shared : float
        Correlation of two targets' values on the same seed.
    tails : float
        Share of the runs whose noise is five times as large.
    """

    name: str
    sd: float
    choose: Chooser
    ideas: int = 6
    gain: Callable[[random.Random], float] = lambda rng: rng.expovariate(1.0)
    shared: float = 0.0
    tails: float = 0.0


def few(rng: random.Random, left: list[float], total: int) -> float:
    """Draw from a stream in which one proposal in ten helps at first, two in ten do nothing, and all others do harm."""
    draw = rng.random()
    if draw < IDEAS * len(left) / total:
        return rng.choice(left)
    return 0.0 if draw < IDEAS + NOTHING else -rng.expovariate(1.0)


def nothing(rng: random.Random, left: list[float], total: int) -> float:
    """Draw a proposal that changes nothing."""
    return 0.0


def exactly(gain: float) -> Chooser:
    """Return a stream in which one proposal in twenty always helps by exactly `gain`."""

    def choose(rng: random.Random, left: list[float], total: int) -> float:
        draw = rng.random()
        return gain if draw < 0.05 else 0.0 if draw < 0.2 else -rng.expovariate(1.0)

    return choose


@cache
def recorded() -> tuple[list[float], list[float]]:
    """Return the gains and losses of the quickstart's recorded proposals over their incumbent, in units of the mean gain."""
    with gzip.open(CURVES) as file:
        studies = json.load(file)
    effects = []
    for study in studies:
        values = [statistics.fmean(run["value"] for run in e["runs"]) for e in study["experiments"]]
        incumbent = values[0]
        for experiment, value in list(zip(study["experiments"], values, strict=True))[1:]:
            effects.append(incumbent - value)
            if experiment["kept"]:
                incumbent = value
    unit = statistics.fmean(e for e in effects if e > 0)
    return [e / unit for e in effects if e > 0], [e / unit for e in effects if e <= 0]


def quick(rng: random.Random, left: list[float], total: int) -> float:
    """Draw one of the quickstart's proposals."""
    draw = rng.random()
    if draw < QUICK_IDEAS * len(left) / total:
        return rng.choice(left)
    return 0.0 if draw < QUICK_IDEAS + QUICK_NOTHING else rng.choice(recorded()[1])


def quick_gain(rng: random.Random) -> float:
    """Draw one of the quickstart's gains."""
    return rng.choice(recorded()[0])


def model(rng: random.Random, left: list[float], total: int) -> float:
    """Draw from a language model's stream: every fifth proposal is like the one before, effects have heavy tails, and shrink with success."""
    late = 0.3 + 0.7 * len(left) / total
    draw = rng.random()
    if draw < 0.2:  # a near-duplicate of what was tried, with about no effect
        return rng.gauss(0, 0.05)
    if draw < 0.2 + 0.2 * len(left) / total:
        return rng.choice(left)
    return 0.0 if draw < 0.5 else -late * rng.paretovariate(1.5) * 0.3


def model_gain(rng: random.Random) -> float:
    """Draw one of a language model's ideas: most are small, a few are large."""
    return min(8.0, 0.35 * rng.paretovariate(1.3))


@dataclass
class Tally:
    """Result of a study: final truth, runs, repeats and the baseline's share of them, and each proposal's effect and fate."""

    truth: float = 0.0
    runs: int = 0
    repeats: int = 0
    baseline: int = 0
    proposals: list[tuple[float, bool]] = field(default_factory=list)
    covered: bool | None = None
    claimed: float = 0.0
    back: int = 0
    proven: list[float] = field(default_factory=list)
    keeps: list[tuple[float, float, bool]] = field(default_factory=list)


class SimulatedStudy(Agent):
    """Agent, runner and records of a simulated study in one object."""

    def __init__(self, world: World, seed: int, evaluations: int, folder: Path) -> None:
        self.world, self.evaluations = world, evaluations
        # Separate random streams: both rules get the same proposals, no matter how often they run them.
        self.agent, self.rng = random.Random(seed), random.Random(f"noise {seed}")
        self.ideas = [world.gain(self.agent) for _ in range(world.ideas)]
        self.truths = {"x = 0": 0.0}
        self.luck: dict[int, float] = {}
        self.effects: dict[int, float] = {}
        self.tally = Tally()
        self.folder = folder
        self.journal = Journal(folder / "journal.sqlite", create=True)
        self.first: set[str] = set()
        self.final = False

    # the agent
    def propose(self, briefing: object) -> Proposal:
        parent = briefing.incumbent.target  # type: ignore[attr-defined]
        number = briefing.number  # type: ignore[attr-defined]
        self.effects[number] = effect = self.world.choose(self.agent, self.ideas, self.world.ideas)
        target = f"x = {number}"
        self.truths[target] = self.truths[parent] + effect
        return Proposal(target, "")

    # the runner
    def measure(self, target: str, *, seed: int, **_: object) -> Measurement:
        if not self.final:
            if self.tally.runs >= self.evaluations:
                raise Stopped
            self.tally.runs += 1
            self.tally.repeats += target in self.first
            self.tally.baseline += target in self.first and target == "x = 0"
            self.first.add(target)
        rho, sd = self.world.shared, self.world.sd
        luck = self.luck.setdefault(seed, self.rng.gauss(0, sd))
        wide = 5.0 if self.world.tails and self.rng.random() < self.world.tails else 1.0
        value = (
            BASELINE - self.truths[target] + math.sqrt(rho) * luck + math.sqrt(1 - rho) * wide * self.rng.gauss(0, sd)
        )
        return Measurement(Outcome.OK, value, seed)

    # the records
    def draw(self, *_: object) -> None: ...

    def log(self, number: int, kind: str, *_: object) -> str:
        self.final = kind == "final"
        return ""

    def judged(self, experiment: Experiment, before: list[Experiment]) -> Experiment:
        self.journal.close_experiment(experiment)
        if experiment.number:
            effect = self.effects[experiment.number]
            self.tally.proposals.append((effect, experiment.verdict is Verdict.KEEP))
            if experiment.verdict is Verdict.KEEP and effect in self.ideas:
                self.ideas.remove(effect)
        return experiment

    def files(self, number: int) -> Path:
        return self.folder  # is there, so nothing is kept

    def rejudged(self, changed: list[Experiment], *_: object) -> list[Experiment]:
        self.tally.back += len(changed)
        return changed


def study(world: World, judge: str, seed: int, evaluations: int) -> Tally:
    """Run one study until its evaluations are spent, then its final measurement."""
    with tempfile.TemporaryDirectory() as folder:
        return run(SimulatedStudy(world, seed, evaluations, Path(folder)), judge)


def run(sim: SimulatedStudy, judge: str) -> Tally:
    """Run a simulated study; return what came of it."""
    settings = Settings(
        metric="loss",
        experiments=10**6,
        max_runs=sim.evaluations,
        judge=judge,
        pruner="none",
        repeats=1 if judge == "strict" else 3,
    )
    definition = Definition(Program("", ""), "x = 0", "", settings)
    status = StudyStatus("simulated", Path("simulated"), definition)
    measurer = Measurer(
        definition=definition, runner=sim, records=sim, status=status, publish=status.take, control=Control()  # type: ignore[arg-type]
    )  # fmt: skip
    try:
        Loop(measurer, sim).run()  # type: ignore[arg-type]
    except Stopped:
        pass
    best, tally = measurer.incumbent, sim.tally
    tally.proven = [sim.effects[n] for n in status.proven]
    tally.keeps = [
        (g.p_better or 0.0, sim.effects[n], n in status.proven)
        for n, g in status.gains.items()
        if status.experiments[n].kept
    ]
    tally.truth = sim.truths[best.target]
    tally.claimed = BASELINE - (best.value or 0.0)
    if best.number:
        sim.final, measurer.settings = True, replace(settings, repeats=3)
        confirm(measurer)
        head = status.headline
        assert head is not None
        assert head.reach is not None
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
    *(World(f"few ideas, noise {sd:g}", sd, few) for sd in (0.0, 0.5, 1.0, 2.0)),
    World("few ideas, noise 1, shared luck", 1.0, few, shared=0.7),
    *(World(f"a language model, noise {sd:g}", sd, model, ideas=12, gain=model_gain) for sd in (0.2, 1.0)),
    World("few ideas, noise 0.5, wild runs", 0.5, few, tails=0.05),
    World("quickstart, noise 0.5, wild runs", 0.5, quick, ideas=8, gain=quick_gain, tails=0.05),
    *(World(f"quickstart, noise {sd:g}", sd, quick, ideas=8, gain=quick_gain) for sd in (0.0, 0.19, 0.5, 1.0, 2.0)),
]


def interval(values: list[float]) -> str:
    """Format a mean with its 95% interval."""
    middle = statistics.fmean(values)
    reach = 1.96 * statistics.stdev(values) / math.sqrt(len(values)) if len(values) > 1 else math.nan
    return f"{middle:+.2f} ({middle - reach:+.2f} to {middle + reach:+.2f})"


def decile(values: list[float]) -> float:
    """Return the lower decile."""
    return sorted(values)[len(values) // 10]


def report(world: World, results: dict[str, list[Tally]]) -> None:
    """Print one row of the table."""
    ours = results["expected"]
    truths = {judge: [t.truth for t in tallies] for judge, tallies in results.items()}
    differences = [a - b for a, b in zip(truths["expected"], truths["strict"], strict=True)]
    keeps = [keep for t in ours for keep in t.keeps]
    proven = [effect for _, effect, shown in keeps if shown]
    wrong = sum(effect <= 0 for effect in proven)
    with_false = sum(any(effect <= 0 for _, effect, shown in t.keeps if shown) for t in ours)
    covered = [t.covered for t in ours if t.covered is not None]
    print(
        f"| {world.name} | {statistics.fmean(truths['strict']):.2f} | {statistics.fmean(truths['expected']):.2f} | {interval(differences)} "
        f"| {decile(truths['strict']):.2f} | {decile(truths['expected']):.2f} | {sum(t.repeats for t in ours) / sum(t.runs for t in ours):.0%} "
        f"| {len(keeps) / len(ours):.1f}, {sum(effect <= 0 for _, effect, _ in keeps) / len(ours):.1f} "
        f"| {len(proven) / len(ours):.2f}, {f'{wrong / len(proven):.1%} of {len(proven)}' if proven else 'none'}; in {with_false} of {len(ours)} studies "
        f"| {f'{sum(covered) / len(covered):.1%} of {len(covered)}' if covered else 'none'} |",
        flush=True,
    )


HEAD = (
    "| world | truth, strict | truth, ours | ours − strict (95% interval) | decile, strict | decile, ours | repeats "
    "| keeps, no gain among them | proven keeps, no gain among them | final interval holds the truth |"
)


def main() -> None:
    studies = int(sys.argv[1]) if len(sys.argv) > 1 else 500
    evaluations = int(sys.argv[2]) if len(sys.argv) > 2 else 150
    workers = int(sys.argv[3]) if len(sys.argv) > 3 else None
    worlds = [w for w in WORLDS if len(sys.argv) <= 4 or w.name in sys.argv[4].split(";")]
    print(f"{studies} studies of {evaluations} runs in each world with each rule\n\n{HEAD}\n|{'---|' * 10}", flush=True)
    with ProcessPoolExecutor(workers) as pool:
        for world in worlds:
            results = {}
            for judge in ("expected", "strict"):
                jobs = [(world.name, judge, seed, evaluations) for seed in range(studies)]
                results[judge] = list(pool.map(worker, jobs, chunksize=5))
            report(world, results)


if __name__ == "__main__":
    main()
