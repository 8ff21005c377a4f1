import statistics

import pytest

from autoresearch_magic.experiment import Experiment, Measurement, Outcome, Proposal
from autoresearch_magic.judging.headline import confirmed, headline
from autoresearch_magic.judging.noise import student
from autoresearch_magic.metric import Metric

DOWN, UP = Metric("m", "m", True), Metric("m", "m", False)


def test_the_headline():
    e = Experiment(4, 0, Proposal("x = 1", "s"))
    head = headline(e, [1.0, 2.0, 3.0], [5.0, 5.0, 8.0], DOWN)
    assert (head.best, head.baseline, head.gain, head.number, head.repeats) == (2.0, 6.0, 4.0, 4, 3)
    assert head.baseline_sd == pytest.approx(statistics.stdev([5, 5, 8]))
    assert head.reach > 0
    assert headline(e, [1.0], [5.0], UP).gain == -4.0
    assert headline(e, [1.0], [5.0], UP).reach is None
    assert headline(e, [1.0, 1.0], [5.0, 5.0], UP).reach == 0.0
    assert headline(e, [], [5.0], UP) is None


def run(seed, value, holdout=None, error=""):
    outcome = Outcome.OK if value is not None else Outcome.CRASH
    return Measurement(outcome, value, seed, holdout=holdout, holdout_error=error)


BEST = Experiment(4, 0, Proposal("x = 1", "s"))
OURS = [run(1, 2.0, 2.5), run(2, 2.2, 2.6), run(3, 2.1, 2.7)]
THEIRS = [run(1, 3.0, 3.1), run(2, 3.3, 3.3), run(3, 3.0, 3.2)]


def test_the_holdout_is_compared_in_the_same_runs():
    head = confirmed(BEST, {4: OURS, 0: THEIRS}, DOWN, 3, "test")
    held = head.holdout
    assert (held.name, held.runs, held.looks) == ("test", 3, 1)
    assert (held.best, held.baseline) == (pytest.approx(2.6), pytest.approx(3.2))
    assert held.gain == pytest.approx(0.6)
    assert held.share == pytest.approx(head.gain - held.gain)
    gaps = [(t.value - o.value) - (t.holdout - o.holdout) for o, t in zip(OURS, THEIRS, strict=True)]
    assert held.share_reach == pytest.approx(student(0.025, 2) * statistics.stdev(gaps) / 3**0.5)
    assert held.confirms
    up = confirmed(BEST, {4: OURS, 0: THEIRS}, UP, 3, "test").holdout
    assert (up.gain, up.share) == (pytest.approx(-0.6), pytest.approx(-held.share))
    assert not up.confirms


def test_runs_without_a_value_on_the_holdout_are_left_out():
    ours = [run(1, 2.0, 2.5), run(2, 2.2, None, "KeyError: 'x'"), run(3, None)]
    head = confirmed(BEST, {4: ours, 0: THEIRS}, DOWN, 3, "test")
    assert (head.repeats, head.holdout.runs, head.holdout_error) == (2, 1, "KeyError: 'x'")
    assert head.holdout.share_reach is None
    nothing = confirmed(BEST, {4: [run(1, 2.0, None, "it is nan")], 0: THEIRS}, DOWN, 3, "test")
    assert (nothing.gain, nothing.holdout, nothing.holdout_error) == (pytest.approx(1.1), None, "it is nan")
    assert confirmed(BEST, {4: OURS, 0: THEIRS}, DOWN, 3) == headline(BEST, [2.0, 2.2, 2.1], [3.0, 3.3, 3.0], DOWN)
    assert confirmed(BEST, {4: OURS}, DOWN, 3, "test") is None


def test_a_confirmed_earlier_best_was_a_look_at_the_holdout():
    finals = {4: OURS, 0: THEIRS, 2: OURS, 3: OURS[:2]}  # the confirmation of 3 was stopped, and told nothing
    assert confirmed(BEST, finals, DOWN, 3, "test").holdout.looks == 2


def test_what_floats_are_rounded_by_is_no_noise():
    ours, theirs = ([run(n, 0.1 * n + at, 0.1 * n + at + 0.3) for n in range(3)] for at in (0.7, 0.9))
    held = confirmed(BEST, {4: ours, 0: theirs}, DOWN, 3, "test").holdout
    assert (held.share, held.share_reach) == (pytest.approx(0, abs=1e-12), 0.0)
