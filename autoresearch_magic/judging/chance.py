"""The chance that one version is better than another: one definition for gains, comparisons and the final result.

The difference of two versions is that of their levels, which `statistic` estimates with their standard errors. Where the study's
noise is known, it is the noise of both; else each side's own runs show how much it varies, and the degrees of freedom are those of
Welch (1947, *Biometrika* 34, 28-35). The chance is that of Student's t at the gain in standard errors.

Pure functions, no I/O.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from ..metric import Metric
from ..runs import mean, standard_deviation, summary
from .noise import Noise, chance_below, difference, student
from .statistic import level, standard_error


def p_better(gain: float, error: float, df: float) -> float:
    """Return the chance that a version is better, from its gain: that of Student's t below the gain in standard errors.

    Parameters
    ----------
    gain : float
        Positive for better.
    error : float
        Its standard error; without one the answer is 0, 0.5 (equal) or 1.
    df : float
        Degrees of freedom of the noise behind the error, above 0.
    """
    if error > 0:
        return chance_below(gain / error, df)
    return 0.5 + 0.5 * ((gain > 0) - (gain < 0))


@dataclass(frozen=True)
class Contrast:
    """The difference of two versions from the runs of both.

    Attributes
    ----------
    gain : float
        How much better the first one is, in the metric's unit; negative when it is worse.
    error : float
        Its standard error; 0 where neither varies.
    df : float
        Degrees of freedom behind it; 0 while the noise is not known.
    """

    gain: float
    error: float
    df: float

    @property
    def p_better(self) -> float | None:
        """The chance that the first is better, 0 to 1; None while the noise is not known."""
        return p_better(self.gain, self.error, self.df) if self.df > 0 else None

    def reach(self, confidence: float) -> float | None:
        """Return half the width of the gain's two-sided interval; None while the noise is not known."""
        if self.df <= 0:
            return None
        return student((1 - confidence) / 2, self.df) * self.error if self.error > 0 else 0.0


def contrast(
    ours: Sequence[float], theirs: Sequence[float], metric: Metric, statistic: str = "mean", noise: Noise | None = None
) -> Contrast:
    """Compare two versions by their runs, which are taken as independent.

    Parameters
    ----------
    ours, theirs : sequence of float
        Values of runs; at least one each.
    metric : Metric
    statistic : {"mean", "median", "min", "max"}
    noise : Noise, optional
        Of single runs, pooled (`pooled`); without it, or while it is not known, each side's own runs show it.
    """
    sides = ours, theirs
    if noise is not None and noise.known:
        spreads = [noise.at(summary(values, statistic)) for values in sides]
        df = float(noise.df)
    else:
        spreads, df = [standard_deviation(values) for values in sides], 0.0
        if statistic in (
            "min",
            "max",
        ):  # whose level is corrected by the spread: by one for both, or it would differ by that
            spreads = [math.hypot(*spreads) / math.sqrt(2)] * 2
    one, two = (level(values, statistic, spread) for values, spread in zip(sides, spreads, strict=True))
    errors = [standard_error(len(values), statistic, spread) for values, spread in zip(sides, spreads, strict=True)]
    error = math.hypot(*errors)
    if not df and min(map(len, sides)) > 1:
        shares = [
            each / error if error else 0.5 for each in errors
        ]  # the squares of the errors themselves may overflow
        df = 1 / sum(share**4 / (len(values) - 1) for share, values in zip(shares, sides, strict=True))
    return Contrast(difference(one, two, metric), error, df)


def pooled(groups: Iterable[Sequence[float]], noise: Noise | None = None) -> Noise:
    """Return the noise of single runs from groups of runs of one version each, together with what a study knew before.

    Parameters
    ----------
    groups : iterable of sequence of float
    noise : Noise, optional
        Of the study; it says too how the spread goes with the value.
    """
    noise = noise or Noise()
    deviations, df = [noise.sd * math.sqrt(noise.df)], noise.df
    for values in groups:
        if len(values) > 1:
            unit = noise.at(mean(values)) / noise.sd if noise.sd else 1.0
            deviations.append(standard_deviation(values) * math.sqrt(len(values) - 1) / (unit or 1.0))
            df += len(values) - 1
    return replace(noise, sd=math.hypot(*deviations) / math.sqrt(df), df=df) if df else noise
