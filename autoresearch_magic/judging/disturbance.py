"""How much less a run says that was made while other programs kept the machine busy.

A run is compared with the usual of its own study: a machine that is always busy is as usual. The share of the free cores that
others took, beyond the usual and a tolerance, is its *excess* x. How much x matters depends on what is measured: a time doubles,
a loss after a fixed number of steps stays the same. So the standard deviation of a run is taken as ``sd · sqrt(1 + τ² x²)``, where
τ is learned from versions that ran both disturbed and not,

    τ² = (K · τ0² + Σ_i r_i) / (K + n),    r_i = ((v_i − m)² / (sd² (1 + 1/k)) − 1) / x_i²,

for n disturbed values v_i and the mean m of the same version's k undisturbed ones: each r_i estimates τ² without bias (the method of
moments of random effects, DerSimonian & Laird 1986, *Controlled Clinical Trials* 7, 177-188), and a prior guess τ0 counts as K of
them. Pure functions.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, replace

from ..experiment import Experiment, Measurement, Outcome
from ..runs import mean
from .noise import EXACT, estimate_noise

TOLERANCE = 0.1
"""Share of the cores by which a run may differ from the usual at least: a desktop, a panel and an agent need some time."""

SENSITIVITY, WEIGHT = 6.0, 1.0
"""τ0 for runs that are limited in seconds or time something, and K. With it, a run beside which one of two idle cores was taken
has three times the standard deviation, as the quickstart's had in a busy session (0.08 instead of 0.031)."""

CORRECTED = 1.0
"""τ0 where the clock did not charge the time that others took (`Conditions.lost`): what is left is shared memory and caches."""

HIGHEST = 60.0
"""The largest τ: with it, a run beside which half of the cores were taken has thirty times the standard deviation, and so counts for
nothing. The time of a command does when it doubles and varies by 3%."""

COUNTS_LESS = 2.0
"""Factor on the standard deviation from which a run is called disturbed: it counts for a quarter of another one."""

CHEAP = 2.0
"""Seconds of a run that may be repeated without asking what a proposal costs."""


@dataclass(frozen=True)
class Usual:
    """What the machine does besides during most runs of a study.

    Attributes
    ----------
    taken : float
        Share of the cores that is not there for a run, the lower quartile of all runs; 0 to 1.
    tolerance : float
        By how much more is as usual.
    sensitivity : float
        τ, by how many standard deviations a value moves when all else of the machine is taken; see this module.
    known : bool
        Whether there were runs whose conditions are known.
    """

    taken: float = 0.0
    tolerance: float = TOLERANCE
    sensitivity: float = 0.0
    known: bool = False


def usual_conditions(experiments: Iterable[Experiment], *, timed: bool = True) -> Usual:
    """Return what was usual during the runs of a study.

    Parameters
    ----------
    experiments : iterable of Experiment
        Those that were judged and, optionally, the one that is being judged.
    timed : bool
        Whether the machine's speed can be expected to matter, as it does unless the budget is in steps. Where it cannot, τ0 is 0, and
        only what disturbed runs have shown counts.
    """
    experiments = list(experiments)
    shares = sorted(m.conditions.taken for e in experiments for m in e.measurements if m.conditions is not None)
    if not shares:
        return Usual()
    taken = shares[(len(shares) - 1) // 4]
    corrected = all(m.conditions.lost is not None for e in experiments for m in e.measurements if m.conditions)
    expected = (CORRECTED if corrected else SENSITIVITY) if timed else 0.0
    usual = Usual(taken, max(TOLERANCE, 2 * (taken - shares[0])), expected, True)
    return replace(usual, sensitivity=_sensitivity(experiments, usual))


def _sensitivity(experiments: Iterable[Experiment], usual: Usual) -> float:
    """Return τ, from the versions that ran both disturbed and not."""
    calm, both = [], []
    for e in experiments:
        runs = [m for m in e.current if m.ok and m.value is not None]
        still = [m for m in runs if excess(m, usual) == 0]
        calm.append(replace(e, measurements=tuple(still), since=0))
        if still and len(still) < len(runs):
            both.append((still, [m for m in runs if excess(m, usual) > 0]))
    noise = estimate_noise(calm)
    if not noise.known:
        return usual.sensitivity
    # The expectation of a squared Student's t is df / (df − 2).
    shrink = max(1 - 2 / noise.df, 0.25)
    found = []
    for still, moved in both:
        middle = mean([m.value for m in still if m.value is not None])
        error = noise.at(middle) * math.sqrt(1 + 1 / len(still))
        for m in moved:
            off = abs((m.value or 0.0) - middle)
            off = 0.0 if off <= EXACT * abs(middle) else off
            if error:
                found.append(min(HIGHEST**2, ((off / error) ** 2 * shrink - 1) / excess(m, usual) ** 2))
            else:  # without noise, any difference is the machine's
                found.append(HIGHEST**2 if off else 0.0)
    squared = (WEIGHT * usual.sensitivity**2 + sum(found)) / (WEIGHT + len(found))
    return min(HIGHEST, math.sqrt(max(0.0, squared)))


def excess(measurement: Measurement, usual: Usual) -> float:
    """Return which share of the usually free cores was taken from a run beyond the usual, 0 to 1; 0 where it is not known."""
    if measurement.conditions is None or not usual.known:
        return 0.0
    more = measurement.conditions.taken - usual.taken - usual.tolerance
    return min(1.0, max(0.0, more) / max(TOLERANCE, 1.0 - usual.taken))


def disturbance(measurement: Measurement, usual: Usual) -> float:
    """Return the factor on the standard deviation of a run: 1 where the machine was as usual, larger where others took its cores."""
    return math.hypot(1.0, usual.sensitivity * excess(measurement, usual))


def disturbed(measurement: Measurement, usual: Usual) -> bool:
    """Whether a run counts for much less than another one, because others took the cores (see `COUNTS_LESS`)."""
    return disturbance(measurement, usual) >= COUNTS_LESS


def describe(measurement: Measurement, usual: Usual) -> str:
    """Return what was unusual during a run, as in "measured while other programs kept 1.8 of 2 cores busy"; empty for nothing."""
    conditions = measurement.conditions
    if conditions is None or excess(measurement, usual) == 0:
        return ""
    return f"measured while {conditions} (usually {usual.taken * conditions.cores:.1f})"


def deserves_second_run(candidate: Experiment, usual: Usual, *, proposal_seconds: float = 0.0) -> bool:
    """Whether a loser is to be run a second time, because its only run was disturbed and runs are cheap.

    Parameters
    ----------
    candidate : Experiment
        It is about to be discarded, was stopped early or has exceeded the time limit of a run.
    usual : Usual
    proposal_seconds : float
        What another proposal costs before it runs, such as a model's answer: a run is cheap that takes no longer.
    """
    if len(candidate.measurements) != 1:
        return False
    (run,) = candidate.measurements
    slow = run.ok or run.outcome in (Outcome.TIMEOUT, Outcome.PRUNED)  # others fail on an idle machine as well
    return slow and disturbed(run, usual) and run.seconds <= max(CHEAP, proposal_seconds)
