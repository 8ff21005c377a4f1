"""How much less a disturbed run counts."""

import math
import random
from dataclasses import replace

import pytest

from autoresearch_magic.experiment import Experiment, Measurement, Outcome, Proposal, Verdict
from autoresearch_magic.judging.disturbance import (
    HIGHEST,
    SENSITIVITY,
    Usual,
    UsualConditions,
    describe,
    deserves_second_run,
    disturbance,
    disturbed,
    excess,
    usual_conditions,
)
from autoresearch_magic.judging.noise import estimate_noise
from autoresearch_magic.runs import Conditions

IDLE, BUSY = 0.1, 1.8


def run(value, others, *, seed=0, seconds=1.0, outcome=Outcome.OK, steal=0.0):
    conditions = None if others is None else Conditions(others, 2, steal)
    return Measurement(outcome, value, seed=seed, seconds=seconds, conditions=conditions)


def experiment(*runs, number=0):
    verdict = Verdict.BASELINE if number == 0 else Verdict.DISCARD
    return Experiment(number, number - 1 if number else None, Proposal("x", "s"), verdict=verdict, measurements=runs)


def repeated(values, loads, number=0):
    return experiment(*(run(v, o, seed=i) for i, (v, o) in enumerate(zip(values, loads, strict=True))), number=number)


def test_a_machine_as_usual_changes_nothing():
    usual = usual_conditions([repeated([1.0, 1.1, 0.9], [IDLE, 0.2, 0.0])])
    assert [disturbance(run(1.0, load), usual) for load in (0.0, IDLE, 0.2)] == [1.0] * 3


def test_a_machine_that_is_always_busy_is_as_usual():
    usual = usual_conditions([repeated([1.0, 1.1, 0.9, 1.0], [1.7, 1.75, 1.8, 1.8])])
    assert disturbance(run(1.0, 1.8), usual) == 1.0
    assert not disturbed(run(1.0, 1.8), usual)


def test_the_more_cores_are_taken_the_less_a_run_counts():
    usual = usual_conditions([repeated([1.0, 1.1, 0.9], [IDLE] * 3)])
    factors = [disturbance(run(1.0, load), usual) for load in (IDLE, 0.5, 1.0, 1.8)]
    assert factors == sorted(factors)
    assert factors[0] == 1.0
    assert disturbed(run(1.0, BUSY), usual)
    # what the hypervisor takes is not there either
    assert disturbance(run(1.0, IDLE, steal=1.7), usual) == pytest.approx(factors[-1])


def test_runs_of_unknown_conditions_are_as_usual():
    assert usual_conditions([]) == Usual()
    old = [repeated([1.0, 1.1, 0.9], [None] * 3)]
    assert disturbance(run(1.0, BUSY), usual_conditions(old)) == 1.0
    usual = usual_conditions([*old, repeated([1.0, 1.1], [IDLE] * 2, 1)])
    assert disturbance(run(1.0, None), usual) == 1.0


def test_a_metric_that_ignores_the_machine_ends_up_undisturbed():
    rng = random.Random(1)
    loads = [IDLE, IDLE, IDLE, BUSY] * 6
    study = [repeated([rng.gauss(5, 0.1) for _ in loads], loads)]
    usual = usual_conditions(study)
    assert usual.sensitivity < SENSITIVITY / 2
    assert not disturbed(run(1.0, 1.0), usual)
    without = usual_conditions(study, timed=False)
    assert disturbance(run(1.0, BUSY), without) < 1.7


def test_a_metric_that_follows_the_machine_is_learned_from_few_repeats():
    usual = usual_conditions([repeated([12.0, 12.1, 11.9, 12.05, 21.0], [IDLE] * 4 + [BUSY])])
    assert usual.sensitivity > 3 * SENSITIVITY
    weight = 1 / disturbance(run(20.0, BUSY), usual) ** 2
    assert (9.9 + weight * 20.0) / (1 + weight) < 9.95  # beside a second, undisturbed run
    steps = usual_conditions([repeated([12.0, 12.1, 11.9, 12.05, 21.0], [IDLE] * 4 + [BUSY])], timed=False)
    assert disturbed(run(20.0, BUSY), steps)


def test_a_budget_in_steps_is_not_disturbed_without_evidence():
    usual = usual_conditions([repeated([1.0, 1.1, 0.9], [IDLE] * 3)], timed=False)
    assert disturbance(run(1.0, BUSY), usual) == 1.0


def test_a_run_whose_clock_left_out_what_others_took_is_hardly_disturbed():
    def ran(load, lost):
        return Measurement(Outcome.OK, 1.0, seed=0, conditions=Conditions(load, 2, lost=lost))

    corrected = usual_conditions([experiment(*[ran(IDLE, 0.1)] * 3)])
    assert 1.0 < disturbance(ran(BUSY, 3.0), corrected) < 1.5
    uncorrected = usual_conditions([experiment(*[ran(IDLE, None)] * 3)])
    assert disturbed(ran(BUSY, None), uncorrected)


def test_an_exact_metric_stays_exact_unless_it_moves():
    same = usual_conditions([repeated([7.0] * 6, [IDLE] * 3 + [BUSY] * 3)], timed=False)
    assert disturbance(run(7.0, BUSY), same) == 1.0
    moved = usual_conditions([repeated([7.0] * 5 + [9.0], [IDLE] * 3 + [BUSY] * 3)], timed=False)
    assert 1.0 < moved.sensitivity <= HIGHEST


def test_one_outlier_is_bounded():
    usual = usual_conditions([repeated([1.0, 1.001, 0.999, 1e90], [IDLE] * 3 + [BUSY])])
    assert usual.sensitivity <= HIGHEST
    assert math.isfinite(disturbance(run(1e90, BUSY), usual))


def test_the_text_names_what_was_unusual():
    usual = usual_conditions([repeated([1.0, 1.1, 0.9], [IDLE] * 3)])
    assert describe(run(1.0, BUSY), usual) == "measured while other programs kept 1.8 of 2 cores busy (usually 0.1)"
    assert describe(run(1.0, IDLE), usual) == ""
    assert describe(run(1.0, None), usual) == ""


def test_a_cheap_disturbed_loser_gets_one_second_run():
    usual = usual_conditions([repeated([1.0, 1.1, 0.9], [IDLE] * 3)])

    def deserves(*runs, proposal_seconds=0.0):
        return deserves_second_run(experiment(*runs, number=3), usual, proposal_seconds=proposal_seconds)

    assert deserves(run(2.0, BUSY))
    assert deserves(run(None, BUSY, outcome=Outcome.TIMEOUT))
    assert not deserves(run(2.0, IDLE))
    assert not deserves(run(2.0, BUSY), run(2.1, BUSY, seed=1))
    assert not deserves(run(None, BUSY, outcome=Outcome.CRASH))
    assert not deserves(run(2.0, BUSY, seconds=60.0))
    assert deserves(run(2.0, BUSY, seconds=60.0), proposal_seconds=90.0)


def test_the_excess_is_a_share_of_what_is_usually_free():
    usual = Usual(taken=0.4, tolerance=0.1, sensitivity=1.0, known=True)
    assert excess(run(1.0, 1.0), usual) == pytest.approx(0.0)
    assert excess(run(1.0, 1.6), usual) == pytest.approx(0.5)
    full = Usual(taken=1.0, tolerance=0.1, sensitivity=1.0, known=True)
    assert excess(run(1.0, 2.0), full) == 0.0


@pytest.mark.parametrize("seed", range(10))
def test_what_is_usual_is_the_same_step_by_step_and_at_once(seed):
    rng = random.Random(seed)
    usual, study = UsualConditions(), []

    def another(kind=Outcome.OK):
        load = rng.choice([None, 0.0, IDLE, 0.4, BUSY, rng.uniform(0, 2)])
        return run(
            rng.gauss(5, 1 + (load or 0)), load, seed=rng.randrange(9), outcome=kind, steal=rng.choice([0, 0, 0.3])
        )

    for n in range(60):
        outcome = rng.choice([Outcome.OK, Outcome.OK, Outcome.OK, Outcome.CRASH])
        study.append(experiment(*(another(outcome) for _ in range(rng.choice([1, 1, 3]))), number=n))
        if rng.random() < 0.4:
            at = rng.randrange(len(study))
            e = study[at].with_measurement(another())
            study[at] = replace(e, since=rng.choice([0, 0, 0, len(e.measurements) - 1]))
        if rng.random() < 0.1:
            usual.of(study[: len(study) // 2])
        step, whole = usual.of(list(study)), usual_conditions(study)
        assert (step.taken, step.tolerance, step.known) == (whole.taken, whole.tolerance, whole.known)
        assert step.sensitivity == pytest.approx(whole.sensitivity, abs=1e-9)
        assert whole.sensitivity == pytest.approx(sensitivity_by_the_formula(study, whole), abs=1e-9)


def sensitivity_by_the_formula(study, usual):
    if not usual.known:
        return 0.0
    runs = {e.number: [m for m in e.current if m.ok] for e in study}
    still = {n: [m for m in ms if excess(m, usual) == 0] for n, ms in runs.items()}
    noise = estimate_noise([replace(e, measurements=tuple(still[e.number]), since=0) for e in study])
    if not noise.known:
        return SENSITIVITY
    squares = []
    for n, ms in runs.items():
        if not still[n]:
            continue
        middle = sum(m.value for m in still[n]) / len(still[n])
        error = noise.at(middle) * math.sqrt(1 + 1 / len(still[n]))
        for m in ms:
            if (x := excess(m, usual)) > 0:
                square = ((m.value - middle) / error) ** 2 * max(1 - 2 / noise.df, 0.25) - 1
                squares.append(min(HIGHEST**2, square / x**2))
    return min(HIGHEST, math.sqrt(max(0.0, (SENSITIVITY**2 + sum(squares)) / (1 + len(squares)))))
