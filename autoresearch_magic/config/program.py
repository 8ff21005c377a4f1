"""The program: the user's text for the agent, with the settings that it carries.

A text carries settings as ``Key: value`` lines and flags (see `program_blocks`) and as YAML front matter, which is stronger.
The options of the magic or the command line are stronger than both, and not part of the text.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from ..errors import UserError
from .directions import Aim
from .program_blocks import read_blocks
from .program_keys import ProgramSettings, plain

_FRONT_MATTER = re.compile(r"\A\s*---[ \t]*\r?\n(.*?)\n---[ \t]*(?:\r?\n|\Z)", re.DOTALL)


@dataclass(frozen=True)
class Program:
    """A program, as `parse_program` reads it.

    Attributes
    ----------
    text : str
        The complete text, as the user wrote it.
    title : str
        Its first heading, else its ``Goal:``, else its first line.
    settings : dict
        The settings in the text: raw values by option name.
    path : Path or None
        The file that it was read from.
    aim : Aim
        What else it says about the direction of its metric.
    """

    text: str
    title: str
    settings: dict[str, Any] = field(default_factory=dict)
    path: Path | None = None
    aim: Aim = field(default_factory=Aim)


def parse_program(text: str, path: Path | None = None) -> Program:
    """Read a program's title and settings; `program_blocks` has the rules.

    Parameters
    ----------
    text : str
    path : Path, optional
        The file that holds the text.

    Raises
    ------
    UserError
        When the front matter is not YAML, or a key is unknown or contradicts another one.
    """
    matter, body = split_front_matter(text, "The program")
    if not isinstance(matter or {}, dict):
        raise UserError("The program's front matter must be lines of  name: value.")
    front = ProgramSettings()
    for key, value in (matter or {}).items():
        if plain(str(key)) not in ("name", "description", "title"):
            front.add(str(key), value)
    front.resolve()
    lines = read_blocks(body)
    if front.metric_direction is not None:
        lines.settings.pop("minimize", None)  # a direction in the front matter is stronger than one in the lines
    goal = lines.goal or front.goal
    title = _title(body, lines.prose, goal)
    # The skill's documentation: "Direction: higher_is_better (default)".
    aim = Aim((goal, _title("", lines.prose, "")), lines.prose, default=False if lines.of_skill else None)
    return Program(text.strip(), title, {**lines.settings, **front.settings}, path, aim)


def split_front_matter(text: str, owner: str) -> tuple[Any, str]:
    """Split a text into its YAML front matter (loaded; None when there is none) and the text below it.

    Parameters
    ----------
    text : str
    owner : str
        Whose front matter it is, for the error message.

    Raises
    ------
    UserError
        When the front matter is not YAML.
    """
    match = _FRONT_MATTER.match(text)
    if match is None:
        return None, text
    try:
        return yaml.safe_load(match[1]), text[match.end() :]
    except yaml.YAMLError as error:
        raise UserError(f"{owner} has front matter that is not YAML: {' '.join(str(error).split())}.") from None


def _title(body: str, prose: str, goal: str) -> str:
    heading = re.search(r"^#+[ \t]+(.+)$", prose, re.MULTILINE)
    lines = [line.strip() for line in (*prose.splitlines(), *body.splitlines())]
    first = next((line for line in lines if line.strip("`") and not line.startswith(("/", "$"))), "")
    return (heading[1].strip() if heading else goal or first)[:200]
