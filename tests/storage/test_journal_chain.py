"""What is done to a journal from outside is noticed."""

import shutil
import sqlite3
from contextlib import closing

import pytest

from autoresearch_magic.errors import UserError
from autoresearch_magic.experiment import Experiment, Measurement, Outcome, Proposal, Usage, Verdict
from autoresearch_magic.storage import chain
from autoresearch_magic.storage.journal import Journal
from autoresearch_magic.storage.trouble import Changed, Damaged

PROPOSAL = Proposal("x = 1\n", "one", "because", "a little", "tuner", prompt="asked")


def write(journal, *numbers):
    for number in numbers:
        e = Experiment(number, None, PROPOSAL, f"mark{number}")
        journal.open_experiment(e)
        journal.note("attempt", experiment=number)
        journal.add_run(number, "candidate", Measurement(Outcome.OK, 1.0 + number, seed=number, notes=("n",)))
        journal.close_experiment(Experiment(number, None, PROPOSAL, "", Verdict.KEEP, "better"))
        journal.set_commit(number, f"c{number}")


@pytest.fixture
def path(tmp_path):
    folder = tmp_path / "night"
    folder.mkdir()
    with Journal(folder / "journal.sqlite", create=True) as journal:
        journal.set(name="night", definition={"a": 1}, live={"pid": 1})
        write(journal, *range(20))
        journal.set_usage(3, Usage(calls=2))
        journal.rework(Experiment(4, None, PROPOSAL), Experiment(4, None, PROPOSAL, "other"), "guard")
        journal.verified()
    return folder / "journal.sqlite"


def outside(path, *statements):
    with closing(sqlite3.connect(path)) as connection, connection:
        for statement in statements:
            connection.execute(statement)


def found(path, **how):
    with Journal(path) as journal:
        texts = [each.text for each in journal.findings()]
        if not texts:
            journal.check(whole=True)
        else:
            with pytest.raises(Changed, match=r"was changed from outside .*%autoresearch repair night --check"):
                journal.check(whole=True)
    return texts


def test_what_is_written_here_agrees(path):
    assert found(path) == []
    with Journal(path) as journal:
        journal.set(live={"pid": 2})  # not in the chain
        assert journal.findings() == []
        journal.check()


@pytest.mark.parametrize(("statement", "says"), [
    ("UPDATE experiment SET value = 0.5 WHERE number = 3", "experiment 3 was changed"),
    ("UPDATE experiment SET verdict = 'discard' WHERE number = 19", "experiment 19 was changed"),
    ("UPDATE measurement SET value = 0.5 WHERE id = 2", "run 2 was changed"),
    ("UPDATE measurement SET notes = '[]' WHERE id = 2", "run 2 was changed"),
    ("UPDATE event SET body = '{}' WHERE id = 5", "event 5 was changed"),
    ("UPDATE prompt SET text = x'00' WHERE experiment = 5", "prompt 5 was changed"),
    ("UPDATE meta SET value = '{}' WHERE key = 'definition'", "setting definition was changed"),
    ("DELETE FROM experiment WHERE number = 19", "experiment 19 was deleted"),
    ("DELETE FROM measurement WHERE id = 20", "run 20 was deleted"),
    ("DELETE FROM event WHERE id = 3", "event 3 was deleted"),
    ("DELETE FROM prompt WHERE experiment = 0", "prompt 0 was deleted"),
    ("DELETE FROM meta WHERE key = 'name'", "setting name was deleted"),
    ("INSERT INTO event (at, kind, body) VALUES (1, 'say', '{}')", "event 22 was added"),
    ("INSERT INTO meta VALUES ('more', '1')", "setting more was added"),
    ("DELETE FROM chain WHERE id = 9", "entry 9 of its chain does not follow"),
    ("UPDATE chain SET digest = zeroblob(20) WHERE id = 9", "entry 9 of its chain does not follow"),
])  # fmt: skip
def test_each_change_from_outside_is_found(path, statement, says):
    outside(path, statement)
    assert any(says in text for text in found(path))


@pytest.mark.parametrize("statement", [
    "UPDATE experiment SET value = 0.5 WHERE number = 19",
    "DELETE FROM experiment WHERE number = 19",
    "DELETE FROM experiment WHERE number = 2",
    "DELETE FROM measurement WHERE id = 1",
    "INSERT INTO event (at, kind, body) VALUES (1, 'say', '{}')",
    "UPDATE chain SET hash = zeroblob(20) WHERE id = (SELECT max(id) FROM chain)",
    "DELETE FROM chain WHERE id = (SELECT max(id) FROM chain WHERE kind = 'event')",
    "UPDATE meta SET value = '1' WHERE key = 'format'",
])  # fmt: skip
def test_a_look_at_the_end_finds_what_is_new_there_and_what_is_gone(path, statement, monkeypatch):
    monkeypatch.setattr(chain, "SMALL", 0)
    outside(path, statement)
    with Journal(path) as journal, pytest.raises(Changed):
        journal.check()


@pytest.mark.parametrize("table", ["event", "chain", "experiment"])
def test_a_dropped_table_is_damage(path, table):
    outside(path, f"DROP TABLE {table}")
    with Journal(path) as journal:
        for attempt in (lambda: journal.check(whole=True), lambda: write(journal, 20)):
            with pytest.raises(Damaged, match=f"no such table: (main.)?{table}.*repair night"):
                attempt()


def test_a_chain_that_was_computed_anew_is_known_by_whoever_remembers_a_hash(path):
    with Journal(path) as journal, Journal(path) as forger:
        head, mark = journal.head, journal.mark(19)
        assert journal.lacks({19: mark}) == []
        journal.note("say", text="remembered from here on")
        forger.write(
            ("UPDATE experiment SET value = 0.5 WHERE number = 19", (), "", 0), ("DELETE FROM chain", (), "", 0)
        )
        chain.enter_everything(forger._connection)
        forger._connection.commit()
        assert forger.findings() == []
        assert not forger.continues(head)
        assert forger.lacks({19: mark}) == [19]
        with pytest.raises(Changed, match="what was written a moment ago is not in it any more"):
            journal.note("say", text="hello")
        with pytest.raises(Changed):
            journal.check()


def test_several_writers_make_one_chain(path):
    with Journal(path) as one, Journal(path) as other:
        for number in range(5):
            one.note("say", text=str(number))
            other.note("request", action="pause")
        assert one.findings() == []
        one.check()


def test_only_what_came_after_the_mark_is_compared_where_there_is_very_much(path, monkeypatch):
    monkeypatch.setattr(chain, "WHOLE", 10)
    monkeypatch.setattr(chain, "RECENT", 1)
    outside(path, "UPDATE measurement SET value = 0.5 WHERE id = 2")
    with Journal(path) as journal:
        journal.check(whole=True)
        assert [each.text for each in journal.findings()] == ["run 2 was changed"]
        write(journal, 20)
    outside(path, "UPDATE measurement SET value = 0.5 WHERE id = 21")
    with Journal(path) as journal, pytest.raises(Changed, match="run 21 was changed"):
        journal.check(whole=True)


def test_a_journal_that_is_deleted_while_a_study_writes_it_is_written_again(path):
    told = []
    with Journal(path) as journal:
        journal.tell = told.append
        journal.note("say", text="before")
        for name in path.parent.glob("journal.sqlite*"):
            name.unlink()
        journal.note("say", text="after")
        assert told == [f"{path} was deleted while the study ran; it was written again, and nothing is lost."]
        journal.note("say", text="once more")
    with Journal(path) as journal:
        assert journal.said() == ["before", "after", "once more"]
        assert journal.findings() == []


def test_one_that_is_replaced_is_left_alone_and_what_was_recorded_is_kept(path):
    other = path.with_name("other")
    with Journal(path) as journal:
        shutil.copyfile(path, other)
        journal.note("say", text="mine")
        other.replace(path)
        content = path.read_bytes()
        with pytest.raises(Changed, match=r"replaced by another file.*journal.kept-\d+.sqlite.*repair night"):
            journal.note("say", text="lost")
        assert path.read_bytes() == content
    (kept,) = path.parent.glob("journal.kept-*")
    with Journal(kept) as journal:
        assert journal.said() == ["mine"]


def test_one_that_is_cut_off_while_a_study_writes_it(path):
    with Journal(path) as journal:
        journal.note("say", text="mine")
        with path.open("rb+") as file:
            file.truncate(8192)
        with pytest.raises(Damaged, match=r"cut off at 8,192 of .* bytes.*repair night"):
            journal.note("say", text="lost")


def test_a_deleted_folder_is_not_made_again(path):
    with Journal(path) as journal:
        shutil.rmtree(path.parent)
        with pytest.raises(Changed, match="was deleted while its study ran"):
            journal.note("say", text="hello")
    assert not path.parent.exists()


def test_none_is_made_beside_the_results_of_one_that_is_gone(path):
    path.unlink()
    (path.parent / "results.tsv").write_text("")
    for create in (True, False):
        with pytest.raises(Damaged, match=r"The journal of the study night is gone.*repair night"):
            Journal(path, create=create)
    assert not path.exists()


@pytest.mark.parametrize(
    "content", [b"", b"SQLite format 3\0" + b"\xff" * 5000, b"\0" * 8192], ids=["empty", "garbage", "zeros"]
)
def test_a_file_that_holds_no_journal_is_told_in_one_line(path, content):
    path.write_bytes(content)
    with pytest.raises(UserError, match="repair night") as told:
        Journal(path)
    assert "\n" not in str(told.value)
