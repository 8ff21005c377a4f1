"""Measure what early stopping saves and what it costs, on real training curves of the quickstart.

``python benchmarks/pruning.py`` replays recorded studies with each pruner and without one. Every recorded proposal was trained to
the end, so the result of each stopped run is known. Proposals are replayed in the recorded order, which is the tuner's, and in
random orders, where the incumbent changes by the same rule. In the replay a stopped run does not influence later proposals, and
the judge's repeats are left out: they cost the same with pruning and without, so a real study saves a smaller share the more
winners it has.

``--live [MINUTES [PAIRS]]`` runs real studies for the same wall-clock time, one with pruning and one without side by side, and
compares their re-measured results. ``--record [SEEDS ...]`` records the curves again: about six minutes per seed on one core.

A stop is wrong if the complete run was better than the incumbent by so much that the judge would have run it again: with a chance of
being better of `AGAIN`.
"""

from __future__ import annotations

import argparse
import gzip
import json
import math
import multiprocessing
import random
import statistics
import tempfile
import time
from collections.abc import Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import nbformat

from autoresearch_magic import Study
from autoresearch_magic.events import Confirmed, Event, Judged
from autoresearch_magic.experiment import Experiment, Measurement, Outcome, Proposal, Verdict
from autoresearch_magic.headline import Headline
from autoresearch_magic.judging.chance import p_better
from autoresearch_magic.judging.noise import spread, student
from autoresearch_magic.judging.pruner import Account, Pruner, make_pruner
from autoresearch_magic.judging.run_monitor import RunMonitor
from autoresearch_magic.metric import Metric
from autoresearch_magic.runs import Point

HERE = Path(__file__).resolve().parent
CURVES = HERE / "quickstart_curves.json.gz"
NOTEBOOK = HERE.parent / "notebooks" / "01_quickstart.ipynb"
METRIC = Metric("val_bpb", "evaluate(model)")
KINDS = ("none", "curve", "median")
SEEDS = (0, 10_000, 20_000, 30_000, 40_000, 50_000, 60_000)

BINS = 100
"""Points of a recorded curve: the mean loss over each hundredth of the budget."""
LOOP = 0.09
"""Seconds that proposing, judging and recording take for each experiment (`benchmarks/overhead.py`)."""
KILL = 0.05
"""Seconds until a stopped run has ended."""
AGAIN = 0.76
"""Chance of being better, by one run, from which the judge would have run a version again, where gains are rarer than harm."""
CERTAIN = 1.645
"""Standard errors of a gain that is kept after a single run each, as in the recorded studies."""


# -- the record -----------------------------------------------------------------------------------------------------------


def quickstart() -> dict[str, Any]:
    """Return the quickstart's setup and target, read from its notebook."""
    cells = [cell.source for cell in nbformat.read(NOTEBOOK, 4).cells]
    names = ("setup", "target")
    found = {n: next(c for c in cells if c.startswith(f"%%autoresearch {n}")).split("\n", 1)[1] for n in names}
    return {**found, "program": "Lower val_bpb"}


def record(seeds: Iterable[int]) -> None:
    """Run the quickstart without pruning for each seed, and save the curves."""
    studies = []
    for seed in seeds:
        with tempfile.TemporaryDirectory() as folder:
            study = Study(
                **quickstart(), root=folder, metric="val_bpb=evaluate(model)", budget="8s", experiments=36, seed=seed,
                pruner="none",
            )  # fmt: skip
            study.start().wait()
            print(study, flush=True)
            studies.append(condense(seed, study.experiments))
    with gzip.GzipFile(CURVES, "wb", mtime=0) as file:
        file.write(json.dumps(studies, separators=(",", ":")).encode())
    print(f"{CURVES.name}: {CURVES.stat().st_size / 1000:.0f} kB")


def condense(seed: int, experiments: Sequence[Experiment]) -> dict[str, Any]:
    """Return the parts of a study that are replayed: all runs of the baseline, the first run of every other experiment."""
    kept = [
        {"parent": e.parent, "summary": e.summary, "kept": bool(e.verdict and e.verdict.kept),
         "runs": [condense_run(m) for m in (e.measurements if e.number == 0 else e.measurements[:1])]}
        for e in experiments
        if e.measurements and e.measurements[0].ok
    ]  # fmt: skip
    return {"seed": seed, "experiments": kept}


def condense_run(run: Measurement) -> dict[str, Any]:
    """Return a run's value and seconds, and its curve in thousandths for each hundredth of the budget, None without points."""
    bins: list[list[float]] = [[] for _ in range(BINS)]
    for point in run.curve:
        bins[min(BINS - 1, math.floor(point.progress * BINS))].append(point.values["loss"])
    curve = [round(1000 * statistics.fmean(each)) if each else None for each in bins]
    seconds = {name: round(getattr(run, name), 3) for name in ("seconds", "charged", "evaluation")}
    return {"value": round(run.value or math.nan, 5), **seconds, "curve": curve}


def load() -> list[list[Experiment]]:
    """Return each recorded study: its baseline and then its proposals, in order."""
    with gzip.open(CURVES) as file:
        studies = json.load(file)
    return [[make_experiment(number, e) for number, e in enumerate(s["experiments"])] for s in studies]


def make_experiment(number: int, e: dict[str, Any]) -> Experiment:
    runs = []
    for run in e["runs"]:
        shares = ((n + 1) / BINS for n in range(BINS))
        curve = tuple(
            Point(share * run["charged"], share, 0, {"loss": loss / 1000})
            for share, loss in zip(shares, run.pop("curve"), strict=True)
            if loss is not None
        )
        runs.append(Measurement(Outcome.OK, seed=0, curve=curve, **run))
    return Experiment(number, e["parent"], Proposal("", e["summary"]), measurements=tuple(runs))


# -- replay ---------------------------------------------------------------------------------------------------------------


@dataclass
class Played:
    """The result of replaying one order of proposals with one pruner.

    Attributes
    ----------
    path : list of (float, float)
        Seconds since the beginning of the search, and the incumbent's value from that time on.
    wrong : int
        Stops of runs that the judge would have run again.
    """

    runs: int = 0
    seconds: float = 0.0
    stopped: int = 0
    wrong: int = 0
    audits: int = 0
    wrong_audits: int = 0
    path: list[tuple[float, float]] = field(default_factory=list)

    def best(self, seconds: float = math.inf) -> float:
        """Return the incumbent's value at a time."""
        return [value for at, value in self.path if at <= seconds][-1]


def play(baseline: Experiment, proposals: Sequence[Experiment], pruner: Pruner, noise: float) -> Played:
    """Replay proposals in an order, each against the incumbent at its time."""
    incumbent = replace(baseline, verdict=Verdict.BASELINE)
    pruner.learn(incumbent, None)
    played = Played(path=[(0.0, incumbent.value or 0.0)])
    for number, proposal in enumerate(proposals, 1):
        run = proposal.measurements[0]
        experiment = replace(proposal, number=number, parent=incumbent.number)
        error = noise * math.sqrt(1 + 1 / len(incumbent.values))
        gain = METRIC.gain(run.value or 0.0, over=incumbent.value or 0.0)
        again = p_better(gain, error, math.inf) > AGAIN
        at = stopped_at(pruner.watch(number, incumbent), run)
        if at is not None:
            played.wrong += again
            seconds = run.seconds - run.charged - run.evaluation + at + KILL
            stopped = replace(run, outcome=Outcome.PRUNED, value=None, seconds=seconds)
            experiment = replace(experiment, verdict=Verdict.PRUNED, measurements=(stopped,))
        else:
            seconds = run.seconds
            experiment = replace(experiment, verdict=Verdict.KEEP if gain > CERTAIN * error else Verdict.DISCARD)
        # One that the judge would have run again has a second run, by which the pruner knows it.
        judged = replace(experiment, measurements=(run, run)) if again and at is None else experiment
        pruner.learn(judged, incumbent)
        if experiment.verdict is Verdict.KEEP:
            incumbent = experiment
        played.runs += 1
        played.seconds += seconds + LOOP
        played.path.append((played.seconds, incumbent.value or 0.0))
    account = pruner.account
    played.stopped, played.audits, played.wrong_audits = account.stopped, account.audits, account.wrong
    return played


def stopped_at(watch: RunMonitor | None, run: Measurement) -> float | None:
    """Return the second of training at which a run is stopped; None if it is not."""
    if watch is not None:
        for point in run.curve:
            if (decision := watch.see(point)) is not None and not decision.audit:
                return point.elapsed
    return None


Order = tuple[int, Experiment, Sequence[Experiment]]
"""A seed, which decides which hopeless runs become audits, a baseline, and proposals."""


def table(title: str, studies: Sequence[Sequence[Order]], noise: float) -> None:
    """Replay the orders of each study with every pruner and print the results."""
    print(f"\n{title}")
    print(f"  {'pruner':<7} {'an hour':>8} {'times as many':>15} {'stopped':>8} {'wrong stops':>18} {'wrong audits':>16} "
          f"{'final: same proposals':>23} {'same time':>16}")  # fmt: skip
    played = {
        kind: [[play(first, rest, make_pruner(kind, METRIC, seed), noise) for seed, first, rest in s] for s in studies]
        for kind in KINDS
    }
    for kind, results in played.items():
        flat = [p for study in results for p in study]
        runs, seconds, stopped, wrong, audits, failed = (
            sum(getattr(p, name) for p in flat)
            for name in ("runs", "seconds", "stopped", "wrong", "audits", "wrong_audits")
        )
        pairs = [list(zip(*two, strict=True)) for two in zip(played["none"], results, strict=True)]
        ratio = [sum(a.seconds for a, _ in study) / sum(b.seconds for _, b in study) for study in pairs]
        same = [statistics.fmean(b.best() - a.best() for a, b in study) for study in pairs]
        # At half the time that all proposals take without pruning, both still have proposals left.
        halfway = [statistics.fmean(b.best(a.seconds / 2) - a.best(a.seconds / 2) for a, b in study) for study in pairs]
        print(f"  {kind:<7} {3600 * runs / seconds:8.0f} {interval(ratio, 2):>15} {stopped / runs:8.0%} "
              f"{wrong:4d} of {stopped:4d} {wrong / max(1, stopped):6.1%} {failed:3d} of {audits:3d} {failed / max(1, audits):5.1%} "
              f"{interval(same):>23} {interval(halfway):>16}")  # fmt: skip


def interval(values: Sequence[float], digits: int = 3) -> str:
    """Format a mean with its 95% interval (Student's t); for one value the mean only."""
    if len(values) < 2:
        return f"{statistics.fmean(values):.{digits}f}"
    reach = student(0.025, len(values) - 1) * spread(values) / math.sqrt(len(values))
    mean = statistics.fmean(values)
    return f"{mean:.{digits}f} ({mean - reach:.{digits}f} to {mean + reach:.{digits}f})"


def simulate(orders: int) -> None:
    """Print each pruner's results for the recorded order and for random ones."""
    studies = load()
    noise = math.sqrt(statistics.fmean(s[0].deviation ** 2 for s in studies))
    proposals = sum(len(s) - 1 for s in studies)
    print(
        f"{len(studies)} studies of the quickstart, {proposals} proposals, each trained for its full 8 s. A single run's "
        f"val_bpb has a standard deviation of {noise:.3f}.\n'final' is the last incumbent's val_bpb minus that without "
        "pruning (above zero: worse), after all proposals and after half the time that they take without pruning.\n"
        "Brackets hold 95% intervals over the studies."
    )
    recorded = [[(seed, s[0], s[1:]) for seed in range(5)] for s in studies]
    table("proposals in the recorded order, the tuner's (with five random choices of audits each)", recorded, noise)
    shuffled = []
    for which, study in enumerate(studies):
        chance = random.Random(which)
        shuffled.append([(n, study[0], chance.sample(study[1:], len(study) - 1)) for n in range(orders)])
    table(f"proposals of each study in random order ({orders} orders each)", shuffled, noise)


# -- real studies ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Live:
    """The result of one real study."""

    ran: int
    seconds: float
    headline: Headline | None
    account: Account


def live(minutes: float, pairs: int) -> None:
    """Run studies with and without pruning side by side, each in its own process."""
    print(f"{pairs} pairs of studies of the quickstart, {minutes:g} minutes each, side by side, one thread each")
    plain: list[Live] = []
    pruned: list[Live] = []
    with ProcessPoolExecutor(2, multiprocessing.get_context("spawn")) as pool:
        for pair in range(pairs):
            seed = 70_000 + 1_000 * pair
            both = [pool.submit(run_live, kind, seed, minutes) for kind in ("none", "curve")]
            for kind, one, found in zip(("none", "curve"), (f.result() for f in both), (plain, pruned), strict=True):
                found.append(one)
                h = one.headline
                final = "nothing was kept" if h is None else f"{h.best:.4f} (sd {h.best_sd:.4f}, {h.repeats} runs)"
                print(f"  {pair} {kind:<5} {one.ran:4d} experiments, {3600 * one.ran / one.seconds:4.0f} an hour; best, measured "
                      f"again: {final}; {one.account}", flush=True)  # fmt: skip
    without, with_ = (3600 * sum(o.ran for o in found) / sum(o.seconds for o in found) for found in (plain, pruned))
    print(f"experiments an hour: {without:.0f} without, {with_:.0f} with, {with_ / without:.2f} times as many")
    finals = [
        (a.headline.best, b.headline.best) for a, b in zip(plain, pruned, strict=True) if a.headline and b.headline
    ]
    if finals:
        means = [statistics.fmean(side) for side in zip(*finals, strict=True)]
        print(f"final val_bpb: {means[0]:.4f} without, {means[1]:.4f} with; difference (with minus without): "
              f"{interval([b - a for a, b in finals])}")  # fmt: skip
    print(f"audits: {sum(o.account.wrong for o in pruned)} of {sum(o.account.audits for o in pruned)} recovered")


def run_live(kind: str, seed: int, minutes: float) -> Live:
    """Run one study for `minutes`, and measure its result again."""
    judged: list[float] = []
    headlines: list[Headline] = []

    def hear(event: Event) -> None:
        if isinstance(event, Judged):
            judged.append(time.monotonic())
        elif isinstance(event, Confirmed):
            headlines.append(event.headline)

    with tempfile.TemporaryDirectory() as folder:
        study = Study(
            **quickstart(), name=f"{kind}{seed}", root=folder, metric="val_bpb=evaluate(model)", budget="8s",
            experiments=10_000, hours=minutes / 60, seed=seed, threads=1, pruner=kind,
        )  # fmt: skip
        study.observe(hear)
        study.start().wait()
        ran = sum(e.ran for e in study.experiments[1:] if e.verdict is not None)
        return Live(ran, judged[-1] - judged[0], headlines[-1] if headlines else None, study.pruning)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--record", nargs="*", type=int, metavar="SEED", help="record the curves again")
    parser.add_argument("--live", nargs="*", type=float, metavar="N", help="minutes (30) and pairs (2) of real studies")
    parser.add_argument("--orders", type=int, default=15, help="random orders of each study (15)")
    given = parser.parse_args()
    if given.record is not None:
        record(given.record or SEEDS)
    elif given.live is not None:
        minutes, pairs = (*given.live, *(30.0, 2.0)[len(given.live) :])[:2]
        live(minutes, int(pairs))
    else:
        simulate(given.orders)


if __name__ == "__main__":
    main()
