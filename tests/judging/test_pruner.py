"""Which runs are stopped, which are continued as audits, and what the pruner learns from them."""

import importlib.util
import json
import math
import random
import statistics
import sys
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest

from autoresearch_magic.errors import UserError
from autoresearch_magic.experiment import Experiment, Measurement, Outcome, Proposal, Verdict
from autoresearch_magic.judging import pruner as pruner_module
from autoresearch_magic.judging.learning_curves import LOOKS, scale
from autoresearch_magic.judging.pruner import AUDIT, BETTER, ENOUGH, LEVEL, Account, CurvePruner, make_pruner
from autoresearch_magic.metric import Metric
from autoresearch_magic.runs import Point

LOSS, SCORE = Metric("loss", "loss"), Metric("score", "score", minimize=False)


def steady(end):
    """A loss that falls from 5 to `end`, ever more slowly."""
    return lambda p: end + (5 - end) * math.exp(-4 * p)


def late(end):
    """A loss that stays 1 behind and makes that up in the last third."""
    return lambda p: steady(end)(p) + min(1.0, max(0.0, 3 * (1 - p)))


def run(value, curve, outcome=Outcome.OK, name="loss", until=1.0, seconds=10.0):
    points = tuple(Point(8 * n / 200, n / 200, n, {name: curve(n / 200)}) for n in range(1, int(200 * until) + 1))
    return Measurement(outcome, value, 0, seconds=seconds, curve=points)


def experiment(number, *runs, verdict=Verdict.DISCARD):
    parent = None if number == 0 else 0
    return Experiment(number, parent, Proposal("", ""), verdict=verdict, measurements=runs)


BASELINE = experiment(
    0, *[run(3.0, lambda p, d=d: steady(3.0)(p) + d) for d in (-0.02, 0, 0.02)], verdict=Verdict.BASELINE
)


def begun(kind="curve", metric=LOSS, *, others=5, baseline=BASELINE, seed=0):
    """A pruner that knows a baseline and some runs that ended a little worse."""
    pruner = make_pruner(kind, metric, seed)
    pruner.learn(baseline, None)
    for number in range(1, others + 1):
        end = 3.0 + 0.003 * number
        pruner.learn(experiment(number, run(end, steady(end))), baseline)
    return pruner


@pytest.mark.parametrize("metric", [LOSS, SCORE])
def test_the_margin_is_what_all_finished_runs_give_worked_out_anew(metric):
    pruner = begun(metric=metric)
    rng = random.Random(3)
    for number in range(6, 60):
        end = rng.choice([3.0, 3.1, rng.gauss(3, 0.2)])
        name = rng.choice(["loss", "loss", "other"])
        curve = tuple(Point(k, (k + 1) / 20, k, {name: end + 5 / (1 + k)}) for k in range(20))
        pruner.learn(experiment(number, Measurement(Outcome.OK, end, 0, seconds=1.0, curve=curve)), BASELINE)
        found = pruner.reference(BASELINE)
        ranked = sorted(pruner.finished, key=lambda each: metric.gain(each.value, over=0.0), reverse=True)
        better = [each.curve for each in ranked[: math.ceil(BETTER * len(ranked))] if each.name == "loss"]
        end = dict.fromkeys(found.curve, found.curve[max(found.curve)])
        apart = [*(scale(a, b) for a, b in pairwise(better)), scale(found.curve, end)]
        assert found.level == LEVEL * math.sqrt(statistics.fmean(x * x for x in apart if x is not None))


def decision_of(pruner, number, curve, incumbent=BASELINE, name="loss"):
    watch = pruner.watch(number, incumbent)
    found = [decision for point in run(None, curve, name=name).curve if (decision := watch.see(point))]
    assert found == ([] if watch.decision is None else [watch.decision])  # it is returned once
    return watch.decision


def after_the_first_audit(**options):
    """A pruner whose first audit has shown that stopping would have been right."""
    pruner = begun(**options)
    pruner.learn(experiment(90, run(4.4, steady(4.4))), options.get("baseline", BASELINE))
    assert (pruner.account.audits, pruner.account.wrong) == (1, 0)
    return pruner


def test_a_bad_run_is_hopeless_early_and_an_equal_one_is_not():
    pruner = after_the_first_audit()
    decision = decision_of(pruner, 91, steady(4.5))
    assert decision.progress < 0.4
    assert not decision.audit
    assert decision.reason.startswith(f"Hopeless at {decision.progress:.0%} of the budget: loss ")
    assert "experiment 0; a gap above" in decision.reason
    for end in (2.5, 3.0, 3.02):
        assert decision_of(pruner, 91, steady(end)) is None


def test_nothing_is_stopped_while_few_runs_have_finished():
    for others in range(ENOUGH - 1):
        assert begun(others=others).watch(50, BASELINE) is None
    assert begun(others=ENOUGH - 1).watch(50, BASELINE) is not None
    assert make_pruner("curve", LOSS).watch(1, BASELINE) is None


def test_the_margin_shrinks_towards_the_end_and_to_the_noise():
    reference = begun().watch(50, BASELINE).reference
    assert reference.margin(1.0) == pytest.approx(0.02)
    assert reference.margin(0.2) > reference.margin(0.6) > reference.margin(0.9) > 0.02


def test_the_margin_is_learned_from_runs_that_ended_alike():
    alike, apart = begun(), begun()
    for number in range(10, 20):
        end = 3.0 + 0.002 * number
        alike.learn(experiment(number, run(end, steady(end))), BASELINE)
        apart.learn(experiment(number, run(end, late(end) if number % 2 else steady(end))), BASELINE)
    assert alike.watch(50, BASELINE).reference.level < 0.7 * apart.watch(50, BASELINE).reference.level
    assert alike.account.margin < apart.account.margin
    third = lambda p: (late(2.9)(p) + 2 * steady(2.9)(p)) / 3  # noqa: E731
    assert decision_of(alike, 50, third) is not None
    assert decision_of(apart, 50, third) is None  # late bloomers are known here


def test_a_single_bad_look_is_not_enough():
    pruner = after_the_first_audit()
    at = LOOKS[8]
    spike = lambda p: steady(3.0)(p) + (5.0 if at - 0.01 < p <= at else 0.0)  # noqa: E731
    watch = pruner.watch(91, BASELINE)
    for point in run(None, spike).curve:
        watch.see(point)
    assert max(watch.curve[look] - watch.reference.curve[look] for look in watch.curve) > 0.3
    assert after_the_first_audit().watch(91, BASELINE).see(point) is None


@pytest.mark.slow
def test_the_first_hopeless_run_is_an_audit_and_a_share_of_the_others():
    assert decision_of(begun(), 50, steady(4.5)).audit
    pruner = after_the_first_audit()
    audits = [pruner.watch(number, BASELINE).audit for number in range(100, 700)]
    assert 0.5 * AUDIT < sum(audits) / 600 < 1.5 * AUDIT
    same, other = after_the_first_audit(), after_the_first_audit(seed=1)
    assert audits[:150] == [same.watch(number, BASELINE).audit for number in range(100, 250)]
    assert audits[:150] != [other.watch(number, BASELINE).audit for number in range(100, 250)]


def test_a_run_that_recovers_widens_the_margin():
    pruner = begun()
    comes_back = experiment(50, run(2.9, late(2.9)), verdict=Verdict.KEEP)
    before = pruner.watch(51, BASELINE).reference
    pruner.learn(comes_back, BASELINE)
    assert (pruner.account.audits, pruner.account.wrong) == (1, 1)
    assert pruner.watch(51, BASELINE).reference.level > 1.5 * before.level
    assert decision_of(pruner, 51, late(2.9)) is None


@pytest.mark.parametrize(
    ("verdict", "runs", "wrong"),
    [
        (Verdict.KEEP, 1, 1),
        (Verdict.KEEP, 2, 1),
        (Verdict.DISCARD, 2, 1),  # the judge found it worth another run
        (Verdict.DISCARD, 1, 0),
    ],
)
def test_an_audit_is_wrong_where_the_judge_kept_the_version_or_ran_it_again(verdict, runs, wrong):
    pruner = begun()
    pruner.learn(experiment(50, *[run(2.99, late(2.99))] * runs, verdict=verdict), BASELINE)
    assert (pruner.account.audits, pruner.account.wrong) == (1, wrong)


def test_saved_time_is_counted():
    pruner = after_the_first_audit()
    stopped = run(None, steady(4.5), Outcome.PRUNED, until=0.25, seconds=3.0)
    pruner.learn(experiment(91, stopped, verdict=Verdict.PRUNED), BASELINE)
    account = pruner.account
    assert (account.stopped, account.saved, account.ran) == (1, 7.0, 63.0)
    assert account.share == 0.1
    for part in ("1 run stopped early", "10%", "1 more looked hopeless", "none of them turned out well"):
        assert part in str(account)
    assert str(Account()) == "no run was stopped early"
    assert Account().share == 0


def test_a_resumed_study_has_the_same_margin():
    history = [(BASELINE, None)]
    history += [(experiment(n, run(3 + 0.003 * n, steady(3 + 0.003 * n))), BASELINE) for n in range(1, 8)]
    history += [(experiment(50, run(2.9, late(2.9)), verdict=Verdict.KEEP), BASELINE)]
    history += [(experiment(51, run(None, steady(4.9), Outcome.PRUNED, until=0.3), verdict=Verdict.PRUNED), BASELINE)]
    first, again = make_pruner("curve", LOSS, 3), make_pruner("curve", LOSS, 3)
    for each, incumbent in history:
        first.watch(each.number, incumbent or BASELINE)
        first.learn(each, incumbent)
    for each, incumbent in history:
        again.learn(each, incumbent)
    assert first.watch(60, BASELINE).reference == again.watch(60, BASELINE).reference
    assert first.account == again.account


def test_the_margin_is_learned_from_the_latest_runs(monkeypatch):
    monkeypatch.setattr(pruner_module, "RECENT", 20)
    rng = random.Random(5)
    ends = [rng.choice([3.0, rng.gauss(3, 0.3)]) for _ in range(90)]
    long, short = begun(), make_pruner("curve", LOSS, 3)
    for pruner, some in ((long, ends), (short, ends[-20:])):
        pruner.noise = 0.01
        for end in some:
            pruner._finish(pruner._finished(run(end, steady(end)), end))
    assert len(long.finished) == 20
    assert long.reference(BASELINE) == short.reference(BASELINE)


@pytest.mark.parametrize("kind", ["curve", "median"])
@pytest.mark.parametrize("known", [1, 7, 9, 40])
def test_a_study_that_goes_on_from_what_was_remembered_is_as_it_was(kind, known, monkeypatch):
    monkeypatch.setattr(pruner_module, "RECENT", 12)
    history = [replace(BASELINE, number=0)]
    history += [experiment(n, run(3 + 0.003 * n, steady(3 + 0.003 * n))) for n in range(1, 30)]
    history += [experiment(30, run(2.9, late(2.9)), verdict=Verdict.KEEP)]
    history += [experiment(31, run(None, steady(4.9), Outcome.PRUNED, until=0.3), verdict=Verdict.PRUNED)]
    history += [experiment(n, run(3.01, late(3.01))) for n in range(32, 45)]
    first, again = make_pruner(kind, LOSS, 3), make_pruner(kind, LOSS, 3)
    remembered = None
    for at, each in enumerate(history, 1):
        first.learn(each, BASELINE if each.number else None)
        if at == known:
            remembered = json.loads(json.dumps(first.remember(at)))
    begin = again.go_on(remembered, history)
    assert begin == known
    for each in history[begin:]:
        again.learn(each, BASELINE if each.number else None)
    assert again.finished == first.finished
    assert again.reference(BASELINE) == first.reference(BASELINE)
    assert again.account == first.account
    assert make_pruner(kind, LOSS, 3).go_on(remembered, history[: known - 1]) == 0


@pytest.mark.parametrize("metric", [LOSS, SCORE])
def test_the_direction_is_read_off_the_curve_not_off_the_metric(metric):
    better = (lambda v: v) if metric.minimize else (lambda v: -v)
    accuracy = lambda end: lambda p: 1 - steady(end)(p) / 6  # noqa: E731
    pruner = make_pruner("curve", metric)
    baseline = experiment(0, run(better(3.0), accuracy(3.0)), verdict=Verdict.BASELINE)
    pruner.learn(baseline, None)
    for number in range(1, 7):
        end = 3.0 + 0.003 * number
        pruner.learn(experiment(number, run(better(end), accuracy(end))), baseline)
    assert pruner.watch(50, baseline).reference.sign == -1
    assert decision_of(pruner, 50, accuracy(4.5), baseline) is not None
    assert decision_of(pruner, 50, accuracy(2.0), baseline) is None


@pytest.mark.parametrize("curve", [lambda p: 1.0, lambda p: math.sin(40 * p), lambda p: math.nan])
@pytest.mark.parametrize("kind", ["curve", "median"])
def test_an_incumbent_whose_curve_has_no_direction_stops_no_run(kind, curve):
    flat = experiment(0, run(3.0, curve), verdict=Verdict.BASELINE)
    assert begun(kind, baseline=flat).watch(50, flat) is None


def test_an_incumbent_without_a_curve_stops_no_run():
    silent = experiment(0, Measurement(Outcome.OK, 3.0, 0), verdict=Verdict.BASELINE)
    pruner = begun(baseline=silent)
    assert pruner.watch(50, silent) is None
    assert pruner.account == Account(ran=50.0)


def test_a_run_that_reports_other_values_is_not_compared():
    pruner = after_the_first_audit()
    assert decision_of(pruner, 91, steady(4.9), name="train_loss") is None
    pruner.learn(experiment(91, run(3.3, steady(3.3), name="train_loss")), BASELINE)
    assert pruner.watch(92, BASELINE) is not None


def test_a_loss_that_is_not_finite_is_hopeless():
    decision = decision_of(after_the_first_audit(), 91, lambda p: steady(3.0)(p) if p < 0.3 else math.nan)
    assert 0.3 < decision.progress < 0.45
    assert "loss nan" in decision.reason


def test_failures_and_duplicates_teach_nothing():
    pruner = begun()
    before = pruner.watch(50, BASELINE).reference
    pruner.learn(experiment(50, verdict=Verdict.DUPLICATE), BASELINE)
    pruner.learn(experiment(51, run(None, steady(9.0), Outcome.CRASH, until=0.3), verdict=Verdict.CRASH), BASELINE)
    assert pruner.watch(50, BASELINE).reference == before
    assert pruner.account.audits == 0


def test_the_incumbents_curve_is_the_mean_of_its_runs_that_count():
    noisy = replace(BASELINE, measurements=(*BASELINE.measurements, run(3.0, lambda p: steady(3.0)(p) + 0.4)))
    curve = begun().watch(50, BASELINE).reference.curve
    assert begun().watch(50, noisy).reference.curve[5] == pytest.approx(curve[5] + 0.1)
    drifted = replace(noisy, since=3)
    assert begun().watch(50, drifted).reference.curve[5] == pytest.approx(curve[5] + 0.4)


def test_optunas_rule_does_not_compare_with_the_incumbent():
    pruner = begun("median", others=8)
    pruner.learn(experiment(90, run(4.4, steady(4.4))), BASELINE)
    assert pruner.account.audits >= 1
    assert decision_of(pruner, 95, steady(4.5)).progress == LOOKS[0]
    assert "a gap above" not in decision_of(pruner, 95, steady(4.5)).reason
    assert decision_of(pruner, 95, steady(3.001)) is None
    assert begun("median", others=2).watch(50, BASELINE).see(run(None, steady(9.0)).curve[-1]) is None


def test_kinds():
    assert isinstance(make_pruner("curve", LOSS), CurvePruner)
    assert begun("none").watch(50, BASELINE) is None
    with pytest.raises(UserError, match="no pruner 'hyperband': the kinds are curve, median, none"):
        make_pruner("hyperband", LOSS)


@pytest.mark.slow
def test_on_recorded_curves_of_the_quickstart():
    path = Path(__file__).resolve().parents[2] / "benchmarks" / "pruning.py"
    if not path.is_file():
        pytest.skip("the benchmarks are not here")
    spec = importlib.util.spec_from_file_location("pruning_benchmark", path)
    benchmark = sys.modules["pruning_benchmark"] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(benchmark)
    played = {
        kind: [benchmark.play(s[0], s[1:], make_pruner(kind, benchmark.METRIC, 0), 0.02) for s in benchmark.load()]
        for kind in ("none", "curve")
    }
    seconds = {kind: sum(p.seconds for p in each) for kind, each in played.items()}
    assert seconds["none"] > 1.25 * seconds["curve"]
    assert sum(p.wrong for p in played["curve"]) <= 0.03 * sum(p.stopped for p in played["curve"])
    worse = [b.best() - a.best() for a, b in zip(played["none"], played["curve"], strict=True)]
    assert sum(worse) / len(worse) < 0.01
