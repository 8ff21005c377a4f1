"""The skill's table of a regression: green to red blocks, everything else does not; a damaged table has no verdict."""

import pytest

from autoresearch_magic.errors import UserError
from autoresearch_magic.study.regression_table import COLUMNS, read_regression
from autoresearch_magic.ui import cli


def row(dimension="functional", kind="regression-eligible", regressed="false", score="100", tier=None):
    tier = tier or (
        "HARD" if dimension in ("functional", "api-contract", "data-migration", "integration-e2e") else "SCORE"
    )
    return [
        "1",
        "-",
        dimension,
        "diff",
        tier,
        kind,
        "pass",
        "fail",
        "-1",
        regressed,
        score,
        "high",
        "red",
        "a.py:1",
        "what it is",
    ]


def table(path, *rows):
    lines = [COLUMNS, *rows]
    path.write_text("# metric_direction: higher_is_better\n" + "".join("\t".join(line) + "\n" for line in lines))
    return path


@pytest.mark.parametrize(
    ("rows", "verdict", "score", "blocking"),
    [
        ([row(regressed="true")], "UNSTABLE", 100, ("functional",)),
        ([row(kind="pre-existing", regressed="true")], "STABLE", 100, ()),  # red to red
        ([row(kind="new-coverage", regressed="true")], "STABLE", 100, ()),  # absent to red
        ([row(kind="flaky", regressed="true"), row("flakiness")], "STABLE", 100, ()),
        ([row("performance", regressed="true", score="60"), row("flakiness"), row("resource"), row("visual-ui")], "UNSTABLE", 88, ("score",)),
        ([row("performance", regressed="true", score="95")], "STABLE", 95, ()),
        ([row("performance", score="94"), row("performance", score="99")], "UNSTABLE", 94, ("score",)),
        ([row("performance", score="10", kind="baseline-unavailable"), row("flakiness")], "STABLE", 100, ()),
        ([row(regressed="true"), row("performance", score="50")], "UNSTABLE", 50, ("functional", "score")),
        ([row(kind="baseline-unavailable", regressed="true")], "BASELINE_UNAVAILABLE", 0, ()),
        ([], "BASELINE_UNAVAILABLE", 0, ()),
    ],
)  # fmt: skip
def test_only_green_to_red_blocks_and_the_score_is_that_of_what_ran(tmp_path, rows, verdict, score, blocking):
    found = read_regression(table(tmp_path / "r.tsv", *rows))
    assert (found.verdict, found.score, found.blocking) == (verdict, pytest.approx(score), blocking)
    assert found.text().startswith(f"{verdict}: ")
    assert len(found.ran) + len(found.missing) == 8


@pytest.mark.parametrize(
    ("broken", "message"),
    [
        (row(tier="SOFT"), "functional belongs to the tier HARD, not 'SOFT'"),
        (row(regressed="TRUE"), "regressed is true or false, not 'TRUE'"),
        (row(kind="eligible"), "'eligible' is no classification"),
        (row(score="101"), "subscore is a number from 0 to 100"),
        (row(score="many"), "subscore is a number from 0 to 100"),
        (row("speed"), "'speed' is no dimension"),
        (row(regressed="true")[:10], "it has 10 columns instead of 15"),
    ],
)
def test_a_damaged_row_is_never_passed(tmp_path, broken, message):
    with pytest.raises(UserError, match=message):
        read_regression(table(tmp_path / "r.tsv", row("flakiness"), broken))


def test_another_table_is_none(tmp_path):
    (tmp_path / "results.tsv").write_text("commit\tloss\tmemory_gb\tstatus\tdescription\n")
    with pytest.raises(UserError, match="is no table of a regression"):
        read_regression(tmp_path / "results.tsv")


@pytest.mark.parametrize(("rows", "code"), [([row()], 0), ([row(regressed="true")], 4), ([], 1), ([row(tier="x")], 2)])
def test_the_command_ends_with_the_verdicts_exit_code(tmp_path, monkeypatch, rows, code):
    monkeypatch.chdir(tmp_path)
    table(tmp_path / "regression-results.tsv", *rows)
    assert cli.main(["regression", "regression-results.tsv"]) == code
