import statistics

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autoresearch_magic.experiment import Experiment, Measurement, Outcome, Proposal, Verdict
from autoresearch_magic.judge import Z, headline, judge, margin, spread
from autoresearch_magic.metric import Metric

DOWN, UP = Metric("m", "m", True), Metric("m", "m", False)
finite = st.floats(-1e6, 1e6)


def experiment(*values, outcome=Outcome.OK, number=1):
    runs = tuple(Measurement(outcome, v, seed=i) for i, v in enumerate(values))
    return Experiment(number, 0, Proposal("x", "s"), measurements=runs)


def test_the_margin_is_the_standard_error_of_a_difference():
    assert margin(0.1, 1, 1) == pytest.approx(Z * 0.1 * 2**0.5)
    assert margin(0.1, 2, 4) == pytest.approx(Z * 0.1 * (1 / 2 + 1 / 4) ** 0.5)
    assert spread([1.0, 2.0, 3.0]) == pytest.approx(1.0)
    assert spread([1.0]) == 0.0


def test_without_noise_every_strict_gain_counts_and_equals_do_not():
    best = experiment(1.0, number=0)
    assert judge(experiment(0.999999), best, DOWN, noise=0).verdict is Verdict.KEEP
    assert judge(experiment(1.0), best, DOWN, noise=0).verdict is Verdict.DISCARD


def test_a_gain_within_the_noise_is_no_gain_and_says_so():
    decision = judge(experiment(0.9), experiment(1.0, number=0), DOWN, noise=0.1)
    assert decision.verdict is Verdict.DISCARD
    assert "noise" in decision.reason


def test_a_gain_below_min_delta_is_too_small():
    decision = judge(experiment(0.9), experiment(1.0, number=0), DOWN, noise=0.0, min_delta=0.2)
    assert decision.verdict is Verdict.DISCARD
    assert "Too small" in decision.reason


@pytest.mark.parametrize(
    ("outcome", "verdict"),
    [
        (Outcome.CRASH, Verdict.CRASH),
        (Outcome.OUT_OF_MEMORY, Verdict.CRASH),
        (Outcome.TIMEOUT, Verdict.TIMEOUT),
        (Outcome.NOT_FINITE, Verdict.METRIC_ERROR),
        (Outcome.MISSING_METRIC, Verdict.METRIC_ERROR),
        (Outcome.PRUNED, Verdict.PRUNED),
    ],
)
def test_a_failure_loses_to_everything(outcome, verdict):
    for value in (-1e9, None, float("nan")):
        assert judge(experiment(value, outcome=outcome), experiment(1e9, number=0), DOWN, noise=0).verdict is verdict


@given(finite, finite, st.floats(0, 10))
def test_the_direction_is_symmetric(a, b, noise):
    down = judge(experiment(a), experiment(b, number=0), DOWN, noise=noise).verdict
    up = judge(experiment(-a), experiment(-b, number=0), UP, noise=noise).verdict
    assert down is up


@given(st.lists(finite, min_size=2, max_size=6), st.randoms())
def test_the_order_of_repeats_does_not_matter(values, random):
    shuffled = random.sample(values, len(values))
    best = experiment(0.0, number=0)
    # Means of the same values in another order may differ in the last bit; integers do not.
    ints, mixed = [round(v) for v in values], [round(v) for v in shuffled]
    assert judge(experiment(*ints), best, DOWN, noise=1.0) == judge(experiment(*mixed), best, DOWN, noise=1.0)


def test_the_headline():
    best = experiment(1.0, number=4)
    head = headline(best, [1.0, 2.0, 3.0], [5.0, 5.0, 8.0], DOWN)
    assert (head.best, head.baseline, head.gain, head.number, head.repeats) == (2.0, 6.0, 4.0, 4, 3)
    assert head.baseline_sd == pytest.approx(statistics.stdev([5, 5, 8]))
    assert headline(best, [1.0], [5.0], UP).gain == -4.0
    assert headline(best, [], [5.0], UP) is None
