"""Notice that the machine, or what it measures, has changed while a study ran: the same code gives other values than before."""

from __future__ import annotations

from collections.abc import Sequence

from ..runs import mean
from .noise import EXACT, Noise

DRIFT = 0.01
"""Probability that one run of the incumbent makes a steady machine look as if it had drifted; two in a row are required."""


def drifted(before: Sequence[float], now: Sequence[float], noise: Noise) -> bool:
    """Whether new runs of the same target show that the machine, or what it measures, has changed.

    Each new value must lie outside the prediction interval of a single run, ``mean ± t · sd · sqrt(1 + 1/n)``, all of them on
    the same side.

    Parameters
    ----------
    before : sequence of float
        The incumbent's values so far.
    now : sequence of float
        Its latest ones.
    noise : Noise
    """
    if not before or not now or not noise.known:
        return False
    middle = mean(before)
    # Equal values may differ in their last bits; without noise there is no other reach.
    reach = max(noise.quantile(DRIFT / 2) * noise.sd * (1 + 1 / len(before)) ** 0.5, EXACT * abs(middle))
    return all(v - middle > reach for v in now) or all(middle - v > reach for v in now)


def moved_alike(
    before: Sequence[float], now: Sequence[float], control_before: Sequence[float], control_now: Sequence[float]
) -> bool:
    """Whether another target has moved with the incumbent, as it does when the machine has changed.

    It must have moved the same way, and at least half as far, where a change may be of an amount or of a share.

    Parameters
    ----------
    before, now : sequence of float
        The incumbent's values.
    control_before, control_now : sequence of float
        The other target's.
    """
    if not before or not now or not control_before or not control_now:
        return False
    a, b = mean(before), mean(control_before)
    shift, other = mean(now) - a, mean(control_now) - b
    expected = abs(shift) * min(1.0, abs(b / a) if a else 1.0)
    return shift * other > 0 and abs(other) >= expected / 2
