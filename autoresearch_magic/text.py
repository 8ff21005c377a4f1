"""Formatting of text for people: counts, Markdown, code fences, shortening."""

from __future__ import annotations

import re
from unicodedata import east_asian_width

_BLOCK = re.compile(r"(\d*)([-+.)](?:\s|$)|-[-\s]+$)")
"""What makes a text an item of a list, or a rule, where it begins with it: ``- a``, ``2. a``, ``---``."""


def counted(number: int, what: str) -> str:
    """Return a number with its noun in singular or plural: ``1 run``, ``2 runs``."""
    return f"{number:,} {what}{'' if number == 1 else 's'}"


def escape(text: str) -> str:
    """Return text from an agent as one line in which Markdown and HTML characters are escaped."""
    text = " ".join(text.split())
    for character in "\\`*_{}[]<>|#$&~":
        text = text.replace(character, "\\" + character)
    return _BLOCK.sub(r"\1\\\2", text, count=1) if _BLOCK.match(text) else text


def as_html(markdown: str) -> str | None:
    """Return Markdown as HTML that inherits the page's colours and fonts; None where markdown-it-py is not installed.

    HTML in the text is shown as text, and nothing in it is a link or a picture: it may quote what an agent wrote, and a page that
    is looked at must not load anything from elsewhere.
    """
    try:
        from markdown_it import MarkdownIt
    except ModuleNotFoundError:  # an extra
        return None
    parser = MarkdownIt("commonmark", {"html": False, "breaks": True, "xhtmlOut": False})
    parser.enable("table").disable(["image", "link", "autolink", "reference"])
    return f"<div>{parser.render(markdown)}</div>"


def shorten(text: str, limit: int = 60) -> str:
    """Return text as one line of at most `limit` characters, with control characters written as escapes."""
    line = " ".join(text[: 4 * limit].split())
    if not line.isprintable():
        line = "".join(c if c.isprintable() else repr(c)[1:-1] for c in line)
    return line if len(line) <= limit else line[: limit - 1].rstrip() + "…"


def fit(text: str, columns: int) -> str:
    """Return text as one line that takes at most so many columns of a terminal; Chinese characters take two."""
    line = shorten(text, max(1, min(len(text), columns)))
    taken = 0
    for at, character in enumerate(line):
        taken += 2 if east_asian_width(character) in "WF" else 1
        if taken > columns:
            return f"{line[: max(0, at - 1)].rstrip()}…"
    return line


def fenced(text: str, language: str = "") -> str:
    """Return code in a Markdown fence that is longer than any run of backticks in it."""
    fence = "```"
    while fence in text:
        fence += "`"
    return f"{fence}{language}\n{text.rstrip()}\n{fence}"


def exact(value: float) -> str:
    """Format a number as briefly as reading it back allows: ``8``, ``0.1``, ``1234567``."""
    text = f"{value:g}"
    return (
        text if float(text) == value and "e+" not in text else str(int(value)) if value == int(value) else repr(value)
    )


def printable(text: str) -> str:
    """Return text that can be encoded: half of a surrogate pair is written as an escape."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-8", "backslashreplace").decode()
    return text


def cut_middle(text: str, limit: int) -> str:
    """Return the head and the tail of a text that is longer than `limit` characters, and how much is missing between."""
    if len(text) <= limit:
        return text
    tail = limit // 4
    head = limit - tail
    return f"{text[:head]} [... {len(text) - limit:,} characters left out ...] {text[-tail:]}"


def size_in_bytes(text: str, whole: int) -> int:
    """Return the bytes of a size such as ``8GB`` (10**9 bytes each), ``8GiB`` (2**30) or ``80%`` of a whole; 0 where it is none."""
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*(%|[KMGT]?i?B?)", text.strip(), re.IGNORECASE)
    if not match:
        return 0
    size, unit = float(match[1]), match[2].upper()
    if unit == "%":
        return int(size / 100 * whole)
    return int(size * (1024 if "I" in unit else 1000) ** " KMGT".index(unit[:1] if unit[:1] in "KMGT" else " "))
