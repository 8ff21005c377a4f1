"""The argument parser of the magics and the command line, with the study's settings as options."""

from __future__ import annotations

import argparse
import re
from collections.abc import Callable, Collection
from functools import partial
from typing import Any, NoReturn

from ..errors import UserError
from .converters import read_bool
from .settings import FIELDS

_QUANTITY = re.compile(r"-[\d.]")


class HelpShown(Exception):
    """Raised instead of printing when the user asks for help (``-h``); `str` of it is the help text."""


class Parser(argparse.ArgumentParser):
    """An argument parser that raises exceptions instead of ending the process, which may be the user's kernel."""

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        """Parse arguments; the value of a long option may begin as a negative number does, such as ``--expect -30%``."""
        words: list[str] = []
        for word in args or ():
            joins = words and _QUANTITY.match(word) and self._takes_value(words[-1])
            words[-1:] = [f"{words[-1]}={word}"] if joins else [*words[-1:], word]
        return super().parse_known_args(words, namespace)

    def _takes_value(self, word: str) -> bool:
        action = self._option_string_actions.get(word) if word.startswith("--") else None
        return action is not None and action.nargs is None

    def error(self, message: str) -> NoReturn:
        """Raise a `UserError` with argparse's message."""
        if message.startswith("unrecognized arguments") and not message.split(": ", 1)[-1].startswith("-"):
            message += " (a value with blanks in it needs quotes)"
        raise UserError(f"{message[:1].upper()}{message[1:]}. See  {self.prog} -h")

    def exit(self, status: int = 0, message: str | None = None) -> NoReturn:
        """Raise `HelpShown` with the message."""
        raise HelpShown(message or "")

    def print_help(self, file: Any = None) -> None:
        """Raise `HelpShown` with the help text; the caller shows it."""
        raise HelpShown(self.format_help())


def add_options(
    parser: argparse.ArgumentParser, expand: Callable[[str], str] = str, only: Collection[str] = FIELDS
) -> None:
    """Add every setting to a parser as an option.

    Values stay raw text, and settings that the user does not give are absent from the parsed arguments.

    Parameters
    ----------
    parser : argparse.ArgumentParser
    expand : callable, optional
        Puts the user's variables into a value; applied to the options that `Settings` declares as expanded.
    only : collection of str, optional
        The settings to add; all of them by default.
    """
    group = parser.add_argument_group("settings of the study")
    for name, field in FIELDS.items():
        if name not in only:
            continue
        option = name.replace("_", "-")
        flags: tuple[str, ...] = (*field.metadata["flags"], f"--{option}")
        details: dict[str, Any] = {"metavar": field.metadata["metavar"]}
        if field.metadata["expanded"]:
            details["type"] = partial(_expand_agent, expand) if name == "agent" else expand
        if field.metadata["parse"] is read_bool:
            details = {"action": "store_true"}
            if field.default is True and name != "minimize":  # whose opposite is --maximize
                flags, details = (f"--no-{option}",), {"action": "store_false"}
        if name in ("also", "limit", "stage", "track", "notify"):  # each time it is given adds to the others
            details["action"] = "append"
        group.add_argument(*flags, dest=name, default=argparse.SUPPRESS, help=field.metadata["help"], **details)
        if name == "minimize":
            group.add_argument(
                "--maximize",
                dest=name,
                action="store_false",
                default=argparse.SUPPRESS,
                help="higher values are better",
            )


def _expand_agent(expand: Callable[[str], str], text: str) -> str:
    """Put variables into an agent's name, and not into a command line, where braces and dollars mean something else."""
    return text if "command:" in text or "editor:" in text else expand(text)


def given(arguments: argparse.Namespace) -> dict[str, Any]:
    """Return the settings that the user gave, out of parsed arguments."""
    return {name: value for name, value in vars(arguments).items() if name in FIELDS}
