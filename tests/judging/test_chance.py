import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from autoresearch_magic.judging.chance import contrast, p_better, pooled
from autoresearch_magic.judging.noise import Noise
from autoresearch_magic.metric import Metric
from autoresearch_magic.runs import LARGEST, STATISTICS

DOWN, UP = Metric("loss", "loss"), Metric("acc", "acc", minimize=False)


def test_the_chance_is_that_of_student_t():
    assert p_better(0.3, 0.1, 5) == pytest.approx(stats.t.cdf(3, 5))
    assert p_better(-0.3, 0.1, 5) == pytest.approx(1 - p_better(0.3, 0.1, 5))
    assert p_better(0.0, 0.1, 5) == 0.5


@pytest.mark.parametrize(("gain", "chance"), [(1e-9, 1.0), (0.0, 0.5), (-1e-9, 0.0)])
def test_without_noise_any_difference_is_certain(gain, chance):
    assert p_better(gain, 0.0, 3) == chance


def test_means_are_compared_as_by_welch():
    ours, theirs = [1.0, 1.2, 0.9], [1.5, 1.9, 1.4, 1.6]
    found = contrast(ours, theirs, DOWN)
    test = stats.ttest_ind(theirs, ours, equal_var=False)
    assert found.gain == pytest.approx(1.6 - 3.1 / 3)
    assert found.df == pytest.approx(test.df)
    assert found.p_better == pytest.approx(1 - test.pvalue / 2)
    interval = test.confidence_interval(0.95)
    assert found.reach(0.95) == pytest.approx((interval.high - interval.low) / 2)
    assert contrast(ours, theirs, UP).gain == -found.gain


def test_a_known_noise_is_that_of_both():
    found = contrast([1.0], [1.5, 1.7], DOWN, noise=Noise(0.2, 12))
    assert (found.gain, found.df) == (pytest.approx(0.6), 12)
    assert found.error == pytest.approx(0.2 * math.sqrt(1.5))
    proportional = contrast([1.0], [2.0], DOWN, noise=Noise(0.2, 12, power=1.0, size=1.0))
    assert proportional.error == pytest.approx(math.hypot(0.2, 0.4))


def test_one_run_of_each_says_nothing_without_a_noise():
    found = contrast([1.0], [2.0, 2.1], DOWN)
    assert (found.p_better, found.reach(0.95)) == (None, None)
    assert contrast([1.0, 1.0], [2.0, 2.0], DOWN).p_better == 1.0
    assert contrast([1.0, 1.0], [2.0, 2.0], DOWN).reach(0.95) == 0.0


def test_the_median_does_not_see_a_second_population():
    usual, with_a_rare_one = [1.41, 1.412, 1.408], [1.05, 1.411, 1.409]
    assert contrast(with_a_rare_one, usual, DOWN, "mean").gain > 0.1
    assert abs(contrast(with_a_rare_one, usual, DOWN, "median").gain) < 0.002


def test_the_best_of_many_runs_is_not_better_than_the_best_of_few():
    rng = random.Random(1)
    noise = Noise(0.5, 30)
    gains = []
    for _ in range(4000):
        many, few = ([3 + rng.expovariate(2) for _ in range(n)] for n in (8, 2))
        gains.append(contrast(many, few, DOWN, "min", noise).gain)
    assert sum(gains) / len(gains) == pytest.approx(0.0, abs=0.02)


def test_noise_is_pooled_over_versions_and_with_what_was_known():
    groups = [[1.0, 1.2], [5.0, 5.3, 4.9], [9.0]]
    alone = pooled(groups)
    squares = 0.02 + sum((v - 15.2 / 3) ** 2 for v in groups[1])
    assert (alone.df, alone.sd) == (3, pytest.approx(math.sqrt(squares / 3)))
    both = pooled(groups, Noise(0.3, 5))
    assert (both.df, both.sd) == (8, pytest.approx(math.sqrt((5 * 0.09 + squares) / 8)))
    assert not pooled([[1.0], [2.0]]).known
    assert pooled([[2.0, 2.2], [20.0, 22.0]], Noise(0.1, 10, power=1.0, size=1.0)).sd < 0.11


def test_tiny_values_are_compared_as_large_ones():
    tiny, large = (contrast([s * 1.0, s * 2.0], [s * 3.0, s * 5.0], DOWN) for s in (1e-250, 1.0))
    assert tiny.reach(0.95) == pytest.approx(1e-250 * large.reach(0.95))
    assert tiny.p_better == pytest.approx(large.p_better)


VALUES = st.lists(st.floats(-LARGEST, LARGEST) | st.sampled_from([1e-250, 2e-250, 0.0]), min_size=1, max_size=5)


@given(VALUES, VALUES, st.sampled_from(STATISTICS))
def test_values_of_any_size_are_compared(ours, theirs, statistic):
    for noise in (None, pooled([ours, theirs])):
        found = contrast(ours, theirs, DOWN, statistic, noise)
        assert found.p_better is None or 0 <= found.p_better <= 1
        assert (found.p_better is None) == (found.reach(0.95) is None)
