import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autoresearch_magic.experiment import Experiment, Measurement, Outcome, Proposal
from autoresearch_magic.runs import Conditions

FINITE = st.floats(allow_nan=False, allow_infinity=False)


def experiment(*measurements, since=0):
    return Experiment(1, 0, Proposal("x = 1\n", "one"), measurements=measurements, since=since)


def measured(value, **more):
    return Measurement(Outcome.OK, value, seed=0, **more)


@given(st.lists(FINITE, min_size=1, max_size=6))
def test_value_and_deviation_of_any_measurements(values):
    e = experiment(*map(measured, values))
    assert e.value is None or min(e.values) <= e.value <= max(e.values)
    assert math.isfinite(e.deviation)


@pytest.mark.parametrize(("statistic", "value"), [("mean", 1.29), ("median", 1.41), ("min", 1.05), ("max", 1.41)])
def test_the_value_is_a_statistic_of_the_runs_that_count(statistic, value):
    e = replace(experiment(*map(measured, (9.0, 1.41, 1.05, 1.41)), since=1), statistic=statistic)
    assert e.value == pytest.approx(value)
    assert replace(e, measurements=()).value is None


def test_other_numbers_are_means_over_the_runs_that_count():
    e = experiment(
        measured(9.0, numbers={"a": 90.0}),
        measured(1.0, numbers={"a": 1.0, "b": 5.0}),
        measured(2.0, numbers={"a": 2.0}),
        since=1,
    )
    assert e.numbers == {"a": 1.5, "b": 5.0}
    failed = experiment(Measurement(Outcome.INVALID, 3.0, seed=0, numbers={"correct": 0.0}))
    assert failed.numbers == {"correct": 0.0}
    assert experiment().numbers == {}


def test_training_takes_what_is_charged_and_what_others_took():
    assert measured(1.0, charged=8.0).training == 8.0
    assert measured(1.0, charged=8.0, conditions=Conditions(0.5, 2)).training == 8.0
    assert measured(1.0, charged=8.0, conditions=Conditions(0.5, 2, lost=3.0)).training == 11.0
