"""The small panels of progress.png: numbers besides the metric (``--also``, ``--limit``) by experiment, below the metric."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from statistics import quantiles
from typing import Any

from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from ..experiment import Experiment
from ..run_numbers import ShownNumber, written
from .chart_look import DISCARDED, FAILED, GRID, KEPT, SOFT, Look, cut, drawable, line_look, text_look, tick_names

MOST_PANELS = 3
"""Numbers that are drawn; the report and the panel show all of them."""
PANEL = 0.92
"""Inches of a panel's height."""
FAR = 1.5
"""Ranges of the values by which a limit may be beyond them and still be drawn."""


def draw_number(
    axes: Any, number: ShownNumber, judged: Sequence[Experiment], xlim: tuple[float, float], end: float
) -> list[Line2D]:
    """Draw a number of each experiment, a line of the incumbents', and its limits; return the legend's entry for those beyond them.

    Parameters
    ----------
    axes : matplotlib.axes.Axes
    number : ShownNumber
    judged : sequence of Experiment
        In the order of their numbers.
    xlim : tuple of float
        The main panel's.
    end : float
        Where the experiments end and the column of the headline begins.
    """
    values = {e.number: v for e in judged if (v := number.value(e)) is not None and abs(v) < 1e100}
    kept = {e.number: values[e.number] for e in judged if e.kept and e.number in values}
    others = {n: v for n, v in values.items() if n not in kept}
    limits = number.bounds
    low, high = _range([*kept.values()], [*others.values()], limits)
    axes.set(xlim=xlim, ylim=(low, high), facecolor="none")
    if xlim[1] > end:
        axes.axvline(end, **line_look(GRID, 0.9), zorder=1)
    ticks = [float(t) for t in MaxNLocator(3, steps=[1, 2, 2.5, 5, 10]).tick_values(low, high) if low <= t <= high]
    axes.set_yticks(ticks, tick_names(ticks), **text_look(7.5, SOFT))
    axes.set_xticks([])
    axes.minorticks_off()
    axes.tick_params(which="both", length=0, pad=5)
    axes.set_axisbelow(True)
    axes.grid(False, which="both")
    axes.grid(True, axis="y", color=GRID, linestyle="-", linewidth=0.8)
    axes.spines[:].set_visible(False)
    for limit in limits:
        if low <= limit <= high:
            axes.axhline(limit, **line_look(FAILED, 1.0, (0, (4, 2.5))), zorder=1.6)
    if kept:
        last = judged[-1].number
        axes.step([*kept, last], [*kept.values(), [*kept.values()][-1]], where="post", **line_look(KEPT, 1.4), zorder=4)
    small = 2.6 if len(judged) > 150 else 3.4
    inside = {n: v for n, v in others.items() if low <= v <= high}
    beyond = {n: v for n, v in inside.items() if number.broken_by(v)}
    _marks(axes, {n: v for n, v in inside.items() if n not in beyond}, "o", small, DISCARDED)
    _marks(axes, beyond, "o", small, FAILED)
    _marks(axes, kept, "o", 2.2 if len(kept) > 40 else 4.2, KEPT, zorder=5)
    above, below = ({n: v for n, v in others.items() if v > high}, {n: v for n, v in others.items() if v < low})
    for far, marker, share in ((above, "^", 0.94), (below, "v", 0.06)):
        for color, broken in ((SOFT, False), (FAILED, True)):
            found = [n for n, v in far.items() if number.broken_by(v) is broken]
            _marks(axes, dict.fromkeys(found, share), marker, small, color, transform=axes.get_xaxis_transform())
    axes.set_title(drawable(cut(_heading(number, kept), 90)), loc="left", pad=4, **text_look(8, SOFT, va="baseline"))
    if not values:
        axes.text(0.5, 0.5, "no value yet", transform=axes.transAxes, ha="center", **text_look(8, SOFT))
    look: Look = {
        "marker": "o",
        "markersize": 4.2,
        "linestyle": "none",
        "markerfacecolor": FAILED,
        "markeredgecolor": FAILED,
    }
    return [Line2D([], [], label="beyond a limit", **look)] if any(map(number.broken_by, others.values())) else []


def _heading(number: ShownNumber, kept: Mapping[int, float]) -> str:
    parts = [number.name]
    if kept:
        first, best = next(iter(kept.values())), [*kept.values()][-1]
        change = (
            f"{written(number.name, first)} → {written(number.name, best)}"
            if best != first
            else written(number.name, best)
        )
        parts.append(change)
    if number.limits:
        parts.append(f"limit {number.words}")
    return " · ".join(parts)


def _range(kept: Sequence[float], others: Sequence[float], limits: Sequence[float]) -> tuple[float, float]:
    """Return the ends of the axis: all kept values, the others without outliers, and limits that are not far off."""
    shown = [*kept, *_typical(others)]
    if not shown:
        shown = [*limits] or [0.0, 1.0]
    low, high = min(shown), max(shown)
    span = high - low or abs(high) * 0.2 or 1.0
    for limit in limits:
        if low - FAR * span <= limit <= high + FAR * span:
            low, high = min(low, limit), max(high, limit)
    pad = 0.12 * (high - low) or abs(high) * 0.1 or 1.0
    return low - pad, high + pad


def _typical(values: Sequence[float]) -> list[float]:
    if len(values) < 4:
        return list(values)
    first, _, third = quantiles(values, n=4)
    fence = 3 * (third - first)
    return [v for v in values if first - fence <= v <= third + fence and math.isfinite(v)]


def _marks(axes: Any, points: Mapping[int, float], marker: str, size: float, color: str, **look: Any) -> None:
    if not points:
        return
    style: Look = {"marker": marker, "markersize": size, "fillstyle": "full", "linestyle": "none", "zorder": 3}
    style |= {
        "markerfacecolor": color,
        "markeredgecolor": color,
        "markeredgewidth": 0,
        "transform": axes.transData,
    } | look
    axes.add_artist(Line2D([*points], [*points.values()], clip_on=False, **style))
