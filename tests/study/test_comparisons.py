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
    assert (worse.verdict, worse.p_better < 0.01, len(worse.a_values)) == ("UNSTABLE", True, 8)
    assert worse.loss == -worse.gain == pytest.approx(2.0, abs=0.3)
    assert worse.gain_low < worse.gain < worse.gain_high < 0
    assert "8 runs each: " in worse.text(DOWN)
    assert "worse; 95% interval " in worse.text(DOWN)
    assert "chance that it is better <1%" in worse.text(DOWN)
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
    assert [(p.number, p.found.gain, p.found.p_better) for p in found.parts] == [(1, 3, 1), (3, 2, 1), (4, 1, 1)]
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
    lines = found.text(DOWN).splitlines()
    assert lines[3].split() == ["1", "+3", "exact", "100%", "change", "1"]
    assert lines[4].endswith("50%  change 2 (may be taken back without loss)")
    assert (
        lines[-1]
        == "Without 2 the best is as good (0; 95% interval exact; chance that it is better 50%): it may be taken back."
    )


def test_a_keep_that_proves_nothing_stays_where_taking_it_back_costs_something():
    """The second change gains half a standard deviation, which three runs do not prove."""
    target = "A = {a}\nB = {b}\nloss = 10 - A - B\n"
    judged = [
        experiment(0, target.format(a=0, b=0)),
        experiment(1, target.format(a=9, b=0), 0),
        experiment(2, target.format(a=9, b=0.5), 1),
    ]
    found = ask_ablation(Table(judged, sd=1.0, seed=7), 3)
    first, second = found.parts
    assert (first.proven, first.remark) == (True, "")
    assert (second.idle, second.free, second.remark) == (True, False, "proves nothing")
    assert 0.5 < second.found.p_better < 0.95
    assert (found.without, found.taken_back) == ("", (2,))
    assert found.without_found.gain == -second.found.gain, "measured once"
    assert found.text(DOWN).splitlines()[-1].startswith("Without 2 the best is worse (-")
    assert found.text(DOWN).endswith("it stays.")


def test_what_loses_nothing_is_taken_back_where_all_that_prove_nothing_together_lose_something():
    class Chosen(Table):
        """The loss without each change: 3, 0.1 and 0 beside a noise that is known to be 1."""

        def trial(self, experiment, repeat, repeats):
            found = super().trial(experiment, repeat, repeats)
            return replace(found, value=found.value + (-1.0, 1.0, 0.0)[repeat % 3])

    target = "A = {a}\nB = {b}\nC = {c}\nloss = 10 - A - B\n"
    steps = [(0, 0, 0), (3, 0, 0), (3, 0.1, 0), (3, 0.1, 1)]
    judged = [experiment(n, target.format(a=a, b=b, c=c), n - 1 if n else None) for n, (a, b, c) in enumerate(steps)]
    found = ask_ablation(Chosen(judged), 3)
    assert [part.remark for part in found.parts] == ["", "proves nothing", "may be taken back without loss"]
    assert found.taken_back == (3,)
    assert found.without == target.format(a=3, b=0.1, c=0)


def test_the_statistic_of_the_study_is_that_of_comparisons():
    class Levels(Table):
        def trial(self, experiment, repeat, repeats):
            found = super().trial(experiment, repeat, repeats)
            return replace(found, value=found.value + (9.0 if repeat == 1 else 0.001 * repeat))

    judged = [
        replace(experiment(0, "loss = 1.0"), statistic="median"),
        replace(experiment(1, "loss = 1.5", 0), statistic="median"),
    ]
    found = ask_regression(Levels(judged), 0, 1, samples=5)
    assert found.loss == pytest.approx(0.5)
    assert "1.5" in found.text(DOWN)
    assert "3.3" not in found.text(DOWN), "the mean"
    kept = ask_ablation(Levels([judged[0], replace(judged[1], proposal=Proposal("loss = 0.5", "x"))]), 5)
    assert kept.value == pytest.approx(0.503)
    assert kept.parts[0].found.gain == pytest.approx(0.5)


def test_changes_that_others_build_on_or_have_replaced_are_said_to_be_so():
    judged = [
        experiment(0, "A = 0\nloss = 9 - A\n"), experiment(1, "A = 1\nloss = 9 - A\n", 0), experiment(2, "A = 2\nloss = 9 - A\n", 1),
    ]  # fmt: skip
    found = ask_ablation(Table(judged), 2)
    assert "build on it" in found.parts[0].note
    assert found.parts[1].found.gain == 1


def test_a_version_that_does_not_run_without_a_change_says_so(judged):
    found = ask_ablation(Table(judged, fail="A = 0"), 2)
    assert "boom" in found.parts[0].note
    assert found.parts[1].found.gain == 2


def test_nothing_kept_is_nothing_to_undo(judged):
    with pytest.raises(UserError, match="Nothing was kept"):
        ask_ablation(Table([judged[0], replace(judged[1], verdict=Verdict.DISCARD)]), 2)
