"""Measure what each layer of containment and the clean side cost an experiment.

Run it with ``python benchmarks/trust.py [rounds]``. All variants measure the same target in turn, each in a worker of its own that has
torch loaded, so that changes in the machine's speed affect all. A variant's cost is the median of its time in each round minus the time
of the variant without any protection in the same round.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from contextlib import ExitStack, closing
from pathlib import Path

from autoresearch_magic.budget import Budget
from autoresearch_magic.metric import Metric
from autoresearch_magic.runners.cell import CellRunner
from autoresearch_magic.runners.walls import Walls
from autoresearch_magic.runners.walls.probing import probe

SETUP = """
import torch
tokens = torch.randint(0, 256, (20, 32, 128), generator=torch.Generator().manual_seed(0))
def evaluate(model):
    with torch.no_grad():
        return sum(torch.nn.functional.cross_entropy(model(x).flatten(0, 1), x.flatten()) for x in tokens) / len(tokens)
"""
TARGET = """
import torch
model = torch.nn.Sequential(torch.nn.Embedding(256, 32), torch.nn.Linear(32, 256))
"""
IN_PROCESS = {"mode": "in-process", "why": "the benchmark"}
EXPERIMENT = 5.0
"""Seconds of the experiment whose share is printed."""


def main() -> None:
    """Measure, and print a table."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 40
    working = [name for name, why in probe().items() if not why]
    alone = {name: Walls(layers=(name,)) for name in working}
    variants: dict[str, tuple[Walls, bool]] = {
        "nothing": (Walls(sandbox="off"), False),
        "own folder only": (Walls(layers=()), False),
        **{name: (walls, False) for name, walls in alone.items()},
        "all layers": (Walls(), False),
        "clean side": (Walls(sandbox="off"), True),
        "everything": (Walls(), True),
    }
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        runners = {}
        for name, (walls, clean) in variants.items():
            runner = CellRunner(
                SETUP,
                TARGET,
                Metric("loss", "evaluate(model)"),
                Budget(5.0, "seconds"),
                setup_log=folder / "setup.log",
                walls=walls,
            )
            stack.enter_context(closing(runner))
            if not clean:
                runner.learned = IN_PROCESS
            first = runner.measure(TARGET, seed=0, deadline=60)
            if not first.ok:
                sys.exit(f"{name}: {first.error}")
            runners[name] = runner
        seconds: dict[str, list[float]] = {name: [] for name in runners}
        for _ in range(rounds):
            for name, runner in runners.items():
                began = time.perf_counter()
                runner.measure(TARGET, seed=0, deadline=60)
                seconds[name].append(time.perf_counter() - began)
    base = seconds["nothing"]
    print(
        f"{rounds} rounds; a run without protection: {1000 * statistics.median(base):.1f} ms; 10 MB pass between target and clean side"
    )
    print(f"{'variant':18} {'costs, ms':>10}   95% interval      of {EXPERIMENT:.0f} s")
    for name, values in seconds.items():
        cost = sorted(1000 * (mine - theirs) for mine, theirs in zip(values, base, strict=True))
        middle, low, high = statistics.median(cost), *_interval(cost)
        print(f"{name:18} {middle:10.2f}   {low:6.2f} to {high:6.2f}   {middle / 10 / EXPERIMENT:6.2f} %")


def _interval(values: list[float]) -> tuple[float, float]:
    """Return the order statistics between which the median lies with 95% (the normal approximation of the binomial distribution)."""
    n = len(values)
    half = 0.98 * n**0.5
    return values[max(0, round(n / 2 - half))], values[min(n - 1, round(n / 2 + half))]


if __name__ == "__main__":
    main()
