"""The gain of an experiment over its parent."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autoresearch_magic.experiment import Experiment, Measurement, Outcome, Proposal, Verdict
from autoresearch_magic.judging.gains import expected_gains, gain_over_parent, judged_values
from autoresearch_magic.judging.noise import Noise, estimate_noise
from autoresearch_magic.metric import Metric

DOWN, UP = Metric("m", "m", True), Metric("m", "m", False)


def experiment(number, *values, verdict=Verdict.DISCARD, parent=0, since=0):
    runs = tuple(Measurement(Outcome.OK, v, seed=i) for i, v in enumerate(values))
    verdict = verdict if number else Verdict.BASELINE
    return Experiment(
        number, None if number == 0 else parent, Proposal("x", "s"), verdict=verdict, measurements=runs, since=since
    )


def gains(study, metric=DOWN, noise=None):
    return expected_gains(study, metric, estimate_noise(study) if noise is None else noise)[0]


def test_the_gain_as_seen_is_the_difference_of_the_means():
    study = [experiment(0, 2.0, 2.2, 2.4), experiment(1, 1.7, 1.9)]
    found = gain_over_parent(study[1], study, DOWN)
    assert found is not None
    assert found.gain == pytest.approx(0.4)
    assert (found.runs, found.parent_runs, found.low, found.p_better) == (2, 3, None, None)
    other = gain_over_parent(study[1], study, UP)
    assert other is not None
    assert other.gain == -found.gain


def test_the_expected_gain_is_smaller_than_the_one_seen_lies_in_its_interval_and_grows_surer_with_runs():
    def found(*values):
        return gains([experiment(0, *[2.0] * 6), experiment(1, *values)], noise=Noise(0.1, 30))[1]

    once, often = found(1.8), found(*[1.8] * 6)
    for gain in (once, often):
        assert 0 < gain.gain < 0.2
        assert gain.low < gain.gain < gain.high
        assert 0 < gain.p_better < 1
    assert once.gain < often.gain
    assert once.p_better < often.p_better
    assert often.high - often.low < once.high - once.low


def test_what_cannot_be_compared_has_no_gain():
    study = [experiment(0, 2.0), experiment(1), experiment(2, 1.0, verdict=Verdict.GUARD_FAILED)]
    assert [gain_over_parent(e, study, DOWN) for e in study] == [None, None, None]
    assert gain_over_parent(experiment(3, 1.0, parent=9), study, DOWN) is None


def test_without_noise_the_interval_is_the_gain_and_without_knowledge_there_is_none():
    study = [experiment(0, 2.0, 2.0), experiment(1, 1.5)]
    known, unknown = gains(study)[1], gains(study, noise=Noise())[1]
    assert (known.gain, known.low, known.high) == (0.5, 0.5, 0.5)
    assert (unknown.gain, unknown.low, unknown.high) == (0.5, None, None)
    assert (known.p_better, unknown.p_better, unknown.proven) == (1.0, None, False)


def keep(number, *values, parent=0):
    return experiment(number, *values, verdict=Verdict.KEEP, parent=parent)


def test_a_keep_is_proven_by_more_than_its_own_first_run():
    noise, base = Noise(0.1, 30), experiment(0, *[2.0] * 4)
    assert not gains([base, keep(1, 1.0)], noise=noise)[1].proven
    again = gains([base, keep(1, 1.0, 1.0)], noise=noise)[1]
    assert again.proven
    assert again.p_better > 0.95
    built_on = gains([base, keep(1, 1.0), experiment(2, 1.05, parent=1)], noise=noise)[1]
    assert built_on.proven
    assert not gains([base, experiment(1, 1.0, 1.0)], noise=noise)[1].proven, "what is not kept claims nothing"
    assert not gains([base, keep(1, 1.98, 1.98)], noise=noise)[1].proven


def test_later_runs_of_the_parent_and_of_what_was_built_on_it_change_a_keep_s_gain():
    noise, base = Noise(0.1, 30), experiment(0, *[2.0] * 3)
    lucky = gains([base, keep(1, 1.7)], noise=noise)[1].gain
    later = [experiment(n, 2.0, parent=1) for n in range(2, 6)]
    assert gains([base, keep(1, 1.7), *later], noise=noise)[1].gain < lucky
    worse_base = experiment(0, *[2.0] * 3, *[2.3] * 6)
    assert gains([worse_base, keep(1, 1.7)], noise=noise)[1].gain > lucky


def test_what_was_worked_out_before_is_the_same():
    study = [experiment(0, 2.0, 2.1, 1.9), keep(1, 1.7, 1.8), experiment(2, 1.9, parent=1), keep(3, 1.6, parent=1)]
    belief = None
    for n in range(1, 5):
        found, belief = expected_gains(study[:n], DOWN, Noise(0.1, 9), before=belief)
        assert found == gains(study[:n], noise=Noise(0.1, 9))
    study[1] = keep(1, 1.7, 1.8, 1.75)
    assert expected_gains(study, DOWN, Noise(0.1, 9), before=belief)[0] == gains(study, noise=Noise(0.1, 9))


@pytest.mark.parametrize(("value", "chance", "proven"), [(1.9, 1.0, True), (2.0, 0.0, False), (2.1, 0.0, False)])
def test_without_noise_one_run_proves_where_that_is_sure(value, chance, proven):
    study = [experiment(0, 2.0, 2.0), keep(1, value)]
    sure, rounded = (gains(study, noise=Noise(0.0, 8, digits=digits))[1] for digits in (12, 2))
    assert (sure.p_better, sure.proven) == (chance, proven)
    few = gains(study, noise=Noise(0.0, 1, digits=2))[1]
    assert (few.p_better, few.proven) == (chance, False), "two values of 2.0 may agree by rounding"
    assert rounded.p_better == chance


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
    slow = [experiment(0, *[10.0] * 4), keep(1, 9.8)]
    even = Noise(0.01, 20)
    assert gains(slow, noise=noise)[1].p_better < gains(slow, noise=even)[1].p_better


@pytest.mark.parametrize("noise", [None, Noise(0.1, 30), Noise()])
def test_the_gains_of_keeps_alone_are_those_of_all(noise):
    study = [experiment(0, 2.0, 2.1, 1.9)]
    for number in range(1, 12):
        keep = number in (3, 7)
        study.append(experiment(number, *[2.05 - 0.15 * number * keep] * (1 + 3 * keep), verdict=Verdict.KEEP if keep else Verdict.DISCARD, parent=3 if number > 3 else 0))  # fmt: skip
    estimate = estimate_noise(study) if noise is None else noise
    every, known = gains(study, noise=estimate), {}
    some, belief = expected_gains(study, DOWN, estimate, keeps_only=True, known=known)
    assert some == {number: every[number] for number in (3, 7)}
    assert {number: gain.proven for number, gain in some.items()} == {number: every[number].proven for number in (3, 7)}
    assert expected_gains(study, DOWN, estimate, before=belief, known=known)[0] == every, (
        "what is left is worked out later"
    )
