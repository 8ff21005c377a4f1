"""A study that another process runs is followed: what is folded from its journal equals what opening it afresh reads."""

import random
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest
from filelock import FileLock

from autoresearch_magic.errors import UserError
from autoresearch_magic.events import (
    Confirmed,
    Drawn,
    Judged,
    Notice,
    Proposed,
    Remeasured,
    RunEnded,
    RunProgress,
    RunStarted,
    Spent,
    State,
    StateChanged,
)  # fmt: skip
from autoresearch_magic.experiment import Experiment, Measurement, Outcome, Proposal, Usage, Verdict
from autoresearch_magic.runs import Point
from autoresearch_magic.storage.journal import Journal
from autoresearch_magic.study import following
from autoresearch_magic.study.opening import _load, open_study

from ..repositories import repository
from ..studies import QUICK, finish, wait_for


def facts(study):
    """Everything that a status has from the journal."""
    s = study._status
    return {
        "experiments": s.experiments, "runs": s.runs, "headline": s.headline, "unclaimed": s.unclaimed, "state": s.state,
        "message": s.message, "settings": s.settings, "lasting": s.lasting, "elsewhere": s.elsewhere, "revised numbers": None,
        "live": s.live and (s.live.experiment, s.live.kind, s.live.repeat, s.live.phase, s.live.progress, s.live.step),
    }  # fmt: skip


def measured(value, seed=1):
    outcome = Outcome.OK if value is not None else Outcome.CRASH
    return Measurement(outcome, value, seed, seconds=0.5, curve=(Point(0.1, 0.5, 1, {"loss": 2.0}),))


class Driver:
    """Writes a study's journal as a process that runs it does, step by step, and holds its lock."""

    def __init__(self, study):
        self.folder, self.rng = study.folder, random.Random(0)
        self.folder.mkdir(parents=True)
        self.journal = Journal(self.folder / "journal.sqlite", create=True)
        self.settings = study.settings.to_json()
        self.journal.set(created=time.time(), name=study.name, definition=study.definition.to_json())
        self.lock = FileLock(str(self.folder / "lock"), timeout=0, thread_local=False)
        self.experiments, self.open, self.calls = [], None, 0
        self.start()

    def start(self):
        self.lock.acquire()
        self.journal.set(settings=self.settings, state="running", message="", live={"pid": 7, "state": "starting"})

    def end(self, state="stopped", message=""):
        self.journal.set(state=state, message=message, seconds=12.5)
        self.lock.release()

    def tell(self, state="running", **more):
        runs = len(self.journal.runs())
        self.journal.set(live={"pid": 7, "state": state, "seconds": 3.0, "at": time.time(), "runs": runs, **more})

    def propose(self):
        number = len(self.experiments)
        parent = max((e.number for e in self.experiments if e.kept), default=None)
        self.open = Experiment(
            number, parent, Proposal(f"X = {number}", f"step {number}", usage=Usage(calls=1)), f"f{number}"
        )
        self.journal.open_experiment(self.open)

    def run(self, value, kind="candidate"):
        self.journal.add_run(self.open.number, kind, measured(value, seed=len(self.open.measurements)))
        self.open = self.open.with_measurement(measured(value))

    def judge(self, verdict):
        judged = replace(self.open, verdict=verdict, reason=f"It is a {verdict}.")
        self.journal.close_experiment(judged)
        self.experiments.append(judged)
        self.open = None

    def random_step(self):
        """Write one thing that a loop may write next."""
        best = next((e for e in reversed(self.experiments) if e.kept), None)
        if best is None:
            if self.open is None:
                return self.propose()
            if len(self.open.measurements) < 2:
                return self.run(1.0 + self.rng.random(), "baseline")
            return self.judge(Verdict.BASELINE)
        judged = self.rng.choice(self.experiments)
        choices = [
            lambda: self.journal.add_run(best.number, "incumbent", measured(self.rng.random(), seed=self.rng.randrange(99))),
            lambda: self.journal.add_run(best.number, self.rng.choice(["control", "trial"]), measured(0.5)),
            lambda: [self.journal.add_run(n, "final", measured(self.rng.random(), seed=1000 + r)) for r in (0, 1) for n in (best.number, 0)],
            lambda: self.journal.set_since(replace(best, since=self.rng.randrange(2))),
            lambda: self.rejudge(judged),
            lambda: self.journal.set_commit(judged.number, f"{self.rng.randrange(10**9):x}"),
            self.pay,
            lambda: self.journal.note("say", text="hello"),
            lambda: self.tell(self.rng.choice(["running", "waiting", "paused"]), message=self.rng.choice(["", "a plateau"])),
            self.restart,
        ]  # fmt: skip
        if self.open is None:
            choices += 6 * [self.propose]
        else:
            choices += 3 * [lambda: self.run(self.rng.choice([None, self.rng.random()]))] + [self.rework]
            choices += 3 * [lambda: self.judge(self.rng.choice([Verdict.KEEP, Verdict.DISCARD, Verdict.CRASH]))]
        return self.rng.choice(choices)()

    def rejudge(self, e):
        if e.number:
            verdict = Verdict.DISCARD if e.verdict is Verdict.KEEP else Verdict.KEEP
            self.experiments[e.number] = replace(e, verdict=verdict, reason="Taken back at the end.")
            self.journal.close_experiment(self.experiments[e.number])

    def pay(self):
        self.calls += 1
        self.journal.note("paid", call=self.calls, usage={"calls": 1, "cost": self.rng.random()})
        if self.rng.random() < 0.5:
            self.journal.note("claimed", experiment=0, calls=[self.rng.randint(1, self.calls)])

    def rework(self):
        proposal = replace(self.open.proposal, target=f"Y = {self.rng.random()}", summary="reworked")
        after = replace(self.open, proposal=proposal, fingerprint=f"g{self.rng.random()}", measurements=())
        self.journal.rework(self.open, after, "the guard fails")
        self.open = after

    def restart(self):
        self.end(self.rng.choice(["stopped", "finished", "failed"]), self.rng.choice(["", "It has a message."]))
        self.settings = {**self.settings, "experiments": self.settings["experiments"] + 1}
        self.start()


@pytest.fixture
def driver(make_study, monkeypatch):
    monkeypatch.setattr(following, "EACH", 0.0)
    made = Driver(make_study(QUICK, name="night", experiments=9))
    yield made
    made.lock.release(force=True)
    made.journal.close()


@pytest.mark.parametrize(
    ("seed", "steps"), [(0, 40), *(pytest.param(seed, 120, marks=pytest.mark.slow) for seed in range(1, 6))]
)
def test_what_is_followed_equals_what_is_opened_afresh_after_each_step(driver, seed, steps):
    driver.rng = random.Random(seed)
    study = _load(driver.folder)
    events = []
    study.observe(events.append)
    for _ in range(steps):
        for _ in range(driver.rng.choice([1, 1, 1, 4])):
            driver.random_step()
        study._follower.look()
        assert facts(study) == facts(_load(driver.folder))
    judged = [e.experiment.number for e in events if isinstance(e, Judged)]
    assert judged == list(range(len(study.experiments)))
    opened = [e.experiment.number for e in events if isinstance(e, Proposed)]
    assert sorted(set(opened)) == list(range(len(study.experiments) + (driver.open is not None)))
    assert sum(isinstance(e, RunEnded) for e in events) == len(driver.journal.runs())
    kinds = {type(e) for e in events}
    assert kinds >= {Remeasured, Spent, StateChanged} | ({Confirmed} if steps > 100 else set())


def test_the_run_in_progress_its_curve_and_notices_are_followed(driver):
    driver.propose()
    study = _load(driver.folder)
    assert (study.state, study.status.message, study.status.live) == (State.ELSEWHERE, "starting in process 7", None)
    assert not study.active
    events = []
    study.observe(events.append)
    run = {
        "number": 0, "kind": "baseline", "repeat": 0, "repeats": 2, "summary": "step 0", "phase": "training", "elapsed": 0.2,
        "progress": 0.4, "step": 4, "curve": ["loss", [[0.1, 0.2, 2, 3.5], [0.2, 0.4, 4, 3.0]]],
    }  # fmt: skip
    driver.tell("baseline", run=run, notices=[[1, "Mind the gap.", False], [2, "It takes two values.", True]])
    live = study.status.live
    assert (live.experiment.summary, live.kind, live.repeats, live.phase, live.progress) == (
        "step 0",
        "baseline",
        2,
        "training",
        0.4,
    )
    assert [p.values["loss"] for p in live.curve] == [3.5, 3.0]
    assert study.status.message == "baseline in process 7"
    assert study.status.doing is State.BASELINE
    assert study.status.elapsed >= 3.0
    assert [e.message for e in events if isinstance(e, Notice)] == ["Mind the gap.", "It takes two values."]
    more = {
        **run,
        "phase": "evaluating",
        "progress": 0.9,
        "step": 9,
        "curve": ["loss", [[0.1, 0.2, 2, 3.5], [0.4, 0.9, 9, 2.5]]],
    }
    driver.tell("baseline", run=more, notices=[[2, "It takes two values.", True], [3, "On.", False]])
    assert (study.status.live.phase, study.status.live.step) == ("evaluating", 9)
    assert [p.values["loss"] for p in study.status.live.curve] == [3.5, 3.0, 2.5]
    assert [e.message for e in events if isinstance(e, Notice)][2:] == ["On."]
    assert sum(isinstance(e, RunStarted) for e in events) == 1
    assert {e.phase for e in events if isinstance(e, RunProgress)} == {"training", "evaluating"}
    driver.run(1.5, "baseline")  # its end is in the journal before the live record says so
    assert study.status.live is None
    assert [e.kind for e in events if isinstance(e, RunEnded)] == ["baseline"]


@pytest.mark.parametrize(
    "record", [None, 3, {}, {"pid": "x"}, {"pid": 1, "state": "odd"}, {"pid": 1, "state": "running", "run": {}}]
)
def test_a_live_record_that_cannot_be_read_is_as_none(driver, record):
    driver.journal.set(live=record)
    study = _load(driver.folder)
    assert (study.state, study.status.message, study.status.elsewhere) == (State.ELSEWHERE, "", None)


def test_a_process_that_was_killed_is_seen_and_another_start_as_well(driver):
    driver.propose()
    study = _load(driver.folder)
    driver.lock.release()  # as the system does when a process is killed; the journal says nothing of it
    assert study.state == State.STOPPED
    assert study.status.message == "The process 7 that ran it was killed or has crashed; what it had recorded is kept."
    assert facts(study) == facts(_load(driver.folder))
    driver.start()
    assert study.state == State.ELSEWHERE
    driver.journal.set(state="finished", message="", seconds=7.5)
    assert study.state == State.ELSEWHERE, "it still draws its last picture"
    driver.lock.release()
    assert (study.state, study.status.elapsed) == (State.FINISHED, 7.5)
    driver.start()
    assert study.state == State.ELSEWHERE, "the watch goes on after an end"


def test_a_watched_study_publishes_its_pictures_and_ends_with_its_folder(driver, monkeypatch):
    monkeypatch.setattr(following, "INTERVAL", 0.01)
    study, events = _load(driver.folder), []
    study.observe(events.append)
    assert study.follow().following
    wait_for(lambda: study._follower._looked_at > 0)
    (driver.folder / "progress.png").write_bytes(b"a picture")
    wait_for(lambda: Drawn(last=False) in events)
    driver.propose()
    wait_for(lambda: any(isinstance(e, Proposed) for e in events))
    driver.folder.rename(driver.folder.with_name("gone"))  # while its process has the lock, or it has stopped before
    wait_for(lambda: StateChanged(State.STOPPED, "Its folder was deleted.") in events)
    study.unfollow()
    assert not study.following


def test_another_study_in_the_same_folder_is_not_mixed_with_it(driver):
    study = _load(driver.folder)
    driver.journal.set(created=1.0)
    assert study.state == State.STOPPED
    assert "Another study has taken its place" in study.status.message


def test_nothing_is_written_and_nothing_is_read_while_nothing_happens(driver, monkeypatch):
    monkeypatch.setattr(following, "SETTLED", 0.0)
    driver.propose()
    driver.end()
    driver.journal.close()
    study = _load(driver.folder)
    before = {path.name: path.read_bytes() for path in driver.folder.iterdir()}
    time.sleep(0.01)
    monkeypatch.setattr(following, "read_news", lambda *_: pytest.fail("the journal was read"))
    for _ in range(3):
        study._follower.look()
    assert {path.name: path.read_bytes() for path in driver.folder.iterdir()} == before


@pytest.mark.slow
def test_a_run_of_this_process_ends_the_following_and_keeps_its_own_words(make_study, tmp_path, monkeypatch):
    monkeypatch.setattr(following, "EACH", 0.0)
    finish(make_study(name="night", experiments=2))
    study = _load(tmp_path / "night").follow()
    study.resume(experiments=4)
    assert study._follower.ours
    assert not study.following
    assert study.wait(60)
    assert study.state == State.FINISHED
    own = study._status.experiments
    assert all(a is b for a, b in zip(own, study.status.experiments, strict=True))
    with Journal(study.folder / "journal.sqlite") as journal:
        journal.note("say", text="something that is no news")
    assert all(a is b for a, b in zip(own, study.status.experiments, strict=True))
    elsewhere = _load(tmp_path / "night")
    elsewhere.resume(experiments=5)
    wait_for(lambda: study.state == State.ELSEWHERE)  # another object runs it: for this one that is elsewhere
    assert study.wait(60)
    assert len(study.experiments) == len(elsewhere.experiments) == 6
    assert study.settings.experiments == 5
    assert study.experiments == _load(tmp_path / "night").experiments
    events = []
    study.observe(events.append)
    assert study.state == State.FINISHED
    assert events == []


@pytest.mark.slow
def test_a_study_that_is_started_again_at_once_never_seems_to_run_elsewhere(make_study, monkeypatch):
    monkeypatch.setattr(following, "EACH", 0.0)
    study, states = make_study(name="night", experiments=1, repeats=1), []
    study.observe(lambda event: states.append(event.state) if isinstance(event, StateChanged) else None)
    study.start()
    for more in (2, 3, 4):
        assert study.wait(60)
        study.resume(experiments=more)
    assert study.wait(60)
    assert study.state == State.FINISHED
    assert State.ELSEWHERE not in states
    assert states.count(State.FINISHED) == 4


@pytest.mark.slow
def test_an_observer_may_start_the_study_when_it_sees_it_killed(make_study, tmp_path, monkeypatch):
    monkeypatch.setattr(following, "EACH", 0.0)
    finish(make_study(name="night", experiments=2))
    with Journal(tmp_path / "night" / "journal.sqlite") as journal, FileLock(tmp_path / "night" / "lock"):
        journal.set(state="running", message="", live={"pid": 7, "state": "running"})
        study = _load(tmp_path / "night")
    seen = []

    def take_over(event):
        if isinstance(event, StateChanged) and not seen:
            seen.append((event.state, study.resume(experiments=4).state))

    study.observe(take_over)
    assert study._follower.look() is None
    assert seen[0][0] is State.STOPPED
    assert study.wait(60)
    assert (study.state, len(study.experiments)) == ("finished", 5)


def test_a_start_that_is_refused_leaves_the_study_followed(driver):
    driver.propose()
    study = _load(driver.folder)
    with pytest.raises(UserError, match="Another process is running night"):
        study.start()
    assert not study._follower.ours
    driver.run(1.0, "baseline")
    driver.judge(Verdict.BASELINE)
    assert len(study.experiments) == 1
    with pytest.raises(UserError, match="its settings can change only after"):
        study.resume(experiments=50)


REPOSITORY = {
    "src/app.py": "SIZE = 40\n",
    "bench.py": (
        "import os, random, sys\nsys.path.insert(0, 'src')\nimport app\n"
        "random.seed(f'{app.SIZE} {os.environ[\"AUTORESEARCH_SEED\"]}')\n"
        "print('ms:', app.SIZE + random.gauss(0, 0.5) + float(open({level!r}).read()))\n"
    ),
    "check.py": "import sys\nsys.path.insert(0, 'src')\nimport app\nif app.SIZE < 10:\n    sys.exit('SIZE is too small')\n",
    ".gitignore": "*.local\n",
}  # fmt: skip


@pytest.mark.slow
def test_each_step_of_a_real_study_in_another_process_is_followed(tmp_path, monkeypatch):
    monkeypatch.setattr(following, "EACH", 0.0)
    repo = tmp_path / "repo"
    files = {name: text.replace("{level!r}", repr(str(repo / "level.local"))) for name, text in REPOSITORY.items()}
    repository(repo, files)
    (repo / "level.local").write_text("0")
    child = subprocess.Popen(
        [sys.executable, "-m", "tests.study.followed_child", str(repo), str(tmp_path / "root")],
        cwd=Path(__file__).parents[2], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    events, steps, study, own = [], [], None, {}
    with child:
        for line in child.stdout:
            steps.append(line.strip())
            journal = tmp_path / "root" / "night" / "journal.sqlite"
            if study is None and journal.exists():
                study = open_study(tmp_path / "root" / "night")
                study.observe(events.append)
            if study is not None:
                for _ in range(100):  # while a thread waits for a word here, another one may still write
                    study._follower.look(now=True)
                    own, fresh = facts(study), facts(_load(study.folder))
                    for moving in ("live", "elsewhere", "message", "unclaimed"):  # may change between the two
                        del own[moving], fresh[moving]
                    if own == fresh:
                        break
                    time.sleep(0.02)
                assert own == fresh, steps
            if steps[-1] == "end":
                break
            child.stdin.write("\n")
            child.stdin.flush()
    assert child.returncode == 0
    assert steps[-1] == "end"
    assert study.state == State.FINISHED
    kinds = [run.kind for run in Journal(study.folder / "journal.sqlite").runs()]
    assert "reworked" in kinds
    assert any(e.since for e in study.experiments), "the machine has changed"
    assert any(e.reason.startswith("Taken back at the end") for e in study.experiments)
    assert study.headline.number == 1
    published = {type(event).__name__ for event in events}
    assert published >= {"Proposed", "RunEnded", "Judged", "Remeasured", "Confirmed", "StateChanged", "Spent", "Notice"}
    assert [e.experiment.number for e in events if isinstance(e, Judged)] == list(range(len(study.experiments)))
