"""The gain of an experiment over its parent."""

import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autoresearch_magic.experiment import Experiment, Measurement, Outcome, Proposal, Verdict
from autoresearch_magic.judging.gains import gain_over_parent, judged_values
from autoresearch_magic.judging.noise import Noise, estimate_noise, student
from autoresearch_magic.metric import Metric

DOWN, UP = Metric("m", "m", True), Metric("m", "m", False)


def experiment(number, *values, verdict=Verdict.DISCARD, parent=0, since=0):
    runs = tuple(Measurement(Outcome.OK, v, seed=i) for i, v in enumerate(values))
    verdict = verdict if number else Verdict.BASELINE
    return Experiment(
        number, None if number == 0 else parent, Proposal("x", "s"), verdict=verdict, measurements=runs, since=since
    )


def test_the_gain_is_the_difference_of_the_means_and_has_an_interval_of_both():
    study = [experiment(0, 2.0, 2.2, 2.4), experiment(1, 1.7, 1.9)]
    noise = Noise(0.2, 10)
    found = gain_over_parent(study[1], study, DOWN, noise)
    assert found is not None
    assert found.gain == pytest.approx(0.4)
    reach = student(0.025, 10) * 0.2 * math.sqrt(1 / 2 + 1 / 3)
    assert (found.low, found.high) == (pytest.approx(0.4 - reach), pytest.approx(0.4 + reach))
    assert (found.runs, found.parent_runs) == (2, 3)
    other = gain_over_parent(study[1], study, UP, noise)
    assert other is not None
    assert other.gain == -found.gain


def test_what_cannot_be_compared_has_no_gain():
    study = [experiment(0, 2.0), experiment(1), experiment(2, 1.0, verdict=Verdict.GUARD_FAILED)]
    assert [gain_over_parent(e, study, DOWN) for e in study] == [None, None, None]
    assert gain_over_parent(experiment(3, 1.0, parent=9), study, DOWN) is None


def test_without_noise_the_interval_is_the_gain_and_without_knowledge_there_is_none():
    study = [experiment(0, 2.0, 2.0), experiment(1, 1.5)]
    known = gain_over_parent(study[1], study, DOWN, estimate_noise(study))
    unknown = gain_over_parent(study[1], study, DOWN, Noise())
    assert known is not None
    assert unknown is not None
    assert (known.gain, known.low, known.high) == (0.5, 0.5, 0.5)
    assert (unknown.gain, unknown.low, unknown.high) == (0.5, None, None)
    assert (known.p_better, unknown.p_better, unknown.proven) == (1.0, None, False)


@pytest.mark.parametrize(
    ("values", "verdict", "chance", "proven"),
    [
        ((1.6, 1.6), Verdict.KEEP, pytest.approx(0.9823, abs=1e-4), True),  # a gain of 0.4 at a standard error of 0.165
        ((1.6,), Verdict.KEEP, pytest.approx(0.9554, abs=1e-4), False),  # one run: the one that it was looked at for
        ((1.6, 1.6), Verdict.DISCARD, pytest.approx(0.9823, abs=1e-4), False),
        ((2.0, 2.0), Verdict.KEEP, 0.5, False),
        ((2.4, 2.4), Verdict.DISCARD, pytest.approx(0.0177, abs=1e-4), False),
    ],
)
def test_the_chance_is_that_of_students_t_and_a_keep_is_proven_by_two_runs(values, verdict, chance, proven):
    study = [experiment(0, 2.0, 2.0, 2.0, 2.0), experiment(1, *values, verdict=verdict)]
    found = gain_over_parent(study[1], study, DOWN, Noise(0.19, 10))
    assert found is not None
    assert (found.p_better, found.proven) == (chance, proven)


@pytest.mark.parametrize(("value", "chance", "proven"), [(1.9, 1.0, True), (2.0, 0.5, False), (2.1, 0.0, False)])
def test_without_noise_one_run_proves(value, chance, proven):
    study = [experiment(0, 2.0, 2.0), experiment(1, value, verdict=Verdict.KEEP)]
    found = gain_over_parent(study[1], study, DOWN, Noise(0.0, 3))
    assert found is not None
    assert (found.p_better, found.proven) == (chance, proven)


def test_after_a_drift_the_values_of_the_same_time_are_compared():
    kept = experiment(1, 1.0, 1.0, 1.5, 1.5, verdict=Verdict.KEEP, since=2)
    later = experiment(2, 1.4, parent=1)
    study = [experiment(0, 2.0, 2.0), kept, later]
    assert judged_values(kept) == (1.0, 1.0)
    gains = [gain_over_parent(e, study, DOWN) for e in study[1:]]
    assert [g and g.gain for g in gains] == [1.0, pytest.approx(0.1)]


@given(st.floats(-1e9, 1e9), st.integers(1, 9), st.integers(1, 9))
def test_equal_constants_have_no_gain(value, ours, theirs):
    study = [experiment(0, *[value] * theirs), experiment(1, *[value] * ours)]
    found = gain_over_parent(study[1], study, DOWN)
    assert found is not None
    assert found.gain == 0.0


def test_noise_that_depends_on_the_value_is_scaled_at_each_of_the_two():
    noise = Noise(0.01, 20, power=1.0, size=1.0)
    assert noise.at(10.0) == pytest.approx(0.1)
    study = [experiment(0, 10.0), replace(experiment(1, 1.0), verdict=Verdict.KEEP)]
    found = gain_over_parent(study[1], study, DOWN, noise)
    assert found is not None
    assert found.high is not None
    assert found.high - found.gain == pytest.approx(student(0.025, 20) * math.hypot(0.1, 0.01))
