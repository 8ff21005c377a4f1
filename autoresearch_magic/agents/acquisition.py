r"""Where the model of a study says to look next: the candidates with the largest expected improvement.

Candidates are random points, and variations of the incumbent and of the points that the model believes best, with one to
all of their constants changed by small and large steps; the best of them are then varied again. Each is worth

.. math:: EI = \tilde s\,(z\,\Phi(z) + \phi(z)), \quad z = (\mu^* - \mu)/\tilde s

with the posterior mean μ, the lowest posterior mean of the points measured μ*, and s̃ the standard deviation of what one run
will change in μ: :math:`s^2/\sqrt{s^2 + \sigma^2}` (the knowledge gradient of a single point, Frazier, Powell & Dayanik 2009,
*INFORMS J. Computing* 21; without noise this is the expected improvement of Jones, Schonlau & Welch 1998). Its logarithm
is what is compared, as it is rarely zero (Ament et al. 2023, *Unexpected improvements to expected improvement*).
"""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from scipy.special import log_ndtr

from ..source.search_space import Choices, Range, Space, Value
from .gaussian_process import Array
from .one_thread import one_thread
from .regions import Region
from .surrogate import Surrogate

FAR, NEAR = 192, 384
"""Number of random points, and of variations of good points, among the candidates."""
ROUNDS, VARIED, BEAM = 5, 24, 4
"""Rounds in which the best `BEAM` candidates are varied, and variations of each in a round."""
ANCHORS = 4
"""Number of good points that are varied, the incumbent among them."""
SIMPLIFIED = 1
"""Best candidates that are simplified."""
LEVELS = 60
IDLE = 0.1
"""Loss of the logarithm of a candidate's worth up to which a change is left out: it is not known to do anything."""
"""Number of values up to which a space is searched value by value."""


def propose(
    surrogate: Surrogate, names: Sequence[str], rng: random.Random, count: int = 8, within: Region | None = None
) -> list[dict[str, Value]]:
    """Return the values of the best candidates, the best first.

    Parameters
    ----------
    surrogate : Surrogate
    names : sequence of str
        The constants that may change.
    rng : random.Random
    count : int
    within : Region, optional
        Where to look; everywhere by default.
    """
    with one_thread():
        return _propose(surrogate, names, np.random.default_rng(rng.randrange(2**63)), count, within)


def _propose(
    surrogate: Surrogate, names: Sequence[str], draw: np.random.Generator, count: int, within: Region | None
) -> list[dict[str, Value]]:
    every = list(surrogate.constants)
    free = [every.index(name) for name in names]
    spaces = [surrogate.constants[name].space for name in every]
    grids = [_grid(space) for space in spaces]
    process = surrogate.process
    own = process.data.group == 0
    means, _ = process.predict(process.data.x)
    means = np.where(own, means, np.inf)
    base_mean, _ = process.predict(surrogate.incumbent[None, :])
    best = min(float(means.min()), float(base_mean[0]))
    if surrogate.feasibility is not None:
        best = surrogate.feasibility.best_mean([o.number for o in surrogate.points], means, best)
    box = None if within is None else _box(within, surrogate, free, spaces)
    anchors = [surrogate.incumbent]
    for i in np.argsort(means)[:ANCHORS]:
        if own[i]:
            anchors.append(_inside(process.data.x[i], surrogate.incumbent, free, spaces))
    far = np.repeat(surrogate.incumbent[None, :], FAR, axis=0)
    far[:, free] = draw.random((FAR, len(free)))
    if box is not None:
        flat = np.isfinite(box[0])
        far[:, flat] = box[0][flat] + far[:, flat] * (box[1][flat] - box[0][flat])
    parts = [_snap(far, free, grids, draw, fresh=True)]
    parts += [_vary(a, free, grids, draw, max(1, NEAR // len(anchors))) for a in anchors]
    pool = _within(np.concatenate(parts), box, free, grids, draw)
    score = _worth(surrogate, pool, best)
    for turn in range(ROUNDS):
        top = _best_distinct(pool, score, BEAM)
        more = np.concatenate([_vary(pool[i], free, grids, draw, VARIED, 0.5**turn) for i in top])
        more = _within(more, box, free, grids, draw)
        pool, score = np.concatenate([pool, more]), np.concatenate([score, _worth(surrogate, more, best)])
    chosen = _best_distinct(pool, score, count)
    simple = [_simplified(surrogate, pool[i], float(score[i]), best) for i in chosen[:SIMPLIFIED]]
    return [_values(x, surrogate, free) for x in [*simple, *(pool[i] for i in chosen)]]


def _box(within: Region, surrogate: Surrogate, free: Sequence[int], spaces: Sequence[Space]) -> tuple[Array, Array]:
    """Return the ends of a region in the model's dimensions; choices without an order have none."""
    low, high = within.ends(np.asarray(surrogate.process.hyperparameters.lengths))
    for d, space in enumerate(spaces):
        if d not in free:
            low[d] = high[d] = surrogate.incumbent[d]
        elif isinstance(space, Choices) and not space.ordered:
            low[d], high[d] = -math.inf, math.inf
    return low, high


def _within(
    x: Array, box: tuple[Array, Array] | None, free: Sequence[int], grids: Sequence[tuple[Array | None, bool]],
    draw: np.random.Generator,
) -> Array:  # fmt: skip
    """Return points moved into a region, at values of spaces of few values."""
    return x if box is None else _snap(np.clip(x, *box), free, grids, draw)


def _simplified(surrogate: Surrogate, x: Array, score: float, best: float) -> Array:
    """Return a candidate without the changes that add nothing to its worth."""
    while len(changed := np.flatnonzero(x != surrogate.incumbent)) > 1:
        fewer = np.repeat(x[None, :], len(changed), axis=0)
        fewer[np.arange(len(changed)), changed] = surrogate.incumbent[changed]
        worth = _worth(surrogate, fewer, best)
        i = int(worth.argmax())
        if worth[i] < score - IDLE:
            break
        x, score = fewer[i], max(score, float(worth[i]))
    return x


def _worth(surrogate: Surrogate, x: Array, best: float) -> Array:
    """Return the logarithm of the expected improvement of the decision by one run of each point."""
    process = surrogate.process
    mean, sd = process.predict(x)
    sd = sd**2 / np.sqrt(sd**2 + process.noise**2)
    sd = np.maximum(sd, 1e-9)
    z = (best - mean) / sd
    worth: Array = np.log(sd) + log_h(z)
    return worth if surrogate.feasibility is None else worth + surrogate.feasibility.log_probability(x)


def log_h(z: Array) -> Array:
    """Return ``ln(z Φ(z) + φ(z))``; far below zero by the asymptotic series ``φ(z)/z² · (1 − 3/z² + 15/z⁴)``."""
    low, high = np.minimum(z, -5.0), np.maximum(z, -5.0)
    tail = _log_density(low) - 2 * np.log(-low) + np.log1p(-3 / low**2 + 15 / low**4)
    near = np.exp(_log_density(high)) + high * np.exp(log_ndtr(high))
    logarithm: Array = np.where(z < -5.0, tail, np.log(np.maximum(near, 1e-300)))
    return logarithm


def _log_density(z: Array) -> Array:
    return -0.5 * z * z - 0.5 * math.log(2 * math.pi)


def _best_distinct(pool: Array, score: Array, count: int) -> list[int]:
    found: list[int] = []
    seen: set[bytes] = set()
    for i in np.argsort(-score, kind="stable"):
        key = pool[i].tobytes()
        if key not in seen:
            seen.add(key)
            found.append(int(i))
            if len(found) == count:
                break
    return found


@lru_cache(maxsize=512)
def _grid(space: Space) -> tuple[Array | None, bool]:
    """Return the positions of the values of a space of few values, else None; and whether they have no order."""
    if isinstance(space, Choices):
        if space.ordered:
            return np.linspace(0.0, 1.0, len(space.values)), False
        return np.arange(len(space.values), dtype=float), True
    if space.whole or space.step:
        values = {space.position(space.at(i / 200)) for i in range(201)}
        if len(values) <= LEVELS:
            return np.asarray(sorted(values)), False
    return None, False


def _inside(x: Array, incumbent: Array, free: Sequence[int], spaces: Sequence[Space]) -> Array:
    """Return a measured point moved into the ranges, with the incumbent's values for constants that may not change."""
    moved = incumbent.copy()
    for d in free:
        if isinstance(spaces[d], Range) or x[d] >= 0:
            moved[d] = min(1.0, max(0.0, x[d])) if isinstance(spaces[d], Range) else x[d]
    return moved


def _snap(
    x: Array,
    free: Sequence[int],
    grids: Sequence[tuple[Array | None, bool]],
    draw: np.random.Generator,
    *,
    fresh: bool = False,
) -> Array:
    """Move points to the values of spaces of few values."""
    for d in free:
        grid, nominal = grids[d]
        if grid is None:
            x[:, d] = np.clip(x[:, d], 0.0, 1.0)
        elif nominal:
            if fresh:
                x[:, d] = draw.integers(0, len(grid), len(x))
        else:
            x[:, d] = grid[np.abs(np.clip(x[:, d], 0.0, 1.0)[:, None] - grid[None, :]).argmin(1)]
    return x


def _vary(
    x: Array,
    free: Sequence[int],
    grids: Sequence[tuple[Array | None, bool]],
    draw: np.random.Generator,
    count: int,
    scale: float = 1.0,
) -> Array:
    """Return variations of a point: one to all of its constants changed, by steps of many sizes."""
    d = len(free)
    sizes = np.where(draw.random(count) < 0.4, 1, draw.integers(1, d + 1, count))
    changed = draw.random((count, d)).argsort(1) < sizes[:, None]
    reach = scale * np.exp(draw.uniform(np.log(0.02), np.log(0.5), (count, 1)))
    made = np.repeat(x[None, :], count, axis=0)
    steps = draw.normal(0.0, 1.0, (count, d)) * reach
    for j, dim in enumerate(free):
        grid, nominal = grids[dim]
        rows = changed[:, j]
        if nominal:
            assert grid is not None
            made[rows, dim] = draw.integers(0, len(grid), int(rows.sum()))
        elif grid is not None:
            i = np.abs(grid - x[dim]).argmin()
            gap = np.where(steps[rows, j] > 0, 1.0, -1.0) * np.maximum(
                1, np.round(np.abs(steps[rows, j]) * (len(grid) - 1))
            )
            made[rows, dim] = grid[np.clip(i + gap.astype(int), 0, len(grid) - 1)]
        else:
            moved = x[dim] + steps[rows, j]
            moved = np.where((moved < 0) | (moved > 1), x[dim] - steps[rows, j], moved)  # turned round at the ends
            made[rows, dim] = np.clip(moved, 0.0, 1.0)
    return made


def _values(x: Array, surrogate: Surrogate, free: Sequence[int]) -> dict[str, Value]:
    """Return the values of the constants that a point changes."""
    names = list(surrogate.constants)
    found: dict[str, Value] = {}
    for d in free:
        constant = surrogate.constants[names[d]]
        if x[d] == surrogate.incumbent[d]:
            continue
        space = constant.space
        if isinstance(space, Choices) and not space.ordered:
            found[names[d]] = space.values[int(x[d])]
        else:
            found[names[d]] = space.at(float(x[d]))
    return found
