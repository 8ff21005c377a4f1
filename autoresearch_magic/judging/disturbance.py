"""How much less a run says that was made while other programs kept the machine busy.

A run is compared with the usual of its own study: a machine that is always busy is as usual. The share of the free cores that
others took, beyond the usual and a tolerance, is its *excess* x. How much x matters depends on what is measured: a time doubles,
a loss after a fixed number of steps stays the same. So the standard deviation of a run is taken as ``sd · sqrt(1 + τ² x²)``, where
τ is learned from versions that ran both disturbed and not,

    τ² = (K · τ0² + Σ_i r_i) / (K + n),    r_i = ((v_i − m)² / (sd² (1 + 1/k)) − 1) / x_i²,

for n disturbed values v_i and the mean m of the same version's k undisturbed ones: each r_i estimates τ² without bias (the method of
moments of random effects, DerSimonian & Laird 1986, *Controlled Clinical Trials* 7, 177-188), and a prior guess τ0 counts as K of
them. The same runs give the same result, in whatever steps they came.
"""

from __future__ import annotations

import math
import threading
from bisect import bisect_left, insort
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from ..experiment import Experiment, Measurement, Outcome
from ..runs import mean
from .noise import EXACT
from .noise_estimator import Followed, NoiseEstimator

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

NEAR = 1e-9
"""By how much a share of the cores may be off where it is compared with a sum of two: runs so near are looked at again."""

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
    return UsualConditions(timed=timed).of(list(experiments))


class UsualConditions:
    """What is usual on a machine, brought up to date with the runs that are new; see `usual_conditions`.

    Parameters
    ----------
    timed : bool
    """

    def __init__(self, *, timed: bool = True) -> None:
        self._timed = timed
        self._lock = threading.Lock()
        self._followed = Followed()
        self._shares: list[
            tuple[float, int]
        ] = []  # of each run whose conditions are known, with its experiment's number; sorted
        self._uncorrected = 0  # runs whose clock charged what others took
        self._calm: list[Experiment] = []  # each experiment with its undisturbed runs alone
        self._both: dict[
            int, tuple[list[Measurement], list[Measurement]]
        ] = {}  # undisturbed and disturbed runs, where there are both
        self._noise = NoiseEstimator()
        self._limit = math.inf  # the share of the cores from which a run is disturbed
        self._found = Usual()

    def of(self, experiments: Sequence[Experiment]) -> Usual:
        """Return what was usual during the runs of these experiments, given in the order of their numbers."""
        with self._lock:  # the loop asks for it, and so do threads that draw or answer
            return self._of(experiments)

    def _of(self, experiments: Sequence[Experiment]) -> Usual:
        changed = self._followed.changed(experiments)
        if not changed:
            return self._found
        again = {now.number for _, now in changed if now is not None}
        places = {e.number: at for at, e in enumerate(experiments)} if len(changed) > 1 else {}
        for before, now in changed:
            self._count(before, -1)
            self._count(now, 1)
        del self._calm[len(experiments) :]
        self._calm += experiments[len(self._calm) :]
        for gone in {before.number for before, _ in changed if before is not None} - again:
            self._both.pop(gone, None)
        if not self._shares:
            self._limit, self._found = math.inf, Usual()
            return self._found
        lowest, taken = self._shares[0][0], self._shares[(len(self._shares) - 1) // 4][0]
        expected = (SENSITIVITY if self._uncorrected else CORRECTED) if self._timed else 0.0
        usual = Usual(taken, max(TOLERANCE, 2 * (taken - lowest)), expected, True)
        limit = usual.taken + usual.tolerance
        if limit != self._limit:  # what lies between is disturbed now and was not, or the other way round
            low, high = sorted((limit, self._limit))
            reach = self._shares[
                bisect_left(self._shares, (low - NEAR, -1)) : bisect_left(self._shares, (high + NEAR, -1))
            ]
            again |= {number for _, number in reach}
            self._limit = limit
        for number in again:
            at = places.get(number, number)
            if at >= len(experiments) or experiments[at].number != number:
                at = next(at for at, e in enumerate(experiments) if e.number == number)
            self._divide(at, experiments[at], usual)
        self._found = replace(usual, sensitivity=self._sensitivity(usual))
        return self._found

    def _count(self, e: Experiment | None, sign: int) -> None:
        for m in () if e is None else e.measurements:
            if e is not None and m.conditions is not None:
                entry = m.conditions.taken, e.number
                if sign > 0:
                    insort(self._shares, entry)
                else:
                    del self._shares[bisect_left(self._shares, entry)]
                self._uncorrected += sign * (m.conditions.lost is None)

    def _divide(self, at: int, e: Experiment, usual: Usual) -> None:
        """Divide the runs of an experiment into undisturbed and disturbed ones."""
        runs = [m for m in e.current if m.ok and m.value is not None]
        still = [m for m in runs if excess(m, usual) == 0]
        self._calm[at] = e if len(still) == len(e.measurements) else replace(e, measurements=tuple(still), since=0)
        if still and len(still) < len(runs):
            self._both[e.number] = still, [m for m in runs if excess(m, usual) > 0]
        else:
            self._both.pop(e.number, None)

    def _sensitivity(self, usual: Usual) -> float:
        """Return τ, from the versions that ran both disturbed and not."""
        noise = self._noise.estimate(self._calm)
        if not noise.known:
            return usual.sensitivity
        # The expectation of a squared Student's t is df / (df − 2).
        shrink = max(1 - 2 / noise.df, 0.25)
        found = []
        for number in sorted(self._both):
            still, moved = self._both[number]
            middle = mean([m.value for m in still if m.value is not None])
            error = noise.at(middle) * math.sqrt(1 + 1 / len(still))
            for m in moved:
                off = abs((m.value or 0.0) - middle)
                off = 0.0 if off <= EXACT * abs(middle) else off
                if error:
                    found.append(min(HIGHEST**2, ((off / error) ** 2 * shrink - 1) / excess(m, usual) ** 2))
                else:  # without noise, any difference is the machine's
                    found.append(HIGHEST**2 if off else 0.0)
        squared = (WEIGHT * usual.sensitivity**2 + math.fsum(found)) / (WEIGHT + len(found))
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
