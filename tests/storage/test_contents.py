"""What a journal holds, read in parts: the same as reading it as a whole."""

from dataclasses import replace

from autoresearch_magic.experiment import Experiment, Measurement, Outcome, Proposal, Usage, Verdict
from autoresearch_magic.storage.contents import Contents
from autoresearch_magic.storage.journal import Journal
from autoresearch_magic.storage.news import Position, read_news


def test_what_is_read_in_parts_is_what_the_journal_holds(tmp_path):
    contents = Contents()
    with Journal(tmp_path / "journal.sqlite", create=True) as journal:

        def changed():
            found = contents.take(read_news(journal, contents.position))
            assert list(contents.experiments.values()) == journal.experiments()
            assert contents.unclaimed == journal.unclaimed()
            assert [(r.experiment, r.kind) for r in contents.runs] == [(r.experiment, r.kind) for r in journal.runs()]
            return found

        assert changed() == set()
        first = Experiment(0, None, Proposal("X = 1", "baseline", usage=Usage(calls=1)), "f00d")
        journal.open_experiment(first)
        run = Measurement(Outcome.OK, 1.5, 3, seconds=2.0)
        journal.add_run(0, "candidate", run)
        assert changed() == {0}
        assert changed() == set(), "an open one that has not changed"
        journal.rework(first, replace(first, fingerprint="beef"), "the guard fails")
        journal.add_run(0, "baseline", run)
        assert changed() == {0}
        assert [r.kind for r in contents.runs] == ["reworked", "baseline"]
        journal.close_experiment(replace(first, verdict=Verdict.BASELINE, reason="One run."))
        assert changed() == {0}
        journal.set_commit(0, "abc")
        assert changed() == {0}
        journal.note("drift", experiment=0, since=1)
        journal.note("paid", call=1, usage={"calls": 2})
        assert changed() == {0}
        assert contents.unclaimed == Usage(calls=2)
        journal.note("claimed", experiment=0, calls=[1])
        journal.add_run(0, "final", run)
        assert changed() == set()
        assert contents.finals == {0: [run]}
        journal.close_experiment(replace(first, verdict=Verdict.DISCARD, reason="Taken back."))
        assert changed() == {0}
        assert contents.judged[0].verdict is Verdict.DISCARD
    again = Contents()
    with Journal(tmp_path / "journal.sqlite") as journal:
        again.take(read_news(journal, Position()))
    assert (again.experiments, again.runs, again.finals) == (contents.experiments, contents.runs, contents.finals)
