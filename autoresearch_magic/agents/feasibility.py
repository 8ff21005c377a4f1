"""How probable it is that a combination of values is within the limits (``--limit``), for the tuner.

Each number that has a limit is modelled as the metric is: a Gaussian process over the constants (`surrogate`), fitted to the means of the
runs. The probability that a version is within its limits is the product of those of its limits, and the expected improvement counts by it:
the constrained expected improvement of Gardner, Kusner, Xu, Weinberger & Cunningham 2014 (*Bayesian optimization with inequality
constraints*). A limit whose number has been on the right side of it so far by all runs, or is not modelled yet, counts by how often it held.

Not here: whether a version is within its limits (`judging.constraints`).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy.special import log_ndtr

from ..experiment import Experiment
from ..judging.constraints import Constraint, Constraints, parse_limit, pooled_spread
from ..judging.noise import Noise
from ..metric import Metric
from ..run_numbers import mean_number
from ..source.search_space import Value
from .base import Briefing
from .gaussian_process import Array
from .observations import Constants, Observations
from .surrogate import Surrogate, make_surrogate, position

UNLIKELY = 0.05
"""Probability of being within the limits below which bold steps, leaps and samples are not tried, and the model's proposals only for want of others."""
OUT = 30.0
"""What the logarithm of the worth of such a point is lowered by: near the end of a search nothing else is worth much either."""


@dataclass(frozen=True)
class Limited:
    """The model of one number that has a limit.

    Attributes
    ----------
    limit : Constraint
    model : Surrogate
    """

    limit: Constraint
    model: Surrogate

    def log_probability(self, x: Array) -> Array:
        """Return the logarithm of the probability that points are within the limit."""
        sign = 1.0 if self.limit.below else -1.0
        mean, sd = self.model.process.predict(x)
        found: Array = log_ndtr((self.model.warp(sign * self.limit.bound) - mean) / np.maximum(sd, 1e-9))
        return found


@dataclass(frozen=True)
class Feasibility:
    """The limits of a study as the tuner knows them.

    Attributes
    ----------
    limited : sequence of Limited
        Those that are modelled.
    constants : mapping
        The incumbent's.
    within : frozenset of int
        Numbers of the experiments that are within all limits.
    """

    limited: Sequence[Limited]
    constants: Constants
    within: frozenset[int]

    def log_probability(self, x: Array) -> Array:
        """Return the logarithm of the probability that points are within all limits."""
        total: Array = np.zeros(len(x))
        for each in self.limited:
            total = total + each.log_probability(x)
        return np.where(total < math.log(UNLIKELY), total - OUT, total)

    def best_mean(self, numbers: Sequence[int], means: Array, otherwise: float) -> float:
        """Return the lowest mean among the points of experiments that are within the limits.

        Where there are none, the highest mean of all: then what counts is to get within the limits.

        Parameters
        ----------
        numbers : sequence of int
            The experiments of the first points; others, whose runs are still open, have no number here.
        means : array
            Means of the points, infinite for points of other code.
        otherwise : float
            What is returned where no mean is finite.
        """
        inside = [m for n, m in zip(numbers, means, strict=False) if n in self.within and math.isfinite(m)]
        if inside:
            return float(min(inside))
        finite = means[np.isfinite(means)]
        return float(finite.max()) if len(finite) else otherwise

    def likely(self, changes: Mapping[str, Value]) -> bool:
        """Whether changes of the incumbent may be within the limits."""
        if not self.limited:
            return True
        x = position({name: changes.get(name, c.value) for name, c in self.constants.items()}, self.constants)
        return float(self.log_probability(x[None, :])[0]) > math.log(UNLIKELY)


def make_feasibility(
    briefing: Briefing, constants: Constants, observations: Observations, code: str, most: int
) -> Feasibility | None:
    """Return what is known of the limits; None where there are none, or no experiment has shown that one can be broken.

    Parameters
    ----------
    briefing : Briefing
    constants : mapping
        The incumbent's.
    observations : sequence of Observation
    code : str
        The incumbent's code around the constants.
    most : int
        Points of a model at most.
    """
    limits = [parse_limit(text) for text in briefing.limits]
    if not limits:
        return None
    every = {e.number: e for e in (*briefing.history, briefing.incumbent)}
    constraints = Constraints(limits)
    within = frozenset(n for n, e in every.items() if e.values and constraints.missing(e) == 0)
    if all(n in within for n, e in every.items() if e.values):
        return None
    limited = []
    for limit in limits:
        model = _model(limit, every, constants, observations, code, most)
        if model is not None:
            limited.append(Limited(limit, model))
    return Feasibility(limited, constants, within)


def _model(
    limit: Constraint, every: Mapping[int, Experiment], constants: Constants, observations: Observations, code: str, most: int
) -> Surrogate | None:  # fmt: skip
    """Return the model of a limit's number; None while it is known of too few experiments, or has never varied."""
    found = []
    for o in observations:
        e = every.get(o.number)
        value = None if e is None or not e.values else mean_number(e, limit.name)
        if value is not None:
            found.append(replace(o, value=value, runs=max(1, o.runs), steps=0))
    sd, df = pooled_spread(limit.name, every.values())
    noise = Noise(sd, df) if df and sd > 0 else Noise(0.0, 0)
    return make_surrogate(constants, found, Metric(limit.name, "", limit.below), noise, code, most)


def likely(surrogate: Surrogate, changes: Mapping[str, Value]) -> bool:
    """Whether changes of the incumbent may be within the limits, as far as a model of the study knows."""
    return surrogate.feasibility is None or surrogate.feasibility.likely(changes)
