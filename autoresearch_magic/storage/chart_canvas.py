"""The sheet that progress.png is drawn on: figure, axes, ticks, legend, fonts, and labels that find a free place.

Drawn with matplotlib's objects, never pyplot: it runs in a background thread beside a user who may be plotting. Every
style is given outright, ticks and legend are drawn here, so that the user's rcParams (LaTeX, styles) do not matter.

Not here: which experiments are shown, how, and in what limits (`progress`).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise, product
from typing import TYPE_CHECKING, Any

from .results_tsv import one_line

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.text import Text
    from matplotlib.transforms import Transform

SIZE = (7.5, 4.0)
"""Inches; with `DPI` 1200 x 640 pixels, which is sharp at the 760 pixels it is shown at."""
DPI = 160
MARGIN = 0.022
"""Of the figure's width, at either side."""
TOP = 0.755
"""Of the figure's height, where the axes end: a tick may stand there, and keeps clear of the line above."""

Points = Sequence[tuple[float, float]]


@dataclass(frozen=True)
class Colors:
    """What the parts of the picture are coloured with, as hex codes."""

    paper: str
    ink: str
    soft: str
    grid: str
    kept: str
    discarded: str
    failed: str
    band: str


LIGHT = Colors("#ffffff", "#1d2630", "#66707c", "#e8ebee", "#0f7b5c", "#b4bcc6", "#cf4a57", "#eef0f3")
DARK = Colors("#14181d", "#e9edf1", "#96a1ad", "#272d35", "#3ecf9b", "#5d6875", "#ff7a85", "#1e242b")


@dataclass(frozen=True)
class Frame:
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
        """All that were measured, in no order of time."""
        return [y for _, y in self.kept + self.discarded]

    def inside(self, y: float) -> bool:
        """Whether a value is within the limits."""
        return self.low <= y <= self.high


class Sheet:
    """The figure with its axes and colours, and the few ways of drawing on it.

    Coordinates are in units named by `along`: empty for data, ``x`` or ``y`` when only that one is data and the other a
    fraction of the axes, ``axes`` and ``figure`` for fractions, ``pixels``.
    """

    def __init__(self, frame: Frame, colors: Colors) -> None:
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
        self.axes: Axes = self.figure.add_axes((left, 0.175, 0.975 - left, TOP - 0.175))
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
                line.set_text(cut(whole, max(1, int(len(whole) * room / wide) - 1)))

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


class Labels:
    """Texts beside points, where they cover no line, no kept point and no other text.

    Below the line of the best (above it, where higher is better) little was measured: there a text goes first, at the
    point's height or in rows further out, with a thin line back to the point.
    """

    def __init__(self, sheet: Sheet, frame: Frame, steps: Points) -> None:
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


def cut(text: str, length: int) -> str:
    """Return a text of at most `length` characters, with an ellipsis where some are missing."""
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
