"""Budgets and durations: reading, formatting, errors."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autoresearch_magic.budget import Budget, format_duration, parse_budget, parse_duration
from autoresearch_magic.errors import UserError


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("20s", 20),
        ("5m", 300),
        ("1h30m", 5400),
        ("250ms", 0.25),
        ("1.5h", 5400),
        ("90 seconds", 90),
        (" 2 min ", 120),
        (7, 7),
        (0.5, 0.5),
    ],
)
def test_durations(text, seconds):
    assert parse_duration(text) == pytest.approx(seconds)


@pytest.mark.parametrize(
    "text", ["soon", "", "20", "5x", "-5s", "0s", "5m later", "s", "nan", float("nan"), -1, 0, True]
)
def test_an_invalid_duration_is_a_one_line_error(text):
    with pytest.raises(UserError) as caught:
        parse_duration(text, "budget")
    assert "\n" not in str(caught.value)
    assert "budget" in str(caught.value)


@pytest.mark.parametrize(
    ("text", "budget"),
    [
        ("300steps", Budget(300, "steps")),
        ("1 step", Budget(1, "steps")),
        ("20s", Budget(20, "seconds")),
        (5, Budget(5, "seconds")),
    ],
)
def test_budgets(text, budget):
    assert parse_budget(text) == budget
    assert parse_budget(budget) == budget


@pytest.mark.parametrize("text", ["0steps", "many", "steps", "20"])
def test_the_error_for_an_invalid_budget_names_durations_and_steps(text):
    with pytest.raises(UserError, match="step"):
        parse_budget(text)


@given(st.integers(1, 10**6))
def test_formatted_durations_parse_to_the_same_value(seconds):
    assert parse_duration(format_duration(seconds)) == seconds
