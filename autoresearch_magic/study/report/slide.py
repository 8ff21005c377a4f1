"""The chart of a study for slides: 1920 x 1080 pixels, with large type, as PNG or SVG."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from io import BytesIO
from typing import Any

from ...errors import require
from ...experiment import Verdict
from ...text import counted, shorten
from ..status import StudyStatus
from .circumstances import ours
from .drawing import Picture
from .marks import failed, lead_ends
from .results import outcome
from .scale import nice_step, tick_names

NAMED = 5
"""Kept changes whose summaries are written into the chart, at most."""


@dataclass(frozen=True)
class _Look:
    """The colours of a slide."""

    paper: str
    ink: str
    soft: str
    grid: str
    good: str
    bad: str
    mark: str


LIGHT = _Look("#ffffff", "#1f2328", "#57606a", "#d8dee4", "#167545", "#b3261e", "#7d8590")
DARK = _Look("#15181c", "#e4e7eb", "#a3acb6", "#343b43", "#4cc38a", "#f5938b", "#8a939d")


def slide(status: StudyStatus, kind: str, *, dark: bool = False) -> bytes:
    """Return the chart of a study for slides.

    Parameters
    ----------
    status : StudyStatus
    kind : {"png", "svg"}
    dark : bool
        Whether the background is dark.

    Raises
    ------
    UserError
        Without matplotlib.
    """
    require("matplotlib", "A chart for slides")
    figure = _Slide(status, DARK if dark else LIGHT).figure
    buffer = BytesIO()
    if kind == "png":
        from matplotlib.backends.backend_agg import FigureCanvasAgg

        canvas: Any = FigureCanvasAgg(figure)
        canvas.print_png(buffer, metadata={"Software": None})
    else:
        from matplotlib.backends.backend_svg import FigureCanvasSVG

        canvas = FigureCanvasSVG(figure)
        canvas.print_svg(buffer, metadata={"Date": None, "Creator": None})
    return buffer.getvalue()


class _Slide:
    """The figure. Every property that a style sheet could set is given, as users may have set one."""

    def __init__(self, status: StudyStatus, look: _Look) -> None:
        from matplotlib.figure import Figure

        self.status, self.look, self.picture = status, look, Picture(status)
        self.figure = Figure((19.2, 10.8), 100, facecolor=look.paper, edgecolor="none", frameon=True)
        self.last = max(4, self.picture.judged[-1].number if self.picture.judged else 0)
        said, _, tone = outcome(status)
        self._write(0.045, 0.915, status.definition.program.title or status.name, 40, look.ink, weight="bold")
        self._write(0.045, 0.848, said, 28, look.good if tone == "good" else look.ink, weight="bold")
        if lead := _lead(status):
            self._write(0.045, 0.798, lead, 21, look.soft)
        source = f"{ours()} · study {status.name} · agent {status.settings.agent} · {date.today():%Y-%m-%d}"
        self._write(0.045, 0.03, source, 16, look.soft)
        self.axes = self._make_axes()
        self._draw()

    def _write(self, x: float, y: float, words: str, size: float, color: str, weight: str = "normal") -> None:
        """Write a line across the slide, cut where it is too long."""
        words = shorten(words, 300)
        text = self.figure.text(x, y, self._shown(words), **self._text(size, color, weight))
        wide = text.get_window_extent(self._renderer()).width
        room = (1 - 2 * x) * self.figure.bbox.width
        if wide > room:
            text.set_text(self._shown(shorten(words, max(1, int(len(words) * room / wide)))))

    def _renderer(self) -> Any:
        from matplotlib.backends.backend_agg import FigureCanvasAgg

        canvas: Any = FigureCanvasAgg(self.figure)
        return canvas.get_renderer()

    @staticmethod
    def _shown(words: str) -> str:
        from ...storage.chart_look import drawable

        return drawable(words)

    @staticmethod
    def _text(size: float, color: str, weight: str = "normal", **more: Any) -> dict[str, Any]:
        from ...storage.chart_look import font

        return {
            "fontproperties": font(size, weight),
            "color": color,
            "usetex": False,
            "parse_math": False,
            "va": "baseline",
            **more,
        }

    def _make_axes(self) -> Any:
        look, picture, status = self.look, self.picture, self.status
        lane = bool(picture.valueless)
        axes = self.figure.add_axes((0.085, 0.185, 0.87, 0.545), facecolor="none")
        low, high = picture.scale.low, picture.scale.high
        axes.set_yscale("log" if picture.scale.log else "linear")
        axes.set_ylim(low, high)
        right = self.last * (1.17 if picture.head is not None else 1.02) + 0.3
        axes.set_xlim(-0.02 * right, right)
        ticks = picture.scale.ticks(6) if picture.value else []
        if not ticks:
            axes.text(0.5, 0.5, "no value", transform=axes.transAxes, ha="center", **self._text(24, look.soft))
        axes.set_yticks(ticks, tick_names(ticks), **self._text(19, look.soft, va="center"))
        axes.minorticks_off()
        step = max(1, round(nice_step(self.last / 10)))
        at = [*range(0, self.last + 1, step)]
        axes.set_xticks(at, [f"{n:,}" for n in at], **self._text(19, look.soft, va="top"))
        if picture.head is not None:
            axes.axvline(self.last * 1.05 + 0.15, color=look.grid, linewidth=1.5)
            place = self.axes_middle(right)
            axes.text(
                place,
                -0.035,
                "measured again",
                transform=axes.get_xaxis_transform(),
                ha="center",
                **self._text(17, look.soft, va="top"),
            )
        axes.tick_params(
            which="both",
            length=0,
            pad=14 if lane and picture.down else 8,
            labelbottom=True,
            labelleft=True,
            labeltop=False,
            labelright=False,
        )
        axes.grid(False, which="both")
        axes.grid(True, axis="y", color=look.grid, linestyle="-", linewidth=1.2)
        axes.set_axisbelow(True)
        axes.spines[:].set_visible(False)
        better = "↓ lower is better" if picture.down else "↑ higher is better"
        log = ", logarithmic" if picture.scale.log else ""
        self._write(0.045, 0.748, f"{shorten(status.metric.name, 60)}  {better}{log}", 19, look.soft)
        axes.set_xlabel("experiment", labelpad=6, loc="center", **self._text(19, look.soft, va="top"))
        return axes

    def axes_middle(self, right: float) -> float:
        """Return the middle of the column of what was measured again."""
        return (self.last * 1.05 + 0.15 + right) / 2

    def _draw(self) -> None:
        look, picture, status, axes = self.look, self.picture, self.status, self.axes
        kept = picture.kept
        small = 5 if self.last > 400 else 8 if self.last > 100 else 11
        edge = 0.0 if picture.down else 1.0
        for off, way, height in ((1, "^", 0.985), (-1, "v", 0.015)):
            self._marks(
                [e.number for e in picture.discarded if picture.off(e) == off],
                height,
                way,
                small,
                look.mark,
                "off the scale",
                edge=True,
            )
        inside = [e for e in picture.discarded if not picture.off(e)]
        self._marks(
            [e.number for e in inside],
            [picture.value[e.number] for e in inside],
            "o",
            small,
            look.mark,
            "discarded",
            hollow=True,
        )
        bad = [e.number for e in picture.valueless if failed(e)]
        self._marks(bad, edge, "x", small, look.bad, "failed", edge=True)
        other = [e.number for e in picture.valueless if not failed(e)]
        self._marks(other, edge, "|", small, look.mark, "stopped early or tried before", edge=True)
        if kept:
            x = [*(e.number for e in kept), max(self.picture.judged[-1].number, kept[-1].number)]
            y = [*(picture.value[e.number] for e in kept), picture.value[kept[-1].number]]
            sds = [*(status.spread(e) for e in kept), status.spread(kept[-1])]
            if any(sds):
                below, above = ([value + way * sd for value, sd in zip(y, sds, strict=True)] for way in (-1, 1))
                axes.fill_between(
                    x, below, above, step="post", facecolor=look.good, edgecolor="none", linewidth=0, alpha=0.14
                )
            if status.baseline is not None and status.baseline.value is not None:
                until = self.last * 1.05 + 0.15 if picture.head is not None else axes.get_xlim()[1]
                ends = [axes.get_xlim()[0], until]
                axes.plot(
                    ends,
                    [status.baseline.value] * 2,
                    color=look.mark,
                    linewidth=1.8,
                    linestyle=(0, (5, 4)),
                    marker="",
                    zorder=1.5,
                )
            axes.step(x, y, where="post", color=look.good, linewidth=4, linestyle="-", marker="", zorder=4)
            for proven, name in ((True, "kept, proven"), (False, "kept, not proven")):
                some = [e for e in kept if (e.number in status.proven) is proven and e.verdict is Verdict.KEEP]
                self._marks(
                    [e.number for e in some],
                    [picture.value[e.number] for e in some],
                    "o",
                    15,
                    look.good,
                    name,
                    hollow=not proven,
                )
            self._marks([0], [y[0]], "o", 13, look.soft, "")
            self._names()
        self._again()
        handles, names = axes.get_legend_handles_labels()
        if handles:
            found = dict(zip(names, handles, strict=True))
            legend = self.figure.legend(
                [*found.values()], [*found], loc="lower left", bbox_to_anchor=(0.037, 0.066), ncols=len(found), frameon=False, handletextpad=0.4,
                columnspacing=1.6, borderpad=0, numpoints=1, prop=self._text(18, look.ink)["fontproperties"],
            )  # fmt: skip
            for text in legend.get_texts():
                text.set_color(look.ink)

    def _marks(
        self,
        x: list[int],
        y: Any,
        marker: str,
        size: float,
        color: str,
        name: str,
        *,
        hollow: bool = False,
        edge: bool = False,
    ) -> None:
        if not x:
            return
        heights = [y] * len(x) if isinstance(y, float) else y
        more = {"transform": self.axes.get_xaxis_transform()} if edge else {}
        self.axes.plot(
            x, heights, linestyle="none", marker=marker, markersize=size, markeredgecolor=color, label=name or "_", clip_on=False, zorder=5 if color in (self.look.good, self.look.soft) else 3,
            markerfacecolor=self.look.paper if hollow else color, markeredgewidth=2.6 if marker in "x|" else 2.2 if hollow else 0, **more,
        )  # fmt: skip

    def _names(self) -> None:
        """Write the summaries of the largest gains, where they cover neither each other nor a kept mark."""
        from matplotlib.patheffects import withStroke

        picture, status = self.picture, self.status
        gains = status.gains
        found = [e for e in picture.kept if e.number > 0 and e.summary.strip()]
        found.sort(key=lambda e: -(gains[e.number].gain if e.number in gains else 0.0))
        renderer = self._renderer()
        taken: list[Any] = []
        valued = [*picture.kept, *(e for e in picture.discarded if not picture.off(e))]
        points = self.axes.transData.transform([(e.number, picture.value[e.number]) for e in valued])
        end = self.axes.transData.transform((self.last * 1.04, 0))[0]
        for e in found[:20]:
            for dx, dy, side in ((14, 14, "left"), (14, -32, "left"), (-14, -32, "right"), (-14, 14, "right")):
                text = self.axes.annotate(
                    self._shown(shorten(e.summary, 34)), (e.number, picture.value[e.number]), (dx, dy), textcoords="offset pixels", ha=side,
                    path_effects=[withStroke(linewidth=6, foreground=self.look.paper)], zorder=6, **self._text(19, self.look.ink),
                )  # fmt: skip
                box = text.get_window_extent(renderer)
                inside = (
                    self.axes.bbox.x0 <= box.x0
                    and box.x1 <= end
                    and self.axes.bbox.y0 <= box.y0
                    and box.y1 <= self.axes.bbox.y1
                )
                if inside and not box.count_overlaps(taken) and not box.padded(6).count_contains(points):
                    taken.append(box)
                    break
                text.remove()
            if len(taken) == NAMED:
                return

    def _again(self) -> None:
        """Draw best and baseline as measured again, with the interval of the lead."""
        head, look, status, axes = self.picture.head, self.look, self.status, self.axes
        if head is None:
            return
        middle = self.axes_middle(axes.get_xlim()[1])
        if ends := lead_ends(status):
            axes.plot(
                [middle] * 2,
                ends,
                color=look.good,
                linewidth=3.5,
                linestyle="-",
                marker="_",
                markersize=18,
                markeredgewidth=3.5,
                markeredgecolor=look.good,
                zorder=4,
            )
        apart = abs(self.picture.scale.share(head.best) - self.picture.scale.share(head.baseline)) > 0.09
        for value, color, shown in ((head.baseline, look.soft, apart), (head.best, look.good, True)):
            axes.plot(
                [middle],
                [value],
                linestyle="none",
                marker="D",
                markersize=12,
                color=color,
                markeredgewidth=0,
                zorder=6,
                clip_on=False,
            )
            if shown:
                axes.annotate(status.format(value), (middle, value), (18, 0), textcoords="offset pixels", annotation_clip=False,
                              **self._text(21, color, "bold", va="center"))  # fmt: skip


def _lead(status: StudyStatus) -> str:
    """Return the interval of the result, how often it was measured, and how much was tried, in one line."""
    from ..summary import tried_line
    from .results import lead_interval

    head = status.headline
    measured = "" if head is None or not head.reach else (
        f"95% interval of the gain {lead_interval(head)}, both measured again {counted(head.repeats, 'time')} · "
    )  # fmt: skip
    return measured + tried_line(status)
