"""The parser of the magics and the command line, and the study's settings as its options."""

from __future__ import annotations

import argparse
from typing import Any, NoReturn

from ..errors import UserError
from .converters import truth
from .settings import FIELDS


class HelpShown(Exception):
    """``-h`` was given; `str` is the help text."""


class Parser(argparse.ArgumentParser):
    """An argument parser that raises instead of ending the process."""

    def error(self, message: str) -> NoReturn:
        """Raise the parser's complaint as a `UserError`."""
        raise UserError(f"{message[:1].upper()}{message[1:]}. See  {self.prog} -h")

    def exit(self, status: int = 0, message: str | None = None) -> NoReturn:
        """Raise; a magic must not end the kernel."""
        raise HelpShown(message or "")

    def print_help(self, file: Any = None) -> None:
        """Raise the help text, for the caller to show where it shows things."""
        raise HelpShown(self.format_help())


def add_options(parser: argparse.ArgumentParser) -> None:
    """Declare every setting on a parser; only what was given ends up in the result, as raw text."""
    group = parser.add_argument_group("settings of the study")
    for name, each in FIELDS.items():
        flags = (*each.metadata["flags"], "--" + name.replace("_", "-"))
        if each.metadata["parse"] is truth and each.default is True and name != "minimize":
            negative = "--no-" + name.replace("_", "-")
            group.add_argument(
                negative, dest=name, action="store_false", default=argparse.SUPPRESS, help=each.metadata["help"]
            )
        elif each.metadata["parse"] is truth:
            group.add_argument(
                *flags, dest=name, action="store_true", default=argparse.SUPPRESS, help=each.metadata["help"]
            )
        else:
            group.add_argument(
                *flags,
                dest=name,
                default=argparse.SUPPRESS,
                metavar=each.metadata["metavar"],
                help=each.metadata["help"],
            )
        if name == "minimize":
            group.add_argument(
                "--maximize", dest="minimize", action="store_false", default=argparse.SUPPRESS, help="higher is better"
            )


def given(arguments: argparse.Namespace) -> dict[str, Any]:
    """Pick the settings out of parsed arguments: what was given, and nothing else."""
    return {name: value for name, value in vars(arguments).items() if name in FIELDS}
