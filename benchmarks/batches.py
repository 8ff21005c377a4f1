"""What parallelism costs in quality: the true value that the tuner ends with at equal evaluations, with 1, 2, 4 and 8 runs side by side.

    python benchmarks/batches.py run --out FOLDER
    python benchmarks/batches.py table FOLDER

``run`` appends a line of JSON for each study to the folder and leaves out what is there already. The tasks are those of `search_tasks.py`.
A study is simulated at the level of the tuner: as many proposals are in flight as there are slots, each takes a random time (0.5 to 1.5), and
when one ends, the next is proposed. It is kept where its one value is better than the incumbent's, whichever parent it had; the real loop repeats
what may be better, and merges. So these figures tell proposals apart, not judges: for the whole loop see `search.py`.

Each batch size is run twice: the tuner knows what is in flight (``aware``), or its briefings say that nothing is (``blind``). What a blind tuner
proposes though it runs already is refused, as in a study, and costs no evaluation.
"""

from __future__ import annotations

import argparse
import heapq
import itertools
import json
import math
import random
import statistics
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from scipy import stats
from search_tasks import TASKS, Task

from autoresearch_magic.agents.base import Briefing
from autoresearch_magic.agents.tuner import Tuner
from autoresearch_magic.errors import NothingToPropose
from autoresearch_magic.experiment import Experiment, Measurement, Outcome, Proposal, Verdict
from autoresearch_magic.metric import Metric
from autoresearch_magic.source.constants import read_values
from autoresearch_magic.source.edits import fingerprint

FORMULAS = ("hartmann6", "rosenbrock8", "mixed", "quickstart")
METRIC = Metric("loss", "loss")
SECONDS = 20.0
"""Seconds that a run is said to take, by which the tuner chooses how large its model may be."""


@dataclass(frozen=True)
class Row:
    """The result of one study; `regret` is in units of the task, of the incumbent's true value."""

    task: str
    noise: float
    evaluations: int
    seed: int
    slots: int
    aware: bool
    regret: float
    refused: int


def search(task: Task, noise: float, seed: int, slots: int, evaluations: int, *, aware: bool) -> Row:
    """Simulate one study."""
    draw, sd = random.Random(f"{task.name} {noise} {seed}"), noise * task.unit
    lengths = random.Random(f"lengths {seed}")

    def measured(target: str) -> tuple[Measurement, ...]:
        value = task.value(read_values(target), 0) + sd * draw.gauss(0, 1)
        return (Measurement(Outcome.OK, value, seed=0, seconds=SECONDS, charged=SECONDS),)

    agent = Tuner("", task.source, METRIC)
    best = Experiment(
        0,
        None,
        Proposal(task.source, ""),
        fingerprint(task.source),
        Verdict.BASELINE,
        measurements=measured(task.source),
    )
    history, flying, refused, now = [best], list[tuple[float, int, Experiment]](), 0, 0.0
    tickets = itertools.count(1)
    try:
        while len(history) < evaluations:
            while len(flying) < slots and len(history) + len(flying) < evaluations:
                ticket = next(tickets)
                running = tuple(e for _, _, e in sorted(flying, key=lambda each: each[1])) if aware else ()
                made = agent.propose(Briefing("", "", METRIC, best, tuple(history), ticket, seed, running=running))
                e = Experiment(ticket, best.number, made, fingerprint(made.target))
                if any(e.fingerprint == other.fingerprint for _, _, other in flying):
                    refused += 1
                    continue
                heapq.heappush(flying, (now + lengths.uniform(0.5, 1.5), ticket, e))
            now, _, e = heapq.heappop(flying)
            e = replace(e, number=len(history), measurements=measured(e.proposal.target))
            assert e.value is not None
            assert best.value is not None
            better = e.value < best.value
            e = replace(e, verdict=Verdict.KEEP if better else Verdict.DISCARD)
            history.append(e)
            best = e if better else best
    except NothingToPropose:
        pass
    truth = task.truth(read_values(best.target))
    return Row(task.name, noise, evaluations, seed, slots, aware, task.regret(truth), refused)


def run(arguments: argparse.Namespace) -> None:
    """Make the studies that are not in the folder yet, seed by seed, so that a part of them can be compared."""
    arguments.out.mkdir(parents=True, exist_ok=True)
    file = arguments.out / "batches.jsonl"
    made = {key(row) for row in read(file)}
    for seed, task, noise in itertools.product(range(arguments.seeds), arguments.tasks, arguments.noises):
        for slots, aware in itertools.product(arguments.slots, (True, False)):
            if slots == 1 and not aware:
                continue  # nothing is ever in flight
            if (task, noise, arguments.evaluations, seed, slots, aware) in made:
                continue
            row = search(TASKS[task], noise, seed, slots, arguments.evaluations, aware=aware)
            with file.open("a") as out:
                out.write(json.dumps(asdict(row)) + "\n")
        print(f"{time.strftime('%H:%M:%S')} seed {seed}, {task}, noise {noise:g}", flush=True)


def key(row: Row) -> tuple[str, float, int, int, int, bool]:
    return row.task, row.noise, row.evaluations, row.seed, row.slots, row.aware


def read(file: Path) -> list[Row]:
    return [Row(**json.loads(line)) for line in file.read_text().splitlines()] if file.is_file() else []


def interval(values: Sequence[float]) -> str:
    """Return the mean of some values and half the width of its 95% interval."""
    if len(values) < 2:
        return "–"
    half = float(stats.t.ppf(0.975, len(values) - 1)) * statistics.stdev(values) / math.sqrt(len(values))
    return f"{statistics.fmean(values):+.3f} ± {half:.3f}"


def table(rows: Sequence[Row]) -> Iterator[str]:
    """Yield the lines of a table in Markdown: mean regret for each batch size, and differences of the same tasks and seeds."""
    found = {(r.task, r.noise, r.evaluations, r.seed, r.slots, r.aware): r for r in rows}
    slots = sorted({r.slots for r in rows})
    yield "| at once | studies | regret, aware | regret, blind | aware − one at a time | blind − one at a time | aware − blind | refused, blind |"
    yield "|---|---|---|---|---|---|---|---|"
    for many in slots:
        aware = {k[:4]: r for k, r in found.items() if k[4:] == (many, True)}
        blind = {k[:4]: r for k, r in found.items() if k[4:] == (many, False)} if many > 1 else aware
        alone = {k[:4]: r for k, r in found.items() if k[4:] == (1, True)}
        both = sorted(aware.keys() & blind.keys() & (alone.keys() or aware.keys()))

        def mean(of: dict[tuple[str, float, int, int], Row], both: list[tuple[str, float, int, int]] = both) -> str:
            return f"{statistics.fmean(of[k].regret for k in both):.3f}" if both else "–"

        def less(
            one: dict[tuple[str, float, int, int], Row], other: dict[tuple[str, float, int, int], Row],
            both: list[tuple[str, float, int, int]] = both,
        ) -> str:  # fmt: skip
            return interval([one[k].regret - other[k].regret for k in both]) if one is not other and other else "–"

        lost = statistics.fmean(blind[k].refused for k in both) if both and many > 1 else 0.0
        yield (
            f"| {many} | {len(both)} | {mean(aware)} | {mean(blind) if many > 1 else '–'} | {less(aware, alone) if many > 1 else '–'} | "
            f"{less(blind, alone) if many > 1 else '–'} | {less(aware, blind) if many > 1 else '–'} | {lost:.1f} |"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    commands = parser.add_subparsers(dest="command", required=True)
    one = commands.add_parser("run", help="make studies")
    one.add_argument("--tasks", type=lambda text: text.split(","), default=list(FORMULAS), help=",".join(FORMULAS))
    one.add_argument("--noises", type=lambda text: [float(n) for n in text.split(",")], default=[0.025])
    one.add_argument("--slots", type=lambda text: [int(n) for n in text.split(",")], default=[1, 2, 4, 8])
    one.add_argument("--evaluations", type=int, default=48)
    one.add_argument("--seeds", type=int, default=20)
    one.add_argument("--out", type=Path, required=True)
    two = commands.add_parser("table", help="print the results as Markdown")
    two.add_argument("folder", type=Path)
    arguments = parser.parse_args()
    if arguments.command == "run":
        if unknown := [name for name in arguments.tasks if name not in FORMULAS]:
            sys.exit(f"unknown: {', '.join(unknown)}; there are {', '.join(FORMULAS)}")
        run(arguments)
    else:
        print("\n".join(table(read(arguments.folder / "batches.jsonl"))))


if __name__ == "__main__":
    main()
