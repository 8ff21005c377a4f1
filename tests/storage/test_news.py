"""What is new in a journal: runs and events by their numbers, rows of experiments by what has changed."""

import sqlite3

from autoresearch_magic.experiment import Experiment, Proposal
from autoresearch_magic.storage.journal import Journal
from autoresearch_magic.storage.news import Position, read_news

QUESTION = "EXPLAIN QUERY PLAN SELECT number, verdict, judged_at, commit_sha FROM experiment ORDER BY number"


def test_only_what_is_new_is_read_and_the_marks_come_from_an_index(tmp_path):
    with Journal(tmp_path / "journal.sqlite", create=True) as journal:
        journal.set(state="running", live={"pid": 1})
        for number in (0, 1):
            journal.open_experiment(Experiment(number, None, Proposal("X = 1", "s"), "f00d"))
        journal.note("drift", experiment=0, since=1)
        journal.note("say", text="hello")
        news = read_news(journal, Position())
        assert [row["number"] for row in news.rows] == [0, 1]
        assert news.events == [("drift", {"experiment": 0, "since": 1})]
        assert (news.meta["state"], news.meta["live"], news.meta["message"]) == ("running", {"pid": 1}, None)
        assert (news.position.event, news.position.run) == (2, 0)
        assert read_news(journal, news.position).events == []
        assert "COVERING INDEX" in journal.select(QUESTION)[0]["detail"]


def test_a_journal_of_an_earlier_version_has_no_index_and_is_read_as_well(tmp_path):
    with Journal(tmp_path / "journal.sqlite", create=True) as journal:
        journal.open_experiment(Experiment(0, None, Proposal("X = 1", "s"), "f00d"))
    with sqlite3.connect(tmp_path / "journal.sqlite") as connection:
        connection.execute("DROP INDEX experiment_mark")
        connection.execute("DROP TABLE chain")
        connection.execute("UPDATE meta SET value = '1' WHERE key = 'format'")
    with Journal(tmp_path / "journal.sqlite") as journal:
        assert [row["number"] for row in read_news(journal, Position()).rows] == [0]
    with Journal(tmp_path / "journal.sqlite", create=True) as journal:
        assert "COVERING INDEX" in journal.select(QUESTION)[0]["detail"], "a process that runs the study adds it"
