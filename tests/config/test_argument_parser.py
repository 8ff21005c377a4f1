import pytest

from autoresearch_magic.config.argument_parser import Parser
from autoresearch_magic.errors import UserError


@pytest.fixture
def parser():
    parser = Parser(prog="it", allow_abbrev=False)
    parser.add_argument("--expect")
    parser.add_argument("--flag", action="store_true")
    parser.add_argument("--several", nargs="+")
    parser.add_argument("rest", nargs="*")
    return parser


@pytest.mark.parametrize("value", ["-30%", "-0.02", "-5ms", "-.5", "-5 ms", "+3%", "3"])
def test_an_effect_may_be_negative(parser, value):
    assert parser.parse_args(["a", "--expect", value]).expect == value
    assert parser.parse_args([f"--expect={value}", "a"]).expect == value


@pytest.mark.parametrize(
    "words", [["--expect", "--flag"], ["--expect"], ["--expect", "-x"], ["-30%"], ["--flag", "-30%"]]
)
def test_other_options_are_no_values(parser, words):
    with pytest.raises(UserError):
        parser.parse_args(words)


def test_a_value_belongs_to_an_option_that_takes_one(parser):
    assert parser.parse_args(["--flag", "-5"]).rest == ["-5"]
    assert parser.parse_args(["--several", "1", "-5"]).several == ["1", "-5"]
