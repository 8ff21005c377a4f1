"""Compare how many constants the tuner tunes at once, on simulated programs with 25 constants of which 6 matter.

    python benchmarks/tuner.py [STUDIES]        14 by default; three minutes on one core

The loss is the sum of squared distances, in logarithms, of the six constants that matter from their best values, and noise.
In "named" the names say which matter (LR, WIDTH ...); in "misleading" three of the six have such names and three do not. The
figures are the shares of the baseline's loss that are left after 24 and after 60 experiments: means, and their standard errors.

Not simulated: crashes, interactions of constants, repeats.
"""

from __future__ import annotations

import math
import random
import statistics
import sys

import autoresearch_magic.agents.tuner as tuner
from autoresearch_magic.agents import Briefing
from autoresearch_magic.experiment import Experiment, Measurement, Outcome, Proposal, Verdict
from autoresearch_magic.metric import Metric
from autoresearch_magic.source.constants import read_values
from autoresearch_magic.source.edits import fingerprint

LOSS = Metric("loss", "loss")
NAMED = {"LR": 1e-3, "WIDTH": 64, "DROPOUT": 0.1, "BATCH_SIZE": 32, "MAX_DEPTH": 6, "WEIGHT_DECAY": 0.01}
OTHERS = {f"QUX_{chr(65 + i)}": 1.5 for i in range(19)}
NOISE = 0.05
PLANS = ((4, 4), (8, 2), (8, 4), (8, 8), (12, 4), (25, 4))


def program() -> str:
    """Return a program with all constants in a random order."""
    lines = [f"{name} = {value}" for name, value in {**NAMED, **OTHERS}.items()]
    random.Random(1).shuffle(lines)
    return "\n".join([*lines, "train()", ""])


def run(active: int, widen: int, named: bool, seed: int, count: int = 60) -> dict[int, float]:
    """Return the share of the loss that is left, by the number of experiments."""
    tuner.ACTIVE, tuner.WIDEN = active, widen
    source, rng = program(), random.Random(seed)
    important = list(NAMED) if named else rng.sample(list(OTHERS), 3) + rng.sample(list(NAMED), 3)
    best = {n: {**NAMED, **OTHERS}[n] * math.exp(rng.choice([-1, 1]) * rng.uniform(0.3, 1.3)) for n in important}

    def truth(target: str) -> float:
        values = read_values(target)
        return sum(math.log(abs(float(values[n])) / best[n]) ** 2 for n in important)

    def made(number: int, target: str, verdict: Verdict, parent: int | None) -> Experiment:
        value = truth(target) + NOISE * random.Random(f"{fingerprint(target)}{seed}").gauss(0, 1)
        runs = (Measurement(Outcome.OK, value, seed=0),)
        return Experiment(number, parent, Proposal(target, "-"), fingerprint(target), verdict, measurements=runs)

    agent = tuner.Tuner("", source, LOSS)
    history = [made(0, source, Verdict.BASELINE, None)]
    incumbent, left = history[0], {}
    for number in range(1, count + 1):
        proposal = agent.propose(Briefing("", "", LOSS, incumbent, tuple(history), number, seed))
        new = made(number, proposal.target, Verdict.DISCARD, incumbent.number)
        if (new.value or 0.0) < (incumbent.value or 0.0) - NOISE:
            new = incumbent = made(number, proposal.target, Verdict.KEEP, incumbent.number)
        history.append(new)
        left[number] = truth(incumbent.target) / truth(source)
    return left


def main() -> None:
    """Print the table."""
    studies = int(sys.argv[1]) if len(sys.argv) > 1 else 14
    print("names       at first  widen   after 24        after 60")
    for named in (True, False):
        for active, widen in PLANS:
            runs = [run(active, widen, named, seed) for seed in range(studies)]
            shown = []
            for number in (24, 60):
                shares = [left[number] for left in runs]
                error = statistics.stdev(shares) / math.sqrt(studies)
                shown.append(f"{statistics.fmean(shares):.2f} (se {error:.2f})")
            print(f"{'named' if named else 'misleading':<11} {active:>8}  {widen:>5}   {'  '.join(shown)}", flush=True)


if __name__ == "__main__":
    main()
