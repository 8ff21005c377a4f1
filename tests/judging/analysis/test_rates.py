"""Keep rates, slopes and plateaus."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autoresearch_magic.experiment import Experiment, Measurement, Outcome, Proposal, Verdict
from autoresearch_magic.judging.analysis.rates import (
    PATIENCE,
    SURPRISE,
    none_kept,
    plateau,
    theil_sen,
    usual_patience,
    wilson,
)


def history(marks: str) -> list[Experiment]:
    """Return a history: K kept, D discarded, C crashed, and U, R, O: duplicate, refused, open, which were not run."""
    verdicts = {
        "K": Verdict.KEEP, "D": Verdict.DISCARD, "C": Verdict.CRASH, "U": Verdict.DUPLICATE, "R": Verdict.REJECTED,
        "O": None,
    }  # fmt: skip
    made = [Experiment(0, None, Proposal("x", "b"), verdict=Verdict.BASELINE, measurements=(run(1.0),) * 3)]
    for number, mark in enumerate(marks, 1):
        runs = (run(1.0),) if mark in "KDC" else ()
        made.append(Experiment(number, 0, Proposal("x", "s"), verdict=verdicts[mark], measurements=runs))
    return made


def run(value: float) -> Measurement:
    return Measurement(Outcome.OK, value, 0)


@pytest.mark.parametrize(
    ("hits", "of", "low", "high"),
    # Brown, Cai & DasGupta 2001, formula (4), worked out by hand
    [(0, 10, 0.0, 0.2775), (10, 10, 0.7225, 1.0), (1, 10, 0.0179, 0.4042), (15, 50, 0.1910, 0.4375)],
)
def test_wilson(hits: int, of: int, low: float, high: float) -> None:
    rate = wilson(hits, of)
    assert (rate.low, rate.high) == pytest.approx((low, high), abs=5e-4)
    assert rate.share == hits / of


def test_with_nothing_to_count_the_interval_is_0_to_1() -> None:
    rate = wilson(0, 0)
    assert (rate.share, rate.low, rate.high) == (0.0, 0.0, 1.0)


@given(st.integers(1, 300).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_wilson_is_symmetric_and_holds_the_share(case: tuple[int, int]) -> None:
    hits, of = case
    rate, other = wilson(hits, of), wilson(of - hits, of)
    assert 0 <= rate.low <= rate.share <= rate.high <= 1
    assert rate.low == pytest.approx(1 - other.high)


def test_one_jump_does_not_move_the_slope() -> None:
    assert theil_sen([0.0, 1.0, 2.0, 3.0]) == 1.0
    assert theil_sen([0.0, 1.0, 2.0, 3.0, 400.0, 5.0, 6.0]) == 1.0
    assert theil_sen([]) == theil_sen([3.0]) == 0.0


@given(st.lists(st.floats(-1e6, 1e6), max_size=12))
def test_a_mirrored_slope_is_the_negative(values: list[float]) -> None:
    assert theil_sen([-v for v in values]) == pytest.approx(-theil_sen(values))


@given(st.integers(0, 60), st.integers(0, 40), st.integers(0, 40))
def test_the_probability_is_that_of_the_beta_binomial(more: int, kept: int, missed: int) -> None:
    a, b = kept + 1, missed + 1
    log_beta = math.lgamma(b + more) - math.lgamma(a + b + more) - math.lgamma(b) + math.lgamma(a + b)
    assert none_kept(more, kept, kept + missed) == pytest.approx(math.exp(log_beta))


@given(st.integers(0, 60), st.integers(0, 300))
def test_the_usual_patience_is_the_least_that_surprises(kept: int, missed: int) -> None:
    patience = usual_patience(kept, kept + missed)
    least, most = PATIENCE
    assert least <= patience <= most
    if patience < most:
        assert none_kept(patience, kept, kept + missed) <= SURPRISE + 1e-9
    if patience > least:
        assert none_kept(patience - 1, kept, kept + missed) > SURPRISE


def test_patience_depends_on_the_keep_rate() -> None:
    assert usual_patience(0, 0) == 19, "1 / (m + 1), the rule of succession"
    assert usual_patience(10, 20) == 10
    assert usual_patience(30, 300) == pytest.approx(3 / 0.1, abs=3)
    assert usual_patience(1, 200) == 100


@pytest.mark.parametrize(
    ("marks", "since", "idle"),
    [("", 0, 0), ("DDD", 0, 3), ("K", 1, 0), ("DKDCD", 2, 3), ("KDUDRDO", 1, 3), ("KUR", 1, 0)],
)
def test_only_experiments_that_ran_count(marks: str, since: int, idle: int) -> None:
    found = plateau(history(marks))
    assert (found.since, found.idle) == (since, idle)
    assert not found.reached


def test_a_plateau_begins_once() -> None:
    marks = "KDKDDUDDRDDDDKDDDDDD"
    begins = [n for n in range(len(marks) + 1) if plateau(history(marks[:n]), patience=4).begins]
    reached = [n for n in range(len(marks) + 1) if plateau(history(marks[:n]), patience=4).reached]
    assert begins == [8, 18]
    assert reached == [8, 9, 10, 11, 12, 13, 18, 19, 20]


@given(st.text("KDCUR", max_size=150))
def test_each_plateau_begins_once_with_the_usual_patience(marks: str) -> None:
    found = [plateau(history(marks[: n + 1])) for n in range(len(marks))]
    reached = {p.since for p in found if p.reached}
    assert sorted(p.since for p in found if p.begins) == sorted(reached)


def test_no_history_at_all() -> None:
    assert plateau([]).idle == 0
    assert not plateau([], patience=1).begins
    assert plateau(history("D"), patience=1).begins
