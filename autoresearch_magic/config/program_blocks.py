"""The settings in a program's text: ``Key: value`` lines, flags, and command blocks of the generalised autoresearch skill.

A paragraph is read as settings when each of its lines is one of

- ``Key: value``, also as a bullet or in bold. Lines that are indented more, or follow a backslash, continue a value; an empty
  value is followed by an indented script or by bullets;
- ``--flag value``; flags may also follow the value of a key, except behind a command, a goal or a metric;
- ``/autoresearch``, ``/loop 25 /autoresearch`` or ``$autoresearch``, alone or followed by keys and flags. The paragraph is then a
  command block: unknown keys in it are errors, and its lines of words are prose. A code fence around a block is ignored; all
  other code is not read as settings;
- ``# a comment``, which may also follow any value that is not a shell command;

and either its first key or two of its keys are known. All other paragraphs are prose, in which a colon has no meaning. So are
paragraphs whose only values are sentences, such as ``Timeout: kill runs that take too long.``

Not here: the meaning of a value (`converters`, `settings`).
"""

from __future__ import annotations

import re
import shlex
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass, field

from ..errors import UserError
from .converters import read_bool
from .program_keys import (
    PROGRAM_KEYS,
    UNUSED,
    ProgramSettings,
    closest_key,
    field_of,
    plain,
    shown_key,
    unknown_key,
)
from .settings import FIELDS, KEYS
from .skill_words import COUNTERPARTS, counterpart

_FENCE = re.compile(r"^[ \t]*```[^\n]*\n(.*?)(?:^[ \t]*```[ \t]*$|\Z)", re.DOTALL | re.MULTILINE)
_KEY_LINE = re.compile(
    r"(?:[-*][ \t]+)?(?:\*\*)?([A-Za-z][A-Za-z _-]{1,24}?)(?:\*\*)?:(?:\*\*)?(?:[ \t]+(\S.*)|(\d.*)|)"
)
_COMMAND = re.compile(
    r"(?:/loop[ \t]+(?P<times>\S+)[ \t]+)?(?P<name>[/$]autoresearch(?:[:_][\w-]+)?)(?:[ \t]+(?P<rest>\S.*))?"
)
_FLAG = re.compile(r"--?[A-Za-z]")
_BULLET = re.compile(r"[-*][ \t]+")
_COMMENT = re.compile(r"(?:^|\s)#\s.*$")
_FIRST_FLAG = re.compile(r"^--?([A-Za-z][\w-]*)")

COMMANDS = {"verify", "guard", "stage"}
"""Options whose value is a shell command: flags and # in it belong to the command."""
FREE = {"agent", "goal", "metric", "guard_metric", "also", "limit", *COMMANDS}
"""Options whose value may hold words with dashes: flags behind it belong to the value."""
LISTS = {"scope", "link", "hide", "artifacts", "pass_env", "allow_read", "allow_write"}
TEXTS = {"agent", "base_url", "repo", *LISTS, *FREE}
"""Options whose value may have many words; values of all others are short."""


def read_blocks(text: str) -> ProgramSettings:
    """Return all settings of a text, with its goal and its prose.

    Raises
    ------
    UserError
        For a key that is unknown, unsupported or has two values, and for a line of a block that is neither key nor flag.
    """
    found = ProgramSettings()
    prose = []
    for paragraph in re.split(r"\n[ \t]*\n", _without_code(text)):
        lines = paragraph.rstrip().split("\n")
        entries, words = _entries(lines)
        if _are_settings(entries, words):
            for line in words:
                if not any(entry.command for entry in entries) or not _is_prose(line):
                    raise UserError(
                        f"The program's line {line!r} is neither  Key: value  nor a flag: leave an empty line before prose."
                    )
            for entry in entries:
                entry.add_to(found)
            prose += [*(line for line in lines if line.startswith("#")), *words]
        else:
            prose.append(paragraph)
    found.prose = "\n".join(prose)
    found.resolve()
    return found


# -- paragraphs and lines ----------------------------------------------------------------------------------------------


@dataclass
class _Entry:
    """One entry of a settings paragraph: a key with the lines of its value, a line of flags, or a command.

    `key` is empty for flags and commands.
    """

    key: str
    value: str
    indent: int = 0
    more: list[str] = field(default_factory=list)
    command: re.Match[str] | None = None

    @property
    def name(self) -> str | None:
        return field_of(self.key)

    @property
    def continues(self) -> bool:
        """Whether the value ends with a backslash, so that the next line belongs to it."""
        return bool(self.key) and (self.more[-1:] or [self.value])[0].endswith("\\")

    @property
    def text(self) -> str:
        return _joined(self.value, self.more, self.name or "")

    @property
    def sentence(self) -> bool:
        """Whether the value reads like prose."""
        if self.name == "also":
            return "=" not in self.text
        if self.name == "limit":
            return not re.search("[<>≤≥]", self.text)
        words = self.text.split()
        ends = bool(re.search(r"""\w[)"'`*]*[.!?][)"'`*]*$""", self.text)) and len(words) > 2
        return ends if self.name in TEXTS - COMMANDS else self.name not in COMMANDS and (ends or len(words) > 5)

    def add_to(self, found: ProgramSettings) -> None:
        if self.command is not None:
            _read_command(self.command, found)
        elif not self.key:
            _read_flags(self.value, found)
        else:
            _read_value(self.key, self.text, found)


def _without_code(text: str) -> str:
    """Remove the fences around command blocks, and fenced code altogether elsewhere."""
    whole = text.strip()

    def unwrap(fence: re.Match[str]) -> str:
        code = textwrap.dedent(fence[1])
        is_block = fence[0].strip() == whole or _COMMAND.fullmatch(code.strip().split("\n")[0].strip())
        return f"\n{code}\n" if is_block else "\n"

    return _FENCE.sub(unwrap, text)


def _entries(lines: list[str]) -> tuple[list[_Entry], list[str]]:
    """Split a paragraph into its entries and the lines that belong to none."""
    entries: list[_Entry] = []
    words: list[str] = []
    for line in lines:
        bare, indent = line.strip(), len(line) - len(line.lstrip())
        last = entries[-1] if entries and not words else None
        if last is not None and last.continues:
            last.more.append(line)
            continue
        if not bare or bare.startswith("#"):
            continue
        deeper = last is not None and bool(last.key) and indent > last.indent
        match = _KEY_LINE.fullmatch(bare)
        if match and (not deeper or _is_key(match[1])):
            entries.append(_Entry(match[1], match[2] or match[3] or "", indent))
        elif command := _COMMAND.fullmatch(bare):
            entries.append(_Entry("", "", indent, command=command))
        elif _FLAG.match(bare) and not (deeper and last is not None and last.name in FREE):
            entries.append(_Entry("", bare, indent))
        elif last is not None and (deeper or (_BULLET.match(bare) and last.key and not last.value)):
            last.more.append(line)
        else:
            words.append(bare)
    return entries, words


def _is_prose(line: str) -> bool:
    """Whether a line is prose, rather than a key that lacks its colon or the blank behind it."""
    words = line.split()
    keys = (re.sub(r":.*", "", " ".join(words[:n])) for n in (1, 2))
    return len(words) > 2 and (line.endswith((".", "!", "?")) or not any(field_of(key) for key in keys))


def _is_key(key: str) -> bool:
    """Whether a key is known, is one of the skill's that are not used here, or is a likely misspelling of a known one."""
    return field_of(key) is not None or plain(key) in UNUSED or closest_key(key) is not None


def _are_settings(entries: list[_Entry], words: list[str]) -> bool:
    """Whether a paragraph is read as settings rather than as prose; see the module's docstring for the rule."""
    if any(entry.command for entry in entries):
        return True
    known = [entry for entry in entries if entry.name is not None]
    flags = [entry for entry in entries if not entry.key and not entry.command]
    if words:
        return len(known) > 1 and any(entry.name == "verify" for entry in known)
    if not known:
        return bool(flags) and len(flags) == len(entries) and _is_key(_FIRST_FLAG.findall(flags[0].value)[0])
    values = [entry for entry in known if entry.name != "goal"]
    definite = [entry for entry in values if entry.text and not entry.sentence]
    if not definite and (values or not any(entry.text for entry in known)):
        return False
    return entries[0] in known or entries[0] in flags or len(definite) > 1


def _joined(value: str, more: list[str], name: str) -> str:
    """Return a value that spans several lines as one line; a script keeps its line breaks."""
    if name in COMMANDS and value in ("", "|"):
        script = re.sub(r"[ \t]*\\\n[ \t]*", " ", textwrap.dedent("\n".join(more)).strip())
        # a line that begins with an operator continues the line before it
        return _unquoted(re.sub(r"[ \t]*\n[ \t]*(?=[|&])", " ", script))
    first = "" if value in ("|", ">") else value
    parts = [first, *(_BULLET.sub("", line.strip(), count=1) if not value else line.strip() for line in more)]
    if name not in COMMANDS:
        parts = [_COMMENT.sub("", part) for part in parts]
    between = ", " if name in ("also", "limit") and not value else " "
    return _unquoted(between.join(part.removesuffix("\\").strip() for part in parts if part).strip())


def _unquoted(text: str) -> str:
    """Remove backticks that enclose a whole value."""
    return text[1:-1].strip() if len(text) > 2 and text[0] == text[-1] == "`" and "`" not in text[1:-1] else text


# -- values, flags, commands -------------------------------------------------------------------------------------------


def _read_value(key: str, text: str, found: ProgramSettings) -> None:
    """Add a key with its value, and the flags behind it where the value itself cannot contain flags."""
    value, flags = text, ""
    if field_of(key) not in FREE and (begin := re.search(r"(?:^|\s)(?=--[A-Za-z])", text)):
        value, flags = text[: begin.start()].strip(), text[begin.end() :]
    if not value:
        raise UserError(f"The program's key {shown_key(key)!r} has no value: give one, or take it out.")
    found.add(key, value)
    _read_flags(flags, found)


def _read_flags(text: str, found: ProgramSettings) -> str:
    """Add the flags of ``--name value --other``; return the words that belong to none."""
    try:
        words = shlex.split(text, comments=True)
    except ValueError as error:
        raise UserError(f"The program's flags {text!r} cannot be read ({error}): check their quotes.") from None
    left: list[str] = []
    while words:
        word = words.pop(0)
        if not _FLAG.match(word):
            left.append(word)
            continue
        key, equals, value = word.lstrip("-").partition("=")
        key = "experiments" if word.startswith("-n") and len(key) == 1 else key
        if plain(key) == "maximize":
            found.add("direction", "higher")
        elif plain(key) == "minimize":
            found.add("direction", "lower")
        elif (off := plain(key).removeprefix("no ")) != plain(key) and _is_yes_or_no(off):
            found.add(off, False)
        elif plain(key) == "evals" or _is_yes_or_no(key):
            found.add(key, True)
        else:
            if field_of(key) is None:
                raise UserError(unknown_key(key).replace("key", "flag", 1))
            if not equals:
                if not words or _FLAG.match(words[0]):
                    raise UserError(f"The program's flag --{key} has no value: give one, or take it out.")
                value = words.pop(0)
            found.add(key, value)
    return " ".join(left)


def _is_yes_or_no(key: str) -> bool:
    name = field_of(key)
    return name in FIELDS and FIELDS[name].metadata["parse"] is read_bool


def _read_command(command: re.Match[str], found: ProgramSettings) -> None:
    """Add a command ``/autoresearch`` with the keys, flags or goal behind it."""
    name, rest = command["name"], command["rest"] or ""
    found.of_skill = True
    first = rest.split(" ", 1)[0]
    if not name.endswith("autoresearch") or (name[0] == "$" and first in COUNTERPARTS):
        other = name if not name.endswith("autoresearch") else f"{name} {first}"
        here = counterpart(re.split(r"[:_ ]", other, maxsplit=1)[1])
        known = f"the others are {', '.join(COUNTERPARTS)}."
        raise UserError(f"A program can hold the loop /autoresearch, not {other!r}: {here or known}")
    if (times := command["times"]) is not None:
        if not times.isdecimal():
            raise UserError(
                f"/loop takes a number of experiments here, such as  /loop 25 /autoresearch, not {times!r}."
            )
        found.add("iterations", times)
    pieces = list(_pieces(rest))
    if not pieces:
        return
    begin = re.search(r"(?:^|\s)(?=--?[A-Za-z])", pieces[0][1])
    words, flags = (pieces[0][1], "") if begin is None else (pieces[0][1][: begin.start()], pieces[0][1][begin.end() :])
    goal = _COMMENT.sub("", " ".join(filter(None, (words.strip(), _read_flags(flags, found)))))
    if goal:
        found.add("goal", goal)
    for key, text in pieces[1:]:
        _read_value(key, text if field_of(key) in COMMANDS else _COMMENT.sub("", text), found)


def _pieces(line: str) -> Iterator[tuple[str, str]]:
    """Split a line at its keys (capitalised and outside quotes) into pairs of key and text; the first key is empty."""
    if not line:
        return
    key, start = "", 0
    for match in _KEY_IN_LINE.finditer(line):
        before = line[start : match.start()]
        if before.count('"') % 2 or len(re.findall(r"(?<!\w)'|'(?!\w)", before)) % 2:
            continue
        yield key, before.strip()
        key, start = match[1], match.end()
    yield key, line[start:].strip()


_KEY_IN_LINE = re.compile(
    r"(?:^|(?<=\s))("
    + "|".join(
        "[ -]".join(word.capitalize() for word in key.split())
        for key in sorted({*PROGRAM_KEYS, *KEYS, *UNUSED}, key=len, reverse=True)
    )
    + r"):\s+"
)
