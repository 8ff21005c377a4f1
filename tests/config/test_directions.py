"""Which way a metric is better: by its name, what it is read from, and the goal; asked where they do not say it."""

import pytest

from autoresearch_magic.config.converters import read_names
from autoresearch_magic.config.directions import Aim, decide, direction_of_metric, direction_of_name, goal_direction
from autoresearch_magic.config.effective import make_settings
from autoresearch_magic.config.program import parse_program
from autoresearch_magic.errors import UserError
from autoresearch_magic.study.definition import define
from autoresearch_magic.ui import cli

LOWER = (
    "loss, val_loss, valLoss, train/loss, val_bpb, bits per byte, RMSE, logloss, error_rate, errors, p95_ms, latency, seconds, "
    "test time (s), seconds_per_step, peak_memory_mb, bundle size in KB, size_kb, perplexity, brier_score, false_positive_rate, "
    "errors_per_second, warnings, failures in 5 runs, uncovered_lines"
)
HIGHER = (
    "accuracy, val_acc, acc1, pass_rate, passRate, coverage, coverage %, f1, F1, roc_auc, score, R2, throughput, throughput_mb_s, "
    "tokens_per_second, tokens/s, req/s, speedup, win_rate, mAP, true_negative_rate, neg_mean_squared_error, "
    "Lighthouse performance score, solved, likelihood"
)
UNSURE = (
    "x, ratio, p95, count, count of `any` occurrences, hardcoded values, accuracy loss, error_reduction, not_covered, free_memory, "
    "batch_size, sample size, time_to_failure, learning_rate, min_distance, depth, memory_saved, rate, issues fixed, bugs_found"
)


@pytest.mark.parametrize(
    ("name", "lower"),
    [(name, lower) for names, lower in ((LOWER, True), (HIGHER, False), (UNSURE, None)) for name in names.split(", ")],
)
def test_a_name_says_a_direction_only_without_doubt(name, lower):
    assert direction_of_name(name) is lower


@pytest.mark.parametrize(
    ("metric", "lower"),
    [
        ("loss", True),
        ("1 - accuracy", None),  # its name is made of the expression: 1_accuracy
        ("-r2", None),
        ("(a == b).mean()", None),
        ("m=accuracy_score(y, p)", False),
        ("m=1 - accuracy_score(y, p)", None),
        ("gap=1 - accuracy", None),
        ("error=1 - accuracy", True),
        ("float(loss)", True),
        ("loss.item()", True),
        ("history['val_acc'][-1]", False),
        ("evaluate(model)", None),
        ("model.score(X, y)", False),
        (r"p95=re:p95 (\d+)ms", True),
        (r"accuracy=re:acc (\d+)", False),
        ("x=json:result.accuracy", False),
        (r"x=re:value (\d+)", None),
        ("x=last", None),
    ],
)
def test_a_cells_expression_counts_where_the_name_is_silent(metric, lower):
    made = make_settings({"metric": metric}).as_metric()
    assert direction_of_metric(made.name, made.expression, verified=False) is lower


@pytest.mark.parametrize(
    ("metric", "lower"),
    [
        ("p95=re:p95 (\\d{3})ms", True),
        ("result=re:(\\d+) passed", False),
        ("result=re:(\\d+) passed, \\d+ failed", None),
        ("cov=json:totals.percent_covered", False),
        ("value=json:totals.accuracy", False),
        ("value=json:accuracy.value", None),
        ("wall=seconds", True),
        ("status=exit", True),
        ("lint=lines", None),
        ("lint=lines:warning", True),
    ],
)
def test_a_commands_format_counts_where_the_name_is_silent(metric, lower):
    made = make_settings({"metric": metric, "scope": "a", "verify": "b"}).as_metric()
    assert direction_of_metric(made.name, made.expression, verified=True) is lower


@pytest.mark.parametrize(
    ("goal", "lower"),
    [
        ("Reduce the bundle below 200KB", True),
        ("Increase coverage to 90%", False),
        ("Improve accuracy from 85% to 95%", False),
        ("Bring the pipeline from 12 minutes to under 5 minutes", True),
        ("Improve coverage and reduce size, increase speed", None),
        ("Improve it", None),
        ("Halve the build time", True),
        ("Bring the number of findings down", True),
        ("Double the throughput", False),
        ("Zero lint errors", True),
        ("Improve zero-shot accuracy", None),
        ("Improve the lower bound", None),
        ("As described above, tune it", None),
        ("Raise no exceptions", None),
        ("Better dimension reduction", None),
        ("Understand what is under the hood", None),
        ("from 3 to 3", None),
        ("", None),
    ],
)
def test_the_direction_of_a_goal(goal, lower):
    assert goal_direction(goal) is lower


@pytest.mark.parametrize(
    ("program", "lower"),
    [
        ("# Lower the number", True),
        ("Raise x", False),
        ("# Tuning\n\nKeep it short. Reduce `x` first. Increase the width if you like.", True),
        ("# Tuning\n\nReduce x, or increase x.\n\nDecrease x. Increase x.", None),
        ("# Tuning\n\nReduce the width.", None),
        ("Goal: bring it from 35 to 7", True),
        ("/autoresearch\nMetric: x", False),  # the skill's own rule
        ("/autoresearch\nGoal: Reduce it\nMetric: x", True),
        ("/autoresearch\nMetric: x\nDirection: lower_is_better", True),
        ("Make it better", None),
        ("Make it faster", None),  # of a throughput, more would be faster
    ],
)
def test_a_goal_or_a_sentence_about_the_metric_says_it_where_the_name_is_silent(program, lower):
    def made():
        return define(program, "x = 1", "", {"metric": "x"}).settings.minimize

    if lower is None:
        with pytest.raises(
            UserError, match=r"^Nothing says whether lower or higher values of 'x' are better.*--maximize"
        ):
            made()
    else:
        assert made() is lower


def test_name_and_goal_that_contradict_each_other_are_asked_about():
    with pytest.raises(UserError, match="The goal asks for lower values, but higher values of 'pass_rate' seem better"):
        define("Reduce the failures", "pass_rate = 1", "", {"metric": "pass_rate"})
    assert not define(
        "Reduce the failures", "pass_rate = 1", "", {"metric": "pass_rate", "maximize": True}
    ).settings.minimize


def test_a_percentile_that_shall_be_faster_is_a_time():
    assert decide("p95", "", Aim(("Answer faster",)), verified=True)
    assert not decide("rps", "", Aim(("Answer faster",)), verified=True)


def test_another_metric_leaves_the_direction_of_the_first_behind():
    program = parse_program("Metric: loss (lower is better)")
    assert not make_settings(program.settings, {"metric": "accuracy"}, aim=program.aim).minimize
    with pytest.raises(UserError, match="Nothing says"):
        make_settings(program.settings, {"metric": "x"}, aim=program.aim)
    assert make_settings(program.settings, {"metric": "loss=f(x)"}, aim=program.aim).minimize


def test_the_guards_number_has_a_direction_too():
    guarded = {"metric": "ms", "scope": "a", "verify": "b", "guard": "c"}
    assert not make_settings({**guarded, "guard_metric": "coverage"}, aim=Aim()).as_guard_metric().minimize
    assert make_settings({**guarded, "guard_metric": "depth (lower is better)"}, aim=Aim()).as_guard_metric().minimize
    with pytest.raises(UserError, match="higher values of the guard's 'depth'"):
        make_settings({**guarded, "guard_metric": "depth"}, aim=Aim())


def test_a_study_whose_direction_nothing_says_is_not_started(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "program.md").write_text("Metric: ratio\nIterations: 3\n\nImprove it.\n")
    (tmp_path / "t.py").write_text("N = 35\nratio = N\n")
    assert cli.main(["run", "program.md", "--target", "t.py"]) == 2
    told = capsys.readouterr().err
    assert "Say which way: --minimize or --maximize (or a line  Direction: higher is better)." in told
    assert told.count("\n") == 1
    assert not (tmp_path / ".autoresearch").exists()


@pytest.mark.parametrize("text", ["", ",", " , ,", ()])
def test_separators_alone_are_no_names(text):
    assert read_names(text) == ()
    assert read_names(" a, b ,c") == ("a", "b", "c")
