"""The report's chart: every experiment of a study, drawn for wide and for narrow windows, and what its marks mean."""

from __future__ import annotations

from ...experiment import Verdict
from ..status import StudyStatus
from .drawing import NARROW, WIDE, Drawing, Picture
from .marks import arrow, circle, failed, lead_ends
from .markup import Html, join, tag


def chart(status: StudyStatus) -> Html:
    """Return the chart as a figure: one drawing for wide windows and paper, one for narrow windows; or a sentence."""
    if not any(e.value is not None for e in status.experiments):
        return tag("p", "No experiment has a value, so there is nothing to draw.", class_="quiet")
    picture = Picture(status)
    drawings = [Drawing(picture, sheet, name).svg() for sheet, name in ((WIDE, "wide"), (NARROW, "narrow"))]
    return tag("figure", drawings, tag("figcaption", _legend(picture)), class_="chart")


def _legend(picture: Picture) -> Html:
    """Return what the marks mean, only of those that are there."""
    status = picture.status
    experiments, proven = status.experiments, status.proven
    keeps = [e for e in experiments if e.verdict is Verdict.KEEP]
    entries: list[tuple[Html | None, str]] = []
    if any(e.number in proven for e in keeps):
        entries.append((circle("keep", 8, 8, 4.6), "kept, proven"))
    if any(e.number not in proven for e in keeps):
        entries.append((circle("unproven", 8, 8, 4.6), "kept, not proven"))
    if picture.discarded:
        entries.append((circle("discard", 8, 8, 3.6), "discarded"))
    if any(failed(e) for e in picture.valueless):
        entries.append((tag("path", class_="failure", d="M5 5l6 6m0 -6l-6 6"), "failed"))
    if muted := [e for e in picture.valueless if not failed(e)]:
        names = {Verdict.PRUNED: "stopped early", Verdict.DUPLICATE: "tried before"}
        found = dict.fromkeys(names.get(e.verdict, "without a value") for e in muted if e.verdict is not None)
        entries.append((tag("path", class_="muted", d="M4 8h8"), " or ".join(found)))
    if any(map(picture.off, picture.discarded)):
        entries.append((arrow(8, 8, 1), "off the scale"))
    entries.append((tag("line", class_="baseline", x1=1, x2=15, y1=8, y2=8), "baseline"))
    if any(status.spread(e) for e in picture.kept):
        band = tag("rect", class_="band", x=1, y=3, width=14, height=10)
        entries.append(
            (
                join(band, tag("line", class_="best", x1=1, x2=15, y1=8, y2=8)),
                "the best so far, and one standard deviation of a single run to each side",
            )
        )
    elif len(picture.kept) > 1:
        entries.append((tag("line", class_="best", x1=1, x2=15, y1=8, y2=8), "the best so far"))
    if status.headline is not None:
        words = "measured again on fresh seeds" + (
            ", with the 95% interval of the lead over the baseline" if lead_ends(status) else ""
        )
        entries.append((tag("path", class_="again new", d="M8 3l5 5l-5 5l-5 -5z"), words))
    keys = [
        tag("span", tag("svg", mark, class_="key", viewBox="0 0 16 16", aria_hidden="true"), words, class_="entry")
        for mark, words in entries
    ]
    hint = "Rest the pointer on a mark to read what it is." if picture.titled else (
        f"All {len(experiments):,} experiments are drawn; where marks would lie exactly on each other there is one. "
        "Rest the pointer on a kept one to read what it is."
    )  # fmt: skip
    return join(tag("span", keys, class_="legend"), tag("span", hint, class_="quiet hint"))
