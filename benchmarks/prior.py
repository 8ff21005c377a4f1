"""What prior trials bring the tuner, and what they cost where they mislead.

    python benchmarks/prior.py [STUDIES]        12 by default; about three minutes on one core

A program has eight constants of which five matter: the loss is the squared distance of their logarithms from the best values, two of them
with an interaction, with noise. A prior has 60 trials at random settings within the tuner's ranges, of

- helpful: the same loss;
- shifted: another version of the code or another machine: 30 times the loss plus 100, each best value moved by about a quarter of the
  distance from the start, noise three times as large;
- useless: values that do not depend on the constants;
- misleading: a loss whose best values lie on the other side of the start.

The figures are the shares of the baseline's loss that are left after 4, 8, 24 and 60 experiments: means and their standard errors.
"""

from __future__ import annotations

import math
import random
import statistics
import sys

import autoresearch_magic.agents.tuner as tuner
from autoresearch_magic.agents import Briefing
from autoresearch_magic.agents.prior import Prior, PriorTrial
from autoresearch_magic.experiment import Experiment, Measurement, Outcome, Proposal, Verdict
from autoresearch_magic.metric import Metric
from autoresearch_magic.source.constants import find_constants, read_values
from autoresearch_magic.source.edits import fingerprint

LOSS = Metric("loss", "loss")
START = {
    "LR": 1e-3,
    "WIDTH": 64,
    "DROPOUT": 0.1,
    "BATCH_SIZE": 32,
    "WEIGHT_DECAY": 0.01,
    "MOMENTUM_DECAY": 0.3,
    "WARMUP": 20,
    "CLIP": 1.5,
}
MATTER = ("LR", "WIDTH", "DROPOUT", "BATCH_SIZE", "WEIGHT_DECAY")
SOURCE = "\n".join([*(f"{name} = {value}" for name, value in START.items()), "train()", ""])
NOISE, TRIALS, COUNT = 0.05, 60, 60
AFTER = (4, 8, 24, 60)
KINDS = ("none", "helpful", "shifted", "useless", "misleading")


def truth(values: dict[str, float], best: dict[str, float]) -> float:
    """Return the loss of some values without noise."""
    off = {name: math.log(abs(float(values[name])) / START[name]) - best[name] for name in MATTER}
    return sum(v * v for v in off.values()) + 0.8 * off["LR"] * off["BATCH_SIZE"]


def prior(kind: str, best: dict[str, float], rng: random.Random) -> tuple[Prior, ...]:
    """Return the prior of a kind; none for "none"."""
    if kind == "none":
        return ()
    constants = find_constants(SOURCE)
    its_best = {
        "shifted": {n: b + rng.choice((-1, 1)) * 0.25 * abs(b) for n, b in best.items()},
        "misleading": {n: -b for n, b in best.items()},
    }.get(kind, best)
    scale, level, noise = (30.0, 100.0, 3 * NOISE) if kind == "shifted" else (1.0, 0.0, NOISE)
    trials = []
    for _ in range(TRIALS):
        values = {c.name: c.space.at(rng.random()) for c in constants}
        loss = rng.uniform(0, 5) if kind == "useless" else truth(values, its_best)
        trials.append(PriorTrial(values, level + scale * (loss + rng.gauss(0, noise))))
    return (Prior(kind, "memory", tuple(START), tuple(trials), TRIALS),)


def run(kind: str, seed: int) -> dict[int, float]:
    """Return the share of the loss that is left, by the number of experiments."""
    rng = random.Random(seed)
    best = {name: rng.choice((-1, 1)) * rng.uniform(0.4, 1.3) for name in MATTER}
    known = prior(kind, best, random.Random(seed + 1000))

    def made(number: int, target: str, verdict: Verdict, parent: int | None, hypothesis: str = "") -> Experiment:
        value = truth(dict(read_values(target)), best) + NOISE * random.Random(f"{fingerprint(target)}{seed}").gauss(
            0, 1
        )
        runs = (Measurement(Outcome.OK, value, seed=0),)
        return Experiment(
            number, parent, Proposal(target, "-", hypothesis), fingerprint(target), verdict, measurements=runs
        )

    agent = tuner.Tuner("", SOURCE, LOSS)
    history = [made(0, SOURCE, Verdict.BASELINE, None)]
    incumbent, left = history[0], {}
    whole = truth(START, best)
    for number in range(1, COUNT + 1):
        p = agent.propose(Briefing("", "", LOSS, incumbent, tuple(history), number, seed, priors=known))
        new = made(number, p.target, Verdict.DISCARD, incumbent.number, p.hypothesis)
        if (new.value or 0.0) < (incumbent.value or 0.0) - NOISE:
            new = incumbent = made(number, p.target, Verdict.KEEP, incumbent.number, p.hypothesis)
        history.append(new)
        left[number] = truth(dict(read_values(incumbent.target)), best) / whole
    return left


def main() -> None:
    """Print the table."""
    studies = int(sys.argv[1]) if len(sys.argv) > 1 else 12
    print("prior        " + "".join(f"after {number:<13}" for number in AFTER))
    for kind in KINDS:
        runs = [run(kind, seed) for seed in range(studies)]
        shown = []
        for number in AFTER:
            shares = [left[number] for left in runs]
            shown.append(f"{statistics.fmean(shares):.3f} (se {statistics.stdev(shares) / math.sqrt(studies):.3f})")
        print(f"{kind:<11}  " + "   ".join(shown), flush=True)


if __name__ == "__main__":
    main()
