"""Blocks that say which lines of a target may change: ``# EVOLVE-BLOCK-START`` and ``# autoresearch: fixed``.

Two pairs of comments, each on a line of its own, in Python and in other languages::

    # EVOLVE-BLOCK-START          # autoresearch: fixed
    ...                           ...
    # EVOLVE-BLOCK-END            # autoresearch: end

Lines between the first pair may change, and once a target has such a block, nothing else of it may: no line outside, and no
other file. Lines between the second pair may not change, also within a block of the first kind. The markers stay as they are.

Not here: which proposals are refused for other reasons (`integrity`), and what the tuner changes (`constants`).
"""

from __future__ import annotations

import difflib
import io
import re
import tokenize
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache

from ..errors import UserError
from ..text import shorten
from . import files
from .edits import BOM

START, END = "EVOLVE-BLOCK-START", "EVOLVE-BLOCK-END"
FIXED, FIXED_END = "autoresearch: fixed", "autoresearch: end"

_CLOSES = {END: START, FIXED_END: FIXED}
_CLOSED_BY = {opening: closing for closing, opening in _CLOSES.items()}
_MARK = r"(?P<evolve>EVOLVE-BLOCK-(?:START|END))\b|autoresearch:\s*(?P<fixed>fixed|end)\b"
_LINE = re.compile(rf"\s*(?:#+|//+|--+|;+|%+|/\*+|<!--)\s*(?:{_MARK})")
_COMMENT = re.compile(rf"#+\s*(?:{_MARK})")
_SHOWN = 80
_COMPARED = 4_000_000
"""Product of two numbers of lines up to which `difflib` aligns them; where lines are alike it takes as long as the product."""


@dataclass(frozen=True)
class _File:
    """One file of a target, or the whole target where it is one text.

    Attributes
    ----------
    path : str
        Empty for a target of one text.
    lines : tuple of str
        Without line ends.
    markers : tuple of (int, str)
        Index of the line, and which of the four it has.
    """

    path: str
    lines: tuple[str, ...]
    markers: tuple[tuple[int, str], ...]

    def where(self, index: int) -> str:
        """Return the place of a line, for messages."""
        return f"line {index + 1}{f' of {self.path}' if self.path else ''}"

    def frozen(self, evolve: bool) -> list[bool]:
        """Return for each line whether it is frozen.

        Parameters
        ----------
        evolve : bool
            Whether lines outside of blocks are frozen, because the target has a block that may change.
        """
        marks = dict(self.markers)
        inside = fixed = False
        found = []
        for index in range(len(self.lines)):
            mark = marks.get(index)
            inside, fixed = (inside or mark == START) and mark != END, (fixed or mark == FIXED) and mark != FIXED_END
            found.append(mark is not None or fixed or (evolve and not inside))
        return found


def has_blocks(target: str) -> bool:
    """Whether a target has any marker, so that some of its lines may not change."""
    return any(file.markers for file in _files(target))


def check_blocks(target: str) -> None:
    """Check that the markers of a target stand in pairs.

    Raises
    ------
    UserError
        For the first one that does not; one line that names it.
    """
    for file in _files(target):
        if problem := _beside_code(file) or _unbalanced(file):
            raise UserError(problem)


def _beside_code(file: _File) -> str:
    if file.path and not files.is_python(file.path):
        return ""
    text = "".join(file.lines)
    marked = _marking_comments(text) if _may_have_markers(text) else ()
    odd = next(((line, found[0]) for line, alone, found in marked if not alone), None)
    return f"{file.where(odd[0])}: {odd[1]} must stand on a line of its own." if odd else ""


def _unbalanced(file: _File) -> str:
    open_at: dict[str, int] = {}
    for index, mark in file.markers:
        if mark in _CLOSED_BY:
            if mark in open_at:
                return (
                    f"{file.where(index)}: {mark} again before the {_CLOSED_BY[mark]} of {file.where(open_at[mark])}."
                )
            if mark == START and FIXED in open_at:
                return f"{file.where(index)}: {START} within {FIXED}: nothing there may change."
            open_at[mark] = index
        elif open_at.pop(_CLOSES[mark], None) is None:
            return f"{file.where(index)}: {mark} without a line  # {_CLOSES[mark]}  above it."
        elif mark == END and FIXED in open_at:
            return f"{file.where(index)}: {END} before the {FIXED_END} of {file.where(open_at[FIXED])}."
    for mark, index in open_at.items():
        return f"{file.where(index)}: {mark} without a line  # {_CLOSED_BY[mark]}  below it."
    return ""


def frozen_change(before: str, after: str) -> str:
    """Return one line that says which frozen line a proposal changes; empty when it changes none.

    Spaces at the ends of lines do not count.

    Parameters
    ----------
    before : str
        The baseline's target.
    after : str
        The proposal's target.
    """
    if not has_blocks(before):
        return ""
    old, new = ({file.path: file for file in _files(target)} for target in (before, after))
    evolve = _evolves(old.values())
    for path in sorted(old.keys() | new.keys()):
        if path not in new or path not in old:
            if evolve or (path in old and old[path].markers):
                return f"It {'adds' if path in new else 'removes'} {path}: {_rule(evolve)}"
            continue
        if problem := _difference(old[path], new[path], evolve):
            return f"{problem}: {_rule(evolve)}"
    return ""


def _rule(evolve: bool) -> str:
    if evolve:
        return f"only lines between {START} and {END} may change."
    return f"lines between  {FIXED}  and  {FIXED_END}  may not change."


def _difference(old: _File, new: _File, evolve: bool) -> str:
    ours, theirs = ([i for i, frozen in enumerate(f.frozen(evolve)) if frozen] for f in (old, new))
    before, after = [old.lines[i].rstrip() for i in ours], [new.lines[i].rstrip() for i in theirs]
    if before == after:
        return ""
    start, end, at, to = _first_difference(before, after)
    if at < to:
        verb = "changes" if start < end else "adds"
        return f"It {verb} {new.where(theirs[at])} ({_quoted(after[at])})"
    return f"It removes {old.where(ours[start])} ({_quoted(before[start])})"


def _first_difference(before: list[str], after: list[str]) -> tuple[int, int, int, int]:
    """Return the first range of lines that differs, in both texts: start and end before, start and end after."""
    if len(before) * len(after) <= _COMPARED:
        matcher = difflib.SequenceMatcher(None, before, after, autojunk=False)
        return next(code[1:] for code in matcher.get_opcodes() if code[0] != "equal")
    pairs = zip(before, after, strict=False)
    start = next((i for i, (old, new) in enumerate(pairs) if old != new), min(len(before), len(after)))
    ends = zip(reversed(before[start:]), reversed(after[start:]), strict=False)
    same = next((i for i, (old, new) in enumerate(ends) if old != new), min(len(before), len(after)) - start)
    return start, len(before) - same, start, len(after) - same


def _quoted(line: str) -> str:
    return shorten(line.strip(), _SHOWN) or "an empty line"


def editable_spans(target: str) -> list[tuple[int, int]] | None:
    """Return the character ranges of a target that may change; None when all of it may."""
    if not has_blocks(target):
        return None
    found = _files(target)
    evolve = _evolves(found)
    spans = []
    for file, start in zip(found, _starts(target), strict=True):
        if start is None:
            continue
        at, text = start
        position = 0
        for line, frozen in zip(_ended_lines(text), file.frozen(evolve), strict=True):
            if not frozen:
                spans.append((at + position, at + position + len(line)))
            position += len(line)
    return spans


def _starts(target: str) -> list[tuple[int, str] | None]:
    """Return where the text of each file begins in a target, and the text; None where it is escaped."""
    if not files.is_bundle(target):
        return [(0, target)]
    return [(part.start, part.content) if part.verbatim else None for part in files.parts(target)]


# -- markers ----------------------------------------------------------------------------------------------------------


def _evolves(found: Iterable[_File]) -> bool:
    return any(mark == START for file in found for _, mark in file.markers)


@lru_cache(maxsize=64)
def _files(target: str) -> tuple[_File, ...]:
    if not files.is_bundle(target):
        return (_file("", target),)
    return tuple(_file(part.path, part.content) for part in files.parts(target))


def _file(path: str, text: str) -> _File:
    lines = tuple(_ended_lines(text))
    if not _may_have_markers(text):
        return _File(path, lines, ())
    python = not path or files.is_python(path)
    return _File(path, lines, tuple(_python_markers(text) if python else _line_markers(lines)))


def _may_have_markers(text: str) -> bool:
    return "EVOLVE-BLOCK-" in text or "autoresearch:" in text


def _ended_lines(text: str) -> list[str]:
    """Split a text into lines with their ends, as Python counts them: a form feed does not end one."""
    return re.findall(r"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+", text)


def _python_markers(text: str) -> Iterator[tuple[int, str]]:
    """Yield the markers among a Python source's comments; a string may contain the same text."""
    for line, alone, found in _marking_comments(text):
        if alone:
            yield line, _marker(found)


def _marking_comments(text: str) -> Iterator[tuple[int, bool, re.Match[str]]]:
    """Yield the comments that are markers: the index of the line, whether nothing else stands there, and the match."""
    try:
        for token in tokenize.generate_tokens(io.StringIO(text.removeprefix(BOM), newline=None).readline):
            if token.type == tokenize.COMMENT and (found := _COMMENT.match(token.string)):
                yield token.start[0] - 1, not token.line[: token.start[1]].strip(), found
    except (tokenize.TokenError, SyntaxError):
        return  # what does not parse is reported as such


def _line_markers(lines: tuple[str, ...]) -> Iterator[tuple[int, str]]:
    for index, line in enumerate(lines):
        if found := _LINE.match(line):
            yield index, _marker(found)


def _marker(found: re.Match[str]) -> str:
    if found["evolve"]:
        return START if found["evolve"] == START else END
    return FIXED if found["fixed"] == "fixed" else FIXED_END
