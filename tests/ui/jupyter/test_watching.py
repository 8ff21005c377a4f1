"""A notebook watches a study that a shell runs: panel and picture, status, history, wait."""

import re

import pytest

from autoresearch_magic.events import State
from autoresearch_magic.study.opening import open_study

from ...studies import wait_for


def text(answer):
    """Everything that a cell has shown."""
    return f"{answer.stdout}{answer.stderr}{answer.displays}{answer.updates}"


@pytest.mark.slow
def test_a_kernel_watches_a_study_of_a_shell_to_its_end(kernel, terminal, tmp_path):
    process = terminal("run", "-n", "4")
    wait_for(lambda: open_study("night", tmp_path / ".autoresearch").status.elsewhere)
    watched = kernel.run("%autoresearch watch night")
    assert watched.status == "ok"
    assert any("application/vnd.jupyter.widget-view+json" in data for data in watched.displays)
    assert f"in process {process.pid}" in text(watched)
    study = open_study("night", tmp_path / ".autoresearch")
    wait_for(lambda: len(study.experiments) > 1)
    said = text(kernel.run("%autoresearch status"))  # what it does is told once a second, and may be a step behind
    assert re.search(rf"night: running elsewhere · (baseline|running|confirming) in process {process.pid}", said), said
    count = "import autoresearch_magic as am; print(len(am.current().experiments), len(am.current().history), am.current().state)"
    assert int(kernel.run(count).stdout.split()[0]) >= 2, "what was opened before is up to date"
    assert kernel.run("%autoresearch show 1").status == "ok"
    waited = kernel.run("%autoresearch wait")
    assert waited.status == "ok"
    assert f"in process {process.pid}" in text(waited)
    assert any("image/png" in data for data in waited.updates), "the picture is shown again where it is saved"
    assert study.state == State.FINISHED
    assert kernel.run(count).stdout.split() == ["5", "5", "finished"]
    assert process.wait(30) == 3, "once is not enough to show that it is better"


@pytest.mark.slow
def test_a_kernel_pauses_resumes_and_stops_a_study_of_a_shell_and_sees_it_killed(kernel, terminal, tmp_path):
    process = terminal("run", "-n", "500")
    kernel.run("%autoresearch watch night")
    study = open_study("night", tmp_path / ".autoresearch")
    wait_for(lambda: study.experiments)
    assert kernel.run("%autoresearch pause").status == "ok"
    wait_for(lambda: study.status.doing is State.PAUSED)
    waited = kernel.run("%autoresearch wait --timeout 1s")
    assert "night is still running elsewhere" in text(waited), "the pause may be lifted where it runs"
    assert "in the process that runs it" in text(kernel.run("%autoresearch resume"))
    assert "only after" in text(kernel.run("%autoresearch resume -n 600"))
    process.kill()
    process.wait()
    wait_for(lambda: study.state == State.STOPPED)
    assert f"The process {process.pid} that ran it was killed" in text(kernel.run("%autoresearch status"))
    again = terminal("resume")
    wait_for(lambda: study.status.doing is State.RUNNING)
    assert "night is stopped" in text(kernel.run("%autoresearch stop"))
    again.wait(30)
    assert kernel.run("%autoresearch resume -n 700").status == "ok", "now it runs here"
    assert "running elsewhere" not in text(kernel.run("%autoresearch status"))
