"""What the tuner believes of every combination of values: a Gaussian process of the study's whole history.

Each experiment that had a value is a point, whether it was kept or not and whichever incumbent it changed: the positions of the
constants in their ranges, the mean of its runs, and how many they were. Experiments whose other code differs share an offset of their
own. The values become losses, and bad ones are compressed logarithmically, so that one terrible value does not flatten
the model where it matters. Failures and pruned runs count as bad values.

Not here: the model (`gaussian_process`), and where to look next (`acquisition`).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

import numpy as np

from ..judging.noise import Noise
from ..metric import Metric
from ..source.search_space import Choices, Range, Space, Value
from .gaussian_process import Array, Data, GaussianProcess, Trend, condition, fit
from .observations import Constants, Observation, Observations, is_number

FEWEST = 4
"""Fewest values of a study that a model is made of."""
KNEE = 1.0
"""Standardised loss above which losses are compressed; the unit is the spread of the better half."""


class Feasible(Protocol):
    """What a model knows of limits on other numbers (`feasibility.Feasibility`)."""

    def log_probability(self, x: Array) -> Array:
        """Return the logarithm of the probability that points are within all limits."""

    def best_mean(self, numbers: Sequence[int], means: Array, otherwise: float) -> float:
        """Return the mean that is to be improved on."""

    def likely(self, changes: Mapping[str, Value]) -> bool:
        """Whether changes of the incumbent may be within the limits."""


@dataclass(frozen=True)
class Surrogate:
    """A model of the metric over a target's constants.

    Attributes
    ----------
    constants : mapping
        The incumbent's, in the order of the dimensions.
    process : GaussianProcess
    incumbent : array of shape (d,)
        The incumbent's position.
    points : sequence of Observation
        What the model was fitted to, in the order of its data.
    warp : Warp
    minimize : bool
    feasibility : Feasible or None
        What is known of limits on other numbers; None where none can be broken as far as is known.
    noise : Noise
        Of one run, in the metric's units.
    code : str
        The incumbent's code around the constants.
    """

    constants: Constants
    process: GaussianProcess
    incumbent: Array
    points: Sequence[Observation]
    warp: Warp
    minimize: bool
    feasibility: Feasible | None = None
    noise: Noise = field(default_factory=lambda: Noise(0.0, 0))
    code: str = ""

    def beside(self, running: Observations) -> Surrogate:
        """Return the model for a proposal that is made while others run: with the values that it expects of them.

        So their surroundings are no longer uncertain, and something else is worth more (the kriging believer of Ginsbourger, Le Riche
        & Carraro 2010, *Kriging is well-suited to parallelize optimization*). One whose first run has ended has the value of that. Of
        code that no experiment has had so far the model can expect nothing, so what runs of it is left out. The hyperparameters stay.
        """
        groups = {o.code: int(g) for o, g in zip(self.points, self.process.data.group, strict=False)} | {self.code: 0}
        known = [o for o in running if o.code in groups]
        measured, open_ = [o for o in known if _counts(o)], [o for o in known if not _counts(o)]
        sign, worst = 1.0 if self.minimize else -1.0, float(self.process.data.y.max())
        process = self.process
        levels = [_level(o, sign, self.warp, worst, self.noise) for o in measured]
        try:
            if measured:
                process = self._with(
                    process, measured, groups, [y for y, _ in levels], [factor for _, factor in levels]
                )
            if open_:
                expected = [float(process.predict(self._at(o)[None, :], groups[o.code])[0][0]) for o in open_]
                process = self._with(process, open_, groups, expected, [1.0] * len(open_))
        except np.linalg.LinAlgError:
            return self
        return replace(self, process=process)

    def _at(self, o: Observation) -> Array:
        return position({**{name: c.value for name, c in self.constants.items()}, **o.values}, self.constants)

    def _with(
        self, process: GaussianProcess, new: Observations, groups: Mapping[str, int], y: Sequence[float], factor: Sequence[float]
    ) -> GaussianProcess:  # fmt: skip
        """Return a process that is conditioned on further points, with the same hyperparameters."""
        data = process.data
        more = replace(
            data,
            x=np.concatenate([data.x, np.stack([self._at(o) for o in new])]),
            y=np.concatenate([data.y, np.asarray(y)]),
            factor=np.concatenate([data.factor, np.asarray(factor)]),
            group=np.concatenate([data.group, np.asarray([groups[o.code] for o in new], dtype=np.int64)]),
        )
        return condition(more, process.hyperparameters)

    def score(self, changes: Mapping[str, Value]) -> float:
        """Return by how many standard deviations changes are expected to be worse than the incumbent."""
        mean, sd = self._difference(changes)
        return mean / sd

    def _difference(self, changes: Mapping[str, Value]) -> tuple[float, float]:
        x = position({name: changes.get(name, c.value) for name, c in self.constants.items()}, self.constants)
        mean, sd = self.process.difference(x[None, :], self.incumbent)
        return float(mean[0]), float(sd[0])

    def forecast(self, changes: Mapping[str, Value]) -> tuple[float, float]:
        """Return the expected change of the metric by changes of the incumbent's constants, and its standard deviation."""
        level = float(self.process.predict(self.incumbent[None, :])[0][0])
        mean, sd = self._difference(changes)
        change = self.warp.back(level + mean) - self.warp.back(level)
        spread = (self.warp.back(level + mean + sd) - self.warp.back(level + mean - sd)) / 2
        return (change if self.minimize else -change), spread


@dataclass(frozen=True)
class Warp:
    """The increasing map from losses to the values that are modelled; linear below a knee, logarithmic above.

    Attributes
    ----------
    middle, unit : float
        The loss that becomes 0 before standardising, and the difference that becomes 1.
    mean, sd : float
        Of the warped losses.
    """

    middle: float
    unit: float
    mean: float = 0.0
    sd: float = 1.0

    def __call__(self, loss: float) -> float:
        """Return the modelled value of a loss."""
        z = (loss - self.middle) / self.unit
        return ((z if z <= KNEE else KNEE + math.log1p(z - KNEE)) - self.mean) / self.sd

    def slope(self, loss: float) -> float:
        """Return by how much the modelled value grows with the loss there."""
        z = (loss - self.middle) / self.unit
        return 1 / self.unit / self.sd / (1.0 if z <= KNEE else 1 + z - KNEE)

    def back(self, value: float) -> float:
        """Return the loss of a modelled value."""
        z = value * self.sd + self.mean
        return self.middle + self.unit * (z if z <= KNEE else KNEE + math.expm1(min(z - KNEE, 50.0)))


def make_warp(losses: Sequence[float]) -> Warp:
    """Return the warp for some losses, by which they have mean 0 and standard deviation 1."""
    values = np.sort(np.asarray(losses))
    middle = float(np.median(values))
    better = values[: (len(values) + 1) // 2]
    unit = float(middle - better.mean()) or float(np.ptp(values)) or 1.0
    raw = Warp(middle, unit)
    warped = np.asarray([raw(float(v)) for v in values])
    return Warp(middle, unit, float(warped.mean()), float(warped.std()) or 1.0)


def make_surrogate(
    constants: Constants, observations: Observations, metric: Metric, noise: Noise, code: str, most: int = 150,
    trends: tuple[Trend, ...] = (),
) -> Surrogate | None:  # fmt: skip
    """Return the model of a study; None while fewer than `FEWEST` experiments had a value or all values are equal.

    Its hyperparameters are those of all experiments but the latest, so that they can be fitted while that one runs.

    Parameters
    ----------
    constants : mapping
        The incumbent's.
    observations : sequence of Observation
        In the order of their numbers.
    metric : Metric
    noise : Noise
    code : str
        The incumbent's code around the constants (`observations.code_around`).
    most : int
        Points at most.
    trends : tuple of Trend
        What prior knowledge expects (`prior_model`).
    """
    sign = 1.0 if metric.minimize else -1.0
    points = _thinned(observations, most, sign)
    settled = points[:-1] if len(points) > FEWEST else points
    losses = [sign * o.value for o in settled if o.value is not None and _counts(o)]
    if len(losses) < FEWEST or max(losses) == min(losses):
        return None
    warp = make_warp(losses)
    here = {name: c.value for name, c in constants.items()}
    codes = {each: i for i, each in enumerate(dict.fromkeys([code, *(o.code for o in points)]))}
    worst = max(warp(loss) for loss in losses)
    levels, factors = zip(*(_level(o, sign, warp, worst, noise) for o in points), strict=True)
    data = Data(
        x=np.stack([position({**here, **o.values}, constants) for o in points]),
        y=np.asarray(levels),
        factor=np.asarray(factors),
        group=np.asarray([codes[o.code] for o in points]),
        nominal=np.asarray([not is_number(c.space) for c in constants.values()]),
        median=np.asarray([_median(c.importance) for c in constants.values()]),
        noise=noise.sd / warp.unit / warp.sd if noise.known else 0.0,
        df=float(noise.df),
        trends=trends,
    )
    if not all(np.isfinite(a).all() for a in (data.x, data.y, data.factor)):
        return None  # values near the limits of floats
    try:
        process = condition(data, fit(data.part(np.arange(len(points)) < len(settled))))
    except np.linalg.LinAlgError:
        return None
    return Surrogate(constants, process, position(here, constants), points, warp, metric.minimize, None, noise, code)


def _counts(o: Observation) -> bool:
    """Whether an experiment has a value of whole runs."""
    return o.value is not None and o.runs > 0 and not o.steps


def _thinned(observations: Observations, most: int, sign: float) -> list[Observation]:
    """Return the latest observations and the best of the earlier ones, in their order."""
    if len(observations) <= most:
        return list(observations)
    latest = most * 2 // 3
    older = sorted(
        observations[:-latest], key=lambda o: sign * o.value if o.value is not None and _counts(o) else math.inf
    )
    chosen = {o.number for o in older[: most - latest]}
    return [o for o in observations[:-latest] if o.number in chosen] + list(observations[-latest:])


def _level(o: Observation, sign: float, warp: Warp, worst: float, noise: Noise) -> tuple[float, float]:
    """Return an experiment's modelled value and the factor on the noise's variance there; failures are as bad as the worst."""
    if o.value is None or not math.isfinite(o.value):
        return (
            worst if not o.steps else min(worst, max(0.0, worst / 2))
        ), 1.0  # a stopped one is worse than an average one
    if not _counts(o):  # pruned: at least as bad as an average one
        return min(worst, max(0.0, warp(sign * o.value))), 1.0
    relative = noise.at(o.value) / noise.sd if noise.known and noise.sd else 1.0
    factor = (relative * warp.slope(sign * o.value) * warp.unit * warp.sd) ** 2 / o.runs
    return warp(sign * o.value), min(1e4, max(1e-4, factor))


def _median(importance: int) -> float:
    return 1.0


def position(values: Mapping[str, Value], constants: Constants) -> Array:
    """Return the point of a combination of values: positions in the ranges, indices of nominal choices."""
    return np.asarray([_coordinate(c.space, values[name]) for name, c in constants.items()])


def _coordinate(space: Space, value: Value) -> float:
    if isinstance(space, Range):
        return space.place(value)
    if isinstance(space, Choices) and not space.ordered:
        return float(space.values.index(value)) if value in space.values else -1.0
    return space.position(value)
