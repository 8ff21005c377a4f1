"""How much time a run may spend outside of its clock: about as much as the baseline does.

A target is told its budget by a clock in its own process, which it could replace, pause or leave alone. So the worker notes by its own
clock when the target began, when it said that it had ended, and when its process was gone, and how much of both times other programs
took. With a budget in seconds, what exceeds the budget was spent outside of the clock: in ``with clock.paused():``, after the loop, in
one endless step, or by a clock that lies. The baseline, which is the user's code, spends some as well, and a run may spend
somewhat more than that.
"""

from __future__ import annotations

import ast
import json
import math
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..budget import Budget
from ..source.edits import UNPARSABLE, parse

FACTOR, SHARE, SLACK = 1.5, 0.1, 0.5
"""How many times as long as the baseline's a run's time outside of the clock may be, and the share of the budget and the seconds that it
may have besides: a last step, a larger model's evaluation, a moment of a busy machine."""
EVALUATION, EVALUATION_SHARE, EVALUATION_SLACK = 5.0, 0.25, 1.0
"""The same for the evaluation of the metric, which takes longer for a larger model."""


@dataclass(frozen=True)
class Timing:
    """The worker's own times of a run, in seconds without those that other programs took.

    Attributes
    ----------
    target : float
        From its first line to when it said that it had ended.
    evaluation : float
        From then to the end of its process.
    """

    target: float
    evaluation: float

    @classmethod
    def from_json(cls, facts: Any) -> Timing | None:
        """Return the times in a worker's result; None where it gave none."""
        if not isinstance(facts, Mapping):
            return None
        times = facts.get("target"), facts.get("evaluation")
        if not all(isinstance(each, (int, float)) and math.isfinite(each) and each >= 0 for each in times):
            return None
        return cls(*map(float, times))  # type: ignore[arg-type]


def uses_clock(*sources: str) -> bool:
    """Whether a source uses a name ``clock``: else its runs end by themselves, and only the hard limit counts."""
    for source in sources:
        with suppress(*UNPARSABLE):
            for node in ast.walk(parse(source)):
                names = (getattr(node, "id", None), getattr(node, "attr", None), getattr(node, "name", None))
                if "clock" in names:
                    return True
    return False


class OutsideClock:
    """Knows what the baseline spends outside of the clock, and judges other runs by it.

    Parameters
    ----------
    setup, baseline : str
        Sources: the clock counts where one of them uses it.
    memory : Path, optional
        A file in which the baseline's times are kept for other processes that go on with the study.
    """

    def __init__(self, setup: str, baseline: str, memory: Path | None = None) -> None:
        self._baseline, self._memory = baseline, memory
        self._counts = uses_clock(setup, baseline)
        self._known = self._read()

    def _read(self) -> Timing | None:
        if self._memory is None:
            return None
        with suppress(OSError, ValueError):
            return Timing.from_json(json.loads(self._memory.read_text("utf-8")))
        return None

    def problem(self, target: str, budget: Budget, timing: Timing | None) -> str:
        """Return why a run with a value does not count, in one line; empty where it does. A run of the baseline is learned from.

        Parameters
        ----------
        target : str
            The source that ran.
        budget : Budget
        timing : Timing or None
        """
        seconds = budget.seconds
        if not self._counts or seconds is None or timing is None:
            return ""
        outside = Timing(max(0.0, timing.target - seconds), timing.evaluation)
        if target == self._baseline:
            self._learn(outside)
            return ""
        if self._known is None:
            self._known = self._read()  # another runner of the study may have learned it
        self._known = self._known or self._read()  # the baseline may have run in another slot
        if self._known is None:
            return ""
        allowed = FACTOR * self._known.target + SHARE * seconds + SLACK
        if outside.target > allowed:
            return (
                f"It ran for {timing.target:.1f} s on a budget of {seconds:g} s: {outside.target:.1f} s were spent outside of the clock, "
                f"and the baseline spends {self._known.target:.1f} s there. Train inside of 'for step in clock:' alone."
            )
        most = EVALUATION * self._known.evaluation + EVALUATION_SHARE * seconds + EVALUATION_SLACK
        if outside.evaluation > most:
            return (
                f"Its evaluation took {outside.evaluation:.1f} s, and the baseline's {self._known.evaluation:.1f} s: on a budget of "
                f"{seconds:g} s it may take {most:.1f} s."
            )
        return ""

    def _learn(self, outside: Timing) -> None:
        known = self._known or Timing(0.0, 0.0)
        new = Timing(max(known.target, outside.target), max(known.evaluation, outside.evaluation))
        if new != known or self._known is None:
            self._known = new
            if self._memory is not None:
                with suppress(OSError):
                    self._memory.write_text(json.dumps({"target": new.target, "evaluation": new.evaluation}), "utf-8")
