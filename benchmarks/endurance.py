"""Run thousands of short experiments in one study, and see whether memory, descriptors or threads grow.

Run it with ``python benchmarks/endurance.py [experiments] [--trace]``. Each experiment takes 20 ms. Every twentieth of them, and at least
every 250, a line says what the kernel (this process, with the study in it) and the worker hold: unique memory (USS), which leaves out what
is shared with forks, descriptors, threads, and the seconds that an experiment took besides its own 20 ms. The end says how far each was
from its mean after the first 500. With ``--trace`` it lists the lines of code that hold what has come since the first 500 (tracemalloc).
"""

from __future__ import annotations

import gc
import sys
import tempfile
import time
import tracemalloc

import psutil

from autoresearch_magic import Study
from autoresearch_magic.agents import Agent
from autoresearch_magic.agents.base import Briefing
from autoresearch_magic.agents.registry import BUILT_IN
from autoresearch_magic.experiment import Proposal

TARGET = "X = 3.0\nimport time\ntime.sleep(0.02)\nloss = (X - 1) ** 2\n"
SETTLED = 500
"""Experiments after which nothing is to grow any more."""
COLUMNS = ("kernel MB", "worker MB", "kernel fds", "worker fds", "threads", "processes", "ms besides")


class Walk(Agent):
    """Proposes values around 2, no two the same; each 500th is a little better than all before."""

    def propose(self, briefing: Briefing) -> Proposal:
        n = briefing.number
        x = 2.0 - n / 1e6 if n % 500 == 1 else 2.5 + n / 1e5
        return Proposal(TARGET.replace("3.0", repr(x)), f"X = {x}", "", "", "walk")


def look(study: Study, began: float, done: int) -> tuple[float, ...]:
    """Return what the columns of a line hold."""
    gc.collect()
    kernel = psutil.Process()
    worker = next(child for child in kernel.children() if "server" in _command_line(child))
    spent = time.perf_counter() - began
    return (
        kernel.memory_full_info().uss / 1e6, worker.memory_full_info().uss / 1e6, kernel.num_fds(), worker.num_fds(),
        kernel.num_threads(), len(kernel.children(recursive=True)), 1e3 * spent / max(1, done) - 20,
    )  # fmt: skip


def _command_line(process: psutil.Process) -> str:
    try:
        return " ".join(process.cmdline())
    except psutil.NoSuchProcess:  # such as git
        return ""


def main() -> None:
    words = [word for word in sys.argv[1:] if not word.startswith("-")]
    experiments = int(words[0]) if words else 5_000
    every = min(250, max(1, experiments // 20))
    trace = "--trace" in sys.argv
    BUILT_IN["walk"] = lambda order: Walk()
    first, seen, lines = None, [], []
    with tempfile.TemporaryDirectory() as folder:
        study = Study(
            "Lower it", TARGET, "import os", root=folder, metric="loss", minimize=True, repeats=1, budget="5s", agent="walk",
            experiments=experiments, evals_interval=10 * experiments, patience=10 * experiments,
        )  # fmt: skip
        print(f"{'done':>6} " + " ".join(f"{name:>11}" for name in COLUMNS), flush=True)
        study.start()
        began, last = time.perf_counter(), 0
        while study.active:
            time.sleep(0.01)
            done = study.status.done
            if done - last < every:
                continue
            line = look(study, began, done - last)
            began, last = time.perf_counter(), done
            print(f"{done:6} " + " ".join(f"{value:11.1f}" for value in line), flush=True)
            if done >= SETTLED:
                seen.append(line)
                if trace and first is None:
                    tracemalloc.start(1)
                    first = tracemalloc.take_snapshot()
        if trace and first is not None:
            lines = tracemalloc.take_snapshot().compare_to(first, "lineno")[:25]
        print(f"{study.state}: {study.status.message}")
    for name, values in zip(COLUMNS, zip(*seen, strict=True), strict=True):
        mean = sum(values) / len(values)
        print(
            f"  {name:<11} mean {mean:8.1f}  from {min(values):8.1f} to {max(values):8.1f}"
            f"  ({100 * (min(values) / mean - 1):+.1f}% to {100 * (max(values) / mean - 1):+.1f}%)"
        )
    for each in lines:
        print(f"  {each.size_diff / 1024:9.0f} KiB more in {each.count_diff:6} at {each.traceback}")


if __name__ == "__main__":
    main()
