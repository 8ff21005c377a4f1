"""Lower bound on a judge's repeats: the best sequential test of one candidate, found by dynamic programming.

    python benchmarks/judge.py        prints the bound beside what the real judge needs

A candidate's runs are ``effect + noise``, with normal noise of known sd 1; the effects come from a given stream. After each run the
test keeps, discards or continues, up to `MOST` runs. The bound is the smallest expected number of runs beyond the first for which
changes without effect are kept with at most a given probability, and real gains with at least a given one. With a price on each
constraint this is an optimal stopping problem, solved backward over (runs, sum of the values), and the best prices give the bound.
Any prices give a lower bound (weak duality), so a search that stops early errs on the safe side. The method is that of Eales &
Jennison (1992, *Biometrika* 79, 13-24) and Barber & Jennison (2002, *Biometrika* 89, 49-60).

If the incumbent's value is known exactly at no cost, no judge can do with fewer repeats. If it is measured in a number of fresh runs,
which are repeats as well, the result is not a bound but the cost with the best fixed number of runs. The winner's curse, and that
the noise has to be estimated, are left out.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize

MOST = 9
"""Maximum runs of a candidate, as in the judge."""

GRID = np.arange(-6.0, 14.0, 0.06)
"""Sums of a candidate's values, in sd."""

NODES = 5
"""Points for integrating over the incumbent's error (Gauss-Hermite)."""

LARGEST = 7.0
"""Effects beyond this many sd are clipped: one run reveals them."""

RUNS = (4, 6, 8, 10, 12, 15, 20)
"""Numbers of the incumbent's runs to try."""

Array = npt.NDArray[np.float64]

_STEP = np.exp(-0.5 * (GRID[:, None] - GRID[None, :]) ** 2) / math.sqrt(2 * math.pi) * (GRID[1] - GRID[0])
_FIRST = np.exp(-0.5 * GRID**2) / math.sqrt(2 * math.pi) * (GRID[1] - GRID[0])


@dataclass(frozen=True)
class Needs:
    """Requirements for a test.

    Attributes
    ----------
    false : float
        Maximum probability of keeping a change without effect, 0 to 1.
    one, two : float
        Minimum probability of keeping gains of 0.75 to 1.25 sd and of 2 sd or more; 0 for no requirement.
    """

    false: float
    one: float = 0.0
    two: float = 0.0


@dataclass(frozen=True)
class Stream:
    """Effects of the proposals, in sd of one run, and the share of each."""

    effects: Array
    shares: Array

    def chances(self, chosen: npt.NDArray[np.bool_]) -> Array:
        """Return the distribution among the chosen effects; zeros if none is chosen."""
        part = self.shares * chosen
        return part / part.sum() if part.sum() > 0 else part


@dataclass(frozen=True)
class Test:
    """Properties of the best test for given prices.

    Attributes
    ----------
    extra : float
        Expected runs of a candidate beyond its first.
    keeps : float
        Share of all candidates that are kept.
    runs : float
        Mean runs of kept candidates.
    false, one, two : float
        Probabilities of being kept, as in `Needs`.
    bound : float
        The Lagrangian's value: a lower bound of `extra` for every test that meets the needs.
    """

    extra: float
    keeps: float
    runs: float
    false: float
    one: float
    two: float
    bound: float


def stream(effects: Sequence[float], bins: int = 6) -> Stream:
    """Summarise effects, in sd of one run, by quantiles within each group of `Needs`."""
    values = np.minimum(np.asarray(effects, float), LARGEST)
    found, shares = [0.0], [float(np.mean(values == 0))]
    groups = (
        values < 0,
        (values > 0) & (values < 0.75),
        (values >= 0.75) & (values <= 1.25),
        (values > 1.25) & (values < 2),
        values >= 2,
    )
    for group in groups:
        part = np.sort(values[group])
        for chunk in np.array_split(part, min(bins, len(part)) or 1):
            if len(chunk):
                found.append(float(chunk.mean()))
                shares.append(len(chunk) / len(values))
    return Stream(np.array(found), np.array(shares))


def solve(world: Stream, needs: Needs, prices: Sequence[float], incumbent: float = math.inf) -> Test:
    """Return the best test for given prices of a false keep, and of true keeps of about one and of two or more sd.

    Parameters
    ----------
    world : Stream
    needs : Needs
    prices : sequence of float
        Three prices, in runs; a harmful keep costs as much as a false one.
    incumbent : float
        Number of the incumbent's runs; infinite if its value is known exactly.
    """
    effects, shares = world.effects, world.shares
    groups = [
        world.chances(effects == 0),
        world.chances((effects >= 0.75) & (effects <= 1.25)),
        world.chances(effects >= 2),
        world.chances(effects < 0),
    ]
    if math.isfinite(incumbent):
        nodes, weights = np.polynomial.hermite_e.hermegauss(NODES)
        weights = weights / weights.sum()
        effects = np.minimum((effects[:, None] + nodes / math.sqrt(incumbent)).ravel(), LARGEST)
        shares, *groups = ((each[:, None] * weights).ravel() for each in (shares, *groups))
    none, one, two, harm = groups
    reward = -prices[0] * (none + harm) + prices[1] * one + prices[2] * two
    # Likelihoods relative to no effect, under which the sum is a random walk with standard normal steps.
    likely = [np.exp(np.outer(GRID, effects) - n * effects**2 / 2) for n in range(1, MOST + 1)]
    value = np.maximum(0.0, likely[-1] @ reward)
    keep, go = [value > 0], [np.zeros(len(GRID), bool)]
    for each in reversed(likely[:-1]):
        kept = each @ reward
        further = _STEP @ value - each @ shares
        on = further > np.maximum(0.0, kept)
        keep.append((kept > 0) & ~on)
        go.append(on)
        value = np.where(on, further, np.maximum(0.0, kept))
    here, extra, runs = _FIRST, 0.0, 0.0
    chances = np.zeros(len(effects))
    for n, (each, kept_here, on) in enumerate(zip(likely, reversed(keep), reversed(go), strict=True), 1):
        ends = (here * kept_here) @ each
        chances += ends
        runs += n * float(ends @ shares)
        extra += float(((here * on) @ each) @ shares)
        here = (here * on) @ _STEP
    keeps = float(chances @ shares)
    bound = prices[1] * needs.one + prices[2] * needs.two - prices[0] * needs.false - float(_FIRST @ value)
    return Test(
        extra, keeps, runs / keeps if keeps > 0 else 0.0, *(float(g @ chances) for g in (none, one, two)), bound
    )  # fmt: skip


def best_test(world: Stream, needs: Needs, incumbent: float = math.inf) -> Test:
    """Return the best test for the prices with the highest bound; see `solve`."""
    effects = world.effects
    asked = np.array([
        True,
        needs.one > 0 and bool(np.any((effects >= 0.75) & (effects <= 1.25))),
        needs.two > 0 and bool(np.any(effects >= 2)),
    ])  # fmt: skip

    def prices(logs: Array) -> list[float]:
        return list(np.exp(np.clip(logs, -12, 9)) * asked)

    starts = ([1.0, 1.0, 0.0], [3.0, 1.0, 2.0])
    found = [
        minimize(
            lambda logs: -solve(world, needs, prices(logs), incumbent).bound, start, method="Nelder-Mead",
            options={"maxiter": 150, "xatol": 0.03, "fatol": 2e-4},
        ) for start in starts
    ]  # fmt: skip
    return solve(world, needs, prices(min(found, key=lambda each: each.fun).x), incumbent)


def least_repeats(world: Stream, needs: Needs, evaluations: int) -> tuple[float, float, int]:
    """Return the smallest possible share of repeats among the runs of a study with `evaluations` runs.

    Returns
    -------
    bound : float
        With the incumbent's value known exactly; no judge can do with less.
    measured : float
        With the incumbent measured in its best number of fresh runs, which are repeats themselves, except those that a winner
        already has; 1 if no such test is found.
    runs : int
        That number of runs.
    """
    free = max(best_test(world, needs).bound, 0.0)
    measured, runs = 1.0, 0
    for m in RUNS:
        test = best_test(world, needs, m)
        extra = max(test.bound, 0.0) + test.keeps * max(m - test.runs, 0.0)
        # The baseline's runs beyond its first, divided among the candidates of a study.
        share = (extra + (m - 1) / evaluations) / (1 + extra)
        if share < measured and test.bound < 1:
            measured, runs = share, m
    return free / (1 + free), measured, runs
