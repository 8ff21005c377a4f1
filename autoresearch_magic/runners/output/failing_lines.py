"""The lines of a failed command's output that say what failed: failed tests, errors with their places, the exception."""

from __future__ import annotations

import re
from collections.abc import Sequence

from ...text import shorten
from .named_lines import visible_lines

MOST = 12
"""Lines that are kept."""
LONGEST = 200
"""Characters of a line that are kept."""
IN_REASON = 240
"""Characters of the lines that a one-line reason quotes."""

_NAMED = (  # the first kind that occurs is taken: from the names of what failed to the least specific
    r"(?:FAILED|ERROR)\s+\S*(?:::|\.py)",  # pytest's summary
    r"(?:FAIL|ERROR):\s",  # unittest
    r"\s*--- FAIL:\s",  # go test
    r"test\s.+\.\.\.\s+FAILED",  # cargo test
    r"\s*\d+:\d+\s+(?:error|warning)\s",  # eslint
    r"\s*●\s.+|\s*[✕✗✖×]\s.+|\s*FAIL\s{1,2}\S",  # jest, vitest
    r"\s*not ok\b",  # TAP
    r"\s*\d+\)\s+\S",  # mocha
    r"\S+?(?::\d+(?::\d+)?|\(\d+,\d+\)):?\s.*",  # file:line: compilers, linters, type checkers
    r"\s*(?:E\s{3,}|(?:[A-Z]\w*\.)*[A-Z]\w*(?:Error|Exception|Failure|Warning|Interrupt|Exit)\b)",  # an assertion, an exception
    r".*(?<![\w-])(?:error|fatal|failed|failure|panicked|denied|not found|No such)(?![\w-]).*",
)
_KINDS = tuple(re.compile(pattern, re.IGNORECASE if n == len(_NAMED) - 1 else 0) for n, pattern in enumerate(_NAMED))
_NAMES_ONLY = (1, 2, 3, 5, 6, 7)
"""Kinds that name what failed without saying why."""
_REASON = re.compile(_NAMED[-2] + r"|\s+\S+\.\w+:\d+: |thread .+ panicked at |assertion ")
_NOTHING = re.compile(r"\b(?:0|no) (?:errors?|failed|failures?)\b", re.IGNORECASE)
_NOISE = re.compile(r"[\s=_\-*~.·─━]*")


def failing_lines(output: str) -> list[str]:
    """Return the lines that say what failed, at most `MOST`; without such lines the last ones.

    Names of failed tests come with the first line of the reason, where it stands elsewhere in the output.
    """
    lines = [line.rstrip() for line in visible_lines(output)]
    lines = [line for line in lines if not _NOISE.fullmatch(line)]
    for n, kind in enumerate(_KINDS):
        found = list(dict.fromkeys(line.strip() for line in lines if kind.match(line) and not _NOTHING.search(line)))
        if found:
            because = _reasons(lines) if n in _NAMES_ONLY else []
            found = [*found[: MOST - min(len(because), 4)], *[line for line in because[:4] if line not in found]]
            return [shorten(line, LONGEST) for line in found[:MOST]]
    return [shorten(line, LONGEST) for line in lines[-3:]]


def _reasons(lines: list[str]) -> list[str]:
    """Return the assertions and exceptions of a test runner's output."""
    return list(dict.fromkeys(line.strip() for line in lines if _REASON.match(line)))


def quoted(lines: Sequence[str]) -> str:
    """Return as many of the lines as a one-line reason has room for, with the number of those left out."""
    shown: list[str] = []
    for line in lines:
        if shown and sum(map(len, shown)) + len(line) > IN_REASON:
            break
        shown.append(shorten(line, IN_REASON))
    left = len(lines) - len(shown)
    return " · ".join(shown) + (f" · and {left} more" if left else "")
