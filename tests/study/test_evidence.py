"""Gain, interval, chance and proof in words and figures."""

import pytest

from autoresearch_magic.experiment import Experiment, Measurement, Outcome, Proposal, Verdict
from autoresearch_magic.judging.gains import Gain
from autoresearch_magic.study.evidence import (
    chance,
    details,
    figures,
    interval,
    proof,
    tried_text,
    verdict_words,
)

KNOWN = Gain(0.0312, 0.0121, 0.0503, 2, 3, 0.9712, True)
UNKNOWN = Gain(0.03123, None, None, 1, 1)
EXACT = Gain(0.5, 0.5, 0.5, 1, 2, 1.0, True)


def experiment(number, *values, verdict=Verdict.KEEP, parent=0):
    runs = tuple(Measurement(Outcome.OK, v, seed=i) for i, v in enumerate(values))
    return Experiment(number, None if number == 0 else parent, Proposal("x", "s"), verdict=verdict, measurements=runs)


@pytest.mark.parametrize(
    ("gain", "shown"),
    [
        (KNOWN, ("+0.031", "0.012 to 0.050", "97%")),
        (Gain(-0.0312, -0.0503, -0.0121, 1, 1, 0.02), ("-0.031", "-0.050 to -0.012", "2%")),
        (Gain(0.0001, -0.02, 0.0202, 1, 1, 0.5), ("0.000", "-0.020 to 0.020", "50%")),
        (Gain(1.3e-19, 1e-20, 2.5e-19, 2, 2, 0.97), ("+1.3e-19", "1.0e-20 to 2.5e-19", "97%")),
        (UNKNOWN, ("+0.0312", "–", "–")),
        (EXACT, ("+0.5", "exact", "100%")),
        (Gain(0.0, 0.0, 0.0, 1, 2, 0.5), ("0", "exact", "50%")),
        (None, ("–", "–", "–")),
    ],
)
def test_the_figures_of_a_table(gain, shown):
    assert figures(gain) == shown


def test_the_figures_have_the_decimals_of_the_values():
    wide = Gain(-0.0081, -0.134, 0.118, 1, 3, 0.44)
    assert figures(wide) == ("-0.01", "-0.13 to 0.12", "44%")
    assert figures(wide, 0.03) == ("-0.008", "-0.134 to 0.118", "44%")
    assert figures(Gain(12.0, -400.0, 424.0, 1, 3, 0.5)) == ("+12", "-400 to 424", "50%")
    assert interval(Gain(0.1, -0.0001, 0.2001, 1, 3, 0.5)) == "0.00 to 0.20", "no minus before a zero"


@pytest.mark.parametrize(
    ("p", "text"),
    [(1.0, ">99%"), (0.9951, ">99%"), (0.994, "99%"), (0.5, "50%"), (0.006, "1%"), (0.004, "<1%"), (0.0, "<1%")],
)
def test_a_chance_is_never_certain_where_there_is_noise(p, text):
    assert chance(Gain(0.1, -0.1, 0.3, 2, 2, p)) == text
    assert chance(Gain(0.1, 0.1, 0.1, 2, 2, p)) == f"{round(100 * p)}%"


@pytest.mark.parametrize(
    ("gain", "words"),
    [
        (KNOWN, "yes"),
        (UNKNOWN, "not yet: how much the number varies by chance is not known"),
        (None, "not yet: how much the number varies by chance is not known"),
        (Gain(0.1, -0.1, 0.3, 2, 2, 0.88), "not yet: the chance of being better is 88%, and 99% is needed"),
        (Gain(0.1, -0.1, 0.3, 2, 2, 0.9896), "not yet: the chance of being better is 99.0%, and 99% is needed"),
        (Gain(0.1, -0.1, 0.3, 1, 2, 0.995), "not yet: later runs have to show it too"),
    ],
)
def test_what_a_keep_lacks_to_be_proven(gain, words):
    assert proof(gain) == words


def test_the_details_of_an_experiment():
    assert details(experiment(0, 1.0, verdict=Verdict.BASELINE), None) == []
    assert details(experiment(2, 1.0, parent=1), KNOWN) == [
        ("Expected gain", "0.031 better than experiment 1"),
        ("95% interval", "0.012 better to 0.050 better"),
        ("Chance of being better", "97%"),
        ("Proven", "yes"),
    ]
    worse = Gain(-0.0312, -0.0503, 0.0121, 1, 1, 0.1)
    assert details(experiment(2, 1.0, verdict=Verdict.DISCARD), worse) == [
        ("Expected gain", "0.031 worse than the baseline"),
        ("95% interval", "0.050 worse to 0.012 better"),
        ("Chance of being better", "10%"),
    ]
    assert dict(details(experiment(1, 1.0), EXACT))["95% interval"] == "exact: every repeat gave the same value so far"
    assert (
        dict(details(experiment(1, 1.0), Gain(0.0, 0.0, 0.0, 1, 1, 0.5)))["Expected gain"] == "none over the baseline"
    )
    assert details(experiment(1, verdict=Verdict.CRASH), None) == []


def test_the_verdict_of_a_keep_says_whether_it_is_proven():
    study = [experiment(0, 1.0, 1.02, verdict=Verdict.BASELINE), experiment(1, 0.8, 0.81), experiment(2, 0.9)]
    assert [verdict_words(e, {1: KNOWN}) for e in study] == ["baseline", "keep, proven", "keep"]


def test_the_counts_of_a_study():
    assert tried_text(16, 4, 3) == "16 experiments, 4 kept, 3 proven"
    assert tried_text(1, 0, 0) == "1 experiment, 0 kept"
