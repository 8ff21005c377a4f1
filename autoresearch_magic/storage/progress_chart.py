"""progress.png: one picture of a whole study.

It is drawn in a background thread beside a user who may be plotting. So pyplot is not imported, rcParams are not changed, and
every property that a style sheet could set (fonts, LaTeX, lines, margins) is given explicitly.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from io import BytesIO
from itertools import pairwise, product
from pathlib import Path
from statistics import quantiles
from typing import Any

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.lines import Line2D
from matplotlib.path import Path as Polyline
from matplotlib.ticker import MaxNLocator
from matplotlib.transforms import Affine2D, Bbox, IdentityTransform

from ..experiment import Experiment, Verdict
from ..headline import Headline
from ..metric import Metric, format_number
from ..run_numbers import ShownNumber
from ..text import counted
from .chart_look import (
    DISCARDED,
    FAILED,
    GRID,
    INK,
    KEPT,
    NOISE,
    PAPER,
    SOFT,
    Look,
    cut,
    drawable,
    font,
    line_look,
    text_look,
    tick_names,
)  # fmt: skip
from .number_panels import MOST_PANELS, PANEL, draw_number
from .results_tsv import write_atomically

SIZE, DPI = (7.5, 4.0), 160
"""Inches, and pixels per inch: 1200 x 640 pixels are sharp at the 760 pixels that a notebook shows."""
MARGIN = 0.165
"""Inches that stay free at the figure's edges."""
NAMED = 10
"""Kept experiments whose summaries are shown at most: the last one, and those with the largest gains."""
NAME_LENGTH = 44


def save_progress(path: Path, experiments: Sequence[Experiment], metric: Metric, **options: Any) -> None:
    """Draw a study and write it as a PNG atomically; the options are those of `draw_progress`."""
    buffer = BytesIO()
    canvas: Any = draw_progress(experiments, metric, **options).canvas
    canvas.print_png(buffer, metadata={"Software": None})  # savefig would ask rcParams for resolution and margins
    write_atomically(path, buffer.getvalue())


def draw_progress(
    experiments: Sequence[Experiment],
    metric: Metric,
    *,
    title: str = "",
    noise: float = 0.0,
    headline: Headline | None = None,
    proven: Collection[int] = (),
    numbers: Sequence[ShownNumber] = (),
) -> Figure:
    """Draw what was tried, what was kept, and how far the best has come.

    Parameters
    ----------
    experiments : sequence of Experiment
        Those without a verdict are left out.
    metric : Metric
    title : str, optional
        The study's goal or name; by default the metric's name.
    noise : float, optional
        Standard deviation of one run of the baseline, shown as a band around it.
    headline : Headline, optional
        Baseline and best as measured again at the end, shown in a column at the right.
    proven : collection of int
        Numbers of the keeps that are proven; their marks are filled, those of the others hollow.
    numbers : sequence of ShownNumber
        Numbers besides the metric; the first `MOST_PANELS` that an experiment has get a panel each below the metric.
    """
    judged = sorted((e for e in experiments if e.verdict is not None), key=lambda e: e.number)
    return _Chart(judged, metric, title, noise, headline, frozenset(proven), numbers).figure


class _Chart:
    """The figure of one study, with what its parts share.

    `kept` and `discarded` are values by experiment number; the experiments end at `end` on the horizontal axis, where the
    column of the headline begins.
    """

    def __init__(
        self, judged: Sequence[Experiment], metric: Metric, title: str, noise: float, headline: Headline | None,
        proven: frozenset[int], numbers: Sequence[ShownNumber] = (),
    ) -> None:  # fmt: skip
        self.metric, self.noise = metric, noise
        self.firm = {e.number for e in judged if e.number in proven or e.verdict is Verdict.BASELINE}
        self.kept = {e.number: e.value for e in judged if e.kept and e.value is not None}
        failed = [v for v in Verdict if v.failed]
        self.failed = [e.number for e in judged if e.number not in self.kept and (e.kept or e.verdict in failed)]
        self.stopped = [e.number for e in judged if e.value is None and e.verdict is Verdict.PRUNED]
        others = (e for e in judged if e.number not in self.kept and e.number not in self.failed)
        self.discarded = {e.number: e.value for e in others if e.value is not None}
        self.baseline = next((e.value for e in judged if e.verdict is Verdict.BASELINE), None)
        self.last = judged[-1].number if judged else 0
        self.wide = max(self.last, 4)  # a study that has just begun has room to its right
        self.end = self.wide * 1.085 + 0.2

        panels = [n for n in numbers if any(n.value(e) is not None for e in judged)][:MOST_PANELS]
        size = SIZE[0], SIZE[1] + PANEL * len(panels)
        self._height = size[1] / SIZE[1]
        layout = ConstrainedLayoutEngine(rect=(0, 0, 1, self._up(0.785)), w_pad=MARGIN, h_pad=0.09, wspace=0, hspace=0)
        self.figure = Figure(size, DPI, facecolor=PAPER, edgecolor="none", frameon=True, layout=layout)
        FigureCanvasAgg(self.figure)
        better = "↓ lower" if metric.minimize else "↑ higher"
        self._write_line(0.945, title or metric.name, 12.5, weight="bold")
        self._write_line(0.878, _summary(judged, headline, noise, proven), 9.5, SOFT)
        self._write_line(0.806, f"{metric.name} {better} is better", 8.5)
        grid = self.figure.add_gridspec(1 + len(panels), 1, height_ratios=[3.0, *[PANEL] * len(panels)])
        self._make_axes(noise, headline, grid[0])
        beyond: list[Line2D] = []
        for row, number in enumerate(panels, 1):
            beyond = (
                draw_number(self.figure.add_subplot(grid[row]), number, judged, self.axes.get_xlim(), self.end)
                or beyond
            )
        self._legend([*self._draw_experiments(), *beyond, *self._draw_baseline(noise)])
        layout.execute(self.figure)
        self.figure.set_layout_engine("none")  # names are placed by pixels, so nothing may move any more
        self._open_marks()
        if headline is not None:
            self._draw_headline(headline)
        if len(self.kept) > 1:
            self._name_kept({e.number: e.summary for e in judged})

    def _up(self, share: float) -> float:
        """Return a share of the height of a picture without panels as one of this picture, from the top."""
        return 1 - (1 - share) / self._height

    def _write_line(self, y: float, words: str, size: float, color: str = INK, **style: Any) -> None:
        """Write a line of the heading, somewhat smaller or else cut where it is wider than the figure."""
        margin = MARGIN / SIZE[0]
        text = self.figure.text(
            margin, self._up(y), drawable(words), in_layout=False, **text_look(size, color, **style)
        )
        share = (1 - 2 * margin) * self.figure.bbox.width / max(1.0, text.get_window_extent().width)
        if 0.85 <= share < 1:
            text.set_fontproperties(font(0.99 * size * share, style.get("weight", "normal")))
        elif share < 1:
            text.set_text(cut(text.get_text(), int(len(text.get_text()) * share) - 1))

    def _make_axes(self, noise: float, headline: Headline | None, place: Any) -> None:
        sign = 1.0 if self.metric.minimize else -1.0
        again = [headline.best, headline.baseline] if headline else []
        # No axis can hold more than 1e100; what is that far off is off the scale.
        core, discarded = (
            [min(1e100, max(-1e100, sign * y)) for y in values]
            for values in ((*self.kept.values(), *again), self.discarded.values())
        )
        limits = _limits(core, discarded, noise, strip=bool(self.failed or self.stopped), lone=len(self.kept) < 2)
        low, high = sorted(sign * limit for limit in limits)
        right = self.end + (0.225 * self.wide if headline else 0.0)
        axes = self.axes = self.figure.add_subplot(place, facecolor="none", ylim=(low, high))
        axes.set_xlim(-0.02 * right - 0.15, right)
        ticks = MaxNLocator(9, steps=[1, 2, 5, 10], integer=True).tick_values(0, self.wide)
        numbers = {float(t): f"{t:.0f}" for t in ticks if 0 <= t <= self.wide}
        if headline:
            numbers[(self.end + right) / 2] = "measured again"
            axes.axvline(self.end, **line_look(GRID, 0.9), zorder=1)
        axes.set_xticks([*numbers], [*numbers.values()], **text_look(8, SOFT, va="top"))
        axes.set_xlabel("experiment", loc="center", labelpad=3, **text_look(8, SOFT, va="top"))
        below_zero = any(value < 0 for value in (*self.kept.values(), *self.discarded.values()))
        ticks = MaxNLocator(6, steps=[1, 2, 2.5, 5, 10]).tick_values(low, high)
        shown = [float(t) for t in ticks if low <= t <= high and (t >= 0 or below_zero)]
        if self.kept or self.discarded:
            axes.set_yticks(shown, tick_names(shown), **text_look(8, SOFT))
        else:
            axes.set_yticks([])
            axes.text(0.5, 0.5, "no value yet", transform=axes.transAxes, ha="center", **text_look(9, SOFT))
        axes.minorticks_off()
        sides: Look = {"labelbottom": True, "labelleft": True, "labeltop": False, "labelright": False}
        axes.tick_params(which="both", length=0, pad=5, **sides)
        axes.set_axisbelow(True)
        axes.grid(False, which="both")
        axes.grid(True, axis="y", color=GRID, linestyle="-", linewidth=0.8)
        axes.spines[:].set_visible(False)
        axes.spines.bottom.set(visible=True, color=DISCARDED, linewidth=0.9)

    def _draw_experiments(self) -> list[Line2D]:
        """Draw every experiment, the line of the best and what was gained; returns the legend's entries."""
        (low, high), kept, minimize = self.axes.get_ylim(), self.kept, self.metric.minimize
        if kept:
            x, y = [*kept, self.last], [*kept.values(), [*kept.values()][-1]]
            (self.best,) = self.axes.step(x, y, where="post", **line_look(KEPT, 1.9), zorder=4)
            if self.baseline is not None and len(kept) > 1:
                look: Look = {"facecolor": KEPT, "edgecolor": "none", "linewidth": 0, "alpha": 0.07, "zorder": 0.3}
                self.axes.fill_between(x, y, self.baseline, step="post", **look)
        small = 3.2 if self.last > 150 else 4.2 if self.last > 50 else 5.0
        inside, others = ({x: y for x, y in found.items() if low <= y <= high} for found in (kept, self.discarded))
        size = 5.2 if len(kept) > 40 else 7.0
        firm, open_ = ({x: y for x, y in inside.items() if (x in self.firm) is is_firm} for is_firm in (True, False))
        name = "kept, proven" if len(self.firm) > 1 else ""
        handles = self._marks(firm, "o", size, KEPT, name, zorder=5)
        hollow: Look = {"markerfacecolor": PAPER, "markeredgecolor": KEPT, "markeredgewidth": 1.6, "zorder": 5}
        self._hollow = size - 1.6
        handles += self._marks(open_, "o", self._hollow, KEPT, "kept, not proven", **hollow)
        handles += self._marks(others, "o", small, DISCARDED, "discarded", alpha=0.85)
        # Failures are marked at the edge of the bad values, and what is off the scale there one row further in.
        edge, row = (0.975, 0.925) if minimize else (0.025, 0.075)
        everything = self.discarded | kept
        above = {x: row if minimize else 0.975 for x, y in everything.items() if y > high}
        below = {x: 0.025 if minimize else row for x, y in everything.items() if y < low}
        for points, marker, color, name in (
            (dict.fromkeys(self.failed, edge), "x", FAILED, "failed"),
            (dict.fromkeys(self.stopped, edge), "|", DISCARDED, "stopped early"),
            (above, "^", SOFT, "off the scale"),
            (below, "v", SOFT, "" if above else "off the scale"),
        ):
            look = {"markeredgewidth": 1.1 if marker in "x|" else 0, "transform": self.axes.get_xaxis_transform()}
            handles += self._marks(points, marker, small, color, name, **look)
        return handles

    def _marks(
        self, points: Mapping[Any, float], marker: str, size: float, color: str, label: str = "", **look: Any
    ) -> list[Line2D]:
        """Draw markers of `size` points at x: y; returns them where they have a label for the legend."""
        if not points:
            return []
        style: Look = {"marker": marker, "markersize": size, "fillstyle": "full", "linestyle": "none", "zorder": 3}
        style |= {"markerfacecolor": color, "markeredgecolor": color, "markeredgewidth": 0} | look
        style.setdefault("transform", self.axes.transData)
        line = Line2D([*points], [*points.values()], clip_on=False, label=label, **style)
        self.axes.add_artist(line)
        return [line] if label else []

    def _open_marks(self) -> None:
        """Keep the line of the best out of the hollow marks, which nothing else could cover on a picture without a background."""
        points = [(x, y) for x, y in self.kept.items() if x not in self.firm]
        if not points:
            return
        radius = 0.5 * self._hollow * self.figure.dpi / 72
        area = Polyline.unit_rectangle().transformed(Affine2D().scale(*self.figure.bbox.size))
        ring = Polyline.unit_circle()
        around = np.asarray(ring.vertices)
        back = Polyline(np.concatenate([around[-2::-1], around[:1]]), ring.codes)  # the last one only closes it
        holes = [
            back.transformed(Affine2D().scale(radius).translate(*at)) for at in self.axes.transData.transform(points)
        ]
        # A ring in the other direction is a hole: areas are filled by the nonzero rule.
        self.best.set_clip_path(Polyline.make_compound_path(area, *holes), IdentityTransform())

    def _draw_baseline(self, noise: float) -> list[Line2D]:
        """Draw the baseline's value with a band of one standard deviation; returns the legend's entry."""
        if (value := self.baseline) is None:
            return []
        (low, high), style = self.axes.get_ylim(), line_look(SOFT, 1.0, (0, (3.5, 2.5)))
        if low <= value <= high:
            self.axes.axhline(value, **style, zorder=1.5)
            if noise > 0:
                band = max(low, value - noise), min(high, value + noise)
                self.axes.axhspan(*band, facecolor=NOISE, edgecolor="none", linewidth=0, hatch="", zorder=0.4)
        return [
            Line2D(
                [], [], label=f"baseline {_value(value, noise)}" + (f", sd {noise:.2g}" if noise > 0 else ""), **style
            )
        ]

    def _legend(self, handles: list[Line2D]) -> None:
        """Write the legend in one line, smaller where it has many entries."""
        room, size = (1 - MARGIN / SIZE[0]) * self.figure.bbox.width, 8.5
        while handles:
            legend = self.figure.legend(
                handles=handles, loc="outside lower left", ncols=len(handles), frameon=False, borderpad=0, borderaxespad=1.4 * 8.5 / size,
                columnspacing=1.4, handlelength=1.6, handletextpad=0.4, numpoints=1, markerscale=1, prop=font(size),
            )  # fmt: skip
            for text in legend.get_texts():
                text.set(**text_look(size, SOFT, va="baseline"))
            if size < 6 or legend.get_window_extent().x1 <= room:
                break
            legend.remove()
            size -= 0.25

    def _draw_headline(self, headline: Headline) -> None:
        """Draw baseline and best as measured again, in a column at the right."""
        (low, high), x = self.axes.get_ylim(), (self.end + self.axes.get_xlim()[1]) / 2
        height = high - low
        style: Look = {"ha": "center"}
        best, baseline = (max(low, min(high, value)) for value in (headline.best, headline.baseline))
        for y, value, sd, color, way in (
            (baseline, headline.baseline, headline.baseline_sd, SOFT, 1 if baseline >= best else -1),
            (best, headline.best, headline.best_sd, KEPT, 1 if best > baseline else -1),
        ):
            ends = max(low, y - sd), min(high, y + sd)
            self.axes.add_artist(Line2D([x, x], ends, zorder=5, **line_look(color, 1.6)))
            self._marks({x: y}, "D", 5.6, color, zorder=6)
            at = max(low + 0.05 * height, min(high - 0.05 * height, ends[way > 0] + way * 0.06 * height))
            text = _short(value) + (f", sd {_short(sd, 1)}" if sd > 0 else "")
            size, weight = min(8.0, 120 / len(text)), "bold" if color == KEPT else "normal"
            self.axes.text(x, at, text, **text_look(size, color, weight=weight, **style))
        if (apart := abs(best - baseline) / height) > 0.16:
            middle, roomy = (best + baseline) / 2, bool(_interval(headline)) and apart > 0.32
            room = (0.105 if roomy else 0.045) * height  # half of what the words in between take
            for end in (best, baseline):
                half = [end, middle + math.copysign(room, end - middle)]
                self.axes.add_artist(Line2D([x, x], half, **line_look(DISCARDED, 0.9, (0, (1.2, 1.6)))))
            change = _change(headline.best, headline.baseline)
            self.axes.text(x, middle + 0.062 * height * roomy, change, **text_look(9, weight="bold", **style))
            if roomy:
                interval = _interval(headline)
                size = min(8.0, 120 / len(interval))
                self.axes.text(x, middle, f"{headline.confidence:.0%} interval", **text_look(7, SOFT, **style))
                self.axes.text(x, middle - 0.056 * height, interval, **text_look(size, SOFT, **style))

    def _name_kept(self, names: dict[int, str]) -> None:
        """Write the best's value and the summaries of the kept experiments where they cover nothing."""
        kept, last = self.kept, max(self.kept)
        gains = {x: self.metric.gain(y, before) for (_, before), (x, y) in pairwise(kept.items())}
        chosen = sorted(gains, key=lambda x: (x != last, -gains[x]))
        to_pixels, steps = self.axes.transData.transform, np.repeat([*kept.items()], 2, axis=0)
        steps[:, 0] = [*steps[1:, 0], self.last]
        self._lines, self._names = [Polyline(to_pixels(steps))], list[Bbox]()
        self._kept, self._discarded = (to_pixels([*found.items()] or [(-1e9, 0)]) for found in (kept, self.discarded))
        self._baseline_at = -1e9 if self.baseline is None else to_pixels((0, self.baseline))[1]
        best = self.last, kept[last]
        self._place(
            best,
            _value(kept[last], self.noise),
            sides=(1,),
            rows=(0, 1, -1),
            **text_look(9.5, KEPT, weight="bold"),
        )
        for n in chosen[:NAMED]:
            self._place((n, kept[n]), cut(drawable(names[n]), NAME_LENGTH), **text_look(8))

    def _place(
        self, point: tuple[float, float], words: str, *, sides: Sequence[int] = (-1, 1),
        rows: Sequence[int] = (0, 1, 2, 3, 4, 5, 6, 7, 8, -1, -2, -3), **style: Any,
    ) -> None:  # fmt: skip
        """Write at the cheapest free place beside a point, or nowhere.

        Sides are left (-1) and right (1). Rows count from the point's height to the better side of the line of the best,
        where little was measured; from the second row on, a thin line leads to the text.
        """
        text = self.axes.text(0, 0, words, transform=IdentityTransform(), **style)
        (x, y), (wide, high) = self.axes.transData.transform(point), text.get_window_extent().size
        outwards = -0.95 * high if self.metric.minimize else 0.95 * high
        found: list[tuple[float, Bbox, Polyline | None]] = []
        for row, side in product(rows, sides):
            near, middle = x + side * (7 if row else 11), y + row * outwards
            box = Bbox.from_bounds(near if side > 0 else near - wide, middle - high / 2, wide, high)
            leader = Polyline([(x, y), (near, middle)]) if abs(row) > 1 else None
            if self._is_free(box, leader):
                covered = box.padded(4).count_contains(self._discarded) + 2 * (box.y0 < self._baseline_at < box.y1)
                cost = 0.8 * abs(row) + 3.0 * covered + (0.5 if side > 0 else 0.0) + (3.0 if row < 0 else 0.0)
                found.append((cost, box, leader))
        if not found:
            text.remove()
            return
        _, box, leader = min(found, key=lambda place: place[0])
        text.set_position((box.x0, (box.y0 + box.y1) / 2))
        self._names.append(box)
        if leader is not None:
            self._lines.append(leader)
            style = line_look(SOFT, 0.6) | {"transform": IdentityTransform(), "zorder": 3.5}
            self.axes.add_artist(Line2D(*np.transpose(leader.vertices), **style))

    def _is_free(self, box: Bbox, leader: Polyline | None) -> bool:
        axes = self.axes.bbox
        right = self.axes.transData.transform((self.end, 0))[0] + (8 if self.end == self.axes.get_xlim()[1] else -4)
        return (
            axes.x0 <= box.x0 and box.x1 <= right and axes.y0 + 3 <= box.y0 and box.y1 <= axes.y1
            and not any(line.intersects_bbox(box.padded(3), filled=False) for line in self._lines)
            and not box.padded(8).count_contains(self._kept)
            and not box.padded(3).count_overlaps(self._names)
            and not (leader and any(leader.intersects_bbox(name, filled=False) for name in self._names))
        )  # fmt: skip


def _limits(core: list[float], discarded: list[float], noise: float, *, strip: bool, lone: bool) -> tuple[float, float]:
    """Return the good and the bad limit of values of which lower is better.

    The `core` is always shown: what was kept or measured again. Worse values may take somewhat more than half of the height,
    outliers among them none. `strip` leaves room for the marks of failures, `lone` for a single kept value.
    """
    typical = _without_outliers(discarded)
    core = core or typical[:1]
    if not core:
        return 0.0, 1.0
    best, worst = min(core), max(core)
    span = worst - best
    most = max(1.5 * span, 8 * noise) if span > 0 else math.inf
    above = max([0.08 * span, 1.5 * noise, *(value - worst for value in typical if value - worst <= most)])
    if span == 0 and above == 0:
        above = abs(best) * 0.02 or 1e-12
    # Better than the best and yet discarded: within the noise, or not believed.
    below = max([0.0, *(best - value for value in typical)])
    below = max(min(below, 0.5 * (span + above)), 1.5 * noise if span == 0 else 0.0)
    height = max(span + above + below, abs(best) * 1e-9, 1e-200)
    return best - below - (0.40 if lone else 0.30) * height, worst + above + (0.14 if strip else 0.08) * height


def _without_outliers(values: list[float]) -> list[float]:
    """Return the sorted values that are within 3 interquartile ranges of the quartiles (Tukey's outer fences)."""
    if len(values) < 4:
        return sorted(values)
    first, _, third = quantiles(values, n=4)
    fence = 3 * (third - first)
    return sorted(value for value in values if first - fence <= value <= third + fence)


def _summary(
    judged: Sequence[Experiment], headline: Headline | None, noise: float, proven: frozenset[int]
) -> str:  # fmt: skip
    """Return the line below the title: how many experiments, how many kept and proven, and the best."""
    tried = [e for e in judged if e.number > 0]
    kept = sum(e.verdict is Verdict.KEEP for e in tried)
    line = f"{counted(len(tried), 'experiment')}, {kept} kept" + (f", {len(proven)} proven" if kept else "")
    if headline is not None:
        change = _change(headline.best, headline.baseline)
        chance = ", within chance" if headline.reach and abs(headline.gain) <= headline.reach else ""
        interval = f"; {headline.confidence:.0%} interval {ends}" if (ends := _interval(headline)) else ""
        best_value, times = _value(headline.best, headline.best_sd), counted(headline.repeats, "time")
        return f"{line}, best {best_value} ({change}{chance}{interval}), measured again {times}"
    baseline = next((e.value for e in judged if e.verdict is Verdict.BASELINE), None)
    best = next((e.value for e in reversed(judged) if e.kept), None)
    if baseline is None or best is None:
        return line
    if not kept:
        return f"{line}, baseline {_value(baseline, noise)}" if tried else f"baseline {_value(baseline, noise)}"
    return f"{line}, best {_value(best, noise)} ({_change(best, baseline)})"


def _value(value: float, noise: float) -> str:
    """Return a value with four digits, or with fewer where the noise allows no more."""
    allowed = format_number(value, noise).replace("-", "−") if noise > 0 else _short(value)
    return min(_short(value), allowed, key=len)


def _short(value: float, digits: int = 4) -> str:
    """Return a value with four significant digits, or all those before the point."""
    if 1e-4 <= abs(value) < 1e7 or value == 0:
        before = math.floor(math.log10(abs(value))) + 1 if value else 1
        return f"{value:.{max(0, digits - before)}f}".replace("-", "−")
    return f"{value:.{digits}g}".replace("-", "−")


def _change(value: float, baseline: float) -> str:
    """Return how much a value differs from the baseline, in percent where that means something."""
    share = (value - baseline) / abs(baseline) if baseline else math.inf
    return (f"{share:+.1%}" if abs(share) < 10 else f"{value - baseline:+.4g}").replace("-", "−")


def _interval(headline: Headline) -> str:
    """Return the ends of the interval of the change, in the unit of `_change`; empty where there is none."""
    if not headline.reach:
        return ""
    base, change = abs(headline.baseline), headline.best - headline.baseline
    unit, sign = (100 / base, "%") if base and abs(change) < 10 * base else (1.0, "")
    reach = headline.reach * unit
    decimals = max(1 if sign else 0, min(6, -math.floor(math.log10(reach))))
    ends = (f"{change * unit + way * reach:+.{decimals}f}{sign}" for way in (-1, 1))
    return " to ".join(ends).replace("-", "−")
