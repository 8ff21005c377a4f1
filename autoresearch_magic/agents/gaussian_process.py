r"""A Gaussian process of a study's values, fitted to means whose noise is known.

The model of a point x of the unit cube, for a loss that is standardised by the caller, is

.. math:: y = \mu + f(x) + u_g + \epsilon, \quad f \sim GP(0, s^2 k), \quad
          k = (1 + \sqrt5 r + \tfrac53 r^2) e^{-\sqrt5 r}, \quad r^2 = \sum_d \Delta_d^2 / \ell_d^2

the Matérn kernel of smoothness 5/2 with one length scale for each dimension (Rasmussen & Williams 2006, *Gaussian Processes
for Machine Learning*, 4.2.1 and 5.1). In a nominal dimension the distance Δ is 0 for equal values and 1 for others. The offset
:math:`u_g` belongs to a group of points that share what is no dimension (other code around the constants). The noise of a
point is :math:`\sigma^2 v` with a given factor v, so a mean of n runs has v = 1/n.

Hyperparameters are those of the greatest posterior density: the length scales have log-normal priors, whose medians grow
with the square root of the number of dimensions (Hvarfner, Hellsten & Nardi 2024, *Vanilla Bayesian optimization performs
great in high dimensions*), and where repeats have given the noise with n degrees of freedom, its likelihood
:math:`-n/2 (\ln\sigma^2 + \hat\sigma^2/\sigma^2)` is added. The mean μ is the generalised least squares one. Trends (`Trend`), where there are
any, are added with normal coefficients, which are integrated out.

Not here: what the dimensions are (`surrogate`), and where to look next (`acquisition`).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import cho_solve, cholesky, solve_triangular
from scipy.optimize import minimize

from .one_thread import one_thread

Array = NDArray[np.float64]

LENGTH = 0.3
"""Median of the prior of a length scale in one dimension, as a share of the range."""
LENGTH_SPREAD = 1.0
"""Standard deviation of the logarithm of a length scale a priori."""
NOISE, NOISE_SPREAD = 0.1, 1.5
"""Median of the noise's standard deviation a priori, as a share of that of the values, and the spread of its logarithm."""
GROUP, GROUP_SPREAD = 0.5, 1.0
"""The same of the offsets of groups."""
SCALE_SPREAD = 0.7
"""Standard deviation of the logarithm of the signal's standard deviation a priori; its median is 1."""
MEAN_SPREAD = 0.3
"""Standard deviation of the mean a priori."""
FOLLOWED, FOLLOWED_SPREAD = 0.5, 0.7
"""Mean of the sum of the trends' coefficients a priori, and the standard deviation of each: see `prior_model`."""
LEAST = 1e-4
"""Smallest standard deviation of the noise that is modelled, as a share of that of the values: keeps matrices invertible."""
ITERATIONS = 60
"""Most iterations of the search for hyperparameters."""


@dataclass(frozen=True, eq=False)
class Data:
    """What a model is fitted to.

    Attributes
    ----------
    x : array of shape (n, d)
        Positions, about 0 to 1; whole numbers in nominal dimensions.
    y : array of shape (n,)
        Losses with mean 0 and standard deviation 1.
    factor : array of shape (n,)
        Factor of each point on the noise's variance.
    group : array of shape (n,)
        Number of each point's group.
    nominal : array of bool of shape (d,)
    median : array of shape (d,)
        Factor on the median of each length scale a priori.
    noise, df : float
        The noise's standard deviation by repeats, in units of y, and the degrees of freedom of that; 0 for an unknown noise.
    trends : tuple of Trend
        Functions of x that y may follow.
    """

    x: Array
    y: Array
    factor: Array
    group: NDArray[np.int64]
    nominal: NDArray[np.bool_]
    median: Array
    noise: float = 0.0
    df: float = 0.0
    trends: tuple[Trend, ...] = ()

    def follow(self, x: Array) -> Array:
        """Return the values of the trends at points, of shape (n, trends)."""
        return np.stack([trend(x) for trend in self.trends], axis=1) if self.trends else np.zeros((len(x), 0))

    @property
    def expected(self) -> float:
        """The coefficient of each trend a priori."""
        return FOLLOWED / max(1, len(self.trends))

    def part(self, which: NDArray[np.bool_]) -> Data:
        """Return the data of some points."""
        return replace(self, x=self.x[which], y=self.y[which], factor=self.factor[which], group=self.group[which])

    @property
    def _key(self) -> tuple[object, ...]:
        arrays = (self.x, self.y, self.factor, self.group, self.nominal, self.median)
        return (*(a.tobytes() for a in arrays), self.noise, self.df, self.trends)

    def __hash__(self) -> int:
        return hash(self._key)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Data) and self._key == other._key


@dataclass(frozen=True, eq=False)
class Trend:
    """What another process expects: its mean, as a function of some of the dimensions.

    Attributes
    ----------
    process : GaussianProcess
    dimensions : array of int
        The dimensions of x that are those of the process.
    """

    process: GaussianProcess
    dimensions: NDArray[np.int64]

    def __call__(self, x: Array) -> Array:
        """Return its values at points."""
        return self.process.predict(x[:, self.dimensions])[0]

    @property
    def _key(self) -> tuple[object, ...]:
        return self.process.data, self.process.hyperparameters, self.dimensions.tobytes()

    def __hash__(self) -> int:
        return hash(self._key)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Trend) and self._key == other._key


@dataclass(frozen=True)
class Hyperparameters:
    """What is fitted; see the module's text for the symbols.

    Attributes
    ----------
    lengths : tuple of float
    scale, noise, offset : float
        Standard deviations of the signal, of a single run and of the groups' offsets.
    """

    lengths: tuple[float, ...]
    scale: float
    noise: float
    offset: float


@dataclass(frozen=True)
class GaussianProcess:
    """A model that is conditioned on data.

    Attributes
    ----------
    data : Data
    hyperparameters : Hyperparameters
    mean : float
    """

    data: Data
    hyperparameters: Hyperparameters
    mean: float
    _factor: Array
    _weights: Array

    @property
    def lengths(self) -> Array:
        """The length scales."""
        return np.asarray(self.hyperparameters.lengths)

    @property
    def scale(self) -> float:
        """The standard deviation of the signal."""
        return self.hyperparameters.scale

    @property
    def noise(self) -> float:
        """The standard deviation of a single run."""
        return self.hyperparameters.noise

    @property
    def offset(self) -> float:
        """The standard deviation of the groups' offsets; 0 where there is one group."""
        return self.hyperparameters.offset if (self.data.group != self.data.group[0]).any() else 0.0

    def covariance(self, one: Array, two: Array) -> Array:
        """Return the covariances of f between two sets of points, without the offsets of groups."""
        return self.scale**2 * _matern(_squares(one, two, self.data.nominal, self.lengths))

    @property
    def coefficients(self) -> Array:
        """How far each trend holds by the data: the posterior means of their coefficients."""
        found: Array = self.data.expected + FOLLOWED_SPREAD**2 * self.data.follow(self.data.x).T @ self._weights
        return found

    def predict(self, x: Array, group: int = 0) -> tuple[Array, Array]:
        """Return the posterior means and standard deviations of points without noise."""
        trend = self.data.follow(x)
        cross = self._cross(x, group, trend)
        solved = solve_triangular(self._factor, cross.T, lower=True, check_finite=False)
        prior = self.scale**2 + self.offset**2 + FOLLOWED_SPREAD**2 * (trend**2).sum(1)
        variance = prior - np.einsum("ij,ij->j", solved, solved)
        mean = self.mean + self.data.expected * trend.sum(1) + cross @ self._weights
        return mean, np.sqrt(np.maximum(variance, 1e-12))

    def difference(self, x: Array, base: Array, group: int = 0) -> tuple[Array, Array]:
        """Return the posterior means and standard deviations of the difference of points to one other point."""
        trend, there = self.data.follow(x), self.data.follow(base[None, :])
        cross = self._cross(x, group, trend) - self._cross(base[None, :], group, there)
        solved = solve_triangular(self._factor, cross.T, lower=True, check_finite=False)
        apart = trend - there
        prior = 2 * (self.scale**2 - self.covariance(x, base[None, :])[:, 0]) + FOLLOWED_SPREAD**2 * (apart**2).sum(1)
        variance = prior - np.einsum("ij,ij->j", solved, solved)
        mean = self.data.expected * apart.sum(1) + cross @ self._weights
        return mean, np.sqrt(np.maximum(variance, 1e-12))

    def _cross(self, x: Array, group: int, trend: Array) -> Array:
        shared: Array = self.offset**2 * (self.data.group == group)
        return self.covariance(x, self.data.x) + shared + FOLLOWED_SPREAD**2 * trend @ self.data.follow(self.data.x).T


@lru_cache(maxsize=8)
def fit(data: Data) -> Hyperparameters:
    """Return the hyperparameters for data; the same data give the same ones, and at once where they were fitted lately."""
    d = data.x.shape[1]
    squares = _parts(data.x, data.x, data.nominal).reshape(d, -1)
    together = (data.group[:, None] == data.group[None, :]).astype(np.float64)
    grouped = bool((data.group != data.group[0]).any())
    middle = np.log(LENGTH * math.sqrt(d) * data.median)
    start = np.concatenate(
        [middle, [0.0, math.log(data.noise if data.df and data.noise > LEAST else NOISE), math.log(GROUP)]]
    )
    exact = data.df > 0 and data.noise <= LEAST
    trend = data.follow(data.x)
    followed, y = FOLLOWED_SPREAD**2 * trend @ trend.T, data.y - data.expected * trend.sum(1)

    def objective(theta: Array) -> tuple[float, Array]:
        lengths, (log_scale, log_noise, log_offset) = theta[:d], theta[d:]
        weights = np.exp(-2 * lengths)
        s2, n2, o2 = (
            math.exp(2 * log_scale),
            math.exp(2 * log_noise) if not exact else LEAST**2,
            math.exp(2 * log_offset) if grouped else 0.0,
        )
        r = np.sqrt(weights @ squares).reshape(together.shape)
        decay = np.exp(-_ROOT5 * r)
        signal = s2 * (1 + _ROOT5 * r + 5 / 3 * r * r) * decay
        k = signal + o2 * together + followed
        k[np.diag_indices_from(k)] += n2 * data.factor + LEAST**2
        try:
            factor = cholesky(k, lower=True, check_finite=False)
        except np.linalg.LinAlgError:
            return 1e10, np.zeros_like(theta)
        inverse = cho_solve((factor, True), np.eye(len(k)), check_finite=False)
        mean = float(inverse.sum(0) @ y / (inverse.sum() + 1 / MEAN_SPREAD**2))
        residual = y - mean
        alpha = inverse @ residual
        value = 0.5 * float(residual @ alpha) + 0.5 * (mean / MEAN_SPREAD) ** 2 + float(np.log(np.diag(factor)).sum())
        slope = 0.5 * (inverse - np.outer(alpha, alpha))
        gradient = np.empty_like(theta)
        gradient[:d] = (squares @ (slope * (s2 * 5 / 3) * (1 + _ROOT5 * r) * decay).ravel()) * weights
        gradient[d] = 2 * float((slope * signal).sum())
        gradient[d + 1] = 0.0 if exact else 2 * n2 * float((np.diag(slope) * data.factor).sum())
        gradient[d + 2] = 2 * o2 * float((slope * together).sum())
        spread = np.concatenate([np.full(d, LENGTH_SPREAD), [SCALE_SPREAD, NOISE_SPREAD, GROUP_SPREAD]])
        centre = np.concatenate([middle, [0.0, math.log(NOISE), math.log(GROUP)]])
        off = (theta - centre) / spread
        value += 0.5 * float(off @ off)
        gradient += off / spread
        if data.df and not exact:
            ratio = data.noise**2 / n2
            value += data.df * (log_noise + 0.5 * ratio)
            gradient[d + 1] += data.df * (1 - ratio)
        return value, gradient

    bounds = [(math.log(0.02), math.log(50.0))] * d + [
        (math.log(0.05), math.log(20.0)),
        (math.log(LEAST), math.log(3.0)),
        (math.log(1e-3), math.log(10.0)),
    ]
    with one_thread():
        found = minimize(objective, start, jac=True, method="L-BFGS-B", bounds=bounds, options={"maxiter": ITERATIONS})
    theta = found.x
    return Hyperparameters(
        tuple(float(v) for v in np.exp(theta[:d])),
        math.exp(theta[d]),
        LEAST if exact else math.exp(theta[d + 1]),
        math.exp(theta[d + 2]) if grouped else GROUP,
    )


_ROOT5 = math.sqrt(5.0)


def condition(data: Data, on: Hyperparameters) -> GaussianProcess:
    """Return the model of data with given hyperparameters.

    Raises
    ------
    numpy.linalg.LinAlgError
        Where the points cannot be told apart numerically.
    """
    lengths = np.asarray(on.lengths)
    offset = on.offset if (data.group != data.group[0]).any() else 0.0
    k = on.scale**2 * _matern(_squares(data.x, data.x, data.nominal, lengths))
    k += offset**2 * (data.group[:, None] == data.group[None, :])
    trend = data.follow(data.x)
    k += FOLLOWED_SPREAD**2 * trend @ trend.T
    y = data.y - data.expected * trend.sum(1)
    k[np.diag_indices_from(k)] += on.noise**2 * data.factor + LEAST**2
    with one_thread():
        factor = cholesky(k, lower=True, check_finite=False)
        ones = cho_solve((factor, True), np.ones(len(k)), check_finite=False)
        mean = float(ones @ y / (ones.sum() + 1 / MEAN_SPREAD**2))
        weights = cho_solve((factor, True), y - mean, check_finite=False)
    return GaussianProcess(data, on, mean, factor, weights)


def _matern(squares: Array) -> Array:
    r = _ROOT5 * np.sqrt(squares)
    correlation: Array = (1 + r + r * r / 3) * np.exp(-r)
    return correlation


def _parts(one: Array, two: Array, nominal: NDArray[np.bool_]) -> Array:
    """Return the squared distances in each dimension, of shape (d, n, m)."""
    apart = one.T[:, :, None] - two.T[:, None, :]
    apart[nominal] = apart[nominal] != 0
    squares: Array = apart * apart
    return squares


def _squares(one: Array, two: Array, nominal: NDArray[np.bool_], lengths: Array) -> Array:
    """Return the squared distances in units of the length scales, of shape (n, m)."""
    a, b = one[:, ~nominal] / lengths[~nominal], two[:, ~nominal] / lengths[~nominal]
    squares: Array = np.maximum((a * a).sum(1)[:, None] + (b * b).sum(1)[None, :] - 2 * a @ b.T, 0.0)
    for dimension in np.flatnonzero(nominal):
        squares += (one[:, dimension, None] != two[None, :, dimension]) / lengths[dimension] ** 2
    return squares
