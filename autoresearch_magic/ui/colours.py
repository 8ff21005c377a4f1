"""Sources and differences in the colours of a terminal, and differences as HTML for notebooks.

JupyterLab and Notebook 7 colour Python in Markdown, but no differences: those get a tint that is transparent, with the page's own
colour of text, so that they read in every theme. A terminal has the sixteen colours of its own theme.
"""

from __future__ import annotations

import html
import os
from collections.abc import Iterator, Sequence
from typing import Literal, TextIO

from ..source.line_diff import changed_ranges, pairs
from .highlight import tokens

BOLD, CYAN, RED, GREEN, REVERSED = "1", "36", "31", "32", "7"
CODES = {
    "kw": "35", "str": GREEN, "num": CYAN, "com": "90", "name": "34", "bi": CYAN, "dec": "35", "file": BOLD, "err": RED,
}  # fmt: skip
"""What begins a class of tokens in a terminal; the other classes are plain."""

TINTS = {
    "-": ("rgba(220, 60, 70, 0.16)", "rgba(220, 60, 70, 0.42)"),
    "+": ("rgba(30, 160, 90, 0.16)", "rgba(30, 160, 90, 0.42)"),
}
"""Backgrounds of lines that were removed or added, and of what differs within them."""

Sign = Literal["-", "+", " ", "@", "#"]
Part = tuple[bool, str]
"""A piece of a line, and whether it differs from the line that it is paired with."""


def wants_colours(stream: TextIO | None) -> bool:
    """Whether what is written to a stream may have colours: a terminal's, unless ``NO_COLOR`` or ``FORCE_COLOR`` is set."""
    if os.environ.get("NO_COLOR"):
        return False
    if forced := os.environ.get("FORCE_COLOR"):
        return forced != "0"
    return getattr(stream, "isatty", bool)() and os.environ.get("TERM") != "dumb"


def bold(text: str) -> str:
    """Return a text in bold, for a terminal."""
    return _in(BOLD, text)


def coloured_source(source: str, language: str = "python") -> str:
    """Return a source in colours, for a terminal."""
    return "\n".join(
        "".join(_in(CODES.get(name, ""), text) for name, text in line) for line in tokens(source, language)
    )


def coloured_diff(diff: str) -> str:
    """Return a unified difference in colours, for a terminal; what differs within a line is reversed."""
    codes: dict[Sign, str] = {"-": RED, "+": GREEN, "@": CYAN, "#": BOLD, " ": ""}
    lines = []
    for sign, parts in _lines(diff):
        code = codes[sign]
        lines.append("".join(_in(f"{code};{REVERSED}" if marked else code, text) for marked, text in parts))
    return "\n".join(lines)


def diff_as_html(diff: str) -> str:
    """Return a unified difference as HTML for a notebook."""
    lines = []
    for sign, parts in _lines(diff):
        tint, strong = TINTS.get(sign, ("", ""))
        text = "".join(
            f'<span style="background-color: {strong}">{html.escape(part)}</span>' if marked else html.escape(part)
            for marked, part in parts
        )
        style = f"background-color: {tint}" if tint else "font-weight: bold" if sign == "#" else ""
        if sign == "@":
            text = f"<em>{text}</em>"
        lines.append(f'<span style="display: block; {style}">{text or " "}</span>')
    return f'<pre style="line-height: 1.4; overflow-x: auto">{"".join(lines)}</pre>'


def _in(code: str, text: str) -> str:
    return f"\x1b[{code}m{text}\x1b[0m" if code and text else text


def _lines(diff: str) -> Iterator[tuple[Sign, list[Part]]]:
    """Yield each line of a unified difference: what kind of line it is, and its parts."""
    lines = diff.splitlines()
    at, head = 0, True
    while at < len(lines):
        line = lines[at]
        if head and line.startswith(("--- ", "+++ ", "diff ", "index ", "new file", "deleted file")):
            yield "#", [(False, line)]
        elif line.startswith("@@"):
            head = False
            yield "@", [(False, line)]
        elif line.startswith(("-", "+")):
            end = at
            while end < len(lines) and lines[end].startswith("-") and not _is_head(lines, end):
                end += 1
            middle = end
            while end < len(lines) and lines[end].startswith("+"):
                end += 1
            if end == at:  # the head of another file
                head = True
                continue
            yield from _changed(lines[at:middle], lines[middle:end])
            at = end
            continue
        else:
            yield " ", [(False, line)]
        at += 1


def _is_head(lines: Sequence[str], at: int) -> bool:
    return lines[at].startswith("--- ") and at + 1 < len(lines) and lines[at + 1].startswith("+++ ")


def _changed(removed: Sequence[str], added: Sequence[str]) -> Iterator[tuple[Sign, list[Part]]]:
    """Yield removed lines and then added ones, with what differs within those that belong together."""
    old, new = [line[1:] for line in removed], [line[1:] for line in added]
    marks_old: dict[int, Sequence[tuple[int, int]]] = {}
    marks_new: dict[int, Sequence[tuple[int, int]]] = {}
    for i, j in pairs(old, new):
        if i is not None and j is not None:
            marks_old[i], marks_new[j] = changed_ranges(old[i], new[j])
    for n, line in enumerate(old):
        yield "-", [(False, "-"), *_parts(line, marks_old.get(n, ()))]
    for n, line in enumerate(new):
        yield "+", [(False, "+"), *_parts(line, marks_new.get(n, ()))]


def _parts(line: str, marks: Sequence[tuple[int, int]]) -> list[Part]:
    parts: list[Part] = []
    at = 0
    for start, end in marks:
        parts += [(False, line[at:start]), (True, line[start:end])]
        at = end
    return [*parts, (False, line[at:])]
