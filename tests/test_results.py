"""results.tsv, as scripts written for the original read it."""

import csv
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autoresearch_magic.experiment import Experiment, Measurement, Outcome, Proposal, Verdict
from autoresearch_magic.metric import Metric
from autoresearch_magic.records.results import one_line, write_atomically, write_results

METRIC = Metric("val_bpb", "evaluate(model)")


def experiment(number: int, verdict: Verdict | None, value: float | None = None, summary: str = "x", memory: float = 0):
    outcome = Outcome.OK if value is not None else Outcome.CRASH
    measurement = Measurement(outcome, value, seed=1, memory=memory)
    proposal = Proposal("x = 1\n", summary)
    return Experiment(number, None, proposal, verdict=verdict, measurements=(measurement,), commit=f"{number:x}" * 40)


def rows_of(path: Path) -> list[list[str]]:
    return [line.split("\t") for line in path.read_text(encoding="utf-8").splitlines()]


def test_the_five_columns_are_the_originals(tmp_path):
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


@pytest.mark.parametrize("verdict", list(Verdict))
def test_there_are_three_statuses(tmp_path, verdict):
    path = tmp_path / "results.tsv"
    write_results(path, [experiment(1, verdict, None if verdict.failed else 2.0)], METRIC)
    *_, status, description = rows_of(path)[1]
    assert status == ("keep" if verdict.kept else "crash" if verdict.failed else "discard")
    marked = verdict.failed and verdict is not Verdict.CRASH
    assert description == (f"x ({verdict})" if marked else "x")


def test_a_rejected_one_has_zeros_although_it_was_measured(tmp_path):
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


def test_surrogates_do_not_stop_it(tmp_path):
    path = tmp_path / "results.tsv"
    write_results(path, [experiment(0, Verdict.BASELINE, 1.0, "a\ud800b\udc80")], METRIC)
    assert rows_of(path)[1][4] == "a?b?"


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
