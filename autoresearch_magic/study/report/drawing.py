"""One drawing of all experiments of a study as SVG, with the marks of the panel."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ...experiment import Experiment, Verdict
from ...text import counted, shorten
from ..evidence import chance, interval, signed, verdict_words
from ..status import StudyStatus
from .marks import arrow, circle, failed, lead_ends, mark_of, px
from .markup import Html, Part, join, tag
from .scale import Scale, make_scale, nice_step, tick_names

TITLED = 1_500
"""Experiments up to which each mark says what it is where the pointer rests; of more, those that were kept alone do."""
NAMED = 6
"""Kept changes whose summaries are written beside their marks, at most."""


@dataclass(frozen=True)
class Sheet:
    """The size of a drawing in pixels, and where its axes are."""

    width: int
    height: int
    left: int
    right: int
    top: int
    bottom: int
    named: int


WIDE = Sheet(960, 400, left=64, right=944, top=22, bottom=362, named=NAMED)
NARROW = Sheet(440, 340, left=54, right=432, top=20, bottom=304, named=2)
COLUMN = (128, 84)
"""Pixels at the right for what was measured again, of the wide and of the narrow sheet."""


class Picture:
    """What is drawn of a study, on either sheet.

    Attributes
    ----------
    status : StudyStatus
    value : dict of int to float
        The values of the experiments that have one.
    kept, discarded, valueless : list of Experiment
        Those with a value that were kept, those with a value that were not, and those that are marked at the edge.
    scale : Scale
    titled : bool
        Whether every mark says what it is where the pointer rests.
    """

    def __init__(self, status: StudyStatus) -> None:
        self.status, self.head, self.judged = status, status.headline, status.experiments
        self.down = status.metric.minimize
        self.titled = len(self.judged) <= TITLED
        found = {e.number: e.value for e in self.judged if e.kept or e.verdict is Verdict.DISCARD}
        self.value = {number: value for number, value in found.items() if value is not None}
        self.kept = [e for e in self.judged if e.number in self.value and e.kept]
        self.discarded = [e for e in self.judged if e.number in self.value and not e.kept]
        self.valueless = [e for e in self.judged if e.number not in self.value]
        noise = status.spread(self.kept[-1]) if self.kept else 0.0
        again = [self.head.best, self.head.baseline, *lead_ends(status)] if self.head is not None else []
        core, others = ([self.value[e.number] for e in each] for each in (self.kept, self.discarded))
        self.scale: Scale = make_scale([*core, *again], others, noise, self.down)

    def off(self, e: Experiment) -> int:
        """Return 1 for an experiment whose value is above the axis, -1 for one below, else 0."""
        share = self.scale.share(self.value[e.number])
        return 1 if share > 1 else -1 if share < 0 else 0


class Drawing:
    """A picture on one sheet."""

    def __init__(self, picture: Picture, sheet: Sheet, name: str) -> None:
        self.picture, self.sheet, self.name = picture, sheet, name
        self.status, self.head, self.judged, self.down = picture.status, picture.head, picture.judged, picture.down
        self.value, self.kept, self.discarded, self.valueless = (
            picture.value,
            picture.kept,
            picture.discarded,
            picture.valueless,
        )
        self.scale, self.titled = picture.scale, picture.titled
        self.last = max(4, self.judged[-1].number if self.judged else 0)
        column = COLUMN[name == "narrow"] if self.head is not None else 0
        self.end = sheet.right - column  # of the experiments
        lane = 18 if self.valueless else 0
        self.top, self.bottom = sheet.top + (0 if self.down else lane), sheet.bottom - (lane if self.down else 0)
        self.lane = self.bottom + 12 if self.down else self.top - 12

    # -- places ---------------------------------------------------------------------------------------------------------

    def x(self, number: float) -> float:
        """Return where an experiment is."""
        return self.sheet.left + 10 + (self.end - self.sheet.left - 22) * number / self.last

    def y(self, value: float) -> float:
        """Return where a value is, within the axes."""
        share = min(1.0, max(0.0, self.scale.share(value)))
        return self.bottom - share * (self.bottom - self.top)

    # -- parts ----------------------------------------------------------------------------------------------------------

    def svg(self) -> Html:
        """Return the drawing."""
        status, sheet = self.status, self.sheet
        best, baseline = status.incumbent, status.baseline
        said = f"{status.metric.name} of {counted(max(0, len(self.judged) - 1), 'experiment')}, {'lower' if self.down else 'higher'} is better"
        if best is not None and baseline is not None:
            said += f": from {status.format(baseline.value)} to {status.format(best.value)}"
        return tag(
            "svg", tag("title", said), self._axes(), self._band(), self._baseline(), self._discards(), self._failures(),
            self._best(), self._names(), self._again(),
            class_=f"drawing {self.name}", viewBox=f"0 0 {sheet.width} {sheet.height}", role="img", aria_label=said,
        )  # fmt: skip

    def _axes(self) -> Html:
        sheet, status = self.sheet, self.status
        ticks = self.scale.ticks(max(3, (self.bottom - self.top) // 52))
        parts: list[Part] = []
        for tick, name in zip(ticks, tick_names(ticks), strict=True):
            y = self.y(tick)
            parts.append(tag("line", class_="grid", x1=sheet.left, x2=sheet.right, y1=px(y), y2=px(y)))
            parts.append(tag("text", name, class_="tick", x=sheet.left - 8, y=px(y + 4), text_anchor="end"))
        step = max(1, round(nice_step(self.last / max(2, (self.end - sheet.left) // 74))))
        for number in range(0, self.last + 1, step):
            parts.append(
                tag(
                    "text",
                    f"{number:,}",
                    class_="tick",
                    x=px(self.x(number)),
                    y=sheet.bottom + 18,
                    text_anchor="middle",
                )
            )
        better = (
            ("\u2193 lower" if self.down else "\u2191 higher")
            + " is better"
            + (", logarithmic" if self.scale.log else "")
        )
        parts.append(
            tag("text", f"{shorten(status.metric.name, 28)}  {better}", class_="axis", x=sheet.left - 44, y=12)
        )
        parts.append(
            tag(
                "text",
                "experiment",
                class_="axis",
                x=px((sheet.left + self.end) / 2),
                y=sheet.bottom + 35,
                text_anchor="middle",
            )
        )
        return join(parts)

    def _band(self) -> Html | None:
        """Draw the noise of one run around the line of the best."""
        edges: tuple[list[str], list[str]] = ([], [])
        wide = False
        for e, end in self._steps():
            sd = self.status.spread(e)
            wide = wide or sd > 0
            for side, value in zip(edges, (self.value[e.number] + sd, self.value[e.number] - sd), strict=True):
                side.append(f"{px(self.x(e.number))} {px(self.y(value))}")
                side.append(f"{px(end)} {px(self.y(value))}")
        return tag("path", class_="band", d=f"M{'L'.join([*edges[0], *reversed(edges[1])])}Z") if wide else None

    def _steps(self) -> Iterable[tuple[Experiment, float]]:
        """Yield each kept experiment with where its step ends."""
        for e, after in zip(self.kept, [*self.kept[1:], None], strict=True):
            yield e, self.x(after.number if after else max(self.judged[-1].number, 0.6))

    def _baseline(self) -> Html | None:
        baseline = self.status.baseline
        if baseline is None or baseline.value is None:
            return None
        y = px(self.y(baseline.value))
        return tag("line", class_="baseline", x1=self.sheet.left, x2=px(self.end), y1=y, y2=y)

    def _discards(self) -> Html:
        radius = self._radius()
        places = [(e, self.x(e.number), self.y(self.value[e.number]), self.picture.off(e)) for e in self.discarded]
        if self.titled:
            return join(
                self._titled(e, arrow(x, y, off) if off else circle("discard", x, y, radius)) for e, x, y, off in places
            )
        # Thousands of marks are one path. What would be drawn twice at one place is drawn once: nothing looks different.
        inside = dict.fromkeys(f"M{px(x)} {px(y)}h0" for _, x, y, off in places if not off)
        outside = dict.fromkeys(f"M{px(x)} {px(y - 3)}h0" for _, x, y, off in places if off)
        return join(
            tag("path", class_="dots", d="".join(inside)) if inside else None,
            tag("path", class_="dots off", d="".join(outside)) if outside else None,
        )

    def _failures(self) -> Html:
        r = self._radius() - 0.4
        if self.titled:
            return join(self._titled(e, mark_of(e, self.x(e.number), self.lane, r)) for e in self.valueless)
        crosses = dict.fromkeys(
            f"M{px(self.x(e.number))} {px(self.lane - r)}v{px(2 * r)}" for e in self.valueless if failed(e)
        )
        dashes = dict.fromkeys(
            f"M{px(self.x(e.number) - r)} {px(self.lane)}h{px(2 * r)}" for e in self.valueless if not failed(e)
        )
        return join(
            tag("path", class_="muted", d="".join(dashes)) if dashes else None,
            tag("path", class_="failure", d="".join(crosses)) if crosses else None,
        )

    def _best(self) -> Html:
        """Draw the line of the best, and the kept experiments on it."""
        if not self.kept:
            return Html("")
        path = ""
        for n, (e, end) in enumerate(self._steps()):
            y = px(self.y(self.value[e.number]))
            path += f"V{y}H{px(end)}" if n else f"M{px(self.x(e.number))} {y}H{px(end)}"
        radius = self._radius() + 1
        marks = []
        for e in self.kept:
            kind = "start" if e.number == 0 else "keep" if e.number in self.status.proven else "unproven"
            marks.append(self._titled(e, circle(kind, self.x(e.number), self.y(self.value[e.number]), radius)))
        return join(tag("path", class_="best", d=path), marks)

    def _names(self) -> Html:
        """Write the summaries of the largest gains beside their marks, where there is room."""
        gains = self.status.gains
        found = [e for e in self.kept if e.number > 0 and e.summary.strip()]
        found.sort(key=lambda e: -(gains[e.number].gain if e.number in gains else 0.0))
        taken = [_around(self.x(e.number), self.y(self.value[e.number]), 5) for e in self.kept]
        points = [(self.x(e.number), self.y(self.value[e.number])) for e in self.discarded]
        for e, end in self._steps():
            taken.append((self.x(e.number), self.y(self.value[e.number]) - 3, end, self.y(self.value[e.number]) + 3))
        rises = zip(self.kept, self.kept[1:], strict=False)
        for one, two in rises:
            ys = sorted((self.y(self.value[one.number]), self.y(self.value[two.number])))
            taken.append((self.x(two.number) - 2, ys[0], self.x(two.number) + 2, ys[1]))
        parts: list[Part] = []
        for e in found[:40]:
            if len(parts) >= self.sheet.named:
                break
            if (placed := self._place(e, taken, points)) is not None:
                area, name = placed
                taken.append(area)
                parts.append(name)
        return join(parts)

    def _place(
        self, e: Experiment, taken: Sequence[_Area], points: Sequence[tuple[float, float]]
    ) -> tuple[_Area, Html] | None:
        x, y = self.x(e.number), self.y(self.value[e.number])
        for length in (40, 28, 18):
            words = shorten(e.summary, length)
            wide = 6.3 * len(words) + 4
            for dx, dy, anchor in (
                (8, -9, "start"),
                (8, 17, "start"),
                (-8, 17, "end"),
                (-8, -9, "end"),
                (8, 31, "start"),
                (8, -24, "start"),
            ):
                left = x + dx - (wide if anchor == "end" else 0)
                area = (left, y + dy - 11, left + wide, y + dy + 4)
                if area[0] < self.sheet.left + 2 or area[2] > self.end or area[1] < self.top or area[3] > self.bottom:
                    continue
                if any(_meet(area, other) for other in taken):
                    continue
                if sum(area[0] - 3 < px < area[2] + 3 and area[1] - 3 < py < area[3] + 3 for px, py in points) > (
                    length == 18
                ):
                    continue
                return area, tag("text", words, class_="name", x=px(x + dx), y=px(y + dy), text_anchor=anchor)
            if len(e.summary) <= length:
                continue
        return None

    def _again(self) -> Html | None:
        """Draw best and baseline as measured again, with the interval of the gain, in a column at the right."""
        head, status = self.head, self.status
        if head is None:
            return None
        middle = (self.end + self.sheet.right) / 2 + 2
        parts: list[Part] = [
            tag(
                "line",
                class_="column",
                x1=px(self.end + 8),
                x2=px(self.end + 8),
                y1=self.sheet.top,
                y2=self.sheet.bottom,
            )
        ]
        parts.append(
            tag(
                "text",
                "measured again" if self.name == "wide" else "again",
                class_="tick",
                x=px(middle),
                y=self.sheet.bottom + 18,
                text_anchor="middle",
            )
        )
        best, baseline = self.y(head.best), self.y(head.baseline)
        apart = abs(best - baseline) > 34
        title = f"The best, measured again: {status.format(head.best)}"
        if ends := lead_ends(status):
            low, high = sorted(map(self.y, ends))
            title += (
                f"; 95% interval of its lead over the baseline {status.format(min(ends))} to {status.format(max(ends))}"
            )
            if high - low > 1:
                parts.append(
                    tag("path", class_="interval", d=f"M{px(middle - 6)} {px(low)}h12m-6 0V{px(high)}m-6 0h12")
                )
        for y, kind, words, value in (
            (baseline, "old", f"The baseline, measured again: {status.format(head.baseline)}", head.baseline),
            (best, "new", title, head.best),
        ):
            mark = tag("path", class_=f"again {kind}", d=f"M{px(middle)} {px(y - 5.5)}l5.5 5.5l-5.5 5.5l-5.5 -5.5z")
            parts.append(tag("g", tag("title", words), mark))
            if apart or kind == "new":
                up = (y < (best + baseline) / 2 or not apart) and y - 24 > self.top
                parts.append(
                    tag(
                        "text",
                        status.format(value),
                        class_=f"value {kind}",
                        x=px(middle + 13),
                        y=px(y + 4),
                        text_anchor="start",
                    )
                    if self.name == "wide"
                    else tag(
                        "text",
                        status.format(value),
                        class_=f"value {kind}",
                        x=px(middle),
                        y=px(y - 12 if up else y + 22),
                        text_anchor="middle",
                    )
                )
        return join(parts)

    def _titled(self, e: Experiment, mark: Html) -> Html:
        return tag("g", tag("title", _title(self.status, e)), mark)

    def _radius(self) -> float:
        return 2.0 if len(self.judged) > 400 else 2.6 if len(self.judged) > 120 else 3.6


_Area = tuple[float, float, float, float]


def _title(status: StudyStatus, e: Experiment) -> str:
    """Return what a mark says: number, verdict, value, gain, and what was changed."""
    parts = [f"{e.number}: {verdict_words(e, status.gains)}"]
    if e.value is not None:
        parts.append(f"{status.metric.name} {status.format(e.value)}")
    gain = status.gains.get(e.number)
    if gain is not None and gain.p_better is not None:
        sd = status.spread(e)
        parts.append(f"gain {signed(gain, sd)}, 95% interval {interval(gain, sd)}, chance {chance(gain)}")
    return " \u00b7 ".join(parts) + (f"\n{shorten(e.summary, 200)}" if e.summary else "")


def _around(x: float, y: float, r: float) -> _Area:
    return x - r, y - r, x + r, y + r


def _meet(a: _Area, b: _Area) -> bool:
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]
