"""The command line: ``autoresearch run NOTEBOOK.ipynb | PROGRAM.md``, and the commands that it shares with the magics.

The exit codes are those of `outcome`.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path

from ..errors import UserCodeError, UserError
from ..storage.folders import ROOT
from .commands.table import run_words
from .outcome import DONE, FAILED, USAGE, outcome_reply
from .progress_bar import TerminalBar, follow
from .reply import Reply
from .session import Place, Session


def main(words: Sequence[str] | None = None) -> int:
    """Carry out one command line; returns the exit code."""
    words = list(sys.argv[1:] if words is None else words)
    root = Path(ROOT)
    if words[:1] == ["--root"]:
        root, words = Path(words[1] if len(words) > 1 else ""), words[2:]
    try:
        return show(run_words(Session(root, Place.SHELL), words))
    except UserError as error:
        if isinstance(error, UserCodeError) and error.traceback:
            print(error.traceback, file=sys.stderr)
        print(f"autoresearch: {error}", file=sys.stderr)
        return FAILED if isinstance(error, UserCodeError) else USAGE
    except KeyboardInterrupt:
        print("\nautoresearch: interrupted", file=sys.stderr)
        return FAILED
    except BrokenPipeError:  # `autoresearch history | head`: the reader has closed the pipe
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return DONE


def show(reply: Reply) -> int:
    """Print a reply, wait for what it started, with a bar, and print what follows; returns the exit code."""
    if reply.text:
        print(reply.as_text())
    if (study := reply.watch) is not None:
        try:
            follow(study, TerminalBar())
        except KeyboardInterrupt:
            study.stop()
            print(f"\n{study.name} is stopped. Continue with  autoresearch resume {study.name}")
            return FAILED
        return show(outcome_reply(study))
    if reply.wait is not None:
        study, timeout = reply.wait
        try:
            follow(study, TerminalBar(), timeout)
        except KeyboardInterrupt:
            study.stop()
    if reply.then is not None:
        return show(reply.then())
    if reply.work is not None:
        bar = TerminalBar()
        try:
            answer = reply.work(bar.show)
        finally:
            bar.close()
        return show(answer)
    return reply.exit_code


if __name__ == "__main__":
    sys.exit(main())
