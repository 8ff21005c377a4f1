"""A joint normal distribution of named quantities, and how a run of a sum of them changes it (Kalman 1960)."""

from __future__ import annotations

import math
from collections.abc import Hashable
from dataclasses import dataclass, field

import numpy as np

from .effects import WILD, Array


@dataclass(frozen=True)
class Joint:
    """A joint normal distribution of named quantities: ``("level", experiment)`` and ``("seed", seed)``."""

    names: tuple[Hashable, ...] = ()
    mean: Array = field(default_factory=lambda: np.zeros(0))
    cov: Array = field(default_factory=lambda: np.zeros((0, 0)))

    def index(self, name: Hashable) -> int | None:
        """Return where a quantity is; None for an unknown one."""
        return self.names.index(name) if name in self.names else None

    def with_quantity(self, name: Hashable, mean: float, variance: float, cov: Array | None = None) -> Joint:
        """Return the distribution with one more quantity."""
        n = len(self.names)
        wider = np.zeros((n + 1, n + 1))
        wider[:n, :n] = self.cov
        wider[n, n] = variance
        if cov is not None:
            wider[n, :n] = wider[:n, n] = cov
        return Joint((*self.names, name), np.append(self.mean, mean), wider)

    def without(self, names: set[Hashable]) -> Joint:
        """Return the distribution of the other quantities."""
        left = [i for i, name in enumerate(self.names) if name not in names]
        return Joint(tuple(self.names[i] for i in left), self.mean[left], self.cov[np.ix_(left, left)])

    def updated(self, row: Array, value: float, variance: float, wild: float = 0.0) -> Joint:
        """Return the distribution after a run of value ``row · quantities + noise``.

        Parameters
        ----------
        row : array of float
        value, variance : float
            Of the run, and of its noise.
        wild : float
            Variance that is added when the run is wild, with probability `WILD`; 0 for never.
        """
        column = self.cov @ row
        own = float(row @ column)
        off = value - float(row @ self.mean)
        if wild:
            usual, other = own + variance, own + variance + wild
            odds = (
                (1 - WILD)
                / WILD
                * math.sqrt(other / usual)
                * math.exp(max(-0.5 * off * off * (1 / usual - 1 / other), -700.0))
            )
            share = 1 / (1 + odds)  # the probability that it is wild
            variance = 1 / ((1 - share) / variance + share / (variance + wild))
        gain = column / (own + variance)
        return Joint(self.names, self.mean + gain * off, self.cov - np.outer(gain, column))
