"""Prior knowledge in the tuner: what it proposes first, how the model weighs it, and what it costs where it misleads."""

import json
import math
import random
from dataclasses import replace

import numpy as np
import pytest

from autoresearch_magic.agents import Briefing
from autoresearch_magic.agents.gaussian_process import Data, Trend, condition, fit
from autoresearch_magic.agents.llm.prompt import sections
from autoresearch_magic.agents.prior import Prior, PriorTrial, thinned
from autoresearch_magic.agents.prior_model import prior_surrogates, starts
from autoresearch_magic.agents.tuner import Tuner
from autoresearch_magic.experiment import Experiment, Measurement, Outcome, Proposal, Verdict
from autoresearch_magic.metric import Metric
from autoresearch_magic.source.constants import find_constants, read_values
from autoresearch_magic.source.edits import fingerprint

LOSS = Metric("loss", "loss")
SOURCE = "LR = 0.001\nWIDTH = 64\nDECAY = 0.01\ntrain()\n"
CONSTANTS = {c.name: c for c in find_constants(SOURCE)}
BEST = {"LR": 1.0, "WIDTH": -0.8, "DECAY": 0.9}


def loss(values, best=BEST):
    start = read_values(SOURCE)
    return sum((math.log(float(values[n]) / start[n]) - b) ** 2 for n, b in best.items())


def prior(best=BEST, scale=1.0, level=0.0, count=40, names=tuple(BEST)):
    rng, trials = random.Random(3), []
    for _ in range(count):
        values = {name: CONSTANTS[name].space.at(rng.random()) for name in BEST}
        trials.append(PriorTrial({n: values[n] for n in names}, level + scale * loss(values, best)))
    return Prior("before", "old.db", tuple(names), tuple(trials), count)


def experiment(number, target, verdict, hypothesis=""):
    runs = (Measurement(Outcome.OK, loss(read_values(target)), seed=0),)
    return Experiment(number, 0 if number else None, Proposal(target, "-", hypothesis), fingerprint(target), verdict, measurements=runs)  # fmt: skip


def briefing(*priors, history=()):
    history = history or (experiment(0, SOURCE, Verdict.BASELINE),)
    best = next(e for e in reversed(history) if e.kept)
    return Briefing("", "", LOSS, best, tuple(history), len(history), 0, priors=priors)


def test_the_search_begins_at_the_prior_s_best_whatever_its_scale_and_level():
    for known in (prior(), prior(scale=1000.0, level=-5e6)):
        proposal = Tuner("", SOURCE, LOSS).propose(briefing(known))
        assert proposal.hypothesis.endswith("Among the best settings of prior knowledge.")
        assert loss(read_values(proposal.target)) < 0.35 * loss(read_values(SOURCE))
    assert Tuner("", SOURCE, LOSS).propose(briefing(known)) == Tuner("", SOURCE, LOSS).propose(briefing(known))


@pytest.mark.slow
def test_further_starts_follow_as_long_as_they_are_kept_and_three_at_most():
    said = "Among the best settings of prior knowledge."
    history = [experiment(0, SOURCE, Verdict.BASELINE)]
    sources = []
    for number in range(1, 6):
        proposal = Tuner("", SOURCE, LOSS).propose(briefing(prior(), history=history))
        sources.append(proposal.hypothesis.endswith(said))
        history.append(experiment(number, proposal.target, Verdict.KEEP, proposal.hypothesis))
    assert sources == [True, True, True, False, False]
    lost = [history[0], replace(history[1], verdict=Verdict.DISCARD)]
    assert not Tuner("", SOURCE, LOSS).propose(briefing(prior(), history=lost)).hypothesis.endswith(said)


def test_starts_lie_in_the_ranges_and_one_of_a_constant_that_is_gone_is_left_out():
    known = prior()
    far = replace(known, trials=tuple(replace(t, values={**t.values, "LR": 0.02}) for t in known.trials))
    models = prior_surrogates([far], CONSTANTS, LOSS)
    first = next(starts(models, CONSTANTS, []))
    assert first["LR"] == CONSTANTS["LR"].space.high
    fewer = {n: c for n, c in CONSTANTS.items() if n != "WIDTH"}
    assert "WIDTH" not in next(starts(prior_surrogates([known], fewer, LOSS), fewer, []))
    assert prior_surrogates([prior(names=("WIDTH",))], fewer, LOSS) == []


def weight(sign):
    """Return the coefficient of a trend that says `sign` times what the data say, and the model's mean at a point without data."""
    draw = np.random.default_rng(0)

    def data(x, y, trends=()):
        n = len(x)
        return Data(x, y, np.ones(n), np.zeros(n, dtype=np.int64), np.zeros(2, dtype=bool), np.ones(2), trends=trends)

    far = draw.random((40, 2))
    truth = lambda x: 3 * (x[:, 0] - 0.3) + np.sin(4 * x[:, 1])  # noqa: E731
    other = data(far, sign * truth(far))
    trend = Trend(condition(other, fit(other)), np.asarray([0, 1]))
    near = draw.random((10, 2)) * 0.4
    own = data(near, truth(near), (trend,))
    process = condition(own, fit(own))
    point = np.asarray([[0.9, 0.8]])
    return float(process.coefficients[0]), float(process.predict(point)[0][0]), float(truth(point)[0]), process


@pytest.mark.slow
def test_the_study_s_own_runs_decide_how_far_a_prior_holds():
    good, mean, truth, process = weight(1.0)
    bad, _, _, _ = weight(-1.0)
    assert good > 0.7
    assert bad < 0.0
    assert abs(mean - truth) < 0.4
    difference, spread = process.difference(np.asarray([[0.9, 0.8]]), np.asarray([0.1, 0.1]))
    one, two = process.predict(np.asarray([[0.9, 0.8]]))[0], process.predict(np.asarray([[0.1, 0.1]]))[0]
    assert difference[0] == pytest.approx((one - two)[0])
    assert spread[0] > 0


def test_the_best_half_and_some_of_the_others_are_kept():
    trials = tuple(PriorTrial({"LR": i}, float(i % 50), pruned=i < 3) for i in range(100))
    kept = thinned(trials, 20, minimize=True)
    assert len(kept) == 20
    assert {t.value for t in kept if not t.pruned} >= {3.0, 4.0, 5.0, 6.0}
    assert max(t.value for t in kept) > 40
    assert [*kept] == sorted(kept, key=lambda t: t.values["LR"])
    assert thinned(trials, 200, minimize=True) == trials


def test_it_survives_the_journal_s_json_and_models_are_told():
    known = prior()
    assert Prior.from_json(json.loads(json.dumps(known.to_json()))) == known
    text = "\n".join(sections(briefing(known)))
    assert "Known from other studies" in text
    assert "40 trials of before (old.db): LR, WIDTH, DECAY. Its best value was" in text
    assert "Known from other" not in "\n".join(sections(briefing()))
