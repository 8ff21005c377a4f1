"""The clock, reports and seed that a target sees."""

import itertools
import json
import time

import pytest

from autoresearch_magic import runtime
from autoresearch_magic.budget import Budget
from autoresearch_magic.runtime import Clock, Seed, number


def clock(amount, unit, events=None):
    made = Clock()
    made.configure(Budget(amount, unit), None if events is None else events.append)
    return made


def test_a_budget_in_steps_gives_that_many_steps():
    c = clock(5, "steps")
    assert list(c) == [0, 1, 2, 3, 4]
    assert (c.step, c.progress, c.expired, c.budget, c.unit) == (5, 1.0, True, 5, "steps")
    assert list(c) == []


@pytest.mark.slow
def test_a_budget_in_seconds_charges_only_the_training_loop():
    c = clock(0.15, "seconds")
    time.sleep(0.1)
    assert c.elapsed == 0
    steps = 0
    for _ in c:
        time.sleep(0.01)
        with c.paused():
            time.sleep(0.02)
        steps += 1
    assert steps > 3
    charged = c.elapsed
    assert 0.15 <= charged < 0.15 * 3
    time.sleep(0.05)
    assert c.elapsed == charged


@pytest.mark.slow
def test_leaving_the_loop_stops_the_clock():
    c = clock(10, "seconds")
    for _ in c:
        break
    import gc

    gc.collect()
    charged = c.elapsed
    time.sleep(0.03)
    assert c.elapsed == charged


def test_the_first_access_of_expired_starts_the_clock():
    c = clock(0.03, "seconds")
    while not c.expired:
        time.sleep(0.005)
    assert c.elapsed >= 0.03


def test_reports_are_emitted_with_their_values():
    events = []
    c = clock(2, "steps", events)
    for step in c:
        c.report(step=step, loss=1)
    assert [e["report"]["values"] for e in events if "report" in e] == [{"loss": 1.0}] * 2


class Scalar:
    def item(self):
        return 2


def test_number_accepts_scalars_only():
    assert number(Scalar()) == 2.0
    assert number(True) == 1.0
    for bad in ("3", b"3", None, [1]):
        with pytest.raises(TypeError):
            number(bad)


def test_a_seed_is_an_int():
    assert Seed(3) + 1 == 4


@pytest.mark.slow
def test_progress_is_signalled_before_the_first_step_and_in_while_loops():
    events = []
    for _ in clock(10, "seconds", events):
        break
    assert [e["tick"]["step"] for e in events] == [0]
    c, again = clock(0.5, "seconds", events), len(events)
    while not c.expired:
        time.sleep(0.01)
    assert 2 <= len(events) - again <= 4


def test_a_report_without_a_named_value_says_what_to_write():
    c = clock(2, "steps", [])
    with pytest.raises(TypeError, match=r"write report\(loss=5\)"):
        c.report(5)
    with pytest.raises(TypeError, match=r"write report\(loss=loss\)"):
        c.report()


def test_endless_reports_are_thinned_and_the_last_one_is_kept(monkeypatch):
    monkeypatch.setattr(runtime, "TICK", 1e9)
    events = []
    c = clock(10**9, "steps", events)
    for step in range(200_000):
        c.report(step=step, loss=1.0)
    c.flush()
    steps = [e["report"]["step"] for e in events if "report" in e]
    assert len(steps) < 10 * runtime.REPORTS
    assert steps[: runtime.REPORTS] == list(range(runtime.REPORTS))
    assert steps[-1] == 199_999
    assert max(b - a for a, b in itertools.pairwise(steps)) <= 512
    c.flush()
    assert len(steps) == sum("report" in e for e in events)


def test_reports_have_limits():
    events = []
    c = clock(2, "steps", events)
    with pytest.warns(UserWarning, match="first 32 values"):
        c.report(step=2**70, **{f"{i:03d}" + "x" * 500: 10**400 for i in range(1_000)})
    (report,) = (e["report"] for e in events if "report" in e)
    assert report["step"] == 2**53
    assert len(report["values"]) == 32
    assert {len(name) for name in report["values"]} == {60}
    assert set(report["values"].values()) == {float("inf")}
    assert len(json.dumps(report)) < 4096  # a pipe takes so much at once
    assert number(-(10**400)) == -float("inf")


class Taken:
    """Stands for `waiting.LostTime`: others take a share of the time."""

    share, known = 0.0, True

    def __init__(self):
        self.total, self.since, self.looks = 0.0, None, 0

    def start(self):
        self.since = runtime._now()

    def stop(self):
        self.total, self.since = self.seconds(), None

    def seconds(self):
        self.looks += 1
        return self.total + (0.0 if self.since is None else self.share * (runtime._now() - self.since))


@pytest.fixture
def busy_clock(monkeypatch):
    """A clock on a machine where others take a share of the time, and time that passes when a test says so."""
    now = itertools.count()

    class Time:
        at = 100.0

    def passed():
        next(now)
        return Time.at

    monkeypatch.setattr(runtime, "_now", passed)
    monkeypatch.setattr(runtime, "time", Time, raising=False)

    def make(amount, share, *, unit="seconds", wall=False):
        monkeypatch.setattr(Taken, "share", share)
        made = Clock()
        made.configure(Budget(amount, unit), None, None if wall else Taken())
        return made

    return make


def train(c, seconds=0.25):
    began = runtime.time.at
    for _ in c:
        runtime.time.at += seconds
    return runtime.time.at - began


@pytest.mark.parametrize(("share", "taken"), [(0.0, 10.0), (0.2, 12.5), (0.5, 20.0), (0.9, 30.0)])
def test_time_that_others_take_is_not_charged_up_to_three_times_the_budget(busy_clock, share, taken):
    c = busy_clock(10, share)
    assert train(c) == pytest.approx(taken, abs=0.25)
    assert c.elapsed == pytest.approx(10.0, abs=0.25)
    assert c.progress == 1.0
    assert c.lost == pytest.approx(taken - 10.0, abs=0.25)


def test_the_wall_clock_charges_all(busy_clock):
    c = busy_clock(10, 0.5, wall=True)
    assert train(c) == 10.0
    assert c.lost is None


def test_a_busy_clock_never_goes_back(busy_clock):
    c = busy_clock(10, 0.0)
    seen = []
    for step in c:
        runtime.time.at += 0.01
        Taken.share = 0.9 * (step % 7 == 0)  # what is told of the past may change
        seen += [c.elapsed, c.progress]
    assert seen[::2] == sorted(seen[::2])
    assert seen[1::2] == sorted(seen[1::2])


def test_paused_time_is_no_lost_time(busy_clock):
    c = busy_clock(10, 0.5)
    for step in c:
        runtime.time.at += 0.25
        with c.paused():
            runtime.time.at += 5.0
        if step == 7:
            break
    assert c.elapsed == pytest.approx(1.0)
    assert c.lost == pytest.approx(1.0)


def test_few_looks_at_the_lost_time_in_many_steps(busy_clock):
    c = busy_clock(10, 0.1)
    train(c, 0.001)
    assert c._lost.looks < 10 / 0.9 / runtime.LOOK + 20
    steps = busy_clock(5_000, 0.1, unit="steps")
    train(steps, 0.01)
    assert steps.elapsed == pytest.approx(45.0, abs=0.1)
    assert steps._lost.looks < 50 / runtime.LOOK + 20


def test_in_an_experiment_time_is_charged_from_the_first_line(busy_clock):
    c = busy_clock(10, 0.0)
    c.begin()
    runtime.time.at += 4.0
    assert c.elapsed == pytest.approx(4.0)
    assert train(c) == pytest.approx(6.0, abs=0.25)
    runtime.time.at += 5.0  # what comes now is not the training's
    assert c.elapsed == pytest.approx(10.0, abs=0.25)


def test_what_is_paused_before_the_loop_or_between_two_is_not_charged(busy_clock):
    c = busy_clock(10, 0.0)
    c.begin()
    with c.paused():
        runtime.time.at += 4.0
    for step in c:
        runtime.time.at += 0.25
        if step == 7:
            break
    with c.paused():
        runtime.time.at += 3.0
    runtime.time.at += 1.0
    assert c.elapsed == pytest.approx(3.0)
    assert c.paused_seconds == pytest.approx(7.0)
    assert train(c) == pytest.approx(7.0, abs=0.25)
    assert not list(c)


def test_a_while_loop_ends_once(busy_clock):
    c = busy_clock(1, 0.0)
    c.begin()
    while not c.expired:
        runtime.time.at += 0.25
    runtime.time.at += 5.0
    assert c.expired
    assert c.elapsed == pytest.approx(1.0)


@pytest.mark.slow
def test_a_replaced_time_module_does_not_move_the_clock(monkeypatch):
    monkeypatch.setattr(time, "perf_counter", lambda: 0.0)
    c = clock(0.02, "seconds")
    c.begin()
    assert len([None for _ in zip(c, range(10**7), strict=False)]) < 10**7
