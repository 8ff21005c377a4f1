from pathlib import Path

import pytest

from autoresearch_magic.config.effective import make_settings
from autoresearch_magic.errors import UserError
from autoresearch_magic.metric import Metric
from autoresearch_magic.runners.output.cell_metric import parse_cell_metric, printed_metric
from autoresearch_magic.runners.output.readings import NothingToRead, Unreadable


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("loss=last", ("loss", "last", None)),
        ("loss=evaluate(a)[1:2]", ("loss", "evaluate(a)[1:2]", None)),
        (r"val loss=re:val loss (\d+)", ("val loss", r"re:val loss (\d+)", None)),
        ("cov=json:totals.covered (higher is better)", ("cov", "json:totals.covered", False)),
        ("loss=min: loss (.*)", ("loss", "min: loss (.*)", None)),
        ("test accuracy (higher is better)", ("test_accuracy", "test_accuracy", False)),
        ("Top 1 Accuracy %", ("Top_1_Accuracy", "Top_1_Accuracy", None)),
        ("a if b else c", ("a_if_b_else_c", "a if b else c", None)),
    ],
)
def test_a_cells_metric_is_python_or_a_format(text, expected):
    assert parse_cell_metric(text) == expected
    assert make_settings({"metric": text}).as_metric() == Metric(expected[0], expected[1], expected[2] is not False)


@pytest.mark.parametrize("text", ["loss=re:(", "loss=json:", "loss=json:a..b", "loss=rex:a"])
def test_a_format_that_can_never_work_is_refused_before_a_run(text):
    with pytest.raises(UserError) as caught:
        make_settings({"metric": text})
    assert "\n" not in str(caught.value)


def read(output, expression, name="m"):
    printed = printed_metric(Metric(name, expression))
    assert printed is not None
    return printed.read(output, folder=Path(), since=0.0).value


def test_a_name_reads_the_line_that_names_it_and_nothing_else():
    assert read("a: 1\nval: 2\n", "val") == 2.0
    with pytest.raises(NothingToRead):
        read("12\n", "val")
    with pytest.raises(Unreadable, match="two readings"):
        read("val: 1\nval: 2\n", "val")


def test_an_expression_that_is_no_name_is_not_read_from_the_output():
    assert printed_metric(Metric("m", "evaluate(model)")) is None
    assert printed_metric(Metric("last", "last")).name == "last"
    assert [printed_metric(Metric("m", e)).always for e in ("max", "last", "json:a", "x")] == [True, False, True, False]
