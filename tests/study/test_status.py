"""The status of a study: its pace, its progress and the remaining time, from its events alone."""

import itertools
from pathlib import Path

import pytest

from autoresearch_magic.config.program import Program
from autoresearch_magic.config.settings import Settings
from autoresearch_magic.events import (
    Confirmed,
    Judged,
    Notice,
    RunEnded,
    RunProgress,
    RunStarted,
    Spent,
    State,
    StateChanged,
)
from autoresearch_magic.experiment import Experiment, Measurement, Outcome, Proposal, Usage, Verdict
from autoresearch_magic.headline import Headline
from autoresearch_magic.runs import Point
from autoresearch_magic.study.definition import Definition
from autoresearch_magic.study.status import LIVE_POINTS, StudyStatus


def run(kind, number, seconds, repeat=0, repeats=1):
    e = Experiment(number, 0 if number else None, Proposal("x", "an idea"))
    return [
        RunStarted(e, kind, repeat, repeats),
        RunEnded(number, kind, Measurement(Outcome.OK, 1.0, seed=1, seconds=seconds)),
    ]


def judged(number, verdict, runs=1):
    measurements = tuple(Measurement(Outcome.OK, 1.0 - number / 10, seed=n, seconds=2.0) for n in range(runs))
    parent = 0 if number else None
    return Judged(Experiment(number, parent, Proposal("x", "idea"), verdict=verdict, measurements=measurements))


def status_after(*events, **options):
    definition = Definition(Program("", ""), "x", "", Settings(metric="loss", repeats=2, **options))
    status = StudyStatus("s", Path("s"), definition)
    for event in events:
        for each in event if isinstance(event, list) else [event]:
            status.take(each)
    return status


BASELINE = (
    StateChanged(State.RUNNING), run("baseline", 0, 2.0, 0, 2), run("baseline", 0, 2.0, 1, 2),
    judged(0, Verdict.BASELINE, 2),
)  # fmt: skip
SEARCH = (
    *BASELINE, run("candidate", 1, 2.0), run("incumbent", 0, 2.0), run("candidate", 1, 2.0), judged(1, Verdict.KEEP, 2),
    run("candidate", 2, 2.0), judged(2, Verdict.DISCARD),
)  # fmt: skip
CONFIRMED = (
    *(each for repeat in range(2) for number in (1, 0) for each in run("final", number, 9.0, repeat, 2)),
    Confirmed(Headline(1, 0.9, 0.0, 1.0, 0.0, 2, 0.1, 0.0)),
)


def test_the_pace_is_what_an_experiment_takes_with_its_repeats():
    assert status_after(StateChanged(State.BASELINE)).pace is None
    assert status_after(*BASELINE[:2]).pace == 2.0  # one of two runs of the baseline
    assert status_after(*BASELINE).pace == 2.0
    assert status_after(*SEARCH).pace == pytest.approx(12 / 4)


@pytest.mark.parametrize("state", [State.CONFIRMING, State.FINISHED, State.STOPPED, State.PAUSED])
def test_the_pace_stays_when_the_study_ends_before_its_experiments_do(state):
    asked = status_after(*SEARCH, *CONFIRMED, StateChanged(state), experiments=500, minutes=1)
    assert asked.pace == pytest.approx(12 / 4)
    assert len(asked.runs) == 10  # what was used is told whole
    after = status_after(*SEARCH, run("trial", 1, 40.0), StateChanged(state), experiments=500)
    assert after.pace == pytest.approx(12 / 4)


def test_in_the_confirmation_the_experiments_are_over():
    begun = status_after(*SEARCH, run("final", 1, 2.0, 0, 2)[:1], experiments=500)
    assert begun.runs_total - begun.runs_done == 4
    assert begun.remaining == pytest.approx(4 * begun.pace)
    last = status_after(*SEARCH, run("final", 0, 2.0, 1, 2)[:1], experiments=500)
    assert last.runs_total - last.runs_done == 1
    assert begun.fraction < last.fraction < 1


def test_what_is_left_is_the_pace_times_what_has_not_been_run():
    search = status_after(*SEARCH, experiments=10)
    assert search.remaining == pytest.approx(search.pace * (10 - 2 + 4))
    assert status_after(*SEARCH, StateChanged(State.FINISHED), experiments=10).remaining is None
    assert status_after(*SEARCH, StateChanged(State.WAITING, "a limit"), experiments=10).remaining is None
    assert status_after(*SEARCH, StateChanged(State.FINISHED), experiments=10).fraction == 1


def test_a_question_does_not_tell_how_long_it_takes():
    asked = status_after(*SEARCH, StateChanged(State.MEASURING), run("trial", 1, 2.0)[:1], experiments=500)
    assert asked.remaining is None


def test_a_confirmation_that_is_made_longer_is_not_at_its_end():
    third = status_after(*SEARCH, *CONFIRMED, run("final", 1, 2.0, 2, 4)[:1], experiments=2)
    assert (third.runs_total, third.runs_done) == (12, 8)
    assert third.fraction == pytest.approx(8 / 12)
    assert third.remaining == pytest.approx(4 * third.pace)
    last = status_after(*SEARCH, *CONFIRMED, run("final", 0, 2.0, 3, 4)[:1], experiments=2)
    assert last.runs_total - last.runs_done == 1


@pytest.mark.slow
def test_the_live_curve_of_endless_reports_is_bounded_and_covers_the_whole_run():
    last = 10 * LIVE_POINTS
    reports = [RunProgress(0, "training", i, i / last, i, Point(i, i / last, i, {"x": 1.0})) for i in range(last)]
    live = status_after(run("baseline", 0, 1.0)[0], reports).live
    steps = [point.step for point in live.curve]
    assert len(steps) <= LIVE_POINTS
    assert steps[0] == 0
    assert steps[-1] > 0.99 * last
    assert len({b - a for a, b in itertools.pairwise(steps)}) == 1


def test_a_running_setup_is_told_with_its_seconds():
    status = status_after(run("baseline", 0, 1.0)[0], RunProgress(0, "setup", 40.2, 0.0, 0))
    assert (status.live.phase, status.live.elapsed, status.live.progress) == ("setup", 40.2, 0.0)


def test_at_the_end_what_was_told_on_the_way_is_over_and_what_still_matters_is_not():
    plateau, levels = Notice("A plateau: 16 experiments without a keep."), Notice("It takes two values.", lasting=True)
    assert status_after(*SEARCH, plateau).message == plateau.message
    assert status_after(*SEARCH, plateau, StateChanged(State.PAUSED)).message == plateau.message
    for state in (State.FINISHED, State.STOPPED):
        assert status_after(*SEARCH, plateau, StateChanged(state)).message == ""
        assert status_after(*SEARCH, levels, plateau, StateChanged(state)).message == "It takes two values."
        ended = status_after(*SEARCH, levels, plateau, levels, StateChanged(state, "The time is up."))
        assert ended.message == "The time is up. It takes two values."


def test_the_end_says_why_or_nothing_and_usage_counts_what_is_not_judged():
    told = status_after(*SEARCH, Notice("An audit was wrong."), Spent(Usage(calls=2, cost=1.0)), experiments=10)
    assert (told.message, told.usage.calls, told.usage.cost) == ("An audit was wrong.", 2, 1.0)
    told.take(StateChanged(State.CONFIRMING))
    assert told.message == "An audit was wrong."
    told.take(StateChanged(State.FINISHED))
    assert told.message == ""
    told.take(StateChanged(State.FINISHED, "The time is up."))
    assert told.message == "The time is up."
