"""Why a verify or guard command had better not be run, unattended and dozens of times.

This is a seat belt, not a sandbox. It reads the command and knows the usual accidents: a pasted line that deletes, pushes,
deploys, or talks to the production database. It looks into no script, Makefile or program that the command calls, and whoever
wants to get past it will. A command that must be kept from doing harm belongs into a container, under an account that may
do none.

Text that is only an argument, such as a pattern of ``grep``, alarms nobody. Where a command has harmless uses, such as `rm` of a
build folder, those are let through as far as they can be told apart.

Pure functions, no I/O. Not here: how a command is read (`shell`), and what single programs do (`hazards`).
"""

from __future__ import annotations

import ast
import re
import shlex
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import pairwise
from pathlib import PurePosixPath

from ...syntax import syntax_tree
from .hazards import (
    DELETES,
    DOWNLOAD,
    HAZARDS,
    MADE,
    QUOTING,
    Call,
    assignment_hazard,
    production,
    redirection_hazard,
    said,
    told,
)  # fmt: skip
from .shell_parser import UNKNOWN, Simple, read_command, unquoted

DEPTH = 8
"""Commands within commands that are read; deeper ones are refused, for nobody writes them by hand."""

_SHELLS = {"sh", "bash", "zsh", "dash", "ksh", "fish", "ash"}
_PYTHON = re.compile(r"python(\d(\.\d+)?)?|pypy3?")
_INTERPRETERS = {"perl", "ruby", "node", "php", "deno", "bun"}
_DOWNLOADERS = {"curl", "wget", "aria2c", "http", "https", "nc", "ncat", "fetch"}
_DECODERS = {"base64", "base32", "xxd", "openssl", "uudecode", "rev"}
_FORK_BOMB = re.compile(r"([\w:.]+)\s*\(\)\s*\{[^}]*\1\s*\|\s*\1\s*&")


def danger(command: str) -> str:
    """Say in a few words why a command is not run.

    Parameters
    ----------
    command : str
        What would be given to ``sh -c``.

    Returns
    -------
    str
        The reason, such as ``"deletes files (rm -rf src)"``; empty when nothing was seen.
    """
    return _danger(command, {}, 0)


def _danger(command: str, variables: Mapping[str, str], depth: int) -> str:
    if depth > DEPTH:
        return "is nested too deeply to be read"
    if _FORK_BOMB.search(unquoted(command)):
        return "is a fork bomb"
    downloaded: set[str] = set()
    for pipeline in read_command(command, variables):
        for place, simple in enumerate(pipeline):
            if reason := _of_simple(simple, tuple(pipeline[:place]), frozenset(downloaded), depth):
                return reason
            downloaded.update(_saved(simple))
    return ""


def _of_simple(simple: Simple, before: tuple[Simple, ...], downloaded: frozenset[str], depth: int) -> str:
    for inside in simple.runs:
        if reason := _danger(inside, simple.variables, depth + 1):
            return reason
    for redirection in simple.redirections:
        if reason := redirection_hazard(redirection, simple):
            return reason
    if reason := assignment_hazard(simple.assignments):
        return reason
    if not simple.words:
        return ""
    if _downloads_within(simple.words[0].runs):
        return DOWNLOAD
    words = [word.text for word in simple.words]
    return _of_words(words, simple, before, downloaded, depth)


def _of_words(
    words: Sequence[str], simple: Simple, before: tuple[Simple, ...], downloaded: frozenset[str], depth: int
) -> str:
    """Judge a program and its arguments; programs that only start another one are looked through."""
    if depth > DEPTH:
        return "is nested too deeply to be read"
    if not words:
        return ""
    name, arguments = PurePosixPath(words[0]).name or words[0], tuple(words[1:])  # "." has no name
    call = Call(name, arguments, simple, before, downloaded, depth)
    if words[0].removeprefix("./") in downloaded:
        return DOWNLOAD
    inner = _wrapped(call)
    if inner is not None:
        assigned = assignment_hazard(dict(w.split("=", 1) for w in words if re.match(r"[A-Za-z_]\w*=", w)))
        return assigned or _of_words(inner, simple, before, downloaded, depth + 1)
    rule = _RULES.get(name) or (_python if _PYTHON.fullmatch(name) else _script if name in _INTERPRETERS else None)
    if name.startswith("mkfs"):
        return said("formats a disk", call)
    if rule is not None and (reason := rule(call)):
        return reason
    if name not in QUOTING and any(production(argument) for argument in arguments):
        return "reaches a production database"
    return ""


# -- programs that start another one ----------------------------------------------------------------------------------

_WRAPPERS: dict[str, str] = {  # and those of their options that take a value
    "command": "", "builtin": "", "exec": "-a", "nohup": "", "setsid": "", "nice": "-n", "ionice": "-c -n",
    "env": "-u -C --unset --chdir", "time": "-f -o", "timeout": "-s -k --signal --kill-after", "stdbuf": "-i -o -e",
    "xargs": "-I -n -P -L -d -a -E -s --max-args --max-procs --delimiter --arg-file", "watch": "-n", "busybox": "",
    "npx": "-p --package", "uvx": "--from --with", "bunx": "", "caffeinate": "-t", "parallel": "-j", "unbuffer": "",
    "chronic": "", "strace": "-o -e", "ltrace": "-o -e", "taskset": "", "flock": "",
}  # fmt: skip
_RUNNERS = {"uv": "run", "poetry": "run", "pipenv": "run", "pdm": "run", "hatch": "run", "conda": "run", "pipx": "run",
            "pnpm": "exec", "coverage": "run", "npm": "exec"}  # fmt: skip
_SKIPPED = {"timeout": 1, "taskset": 1, "flock": 1}
"""Wrappers whose first operand is their own: a duration, a mask, a file."""


def _wrapped(call: Call) -> list[str] | None:
    """Return the command that a wrapper starts; None for what is no wrapper."""
    rest = list(call.arguments)
    if call.name == "command" and call.has("-v", "-V"):
        return []
    if call.name in _RUNNERS:
        if call.name == "coverage" or not rest or rest[0] != _RUNNERS[call.name]:
            return None
        rest.pop(0)
        taking = {"-n", "-p", "--with", "--python", "--extra", "--from"}
    elif call.name in _WRAPPERS:
        taking = set(_WRAPPERS[call.name].split())
        if call.name == "env" and (split := [a for a in rest if a.startswith(("-S", "--split-string"))]):
            return [*shlex.split(re.sub(r"^(-S|--split-string)=?", "", split[0])), *rest[rest.index(split[0]) + 1 :]]
    else:
        return None
    while rest and (rest[0].startswith("-") or (call.name == "env" and re.match(r"[A-Za-z_]\w*=", rest[0]))):
        option = rest.pop(0)
        if option == "--":
            break
        if option in taking and rest:
            rest.pop(0)
    return rest[_SKIPPED.get(call.name, 0) :]


# -- shells, interpreters, downloads ----------------------------------------------------------------------------------


def _shell(call: Call) -> str:
    arguments = list(call.arguments)
    operands = call.plain
    flag = next((i for i, a in enumerate(arguments) if re.fullmatch(r"-[A-Za-z]*c[A-Za-z]*", a)), len(arguments))
    if text := [a for a in arguments[flag + 1 :] if not a.startswith("-")]:  # -o pipefail and its like come before
        if _downloads_within(call.simple.runs) and UNKNOWN in text[0]:
            return DOWNLOAD
        return _inner(call, text[0])
    if _downloads_within(call.simple.runs) or any(o.removeprefix("./") in call.downloaded for o in operands):
        return DOWNLOAD
    if not operands or call.has("-s") or arguments[-1] in ("-", "/dev/stdin"):
        return _fed(call, lambda text: _inner(call, text))
    return ""


def _fed(call: Call, judge: Callable[[str], str]) -> str:
    """Judge the program text that an interpreter reads from its standard input."""
    if reason := judge(call.simple.given):
        return reason
    names = [PurePosixPath(word.text).name for simple in call.before for word in simple.words[:3]]
    if any(name in _DOWNLOADERS for name in names):
        return DOWNLOAD
    if any(name in _DECODERS for name in names):
        return "runs what it decodes"
    for simple in call.before:
        if reason := judge(told(simple)):
            return reason
    return ""


def _eval(call: Call) -> str:
    if _downloads_within(call.simple.runs):
        return DOWNLOAD
    return _inner(call, " ".join(call.arguments))


def _source(call: Call) -> str:
    if _downloads_within(call.simple.runs) or any(a.removeprefix("./") in call.downloaded for a in call.arguments):
        return DOWNLOAD
    return ""


def _trap(call: Call) -> str:
    return _inner(call, call.arguments[0]) if call.arguments else ""


def _ssh(call: Call) -> str:
    return _inner(call, " ".join(call.plain[1:]))


def _python(call: Call) -> str:
    arguments = list(call.arguments)
    while arguments and arguments[0].startswith("-") and arguments[0] not in ("-", "-c", "-m"):
        option = arguments.pop(0)
        if option in ("-W", "-X") and arguments:
            arguments.pop(0)
    if not arguments or arguments[0] == "-":
        return _fed(call, lambda text: _python_text(text, call))
    if arguments[0] == "-c":
        if _downloads_within(call.simple.runs) and UNKNOWN in "".join(arguments[1:2]):
            return DOWNLOAD
        return _python_text("".join(arguments[1:2]), call)
    if arguments[0] == "-m" or PurePosixPath(arguments[0]).name == "manage.py":
        return _of_words(arguments[arguments[0] == "-m" :], call.simple, call.before, call.downloaded, call.depth + 1)
    return DOWNLOAD if arguments[0].removeprefix("./") in call.downloaded else ""


_GETS = re.compile(r"\burlopen\b|\burlretrieve\b|\brequests\.get\b|\bhttpx\.get\b|\bhttp\.client\b")


def _python_text(text: str, call: Call) -> str:
    try:
        tree = syntax_tree(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return ""
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        called = ast.unparse(node.func)
        if called in ("exec", "eval", "os.system", "os.popen") and _GETS.search(text):
            return DOWNLOAD
        if called.endswith(("rmtree", ".unlink", "os.remove", "os.removedirs")):
            return f"{DELETES} ({called})"
        starts = called in ("os.system", "os.popen", "system", "popen")
        starts = starts or called.startswith(("subprocess.", "run", "Popen"))
        if starts and (reason := _inner(call, _shell_text(node))):
            return reason
    return ""


def _shell_text(node: ast.Call) -> str:
    """Return the command line in a call's first argument, a string or a list of them."""
    try:
        value = ast.literal_eval(node.args[0]) if node.args else ""
    except (ValueError, TypeError):
        return ""
    if isinstance(value, list | tuple):
        return shlex.join(str(item) for item in value)
    return value if isinstance(value, str) else ""


def _script(call: Call) -> str:
    """Judge ``perl -e`` and its like: each string within is read as if it were a command."""
    for option, text in pairwise(call.arguments):
        if option in ("-e", "-E", "-ne", "-pe", "--eval", "-r"):
            if re.search(r"\bunlink\b|\brmSync\b|\brm_rf\b|\brmtree\b|\brmdirSync\b", text):
                return said(DELETES, call)
            for quoted in re.findall(r"\"([^\"]*)\"|'([^']*)'|`([^`]*)`", text):
                if reason := _inner(call, "".join(quoted)):
                    return reason
    if not call.plain or call.arguments[-1:] == ("-",):
        return _fed(call, lambda text: "")
    return ""


def _downloads_within(runs: Iterable[str]) -> bool:
    """Whether one of the commands that make a word downloads something."""
    for inside in runs:
        for pipeline in read_command(inside):
            for simple in pipeline:
                if any(PurePosixPath(word.text).name in _DOWNLOADERS for word in simple.words[:3]):
                    return True
                if _downloads_within(simple.runs):
                    return True
    return False


def _saved(simple: Simple) -> set[str]:
    """Return the files into which a command downloads."""
    words = [word.text for word in simple.words]
    if not any(PurePosixPath(word).name in _DOWNLOADERS for word in words[:3]):
        return set()
    names = {after for word, after in pairwise(words) if re.fullmatch(r"-\w*[oO]|--output", word)}
    names |= {r.word.text for r in simple.redirections if r.sign.startswith(">")}
    names |= {PurePosixPath(word).name for word in words[1:] if "://" in word}  # wget's, and curl -O's
    return {name.removeprefix("./") for name in names}


def _find(call: Call) -> str:
    arguments = list(call.arguments)
    if "-delete" in arguments:
        names = [after for a, after in pairwise(arguments) if a in ("-name", "-path", "-iname")]
        if not names or not all(MADE.fullmatch(name) for name in names):
            return said(DELETES, call)
    for i, argument in enumerate(arguments):
        if argument in ("-exec", "-execdir", "-ok", "-okdir"):
            rest = arguments[i + 1 :]
            end = next((n for n, word in enumerate(rest) if word in (";", "+")), len(rest))
            if reason := _of_words(rest[:end], call.simple, call.before, call.downloaded, call.depth + 1):
                return reason
    return ""


def _inner(call: Call, command: str) -> str:
    return _danger(command, call.simple.variables, call.depth + 1)


_RULES: dict[str, Callable[[Call], str]] = {
    **HAZARDS,
    **dict.fromkeys(_SHELLS, _shell),
    "eval": _eval,
    "source": _source,
    ".": _source,
    "trap": _trap,
    "ssh": _ssh,
    "find": _find,
}
