"""Points of runs that go on: each is sent once, and none stays that the journal does not hold in the end."""

import shutil
import sqlite3
from contextlib import closing

import pytest

from autoresearch_magic.storage.journal import Journal
from autoresearch_magic.study.live_curves import CURVES
from autoresearch_magic.study.opening import open_study
from autoresearch_magic.study.tracking.base import TrackerError
from autoresearch_magic.study.tracking.sender import Sender

from .test_sender import Recorder


class Watching(Recorder):
    """Keeps what it is sent of runs that go on."""

    def __init__(self):
        super().__init__()
        self.lives, self.dropped, self.refuses = [], [], False

    def live(self, live):
        if self.refuses:
            raise TrackerError("not now")
        self.lives.append(live)

    def drop(self, key):
        self.dropped.append(key)

    def points(self, key):
        return [p for live in self.lives if live.key == key for p in live.points.get("loss", ())]


def curve_of(e, count, *, run=0, flying=False, since=100.0, shift=0.0, elapsed=9.0):
    """What the running process would tell after `count` points of a run of an experiment."""
    points = [[p.elapsed, p.step, {n: v + shift for n, v in p.values.items()}] for p in e.measurements[run].curve[:count]]  # fmt: skip
    return {
        "slot": 0, "number": None if flying else e.number, "fingerprint": e.fingerprint, "summary": e.summary, "repeat": run,
        "since": since, "elapsed": elapsed, "points": points,
    }  # fmt: skip


@pytest.fixture
def half(study, tmp_path):
    """The study when experiment 1 was running, that experiment, what writes the record of runs that go on, and the study when all is judged."""
    path = tmp_path / "half" / study.name / "journal.sqlite"
    shutil.copytree(study.folder, path.parent)
    with closing(sqlite3.connect(path)) as db, db:
        db.execute("DELETE FROM experiment WHERE number > 0")
        db.execute("DELETE FROM measurement WHERE experiment > 0")

    def tell(*curves):
        with Journal(path) as journal:
            journal.set(**{CURVES: [*curves]})

    def judge(sender):
        sender._study = study
        return sender

    return open_study(path.parent), study.experiments[1], tell, judge


def sender_of(study, tracker):
    return Sender(study, tracker, "memory", lambda report: None)


def test_points_are_sent_as_they_come_and_each_once(half):
    study, e, tell, judge = half
    tracker = Watching()
    sender = sender_of(study, tracker)
    tell(curve_of(e, 2))
    sender.pass_over()
    sender.pass_over()
    tell(curve_of(e, 4))
    sender.pass_over()
    assert [len(live.points["loss"]) for live in tracker.lives] == [2, 2]
    assert [(live.number, live.run, live.name[:4], live.begun) for live in tracker.lives] == 2 * [(1, 0, "0001", 100.0)]
    (key,) = {live.key for live in tracker.lives}
    assert [(p.step, p.value) for p in tracker.points(key)] == [(p.step, p.values["loss"]) for p in e.measurements[0].curve[:4]]  # fmt: skip
    assert tracker.points(key)[0].at == 100.0 + e.measurements[0].curve[0].elapsed
    assert 1 not in tracker.kept
    judge(sender).pass_over(last=True)
    sent = tracker.kept[1]
    assert sent.live == key
    both = [*tracker.points(key), *sent.runs[0].rest["loss"]]
    assert sorted(both, key=lambda p: p.at) == list(sent.runs[0].curves["loss"])
    assert len(both) == len(e.measurements[0].curve)
    assert sent.runs[1].rest is None
    assert sent.runs[1].new == sent.runs[1].curves
    assert tracker.dropped == []


def test_a_run_that_is_begun_again_takes_back_what_was_sent_of_it(half):
    study, e, tell, judge = half
    tracker = Watching()
    sender = sender_of(study, tracker)
    tell(curve_of(e, 3, shift=1.0))
    sender.pass_over()
    tell(curve_of(e, 2, since=200.0))
    sender.pass_over()
    assert len(tracker.dropped) == 1
    assert tracker.lives[-1].begun == 200.0
    assert [p.value for p in tracker.lives[-1].points["loss"]] == [
        p.values["loss"] for p in e.measurements[0].curve[:2]
    ]
    judge(sender).pass_over(last=True)
    assert tracker.kept[1].live == tracker.lives[-1].key


def test_points_that_the_journal_does_not_hold_are_taken_back_at_the_verdict(half):
    study, e, tell, judge = half
    tracker = Watching()
    sender = sender_of(study, tracker)
    tell(curve_of(e, 3, shift=0.5))
    sender.pass_over()
    judge(sender).pass_over(last=True)
    assert tracker.dropped == [tracker.lives[0].key]
    assert tracker.kept[1].live == ""
    assert tracker.kept[1].runs[0].new == tracker.kept[1].runs[0].curves


def test_one_in_flight_gets_its_number_with_its_second_run(half):
    study, e, tell, judge = half
    tracker = Watching()
    sender = sender_of(study, tracker)
    tell(curve_of(e, 3, flying=True))
    sender.pass_over()
    assert (tracker.lives[0].number, tracker.lives[0].name) == (None, e.summary)
    tell(curve_of(e, 2, run=1, since=300.0))
    sender.pass_over()
    assert (tracker.lives[1].number, tracker.lives[1].run) == (1, 1)
    judge(sender).pass_over(last=True)
    assert tracker.kept[1].live == tracker.lives[0].key == tracker.lives[1].key
    assert [len(run.rest["loss"]) for run in tracker.kept[1].runs] == [
        len(m.curve) - sent for m, sent in zip(e.measurements, (3, 2), strict=True)
    ]


def test_what_has_no_verdict_at_the_end_is_taken_back(half):
    study, e, tell, _ = half
    tracker = Watching()
    sender = sender_of(study, tracker)
    tell(curve_of(e, 3))
    sender.pass_over()
    sender.pass_over(last=True)
    assert tracker.dropped == [tracker.lives[0].key]
    assert sorted(tracker.kept) == [0]


def test_what_could_not_be_sent_is_sent_later(half):
    study, e, tell, _ = half
    tracker = Watching()
    tracker.refuses = True
    sender = sender_of(study, tracker)
    tell(curve_of(e, 3))
    with pytest.raises(TrackerError):
        sender.pass_over()
    tracker.refuses = False
    sender.pass_over()
    assert [len(live.points["loss"]) for live in tracker.lives] == [3]


def test_a_short_run_and_one_that_is_judged_are_not_told_of(half):
    study, e, tell, _ = half
    tracker = Watching()
    sender = sender_of(study, tracker)
    tell(curve_of(e, 3, elapsed=0.5), curve_of(study.experiments[0], 3))
    sender.pass_over()
    assert tracker.lives == []


def test_trackers_of_other_packages_that_know_nothing_of_it_work_as_before(half):
    study, e, tell, judge = half
    tracker = Recorder()
    sender = sender_of(study, tracker)
    tell(curve_of(e, 3))
    sender.pass_over()
    judge(sender).pass_over(last=True)
    assert sorted(tracker.kept) == [0, 1, 2, 3]
    assert tracker.kept[1].live == ""
