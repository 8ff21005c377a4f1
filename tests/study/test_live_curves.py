"""What trackers are told of runs that go on is a part of what the journal will hold of them."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autoresearch_magic.experiment import Experiment, Proposal
from autoresearch_magic.runners.worker.client import CURVE_POINTS
from autoresearch_magic.runs import GrowingCurve, Point
from autoresearch_magic.study import live_curves as module
from autoresearch_magic.study.live_curves import KEPT, MOST_POINTS, curves_of, live_curves
from autoresearch_magic.study.status import LIVE_POINTS, LiveRun


class Lives:
    """A status of which only the runs in progress are asked for."""

    def __init__(self, *lives):
        self.lives = dict(enumerate(lives))


def live(kind="candidate", flying=False, slot=0):
    return LiveRun(Experiment(4, 0, Proposal("X = 1", "X 3 → 1"), "f" * 40), kind, 0, 1, slot=slot, flying=flying)


def test_the_worker_keeps_as_many_points_as_is_reckoned_with():
    assert CURVE_POINTS == KEPT
    assert LIVE_POINTS >= KEPT


@settings(deadline=None)
@given(st.integers(1, 20_000), st.floats(0.001, 1.0), st.floats(0.3, 3.0))
def test_what_is_told_at_any_moment_is_left_at_the_end(count, share, faster):
    """Also where the run becomes three times as fast, or as slow, as it was."""
    now = max(1, int(count * share))
    progress = min(1.0, share * faster)
    run, kept = live(), GrowingCurve(CURVE_POINTS)
    for i in range(count):
        point = Point(i * 0.01, progress, i, {"loss": 1.0 / (1 + i)})
        kept.add(point)
        if i < now:
            run.reported.add(point)
    run.progress = progress
    told = curves_of(Lives(run))[0]["points"]
    assert 1 <= len(told) <= MOST_POINTS
    left = {(p.elapsed, p.step) for p in kept.points}
    assert {(elapsed, step) for elapsed, step, _ in told} <= left


def test_a_record_is_read_as_it_was_told():
    run, flying = live(), live(flying=True, slot=1)
    run.reported.add(Point(0.1, 0.2, 3, {"loss": 1 / 3, "nan": float("nan"), "grad": 2.0}))
    flying.elapsed = 7.5
    first, second = live_curves(json.loads(json.dumps(curves_of(Lives(run, flying)))))
    assert (first.number, first.slot, first.summary, first.since) == (4, 0, "X 3 → 1", run.since)
    assert [(p.elapsed, p.step, p.values["loss"], p.values["grad"]) for p in first.points] == [(0.1, 3, 1 / 3, 2.0)]
    assert (second.number, second.slot, second.elapsed, second.points) == (None, 1, 7.5, ())


@pytest.mark.parametrize("kind", ["incumbent", "control", "final", "trial", "stage"])
def test_runs_that_are_no_new_experiments_own_are_not_told(kind):
    assert curves_of(Lives(live(kind))) == []


@pytest.mark.parametrize("broken", [None, 3, [3], [{"slot": 0}], {"slot": 0}])
def test_what_is_no_record_is_none(broken):
    assert live_curves(broken) == []


def test_values_beyond_the_most_are_left_for_the_verdict():
    run = live()
    run.reported.add(Point(0.1, 0.2, 3, {f"v{i}": float(i) for i in range(100)}))
    assert len(curves_of(Lives(run))[0]["points"][0][2]) == module.MOST_VALUES
