"""A study looks after its journal: what is done to it is told, and what cannot be written waits."""

import shutil
import sqlite3
import threading
from contextlib import closing
from types import SimpleNamespace

import pytest

from autoresearch_magic.agents.registry import BUILT_IN
from autoresearch_magic.errors import Stopped
from autoresearch_magic.events import Notice, State
from autoresearch_magic.experiment import Experiment, Measurement, Outcome, Proposal
from autoresearch_magic.storage import journal_file
from autoresearch_magic.storage.backup import NAME, back_up
from autoresearch_magic.storage.journal import Journal
from autoresearch_magic.storage.trouble import CannotWrite, Changed, Damaged
from autoresearch_magic.study import journal_care
from autoresearch_magic.study.control import Control
from autoresearch_magic.study.journal_care import Patience
from autoresearch_magic.study.opening import open_study
from autoresearch_magic.study.study import Study
from tests.studies import QUICK, Script, wait_for


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """The folder of a finished study, which tests copy."""
    root = tmp_path_factory.mktemp("finished")
    study = Study(
        "Lower it", QUICK, name="night", root=root, metric="loss", minimize=True, budget="1s", experiments=2, repeats=1
    )
    assert study.start().wait(60)
    assert study.state == State.FINISHED, study.status.message
    return study.folder


@pytest.fixture
def folder(finished, tmp_path):
    return shutil.copytree(finished, tmp_path / "night")


def outside(folder, statement):
    with closing(sqlite3.connect(folder / "journal.sqlite")) as connection, connection:
        connection.execute(statement)


def refused(study):
    """Resume a study that must not go on, and return why it does not."""
    study.resume(experiments=3)
    study.wait(60)
    assert study.state == State.FAILED
    assert len(study.experiments) == 3
    return study.status.message


@pytest.mark.slow
def test_commits_carry_the_hash_of_the_journal_and_a_backup_is_made(folder):
    study = open_study(folder)
    assert study.state == State.FINISHED
    with Journal(folder / "journal.sqlite") as journal, Journal(folder / NAME) as backup:
        assert backup.experiments() == journal.experiments()
        assert backup.findings() == journal.findings() == []
        assert backup.get("state") == "finished"
        assert journal.mark(2)
    study.resume(experiments=3)
    assert study.wait(60)
    assert study.state == State.FINISHED, study.status.message
    with Journal(folder / "journal.sqlite") as journal:
        assert journal.findings() == []


@pytest.mark.slow
def test_an_edited_journal_is_told_and_not_shown_as_finished(folder):
    outside(folder, "UPDATE experiment SET value = 0.001 WHERE number = 1")
    study = open_study(folder)
    assert study.state == State.FAILED
    assert "was changed from outside (experiment 1 was changed)" in study.status.message
    assert "%autoresearch repair night --check" in study.status.message
    assert "experiment 1 was changed" in refused(study)


@pytest.mark.slow
def test_a_journal_whose_chain_was_computed_anew_does_not_agree_with_git(folder):
    outside(folder, "UPDATE experiment SET value = 0.001 WHERE number = 1")
    with Journal(folder / "journal.sqlite") as journal:
        journal._connection.execute("DELETE FROM chain")
        journal_file.chain.enter_everything(journal._connection)
        journal._connection.commit()
        assert journal.findings() == []
    assert "git has another record of experiment 0 and 2 more" in refused(open_study(folder))


@pytest.mark.slow
def test_an_earlier_journal_put_in_its_place_does_not_agree_with_git(folder):
    early = folder.with_name("early")
    with Journal(folder / "journal.sqlite") as journal:
        journal.close()
    shutil.copyfile(folder / "journal.sqlite", early)
    study = open_study(folder)
    study.resume(experiments=3)
    study.wait(60)
    early.replace(folder / "journal.sqlite")
    study = open_study(folder)
    study.resume(experiments=4)
    study.wait(60)
    assert study.state == State.FAILED
    assert "changed from outside" in study.status.message


def test_a_finished_study_whose_journal_disappears_is_not_shown_as_finished(folder):
    study = open_study(folder)
    (folder / "journal.sqlite").unlink()
    study.refresh()
    assert study.state == State.FAILED
    assert "The journal of the study night is gone, though its results are there" in study.status.message
    with pytest.raises(Damaged, match=r"night is gone.*repair night"):
        open_study(folder)
    assert not (folder / "journal.sqlite").exists()


def test_one_that_is_put_into_its_place_while_somebody_watches(folder):
    study = open_study(folder)
    with Journal(folder / "journal.sqlite") as journal:
        journal._connection.execute("UPDATE chain SET hash = zeroblob(20) WHERE id = (SELECT max(id) FROM chain)")
        journal._connection.commit()
    study.refresh()
    assert study.state == State.FAILED
    assert "what was read from it before is not in it any more" in study.status.message


def test_a_backup_does_not_replace_one_that_it_does_not_continue(folder):
    with Journal(folder / NAME) as backup:
        before = backup.experiments()
    outside(folder, "DELETE FROM chain WHERE id > 3")
    with pytest.raises(Changed, match="does not continue its last backup"):
        back_up(folder / "journal.sqlite")
    with Journal(folder / NAME) as backup:
        assert backup.experiments() == before
    assert not [*folder.glob("*.new*")]


# -- a journal that cannot be written -----------------------------------------------------------------------------------


@pytest.fixture
def full(tmp_path):
    """A journal that has no room: SQLite's own limit on pages gives the error that a full disk gives."""
    (tmp_path / "night").mkdir()
    with Journal(tmp_path / "night" / "journal.sqlite", create=True) as journal:
        journal.open_experiment(Experiment(0, None, Proposal("x", "s")))
        (pages,) = journal._connection.execute("PRAGMA page_count").fetchone()
        journal._connection.execute(f"PRAGMA max_page_count = {pages}")
        yield journal


LARGE = Measurement(Outcome.OK, 1.0, 0, output="x" * 60_000)


def test_without_patience_it_is_one_line(full):
    with pytest.raises(CannotWrite, match=r"no room on the disk.*%autoresearch resume night.*is kept"):
        full.add_run(0, "candidate", LARGE)
    assert full.runs() == []
    assert full.findings() == []


def test_a_run_that_was_measured_waits_until_there_is_room(full, monkeypatch):
    monkeypatch.setattr(journal_care, "PAUSES", (0.05,))
    events, status = [], SimpleNamespace(state=State.RUNNING)
    full.wait = Patience(status, Control(), events.append)
    adding = threading.Thread(target=full.add_run, args=(0, "candidate", LARGE))
    adding.start()
    wait_for(lambda: events)
    assert events[0].state is State.WAITING
    assert "What was measured waits in memory" in events[0].message
    full._connection.execute("PRAGMA max_page_count = 100000")
    adding.join()
    assert [run.measurement.output for run in full.runs()] == [LARGE.output]
    assert events[1].state is State.RUNNING
    assert "can be written again" in events[2].message
    assert full.findings() == []


def test_patience_ends_and_a_stop_ends_it_at_once(full, monkeypatch):
    control = Control()
    full.wait = Patience(SimpleNamespace(state=State.RUNNING), control, lambda event: None)
    control.stop()
    with pytest.raises(Stopped):
        full.add_run(0, "candidate", LARGE)
    monkeypatch.setattr(journal_care, "PATIENCE", -1.0)
    with pytest.raises(CannotWrite):
        full.add_run(0, "candidate", LARGE)
    assert full.wait is None


@pytest.mark.slow
def test_a_table_that_is_dropped_while_a_study_runs_is_made_again_and_the_study_goes_on(tmp_path, monkeypatch):
    versions = [QUICK.replace("3.0", f"{value}") for value in (2.5, 2.0, 1.5)]

    class Hostile(Script):
        def propose(self, briefing):
            if briefing.number == 2:
                outside(tmp_path / "night", "DROP TABLE measurement")
            return super().propose(briefing)

    monkeypatch.setitem(BUILT_IN, "script", lambda order: Hostile(*versions))
    study = Study(
        "Lower it",
        QUICK,
        name="night",
        root=tmp_path,
        metric="loss",
        minimize=True,
        budget="1s",
        experiments=3,
        repeats=1,
        agent="script",
    )
    notices = []
    study.observe(lambda event: notices.append(event.message) if isinstance(event, Notice) else None)
    assert study.start().wait(60)
    assert study.state == State.FINISHED, study.status.message
    assert len(study.experiments) == 4
    assert any("It was repaired" in line and "the study goes on" in line for line in notices)
    with Journal(tmp_path / "night" / "journal.sqlite") as journal:
        assert journal.findings() == []
        assert [(e.verdict, e.value, e.commit) for e in journal.experiments()] == [
            (e.verdict, e.value, e.commit) for e in study.experiments
        ]
