"""The noise of a metric, and what the difference of two means is worth beside it.

Everything is estimated from the recorded runs. Formulas and their sources:

- The noise of one run is the pooled standard deviation within experiments,
  ``sd² = Σ_e Σ_i (x_ei − mean_e)² / Σ_e (n_e − 1)``; the denominator is its degrees of freedom (ISO 5725-2, 7.4).
- Many metrics vary more the larger they are: a time of 100 ms by 5 ms, one of 1 ms by 0.05 ms. So what is pooled is
  ``(x_ei − mean_e) / |mean_e|^γ``, and the result is multiplied by ``|incumbent's mean|^γ``, with the likeliest of ``γ = 0, ½, 1`` by the
  residual likelihood ``−df/2 · ln sd² − γ · Σ_e (n_e − 1) · ln |mean_e|``; ½ where the data prefer none (the power of
  the mean, Carroll & Ruppert 1988, *Transformation and Weighting in Regression*, 2.2 and 3.2). Values of both signs have γ = 0, and
  so has an incumbent of 0, of which a power would say that no run of any version has noise.
- Runs on the same seed are correlated. With a correlation ``ρ`` of such pairs, the incumbent's runs serve as a control
  variate (Glasserman 2003, *Monte Carlo Methods in Financial Engineering*, 4.1), which makes the gain's standard error
  smaller by up to ``sqrt(1 − ρ²)``.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache

from ..experiment import Experiment, Measurement
from ..metric import Metric
from ..runs import mean, standard_deviation

MOST = 0.95
"""The largest correlation that is used: beyond it a standard error would be nearly zero."""

EXACT = 1e-12
"""Relative difference below which two values are equal: means of equal values may differ in their last bits."""

TIE = 0.05
"""Difference of log likelihoods below which the data prefer neither."""

ODD = 0.01
"""Probability that undisturbed runs are taken for disturbed ones."""

EXACTLY, ROUNDED, RARELY = 0.6, 0.3, 0.1
"""Prior probabilities of a metric whose first repeats agree: that it has no noise, that rounding hides it, and that it takes another value
now and then."""

COARSE = 3
"""Significant digits of a value up to which rounding may hide noise."""

UNPAIRED = 4.0
"""Degrees of freedom given to a prior correlation of 0, which shrinks the estimate while pairs are few."""


@dataclass(frozen=True)
class Noise:
    """An estimate of the noise of a metric.

    Attributes
    ----------
    sd : float
        Standard deviation of one run, in the metric's unit; where it depends on the value, at the incumbent's value.
    df : int
        Degrees of freedom of that estimate; 0 while nothing is known.
    pairing : float
        Correlation of two targets' runs on the same seed, 0 to `MOST`, shrunk towards 0 while pairs are few.
    power : float
        The power of a value's size that its standard deviation is proportional to: 0, ½ or 1.
    size : float
        The size of the value that `sd` is for.
    digits : int
        Where every repeat gave the same value, the significant digits in which they agree.
    """

    sd: float = 0.0
    df: int = 0
    pairing: float = 0.0
    power: float = 0.0
    size: float = 0.0
    digits: int = 0

    @property
    def known(self) -> bool:
        """Whether there were repeats to estimate it from."""
        return self.df > 0

    @property
    def deterministic(self) -> bool:
        """Whether every repeat gave the same value so far."""
        return self.known and self.sd == 0.0

    @property
    def certainty(self) -> float:
        """How sure it is that there is no noise, 0 to 1: see `certain`; 0 where there is some, or nothing is known."""
        return certain(self.df, self.digits) if self.deterministic else 0.0

    def at(self, value: float) -> float:
        """Return the standard deviation of one run at another value than the incumbent's."""
        return self.sd * (abs(value) / self.size) ** self.power if self.power and self.size else self.sd

    def quantile(self, tail: float) -> float:
        """Return the value that Student's t of these degrees of freedom exceeds with probability `tail`."""
        return student(tail, self.df)


@dataclass(frozen=True)
class Comparison:
    """The difference between a candidate and the incumbent.

    Attributes
    ----------
    gain : float
        By how much the candidate is better, in the metric's unit; negative when it is worse.
    error : float
        The gain's standard error; 0 for a deterministic metric.
    runs : int
        Runs of the candidate.
    """

    gain: float
    error: float
    runs: int

    @property
    def score(self) -> float:
        """The gain in standard errors; infinite for any difference without noise, 0 for no difference."""
        if self.error > 0:
            return self.gain / self.error
        return math.copysign(math.inf, self.gain) if self.gain else 0.0


def student(tail: float, df: float) -> float:
    """Return the upper quantile of Student's t.

    Parameters
    ----------
    tail : float
        Probability of exceeding the quantile, 0 to 1.
    df : float
        Degrees of freedom, above 0; not necessarily an integer.
    """
    return _student(tail, min(df, 1000.0))


@lru_cache(maxsize=8192)
def _student(tail: float, df: float) -> float:
    from scipy.special import stdtrit  # a quarter of a second, so imported at the first test

    return float(stdtrit(df, 1.0 - tail))


def chance_below(score: float, df: float) -> float:
    """Return the probability that Student's t of these degrees of freedom is below a score."""
    from scipy.special import stdtr  # as in _student

    return float(stdtr(min(df, 1000.0), score))


def spread(values: Sequence[float]) -> float:
    """Return the sample standard deviation (n − 1) of one run; 0 for fewer than two values."""
    return standard_deviation(values)


def estimate_noise(experiments: Iterable[Experiment]) -> Noise:
    """Estimate the noise of a metric from all repeats of a study.

    Parameters
    ----------
    experiments : iterable of Experiment
        Those that were judged and, optionally, the one that is being judged. Only runs since the last drift of the machine
        count (`Experiment.current`).

    Notes
    -----
    The first run of a candidate is left out: the candidate was repeated because that run looked good, so the run is selected
    and would bias the estimate upwards. The baseline's first run is not selected.
    """
    experiments = list(experiments)
    groups: list[list[float]] = []
    pairs: list[tuple[list[float], list[float]]] = []
    repeated = {e.number: e for e in experiments if len(e.measurements) > 1}
    for e in repeated.values():
        values = [
            m.value for m in e.current if m.ok and m.value is not None and (e.number == 0 or m is not e.measurements[0])
        ]
        if len(values) < 2:
            continue
        groups.append(values)
        if e.parent in repeated:
            own, other = by_seed(e.current), by_seed(repeated[e.parent].current)
            shared = [seed for seed in own if seed in other and seed != e.measurements[0].seed]
            if len(shared) > 1:
                pairs.append(([own[s] for s in shared], [other[s] for s in shared]))
    df = sum(len(values) - 1 for values in groups)
    if df == 0:
        return Noise()
    kept = [e for e in experiments if e.kept and e.values]
    size = _size(kept[-1].values if kept else groups[0])
    power = _power(groups, df) if size else 0.0
    sd = _pooled(groups, power, df)
    largest = max(groups, key=_size)
    # Values that are equal but for the last bits of a sum are equal.
    if sd * _size(largest) ** power <= EXACT * _size(largest):
        return Noise(0.0, df, digits=max(significant_digits(value) for values in groups for value in values))
    products, pair_df = 0.0, 0
    for ours, theirs in pairs:
        a, b = mean(ours), mean(theirs)
        one, two = sd * _size(ours) ** power, sd * _size(theirs) ** power
        if one and two:  # zero for the tiniest values
            products += sum((x - a) / one * ((y - b) / two) for x, y in zip(ours, theirs, strict=True))
            pair_df += len(ours) - 1
    pairing = products / (pair_df + UNPAIRED)
    return Noise(sd * size**power, df, max(0.0, min(MOST, pairing)), power, size)


def certain(df: int, digits: int) -> float:
    """Return the probability that a metric has no noise, after repeats that all agree.

    By Bayes' rule, from the priors `EXACTLY`, `ROUNDED` and `RARELY`. Noise about as large as the last digit lets a further value agree
    in three of four cases, and ten times as rarely with each digit beyond `COARSE`. A metric that takes another value in a share q of
    the runs, q uniform from 0 to ½, lets df further values agree with the mean chance of (1 − q)^df.

    Parameters
    ----------
    df : int
        Repeats beyond the first of each version.
    digits : int
        Significant digits of the values.

    Returns
    -------
    float
        After three runs 0.73 for 1.41 and 0.91 for 1.4142135624; after eleven 0.94 and 0.97.
    """
    rounded = (0.75 * 10.0 ** -max(0, digits - COARSE)) ** df
    rarely = 2 * (1 - 0.5 ** (df + 1)) / (df + 1)
    return EXACTLY / (EXACTLY + ROUNDED * rounded + RARELY * rarely)


def significant_digits(value: float) -> int:
    """Return the significant digits of a value as it is written: 3 for 1.41 and for 0.0141, 1 for 300."""
    return len(Decimal(repr(float(value))).normalize().as_tuple().digits)


def _size(values: Sequence[float]) -> float:
    return abs(mean(values))


def _pooled(groups: Iterable[Sequence[float]], power: float, df: int) -> float:
    """Return the standard deviation pooled within groups, each divided by its mean's size to a power.

    Without squares, which would overflow or vanish for values beyond 1e154 or below 1e-154.
    """
    deviations: list[float] = []
    for values in groups:
        middle = mean(values)
        unit: float = abs(middle) ** power
        deviations += [(value - middle) / unit for value in values]
    return math.hypot(*deviations) / math.sqrt(df)


def _power(groups: Sequence[Sequence[float]], df: int) -> float:
    """Return the power of its mean that a metric's standard deviation is proportional to: 0, ½ or 1."""
    signs = {(value > 0) - (value < 0) for values in groups for value in values}
    if len(signs) > 1 or signs == {0}:
        return 0.0

    def likelihood(power: float) -> float:
        sd = _pooled(groups, power, df)
        if sd <= 0:
            return 0.0
        return -df * math.log(sd) - power * sum((len(v) - 1) * math.log(_size(v)) for v in groups)

    found = {power: likelihood(power) for power in (0.5, 0.0, 1.0)}
    best = max(found.values())
    return next(power for power, value in found.items() if value >= best - TIE)


def difference(value: float, over: float, metric: Metric) -> float:
    """Return how much better a mean is than another, in the metric's unit; 0 where they differ in their last bits alone."""
    gain = metric.gain(value, over=over)
    return 0.0 if abs(gain) <= EXACT * max(abs(value), abs(over)) else gain


def compare(candidate: Experiment, incumbent: Experiment, metric: Metric, noise: Noise) -> Comparison:
    """Compare a candidate with the incumbent, from all runs of both.

    The gain is ``mean(candidate) − mean(incumbent) − ρ · (mean(incumbent on the shared seeds) − mean(incumbent))``, with
    the sign that makes better positive; its variance is that of the same sum of independent runs and of pairs with correlation
    ρ. With ρ = 0 this is the difference of the means and ``sd · sqrt(1/n + 1/m)``.

    Parameters
    ----------
    candidate, incumbent : Experiment
        Each with at least one value.
    metric : Metric
    noise : Noise
    """
    ours, theirs = by_seed(candidate.current), by_seed(incumbent.current)
    n, m = len(ours), len(theirs)
    shared = sum(seed in theirs for seed in ours)
    rho = noise.pairing
    weights = {s: (1 - rho * shared / n) / m + (rho / n if s in ours else 0.0) for s in theirs}
    middle = mean([*theirs.values()])
    # The weights' sum is 1; from the mean, equal values have exactly themselves as reference.
    reference = middle + sum(weights[s] * (value - middle) for s, value in theirs.items())
    gain = metric.gain(mean([*ours.values()]), over=reference)
    if abs(gain) <= EXACT * max(map(abs, (*ours.values(), *theirs.values()))):
        gain = 0.0
    variance = (
        1 / n + sum(w * w for w in weights.values()) - 2 * rho / n * sum(weights[s] for s in ours if s in weights)
    )
    return Comparison(gain, noise.sd * math.sqrt(max(variance, 0.0)), n)


def by_seed(measurements: Iterable[Measurement]) -> dict[int, float]:
    """Return the finite values of runs by seed; for several runs on one seed, their mean."""
    found: dict[int, list[float]] = {}
    for m in measurements:
        if m.ok and m.value is not None:
            found.setdefault(m.seed, []).append(m.value)
    return {seed: mean(values) for seed, values in found.items()}


def disturbed(values: Sequence[float], noise: Noise, size: float = 0.0) -> bool:
    """Whether runs of one target vary more than the study's noise explains, as when other work kept the machine busy.

    An F test of the ratio of the variances, at level `ODD`.

    Parameters
    ----------
    values : sequence of float
    noise : Noise
        Estimated without these runs.
    size : float
        Mean of the values that the noise was estimated at: larger values may vary proportionally more.
    """
    if len(values) < 2 or not noise.known:
        return False
    own = _size(values)
    allowed = noise.sd * max(1.0, own / abs(size) if size else 1.0)
    if allowed == 0:
        return spread(values) > EXACT * own
    from scipy.special import fdtri  # as in _student

    return spread(values) / allowed > math.sqrt(float(fdtri(len(values) - 1, noise.df, 1 - ODD)))
