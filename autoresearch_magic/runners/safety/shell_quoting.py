"""Where quotes, parentheses and braces of a shell command end, and what they stand for. Pure functions on text."""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator


def mask_quoted(text: str) -> str:
    """Return a command with ``q`` in place of every character that is quoted or escaped."""
    parts: list[str] = []
    i = 0
    while i < len(text):
        end = quoted_end(text, i)
        parts.append(text[i] if end == i + 1 else "q" * (end - i))
        i = end
    return "".join(parts)


def substitutions(text: str) -> Iterator[str]:
    """Yield the commands that run in the text of a here-document."""
    for found in re.finditer(r"(?<!\\)\$\((?!\()", text):
        yield text[found.end() : closing(text, found.end() - 1) - 1]
    for found in re.finditer(r"(?<!\\)`([^`]*)`", text):
        yield found[1]


def quoted_end(text: str, at: int) -> int:
    """Return the index after the quoted text that begins at `at`; the next index where none begins."""
    if text[at] == "\\":
        return min(at + 2, len(text))
    if text[at] == "'":
        end = text.find("'", at + 1)
        return len(text) + 1 if end < 0 else end + 1
    if text[at] == '"':
        i = at + 1
        while i < len(text) and text[i] != '"':
            i += 2 if text[i] == "\\" else 1
        return min(i + 1, len(text))
    return at + 1


def closing(text: str, opening: int) -> int:
    """Return the index after the parenthesis that closes the one at `opening`."""
    depth, i = 0, opening
    while i < len(text):
        depth += {"(": 1, ")": -1}.get(text[i], 0)
        if depth == 0:
            return i + 1
        i = quoted_end(text, i)
    return len(text) + 1


def braces(text: str) -> list[str]:
    """Return the words that ``{a,b,c}`` expands to; none for other text."""
    found = re.fullmatch(r"\{([^{}]+,[^{}]*)\}", text)
    return found[1].split(",") if found else []


def unescaped(text: str) -> str:
    """Resolve the escapes of ``$'...'``."""
    try:
        return codecs.decode(text.encode("latin-1", "backslashreplace"), "unicode_escape")
    except UnicodeDecodeError:
        return text
