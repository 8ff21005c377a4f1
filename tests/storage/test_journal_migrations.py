"""Journals of earlier versions: real ones, as SQL in the folder `journals`."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from autoresearch_magic.errors import UserError
from autoresearch_magic.events import State
from autoresearch_magic.experiment import Experiment, Measurement, Outcome, Proposal, Verdict
from autoresearch_magic.storage import migrations
from autoresearch_magic.storage.journal import Journal
from autoresearch_magic.storage.schema import FORMAT
from autoresearch_magic.study.opening import open_study

EARLIER = sorted((Path(__file__).parent / "journals").glob("*.sql"))


def load(dump, folder):
    """Write a dump as the journal in a folder, and return its path."""
    folder.mkdir()
    path = folder / "journal.sqlite"
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(dump.read_text())
        connection.execute("PRAGMA journal_mode = WAL")
    return path


@pytest.fixture(params=EARLIER, ids=lambda path: path.stem)
def earlier(request, tmp_path):
    return load(request.param, tmp_path / "old")


def test_it_is_read_as_it_is_also_where_it_cannot_be_written(earlier):
    before = earlier.read_bytes()
    with Journal(earlier) as journal:
        experiments = journal.experiments()
        assert [e.number for e in experiments] == [0, 1, 2, 3, 4]
        assert experiments[0].verdict is Verdict.BASELINE
        assert all(e.value is not None for e in experiments)
        assert journal.get("state") == "finished"
        assert journal.prompt(1) == ""
        journal.check(whole=True)
    assert earlier.read_bytes() == before


def test_it_is_brought_up_to_date_and_nothing_is_lost(earlier):
    with Journal(earlier) as journal:
        before, notes, definition = journal.experiments(), journal.notes(), journal.get("definition")
    with Journal(earlier, create=True) as journal:
        assert (journal.experiments(), journal.notes(), journal.get("definition")) == (before, notes, definition)
        assert journal.get("format") == FORMAT
        assert journal.findings() == []
        e = Experiment(5, 0, Proposal("x = 1\n", "five", prompt="asked"))
        journal.open_experiment(e)
        journal.add_run(5, "candidate", Measurement(Outcome.OK, 1.0, 0, numbers={"a": 2.0}, notes=("n",)))
        assert journal.prompt(5) == "asked"
        assert journal.findings() == []
    with Journal(earlier, create=True) as journal:  # once more changes nothing
        assert len(journal.experiments()) == 6
        assert journal.findings() == []
    with Journal(earlier.with_name(migrations.copy_name(1))) as copy:
        assert copy.experiments() == before


def test_a_note_can_be_left_in_one_that_was_not_brought_up_to_date(earlier):
    with Journal(earlier) as journal:
        journal.note("say", text="hello")
        assert (journal.said(), journal.get("format")) == (["hello"], 1)


def test_a_kill_in_the_middle_leaves_one_version_or_the_other(tmp_path, monkeypatch):
    path = load(EARLIER[0], tmp_path / "old")

    def broken(connection):
        migrations._to_2(connection)
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(migrations, "MIGRATIONS", {1: broken})
        with pytest.raises(KeyboardInterrupt):
            Journal(path, create=True)
    with Journal(path) as journal:
        assert journal.get("format") == 1
        assert "numbers" not in journal.select("SELECT * FROM measurement")[0].keys()  # noqa: SIM118
    with Journal(path, create=True) as journal:
        assert journal.findings() == []


def test_one_of_a_newer_version_is_refused_and_left_as_it_is(tmp_path):
    with Journal(tmp_path / "journal.sqlite", create=True) as journal:
        journal.set(format=FORMAT + 1)
    before = (tmp_path / "journal.sqlite").read_bytes()
    with pytest.raises(UserError, match="newer version"):
        Journal(tmp_path / "journal.sqlite", create=True)
    assert (tmp_path / "journal.sqlite").read_bytes() == before


@pytest.mark.slow
@pytest.mark.parametrize("dump", EARLIER[::3], ids=lambda path: path.stem)
def test_a_study_of_an_earlier_version_goes_on(dump, tmp_path):
    load(dump, tmp_path / "old")
    study = open_study(tmp_path / "old")
    values = [e.value for e in study.experiments]
    study.resume(experiments=5)
    assert study.wait(60)
    assert study.state == State.FINISHED, study.status.message
    assert [e.value for e in study.experiments][:5] == values
    assert len(study.experiments) == 6
    with Journal(tmp_path / "old" / "journal.sqlite") as journal:
        assert journal.findings() == []
        assert all(e.commit for e in journal.experiments())
