"""The program: what the human wrote, with the settings that it carries.

Settings come in three ways, weakest first: ``Key: value`` lines, YAML front matter, and the options of the magic or
the command line (which are not in the text).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

import yaml

from .errors import UserError
from .settings import FIELDS, KEYS

_FRONT_MATTER = re.compile(r"\A---[ \t]*\n(.*?)\n---[ \t]*(?:\n|\Z)", re.DOTALL)
_KEY_LINE = re.compile(r"(?:[-*][ \t]+)?(?:\*\*)?([A-Za-z][A-Za-z _-]{1,24}?)(?:\*\*)?:(?:\*\*)?[ \t]+(\S.*)")
_NOT_YET = {"scope", "verify", "guard", "noise", "target", "guard threshold"}


@dataclass(frozen=True)
class Program:
    """A program.

    Attributes
    ----------
    text : str
        Everything, as the human wrote it.
    title : str
        Its first heading, its ``Goal:``, or its first line.
    settings : dict
        Raw values by option name, from the text.
    """

    text: str
    title: str
    settings: dict[str, Any] = field(default_factory=dict)


def parse_program(text: str) -> Program:
    """Read a program.

    A paragraph counts as settings when each of its lines is ``Key: value`` and the first key is a known one; in prose
    a colon is just a colon.

    Raises
    ------
    UserError
        When the front matter is not YAML, or a key of it or of a settings paragraph is unknown.
    """
    body, from_matter = _front_matter(text)
    from_lines, goal = _key_lines(body)
    return Program(text.strip(), _title(body, goal), {**from_lines, **from_matter})


def _front_matter(text: str) -> tuple[str, dict[str, Any]]:
    match = _FRONT_MATTER.match(text.lstrip())
    if not match:
        return text, {}
    try:
        loaded = yaml.safe_load(match[1]) or {}
    except yaml.YAMLError as error:
        raise UserError(f"The program's front matter is not YAML: {' '.join(str(error).split())}.") from None
    if not isinstance(loaded, dict):
        raise UserError("The program's front matter must be lines of  name: value.")
    settings = {}
    for key, value in loaded.items():
        if (name := _known(str(key))) is not None:
            settings[name] = value
        elif (plain := _plain(str(key))) not in ("name", "description", "title", "goal"):
            raise UserError(_unknown(plain))
    return text.lstrip()[match.end() :], settings


def _key_lines(body: str) -> tuple[dict[str, Any], str]:
    settings: dict[str, Any] = {}
    goal = ""
    for paragraph in re.split(r"\n\s*\n", re.sub(r"```.*?(```|\Z)", "", body, flags=re.DOTALL)):
        lines = [line.strip() for line in paragraph.strip().splitlines() if not line.startswith("#")]
        matches = [match for line in lines if (match := _KEY_LINE.fullmatch(line))]
        keys = [_plain(match[1]) for match in matches]
        if not matches or len(matches) < len(lines) or not (_known(keys[0]) or keys[0] in {"goal", *_NOT_YET}):
            continue
        for key, match in zip(keys, matches, strict=True):
            if key == "goal":
                goal = match[2].strip()
            elif (name := _known(key)) is not None:
                if name in settings and settings[name] != match[2].strip():
                    raise UserError(f"The program says {match[1]}: twice, {settings[name]!r} and {match[2].strip()!r}.")
                settings[name] = match[2].strip()
            else:
                raise UserError(_unknown(key))
    return settings, goal


def _plain(key: str) -> str:
    return re.sub(r"[\s_-]+", " ", key).strip().lower()


def _known(key: str) -> str | None:
    plain = _plain(key)
    return KEYS.get(plain) or (plain.replace(" ", "_") if plain.replace(" ", "_") in FIELDS else None)


def _unknown(key: str) -> str:
    if key in _NOT_YET:
        return f"The program's key {key.title()!r} is not supported yet: take the line out, or put it into a sentence."
    known = ", ".join(sorted(k.title() for k in {"goal", *KEYS}))
    return f"The program's key {key.title()!r} is unknown: the keys are {known}."


def _title(body: str, goal: str) -> str:
    heading = re.search(r"^#+[ \t]+(.+)$", body, re.MULTILINE)
    first = next((line.strip() for line in body.splitlines() if line.strip()), "")
    return (heading[1].strip() if heading else goal or first)[:200]
