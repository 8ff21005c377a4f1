"""Measure how much the machine's load adds to the noise of a metric, with and without charging the time that other programs take.

Run it with ``python benchmarks/clock.py [runs [seconds]]``. The quickstart's baseline is trained with a budget in seconds, with
``--clock wall`` and ``--clock running`` in turn, so that both see the same changes of the machine: first as the machine is, then beside
a program that comes and goes on the other cores, then beside one that comes and goes on the experiment's own core. The last row of each
is a budget in steps, which no load can change: the noise of the seed alone.
"""

from __future__ import annotations

import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from autoresearch_magic.budget import Budget
from autoresearch_magic.experiment import Measurement
from autoresearch_magic.metric import Metric
from autoresearch_magic.runners.cell import CellRunner

NOTEBOOK = Path(__file__).parents[1] / "notebooks/01_quickstart.ipynb"
PROGRAM = """
import os, random, sys, time
os.sched_setaffinity(0, {int(sys.argv[1])})
chance = random.Random(sys.argv[2])
while True:  # busy and idle for 0.3 to 15 seconds each
    end = time.monotonic() + 0.3 * 50 ** chance.random()
    while time.monotonic() < end:
        sum(i * i for i in range(10_000))
    time.sleep(0.3 * 50 ** chance.random())
"""


def quickstart() -> tuple[str, str]:
    """Return the quickstart's setup and target."""
    cells = ["".join(cell["source"]) for cell in json.loads(NOTEBOOK.read_text())["cells"]]
    setup, target = (
        next(cell for cell in cells if cell.startswith(f"%%autoresearch {name}")) for name in ("setup", "target")
    )
    return setup.partition("\n")[2], target.partition("\n")[2]


def measure(load: list[int], runs: int, seconds: float, folder: Path) -> dict[str, list[Measurement]]:
    """Run the baseline on the first core in three ways, in turn, beside programs on the given cores."""
    setup, target = quickstart()
    own, *_ = sorted(os.sched_getaffinity(0))
    runners = {
        name: CellRunner(
            setup, target, Metric("val_bpb", "evaluate(model)"), Budget(amount, unit), setup_log=folder / f"{name}.log",
            wall=name == "wall",
        )
        for name, amount, unit in (
            ("wall", seconds, "seconds"),
            ("running", seconds, "seconds"),
            ("steps", 15 * seconds, "steps"),
        )
    }  # fmt: skip
    found: dict[str, list[Measurement]] = {name: [] for name in runners}
    others = [subprocess.Popen([sys.executable, "-c", PROGRAM, str(core), str(seed)]) for seed, core in enumerate(load)]
    try:
        for runner in runners.values():
            runner.worker.start()
            os.sched_setaffinity(runner.worker.pid or 0, {own})
        for seed in range(runs):
            names = list(runners)
            random.Random(seed).shuffle(names)
            for name in names:
                found[name].append(runners[name].measure(target, seed=seed, deadline=10 * seconds + 60))
    finally:
        for each in others:
            each.kill()
            each.wait()
        for runner in runners.values():
            runner.close()
    return found


def main() -> None:
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 10
    seconds = float(sys.argv[2]) if len(sys.argv) > 2 else 8.0
    loads = sys.argv[3].split(",") if len(sys.argv) > 3 else ["none", "other", "own"]
    own, *rest = sorted(os.sched_getaffinity(0))
    cores = {"none": [], "other": rest, "own": [own]}
    words = {
        "none": "the machine as it is",
        "other": "a program comes and goes on each other core",
        "own": "a program comes and goes on the same core",
    }
    print(f"quickstart's baseline, {runs} runs of {seconds:g} s each, one thread, seeds 0 to {runs - 1}")
    for load in loads:
        began = time.monotonic()
        with tempfile.TemporaryDirectory() as folder:
            found = measure(cores[load], runs, seconds, Path(folder))
        print(f"{words[load]} ({time.monotonic() - began:.0f} s)")
        for name, measured in found.items():
            values = [m.value for m in measured if m.ok and m.value is not None]
            steps = [m.steps for m in measured]
            others = statistics.fmean(m.conditions.others for m in measured if m.conditions)
            print(
                f"  {name:<8} mean {statistics.fmean(values):.3f}  sd {statistics.stdev(values):.4f}  "
                f"steps {min(steps)} to {max(steps)}  {statistics.fmean(m.seconds for m in measured):.1f} s a run  "
                f"others kept {others:.1f} cores busy",
                flush=True,
            )


if __name__ == "__main__":
    main()
