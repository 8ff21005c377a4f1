"""Which gains a study keeps, and which it proves: the figures of ``%autoresearch plan``.

    python benchmarks/plan.py [STUDIES]      200 by default; a few minutes

Runs the simulated studies of `benchmarks/judge.py` with 30 and with 60 evaluations, in worlds where few and where many ideas help. By the true
effect of a proposal, in standard deviations of one run, it prints the share that was kept, and the share that was proven at the end.
"""

from __future__ import annotations

import sys
from concurrent.futures import ProcessPoolExecutor
from itertools import pairwise

from judge import WORLDS, Tally, worker

NAMES = ("few ideas, noise 0.5", "few ideas, noise 1", "quickstart, noise 0.5", "quickstart, noise 1")
EDGES = (-0.01, 0.01, 0.75, 1.25, 1.75, 2.25, 2.75, 3.5, 4.5, 6.0, 99.0)
"""Ends of the classes of effects, in standard deviations of one run."""


def shares(tallies: list[Tally], sd: float) -> list[str]:
    """Return a line for each class of effects."""
    lines = []
    for low, high in pairwise(EDGES):
        every = [keep for t in tallies for effect, keep in t.proposals if low < effect / sd <= high]
        proven = sum(low < effect / sd <= high for t in tallies for effect in t.proven)
        if every:
            lines.append(
                f"  {low:5.2f} to {high:5.2f}: {len(every):5d} proposals, {sum(every) / len(every):4.0%} kept, {proven / len(every):4.0%} proven"
            )
    return lines


def main() -> None:
    studies = int(sys.argv[1]) if len(sys.argv) > 1 else 200
    with ProcessPoolExecutor() as pool:
        for evaluations in (30, 60):
            for name in NAMES:
                sd = next(world.sd for world in WORLDS if world.name == name)
                jobs = [(name, "expected", seed, evaluations) for seed in range(studies)]
                print(f"{name} of the typical gain, {evaluations} evaluations")
                print("\n".join(shares(list(pool.map(worker, jobs, chunksize=5)), sd)), flush=True)


if __name__ == "__main__":
    main()
