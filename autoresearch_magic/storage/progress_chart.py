"""progress.png: the whole study in one picture.

What is drawn and why: which experiments show as what, the limits that give the kept ones the room, the words. Not here:
how a line, a mark or a text gets onto the figure, whatever the user's matplotlib is set to (`sheet`).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from io import BytesIO
from itertools import pairwise
from pathlib import Path
from statistics import quantiles
from typing import TYPE_CHECKING

from ..experiment import Experiment, Headline, Verdict
from ..metric import Metric
from .chart_canvas import DARK, DPI, LIGHT, MARGIN, SIZE, Frame, Labels, Points, Sheet, cut
from .results_tsv import one_line, write_atomically

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["DPI", "FEW", "LABELS", "LABEL_LENGTH", "MARGIN", "SIZE", "Points", "draw_progress", "save_progress"]

LABELS = 9
"""Kept experiments that are labelled at most: those of the largest gains, and the last."""
LABEL_LENGTH = 44
FEW = 12
"""Up to so many kept experiments, all are labelled, where there is room."""


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
    sheet = Sheet(frame, DARK if dark else LIGHT)
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


def _frame(judged: list[Experiment], metric: Metric, noise: float, headline: Headline | None) -> Frame:
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
    return Frame(
        kept, discarded, failed, stopped, labels, baseline, metric.minimize, last, headline is not None, low, high
    )


def _held(value: float) -> float:
    return max(-1e100, min(1e100, value))


def _limits(
    kept: list[float], discarded: list[float], noise: float, more: list[float], edge: bool
) -> tuple[float, float]:
    """Return the good and the bad limit where lower is better.

    Every kept value shows, the baseline with them, and `more`: the picture is of the way from the baseline to the best.
    The worse ones may take somewhat more than half of the height at most, and a single value that is far off takes
    none. `edge` keeps a strip free for the failures' marks.
    """
    core = [*kept, *more]
    usual = _usual(discarded)
    if not core:
        if not usual:
            return 0.0, 1.0
        core = [usual[0]]
    best, worst = min(core), max(core)
    span = worst - best
    least = max(0.08 * span, 1.5 * noise)
    most = max(1.5 * span, 8 * noise) if span > 0 else math.inf
    # Room up to the last one that has any, and not to the limit for one that is beyond it.
    reach = max(least, max((value - worst for value in usual if value - worst <= most), default=0.0))
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
    best = next((e.value for e in reversed(judged) if e.kept), None)
    if headline is not None:
        return (
            f"{line}, best {_short(headline.best)} ({_change_with_interval(headline)}), "
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


def _reach(headline: Headline) -> str:
    """Return half the width of the interval of the change, in the change's unit; empty where there is none."""
    if not headline.reach:
        return ""
    base = abs(headline.baseline)
    if base and abs(headline.best - headline.baseline) < 10 * base:
        share = 100 * headline.reach / base
        return f"± {share:.1f}%" if share >= 0.05 else f"± {share:.1g}%"
    return f"± {headline.reach:.2g}"


def _change_with_interval(headline: Headline) -> str:
    """Return the change with its interval, and whether chance may explain it."""
    parts = [_change(headline.best, headline.baseline), _reach(headline)]
    text = " ".join(part for part in parts if part)
    return f"{text}, within chance" if headline.reach and abs(headline.gain) <= headline.reach else text


def _draw_kept(sheet: Sheet, frame: Frame, metric: Metric) -> None:
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
    labels = Labels(sheet, frame, steps)
    end = _short(frame.kept[-1][1])
    labels.place((frame.last, frame.kept[-1][1]), end, (1,), (0, 1, -1), size=9.5, bold=True, color=colors.kept)
    gains = {x: metric.gain(y, before) for (_, before), (x, y) in pairwise(frame.kept) if frame.inside(y)}
    chosen = sorted(gains, key=lambda x: (x != frame.kept[-1][0], -gains[x]))
    values = dict(frame.kept)
    for x in chosen[: FEW if len(chosen) <= FEW else LABELS]:
        rows = (0, 1, 2, 3, 4, 5, 6, 7, 8, -1, -2, -3)
        labels.place((x, values[x]), cut(frame.labels[x], LABEL_LENGTH), (-1, 1), rows, size=8)


def _draw_attempts(sheet: Sheet, frame: Frame) -> None:
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


def _draw_baseline(sheet: Sheet, frame: Frame, noise: float) -> None:
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


def _draw_headline(sheet: Sheet, frame: Frame, headline: Headline) -> None:
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
        change, reach, middle = _change(headline.best, headline.baseline), _reach(headline), (best + baseline) / 2
        roomy = bool(reach) and abs(best - baseline) > 0.26 * height
        sheet.text(x, middle + (0.026 * height if roomy else 0), change, size=9, bold=True, ha="center", halo=True)
        if roomy:
            sheet.text(x, middle - 0.032 * height, reach, size=8, color=colors.soft, ha="center", halo=True)
