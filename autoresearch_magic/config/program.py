"""The program: what the human wrote, with the settings that it carries.

Settings come in three ways, weakest first: ``Key: value`` lines and flags (`blocks`), YAML front matter, and the options of
the magic or the command line (which are not in the text).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

import yaml

from ..errors import UserError
from .program_blocks import read_blocks
from .program_keys import Found, plain

_FRONT_MATTER = re.compile(r"\A---[ \t]*\n(.*?)\n---[ \t]*(?:\n|\Z)", re.DOTALL)


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
    """Read a program: its prose, its settings, and those of the generalised skill's blocks; `blocks` has the rules.

    Raises
    ------
    UserError
        When the front matter is not YAML, and for a key of it or of a settings paragraph that is unknown or contradicts
        another one.
    """
    body, matter = _front_matter(text)
    lines = read_blocks(body)
    if matter.direction:
        lines.settings.pop("minimize", None)  # the stronger word on it stands in the front matter's metric
    return Program(
        text.strip(), _title(body, lines.prose, lines.goal or matter.goal), {**lines.settings, **matter.settings}
    )


def _front_matter(text: str) -> tuple[str, Found]:
    found = Found()
    match = _FRONT_MATTER.match(text.lstrip())
    if not match:
        return text, found
    try:
        loaded = yaml.safe_load(match[1]) or {}
    except yaml.YAMLError as error:
        raise UserError(f"The program's front matter is not YAML: {' '.join(str(error).split())}.") from None
    if not isinstance(loaded, dict):
        raise UserError("The program's front matter must be lines of  name: value.")
    for key, value in loaded.items():
        if plain(str(key)) not in ("name", "description", "title"):
            found.add(str(key), value)
    return text.lstrip()[match.end() :], found.finish()


def _title(body: str, prose: str, goal: str) -> str:
    heading = re.search(r"^#+[ \t]+(.+)$", prose, re.MULTILINE)
    lines = [line.strip() for line in (*prose.splitlines(), *body.splitlines())]
    first = next((line for line in lines if line.strip("`") and not line.startswith(("/", "$"))), "")
    return (heading[1].strip() if heading else goal or first)[:200]
