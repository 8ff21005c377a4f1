"""What has changed since a view asked last: state, rows, gains, and points of the current learning curve."""

from __future__ import annotations

import math
import struct
from collections.abc import Sequence
from typing import Any

from ...curve import Point
from ...events import State
from ...experiment import Experiment
from ...judging.noise import Noise
from ...study.evidence import figures
from ...study.status import LiveRun, StudyStatus
from ...study.study import Study
from ...study.summary import counts, gain_text, run_line, spent_line

CURVE_POINTS = 4096
"""Most points of the current learning curve that are sent: a target may report a million steps."""


def delta(study: Study, epoch: str, request: dict[str, Any]) -> tuple[dict[str, Any], list[bytes]]:
    """Return the answer to a pull: the state, rows from ``request["since"]`` on and changed older ones, new points of the curve.

    Parameters
    ----------
    study : Study
    epoch : str
    request : dict
        What the view has: ``since`` (number of rows), ``revision`` (number of later changes of rows), ``gains`` (the state that
        it has the gains of), ``curve`` (kind, number, repeat, stride, points) and ``epoch``.

    Returns
    -------
    content : dict
    buffers : list of bytes
        Pairs of 32-bit floats, progress and value: new points of the current curve, and the incumbent's whole curve.
    """
    status = study.status
    same = request.get("epoch", epoch) == epoch
    known, revision = (request.get("since", 0), request.get("revision", 0)) if same else (0, 0)
    revised = list(status.revised)
    experiments = study.experiments
    renewed = set(revised[revision:])
    changed = [e for e in experiments[:known] if e.number in renewed]
    # Every experiment teaches something about the noise, and so about all gains: they are sent whole when anything is new.
    gains_state = f"{len(experiments)}.{len(revised)}"
    best, baseline, live, told = status.incumbent, status.baseline, status.live, status.elsewhere
    curve, buffers = _curve(status, request.get("curve") or {})
    head = status.headline
    content = {
        "type": "delta",
        "epoch": epoch,
        "study": {
            "name": study.name, "goal": study.definition.program.title, "metric": study.metric.name,
            "minimize": study.metric.minimize, "budget": "" if study.settings.verify else str(study.settings.budget),
            "verify": study.settings.verify, "agent": study.settings.agent,
            "total": study.settings.planned,
        },
        "state": status.doing,
        "process": told.pid if told else None,
        "behind": told is not None and told.runs < len(status.runs),
        "message": told.message if told else status.message,
        "traceback": status.traceback,
        "elapsed": status.elapsed,
        "remaining": status.remaining,
        "spent": status.elapsed / limit if (limit := study.settings.time_limit) else 0.0,
        "baseline": baseline and {
            "value": baseline.value, "sd": _spread(baseline, status.noise), "repeats": len(baseline.values),
        },
        "best": best and {"number": best.number, "value": best.value, "summary": best.summary},
        "headline": head and {
            "best": head.best, "best_sd": head.best_sd, "baseline": head.baseline, "baseline_sd": head.baseline_sd,
            "gain": head.gain, "reach": head.reach, "text": gain_text(head), "repeats": head.repeats, "number": head.number,
        },
        "counts": {**counts(experiments), "proven": len(status.proven)},
        "done": status.done,
        "pace": status.pace,
        "ledger": spent_line(status),
        "running": live and {**_running(live), "what": run_line(live, best, study.metric)},
        "since": len(experiments),
        "after": min(revision, len(revised)),
        "revision": len(revised),
        "rows": [_row(e) for e in [*changed, *experiments[known:]]],
        "gains": None if same and request.get("gains") == gains_state else _gains(status, experiments, gains_state),
        "curve": curve,
    }  # fmt: skip
    return content, buffers


def _spread(e: Experiment, noise: Noise) -> float | None:
    """Return the standard deviation of one run at an experiment's value: of its own runs, else from the study's noise."""
    if len(e.values) > 1:
        return e.deviation
    return noise.at(e.value) if noise.known and e.value is not None else None


def _gains(status: StudyStatus, experiments: Sequence[Experiment], state: str) -> dict[str, Any]:
    """Return gain, interval and chance of every experiment as they are shown, and whether it is proven."""
    gains = status.gains
    shown = ((e, gains.get(e.number)) for e in experiments)
    rows = [[*figures(gain, status.spread(e)), gain is not None and gain.proven] for e, gain in shown]
    return {"state": state, "rows": rows}


def _row(e: Experiment) -> dict[str, Any]:
    return {
        "number": e.number, "verdict": str(e.verdict), "value": e.value, "seconds": e.seconds,
        "agent": e.proposal.agent, "summary": e.summary, "reason": e.reason, "repeats": len(e.measurements),
        "averaged": len(e.values),
    }  # fmt: skip


def _running(live: LiveRun) -> dict[str, Any]:
    return {
        "number": live.experiment.number, "summary": live.experiment.summary, "phase": live.phase,
        "progress": live.progress, "elapsed": live.elapsed, "step": live.step, "repeat": live.repeat,
        "repeats": live.repeats, "kind": live.kind,
    }  # fmt: skip


def _curve(status: StudyStatus, known: dict[str, Any]) -> tuple[dict[str, Any] | None, list[bytes]]:
    """Return the new points of the curve to show: of the run in progress, beside the best; at rest of the best, beside the baseline."""
    live, best, baseline = status.live, status.incumbent, status.baseline
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
    same = all(known.get(key) == value for key, value in run.items())
    start = min(int(known.get("points", 0)), len(points)) if same else 0
    other = [] if same or beside is None or not beside.measurements else _pairs(beside.measurements[0].curve, name)
    return {
        **run, "name": name, "from": start, "count": len(points) - start, "incumbent": len(other),
    }, [b"".join(points[start:]), b"".join(other)]  # fmt: skip


def _pairs(points: Sequence[Point], name: str) -> list[bytes]:
    """Pack the points that have a finite value of this name as pairs of floats."""
    return [
        struct.pack("<ff", p.progress, p.values[name])
        for p in list(points)
        if math.isfinite(p.values.get(name, math.nan))
    ]
