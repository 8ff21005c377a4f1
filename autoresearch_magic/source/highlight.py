"""Coloured source code and coloured differences, as data: panel, report and terminal draw them in their own ways.

A line is a list of tokens, pairs of a class and a text; the texts of a line joined are the line. The classes are those of `CLASSES`.
Pygments reads the languages. Sources that are too long to be read at once are coloured in part, see `COLOURED`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache, lru_cache
from typing import Any, Literal

from . import files
from .edits import source_lines
from .line_diff import Block, blocks, changed_ranges, pairs

CLASSES = {
    "": "plain", "kw": "keyword", "str": "string", "num": "number", "com": "comment", "name": "a function or class that is defined here",
    "bi": "builtin name", "dec": "decorator", "op": "operator", "file": "line that names a file of the target", "err": "not of the language",
}  # fmt: skip
"""The classes of tokens, and what they mean."""

COLOURED = 100_000
"""Characters of a source that are coloured; what follows is plain. Pygments reads about 300,000 characters in a second."""
WHOLE = 40_000
"""Characters up to which both versions are coloured whole for a difference; else each changed passage for itself."""
MARKED = 500
"""Changed lines of a passage of which it is said what differs within them."""

Token = tuple[str, str]
Line = list[Token]
Kind = Literal["same", "changed", "added", "removed", "gap", "file"]


@dataclass(frozen=True)
class Row:
    """One row of a difference, with the old line at the left and the new one at the right.

    Attributes
    ----------
    kind : {"same", "changed", "added", "removed", "gap", "file"}
        ``changed`` has two similar lines; ``gap`` stands for lines that are the same and not shown; ``file`` begins a file of a
        target of several files.
    before, after : int or None
        Numbers of the two lines, from 1, in their file; None where there is none. Of a gap, of the first lines that it stands for.
    old, new : list of (class, text)
        The coloured lines; of the kind ``same``, both are the old one.
    old_marks, new_marks : tuple of (start, end)
        What differs within the two lines of the kind ``changed``, in characters.
    skipped : int
        How many lines a gap stands for.
    path, status : str
        Of a file: its path, and ``added``, ``removed`` or ``changed``.
    """

    kind: Kind
    before: int | None = None
    after: int | None = None
    old: Line = field(default_factory=list)
    new: Line = field(default_factory=list)
    old_marks: tuple[tuple[int, int], ...] = ()
    new_marks: tuple[tuple[int, int], ...] = ()
    skipped: int = 0
    path: str = ""
    status: str = ""


@dataclass(frozen=True)
class UnifiedLine:
    """One line of a unified difference.

    Attributes
    ----------
    sign : str
        ``-`` or ``+``, a space for a line that is the same, ``@`` for a gap and ``#`` for the name of a file.
    row : Row
    line : list of (class, text)
        Empty for gaps and files.
    marks : tuple of (start, end)
        What differs within the line.
    """

    sign: Literal["-", "+", " ", "@", "#"]
    row: Row
    line: Line = field(default_factory=list)
    marks: tuple[tuple[int, int], ...] = ()


def tokens(source: str, language: str = "python") -> list[Line]:
    """Return the coloured lines of a source.

    Parameters
    ----------
    source : str
        Of a target of several files, each is coloured by its name.
    language : str
        A language by its name, or the name of a file; one that is not known is plain text.

    Returns
    -------
    list of list of (class, text)
        One list for each line, without line ends.
    """
    if not files.is_bundle(source):
        return list(_coloured(source, language))
    found: list[Line] = []
    left = COLOURED
    for text, path in _parts(source):
        part = _coloured(text, path, max(0, left))
        left -= len(text)
        found += [[("file", f"{files.HEAD}{path}")], *(part[:-1] if part and not part[-1] else part)]
    return found


@cache
def warm_up() -> None:
    """Load the lexer of Python, which takes a moment the first time: not when somebody waits for a difference."""
    tokens("x = 1\n")


def language_of(path: str) -> str:
    """Return the language of a file by its name, as `tokens` takes it; empty for plain text."""
    return _language(path.rpartition("/")[2])


def diff_rows(before: str, after: str, context: int | None = 3, *, language: str = "python") -> list[Row]:
    """Return the difference of two versions as rows, empty when there is none.

    Parameters
    ----------
    before, after : str
        Of targets of several files, each file that differs is compared, below a row of the kind ``file``.
    context : int or None
        Lines that are the same, around each change; None for all.
    language : str
        Of sources that are no targets of several files.
    """
    if not (files.is_bundle(before) or files.is_bundle(after)):
        return _rows(
            _ended(before), _ended(after), context, language
        )  # of a cell it says nothing whether its last line ends
    old, new = files.split(before), files.split(after)
    rows: list[Row] = []
    for path in files.changed(before, after):
        status = "added" if path not in old else "removed" if path not in new else "changed"
        rows.append(Row("file", path=path, status=status))
        rows += _rows(old.get(path, ""), new.get(path, ""), context, path)
    return rows


def unified(rows: Iterable[Row]) -> Iterator[UnifiedLine]:
    """Yield the lines of a unified difference: of each passage the removed lines, then the added ones."""
    added: list[UnifiedLine] = []
    for row in rows:
        if row.kind in ("changed", "removed"):
            yield UnifiedLine("-", row, row.old, row.old_marks)
        if row.kind in ("changed", "added"):
            added.append(UnifiedLine("+", row, row.new, row.new_marks))
        if row.kind in ("same", "gap", "file"):
            yield from added
            added = []
            yield (
                UnifiedLine(" ", row, row.old)
                if row.kind == "same"
                else UnifiedLine("@" if row.kind == "gap" else "#", row)
            )
    yield from added


# -- differences ---------------------------------------------------------------------------------------------------------

NO_NEWLINE = "  (no newline at the end)"


def _rows(before: str, after: str, context: int | None, language: str) -> list[Row]:
    old, new = _lines(before), _lines(after)
    found = blocks(old, new)
    if all(block.same for block in found):
        return []
    shown = list(_shown(found, context))
    colour_old = _colours(before, old, [(b.a1, b.a2) for b in shown], language)
    colour_new = _colours(after, new, [(b.b1, b.b2) for b in shown if not b.same], language)
    rows: list[Row] = []
    at = 0
    for block in shown:
        if block.a1 > at:
            rows.append(Row("gap", at + 1, at + 1 + block.b1 - block.a1, skipped=block.a1 - at))
        if block.same:
            for i in range(block.a1, block.a2):
                rows.append(Row("same", i + 1, i + 1 + block.b1 - block.a1, colour_old[i], colour_old[i]))
        else:
            rows += _changes(old, new, block, colour_old, colour_new)
        at = block.a2
    if at < len(old):
        rows.append(Row("gap", at + 1, len(new) - len(old) + at + 1, skipped=len(old) - at))
    return rows


def _shown(found: Sequence[Block], context: int | None) -> Iterator[Block]:
    """Yield the blocks that differ, and of those that are the same what is shown as context."""
    for place, block in enumerate(found):
        above = place > 0  # there is a change above it
        below = place < len(found) - 1
        count = block.a2 - block.a1
        # A gap of one line would take as much room as the line.
        if not block.same or context is None or count <= (above + below) * context + 1:
            yield block
            continue
        if above and context:
            yield Block(True, block.a1, block.a1 + context, block.b1, block.b1 + context)
        if below and context:
            yield Block(True, block.a2 - context, block.a2, block.b2 - context, block.b2)


def _changes(
    old: Sequence[str], new: Sequence[str], block: Block, colour_old: Mapping[int, Line], colour_new: Mapping[int, Line]
) -> Iterator[Row]:
    """Yield the rows of lines that differ, each of which is paired with the line that it has become."""
    for i, j in pairs(old[block.a1 : block.a2], new[block.b1 : block.b2]):
        a, b = block.a1 + (i or 0), block.b1 + (j or 0)
        if i is None:
            yield Row("added", None, b + 1, new=colour_new[b])
        elif j is None:
            yield Row("removed", a + 1, None, old=colour_old[a])
        else:
            left, right = colour_old[a], colour_new[b]
            marks = changed_ranges(_text(left), _text(right)) if i < MARKED else ((), ())
            if _end(old[a]) != _end(new[b]):
                left, right = ([*line, ("com", _ENDS[_end(text)])] for line, text in ((left, old[a]), (right, new[b])))
            yield Row("changed", a + 1, b + 1, left, right, *marks)


_ENDS = {"\n": "", "\r\n": "\u240d", "\r": "\u240d", "": "  (no newline at the end)"}
"""How the end of a line is shown where two lines differ by it."""


def _end(line: str) -> str:
    return line[len(line.rstrip("\r\n")) :]


def _lines(text: str) -> list[str]:
    """Return the lines of a source with their ends, of which only the last may have none."""
    return _LINES.findall(text)


_LINES = re.compile(r"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+\Z")


def _ended(source: str) -> str:
    return source if not source or source.endswith(("\n", "\r")) else f"{source}\n"


def _text(line: Line) -> str:
    return "".join(text for _, text in line)


def _colours(source: str, lines: Sequence[str], wanted: Iterable[tuple[int, int]], language: str) -> dict[int, Line]:
    """Return the wanted lines in colours, from their places."""
    if len(source) <= WHOLE:
        return dict(enumerate(_coloured(source, language)))
    found: dict[int, Line] = {}
    left = COLOURED
    for start, end in wanted:
        passage = "".join(lines[start:end])
        found.update(zip(range(start, end), _coloured(passage, language, max(0, left)), strict=False))
        left -= len(passage)
    return found


# -- colours -------------------------------------------------------------------------------------------------------------


@lru_cache(maxsize=32)
def _coloured(source: str, language: str, most: int = COLOURED) -> Sequence[Line]:
    """Return the coloured lines of a source of one language."""
    plain: list[Line] = [[("", line)] if line else [] for line in source_lines(source)]
    lexer = _lexer(_language(language.rpartition("/")[2])) if source and most > 0 else None
    if lexer is None:
        return plain
    whole = len(source) <= most
    part = "\n".join(source_lines(source if whole else source[: source.rfind("\n", 0, most) + 1]))
    lines: list[Line] = [[]]
    for _, kind, text in lexer.get_tokens_unprocessed(part):
        name = _class(kind)
        first, *others = text.split("\n")
        _append(lines[-1], name, first)
        for other in others:
            lines.append([])
            _append(lines[-1], name, other)
    if not whole:
        lines.pop()  # what follows its last line end
    # A lexer that loses or invents text would show what is not there.
    if len(lines) > len(plain) or any(_text(a) != _text(b) for a, b in zip(lines, plain, strict=False)):
        return plain
    return [*lines, *plain[len(lines) :]]


def _append(line: Line, name: str, text: str) -> None:
    if not text:
        return
    if line and (line[-1][0] == name or text.isspace()):
        line[-1] = (line[-1][0], line[-1][1] + text)
    else:
        line.append((name, text))


def _parts(bundle: str) -> Iterator[tuple[str, str]]:
    for part in files.parts(bundle):
        yield part.content, part.path


_NAMES = {"py": "python", "pyi": "python", "txt": "", "": ""}
"""Languages by the end of a file's name: the usual ones without a search, which takes 0.1 seconds."""


@cache
def _language(name: str) -> str:
    """Return the language of a file's name, or of a language's own name; empty for plain text."""
    _, dot, ending = name.rpartition(".")
    if dot and ending in _NAMES:
        return _NAMES[ending]
    if name in ("python", ""):
        return name
    from pygments.lexers import find_lexer_class_by_name, find_lexer_class_for_filename
    from pygments.util import ClassNotFound

    if (found := find_lexer_class_for_filename(name)) is not None:
        return str(found.aliases[0]) if found.aliases else ""
    if dot:
        return ""
    try:
        return str(find_lexer_class_by_name(name).aliases[0])
    except ClassNotFound:
        return ""


@cache
def _lexer(language: str) -> Any:
    if not language or language == "text":
        return None
    from pygments.lexers import get_lexer_by_name

    return get_lexer_by_name(language, stripnl=False, ensurenl=False)


@cache
def _class(kind: Any) -> str:
    """Return the class of one of Pygments' kinds of tokens."""
    from pygments.token import Token as Kinds

    for parent, name in (
        (Kinds.Keyword.Constant, "bi"), (Kinds.Keyword, "kw"), (Kinds.Operator.Word, "kw"), (Kinds.Operator, "op"),
        (Kinds.Comment, "com"), (Kinds.Literal.String, "str"), (Kinds.Literal.Number, "num"), (Kinds.Literal, "str"),
        (Kinds.Name.Decorator, "dec"), (Kinds.Name.Builtin, "bi"), (Kinds.Name.Exception, "bi"), (Kinds.Name.Function, "name"),
        (Kinds.Name.Class, "name"), (Kinds.Name.Tag, "kw"), (Kinds.Name.Attribute, "name"), (Kinds.Generic.Heading, "kw"),
        (Kinds.Error, "err"),
    ):  # fmt: skip
        if kind in parent:
            return name
    return ""
