"""The live panel: one widget that answers when its front end asks.

The front end pulls about once a second, one request in flight, and gets what has happened since; so a reload, a
reconnect or a slow line costs nothing but a pause. Nothing is ever pushed. The protocol stands in panel.js.
"""

from __future__ import annotations

import math
import struct
import time
import uuid
import weakref
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import anywidget

from ...errors import UserError
from ...experiment import Experiment, Point
from ...judging.noise import estimate_noise
from ...source.edits import unified_diff
from ...study.status import LiveRun
from ...study.study import Study
from ...study.summary import counts, run_line, spent_line

_HERE = Path(__file__).parent
CURVE_POINTS = 4096
"""Points of the running curve that are sent at most: a target may report each of a million steps."""
UNHEARD = 2.5
"""Seconds without a question after which a waiting cell tells unasked: the front end asks every second."""


class Panel(anywidget.AnyWidget):  # type: ignore[misc]
    """A study's panel.

    Parameters
    ----------
    study : Study
    """

    _esm = _HERE / "panel.js"
    _css = _HERE / "panel.css"

    def __init__(self, study: Study) -> None:
        super().__init__()
        self._study = study
        # A resumed study may have other rows than the view remembers: a new epoch makes it forget them.
        self._epoch = uuid.uuid4().hex
        self._heard_at = time.monotonic()
        self._told, self._revision = 0, 0  # rows that were sent, and changes of such
        self._curve: dict[str, Any] = {}  # whose curve was sent, and how many points of it
        self.on_msg(self._hear)
        _let_front_end_choose_thread(self.comm)
        _panels.setdefault(study, weakref.WeakSet()).add(self)

    def _hear(self, _: Any, content: dict[str, Any], buffers: Any) -> None:
        match content.get("type"):
            case "pull":
                self._heard_at = time.monotonic()
                self._tell(content, asked=True)
            case "command":
                self._command(content.get("name"))
            case "show":
                self.send(detail(self._study, content.get("number")))

    def _command(self, name: Any) -> None:
        try:
            match name:
                case "pause":
                    self._study.pause()
                case "resume":
                    self._study.resume()
                case "stop":
                    self._study.stop(wait=False)
                case _:
                    raise UserError(f"The panel has no command {name!r}.")
        except UserError as error:
            self.send({"type": "refused", "message": str(error)})
        self._tell_more()

    def _tell_more(self) -> None:
        """Tell unasked what has come since it last told."""
        self._tell({"since": self._told, "revision": self._revision, "curve": self._curve})

    def _tell(self, request: dict[str, Any], *, asked: bool = False) -> None:
        content, buffers = delta(self._study, self._epoch, request)
        self._told, self._revision = content["since"], content["revision"]
        if (curve := content["curve"]) is not None:
            self._curve = {**curve, "points": curve["from"] + curve["count"]}
        self.send({**content, "asked": asked}, buffers)

    def nudge(self) -> None:
        """Tell unasked, when the front end's questions have stopped coming through."""
        if time.monotonic() - self._heard_at > UNHEARD:
            self._tell_more()

    def _repr_mimebundle_(self, **kwargs: Any) -> Any:
        bundle = super()._repr_mimebundle_(**kwargs)
        data = bundle[0] if isinstance(bundle, tuple) else bundle
        if data is not None:
            # What stands in a saved notebook where widgets are not shown; the picture follows below it.
            data["text/plain"] = f"Live panel of {self._study.name}"
        return bundle


_panels: weakref.WeakKeyDictionary[Study, weakref.WeakSet[Panel]] = weakref.WeakKeyDictionary()


def nudge(study: Study) -> None:
    """Keep a study's panels moving while a cell of ours holds the kernel, where questions cannot come through."""
    for panel in list(_panels.get(study, ())):
        panel.nudge()


def _let_front_end_choose_thread(comm: Any) -> None:
    """Answer in the thread that the front end asks in.

    JupyterLab 4.4 and later ask in a subshell of their own, which answers while a cell is running. From 7.4 on,
    ipykernel sends questions to the thread that last spoke on the comm instead, which is the main one, and busy.
    """
    if hasattr(comm, "_reply_subshell_for"):
        comm._reply_subshell_for = lambda data, default: default


def delta(study: Study, epoch: str, request: dict[str, Any]) -> tuple[dict[str, Any], list[bytes]]:
    """Answer a pull: the state, the rows from ``request["since"]`` on and older ones that changed, the running curve's new points.

    Parameters
    ----------
    study : Study
    epoch : str
    request : dict
        ``since`` (rows known), ``revision`` (later changes of rows known), ``curve`` (kind, number, repeat, stride
        and points known) and ``epoch``.

    Returns
    -------
    content : dict
    buffers : list of bytes
        Pairs of 32-bit floats, progress and value: the running curve's new points, the incumbent's whole curve.
    """
    status = study.status
    same = request.get("epoch", epoch) == epoch
    known, revision = (request.get("since", 0), request.get("revision", 0)) if same else (0, 0)
    revised = list(status.revised)
    experiments = study.experiments
    again = set(revised[revision:])
    # With a row changes what others say of their distance to it.
    changed = [e for e in experiments[:known] if e.number in again or (e.parent in again and e.value is not None)]
    noise = estimate_noise(experiments)
    best, baseline, live = status.incumbent, status.baseline, status.live
    curve, buffers = _curve(live, best, request.get("curve") or {})
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
        "state": study.state,
        "message": status.message,
        "traceback": status.traceback,
        "elapsed": status.elapsed,
        "remaining": status.remaining,
        "spent": status.elapsed / limit if (limit := study.settings.time_limit) else 0.0,
        "baseline": baseline and {
            "value": baseline.value, "sd": noise.sd if noise.known else None, "repeats": len(baseline.values),
        },
        "best": best and {"number": best.number, "value": best.value, "summary": best.summary},
        "headline": head and {
            "best": head.best, "best_sd": head.best_sd, "baseline": head.baseline, "baseline_sd": head.baseline_sd,
            "gain": head.gain, "reach": head.reach, "confidence": head.confidence, "repeats": head.repeats,
            "number": head.number,
        },
        "counts": counts(experiments),
        "done": status.done,
        "pace": status.pace,
        "ledger": spent_line(status),
        "running": live and {**_running(live), "what": run_line(live, best, study.metric)},
        "since": len(experiments),
        "after": min(revision, len(revised)),
        "revision": len(revised),
        "rows": [_row(e, experiments) for e in [*changed, *experiments[known:]]],
        "curve": curve,
    }  # fmt: skip
    return content, buffers


def detail(study: Study, number: Any) -> dict[str, Any]:
    """Answer a click on a row."""
    try:
        e = study.experiment(number)
    except UserError as error:
        return {"type": "refused", "message": str(error)}
    before = study.experiments[e.parent].target if e.parent is not None else ""
    last = e.measurements[-1] if e.measurements else None
    return {
        "type": "detail", "number": e.number, "hypothesis": _thought(e), "reason": e.reason,
        "diff": unified_diff(before, e.target, f"experiment {e.parent}", f"experiment {e.number}") if e.number else e.target,
        "output": last.output if last else "", "error": last.traceback if last else "",
    }  # fmt: skip


def _thought(e: Experiment) -> str:
    expected = f" Expected effect: {e.proposal.expect}" if e.proposal.expect else ""
    return f"{e.proposal.hypothesis}{expected}".strip()


def _row(e: Experiment, experiments: Sequence[Experiment]) -> dict[str, Any]:
    before = experiments[e.parent].value if e.parent is not None else None
    change = None if before is None or e.value is None else e.value - before
    return {
        "number": e.number, "verdict": str(e.verdict), "value": e.value, "change": change, "seconds": e.seconds,
        "agent": e.proposal.agent, "summary": e.summary, "reason": e.reason, "repeats": len(e.measurements),
        "averaged": len(e.values),
    }  # fmt: skip


def _running(live: LiveRun) -> dict[str, Any]:
    return {
        "number": live.experiment.number, "summary": live.experiment.summary, "phase": live.phase,
        "progress": live.progress, "elapsed": live.elapsed, "step": live.step, "repeat": live.repeat,
        "repeats": live.repeats, "kind": live.kind,
    }  # fmt: skip


def _curve(
    live: LiveRun | None, best: Experiment | None, known: dict[str, Any]
) -> tuple[dict[str, Any] | None, list[bytes]]:
    if live is None or not live.curve:
        return None, []
    name = next(iter(live.curve[0].values), "")
    number, count = live.experiment.number, len(live.curve)
    # Every stride-th point; the strides are powers of two, so that what was sent stays right until the next one.
    stride = 1 << max(0, (count - 1) // CURVE_POINTS).bit_length()
    points = _pairs(live.curve[:count:stride], name)
    whose = {"kind": live.kind, "number": number, "repeat": live.repeat, "stride": stride}
    same = all(known.get(key) == value for key, value in whose.items())
    start = min(int(known.get("points", 0)), len(points)) if same else 0
    other = [] if same or best is None or not best.measurements else _pairs(best.measurements[0].curve, name)
    return {
        **whose, "name": name, "from": start, "count": len(points) - start, "incumbent": len(other),
    }, [b"".join(points[start:]), b"".join(other)]  # fmt: skip


def _pairs(points: Sequence[Point], name: str) -> list[bytes]:
    """Pack the points that have a finite value of that name."""
    return [
        struct.pack("<ff", p.progress, p.values[name])
        for p in list(points)
        if math.isfinite(p.values.get(name, math.nan))
    ]
