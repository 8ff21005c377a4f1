from autoresearch_magic.experiment import Experiment, Measurement, Outcome, Proposal
from autoresearch_magic.run_numbers import known_names, mean_number, number_of, numbers_of


def run(value=1.0, **facts):
    return Measurement(Outcome.OK, value, 0, **facts)


def test_a_measured_number_is_known_by_its_name_in_any_spelling_and_0_is_none():
    m = run(memory=2.5, seconds=4.0, evaluation=0.5, steps=0)
    assert [number_of(m, name) for name in ("peak_memory_gb", "Peak memory GB", "seconds", "evaluation_seconds")] == [
        2.5,
        2.5,
        4.0,
        0.5,
    ]
    assert number_of(m, "steps") is None
    assert known_names([m]) == ["peak_memory_gb", "seconds", "evaluation_seconds"]


def test_a_printed_number_comes_before_a_measured_one_of_its_name_which_has_another_name_then():
    m = run(seconds=4.0, numbers={"seconds": 9.0, "p95 ms": 0.0})
    assert number_of(m, "seconds") == 9.0
    assert number_of(m, "run.seconds") == 4.0
    assert number_of(m, "P95-MS") == 0.0
    assert known_names([m]) == ["run.seconds", "seconds", "p95 ms"]


def test_a_version_has_the_mean_of_its_runs_that_count():
    runs = (
        run(memory=8.0),
        run(memory=100.0),
        Measurement(Outcome.CRASH, None, 1, memory=900.0),
        run(memory=2.0),
        run(memory=4.0),
    )
    e = Experiment(1, 0, Proposal("x", "s"), measurements=runs, since=1)
    assert numbers_of(e, "peak_memory_gb") == (100.0, 2.0, 4.0)
    assert mean_number(Experiment(2, 0, Proposal("x", "s"), measurements=runs[:1]), "peak_memory_gb") == 8.0
    assert mean_number(e, "acc") is None
