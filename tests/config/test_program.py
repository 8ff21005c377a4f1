"""Programs: title, prose and settings from lines and front matter."""

import pytest

from autoresearch_magic.config.program import parse_program
from autoresearch_magic.errors import UserError


def test_title_and_prose():
    program = parse_program("# Lower the loss\n\nRules: be brave.\nBudget: spend it well.")
    assert program.title == "Lower the loss"
    assert program.settings == {}  # 'Rules' is not a key, so the paragraph is prose


def test_key_value_lines():
    program = parse_program(
        "Goal: faster\nMetric: val_bpb (lower is better)\n- **Iterations:** 12\nNoise-Runs: 5\nDirection: lower\n\nProse."
    )
    assert program.title == "faster"
    assert program.settings == {
        "metric": "val_bpb (lower is better)", "experiments": "12", "repeats": "5", "minimize": "lower",
    }  # fmt: skip


def test_front_matter_is_stronger_than_lines():
    program = parse_program("---\nmetric: a=f(x)\nexperiments: 9\nname: mine\n---\n# T\n\nMetric: b\nIterations: 3\n")
    assert program.settings == {"metric": "a=f(x)", "experiments": 9}
    assert program.title == "T"


def test_front_matter_may_hold_a_repositorys_settings():
    text = "---\ngoal: faster\nscope: [src/**, '!src/gen']\nverify: |\n  make\n  ./bench\nguard-direction: lower\nguard: x\n---\n"
    program = parse_program(text)
    assert program.settings == {
        "scope": ["src/**", "!src/gen"], "verify": "make\n./bench\n", "guard": "x", "guard_metric": "guard (lower is better)",
    }  # fmt: skip
    assert program.title == "faster"


def test_a_direction_in_the_front_matters_metric_is_stronger_than_a_line():
    settings = parse_program("---\nmetric: a (higher is better)\n---\nMetric: a\nDirection: lower").settings
    assert "minimize" not in settings


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("Metric: a\nMetric: b", "twice"),
        ("---\nmetric: a (lower is better)\ndirection: higher\n---\n", "two directions"),
        ("---\nchain: fix\n---\n", "not used here"),
        ("Metric: a\nColour: blue", "'Colour' is unknown"),
        ("---\nfoo: 1\n---\n", "'Foo' is unknown"),
        ("---\n[1, 2]\n---\n", "must be lines"),
        ("---\na: [\n---\n", "not YAML"),
    ],
)
def test_mistakes_are_one_line_errors(text, message):
    with pytest.raises(UserError, match=message) as caught:
        parse_program(text)
    assert "\n" not in str(caught.value)


def test_code_in_a_program_is_not_settings():
    assert parse_program("# T\n\n```\nMetric: x\n```\n").settings == {}
