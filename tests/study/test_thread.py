"""A study's thread: its runners, which settings a resume may change, and that nothing is left behind."""

import os
import platform

import pytest

from autoresearch_magic.errors import UserError
from autoresearch_magic.events import StateChanged
from autoresearch_magic.runners.cell import CellRunner
from autoresearch_magic.runners.command import CommandRunner
from autoresearch_magic.runners.replay import ReplayRunner
from autoresearch_magic.storage.journal import Journal
from autoresearch_magic.study.definition import CHANGEABLE, define, resumed
from autoresearch_magic.study.runner_factory import make_runner

from ..repositories import repository
from ..studies import QUICK, finish, wait_for

CELL = {"metric": "loss", "experiments": 5, "budget": "0.05s"}
FILES = {
    "src/app.py": "SIZE = 40\n",
    "bench.py": "import sys\nsys.path.insert(0, 'src')\nimport app\nprint('ms:', app.SIZE)\n",
}


def cell(**settings):
    return define("Lower it", QUICK, "", CELL | settings)


@pytest.mark.parametrize(
    ("name", "value"), [("experiments", 9), ("agent", "hybrid"), ("patience", 3), ("memory", "2GB"), ("timeout", "9s")]
)
def test_another_way_of_going_on(name, value):
    before = cell()
    after = resumed(before, {name: value})
    assert name in CHANGEABLE
    assert getattr(after.settings, name) != getattr(before.settings, name)
    assert (after.target, after.program, after.metric) == (before.target, before.program, before.metric)
    assert resumed(after, {}) == after


@pytest.mark.parametrize(
    "settings", [{"seed": 7}, {"budget": "9s"}, {"metric": "other"}, {"experiments": 9, "repeats": 4}]
)
def test_with_anything_else_the_values_would_not_compare(settings):
    odd = (settings.keys() - CHANGEABLE).pop()
    with pytest.raises(UserError, match=f"another {odd}: its values would not compare"):
        resumed(cell(), settings)


@pytest.mark.slow
def test_recorded_and_measured_values_do_not_mix(make_study, tmp_path):
    finish(make_study(name="old", experiments=1))
    replayed = cell(agent=f"replay:{tmp_path / 'old'}@max")
    for definition, agent in ((cell(), "replay:old"), (replayed, "tuner")):
        with pytest.raises(UserError, match="cannot go on as each other"):
            resumed(definition, {"agent": agent})
    slower = f"replay:{tmp_path / 'old'}@2x"
    assert resumed(replayed, {"agent": slower}).settings.agent == slower


@pytest.mark.slow
def test_each_target_has_its_runner(make_study, tmp_path):
    finish(make_study(name="old", experiments=1))
    repo = repository(tmp_path / "repo", FILES)
    files = define(
        "Faster", "", "", {"metric": "ms", "scope": "src/**", "verify": "python bench.py", "repo": str(repo)}
    )
    for definition, kind in (
        (cell(), CellRunner),
        (files, CommandRunner),
        (cell(agent="replay:old@max"), ReplayRunner),
    ):
        runner = make_runner(definition, tmp_path / "new", lambda event: None)
        try:
            assert type(runner) is kind
        finally:
            runner.close()


@pytest.mark.slow
def test_a_bug_is_shown_whole_and_the_lock_is_given_back(make_study, monkeypatch):
    study = make_study(experiments=1)
    with monkeypatch.context() as patch:
        patch.setattr("autoresearch_magic.study.thread.make_runner", lambda *_: 1 / 0)
        study.start()
        assert study.wait(60)
    assert (study.state, study.status.message) == ("failed", "ZeroDivisionError: division by zero")
    assert "make_runner" in study.status.traceback
    assert study._thread is not None
    study._thread.join()
    assert not study.locked
    assert study.resume().wait(60)
    assert study.state == "finished"


@pytest.mark.slow
def test_a_question_leaves_the_study_as_it_stood(make_study):
    study = finish(make_study())
    study.status.message = "as it stood"
    before = len(study.experiments)
    assert study.ask_confirmation().wait(60)
    assert (study.state, study.status.message, len(study.experiments)) == ("finished", "as it stood", before)


@pytest.mark.slow
def test_a_study_that_another_process_takes_over_ends_and_writes_nothing_more(make_study):
    study = make_study(QUICK + "import time\ntime.sleep(0.05)\n", experiments=99, repeats=1)
    told = []
    study.observe(lambda event: told.append(event.message) if isinstance(event, StateChanged) else None)
    study.start()
    wait_for(lambda: len(study.experiments) > 1)
    with Journal(study.folder / "journal.sqlite") as other:  # as where the file system has no locks
        other.own()
        judged = len([e for e in other.experiments() if e.verdict])
        assert study.wait(30)
        assert (study.state, len([e for e in other.experiments() if e.verdict])) == ("stopped", judged)
        assert (next(line for line in told if line.startswith("Process")), other.get("state")) == (
            f"Process {os.getpid()} on {platform.node()} runs this study now: this one has ended.",
            "running",
        )
    assert study.resume(experiments=1).wait(30), "and it can take it back"
    assert study.state == "finished"
