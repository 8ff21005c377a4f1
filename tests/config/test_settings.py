"""Options: parsing, layers, help and their one-line summary."""

import dataclasses
import json

import pytest
from hypothesis import given as examples
from hypothesis import strategies as st

from autoresearch_magic.budget import Budget
from autoresearch_magic.config.argument_parser import HelpShown, Parser, add_options, given
from autoresearch_magic.config.converters import UNLIMITED
from autoresearch_magic.config.directions import Aim
from autoresearch_magic.config.effective import make_settings, renamed_values
from autoresearch_magic.config.program import parse_program
from autoresearch_magic.config.settings import FIELDS, Settings
from autoresearch_magic.errors import UserError

REPOSITORY = {"scope": "src/**/*.py", "verify": "make size"}


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


def test_later_layers_override_earlier_ones():
    made = make_settings({"metric": "a", "experiments": "5"}, {"experiments": 6}, {"metric": "b"})
    assert (made.metric, made.experiments) == ("b", 6)


def test_a_later_layer_overrides_the_metrics_direction():
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
        ({"metric": "x", "disk": "lots"}, "--disk takes a size"),
        ({"metric": "x", "disk": "150%"}, "--disk takes a size"),
        ({"metric": "x", "disk": "0GB"}, "--disk takes a size"),
        ({"metric": "x", "min_delta": "-1"}, "--min-delta"),
        ({"metric": "x", "minimize": "sideways"}, "neither yes nor no"),
        ({}, "No metric"),
        ({"verify": "make"}, "--verify needs --scope"),
        ({"metric": "x", "scope": "src"}, "--scope needs --verify"),
        ({"metric": "x", "guard": "make test"}, "--guard needs --verify"),
        ({"metric": "x", "repo": "."}, "--repo needs --verify"),
        ({"metric": "x", "link": "data"}, "--link needs --verify"),
        ({**REPOSITORY, "guard_metric": "size"}, "--guard-metric needs --guard"),
        ({**REPOSITORY, "guard": "make test", "guard_threshold": 5}, "--guard-threshold needs --guard-metric"),
        ({**REPOSITORY, "guard": "g", "guard_metric": "s", "guard_threshold": "-5%"}, "takes a percentage"),
        ({**REPOSITORY, "guard": "g", "guard_metric": "s", "guard_threshold": "nan"}, "takes a percentage"),
        ({**REPOSITORY, "guard": "g", "guard_metric": "s", "guard_threshold": "few"}, "takes a percentage"),
        ({**REPOSITORY, "budget": "30s"}, "--budget is not for --verify"),
        ({**REPOSITORY, "clock": "wall"}, "--clock is not for --verify"),
        ({**REPOSITORY, "scope": "../other"}, "inside the repository"),
        ({**REPOSITORY, "scope": "/etc/*"}, "inside the repository"),
        ({**REPOSITORY, "scope": "!src"}, "only excludes"),
        ({**REPOSITORY, "noise": "loud"}, "--noise is one of"),
        ({**REPOSITORY, "evals_interval": "0"}, "--evals-interval takes a whole number"),
        ({**REPOSITORY, "until": "soon"}, "--until takes a number"),
        ({**REPOSITORY, "until": True}, "--until takes a number"),
    ],
)
def test_invalid_values_are_one_line_errors(raw, message):
    with pytest.raises(UserError, match=message) as caught:
        make_settings(raw)
    assert "\n" not in str(caught.value)


def test_every_option_is_in_the_help_and_survives_json():
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
    repository = make_settings(
        {
            **REPOSITORY,
            "guard": "make test",
            "guard_metric": "size",
            "guard_threshold": "5%",
            "noise": "high",
            "link": "data",
        }
    )
    assert make_settings(json.loads(json.dumps(repository.to_json()))) == repository


def test_help_is_raised_not_printed(capsys):
    parser = Parser(prog="test")
    add_options(parser)
    with pytest.raises(HelpShown, match="NAME=EXPRESSION"):
        parser.parse_args(["-h"])
    assert capsys.readouterr().out == ""


def test_deadlines():
    seconds = make_settings({"metric": "x", "budget": "20s"})
    steps = make_settings({"metric": "x", "budget": "20steps"})
    assert seconds.deadline(None) == 110  # training may take three times the budget, on a busy machine
    assert (steps.deadline(None), steps.deadline(1.0), steps.deadline(100.0)) == (600, 30, 500)
    assert dataclasses.replace(steps, timeout=3.0).deadline(100.0) == 3.0


def test_the_deadline_of_a_command_does_not_depend_on_the_budget():
    command = make_settings(REPOSITORY)
    assert (command.deadline(None), command.deadline(1.0), command.deadline(100.0)) == (600, 30, 500)
    assert make_settings({**REPOSITORY, "timeout": "2m"}).deadline(100.0) == 120


@pytest.mark.parametrize(
    ("text", "globs"),
    [
        ("src/**/*.ts, tests/**", ("src/**/*.ts", "tests/**")),
        ("src/**/*.ts tests/**\n!tests/data/**", ("src/**/*.ts", "tests/**", "!tests/data/**")),
        ("src/**/*.{ts,tsx}", ("src/**/*.ts", "src/**/*.tsx")),
        ("{a, b}/{c,d}.py", ("a/c.py", "a/d.py", "b/c.py", "b/d.py")),
        ("src/[a-c,x].py, './one two/*.md', `lib/**`", ("src/[a-c,x].py", "one two/*.md", "lib/**")),
        (["src/**", " !src/{gen,old} "], ("src/**", "!src/gen", "!src/old")),
        (("a", "a"), ("a",)),
        ("a,, ,b,", ("a", "b")),
    ],
)
def test_a_scope_is_globs(text, globs):
    assert make_settings({**REPOSITORY, "scope": text}).scope == globs


@pytest.mark.slow
@examples(
    st.lists(st.from_regex(r"[a-z*]{1,5}(/[a-z*.]{1,5})?", fullmatch=True).filter(lambda g: ".." not in g), min_size=1)
)
def test_a_scope_is_the_same_as_text_and_as_a_list(globs):
    as_list = make_settings({**REPOSITORY, "scope": globs}).scope
    assert make_settings({**REPOSITORY, "scope": ", ".join(globs)}).scope == as_list
    assert make_settings({**REPOSITORY, "scope": as_list}).scope == as_list


def test_with_verify_the_metric_is_not_python():
    metric = make_settings({**REPOSITORY, "metric": "coverage % (higher is better)"}).as_metric()
    assert not metric.minimize
    assert "%" in metric.name
    with pytest.raises(UserError, match="not a Python expression"):
        make_settings({"metric": "coverage % (higher is better)"})
    # the program's metric is read in the language of the mode that a stronger layer chooses
    assert not make_settings({"metric": "coverage % (higher is better)"}, REPOSITORY).minimize
    with pytest.raises(UserError, match="not a Python expression"):
        make_settings({"metric": "coverage %", **REPOSITORY}, {"verify": "", "scope": ""})


def test_a_command_without_a_metric_has_the_default_metric():
    metric = make_settings(REPOSITORY).as_metric()
    assert (metric.name, metric.minimize) == ("metric", True)
    assert not make_settings(REPOSITORY, {"maximize": True}).as_metric().minimize


def test_guard_metric_and_threshold():
    guarded = {**REPOSITORY, "guard": "make test"}
    assert make_settings(guarded).as_guard_metric() is None
    size = make_settings({**guarded, "guard_metric": "size", "guard_threshold": 5})
    assert (size.as_guard_metric().name, size.as_guard_metric().minimize, size.guard_threshold) == ("size", True, 5.0)
    assert not make_settings({**guarded, "guard_metric": "size (higher is better)"}).as_guard_metric().minimize


@pytest.mark.parametrize(
    ("layers", "repeats"),
    [
        ([{}], 3),
        ([{"noise": "low"}], 2),
        ([{"noise": "Medium"}], 3),
        ([{"noise": "high"}], 5),
        ([{"noise": "high", "repeats": 7}], 7),
        ([{"noise": "high"}, {"repeats": 4}], 4),
        ([{"repeats": 4}, {"noise": "low"}], 2),
        ([{"noise": "high"}, {"noise": "low"}], 2),
    ],
)
def test_noise_sets_the_repeats_of_the_baseline(layers, repeats):
    assert make_settings(REPOSITORY, *layers).repeats == repeats


def test_unlimited_and_off():
    made = make_settings({**REPOSITORY, "experiments": "Unlimited", "patience": "off", "until": "90%"})
    assert (made.experiments, made.patience, made.until) == (UNLIMITED, None, 90.0)
    assert "experiments until it is stopped" in made.describe()
    with pytest.raises(UserError, match="or the word unlimited"):
        make_settings({**REPOSITORY, "experiments": "endless"})


@pytest.mark.parametrize("word", ["lower", "lower_is_better", "Lower is better", "minimise", "lower-is-better"])
def test_directions_may_be_words(word):
    assert make_settings({"metric": "x", "minimize": word}).minimize
    assert not make_settings(
        {"metric": "x", "minimize": word.lower().replace("lower", "higher").replace("minim", "maxim")}
    ).minimize


def test_the_summary_of_a_repositorys_settings():
    raw = {
        **REPOSITORY, "guard": "make test", "guard_metric": "size", "guard_threshold": "5%", "link": "node_modules data",
        "repo": "~/code", "evals_interval": 4,
    }  # fmt: skip
    line = make_settings(raw).describe()
    for part in (
        "metric (lower is better)", "scope src/**/*.py", "verify make size", "guard make test, size within 5%", "in ~/code",
        "links node_modules data", "evals every 4",
    ):  # fmt: skip
        assert part in line
    assert "budget" not in line
    assert "thread" not in line
    long = make_settings({**REPOSITORY, "verify": "echo\n" + "x" * 200}).describe()
    assert "\n" not in long
    assert "x" * 80 not in long


def test_the_summary_shows_the_essential_settings():
    line = make_settings({"metric": "m=f(x)", "budget": "9s", "experiments": 4, "min_delta": 0.5}).describe()
    for part in ("m = f(x)", "lower is better", "9s", "4 experiments", "tuner", "min-delta 0.5"):
        assert part in line
    assert Settings().metric == ""


@pytest.mark.parametrize("statistic", ["mean", "median", "MIN"])
def test_the_statistic_of_a_study_is_among_its_settings(statistic):
    made = make_settings({"metric": "loss", "statistic": statistic})
    assert made.statistic == statistic.lower()
    shown = f"{made.statistic} of a version's runs"
    assert (shown in made.describe()) == (statistic != "mean")
    assert parse_program(f"Metric: loss\nDirection: lower\nStatistic: {statistic}\n").settings["statistic"] == statistic


@pytest.mark.parametrize(("statistic", "lower", "other"), [("min", False, "max"), ("max", True, "min")])
@pytest.mark.parametrize("aim", [None, Aim()])
def test_the_worst_run_is_no_statistic(statistic, lower, other, aim):
    raw = {"metric": "score=f(x)", "minimize": lower, "statistic": statistic}
    with pytest.raises(UserError, match=rf"--statistic {statistic} would take the worst run .*--statistic {other}$"):
        make_settings(raw, aim=aim)
    assert make_settings({**raw, "statistic": other}, aim=aim).statistic == other


def test_a_direction_that_the_metric_says_is_known_to_the_statistic():
    made = make_settings({"metric": "accuracy", "statistic": "max"}, aim=Aim())
    assert (made.minimize, made.statistic) == (False, "max")
    with pytest.raises(UserError, match="--statistic max"):
        make_settings({"metric": "accuracy", "statistic": "min"}, aim=Aim())


def test_a_former_name_of_the_judge_is_understood_and_told():
    assert make_settings({"metric": "loss", "judge": "sequential"}).judge == "expected"
    assert renamed_values({"judge": " Sequential"}) == [
        "--judge Sequential is called expected now, and is read as that."
    ]
    assert renamed_values({"judge": "sequential"}, {"judge": "strict"}) == renamed_values({}) == []


@pytest.mark.parametrize(
    ("text", "size"),
    [("8GB", 8 * 10**9), ("8GiB", 8 * 2**30), ("1.5g", 15 * 10**8), ("500M", 5 * 10**8), ("2Ki", 2048), ("12", 12)],
)
def test_sizes_of_memory_have_powers_of_1000_or_of_1024(text, size):
    assert make_settings({"metric": "a", "minimize": True, "memory": text}).memory == size


@pytest.mark.parametrize(
    ("value", "globs"),
    [("out/*.txt, ./prof.json", ("out/*.txt", "prof.json")), (["a b.txt"], ("a b.txt",)), ("{a,b}.txt !c", ("a.txt", "b.txt", "!c")), ("", ())],
)  # fmt: skip
def test_artifacts_are_globs(value, globs):
    assert make_settings({"metric": "loss", "artifacts": value}).artifacts == globs


@pytest.mark.parametrize("value", ["/etc/passwd", "../x.txt", "~/x", "!only"])
def test_artifacts_stay_inside_of_the_folder(value):
    with pytest.raises(UserError, match=r"^--artifacts "):
        make_settings({"metric": "loss", "artifacts": value})


def test_a_limit_of_the_disk_is_kept_as_it_was_given_because_a_share_is_known_at_the_start_only():
    settings = make_settings({"metric": "a", "minimize": True, "disk": "20 GB"})
    assert settings.disk == "20GB"
    assert "disk 20GB" in settings.describe()
    assert "disk" not in make_settings({"metric": "a", "minimize": True}).describe()
