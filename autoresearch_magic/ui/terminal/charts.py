"""The charts of the terminal view: the metric by experiment, and the learning curve of the run in progress beside the best one's."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Sequence
from itertools import pairwise, zip_longest

from rich.text import Text

from ...experiment import Experiment, Verdict
from ...run_numbers import ShownNumber
from ...runs import Point
from . import look
from .canvas import Canvas
from .scale import last_number, tick_texts, ticks, value_range

FAR = 1.5
"""Heights of the chart by which a limit may be beyond the values and still be drawn."""
CROWDED = 1.0
"""Discarded experiments for each column of characters from which they are drawn as dots, of which a character has eight."""


class HistoryChart:
    """The chart of the metric, or of another number, by experiment.

    Parameters
    ----------
    experiments : sequence of Experiment
    proven : collection of int
        The numbers of the keeps that are proven.
    planned : int
        Experiments that are planned; 0 where that is open.
    noise : callable
        Returns the standard deviation of one run at a value; 0 where it is not known.
    width, height : int
        In characters.
    number : ShownNumber, optional
        What is shown in place of the metric, with its limits.
    """

    def __init__(
        self, experiments: Sequence[Experiment], proven: Collection[int], planned: int, noise: Callable[[float], float], width: int, height: int,
        number: ShownNumber | None = None,
    ) -> None:  # fmt: skip
        self._experiments, self._proven, self._height, self._number = experiments, proven, height, number
        value_of = (lambda e: e.value) if number is None else number.value
        self._values = [value_of(e) if e.verdict in VALUED else None for e in experiments]
        self._kept = [e for e in experiments if e.kept and self._values[e.number] is not None]
        kept = [v for e in self._kept if (v := self._values[e.number]) is not None]
        others = [v for e, v in zip(experiments, self._values, strict=True) if v is not None and not e.kept]
        self._empty = not (kept or others) or width < 16 or height < 4
        if self._empty:
            return
        baseline = self._values[0] if experiments[0].verdict is Verdict.BASELINE else None
        sd = noise(baseline) if baseline is not None else 0.0
        self._low, self._high = value_range(kept, others, baseline, sd)
        limits = [] if number is None else number.bounds
        span = self._high - self._low
        near = [v for v in limits if self._low - FAR * span <= v <= self._high + FAR * span]
        if any(not self._low < v < self._high for v in near):
            self._low, self._high = value_range([*kept, *near], others, baseline, sd)
        at = ticks(self._low, self._high, max(2, (height - 1) // 2))
        labels = tick_texts(at)
        self._left = max(map(len, labels), default=0) + 1
        self._canvas = Canvas(width - self._left, height - 1)
        self._end = last_number(planned, len(experiments) - 1)
        self._labels = [(self._y(v), label) for v, label in zip(at, labels, strict=True)]
        if baseline is not None:
            for column in range(self._canvas.width):
                self._canvas.shade(column, self._y(baseline), "┄", look.QUIET)
        for limit in near:
            for column in range(self._canvas.width):
                self._canvas.shade(column, self._y(limit), "╌", look.BAD)
        crowded = len(experiments) / self._end * self._canvas.width < CROWDED * len(others)
        for e in experiments:
            if not e.kept:
                self._draw(e, dots=crowded)
        self._draw_line(noise)
        for e in self._kept:
            self._draw(e)

    def rows(self, selected: int = -1) -> list[Text]:
        """Return the rows, with one experiment pointed out; they are empty while there is no value."""
        if self._empty:
            return [Text("") for _ in range(self._height)]
        above = {}
        if 0 <= selected < len(self._experiments):
            e = self._experiments[selected]
            character, style = look.mark(e, e.number in self._proven)
            value = self._values[e.number]
            y = self._canvas.height - 1 if value is None else self._y(min(self._high, max(self._low, value)))
            above[int(self._x(e.number)), int(y)] = character, f"{style} reverse"
        numbers = [v for v in ticks(0, self._end, max(2, self._canvas.width // 8)) if v == int(v)]
        below = [(self._x(v), f"{int(v)}") for v in numbers]
        return framed(self._canvas.rows(above), self._labels, self._left, below)

    def _x(self, number: float) -> float:
        return number / self._end * (self._canvas.width - 1) + 0.5

    def _y(self, value: float) -> float:
        return (self._high - value) / (self._high - self._low) * (self._canvas.height - 1) + 0.5

    def _draw(self, e: Experiment, *, dots: bool = False) -> None:
        character, style = look.mark(e, e.number in self._proven)
        x, value, bottom = self._x(e.number), self._values[e.number], self._canvas.height - 1
        beyond = value is not None and not e.kept and self._number is not None and self._number.broken_by(value)
        if value is None:
            self._canvas.mark(x, bottom, character, style)
        elif value > self._high:
            self._canvas.mark(x, 0, look.ABOVE, look.BAD if beyond else look.QUIET)
        elif value < self._low:
            self._canvas.mark(x, bottom, look.BELOW, look.BAD if beyond else look.QUIET)
        elif dots:
            self._canvas.dot(x, self._y(value), look.QUIET)
        elif beyond:
            self._canvas.mark(x, self._y(value), look.BEYOND, look.BAD)
        else:
            self._canvas.mark(x, self._y(value), character, style)

    def _draw_line(self, noise: Callable[[float], float]) -> None:
        """Draw the line of the best so far, and around it the band of noise: what lies within may be as good."""
        canvas, last = self._canvas, len(self._experiments) - 1
        steps = [(self._x(e.number), value) for e in self._kept if (value := self._values[e.number]) is not None]
        for (start, value), after in zip_longest(steps, steps[1:]):
            y, stop = self._y(value), after[0] if after else self._x(last)
            canvas.line(start, y, stop, y, look.GOOD)
            if after:
                canvas.line(stop, y, stop, self._y(after[1]), look.GOOD)
            if (sd := noise(value)) > 0:
                top, bottom = sorted((self._y(value - sd), self._y(value + sd)))
                for row in range(math.ceil(max(0.0, top)), math.floor(min(float(canvas.height), bottom))):
                    for column in range(int(start), int(stop) + 1):
                        canvas.shade(column, row, "░", look.QUIET)


VALUED = (Verdict.BASELINE, Verdict.KEEP, Verdict.DISCARD)
"""Verdicts of experiments whose values are drawn."""


def curve_chart(live: Sequence[Point], best: Sequence[Point], width: int, height: int) -> list[Text]:
    """Return the rows of the chart of a learning curve, blue, and another one beside it, grey; x is the share of the budget."""
    name = next((next(iter(points[0].values), "") for points in (live, best) if points), "")
    curves = [
        [(p.progress, p.values[name]) for p in points if math.isfinite(p.values.get(name, math.nan))]
        for points in (best, live)
    ]
    values = sorted(value for curve in curves for _, value in curve)
    if len(values) < 2 or width < 16 or height < 4:
        return [Text("") for _ in range(height)]
    # The first steps of a curve are often far from the rest.
    low, high = values[len(values) // 50], values[-1 - len(values) // 20]
    low, high = (low, high) if high > low else (values[0] - 1, values[0] + 1)
    at = ticks(low, high, max(2, (height - 1) // 2))
    labels = tick_texts(at)
    left = max(map(len, labels), default=0) + 1
    canvas = Canvas(width - left, height - 1)

    def to_y(value: float) -> float:
        return (high - min(high, max(low, value))) / (high - low) * (canvas.height - 1) + 0.5

    for curve, style in zip(curves, (look.QUIET, look.LIVE), strict=True):
        places = [(min(1.0, x) * (canvas.width - 1) + 0.5, to_y(value)) for x, value in curve]
        for (x1, y1), (x2, y2) in pairwise(places):
            canvas.line(x1, y1, x2, y2, style)
    ys = [(to_y(v), label) for v, label in zip(at, labels, strict=True)]
    return framed(canvas.rows(), ys, left, [(0.0, "0"), (canvas.width - 1, "100%")])


def framed(
    plot: Sequence[Text], ys: Sequence[tuple[float, str]], left: int, xs: Sequence[tuple[float, str]]
) -> list[Text]:  # fmt: skip
    """Return a plot with labels at the left, at most so wide with a space, and below it."""
    labels, width = {int(y): label for y, label in ys}, plot[0].cell_len
    rows = []
    for number, row in enumerate(plot):
        rows.append(Text.assemble((f"{labels.get(number, ''):>{left - 1}} ", look.QUIET), row, no_wrap=True, end=""))
    below = [" "] * width
    for x, label in xs:
        start = max(0, min(width - len(label), int(x) - len(label) // 2))
        if all(c == " " for c in below[max(0, start - 1) : start + len(label) + 1]):
            below[start : start + len(label)] = label
    rows.append(Text(" " * left + "".join(below), look.QUIET, no_wrap=True, end=""))
    return rows
