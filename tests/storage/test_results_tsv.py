"""The two tables for other projects' scripts: the original's five columns and the generalised skill's nine."""

import csv
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pandas
import pytest
from hypothesis import given
from hypothesis import strategies as st

from autoresearch_magic.errors import UserError
from autoresearch_magic.experiment import Experiment, Measurement, Outcome, Proposal, Verdict
from autoresearch_magic.metric import Metric
from autoresearch_magic.storage.results_tsv import (
    NINE_COLUMNS,
    ResultsFile,
    nine_column_table,
    one_line,
    ten_column_table,
    write_atomically,
    write_results,
)
from autoresearch_magic.study.results_table import read_results
from autoresearch_magic.study.study import Study
from autoresearch_magic.ui.commands.table import run
from autoresearch_magic.ui.session import Session

METRIC = Metric("val_bpb", "evaluate(model)")


def experiment(number: int, verdict: Verdict | None, value: float | None = None, summary: str = "x", memory: float = 0):
    outcome = Outcome.OK if value is not None else Outcome.CRASH
    measurement = Measurement(outcome, value, seed=1, memory=memory)
    proposal = Proposal("x = 1\n", summary)
    return Experiment(number, None, proposal, verdict=verdict, measurements=(measurement,), commit=f"{number:x}" * 40)


def rows_of(path: Path) -> list[list[str]]:
    return [line.split("\t") for line in path.read_text(encoding="utf-8").splitlines()]


def test_the_five_columns_of_the_original(tmp_path):
    path = tmp_path / "results.tsv"
    experiments = [
        experiment(1, Verdict.KEEP, 0.99321, "raise the rate", 44.23),
        experiment(0, Verdict.BASELINE, 0.9979, "baseline", 44.04),
        experiment(2, Verdict.CRASH, None, "double the width", 12.0),
        experiment(3, None, None, "not judged yet"),
    ]
    write_results(path, experiments, METRIC)
    assert path.read_text().splitlines() == [
        "commit\tval_bpb\tmemory_gb\tstatus\tdescription",
        "0000000\t0.997900\t44.0\tkeep\tbaseline",
        "1111111\t0.993210\t44.2\tkeep\traise the rate",
        "2222222\t0.000000\t0.0\tcrash\tdouble the width",
    ]


def test_appended_rows_are_what_writing_it_whole_gives(tmp_path):
    path, other = tmp_path / "results.tsv", tmp_path / "whole.tsv"
    table, known = ResultsFile(path, METRIC), []
    for n in range(6):
        known.append(experiment(n, Verdict.KEEP if n % 3 == 0 else Verdict.DISCARD, 1.0 - n, f"change {n}"))
        before = path.stat().st_ino if n else 0
        table.write(known)
        assert n == 0 or path.stat().st_ino == before  # appended
        write_results(other, known, METRIC)
        assert path.read_bytes() == other.read_bytes()
    known[2] = replace(known[2], verdict=Verdict.KEEP, reason="taken back")
    known[3] = replace(known[3], reason="which no row says")
    table.write(known)
    write_results(other, known, METRIC)
    assert path.read_bytes() == other.read_bytes()
    same = path.stat().st_ino
    known[4] = replace(known[4], reason="which no row says")
    table.write(known)
    assert path.stat().st_ino == same


@pytest.mark.parametrize(
    "harm", [lambda p: p.unlink(), lambda p: p.write_text("x\n"), lambda p: p.write_bytes(p.read_bytes() + b"torn")]
)
def test_a_table_that_somebody_else_has_changed_is_written_whole(tmp_path, harm):
    path, other = tmp_path / "results.tsv", tmp_path / "whole.tsv"
    known = [experiment(n, Verdict.DISCARD, 1.0 - n) for n in range(3)]
    table = ResultsFile(path, METRIC)
    table.write(known[:2])
    harm(path)
    table.write(known)
    write_results(other, known, METRIC)
    assert path.read_bytes() == other.read_bytes()


@pytest.mark.parametrize("verdict", list(Verdict))
def test_there_are_three_statuses(tmp_path, verdict):
    path = tmp_path / "results.tsv"
    write_results(path, [experiment(1, verdict, None if verdict.failed else 2.0)], METRIC)
    *_, status, description = rows_of(path)[1]
    assert status == ("keep" if verdict.kept else "crash" if verdict.failed else "discard")
    marked = verdict not in (Verdict.CRASH, Verdict.KEEP, Verdict.BASELINE, Verdict.DISCARD)
    assert description == (f"x ({verdict})" if marked else "x")


def analyse(path: Path, name: str) -> dict[str, object]:
    """What the original's analysis takes from its table: rows that did not crash, their best so far, and what was kept."""
    table = pandas.read_csv(path, sep="\t")
    status, value = table["status"].str.strip().str.upper(), pandas.to_numeric(table[name], errors="coerce")
    valid = value[status != "CRASH"].reset_index(drop=True)
    kept = value[status == "KEEP"]
    near = valid[valid <= valid.loc[0] + 0.0005]  # what its chart shows beside the line of the best
    return {
        "crashes": int((status == "CRASH").sum()), "best": float(valid.min()), "running": list(kept.cummin()),
        "zeros": int((valid == 0).sum()), "near": len(near), "counts": status.value_counts().to_dict(),
        "memory": table["memory_gb"].dtype.kind,
    }  # fmt: skip


def test_the_originals_analysis_sees_no_zero_but_those_of_crashes(tmp_path):
    path = tmp_path / "results.tsv"
    stopped = Measurement(Outcome.PRUNED, None, seed=1, memory=44.0)
    experiments = [
        experiment(0, Verdict.BASELINE, 0.9979, "baseline", 44.0),
        replace(experiment(1, Verdict.PRUNED, summary="widen"), measurements=(stopped,)),
        experiment(2, Verdict.KEEP, 0.9932, "raise the rate", 44.2),
        replace(experiment(3, Verdict.DUPLICATE, summary="raise the rate"), measurements=()),
        experiment(4, Verdict.CRASH, None, "double the width", 12.0),
        experiment(5, Verdict.TIMEOUT, None, "deepen"),
        experiment(6, Verdict.REJECTED, -3.0, "print the number"),
        experiment(7, Verdict.DISCARD, 1.2, "drop the warmup", 40.0),
    ]
    write_results(path, experiments, METRIC)
    assert analyse(path, "val_bpb") == {
        "crashes": 3, "best": 0.9932, "running": [0.9979, 0.9932], "zeros": 0, "near": 2, "memory": "f",
        "counts": {"KEEP": 2, "DISCARD": 3, "CRASH": 3},
    }  # fmt: skip
    rows = rows_of(path)
    assert rows[2][1:] == ["nan", "44.0", "discard", "widen (pruned)"]
    assert rows[4][1:] == ["nan", "nan", "discard", "raise the rate (duplicate)"]


def test_a_metric_that_reaches_zero_is_written_as_zero_and_a_small_one_is_not(tmp_path):
    path = tmp_path / "results.tsv"
    values = [12.0, 0.0, 2.4e-19, -0.00012345]
    write_results(path, [experiment(n, Verdict.KEEP, v) for n, v in enumerate(values)], METRIC)
    assert [row[1] for row in rows_of(path)[1:]] == ["12.000000", "0.000000", "2.4e-19", "-0.00012345"]
    assert [float(row[1]) for row in rows_of(path)[1:]] == values


def test_a_rejected_experiment_has_zeros_although_it_was_measured(tmp_path):
    path = tmp_path / "results.tsv"
    write_results(path, [experiment(1, Verdict.REJECTED, -3.0, memory=5.0)], METRIC)
    assert rows_of(path)[1][1:3] == ["0.000000", "0.0"]


@given(st.lists(st.text(), min_size=1, max_size=4))
def test_any_summary_is_one_row_of_five_columns(tmp_path_factory, summaries):
    path = tmp_path_factory.mktemp("results") / "results.tsv"
    write_results(path, [experiment(n, Verdict.DISCARD, 1.0, text) for n, text in enumerate(summaries)], METRIC)
    rows = rows_of(path)
    assert len(rows) == len(summaries) + 1
    assert all(len(row) == 5 and row[4] for row in rows)
    with path.open(newline="", encoding="utf-8") as file:  # as csv and pandas read it, which know quotes
        assert list(csv.reader(file, delimiter="\t")) == rows


def test_surrogates_are_escaped(tmp_path):
    path = tmp_path / "results.tsv"
    write_results(path, [experiment(0, Verdict.BASELINE, 1.0, "a\ud800b\udc80")], METRIC)
    assert rows_of(path)[1][4] == r"a\ud800b\udc80"


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path, monkeypatch):
    path = tmp_path / "results.tsv"
    write_results(path, [experiment(0, Verdict.BASELINE, 1.0)], METRIC)
    before = path.read_text()
    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", lambda *_: (_ for _ in ()).throw(OSError("disk full")))
        with pytest.raises(OSError, match="disk full"):
            write_atomically(path, b"other")
    assert path.read_text() == before
    assert [p.name for p in tmp_path.iterdir()] == ["results.tsv"]


def test_one_line():
    assert one_line(" a\t b\r\n\x00c\u2028d\x85e ") == "a b c d e"


def test_the_nine_columns_of_the_skill():
    experiments = [
        experiment(2, Verdict.GUARD_FAILED, 88.9, "inline the hot path"),
        experiment(0, Verdict.BASELINE, 85.2, "initial state"),
        experiment(1, Verdict.KEEP, 87.1, "test the edge cases"),
        experiment(3, Verdict.DISCARD, 86.5, '"quoted"\tand tabbed'),
        experiment(4, Verdict.CRASH, None, "no database"),
        experiment(5, Verdict.METRIC_ERROR, None, "prints words"),
        experiment(6, Verdict.KEEP, 88.3, "test the errors"),
        experiment(7, None, None, "not judged yet"),
    ]
    higher = Metric("coverage", "All files", minimize=False)
    assert nine_column_table(experiments, higher, guarded=True, judged_at={0: 0.0, 1: 86400.0}).splitlines() == [
        "# metric_direction: higher_is_better",
        "iteration\ttimestamp\tcommit\tmetric\tdelta\tguard\tguard-metric\tstatus\tdescription",
        "0\t1970-01-01T00:00:00Z\t0000000\t85.200000\t0.0\tpass\t-\tbaseline\tinitial state",
        "1\t1970-01-02T00:00:00Z\t1111111\t87.100000\t+1.900000\tpass\t-\tkeep\ttest the edge cases",
        "2\t-\t-\t88.900000\t+1.800000\tfail\t-\tdiscard\tinline the hot path (guard-failed)",
        "3\t-\t-\t86.500000\t-0.600000\t-\t-\tdiscard\t'quoted' and tabbed",
        "4\t-\t-\t0.0\t0.0\t-\t-\tcrash\tno database",
        "5\t-\t-\t-\t-\t-\t-\tmetric-error\tprints words",
        "6\t-\t6666666\t88.300000\t+1.200000\tpass\t-\tkeep\ttest the errors",
    ]


def test_without_a_guard_no_row_says_pass():
    text = nine_column_table([experiment(0, Verdict.BASELINE, 1.0), experiment(1, Verdict.KEEP, 0.5)], METRIC)
    rows = [line.split("\t") for line in text.splitlines()]
    assert rows[0] == ["# metric_direction: lower_is_better"]
    assert [row[5] for row in rows[2:]] == ["-", "-"]
    assert rows[3][4] == "-0.500000"


@pytest.mark.parametrize("verdict", list(Verdict))
def test_every_verdict_has_one_of_the_skills_statuses(verdict):
    row = (
        nine_column_table([experiment(1, verdict, None if verdict.failed else 2.0)], METRIC).splitlines()[2].split("\t")
    )
    assert len(row) == len(NINE_COLUMNS) == 9
    assert row[7] in ("baseline", "keep", "discard", "crash", "no-op", "metric-error")
    assert (row[7] in ("baseline", "keep")) == verdict.kept
    assert (row[2] != "-") == verdict.kept
    assert row[8] == ("x" if row[7] == verdict else f"x ({verdict})")


def test_a_proposal_that_was_refused_before_a_run_is_a_no_op():
    refused = Experiment(3, 0, Proposal("x = 1\n", "sets a seed"), verdict=Verdict.REJECTED)
    assert nine_column_table([refused], METRIC).splitlines()[2] == "3\t-\t-\t-\t-\t-\t-\tno-op\tsets a seed (rejected)"


def test_the_ten_columns_are_the_five_and_the_gains():
    made = [experiment(0, Verdict.BASELINE, 3.0), experiment(1, Verdict.KEEP, 2.5), experiment(2, Verdict.CRASH)]
    gains = {1: {"gain": 0.5, "gain_low": 0.25, "gain_high": 0.75, "p_better": 0.97531, "proven": True}}
    header, *rows = (line.split("\t") for line in ten_column_table(made, METRIC, gains).splitlines())
    assert header[5:] == ["gain", "gain_low", "gain_high", "p_better", "proven"]
    assert [row[5:] for row in rows] == [
        ["nan", "nan", "nan", "nan", "no"],
        ["0.5", "0.25", "0.75", "0.97531", "yes"],
        ["nan", "nan", "nan", "nan", "no"],
    ]
    unknown = ten_column_table(made[:1], METRIC, {0: {"gain": -0.5, "gain_low": None, "proven": False}})
    assert unknown.splitlines()[1].split("\t")[5:] == ["-0.5", "nan", "nan", "nan", "no"]


@given(st.lists(st.text(), min_size=1, max_size=4))
def test_any_summary_is_one_row_of_nine_columns(summaries):
    made = [experiment(n, Verdict.DISCARD, 1.0, text) for n, text in enumerate(summaries)]
    lines = nine_column_table(made, METRIC).split("\n")
    assert len(lines) == len(summaries) + 3
    assert list(csv.reader(lines[1:-1], delimiter="\t")) == [line.split("\t") for line in lines[1:-1]]
    assert all(len(line.split("\t")) == 9 for line in lines[1:-1])


@pytest.mark.slow
def test_export_writes_five_columns_or_nine(tmp_path):
    study = Study(
        "Lower it",
        "X = 3.0\nloss = (X - 1) ** 2\n",
        metric="loss",
        experiments=2,
        repeats=2,
        budget="0.05s",
        root=tmp_path,
    )
    try:
        study.start().wait()
        run(Session(tmp_path), f"export {tmp_path}/five.tsv")
        run(Session(tmp_path), f"export {tmp_path}/nine.tsv --columns 9")
        assert (tmp_path / "five.tsv").read_text() == (study.folder / "results.tsv").read_text()
        header, names, *rows = (line.split("\t") for line in (tmp_path / "nine.tsv").read_text().splitlines())
        assert header == ["# metric_direction: lower_is_better"]
        assert tuple(names) == NINE_COLUMNS
        assert [row[0] for row in rows] == [str(e.number) for e in study.experiments]
        assert all(datetime.fromisoformat(row[1]).year > 2000 for row in rows)
        run(Session(tmp_path), f"export {tmp_path}/ten.tsv --columns 10")
        table = pandas.read_csv(tmp_path / "ten.tsv", sep="\t")
        assert table["gain"].tolist() == pytest.approx(study.history["gain"].tolist(), nan_ok=True)
        assert (table["proven"] == "yes").tolist() == study.history["proven"].tolist()
        assert len(read_results(tmp_path / "ten.tsv").experiments) == len(study.experiments)
        with pytest.raises(UserError, match=r"for a \.tsv, not for 'x.csv'"):
            study.export(tmp_path / "x.csv", columns=9)
        with pytest.raises(UserError, match="5, 9 or 10 columns, not 7"):
            study.export(tmp_path / "x.tsv", columns=7)
        with pytest.raises(UserError, match="choose from"):
            run(Session(tmp_path), "export x.tsv --columns 7")
    finally:
        study.stop()
