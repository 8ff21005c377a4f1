"""A command-line program as a model: the prompt goes to its standard input, the answer is its standard output.

The program runs in an empty folder of its own, never in the user's, so that nothing it writes can touch the user's files by accident.
Unlike an experiment it has the user's own environment: programs such as ``claude -p`` or ``codex exec -`` need their keys, settings
and login, and the user decides what they may do besides answering. Not here: parsing the reply; programs whose proposal is what they
have edited (``agents.editing``).
"""

from __future__ import annotations

import os
import shlex
import shutil
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from ...errors import Stopped, UserError
from ...storage.scratch import scratch_folder
from ..environment import whole_environment
from ..processes import OUTPUT_LIMIT, Ending, code_words, last_line, run_program
from .backend import Backend, BackendFailed, BackendRefused, Completion, Prompt, Usage, Wait, as_text, without_secrets
from .calls import backoff
from .limit_texts import explain_ending

LONGEST = 300.0
"""Seconds of the longest wait for a limit where the program does not say when it is lifted."""


class CommandBackend(Backend):
    """A command-line program as a model.

    Parameters
    ----------
    line : str
        The command line, split as a shell would split it. No shell runs it, so it has no pipes and no variables. Words that name
        files in the current folder are made absolute, as the program runs in another one.
    """

    def __init__(self, line: str) -> None:
        self.line, self._folder = line.strip(), Path.cwd()

    @property
    def name(self) -> str:
        """``command:`` and the command line, shortened and without keys."""
        return f"command:{without_secrets(' '.join(self.line.split()))[:60]}"

    def check(self) -> None:
        """Check that the program exists; it is not run, as that could cost something."""
        self._arguments()

    def complete(self, prompt: Prompt, *, deadline: float, wait: Wait) -> Completion:
        """Run the program, again after each limit that it reports; see `Backend.complete`."""
        used, limits = Usage(), 0
        try:
            while True:
                ending = self._run(prompt, deadline, wait)
                used += Usage(seconds=ending.seconds, cost=None)
                if ending.cut:
                    raise BackendFailed(_cut_words(ending, deadline), used)
                problem = explain_ending(
                    ending.program,
                    ending.code,
                    ending.output,
                    ending.errors,
                    as_text(prompt),
                    datetime.now().astimezone(),
                )
                if problem is None:
                    return _completion(ending, used)
                if problem.kind == "refused":
                    raise BackendRefused(problem.line)
                limits += 1
                pause = backoff(limits, LONGEST) if problem.seconds is None else problem.seconds
                wait(pause, problem.line)
        except (UserError, Stopped) as error:
            error.usage = used + (error.usage or Usage())
            raise

    def _run(self, prompt: Prompt, deadline: float, wait: Wait) -> Ending:
        """Run the program once, to its end, in an empty folder."""
        arguments = self._arguments()
        with scratch_folder("agent") as scratch:
            folder = scratch / "empty"
            folder.mkdir()
            return run_program(
                arguments, text=as_text(prompt), folder=folder, env=whole_environment(), deadline=deadline, wait=wait
            )

    def _arguments(self) -> list[str]:
        """Split the line and find its program; raise `BackendRefused`."""
        try:
            # Path's own expanduser would remove the "./" that marks a program in the current folder.
            arguments = [os.path.expanduser(word) for word in shlex.split(self.line)]  # noqa: PTH111
        except ValueError as error:
            raise BackendRefused(f"The command line cannot be read ({error}): {self.name}") from None
        if not arguments:
            raise BackendRefused("No command was given: use --agent 'command:COMMAND LINE', as in 'command:claude -p'.")
        program = arguments[0]
        found = shutil.which(self._folder / program if "/" in program else program)
        if found is None:
            if (self._folder / program).is_file():
                raise BackendRefused(f"{program} is not executable: run chmod +x {shlex.quote(program)}")
            raise BackendRefused(f"There is no command {program!r}: install it, or give its full path.")
        return [str(self._folder / found), *map(self._absolute, arguments[1:])]

    def _absolute(self, word: str) -> str:
        """Return a word of the command line with the full path of the file that it names, if it does."""
        if not word.startswith("-"):
            return str(self._folder / word) if (self._folder / word).is_file() else word
        option, equals, path = word.partition("=")
        return f"{option}={self._folder / path}" if equals and (self._folder / path).is_file() else word


def _completion(ending: Ending, used: Usage) -> Completion:
    """Return a program's answer; raise `BackendFailed` where there is none."""
    if ending.code:
        message = last_line(ending.errors) or last_line(ending.output)
        raise BackendFailed(
            f"{ending.program} ended with {code_words(ending.code)}{': ' + message if message else ''}", used
        )
    used = replace(used, calls=1)
    if not ending.output.strip():
        message = last_line(ending.errors)
        raise BackendFailed(f"{ending.program} gave an empty answer{': ' + message if message else '.'}", used)
    return Completion(ending.output, used)


def _cut_words(ending: Ending, deadline: float) -> str:
    if ending.cut == "deadline":
        return f"{ending.program} gave no answer within {deadline:.4g} s and was ended."
    return f"{ending.program} wrote more than {OUTPUT_LIMIT // 2**20} MiB and was ended."
