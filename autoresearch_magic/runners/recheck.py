"""A second run of what was measured in the target's own process: one value in twenty, and each that would be the best so far.

Where the clean side cannot compute the metric, code of the target shares a process with it and can say what it likes, in each run the
same. What a second run in another fork does find is a value that only one run has: by what an earlier run has left, by chance, or by
looking whether anybody looks. Which values are run again is drawn from the system's random numbers, and nothing in the run tells.

It needs targets whose runs with one seed agree, which is learned from the user's own. Elsewhere it says nothing, and is not done.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import replace

from ..experiment import Measurement, Outcome
from ..metric import Metric

ONE_IN = 20
SAME = 1e-6
"""Relative difference of two values that counts as none."""


class Recheck:
    """Which runs of a study are made again, and what comes of it.

    Parameters
    ----------
    metric : Metric
    """

    def __init__(self, metric: Metric) -> None:
        self._metric = metric
        self._best: float | None = None
        self._done: set[int] = set()

    def chosen(self, target: str, m: Measurement) -> bool:
        """Return whether a run is to be made again: it is the best so far, or drawn by lot. A version is run again once."""
        assert m.value is not None
        best = self._best is None or self._metric.gain(m.value, over=self._best) > 0
        if best:
            self._best = m.value
        if not (best or secrets.randbelow(ONE_IN) == 0) or hash(target) in self._done:
            return False
        self._done.add(hash(target))
        return True

    def checked(self, m: Measurement, again: Callable[[], Measurement]) -> Measurement:
        """Return the measurement, or a rejected one where two further runs agree with each other and not with it.

        Where those two differ as well, the target's runs differ by chance, and nothing is said: then the study's judge repeats it.

        Parameters
        ----------
        m : Measurement
            Of a run with a value.
        again : callable
            Runs the same target with the same seed.
        """
        second = again()
        if second.ok and not same(second, m):
            third = again()
            if third.ok and same(second, third):
                return replace(m, outcome=Outcome.TAMPERED, error=self._apart(m, second))
        return m

    def _apart(self, m: Measurement, second: Measurement) -> str:
        assert m.value is not None
        assert second.value is not None
        name, shown = self._metric.name, self._metric.format
        return (
            f"The {name} was {shown(m.value)} in the run that counts and {shown(second.value)} in two more with the same seed: it must not depend on "
            "anything but the target and its seed."
        )


def same(one: Measurement, other: Measurement) -> bool:
    """Return whether two runs have the same value, up to one in a million."""
    if one.value is None or other.value is None:
        return False
    return abs(one.value - other.value) <= SAME * max(abs(one.value), abs(other.value))
