"""Which study is meant where none is named."""

import shutil

import pytest
from filelock import FileLock

import autoresearch_magic as am
from autoresearch_magic.errors import UserError
from autoresearch_magic.events import State
from autoresearch_magic.storage.journal import Journal
from autoresearch_magic.study.opening import newest, open_study
from autoresearch_magic.ui.session import Place, Session

from ..studies import NOISY, SLOW, finish, noisy, wait_for

BROKEN = "X = 1.0\nraise OSError('no data')\nloss = X\n"


def fail(study):
    study.start()
    assert study.wait(60)
    assert study.state == State.FAILED
    return study


@pytest.mark.slow
def test_an_opened_study_without_an_experiment_hides_no_finished_one(make_study, tmp_path):
    finished = finish(make_study(name="night", experiments=1))
    failed = fail(make_study(BROKEN, name="empty"))
    assert am.current() is failed, "it was started here, and status tells why it failed"
    opened = open_study("night", tmp_path)
    assert am.current() is opened
    assert open_study("empty", tmp_path).experiments == []
    assert am.current() is opened
    assert newest(tmp_path) == finished.name == "night"
    shell = Session(tmp_path, Place.SHELL)
    assert shell.study().name == "night"
    assert shell.study("empty").name == "empty"


@pytest.mark.slow
def test_a_study_that_runs_is_the_newest_before_it_has_an_experiment(make_study, tmp_path):
    finish(make_study(name="night", experiments=1))
    slow = make_study("import time\ntime.sleep(3)\n" + SLOW, name="day").start()
    wait_for(lambda: (slow.folder / "journal.sqlite").exists())
    assert slow.experiments == []
    assert newest(tmp_path) == "day"
    slow.stop()
    assert newest(tmp_path) == "night"


@pytest.mark.slow
def test_looking_at_another_study_leaves_the_current_one(make_study, tmp_path):
    first, second = (finish(make_study(name=name, experiments=1)) for name in ("one", "two"))
    session = Session(tmp_path)
    assert session.study().name == second.name
    assert session.study("one").name == "one"
    assert session.study().name == "two"
    assert session.study("one", switch=True).name == first.name
    assert session.study().name == "one"


def test_a_study_that_is_only_just_beginning_is_not_called_a_failed_start(tmp_path):
    (tmp_path / "night").mkdir()
    Journal(tmp_path / "night" / "journal.sqlite", create=True).close()
    with FileLock(tmp_path / "night" / "lock"), pytest.raises(UserError, match="only just beginning: try it again"):
        open_study("night", tmp_path)
    with pytest.raises(UserError, match="has not begun: delete the folder"):
        open_study("night", tmp_path)


def test_names_that_are_near_are_offered(tmp_path):
    with pytest.raises(UserError, match="There is no study 'x': there is none in "):
        open_study("x", tmp_path)
    for name in ("night", *(f"study-{n}" for n in range(9))):
        (tmp_path / name).mkdir()
        (tmp_path / name / "journal.sqlite").touch()
    with pytest.raises(UserError, match=r"did you mean night\? Its studies: .* and 2 more\."):
        open_study("nihgt", tmp_path)
    assert newest(tmp_path) is not None, "of journals that cannot be read, the newest one"
    shutil.rmtree(tmp_path / "night")
    with pytest.raises(UserError, match="its studies: "):
        open_study("nothing like it", tmp_path)


@pytest.mark.slow
def test_gains_of_a_long_study_at_rest_are_read_and_not_worked_out_again(make_study, script, monkeypatch):
    monkeypatch.setattr("autoresearch_magic.study.gains.LONG", 4)
    script(noisy(2.0), noisy(2.5), noisy(1.5), noisy(4.0))
    study = finish(make_study(NOISY, agent="script", experiments=4, repeats=3))
    gains = study.status.gains

    def unwanted(*_, **__):
        raise AssertionError("they are in the journal")

    with monkeypatch.context() as patch:
        patch.setattr("autoresearch_magic.study.gains.expected_gains", unwanted)
        assert open_study(study.name, study.folder.parent).status.gains == gains
    with Journal(study.folder / "journal.sqlite") as journal:
        kept = journal.get("gains")
        journal.set(gains={**kept, "runs": kept["runs"] - 1})
    with monkeypatch.context() as patch:
        patch.setattr("autoresearch_magic.study.gains.expected_gains", unwanted)
        with pytest.raises(AssertionError, match="in the journal"):  # of other runs they are not taken
            assert open_study(study.name, study.folder.parent).status.gains
