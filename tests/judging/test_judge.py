import statistics

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autoresearch_magic.experiment import Experiment, Measurement, Outcome, Proposal, Verdict
from autoresearch_magic.judging.judge import (
    HIGHEST,
    LEAST,
    PROMISING,
    Bounds,
    Rule,
    drifted,
    headline,
    judge,
    levels,
    moved_alike,
    overdrawn,
    promising,
)
from autoresearch_magic.judging.noise import Noise, estimate_noise
from autoresearch_magic.metric import Metric

DOWN, UP = Metric("m", "m", True), Metric("m", "m", False)
RULE = Rule()
QUIET, LOUD = Noise(0.0, 2), Noise(0.1, 30)
finite = st.floats(-1e6, 1e6)
number = st.one_of(finite, st.integers(-1000, 1000))


def experiment(*values, outcome=Outcome.OK, number=1, target="x = y + 1"):
    runs = tuple(Measurement(outcome, v, seed=i) for i, v in enumerate(values))
    return Experiment(number, 0, Proposal(target, "s"), measurements=runs)


def best(*values, target="x = y + 1"):
    return experiment(*values, number=0, target=target)


def decide(candidate, incumbent, noise=LOUD, rule=RULE, metric=DOWN, largest=1e9, debt=0.0):
    return judge(candidate, incumbent, metric, noise=noise, rule=rule, largest=largest, debt=debt)


def test_without_noise_every_strict_gain_counts_at_once_and_equals_do_not():
    assert decide(experiment(0.999999), best(1.0, 1.0), QUIET).verdict is Verdict.KEEP
    assert decide(experiment(1.0), best(1.0, 1.0), QUIET).verdict is Verdict.DISCARD


def test_a_clearly_worse_candidate_is_discarded_after_one_run():
    decision = decide(experiment(1.1), best(1.0, 1.0, 1.0))
    assert decision.verdict is Verdict.DISCARD
    assert "Not better" in decision.reason


def test_a_better_value_within_the_noise_is_run_again():
    decision = decide(experiment(0.85), best(1.0, 1.0, 1.0))
    assert decision.verdict is None
    assert "Perhaps better" in decision.reason


def test_a_gain_beyond_the_noise_is_kept_at_once_unless_it_is_a_jump():
    assert decide(experiment(0.5), best(1.0, 1.0, 1.0)).verdict is Verdict.KEEP
    jump = decide(experiment(0.1), best(1.0, 1.0, 1.0), largest=0.05)
    assert jump.verdict is None
    assert "jump" in jump.reason
    assert decide(experiment(0.1, 0.12), best(1.0, 1.0, 1.0), largest=0.05).verdict is Verdict.KEEP


def test_a_jump_is_measured_twice_even_without_noise():
    assert decide(experiment(-37.8), best(1.0, 1.0), QUIET, largest=0.0).verdict is None
    assert decide(experiment(-37.8, -37.8), best(1.0, 1.0), QUIET, largest=0.0).verdict is Verdict.KEEP


def test_the_number_of_further_runs_is_limited():
    rule = Rule(pairs=2)
    assert decide(experiment(0.87, 0.87), best(1.0, 1.0, 1.0), rule=rule).verdict is None
    over = decide(experiment(0.87, 0.87, 0.87), best(1.0, 1.0, 1.0), rule=rule)
    assert over.verdict is Verdict.DISCARD
    assert "after 2 further runs" in over.reason


def test_a_candidate_is_given_up_when_further_runs_do_not_confirm_it():
    assert decide(experiment(0.85, 1.1), best(1.0, 1.0, 1.0)).verdict is Verdict.DISCARD


def test_many_repeats_raise_the_bound_for_a_second_run_but_not_for_a_keep():
    incumbent, error = best(*[1.0] * 4), 0.1 * (1 + 1 / 4) ** 0.5
    perhaps = experiment(1.0 - PROMISING * error - 1e-6)
    assert decide(perhaps, incumbent).verdict is None
    assert decide(perhaps, incumbent, debt=-30).verdict is None
    assert decide(perhaps, incumbent, debt=5).verdict is Verdict.DISCARD
    assert decide(experiment(1.0 - HIGHEST * error - 1e-6), incumbent, debt=1e6).verdict is None
    assert decide(experiment(1.0 - LEAST * error + 1e-6), incumbent, debt=-1e6).verdict is Verdict.DISCARD
    assert decide(experiment(0.5), incumbent, debt=1e6).verdict is Verdict.KEEP
    # after the second run, the budget of repeats has no influence
    for values in ((0.85, 0.84), (0.85, 1.1), (0.9, 0.92, 0.91)):
        assert decide(experiment(*values), incumbent, debt=1e6) == decide(experiment(*values), incumbent, debt=-1e6)


@given(st.floats(-1e3, 1e3), st.floats(0, 1e3))
def test_the_more_repeats_the_stricter_the_first_look(debt, more):
    assert LEAST <= promising(debt) <= promising(debt + more) <= HIGHEST


@given(st.lists(st.integers(0, 9), max_size=12), st.randoms())
def test_every_run_of_a_target_but_its_first_is_a_repeat(counts, random):
    study = [experiment(*[1.0] * n, number=i) for i, n in enumerate(counts)]
    account = overdrawn(study)
    assert overdrawn(random.sample(study, len(study))) == account
    repeated = overdrawn([*study, experiment(1.0, 1.0)]) - overdrawn([*study, experiment(1.0)])
    assert repeated == pytest.approx(1 + overdrawn([*study, experiment(1.0)]) - account)
    assert overdrawn([*study, experiment(1.0)]) < account, "a first run adds to the allowance"
    assert overdrawn([*study, experiment()]) == account, "what was refused before a run costs nothing"
    crashed = experiment(None, 1.0, outcome=Outcome.CRASH)
    assert overdrawn([*study, crashed]) == overdrawn([*study, experiment(1.0, 1.0)])


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
    assert decide(experiment(1.2, 1.2), best(1.0, 1.0, 1.0, target=long)).verdict is Verdict.DISCARD


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


@given(st.lists(st.integers(-1000, 1000), min_size=2, max_size=6), st.randoms(), st.floats(0, 10))
def test_the_order_of_repeats_does_not_matter(values, random, sd):
    # Means of floats in another order may differ in the last bit; those of integers do not.
    mixed = random.sample(values, len(values))
    assert decide(experiment(*values), best(0), Noise(sd, 3)) == decide(experiment(*mixed), best(0), Noise(sd, 3))


@given(st.lists(finite, min_size=2, max_size=9), finite, st.floats(0, 100), st.integers(1, 40))
def test_it_always_ends(values, reference, sd, df):
    """However the runs come out, no candidate gets more further runs than the rule allows."""
    rule = Rule(pairs=min(3, len(values) - 1))
    candidate = experiment(*values[: rule.pairs + 1])
    if len(candidate.measurements) > rule.pairs:
        assert decide(candidate, best(reference), Noise(sd, df), rule).verdict is not None


@given(st.integers(-100, 100), st.integers(-100, 100))
def test_ints_and_floats_are_judged_alike(a, b):
    assert decide(experiment(a), best(b)) == decide(experiment(float(a)), best(float(b)))


def test_the_levels_rise():
    found = levels(8)
    assert len(found) == 9
    assert list(found[1:]) == sorted(found[1:])


def test_drift_needs_every_new_value_to_be_off_on_one_side():
    before = [1.0, 1.1, 0.9]
    assert not drifted(before, [1.2], LOUD)
    assert drifted(before, [1.5], LOUD)
    assert drifted(before, [1.5, 1.6], LOUD)
    assert not drifted(before, [1.5, 1.0], LOUD)
    assert not drifted(before, [1.5, 0.4], LOUD)
    assert not drifted([], [1.0], LOUD)
    assert not drifted(before, [], LOUD)


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


@pytest.mark.parametrize(
    ("control_before", "control_now", "alike"),
    [
        ([2.0], [3.0, 3.1], True),  # half as much again, as the incumbent
        ([2.0], [2.5], True),  # the same amount
        ([0.5, 0.6], [0.75, 0.8], True),
        ([2.0], [2.0, 2.01], False),
        ([2.0], [1.0], False),
        ([], [3.0], False),
        ([2.0], [], False),
    ],
)
def test_a_machine_that_has_changed_moves_another_target_as_well(control_before, control_now, alike):
    assert moved_alike([1.0, 1.0], [1.5, 1.5], control_before, control_now) is alike


def test_a_reason_names_both_values_the_difference_and_its_standard_error():
    loud = Noise(0.1, 30)
    assert decide(experiment(1.1), best(1.0, 1.0, 1.0), loud).reason == (
        "Not better: 1.10 against 1.00 of the current best, experiment 0, worse by 0.1 (standard error 0.12)."
    )
    assert decide(experiment(0.5, 0.6), best(1.0, 1.0, 1.0), loud).reason == (
        "Better: 0.55 against 1.00 of the current best, experiment 0 (2 and 3 runs), better by 0.45 (standard error 0.091)."
    )


def test_a_gain_by_pairs_of_seeds_is_no_difference_of_the_means_and_is_named():
    paired = Noise(0.1, 30, pairing=0.9)
    reason = decide(experiment(0.9, 1.0), best(1.0, 1.1, 1.6), paired).reason
    assert "0.95 against 1.23" in reason
    assert "better by 0.118 by pairs of equal seeds (standard error" in reason
    assert "by pairs" not in decide(experiment(0.9, 1.0), best(1.0, 1.1), paired).reason


def test_values_that_differ_in_their_last_bits_are_no_drift():
    assert not drifted([0.3, 0.3], [0.1 + 0.2], QUIET)
    assert drifted([0.3, 0.3], [0.3001], QUIET)


def test_the_headline():
    e = experiment(1.0, number=4)
    head = headline(e, [1.0, 2.0, 3.0], [5.0, 5.0, 8.0], DOWN)
    assert (head.best, head.baseline, head.gain, head.number, head.repeats) == (2.0, 6.0, 4.0, 4, 3)
    assert head.baseline_sd == pytest.approx(statistics.stdev([5, 5, 8]))
    assert head.reach > 0
    assert headline(e, [1.0], [5.0], UP).gain == -4.0
    assert headline(e, [1.0], [5.0], UP).reach is None
    assert headline(e, [1.0, 1.0], [5.0, 5.0], UP).reach == 0.0
    assert headline(e, [], [5.0], UP) is None


@pytest.mark.slow
def test_no_change_is_seldom_kept():
    """A short form of benchmarks/judge.py: 2,000 proposals that change nothing."""
    import random

    rng = random.Random(7)
    kept = 0
    for _ in range(20):
        base = best(*(rng.gauss(0, 1) for _ in range(3)))
        judged = [base]
        for n in range(1, 101):
            candidate = experiment(rng.gauss(0, 1), number=n)
            while (verdict := decide(candidate, base, estimate_noise([*judged, candidate])).verdict) is None:
                candidate = candidate.with_measurement(
                    Measurement(Outcome.OK, rng.gauss(0, 1), seed=len(candidate.measurements))
                )
                if len(base.measurements) < len(candidate.measurements):
                    base = base.with_measurement(Measurement(Outcome.OK, rng.gauss(0, 1), seed=len(base.measurements)))
                    judged[base.number] = base
            judged.append(candidate)
            if verdict is Verdict.KEEP:
                kept, base = kept + 1, candidate
    assert kept <= 20
