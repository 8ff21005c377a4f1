r"""Where the tuner looks in a line of work that is not the first: far from the others to begin, and then in a region around the line's version.

A line begins with combinations of values that are far from what all lines are at. From then on it has a trust region, as in TuRBO (Eriksson,
Pearce, Gardner, Turner & Poloczek 2019, *Scalable global optimization via local Bayesian optimization*): a box around its version, twice as
wide after `SUCCESSES` proposals in a row that became its version, and half as wide after as many in a row that did not as there are
constants. The model is one of what was tried around it, so that valleys of other places say nothing about this one; choices without an order
stay as they are, but for one proposal in `CHOICES`.

The first line works with the model of all runs, as a study with a single one does.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from ..source.search_space import Value
from .base import Briefing, LineBriefing
from .gaussian_process import Array
from .observations import Constants, Observation, Observations, is_number
from .surrogate import position

WIDTH, LEAST, MOST = 0.6, 0.02, 1.2
"""Width of a region at first, and the least and largest one, as shares of the ranges."""
SUCCESSES = 3
"""Versions in a row after which a region grows."""
CHOICES = 6
"""One proposal in so many may change choices without an order."""
POINTS = 60
"""Experiments that a region's model is made of, at most."""
DRAWS = 8
"""Random combinations of which the one farthest from all lines begins a line."""


@dataclass(frozen=True)
class Region:
    """A box in which a line of work looks for its next version.

    Attributes
    ----------
    centre : array
        The line's version.
    width : float
        As a share of the ranges.
    """

    centre: Array
    width: float

    def ends(self, lengths: Array | None = None) -> tuple[Array, Array]:
        """Return its lower and upper ends; wider where the model's length scales are longer."""
        scale = np.ones(len(self.centre))
        if lengths is not None:
            scale = np.clip(lengths / np.exp(np.log(lengths).mean()), 0.4, 2.5)
        reach = self.width / 2 * scale
        return np.clip(self.centre - reach, 0.0, 1.0), np.clip(self.centre + reach, 0.0, 1.0)


def region_of(line: LineBriefing, constants: Constants) -> Region:
    """Return the region of a line, as its proposals have left it."""
    centre = position({name: c.value for name, c in constants.items()}, constants)
    width, good, bad = WIDTH, 0, 0
    patience = max(4, sum(is_number(c.space) for c in constants.values()))
    for n in line.members[line.opened :]:
        good, bad = (good + 1, 0) if n in line.trunk else (0, bad + 1)
        if good == SUCCESSES:
            width, good = min(MOST, 2 * width), 0
        elif bad == patience:
            width, bad = max(LEAST, width / 2), 0
    return Region(centre, width)


def nearby(observations: Observations, line: LineBriefing, constants: Constants, region: Region) -> list[Observation]:
    """Return the experiments that a region's model is made of: the line's own, and the nearest others with the same choices."""
    here = {name: c.value for name, c in constants.items()}
    nominal = [name for name, c in constants.items() if not is_number(c.space)]
    numeric = np.asarray([is_number(c.space) for c in constants.values()])
    own = {*line.members, *line.trunk}

    def far(o: Observation) -> float:
        x = position({**here, **o.values}, constants)
        return float(np.abs(x - region.centre)[numeric].max(initial=0.0))

    others = [
        (far(o), o.number)
        for o in observations
        if o.number not in own and all(o.values.get(name, here[name]) == here[name] for name in nominal)
    ]
    chosen = own | {n for distance, n in sorted(others)[: max(0, POINTS - len(own))] if distance <= region.width}
    return [o for o in observations if o.number in chosen]


def beginnings(
    briefing: Briefing, line: LineBriefing, constants: Constants, observations: Observations, rng: random.Random
) -> Iterator[dict[str, Value]]:
    """Yield combinations of values to begin a line with: far from where the lines are, and were, and with choices that they have not."""
    at = {0, *line.others, *line.members}
    known = [o for o in observations if o.number in at]
    here = {name: c.value for name, c in constants.items()}
    nominal = [name for name, c in constants.items() if not is_number(c.space)]
    numeric = np.asarray([is_number(c.space) for c in constants.values()])
    points = [position({**here, **o.values}, constants)[numeric] for o in known]

    def score(values: dict[str, Value]) -> tuple[int, float]:
        same = sum(all(o.values.get(name) == values[name] for name in nominal) for o in known) if nominal else 0
        x = position(values, constants)[numeric]
        return same, -min((float(np.sqrt(((x - p) ** 2).mean())) for p in points), default=0.0)

    while True:
        drawn = [{name: c.space.at(rng.random()) for name, c in constants.items()} for _ in range(DRAWS)]
        yield min(drawn, key=score)


def steps(constants: Constants, region: Region, rng: random.Random) -> Iterator[dict[str, Value]]:
    """Yield random steps within a region, for while it has no model."""
    low, high = region.ends()
    while True:
        made: dict[str, Value] = {}
        for i, (name, c) in enumerate(constants.items()):
            if is_number(c.space) and rng.random() < 0.5:
                made[name] = c.space.at(rng.uniform(float(low[i]), float(high[i])))
        if made:
            yield made
