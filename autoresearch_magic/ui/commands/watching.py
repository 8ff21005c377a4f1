"""The subcommand that watches a study outside of notebooks: in the terminal, or on a page of its own."""

from __future__ import annotations

import argparse
import os
import sys
import time
from importlib.util import find_spec

from ...errors import UserError
from ...study.opening import JustBeginning
from ...study.study import Study
from ...study.summary import status_text
from ..reply import Reply, prose_reply
from ..session import Place, Session
from .control import watched
from .table import STUDY, argument, command

TEXTUAL = "textual>=8.2"

BEGINNING = 10.0
"""Seconds to wait for a study that is only just beginning."""


def read_port(text: str) -> int:
    """Return a port.

    Raises
    ------
    UserError
        When it is none.
    """
    if not text.isdecimal() or int(text) > 65535:
        raise UserError(f"--port takes a number up to 65535, as in  --port 8765, not {text!r}.")
    return int(text)


@command(
    "watch", STUDY,
    argument("--web", action="store_true", help="show the panel on a page of its own, on this machine alone, until Ctrl-C"),
    argument("--port", metavar="N", help="the port of the page (default: the one that it had before, else a free one)"),
    argument("--open", action="store_true", help="open the page in the browser"),
    of_study=True, places=[Place.SHELL],
)  # fmt: skip
def watch(session: Session, arguments: argparse.Namespace) -> Reply:
    """Watch a study live, whoever runs it: full-screen in a terminal, else line by line to its end, or on a page (--web)."""
    for option in ("port", "open"):
        if not arguments.web and getattr(arguments, option):
            raise UserError(f"--{option} is for the page: add --web.")
    port = None if arguments.port is None else read_port(arguments.port)
    study = _opened(session, arguments.study)
    if arguments.web:
        from ..web.serving import serve_page

        serve_page(study, port, browser=arguments.open)
        return Reply("")
    if not _in_terminal():
        return watched(study)
    if find_spec("textual") is None:
        print(f"A full-screen view with charts needs Textual: pip install '{TEXTUAL}'", file=sys.stderr)
        return watched(study)
    from ..terminal.app import watch_in_terminal

    watch_in_terminal(study)
    return prose_reply(status_text(study.refresh().status))


def _opened(session: Session, name: str | None) -> Study:
    """Return the study; one that another process begins at this moment is waited for."""
    end = time.monotonic() + BEGINNING
    while True:
        try:
            return session.study(name)
        except JustBeginning:
            if time.monotonic() > end:
                raise
            time.sleep(0.2)


def _in_terminal() -> bool:
    """Whether a full-screen view can be shown, and keys reach it."""
    return sys.stdin.isatty() and sys.stdout.isatty() and os.environ.get("TERM", "") not in ("", "dumb")
