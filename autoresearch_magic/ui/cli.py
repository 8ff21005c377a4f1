"""The command line: ``autoresearch run NOTEBOOK.ipynb | PROGRAM.md``, and the commands that it shares with the magics.

Answers go to the standard output; progress and errors go to the standard error. The exit codes are those of `exit_codes`.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from tqdm import tqdm

from .. import __version__
from ..errors import UserCodeError, UserError
from ..events import Event, Notice
from ..storage.folders import ROOT
from ..study.study import Study
from .commands.table import run_words
from .exit_codes import DONE, FAILED, USAGE
from .outcome import outcome_reply
from .progress_bar import follow, terminal_bar
from .reply import Reply
from .run_notebook import NotebookFailed
from .session import Place, Session
from .wording import for_shell

_COLOR = re.compile(r"\x1b\[[0-9;]*m")


def main(words: Sequence[str] | None = None) -> int:
    """Carry out one command line; returns the exit code."""
    words = list(sys.argv[1:] if words is None else words)
    try:
        code = _carry_out(words)
        sys.stdout.flush()
        return code
    except UserError as error:
        if isinstance(error, UserCodeError) and error.traceback:
            print(_plain(error.traceback), file=sys.stderr)
        message = str(error) if isinstance(error, NotebookFailed) else for_shell(str(error))
        print(f"autoresearch: {message}", file=sys.stderr)
        return FAILED if isinstance(error, UserCodeError) else USAGE
    except KeyboardInterrupt:
        print("\nautoresearch: interrupted", file=sys.stderr)
        return FAILED
    except BrokenPipeError:  # `autoresearch history | head`: the reader has closed the pipe
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return DONE


def _carry_out(words: list[str]) -> int:
    root = Path(ROOT)
    if words[:1] == ["--version"]:
        print(f"autoresearch {__version__}")
        return DONE
    if words and (words[0] == "--root" or words[0].startswith("--root=")):
        option, _, folder = words.pop(0).partition("=")
        folder = folder or (words.pop(0) if words and option == "--root" else "")
        if not folder:
            raise UserError("--root takes a folder: autoresearch --root FOLDER COMMAND")
        root = Path(folder)
    return show(run_words(Session(root, Place.SHELL), words))


def tell_notices(study: Study) -> Callable[[Study], None]:
    """Return a function that prints a study's new notices above the bar, such as what its setup leaves open."""
    lines: list[str] = []

    def keep(event: Event) -> None:
        if isinstance(event, Notice):
            lines.append(event.message)

    def tell(_: Study) -> None:
        while lines:
            tqdm.write(for_shell(lines.pop(0)), file=sys.stderr)

    study.observe(keep)
    return tell


def show(reply: Reply) -> int:
    """Print a reply, wait for what it started, with a bar, and print what follows; returns the exit code."""
    if reply.text:
        print(reply.as_text() if reply.verbatim else for_shell(reply.as_text()))
    if (study := reply.watch) is not None:
        try:
            follow(study, terminal_bar(), also=tell_notices(study), to_end=True)
        except KeyboardInterrupt:
            study.stop()
            print(f"\n{study.name} is stopped. Continue with  autoresearch resume {study.name}", file=sys.stderr)
            return FAILED
        return show(outcome_reply(study))
    if reply.wait is not None:
        study, timeout = reply.wait
        try:
            follow(study, terminal_bar(), timeout)
        except KeyboardInterrupt:
            study.stop()
    if reply.then is not None:
        return show(reply.then())
    if reply.work is not None:
        bar = terminal_bar()
        try:
            answer = reply.work(bar.show)
        finally:
            bar.close()
        return show(answer)
    return reply.exit_code


def _plain(text: str) -> str:
    """Return a text without colours where nobody wants them: not in a terminal, or NO_COLOR is set (no-color.org)."""
    return text if sys.stderr.isatty() and not os.environ.get("NO_COLOR") else _COLOR.sub("", text)


if __name__ == "__main__":
    sys.exit(main())
