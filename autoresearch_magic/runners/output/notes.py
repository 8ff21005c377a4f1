"""The notes of a run: lines ``note: text`` of its output, which the next proposal is told."""

from __future__ import annotations

import re
from collections.abc import Iterable

from ...experiment import LONGEST_NOTE, MOST_NOTES
from ...keys.redact import cleaned
from ...text import shorten
from .named_lines import visible_lines

_NOTE = re.compile(r"[ \t]*note:[ \t]*(\S.*)", re.IGNORECASE)


def printed_notes(output: str) -> tuple[str, ...]:
    """Return the last notes of an output, `MOST_NOTES` lines of `LONGEST_NOTE` characters at most; the same text twice counts once."""
    lines = [line for line in output.split("\n") if "note:" in line[:LONGEST_NOTE].lower() or "\r" in line]
    found: dict[str, None] = {}
    for line in visible_lines("\n".join(lines)):
        if note := _NOTE.match(line):
            text = shorten(cleaned(note[1]), LONGEST_NOTE)
            found.pop(text, None)  # the order is that of the last printing
            found[text] = None
    return tuple(found)[-MOST_NOTES:]


def is_note(line: str) -> bool:
    """Whether a line of an output is a note."""
    return _NOTE.match(line) is not None


def without_notes(lines: Iterable[str]) -> list[str]:
    """Return lines with empty ones in place of notes: what a note says is no value, and the numbers of lines stay."""
    return ["" if is_note(line) else line for line in lines]
