"""A study of another process: it is watched, paused, resumed and stopped from here, and it is seen when that process is killed."""

import subprocess
import sys

import pytest

import autoresearch_magic as am
from autoresearch_magic.errors import UserError
from autoresearch_magic.events import Judged, State
from autoresearch_magic.storage.journal import Journal
from autoresearch_magic.study import registry
from autoresearch_magic.study.opening import open_study
from autoresearch_magic.ui.progress_bar import caption

from ..studies import wait_for

CURVED = """X = 3.0
import time
from autoresearch_magic import clock, report
for step in clock:
    time.sleep(0.02)
    report(step=step, loss=10.0 / (1 + step))
loss = (X - 1) ** 2
"""


@pytest.fixture
def shell(tmp_path):
    """Run the command line in a folder with a program, in the background; what runs at the end is killed."""
    (tmp_path / "program.md").write_text(
        "---\nmetric: loss\nminimize: true\nrepeats: 1\nbudget: 0.7s\n---\n# Lower it\n"
    )
    (tmp_path / "train.py").write_text(CURVED)
    made = []

    def shell(*words):
        with (tmp_path / "shell.log").open("a") as log:
            line = [sys.executable, "-m", "autoresearch_magic", *words]
            made.append(subprocess.Popen(line, cwd=tmp_path, stdout=log, stderr=log))
        return made[-1]

    yield shell
    for process in made:
        process.kill()
        process.wait()


def run(shell, tmp_path, *words):
    process = shell("run", "program.md", "--target", "train.py", "--name", "night", *words)
    wait_for(lambda: begun(tmp_path / ".autoresearch" / "night"))
    return process, open_study("night", tmp_path / ".autoresearch")


def begun(folder):
    try:
        with Journal(folder / "journal.sqlite") as journal:
            return journal.get("definition") is not None
    except UserError:
        return False


@pytest.mark.slow
def test_a_study_of_a_shell_is_watched_paused_resumed_killed_and_gone_on_with(shell, tmp_path):
    process, study = run(shell, tmp_path, "-n", "500")
    assert am.current() is study, "it has no experiment yet, but it runs"
    judged = []
    study.observe(lambda event: judged.append(event.experiment.number) if isinstance(event, Judged) else None)
    study.follow()
    assert open_study("night", tmp_path / ".autoresearch") is study, "which is followed already"
    assert (study.state, study.active, registry.running()) == ("running elsewhere", False, None)
    wait_for(lambda: len(study.experiments) > 1)
    wait_for(lambda: study.status.live is not None and len(study.status.live.curve) > 5)
    assert 0 < study.status.live.progress <= 1
    assert f"in process {process.pid}" in caption(study)
    assert study.status.remaining > 0
    assert study.wait(0.05) is False
    assert study.pause() is study
    wait_for(lambda: study.status.doing is State.PAUSED)
    assert study.status.message == f"paused in process {process.pid}"
    assert study.wait(5), "a pause ends a wait, as here"
    before = len(study.experiments)
    study.resume()
    wait_for(lambda: len(study.experiments) > before)
    process.kill()
    process.wait()
    wait_for(lambda: study.state == State.STOPPED, 5)
    assert f"The process {process.pid} that ran it was killed" in study.status.message
    again = shell("resume", "night")
    wait_for(lambda: study.status.doing is State.RUNNING)
    assert study.stop() is study
    assert (study.state, study.status.message) == (State.STOPPED, "")
    assert again.wait(30) == 3
    assert judged == list(range(len(study.experiments)))
    with pytest.raises(UserError, match="nothing to pause"):
        study.pause()
    study.step()
    assert study.active
    assert not study.following
    study.stop()


@pytest.mark.slow
def test_a_study_of_a_shell_is_waited_for_to_its_end(shell, tmp_path):
    process, study = run(shell, tmp_path, "-n", "2", "--budget", "0.2s")
    assert study.wait(60)
    assert study.state == State.FINISHED
    assert len(study.history) == 3
    assert study.status.elapsed > 0
    assert study.status.live is None
    assert study.headline == open_study("night", tmp_path / ".autoresearch").headline
    assert (study.folder / "progress.png").is_file(), "its last picture is drawn"
    process.wait(30)
