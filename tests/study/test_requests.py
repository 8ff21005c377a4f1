"""Requests from other processes: a second process pauses, resumes and stops a study that runs here."""

import subprocess
import sys
import threading
import time

import pytest

from autoresearch_magic.errors import UserError
from autoresearch_magic.events import State
from autoresearch_magic.storage.journal import Journal
from autoresearch_magic.study import requests
from autoresearch_magic.study.requests import RequestReader, request

from ..studies import SLOW, wait_for


def shell(folder, *words):
    """Run the command line in another process."""
    return subprocess.run(
        [sys.executable, "-m", "autoresearch_magic", "--root", str(folder), *words], capture_output=True, text=True, timeout=60
    )  # fmt: skip


@pytest.mark.slow
def test_a_shell_pauses_resumes_and_stops_a_study_of_another_process(make_study, tmp_path):
    study = make_study(SLOW, name="night", experiments=500).start()
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
    assert study.state == State.STOPPED
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
