import io
import json
import os

import pytest

from autoresearch_magic.storage.journal import Journal
from autoresearch_magic.study.tracking.base import Tracker, TrackerError, free_names, runs_in
from autoresearch_magic.study.tracking.sender import NOTE, Orders, Sender, told_error, work


class Recorder(Tracker):
    """Keeps what it is sent; refuses the experiments in `broken`."""

    def __init__(self, kept=None):
        super().__init__()
        self.kept = {} if kept is None else kept
        self.broken, self.sends, self.ends, self.identities = set(), [], [], []

    @property
    def where(self):
        return "in memory"

    def open(self, study, identity):
        self.study = study
        self.identities.append(identity)
        return "the id"

    def sent(self):
        return {number: e.mark for number, e in self.kept.items()}

    def send(self, experiment, before):
        self.sends.append((experiment.number, before))
        if experiment.number in self.broken:
            raise TrackerError("no")
        self.kept[experiment.number] = experiment

    def end(self, end):
        self.ends.append(end)


def orders(*lines):
    made = Orders(io.StringIO("".join(json.dumps(line) + "\n" for line in lines)), lambda: None)
    made.wait(5.0)
    return made


def test_all_that_the_journal_holds_is_sent_and_nothing_twice(study):
    tracker, reports = Recorder(), []
    work(
        Sender(study, tracker, "memory", reports.append),
        study,
        orders({"state": "finished", "message": ""}),
        reports.append,
    )
    assert [number for number, _ in tracker.sends] == [0, 1, 2, 3]
    for e in study.experiments:
        sent = tracker.kept[e.number]
        assert (sent.value, sent.verdict, sent.reason, sent.parent) == (e.value, e.verdict, e.reason, e.parent)
        assert sent.files["source.py"] == e.target
        assert [run.value for run in sent.runs] == [m.value for m in e.measurements]
        for run, m in zip(sent.runs, e.measurements, strict=True):
            points = {name: [(p.step, p.value) for p in points] for name, points in run.curves.items()}
            names = m.curve[0].values if m.curve else {}
            assert points == {name: [(p.step, p.values[name]) for p in m.curve] for name in names}
    assert tracker.kept[1].parameters == {"X": 2.0}
    assert "+X = 2.0" in tracker.kept[1].files["change.diff"]
    assert "a line of the log" in tracker.kept[1].files["log.txt"]
    assert "division" in tracker.kept[3].files["traceback.txt"]
    assert reports[-1] == {"done": True}
    assert tracker.ends[0].numbers["best"] == study.headline.best
    assert "history.csv" in tracker.ends[0].files

    again = Recorder(tracker.kept)
    work(
        Sender(study, again, "memory", reports.append),
        study,
        orders({"state": "finished", "message": ""}),
        reports.append,
    )
    assert again.sends == []
    assert again.identities == ["the id"]  # which the journal has kept
    with Journal(study.folder / "journal.sqlite") as journal:
        assert len(journal.notes(NOTE)) == 1


def test_one_experiment_that_is_refused_holds_up_no_other_and_is_tried_again(study):
    tracker, reports = Recorder(), []
    tracker.broken = {1}
    sender = Sender(study, tracker, "memory", reports.append)
    with pytest.raises(TrackerError):
        sender.pass_over(last=True)
    assert sorted(tracker.kept) == [0, 2, 3]
    assert reports[-1] == {"sent": 3, "of": 4}
    tracker.broken = set()
    sender.pass_over(last=True)
    assert tracker.sends[-1] == (1, 0)
    assert reports[-1] == {"sent": 4, "of": 4}


def test_two_refusals_in_a_row_end_the_pass_as_a_server_that_is_down_would_refuse_all(study):
    tracker = Recorder()
    tracker.broken = {0, 1, 2, 3}
    with pytest.raises(TrackerError):
        Sender(study, tracker, "memory", lambda report: None).pass_over(last=True)
    assert len(tracker.sends) == 2


def test_an_experiment_that_was_run_again_is_sent_with_the_number_of_runs_that_are_there(study):
    tracker = Recorder()
    Sender(study, tracker, "memory", lambda report: None).pass_over(last=True)
    e = study.experiments[1]
    with Journal(study.folder / "journal.sqlite") as journal:
        journal.add_run(1, "incumbent", e.measurements[0])
    Sender(study, tracker, "memory", lambda report: None).pass_over(last=True)
    assert tracker.sends[4:] == [(1, len(e.measurements))]
    assert runs_in(tracker.kept[1].mark) == len(e.measurements) + 1


def test_what_cannot_be_reached_is_told_and_tried_until_it_can(study, monkeypatch):
    monkeypatch.setattr("autoresearch_magic.study.tracking.sender.PAUSES", (0.0,))
    tracker, reports = Recorder(), []

    def refuse(study, identity, left=[3]):  # noqa: B006
        if left[0]:
            left[0] -= 1
            raise ConnectionError("refused")
        return "the id"

    tracker.open = refuse
    work(
        Sender(study, tracker, "memory", reports.append),
        study,
        orders({"state": "finished", "message": ""}),
        reports.append,
    )
    assert [report for report in reports if "problem" in report] == 3 * [{"problem": "ConnectionError: refused"}]
    assert sorted(tracker.kept) == [0, 1, 2, 3]


def test_an_error_is_told_without_keys(monkeypatch):
    monkeypatch.setitem(os.environ, "SOME_TOKEN", "a8f3k2lq09xz77bv")
    assert told_error(ValueError("bad a8f3k2lq09xz77bv\nhere")) == "ValueError: bad [key removed] here"
    assert told_error(TrackerError("Set it.")) == "Set it."


def test_names_that_a_service_does_not_take_stay_apart():
    assert free_names(["a b", "a|b", "a/b", "ä"], "_/") == {"a b": "a_b", "a|b": "a_b_2", "a/b": "a/b", "ä": "_"}
