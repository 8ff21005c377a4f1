"""Studies in Python: the loop with real workers, real git and a real journal."""

import sqlite3
import threading
import time

import git
import pytest

import autoresearch_magic as am
from autoresearch_magic.agents.registry import BUILT_IN
from autoresearch_magic.errors import UserError
from autoresearch_magic.events import Confirmed, Judged, Proposed, RunEnded, RunStarted, State, StateChanged
from autoresearch_magic.experiment import Verdict
from autoresearch_magic.storage import folders
from autoresearch_magic.study.opening import open_study
from autoresearch_magic.study.study import Study

from ..kernels import TARGET
from ..studies import QUICK, SLOW, Script, finish, wait_for


@pytest.mark.slow
def test_every_verdict_is_recorded_with_its_source_and_reason(make_study, script):
    script("X = 2.0\nloss = X", "X = 2.0 # again\nloss = X", "loss = 9", "1/0", "loss = float('nan')", "y = 1",
           "x = (", "while True: pass", "loss = 0.5")  # fmt: skip
    study = finish(make_study("X = 3.0\nloss = X\n", experiments=20, agent="script", timeout="0.5s"))
    assert [str(e.verdict) for e in study.experiments] == [
        "baseline", "keep", "duplicate", "discard", "crash", "metric-error", "metric-error", "crash", "timeout", "keep",
    ]  # fmt: skip
    assert [e.parent for e in study.experiments] == [None, 0, 1, 1, 1, 1, 1, 1, 1, 1]
    assert all(e.reason for e in study.experiments)
    assert "The same as experiment 1" in study.experiment(2).reason
    assert "ZeroDivisionError" in study.experiment(4).measurements[0].traceback
    assert study.status.message == "The script is at its end."
    assert (study.incumbent.number, study.incumbent.value) == (9, 0.5)
    assert study.status.headline.gain == 2.5
    assert study.status.headline.repeats == 2

    frame = study.history
    assert list(frame["source"])[9] == "loss = 0.5"
    assert frame["experiment"].tolist() == list(range(10))
    assert frame["runs"].tolist() == frame["repeats"].tolist() == [len(e.measurements) for e in study.experiments]
    assert frame["gain"].dropna().to_dict() == {1: 1.0, 3: -7.0, 9: 1.5}
    assert frame["gain_low"].equals(frame["gain"])  # every run of the baseline gave the same value
    assert frame["gain_high"].equals(frame["gain"])
    assert frame["p_better"].dropna().to_dict() == {1: 1.0, 3: 0.0, 9: 1.0}
    assert frame.index[frame["proven"]].tolist() == [1, 9]
    assert list(frame)[9:14] == ["gain", "gain_low", "gain_high", "p_better", "proven"]

    repo = git.Repo(study.folder / "repo")
    branch = list(repo.iter_commits(f"autoresearch/{study.name}"))
    assert [c.hexsha for c in branch][::-1] == [study.experiment(n).commit for n in (0, 1, 9)]
    refs = {r.path.rpartition("/")[2]: r.commit for r in repo.refs if r.path.startswith("refs/autoresearch/")}
    assert sorted(refs) == [f"{n:04d}" for n in range(10)]
    for e in study.experiments:
        assert refs[f"{e.number:04d}"].tree["target.py"].data_stream.read().decode() == e.target
        assert f"Verdict: {e.verdict}" in refs[f"{e.number:04d}"].message
    lines = (study.folder / "results.tsv").read_text().splitlines()
    assert lines[0] == "commit\tloss\tmemory_gb\tstatus\tdescription"
    assert [line.split("\t")[3] for line in lines[1:]] == [
        "keep", "keep", "discard", "discard", "crash", "crash", "crash", "crash", "crash", "keep",
    ]  # fmt: skip
    assert (study.folder / "logs" / "0004.log").read_text().count("ZeroDivisionError") == 1


@pytest.mark.slow
def test_events_tell_the_whole_story_in_order(make_study, script):
    script("X = 1.0\nloss = X")
    seen = []
    finish(make_study("X = 3.0\nloss = X\n", agent="script", observers=[seen.append]))
    kinds = [type(event) for event in seen]
    assert kinds.index(Proposed) < kinds.index(RunStarted) < kinds.index(RunEnded) < kinds.index(Judged)
    assert kinds.count(Judged) == 2
    assert isinstance(next(e for e in seen if isinstance(e, Confirmed)).headline.gain, float)
    states = [e.state for e in seen if isinstance(e, StateChanged)]
    assert (states[0], states[-1]) == (State.STARTING, State.FINISHED)


@pytest.mark.slow
def test_nothing_better_means_no_confirmation(make_study, script):
    script("loss = 7", "loss = 8")
    study = finish(make_study("X = 3.0\nloss = X\n", agent="script", experiments=2))
    assert study.incumbent.number == 0
    assert study.status.headline is None
    assert study.status.fraction == 1.0


@pytest.mark.slow
def test_names_paths_and_the_registry(make_study, tmp_path):
    first = finish(make_study(name="first", experiments=1))
    assert am.current() is first
    assert folders.study_names(tmp_path) == ["first"]
    with pytest.raises(UserError, match="There is a study 'first' already"):
        make_study(name="first")
    auto, other = make_study(), None
    finish(auto)
    other = make_study()
    assert auto.name != other.name
    assert "loss" in auto.name
    with pytest.raises(UserError, match=r"There is no study 'none' in .*: its studies: .*first"):
        open_study("none", tmp_path)


@pytest.mark.slow
def test_stop_and_resume_keep_numbers_and_proposals(make_study, tmp_path):
    whole = finish(make_study(TARGET, name="whole", experiments=6, budget="0.02s"))
    parts = make_study(TARGET, name="parts", experiments=6, budget="0.02s").start()
    wait_for(lambda: len(parts.experiments) >= 3)
    parts.stop()
    assert parts.state == "stopped"
    done = len(parts.experiments)
    again = open_study("parts", tmp_path)
    assert [e.target for e in again.experiments] == [e.target for e in parts.experiments]
    again.resume()
    assert again.wait(60)
    assert again.state == "finished"
    assert len(again.experiments) == 7
    assert [e.target for e in again.experiments] == [e.target for e in whole.experiments]
    assert [e.commit for e in again.experiments[:done]] == [e.commit for e in parts.experiments[:done]]
    assert again.status.headline is not None


@pytest.mark.slow
def test_a_finished_study_can_go_on_with_more(make_study, tmp_path):
    study = finish(make_study(experiments=2))
    with pytest.raises(UserError, match=r"is finished: go on with .* -n 4"):
        study.start()
    with pytest.raises(UserError, match="another metric"):
        study.resume(metric="other")
    study.resume(experiments=4)
    assert study.wait(60)
    assert len(study.experiments) == 5
    assert open_study(study.name, tmp_path).settings.experiments == 4


@pytest.mark.slow
def test_git_and_tsv_catch_up_with_the_journal(make_study, tmp_path):
    study = finish(make_study(name="torn", experiments=3))
    commits = [e.commit for e in study.experiments]
    repo = git.Repo(study.folder / "repo")
    # What a process leaves behind that is killed between the journal and git.
    repo.git.update_ref("-d", "refs/autoresearch/torn/0003")
    with sqlite3.connect(study.folder / "journal.sqlite") as journal:
        journal.execute("UPDATE experiment SET commit_sha = '' WHERE number >= 2")
    (study.folder / "results.tsv").unlink()
    again = open_study("torn", tmp_path).resume(experiments=4)
    assert again.wait(60)
    assert [e.commit for e in again.experiments[:4]] == commits
    assert (study.folder / "results.tsv").read_text().count("\n") == 6


@pytest.mark.slow
@pytest.mark.parametrize(
    ("target", "setup", "message"),
    [
        ("1/0\nX = 2.0", "", "The target does not run as it is: ZeroDivisionError"),
        ("X = 1.0\nother = X", "", r"needs 'loss'.*Defined were: X, other"),
        ("X = 1.0\nloss = X", "raise ValueError('bad')", "The setup failed: ValueError: bad"),
        ("X = 1.0\nloss = X * float('nan')", "", "loss is nan"),
    ],
)
def test_a_study_that_cannot_begin_says_why(make_study, target, setup, message):
    study = make_study(target, setup).start()
    assert study.wait(60)
    assert study.state == "failed"
    import re

    assert re.search(message, study.status.message), study.status.message
    assert study.experiments == []


def test_bad_definitions_are_refused_before_anything_is_written(make_study, tmp_path):
    cases = {
        "target is empty": {"target": "  \n"},
        "line 1 of the target": {"target": "x = ("},
        "There is no agent": {"agent": "robot"},
        "There is no option 'colour'": {"colour": "red"},
        "cannot name a study": {"name": "../x"},
        "torch_x is not installed": {"setup": "import torch_x"},
    }
    for message, options in cases.items():
        with pytest.raises(UserError, match=message) as caught:
            make_study(**options)
        assert "\n" not in str(caught.value)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_a_target_from_a_file(make_study, tmp_path):
    source = tmp_path / "train.py"
    source.write_text(QUICK)
    study = finish(make_study(source, experiments=1))
    assert (study.folder / "repo" / "train.py").exists()
    assert source.read_text() == QUICK, "the user's file is not touched"


def test_the_journal_is_written_before_the_run(make_study, tmp_path):
    study = make_study("X = 3.0\nimport time\ntime.sleep(30)\nloss = X\n", name="early").start()
    path = tmp_path / "early" / "journal.sqlite"
    wait_for(lambda: study.status.live is not None)
    with sqlite3.connect(path) as journal:
        assert journal.execute("SELECT number, verdict FROM experiment").fetchall() == [(0, None)]
    study.stop()
    assert not [t for t in threading.enumerate() if t.name.startswith("autoresearch-")]


@pytest.mark.slow
def test_a_deterministic_metric_keeps_every_strict_gain(make_study, script):
    script("loss = 2.999999", "loss = 2.999999 ")
    study = finish(make_study("X = 3.0\nloss = X", agent="script", experiments=2))
    assert [e.verdict for e in study.experiments] == [Verdict.BASELINE, Verdict.KEEP, Verdict.DUPLICATE]


@pytest.mark.slow
def test_a_limit_of_time_holds_for_the_confirmation_too(make_study, monkeypatch):
    monkeypatch.setitem(
        BUILT_IN, "script", lambda order: Script(*(f"X = {2.9 - n / 100}\n{SLOW[8:]}" for n in range(50)))
    )
    study = make_study(SLOW, agent="script", minutes=0.08, experiments=50, repeats=2, bounds="0..9")
    began = time.monotonic()
    finish(study)
    assert "--minutes 0.08" in study.status.message
    kept = study.incumbent.number
    assert kept > 0
    assert study.status.headline is not None
    assert len(study.experiments) < 15
    # At 0.4 s a run the confirmation takes 1.6 s: it has begun early enough to be over, give or take an experiment.
    assert study.status.fraction == 1.0
    ran = sum(len(e.measurements) for e in study.experiments)
    assert 0.4 * (ran + 4) < 0.08 * 60 + 1.0, (ran, time.monotonic() - began)


@pytest.mark.slow
def test_a_program_beside_a_lab_needs_no_target(tmp_path):
    (tmp_path / "train").mkdir()
    (tmp_path / "train" / "prepare.py").write_text("GOAL = 1.0\ndef evaluate(x): return abs(x - GOAL)\n")
    (tmp_path / "train" / "helper.py").write_text("START = 5.0\n")
    (tmp_path / "train" / "train.py").write_text(
        "from helper import START\nfrom prepare import GOAL\nX = 3.0  # 0 .. 6\nx = X + 0 * START * GOAL\n"
    )
    (tmp_path / "program.md").write_text(
        "# Come close\n\nMetric: d=evaluate(x)\nDirection: lower\nBudget: 1s\nIterations: 3\n"
    )
    study = finish(Study(tmp_path / "program.md", root=tmp_path / "studies"))
    assert study.experiments[0].value == 2.0
    assert study.definition.target_path == tmp_path / "train" / "train.py"
    assert study.definition.files(study.incumbent.target).keys() == {"train.py", "prepare.py", "program.md"}
    again = open_study(study.folder)
    assert again.definition.folders == study.definition.folders


@pytest.mark.slow
def test_the_bar_goes_by_the_limit_of_time_where_that_ends_it(make_study):
    study = make_study(SLOW, minutes=0.1, experiments="unlimited")
    study.start()
    wait_for(lambda: len(study.status.runs) > 2)
    study.pause()
    study.wait(20)
    study.status.state = State.RUNNING
    assert 0 < study.status.fraction < 1
    assert 0 <= study.status.remaining <= 6
    study.status.state = State.PAUSED
    study.stop()
