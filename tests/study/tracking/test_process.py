"""Trackers of another package, found by their entry points: whatever they do, the study is the same as without them."""

import json
import sys

import pytest

from autoresearch_magic.errors import UserError
from autoresearch_magic.events import Notice
from autoresearch_magic.study.tracking import process
from autoresearch_magic.study.tracking.found import make_tracker, trackers

from ...studies import QUICK, finish, wait_for

pytestmark = pytest.mark.slow

PACKAGE = """
import json, os, sys, time
from pathlib import Path
from autoresearch_magic.study.tracking.base import Tracker

class Good(Tracker):
    credentials = ("GOOD_*",)
    @property
    def where(self): return "in a file"
    def open(self, study, identity):
        print("what a tracker prints is no report")
        self.path = Path(self.argument)
        self.rows = {"keys": sorted(n for n in os.environ if n in ("GOOD_TOKEN", "OTHER_TOKEN"))}
        return "1"
    def send(self, e, before): self.rows[e.number] = [e.value, str(e.verdict)]
    def end(self, end): self.path.write_text(json.dumps(self.rows | {"state": end.state}))

class Broken(Good):
    def open(self, study, identity): raise RuntimeError("no such server")

class Hanging(Good):
    def send(self, e, before): time.sleep(1000)

class Crashing(Good):
    def send(self, e, before): os._exit(7)
"""


@pytest.fixture
def package(tmp_path, monkeypatch):
    folder = tmp_path / "package"
    info = folder / "odd_trackers-1.0.dist-info"
    info.mkdir(parents=True)
    (folder / "odd_trackers.py").write_text(PACKAGE)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: odd-trackers\nVersion: 1.0\n")
    lines = "\n".join(f"{name.lower()} = odd_trackers:{name}" for name in ("Good", "Broken", "Hanging", "Crashing"))
    (info / "entry_points.txt").write_text(f"[autoresearch_magic.trackers]\n{lines}\nwrong = json:dumps\n")
    monkeypatch.syspath_prepend(str(folder))
    monkeypatch.setenv("PYTHONPATH", ":".join(sys.path))
    trackers.cache_clear()
    yield folder
    trackers.cache_clear()
    sys.modules.pop("odd_trackers", None)


def test_what_trackers_do_changes_nothing_of_the_study_and_is_told_once(
    package, make_study, script, tmp_path, monkeypatch
):
    monkeypatch.setattr(process, "SILENT", 1.0)
    monkeypatch.setenv("GOOD_TOKEN", "a-token-of-its-own")
    monkeypatch.setenv("OTHER_TOKEN", "somebody-elses-token")
    targets = [QUICK.replace("3.0", x) for x in ("2.0", "2.5", "1 / 0", "1.5")]
    script(*targets)
    alone = finish(make_study(agent="script", experiments=4, name="alone"))
    out = tmp_path / "out.json"
    told, lines = [], []

    def observe(event):
        if isinstance(event, Notice):
            told.append(event)
            lines.append(event.message)

    agent = script(*targets)
    propose = agent.propose

    def propose_late(briefing):  # the study does not end before all have shown what they do
        if briefing.number == 4:
            wait_for(
                lambda: all(
                    any(said in line for line in lines) for said in ("no such server", "exit code 7", "good: in a file")
                )
            )
        return propose(briefing)

    agent.propose = propose_late
    study = make_study(
        agent="script", experiments=4, name="tracked", track=["broken", "hanging", "crashing", f"good:{out}"]
    )
    study.observe(observe)
    finish(study)
    facts = [(e.value, e.verdict, e.target) for e in study.experiments]
    assert facts == [(e.value, e.verdict, e.target) for e in alone.experiments]
    wait_for(out.exists)
    rows = json.loads(out.read_text())
    assert rows.pop("state") == "finished"
    assert rows.pop("keys") == ["GOOD_TOKEN"]
    assert rows == {str(e.number): [e.value, str(e.verdict)] for e in study.experiments}
    assert [line for line in lines if "no such server" in line and "goes on without it" in line] == [
        "broken cannot be told of the study now, which goes on without it; it is tried again: RuntimeError: no such server"
    ]
    assert sum("exit code 7" in line and "goes on without it" in line for line in lines) == 1
    for name in ("broken", "hanging", "crashing"):
        (lacks,) = [event for event in told if event.message.startswith(f"{name} lacks 5 of 5 experiments")]
        assert lacks.lasting
        assert f"%autoresearch track {name} --study tracked" in lacks.message
    assert [line for line in study.status.lasting if "lacks" in line] == [line for line in lines if "lacks" in line]
    study._tracking.kill()


def test_an_entry_point_that_is_no_tracker_is_refused(package):
    with pytest.raises(UserError, match="no subclass"):
        make_tracker("wrong")


def test_a_tracker_that_is_not_there_is_told_before_a_study_starts(make_study):
    with pytest.raises(UserError, match="there is no tracker 'nope'"):
        make_study(track="nope")


def test_a_tracker_is_given_once(package, make_study):
    with pytest.raises(UserError, match="good is given twice"):
        make_study(track=["good:a", "good:b"])
