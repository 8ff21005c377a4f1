"""The curves of runs that go on, for trackers: what the process that runs a study writes beside the live record once a second.

Unlike the live record it has every value that a run reports, unrounded, and points that the journal will hold as well: a curve that becomes long
loses every second point, so only those are told that are left then.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ..runs import Point
from .status import LiveRun, StudyStatus

CURVES = "curves"
"""Key of the journal's metadata."""

KINDS = ("baseline", "candidate")
"""Runs of experiments that have no verdict yet, and become measurements of theirs."""

MOST_POINTS, MOST_VALUES = 128, 16
"""Most points of a curve, and values of a point, that are told."""

KEPT = 2_000
"""Points below which a whole curve is kept (`runners.worker.client`); of a longer one at least half as many."""

SAFETY = 4
"""How many times as many points as its pace says a run may have in the end, so that those told are among those kept."""


@dataclass(frozen=True)
class LiveCurve:
    """The curve of one run so far.

    Attributes
    ----------
    slot : int
    number : int or None
        Of the experiment; None while it has none.
    fingerprint, summary : str
        Of the experiment.
    repeat : int
        Which run of the experiment it is, from 0.
    since : float
        When the run began, in seconds since the epoch: another number where it was begun again.
    elapsed : float
        Seconds charged so far.
    points : tuple of Point
        In their order. Later ones of the same run may lack some of them.
    """

    slot: int
    number: int | None
    fingerprint: str
    summary: str
    repeat: int
    since: float
    elapsed: float
    points: tuple[Point, ...]


def curves_of(status: StudyStatus) -> list[dict[str, Any]]:
    """Return what to tell of the runs in progress, JSON-ready."""
    return [
        {
            "slot": live.slot, "number": None if live.flying else live.experiment.number, "fingerprint": live.experiment.fingerprint,
            "summary": live.experiment.summary, "repeat": live.repeat, "since": live.since, "elapsed": live.elapsed, "points": _points(live),
        }
        for _, live in sorted(status.lives.items())
        if live.kind in KINDS and live.repeat >= len(live.experiment.measurements)
    ]  # fmt: skip


def _points(live: LiveRun) -> list[list[Any]]:
    every, points = live.reported.every, live.reported.points
    stride = 1
    if live.progress > 0:
        expected = SAFETY * every * len(points) / max(live.progress, 1e-3)
        while expected / (stride * every) >= KEPT:
            stride *= 2
    while len(points) > stride * MOST_POINTS:
        stride *= 2
    return [[p.elapsed, p.step, dict([*p.values.items()][:MOST_VALUES])] for p in points[::stride]]


def live_curves(values: Any) -> Sequence[LiveCurve]:
    """Return the curves that `curves_of` has told; none of what is no such record."""
    try:
        return [
            LiveCurve(
                int(each["slot"]), None if each["number"] is None else int(each["number"]), str(each["fingerprint"]), str(each["summary"]),
                int(each["repeat"]), float(each["since"]), float(each["elapsed"]),
                tuple(Point(float(elapsed), 0.0, int(step), {str(k): float(v) for k, v in told.items()}) for elapsed, step, told in each["points"]),
            )
            for each in values
        ]  # fmt: skip
    except (AttributeError, KeyError, TypeError, ValueError):
        return []
