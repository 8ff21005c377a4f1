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
