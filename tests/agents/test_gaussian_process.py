"""The Gaussian process: that it says what textbooks say, for noise that is known and that is not."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from autoresearch_magic.agents.gaussian_process import Data, Hyperparameters, condition, fit


def data(n: int = 30, d: int = 2, noise: float = 0.0, seed: int = 0) -> Data:
    draw = np.random.default_rng(seed)
    x = draw.random((n, d))
    y = np.sin(5 * x[:, 0]) + noise * draw.normal(size=n)
    y = (y - y.mean()) / y.std()
    return Data(x, y, np.ones(n), np.zeros(n, dtype=np.int64), np.zeros(d, dtype=bool), np.ones(d))


def test_it_goes_through_exact_values() -> None:
    given = replace(data(), noise=0.0, df=1.0)
    process = condition(given, fit(given))
    mean, sd = process.predict(given.x)
    assert np.allclose(mean, given.y, atol=1e-2)
    assert sd.max() < 0.02
    assert process.predict(np.asarray([[3.0, 3.0]]))[1][0] > 10 * sd.max()


def test_a_dimension_that_matters_is_told_from_one_that_does_not() -> None:
    lengths = fit(data(40)).lengths
    assert lengths[1] > 3 * lengths[0]


def test_the_noise_is_learned_and_that_of_repeats_believed() -> None:
    noisy = data(60, noise=0.5)
    assert 0.3 < fit(noisy).noise < 0.9
    assert fit(replace(noisy, noise=0.05, df=200.0)).noise < 0.15 < fit(replace(noisy, noise=0.6, df=200.0)).noise


def test_a_mean_of_many_runs_is_believed_more_than_one_run() -> None:
    given = data(20, noise=0.3)
    on = Hyperparameters((0.5, 2.0), 1.0, 0.5, 0.5)
    off = given.y.copy()
    off[0] += 2.0
    once = condition(replace(given, y=off), on)
    often = condition(replace(given, y=off, factor=np.where(np.arange(20) == 0, 0.02, 1.0)), on)
    assert abs(often.predict(given.x[:1])[0][0] - off[0]) < 0.3 < abs(once.predict(given.x[:1])[0][0] - off[0])


def test_the_difference_to_a_point_is_that_of_the_joint_posterior() -> None:
    given = data(12, noise=0.2)
    on = Hyperparameters((0.4, 1.0), 0.9, 0.3, 0.5)
    process = condition(given, on)
    x, base = np.asarray([[0.3, 0.8]]), np.asarray([0.7, 0.1])
    mean, sd = process.difference(x, base)
    both = np.stack([x[0], base])
    inverse = np.linalg.inv(process.covariance(given.x, given.x) + np.eye(12) * (0.3**2 + 1e-8))
    cross = process.covariance(both, given.x)
    joint = process.covariance(both, both) - cross @ inverse @ cross.T
    assert mean[0] == pytest.approx(process.predict(x)[0][0] - process.predict(base[None, :])[0][0])
    assert sd[0] == pytest.approx(math.sqrt(joint[0, 0] + joint[1, 1] - 2 * joint[0, 1]), rel=1e-6)
    assert process.difference(base[None, :], base)[1][0] < 1e-5


def test_nominal_values_are_equal_or_not() -> None:
    given = replace(
        data(), x=np.repeat([[0.0], [1.0], [5.0]], 10, axis=0), nominal=np.asarray([True]), median=np.ones(1)
    )
    process = condition(given, Hyperparameters((1.0,), 1.0, 0.1, 0.5))
    k = process.covariance(np.asarray([[0.0], [1.0], [5.0]]), np.asarray([[0.0]]))
    assert k[0] == 1.0
    assert k[1] == k[2] < 0.6


def test_other_code_has_an_offset_and_the_same_shape() -> None:
    given = data(40)
    group = np.arange(40) % 2
    moved = replace(given, y=given.y + 3.0 * group, group=group)
    process = condition(moved, fit(moved))
    grid = np.stack([np.linspace(0, 1, 9), np.full(9, 0.5)], axis=1)
    apart = process.predict(grid, 1)[0] - process.predict(grid, 0)[0]
    assert np.allclose(apart, 3.0, atol=0.3)


def test_equal_data_have_equal_hyperparameters() -> None:
    assert data() == data()
    assert hash(data()) == hash(data())
    assert data() != data(seed=1)
    fit.cache_clear()
    one = fit(data(20, noise=0.1))
    fit.cache_clear()
    assert fit(data(20, noise=0.1)) == one


@pytest.mark.parametrize("seed", range(3))
def test_equal_points_and_wild_values_are_fitted(seed: int) -> None:
    given = data(10, seed=seed)
    same = replace(given, x=np.repeat(given.x[:1], 10, axis=0))
    wild = replace(given, y=np.where(np.arange(10) == 3, 1e3, given.y))
    for each in (same, wild):
        mean, sd = condition(each, fit(each)).predict(given.x)
        assert np.isfinite(mean).all()
        assert np.isfinite(sd).all()
