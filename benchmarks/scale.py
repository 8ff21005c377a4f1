"""What several workers bring: runs an hour, and how far from N times those of one.

    python benchmarks/scale.py [--workers 1,2,4,8] [--seconds 5] [--runs 6] [--agent tuner] [--executor dask]

Two targets: one that sleeps, so that only this package can make it slower, and one that computes on one core, of which this machine has few.
For each number of workers a real study is run (real processes, journal, git) with ``--runs`` experiments a worker. Runs an hour are the workers
divided by the mean time from the start of a run to the start of the next one in the same slot, so that the beginning and the end, when not all
have work, do not count. Efficiency is the rate divided by N times that of one worker. With ``--executor dask`` the same numbers of workers run in Dask's LocalCluster as well, and what Dask adds to a run is the difference of
the times from a run's start to its end, as the study sees them, less what the target itself takes.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from statistics import fmean, median

from autoresearch_magic import Study
from autoresearch_magic.events import Event, RunEnded, RunStarted

SLEEPS = (
    "import time\ntime.sleep({seconds})\nA = 3.0  # 0 .. 5\nB = 2.0  # 0 .. 5\nloss = (A - 1) ** 2 + (B - 4) ** 2\n"
)
COMPUTES = (
    "import time\nend = time.process_time() + {seconds}\nwhile time.process_time() < end:\n    pass\n"
    "A = 3.0  # 0 .. 5\nB = 2.0  # 0 .. 5\nloss = (A - 1) ** 2 + (B - 4) ** 2\n"
)
SEARCH = ("candidate", "incumbent")


@dataclass
class Watch:
    """Notes when runs of the search begin and end."""

    began: dict[int, list[float]] = field(default_factory=dict)
    took: list[float] = field(default_factory=list)
    open: dict[int, float] = field(default_factory=dict)

    def __call__(self, event: Event) -> None:
        """Take one event of the study."""
        now = time.perf_counter()
        if isinstance(event, RunStarted) and event.kind in SEARCH:
            self.began.setdefault(event.slot, []).append(now)
            self.open[event.slot] = now
        elif isinstance(event, RunEnded) and event.kind in SEARCH and event.slot in self.open:
            self.took.append(now - self.open.pop(event.slot))

    @property
    def rate(self) -> float:
        """Runs an hour while there is work for all slots."""
        return 3600 * len(self.began) / fmean(b - a for starts in self.began.values() for a, b in pairwise(starts))


def measured(target: str, workers: int, runs: int, agent: str, executor: str) -> Watch:
    """Run one study and return what was seen of it."""
    watch = Watch()
    with tempfile.TemporaryDirectory() as folder:
        options = {"executor": executor} if executor else {}
        study = Study(
            "# Lower it", target, metric="loss", minimize=True, workers=workers, experiments=runs * workers + 1, repeats=1, threads=1,
            agent=agent, judge="strict", root=Path(folder), name="scale", **options,
        )  # fmt: skip
        study.observe(watch)
        study.start()
        study.wait()
        if study.state != "finished":
            raise SystemExit(f"{study}: {study.status.message}\n{study.status.traceback}")
    return watch


def table(
    title: str, target: str, seconds: float, numbers: Sequence[int], runs: int, agent: str, executors: Sequence[str]
) -> None:
    """Measure and print one target."""
    print(
        f"\n{title}\n\n| workers | where | runs an hour | efficiency | a run takes, beyond the target |\n|---|---|---|---|---|",
        flush=True,
    )
    for executor in executors:
        one = 0.0
        for workers in numbers:
            watch = measured(target.format(seconds=seconds), workers, runs, agent, executor)
            one = one or watch.rate / workers
            extra = 1000 * (median(watch.took) - seconds)
            print(
                f"| {workers} | {executor or 'this process'} | {watch.rate:,.0f} | {watch.rate / one / workers:.1%} | {extra:.0f} ms |",
                flush=True,
            )


def main() -> None:
    """Print a table for each target."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--workers", default="1,2,4,8")
    parser.add_argument("--seconds", type=float, default=5.0, help="what one run takes")
    parser.add_argument("--runs", type=int, default=6, help="experiments for each worker")
    parser.add_argument("--agent", default="tuner")
    parser.add_argument("--executor", default="", help="dask: Dask's LocalCluster besides")
    parser.add_argument("--targets", default="sleeps,computes")
    args = parser.parse_args()
    numbers = [int(n) for n in args.workers.split(",")]
    executors = ["", args.executor] if args.executor else [""]
    if "sleeps" in args.targets:
        table(
            f"A target that sleeps {args.seconds:g} s", SLEEPS, args.seconds, numbers, args.runs, args.agent, executors
        )
    if "computes" in args.targets:
        cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
        few = [n for n in numbers if n <= 2 * cores]
        table(
            f"A target that computes {args.seconds:g} s on one of {cores} cores",
            COMPUTES,
            args.seconds,
            few,
            args.runs,
            args.agent,
            executors,
        )


if __name__ == "__main__":
    main()
