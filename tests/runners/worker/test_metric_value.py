from types import SimpleNamespace

import pytest

from autoresearch_magic.experiment import Outcome
from autoresearch_magic.runners.worker.metric_value import evaluate

RESULTS = {"combined_score": 0.5, "correct": False, "public": {"n": 3}, "private": {"k": 4}}


def value(expression, name="m", valid="", **namespace):
    return evaluate({"name": name, "expression": expression, "valid": valid}, namespace)


def test_a_number_is_the_metric():
    assert value("x", x=2) == {"value": 2.0}


@pytest.mark.parametrize(
    "results",
    [
        RESULTS,
        SimpleNamespace(metrics=RESULTS),
        '{"combined_score": 0.5, "correct": false, "public": {"n": 3}, "private": {"k": 4}}',
    ],
)
def test_of_several_results_the_one_with_the_metrics_name_counts(results):
    found = value("r", "combined_score", r=results)
    assert found == {"value": 0.5, "numbers": {"correct": 0.0, "public.n": 3.0, "private.k": 4.0}}
    assert value("r", "Combined-Score", r=results)["value"] == 0.5
    assert value("r", "n", r=results)["value"] == 3.0


def test_the_only_result_counts_whatever_its_name():
    assert value("r", "m", r={"score": 2}) == {"value": 2.0, "numbers": {}}


@pytest.mark.parametrize(
    ("results", "words"),
    [
        (RESULTS, "none is named 'm': there are combined_score, correct, public.n"),
        ({}, "no numbers"),
        ({"a": {"m": 1}, "b": {"m": 2}}, "several values named 'm': a.m, b.m"),
    ],
)
def test_what_could_mean_several_results_is_asked(results, words):
    with pytest.raises(ValueError, match=words):
        value("r", "m", r=results)


@pytest.mark.parametrize(
    ("valid", "problem"),
    [
        ("correct", "correct is False"),
        ("not correct", ""),
        ("json:correct", "json:correct is false"),
        ("combined_score > 0.4 and acc > 0.9", "combined_score > 0.4 and acc > 0.9 is False"),
        ("acc > 0.5", ""),
        ("gone > 1", "gone > 1 cannot be evaluated: gone is not defined"),
        ("gone", None),  # it may be printed
        ("re:ok", None),
        ("json:gone", None),
        ("acc / 0", "acc / 0 cannot be evaluated: ZeroDivisionError"),
        ("flag", "flag is no"),
    ],
)
def test_a_condition_is_evaluated_with_the_results_names(valid, problem):
    found = value("r", "combined_score", valid, r=RESULTS, acc=0.75, flag="no")["invalid"]
    assert found is None if problem is None else (problem in found if problem else found == "")


def test_without_an_expression_the_output_has_the_metric():
    assert value("", x=1) == {"outcome": Outcome.MISSING_METRIC, "value": None}
