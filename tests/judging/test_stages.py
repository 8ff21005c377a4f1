import random

import pytest

from autoresearch_magic.judging.pruner import ENOUGH
from autoresearch_magic.judging.stages import Full, Seen, StageAccount, StageJudge
from autoresearch_magic.metric import Metric

LOSS, SCORE = Metric("loss", "loss"), Metric("score", "score", minimize=False)


def judge(pairs, metric=LOSS, full=LOSS, audits=()):
    """A judge that knows versions by their value at the stage and in full."""
    made = StageJudge("5s", metric, full)
    for number, (cheap, value) in enumerate(pairs):
        made.seen[number] = Seen(number, cheap, 0.0, "passed")
        made.values[number] = Full(value, promising=False)
    for number, gap, promising in audits:
        made.seen[number] = Seen(number, 1.0, gap, "audit")
        made.values[number] = Full(0.9, promising)
    return made


ALIKE = [(1.0 + 0.1 * n, 0.5 + 0.1 * n) for n in range(8)]
SETTLED = [(99, 0.5, False)]
"""A first loser was run in full, and was one."""


def decide(made, value, sd=0.0, mark="m", incumbent=(1.0,)):
    return made.decide(value, incumbent, sd, number=3, mark=mark)


def test_a_clear_loser_at_the_stage_is_stopped_and_a_near_one_is_not():
    made = judge(ALIKE, audits=SETTLED)
    stopped = decide(made, 3.0)
    assert stopped.way == "stopped"
    assert stopped.reason.startswith(
        "A loser at the stage 5s: loss 3 against 1 of the current best, experiment 3; more than 0."
    )
    assert decide(made, 1.05).way == "passed"
    assert decide(made, 0.2).way == "passed"


def test_the_first_loser_runs_in_full_as_an_audit_and_later_one_in_twenty():
    assert decide(judge(ALIKE), 3.0).way == "audit"
    ways = [decide(judge(ALIKE, audits=SETTLED), 3.0, mark=f"{n}").way for n in range(400)]
    assert 8 <= ways.count("audit") <= 36
    assert ways.count("audit") + ways.count("stopped") == 400
    assert decide(judge(ALIKE, audits=SETTLED), 3.0, mark="7").way == ways[7], "the same version, the same decision"


def test_a_wrong_audit_widens_the_margin_beyond_what_it_made_up():
    assert decide(judge(ALIKE, audits=[(99, 2.0, False)]), 2.4).way == "stopped"
    assert decide(judge(ALIKE, audits=[(99, 2.0, True)]), 2.4).way == "passed"


def test_nothing_is_stopped_while_few_versions_have_run_in_full():
    made = judge(ALIKE[: ENOUGH - 1])
    assert made.margin(0.0) is None
    assert decide(made, 99.0).way == "passed"


@pytest.mark.parametrize("way", ["opposite", "unrelated"])
def test_a_stage_that_says_the_opposite_or_nothing_stops_nothing(way):
    rng = random.Random(3)
    values = [0.5 + 0.1 * n for n in range(12)]
    shuffled = rng.sample(values, len(values)) if way == "unrelated" else values[::-1]
    made = judge([(1.0 + v, w) for v, w in zip(values, shuffled, strict=True)], audits=SETTLED)
    assert decide(made, 99.0).way == "passed"


def test_most_versions_are_spared_a_stage_that_has_shown_itself_useless():
    values = [0.5 + 0.1 * n for n in range(12)]
    made = judge(list(zip(values, values[::-1], strict=True)))
    assert made.useless()
    assert 15 <= sum(not made.spares(f"{n}") for n in range(200)) <= 65
    assert not judge(list(zip(values, values, strict=True))).useless()
    assert not judge(ALIKE).spares("m")


def test_the_noise_of_the_stage_widens_the_margin():
    made = judge(ALIKE, audits=SETTLED)
    quiet, loud = made.margin(0.0), made.margin(1.0)
    assert loud == pytest.approx(2**0.5)
    assert loud > quiet > 0
    assert made.near(1.0 + loud, [1.0], 1.0)
    assert not made.near(1.0 + quiet, [1.0], 0.0)
    assert not made.near(9.0, [1.0], 1.0)


def test_a_stage_with_its_own_metric_may_go_the_other_way():
    pairs = [(10.0 - n, 0.5 + 0.1 * n) for n in range(8)]  # a higher score, a lower loss
    made = judge(pairs, metric=SCORE)
    made.seen[99], made.values[99] = Seen(99, 0.0, 20.0, "audit"), Full(5.0, promising=False)
    assert made.gap(2.0, [10.0]) == 8.0
    assert decide(made, 0.0, incumbent=[10.0]).way == "stopped"
    assert decide(made, 10.5, incumbent=[10.0]).way == "passed"


def test_the_account_says_what_was_saved_and_how_often_it_was_wrong():
    words = str(StageAccount("5s", runs=30, seconds=150.0, stopped=12, failed=1, audits=2, wrong=1, saved=900.0))
    assert words.startswith(
        "stage 5s: 13 full runs saved (1 failed there), 900.0 s for 150.0 s that 30 runs of the stage took; 2 more were losers"
    )
    assert "1 of them turned out well" in words
