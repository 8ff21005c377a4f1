"""The table of subcommands, and the one path that magics and command line take through it."""

from __future__ import annotations

import argparse
import difflib
import re
import shlex
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ..config.argument_parser import HelpShown, Parser, add_options
from ..errors import UserError
from ..storage.folders import checked_name
from .reply import Reply
from .session import MAGIC, Session

_KEY_LINE = re.compile(r"[A-Z][A-Za-z]*(?:-[A-Za-z]+)*:\s")

Argument = tuple[tuple[str, ...], dict[str, Any]]


@dataclass(frozen=True)
class Command:
    """One subcommand: what it does, in one line, and what it takes."""

    method: Callable[..., Reply]
    arguments: tuple[Argument, ...] = ()
    options: bool = False
    takes_cell: bool = False


def run(session: Session, line: str, cell: str | None = None) -> Reply:
    """Carry out one line, with the cell below it where there is one: the one path of magics and command line.

    Raises
    ------
    UserError
        One line that says what to do.
    """
    if cell is not None and _KEY_LINE.match(line.strip()):
        # The generalised skill's language has its keys and flags on one line too, and such a line is the program's.
        return session.start_program(parse("program", []), f"{line.strip()}\n{cell}")
    try:
        words = shlex.split(line)
    except ValueError as error:
        raise UserError(f"The line cannot be read ({error}): check its quotes.") from None
    return run_words(session, words, cell)


def run_words(session: Session, words: list[str], cell: str | None = None) -> Reply:
    """Carry out one line that is split into words already; see `run`."""
    try:
        if not words or words[0].startswith("-"):
            if cell is not None:
                return session.start_program(parse("program", words), cell)
            if words and words[0] not in ("-h", "--help"):
                raise UserError(
                    "Options alone start nothing: put the program below  %%autoresearch OPTIONS, or use  "
                    "%autoresearch start OPTIONS"
                )
            return Reply(overview())
        name = words[0]
        if name not in COMMANDS:
            raise UserError(unknown_command(name))
        command = COMMANDS[name]
        if cell is not None and not command.takes_cell:
            raise UserError(f"{MAGIC} {name} takes no cell below it: write it with one % and nothing under it.")
        arguments = parse(name, words[1:])
        return command.method(session, arguments, cell) if command.takes_cell else command.method(session, arguments)
    except HelpShown as shown:
        return Reply(str(shown).rstrip())


def show_help(session: Session, arguments: argparse.Namespace) -> Reply:
    """Show how to begin, or one command's options."""
    if arguments.command is None:
        return Reply(overview())
    if arguments.command not in COMMANDS:
        raise UserError(unknown_command(arguments.command))
    return Reply(parser(arguments.command).format_help().rstrip())


_STUDY: Argument = (("study",), {"nargs": "?", "metavar": "NAME", "help": "a study's name; the current one by default"})
_NUMBER: Argument = (("number",), {"metavar": "N", "help": "number of an experiment"})
_NAME: Argument = (
    ("--name",),
    {"metavar": "NAME", "type": checked_name, "help": "names the study (default: date and metric)"},
)
_SAMPLES: Argument = (("--samples",), {"metavar": "N", "help": "runs of each version"})
_COLUMNS: Argument = (
    ("--columns",),
    {
        "type": int,
        "choices": (5, 9),
        "default": 5,
        "help": "of a .tsv: the original's 5 (default), or the generalised skill's 9",
    },
)
_PATH: Argument = (("path",), {"nargs": "?", "metavar": "PATH", "help": "a file instead of the cell"})

COMMANDS: dict[str, Command] = {
    "setup": Command(Session.define_setup, (_PATH,), takes_cell=True),
    "target": Command(Session.define_target, (_PATH,), takes_cell=True),
    "program": Command(Session.define_program, (_PATH, _NAME), options=True, takes_cell=True),
    "start": Command(Session.start, (_NAME,), options=True),
    "status": Command(Session.status, (_STUDY,)),
    "pause": Command(Session.pause),
    "resume": Command(Session.resume, (_STUDY,), options=True),
    "stop": Command(Session.stop),
    "step": Command(Session.step, (_NAME,), options=True),
    "wait": Command(Session.wait, ((("--timeout",), {"metavar": "DURATION", "help": "wait so long at most, for example 60s"}),)),
    "watch": Command(Session.watch, (_STUDY,)),
    "say": Command(Session.say, ((("text",), {"nargs": "+", "metavar": "TEXT", "help": "what it should know"}),)),
    "briefing": Command(Session.briefing),
    "agents": Command(Session.agents),
    "history": Command(Session.history, (_STUDY, (("--kept",), {"action": "store_true", "help": "only what was kept"}))),
    "show": Command(Session.show, (_NUMBER,)),
    "diff": Command(Session.diff, (_NUMBER, (("other",), {"nargs": "?", "metavar": "M", "help": "compare N with M instead of with its parent"}))),
    "restore": Command(Session.restore, (_NUMBER,)),
    "best": Command(Session.best),
    "apply": Command(Session.apply, ((("number",), {"nargs": "?", "metavar": "N", "help": "number of an experiment; the best by default"}),)),
    "plan": Command(Session.plan, ((("goal",), {"nargs": "*", "metavar": "GOAL", "help": "a goal in plain words, of which the agent makes a program; without, the program is planned"}),), options=True),
    "evals": Command(Session.evals, (_STUDY,)),
    "regression": Command(Session.regression, ((("a",), {"metavar": "A", "help": "number of an experiment, 0 for the baseline"}), (("b",), {"metavar": "B", "help": "number of another"}), _SAMPLES)),
    "ablate": Command(Session.ablate, (_SAMPLES,)),
    "report": Command(Session.report, ((("path",), {"nargs": "?", "metavar": "PATH", "help": "where to write it, in Markdown"}),)),
    "export": Command(Session.export, ((("path",), {"metavar": "PATH", "help": ".py or .ipynb: the best target; .csv, .tsv, .json: the history"}), _COLUMNS)),
    "skills": Command(Session.skills),
    "skill": Command(Session.skill, ((("name",), {"metavar": "NAME", "help": "a skill's name"}), (("--example",), {"metavar": "FOLDER", "help": "copy its example into this new folder, as a git repository"}), (("--no-cell",), {"action": "store_true", "help": "put no program into the next cell"}), (("--agent",), {"metavar": "AGENT", "help": "who shall propose, such as recorded:NAME for the edits that were recorded on the example"}))),
    "doctor": Command(Session.doctor),
    "help": Command(show_help, ((("command",), {"nargs": "?", "metavar": "COMMAND", "help": "a command"}),)),
}  # fmt: skip


def summary(name: str) -> str:
    """Return the one line that says what a command does."""
    return (COMMANDS[name].method.__doc__ or "").strip().splitlines()[0]


def parser(name: str) -> Parser:
    """Build a command's parser; the same for magic and command line."""
    command = COMMANDS[name]
    made = Parser(
        prog=f"{'%%' if command.takes_cell else '%'}autoresearch {name}", description=summary(name), allow_abbrev=False
    )
    for flags, keywords in command.arguments:
        made.add_argument(*flags, **keywords)
    if command.options:
        add_options(made)
    return made


def parse(name: str, words: list[str]) -> argparse.Namespace:
    """Parse a command's words.

    Raises
    ------
    UserError, HelpShown
    """
    return parser(name).parse_args(words)


def option_names(name: str) -> list[str]:
    """Return a command's long options, for completion."""
    return [flag for action in parser(name)._actions for flag in action.option_strings if flag.startswith("--")]


def unknown_command(name: str) -> str:
    """Say that there is no such command, and which one may have been meant."""
    near = difflib.get_close_matches(name, COMMANDS, n=1)
    hint = f"did you mean {near[0]}?" if near else f"they are {', '.join(COMMANDS)}."
    return f"There is no command {name!r}: {hint}"


def overview() -> str:
    """Return the help that begins at the beginning."""
    width = max(map(len, COMMANDS))
    table = "\n".join(f"  {name:<{width}}  {summary(name)}" for name in COMMANDS)
    return f"""autoresearch: an agent edits one cell, trains for a fixed budget, keeps what helps, and repeats.

  %%autoresearch setup     frozen code: data and the function that evaluates
  %%autoresearch target    the code that experiments may change
  %%autoresearch --metric NAME=EXPRESSION --budget 20s -n 24
                           the program: goal and rules in words; running it starts the study
  %%autoresearch --scope GLOBS --verify COMMAND [--guard COMMAND]
                           the same on the files of a git repository, measured by a command

Commands (each with -h):
{table}"""
