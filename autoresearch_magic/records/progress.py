"""progress.png: the whole study in one picture.

Drawn with matplotlib's objects, never pyplot: it runs in a background thread beside a user who may be plotting. Every
style is given outright, ticks and legend are drawn here, so that the user's rcParams (LaTeX, styles) do not matter.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from io import BytesIO
from itertools import pairwise, product
from pathlib import Path
from statistics import quantiles
from typing import TYPE_CHECKING, Any

from ..experiment import Experiment, Headline, Verdict
from ..metric import Metric
from .results import one_line, write_atomically

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.text import Text
    from matplotlib.transforms import Transform

SIZE = (7.5, 4.0)
"""Inches; with `DPI` 1200 x 640 pixels, which is sharp at the 760 pixels it is shown at."""
DPI = 160
MARGIN = 0.022
"""Of the figure's width, at either side."""
LABELS = 9
"""Kept experiments that are labelled at most: those of the largest gains, and the last."""
LABEL_LENGTH = 44
FEW = 12
"""Up to so many kept experiments, all are labelled, where there is room."""

Points = Sequence[tuple[float, float]]


@dataclass(frozen=True)
class _Colors:
    paper: str
    ink: str
    soft: str
    grid: str
    kept: str
    discarded: str
    failed: str
    band: str


_LIGHT = _Colors("#ffffff", "#1d2630", "#66707c", "#e8ebee", "#0f7b5c", "#b4bcc6", "#cf4a57", "#eef0f3")
_DARK = _Colors("#14181d", "#e9edf1", "#96a1ad", "#272d35", "#3ecf9b", "#5d6875", "#ff7a85", "#1e242b")


def save_progress(
    path: Path,
    experiments: Sequence[Experiment],
    metric: Metric,
    *,
    title: str = "",
    subtitle: str = "",
    noise: float | None = None,
    headline: Headline | None = None,
    dark: bool = False,
) -> None:
    """Draw a study and write it as a PNG, whole or not at all; the parameters are those of `draw_progress`."""
    figure = draw_progress(
        experiments, metric, title=title, subtitle=subtitle, noise=noise, headline=headline, dark=dark
    )
    buffer = BytesIO()
    # Not savefig, which asks the user's rcParams for resolution, background and margins.
    figure.canvas.print_png(buffer, metadata={"Software": None})  # type: ignore[attr-defined]
    write_atomically(path, buffer.getvalue())


def draw_progress(
    experiments: Sequence[Experiment],
    metric: Metric,
    *,
    title: str = "",
    subtitle: str = "",
    noise: float | None = None,
    headline: Headline | None = None,
    dark: bool = False,
) -> Figure:
    """Draw a study: what was tried, what was kept, and how far the best has come.

    Parameters
    ----------
    experiments : sequence of Experiment
        Those without a verdict are left out.
    metric : Metric
    title : str, optional
        The study's goal or name.
    subtitle : str, optional
        By default how many experiments, how many kept, and the best.
    noise : float, optional
        Standard deviation of one run of the baseline, for the band around it.
    headline : Headline, optional
        Baseline and best as measured again at the end, drawn at the right.
    dark : bool, optional

    Returns
    -------
    matplotlib.figure.Figure
        On an Agg canvas, known to no pyplot.
    """
    judged = sorted((e for e in experiments if e.verdict is not None), key=lambda e: e.number)
    frame = _frame(judged, metric, noise or 0.0, headline)
    sheet = _Sheet(frame, _DARK if dark else _LIGHT)
    arrow, better = ("↓", "lower") if metric.minimize else ("↑", "higher")
    sheet.heading(
        title or metric.name,
        subtitle or _summary_line(judged, headline),
        f"{metric.name}  {arrow} {better} is better".replace("  ", "\u2002"),
    )
    _draw_kept(sheet, frame, metric)
    _draw_attempts(sheet, frame)
    _draw_baseline(sheet, frame, noise or 0.0)
    if headline is not None:
        _draw_headline(sheet, frame, headline)
    if not frame.values:
        sheet.text(0.5, 0.5, "no value yet", color=sheet.colors.soft, ha="center", along="axes")
    sheet.legend()
    return sheet.figure


@dataclass(frozen=True)
class _Frame:
    """What is drawn where.

    Attributes
    ----------
    kept, discarded : list of (x, y)
    failed, stopped : list of x
        Failures, and runs that were stopped early and have no value.
    labels : dict
        Number of a kept experiment to its summary.
    baseline : float or None
    minimize : bool
    last : int
        The highest experiment number.
    column : bool
        Whether there is one for the headline at the right.
    low, high : float
        The limits in the metric's unit; what is outside is drawn at the edge, with an arrow.
    """

    kept: list[tuple[int, float]]
    discarded: list[tuple[int, float]]
    failed: list[int]
    stopped: list[int]
    labels: dict[int, str]
    baseline: float | None
    minimize: bool
    last: int
    column: bool
    low: float
    high: float

    @property
    def wide(self) -> int:
        """The last number on the axis: a study that has just begun has room to its right."""
        return max(self.last, 4)

    @property
    def end(self) -> float:
        """Where the experiments end, with room for the best's value, and the column of the headline begins."""
        return self.wide * 1.085 + 0.2

    @property
    def right(self) -> float:
        """Where the axis ends."""
        return self.end + (0.225 * self.wide if self.column else 0.0)

    @property
    def values(self) -> list[float]:
        return [y for _, y in self.kept + self.discarded]

    def inside(self, y: float) -> bool:
        return self.low <= y <= self.high


def _frame(judged: list[Experiment], metric: Metric, noise: float, headline: Headline | None) -> _Frame:
    kept: list[tuple[int, float]] = []
    discarded: list[tuple[int, float]] = []
    failed, stopped, labels, baseline = [], [], {}, None
    for e in judged:
        assert e.verdict is not None
        value = e.value
        if e.verdict.failed or (e.verdict.kept and value is None):
            failed.append(e.number)
        elif value is None:
            if e.verdict is Verdict.PRUNED:  # a duplicate was never run
                stopped.append(e.number)
        elif e.verdict.kept:
            kept.append((e.number, value))
            if e.verdict is Verdict.BASELINE:
                baseline = value
            else:
                labels[e.number] = one_line(e.summary)
        else:
            discarded.append((e.number, value))
    sign = 1.0 if metric.minimize else -1.0
    # In units where lower is better; a value that no axis can hold becomes one that is off any.
    good, bad = _limits(
        [_held(sign * y) for _, y in kept],
        [_held(sign * y) for _, y in discarded],
        noise,
        [sign * headline.best, sign * headline.baseline] if headline else [],
        edge=bool(failed or stopped),
    )
    low, high = sorted((sign * good, sign * bad))
    last = judged[-1].number if judged else 0
    return _Frame(
        kept, discarded, failed, stopped, labels, baseline, metric.minimize, last, headline is not None, low, high
    )


def _held(value: float) -> float:
    return max(-1e100, min(1e100, value))


def _limits(
    kept: list[float], discarded: list[float], noise: float, more: list[float], edge: bool
) -> tuple[float, float]:
    """Return the good and the bad limit where lower is better.

    The kept have the room: the worse ones may take somewhat more than half of the height at most, and a single value
    that is far off takes none. `more` are values that should show; `edge` keeps a strip free for the failures' marks.
    """
    core = sorted(kept)
    # A baseline that was ten times off must not flatten all that came after it.
    while len(core) > 2 and core[-1] - core[-2] > 6 * (core[-2] - core[0]) > 0:
        core.pop()
    core += [value for value in more if not core or value - core[-1] <= core[-1] - core[0]]
    usual = _usual(discarded)
    if not core:
        if not usual:
            return 0.0, 1.0
        core = [usual[0]]
    best, worst = min(core), max(core)
    span = worst - best
    least = max(0.08 * span, 1.5 * noise)
    reach = max(usual[-1] - worst, 0.0) if usual else 0.0
    reach = max(least, min(reach, max(1.5 * span, 8 * noise) if span > 0 else reach))
    if span == 0 and reach == 0:
        reach = max(abs(best) * 0.02, 1e-12)
    # Better than the best and yet discarded: inside the noise, or not believed.
    depth = max((best - value for value in usual), default=0.0)
    depth = max(min(depth, 0.5 * (span + reach)), 1.5 * noise if span == 0 else 0.0)
    height = max(span + reach + depth, abs(best) * 1e-9, 1e-12)
    room = 0.30 if len(kept) > 1 else 0.40  # for labels below the best; or a baseline that is not at the very bottom
    return best - depth - room * height, worst + reach + (0.14 if edge else 0.08) * height


def _usual(values: list[float]) -> list[float]:
    """Return the values in order, without those far outside the middle half (Tukey's fence, 3 widths)."""
    if len(values) < 4:
        return sorted(values)
    first, _, third = quantiles(values, n=4)
    fence = 3 * (third - first)
    return sorted(value for value in values if first - fence <= value <= third + fence)


def _summary_line(judged: list[Experiment], headline: Headline | None) -> str:
    tried = [e for e in judged if e.number > 0]
    kept = [e for e in tried if e.verdict is Verdict.KEEP]
    line = f"{len(tried)} experiment{'' if len(tried) == 1 else 's'}, {len(kept)} kept"
    baseline = next((e.value for e in judged if e.verdict is Verdict.BASELINE), None)
    best = next((e.value for e in reversed(judged) if e.verdict is not None and e.verdict.kept), None)
    if headline is not None:
        return (
            f"{line}, best {_short(headline.best)} ({_change(headline.best, headline.baseline)}), "
            f"measured again {headline.repeats} time{'' if headline.repeats == 1 else 's'}"
        )
    if baseline is None or best is None:
        return line
    if not tried:
        return f"baseline {_short(baseline)}"
    if not kept:
        return f"{line}, baseline {_short(baseline)}"
    return f"{line}, best {_short(best)} ({_change(best, baseline)})"


def _short(value: float, digits: int = 4) -> str:
    """Return a value with four significant digits, more where they stand before the point."""
    if 1e-4 <= abs(value) < 1e7 or value == 0:
        before = math.floor(math.log10(abs(value))) + 1 if value else 1
        return f"{value:.{max(0, digits - before)}f}".replace("-", "−")
    return f"{value:.{digits}g}".replace("-", "−")


def _change(value: float, baseline: float) -> str:
    """Return how much a value differs from the baseline, in percent where that means something."""
    share = (value - baseline) / abs(baseline) if baseline else math.inf
    text = f"{share:+.1%}" if abs(share) < 10 else f"{value - baseline:+.4g}"
    return text.replace("-", "−")


class _Sheet:
    """The figure with its axes and colours, and the few ways of drawing on it.

    Coordinates are in units named by `along`: empty for data, ``x`` or ``y`` when only that one is data and the other a
    fraction of the axes, ``axes`` and ``figure`` for fractions, ``pixels``.
    """

    def __init__(self, frame: _Frame, colors: _Colors) -> None:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
        from matplotlib.ticker import MaxNLocator
        from matplotlib.transforms import IdentityTransform

        self.colors = colors
        plain: Any = "none"  # no layout engine, whatever the user's rcParams say; matplotlib's types do not know it
        self.figure = Figure(SIZE, DPI, facecolor=colors.paper, edgecolor="none", frameon=True, layout=plain)
        self.renderer = FigureCanvasAgg(self.figure).get_renderer()  # type: ignore[no-untyped-call]
        ticks = [float(t) for t in MaxNLocator(6, steps=[1, 2, 2.5, 5, 10]).tick_values(frame.low, frame.high)]
        names = _tick_names(ticks)
        left = 0.030 + 0.0105 * max(len(name) for name in names)
        self.axes: Axes = self.figure.add_axes((left, 0.175, 0.975 - left, 0.60))
        self.axes.set_axis_off()
        self.axes.set_xlim(-0.02 * frame.right - 0.15, frame.right)
        self.axes.set_ylim(frame.low, frame.high)
        self._transforms: dict[str, Transform] = {
            "": self.axes.transData, "axes": self.axes.transAxes, "figure": self.figure.transFigure,
            "x": self.axes.get_xaxis_transform(), "y": self.axes.get_yaxis_transform(), "pixels": IdentityTransform(),
        }  # fmt: skip
        self._entries: list[tuple[str, float, dict[str, Any]]] = []
        below_zero = any(value < 0 for value in frame.values)
        for tick, name in zip(ticks, names, strict=True) if frame.values else ():
            if frame.inside(tick) and (tick >= 0 or below_zero):
                self.line([(0, tick), (1, tick)], colors.grid, 0.8, along="y", order=0)
                self.text(-0.010, tick, name, size=8, color=colors.soft, ha="right", along="y")
        self.line([(0, 0), (1, 0)], colors.discarded, 0.9, along="axes", order=1)
        for tick in MaxNLocator(9, steps=[1, 2, 5, 10], integer=True).tick_values(0, frame.wide):
            if 0 <= tick <= frame.wide:
                self.text(tick, -0.035, f"{tick:.0f}", size=8, color=colors.soft, ha="center", va="top", along="x")

    def line(
        self, points: Points, color: str, width: float, *, style: Any = "-", along: str = "", order: float = 2,
        clipped: bool = False, entry: str = "",
    ) -> None:  # fmt: skip
        """Draw a line through points; `clipped` to the axes; `entry` in the legend."""
        from matplotlib.lines import Line2D

        look: dict[str, Any] = {
            "color": color,
            "linewidth": width,
            "linestyle": style,
            "marker": "",
            "solid_capstyle": "butt",
        }
        x, y = zip(*points, strict=True)
        self.axes.add_line(
            Line2D(
                x, y, solid_joinstyle="miter", zorder=order, clip_on=clipped, transform=self._transforms[along], **look
            )
        )
        if entry:
            self._entries.append((entry, 0.026, look))

    def marks(
        self, points: Points, marker: str, size: float, color: str, *, edge: str = "none", edge_width: float = 0.0,
        alpha: float = 1.0, order: float = 3, along: str = "", entry: str = "",
    ) -> None:  # fmt: skip
        """Draw markers of `size` points; `entry` in the legend."""
        from matplotlib.lines import Line2D

        if not points:
            return
        look: dict[str, Any] = {
            "linestyle": "none", "marker": marker, "markersize": size, "markerfacecolor": color, "fillstyle": "full",
            "markeredgecolor": edge, "markeredgewidth": edge_width, "alpha": alpha,
        }  # fmt: skip
        x, y = zip(*points, strict=True)
        self.axes.add_line(Line2D(x, y, zorder=order, clip_on=False, transform=self._transforms[along], **look))
        if entry and entry not in (name for name, _, _ in self._entries):
            self._entries.append((entry, 0.0, look | {"markersize": max(size, 4.6)}))

    def fill(self, points: Points, color: str, *, along: str = "", alpha: float = 1.0) -> None:
        """Fill a polygon behind everything."""
        from matplotlib.patches import Polygon

        self.axes.add_patch(Polygon(
            points, closed=True, facecolor=color, edgecolor="none", linewidth=0, fill=True, hatch="", zorder=0.5,
            alpha=alpha, transform=self._transforms[along],
        ))  # fmt: skip

    def text(
        self, x: float, y: float, text: str, *, size: float = 9, color: str = "", bold: bool = False,
        ha: str = "left", va: str = "center", along: str = "", halo: bool = False,
    ) -> Text:  # fmt: skip
        """Write; `halo` keeps it readable over lines and points."""
        from matplotlib.font_manager import FontProperties
        from matplotlib.patheffects import withStroke

        return self.figure.text(
            x, y, _drawable(text), transform=self._transforms[along], color=color or self.colors.ink, ha=ha, va=va,
            fontproperties=FontProperties(family=list(_family()), size=size, weight="bold" if bold else "normal"),
            usetex=False, parse_math=False, zorder=7,
            path_effects=[withStroke(linewidth=2.5, foreground=self.colors.paper)] if halo else [],
        )  # fmt: skip

    def measure(self, text: Text) -> tuple[float, float]:
        """Return width and height of a text in pixels."""
        extent = text.get_window_extent(self.renderer)
        return extent.width, extent.height

    def heading(self, title: str, subtitle: str, caption: str) -> None:
        """Write the lines above the axes, each cut to the width."""
        room = (1 - 2 * MARGIN) * self.figure.bbox.width
        for y, text, size, color in (
            (0.945, title, 12.5, ""),
            (0.878, subtitle, 9.5, self.colors.soft),
            (0.806, caption, 8.5, ""),
        ):
            line = self.text(MARGIN, y, one_line(text), size=size, color=color, bold=text is title, along="figure")
            if (wide := self.measure(line)[0]) > room:
                whole = line.get_text()
                line.set_text(_cut(whole, max(1, int(len(whole) * room / wide) - 1)))

    def legend(self) -> None:
        """Draw the legend in a row below the axes, and the name of the horizontal axis where there is room."""
        from matplotlib.lines import Line2D

        x, y = MARGIN, 0.045
        look: dict[str, Any] = {"size": 8.5, "color": self.colors.soft, "along": "figure"}
        for name, length, style in self._entries:
            at = [x, x + length] if length else [x + 0.006]
            self.figure.add_artist(Line2D(at, [y] * len(at), transform=self.figure.transFigure, **style))
            x += (length or 0.012) + 0.008
            x += self.measure(self.text(x, y - 0.002, name, **look))[0] / self.figure.bbox.width + 0.024
        if x < 0.86:
            self.text(1 - MARGIN, y - 0.002, "experiment →", ha="right", **look)


def _draw_kept(sheet: _Sheet, frame: _Frame, metric: Metric) -> None:
    """Draw the kept ones, the steps between them and as many of their summaries as fit."""
    if not frame.kept:
        return
    colors = sheet.colors
    steps: list[tuple[float, float]] = [frame.kept[0]]
    for (_, before), (x, y) in pairwise(frame.kept):
        steps += [(x, before), (x, y)]
    steps.append((frame.last, frame.kept[-1][1]))
    sheet.line(steps, colors.kept, 1.9, order=4, clipped=True)
    if frame.baseline is not None and len(frame.kept) > 1:  # what was gained, as an area
        back = [(frame.last, frame.baseline), (frame.kept[0][0], frame.baseline)]
        sheet.fill([*steps, *back], colors.kept, alpha=0.07)
    points = [point for point in frame.kept if frame.inside(point[1])]
    size = 5.2 if len(points) > 40 else 7.0
    sheet.marks(
        points,
        "o",
        size,
        colors.kept,
        edge=colors.paper,
        edge_width=1.1,
        order=5,
        entry="kept" if len(frame.kept) > 1 else "",
    )
    if len(frame.kept) < 2:
        return
    labels = _Labels(sheet, frame, steps)
    end = _short(frame.kept[-1][1])
    labels.place((frame.last, frame.kept[-1][1]), end, (1,), (0, 1, -1), size=9.5, bold=True, color=colors.kept)
    gains = {x: metric.gain(y, before) for (_, before), (x, y) in pairwise(frame.kept) if frame.inside(y)}
    chosen = sorted(gains, key=lambda x: (x != frame.kept[-1][0], -gains[x]))
    values = dict(frame.kept)
    for x in chosen[: FEW if len(chosen) <= FEW else LABELS]:
        rows = (0, 1, 2, 3, 4, 5, 6, 7, 8, -1, -2, -3)
        labels.place((x, values[x]), _cut(frame.labels[x], LABEL_LENGTH), (-1, 1), rows, size=8)


def _draw_attempts(sheet: _Sheet, frame: _Frame) -> None:
    """Draw what was not kept, and at the edges what has no value or is off the scale."""
    colors = sheet.colors
    size = 3.2 if frame.last > 150 else 4.2 if frame.last > 50 else 5.0
    inside = [point for point in frame.discarded if frame.inside(point[1])]
    sheet.marks(inside, "o", size, colors.discarded, alpha=0.85, entry="discarded")
    edge, inwards = (0.975, -0.05) if frame.minimize else (0.025, 0.05)  # the row of the failures
    failed, stopped = [(x, edge) for x in frame.failed], [(x, edge) for x in frame.stopped]
    sheet.marks(failed, "x", size - 0.4, colors.failed, edge=colors.failed, edge_width=1.1, along="x", entry="failed")
    sheet.marks(
        stopped, "|", size, colors.discarded, edge=colors.discarded, edge_width=1.2, along="x", entry="stopped early"
    )
    outside = [point for point in frame.discarded + frame.kept if not frame.inside(point[1])]
    for marker, y, points in (
        ("^", edge + inwards if frame.minimize else 0.975, [p for p in outside if p[1] > frame.high]),
        ("v", 0.025 if frame.minimize else edge + inwards, [p for p in outside if p[1] < frame.low]),
    ):
        sheet.marks([(x, y) for x, _ in points], marker, size + 0.4, colors.soft, along="x", entry="off the scale")


def _draw_baseline(sheet: _Sheet, frame: _Frame, noise: float) -> None:
    """Draw the baseline's value and the band of its noise."""
    if (value := frame.baseline) is None:
        return
    if noise > 0 and frame.inside(value):
        low, high = max(frame.low, value - noise), min(frame.high, value + noise)
        sheet.fill([(0, low), (1, low), (1, high), (0, high)], sheet.colors.band, along="y")
    entry = f"baseline {_short(value)}" + (f" ± {noise:.2g}" if noise > 0 else "")
    at = value if frame.inside(value) else frame.high * 2 + 1
    dashes = (0, (3.5, 2.5))
    sheet.line(
        [(0, at), (1, at)], sheet.colors.soft, 1.0, style=dashes, along="y", order=1.5, clipped=True, entry=entry
    )


def _draw_headline(sheet: _Sheet, frame: _Frame, headline: Headline) -> None:
    """Draw baseline and best as measured again, in a column of their own at the right."""
    colors, height = sheet.colors, frame.high - frame.low
    x = (frame.end + frame.right) / 2
    sheet.line([(frame.end, 0), (frame.end, 1)], colors.grid, 0.9, along="x", order=1)
    sheet.text(x, -0.035, "measured again", size=8, color=colors.soft, ha="center", va="top", along="x")
    best, baseline = (max(frame.low, min(frame.high, value)) for value in (headline.best, headline.baseline))
    for y, value, sd, color, above in (
        (baseline, headline.baseline, headline.baseline_sd, colors.soft, baseline >= best),
        (best, headline.best, headline.best_sd, colors.kept, best > baseline),
    ):
        ends = max(frame.low, y - sd), min(frame.high, y + sd)
        if sd > 0:
            sheet.line([(x, ends[0]), (x, ends[1])], color, 1.6, order=5)
        sheet.marks([(x, y)], "D", 5.6, color, edge=colors.paper, edge_width=1.0, order=6)
        at = ends[1] + 0.03 * height if above else ends[0] - 0.03 * height
        text = _short(value) + (f" ± {sd:.1g}" if sd > 0 else "")
        sheet.text(
            x, at, text, size=8, color=color, ha="center", va="bottom" if above else "top", bold=color == colors.kept,
            halo=True,
        )  # fmt: skip
    if abs(best - baseline) > 0.16 * height:
        sheet.line([(x, best), (x, baseline)], colors.discarded, 0.9, style=(0, (1.2, 1.6)))
        change = _change(headline.best, headline.baseline)
        sheet.text(x, (best + baseline) / 2, change, size=9, bold=True, ha="center", halo=True)


@dataclass(frozen=True)
class _Box:
    """A rectangle in pixels, upwards."""

    left: float
    low: float
    right: float
    high: float

    def meets(self, other: _Box) -> bool:
        return self.left < other.right and other.left < self.right and self.low < other.high and other.low < self.high

    def within(self, other: _Box) -> bool:
        return (
            other.left <= self.left and self.right <= other.right and other.low <= self.low and self.high <= other.high
        )

    def grown(self, by: float) -> _Box:
        return _Box(self.left - by, self.low - by, self.right + by, self.high + by)


class _Labels:
    """Texts beside points, where they cover no line, no kept point and no other text.

    Below the line of the best (above it, where higher is better) little was measured: there a text goes first, at the
    point's height or in rows further out, with a thin line back to the point.
    """

    def __init__(self, sheet: _Sheet, frame: _Frame, steps: Points) -> None:
        self._sheet = sheet
        self._outwards = -1 if frame.minimize else 1
        axes = sheet.axes.bbox
        end = self._pixel((frame.end, frame.low))[0] if frame.end < frame.right else axes.x1 + 12
        self._room = _Box(axes.x0, axes.y0 + 3, end - 4, axes.y1)
        corners = [self._pixel(step) for step in steps]
        self._taken = [
            _Box(min(a, c), min(b, d), max(a, c), max(b, d)).grown(3) for (a, b), (c, d) in pairwise(corners)
        ]
        self._taken += [_Box(x, y, x, y).grown(8) for x, y in map(self._pixel, frame.kept)]
        self._written: list[_Box] = []
        self._crowd = [_Box(x, y, x, y).grown(4) for x, y in map(self._pixel, frame.discarded)]
        if frame.baseline is not None and frame.inside(frame.baseline):
            _, across = self._pixel((0, frame.baseline))
            self._crowd += [_Box(axes.x0, across, axes.x1, across)] * 2  # worse to cover than a point

    def _pixel(self, point: tuple[float, float]) -> tuple[float, float]:
        x, y = self._sheet.axes.transData.transform(point)
        return float(x), float(y)

    def place(
        self, point: tuple[float, float], words: str, sides: Sequence[int], rows: Sequence[int], **look: Any
    ) -> None:
        """Write at the cheapest free place beside a point, or not at all.

        `sides` are left (-1) and right (1); `rows` count outwards from the point's height.
        """
        text = self._sheet.text(0, 0, words, along="pixels", halo=True, **look)
        wide, high = self._sheet.measure(text)
        x, y = self._pixel(point)
        best: tuple[float, _Box, list[_Box]] | None = None
        for row, side in product(rows, sides):
            near, middle = x + side * (11 if row == 0 else 7), y + self._outwards * row * 0.95 * high
            far = near + side * wide
            box = _Box(min(near, far), middle - high / 2, max(near, far), middle + high / 2)
            way = [_Box(*at, *at).grown(1) for at in _between((x, y), (near, middle))] if abs(row) > 1 else []
            free = box.within(self._room) and not any(box.meets(other) for other in self._taken)
            if not free or any(step.meets(other) for step in way for other in self._written):
                continue
            covered = sum(box.meets(other) for other in self._crowd)
            cost = 0.8 * abs(row) + 1.2 * covered + (0.5 if side > 0 else 0.0) + (3.0 if row < 0 else 0.0)
            if best is None or cost < best[0]:
                best = cost, box, way
        if best is None:
            text.remove()
            return
        _, box, way = best
        text.set_position((box.left, (box.low + box.high) / 2))
        self._written.append(box)
        self._taken += [box.grown(3), *way]
        if way:
            ends = [((step.left + step.right) / 2, (step.low + step.high) / 2) for step in (way[0], way[-1])]
            self._sheet.line(ends, self._sheet.colors.soft, 0.6, along="pixels", order=3.5)


def _between(start: tuple[float, float], end: tuple[float, float]) -> list[tuple[float, float]]:
    """Return points on the way, 7 pixels apart, from where the marker ends to where the text starts."""
    (x, y), long = start, math.dist(start, end)
    shares = [at / long for at in range(9, int(long), 7)]
    return [(x + (end[0] - x) * share, y + (end[1] - y) * share) for share in shares]


def _cut(text: str, length: int) -> str:
    return text if len(text) <= length else text[: length - 1].rstrip(" ,.;:") + "…"


def _tick_names(ticks: Sequence[float]) -> list[str]:
    """Return tick labels with as many digits as their step needs."""
    if len(ticks) < 2:
        return [f"{t:.6g}" for t in ticks]
    step, largest = abs(ticks[1] - ticks[0]), max(map(abs, ticks))
    if 1e-4 <= largest < 1e6 and step > 1e-9:
        digits = next(d for d in range(11) if abs(step * 10**d - round(step * 10**d)) < 1e-6 * max(1, step * 10**d))
        return [f"{t:.{digits}f}".replace("-", "−") for t in ticks]
    digits = min(12, max(0, math.ceil(math.log10(largest / step)) + 1)) if largest > 0 and step > 0 else 3
    return [f"{t:.{digits}g}".replace("-", "−") for t in ticks]


# Where a summary is in Chinese, Japanese or Korean, the first of these that is installed.
_WIDER = (
    "Noto Sans CJK SC", "Noto Sans CJK JP", "Noto Sans SC", "Noto Sans JP", "PingFang SC", "Hiragino Sans",
    "Microsoft YaHei", "WenQuanYi Micro Hei", "WenQuanYi Zen Hei", "SimHei", "Arial Unicode MS",
)  # fmt: skip


@lru_cache(1)
def _family() -> tuple[str, ...]:
    """Return the fonts: matplotlib's own, which is always there, and one with more characters if there is one."""
    from matplotlib.font_manager import fontManager

    installed = set(fontManager.get_font_names())
    return ("DejaVu Sans", *[name for name in _WIDER if name in installed][:1])


@lru_cache(1)
def _characters() -> frozenset[int]:
    from matplotlib.font_manager import FontProperties, findfont, get_font

    return frozenset().union(*(get_font(findfont(FontProperties(family=name))).get_charmap() for name in _family()))


def _drawable(text: str) -> str:
    """Return a text with a box for each character no font has: matplotlib would warn, into some cell's output."""
    return text if text.isascii() else "".join(c if ord(c) in _characters() else "□" for c in text)
