"""Python in the line of a magic without quotes: ``--metric accuracy=(a == b).mean()``.

A line is split as in a shell, which ends a value at a blank, and takes quotes and backslashes away. The values of these options are
Python or patterns, so an unquoted one is put in quotes as a whole first.
"""

from __future__ import annotations

import re
import shlex

_OPTION = re.compile(r"(?:(?<=\s)|^)--(?:guard-)?(?:metric|valid|also)(?:=|\s+)(?=\S)")
_SHELL_QUOTED = re.compile(r"[\w.%-]*\s*=?\s*(?:'[^']*'|\"(?:[^\"\\]|\\.)*\")(?=\s|$)")
_GOES_ON = re.compile(  # behind a blank outside of brackets: an operator, another NAME= behind a comma, or the direction in brackets
    r"(?<=,)\s+(?=[A-Za-z_][\w.-]*\s*=(?!=))|\s+(?:(?:==?|!=|<=?|>=?|\+|\*\*?|//?|%|@|-(?=\s))\s*|(?:and|or|not|in|is|if|else)\s+(?=\S)|(?=\((?:lower|higher|smaller|larger)\s+is))"
)
_OPEN, _CLOSE = "([{", ")]}"


def quote_expressions(line: str) -> str:
    """Return a line with the unquoted values of ``--metric``, ``--valid``, ``--also`` and ``--guard-metric`` in quotes, if it has such."""
    parts: list[str] = []
    at = 0
    while found := _OPTION.search(line, at):
        start = found.end()
        parts.append(line[at:start])
        at = start
        if _in_quotes(line[: found.start()]) or _SHELL_QUOTED.match(line, start) or line[start] in "-'\"":
            continue
        at = _end(line, start)
        parts.append(shlex.quote(line[start:at]))
    return "".join([*parts, line[at:]])


def _in_quotes(before: str) -> bool:
    """Whether a text ends inside of a quoted word."""
    try:
        shlex.split(before)
    except ValueError:
        return True
    return False


def _end(line: str, start: int) -> int:
    """Return where the expression that begins at `start` ends: at a blank outside of brackets and strings, behind no operator."""
    depth, at = 0, start
    while at < len(line):
        character = line[at]
        if character in "'\"":
            end = _string_end(line, at)
            if end < 0:
                return start + len(line[start:].split(maxsplit=1)[0])
            at = end
            continue
        if character == "\\":  # in a pattern: \( opens nothing
            at += 2
            continue
        if character in _OPEN:
            depth += 1
        elif character in _CLOSE:
            depth = max(0, depth - 1)
        elif character.isspace() and depth == 0:
            goes_on = _GOES_ON.match(line, at)
            if goes_on is None:
                return at
            at = max(goes_on.end(), at + 1)
            continue
        at += 1
    if (
        depth > 0
    ):  # a bracket that is never closed, or one in a pattern such as [(]: the word alone, as without this module
        return start + len(line[start:].split(maxsplit=1)[0])
    return len(line.rstrip())


def _string_end(line: str, start: int) -> int:
    """Return the place behind the string that begins at `start`; -1 where it does not end."""
    at = start + 1
    while at < len(line):
        if line[at] == "\\":
            at += 1
        elif line[at] == line[start]:
            return at + 1
        at += 1
    return -1
