"""Requests from other processes: a second process pauses, resumes and stops a study that runs here, and reads its live record."""

import json
import os
import threading
import time

import pytest

from autoresearch_magic.errors import UserError
from autoresearch_magic.events import Notice, RunProgress, RunStarted, State
from autoresearch_magic.experiment import Experiment, Proposal
from autoresearch_magic.runs import Point
from autoresearch_magic.storage.journal import Journal
from autoresearch_magic.study import requests
from autoresearch_magic.study.live_record import LiveRecord
from autoresearch_magic.study.requests import MOST_POINTS, RequestReader, record_of, request

from .. import command_line
from ..studies import SLOW, wait_for


def shell(folder, *words):
    """Run the command line in another process."""
    return command_line.shell(folder, "--root", folder, *words)


@pytest.mark.slow
def test_a_shell_pauses_resumes_and_stops_a_study_of_another_process(make_study, tmp_path):
    endless = SLOW.replace(
        "loss = X", "loss = (X - 1) ** 2"
    )  # of X alone, the tuner has soon tried all that could be lower
    study = make_study(endless, name="night", experiments=500).start()
    wait_for(lambda: len(study.experiments) > 1)
    paused = shell(tmp_path, "pause")
    assert (paused.returncode, paused.stderr) == (0, "")
    assert "night pauses after the current run. Continue with  autoresearch resume night" in paused.stdout
    wait_for(lambda: study.state == State.PAUSED)
    wait_for(lambda: "paused in process" in shell(tmp_path, "status").stdout)
    refused = shell(tmp_path, "resume", "-n", "600")
    assert refused.returncode == 2
    assert "only after  autoresearch stop" in refused.stderr
    assert shell(tmp_path, "resume", "night").returncode == 0
    wait_for(lambda: study.state == State.RUNNING)
    said = shell(tmp_path, "say", "be", "bold")
    assert said.returncode == 0
    stopped = shell(tmp_path, "stop", "--study", "night")
    assert (stopped.returncode, stopped.stderr) == (0, "")
    assert "night is stopped" in stopped.stdout
    assert study.state == State.STOPPED, study.status.message
    assert "is stopped already" in shell(tmp_path, "stop").stdout


def test_a_process_that_does_not_answer_is_told_with_its_number(tmp_path, monkeypatch):
    monkeypatch.setattr(requests, "INTERVAL", 0.01)
    with Journal(tmp_path / "journal.sqlite", create=True) as journal:
        journal.set(live={"pid": 1, "state": "running"})
    with pytest.raises(UserError, match=r"The process 1 that runs .* does not answer.*kill 1"):
        request(tmp_path, "stop", lambda: True, patience=0.05)
    with Journal(tmp_path / "journal.sqlite") as journal:
        journal.set(live={"pid": 2**22 + 1, "state": "running"})
    with pytest.raises(UserError, match="may be on another machine"):
        request(tmp_path, "stop", lambda: True, patience=0.05)
    request(tmp_path, "stop", lambda: False)  # it has ended by itself: nothing is left to stop


@pytest.mark.slow
def test_requests_of_earlier_processes_are_void_and_a_refusal_is_the_answer(tmp_path, monkeypatch):
    monkeypatch.setattr(requests, "INTERVAL", 0.01)
    path, done, active = tmp_path / "journal.sqlite", [], threading.Event()

    def refuse():
        raise UserError("There is nothing to pause.")

    with Journal(path, create=True) as journal:
        journal.note("request", action="stop")
    reader = RequestReader(
        path, {"stop": lambda: done.append("stop"), "pause": refuse}, lambda notices: {}, lambda: not active.is_set()
    )
    reader.start()
    try:
        with pytest.raises(UserError, match="nothing to pause"):
            request(tmp_path, "pause", lambda: True, patience=5)
        assert done == []
        end = time.monotonic() + 5
        with pytest.raises(UserError, match="has not ended yet"):
            request(tmp_path, "stop", lambda: time.monotonic() < end, patience=0.5)
        assert done == ["stop"]
    finally:
        active.set()
        reader.join(5)
    assert not reader.is_alive()


def test_the_live_record_is_small_whatever_a_run_reports(make_study):
    status = make_study()._status
    status.state = State.RUNNING
    status.take(RunStarted(Experiment(3, 0, Proposal("X = 1", "step " * 999)), "candidate", 1, 9))
    for step in range(20_000):
        point = Point(
            step / 1000, step / 20_000, step, {"loss": float("nan") if step == 7 else 1 / (1 + step), "other": 1.0}
        )
        status.take(RunProgress(3, "training", point.elapsed, point.progress, step, point))
    told = json.dumps(record_of(status, [(4, Notice("a plateau " * 999, lasting=True))]))
    assert len(told) < 8_000
    record = LiveRecord.from_json(json.loads(told))
    assert (record.pid, record.state, record.runs) == (os.getpid(), State.RUNNING, 0)
    run = record.run
    assert (run.number, run.kind, run.repeat, run.repeats, run.phase, run.step) == (
        3,
        "candidate",
        1,
        9,
        "training",
        19_999,
    )
    assert MOST_POINTS / 4 < len(run.curve) <= MOST_POINTS + 1
    assert run.curve[-1].step >= 19_998, "the newest point is told"
    assert [p.step for p in run.curve] == sorted({p.step for p in run.curve})
    assert record.notices[0][0] == 4
    assert record.notices[0][2] is True


def test_nothing_is_written_while_nothing_happens(tmp_path, make_study):
    status = make_study()._status
    reader = RequestReader(tmp_path / "journal.sqlite", {}, lambda notices: record_of(status, notices), lambda: False)
    with Journal(tmp_path / "journal.sqlite", create=True) as journal:
        reader._look(journal)
        first = journal.get("live")
        status.seconds = 99.0  # the clock goes on by itself
        reader._look(journal)
        assert journal.get("live") == first
        for number in range(9):
            reader.take(Notice(f"notice {number}"))
        reader._look(journal)
        assert [n for n, _, _ in journal.get("live")["notices"]] == [5, 6, 7, 8, 9]
