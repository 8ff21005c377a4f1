"""Smoothed learning curves at fixed shares of the budget."""

import math
import random

import pytest

from autoresearch_magic.experiment import Measurement, Outcome
from autoresearch_magic.judging.learning_curves import (
    LOOKS,
    Smoother,
    curve_noise,
    followed,
    mean,
    scale,
    smooth,
    trend,
)
from autoresearch_magic.runs import Point


def points(value, count=200, name="loss", end=1.0):
    """Return a curve of `count` points, its value a function of progress."""
    shares = [end * (n + 1) / count for n in range(count)]
    return tuple(Point(10 * p, p, n, {name: value(p)}) for n, p in enumerate(shares))


def test_a_curve_consists_of_moving_averages_at_the_looks():
    curve = smooth(points(lambda p: 3 - p), "loss")
    assert list(curve) == list(range(len(LOOKS)))
    for look, value in curve.items():
        p = LOOKS[look]
        assert value == pytest.approx(3 - (p - max(0.04, p / 4) / 2), abs=0.01)  # the middle of the window


def test_noise_of_single_steps_is_smoothed_away():
    chance = random.Random(1)
    curve = smooth(points(lambda p: 3 - p + chance.gauss(0, 0.2), 2_000), "loss")
    plain = smooth(points(lambda p: 3 - p, 2_000), "loss")
    assert max(abs(curve[look] - plain[look]) for look in curve) < 0.08


def test_a_running_and_a_finished_curve_have_the_same_values():
    drawn, seen, run = Smoother("loss"), {}, points(lambda p: math.sin(9 * p), 333)
    for n, point in enumerate(run):
        for look, value, _ in drawn.add(point):
            assert point.progress >= LOOKS[look] > (run[n - 1].progress if n else 0)
            seen[look] = value
    assert seen == smooth(run, "loss")


def test_where_reports_are_rare_a_look_may_see_nothing_new_or_nothing_at_all():
    drawn = Smoother("loss")
    looks = [look for point in points(lambda p: 1 - p, 4) for look in drawn.add(point)]
    assert [LOOKS[look] for look, _, new in looks if new] == [0.25, 0.5, 0.75]
    assert 0.225 not in [LOOKS[look] for look, _, _ in looks]
    assert {value for _, value, _ in looks} == {0.75, 0.5, 0.25}


def test_points_without_the_value_are_ignored():
    run = [*points(lambda p: 1.0), *points(lambda p: 9.0, name="val_loss")]
    assert set(smooth(sorted(run, key=lambda p: p.progress), "loss").values()) == {1.0}
    assert smooth(run, "accuracy") == {}


def test_a_value_that_is_not_finite():
    drawn = Smoother("loss")
    values = [v for point in points(lambda p: math.inf if p > 0.5 else 1.0) for _, v, _ in drawn.add(point)]
    assert values[0] == 1.0
    assert math.isnan(values[-1])
    assert smooth(points(lambda p: math.nan), "loss") == {}


def test_a_curve_whose_progress_falls_back_is_unusable():
    epochs = [*points(lambda p: 1.0), *points(lambda p: 0.5)]
    assert smooth(epochs, "loss") == {}
    steady = points(lambda p: 1 - p)
    assert smooth([*steady[:100], steady[98], *steady[100:]], "loss").keys() == smooth(steady, "loss").keys()


def test_the_value_that_is_reported_first_is_followed():
    run = [Point(0, 0, 0, {"val_loss": 3.0}), *[Point(0, 0, n, {"loss": 2.0, "lr": 0.1}) for n in range(3)]]
    assert followed(run) == "loss"
    assert followed([]) == ""


@pytest.mark.parametrize(
    ("value", "way"),
    [
        (lambda p: 3 - p, 1), (lambda p: p**0.1, -1), (lambda p: 1.0, 0), (lambda p: math.sin(30 * p), 0),
        (lambda p: math.exp(-9 * p), 1), (lambda p: 1e9 if p < 0.15 else 2 + p, -1),
    ],
)  # fmt: skip
def test_the_better_direction_is_the_trend_of_the_curve(value, way):
    assert trend(smooth(points(value), "loss")) == way


def test_an_empty_curve_has_no_direction():
    assert trend({}) == 0


def test_the_distance_of_two_curves_is_relative_to_the_remaining_budget():
    one, twice, thrice = ({look: a * (1 - LOOKS[look]) for look in range(30)} for a in (1, 2, 3))
    assert scale(thrice, one) == pytest.approx(2)
    assert scale(one, twice) == pytest.approx(1)
    assert scale(one, one) == 0
    assert scale(one, {}) is None
    assert scale({3: 1.0, 5: 1.0}, {3: 1.5, 9: 7.0}) == pytest.approx(0.5 / (1 - LOOKS[3]))


def test_the_mean_of_curves_has_the_looks_of_all():
    assert mean([{0: 1.0, 1: 2.0}, {1: 4.0, 2: 9.0}]) == {1: 3.0}
    assert mean([]) == {}


def test_the_noise_of_curves_is_the_deviation_of_repeats():
    runs = [Measurement(Outcome.OK, 1.0, 0, curve=points(lambda p, d=d: 3 - p + d)) for d in (-0.1, 0.0, 0.1)]
    assert curve_noise(runs) == pytest.approx(0.1)
    assert curve_noise(runs[:1]) == 0.0
    assert curve_noise([Measurement(Outcome.OK, 1.0, 0)] * 3) == 0.0
