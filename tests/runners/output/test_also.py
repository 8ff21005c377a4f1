"""Further numbers beside the metric: how they are written, and how they are read."""

import pytest

from autoresearch_magic.config.effective import make_settings
from autoresearch_magic.config.option_words import option_words
from autoresearch_magic.config.program import parse_program
from autoresearch_magic.errors import UserError
from autoresearch_magic.runners.output.also import AlsoNumbers, split_also
from autoresearch_magic.runners.worker.metric_value import also_numbers

VERIFIED = {"metric": "ms", "scope": "src/**", "verify": "make bench"}


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("worst=max(errors)", ["worst=max(errors)"]),
        ("worst=max(a, b), mean = f(x, key=3)", ["worst=max(a, b)", "mean = f(x, key=3)"]),
        ("a=x, y == 3", ["a=x, y == 3"]),  # a comparison is no name
        ("a='x, b=1', b=\"]\"", ["a='x, b=1'", 'b="]"']),
        (r"p95=re:p95=([0-9,.]+), p99 ms=json:p99,", ["p95=re:p95=([0-9,.]+)", "p99 ms=json:p99"]),
        (r"a=re:\(x, b=last", [r"a=re:\(x", "b=last"]),
        ("accuracy(model)", ["accuracy(model)"]),
        (" , ", []),
        ("", []),
    ],
)
def test_several_are_separated_by_commas(text, parts):
    assert split_also(text) == parts
    assert split_also(", ".join(parts)) == parts


@pytest.mark.parametrize(
    "value", ["worst=max(e), mean=f(e, 1)", ["worst=max(e)", "mean=f(e, 1)"], ["worst=max(e), mean=f(e, 1)"], {"worst": "max(e)", "mean": "f(e, 1)"}]
)  # fmt: skip
def test_text_lists_and_mappings_say_the_same(value):
    made = make_settings({"metric": "loss", "also": value})
    assert made.also == ("worst=max(e)", "mean=f(e, 1)")
    assert make_settings(made.to_json()) == made
    assert "--also 'worst=max(e), mean=f(e, 1)'" in option_words(made)
    assert "also worst=max(e), mean=f(e, 1)" in made.describe()


@pytest.mark.parametrize(
    ("text", "also"),
    [
        ("Metric: loss\nAlso: worst=max(e), mean=f(e)", ("worst=max(e)", "mean=f(e)")),
        ("Metric: loss\nAlso:\n- worst=max(e)\n- mean=f(e)", ("worst=max(e)", "mean=f(e)")),
        ("---\nmetric: loss\nalso: [worst=max(e), mean=f(e)]\n---\n# Lower it", ("worst=max(e)", "mean=f(e)")),
        ("---\nmetric: loss\nalso:\n  worst: max(e)\n---\n# Lower it", ("worst=max(e)",)),
        ("Metric: loss\n\nAlso: try not to break anything", ()),  # prose
    ],
)
def test_programs_have_them(text, also):
    assert make_settings(parse_program(text).settings).also == also


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"also": "loss=f(x)"}, "--also has the metric's own name, 'loss'"),
        ({"also": "Worst=a, worst=b"}, "--also are two of 'worst'"),
        ({"also": "worst=max("}, r"--also 'worst=max\(': The metric 'max\(' is not a Python expression"),
        ({"also": "worst=max(e) (lower is better)"}, "says which way is better"),
        ({"also": [f"a{n}=n" for n in range(13)]}, "12 numbers at most, not 13"),
        ({**VERIFIED, "also": "p95=max(e)"}, r"--also 'p95=max\(e\)': .* cannot be read by 'max\(e\)'"),
        ({**VERIFIED, "also": "ms=json:ms"}, "the metric's own name, 'ms'"),
    ],
)
def test_what_cannot_work_is_one_line(settings, message):
    with pytest.raises(UserError, match=message) as caught:
        make_settings({"metric": "loss", **settings})
    assert "\n" not in str(caught.value)


class Hostile(Exception):
    def __str__(self):
        raise RuntimeError


def test_expressions_give_numbers_and_their_errors_are_told():
    import sys

    def fail():
        raise Hostile

    values = {
        "e": [1, 4, 2],
        "by_class": {"cat": 0.5, "dog": 2, "name": "x", "bad": float("nan")},
        "fail": fail,
        "sys": sys,
        "n": float("inf"),
    }
    asked = {"worst": "max(e)", "per": "by_class", "a": "f(e)", "b": "fail()", "c": "sys.exit(3)", "d": "n", "t": "'text'", "none": "{}", "last": "e[-1]"}  # fmt: skip
    *_, told = also_numbers(asked, values)
    assert told["also"] == {"worst": 4.0, "per.cat": 0.5, "per.dog": 2.0, "last": 2.0}
    assert told["also_errors"] == {
        "a": "NameError: name 'f' is not defined", "b": "Hostile: an error without a text", "c": "SystemExit: 3", "d": "it is inf",
        "t": "TypeError: 'text' is text, not a number", "none": "it gives no number",
    }  # fmt: skip


def test_what_cannot_be_read_is_told_once(tmp_path):
    said = []
    also = AlsoNumbers(["worst=max(e)", "acc", "p95=re:p95=(.*)"], verified=False, on_problem=said.append)
    assert also.expressions == {"worst": "max(e)", "acc": "acc"}
    errors = {"also_errors": {"worst": "ValueError: x.", "acc": "NameError: acc"}}
    for _ in range(2):
        assert also.read(errors, "acc: 0.5\np95=7\n", folder=tmp_path, since=0) == {"acc": 0.5, "p95": 7.0}
    assert said == ["--also worst has no value: ValueError: x. The run counts all the same."]
    assert also.read({}, "", folder=tmp_path, since=0) == {}
    assert [line.split(":")[0] for line in said] == [
        "--also worst has no value",
        "--also acc has no value",
        "--also p95 has no value",
    ]
    assert "the run ended before it was evaluated, and no line 'acc: value' was printed" in also.problems["acc"]


def test_they_come_first_and_take_the_place_of_printed_ones_of_the_same_name():
    also = AlsoNumbers(["failed"], verified=True)
    assert list(also.beside({"p95 ms": 1.0}, {"other": 2.0, "P95-ms": 9.0, "failed": 1.0}).items()) == [
        ("p95 ms", 1.0),
        ("other", 2.0),
    ]
