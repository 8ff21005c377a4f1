"""The marks of the report's chart, the same in the drawing and in its legend."""

from __future__ import annotations

import math

from ...experiment import Experiment
from ..status import StudyStatus
from .markup import Html, tag


def lead_ends(status: StudyStatus) -> tuple[float, ...]:
    """Return where the best is by the ends of the interval of its gain over the baseline; nothing where there is none."""
    head = status.headline
    if head is None or not head.reach:
        return ()
    sign = -1.0 if status.metric.minimize else 1.0
    return tuple(head.baseline + sign * (head.gain + way * head.reach) for way in (-1, 1))


def failed(e: Experiment) -> bool:
    """Whether an experiment without a value is drawn as a failure; a baseline without one is."""
    return e.verdict is not None and (e.verdict.failed or e.kept)


def mark_of(e: Experiment, x: float, y: float, r: float) -> Html:
    """Return the mark of an experiment without a value."""
    if failed(e):
        return tag(
            "path",
            class_="failure",
            d=f"M{px(x - r)} {px(y - r)}l{px(2 * r)} {px(2 * r)}m0 {px(-2 * r)}l{px(-2 * r)} {px(2 * r)}",
        )
    return tag("path", class_="muted", d=f"M{px(x - r)} {px(y)}h{px(2 * r)}")


def circle(kind: str, x: float, y: float, r: float) -> Html:
    """Return the mark of an experiment with a value; that of a keep that is not proven is hollow."""
    return tag("circle", class_=kind, cx=px(x), cy=px(y), r=px(r - (0.8 if kind == "unproven" else 0)))


def arrow(x: float, y: float, off: int) -> Html:
    """Return the mark of a value above (1) or below (-1) the axis."""
    return tag("path", class_="offscale", d=f"M{px(x - 3.6)} {px(y + 3 * off)}h7.2l-3.6 {px(-6 * off)}z")


def px(value: float) -> str:
    """Return a place in the drawing, to a tenth of a pixel."""
    text = f"{value:.1f}" if math.isfinite(value) else "0"
    return text.removesuffix(".0")
