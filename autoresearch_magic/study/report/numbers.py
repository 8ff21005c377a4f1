"""The report's charts of the numbers besides the metric: each by experiment, and the metric against it with the versions that no other one beats."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ...config.directions import direction_of_name
from ...experiment import Experiment, Verdict
from ...run_numbers import ShownNumber, plain_name, within, written
from ...text import shorten
from ..shown_numbers import shown_numbers
from ..status import StudyStatus
from .marks import arrow, circle, px
from .markup import Html, Part, join, tag
from .results import table
from .scale import Scale, make_scale, nice_step, tick_names

WIDTH, HEIGHT = 460, 216
LEFT, RIGHT, TOP, BOTTOM = 58, 448, 24, 176
FAR = 1.5
"""Ranges of the values by which a limit may be beyond them and still be drawn."""
COSTS = ("peak_memory_gb", "seconds", "evaluation_seconds")
"""Measured numbers of which less is better."""
MOST_MARKS = 3_000
"""Marks of one drawing that are drawn: the kept ones, and the latest others."""


@dataclass(frozen=True)
class Point:
    """An experiment with its number and its metric."""

    e: Experiment
    number: float
    value: float


def number_charts(status: StudyStatus) -> Html | None:
    """Return two drawings for each number that the study shows beside its metric; nothing where there are none."""
    judged = status.experiments
    shown = shown_numbers(status.settings, judged)
    parts = [each for number in shown if (each := _number(status, number))]
    if not parts:
        return None
    said = (
        "Each number by experiment, where the line is that of the best version at that time, and the metric against it. Where it is known which way a "
        "number is better, by its limit or its name, the blue line joins the versions that no other one beats in both."
    )
    return join(tag("h3", "Beside the metric"), tag("p", said, class_="quiet"), parts, _limits(status))


def _limits(status: StudyStatus) -> Html | None:
    """Return a table of the limits, with the numbers of baseline and best beside them."""
    rows: list[list[Part]] = [[*row] for row in limits_table(status)]
    return table(["limit", "baseline", "best", "the best is"], rows, right=(1, 2)) if rows else None


def frontier(points: Sequence[Point], *, minimize: bool, less: bool) -> list[Point]:
    """Return the points that no other one beats in both, from small numbers to large.

    Parameters
    ----------
    points : sequence of Point
    minimize : bool
        Whether a lower metric is better.
    less : bool
        Whether a lower number is better.
    """
    way, sign = (1.0 if less else -1.0), (1.0 if minimize else -1.0)
    found: list[Point] = []
    for p in sorted(points, key=lambda p: (way * p.number, sign * p.value)):
        if not found or sign * p.value < sign * found[-1].value:
            found.append(p)
    return sorted(found, key=lambda p: p.number)


def less_is_better(number: ShownNumber) -> bool | None:
    """Whether less of a number is better: by the side of its limit, else by its name; None where neither says so."""
    signs = {sign[0] for sign, _ in number.limits}
    if len(signs) == 1:
        return signs == {"<"}
    return True if plain_name(number.name) in COSTS else direction_of_name(number.name)


def _number(status: StudyStatus, number: ShownNumber) -> Html | None:
    minimize = status.metric.minimize
    points = [
        Point(e, n, e.value)
        for e in status.experiments
        if e.value is not None and (e.kept or e.verdict is Verdict.DISCARD) and (n := number.value(e)) is not None
    ]
    if not points:
        return None
    rest = [p for p in points if not p.e.kept][-MOST_MARKS:]
    kept = [p for p in points if p.e.kept]
    axis = _axis(number, kept, rest)
    return tag(
        "figure",
        tag(
            "div",
            _history(status, number, kept, rest, axis),
            _scatter(status, number, kept, rest, minimize),
            class_="pair",
        ),
        class_="chart numbers",
    )


def _axis(number: ShownNumber, kept: Sequence[Point], rest: Sequence[Point]) -> Scale:
    """Return the axis of a number: with limits that are not far off."""
    core, others = [p.number for p in kept], [p.number for p in rest]
    scale = make_scale(core, others, 0.0, less_is_better(number) is not False)
    near = [
        b
        for b in number.bounds
        if scale.low - FAR * (scale.high - scale.low) <= b <= scale.high + FAR * (scale.high - scale.low)
    ]
    return make_scale([*core, *near], others, 0.0, less_is_better(number) is not False) if near else scale


class _Sheet:
    """A drawing with a vertical and a horizontal axis."""

    def __init__(self, y: Scale, x: Scale | None, last: int = 0) -> None:
        self._y, self._x, self._last = y, x, max(last, 4)

    def y(self, value: float) -> float:
        return BOTTOM - min(1.0, max(0.0, self._y.share(value))) * (BOTTOM - TOP)

    def x(self, value: float) -> float:
        share = value / self._last if self._x is None else min(1.0, max(0.0, self._x.share(value)))
        return LEFT + 8 + share * (RIGHT - LEFT - 16)

    def off(self, value: float) -> int:
        share = self._y.share(value)
        return 1 if share > 1 else -1 if share < 0 else 0

    def axes(self, heading: str, below: str) -> Html:
        """Return lines, ticks and words of both axes."""
        parts: list[Part] = [tag("text", heading, class_="axis", x=8, y=12)]
        ticks = self._y.ticks(4)
        for tick, name in zip(ticks, tick_names(ticks), strict=True):
            y = px(self.y(tick))
            parts.append(tag("line", class_="grid", x1=LEFT, x2=RIGHT, y1=y, y2=y))
            parts.append(tag("text", name, class_="tick", x=LEFT - 8, y=px(self.y(tick) + 4), text_anchor="end"))
        if self._x is None:
            step = max(1, round(nice_step(self._last / 5)))
            along = [(float(n), f"{n:,}") for n in range(0, self._last + 1, step)]
        else:
            at = self._x.ticks(4)
            along = [*zip(at, tick_names(at), strict=True)]
        parts += [
            tag("text", name, class_="tick", x=px(self.x(v)), y=BOTTOM + 18, text_anchor="middle") for v, name in along
        ]
        parts.append(tag("text", below, class_="axis", x=RIGHT, y=BOTTOM + 35, text_anchor="end"))
        return join(parts)


def _history(
    status: StudyStatus, number: ShownNumber, kept: Sequence[Point], rest: Sequence[Point], axis: Scale
) -> Html:
    last = status.experiments[-1].number
    sheet = _Sheet(axis, None, last)
    limits = [
        tag("line", class_="limit", x1=LEFT, x2=RIGHT, y1=px(sheet.y(b)), y2=px(sheet.y(b)))
        for b in number.bounds
        if not sheet.off(b)
    ]
    path = ""
    for n, (p, after) in enumerate(zip(kept, [*kept[1:], None], strict=True)):
        y, end = px(sheet.y(p.number)), px(sheet.x(after.e.number if after else last))
        path += f"V{y}H{end}" if n else f"M{px(sheet.x(p.e.number))} {y}H{end}"
    marks = [
        _mark(status, number, p, sheet.x(p.e.number), sheet.y(p.number), sheet.off(p.number)) for p in (*rest, *kept)
    ]
    limit = f", limit {number.words}" if number.limits else ""
    heading = f"{shorten(number.name, 40)} by experiment{limit}"
    return _svg(
        heading, sheet.axes(heading, "experiment"), limits, tag("path", class_="best", d=path) if path else None, marks
    )


def _scatter(
    status: StudyStatus, number: ShownNumber, kept: Sequence[Point], rest: Sequence[Point], minimize: bool
) -> Html:
    metric, less = status.metric, less_is_better(number)
    every = [*rest, *kept]
    front = [] if less is None else frontier(every, minimize=minimize, less=less)
    core = [*kept, *front]
    x = _axis(number, core, rest)
    sheet = _Sheet(make_scale([p.value for p in core], [p.value for p in rest], 0.0, minimize), x)
    limits = [
        tag("line", class_="limit", x1=px(sheet.x(b)), x2=px(sheet.x(b)), y1=TOP, y2=BOTTOM)
        for b in number.bounds
        if 0 <= x.share(b) <= 1
    ]
    path = ""
    for n, p in enumerate(front):
        across, down = px(sheet.x(p.number)), px(sheet.y(p.value))
        path += f"M{across} {down}" if not n else f"H{across}V{down}" if less else f"V{down}H{across}"
    marks = [
        _mark(status, number, p, sheet.x(p.number), sheet.y(p.value), sheet.off(p.value))
        for p in every
        if 0 <= x.share(p.number) <= 1
    ]
    dots = [circle("front", sheet.x(p.number), sheet.y(p.value), 2.2) for p in front]
    heading = f"{shorten(metric.name, 28)} against {shorten(number.name, 28)}"
    line = tag("path", class_="frontier", d=path) if len(front) > 1 else None
    better = f"{'lower' if minimize else 'higher'} {shorten(metric.name, 24)} and {'less' if less else 'more'} {shorten(number.name, 24)}"
    said = (
        heading
        if less is None
        else f"{heading}; {len(front)} of {len(every)} versions are not beaten in both: {better}"
    )
    return _svg(said, sheet.axes(heading, number.name), limits, line, marks, dots)


def _svg(said: str, *parts: Part) -> Html:
    return tag(
        "svg",
        tag("title", said),
        parts,
        class_="drawing small",
        viewBox=f"0 0 {WIDTH} {HEIGHT}",
        role="img",
        aria_label=said,
    )


def _mark(status: StudyStatus, number: ShownNumber, p: Point, x: float, y: float, off: int) -> Html:
    broken = number.broken_by(p.number)
    if off:
        mark = arrow(x, y, off)
    elif p.e.kept:
        mark = circle("start" if p.e.number == 0 else "keep" if p.e.number in status.proven else "unproven", x, y, 4.2)
    else:
        mark = circle("beyond" if broken else "discard", x, y, 3.0)
    limit = " (beyond the limit)" if broken else ""
    words = f"{p.e.number}: {p.e.verdict} · {number.name} {written(number.name, p.number)}{limit} · {status.metric.name} {status.format(p.value)}"
    return tag("g", tag("title", words + (f"\n{shorten(p.e.summary, 200)}" if p.e.summary else "")), mark)


def limits_table(status: StudyStatus) -> list[tuple[str, ...]]:
    """Return a row for each limit: what it is, the baseline's number, the best version's, and whether that is within."""
    baseline, best = status.baseline, status.incumbent
    rows = []
    for number in shown_numbers(status.settings, status.experiments):
        for sign, bound in number.limits:
            before, now = (None if e is None else number.value(e) for e in (baseline, best))
            state = "no value" if now is None else "within" if within(now, sign, bound) else "beyond"
            rows.append(
                (
                    f"{number.name} {sign} {bound:g}",
                    *("–" if v is None else written(number.name, v) for v in (before, now)),
                    state,
                )
            )
    return rows
