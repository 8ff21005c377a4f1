"""Several experiments at once: numbers, verdicts, changes that are put together, and what a stop leaves."""

from __future__ import annotations

import ast
import threading
import time
from collections import defaultdict

import pytest

from autoresearch_magic.config.effective import make_settings
from autoresearch_magic.errors import Stopped, UserCodeError, UserError
from autoresearch_magic.events import Notice, RunEnded, RunStarted, State
from autoresearch_magic.experiment import Measurement, Outcome
from autoresearch_magic.runners import Runner
from autoresearch_magic.runners.fleet import Fleet, Place
from autoresearch_magic.storage.journal import Journal
from autoresearch_magic.study.trying import Trying

from ..studies import finish, wait_for

pytestmark = pytest.mark.slow

TARGET = "X = 3.0\nA = 0\nB = 0\nY = 2.0\nloss = (X - 1) ** 2 + Y\n"


def version(x=3.0, y=2.0):
    return TARGET.replace("X = 3.0", f"X = {x}").replace("Y = 2.0", f"Y = {y}")


class World:
    """What runs in all slots: a version runs until its gate is opened, where it has one."""

    def __init__(self) -> None:
        self.gates: dict[str, threading.Event] = {}
        self.ran: list[tuple[int, str]] = []  # slot and target, in the order in which runs began
        self.fails = ""
        self.steps = defaultdict(lambda: 100)  # by how many run at once
        self.running = 0
        self.pairs: threading.Barrier | None = None  # where runs meet, all but the first one

    def gate(self, target: str) -> threading.Event:
        return self.gates.setdefault(target, threading.Event())

    def runs_of(self, target: str) -> int:
        return sum(ran == target for _, ran in self.ran)


class SlotRunner(Runner):
    def __init__(self, world: World, slot: int) -> None:
        self.world, self.slot, self.interrupted = world, slot, False

    def measure(self, target, *, seed, deadline, watch=None, log="", holdout=False):
        world = self.world
        world.ran.append((self.slot, target))
        world.running += 1
        try:
            gate = world.gates.get(target)
            while gate is not None and not gate.wait(0.01):
                if self.interrupted:
                    raise Stopped
            if self.interrupted:
                raise Stopped
            if target == world.fails:
                raise UserCodeError("The setup fails.", "")
            meet = world.pairs.wait if world.pairs is not None and len(world.ran) > 1 else lambda: time.sleep(0.005)
            meet()  # so that others begin meanwhile
            steps = world.steps[world.running]
            meet()
        finally:
            world.running -= 1
        names = {node.targets[0].id: node.value for node in ast.parse(target).body}
        x, y = ast.literal_eval(names["X"]), ast.literal_eval(names["Y"])
        return Measurement(outcome=Outcome.OK, value=(x - 1) ** 2 + y, seed=seed, seconds=0.01, steps=steps)

    def keep_files(self, target, folder):
        folder.mkdir(parents=True)
        (folder / "slot").write_text(str(self.slot))

    def interrupt(self):
        self.interrupted = True


@pytest.fixture
def world(monkeypatch):
    world = World()

    def make_fleet(definition, folder, publish):
        slots = range(definition.settings.workers)
        return Fleet([SlotRunner(world, slot) for slot in slots], [Place(f"slot {slot}") for slot in slots])

    monkeypatch.setattr("autoresearch_magic.study.thread.make_fleet", make_fleet)
    monkeypatch.setattr("autoresearch_magic.study.thread.make_runner", lambda *_: SlotRunner(world, 0))
    return world


@pytest.fixture
def begin(make_study, script):
    """Begin a study whose agent proposes these targets."""

    def begin(*targets, workers=2, **options):
        script(*targets)
        options = {"agent": "script", "experiments": len(targets), "workers": workers} | options
        study = make_study(TARGET, **options)
        study.start()
        return study

    return begin


def end_one_after_the_other(world, study, first, second):
    """Let two runs that have begun end: the second one when the first has its verdict."""
    wait_for(lambda: world.runs_of(first) and world.runs_of(second))
    world.gates[first].set()
    wait_for(lambda: len(study.experiments) == 2)
    world.gates[second].set()
    ended(study)


def ended(study, seconds=20):
    assert study.wait(seconds), study
    assert study.state != State.FAILED, (study.status.message, study.status.traceback)
    return study


def kinds(study):
    with Journal(study.folder / "journal.sqlite") as journal:
        return [(run.experiment, run.kind) for run in journal.runs()]


def test_numbers_and_verdicts_are_in_the_order_in_which_runs_end(world, begin):
    slow, quick, third = version(2.5), version(4.0), version(5.0)
    world.gate(slow)
    study = begin(slow, quick, third, workers=2)
    wait_for(lambda: len(study.experiments) == 3)
    assert [e.target for e in study.experiments] == [TARGET, quick, third]
    assert [live.experiment.target for live in study.status.lives.values()] == [slow]
    world.gates[slow].set()
    ended(study)
    assert [e.target for e in study.experiments] == [TARGET, quick, third, slow]
    assert [e.number for e in study.experiments] == [0, 1, 2, 3]
    assert [str(e.verdict) for e in study.experiments] == ["baseline", "discard", "discard", "keep"]
    assert len({slot for slot, _ in world.ran}) == 2


def test_of_two_that_are_kept_the_second_is_put_on_top_of_the_first_and_measured_again(world, begin):
    first, second = version(x=2.0), version(y=1.0)
    for each in (first, second):
        world.gate(each)
    study = begin(first, second)
    end_one_after_the_other(world, study, first, second)
    both = version(x=2.0, y=1.0)
    assert [e.target for e in study.experiments] == [TARGET, first, both]
    assert [e.parent for e in study.experiments] == [None, 0, 1]
    assert [str(e.verdict) for e in study.experiments] == ["baseline", "keep", "keep"]
    assert set(study.experiments[2].values) == {2.0}, "only runs of what was kept count"
    assert (2, "reworked") in kinds(study)
    assert [path.name for path in sorted((study.folder / "files").iterdir())] == ["0000", "0001", "0002"], (
        "of what was kept"
    )
    assert (2, "candidate") in kinds(study)


def test_a_loser_is_not_put_on_top_of_anything(world, begin):
    first, second = version(x=2.0), version(y=3.0)
    for each in (first, second):
        world.gate(each)
    study = begin(first, second)
    end_one_after_the_other(world, study, first, second)
    assert (study.experiments[2].target, study.experiments[2].parent) == (second, 0)
    assert world.runs_of(version(x=2.0, y=3.0)) == 0


@pytest.mark.parametrize(("value", "verdict"), [(1.5, "keep"), (2.25, "discard")])
def test_what_changes_the_same_lines_is_compared_as_it_is(world, begin, value, verdict):
    first, second = version(x=2.0), version(x=value)
    for each in (first, second):
        world.gate(each)
    study = begin(first, second)
    end_one_after_the_other(world, study, first, second)
    e = study.experiments[2]
    assert (e.target, e.parent, str(e.verdict)) == (second, 1, verdict)
    assert next(kind for number, kind in kinds(study) if number == 2) == "candidate"


def test_the_same_is_not_run_twice_at_once(world, begin):
    target = version(2.0)
    world.gate(target)
    study = begin(target, target, version(1.5))
    wait_for(lambda: len(study.experiments) >= 2)
    assert str(study.experiments[1].verdict) == "duplicate"
    assert "run at the moment" in study.experiments[1].reason
    assert world.runs_of(target) == 1
    world.gates[target].set()
    ended(study)


def test_what_was_in_flight_at_a_stop_is_run_by_the_next_start(world, begin):
    slow, other = version(2.0), version(2.5)
    for each in (slow, other):
        world.gate(each)
    study = begin(slow, other, version(1.5), workers=2)
    wait_for(lambda: world.runs_of(slow) and world.runs_of(other))
    study.stop()
    assert study.wait(20)
    assert len(study.experiments) == 1
    for gate in world.gates.values():
        gate.set()
    study.resume()
    ended(study)
    assert {e.target for e in study.experiments} == {TARGET, slow, other, version(1.5)}
    assert [e.number for e in study.experiments] == [0, 1, 2, 3]
    with Journal(study.folder / "journal.sqlite") as journal:
        assert journal.get("flights") == {}
        assert sorted(body["experiment"] for _, _, body in journal.notes("landed")) == [1, 2, 3]


def test_what_was_in_flight_is_run_by_a_start_with_one_worker_as_well(world, begin):
    slow, other = version(2.0), version(2.5)
    for each in (slow, other):
        world.gate(each)
    study = begin(slow, other, version(1.5), workers=2)
    wait_for(lambda: world.runs_of(slow) and world.runs_of(other))
    study.stop()
    assert study.wait(20)
    for gate in world.gates.values():
        gate.set()
    said = []
    study.observe(lambda event: said.append(event.message) if isinstance(event, Notice) else None)
    study.resume(workers=1)
    ended(study)
    assert any("It goes on with 1 worker, and had 2 before" in line for line in said)
    assert {e.target for e in study.experiments} == {TARGET, slow, other, version(1.5)}


def test_a_pause_lets_what_runs_end_and_begins_nothing(world, begin):
    slow, other = version(2.0), version(2.5)
    for each in (slow, other):
        world.gate(each)
    study = begin(slow, other, version(1.5), version(1.25), workers=2)
    wait_for(lambda: world.runs_of(slow) and world.runs_of(other))
    study.pause()
    for gate in world.gates.values():
        gate.set()
    wait_for(lambda: study.state == State.PAUSED and world.running == 0)
    ran = len(world.ran)
    time.sleep(0.1)
    assert len(world.ran) == ran
    assert not world.runs_of(version(1.5)), "no other proposal has begun"
    study.resume()
    ended(study)
    assert len(study.experiments) == 5


def test_an_error_in_one_slot_ends_the_study_and_the_runs_of_the_others(world, begin, quick_retries):
    slow, broken = version(2.0), version(2.5)
    world.gate(slow)
    world.fails = broken
    study = begin(slow, broken)
    assert study.wait(60)
    assert study.state == State.FAILED
    assert study.status.message == "The setup fails."


@pytest.fixture
def quick_retries(monkeypatch):
    monkeypatch.setattr("autoresearch_magic.study.trying.RETRIES", ())


def test_what_slows_each_other_down_is_told_with_how_much(world, make_study, script):
    world.steps.update({1: 100, 2: 60})
    world.pairs = threading.Barrier(2, timeout=20)
    script(version(2.0))
    study = make_study(TARGET, agent="script", experiments=1, workers=2, repeats=3)
    said = []

    def note(event):
        if isinstance(event, Notice):
            said.append(event.message)
        if isinstance(event, RunEnded) and len(world.ran) == 3:
            world.pairs = None  # what follows runs as it comes

    study.observe(note)
    finish(study)
    assert any("2 at once make" in line and "of the steps that one alone makes" in line for line in said), said
    assert study.experiments[0].since == 1, "the run that was alone does not count"


def test_best_and_baseline_are_confirmed_in_pairs_in_one_slot_each(world, begin):
    study = begin(version(2.0), workers=2, repeats=4)
    seen = []
    study.observe(lambda event: seen.append(event) if isinstance(event, RunStarted) else None)
    ended(study)
    finals = [(e.slot, e.repeat, e.experiment.number) for e in seen if e.kind == "final"]
    assert len(finals) == 8
    for repeat in range(4):
        assert [number for _, at, number in finals if at == repeat] == [1, 0]
        assert len({slot for slot, at, _ in finals if at == repeat}) == 1


def test_a_given_version_is_tried_beside_what_runs(world, begin):
    slow = version(2.5)
    world.gate(slow)
    study = begin(slow, version(4.0), workers=2)
    wait_for(lambda: world.runs_of(slow))
    e = study.try_target(version(1.25))
    assert e.target == version(1.25)
    assert str(e.verdict) == "keep"
    world.gates[slow].set()
    ended(study)
    assert slow in {e.target for e in study.experiments}


def test_a_recording_is_not_replayed_side_by_side():
    with pytest.raises(UserError, match="one experiment after the other"):
        make_settings({"metric": "loss", "minimize": True, "agent": "replay:night", "workers": 2})


def test_what_a_version_wrote_that_waits_for_its_turn_is_kept(world, begin, monkeypatch):
    monkeypatch.setattr("autoresearch_magic.judging.judge.JUMP", 1e9)  # so that nothing is run again first
    slow, good, third = version(x=2.9), version(y=1.9), version(x=5.0)
    decide = Trying.decide
    waits = threading.Event()

    def first_waits(self, e):
        """Let the verdict on the first one take long."""
        if e.target == slow and not waits.is_set():
            with self.measurer.baton.released():
                waits.wait(20)
        return decide(self, e)

    monkeypatch.setattr(Trying, "decide", first_waits)
    study = begin(slow, good, third, workers=2)
    wait_for(lambda: world.runs_of(third))
    kept = study.folder / "files" / "0002"
    assert kept.is_dir(), "before its verdict"
    assert len(study.experiments) == 1
    waits.set()
    ended(study)
    both = version(x=2.9, y=1.9)
    assert [e.target for e in study.experiments][:3] == [TARGET, slow, both]
    assert kept.is_dir()
