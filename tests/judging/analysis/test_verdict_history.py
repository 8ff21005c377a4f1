from autoresearch_magic.experiment import Experiment, Measurement, Outcome, Proposal, Verdict
from autoresearch_magic.judging.analysis.verdict_history import batch_size, verdict_history


def judged(number, verdict, value=None):
    runs = () if value is None else (Measurement(Outcome.OK, value, seed=0),)
    return Experiment(number, 0 if number else None, Proposal("x = 1", ""), verdict=verdict, measurements=runs)


def test_batches_are_as_few_as_wanted_and_of_round_sizes():
    assert [batch_size(n, 40) for n in (1, 40, 41, 81, 201, 401, 10_000)] == [1, 1, 2, 5, 10, 20, 500]


def test_each_batch_counts_its_verdicts_and_ends_with_a_best():
    found = verdict_history(
        [
            judged(0, Verdict.BASELINE, 5.0), judged(1, Verdict.DISCARD, 6.0), judged(2, Verdict.KEEP, 4.0), judged(3, Verdict.CRASH),
            judged(4, Verdict.DUPLICATE), judged(5, Verdict.PRUNED, 9.0),
        ],
        most=3,
    )  # fmt: skip
    assert (found.size, found.starts) == (2, (1, 3, 5))
    assert found.counts == ((1, 0, 0), (1, 0, 0), (0, 1, 1), (0, 1, 0))
    assert found.best == (4.0, 4.0, 4.0)


def test_a_baseline_alone_has_no_batches():
    assert verdict_history([judged(0, Verdict.BASELINE, 1.0)]).starts == ()
