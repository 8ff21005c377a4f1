import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autoresearch_magic.values import STATISTICS, mean, standard_deviation, summary

FINITE = st.floats(allow_nan=False, allow_infinity=False)


@given(st.lists(FINITE, min_size=1, max_size=6))
def test_mean_and_deviation_of_any_values(values):
    assert min(values) <= mean(values) <= max(values)
    assert standard_deviation(values) >= 0


@given(FINITE, st.integers(1, 20))
def test_equal_values_are_their_own_mean_and_do_not_vary(value, count):
    assert (mean([value] * count), standard_deviation([value] * count)) == (value, 0.0)


def test_sums_beyond_the_range_of_a_float():
    assert mean([1.7e308, 1.6e308]) == pytest.approx(1.65e308)
    assert mean([-1e308, -1e308, 1e308]) == pytest.approx(-1e308 / 3)
    assert standard_deviation([-1.7e308, 1.7e308]) == math.inf
    assert standard_deviation([1.0, 2.0, 3.0]) == 1.0


@given(st.lists(FINITE, min_size=1, max_size=7))
def test_every_statistic_lies_within_the_values(values):
    for statistic in STATISTICS:
        assert min(values) <= summary(values, statistic) <= max(values)


def test_statistics():
    values = [3.0, 1.0, 2.0, 10.0]
    assert [summary(values, each) for each in STATISTICS] == [4.0, 2.5, 1.0, 10.0]
    assert summary(values[:3], "median") == 2.0
    assert summary([7.0], "median") == 7.0
    with pytest.raises(ValueError, match="mode"):
        summary(values, "mode")
