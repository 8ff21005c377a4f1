from dataclasses import replace

from autoresearch_magic.experiment import Experiment, Measurement, Outcome, Proposal, Verdict
from autoresearch_magic.judging.belief import Belief
from autoresearch_magic.judging.closing import best_version, closing_runs, next_run
from autoresearch_magic.judging.noise import Noise
from autoresearch_magic.metric import Metric

DOWN = Metric("m", "m", True)
LOUD = Noise(0.1, 30)


def experiment(number, *values, verdict=Verdict.DISCARD, parent=0, target="x = 1"):
    runs = tuple(Measurement(Outcome.OK, v, seed=i, seconds=1.0) for i, v in enumerate(values))
    verdict = verdict if number else Verdict.BASELINE
    return Experiment(number, parent if number else None, Proposal(target, "s"), verdict=verdict, measurements=runs)


def keep(number, *values, parent=0, target="x = 1"):
    return experiment(number, *values, verdict=Verdict.KEEP, parent=parent, target=target)


def believed(study):
    return Belief(study, DOWN, LOUD)


def test_one_run_in_twenty_closes():
    assert [closing_runs(n) for n in (0, 19, 20, 150)] == [0, 0, 1, 7]


def test_the_incumbent_stays_where_nothing_is_better():
    study = [experiment(0, 2.0, 2.0, 2.0), keep(1, 1.0, 1.0), experiment(2, 1.3, parent=1)]
    assert best_version(believed(study), study, study[1]) == 1


def test_a_keep_that_later_runs_show_to_be_worse_is_not_the_result():
    study = [experiment(0, *[2.0] * 6), keep(1, 1.8, 2.3, 2.4, 2.3)]
    assert best_version(believed(study), study, study[1]) == 0


def test_a_near_miss_that_turns_out_better_is_the_result_unless_it_fails_the_guard():
    study = [experiment(0, *[2.0] * 6), experiment(1, 1.0, 1.0, 1.0), keep(2, 1.9, 1.9)]
    assert best_version(believed(study), study, study[2]) == 1
    assert best_version(believed(study), study, study[2], excluded={1}) == 2


def test_simpler_code_needs_more_to_be_replaced():
    long = "x = 1 + 0 * (1 - 1)"
    study = [experiment(0, *[2.0] * 9, target=long), keep(1, *[2.05] * 9)]
    assert best_version(believed(study), study, study[1]) == 1
    same = [replace(e, proposal=Proposal("x = 1", "s")) for e in study]
    assert best_version(believed(same), same, same[1]) == 0


def test_the_run_goes_where_it_can_change_the_result():
    study = [experiment(0, *[2.0] * 6), keep(1, 1.7), experiment(2, 3.5, parent=1)]
    assert next_run(believed(study), study, study[1]) in (0, 1), "not the version that is far behind"


def test_no_run_is_made_where_all_is_clear():
    study = [experiment(0, *[9.0] * 6), keep(1, *[1.0] * 6)]
    assert next_run(believed(study), study, study[1]) is None


def test_a_keep_that_is_nearly_proven_is_run_or_its_parent():
    study = [experiment(0, *[2.0] * 5), keep(1, 1.72, 1.75)]
    belief = believed(study)
    gain = belief.gain(study[1])
    assert gain is not None
    assert gain.p_better < 0.99
    assert next_run(belief, study, study[1]) in (0, 1)
