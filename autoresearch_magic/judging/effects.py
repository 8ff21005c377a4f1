r"""The distribution of what proposals do to the metric, learned from the study's own history (empirical Bayes).

The effect δ of a proposal is the true gain of its version over its parent. Its prior is a mixture of

- nothing: δ = 0,
- gains: half-normals of several scales τ, ``2/τ φ(δ/τ)`` for δ > 0,
- harm: the same for δ < 0,
- the agent's own forecast, a normal around it, where the proposal has one (`forecast`).

The weights are fitted to the proposals that were judged by EM, with a weak Dirichlet prior (adaptive shrinkage: M. Stephens, "False
discovery rates: a new deal", *Biostatistics* 18, 2017, arXiv 1606.03222; Efron, *Large-Scale Inference*, 2010). So the history decides how
much of a good first value is believed. Recent proposals count more, since ideas are used up, and those of the same agent more than
those of another one. A forecast's weight grows with how well earlier forecasts came true.

Given an estimate d of the effect with variance V, the posterior of each part is a truncated normal with

.. math:: m = d τ²/(V + τ²), \quad s² = V τ²/(V + τ²), \quad E[δ] = m ± s φ(m/s)/Φ(±m/s),

and its weight is multiplied by ``2 N(d; 0, V + τ²) Φ(±m/s)``. So that a single wild run cannot decide (bounded influence), each estimate
has, with probability `WILD` for each of its runs, the variance of a run of `WIDTH` times the standard deviation.

Pure functions on arrays; gains are positive for better, in the metric's unit.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]
Boolean = npt.NDArray[np.bool_]

SCALES, FINEST, COARSEST = 6, 0.25, 4.0
"""Number of scales, and the finest and coarsest of them in standard deviations of one run; effects seen beyond that are the coarsest."""

PRIOR, NOTHING, GAINS = 12.0, 0.2, 0.15
"""Proposals that the Dirichlet prior counts for, and its shares of proposals that change nothing and that help; the others harm.
Chosen by simulation (`benchmarks/judge.py`)."""

FORECAST, FORECASTS = 0.2, 4.0
"""Prior weight of a forecast, and the number of forecasts that it counts for."""

DECAY = 0.985
"""Factor on a proposal's weight for each later one: it halves after 46."""

OTHERS = 0.3
"""Weight of the proposals of another agent."""

WILD, WIDTH = 0.005, 6.0
"""Share of runs that may be wild, and their standard deviation in those of other runs."""

STEPS, FURTHER = 8, 3
"""Steps of EM from the prior, and from a fit that lacks one proposal."""

_ROOT = math.sqrt(2 * math.pi)
_STOPPED = np.concatenate([[0.2], np.zeros(SCALES), np.ones(SCALES)])
# A run that was stopped early as hopeless does harm of any size, or nothing at worst.
_STEPS = np.linspace(0, 1, SCALES)
_PRIOR = PRIOR * np.concatenate(
    [[NOTHING], np.full(SCALES, GAINS / SCALES), np.full(SCALES, (1 - NOTHING - GAINS) / SCALES)]
)


@dataclass(frozen=True)
class Evidence:
    """What the runs of some proposals say about their effects: one row a proposal.

    Attributes
    ----------
    effect, variance : array of float
        Estimate of the effect from its runs, and the estimate's variance; NaN for a run that was stopped early as hopeless.
    wild : array of float
        What is added to the variance when one of its runs is wild.
    runs : array of float
    forecast, forecast_sd : array of float
        The agent's forecast; NaN where there is none.
    weight : array of float
        How much the proposal counts.
    """

    effect: Array
    variance: Array
    wild: Array
    runs: Array
    forecast: Array
    forecast_sd: Array
    weight: Array


@dataclass(frozen=True)
class Posterior:
    """The posterior distribution of one effect.

    Attributes
    ----------
    mean, variance : float
    p_better : float
        Probability that it is above 0. A version that changes nothing is not better.
    low, high : float
        Ends of the central interval of `CONFIDENCE`; NaN unless asked for.
    """

    mean: float
    variance: float
    p_better: float
    low: float = math.nan
    high: float = math.nan

    @property
    def sd(self) -> float:
        """Standard deviation."""
        return math.sqrt(self.variance)


CONFIDENCE = 0.95
"""Of the interval of an effect."""


class Effects:
    """A prior distribution of effects.

    Parameters
    ----------
    scales : array of float
        Of the half-normals.
    weights : array of float
        Of nothing, the gains and the harm of each scale; their sum is 1.
    forecast : float
        Weight of a forecast where there is one.
    """

    def __init__(self, scales: Array, weights: Array, forecast: float) -> None:
        self.scales, self.weights, self.forecast = scales, weights, forecast

    @cached_property
    def _squares(self) -> Array:
        return self.scales**2

    def likelihoods(self, effect: Array, variance: Array) -> Array:
        """Return the density of estimates under each part: rows are estimates, columns nothing, gains, harm."""
        d, v = effect[:, None], variance[:, None]
        total = v + self._squares
        both = 2 * np.exp(-0.5 * d * d / total) / (_ROOT * np.sqrt(total))
        above = _normal(d * np.sqrt(self._squares / (v * total)))
        return np.concatenate([np.exp(-0.5 * d * d / v) / (_ROOT * np.sqrt(v)), both * above, both * (1 - above)], 1)

    def posterior(
        self,
        effect: float,
        variance: float,
        *,
        wild: float = 0.0,
        runs: int = 1,
        forecast: tuple[float, float] | None = None,
        interval: bool = False,
    ) -> Posterior:
        """Return what an estimate says about one effect.

        Parameters
        ----------
        effect, variance : float
            The estimate and its variance, above 0.
        wild, runs
            See `Evidence`.
        forecast : tuple of float, optional
            The agent's forecast of the gain and its standard deviation.
        interval : bool
            Whether to compute `low` and `high` too.
        """
        weight, mean, var, sign, centre, width = self._parts(effect, variance, wild, runs, forecast)
        total = weight.sum()
        if not total > 0:  # beyond all that the prior thinks possible
            return Posterior(effect, variance, float(effect > 0), effect, effect)
        weight = weight / total
        middle = float(weight @ mean)
        square = float(weight @ (var + mean * mean))
        positive = sign > 0
        if forecast is not None:
            normal = (sign == 0) & (width > 0)
            positive = np.where(normal, _normal(centre / np.where(width > 0, width, 1.0)), positive)
        better = float(weight @ positive)
        low = high = math.nan
        if interval:
            low, high = _interval(weight, sign, centre, width)
        return Posterior(middle, max(square - middle * middle, 1e-12 * variance), min(1.0, better), low, high)

    def below(self, limit: float, effect: float, variance: float, *, wild: float = 0.0, runs: int = 1) -> float:
        """Return the posterior probability that an effect is below a limit; see `posterior`. Forecasts do not count."""
        weight, _, _, sign, centre, width = self._parts(effect, variance, wild, runs, None)
        total = weight.sum()
        if not total > 0:
            return float(effect < limit)
        return float(_distribution(np.array([limit]), sign, centre, width)[0] @ (weight / total))

    def _parts(
        self, effect: float, variance: float, wild: float, runs: int, forecast: tuple[float, float] | None
    ) -> tuple[Array, ...]:
        """Return weight, mean, variance, sign, and the centre and width of the (truncated) normal, of each part's posterior."""
        share = 1 - (1 - WILD) ** runs if wild > 0 else 0.0
        v = np.array([[variance], [variance + wild]] if share else [[variance]])
        odds = np.array([[1 - share], [share]] if share else [[1.0]])
        total = v + self._squares
        m, s = effect * self._squares / total, np.sqrt(v * self._squares / total)
        z = m / s
        both = odds * 2 * np.exp(-0.5 * effect * effect / total) / (_ROOT * np.sqrt(total))
        above = _normal(z)
        below = 1 - above
        # The Mills ratio; far out on the wrong side it is |z|.
        bell = np.exp(-0.5 * z * z) / _ROOT
        up = np.where(z > -8, bell / np.maximum(above, 1e-16), -z)
        down = np.where(z < 8, bell / np.maximum(below, 1e-16), z)
        n = len(self.scales)
        known = 1 - self.forecast if forecast is not None else 1.0
        nothing = odds * np.exp(-0.5 * effect * effect / v) / (_ROOT * np.sqrt(v))
        zero, squared = np.zeros((len(v), 1)), s * s
        weight = known * self.weights * np.concatenate([nothing, both * above, both * below], 1)
        columns = [
            weight,
            np.concatenate([zero, m + s * up, m - s * down], 1),
            np.concatenate(
                [zero, squared * np.maximum(1 - up * (up + z), 0), squared * np.maximum(1 - down * (down - z), 0)], 1
            ),
            np.broadcast_to(np.concatenate([[0.0], np.ones(n), -np.ones(n)]), weight.shape),
            np.concatenate([zero, m, m], 1),
            np.concatenate([zero, s, s], 1),
        ]
        flat = [column.ravel() for column in columns]
        if forecast is not None:
            f, sd = forecast
            for spread in (sd, 3 * sd):
                t = v[:, 0] + spread * spread
                density = odds[:, 0] * np.exp(-0.5 * (effect - f) ** 2 / t) / (_ROOT * np.sqrt(t))
                middle, var = (effect * spread * spread + f * v[:, 0]) / t, v[:, 0] * spread * spread / t
                new = (self.forecast / 2 * density, middle, var, np.zeros(len(t)), middle, np.sqrt(var))
                flat = [np.append(column, value) for column, value in zip(flat, new, strict=True)]
        return tuple(flat)

    def fresh(self, variance: float, points: int = 24) -> float:
        """Return the expected gain of a proposal that nothing is known of, from one run: ``E[max(0, E[δ | d])]``.

        Parameters
        ----------
        variance : float
            Of the estimate that its run will give.
        points : int
            Of the numerical integral over d.
        """
        sd = math.sqrt(variance)
        highest = max(6 * sd, 3 * float(self.scales[-1]) + 3 * sd)
        grid = np.sinh(np.linspace(0, math.asinh(highest / sd), points)) * sd
        d = grid[:, None]
        total = variance + self._squares
        m, s = d * self._squares / total, np.sqrt(variance * self._squares / total)
        z = m / s
        both = 2 * np.exp(-0.5 * d * d / total) / (_ROOT * np.sqrt(total))
        above, bell = _normal(z), np.exp(-0.5 * z * z) / _ROOT
        n = len(self.scales)
        gains = (both * (m * above + s * bell)) @ self.weights[1 : n + 1]
        harm = (both * (m * (1 - above) - s * bell)) @ self.weights[n + 1 :]
        value = np.maximum(gains + harm, 0)
        return float(np.sum((value[1:] + value[:-1]) * np.diff(grid)) / 2)


def fit_effects(evidence: Evidence, sd: float, largest: float, start: Effects | None = None) -> Effects:
    """Fit the distribution of effects to what is known of a study's proposals.

    Parameters
    ----------
    evidence : Evidence
        Without the proposal that is to be judged: what it does itself is weighed by `Effects.posterior`.
    sd : float
        Standard deviation of one run, above 0.
    largest : float
        The largest effect seen, in absolute value.
    start : Effects, optional
        A fit without the last row: few steps lead from there.
    """
    before = without_evidence(sd, largest)
    if not len(evidence.effect):
        return before
    measured = ~np.isnan(evidence.effect)
    d, v = evidence.effect[measured], evidence.variance[measured]
    seen = table_of(before, d, v, evidence.wild[measured], evidence.runs[measured])
    foretold = foretold_of(d, v, evidence.forecast[measured], evidence.forecast_sd[measured])
    told = bool((~np.isnan(evidence.forecast[measured])).any())
    return fit_table(seen, foretold, evidence.weight, measured, before, start, told=told)


def without_evidence(sd: float, largest: float) -> Effects:
    """Return the distribution of effects before any proposal is known; see `fit_effects`."""
    coarsest = max(COARSEST * sd, largest)
    scales = FINEST * sd * (coarsest / (FINEST * sd)) ** _STEPS
    return Effects(scales, _PRIOR / _PRIOR.sum(), FORECAST)


def table_of(effects: Effects, effect: Array, variance: Array, wild: Array, runs: Array) -> Array:
    """Return the densities of estimates under each part, a row an estimate; each run may be wild."""
    share = (1 - (1 - WILD) ** runs)[:, None]
    return (1 - share) * effects.likelihoods(effect, variance) + share * effects.likelihoods(effect, variance + wild)


def foretold_of(effect: Array, variance: Array, forecast: Array, forecast_sd: Array) -> Array:
    """Return the densities of estimates under the forecasts; 0 where there is none."""
    told = ~np.isnan(forecast)
    foretold = np.zeros(len(effect))
    if told.any():
        d, v, f, fsd = effect[told], variance[told], forecast[told], forecast_sd[told]
        each = (np.exp(-0.5 * (d - f) ** 2 / t) / (_ROOT * np.sqrt(t)) for t in (v + fsd**2, v + 9 * fsd**2))
        foretold[told] = sum(each) / 2
    return foretold


def fit_table(
    seen: Array, foretold: Array, weights_of: Array, measured: Boolean, before: Effects, start: Effects | None = None, *, told: bool,
) -> Effects:  # fmt: skip
    """Fit the distribution of effects to densities that are known already.

    Parameters
    ----------
    seen, foretold : array of float
        See `table_of` and `foretold_of`: of the measured proposals.
    weights_of : array of float
        The weight of each proposal.
    measured : array of bool
        Which of the proposals were measured; the others were stopped early.
    before : Effects
        See `without_evidence`.
    start : Effects, optional
        See `fit_effects`.
    told : bool
        Whether any of the measured proposals had a forecast.
    """
    early = len(measured) - len(seen)
    table, weight, prior = seen, weights_of, _PRIOR
    if early:
        table = np.concatenate([seen, np.tile(_STOPPED, (early, 1))])
        weight = np.concatenate([weights_of[measured], weights_of[~measured]])
        foretold = np.concatenate([foretold, np.zeros(early)])
    with_one = foretold > 0
    weights, forecast = (before.weights, FORECAST) if start is None else (start.weights, start.forecast)
    for _ in range(STEPS if start is None else FURTHER):
        mixed = table * weights
        total = np.maximum(mixed.sum(1), 1e-300)
        if told:
            known = np.where(with_one, 1 - forecast, 1.0) * total
            believed = np.where(with_one, forecast * foretold, 0.0)
            own = weight * known / (known + believed)
        else:
            own = weight * total / total
        weights = prior + (own / total) @ mixed
        weights = weights / weights.sum()
        if told:
            forecast = float(
                (FORECASTS * FORECAST + (weight - own)[with_one].sum()) / (FORECASTS + weight[with_one].sum())
            )
    return Effects(before.scales, weights, min(0.95, forecast))


def _normal(x: Array) -> Array:
    """Return Φ(x), the distribution function of the standard normal distribution."""
    from scipy.special import ndtr  # 0.2 s to import: a command that only answers need not wait for it

    phi: Array = ndtr(x)
    return phi


def _interval(weight: Array, sign: Array, centre: Array, width: Array) -> tuple[float, float]:
    """Return the ends of the central interval of a mixture of points and (truncated) normals, by its distribution function."""
    lowest, highest = min(0.0, float((centre - 5 * width).min())), max(0.0, float((centre + 5 * width).max()))
    negative = np.linspace(lowest, 0, 200)[:-1]
    grid = np.concatenate([negative, [0.0, 0.0], np.linspace(0, highest, 200)[1:]])
    cdf = _distribution(grid, sign, centre, width)
    cdf[len(negative), width == 0] = 0.0  # zero stands twice in the grid: before and after what lies on it
    total = np.maximum.accumulate(np.clip(cdf, 0, 1) @ weight)
    tail = (1 - CONFIDENCE) / 2
    ends = [float(np.interp(level, total, grid)) for level in (tail, 1 - tail)]
    return ends[0], ends[1]


def _distribution(grid: Array, sign: Array, centre: Array, width: Array) -> Array:
    """Return the distribution functions of points and (truncated) normals on a grid: a row a point, a column a part."""
    wide = np.where(width > 0, width, 1.0)
    at, zero = _normal((grid[:, None] - centre) / wide), _normal(-centre / wide)
    above = np.where(grid[:, None] > 0, (at - zero) / np.maximum(1 - zero, 1e-300), 0.0)
    below = np.where(grid[:, None] < 0, at / np.maximum(zero, 1e-300), 1.0)
    found = np.where(sign > 0, above, np.where(sign < 0, below, at))
    found[:, width == 0] = (grid >= 0)[:, None]
    return np.clip(found, 0, 1)


def knowledge_gradient(sd: float, mean: float) -> float:
    """Return the expected improvement of the better of two choices by learning that moves their difference by a normal of sd `sd`.

    ``sd · f(−|mean|/sd)`` with ``f(z) = φ(z) + z Φ(z)`` (Frazier, Powell & Dayanik 2008, *SIAM J. Control Optim.* 47, 2410-2439).
    """
    if sd <= 0:
        return 0.0
    z = -abs(mean) / sd
    return sd * (math.exp(-0.5 * z * z) / _ROOT + z * 0.5 * math.erfc(-z / math.sqrt(2)))
