"""The distribution of effects: against integrals by brute force, and how it follows the history."""

import math

import numpy as np
import pytest

from autoresearch_magic.judging.effects import Evidence, fit_effects, knowledge_gradient


def evidence(effects, variance=1.3, forecasts=None, weight=1.0):
    n = len(effects)
    nan = np.full(n, math.nan)
    told = nan if forecasts is None else np.array(forecasts, float)
    return Evidence(
        np.array(effects, float), np.full(n, variance), np.zeros(n), np.ones(n), told, np.where(np.isnan(told), told, 0.3),
        np.full(n, weight),
    )  # fmt: skip


NOTHING = fit_effects(evidence([]), 1.0, 0.0)


def by_brute_force(effects, d, variance):
    """Return mean, variance, chance of being better, and the quantiles of the posterior, on a fine grid."""
    grid = np.linspace(-80, 80, 1_600_001)
    step, n = grid[1] - grid[0], len(effects.scales)
    density = np.zeros_like(grid)
    for k, scale in enumerate(effects.scales):
        weight = np.where(grid > 0, effects.weights[1 + k], effects.weights[1 + n + k])
        density += weight * 2 * np.exp(-0.5 * (grid / scale) ** 2) / (scale * math.sqrt(2 * math.pi))
    like = lambda x: np.exp(-0.5 * (d - x) ** 2 / variance)  # noqa: E731
    mass, zero = density * like(grid) * step, effects.weights[0] * like(0.0)
    total = mass.sum() + zero
    mean = (mass * grid).sum() / total
    return mean, (mass * grid**2).sum() / total - mean**2, mass[grid > 0].sum() / total


@pytest.mark.parametrize("d", [-3.0, -0.5, 0.0, 0.7, 2.0, 5.0])
def test_the_posterior_is_that_of_the_integrals(d):
    found = NOTHING.posterior(d, 1.3)
    mean, variance, better = by_brute_force(NOTHING, d, 1.3)
    assert found.mean == pytest.approx(mean, abs=1e-3)
    assert found.variance == pytest.approx(variance, rel=1e-2)
    assert found.p_better == pytest.approx(better, abs=1e-3)


@pytest.mark.parametrize("d", [-3.0, 0.0, 2.0, 5.0])
def test_the_interval_holds_95_in_100_and_the_mean(d):
    found = NOTHING.posterior(d, 1.3, wild=35.0, interval=True)
    assert found.low <= found.mean <= found.high
    outside = NOTHING.below(found.low - 1e-9, d, 1.3, wild=35.0) + 1 - NOTHING.below(found.high, d, 1.3, wild=35.0)
    assert outside < 0.06


def test_a_better_estimate_is_never_believed_less():
    means = [NOTHING.posterior(d, 1.3).mean for d in np.linspace(-8, 8, 60)]
    assert means == sorted(means)


def test_a_single_run_far_out_is_believed_less_where_runs_may_be_wild():
    assert NOTHING.posterior(9.0, 1.3, wild=45.0).mean < NOTHING.posterior(9.0, 1.3).mean


def test_the_history_says_how_often_proposals_help():
    rich = fit_effects(evidence([3.0, 2.5, 4.0] * 10), 1.0, 4.0)
    poor = fit_effects(evidence([-3.0, -2.5, -4.0] * 10), 1.0, 4.0)
    assert rich.posterior(1.0, 1.3).mean > NOTHING.posterior(1.0, 1.3).mean > poor.posterior(1.0, 1.3).mean
    assert rich.fresh(2.0) > NOTHING.fresh(2.0) > poor.fresh(2.0) >= 0


def test_what_was_stopped_early_counts_as_harm():
    stopped = fit_effects(evidence([math.nan] * 20), 1.0, 0.0)
    assert stopped.posterior(1.0, 1.3).mean < NOTHING.posterior(1.0, 1.3).mean


def test_forecasts_are_believed_where_earlier_ones_came_true():
    effects = [2.0, -1.0, 3.0, -2.0, 0.5] * 6
    good = fit_effects(evidence(effects, forecasts=effects), 1.0, 3.0)
    bad = fit_effects(evidence(effects, forecasts=[-5 * e for e in effects]), 1.0, 3.0)
    assert good.forecast > 0.5 > 0.1 > bad.forecast
    told = good.posterior(0.5, 1.3, forecast=(3.0, 0.3))
    assert told.mean > good.posterior(0.5, 1.3).mean
    assert abs(bad.posterior(0.5, 1.3, forecast=(3.0, 0.3)).mean - bad.posterior(0.5, 1.3).mean) < 0.2


def test_the_knowledge_gradient_is_the_expected_improvement_of_a_choice():
    rng = np.random.default_rng(0)
    for sd, mean in ((1.0, 0.0), (1.0, -0.8), (0.5, 0.6)):
        later = mean + sd * rng.standard_normal(400_000)
        assert knowledge_gradient(sd, mean) == pytest.approx(np.maximum(later, 0).mean() - max(mean, 0), abs=3e-3)
    assert knowledge_gradient(0.0, 1.0) == 0.0
