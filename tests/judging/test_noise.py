import math
import random
import statistics
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autoresearch_magic.experiment import Experiment, Measurement, Outcome, Proposal, Verdict
from autoresearch_magic.judging.drift import drifted
from autoresearch_magic.judging.headline import headline
from autoresearch_magic.judging.judge import Judge, Rule
from autoresearch_magic.judging.noise import (
    Noise,
    certain,
    compare,
    disturbed,
    estimate_noise,
    significant_digits,
    spread,
    student,
)
from autoresearch_magic.judging.noise_estimator import NoiseEstimator
from autoresearch_magic.metric import Metric
from autoresearch_magic.runs import LARGEST
from autoresearch_magic.study.gain_words import gain_text

DOWN, UP = Metric("m", "m", True), Metric("m", "m", False)
finite = st.floats(-1e6, 1e6)


def experiment(*values, number=1, seeds=None, parent=0, since=0):
    runs = tuple(Measurement(Outcome.OK, v, seed=s) for v, s in zip(values, seeds or range(len(values)), strict=True))
    return Experiment(number, None if number == 0 else parent, Proposal("x", "s"), measurements=runs, since=since)


def test_the_noise_is_pooled_within_experiments():
    baseline = experiment(1.0, 2.0, 3.0, number=0)
    noise = estimate_noise([baseline])
    assert (noise.sd, noise.df) == (pytest.approx(1.0), 2)
    # the first run of a candidate was chosen for its value, and does not count
    candidate = experiment(-50.0, 10.0, 12.0)
    noise = estimate_noise([baseline, candidate])
    assert noise.df == 3
    assert noise.sd == pytest.approx(math.sqrt((2.0 + 2.0) / 3))


def test_noise_that_depends_on_the_value_is_scaled_to_the_incumbent():
    rng = random.Random(1)

    def study(power):
        made = []
        for number, mean in enumerate((100.0, 30.0, 9.0, 2.0)):
            values = [rng.gauss(mean, 0.05 * 100 * (mean / 100) ** power) for _ in range(12)]
            e = experiment(*values, number=number)
            made.append(replace(e, verdict=Verdict.KEEP if number else Verdict.BASELINE))
        return made

    for _ in range(20):
        assert 0.05 < estimate_noise(study(1.0)).sd < 0.2  # 5% of 2
        assert 0.4 < estimate_noise(study(0.5)).sd < 1.4
    far = [replace(e, measurements=tuple(replace(m, value=m.value - 1000) for m in e.measurements)) for e in study(0.0)]
    assert 4 < estimate_noise(far).sd < 7


def test_without_evidence_the_noise_is_proportional_to_the_root_of_the_value():
    baseline = replace(experiment(95.0, 100.0, 105.0, number=0), verdict=Verdict.BASELINE)
    kept = replace(experiment(1.0), verdict=Verdict.KEEP)
    assert estimate_noise([baseline]).sd == pytest.approx(5.0)
    assert estimate_noise([baseline, kept]).sd == pytest.approx(0.5)
    assert estimate_noise([baseline, kept]).df == 2


def test_an_incumbent_of_zero_does_not_take_the_noise_from_all_others():
    baseline = replace(experiment(143.3, 213.6, 224.3, number=0), verdict=Verdict.BASELINE)
    zero = replace(experiment(0.0), verdict=Verdict.KEEP)
    for noise in (estimate_noise([baseline, zero]), NoiseEstimator().estimate([baseline, zero])):
        assert not noise.deterministic
        assert noise.sd == noise.at(200.0) == pytest.approx(statistics.stdev([143.3, 213.6, 224.3]))


@given(st.lists(st.lists(st.floats(0.1, 1e3), min_size=2, max_size=5), min_size=1, max_size=5), st.floats(0.01, 100))
def test_the_unit_does_not_matter(groups, unit):
    def noise(scale):
        made = [experiment(*(scale * v for v in values), number=n) for n, values in enumerate(groups)]
        return estimate_noise([replace(e, verdict=Verdict.KEEP) for e in made])

    one, other = noise(1.0), noise(unit)
    assert one.df == other.df
    assert other.sd == pytest.approx(unit * one.sd, rel=1e-6) or min(one.sd, other.sd) == 0.0


def test_equal_values_are_deterministic_and_one_value_says_nothing():
    assert estimate_noise([experiment(2.0, 2.0, number=0)]).deterministic
    third = sum([0.1] * 3)  # not exactly 0.3
    assert estimate_noise([experiment(third, 0.3, number=0)]).deterministic
    assert not estimate_noise([experiment(2.0, number=0)]).known
    assert not estimate_noise([experiment(2.0, number=0)]).deterministic


def test_runs_from_before_a_drift_do_not_count():
    drifted = experiment(1.0, 1.1, 9.0, 9.1, number=0, since=2)
    assert estimate_noise([drifted]).sd == pytest.approx(spread([9.0, 9.1]))
    assert drifted.value == pytest.approx(9.05)


def test_without_pairing_a_comparison_is_the_difference_of_the_means():
    found = compare(experiment(1.0, 2.0), experiment(3.0, 4.0, 5.0, number=0), DOWN, Noise(0.5, 4))
    assert found.gain == pytest.approx(2.5)
    assert found.error == pytest.approx(0.5 * math.sqrt(1 / 2 + 1 / 3))
    assert compare(experiment(1.0, 2.0), experiment(3.0, 4.0, 5.0, number=0), UP, Noise(0.5, 4)).gain == pytest.approx(
        -2.5
    )


def test_with_full_pairing_it_is_the_mean_of_the_paired_differences():
    candidate, incumbent = experiment(0.0, 10.0, seeds=[0, 1]), experiment(1.0, 11.0, 50.0, number=0, seeds=[0, 1, 2])
    found = compare(candidate, incumbent, DOWN, Noise(1.0, 9, pairing=1.0))
    assert found.gain == pytest.approx(1.0)
    assert found.error == pytest.approx(0.0, abs=1e-7)


@pytest.mark.parametrize("rho", [0.0, 0.5, 0.9])
def test_the_standard_error_agrees_with_simulated_gains(rho):
    rng, gains = random.Random(1), []
    noise = Noise(1.0, 50, rho)
    for _ in range(4000):
        luck = [rng.gauss(0, math.sqrt(rho)) for _ in range(5)]
        own = math.sqrt(1 - rho)
        candidate = experiment(*(luck[i] + rng.gauss(0, own) for i in range(3)))
        incumbent = experiment(*(luck[i] + rng.gauss(0, own) for i in range(5)), number=0)
        found = compare(candidate, incumbent, DOWN, noise)
        gains.append(found.gain)
    assert statistics.stdev(gains) == pytest.approx(found.error, rel=0.05)
    assert abs(statistics.fmean(gains)) < 4 * found.error / math.sqrt(4000)


def test_the_correlation_of_pairs_is_shrunk_while_pairs_are_few():
    rng = random.Random(3)

    def study(rho, pairs):
        luck = [rng.gauss(0, math.sqrt(rho)) for _ in range(pairs + 1)]
        runs = [[each + rng.gauss(0, math.sqrt(1 - rho)) for each in luck] for _ in range(2)]
        return [experiment(*runs[0], number=0), experiment(*runs[1])]

    def mean(rho, pairs):
        return statistics.fmean(estimate_noise(study(rho, pairs)).pairing for _ in range(200))

    assert mean(0.9, 60) > 0.7
    assert 0.2 < mean(0.9, 6) < 0.6
    assert mean(0.0, 6) < 0.12


def test_differences_in_the_last_bit_do_not_count():
    values = [0.1 + 0.2, 0.3, 0.3]
    assert compare(experiment(0.3), experiment(*values, number=0), DOWN, Noise(0.0, 2)).gain == 0.0


def test_students_quantiles():
    assert student(0.025, 10) == pytest.approx(2.228, abs=1e-3)
    assert student(0.5, 3) == pytest.approx(0.0, abs=1e-9)


@given(st.lists(finite, min_size=1, max_size=6), st.lists(finite, min_size=1, max_size=6), st.floats(0, 0.95))
def test_a_comparison_is_symmetric_in_the_direction(a, b, rho):
    noise = Noise(1.0, 5, rho)
    down = compare(experiment(*a), experiment(*b, number=0), DOWN, noise)
    up = compare(experiment(*(-v for v in a)), experiment(*(-v for v in b), number=0), UP, noise)
    assert down.gain == pytest.approx(up.gain)
    assert down.error == up.error


def test_runs_are_disturbed_when_the_noise_does_not_explain_how_they_vary():
    noise = Noise(sd=0.1, df=8)
    assert not disturbed([1.0, 1.1, 1.25], noise)
    assert disturbed([1.0, 1.1, 2.0], noise)
    assert not disturbed([1.0, 1.1, 1.6], Noise(sd=0.1, df=2)), "an sd from three runs may itself be too small"
    assert not disturbed([10.0, 11.0, 12.5], noise, size=1.0), "ten times as large, ten times the noise"
    assert disturbed([10.0, 11.0, 20.0], noise, size=1.0)
    assert not disturbed([0.1, 0.2, 0.35], noise, size=1.0), "smaller values are not held to less noise"
    assert not disturbed([5.0], noise)
    assert not disturbed([5.0, 9.0, 1.0], Noise()), "nothing is known"
    assert disturbed([5.0, 5.0, 5.1], Noise(sd=0.0, df=2))
    assert not disturbed([0.3, 0.1 + 0.2, 0.3], Noise(sd=0.0, df=2))


@pytest.mark.slow
def test_undisturbed_runs_are_seldom_called_disturbed():
    rng = random.Random(5)
    trials = 4000
    found = 0
    for _ in range(trials):
        baseline = experiment(*(rng.gauss(50.0, 1.0) for _ in range(9)), number=0)
        found += disturbed([rng.gauss(50.0, 1.0) for _ in range(3)], estimate_noise([baseline]), size=50.0)
    assert 0.004 < found / trials < 0.018


EXTREME = st.floats(-LARGEST, LARGEST) | st.sampled_from([LARGEST, -LARGEST, 5e-324, 0.0, 1e-200, 2.4e-19, 1e-160])


@settings(deadline=None)
@given(*[st.lists(EXTREME, min_size=1, max_size=4)] * 3)
def test_no_values_are_too_large_or_too_small_to_be_judged_and_told(a, b, c):
    baseline, kept = experiment(*a, number=0), experiment(*b)
    baseline, kept = replace(baseline, verdict=Verdict.BASELINE), replace(kept, verdict=Verdict.KEEP)
    candidate = experiment(*c, number=2)
    noise = estimate_noise([baseline, kept, candidate])
    assert math.isfinite(noise.sd)
    candidate = replace(candidate, parent=1)
    assert Judge(DOWN, Rule()).decide(candidate, [baseline, kept], noise).reason
    assert drifted(a, b, noise) in (True, False)
    assert disturbed(c, noise, a[0]) in (True, False)
    final = headline(kept, b, a, DOWN)
    assert final.reach is None or math.isfinite(final.reach)
    assert "better" in gain_text(final) or "worse" in gain_text(final)


def test_tiny_values_vary_as_much_as_large_ones():
    tiny, large = (
        estimate_noise([experiment(*(scale * v for v in (1.0, 1.1, 0.9)), number=0)]) for scale in (1e-250, 1.0)
    )
    assert tiny.sd == pytest.approx(1e-250 * large.sd)


@pytest.mark.parametrize(
    ("value", "digits"), [(1.41, 3), (0.0141, 3), (300.0, 1), (0.0, 1), (-2.5e-300, 2), (1 / 3, 16), (1e22, 1)]
)
def test_significant_digits(value, digits):
    assert significant_digits(value) == digits


def test_repeats_that_agree_are_surer_the_more_there_are_and_the_more_digits_they_have():
    coarse, fine = ([certain(df, digits) for df in range(1, 40)] for digits in (3, 11))
    assert coarse == sorted(coarse)
    assert fine == sorted(fine)
    assert all(a < b for a, b in zip(coarse[:10], fine, strict=False))
    assert coarse[1] == pytest.approx(0.73, abs=0.005)
    assert fine[1] == pytest.approx(0.91, abs=0.005)
    assert coarse[9] == pytest.approx(0.945, abs=0.005)
    assert certain(10_000, 300) < 1.0


def test_three_equal_values_are_not_taken_for_no_noise():
    noise = estimate_noise([experiment(1.41, 1.41, 1.41, number=0)])
    assert noise.deterministic
    assert noise.certainty < 0.8
    sure = estimate_noise([experiment(*[math.sqrt(2)] * 3, number=0)])
    assert noise.certainty < sure.certainty
    # a metric of two values, one in six: it is known as soon as the other one comes
    assert estimate_noise([experiment(1.41, 1.41, 1.05, number=0)]).certainty == 0.0
    assert Noise().certainty == 0.0
