"""A command-line program as a model: the prompt goes to its standard input, the answer is its standard output.

The program runs in an empty folder of its own, never in the user's, so that it does not take the user's files for its own. Unlike an
experiment it has the user's own environment: programs such as ``claude -p`` or ``codex exec -`` need their keys, settings and login,
and the user decides what they may do besides answering. Not here: parsing the reply; programs whose proposal is what they have edited
(``agents.editing``).
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from ...errors import Stopped, UserError
from ...keys.redact import cleaned
from ...storage.scratch import scratch_folder
from ..checkout_guard import CheckoutGuard
from ..command_keys import told as key_told
from ..environment import whole_environment
from ..processes import OUTPUT_LIMIT, Ending, code_words, last_line, run_program
from .backend import Backend, BackendFailed, BackendRefused, Completion, Prompt, Usage, Wait, as_text
from .calls import backoff
from .limit_texts import explain_ending

LONGEST = 300.0
"""Seconds of the longest wait for a limit where the program does not say when it is lifted."""

_NAMED = 3
"""Files that a message names."""

_PYTHON = re.compile(r"(?:python|pypy)[\d.]*")
_OF_PROJECTS = {
    "uv",
    "poetry",
    "pdm",
    "hatch",
    "pixi",
    "npm",
    "npx",
    "pnpm",
    "yarn",
    "bun",
    "deno",
    "make",
    "just",
    "cargo",
    "go",
}
"""Programs that read the project in the folder in which they are started."""
_NOT_FOUND = re.compile(
    r"no such file|can't open|cannot (?:open|find|read)|not found|no module named|does not exist", re.I
)


class CommandBackend(Backend):
    """A command-line program as a model.

    Parameters
    ----------
    line : str
        The command line, split as a shell would split it. No shell runs it, so it has no pipes and no variables. Words that name
        files in the current folder are made absolute, as the program runs in another one.
    guard : CheckoutGuard, optional
        Watches the user's checkout while the program runs.
    """

    def __init__(self, line: str, guard: CheckoutGuard | None = None) -> None:
        self.line, self.guard, self._folder = line.strip(), guard, Path.cwd()

    @property
    def name(self) -> str:
        """``command:`` and the command line, shortened and without keys."""
        return f"command:{cleaned(' '.join(self.line.split()))[:60]}"

    @property
    def warning(self) -> str:
        """What was not clear about the command line's words, in one line."""
        words = self._words()[1:]
        files = [word for word in words if self._absolute(word) != word and not re.search(r"[./]", word)]
        folders = [word for word in words if self._absolute(word) == word and _is(Path.is_dir, self._folder / word)]
        folders = [word for word in folders if not Path(word).is_absolute()]
        told = [f"{word} is taken for the file {self._folder / word}" for word in files]
        told += [f"{word} is not taken for the folder {self._folder / word} (./{word} would be)" for word in folders]
        files_told = f"{self.name} runs in an empty folder: {', '.join(told)}." if told else ""
        return " ".join(filter(None, [files_told, key_told(self._words())]))

    def check(self) -> None:
        """Check that the program exists; it is not run, as that could cost something."""
        self._arguments()

    def complete(self, prompt: Prompt, *, deadline: float, wait: Wait) -> Completion:
        """Run the program, again after each limit that it reports; see `Backend.complete`."""
        used, limits, text = Usage(), 0, as_text(prompt)
        try:
            while True:
                with scratch_folder("agent") as scratch:
                    folder = _empty_folder(scratch)
                    with nullcontext(()) if self.guard is None else self.guard.around(wait) as afterwards:
                        ending = run_program(
                            self._arguments(),
                            text=text,
                            folder=folder,
                            env=self._environment(),
                            deadline=deadline,
                            wait=wait,
                            afterwards=afterwards,
                        )
                        used += Usage(seconds=ending.seconds, cost=None)
                    written = _files_in(folder)
                hint = self._written_hint(written)
                if ending.cut:
                    raise BackendFailed(_sentences(_cut_words(ending, deadline), hint), used)
                now = datetime.now().astimezone()
                problem = explain_ending(ending.program, ending.code, ending.output, ending.errors, text, now)
                if problem is None:
                    return _completion(ending, used, hint or self._place_hint(ending))
                if problem.kind == "refused":
                    raise BackendRefused(_sentences(problem.line, self._place_hint(ending)))
                limits += 1
                pause = backoff(limits, LONGEST) if problem.seconds is None else problem.seconds
                wait(pause, problem.line)
        except (UserError, Stopped) as error:
            error.usage = used + (error.usage or Usage())
            raise

    # -- the command line -----------------------------------------------------------------------------------------------

    def _words(self) -> list[str]:
        """Split the line; raise `BackendRefused`."""
        try:
            # Path's own expanduser would remove the "./" that marks a program in the current folder.
            return [os.path.expanduser(word) for word in shlex.split(self.line)]  # noqa: PTH111
        except ValueError as error:
            raise BackendRefused(f"The command line cannot be read ({error}): {self.name}") from None

    def _arguments(self) -> list[str]:
        """Return the program's full path and its arguments; raise `BackendRefused` where there is no such program."""
        words = self._words()
        if not words:
            raise BackendRefused("No command was given: use --agent 'command:COMMAND LINE', as in 'command:claude -p'.")
        program = words[0]
        found = shutil.which(self._folder / program if "/" in program else program)
        if found is None:
            if (self._folder / program).is_file():
                raise BackendRefused(f"{program} is not executable: run chmod +x {shlex.quote(program)}")
            raise BackendRefused(f"There is no command {program!r}: install it, or give its full path.")
        # `which` returns a relative path where PATH has one.
        return [os.path.abspath(self._folder / found), *map(self._absolute, words[1:])]

    def _absolute(self, word: str) -> str:
        """Return a word of the command line with the full path of what it names in the user's folder, if it does.

        A folder is only taken for one where the word looks like a path: ``src`` may be anything.
        """
        option, equals, path = word.partition("=") if word.startswith("-") else ("", "", word)
        if not path or (option and not equals):
            return word
        place = self._folder / path
        is_path = "/" in path or path in (".", "..")
        if not (_is(Path.is_file, place) or (is_path and _is(Path.exists, place))):
            return word
        return f"{option}{equals}{os.path.abspath(place)}"  # `resolve` would follow links

    def _environment(self) -> dict[str, str]:
        """Return the user's environment, in which ``python -m`` finds the modules of the user's folder."""
        env, words = whole_environment(), self._words()
        for before, option, module in zip(words, words[1:], words[2:], strict=False):
            place = self._folder / module.partition(".")[0]
            if (
                option == "-m"
                and _PYTHON.fullmatch(Path(before).name)
                and (_is(Path.is_dir, place) or _is(Path.is_file, place.with_name(f"{place.name}.py")))
            ):
                env["PYTHONPATH"] = os.pathsep.join([str(self._folder), *filter(None, [env.get("PYTHONPATH")])])
        return env

    # -- what to tell where there is no answer ----------------------------------------------------------------------------

    def _written_hint(self, written: Sequence[str]) -> str:
        """Return what to do about a program that has written files where code was expected; empty for one that has not."""
        if not written:
            return ""
        named = ", ".join(written[:_NAMED]) + (f" and {len(written) - _NAMED} more" if len(written) > _NAMED else "")
        line = cleaned(self.line)
        return f"It wrote {named} in its empty folder: a program that edits files is started by  --agent {shlex.quote(f'editor:{line}')}"

    def _place_hint(self, ending: Ending) -> str:
        """Return what to do about a program that has failed because it does not run in the user's folder, as far as one can tell."""
        if not ending.code:
            return ""
        words = self._words()
        inside = [piece.strip("'\";&|()") for word in words for piece in word.split() if len(word.split()) > 1]
        lost = [
            piece for piece in inside if piece and not piece.startswith("/") and _is(Path.is_file, self._folder / piece)
        ]
        if lost:
            return f"It runs in an empty folder: write {self._folder / lost[0]} instead of {lost[0]}."
        if Path(words[0]).name in _OF_PROJECTS or (
            ending.code in (1, 2, 127) and _NOT_FOUND.search(ending.errors + ending.output)
        ):
            line = f"cd {shlex.quote(str(self._folder))} && {cleaned(self.line)}"
            return f"It runs in an empty folder; if it needs yours:  --agent {shlex.quote(f'command:sh -c {shlex.quote(line)}')}"
        return ""


def _empty_folder(scratch: Path) -> Path:
    """Make the folder in which the program runs.

    Codex refuses to work outside of a repository, so there is the beginning of one above the folder, which git itself does not look at.
    """
    (scratch / ".git").mkdir()
    (scratch / ".git" / "HEAD").write_text("ref: refs/heads/main\n")
    folder = scratch / "empty"
    folder.mkdir()
    return folder


def _is(kind: Callable[[Path], bool], place: Path) -> bool:
    """Ask a question about a path that may be any text, such as a long prompt on the command line."""
    try:
        return kind(place)
    except (OSError, ValueError):
        return False


def _completion(ending: Ending, used: Usage, hint: str) -> Completion:
    """Return a program's answer; raise `BackendFailed` where there is none."""
    if ending.code:
        message = last_line(ending.errors) or last_line(ending.output)
        what = f"{ending.program} ended with {code_words(ending.code)}{': ' + message if message else ''}"
        raise BackendFailed(_sentences(what, hint), used)
    used = replace(used, calls=1)
    if not ending.output.strip() and not hint:
        message = last_line(ending.errors)
        raise BackendFailed(f"{ending.program} gave an empty answer{': ' + message if message else '.'}", used)
    return Completion(ending.output, used, hint=hint)


def _sentences(first: str, second: str) -> str:
    return f"{first.rstrip('.')}. {second}" if second else first


def _files_in(folder: Path) -> list[str]:
    """Return the files below a folder, without those that programs leave everywhere for themselves."""
    found: list[str] = []
    for place, folders, files in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith(".") and name != "__pycache__")
        found += [str(Path(place, name).relative_to(folder)) for name in sorted(files) if not name.startswith(".")]
        if len(found) > 100 * _NAMED:
            break
    return [name if name.isprintable() else repr(name) for name in found]


def _cut_words(ending: Ending, deadline: float) -> str:
    if ending.cut == "deadline":
        return f"{ending.program} gave no answer within {deadline:.4g} s and was ended."
    return f"{ending.program} wrote more than {OUTPUT_LIMIT // 2**20} MiB and was ended."
