"""The gains of all experiments as columns, worked out beside the kernel's other work.

Every experiment teaches something about the noise, and so about all gains. For ten thousand experiments that takes seconds when a study
is opened: a panel shows its rows at once, and the gains when they are there.
"""

from __future__ import annotations

import threading
import time
import weakref
from dataclasses import dataclass

import numpy as np

from ...experiment import Experiment
from ...judging.gains import Gain
from ...study.study import Study

MANY = 500
"""Experiments from which the gains of a study that was just opened are begun with the second question, not the first."""
PATIENCE = 0.05
"""Seconds that answers wait for new gains, all together: most of the time they are there by then."""
LARGEST = 3e38
"""What a 32-bit float holds; a gain beyond is shown as a dash."""
PROVEN, EXACT = 1, 2
"""Bits of the last column."""


@dataclass(frozen=True)
class GainColumns:
    """The gains of a study's experiments.

    Attributes
    ----------
    state : str
        Of what they are; another one means that any of them may have changed.
    packed : bytes
        Five columns of 32-bit floats (gain, ends of the 95% interval, chance of being better, standard deviation of one run at the
        value; not a number where it is not known), and one of bytes (`PROVEN`, `EXACT`).
    rows, proven : int
        How many rows, and how many of them are proven.
    """

    state: str
    packed: bytes
    rows: int
    proven: int


class Gains:
    """Works out the gains of one study."""

    def __init__(self) -> None:
        self._known = GainColumns("", b"", 0, 0)
        self._of: tuple[Experiment, ...] | None = None
        self._thread: threading.Thread | None = None
        self._lock = threading.Lock()
        self._asked = False
        self._begun_at = 0.0

    def now(self, study: Study) -> GainColumns:
        """Return the gains; those of a moment ago while the present ones are being worked out."""
        experiments = study.status.experiments
        if not self._asked and len(experiments) > MANY:
            self._asked = True  # rows come first: this much work would slow their answer down
            return self._known
        with self._lock:
            if self._of is not experiments and (self._thread is None or not self._thread.is_alive()):
                self._thread = threading.Thread(
                    target=self._work, args=(study,), name="autoresearch-gains", daemon=True
                )
                self._thread.start()
                self._begun_at = time.monotonic()
            thread, left = self._thread, self._begun_at + PATIENCE - time.monotonic()
        if self._of is not experiments and thread is not None and left > 0:
            thread.join(left)
        return self._known

    @property
    def begun(self) -> bool:
        """Whether they were ever begun to be worked out."""
        return self._thread is not None

    def ready(self, study: Study) -> bool:
        """Whether the present gains are worked out, so that asking the study for them takes no time; begins it where they are not."""
        self.now(study)
        return self._of is study.status.experiments

    def _work(self, study: Study) -> None:
        status = study.status
        experiments = status.experiments
        gains = status.believed.of_all(status, rest)
        table = np.full((5, len(experiments)), np.nan)
        bits = np.zeros(len(experiments), "u1")
        for e in experiments:
            table[4, e.number] = status.spread(e)
            if (gain := gains.get(e.number)) is not None:
                table[:4, e.number] = _figures(gain)
                bits[e.number] = PROVEN * gain.proven + EXACT * (gain.low is not None and gain.low == gain.high)
        table[np.abs(table) > LARGEST] = np.nan
        packed = table.astype("<f4").tobytes() + bits.tobytes()
        state = f"{len(experiments)}.{len(status.revised)}"
        self._known = GainColumns(state, packed, len(bits), int((bits & PROVEN).sum()))
        self._of = experiments


def rest() -> None:
    """Let other threads go on: the interpreter's lock is given up."""
    time.sleep(0.0003)


def _figures(gain: Gain) -> tuple[float, float, float, float]:
    known = (gain.low, gain.high, gain.p_better)
    low, high, chance = (np.nan if each is None else each for each in known)
    return gain.gain, low, high, chance


def gains_of(study: Study) -> Gains:
    """Return the gains of a study, which all its panels share."""
    found = _gains.get(study)
    if found is None:
        found = _gains[study] = Gains()
    return found


_gains: weakref.WeakKeyDictionary[Study, Gains] = weakref.WeakKeyDictionary()
