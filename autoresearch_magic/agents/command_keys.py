"""Keys on the command line of an agent's program, where every user of the machine can read them: moved into its environment."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Mapping, Sequence
from pathlib import PurePath

from ..source.key_references import keys_of

_SHELLS = {"sh", "bash", "dash", "zsh", "ksh", "ash"}
_ASSIGNMENT = re.compile(r"([A-Za-z_]\w*)=(.*)", re.DOTALL)
_LINE = "AUTORESEARCH_LINE"
_RUN_LINE = f'autoresearch_line=${_LINE}; unset {_LINE}; eval "$autoresearch_line"'


def moved(arguments: Sequence[str], environment: Mapping[str, str]) -> tuple[list[str], dict[str, str]]:
    """Return arguments and environment of a program in which no key stands on the command line, as far as that can be.

    ``env NAME=KEY program`` sets the variable without `env`, and the text of ``sh -c TEXT`` goes by the environment. A program that
    takes a key as its argument gets it so.
    """
    words, variables = list(arguments), dict(environment)
    if not any(map(keys_of, words)):
        return words, variables
    if PurePath(words[0]).name == "env":
        rest = words[1:]
        while rest and (found := _ASSIGNMENT.fullmatch(rest[0])):
            variables[found[1]] = found[2]
            rest.pop(0)
        if rest and not rest[0].startswith("-"):
            program = _found(rest[0], variables)
            words = [program, *rest[1:]] if program else words
    if PurePath(words[0]).name in _SHELLS and (at := _text_at(words)) and keys_of(words[at]):
        variables[_LINE], words[at] = words[at], _RUN_LINE
    return words, variables


def told(arguments: Sequence[str]) -> str:
    """Return what the user should know of a key that stays on the command line; empty where none does."""
    words, _ = moved(arguments, {})
    if not any(map(keys_of, words)):
        return ""
    return (
        f"The key on the command line of {PurePath(arguments[0]).name} can be read by every user of this machine while it runs: give it in an "
        "environment variable, as in  env NAME=KEY program  or  sh -c 'program $NAME'."
    )


def _text_at(words: Sequence[str]) -> int:
    """Return the place of a shell's text behind ``-c``; 0 where there is none."""
    at, text = 1, False
    while at < len(words) and words[at][:1] in ("-", "+"):
        text |= re.fullmatch(r"-[a-z]*c[a-z]*", words[at]) is not None
        at += 2 if words[at][-1:] in ("o", "O") else 1  # as in -o pipefail, -eo pipefail
    return at if text and at < len(words) else 0


def _found(program: str, variables: Mapping[str, str]) -> str:
    found = shutil.which(program, path=variables.get("PATH", os.environ.get("PATH")))
    return os.path.abspath(found) if found else ""
