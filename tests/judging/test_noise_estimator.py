"""The noise that is brought up to date is the one that is worked out anew."""

import random
from dataclasses import replace

import pytest

from autoresearch_magic.experiment import Experiment, Measurement, Outcome, Proposal, Verdict
from autoresearch_magic.judging.noise import estimate_noise
from autoresearch_magic.judging.noise_estimator import Followed, NoiseEstimator


def run(value, seed, outcome=Outcome.OK):
    return Measurement(outcome, value, seed)


@pytest.mark.parametrize("kind", ["scaled", "mixed signs", "deterministic", "rounded", "zeros"])
def test_it_is_what_all_repeats_worked_out_anew_give(kind):
    rng = random.Random(kind)

    def value(level):
        match kind:
            case "scaled":
                return level * (1 + rng.gauss(0, 0.05))
            case "mixed signs":
                return level - 2 + rng.gauss(0, 0.5)
            case "deterministic":
                return level
            case "rounded":
                return round(level + rng.gauss(0, 0.05), 1)
        return rng.choice([0.0, 0.0, level])

    kept, experiments, estimator = 0, [], NoiseEstimator()
    for n in range(120):
        level = rng.choice([1.0, 2.0, 3.5])
        runs = tuple(
            run(
                value(level),
                rng.randrange(5) if rng.random() < 0.2 else k,
                rng.choice([Outcome.OK] * 9 + [Outcome.CRASH]),
            )
            for k in range(3 if n == 0 else rng.choice([0, 1, 1, 1, 2, 3, 4]))
        )
        e = Experiment(n, kept if n else None, Proposal("x", "x"), measurements=runs)
        for seen in range(len(runs)):  # as it is judged, after each run
            asked = [*experiments, replace(e, measurements=runs[: seen + 1])]
            assert estimator.estimate(asked) == estimate_noise(asked)
        verdict = Verdict.BASELINE if n == 0 else rng.choice([Verdict.KEEP, *[Verdict.DISCARD] * 5, Verdict.CRASH])
        experiments.append(replace(e, verdict=verdict))
        kept = n if verdict.kept else kept
        if n % 4 == 0:
            at = rng.choice([kept, rng.randrange(len(experiments))])
            old = experiments[at]
            more = (*old.measurements, run(value(2.0), len(old.measurements)))
            experiments[at] = replace(
                old, measurements=more, since=len(old.measurements) - 1 if n % 16 == 0 else old.since
            )
        if n % 17 == 0 and n:
            experiments[kept] = replace(experiments[kept], verdict=Verdict.DISCARD)
        assert estimator.estimate(tuple(experiments)) == estimate_noise(experiments)
    assert estimator.estimate(experiments[:7]) == estimate_noise(experiments[:7])
    assert estimator.estimate(experiments) == estimate_noise(experiments)
    assert NoiseEstimator().estimate(experiments) == estimate_noise(experiments)


def test_followed_says_what_has_changed():
    a, b, c = (Experiment(n, None, Proposal("", "")) for n in range(3))
    other, followed = replace(b, reason="other"), Followed()
    assert followed.changed([a, b]) == [(None, a), (None, b)]
    assert followed.changed([a, b]) == []
    assert followed.changed((a, other, c)) == [(b, other), (None, c)]
    assert followed.changed([a]) == [(other, None), (c, None)]
