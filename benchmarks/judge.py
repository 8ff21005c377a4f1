"""Compare the judge with the original's strict rule on simulated metrics with known true values, at equal evaluations.

    python benchmarks/judge.py [STUDIES] [EVALUATIONS] [WORKERS]      500, 150 and all cores by default; half an hour on one

The real loop and the real judge run; only the target is simulated: its value is the true value plus normal noise. The effects of
proposals are in units of the typical gain. A study has a few ideas that help, each of which can be kept once; a proposal is one
of them, with a probability that decreases as they are used up, or it changes nothing, or it does harm. There are two kinds of
worlds:

- few ideas: one proposal in ten helps at first; gains and harm are exponential with mean 1;
- quickstart: gains and harm are those of the 252 proposals of the offline tuner that were trained to the end for
  `benchmarks/pruning.py`; three in ten help at first, and fifteen in a hundred are set to change nothing. The noise of the
  quickstart on an idle machine is 0.19 of its typical gain.

Not simulated: drift, crashes, learning curves, agents that learn.

The report shows:

- kept: the share of judged proposals that were kept, by their true effect on the target they were made from: none, below 0, 0.75 to
  1.25 sd of one run, and 2 sd or more. A real gain that is kept by luck counts as kept, for both rules.
- repeats: all runs of a target except its first, as a share of all runs of the search, including those of the baseline and of later
  incumbents; in brackets without the baseline's.
- final truth: the true value of a study's final version relative to the baseline, in typical gains. "Shown too good" is how much better
  the journal's value is. The interval is that of the final measurement after the search.
- ours − strict: the difference of the final truths with the same ideas and the same number of evaluations, with its 95% interval.
- least repeats: the fewest repeats with which the best test of one candidate (`frontier.py`) reaches 0.5% false keeps and the stated
  share of gains in this world; with an incumbent whose value is known exactly (no rule can do with fewer), and with a measured one.
  The last line asks for the error rates that ours has reached.
"""

from __future__ import annotations

import gzip
import json
import math
import random
import statistics
import sys
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path

from frontier import Needs, least_repeats, stream

from autoresearch_magic.config.program import Program
from autoresearch_magic.config.settings import Settings
from autoresearch_magic.errors import Stopped
from autoresearch_magic.events import RunKind
from autoresearch_magic.experiment import Experiment, Measurement, Outcome, Proposal, Usage, Verdict
from autoresearch_magic.storage.journal import Run
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

FALSE = 0.005
"""Share of proposals without effect that may be kept, for the bounds."""

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
    """

    name: str
    sd: float
    choose: Chooser
    ideas: int = 6
    gain: Callable[[random.Random], float] = lambda rng: rng.expovariate(1.0)
    shared: float = 0.0


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


class SimulatedStudy:
    """Agent, runner and records of a simulated study in one object."""

    slow = reworks = False
    warning = ""

    def __init__(self, world: World, seed: int, evaluations: int) -> None:
        self.world, self.evaluations = world, evaluations
        # Separate random streams: both rules get the same proposals, no matter how often they run them.
        self.agent, self.rng = random.Random(seed), random.Random(f"noise {seed}")
        self.ideas = [world.gain(self.agent) for _ in range(world.ideas)]
        self.truths = {"x = 0": 0.0}
        self.luck: dict[int, float] = {}
        self.effects: dict[int, float] = {}
        self.order: list[int] = []
        self.made: list[Run] = []
        self.noted: list[object] = []
        self.tally = Tally()
        self.journal = self
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
        value = BASELINE - self.truths[target] + math.sqrt(rho) * luck + math.sqrt(1 - rho) * self.rng.gauss(0, sd)
        return Measurement(Outcome.OK, value, seed)

    # the records
    def open_experiment(self, experiment: Experiment) -> None: ...
    def set_since(self, experiment: Experiment) -> None: ...
    def draw(self, *_: object) -> None: ...

    def log(self, number: int, kind: str, *_: object) -> str:
        self.final = kind == "final"
        return ""

    def add_run(self, number: int, kind: RunKind, measurement: Measurement) -> None:
        self.order.append(number)
        self.made.append(Run(number, kind, measurement))

    def judged(self, experiment: Experiment, before: list[Experiment]) -> Experiment:
        if experiment.number:
            effect = self.effects[experiment.number]
            self.tally.proposals.append((effect, experiment.verdict is Verdict.KEEP))
            if experiment.verdict is Verdict.KEEP and effect in self.ideas:
                self.ideas.remove(effect)
        return experiment

    def said(self) -> list[str]:
        return []

    def note(self, kind: str, **body: object) -> None:
        if "traceback" in body:
            raise RuntimeError(body["traceback"])
        self.noted.append((0.0, kind, body))

    def notes(self) -> list[object]:
        return self.noted

    def rejudged(self, changed: list[Experiment], *_: object) -> list[Experiment]:
        self.tally.back += len(changed)
        return changed

    def attempts(self, number: int) -> tuple[int, str]:
        return 0, ""

    def unclaimed(self, **_: object) -> Usage:
        return Usage()

    def runs(self) -> list[Run]:
        return self.made

    def finals(self, number: int) -> dict[int, float]:
        return {}

    def runs_since(self, number: int) -> int:
        return next((i for i, n in enumerate(reversed(self.order)) if n == number), len(self.order))


def study(world: World, judge: str, seed: int, evaluations: int) -> Tally:
    """Run one study until its evaluations are spent, then its final measurement."""
    sim = SimulatedStudy(world, seed, evaluations)
    settings = Settings(
        metric="loss",
        experiments=10**6,
        max_runs=evaluations,
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
        measurer.confirm()
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
    *(World(f"quickstart, noise {sd:g}", sd, quick, ideas=8, gain=quick_gain) for sd in (0.0, 0.19, 0.5, 1.0, 2.0)),
]


def percent(hits: list[bool], digits: int = 1) -> str:
    """Format a share with its denominator, which shows how precise it is."""
    return (
        f"{100 * sum(hits) / len(hits):{digits + 4}.{digits}f}% of {len(hits):<5d}" if hits else f"{'–':>{digits + 14}}"
    )


def share_kept(tallies: list[Tally], low: float, high: float) -> float | None:
    hits = [keep for t in tallies for effect, keep in t.proposals if low <= effect <= high]
    return sum(hits) / len(hits) if hits else None


def report(world: World, results: dict[str, list[Tally]]) -> None:
    print(f"\n{world.name}" + (f" (of the typical gain), {world.ideas} ideas" if world.choose in (few, quick) else ""))
    for judge, tallies in results.items():
        kept = [(effect, keep) for t in tallies for effect, keep in t.proposals]
        none = [keep for effect, keep in kept if effect == 0]
        harm = [keep for effect, keep in kept if effect < 0]
        sd = world.sd or 1e-9
        one = [keep for effect, keep in kept if 0.75 * sd <= effect <= 1.25 * sd]
        two = [keep for effect, keep in kept if effect >= 2 * sd]
        truths = [t.truth for t in tallies]
        mean, error = statistics.fmean(truths), 1.96 * statistics.stdev(truths) / math.sqrt(len(truths))
        runs, repeats = sum(t.runs for t in tallies), sum(t.repeats for t in tallies)
        other = repeats - sum(t.baseline for t in tallies)
        covered = [t.covered for t in tallies if t.covered is not None]
        fooled = statistics.fmean(t.claimed - t.truth for t in tallies)
        print(
            f"  {judge:<10} kept: no change {percent(none, 2)}  harm {percent(harm, 2)}  about 1 sd {percent(one)}  from 2 sd "
            f"{percent(two)} | repeats {100 * repeats / runs:4.1f}% of runs ({100 * other / runs:4.1f}%) | final truth {mean:5.2f} "
            f"(95% interval {mean - error:.2f} to {mean + error:.2f}), shown {fooled:+.2f} too good | interval holds the truth {percent(covered)}"
        )
    pairs = list(zip(results["sequential"], results["strict"], strict=True))
    differences = [a.truth - b.truth for a, b in pairs]
    error = statistics.stdev(differences) / math.sqrt(len(differences))
    print(f"  ours − strict: {statistics.fmean(differences):+.2f} (standard error {error:.2f})", flush=True)


def asked(world: World, results: dict[str, list[Tally]]) -> list[tuple[str, Needs]]:
    """Return the requirements for the best test: nine in ten large gains, as many small ones as strict, both, what ours reached."""
    if not world.sd or world.shared:
        return []
    small, large = (0.75 * world.sd, 1.25 * world.sd), (2 * world.sd, math.inf)
    ours, strict = results["sequential"], results["strict"]
    one, two, here = share_kept(strict, *small), share_kept(ours, *large), []
    if two is not None:
        here.append(("from 2 sd 90%", Needs(FALSE, two=0.9)))
    if one is not None:
        here.append((f"about 1 sd {one:.1%}", Needs(FALSE, one=one)))
    if one is not None and two is not None:
        here.append((f"about 1 sd {one:.1%} and from 2 sd 90%", Needs(FALSE, one, 0.9)))
    if here:
        reached = Needs(share_kept(ours, 0, 0) or FALSE, share_kept(ours, *small) or 0.0, two or 0.0)
        here.append((f"what ours has reached (no change {reached.false:.2%})", reached))
    return here


def bound(job: tuple[list[float], Needs, int]) -> tuple[float, float, int]:
    effects, needs, evaluations = job
    return least_repeats(stream(effects), needs, evaluations)


def main() -> None:
    studies = int(sys.argv[1]) if len(sys.argv) > 1 else 500
    evaluations = int(sys.argv[2]) if len(sys.argv) > 2 else 150
    workers = int(sys.argv[3]) if len(sys.argv) > 3 else None
    print(f"{studies} studies of {evaluations} evaluations in each world with each rule")
    with ProcessPoolExecutor(workers) as pool:
        for world in WORLDS:
            results = {}
            for judge in ("sequential", "strict"):
                jobs = [(world.name, judge, seed, evaluations) for seed in range(studies)]
                results[judge] = list(pool.map(worker, jobs, chunksize=10))
            report(world, results)
            questions = asked(world, results)
            effects = [effect / (world.sd or 1.0) for t in results["sequential"] for effect, _ in t.proposals]
            bounds = pool.map(bound, [(effects, needs, evaluations) for _, needs in questions])
            for (what, _), (free, measured, runs) in zip(questions, bounds, strict=True):
                best = f"{measured:.1%} with {runs} runs of it" if runs else "none that meets it"
                print(f"  least repeats, {what}: {free:.1%} with the incumbent known, {best}", flush=True)


if __name__ == "__main__":
    main()
