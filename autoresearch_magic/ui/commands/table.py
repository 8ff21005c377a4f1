"""The table of subcommands, and the one path from a line to its reply.

A subcommand is one function with the `command` decorator, in a module of this package. Its arguments, ``-h``, the lists of
commands and completion, in the magics and on the command line, all come from that one declaration.
"""

from __future__ import annotations

import argparse
import difflib
import functools
import re
import shlex
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from ...agents.registry import agent_names
from ...config.argument_parser import HelpShown, Parser, add_options
from ...config.settings import FIELDS
from ...config.skill_words import counterpart
from ...errors import UserError
from ...storage.folders import checked_name, study_names
from ..reply import Reply
from ..session import MAGIC, Place, Session

Function = Callable[[Session, argparse.Namespace], Reply]
"""Carries out a subcommand. The namespace holds its arguments, the settings that were given, and ``cell``: the text below it or None."""

_KEY_LINE = re.compile(r"[A-Z][A-Za-z]*(?:-[A-Za-z]+)*:\s")


@dataclass(frozen=True)
class Argument:
    """One argument of a subcommand, as `argparse` takes it, and a function that lists its possible values.

    Variables of the notebook may stand in it, except in a text of several words.
    """

    flags: tuple[str, ...]
    keywords: dict[str, Any]
    values: Callable[[], Sequence[str]] | None = None

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


def argument(*flags: str, values: Callable[[], Sequence[str]] | None = None, **keywords: Any) -> Argument:
    """Declare an argument: what `argparse.ArgumentParser.add_argument` takes, and `values` for completion."""
    return Argument(flags, keywords, values)


STUDY = argument(
    "study", nargs="?", metavar="NAME", help="a study's name (default: the current one)", values=study_names
)
NUMBER = argument("number", metavar="N", help="number of an experiment")
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

    def options(self) -> list[str]:
        """Return its long options."""
        actions = self.parser(Place.MAGIC)._actions
        return [flag for action in actions for flag in action.option_strings if flag.startswith("--")]

    def completions(self, previous: str) -> list[str]:
        """Return what may follow the word `previous`: the values of that option, else options and positional values."""
        values = {flag: each.values for each in self.arguments for flag in each.flags if each.values is not None}
        if self.settings:
            values["--agent"] = agent_names
        if previous in values:
            return list(values[previous]())
        positional = [value for flag, of in values.items() if not flag.startswith("-") for value in of()]
        return [*positional, *self.options()]


COMMANDS: dict[Place, dict[str, Command]] = {place: {} for place in Place}
"""The subcommands of each place by name, in the order of help."""


def command(
    name: str,
    *arguments: Argument,
    settings: bool | tuple[str, ...] = False,
    takes_cell: bool = False,
    places: Sequence[Place] = tuple(Place),
) -> Callable[[Function], Function]:
    """Make a function a subcommand; the first line of its docstring is its help.

    Parameters
    ----------
    name : str
    *arguments : Argument
    settings, takes_cell
        See `Command`.
    places : sequence of Place
        Where it can be used: everywhere by default.
    """

    def register(function: Function) -> Function:
        for place in places:
            COMMANDS[place][name] = Command(name, function, arguments, settings, takes_cell)
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
        words = shlex.split(line)
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
        arguments = found.parser(place, session.expand).parse_args(list(words if bare else words[1:]))
        arguments.cell = cell
        return found.function(session, arguments)
    except HelpShown as shown:
        return Reply(str(shown).rstrip())


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


_BEGIN = {
    Place.MAGIC: """autoresearch: an agent edits one cell, trains for a fixed budget, keeps what helps, and repeats.

  %%autoresearch setup     frozen code: data and the evaluation function
  %%autoresearch target    the code that experiments may change
  %%autoresearch --metric NAME=EXPRESSION --budget 20s -n 24
                           the program: goal and rules in words; running this cell starts the study
  %%autoresearch --scope GLOBS --verify COMMAND [--guard COMMAND]
                           the same on the files of a git repository, measured by a command""",
    Place.SHELL: """usage: autoresearch [--root FOLDER] COMMAND ...

  autoresearch run NOTEBOOK.ipynb            run all cells of a notebook, with a progress bar
  autoresearch run PROGRAM.md --target FILE  run a study on a file
  autoresearch run PROGRAM.md --scope GLOBS --verify COMMAND
                                             run a study on the files of a git repository
  autoresearch run PROGRAM.md                either, when PROGRAM.md says which, or lies beside train.py and
                                             prepare.py or a folder train/ with them
  autoresearch init SKILL [FOLDER]           begin with a copy of an example
  autoresearch plan "GOAL" --agent claude    let an agent write a program for a goal in plain words

Exit codes: 0 done, 1 failed, 2 wrong usage, 3 the budget was spent without an improvement.""",
}


def overview(place: Place) -> str:
    """Return the help: how to begin, and the list of commands."""
    commands = COMMANDS[place]
    width = max(map(len, commands))
    table = "\n".join(f"  {name:<{width}}  {each.summary}" for name, each in commands.items())
    return f"{_BEGIN[place]}\n\nCommands (each with -h):\n{table}"
