import dataclasses
import json

import pytest

from autoresearch_magic.budget import Budget
from autoresearch_magic.errors import UserError
from autoresearch_magic.settings import FIELDS, HelpShown, Parser, Settings, add_options, given, make_settings


def parsed(*words):
    parser = Parser(prog="test")
    add_options(parser)
    return given(parser.parse_args(list(words)))


def test_text_and_typed_values_mean_the_same():
    from_text = make_settings(parsed("--metric", "loss", "-n", "7", "--budget", "2m", "--maximize", "--timeout", "5m"))
    typed = make_settings(
        {"metric": "loss", "experiments": 7, "budget": Budget(120, "seconds"), "maximize": True, "timeout": 300}
    )
    assert from_text == typed
    assert not typed.minimize


def test_stronger_layers_win():
    made = make_settings({"metric": "a", "experiments": "5"}, {"experiments": 6}, {"metric": "b"})
    assert (made.metric, made.experiments) == ("b", 6)


def test_a_direction_in_the_metric_yields_to_a_stronger_one():
    assert not make_settings({"metric": "acc (higher is better)"}).minimize
    assert make_settings({"metric": "acc (higher is better)"}, {"minimize": True}).minimize


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        ({"metric": "x", "budjet": 3}, "no option 'budjet'"),
        ({"metric": "x", "experiments": "many"}, "--experiments takes a whole number"),
        ({"metric": "x", "experiments": 0}, "--experiments"),
        ({"metric": "x", "budget": "soon"}, "not a duration"),
        ({"metric": "x", "memory": "lots"}, "--memory takes a size"),
        ({"metric": "x", "min_delta": "-1"}, "--min-delta"),
        ({"metric": "x", "minimize": "sideways"}, "neither yes nor no"),
        ({}, "No metric"),
    ],
)
def test_bad_values_are_one_line(raw, message):
    with pytest.raises(UserError, match=message) as caught:
        make_settings(raw)
    assert "\n" not in str(caught.value)


def test_every_option_shows_up_in_help_and_survives_the_journal():
    parser = Parser(prog="test")
    add_options(parser)
    text = parser.format_help()
    for name in FIELDS:
        flag = name.replace("_", "-")
        assert f"--{flag}" in text or f"--no-{flag}" in text
    full = make_settings(
        {"metric": "x=f(y)", "budget": "300steps", "memory": "2GB", "pass_env": "A,B", "timeout": 9, "fresh": True}
    )
    assert make_settings(json.loads(json.dumps(full.to_json()))) == full
    assert (full.memory, full.pass_env) == (2_000_000_000, ("A", "B"))


def test_help_is_raised_not_printed(capsys):
    parser = Parser(prog="test")
    add_options(parser)
    with pytest.raises(HelpShown, match="NAME=EXPRESSION"):
        parser.parse_args(["-h"])
    assert capsys.readouterr().out == ""


def test_deadlines():
    seconds = make_settings({"metric": "x", "budget": "20s"})
    steps = make_settings({"metric": "x", "budget": "20steps"})
    assert seconds.deadline(None) == 70
    assert (steps.deadline(None), steps.deadline(1.0), steps.deadline(100.0)) == (600, 30, 500)
    assert dataclasses.replace(steps, timeout=3.0).deadline(100.0) == 3.0


def test_the_line_of_effective_settings_names_what_matters():
    line = make_settings({"metric": "m=f(x)", "budget": "9s", "experiments": 4, "min_delta": 0.5}).describe()
    for part in ("m = f(x)", "lower is better", "9s", "4 experiments", "tuner", "min-delta 0.5"):
        assert part in line
    assert Settings().metric == ""
