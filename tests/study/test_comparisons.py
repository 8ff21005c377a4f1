import random
from dataclasses import replace

import pytest

from autoresearch_magic.errors import UserError
from autoresearch_magic.experiment import Experiment, Measurement, Outcome, Proposal, Verdict
from autoresearch_magic.metric import Metric
from autoresearch_magic.study.comparisons import ask_ablation, ask_regression, lineage

DOWN, UP = Metric("m", "m", True), Metric("m", "m", False)


class Table:
    """A bench whose targets are sums of constants: the value is what they add up to, plus noise."""

    def __init__(self, judged, metric=DOWN, sd=0.0, seed=1, fail=""):
        self.experiments, self.metric, self.sd, self.fail = judged, metric, sd, fail
        self.rng, self.asked = random.Random(seed), []

    @property
    def incumbent(self):
        return next(e for e in reversed(self.experiments) if e.verdict.kept)

    def trial(self, experiment, repeat, repeats):
        self.asked.append((experiment.summary, repeat))
        if self.fail and self.fail in experiment.target:
            return Measurement(Outcome.CRASH, None, repeat, error="boom")
        scope = {}
        exec(experiment.target, scope)
        return Measurement(Outcome.OK, scope["loss"] + self.rng.gauss(0, self.sd), repeat)


def experiment(number, target, parent=None, verdict=Verdict.KEEP):
    verdict = Verdict.BASELINE if number == 0 else verdict
    run = Measurement(Outcome.OK, 0.0, 0)
    return Experiment(number, parent, Proposal(target, f"change {number}"), verdict=verdict, measurements=(run,))


def source(a=0, b=0, c=0):
    return f"A = {a}\nB = {b}\nC = {c}\nloss = 10 - A - B - C\n"


@pytest.fixture
def judged():
    return [
        experiment(0, source()), experiment(1, source(a=3), 0), experiment(2, source(a=3, c=9), 1, Verdict.DISCARD),
        experiment(3, source(a=3, b=2), 1), experiment(4, source(a=3, b=2, c=1), 3),
    ]  # fmt: skip


def test_the_lineage_is_what_was_kept_on_the_way(judged):
    assert [e.number for e in lineage(judged, judged[4])] == [1, 3, 4]


@pytest.mark.slow
def test_a_worse_version_is_unstable_and_an_equal_one_stable():
    judged = [experiment(0, "loss = 1.0"), experiment(1, "loss = 3.0", 0), experiment(2, "loss = 1.0 + 0", 0)]
    worse = ask_regression(Table(judged, sd=0.2), 0, 1)
    assert (worse.verdict, worse.p < 0.01, len(worse.a_values)) == ("UNSTABLE", True, 8)
    assert worse.loss == pytest.approx(2.0, abs=0.3)
    assert ask_regression(Table(judged, sd=0.2), 1, 0).verdict == "STABLE", "better is no worse"
    assert ask_regression(Table(judged), 0, 2).verdict == "STABLE", "without noise equal is equal"
    assert ask_regression(Table(judged), 0, 1).verdict == "UNSTABLE"
    assert ask_regression(Table(judged, UP, sd=0.2), 0, 1).verdict == "STABLE", "higher is better there"
    for found in (worse, ask_regression(Table(judged), 0, 1)):
        assert "\n" not in found.text(DOWN)
        assert found.verdict in found.text(DOWN)


def test_too_few_samples_are_undecided_and_say_so():
    judged = [experiment(0, "loss = 1.0"), experiment(1, "loss = 1.15", 0)]
    found = ask_regression(Table(judged, sd=0.2), 0, 1, samples=2)
    assert found.verdict == "UNDECIDED"
    assert "--samples 4" in found.text(DOWN)


@pytest.mark.slow
def test_how_often_a_regression_test_is_right():
    """100 tests of equals and of a loss of 3 sd: at most a few of the first are called worse, nearly all of the second."""
    equal = [experiment(0, "loss = 1.0"), experiment(1, "loss = 1.00", 0)]
    worse = [experiment(0, "loss = 1.0"), experiment(1, "loss = 4.0", 0)]
    verdicts = [ask_regression(Table(equal, sd=1.0, seed=i), 0, 1).verdict for i in range(100)]
    assert verdicts.count("UNSTABLE") <= 8
    assert [ask_regression(Table(worse, sd=1.0, seed=i), 0, 1).verdict for i in range(100)].count("UNSTABLE") >= 90


def test_sides_take_turns():
    judged = [experiment(0, "loss = 1.0"), experiment(1, "loss = 2.0", 0)]
    table = Table(judged)
    ask_regression(table, 0, 1, samples=2)
    assert table.asked == [("change 0", 0), ("change 1", 0), ("change 1", 1), ("change 0", 1)]


def test_a_version_that_fails_is_unstable_and_a_reference_that_fails_is_an_error():
    judged = [experiment(0, "loss = 1.0"), experiment(1, "loss = 2.0  # new", 0)]
    found = ask_regression(Table(judged, fail="new"), 0, 1)
    assert found.verdict == "UNSTABLE"
    assert "boom" in found.text(DOWN)
    with pytest.raises(UserError, match="does not run any more"):
        ask_regression(Table(judged, fail="1.0"), 0, 1)


def test_ablation_finds_what_each_change_contributes(judged):
    found = ask_ablation(Table(judged), 2)
    assert [(p.number, p.gain) for p in found.parts] == [(1, 3), (3, 2), (4, 1)]
    assert not any(p.idle for p in found.parts)
    assert found.without == ""
    assert "+3" in found.text(DOWN)


def test_what_contributes_nothing_is_offered_for_removal():
    idle = "A = {a}\nB = {b}\nloss = 10 - A\n"
    judged = [
        experiment(0, idle.format(a=0, b=0)),
        experiment(1, idle.format(a=3, b=0), 0),
        experiment(2, idle.format(a=3, b=5), 1),
    ]
    found = ask_ablation(Table(judged), 3)
    assert [p.idle for p in found.parts] == [False, True]
    assert found.without == idle.format(a=3, b=0)
    assert "Without 2 it is as good" in found.text(DOWN)


def test_changes_that_others_build_on_or_have_replaced_are_said_to_be_so():
    judged = [
        experiment(0, "A = 0\nloss = 9 - A\n"), experiment(1, "A = 1\nloss = 9 - A\n", 0), experiment(2, "A = 2\nloss = 9 - A\n", 1),
    ]  # fmt: skip
    found = ask_ablation(Table(judged), 2)
    assert "build on it" in found.parts[0].note
    assert found.parts[1].gain == 1


def test_a_version_that_does_not_run_without_a_change_says_so(judged):
    found = ask_ablation(Table(judged, fail="A = 0"), 2)
    assert "boom" in found.parts[0].note
    assert found.parts[1].gain == 2


def test_nothing_kept_is_nothing_to_undo(judged):
    with pytest.raises(UserError, match="Nothing was kept"):
        ask_ablation(Table([judged[0], replace(judged[1], verdict=Verdict.DISCARD)]), 2)
