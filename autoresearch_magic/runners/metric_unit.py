"""A study's metric keeps its unit: what the unchanged version prints in percent is not compared with a plain share that another one prints.

A proposal may change what is printed, ``loss: 8.8%`` into ``loss: 0.088``, and would seem a hundred times better. Units of one kind are
converted before (`output.numbers.converted`); here is what is left: other kinds, and a number with a unit beside one without.
"""

from __future__ import annotations

import json
import math
from contextlib import suppress
from pathlib import Path

from .output.numbers import unit_of_name
from .output.readings import Reading


class MetricUnit:
    """Knows in which unit the unchanged version prints the metric, and compares others with it.

    Parameters
    ----------
    name : str
        The metric's. Where it ends in a unit, a number without one is in that.
    place : Path, optional
        The file in which it is noted, so that a resumed study and other runners of it know it.
    """

    def __init__(self, name: str, place: Path | None = None) -> None:
        self._name, self._place = name, place
        self._known: str | None = None

    def problem(self, reading: Reading, *, unchanged: bool) -> str:
        """Return in one line why a value cannot be compared with the unchanged version's; empty where it can.

        Parameters
        ----------
        reading : Reading
        unchanged : bool
            Whether it is the unchanged version's own.
        """
        if reading.value == 0 or not math.isfinite(reading.value):
            return ""
        unit = reading.unit or unit_of_name(self._name)
        if unchanged:
            if unit != self._known:
                self._note(unit)
            return ""
        known = self._noted()
        if known is None or known == unit:
            return ""
        return (
            f'{self._name} is printed {_in(unit)} ("{reading.line}"), and by the unchanged version {_in(known)}: values of different '
            "units are not compared. Print it as before, or begin a new study with the other unit."
        )

    def _note(self, unit: str) -> None:
        self._known = unit
        if self._place is not None:
            with suppress(OSError):  # then it is noted with the next run
                self._place.write_text(json.dumps({"name": self._name, "unit": unit}), "utf-8")

    def _noted(self) -> str | None:
        if self._known is None and self._place is not None:
            with suppress(OSError, ValueError, KeyError, TypeError):
                stored = json.loads(self._place.read_text("utf-8"))
                if stored["name"] == self._name:
                    self._known = str(stored["unit"])
        return self._known


def _in(unit: str) -> str:
    return f"in {unit}" if unit else "without a unit"
