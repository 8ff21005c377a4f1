"""A study of another process: it is watched, paused, resumed and stopped from here, and it is seen when that process is killed."""

import pytest

import autoresearch_magic as am
from autoresearch_magic.errors import UserError
from autoresearch_magic.events import Judged, State
from autoresearch_magic.study import registry
from autoresearch_magic.study.opening import open_study
from autoresearch_magic.ui.progress_bar import caption

from ..studies import wait_for


@pytest.mark.slow
def test_a_study_of_a_shell_is_watched_paused_resumed_killed_and_gone_on_with(terminal, tmp_path):
    process = terminal("run", "-n", "500")
    study = open_study("night", tmp_path / ".autoresearch")
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
    wait_for(lambda: study.state == State.STOPPED)
    assert f"The process {process.pid} that ran it was killed" in study.status.message
    again = terminal("resume")
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
def test_a_study_of_a_shell_is_waited_for_to_its_end(terminal, tmp_path):
    process = terminal("run", "-n", "2", "--budget", "0.2s")
    study = open_study("night", tmp_path / ".autoresearch")
    assert study.wait(60)
    assert study.state == State.FINISHED
    assert len(study.history) == 3
    assert study.status.elapsed > 0
    assert study.status.live is None
    assert study.headline == open_study("night", tmp_path / ".autoresearch").headline
    assert (study.folder / "progress.png").is_file(), "its last picture is drawn"
    process.wait(30)
