import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autoresearch_magic.runs import STATISTICS, Conditions, GrowingCurve, Point, mean, standard_deviation, summary


def point(step):
    return Point(float(step), step / 100, step, {"loss": 1.0})


def test_a_growing_curve_holds_every_so_many_th_point_from_the_first_on():
    curve = GrowingCurve(8)
    for step in range(100):
        curve.add(point(step))
        steps = [p.step for p in curve.points]
        assert steps == list(range(0, step + 1, curve.every)), "evenly spaced, whenever it is looked at"
        assert len(steps) < 8
    assert curve.every == 16


def test_a_reader_of_the_points_is_not_disturbed():
    curve = GrowingCurve(4)
    for step in range(3):
        curve.add(point(step))
    held = curve.points
    curve.add(point(3))
    assert [p.step for p in held[:3]] == [0, 1, 2]
    assert [p.step for p in curve.points] == [0, 2]


def test_conditions_come_back_from_json():
    conditions = Conditions(1.8, 2, 0.1)
    assert Conditions.from_json(conditions.to_json()) == conditions
    # of a newer version
    assert Conditions.from_json({**conditions.to_json(), "temperature": 80}) == conditions


@pytest.mark.parametrize(
    "written",
    [None, {}, [], {"others": 1.0, "cores": 0}, {"others": math.nan, "cores": 2}, {"others": "1", "cores": 2}],
)
def test_what_is_no_conditions_is_none(written):
    assert Conditions.from_json(written) is None


def test_the_share_that_is_taken_and_its_words():
    assert Conditions(1.0, 4, 1.0).taken == 0.5
    assert Conditions(5.0, 2, 1.0).taken == 1.0
    assert str(Conditions(1.75, 2)) == "other programs kept 1.8 of 2 cores busy"
    assert str(Conditions(0.0, 2, 0.3)) == "other programs kept 0.0 of 2 cores busy, and the hypervisor took 0.3"


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
