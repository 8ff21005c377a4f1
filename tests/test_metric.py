import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autoresearch_magic.errors import UserError
from autoresearch_magic.metric import Metric, format_number, format_numbers, parse_metric


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("val_bpb=evaluate(model)", ("val_bpb", "evaluate(model)", None)),
        ("loss", ("loss", "loss", None)),
        ("evaluate(model, n=3)", ("evaluate", "evaluate(model, n=3)", None)),
        ("accuracy = score(m) (higher is better)", ("accuracy", "score(m)", False)),
        ("val_loss (lower is better)", ("val_loss", "val_loss", True)),
        ("p95 (ms; lower is better)", ("p95", "p95", True)),
        ("ok = a == b", ("ok", "a == b", None)),
        ("model.loss.item()", ("model_loss_item", "model.loss.item()", None)),
    ],
)
def test_metrics_are_parsed(text, expected):
    assert parse_metric(text) == expected


@pytest.mark.parametrize("text", ["", "  ", "x=evaluate(", "a b c", "x="])
def test_invalid_metrics_are_refused_in_one_line(text):
    with pytest.raises(UserError) as caught:
        parse_metric(text)
    assert "\n" not in str(caught.value)
    assert "--metric" in str(caught.value)


@pytest.mark.parametrize("minimize", [True, False])
def test_gain_is_positive_for_better_in_either_direction(minimize):
    metric = Metric("m", "m", minimize)
    better, worse = (1.0, 2.0) if minimize else (2.0, 1.0)
    assert metric.gain(better, over=worse) == 1.0
    assert metric.gain(worse, over=better) == -1.0
    assert metric.gain(worse, over=worse) == 0.0


@pytest.mark.parametrize(
    ("value", "noise", "text"),
    [
        (None, 0.0, "–"),
        # the noise is known: the last digit is a tenth of its first
        (0.8731234, 0.01, "0.873"),
        (0.8731234, 0.012, "0.873"),
        (0.99795, 0.0004, "0.99795"),
        (342.7, 12.0, "343"),
        (123456.7, 5000.0, "123500"),
        (9.996, 0.1, "10.0"),
        (2.4e-19, 1e-20, "2.40e-19"),
        (0.0, 0.01, "0.000"),
        (1e-3, 1e4, "0.0010"),  # a value that is not zero never looks like zero
        (85.25, 0.5, "85.25"),
        # the noise is not known, or there is none
        (2.0, 0.0, "2"),
        (1 / 3, 0.0, "0.333333"),
        (1234567.0, 0.0, "1234567"),
        (1234567.8, 0.0, "1234568"),
        (2.4e-19, 0.0, "2.4e-19"),
        (0.00012345, 0.0, "0.00012345"),
        (-1e308, 0.0, "-1e+308"),
        (85.2, 0.0, "85.2"),
        (math.inf, 1.0, "inf"),
        (math.nan, 0.0, "nan"),
        (1.5, math.inf, "1.5"),
        (1.5, math.nan, "1.5"),
    ],
)
def test_values_have_the_digits_that_the_noise_allows(value, noise, text):
    assert Metric("m", "m").format(value, noise) == text


@given(st.floats(-1e300, 1e300) | st.sampled_from([math.inf, -math.inf, math.nan]), st.floats(min_value=0))
def test_any_value_is_formatted_and_none_looks_like_zero(value, noise):
    text = format_number(value, noise)
    assert (float(text) == 0) == (value == 0)
    if math.isfinite(value) and math.isfinite(noise) and noise:
        assert abs(float(text) - value) <= max(noise, abs(value) / 10)
    elif math.isfinite(value):
        assert float(text) == pytest.approx(value, rel=1e-5, abs=0)


def test_two_values_without_noise_are_told_apart():
    metric = Metric("m", "m")
    assert metric.format_apart(0.12345678, 0.12345699) == ("0.12345678", "0.12345699")
    assert metric.format_apart(2.0, 1.0) == ("2", "1")
    assert metric.format_apart(0.8731, 0.8729, 0.01) == ("0.873", "0.873")


def test_named_numbers_in_one_line():
    assert format_numbers({"a": 1.0, "b": 0.25}, 100) == "a 1, b 0.25"
    assert format_numbers({"a": 1.0, "b": 2.0, "c": 3.0}, 8) == "a 1, b 2 and 1 more"
    assert format_numbers({}, 8) == ""
