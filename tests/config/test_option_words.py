"""Settings written as options and read back are the same settings."""

import shlex

from hypothesis import given, settings
from hypothesis import strategies as st

from autoresearch_magic.config.argument_parser import Parser, add_options
from autoresearch_magic.config.argument_parser import given as given_options
from autoresearch_magic.config.effective import make_settings
from autoresearch_magic.config.option_words import option_words


def read(words):
    parser = Parser()
    add_options(parser)
    return make_settings(given_options(parser.parse_args(shlex.split(" ".join(words)))))


POSITIVE = st.floats(1e-6, 1e6, allow_nan=False)
OPTIONS = st.fixed_dictionaries(
    {"metric": st.sampled_from(["loss", "acc=(a == b).mean()", "x='a b'.count('\"')"])},
    optional={
        "budget": POSITIVE | st.integers(1, 10**7).map("{}steps".format),
        "experiments": st.integers(1, 500) | st.just("unlimited"),
        "agent": st.sampled_from(["tuner:LR,WIDTH", "command:claude -p 'be brief'", "openai:m@http://127.0.0.1:1"]),
        "prefetch": st.booleans(),
        "fresh": st.booleans(),
        "timeout": POSITIVE,
        "reply_timeout": POSITIVE,
        "hours": POSITIVE,
        "max_cost": POSITIVE,
        "min_delta": st.floats(0, 1e6),
        "bounds": st.sampled_from(["0..8", "..1", "0.1234567..", "-1e-09..1e300"]),
        "judge": st.sampled_from(["expected", "strict"]),
        "statistic": st.sampled_from(["mean", "median"]),
        "minimize": st.booleans(),
        "repeats": st.integers(1, 9),
        "pairs": st.integers(0, 20),
        "patience": st.integers(1, 99),
        "until": st.floats(-1e9, 1e9),
        "memory": st.integers(1, 10**13),
        "seed": st.integers(0, 10**9),
        "pass_env": st.lists(st.from_regex(r"[A-Z]{1,8}", fullmatch=True), min_size=1),
    },
)


@given(OPTIONS)
@settings(max_examples=60, deadline=None)
def test_options_read_back_as_the_same_settings(raw):
    made = make_settings(raw)
    assert read(option_words(made)) == made
    assert make_settings(made.to_json()) == made  # as the journal stores them


def test_repository_options_read_back():
    made = make_settings({
        "metric": "p95=re:p95 (\\d{3})ms", "scope": "src/**/*.py !src/gen/**", "verify": "python load.py | tail -n 1; echo \"it's\"",
        "guard": "pytest -q", "link": "node_modules, data", "repo": "/a b/c", "maximize": True,
    })  # fmt: skip
    assert read(option_words(made)) == made


def test_what_is_at_its_default_is_left_out():
    assert option_words(make_settings({"metric": "loss"})) == ["--metric loss", "--minimize"]
