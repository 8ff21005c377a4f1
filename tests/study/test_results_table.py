"""Results tables of ours, of the original and of the generalised skill are analyzed like a study."""

import pytest

from autoresearch_magic.errors import UserError
from autoresearch_magic.experiment import Verdict
from autoresearch_magic.metric import Metric
from autoresearch_magic.storage.results_tsv import nine_column_table, write_results
from autoresearch_magic.study.results_table import read_results
from autoresearch_magic.ui import cli
from autoresearch_magic.ui.commands.table import run
from autoresearch_magic.ui.session import Session

from ..studies import finish

ORIGINAL = """commit\tval_bpb\tmemory_gb\tstatus\tdescription
1111111\t1.100000\t4.0\tkeep\tbaseline
2222222\t1.050000\t4.1\tkeep\twider
3333333\t1.200000\t4.0\tdiscard\tother activation
4444444\t0.000000\t0.0\tcrash\ttoo wide
"""
SKILL = """# metric_direction: higher_is_better
iteration\ttimestamp\tcommit\tmetric\tdelta\tguard\tguard-metric\tstatus\tdescription
0\t2026-01-01T00:00:00Z\t1111111\t80.5\t0.0\tpass\t-\tbaseline\tas it was
1\t2026-01-01T00:01:00Z\t2222222\t82.0\t+1.5\tpass\t-\tkeep\ttests for the parser
2\t2026-01-01T00:02:00Z\t-\t81.0\t-1.0\t-\t-\tdiscard\thelpers
3\t2026-01-01T00:03:00Z\t-\t83.0\t+1.0\tfail\t-\tdiscard\tslow tests skipped
4\t2026-01-01T00:04:00Z\t-\t-\t-\t-\t-\tno-op\tnothing
5\t2026-01-01T00:05:00Z\t-\t-\t-\t-\t-\tmetric-error\tno number
"""
OLDER = "iteration\tcommit\tmetric\tdelta\tstatus\tdescription\n0\ta\t9\t0\tbaseline\tb\n1\tb\t7\t-2\tkeep\tc\n2\t-\t8\t+1\treverted\td\n"


def written(tmp_path, text, name="loop-results.tsv"):
    (tmp_path / name).write_text(text)
    return tmp_path / name


def test_a_table_of_the_original(tmp_path):
    table = read_results(written(tmp_path, ORIGINAL))
    assert table.metric == Metric("val_bpb", "val_bpb", minimize=True)
    assert [e.verdict for e in table.experiments] == [Verdict.BASELINE, Verdict.KEEP, Verdict.DISCARD, Verdict.CRASH]
    assert [e.value for e in table.experiments] == [1.1, 1.05, 1.2, None], "the zero of a crash is no value"
    assert table.evals().gain == pytest.approx(0.05)


def test_a_table_of_the_skill(tmp_path):
    table = read_results(written(tmp_path, SKILL))
    assert not table.metric.minimize
    assert [str(e.verdict) for e in table.experiments] == [
        "baseline", "keep", "discard", "guard-failed", "duplicate", "metric-error",
    ]  # fmt: skip
    assert (table.evals().best, table.evals().ran) == (82.0, 4)


@pytest.mark.parametrize("columns", [5, 9])
@pytest.mark.slow
def test_what_a_study_writes_is_read_back(make_study, tmp_path, columns):
    study = finish(make_study(experiments=4))
    path = tmp_path / "mine.tsv"
    if columns == 9:
        path.write_text(nine_column_table(study.experiments, study.metric))
    else:
        write_results(path, study.experiments, study.metric)
    table = read_results(path)
    assert table.metric.minimize
    assert [e.kept for e in table.experiments] == [e.kept for e in study.experiments]
    assert [e.summary for e in table.experiments] == [e.summary for e in study.experiments]
    assert table.evals().gain == pytest.approx(study.evals().gain, abs=1e-4)


def test_the_direction_of_an_older_table_is_that_of_its_keeps_or_is_asked_for(tmp_path):
    assert read_results(written(tmp_path, OLDER)).metric.minimize
    level = written(tmp_path, OLDER.replace("\t7\t-2", "\t9\t0"))
    with pytest.raises(
        UserError, match=r"Nothing says whether lower or higher values of 'metric' are better in .*--maximize"
    ):
        read_results(level)
    assert not read_results(level, minimize=False).metric.minimize


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "no results table"),
        ("a\tb\n1\t2\n", "has the columns a, b: to analyze it, it needs  status  and  metric"),
        (SKILL.replace("\tdiscard\thelpers", "\tdance\thelpers"), "row 3: 'dance' is no status"),
        (SKILL.replace("82.0", "many"), "row 2: 'many' is not a number"),
        (SKILL.replace("82.0", "-"), "row 2: it was kept, but has no number"),
        (ORIGINAL.replace("keep\tbaseline", "discard\tbaseline"), "has no baseline"),
    ],
)
def test_what_is_no_such_table_is_one_line(tmp_path, text, message):
    with pytest.raises(UserError, match=message) as told:
        read_results(written(tmp_path, text))
    assert "\n" not in str(told.value)


def test_both_places_analyze_a_table(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    written(tmp_path, SKILL)
    assert cli.main(["evals", "loop-results.tsv"]) == 0
    shown = capsys.readouterr().out
    assert "metric 82 (experiment 1, the current best) after 4 experiments, better by 1.5 (1.9%)" in shown
    assert "what chance explains is not known" in " ".join(shown.split())
    assert "better by 1.5 (1.9%)" in run(Session(), "evals loop-results.tsv").text
    assert cli.main(["evals", "nowhere.tsv"]) == 2
    assert "nowhere.tsv cannot be read: No such file or directory." in capsys.readouterr().err
