"""Parse a language model's reply, tags followed by code, and apply the code to the target.

The code comes in one of two forms: one fenced block that is the whole new target, or SEARCH/REPLACE blocks::

    <<<<<<< SEARCH
    LR = 3e-4
    =======
    LR = 1e-3
    >>>>>>> REPLACE

Every block must apply, at exactly one place. When one does not, the error shows the nearest lines and what differs, for the
model to correct its reply.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from ...errors import UserError
from ...source import files
from ...source.edits import check_syntax, fingerprint
from ...text import shorten

NEAR = 0.6
"""Least similarity (difflib's ratio) of a passage that is shown as the nearest match; others would mislead the model."""
SUMMARY = 120
"""Greatest length in characters of a summary that is derived from the reply because its tag is missing."""

IDEAS, IDEA = 8, 200
"""Most ideas that one reply adds to the backlog, and characters of each."""

_FENCE = re.compile(
    r"^(?P<ticks>`{3,}|~{3,})[ \t]*(?P<language>[\w+-]*)[^\n]*\n(?P<body>.*?)^(?P=ticks)[ \t]*$",
    re.DOTALL | re.MULTILINE,
)
_BLOCK = re.compile(
    r"^<{5,9} ?SEARCH(?P<where>[^\n]*)\n(?P<search>.*?)^={5,9}[ \t]*\n(?P<replace>.*?)^>{5,9} ?REPLACE[^\n]*$",
    re.DOTALL | re.MULTILINE,
)
_TICKS = re.compile(r"^(?:`{3,}|~{3,})", re.MULTILINE)
_SEARCH = re.compile(r"^<{5,9} ?SEARCH", re.MULTILINE)
_NAMED = re.compile(r"^[ \t]*[`*]*#%[ \t]*file[ \t]+(?P<path>[^\n]+?)[ \t]*$", re.MULTILINE)
_DELETED = re.compile(r"^[ \t]*[`*]*#%[ \t]*delete[ \t]+(?P<path>[^\n]+?)[ \t]*$", re.MULTILINE)
_LIST_MARK = re.compile(r"(?:[-*+•–—]|\(?\d{1,3}[.):])(?:\s+|$)(?:\[[ xX]?\]\s+)?")
_NO_IDEA = re.compile(r"\W*(?:none|nothing|n/?a|\d+|no(?: (?:other|more|further))?(?: ideas)?)?\W*", re.IGNORECASE)
_IDEAS = re.compile(r"<ideas>(.*?)(?:</ideas>|(?=<(?:hypothesis|summary|expect|ideas)>)|\Z)", re.DOTALL | re.IGNORECASE)
_IDEA = re.compile(r"<idea>([^<]*)", re.IGNORECASE)
_NUMBERS = re.compile(r"(?:[^\w<]|\d|ideas?\b|and\b)*", re.IGNORECASE)


class ReplyError(Exception):
    """A reply cannot be used; the message is written for the model that wrote the reply."""


@dataclass(frozen=True)
class ParsedReply:
    """The new target and the texts of a usable reply.

    Attributes
    ----------
    target : str
        The whole new target.
    summary, hypothesis, expect : str
        The contents of the tags; the summary is never empty.
    ideas : tuple of str
        Other ideas, for the study's backlog.
    tries : tuple of int
        Numbers of ideas of the backlog that the change tries.
    """

    target: str
    summary: str
    hypothesis: str
    expect: str
    ideas: tuple[str, ...] = ()
    tries: tuple[int, ...] = ()


def read_reply(text: str, target: str) -> ParsedReply:
    """Parse a reply and apply its code to the target.

    Parameters
    ----------
    text : str
        The model's reply.
    target : str
        The target that the model was shown.

    Raises
    ------
    ReplyError
        When there is no code, a block does not apply, the result does not parse, or it changes nothing.
    """
    code = apply(text, target)
    try:
        check_syntax(code)
    except UserError as error:
        raise ReplyError(f"The new target does not parse: {error}") from None
    if fingerprint(code) == fingerprint(target):
        raise ReplyError("The new target is the same as the present one, apart from layout, comments or docstrings.")
    hypothesis, expect = tag(text, "hypothesis"), tag(text, "expect")
    summary = tag(text, "summary") or _first_line(hypothesis) or _what_changed(target, code)
    return ParsedReply(code, " ".join(summary.split()), hypothesis, expect, read_ideas(text), read_tries(text))


def tag(text: str, name: str) -> str:
    """Return the content of ``<name>...</name>`` before any code; empty when there is no such tag."""
    before = re.split(r"^(?:`{3,}|~{3,}|<{5,9} ?SEARCH)", text, maxsplit=1, flags=re.MULTILINE)[0]
    found = re.search(rf"<{name}>(.*?)(?:</{name}>|\Z)", before, re.DOTALL | re.IGNORECASE)
    return found[1].strip() if found else ""


def read_ideas(text: str) -> tuple[str, ...]:
    """Return the ideas in the ``<ideas>`` tags of a reply, one a line there, without list marks; at most `IDEAS` of them.

    Code is not searched. In a list with marks, a line without one goes on with the idea above it. An idea is one line of at most
    `IDEA` characters; the same words twice are one idea.
    """
    found: dict[str, str] = {}
    for content in _IDEAS.findall(_prose(text)):
        lines = [line.strip() for line in re.sub(r"</?idea>", "\n", content, flags=re.IGNORECASE).splitlines()]
        marked = any(_LIST_MARK.match(line) for line in lines)
        ideas: list[str] = []
        for line in lines:
            if mark := _LIST_MARK.match(line):
                ideas.append(line[mark.end() :])
            elif not marked:
                ideas.append(line)
            elif ideas and line:
                ideas[-1] += f" {line}"
        for idea in ideas:
            if not _NO_IDEA.fullmatch(idea):
                found.setdefault(" ".join(idea.split()).casefold(), shorten(idea, IDEA))
    return tuple(found.values())[:IDEAS]


def read_tries(text: str) -> tuple[int, ...]:
    """Return the numbers of the backlog's ideas that a reply says it tries: ``<idea>3</idea>``."""
    named = [each for each in _IDEA.findall(_IDEAS.sub("", _prose(text))) if _NUMBERS.fullmatch(each)]
    return tuple(dict.fromkeys(int(number) for each in named for number in re.findall(r"\d{1,6}", each)))[:IDEAS]


def _prose(text: str) -> str:
    """Return a reply without its code; a tag that is open there is closed."""
    for code in (_BLOCK, _FENCE):
        text = code.sub("</idea></ideas>", text)
    return re.split(r"^(?:`{3,}|~{3,}|<{5,9} ?SEARCH)", text, maxsplit=1, flags=re.MULTILINE)[0]


def apply(text: str, target: str) -> str:
    """Return the target with a reply's code applied.

    Raises
    ------
    ReplyError
    """
    if files.is_bundle(target):
        return apply_to_files(text, target)
    if blocks := _blocks(text):
        for number, block in enumerate(blocks, 1):
            target = replace_once(target, block["search"], block["replace"], number)
        return target
    fences = [
        match["body"] for match in _FENCE.finditer(text) if match["language"].lower() in ("", "python", "py", "python3")
    ]
    if len(fences) > 1:
        raise ReplyError(f"There are {len(fences)} fenced blocks: give exactly one, the whole new target.")
    if not fences:
        if _TICKS.search(text):
            raise ReplyError("The fenced block is not closed: the reply was cut off, or the closing ``` is missing.")
        raise ReplyError(
            "There is no code in the reply: give the whole new target in one fenced block, or SEARCH/REPLACE blocks."
        )
    return fences[0]


def _blocks(text: str) -> list[re.Match[str]]:
    """Return the SEARCH/REPLACE blocks of a reply; raise `ReplyError` when one is not closed."""
    blocks = list(_BLOCK.finditer(text))
    if len(blocks) < len(_SEARCH.findall(text)):
        raise ReplyError("A SEARCH/REPLACE block is not closed: each needs its ======= and >>>>>>> REPLACE lines.")
    return blocks


def apply_to_files(text: str, target: str) -> str:
    """Return the target with a reply's code applied, where the target is made of files.

    A block belongs to the file named by the last line ``#% file PATH`` before it; without such a line, its SEARCH lines must
    occur in one file only. A fenced block that begins with such a line is one whole file, or several. ``#% delete PATH``
    deletes a file.

    Raises
    ------
    ReplyError
    """
    new = files.split(target)
    blocks, fences = _blocks(text), list(_FENCE.finditer(text))
    # A fence around SEARCH/REPLACE blocks, or within one, is not a file: the blocks count.
    whole = [f for f in fences if not any(f.start() < b.end() and b.start() < f.end() for b in blocks)]
    code = [match.span() for match in (*blocks, *whole)]
    if any(not _inside(tick.start(), [m.span() for m in (*blocks, *fences)]) for tick in _TICKS.finditer(text)):
        raise ReplyError("A fenced block is not closed: the reply was cut off, or the closing ``` is missing.")
    heads = [m for m in _NAMED.finditer(text) if not _inside(m.start(), code)]
    written: set[str] = set()
    for number, block in enumerate(blocks, 1):
        where = block["where"].strip("`* \t:")
        path = where if where in new else _named(heads, block.start()) or _file_of(block["search"], new, number)
        if path not in new:
            raise ReplyError(
                f"Block {number}: there is no file {path!r} in the target: it has {', '.join(new)}. A new file is given whole, in a "
                "fenced block."
            )
        try:
            new[path] = replace_once(new[path], block["search"], block["replace"], number)
        except ReplyError as error:
            raise ReplyError(f"In {path}: {error}") from None
        written.add(path)
    for fence in whole:
        for path, content in _whole_files(
            fence["body"], _named(heads, fence.start()), new, len(whole) + len(blocks)
        ).items():
            if path in written:
                raise ReplyError(f"{path} is given twice: give a file once, whole or in SEARCH/REPLACE blocks.")
            written.add(path)
            new[path] = _with_endings_of(new.get(path, ""), content)
    deleted = [_path(m["path"]) for m in _DELETED.finditer(text) if not _inside(m.start(), code)]
    for path in deleted:
        if path in written:
            raise ReplyError(f"{path} is both changed and deleted: do one of them.")
        if new.pop(path, None) is None:
            raise ReplyError(f"There is no file {path!r} to delete: the target has {', '.join(new)}.")
    if not (written or deleted):
        raise ReplyError(
            "There is no code in the reply: give SEARCH/REPLACE blocks below the name of their file, or whole files in fenced "
            "blocks that begin with a line  #% file PATH"
        )
    if not new:
        raise ReplyError("The reply deletes the whole target: keep at least one file.")
    return files.join(new)


def _inside(position: int, spans: Iterable[tuple[int, int]]) -> bool:
    return any(start <= position < end for start, end in spans)


def _path(written: str) -> str:
    return written.strip("`* ").removeprefix("./")


def _named(heads: Iterable[re.Match[str]], before: int) -> str:
    """Return the file named last before a position; models name a file once above several blocks."""
    return next((_path(m["path"]) for m in reversed(list(heads)) if m.start() < before), "")


def _whole_files(body: str, named: str, target: Mapping[str, str], given: int) -> dict[str, str]:
    """Return the files in a fenced block; `given` is the number of all blocks in the reply."""
    if _DELETED.search(body):
        raise ReplyError("A line  #% delete PATH  is inside a fenced block: put it outside.")
    if bundled := files.split(body.lstrip("\n")):
        return {_path(path): content for path, content in bundled.items()}
    if named:
        return {named: body}
    if len(target) == 1 and given == 1:
        return {next(iter(target)): body}
    raise ReplyError("A fenced block does not name its file: begin it with a line  #% file PATH")


def _with_endings_of(before: str, text: str) -> str:
    """Return a text with the line endings of the text it replaces; models answer without carriage returns."""
    if "\r" in text or "\n" not in before or before.count("\n") != before.count("\r\n"):
        return text
    return text.replace("\n", "\r\n")


def _file_of(search: str, contents: dict[str, str], number: int) -> str:
    wanted = [line.rstrip() for line in _lines(search)]
    found = []
    for path, content in contents.items():
        lines = [line.rstrip() for line in _lines(content)]
        if any(lines[i : i + len(wanted)] == wanted for i in range(len(lines) - len(wanted) + 1)):
            found.append(path)
    if len(found) == 1:
        return found[0]
    if len(contents) == 1:
        return next(iter(contents))  # replacing will fail there, with the nearest lines in its error
    where = f"in {', '.join(found)}" if found else "in none of them"
    raise ReplyError(
        f"Block {number} does not name its file, and its SEARCH lines are {where}: put a line  #% file PATH  above it."
    )


def replace_once(target: str, search: str, replacement: str, number: int = 1) -> str:
    """Return the target with one passage replaced.

    Lines match apart from trailing blanks.

    Raises
    ------
    ReplyError
        When the passage is empty, does not occur, or occurs more than once.
    """
    wanted = [line.rstrip() for line in _lines(search)]
    lines = _lines(target)
    if not any(wanted):
        raise ReplyError(f"Block {number}: the SEARCH part is empty; give the lines to be replaced.")
    bare = [line.rstrip() for line in lines]
    places = [i for i in range(len(lines) - len(wanted) + 1) if bare[i : i + len(wanted)] == wanted]
    if len(places) > 1:
        at = ", ".join(str(i + 1) for i in places)
        raise ReplyError(
            f"Block {number}: the SEARCH lines occur {len(places)} times (at lines {at}); add lines around them until they occur once."
        )
    if not places:
        shown = [line.removesuffix("\r") for line in lines]
        raise ReplyError(f"Block {number}: the SEARCH lines are not in the target.{nearest(shown, wanted)}")
    start, end = places[0], places[0] + len(wanted)
    new = _lines(replacement)
    if all(line.endswith("\r") for line in lines[start:end]):
        new = [line if line.endswith("\r") else f"{line}\r" for line in new]
    changed = [*lines[:start], *new, *lines[end:]]
    return "\n".join(changed) + ("\n" if changed and target.endswith("\n") else "")


def _lines(text: str) -> list[str]:
    """Return the lines of a text, split at line feeds only: a form feed or a carriage return is part of its line."""
    lines = text.split("\n")
    return lines[:-1] if not lines[-1] else lines


def nearest(lines: list[str], wanted: list[str]) -> str:
    """Return a text that shows the passage most similar to the wanted lines, and what differs."""
    size = len(wanted)
    best, place = 0.0, 0
    wanted_text = "\n".join(wanted)
    for i in range(max(1, len(lines) - size + 1)):
        matcher = difflib.SequenceMatcher(None, "\n".join(lines[i : i + size]), wanted_text, autojunk=False)
        if matcher.real_quick_ratio() > best and matcher.quick_ratio() > best and (ratio := matcher.ratio()) > best:
            best, place = ratio, i
    if best < NEAR:
        return " Nothing in it is similar to them."
    found = lines[place : place + size]
    differences = [
        f"  line {place + n + 1} is     {line!r}\n  but you wrote {written!r}"
        for n, (line, written) in enumerate(zip(found, wanted, strict=False))
        if line.rstrip() != written
    ]
    return f" The nearest are lines {place + 1} to {place + len(found)}:\n" + "\n".join(differences)


def _first_line(text: str) -> str:
    return next((line.strip() for line in text.splitlines() if line.strip()), "")[:SUMMARY]


def _what_changed(before: str, after: str) -> str:
    """Return the first changed line as a summary, for a reply that is only code."""
    for line in difflib.ndiff(before.splitlines(), after.splitlines()):
        if line.startswith("+ ") and line[2:].strip():
            return line[2:].strip()[:SUMMARY]
    return "lines removed"
