"""Several runs in progress: in the status, in what other processes are told, and in words."""

import json
from dataclasses import replace

from autoresearch_magic.config.settings import Settings
from autoresearch_magic.events import RunEnded, RunProgress, RunStarted
from autoresearch_magic.experiment import Measurement, Outcome
from autoresearch_magic.runs import Point
from autoresearch_magic.study.following import Follower
from autoresearch_magic.study.live_record import LiveRecord
from autoresearch_magic.study.requests import record_of
from autoresearch_magic.study.summary import status_text
from autoresearch_magic.ui.facts import run_facts
from autoresearch_magic.ui.mcp.work import run_in_words
from autoresearch_magic.ui.terminal.heading import heading

from .test_summary import experiment, shown

THREE = Settings(metric="val_BPB=loss", minimize=True, experiments=9, workers=3)
BEGUN = (
    RunStarted(experiment(5, summary="LR 1 → 2"), "candidate", 0, 9, 0, "GPU 0", flying=True),
    RunProgress(5, "training", 1.0, 0.25, 10, Point(1.0, 0.25, 10, {"loss": 3.5}), slot=0),
    RunStarted(experiment(3, 0.7, summary="LR 1 → 3"), "candidate", 1, 9, 2, "GPU 2"),
    RunProgress(3, "training", 2.0, 0.5, 20, Point(2.0, 0.5, 20, {"loss": 2.5}), slot=2),
)


def test_each_slot_has_its_run_and_one_in_flight_has_no_number():
    status = shown(*BEGUN, settings=THREE)
    lines = status_text(status).splitlines()
    assert "Worker 1, GPU 0: New · LR 1 → 2 · training, 25%" in lines
    assert "Worker 3, GPU 2: Experiment 3 · LR 1 → 3 · looks better, run 2 of at most 9 · training, 50%" in lines
    assert run_in_words(status).count("; ") == 1
    facts = [run_facts(live, status) for live in status.lives.values()]
    assert [(f["slot"], f["place"], f["experiment"], f["progress"]) for f in facts] == [
        (0, "GPU 0", None, 0.25),
        (2, "GPU 2", 3, 0.5),
    ]
    status.take(RunEnded(5, "candidate", Measurement(Outcome.OK, 1.0, seed=0), 0))
    assert [*status.lives] == [2]
    assert status.live is status.lives[2]


def test_the_time_left_is_that_of_all_slots():
    alone, three = (
        shown(
            RunEnded(1, "candidate", Measurement(Outcome.OK, 1.0, seed=0, seconds=6.0)),
            settings=replace(THREE, workers=many),
        )
        for many in (1, 3)
    )
    assert alone.remaining is not None
    assert three.remaining == alone.remaining / 3
    before = three.fraction
    for slot in (0, 1):
        three.take(RunStarted(experiment(5), "candidate", 0, 9, slot, "", flying=True))
        three.take(RunProgress(5, "training", 1.0, 0.5, 1, slot=slot))
    assert three.fraction > before


def test_the_terminal_has_a_line_for_each_run():
    head = heading(shown(*BEGUN, settings=THREE), 100, 0).plain.splitlines()
    assert head[2].startswith("GPU 0  ━━━")
    assert head[2].endswith(" 25%  New · LR 1 → 2")
    assert head[3].startswith("GPU 2  ━━━━━━")
    many = [
        RunStarted(experiment(9, summary=f"try {n}"), "candidate", 0, 9, n, f"GPU {n}", flying=True) for n in range(11)
    ]
    lines = heading(shown(*many, settings=replace(THREE, workers=11)), 60, 0).plain.splitlines()
    assert sum(line.startswith("GPU") for line in lines) == 8
    assert "and 3 more runs" in lines


def test_another_process_is_told_all_runs_and_sees_them_end():
    told = shown(*BEGUN, settings=THREE)
    record = LiveRecord.from_json(json.loads(json.dumps(record_of(told))))
    assert record is not None
    assert [(r.slot, r.place, r.flying, r.progress) for r in (record.run, *record.others)] == [
        (0, "GPU 0", True, 0.25),
        (2, "GPU 2", False, 0.5),
    ]
    seen = shown(settings=THREE)
    follower = Follower.__new__(Follower)  # this part of it needs the status alone
    follower._status, follower._tell = seen, seen.take
    follower._read = type("Read", (), {"runs": (), "experiments": {}})()
    follower._fold_run(record)
    assert status_text(seen).splitlines()[-3:] == status_text(told).splitlines()[-3:]
    assert [point.values for point in seen.lives[2].curve] == [{"loss": 2.5}]
    follower._fold_run(replace(record, others=()))
    assert [*seen.lives] == [0]
    follower._fold_run(None)
    assert seen.lives == {}


def test_one_slot_is_told_as_before():
    status = shown(RunStarted(experiment(3), "candidate", 0, 9))
    record = json.loads(json.dumps(record_of(status)))
    assert "others" not in record
    assert not {"slot", "place", "flying"} & {*record["run"]}
    assert "Now: Experiment 3 · " in status_text(status)
