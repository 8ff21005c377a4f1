"""Measurements whose curves and outputs are read from the journal when they are asked for."""

from dataclasses import replace

import pytest

from autoresearch_magic.experiment import Experiment, Measurement, Outcome, Proposal
from autoresearch_magic.runs import Point
from autoresearch_magic.storage.journal import Journal
from autoresearch_magic.storage.late import BLOCK, LATE, forget
from autoresearch_magic.storage.trouble import JournalError

RUNS = [
    Measurement(
        Outcome.OK, 1.0 + n, n, 2.0, curve=(Point(0.5, 0.1, n, {"loss": 2.0}),), output=f"out {n}\r\n", traceback="tb", names=("a",),
        numbers={"x": 1.0}, notes=("said",), artifacts={"a.txt": "b"}, error="e",
    )
    for n in range(2 * BLOCK + 3)
]  # fmt: skip


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "journal.sqlite"
    with Journal(path, create=True) as journal:
        journal.open_experiment(Experiment(0, None, Proposal("x = 1", "x")))
        for run in RUNS:
            journal.add_run(0, "baseline", run)
        journal.add_run(0, "baseline", Measurement(Outcome.OK, 1e200, 1, output="huge"))
    return path


def read(path):
    with Journal(path) as journal:
        return [run.measurement for run in journal.runs()]


def test_they_are_what_was_recorded(path):
    found, again = read(path), read(path)
    assert not any(set(LATE) & m.__dict__.keys() for m in found[:-1])  # nothing was read yet
    assert found == again
    assert not any(set(LATE) & m.__dict__.keys() for m in found[:-1])
    assert found[:-1] == RUNS
    assert again[:-1] == RUNS
    assert found[5].output == "out 5\r\n"
    assert found[-1].outcome is Outcome.NOT_FINITE
    assert found[0] != found[1]
    assert found[0] != replace(RUNS[0], output="other")


def test_what_was_just_recorded_is_there_until_it_is_forgotten(tmp_path):
    with Journal(tmp_path / "journal.sqlite", create=True) as journal:
        journal.open_experiment(Experiment(0, None, Proposal("x = 1", "x")))
        recorded = [journal.add_run(0, "baseline", run) for run in RUNS]
        unwritten = Measurement(Outcome.OK, 1.0, 1, output="out")
        assert {*LATE} <= vars(recorded[3]).keys()
        assert recorded == RUNS
        forget([*recorded, unwritten, replace(recorded[3], error="other")])
        assert not {*LATE} & vars(recorded[3]).keys()
        assert unwritten.output == "out"
        assert recorded == RUNS  # read again
        assert [m.artifacts for m in recorded] == [m.artifacts for m in RUNS]


def test_a_copy_with_another_value_has_all_fields(path):
    made = replace(read(path)[3], error="other")
    assert made == replace(RUNS[3], error="other")
    assert made.curve == RUNS[3].curve


def test_a_journal_that_is_gone_or_another_one_is_an_error_in_one_line(path, tmp_path):
    gone, other = read(path)[:2]
    path.rename(tmp_path / "moved.sqlite")
    with pytest.raises(JournalError):
        _ = gone.output
    with Journal(path.with_name("new.sqlite"), create=True) as journal:
        journal.open_experiment(Experiment(0, None, Proposal("x = 1", "x")))
        journal.add_run(0, "baseline", replace(RUNS[0], seed=9))
        journal.add_run(0, "baseline", replace(RUNS[0], seed=9))
    path.with_name("new.sqlite").rename(path)
    with pytest.raises(JournalError, match="not the one"):
        _ = other.output
