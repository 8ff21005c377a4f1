"""A study that another process runs is followed: what is folded from its journal equals what opening it afresh reads."""

import random
import time
from dataclasses import replace

import pytest
from filelock import FileLock

from autoresearch_magic.curve import Point
from autoresearch_magic.events import (
    Confirmed,
    Judged,
    Proposed,
    Remeasured,
    RunEnded,
    Spent,
    StateChanged,
)  # fmt: skip
from autoresearch_magic.experiment import Experiment, Measurement, Outcome, Proposal, Usage, Verdict
from autoresearch_magic.storage.journal import Journal
from autoresearch_magic.study import following
from autoresearch_magic.study.opening import _load

from ..studies import QUICK


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


@pytest.mark.parametrize("seed", range(4))
def test_what_is_followed_equals_what_is_opened_afresh_after_each_step(driver, seed):
    driver.rng = random.Random(seed)
    study = _load(driver.folder)
    events = []
    study.observe(events.append)
    for _ in range(120):
        for _ in range(driver.rng.choice([1, 1, 1, 4])):
            driver.random_step()
        study._follower.look()
        assert facts(study) == facts(_load(driver.folder))
    judged = [e.experiment.number for e in events if isinstance(e, Judged)]
    assert judged == list(range(len(study.experiments)))
    opened = [e.experiment.number for e in events if isinstance(e, Proposed)]
    assert sorted(set(opened)) == list(range(len(study.experiments) + (driver.open is not None)))
    assert sum(isinstance(e, RunEnded) for e in events) == len(driver.journal.runs())
    for kind in (Remeasured, Spent, StateChanged, Confirmed):
        assert any(isinstance(e, kind) for e in events), kind
