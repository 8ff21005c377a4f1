import math
import random

import pytest

from autoresearch_magic.judging.analysis.importance import NEEDED, TOP, importances, pose, solve
from autoresearch_magic.judging.analysis.tried_constants import Tried
from autoresearch_magic.source.search_space import Choices, Range


def history(count, effect=1.0, seed=3):
    """A rate that matters, a width and a word that do not."""
    rng = random.Random(seed)
    rates = tuple(10 ** rng.uniform(-4, 0) for _ in range(count))
    widths = tuple(rng.choice((16, 32, 64)) for _ in range(count))
    words = tuple(rng.choice(("relu", "gelu")) for _ in range(count))
    results = tuple(effect * (math.log10(r) + 2) ** 2 + rng.gauss(0, 0.05) for r in rates)
    spaces = Range(1e-4, 1.0, "log"), Choices((16, 32, 64), ordered=True), Choices(("relu", "gelu"))
    return Tried(("LR", "WIDTH", "ACT"), spaces, tuple(range(count)), (rates, widths, words), results, of=count)


def test_too_few_runs_and_equal_results_have_no_importances():
    assert pose(history(NEEDED - 1), minimize=True, kind="ped-anova") is None
    flat = history(NEEDED)
    flat = Tried(flat.names, flat.spaces, flat.numbers, flat.values, (1.0,) * NEEDED)
    assert pose(flat, minimize=True, kind="ped-anova") is None
    assert pose(Tried(results=(1.0, 2.0) * NEEDED), minimize=True, kind="ped-anova") is None


def test_values_are_placed_as_their_space_has_them():
    tried = history(NEEDED)
    problem = pose(tried, minimize=False, kind="fanova")
    assert problem.choices == ["ACT"]
    assert set(problem.columns["WIDTH"]) <= {0.0, 1.0, 2.0}
    assert problem.columns["LR"][0] == pytest.approx((math.log10(tried.values[0][0]) + 4) / 4)
    assert problem.losses[0] == -tried.results[0]


def test_a_run_that_was_stopped_early_is_none_of_the_best():
    tried = history(NEEDED + 2)
    stopped = Tried(tried.names, tried.spaces, tried.numbers, tried.values, (None, None, *tried.results[2:]))
    assert len(pose(stopped, minimize=True, kind="fanova").losses) == NEEDED
    losses = pose(stopped, minimize=True, kind="ped-anova").losses
    assert losses[0] == losses[1] == max(losses) > max(losses[2:])


@pytest.mark.slow
def test_another_process_finds_that_the_rate_matters():
    found = importances(history(40), minimize=True, kind="ped-anova")
    assert (found.kind, found.runs, found.best, found.names[0], found.clear[0]) == ("ped-anova", 40, TOP, "LR", True)
    assert sum(found.shares) == pytest.approx(1)
    assert found.low[0] <= found.shares[0] <= found.high[0]


@pytest.mark.slow
def test_by_fanova_the_rate_matters():
    pytest.importorskip("sklearn")
    found = solve(pose(history(40), minimize=True, kind="fanova", resamples=3))
    assert (found.kind, found.best, found.names[0], found.clear[0], found.first) == ("fanova", 0, "LR", True, 1.0)
    assert found.shares[0] > 0.8


@pytest.mark.slow
def test_where_nothing_matters_the_shares_are_no_more_than_chance():
    nothing = solve(pose(history(40, effect=0.0), minimize=True, kind="ped-anova", resamples=20))
    assert sum(nothing.shares) == pytest.approx(1)
    assert not any(nothing.clear)
