"""The text of a plan, from given runs."""

import random
import statistics

import pytest

from autoresearch_magic.budget import Budget
from autoresearch_magic.config.settings import Settings
from autoresearch_magic.experiment import Measurement, Outcome
from autoresearch_magic.runs import Conditions
from autoresearch_magic.study.plan import Plan, Trial, _clock_notes, _split, cost_line


def plan(*values, **options):
    settings = Settings(metric="loss", repeats=len(values), **options)
    runs = tuple(Measurement(Outcome.OK, value, seed=n, seconds=2.0) for n, value in enumerate(values))
    return Plan(settings.as_metric(), settings, (Trial(settings.budget, runs),))


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"experiments": 4}, "4 experiments take about 22s, with the confirmation; at most"),
        ({"experiments": 1}, "1 experiment takes about 15s, with the confirmation; at most"),
        ({}, "Single runs vary with sd 0.071 (of 2 runs)."),
        ({}, "better by 0.18 is kept in 9 of 10 cases, one that is better by 0.085 in half of them."),
        ({"min_delta": 1}, "better by 1.2 is kept in 9 of 10 cases, one that is better by 1.1 in half"),
        ({"judge": "strict"}, "better by 0.11 is kept in 9 of 10 cases, one that is no better in half"),
        ({"statistic": "median"}, "The target runs: loss 1.050"),
        ({}, "Kept is not proven: at the end a gain of 0.35 is proven in 9 of 10 cases, one of 0.21 in half of them."),
        ({"pairs": 1}, "if each is run again once."),
        ({"pairs": 3}, "if each is run again 3 times."),
        ({"minutes": 0.3}, "About 2 experiments fit into 18s."),
        ({"minutes": 0.25}, "About 1 experiment fits into 15s."),
        ({"minutes": 0.1}, "About 0 experiments fit into 6s."),
        ({"experiments": 1_000_000}, "until it is stopped: -n, --hours or --minutes"),
    ],
)  # fmt: skip
def test_numbers_and_units_of_the_plan(options, said):
    assert said in str(plan(1.0, 1.1, **options))


def test_what_the_plan_says_of_the_strict_rule_comes_true():
    made = plan(1.0, 1.1, 0.95, judge="strict")
    sd, rng = made.trials[0].sd, random.Random(2)
    for share in (0.5, 0.9):
        gain = made.kept_gain(share)
        kept = sum(gain + rng.gauss(0, sd) > statistics.fmean(rng.gauss(0, sd) for _ in range(3)) for _ in range(4000))
        assert kept / 4000 == pytest.approx(share, abs=0.02)


def test_repeats_that_agree_are_no_proof_of_no_noise():
    assert "3 runs on different seeds gave the same value: there seems to be no noise (73% sure)" in str(
        plan(1.41, 1.41, 1.41)
    )
    assert "proven" not in str(plan(1.41, 1.41, 1.41))


def test_the_strict_rule_proves_nothing():
    assert "proven" in str(plan(1.0, 1.1))
    assert "proven" not in str(plan(1.0, 1.1, judge="strict"))


def test_an_unlimited_study_does_not_show_its_million_experiments():
    for options in ({}, {"minutes": 1}):
        assert "000" not in str(plan(1.0, 1.1, experiments=1_000_000, agent="claude", **options))


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"agent": "tuner"}, "nothing; the agent is offline."),
        ({"agent": "recorded:speed"}, "nothing; the agent is offline."),
        ({"agent": "claude", "experiments": 1}, "1 answer of claude or more;"),
        ({"agent": "claude", "experiments": 9}, "9 answers of claude or more;"),
        ({"agent": "claude", "experiments": 1_000_000},
         "one answer of claude an experiment or more;"),
        ({"agent": "claude", "max_cost": 2.5}, "at most $2.5 (--max-cost)."),
    ],
)  # fmt: skip
def test_cost_of_the_agent(options, said):
    line = cost_line(Settings(metric="loss", **options))
    assert line.startswith(said)
    assert ("--max-cost" in line) == (options["agent"] == "claude")


def test_a_command_has_no_budget_to_change():
    """A budget is refused with --verify, so the plan must not advise one, also where the command prints its steps."""
    runs = tuple(Measurement(Outcome.OK, v, seed=n, seconds=2.0, steps=300) for n, v in enumerate((1.0, 1.4)))
    command = Settings(metric="loss", verify="python measure.py", scope=("*.py",), repeats=2)
    cell = Settings(metric="loss", repeats=2)
    advice = {s: Plan(s.as_metric(), s, (Trial(s.budget, runs),)).advice for s in (command, cell)}
    assert "budget" not in advice[command]
    assert "measuring more in each run of the command would help" in advice[command]
    assert "--budget 300steps" in advice[cell]
    assert "a longer budget" in advice[cell]


def test_a_plan_says_which_seconds_count():
    def trial(lost, unit="seconds"):
        conditions = Conditions(1.0, 2, lost=lost)
        run = Measurement(Outcome.OK, 1.0, seed=0, seconds=11.0, charged=8.0, conditions=conditions)
        return Trial(Budget(8, unit), (run, run))

    (line,) = _clock_notes(trial(0.0))
    assert line.startswith(
        "Seconds: those in which other programs hold the experiment's core do not count, for up to 3 x"
    )
    assert _clock_notes(trial(None)) == []  # --clock wall, no clock at all, a GPU, or a system that does not tell
    assert _clock_notes(trial(0.0, "steps")) == []
    assert _split(trial(2.5).measurements).startswith("8.0 s training, 2.5 s that other programs took, ")
    assert _split(trial(0.1).measurements).startswith("8.0 s training, under")
