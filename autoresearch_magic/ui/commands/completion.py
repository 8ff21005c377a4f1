"""Completion of a line of ours: commands, options with their help, and the values of arguments."""

from __future__ import annotations

import argparse
import re
from collections.abc import Callable, Mapping

from ..session import Place, Session
from .table import COMMANDS, Command
from .values import Typed, agents, paths

_LINE = re.compile(r"\s*(?:[A-Za-z_][\w.\[\]'\"]*\s*=\s*)?(?P<magic>%{1,2})autoresearch(?P<rest>\s.*)", re.DOTALL)

BY_METAVAR: dict[str, Callable[[Typed], Mapping[str, str]]] = {"AGENT": agents, "FOLDER": paths, "PATHS": paths}
"""The values of settings, whose options `config` declares."""


def complete_line(session: Session, line: str) -> tuple[str, dict[str, str]] | None:
    """Return what may follow a line of the magic.

    Parameters
    ----------
    session : Session
    line : str
        The line up to the cursor.

    Returns
    -------
    fragment : str
        The part of a word that is typed already.
    completions : dict
        Whole words, with one line on each.

    None when the line is not ours.
    """
    if (found := _LINE.fullmatch(line)) is None:
        return None
    words = found["rest"].split()
    fragment = words.pop() if words and not found["rest"][-1].isspace() else ""
    typed = Typed(session, words, fragment)
    candidates = _commands(found["magic"]) if not words else _arguments(typed)
    return fragment, {word: what for word, what in candidates.items() if word.startswith(fragment)}


def _commands(magic: str) -> dict[str, str]:
    """Return the commands; for a cell those that take one, and the options of a program."""
    commands = COMMANDS[Place.MAGIC]
    cell = magic == "%%"
    names = {name: each.summary for name, each in commands.items() if each.takes_cell or not cell}
    return {**names, **_options(commands["start"])} if cell else names


def _arguments(typed: Typed) -> dict[str, str]:
    """Return the values of the option before the cursor, or positional values and options."""
    commands = COMMANDS[Place.MAGIC]
    command = commands.get(typed.words[0], commands["start"])
    actions = {flag: action for action in command.parser(Place.MAGIC)._actions for flag in action.option_strings}
    before = actions.get(typed.words[-1])
    if before is not None and before.nargs != 0:
        return dict(_values(command, before, typed))
    options = {flag: what for flag, what in _options(command).items() if flag not in typed.words}
    if typed.fragment.startswith("-"):
        return options
    return {**_positional(command, actions, typed), **options}


def _positional(command: Command, actions: Mapping[str, argparse.Action], typed: Typed) -> dict[str, str]:
    """Return the values of the positional argument at the cursor."""
    given, skip = 0, False
    for word in typed.words[1:]:
        if skip:
            skip = False
        elif word in actions:
            skip = actions[word].nargs != 0
        elif not word.startswith("-"):
            given += 1
    positional = [each for each in command.arguments if not each.flags[0].startswith("-")]
    if given >= len(positional) or (values := positional[given].values) is None:
        return {}
    return {word: what for word, what in values(typed).items() if word not in typed.words}


def _values(command: Command, action: argparse.Action, typed: Typed) -> Mapping[str, str]:
    for argument in command.arguments:
        if set(argument.flags) & set(action.option_strings):
            if argument.values is not None:
                return argument.values(typed)
            return {str(choice): action.help or "" for choice in argument.keywords.get("choices", ())}
    values = BY_METAVAR.get(str(action.metavar))
    return values(typed) if values is not None else {}


def _options(command: Command) -> dict[str, str]:
    """Return the long options of a command, with their help."""
    return {
        flag: (action.help or "").replace("%%", "%")
        for action in command.parser(Place.MAGIC)._actions
        for flag in action.option_strings
        if flag.startswith("--")
    }
