"""What a tracker has of experiments that are not judged yet: the points of their curves so far, each sent once.

Whether they hold is known at the verdict. Then the points are compared with the journal's, by time, step and values: where all are among them, the
rest follows; where one is not, as of a run that was begun again, all of it is taken back and the experiment is sent as if nothing had been.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from ...experiment import Experiment, Measurement
from ...keys.redact import cleaned
from ...runs import Point
from ...text import shorten
from ..live_curves import LiveCurve
from .base import SeriesPoint, TrackedLive, Tracker

FROM = 2.0
"""Charged seconds of a run from which on it is worth telling of before its end."""


@dataclass
class LivePart:
    """What was sent of one run: when it began, and its points."""

    since: float
    points: list[Point] = field(default_factory=list)


@dataclass
class Held:
    """What was sent of one experiment: by the numbers of its runs, from 0."""

    key: str
    number: int | None
    parts: dict[int, LivePart] = field(default_factory=dict)


class LiveSender:
    """Sends points of runs in progress to one tracker; one that does not take them is never asked.

    Parameters
    ----------
    tracker : Tracker
    """

    def __init__(self, tracker: Tracker) -> None:
        self._tracker = tracker
        self._held: dict[str, Held] = {}

    @property
    def wanted(self) -> bool:
        """Whether the tracker takes points before a verdict."""
        return type(self._tracker).live is not Tracker.live

    def send(self, curves: Sequence[LiveCurve], judged: Sequence[Experiment]) -> None:
        """Send what is new of the runs in progress, except of experiments that are judged."""
        over = {key_of(e.fingerprint, e.number) for e in judged}
        for curve in curves:
            key = key_of(curve.fingerprint, curve.number)
            if key not in over and (curve.number is None or curve.number >= len(judged)):
                self._send(key, curve)

    def _send(self, key: str, curve: LiveCurve) -> None:
        held = self._held.get(key)
        if held is not None and (part := held.parts.get(curve.repeat)) is not None and part.since != curve.since:
            self._drop(held)  # it was begun again
            held = None
        if held is None:
            if curve.elapsed < FROM:
                return
            held = self._held[key] = Held(key, curve.number)
        part = held.parts.setdefault(curve.repeat, LivePart(curve.since))
        last = part.points[-1].elapsed if part.points else -1.0
        new = [point for point in curve.points if point.elapsed > last]
        landed = held.number is None and curve.number is not None
        if new or landed or not part.points:
            number, told = curve.number, shorten(curve.summary, 80)
            self._tracker.live(TrackedLive(
                key, number, cleaned(told if number is None else f"{number:04d} {told}"), curve.since, curve.repeat, series(new, curve.since)
            ))  # fmt: skip
            held.number, part.points = curve.number, [*part.points, *new]

    def matched(self, e: Experiment) -> Held | None:
        """Return what is there of an experiment that is judged; what was sent of it and does not hold is taken back."""
        key = key_of(e.fingerprint, e.number)
        for other in [each for each in self._held.values() if each.number == e.number and each.key != key]:
            self._drop(other)  # a version of it that its agent has reworked since
        held = self._held.get(key)
        if held is None or all(holds(part, e.measurements[n : n + 1]) for n, part in held.parts.items()):
            return held
        self._drop(held)
        return None

    def settle(self, held: Held) -> None:
        """Forget what is now a judged experiment's."""
        self._held.pop(held.key, None)

    def drop_all(self) -> None:
        """Take back what was sent of runs that will not get a verdict now."""
        for held in [*self._held.values()]:
            self._drop(held)

    def _drop(self, held: Held) -> None:
        self._tracker.drop(held.key)
        self._held.pop(held.key, None)


def key_of(fingerprint: str, number: int | None) -> str:
    """Return what identifies an experiment before it has a number: its version, as none is run twice."""
    return fingerprint[:16] or f"#{number}"


def series(points: Sequence[Point], begun: float) -> dict[str, list[SeriesPoint]]:
    """Return the series of a run's points by name."""
    curves: dict[str, list[SeriesPoint]] = {}
    for point in points:
        for name, value in point.values.items():
            curves.setdefault(name, []).append(SeriesPoint(point.step, begun + point.elapsed, float(value)))
    return curves


def holds(part: LivePart, run: Sequence[Measurement]) -> bool:
    """Whether all points that were sent of a run are among those that its measurement has."""
    known: dict[tuple[float, int], set[tuple[str, str]]] = {}
    for m in run:
        for point in m.curve:
            known.setdefault((point.elapsed, point.step), set()).update(_values(point))
    return all(_values(point) <= known.get((point.elapsed, point.step), set()) for point in part.points)


def _values(point: Point) -> set[tuple[str, str]]:
    return {(name, repr(float(value))) for name, value in point.values.items()}  # text, as NaN is not equal to itself
