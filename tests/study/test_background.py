"""A study at work: observers, pauses, waits, and the lock."""

import subprocess
import sys
import time

import pytest

from autoresearch_magic.errors import UserError
from autoresearch_magic.events import Judged, State, StateChanged

from ..studies import SLOW, finish, wait_for


@pytest.mark.slow
def test_an_observer_that_fails_does_not_end_the_study(make_study):
    def bad(event):
        raise ValueError("no")

    study = finish(make_study(observers=[bad], experiments=2))
    assert study.state == "finished"
    assert "observer failed" in study.status.message


@pytest.mark.slow
def test_only_one_at_a_time(make_study, tmp_path):
    running = make_study(SLOW, name="running", experiments=50).start()
    other = make_study(name="other")
    with pytest.raises(UserError, match="The study running is"):
        other.start()
    with pytest.raises(UserError, match="already"):
        running.start()
    code = f"""
import autoresearch_magic as am
try:
    study = am.open_study("running", {str(tmp_path)!r})
    print(study.state, study.active)
    study.start()
except am.UserError as error:
    print(error)
"""
    wait_for(lambda: (tmp_path / "running" / "journal.sqlite").exists() and running.experiments)
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert "running elsewhere False" in told
    assert "Another process is running running" in told
    running.stop()
    finish(other)


@pytest.mark.slow
def test_pause_holds_and_resume_takes_a_pause_back(make_study):
    study = make_study(SLOW, experiments=30, budget="5s").start()
    wait_for(lambda: study.state == "running")
    study.pause()
    assert study.state in ("pausing", "paused")
    assert study.wait(20)
    assert study.state == "paused"
    n = len(study.experiments)
    time.sleep(0.6)
    assert len(study.experiments) == n
    study.step()
    assert study.wait(20)
    assert len(study.experiments) == n + 1
    study.resume()
    study.pause()
    study.resume()
    wait_for(lambda: len(study.experiments) > n + 2)
    assert study.state == "running"
    study.stop()
    with pytest.raises(UserError, match="nothing to pause"):
        study.pause()


@pytest.mark.slow
def test_wait_gives_up_when_told_to(make_study):
    study = make_study(SLOW, experiments=50).start()
    assert study.wait(0.2) is False
    study.stop()
    assert study.wait(0) is True


def test_an_observer_that_fails_takes_no_equal_one_with_it(make_study):
    class Same:
        def __init__(self, fails):
            self.fails, self.told = fails, 0

        def __eq__(self, other):
            return True

        __hash__ = None

        def __call__(self, event):
            self.told += 1
            if self.fails:
                raise RuntimeError("observer failed")

    good, bad = Same(False), Same(True)
    study = make_study(observers=[good, bad])
    for _ in range(3):
        study._publish(StateChanged(State.NEW))
    assert (good.told, bad.told) == (3, 1)


@pytest.mark.slow
def test_an_observer_is_told_once_however_often_it_is_added(make_study):
    told = []
    study = make_study(experiments=1)
    observer = told.append
    for _ in range(3):
        study.observe(observer)
    finish(study)
    judged = [event.experiment.number for event in told if isinstance(event, Judged)]
    assert judged == [0, 1]


@pytest.mark.slow
def test_a_study_is_locked_while_this_or_another_process_works_on_it(make_study, tmp_path):
    study = make_study(SLOW, name="one")
    assert not study.locked
    assert not (tmp_path / "one").exists(), "looking writes nothing"
    study.start()
    wait_for(lambda: study.state in ("baseline", "running"))
    assert study.locked
    look = f"from autoresearch_magic import open_study; print(open_study({str(tmp_path / 'one')!r}).locked)"
    assert subprocess.run([sys.executable, "-c", look], capture_output=True, text=True).stdout.strip() == "True"
    study.stop()
    assert not study.locked
