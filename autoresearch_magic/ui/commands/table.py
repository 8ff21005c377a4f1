"""The table of subcommands, and the one path from a line to its reply.

A subcommand is one function with the `command` decorator, in a module of this package. Its arguments, ``-h``, the lists of
commands and completion, in the magics and on the command line, all come from that one declaration.
"""

from __future__ import annotations

import argparse
import difflib
import errno
import functools
import re
import shlex
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ...config.argument_parser import HelpShown, Parser, add_options
from ...config.settings import FIELDS
from ...config.skill_words import counterpart
from ...errors import UserError
from ...storage.folders import checked_name
from ..reply import Reply, json_reply
from ..session import MAGIC, Place, Session
from ..wording import for_shell
from .first_steps import FIRST_STEPS, by_theme
from .unquoted import quote_expressions
from .values import Typed, experiments, studies

Function = Callable[[Session, argparse.Namespace], Reply]
"""Carries out a subcommand. The namespace holds its arguments, the settings that were given, and ``cell``: the text below it or None."""

CANNOT_WRITE = {errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOSPC, errno.EDQUOT, errno.ENOTDIR}
"""Errors of the system that the user can fix: a folder that is read-only, full, or a file."""

_KEY_LINE = re.compile(r"[A-Z][A-Za-z]*(?:-[A-Za-z]+)*:\s")


@dataclass(frozen=True)
class Argument:
    """One argument of a subcommand, as `argparse` takes it, and a function that lists what can stand there.

    Variables of the notebook may stand in it, except in a text of several words.
    """

    flags: tuple[str, ...]
    keywords: dict[str, Any]
    values: Callable[[Typed], Mapping[str, str]] | None = None

    def add_to(self, parser: Parser, expand: Callable[[str], str]) -> None:
        """Add it to a parser; `expand` puts variables into its value."""
        keywords = dict(self.keywords)
        if "action" not in keywords and keywords.get("nargs") not in ("+", "*"):
            read = keywords.get("type", str)

            @functools.wraps(read, updated=())  # argparse shows the name of the type
            def read_expanded(text: str) -> Any:
                return read(expand(text))

            keywords["type"] = read_expanded
        parser.add_argument(*self.flags, **keywords)


def argument(*flags: str, values: Callable[[Typed], Mapping[str, str]] | None = None, **keywords: Any) -> Argument:
    """Declare an argument: what `argparse.ArgumentParser.add_argument` takes, and `values` for completion."""
    return Argument(flags, keywords, values)


STUDY = argument("named", nargs="?", metavar="NAME", help="the same as --study NAME", values=studies)
"""A study's name without its option, for commands that take nothing else."""
STUDY_OPTION = argument(
    "--study", metavar="NAME", values=studies,
    help="a study's name (default: the current one; on the command line the newest that has an experiment)",
)  # fmt: skip
JSON_OPTION = argument("--json", action="store_true", help="print one JSON object; docs/command-line.md has its fields")
NUMBER = argument("number", metavar="N", help="number of an experiment", values=experiments)
NAME = argument("--name", metavar="NAME", type=checked_name, help="name of the study (default: date and metric)")


@dataclass(frozen=True)
class Command:
    """One subcommand.

    Attributes
    ----------
    name : str
    function : callable
    arguments : tuple of Argument
    settings : bool or tuple of str
        Whether it takes the settings of a study as options, or which of them.
    takes_cell : bool
        Whether a cell may stand below it.
    """

    name: str
    function: Function
    arguments: tuple[Argument, ...]
    settings: bool | tuple[str, ...]
    takes_cell: bool

    def parse(self, session: Session, words: Sequence[str]) -> argparse.Namespace:
        """Parse its arguments; a study's name is in ``study``, whichever way it was given.

        Raises
        ------
        UserError
            When an argument is wrong, or two studies are named.
        """
        arguments = self.parser(session.place, session.expand).parse_args(list(words))
        named, study = getattr(arguments, "named", None), getattr(arguments, "study", None)
        if named and study and named != study:
            raise UserError(f"Two studies are named, {named} and {study}: give one of them.")
        arguments.study = study or named
        return arguments

    @property
    def summary(self) -> str:
        """What it does: the first line of its function's docstring."""
        return (self.function.__doc__ or "").strip().splitlines()[0]

    def parser(self, place: Place, expand: Callable[[str], str] = str) -> Parser:
        """Build the parser of its arguments; `expand` puts the user's variables into those that may hold them."""
        parser = Parser(
            prog=f"{'%' * self.takes_cell}{place} {self.name}", description=self.summary, allow_abbrev=False
        )
        for each in self.arguments:
            each.add_to(parser, expand)
        if self.settings:
            add_options(parser, expand, self.settings if isinstance(self.settings, tuple) else FIELDS)
        return parser


COMMANDS: dict[Place, dict[str, Command]] = {place: {} for place in Place}
"""The subcommands of each place by name, in the order of help."""


def command(
    name: str,
    *arguments: Argument,
    settings: bool | tuple[str, ...] = False,
    takes_cell: bool = False,
    of_study: bool = False,
    json: bool = False,
    places: Sequence[Place] = tuple(Place),
) -> Callable[[Function], Function]:
    """Make a function a subcommand; the first line of its docstring is its help.

    Parameters
    ----------
    name : str
    *arguments : Argument
    settings, takes_cell
        See `Command`.
    of_study : bool
        Whether it takes ``--study NAME``.
    json : bool
        Whether it takes ``--json``; its reply then has `Reply.data`.
    places : sequence of Place
        Where it can be used: everywhere by default.
    """
    everything = (*arguments, *((STUDY_OPTION,) if of_study else ()), *((JSON_OPTION,) if json else ()))

    def register(function: Function) -> Function:
        for place in places:
            COMMANDS[place][name] = Command(name, function, everything, settings, takes_cell)
        return function

    return register


def run(session: Session, line: str, cell: str | None = None) -> Reply:
    """Carry out the line of a magic, with the cell below it if there is one.

    Raises
    ------
    UserError
        One line that says what to do.
    """
    if cell is not None and _KEY_LINE.match(line.strip()):
        # A program may begin on the magic's own line: "%%autoresearch Goal: ... --repo demo".
        return run_words(session, [], f"{line.strip()}\n{cell}")
    try:
        words = shlex.split(quote_expressions(line))
    except ValueError as error:
        raise UserError(f"The line cannot be read ({error}): check its quotes.") from None
    return run_words(session, words, cell)


def run_words(session: Session, words: Sequence[str], cell: str | None = None) -> Reply:
    """Carry out a line that is split into words; see `run`."""
    place = session.place
    bare = place is Place.MAGIC and (
        not words or words[0].startswith("-")
    )  # the cell is the program, and starts the study
    try:
        if cell is None and (not words or words[0] in ("-h", "--help")):
            return Reply(overview(place))
        if cell is None and bare:
            raise UserError(
                f"Options alone start nothing: put the program below  %{MAGIC} OPTIONS, or use  {MAGIC} start OPTIONS"
            )
        found = find_command(place, "start" if bare else words[0])
        if cell is not None and not (bare or found.takes_cell):
            raise UserError(f"{MAGIC} {words[0]} takes no cell below it: write it with one % and nothing under it.")
        arguments = found.parse(session, words if bare else words[1:])
        arguments.cell = cell
        reply = found.function(session, arguments)
        return (
            json_reply(reply, for_shell if place is Place.SHELL else str)
            if getattr(arguments, "json", False)
            else reply
        )
    except HelpShown as shown:
        return Reply(str(shown).rstrip())
    except OSError as error:
        if error.errno not in CANNOT_WRITE:
            raise
        where = f" {error.filename}" if error.filename else ""
        raise UserError(
            f"Cannot write{where}: {error.strerror}. Work in another folder, or make this one writable."
        ) from None


def find_command(place: Place, name: str) -> Command:
    """Return a subcommand by name.

    Raises
    ------
    UserError
        When there is none; the message names the one that may have been meant.
    """
    commands = COMMANDS[place]
    if name in commands:
        return commands[name]
    if here := counterpart(name.removeprefix("autoresearch:")):
        raise UserError(f"There is no command {name!r}: {here}")
    near = difflib.get_close_matches(name, commands, n=1)
    hint = f"did you mean {near[0]}?" if near else f"the commands are {', '.join(commands)}."
    raise UserError(f"There is no command {name!r}: {hint}")


def overview(place: Place) -> str:
    """Return the help: how to begin, and the commands by theme."""
    commands = COMMANDS[place]
    width = max(map(len, commands))
    tables = [
        "\n".join([f"{theme}:", *(f"  {name:<{width}}  {commands[name].summary}" for name in names)])
        for theme, names in by_theme(place, commands).items()
    ]
    return "\n\n".join([FIRST_STEPS[place], *tables, "Each command has -h."])
