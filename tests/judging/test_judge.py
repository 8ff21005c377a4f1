import math
import random
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autoresearch_magic.experiment import Experiment, Measurement, Outcome, Proposal, Verdict
from autoresearch_magic.judging.drift import drifted
from autoresearch_magic.judging.headline import headline
from autoresearch_magic.judging.judge import Bounds, Judge, Rule
from autoresearch_magic.judging.noise import Noise, estimate_noise
from autoresearch_magic.metric import Metric

DOWN, UP = Metric("m", "m", True), Metric("m", "m", False)
RULE = Rule()
QUIET, LOUD = Noise(0.0, 2), Noise(0.1, 30)
finite = st.floats(-1e6, 1e6)
number = st.one_of(finite, st.integers(-1000, 1000))


def experiment(*values, outcome=Outcome.OK, number=1, target="x = y + 1", verdict=None, parent=0):
    runs = tuple(Measurement(outcome, v, seed=i, seconds=4.0) for i, v in enumerate(values))
    return Experiment(number, parent if number else None, Proposal(target, "s"), verdict=verdict, measurements=runs)


def best(*values, target="x = y + 1"):
    return experiment(*values, number=0, target=target, verdict=Verdict.BASELINE)


def decide(candidate, incumbent, noise=LOUD, rule=RULE, metric=DOWN, largest=1e9, before=(), **cost):
    history = [incumbent, *before]
    candidate = replace(candidate, number=len(history))
    return Judge(metric, rule).decide(candidate, history, noise, largest=largest, **cost)


def history(*values):
    """Judged proposals that were all discarded."""
    return [experiment(value, number=n, verdict=Verdict.DISCARD) for n, value in enumerate(values, 1)]


LOSSES = history(*(1.3 + 0.05 * n for n in range(30)))


def test_without_noise_every_strict_gain_counts_at_once_and_equals_do_not():
    assert decide(experiment(0.999999), best(1.0, 1.0), QUIET).verdict is Verdict.KEEP
    assert decide(experiment(1.0), best(1.0, 1.0), QUIET).verdict is Verdict.DISCARD


def test_a_clearly_worse_candidate_is_discarded_after_one_run():
    decision = decide(experiment(1.3), best(1.0, 1.0, 1.0))
    assert decision.verdict is Verdict.DISCARD
    assert decision.reason.startswith("Expected loss 0.")
    assert "1.30 against 1.00 of the current best, experiment 0" in decision.reason


def test_a_clear_gain_is_kept_after_one_run_with_its_interval_and_chance():
    decision = decide(experiment(0.2), best(1.0, 1.0, 1.0))
    assert decision.verdict is Verdict.KEEP
    assert decision.reason.startswith("Expected gain 0.")
    assert "95% interval" in decision.reason
    assert "better with a chance of" in decision.reason


def test_a_small_gain_is_run_again_when_that_is_worth_more_than_a_new_proposal_and_the_reason_says_both():
    decision = decide(experiment(0.8), best(1.0, 1.0, 1.0), before=LOSSES)
    assert decision.verdict is None
    assert "one more run is worth" in decision.reason
    assert "a new proposal" in decision.reason


def test_further_runs_are_made_where_they_are_cheap_beside_a_proposal():
    cheap = decide(experiment(0.85), best(1.0, 1.0, 1.0), before=LOSSES, fresh_seconds=100.0)
    dear = decide(experiment(0.85), best(1.0, 1.0, 1.0), before=LOSSES, fresh_seconds=0.2)
    assert cheap.verdict is None
    assert dear.verdict is not None


def test_the_history_decides_how_much_of_a_good_first_value_is_believed():
    """The same value: kept where every second proposal has helped a lot, not believed where none of sixty ever has."""
    rich = [best(100.0, 100.0, 100.0)]
    for n in range(1, 31):
        rich.append(experiment(100.0 - n, number=n, verdict=Verdict.KEEP, parent=n - 1))
    candidate = experiment(70.0 - 0.15, number=31, parent=30)
    assert Judge(DOWN, RULE).decide(candidate, rich, LOUD, largest=1e9, last=True).verdict is Verdict.KEEP
    poor = history(*(1.3 + 0.01 * n for n in range(60)))
    assert decide(experiment(0.85), best(1.0, 1.0, 1.0), before=poor, last=True).verdict is Verdict.DISCARD


def test_a_candidate_is_given_up_when_further_runs_do_not_confirm_it():
    assert decide(experiment(0.85, 1.2, 1.1), best(1.0, 1.0, 1.0)).verdict is Verdict.DISCARD


def test_a_single_wild_run_does_not_outweigh_three_others():
    steady = decide(experiment(1.05, 1.06, 1.04), best(1.0, 1.0, 1.0), last=True)
    wild = decide(experiment(1.05, 1.06, 1.04, -3.0), best(1.0, 1.0, 1.0), last=True)
    assert steady.verdict is wild.verdict is Verdict.DISCARD


def test_the_number_of_further_runs_is_limited_and_the_last_decision_is_a_verdict():
    rule = Rule(pairs=2)
    assert (
        decide(experiment(0.85, 0.9, 0.88), best(1.0, 1.0, 1.0), rule=rule, before=LOSSES, fresh_seconds=1e6).verdict
        is not None
    )
    assert decide(experiment(0.8), best(1.0, 1.0, 1.0), before=LOSSES, last=True).verdict is not None


def test_a_jump_is_measured_twice_even_without_noise():
    assert decide(experiment(-37.8), best(1.0, 1.0), QUIET, largest=0.0).verdict is None
    assert decide(experiment(-37.8, -37.8), best(1.0, 1.0), QUIET, largest=0.0).verdict is Verdict.KEEP


def test_a_candidate_is_run_again_while_the_noise_is_unknown():
    assert decide(experiment(0.9), best(1.0), Noise()).verdict is None
    assert decide(experiment(1.1), best(1.0), Noise()).verdict is Verdict.DISCARD


def test_equal_and_simpler_is_a_keep():
    long = "x = y + 1 + 0 * (y - 1)"
    assert decide(experiment(1.0), best(1.0, 1.0, target=long), QUIET).verdict is Verdict.KEEP
    assert decide(experiment(1.0001), best(1.0, 1.0, target=long), QUIET).verdict is Verdict.DISCARD
    assert decide(experiment(1.0), best(1.0, 1.0, 1.0, target=long)).verdict is None
    shown = decide(experiment(1.0, 1.0, 1.0, 1.0, 1.0), best(*[1.0] * 5, target=long))
    assert shown.verdict is Verdict.KEEP
    assert "simpler" in shown.reason
    # worse by more than the noise is not equal, however simple
    assert decide(experiment(1.3, 1.3), best(1.0, 1.0, 1.0, target=long)).verdict is Verdict.DISCARD


def test_a_gain_below_min_delta_is_too_small():
    decision = decide(experiment(0.9), best(1.0, 1.0), QUIET, Rule(min_delta=0.2))
    assert decision.verdict is Verdict.DISCARD
    assert "Too small" in decision.reason


def test_values_outside_the_bounds_are_rejected():
    rule = Rule(bounds=Bounds(0.0, 8.0))
    for value in (-37.8, 9.0):
        decision = decide(experiment(value), best(1.0, 1.0), QUIET, rule)
        assert decision.verdict is Verdict.REJECTED
        assert "not possible" in decision.reason
    assert decide(experiment(0.0), best(0.1, 0.1), QUIET, rule).verdict is not Verdict.REJECTED


def test_the_strict_rule_keeps_any_gain_of_one_run():
    rule = Rule(strict=True)
    assert decide(experiment(0.999), best(1.0, 1.0, 1.0), rule=rule).verdict is Verdict.KEEP
    assert decide(experiment(1.0), best(1.0, 1.0, 1.0), rule=rule).verdict is Verdict.DISCARD


@pytest.mark.parametrize(
    ("outcome", "verdict"),
    [
        (Outcome.CRASH, Verdict.CRASH),
        (Outcome.OUT_OF_MEMORY, Verdict.CRASH),
        (Outcome.TIMEOUT, Verdict.TIMEOUT),
        (Outcome.NOT_FINITE, Verdict.METRIC_ERROR),
        (Outcome.MISSING_METRIC, Verdict.METRIC_ERROR),
        (Outcome.PRUNED, Verdict.PRUNED),
    ],
)
@pytest.mark.parametrize("strict", [True, False])
def test_a_failure_loses_to_everything(outcome, verdict, strict):
    for value in (-1e9, None, float("nan"), float("inf")):
        got = decide(experiment(value, outcome=outcome), best(1e9), QUIET, Rule(strict=strict)).verdict
        assert got is verdict


def test_a_crash_in_a_later_run_is_a_crash():
    crashed = experiment(0.5).with_measurement(Measurement(Outcome.CRASH, None, 1, error="boom"))
    assert decide(crashed, best(1.0, 1.0)).verdict is Verdict.CRASH


@settings(deadline=None)  # the first example imports scipy
@given(number, number, st.floats(0, 10), st.booleans())
def test_the_direction_is_symmetric(a, b, sd, strict):
    rule, noise = Rule(strict=strict), Noise(sd, 4)
    down = decide(experiment(a), best(b), noise, rule).verdict
    up = decide(experiment(-a), best(-b), noise, rule, UP).verdict
    assert down is up


@settings(deadline=None)
@given(st.lists(st.integers(-1000, 1000), min_size=2, max_size=6), st.randoms(), st.floats(0, 10))
def test_the_order_of_repeats_does_not_matter(values, random, sd):
    mixed = random.sample(values, len(values))
    one, other = (decide(experiment(*v), best(0), Noise(sd, 3)) for v in (values, mixed))
    assert one.verdict is other.verdict


@settings(deadline=None)
@given(st.lists(finite, min_size=2, max_size=9), finite, st.floats(0, 100), st.integers(1, 40))
def test_it_always_ends(values, reference, sd, df):
    """However the runs come out, no candidate gets more further runs than the rule allows."""
    rule = Rule(pairs=min(3, len(values) - 1))
    candidate = experiment(*values[: rule.pairs + 1])
    if len(candidate.measurements) > rule.pairs:
        assert decide(candidate, best(reference), Noise(sd, df), rule).verdict is not None


@settings(deadline=None)
@given(st.integers(-100, 100), st.integers(-100, 100))
def test_ints_and_floats_are_judged_alike(a, b):
    assert decide(experiment(a), best(b)) == decide(experiment(float(a)), best(float(b)))


@settings(deadline=None)
@given(st.floats(-1e9, 1e9), st.integers(1, 9), st.integers(1, 9), st.booleans())
def test_a_constant_metric_never_drifts_gains_or_has_noise(value, runs, more, strict):
    # The sum of equal values, divided by their number, may differ from them in its last bits.
    noise = estimate_noise([best(*[value] * max(2, runs))])
    assert noise.deterministic
    assert not drifted([value] * runs, [value] * more, noise)
    rule = Rule(strict=strict)
    for metric in (DOWN, UP):
        decision = decide(experiment(*[value] * more), best(*[value] * runs), noise, rule=rule, metric=metric)
        assert decision.verdict is Verdict.DISCARD
        assert decision.reason.startswith("Not better: ")
        found = headline(experiment(*[value] * more), [value] * more, [value] * runs, metric)
        assert found is not None
        assert (found.gain, found.best, found.best_sd) == (0.0, value, 0.0)


@pytest.mark.parametrize("scale", [1e-90, 1e-9, 1.0, 1e9, 1e90])
def test_the_unit_of_the_metric_does_not_matter(scale):
    for value in (0.2, 0.8, 1.0, 1.3):
        small = decide(experiment(value), best(1.0, 1.01, 0.99), LOUD, before=LOSSES)
        values = [
            replace(e, measurements=tuple(replace(m, value=m.value * scale) for m in e.measurements)) for e in LOSSES
        ]
        other = decide(
            experiment(value * scale),
            best(1.0 * scale, 1.01 * scale, 0.99 * scale),
            Noise(0.1 * scale, 30),
            before=values,
            largest=1e99,
        )
        assert small.verdict is other.verdict


def test_the_same_experiments_give_the_same_decision_however_often_it_was_asked():
    rng = random.Random(3)
    judge, judged = Judge(DOWN, RULE), [best(1.0, 1.1, 0.9)]
    for n in range(1, 40):
        parent = max(e.number for e in judged if e.kept)
        candidate = experiment(rng.gauss(judged[parent].value + 0.1, 0.2), number=n, parent=parent)
        asked = judge.decide(candidate, judged, LOUD, largest=1e9)
        assert asked == Judge(DOWN, RULE).decide(candidate, judged, LOUD, largest=1e9)
        judged.append(replace(candidate, verdict=asked.verdict or Verdict.DISCARD, reason=asked.reason))


@pytest.mark.slow
def test_it_builds_on_what_is_better_and_ends_higher_than_the_strict_rule():
    """A short form of benchmarks/judge.py: one proposal in twenty helps by 1, the others harm by as much, noise 1."""
    truths = {True: 0.0, False: 0.0}
    for strict in truths:
        for seed in range(10):
            rng, rule = random.Random(seed), Rule(strict=strict)
            truth, judged, runs = {0: 0.0}, [best(*(rng.gauss(0, 1) for _ in range(3)))], 3
            judge, incumbent = Judge(UP, rule), 0
            while runs < 150:
                n = len(judged)
                truth[n] = truth[incumbent] + (1.0 if rng.random() < 0.05 else -rng.expovariate(1.0))
                candidate = experiment(rng.gauss(truth[n], 1), number=n, parent=incumbent)
                runs += 1
                while (
                    made := judge.decide(candidate, judged, estimate_noise([*judged, candidate]), largest=math.inf)
                ).verdict is None:
                    runs += 1
                    which = candidate if made.run == "candidate" else judged[incumbent]
                    which = which.with_measurement(
                        Measurement(Outcome.OK, rng.gauss(truth[which.number], 1), 100 + runs, seconds=1.0)
                    )
                    if made.run == "candidate":
                        candidate = which
                    else:
                        judged[incumbent] = which
                judged.append(replace(candidate, verdict=made.verdict))
                incumbent = n if made.verdict is Verdict.KEEP else incumbent
            truths[strict] += truth[incumbent] / 10
    assert truths[False] > truths[True]
