"""The model of a study: what becomes a point, and what it says of changes."""

from __future__ import annotations

import math
import random

import pytest

from autoresearch_magic.agents.acquisition import propose
from autoresearch_magic.agents.observations import Observation
from autoresearch_magic.agents.surrogate import Surrogate, make_surrogate, make_warp
from autoresearch_magic.judging.noise import Noise
from autoresearch_magic.metric import Metric
from autoresearch_magic.source.constants import find_constants
from autoresearch_magic.source.search_space import Value

TARGET = "RATE = 0.2  # 0.0 .. 1.0\nUSE = False\ntrain()\n"
CONSTANTS = {c.name: c for c in find_constants(TARGET)}
LOSS, SCORE = Metric("loss", "loss"), Metric("score", "score", minimize=False)


def observation(
    number: int, rate: float, use: bool = False, value: float | None = None, **facts: object
) -> Observation:
    values: dict[str, Value] = {"RATE": rate, "USE": use}
    value = bowl(rate, use) if value is None else value
    return Observation(values, value, 0, False, {}, number=number, **{"runs": 1, **facts})  # type: ignore[arg-type]


def bowl(rate: float, use: bool) -> float:
    return (rate - 0.7) ** 2 - 0.2 * use


def model(metric: Metric = LOSS, extra: tuple[Observation, ...] = ()) -> Surrogate:
    sign = 1 if metric.minimize else -1
    points = [(r / 8, use) for r in range(9) if r != 4 for use in (False, True)]
    told = [observation(i, r, u, sign * bowl(r, u)) for i, (r, u) in enumerate(points)]
    found = make_surrogate(
        CONSTANTS, [*told, *extra, observation(99, 0.2, value=sign * bowl(0.2, False))], metric, Noise(), ""
    )
    assert found is not None
    return found


def test_values_are_warped_and_back() -> None:
    warp = make_warp([1.0, 1.1, 1.2, 1.5, 900.0])
    assert [warp.back(warp(v)) for v in (0.5, 1.2, 900.0)] == pytest.approx([0.5, 1.2, 900.0])
    assert warp(900.0) - warp(1.5) < 6 * (warp(1.5) - warp(1.0))
    assert warp.slope(900.0) < 0.01 * warp.slope(1.0)


@pytest.mark.parametrize("metric", [LOSS, SCORE])
def test_a_forecast_is_the_change_of_the_metric(metric: Metric) -> None:
    better, _ = model(metric).forecast({"RATE": 0.6, "USE": True})
    worse, sd = model(metric).forecast({"RATE": 0.05})
    assert (better < 0 < worse) == metric.minimize
    assert better != 0 != worse
    assert sd > 0
    assert model(metric).score({"RATE": 0.05}) > 0 > model(metric).score({"RATE": 0.6, "USE": True})


def test_there_is_no_model_of_few_or_equal_values() -> None:
    few = [observation(i, 0.1 * i) for i in range(3)]
    assert make_surrogate(CONSTANTS, few, LOSS, Noise(), "") is None
    same = [observation(i, 0.1 * i, value=1.0) for i in range(9)]
    assert make_surrogate(CONSTANTS, same, LOSS, Noise(), "") is None


def test_failures_are_as_bad_as_the_worst_and_far_values_are_no_error() -> None:
    failed = Observation({"RATE": 0.6, "USE": False}, None, 0, False, {}, number=50)
    assert model(extra=(failed,)).forecast({"RATE": 0.6})[0] > model().forecast({"RATE": 0.6})[0]
    for value in (1e99, -1e99, 5e-324):
        found = make_surrogate(
            CONSTANTS,
            [observation(i, 0.1 * i, value=v) for i, v in enumerate((0.0, 1.0, 2.0, value, 3.0, 1.0))],
            LOSS,
            Noise(),
            "",
        )
        assert found is None or all(math.isfinite(x) for x in found.forecast({"RATE": 0.9}))


def test_a_running_experiment_is_no_longer_uncertain() -> None:
    running = Observation({"RATE": 0.4, "USE": True}, None, 0, False, {}, number=100)
    before, after = model(), model().beside([running])
    changes: dict[str, Value] = {"RATE": 0.4, "USE": True}
    assert after.forecast(changes)[1] < before.forecast(changes)[1]
    assert after.forecast(changes)[0] == pytest.approx(before.forecast(changes)[0], abs=0.05)


def test_the_best_candidates_are_in_the_ranges_and_better() -> None:
    made = propose(model(), list(CONSTANTS), random.Random(0))
    assert made == propose(model(), list(CONSTANTS), random.Random(0))
    assert made[0]["USE"] is True
    assert 0.3 < float(made[0]["RATE"]) < 1.0
    assert all(0 <= float(m.get("RATE", 0)) <= 1 for m in made)
    assert all("USE" not in m for m in propose(model(), ["RATE"], random.Random(0)))
