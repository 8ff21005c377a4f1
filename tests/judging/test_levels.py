"""A metric that takes two values."""

import random
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autoresearch_magic.experiment import Experiment, Measurement, Outcome, Proposal
from autoresearch_magic.judging.levels import two_levels
from autoresearch_magic.metric import Metric

METRIC = Metric("loss", "loss")


def study(*groups):
    return [
        Experiment(n, None if n == 0 else 0, Proposal("x", "s"),
                   measurements=tuple(Measurement(Outcome.OK, v, seed=i) for i, v in enumerate(values)))
        for n, values in enumerate(groups)
    ]  # fmt: skip


def test_the_same_code_gives_two_values():
    found = two_levels(study([1.41, 1.4101, 1.05], [1.0502, 1.41, 1.4099]))
    assert found is not None
    assert (found.low, found.high) == (pytest.approx(1.0501), pytest.approx(1.41))
    assert (found.runs_low, found.runs_high) == (2, 4)
    assert found.text(METRIC).startswith(
        "The metric takes two values, about 1.05 and 1.41: the same code gives either (1.05 in 2 of 6 runs)."
    )


def test_the_median_is_offered_where_one_value_is_rare():
    levels = two_levels(study([1.41, 1.4101, 1.05, 1.41], [1.0502, 1.41, 1.4099, 1.41]))
    assert levels.text(METRIC).endswith("with --statistic median: that of three runs is 1.41 in 84% of cases.")
    assert "median" not in two_levels(study([1.41, 1.05, 1.41], [1.05, 1.05, 1.41])).text(METRIC), "as often either"
    chosen = [replace(e, statistic="median") for e in study([1.41, 1.4101, 1.05, 1.41], [1.0502, 1.41, 1.4099, 1.41])]
    assert "--statistic" not in two_levels(chosen).text(METRIC)
    assert "A median of few runs says little" in two_levels(chosen).text(METRIC)


def test_one_version_that_returns_to_a_former_value_is_enough_and_two_different_values_need_no_noise():
    assert two_levels(study([7, 7, 9, 7, 9, 7])) is not None
    assert two_levels(study([5.0, 5.1, 4.9], [1.41, 1.05, 1.41, 1.05, 1.41, 1.41])) is not None


@pytest.mark.parametrize(
    "groups",
    [
        [],
        [[1.41], [1.05]],
        [[1.41, 1.41, 1.41], [1.05, 1.05, 1.05, 1.05]],  # a version that is better
        [[1.41, 1.41, 1.41, 1.05, 1.05, 1.05]],  # a machine that has changed once
        [[1.41, 1.41, 1.41, 1.05, 1.41, 1.41]],  # one odd value
        [[1.4, 1.4, 1.4, 1.4], [1.4, 1.4, 1.4]],  # a constant
        [[0.1 + 0.2, 0.3, 0.1 + 0.2, 0.3, 0.3, 0.1 + 0.2]],  # equal but for the last bits
    ],
)
def test_what_is_no_metric_of_two_values(groups):
    assert two_levels(study(*groups)) is None


@given(st.integers(0, 10**6), st.integers(7, 12))
def test_ordinary_noise_has_no_two_levels(seed, runs):
    r = random.Random(seed)
    found = sum(two_levels(study([r.gauss(1.0, 0.1) for _ in range(runs)])) is not None for _ in range(20))
    assert found <= 1


@given(st.floats(-1e6, 1e6), st.integers(2, 12), st.integers(1, 4))
def test_a_constant_has_one_level(value, runs, versions):
    assert two_levels(study(*[[value] * runs] * versions)) is None
