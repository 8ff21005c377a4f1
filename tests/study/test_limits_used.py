from dataclasses import replace

import pytest

from autoresearch_magic.events import Judged
from autoresearch_magic.experiment import Experiment, Measurement, Outcome, Proposal, Usage, Verdict
from autoresearch_magic.study.limits_used import limits_used, used_by_agent
from autoresearch_magic.study.study import Study


def judged(number, agent="claude", cost=0.5, verdict=Verdict.DISCARD):
    usage = Usage(calls=1, input=100, cost=cost) if number else Usage()
    return Experiment(
        number, 0 if number else None, Proposal(f"X = {number}", "", agent=agent, usage=usage),
        verdict=verdict if number else Verdict.BASELINE, measurements=(Measurement(Outcome.OK, 1.0, seed=0),),
    )  # fmt: skip


@pytest.fixture
def status(tmp_path):
    made = Study(
        "# Lower it", "X = 3.0\nloss = X", metric="loss", minimize=True, experiments=10, max_cost=4.0, patience=6, root=tmp_path
    )  # fmt: skip
    return made.status


def test_cost_and_tokens_are_forecast_for_all_planned_experiments(status):
    for number in range(6):
        status.take(Judged(judged(number)))
    found = {u.name: u for u in limits_used(status)}
    assert list(found) == ["experiments", "time", "cost", "tokens", "patience"]
    assert (found["cost"].used, found["cost"].limit, found["cost"].forecast) == (2.5, 4.0, 5.0)
    assert (found["tokens"].used, found["tokens"].limit, found["tokens"].forecast) == (500, None, 1000.0)
    assert (found["experiments"].used, found["experiments"].limit) == (5, 10)
    assert (found["patience"].used, found["patience"].limit) == (5, 6)


def test_a_forecast_from_two_experiments_or_of_an_unknown_cost_is_none(status):
    for number in range(3):
        status.take(Judged(judged(number)))
    assert all(u.forecast is None for u in limits_used(status))
    for number in range(3, 5):
        status.take(Judged(judged(number, cost=None)))
    cost = next(u for u in limits_used(status) if u.name == "cost")
    assert (cost.used, cost.forecast) == (None, None)


def test_agents_are_counted_apart(status):
    for number in range(3):
        status.take(Judged(judged(number)))
    status.take(Judged(replace(judged(3, "tuner", verdict=Verdict.KEEP))))
    found = used_by_agent(status)
    assert {name: each[:2] for name, each in found.items()} == {"claude": (2, 0), "tuner": (1, 1)}
    assert found["claude"][2].cost == 1.0
