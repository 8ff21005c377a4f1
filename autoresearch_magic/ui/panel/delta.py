"""What has changed since a view asked last: facts, rows, texts, gains, and points of the current learning curve.

An answer holds only what is new, so that one to a view that knows everything takes some sixty bytes.
"""

from __future__ import annotations

import itertools
import math
import struct
from collections.abc import Sequence
from typing import Any

from ...events import State
from ...runs import Point
from ...study.status import LiveRun, StudyStatus
from ...study.study import Study
from .columns import COLUMNS, VERDICTS, columns_of, texts
from .facts import Facts, changes, study_facts
from .gains import gains_of

CURVE_POINTS = 4096
"""Most points of the current learning curve that are sent: a target may report a million steps."""
BESIDE_POINTS = 256
"""Most points, about, of the curve of a further slot: they are sent anew with each answer."""
ROOM, LEAST_TEXTS = 280_000, 30_000
"""Bytes of an answer, about, and of the texts in it."""
REMEMBERED = 4
"""Answers whose facts are remembered, to send the next view what is new since then; two views of one widget ask in turn."""


class Feed:
    """Answers the pulls of one panel.

    Parameters
    ----------
    study : Study
    epoch : str
        Another one makes a view drop what it has.
    """

    def __init__(self, study: Study, epoch: str) -> None:
        self.study = study
        self.epoch = epoch
        self._facts: dict[int, Facts] = {}
        self._stamps = itertools.count(1)
        self._sent: dict[str, Any] = {}

    def unasked(self) -> tuple[dict[str, Any], list[bytes]]:
        """Return what is new since the last answer, with all facts, because no view says what it has."""
        return self.answer({**self._sent, "seen": None})

    def answer(self, request: dict[str, Any]) -> tuple[dict[str, Any], list[bytes]]:
        """Return the answer to a pull.

        Parameters
        ----------
        request : dict
            What the view has: ``epoch``, ``seen`` (the stamp of its facts), ``since`` (number of rows), ``revision`` (number of later
            changes of rows), ``texts`` (from, to), ``gains`` (their state) and ``curve`` (kind, number, repeat, stride, points).

        Returns
        -------
        content : dict
            ``stamp``, ``base`` and ``facts`` (those that have changed since the stamp ``base``; all where it is null), and what is new of
            ``rows``, ``texts``, ``gains`` and ``curve``, and with several slots ``beside``; ``more`` where something did not fit and should be asked for at once.
        buffers : list of bytes
            In the order of the keys rows, gains, curve (two: the current curve, the incumbent's), beside (the curves of the other slots), of
            those that are there.
        """
        study, status = self.study, self.study.status
        same = request.get("epoch", self.epoch) == self.epoch
        asked = request if same else {}
        content: dict[str, Any] = {"type": "delta", "epoch": self.epoch}
        buffers: list[bytes] = []
        experiments, revised = status.experiments, list(status.revised)
        columns = columns_of(study)
        gains = (worker := gains_of(study)).now(study)
        curve, points = _curve(status, asked.get("curve") or {})
        facts = study_facts(study, gains.proven if gains.rows or not experiments else None) | {
            "curved": curve is not None
        }
        content |= self._new_facts(asked.get("seen"), facts)
        room = ROOM

        since, revision = (
            min(int(asked.get("since") or 0), len(experiments)),
            min(int(asked.get("revision") or 0), len(revised)),
        )
        renewed = sorted(n for n in set(revised[revision:]) if n < since)
        if since < len(experiments) or revision < len(revised):
            content["rows"] = {
                "from": since, "to": len(experiments), "again": renewed, "after": revision, "revision": len(revised),
                "columns": COLUMNS, "verdicts": VERDICTS, "agents": columns.agents,
            }  # fmt: skip
            buffers.append(columns.packed(renewed, since, len(experiments)))
            room -= len(buffers[0])
        held = asked.get("texts") or (len(experiments), len(experiments))
        new_gains = bool(gains.rows) and asked.get("gains") != gains.state
        fits = new_gains and (len(gains.packed) <= room or room == ROOM)
        if fits:
            room -= len(gains.packed)
        held = (int(held[0]), min(int(held[1]), len(experiments)))
        if (piece := texts(experiments, *held, renewed, max(LEAST_TEXTS, room))) is not None:
            content["texts"] = piece
        if fits:
            content["gains"] = {"state": gains.state, "rows": gains.rows}
            buffers.append(gains.packed)
        if not worker.begun or (new_gains and not fits) or (piece is not None and piece.pop("more")):
            content["more"] = True
        if curve is not None and not (curve["from"] and not curve["count"]):  # else the view has all of it
            content["curve"] = curve
            buffers += points
        if study.settings.side_by_side:
            content["beside"], packed = _beside(status)
            buffers.append(packed)
        self._sent = self._now_known(asked, content)
        return content, buffers

    def _new_facts(self, seen: Any, facts: Facts) -> dict[str, Any]:
        before = self._facts.get(seen) if isinstance(seen, int) else None
        if before is not None and before == facts:
            return {"stamp": seen}
        stamp = next(self._stamps)
        self._facts[stamp] = facts
        for old in list(self._facts)[:-REMEMBERED]:
            del self._facts[old]
        return {
            "stamp": stamp, "base": None if before is None else seen, "facts": facts if before is None else changes(before, facts),
        }  # fmt: skip

    @staticmethod
    def _now_known(asked: dict[str, Any], content: dict[str, Any]) -> dict[str, Any]:
        """Return what a view that has taken this answer would send with its next pull."""
        known = {name: asked.get(name) for name in ("since", "revision", "texts", "gains", "curve")}
        if (rows := content.get("rows")) is not None:
            known |= {"since": rows["to"], "revision": rows["revision"]}
        if (piece := content.get("texts")) is not None:
            low, high = known["texts"] or (piece["from"] + len(piece["rows"]),) * 2
            known["texts"] = [min(low, piece["from"]), max(high, piece["from"] + len(piece["rows"]))]
        if (gains := content.get("gains")) is not None:
            known["gains"] = gains["state"]
        if (curve := content.get("curve")) is not None:
            known["curve"] = {**curve, "points": curve["from"] + curve["count"]}
        return known


def _curve(status: StudyStatus, known: dict[str, Any]) -> tuple[dict[str, Any] | None, list[bytes]]:
    """Return the new points of the curve to show: of the run in progress, beside the best; at rest of the best, beside the baseline."""
    live, best, baseline = _first(status), status.incumbent, status.baseline
    kind: str
    every = 1
    rests = not status.state.ongoing or status.doing is State.PAUSED
    if live is not None and live.curve:
        every = live.reported.every  # read before the points, so that a pull in between sends too much, not too little
        curve, beside, kind, repeat, number = live.curve, best, live.kind, live.repeat, live.experiment.number
    elif live is None and rests and best is not None and best.measurements and best.measurements[0].curve:
        # Else the last run of the confirmation, the baseline's, would stay for ever.
        curve, beside, number = list(best.measurements[0].curve), baseline if best.number else None, best.number
        kind, repeat = "best", 0
    else:
        return None, []
    name, count = next(iter(curve[0].values), ""), len(curve)
    # Every stride-th point. Strides are powers of two, so points that were sent stay valid until the stride doubles.
    stride = 1 << max(0, (count - 1) // CURVE_POINTS).bit_length()
    points = _pairs(curve[:count:stride], name)
    run = {"kind": kind, "number": number, "repeat": repeat, "stride": stride * every}
    in_slot = {"slot": live.slot, "flying": live.flying} if kind != "best" and live is not None and live.place else {}
    same = all(known.get(key) == value for key, value in run.items())
    start = min(int(known.get("points", 0)), len(points)) if same else 0
    other = [] if same or beside is None or not beside.measurements else _pairs(beside.measurements[0].curve, name)
    return {
        **run, **in_slot, "name": name, "from": start, "count": len(points) - start, "incumbent": len(other),
    }, [b"".join(points[start:]), b"".join(other)]  # fmt: skip


def _first(status: StudyStatus) -> LiveRun | None:
    """Return the run in progress of the lowest slot, if possible one that has a curve."""
    return next((live for _, live in sorted(status.lives.items()) if live.curve), status.live)


def _beside(status: StudyStatus) -> tuple[list[dict[str, Any]], bytes]:
    """Return the curves of the other slots than that of the first curve, whole and with few points: what each has, and the points."""
    told, packed, first = [], list[bytes](), _first(status)
    for slot, live in sorted(status.lives.items()):
        points = list(live.curve)
        if not points or live is first:
            continue
        name, stride = next(iter(points[0].values), ""), 1 << max(0, (len(points) - 1) // BESIDE_POINTS).bit_length()
        pairs = _pairs([*points[:-1:stride], points[-1]], name)
        told.append(
            {
                "slot": slot,
                "kind": live.kind,
                "number": live.experiment.number,
                "flying": live.flying,
                "name": name,
                "count": len(pairs),
            }
        )
        packed += pairs
    return told, b"".join(packed)


def _pairs(points: Sequence[Point], name: str) -> list[bytes]:
    """Pack the points that have a finite value of this name as pairs of floats."""
    return [
        struct.pack("<ff", p.progress, p.values[name])
        for p in list(points)
        if math.isfinite(p.values.get(name, math.nan))
    ]
