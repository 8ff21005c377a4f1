"""Source code and differences as coloured HTML."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import islice, pairwise

from ...source.files import is_bundle, split
from ...source.highlight import Line, UnifiedLine, diff_rows, tokens, unified
from ...text import counted
from .markup import Html, Part, join, tag

DIFF_LINES = 240
"""Lines of a difference that are shown."""
CODE_LINES, LINE_LENGTH = 3_000, 2_000
"""Lines of a source, and characters of a line, that are shown."""


def code(source: str, name: str = "") -> Html:
    """Return a source, coloured.

    Parameters
    ----------
    source : str
    name : str
        What it is, for who hears the page.
    """
    if is_bundle(source):
        return join(
            [tag("p", tag("code", path), class_="file"), _listing(content, path, path)]
            for path, content in split(source).items()
        )
    return _listing(source, "python", name)


def _listing(source: str, language: str, name: str) -> Html:
    lines = tokens(source, language)
    shown = lines[:CODE_LINES]
    inside = join((_line(line), "\n") for line in shown)
    left = len(lines) - len(shown)
    return join(
        _scrolling(tag("pre", tag("code", inside), class_="code"), name or "source code"),
        tag("p", f"{counted(left, 'more line')} not shown.", class_="quiet") if left else None,
    )


def difference(before: str, after: str, name: str = "", more: str = "") -> Html:
    """Return what differs between two versions of a target, as a coloured unified difference.

    Parameters
    ----------
    before, after : str
    name : str
        What it is, for who hears the page.
    more : str
        Where the rest is, if it is cut.
    """
    lines = unified(diff_rows(before, after))
    shown = list(islice(lines, DIFF_LINES))
    left = sum(1 for _ in lines)
    if not shown:
        return tag("p", "The code is the same.", class_="quiet")
    rest = f"{counted(left, 'more line')} not shown{f': {more}' if more else ''}."
    return join(
        _scrolling(
            tag("pre", tag("code", (_diff_line(line) for line in shown)), class_="code diff"), name or "difference"
        ),
        tag("p", rest, class_="quiet") if left else None,
    )


def _scrolling(inside: Html, name: str) -> Html:
    """Return code in a box that can be scrolled by keyboard as well."""
    return tag("div", inside, class_="scroll", tabindex="0", role="region", aria_label=name)


_ROWS = {"-": "old", "+": "new", "@": "gap", "#": "path", " ": None}
_SPOKEN = {"-": "removed: ", "+": "added: "}


def _diff_line(each: UnifiedLine) -> Html:
    sign, row = each.sign, each.row
    if sign == "@":
        inside: Part = f"\u22ef {counted(row.skipped, 'line')}"
    elif sign == "#":
        inside = f"{row.path} ({row.status})" if row.status != "changed" else row.path
    else:
        inside = _line(each.line, each.marks)
    spoken = tag("span", _SPOKEN[sign], class_="spoken") if sign in _SPOKEN else None
    return tag(
        "span",
        spoken,
        inside,
        class_=f"row {_ROWS[sign]}" if _ROWS[sign] else "row",
        data_sign=sign if sign in "-+" else None,
    )


def _line(line: Line, marks: Sequence[tuple[int, int]] = ()) -> Html:
    """Return one line of tokens, with what differs within it marked."""
    parts: list[Part] = []
    at = 0
    for kind, words in line:
        if at >= LINE_LENGTH:
            parts.append(" \u2026")
            break
        words = words[: LINE_LENGTH - at]
        for inside, piece in _pieces(words, at, marks):
            token = tag("span", piece, class_=f"t-{kind}") if kind else piece
            parts.append(tag("mark", token) if inside else token)
        at += len(words)
    return join(parts)


def _pieces(words: str, at: int, marks: Sequence[tuple[int, int]]) -> Iterable[tuple[bool, str]]:
    """Split a text that begins at a place of its line where the marks begin and end."""
    end = at + len(words)
    cuts = sorted({at, end, *(cut for mark in marks for cut in mark if at < cut < end)})
    for start, stop in pairwise(cuts):
        yield any(a <= start and stop <= b for a, b in marks), words[start - at : stop - at]
