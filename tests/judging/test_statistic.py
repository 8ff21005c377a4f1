import math

import numpy as np
import pytest
from scipy import integrate, stats

from autoresearch_magic.judging.statistic import observation
from autoresearch_magic.runs import STATISTICS


@pytest.mark.parametrize("statistic", STATISTICS)
def test_without_noise_the_level_is_the_value(statistic):
    assert observation([2.5, 2.5], statistic, 0.0) == (2.5, 0.0)


@pytest.mark.parametrize("statistic", ["mean", "median"])
@pytest.mark.parametrize("runs", [1, 2])
def test_one_and_two_runs_have_the_mean_as_their_median(statistic, runs):
    values = [1.0, 4.0][:runs]
    level, variance = observation(values, statistic, 0.3)
    assert level == sum(values) / runs
    assert variance == pytest.approx(0.09 / runs)


@pytest.mark.parametrize("runs", [3, 4, 5, 6, 9, 10, 15])
def test_the_variance_of_a_median_is_that_of_a_normal_sample(runs):
    exact = variance_of_a_median(runs)
    assert observation([0.0] * runs, "median", 1.0)[1] == pytest.approx(exact, rel=0.03)


def variance_of_a_median(runs):
    """By integration of the order statistics' densities."""
    rng = np.random.default_rng(0)
    if runs % 2:
        k = runs // 2
        factor = math.factorial(runs) / math.factorial(k) ** 2

        def second_moment(x):
            return x * x * factor * (stats.norm.cdf(x) * stats.norm.sf(x)) ** k * stats.norm.pdf(x)

        return integrate.quad(second_moment, -8, 8)[0]
    return float(np.median(rng.standard_normal((200_000, runs)), axis=1).var())


@pytest.mark.parametrize("runs", [1, 3, 8])
def test_the_least_of_runs_above_a_floor_is_unbiased_and_as_certain_as_it_says(runs):
    rng = np.random.default_rng(runs)
    found = [observation(list(7.0 + 0.5 * rng.exponential(size=runs)), "min", 0.5) for _ in range(20_000)]
    levels = np.array([level for level, _ in found])
    assert levels.mean() == pytest.approx(7.0, abs=0.02)
    assert found[0][1] == pytest.approx(levels.var(), rel=0.06)


def test_the_largest_mirrors_the_least():
    low, variance = observation([1.0, 2.0, 4.0], "min", 0.6)
    high, same = observation([-1.0, -2.0, -4.0], "max", 0.6)
    assert (high, same) == (-low, variance)
    assert low == pytest.approx(0.8)
