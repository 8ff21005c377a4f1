import math
import sqlite3
import threading
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from autoresearch_magic.errors import UserError
from autoresearch_magic.experiment import Experiment, Measurement, Outcome, Proposal, Verdict
from autoresearch_magic.runs import Conditions, Point
from autoresearch_magic.storage.journal import Journal
from autoresearch_magic.storage.rows import MOST_POINTS, MOST_TEXT
from autoresearch_magic.storage.schema import FORMAT

PROPOSAL = Proposal("x = 1\n", "one", "because", "a little", "tuner")


@pytest.fixture
def journal(tmp_path):
    made = Journal(tmp_path / "journal.sqlite", create=True)
    yield made
    made.close()


def test_what_is_written_is_read_back(journal):
    m = Measurement(
        Outcome.OK, 1.5, seed=3, seconds=2.0, charged=1.0, evaluation=0.5, steps=9, memory=0.25,
        curve=(Point(0.1, 0.5, 1, {"loss": 2.0}),), output="hello", names=("a", "b"),
        numbers={"train_loss": 0.25, "tiny": 5e-324}, conditions=Conditions(1.2, 2, 0.1), notes=("worst: ä",), artifacts={"a/b.txt": "x\ny"},
    )  # fmt: skip
    opened = Experiment(4, 2, PROPOSAL, "f00d")
    journal.open_experiment(opened)
    assert journal.experiments() == [opened]
    journal.add_run(4, "candidate", m)
    judged = Experiment(4, 2, PROPOSAL, "f00d", Verdict.KEEP, "better", (m,), "abc")
    journal.close_experiment(judged)
    journal.set_commit(4, "abc")
    assert journal.experiments() == [judged]
    assert journal.judged_at(4) > 1.6e9


def test_nan_and_infinity_come_back_as_they_were(journal):
    journal.open_experiment(Experiment(0, None, PROPOSAL))
    for value in (math.nan, math.inf):
        journal.add_run(0, "candidate", Measurement(Outcome.NOT_FINITE, value, seed=0))
    nan, inf = (run.measurement.value for run in journal.runs())
    assert math.isnan(nan)
    assert inf == math.inf


def test_final_runs_do_not_belong_to_the_experiment(journal):
    journal.open_experiment(Experiment(0, None, PROPOSAL))
    journal.add_run(0, "baseline", Measurement(Outcome.OK, 1.0, seed=0))
    journal.add_run(0, "final", Measurement(Outcome.OK, 2.0, seed=1000))
    journal.add_run(0, "final", Measurement(Outcome.CRASH, None, seed=1001))
    assert [m.value for m in journal.experiments()[0].measurements] == [1.0]
    assert [(m.seed, m.value) for m in journal.finals()[0]] == [(1000, 2.0), (1001, None)]


def test_another_process_can_read_while_it_is_written(journal):
    journal.set(name="n")
    journal.open_experiment(Experiment(0, None, PROPOSAL))
    reader = Journal(journal.path)
    assert reader.get("name") == "n"
    assert len(reader.experiments()) == 1
    reader.close()
    with sqlite3.connect(journal.path) as connection:
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)


def test_notes(journal):
    journal.note("state", state="running")
    ((_, kind, body),) = journal.notes()
    assert (kind, body) == ("state", {"state": "running"})


def test_a_file_that_cannot_be_opened_is_a_one_line_error(tmp_path):
    with pytest.raises(UserError, match="There is no study"):
        Journal(tmp_path / "journal.sqlite")
    (tmp_path / "text").write_text("not a database, but long enough to be read as one " * 40)
    with pytest.raises(UserError, match="not a study's journal"):
        Journal(tmp_path / "text")
    newer = Journal(tmp_path / "newer.sqlite", create=True)
    newer.set(format=99)
    newer.close()
    with pytest.raises(UserError, match="newer version"):
        Journal(tmp_path / "newer.sqlite")


TEXTS = st.text(st.characters(), max_size=40)
NUMBERS = st.floats() | st.integers(-(2**80), 2**80).map(float)
MEASUREMENTS = st.builds(
    Measurement, st.sampled_from([*Outcome]), st.none() | NUMBERS, st.integers(-(2**70), 2**70), seconds=NUMBERS, charged=NUMBERS,
    evaluation=NUMBERS, steps=st.integers(-(2**80), 2**80), memory=NUMBERS, error=TEXTS, traceback=TEXTS, output=TEXTS,
    names=st.lists(TEXTS, max_size=3).map(tuple), notes=st.lists(TEXTS, max_size=3).map(tuple), artifacts=st.dictionaries(TEXTS, TEXTS, max_size=3),
    curve=st.lists(
        st.builds(Point, NUMBERS, NUMBERS, st.integers(-(2**80), 2**80), st.dictionaries(TEXTS, NUMBERS, max_size=3)), max_size=3
    ).map(tuple),
)  # fmt: skip


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=60)
@given(MEASUREMENTS, TEXTS)
def test_whatever_a_run_leaves_can_be_recorded_and_written_elsewhere(journal, m, text):
    number = len(journal.experiments())
    proposal = Proposal(text, text, text, text, text, reply=text, failure=text)
    journal.open_experiment(Experiment(number, None, proposal))
    journal.add_run(number, "candidate", m)
    journal.close_experiment(Experiment(number, None, proposal, "", Verdict.CRASH, text, (m,)))
    journal.note("guard", experiment=number, failure=text)
    read = journal.experiments()[number]
    (again,) = read.measurements
    assert (again.outcome, read.target) == (m.outcome, proposal.target)
    assert abs(again.steps) <= 2**63
    assert len(again.curve) == len(m.curve)
    for each in (
        again.error,
        again.traceback,
        again.output,
        *again.names,
        *again.notes,
        *again.artifacts,
        *again.artifacts.values(),
        read.reason,
        journal.notes()[-1][2]["failure"],
    ):
        assert isinstance(each.encode(), bytes)
    assert all(name.encode() is not None for point in again.curve for name in point.values)


def test_what_is_too_long_is_cut_and_says_so(journal):
    journal.open_experiment(Experiment(0, None, PROPOSAL))
    curve = tuple(Point(float(i), 0.5, i, {"x": 1.0}) for i in range(10_000))
    text = "first" + "x" * 20_000_000 + "last"
    journal.add_run(
        0, "candidate", Measurement(Outcome.CRASH, None, 0, error=text, traceback=text, output=text, curve=curve)
    )
    (run,) = journal.runs()
    for kept in (run.measurement.error, run.measurement.traceback, run.measurement.output):
        assert kept.startswith("first")
        assert kept.endswith("last")
        assert "characters left out" in kept
        assert len(kept) < MOST_TEXT + 100
    assert len(run.measurement.curve) <= MOST_POINTS
    assert run.measurement.curve[0].step == 0


def test_a_value_too_large_to_compare_is_a_failed_run_also_when_it_was_recorded_before(journal):
    journal.open_experiment(Experiment(0, None, PROPOSAL))
    journal.add_run(0, "candidate", Measurement(Outcome.OK, 1.0, seed=0))
    with sqlite3.connect(journal.path) as connection:
        connection.execute("UPDATE measurement SET value = -1e308")
    (run,) = journal.runs()
    assert (run.measurement.outcome, run.measurement.ok) == (Outcome.NOT_FINITE, False)
    assert "too large to be compared" in run.measurement.error


@pytest.mark.slow
def test_a_journal_can_be_opened_from_the_moment_it_exists(tmp_path):
    """Another thread polls for it, as the one that reads requests does."""
    opened, failed = [], []

    def poll(path, done):
        while not done.is_set():
            if path.is_file():
                try:
                    with Journal(path) as journal:
                        opened.append(journal.get("format"))
                except Exception as error:
                    failed.append(error)

    for n in range(30):
        path, done = tmp_path / f"{n}.sqlite", threading.Event()
        poller = threading.Thread(target=poll, args=(path, done))
        poller.start()
        with Journal(path, create=True) as journal:
            journal.set(name="one")
            journal.note("say", text="hello")
        done.set()
        poller.join()
    assert not failed
    assert len(opened) > 30
    assert set(opened) == {FORMAT}
    assert not [path.name for path in tmp_path.iterdir() if path.name.endswith(".new")]


def test_attempts_at_experiments_that_are_judged_are_not_remembered(tmp_path):
    with Journal(tmp_path / "journal.sqlite", create=True) as journal:
        for number in range(3):
            experiment = Experiment(number, None if number == 0 else 0, Proposal("x = 1", "x"))
            journal.open_experiment(experiment)
            assert journal.attempts(number) == (0, "")
            journal.note("attempt", experiment=number)
            journal.note("attempt begun", experiment=number)
            journal.close_experiment(replace(experiment, verdict=Verdict.DISCARD))
        assert journal.attempts(7) == (0, "")
        assert journal._noted == {}
        journal.note("attempt begun", experiment=7)
        assert journal.attempts(7) == (1, "")
