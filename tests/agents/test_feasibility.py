"""The tuner stays within limits that it has learned of."""

import numpy as np

from autoresearch_magic.agents.base import Briefing
from autoresearch_magic.agents.feasibility import make_feasibility
from autoresearch_magic.agents.limits import limit_lines, limit_sentence
from autoresearch_magic.agents.llm.prompt import sections
from autoresearch_magic.agents.observations import code_around, observe_all
from autoresearch_magic.agents.tuner import Tuner
from autoresearch_magic.experiment import Experiment, Measurement, Outcome, Proposal, Verdict
from autoresearch_magic.metric import Metric
from autoresearch_magic.source.constants import find_constants, read_values

TARGET = "WIDTH = 8.0  # 1.0 .. 32.0\nRATE = 0.5  # 0.0 .. 1.0\n"
METRIC = Metric("loss", "loss")


def experiment(number, target, verdict=Verdict.DISCARD, runs=1):
    """The wider the better, and the larger: without a limit the best is at 32."""
    values = read_values(target)
    width, rate = values["WIDTH"], values["RATE"]
    run = Measurement(Outcome.OK, 10 / width + (rate - 0.3) ** 2, 0, numbers={"size": width}, seconds=0.01)
    return Experiment(
        number, 0 if number else None, Proposal(target, f"v{number}"), verdict=verdict, measurements=(run,) * runs
    )


def briefing(*targets, limits=("size<12",), number=None):
    history = [experiment(0, TARGET, Verdict.BASELINE, 2), *(experiment(n, t) for n, t in enumerate(targets, 1))]
    return Briefing("", "", METRIC, history[0], tuple(history), number=number or len(history), limits=limits)


def at(width, rate=0.5):
    return TARGET.replace("8.0", str(width), 1).replace("0.5", str(rate), 1)


WIDTHS = (2.0, 5.0, 10.0, 14.0, 20.0, 31.0, 3.0, 11.0)
TRIED = tuple(at(w, 0.1 + 0.1 * n) for n, w in enumerate(WIDTHS))


def feasibility(told):
    constants = {c.name: c for c in find_constants(TARGET)}
    return make_feasibility(told, constants, observe_all(told, constants), code_around(TARGET, tuple(constants)), 50)


def test_the_probability_of_being_within_falls_where_experiments_were_beyond():
    found = feasibility(briefing(*TRIED))
    assert found.within == {0, 1, 2, 3, 7, 8}
    constants = {c.name: c for c in find_constants(TARGET)}
    x = np.asarray([[constants["WIDTH"].space.place(w), 0.5] for w in (3.0, 8.0, 18.0, 30.0)])
    inside = np.exp(found.log_probability(x))
    assert (inside[:2] > 0.9).all()
    assert (inside[2:] < 0.1).all()
    assert found.likely({"WIDTH": 4.0})
    assert not found.likely({"WIDTH": 30.0})


def test_nothing_is_modelled_without_limits_or_before_one_was_broken():
    assert feasibility(briefing(*TRIED, limits=())) is None
    assert feasibility(briefing(*TRIED, limits=("size<99",))) is None


def test_the_best_mean_is_that_of_versions_within_and_the_highest_where_there_are_none():
    found = feasibility(briefing(*TRIED))
    means = np.asarray([0.3, 0.2, 0.1, 0.25, -5.0])
    assert found.best_mean([0, 1, 2, 3, 4], means, 9.0) == 0.1
    assert found.best_mean([4, 5], np.asarray([-5.0, -4.0, np.inf]), 9.0) == -4.0
    assert found.best_mean([4], np.asarray([np.inf]), 9.0) == 9.0


def test_the_tuner_proposes_within_the_limits_once_it_knows_them():
    def beyond(limits):
        tuner, found = Tuner("", TARGET, METRIC), []
        for number in range(20, 32):
            target = tuner.propose(briefing(*TRIED, limits=limits, number=number)).target
            found.append(read_values(target)["WIDTH"] >= 12)
        return sum(found)

    free, limited = beyond(()), beyond(("size<12",))
    assert limited <= 1 < 4 <= free


def test_models_are_told_the_limits_and_each_experiments_numbers_beside_them():
    told = briefing(*TRIED)
    assert limit_sentence(told) == " A version is kept only if `size<12` holds as well, whatever its metric."
    lines = limit_lines(told)
    assert lines[0] == "- 0 (baseline, the present target): size 8 (within the limit < 12)"
    assert "- 6: size 31 (BEYOND the limit < 12)" in lines
    assert any("Numbers that have limits" in each and "BEYOND" in each for each in sections(told))
    assert limit_sentence(briefing(limits=())) == ""
    assert limit_lines(briefing(limits=())) == []
