"""Values in units of the noise: what the belief works with, so that a metric's scale and direction do not matter."""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import median

from ..experiment import Experiment
from ..metric import Metric
from .disturbance import Usual, disturbance
from .forecast import parse_forecast
from .noise import Noise, student
from .statistic import level, standard_error

STEP = 1.1
"""Ratio of neighbouring units."""

CLIP = 1e12
"""Largest distance from the baseline in units: values beyond it are all alike, and squares stay in the range of a float."""

HUBER = 2.5
"""Standard deviations from the middle of a version's own runs beyond which a run counts less."""


@dataclass(frozen=True)
class Units:
    """The unit of a study's values, and their origin.

    Attributes
    ----------
    metric : Metric
    noise : Noise
        Known, and not deterministic.
    origin : float
        The value that is 0.
    usual : Usual
        What the machine usually does besides.
    size : float
        One unit in the metric's unit.
    """

    metric: Metric
    noise: Noise
    origin: float
    usual: Usual
    size: float

    @classmethod
    def of(cls, metric: Metric, noise: Noise, origin: float, usual: Usual) -> Units:
        """Return the units for a noise: its standard deviation, rounded to a step.

        While the noise is known from few runs it may well be larger: the quantile that holds one sd of a normal is taken.
        """
        sd = noise.sd * student(0.1587, noise.df)
        return cls(metric, noise, origin, usual, STEP ** round(math.log(sd) / math.log(STEP)))

    @property
    def key(self) -> tuple[object, ...]:
        """What the values in units depend on, as far as it matters."""
        usual = round(self.usual.taken, 2), round(self.usual.sensitivity)
        return self.size, self.origin, self.metric.minimize, self.noise.power, *usual

    def level(self, mean: float) -> float:
        """Return a level in the metric's unit."""
        return self.origin + (-1.0 if self.metric.minimize else 1.0) * self.size * mean

    def runs(self, e: Experiment) -> list[tuple[float, float, int | None]]:
        """Return value, factor on the variance and seed of each run that counts, in units and positive for better."""
        runs = [m for m in e.current if m.ok and m.value is not None]
        values = [m.value for m in runs if m.value is not None]
        sign = -1.0 if self.metric.minimize else 1.0
        size = self._variance(abs(sum(values) / len(values)))
        if e.statistic != "mean":
            found_level = level(values, e.statistic, self.size)
            variance = standard_error(len(values), e.statistic, self.size) ** 2
            factor = sum(disturbance(m, self.usual) ** 2 for m in runs) / len(runs)
            return [(sign * (found_level - self.origin) / self.size, variance / self.size**2 * factor * size, None)]
        scaled = [max(-CLIP, min(CLIP, sign * (v - self.origin) / self.size)) for v in values]
        middle = scaled[0] if len(scaled) == 1 else median(scaled)
        found: list[tuple[float, float, int | None]] = []
        for m, value in zip(runs, scaled, strict=True):
            far = abs(value - middle) / math.sqrt(size) / HUBER
            found.append((value, disturbance(m, self.usual) ** 2 * size * max(1.0, far), m.seed))
        return found

    def _variance(self, value: float) -> float:
        """Return the variance of a run of a version with this value, in those of the incumbent's: 1e-4 to 1e4."""
        noise = self.noise
        if not (noise.power and noise.size):
            return 1.0
        if not value:
            return 1e-4
        return math.exp(min(max(2 * noise.power * (math.log(value) - math.log(noise.size)), -9.2), 9.2))

    def forecast(self, e: Experiment) -> tuple[float, float] | None:
        """Return the gain that the agent forecasts and its standard deviation, in units."""
        if not e.proposal.expect or (told := parse_forecast(e.proposal.expect, self.metric)) is None:
            return None
        change, sd = told
        spread = abs(change) if sd is None else sd
        return (-change if self.metric.minimize else change) / self.size, max(spread / self.size, 0.1)
