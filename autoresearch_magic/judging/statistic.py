"""What several runs of one version say about its level, for each way of summing runs up (``--statistic``).

``level`` estimates what the statistic of very many runs would be, and ``variance`` is its sampling variance, from the standard
deviation sd of single runs. Both are made so that versions with different numbers of runs can be compared:

- **mean**: the mean, ``sd²/n``.
- **median**: the median; for normal noise ``π/2 · sd² / (n + π/2 − 1)`` for odd n and ``π/2 · sd² / (n + π − 2)`` for even n. Both
  tend to the ``π/2 · sd²/n`` of large samples (Cramér 1946, *Mathematical Methods of Statistics*, 28.5), are exact for one and two
  runs, and are within 3% of the exact variance in between.
- **min**: noise that only adds, as what other programs cost a timing, is exponential above a floor in the simplest model. The least
  of n runs is then ``sd/n`` above the floor on average, with variance ``(sd/n)²``, as the sd of such noise is its mean (Epstein &
  Sobel 1954, *Annals of Mathematical Statistics* 25, 373-381; Chen & Revels 2016, arXiv 1608.04295, for timings). So the level is
  ``min − sd/n``: without the correction a version would look better the more often it is run.
- **max**: the same from above, ``max + sd/n``.

Pure functions, no I/O.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from ..runs import summary


def observation(values: Sequence[float], statistic: str, sd: float) -> tuple[float, float]:
    """Return the level of a version as its runs show it, and the variance of that.

    Parameters
    ----------
    values : sequence of float
        Of its runs, one at least.
    statistic : {"mean", "median", "min", "max"}
    sd : float
        Standard deviation of single runs; 0 for a deterministic metric.

    Returns
    -------
    level, variance : float
        In the metric's unit, and its square.
    """
    error = standard_error(len(values), statistic, sd)
    return level(values, statistic, sd), error * error


def level(values: Sequence[float], statistic: str, sd: float) -> float:
    """Return what the statistic of very many runs would be, as these runs show it; see `observation`."""
    found, bias = summary(values, statistic), sd / len(values)
    return found - bias if statistic == "min" else found + bias if statistic == "max" else found


def standard_error(runs: int, statistic: str, sd: float) -> float:
    """Return the standard error of a level from so many runs, the root of the variance; it does not underflow for tiny values."""
    match statistic:
        case "min" | "max":
            return sd / runs
        case "median":
            return sd * math.sqrt(math.pi / 2 / (runs + (math.pi / 2 - 1 if runs % 2 else math.pi - 2)))
    return sd / math.sqrt(runs)
