"""What Dask adds to an experiment: runs that do nothing, in turn on a worker of Dask's LocalCluster and without it.

    python benchmarks/dask_overhead.py [--runs 200]

Both sides are the same runner with the same walls; on the one it is on a Dask worker of this machine, with TLS as always. Prints the quartiles of
both, and the median of the differences of neighbouring runs.
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
import time
from pathlib import Path

from autoresearch_magic.budget import parse_budget
from autoresearch_magic.metric import Metric
from autoresearch_magic.runners.cell import CellRunner
from autoresearch_magic.runners.dask.fleet import Wanted, dask_fleet
from autoresearch_magic.runners.dask.shipping import Recipe, leave_token
from autoresearch_magic.runners.walls import Walls

SETUP = "def evaluate(x):\n    return float(x)\n"


def measured(runs: int, folder: Path) -> tuple[list[float], list[float]]:
    """Return the milliseconds of runs on a Dask worker and without Dask."""
    walls, budget, metric = Walls(hidden=(str(folder),)), parse_budget("1s"), Metric("m", "evaluate(x)", True)
    arguments = {
        "setup": SETUP, "target": "x = 0\n", "metric": metric, "budget": budget, "seed": 0, "mode": "auto", "setup_name": "", "valid": "",
        "wall": False, "artifacts": (), "also": (), "walls": walls, "sealed": "", "holdout": "", "threads": 1, "memory": 1 << 30,
        "pass_env": {},
    }  # fmt: skip
    token = leave_token(folder)
    fleet = dask_fleet(
        Wanted("dask", 0, True, walls, [{}]), lambda all_see: Recipe("overhead", arguments, False, False, os.getcwd(), (), token, {}), token,
        on_note=lambda line: None, on_problem=lambda line: None, logs=folder / "logs",
    )  # fmt: skip
    alone = CellRunner(SETUP, "x = 0\n", metric, budget, memory=1 << 30, setup_log=folder / "setup.log", walls=walls)
    took: tuple[list[float], list[float]] = ([], [])
    try:
        for number in range(runs + 1):  # the first one runs the setup
            for runner, times in zip((fleet.runners[0], alone), took, strict=True):
                began = time.perf_counter()
                m = runner.measure(
                    f"x = {number}\n" if number else "x = 0\n", seed=0, deadline=30, log=str(folder / "run.log")
                )
                assert m.value == number, m
                times.append(1000 * (time.perf_counter() - began))
    finally:
        alone.close()
        fleet.close()
    return took[0][1:], took[1][1:]


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=200)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        dask, alone = measured(args.runs, Path(folder))
    for name, times in (("on a Dask worker", dask), ("without Dask", alone)):
        print(f"{name}: quartiles {', '.join(f'{each:.1f}' for each in statistics.quantiles(times, n=4))} ms")
    print(
        f"Dask adds {statistics.median(a - b for a, b in zip(dask, alone, strict=True)):.1f} ms, the median of {args.runs} differences"
    )


if __name__ == "__main__":
    main()
