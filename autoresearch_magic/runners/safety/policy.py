"""Refuses verify and guard commands that would do damage when run unattended, dozens of times.

This catches accidents; it is not a sandbox. It reads the command line and knows the usual hazards: a pasted line that
deletes, pushes, deploys or reaches the production database. It does not look into scripts, Makefiles or programs that the
command calls, and anyone who wants to get around it can. A command that must not be able to do harm belongs in a
container, under an account without the rights to.

Text that is only an argument, such as a pattern of ``grep``, is not refused; nor are harmless uses of a dangerous program,
such as ``rm`` of a build folder, as far as they can be told apart.

Pure functions without I/O. `shell_parser` reads the command, `hazards` judges single programs.
"""

from __future__ import annotations

import ast
import re
import shlex
from collections.abc import Callable, Iterable, Mapping
from itertools import pairwise
from pathlib import PurePosixPath

from ...syntax import syntax_tree
from .hazards import (
    DELETES,
    DISPOSABLE,
    DOWNLOAD,
    HAZARDS,
    TEXT_ARGUMENTS,
    Call,
    assignment_hazard,
    first_reason,
    piped_text,
    production,
    redirection_hazard,
    refuse,
)
from .shell_parser import UNKNOWN, SimpleCommand, parse_command
from .shell_quoting import mask_quoted

DEPTH = 8
"""Levels of commands within commands that are read; deeper ones are refused, because nobody writes them by hand."""
_TOO_DEEP = "is nested too deeply to be read"

_SHELLS = {"sh", "bash", "zsh", "dash", "ksh", "fish", "ash"}
_PYTHON = re.compile(r"python(\d(\.\d+)?)?|pypy3?")
_INTERPRETERS = {"perl", "ruby", "node", "php", "deno", "bun"}
_DOWNLOADERS = {"curl", "wget", "aria2c", "http", "https", "nc", "ncat", "fetch"}
_DECODERS = {"base64", "base32", "xxd", "openssl", "uudecode", "rev"}
_FORK_BOMB = re.compile(r"([\w:.]+)\s*\(\)\s*\{[^}]*\1\s*\|\s*\1\s*&")


def danger(command: str) -> str:
    """Return why a command is not run, in a few words.

    Parameters
    ----------
    command : str
        As for ``sh -c``.

    Returns
    -------
    str
        The reason, such as ``"deletes files (rm -rf src)"``; empty when nothing was found.
    """
    return _judge_text(command, {}, 0)


def _judge_text(text: str, variables: Mapping[str, str], depth: int) -> str:
    if depth > DEPTH:
        return _TOO_DEEP
    if _FORK_BOMB.search(mask_quoted(text)):
        return "is a fork bomb"
    downloaded: set[str] = set()
    for pipeline in parse_command(text, variables):
        for position, command in enumerate(pipeline):
            if reason := _judge_command(command, tuple(pipeline[:position]), frozenset(downloaded), depth):
                return reason
            downloaded.update(_saved(command))
    return ""


def _judge_command(
    command: SimpleCommand, before: tuple[SimpleCommand, ...], downloaded: frozenset[str], depth: int
) -> str:
    reason = (
        first_reason(_judge_text(text, command.variables, depth + 1) for text in command.substitutions)
        or first_reason(redirection_hazard(redirection, command) for redirection in command.redirections)
        or assignment_hazard(command.assignments)
    )
    if reason or not command.words:
        return reason
    if _downloads(command.words[0].substitutions):
        return DOWNLOAD
    return _judge_call(Call(tuple(word.text for word in command.words), command, before, downloaded, depth))


def _judge_call(call: Call) -> str:
    """Judge a program and its arguments; for one that only starts another program, judge that one."""
    if call.depth > DEPTH:
        return _TOO_DEEP
    if not call.words:
        return ""
    if _is_downloaded(call, call.words[0]):
        return DOWNLOAD
    inner = _started(call)
    if inner is not None:
        assignments = dict(word.split("=", 1) for word in call.words if re.match(r"[A-Za-z_]\w*=", word))
        return assignment_hazard(assignments) or _judge_call(call.inner(inner))
    name = call.name
    if name.startswith("mkfs"):
        return refuse("formats a disk", call)
    rule = _RULES.get(name) or (_python if _PYTHON.fullmatch(name) else _script if name in _INTERPRETERS else None)
    if rule is not None and (reason := rule(call)):
        return reason
    if name not in TEXT_ARGUMENTS and any(production(argument) for argument in call.arguments):
        return "reaches a production database"
    return ""


def _judge_inner_text(call: Call, text: str) -> str:
    return _judge_text(text, call.command.variables, call.depth + 1)


def _is_downloaded(call: Call, path: str) -> bool:
    return path.removeprefix("./") in call.downloaded


# -- programs that start another one ----------------------------------------------------------------------------------

_WRAPPERS: dict[str, str] = {  # with those of their options that take a value
    "command": "", "builtin": "", "exec": "-a", "nohup": "", "setsid": "", "nice": "-n", "ionice": "-c -n",
    "env": "-u -C --unset --chdir", "time": "-f -o", "timeout": "-s -k --signal --kill-after", "stdbuf": "-i -o -e",
    "xargs": "-I -n -P -L -d -a -E -s --max-args --max-procs --delimiter --arg-file", "watch": "-n", "busybox": "",
    "npx": "-p --package", "uvx": "--from --with", "bunx": "", "caffeinate": "-t", "parallel": "-j", "unbuffer": "",
    "chronic": "", "strace": "-o -e", "ltrace": "-o -e", "taskset": "", "flock": "",
}  # fmt: skip
_RUNNERS = {"uv": "run", "poetry": "run", "pipenv": "run", "pdm": "run", "hatch": "run", "conda": "run", "pipx": "run",
            "pnpm": "exec", "coverage": "run", "npm": "exec"}  # fmt: skip
_WITH_OWN_OPERAND = {"timeout", "taskset", "flock"}
"""Wrappers whose first operand is not the command: a duration, a mask, a file."""


def _started(call: Call) -> list[str] | None:
    """Return the command that a wrapper starts; None for a program that is not a wrapper."""
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
    return rest[call.name in _WITH_OWN_OPERAND :]


def innermost(command: SimpleCommand) -> tuple[str, ...]:
    """Return program, without its folder, and arguments of a command, below wrappers such as ``timeout``, ``npx`` and ``python -m``."""
    words = [word.text for word in command.words]
    for _ in range(DEPTH):
        if not words:
            break
        call = Call(tuple(words), command, (), frozenset(), 0)
        if (inner := _started(call)) is not None:
            words = inner
        elif _PYTHON.fullmatch(call.name) and call.arguments[:1] == ("-m",):
            words = list(call.arguments[1:])
        else:
            return (call.name, *call.arguments)
    return ()


# -- shells, interpreters, downloads ----------------------------------------------------------------------------------


def _shell(call: Call) -> str:
    arguments, operands = call.arguments, call.operands
    flag = next((i for i, a in enumerate(arguments) if re.fullmatch(r"-[A-Za-z]*c[A-Za-z]*", a)), len(arguments))
    downloads = _downloads(call.command.substitutions)
    if text := [a for a in arguments[flag + 1 :] if not a.startswith("-")]:  # options such as -o pipefail come first
        return DOWNLOAD if downloads and UNKNOWN in text[0] else _judge_inner_text(call, text[0])
    if downloads or any(_is_downloaded(call, operand) for operand in operands):
        return DOWNLOAD
    if not operands or call.has("-s") or arguments[-1] in ("-", "/dev/stdin"):
        return _judge_stdin(call, lambda text: _judge_inner_text(call, text))
    return ""


def _judge_stdin(call: Call, judge: Callable[[str], str]) -> str:
    """Judge the code that an interpreter reads from its standard input."""
    if reason := judge(call.command.stdin_text):
        return reason
    programs = {PurePosixPath(word.text).name for command in call.before for word in command.words[:3]}
    if programs & _DOWNLOADERS:
        return DOWNLOAD
    if programs & _DECODERS:
        return "runs what it decodes"
    return first_reason(judge(piped_text(command)) for command in call.before)


def _eval(call: Call) -> str:
    return DOWNLOAD if _downloads(call.command.substitutions) else _judge_inner_text(call, " ".join(call.arguments))


def _source(call: Call) -> str:
    downloaded = any(_is_downloaded(call, argument) for argument in call.arguments)
    return DOWNLOAD if downloaded or _downloads(call.command.substitutions) else ""


def _trap(call: Call) -> str:
    return _judge_inner_text(call, call.arguments[0]) if call.arguments else ""


def _ssh(call: Call) -> str:
    return _judge_inner_text(call, " ".join(call.operands[1:]))


def _python(call: Call) -> str:
    arguments = list(call.arguments)
    while arguments and arguments[0].startswith("-") and arguments[0] not in ("-", "-c", "-m"):
        option = arguments.pop(0)
        if option in ("-W", "-X") and arguments:
            arguments.pop(0)
    if not arguments or arguments[0] == "-":
        return _judge_stdin(call, lambda code: _judge_python(code, call))
    if arguments[0] == "-c":
        code = "".join(arguments[1:2])
        downloads = UNKNOWN in code and _downloads(call.command.substitutions)
        return DOWNLOAD if downloads else _judge_python(code, call)
    if arguments[0] == "-m" or PurePosixPath(arguments[0]).name == "manage.py":
        return _judge_call(call.inner(arguments[arguments[0] == "-m" :]))
    return DOWNLOAD if _is_downloaded(call, arguments[0]) else ""


_PYTHON_DOWNLOAD = re.compile(r"\burlopen\b|\burlretrieve\b|\brequests\.get\b|\bhttpx\.get\b|\bhttp\.client\b")


def _judge_python(code: str, call: Call) -> str:
    try:
        tree = syntax_tree(code)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return ""
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        function = ast.unparse(node.func)
        if function in ("exec", "eval", "os.system", "os.popen") and _PYTHON_DOWNLOAD.search(code):
            return DOWNLOAD
        if function.endswith(("rmtree", ".unlink", "os.remove", "os.removedirs")):
            return f"{DELETES} ({function})"
        starts = function in ("os.system", "os.popen", "system", "popen")
        starts = starts or function.startswith(("subprocess.", "run", "Popen"))
        if starts and (reason := _judge_inner_text(call, _command_line(node))):
            return reason
    return ""


def _command_line(node: ast.Call) -> str:
    """Return the command line in a call's first argument, a string or a list of strings."""
    try:
        value = ast.literal_eval(node.args[0]) if node.args else ""
    except (ValueError, TypeError):
        return ""
    if isinstance(value, list | tuple):
        return shlex.join(str(item) for item in value)
    return value if isinstance(value, str) else ""


def _script(call: Call) -> str:
    """Judge ``perl -e`` and similar: every string in the code is judged as a command."""
    for option, code in pairwise(call.arguments):
        if option in ("-e", "-E", "-ne", "-pe", "--eval", "-r"):
            if re.search(r"\bunlink\b|\brmSync\b|\brm_rf\b|\brmtree\b|\brmdirSync\b", code):
                return refuse(DELETES, call)
            strings = re.findall(r"\"([^\"]*)\"|'([^']*)'|`([^`]*)`", code)
            if reason := first_reason(_judge_inner_text(call, "".join(string)) for string in strings):
                return reason
    if not call.operands or call.arguments[-1] == "-":
        return _judge_stdin(call, lambda code: "")
    return ""


def _runs_downloader(command: SimpleCommand) -> bool:
    return any(PurePosixPath(word.text).name in _DOWNLOADERS for word in command.words[:3])


def _downloads(substitutions: Iterable[str]) -> bool:
    """Whether one of the commands whose output becomes part of a word downloads something."""
    return any(
        _runs_downloader(command) or _downloads(command.substitutions)
        for text in substitutions
        for pipeline in parse_command(text)
        for command in pipeline
    )


def _saved(command: SimpleCommand) -> set[str]:
    """Return the files that a command downloads."""
    if not _runs_downloader(command):
        return set()
    words = [word.text for word in command.words]
    names = {after for word, after in pairwise(words) if re.fullmatch(r"-\w*[oO]|--output", word)}
    names |= {r.word.text for r in command.redirections if r.operator.startswith(">")}
    names |= {PurePosixPath(word).name for word in words[1:] if "://" in word}  # of wget, and of curl -O
    return {name.removeprefix("./") for name in names}


def _find(call: Call) -> str:
    arguments = call.arguments
    if "-delete" in arguments:
        names = [after for a, after in pairwise(arguments) if a in ("-name", "-path", "-iname")]
        if not names or not all(DISPOSABLE.fullmatch(name) for name in names):
            return refuse(DELETES, call)
    for i, argument in enumerate(arguments):
        if argument in ("-exec", "-execdir", "-ok", "-okdir"):
            rest = arguments[i + 1 :]
            end = next((n for n, word in enumerate(rest) if word in (";", "+")), len(rest))
            if reason := _judge_call(call.inner(rest[:end])):
                return reason
    return ""


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
