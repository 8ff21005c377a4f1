"""The shell that verify and guard commands run in: bash where there is one, else ``sh``.

What people write is bash: under a POSIX shell such as dash, ``for i in {1..5}`` runs once and nothing says so. So bash is looked
for, in the PATH and in its usual places; without it, a command that uses bash's own syntax is refused.

No start-up files are read, and the options are bash's defaults: of a pipe the last command's exit status counts, as when the
command is typed, unless it says ``set -o pipefail`` itself. `Shell.arguments` can have the exit statuses of all commands of the last
pipe written to a file, because a pipe hides that its first command has crashed.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
from dataclasses import dataclass

from .safety.shell_parser import parse_command
from .safety.shell_quoting import mask_quoted, quoted_end

PLACES = ("/bin/bash", "/usr/bin/bash", "/usr/local/bin/bash", "/opt/homebrew/bin/bash")
"""Where bash is looked for besides the PATH."""

_HERE_DOCUMENT = re.compile(r"(?<!<)<<-?\s*(['\"]?)\\?(\w+)\1(?!<)")
_COMMENT = re.compile(r"(?m)(^|\s)#.*$")
_SYNTAX = {
    r"(?<!\$)\{[^\s{}]*(,|\.\.)[^\s{}]*\}": "brace expansion",
    r"(^|[\s;&|(!])\[\[\s": "[[ ]]",
    r"(^|[\s;])\w+\+?=\(": "an array",
    r"[<>]\(": "a process substitution, <( )",
    r"<<<": "a here-string, <<<",
    r"\|&": "|&",
    r"&>": "&>",
    r"(^|[\s;&|])\(\(": "arithmetic in (( ))",
    r"(^|\s)[-+][a-z]*o\s+pipefail\b": "pipefail",
}
"""Patterns of what is bash's alone, in text without quotations, here-documents and comments; each with its name."""
_IN_EXPANSIONS = {
    r"\$\{\w+\[": "an array",
    r"\$\{!?\w+(//?|\^|,|:\d|:\s-)": "a substring or replacement in ${ }",
}
_BUILT_IN = {
    "source",
    "shopt",
    "declare",
    "typeset",
    "mapfile",
    "readarray",
    "let",
    "pushd",
    "popd",
    "function",
    "select",
}


@dataclass(frozen=True)
class Shell:
    """A shell.

    Attributes
    ----------
    path : str
    bash : bool
        Whether it is bash, and not one that knows POSIX's syntax only.
    """

    path: str
    bash: bool

    def arguments(self, command: str, statuses: str = "") -> list[str]:
        """Return the program and its arguments that run a command.

        Parameters
        ----------
        command : str
        statuses : str, optional
            Path of a file for the exit statuses, which `exit_status.read_statuses` reads. Only bash writes it, and only when the command
            sets no EXIT trap of its own and is not killed.
        """
        if not self.bash:
            return [self.path, "-c", command]
        if statuses:
            to = f">>{shlex.quote(statuses)}"
            ended = f'printf "pipe %s\\n" "${{PIPESTATUS[*]}}" {to}'
            failed = f'printf "failed %s %q\\n" "$?" "$BASH_COMMAND" {to}'
            command = f"trap {shlex.quote(ended)} EXIT; trap {shlex.quote(failed)} ERR; {command}"
        return [self.path, "--norc", "--noprofile", "-c", command]


def find_shell(path: str | None) -> Shell:
    """Return bash, from a PATH or its usual places; where there is none, ``/bin/sh``."""
    candidates = (shutil.which("bash", path=path) if path else None, *PLACES)
    found = next((each for each in candidates if each and os.access(each, os.X_OK)), "")
    return Shell(found, True) if found else Shell("/bin/sh", False)


def bash_syntax(command: str) -> str:
    """Return what a command uses that only bash understands, in a few words; empty when there is nothing."""
    text = _without_here_documents(command)
    masked = _COMMENT.sub("", mask_quoted(text))
    for pattern, what in _SYNTAX.items():
        if found := re.search(pattern, masked):
            return f"{what}, {found[0].strip()}" if what == "brace expansion" else what
    open_text = _without_single_quotes(text)
    for pattern, what in _IN_EXPANSIONS.items():
        if re.search(pattern, open_text):
            return what
    if any(masked[i] == "$" and text[i + 1 : i + 2] == "'" for i in range(min(len(masked), len(text)))):
        return "$'...'"
    for pipeline in parse_command(text):
        for each in pipeline:
            if each.words and each.words[0].text in _BUILT_IN:
                return each.words[0].text
    return ""


def _without_here_documents(text: str) -> str:
    kept: list[str] = []
    ends: list[str] = []
    for line in text.split("\n"):
        if ends:
            if line.strip() == ends[0]:
                ends.pop(0)
            continue
        kept.append(line)
        ends = [found[2] for found in _HERE_DOCUMENT.finditer(line)]
    return "\n".join(kept)


def _without_single_quotes(text: str) -> str:
    parts: list[str] = []
    i, double = 0, False
    while i < len(text):
        if text[i] == '"':
            double = not double
        end = quoted_end(text, i) if text[i] == "\\" or (text[i] == "'" and not double) else i + 1
        parts.append(text[i] if end == i + 1 else " ")
        i = end
    return "".join(parts)
