import random
from dataclasses import replace

import pytest

from autoresearch_magic.experiment import Experiment, Measurement, Outcome, Proposal, Verdict
from autoresearch_magic.judging import belief as belief_module
from autoresearch_magic.judging.belief import Belief
from autoresearch_magic.judging.noise import Noise
from autoresearch_magic.metric import Metric

UP = Metric("m", "m", False)
LOUD = Noise(1.0, 100)


def experiment(number, *values, verdict=Verdict.DISCARD, parent=0, expect="", first=0):
    runs = tuple(Measurement(Outcome.OK, v, seed=first + i) for i, v in enumerate(values))
    verdict = verdict if number else Verdict.BASELINE
    return Experiment(
        number, parent if number else None, Proposal("x", "s", expect=expect), verdict=verdict, measurements=runs
    )


def test_the_baseline_s_level_is_the_mean_of_its_runs():
    level = Belief([experiment(0, 3.0, 4.0, 5.0)], UP, LOUD).level(0)
    assert level is not None
    assert level[0] == pytest.approx(4.0, abs=0.05)
    assert level[1] == pytest.approx((1 / 3) ** 0.5, rel=0.1)


def test_a_lucky_keep_shrinks_as_others_are_measured_against_it():
    lucky = [experiment(0, *[0.0] * 6), experiment(1, 3.0, verdict=Verdict.KEEP)]
    later = [*lucky, *(experiment(n, 0.0, parent=1) for n in range(2, 12))]
    before, after = Belief(lucky, UP, LOUD).level(1), Belief(later, UP, LOUD).level(1)
    assert before is not None
    assert after is not None
    assert after[0] < before[0]
    assert after[1] <= before[1] + 1e-9


def test_losers_that_nobody_expected_do_not_pull_their_parent_down():
    study = [experiment(0, 10.0, 10.1, 9.9), *(experiment(n, 7.0 - 0.5 * n) for n in range(1, 30))]
    level = Belief(study, UP, Noise(0.3, 30)).level(0)
    assert level is not None
    assert level[0] == pytest.approx(10.0, abs=0.2)


def test_runs_on_shared_seeds_tell_a_difference_better():
    rng = random.Random(4)
    luck = [rng.gauss(0, 1) for _ in range(4)]
    base, better = experiment(0, *luck), experiment(1, *(v + 0.8 for v in luck), verdict=Verdict.KEEP)
    alone = Belief([base, better], UP, LOUD).gain(better)
    paired = Belief([base, better], UP, Noise(1.0, 100, pairing=0.9)).gain(better)
    assert alone is not None
    assert paired is not None
    assert paired.p_better > alone.p_better


def test_a_forecast_of_the_agent_counts_once_earlier_ones_came_true():
    study = [experiment(0, *[0.0] * 6)]
    for n in range(1, 25):
        change = (-1) ** n * 2.0
        study.append(experiment(n, change, expect=f"{change:+.1f} (sd 0.3)"))
    told = Belief(study, UP, LOUD).candidate(experiment(25, 1.0, verdict=None, expect="+2.0 (sd 0.3)"))
    silent = Belief(study, UP, LOUD).candidate(experiment(25, 1.0, verdict=None))
    assert told is not None
    assert silent is not None
    assert told.posterior.mean > silent.posterior.mean


def test_a_disturbed_run_counts_for_less():
    from autoresearch_magic.runs import Conditions

    quiet = Conditions(others=0.0, cores=2, steal=0.0)
    busy = Conditions(others=2.0, cores=2, steal=0.0)

    def with_conditions(e, conditions):
        return replace(e, measurements=tuple(replace(m, conditions=conditions) for m in e.measurements))

    base = with_conditions(experiment(0, *[0.0] * 6), quiet)
    found = [
        Belief([base], UP, LOUD).candidate(with_conditions(experiment(1, 4.0, verdict=None), c)) for c in (quiet, busy)
    ]
    assert found[0] is not None
    assert found[1] is not None
    assert found[1].estimate.variance > 2 * found[0].estimate.variance
    assert found[1].posterior.mean < found[0].posterior.mean


def test_what_still_holds_of_an_earlier_belief_is_taken_over_and_gives_the_same():
    rng = random.Random(1)
    study, before = [experiment(0, *(rng.gauss(0, 1) for _ in range(3)))], None
    for n in range(1, 60):
        keep = n % 7 == 0
        parent = max(e.number for e in study if e.kept)
        study.append(
            experiment(n, rng.gauss(n / 20, 1), verdict=Verdict.KEEP if keep else Verdict.DISCARD, parent=parent)
        )
        before = Belief(study, UP, LOUD, before=before)
    whole = Belief(study, UP, LOUD)
    assert (before.joint.mean == whole.joint.mean).all()
    assert (before.joint.cov == whole.joint.cov).all()


def with_later_run(study, number, value, seed=50):
    """Return the study after another run of a version, made now."""
    e = study[number]
    run = Measurement(Outcome.OK, value, seed=seed, judged=len(study))
    return [*study[:number], replace(e, measurements=(*e.measurements, run)), *study[number + 1 :]]


def test_a_later_run_changes_nothing_of_what_was_judged_before_it(monkeypatch):
    monkeypatch.setattr(belief_module, "LONG_AFTER", 10)
    rng = random.Random(2)
    study = [experiment(0, *(rng.gauss(0, 1) for _ in range(3)))]
    study += [experiment(n, rng.gauss(0, 1)) for n in range(1, 40)]
    before = Belief(study, UP, LOUD)
    worked = []
    after = Belief._after
    monkeypatch.setattr(Belief, "_after", lambda self, state, e: worked.append(e.number) or after(self, state, e))
    now = Belief(with_later_run(study, 0, 5.0), UP, LOUD, before=before)
    assert worked == []
    assert now.mean(0) > before.mean(0)
    first, second = before.level(0), now.level(0)
    assert first is not None
    assert second is not None
    assert second[1] < first[1]


def test_a_later_run_of_a_version_whose_level_was_dropped_counts_with_its_first_runs(monkeypatch):
    monkeypatch.setattr(belief_module, "LONG_AFTER", 10)
    rng = random.Random(3)
    study = [experiment(0, *(rng.gauss(0, 1) for _ in range(3)))]
    study += [experiment(n, rng.gauss(-3 if n == 1 else 0, 0.3)) for n in range(1, 40)]
    before = Belief(study, UP, LOUD)
    assert not before.knows(1)
    for _ in range(4):
        study = with_later_run(study, 1, 30.0)
    now = Belief(study, UP, LOUD, before=before)
    assert now.knows(1)
    assert now.mean(1) > 10


@pytest.mark.parametrize("seed", range(12))
def test_runs_that_came_later_give_the_same_step_by_step_and_at_once(seed, monkeypatch):
    monkeypatch.setattr(belief_module, "LONG_AFTER", seed % 4 * 5)
    rng = random.Random(seed)
    noise = Noise(1.0, 100, pairing=0.5 if seed % 2 else 0.0)
    study, before, steps = [experiment(0, *(rng.gauss(0, 1) for _ in range(3)))], None, []
    for n in range(1, 45):
        for _ in range(rng.choice([0, 0, 0, 1, 2])):
            study = with_later_run(study, rng.randrange(len(study)), rng.gauss(n / 20, 1), seed=rng.randrange(4))
            before = Belief(study, UP, noise, before=before)
        parent = max(e.number for e in study if e.kept)
        verdict = rng.choice([Verdict.KEEP, Verdict.DISCARD, Verdict.DISCARD, Verdict.PRUNED])
        values = [rng.gauss(n / 20, 1) for _ in range(1 if verdict is Verdict.PRUNED else rng.choice([1, 2]))]
        study = [*study, experiment(n, *values, verdict=verdict, parent=parent)]
        steps.append(study)
        if rng.random() < 0.7:
            before = Belief(study, UP, noise, before=before)
    if seed % 3 == 0:
        before = Belief(steps[20], UP, noise, before=before)  # another thread may still ask for an earlier state
    before = Belief(study, UP, noise, before=before)
    whole = Belief(study, UP, noise)
    assert before.joint.names == whole.joint.names
    assert before.joint.mean == pytest.approx(whole.joint.mean, abs=1e-9)
    assert before.joint.cov == pytest.approx(whole.joint.cov, abs=1e-9)
    for e in study:
        assert before.gain_in_units(e) == whole.gain_in_units(e)


def test_a_run_soon_after_the_verdict_counts_as_one_that_it_was_judged_by():
    study = [experiment(0, 0.0, 0.1, -0.1), experiment(1, 2.0, verdict=Verdict.KEEP), experiment(2, 1.0, parent=1)]
    later = Belief(with_later_run(study, 1, 0.2, seed=7), UP, LOUD)
    run = Measurement(Outcome.OK, 0.2, seed=7)
    judged = replace(study[1], measurements=(*study[1].measurements, run))
    assert (later.joint.mean == Belief([study[0], judged, study[2]], UP, LOUD).joint.mean).all()
