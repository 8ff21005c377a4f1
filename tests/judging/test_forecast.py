"""What a forecast says, as the tuner writes it and as language models do."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autoresearch_magic.judging.forecast import format_forecast, parse_forecast
from autoresearch_magic.metric import Metric

LOSS = Metric("val_loss", "val_loss")
SCORE = Metric("f1", "f1", minimize=False)


@pytest.mark.parametrize(
    ("text", "mean", "sd"),
    [
        ("-0.031 (sd 0.05)", -0.031, 0.05),
        ("-0.02", -0.02, None),
        ("−0.02", -0.02, None),
        ("- 0.02", -0.02, None),
        ("+.5", 0.5, None),
        ("-1e-3", -1e-3, None),
        ("about 0.01 lower", -0.01, None),
        ("roughly 0.01 higher.", 0.01, None),
        ("−0.02 ± 0.01", -0.02, 0.01),
        ("-0.02 +/- 0.01", -0.02, 0.01),
        ("-0.02, sd 0.01", -0.02, 0.01),
        ("-0.02 (standard error 0.01)", -0.02, 0.01),
        ("val_loss: -0.02", -0.02, None),
        ("-0.02 in val_loss (lower is better)", -0.02, None),
        ("loss drops by 0.02", -0.02, None),
        ("-0.01 to -0.03", -0.02, 0.01),
        ("between -0.01 and -0.03", -0.02, 0.01),
        ("-0.01–0.03", -0.02, 0.01),
        ("0.01 to 0.03 lower", -0.02, 0.01),
        ("from 1.42 to 1.40", -0.02, None),
        ("1.42 → 1.40", -0.02, None),
        ("no change", 0.0, None),
        ("0", 0.0, None),
        ("top5 error -0.02", -0.02, None),
    ],
)
def test_a_clear_change_is_read(text: str, mean: float, sd: float | None) -> None:
    found = parse_forecast(text)
    assert found is not None
    assert found[0] == pytest.approx(mean)
    assert found[1] == (None if sd is None else pytest.approx(sd))


@pytest.mark.parametrize(
    "text",
    [
        "", "   ", "better", "2-3% better", "-2%", "0.01", "0.01 better", "about 1.4", "twice as fast", "-0.02 after 300 steps",
        "-20 ms", "2x faster", "-1,5", "lower", "-0.02 or maybe -0.03 or -0.04", "0.01 lower or higher", "x" * 500, "-1e999",
        "-0.5 points", "NaN",
    ],
)  # fmt: skip
def test_what_is_not_clear_is_no_forecast(text: str) -> None:
    assert parse_forecast(text) is None


def test_the_metric_says_what_better_means() -> None:
    assert parse_forecast("0.01 better", LOSS) == (-0.01, None)
    assert parse_forecast("improves by 0.01", SCORE) == (0.01, None)
    assert parse_forecast("f1 gets 0.01 worse", SCORE) == (-0.01, None)


def test_a_unit_counts_where_it_is_the_metrics() -> None:
    assert parse_forecast("-20 ms", Metric("latency_ms", "latency_ms")) == (-20.0, None)
    assert parse_forecast("-20 ms", Metric("latency_s", "latency_s")) is None


def test_a_forecast_is_written_with_the_digits_that_mean_something() -> None:
    assert format_forecast(-0.0312345, 0.0512) == "-0.0312 (sd 0.051)"
    assert format_forecast(2.5) == "+2.5"
    assert format_forecast(0.0, 0.1) == "+0 (sd 0.1)"
    assert format_forecast(math.nan, 0.1) == format_forecast(math.inf) == ""


@given(
    st.floats(-1e30, 1e30, allow_nan=False).filter(lambda x: x == 0 or abs(x) > 1e-30),
    st.none() | st.floats(1e-30, 1e30),
)
def test_what_is_written_is_read_back(mean: float, sd: float | None) -> None:
    found = parse_forecast(format_forecast(mean, sd))
    assert found is not None
    assert found[0] == pytest.approx(mean, rel=0.06, abs=0 if sd is None else sd)
    assert found[1] == (None if sd is None else pytest.approx(sd, rel=0.06))


@given(st.text(max_size=80))
def test_any_text_is_read_without_an_error(text: str) -> None:
    found = parse_forecast(text, LOSS)
    assert found is None or math.isfinite(found[0])
