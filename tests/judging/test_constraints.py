from dataclasses import replace

import pytest

from autoresearch_magic.errors import UserError
from autoresearch_magic.experiment import Experiment, Measurement, Outcome, Proposal, Verdict
from autoresearch_magic.judging.constraints import FURTHER, Constraints, check_limits, parse_limit
from autoresearch_magic.judging.judge import Decision
from autoresearch_magic.metric import Metric

METRIC = Metric("m", "m", minimize=True)
KEEP, DISCARD = Decision(Verdict.KEEP, "Better: 1 against 2."), Decision(Verdict.DISCARD, "Not better: 3 against 2.")


def version(number, *memory, value=1.0, verdict=Verdict.DISCARD, parent=0, **facts):
    runs = tuple(Measurement(Outcome.OK, value, seed=i, memory=m, **facts) for i, m in enumerate(memory))
    return Experiment(
        number, parent if number else None, Proposal(f"x = {number}", "s"), verdict=verdict, measurements=runs
    )


def baseline(*memory):
    return version(0, *memory, verdict=Verdict.BASELINE)


def limits(*texts):
    return Constraints([parse_limit(text) for text in texts])


def decide(candidate, *judged, by_metric=KEEP, texts=("peak_memory_gb<8",), **options):
    return limits(*texts).applied(candidate, judged, by_metric, **options)


@pytest.mark.parametrize(
    ("text", "inside", "outside"),
    [("a<8", 7.999, 8.0), ("a <= 8", 8.0, 8.001), ("a>-.5", -0.4, -0.5), ("top-5 acc ≥ 1e-1", 0.1, 0.09)],
)
def test_a_limit_holds_on_its_side_alone(text, inside, outside):
    limit = parse_limit(text)
    assert limit.holds(inside)
    assert not limit.holds(outside)
    assert parse_limit(str(limit)) == limit


@pytest.mark.parametrize("text", ["a", "a<", "a=8", "a<<8", "8>a", "a<8GB", "a<b", "1<a<3", "a<nan"])
def test_what_is_no_limit_is_refused_in_one_line(text):
    with pytest.raises(UserError, match="NAME<NUMBER"):
        parse_limit(text)


@pytest.mark.parametrize(
    ("texts", "words"),
    [
        (["loss<3"], "the metric itself"),
        (["a<3", "A<4"], "give one of them"),
        (["a<3", "a>5"], "no number fulfils"),
        (["a>=3", "a<3"], "no number"),
    ],
)
def test_limits_that_contradict_each_other_or_the_metric_are_refused(texts, words):
    with pytest.raises(UserError, match=words):
        check_limits(texts, "loss")
    assert len(check_limits(["a<5", "a>3", "b<3"], "loss")) == 3


def test_a_version_beyond_a_limit_is_not_kept_whatever_its_metric():
    decision = decide(version(1, 9.1), baseline(5.0, 5.0))
    assert decision.verdict is Verdict.DISCARD
    assert decision.reason == "peak_memory_gb 9.1 is over the limit 8. By the metric: Better: 1 against 2."
    assert decide(version(1, 7.9), baseline(5.0, 5.0)) == KEEP
    low = decide(version(1, 2.0), baseline(5.0, 5.0), texts=("peak_memory_gb>=4",))
    assert low.reason.startswith("peak_memory_gb 2 is under the limit 4.")


def test_a_question_for_one_more_run_ends_with_a_version_that_is_clearly_beyond():
    more = Decision(None, "run again", "incumbent")
    assert decide(version(1, 9.1), baseline(5.0, 5.0), by_metric=more).verdict is Verdict.DISCARD
    assert decide(version(1, 7.0), baseline(5.0, 5.0), by_metric=more) is more


def test_failures_stay_what_they_are():
    crash = Decision(Verdict.CRASH, "ZeroDivisionError")
    assert decide(version(1, 99.0), baseline(5.0), by_metric=crash) is crash


def test_a_version_near_a_limit_runs_again_until_its_mean_decides():
    start = baseline(5.0, 5.4, 4.8)  # sd 0.31
    assert decide(version(1, 6.5), start) == KEEP
    near = decide(version(1, 7.9), start)
    assert (near.verdict, near.run) == (None, "candidate")
    assert decide(version(1, 8.1), start).verdict is None
    assert decide(version(1, 8.1), start, by_metric=DISCARD) is DISCARD  # the metric has decided
    many = [7.9, 8.2, 7.8, 8.0, 7.9]
    assert len(many) == 1 + FURTHER
    assert decide(version(1, *many), start) == KEEP
    over = decide(version(1, *(m + 0.1 for m in many)), start)
    assert over.verdict is Verdict.DISCARD
    assert "mean of 5 runs, 95% interval" in over.reason
    assert decide(version(1, 8.1), start, most=1).verdict is Verdict.DISCARD


def test_of_a_number_that_never_varied_one_run_decides():
    assert decide(version(1, 7.99), baseline(5.0, 5.0, 5.0)) == KEEP
    assert decide(version(1, 8.0), baseline(5.0, 5.0, 5.0)).verdict is Verdict.DISCARD


def test_a_missing_number_is_not_within_a_limit():
    decision = decide(version(1, 5.0), version(0, 5.0, numbers={"acc": 0.5}), texts=("acc>0.4",))
    assert decision.verdict is Verdict.DISCARD
    assert "acc, which --limit acc>0.4 is on, has no value" in decision.reason


def test_while_the_best_is_beyond_a_limit_what_is_nearer_is_better_and_what_is_within_is_kept():
    start = baseline(16.0, 16.0)
    assert decide(version(1, 7.0), start, by_metric=DISCARD).verdict is Verdict.KEEP
    nearer = decide(version(1, 15.0), start, by_metric=DISCARD)
    assert nearer.verdict is Verdict.KEEP
    assert nearer.reason.startswith(
        "Nearer to the limits: peak_memory_gb 15 is over the limit 8; the baseline: peak_memory_gb 16 "
    )
    assert decide(version(1, 17.0), start).verdict is Verdict.DISCARD
    for decision in (KEEP, DISCARD):  # as far, within a tenth of what is missing: the metric decides
        assert decide(version(1, 15.5), start, by_metric=decision).verdict is decision.verdict


def test_nearer_by_chance_alone_is_no_nearer():
    start = baseline(16.0, 19.0, 13.0)
    assert decide(version(1, 14.0), start, by_metric=DISCARD).verdict is Verdict.DISCARD
    assert decide(version(1, 14.0), baseline(16.0, 16.0), by_metric=DISCARD).verdict is Verdict.KEEP


def test_the_first_version_within_must_be_so_by_more_than_one_run_where_it_is_near():
    start = baseline(16.0, 16.6, 15.5)
    assert decide(version(1, 7.8), start, by_metric=DISCARD).verdict is None
    assert decide(version(1, 7.8, 7.9, 7.7, 7.8, 7.6), start, by_metric=DISCARD).verdict is Verdict.KEEP


def test_several_limits_hold_together():
    texts = ("peak_memory_gb<8", "seconds<=60")
    assert decide(version(1, 5.0, seconds=60.0), version(0, 5.0, seconds=9.0), texts=texts) == KEEP
    over = decide(version(1, 9.0, seconds=61.0), version(0, 5.0, seconds=9.0), texts=texts)
    assert "peak_memory_gb 9 is over the limit 8; seconds 61 is over the limit 60." in over.reason


def test_a_name_that_no_run_has_is_refused_with_those_that_there_are():
    start = version(0, 5.0, numbers={"acc": 0.5, "seconds": 3.0}, seconds=4.0)
    with pytest.raises(UserError, match=r"no number 'memory'. There are: peak_memory_gb, run.seconds, acc, seconds"):
        limits("memory<3").check_names(start)
    with pytest.raises(UserError, match=r"Write run.seconds for the first"):
        limits("seconds<3").check_names(start)
    limits("ACC>0", "run.seconds<9", "peak_memory_gb<1").check_names(start)


def test_a_baseline_and_a_result_beyond_a_limit_are_told():
    start = baseline(9.0, 9.0)
    assert (
        limits("peak_memory_gb<8")
        .told_of_baseline(start)
        .startswith("The baseline is not within the limits: peak_memory_gb 9 is over")
    )
    assert (
        limits("peak_memory_gb<8")
        .told_of_result(start, [start], METRIC)
        .startswith("The baseline, still the best, is not within")
    )
    assert (
        limits("peak_memory_gb<10").told_of_baseline(start)
        == limits("peak_memory_gb<10").told_of_result(start, [start], METRIC)
        == ""
    )


@pytest.mark.parametrize(("value", "lost"), [(1.5, True), (1.0, False), (0.5, False)])
def test_a_result_within_the_limits_that_the_baseline_breaks_is_told_with_its_price(value, lost):
    best = version(1, 7.0, value=value)
    said = limits("peak_memory_gb<8").told_of_result(best, [baseline(9.0), best], METRIC)
    assert said.startswith("Experiment 1, the best so far, is within the limits, as the baseline is not")
    assert ("what it lost in the metric is the price" in said) is lost


def test_only_versions_that_are_no_farther_from_the_limits_can_take_the_incumbents_place():
    start, over, other = baseline(5.0), version(1, 9.0), version(2, 7.0)
    assert limits("peak_memory_gb<8").farther([start, over, other], start) == {1}
    assert limits("peak_memory_gb<6").farther([start, over, other], over) == set()
    assert limits("peak_memory_gb<6").farther([start, over, other], other) == {1}
    assert limits().farther([start, over], start) == set()
    assert limits("peak_memory_gb<8").broken_for_certain(over, [start, over])
    noisy = replace(over, measurements=version(1, 6.0, 12.0, 8.0).measurements)
    assert not limits("peak_memory_gb<8").broken_for_certain(noisy, [start, noisy])
