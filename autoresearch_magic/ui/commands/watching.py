"""The subcommand that watches a study outside of notebooks: in the terminal, or on a page of its own."""

from __future__ import annotations

import argparse

from ...errors import UserError
from ..reply import Reply
from ..session import Place, Session
from .control import watched
from .table import STUDY, argument, command


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
    """Follow a study, whoever runs it: with a progress bar to its end, or on a page with the panel (--web)."""
    for option in ("port", "open"):
        if not arguments.web and getattr(arguments, option):
            raise UserError(f"--{option} is for the page: add --web.")
    port = None if arguments.port is None else read_port(arguments.port)
    study = session.study(arguments.study)
    if not arguments.web:
        return watched(study)
    from ..web.serving import serve_page

    serve_page(study, port, browser=arguments.open)
    return Reply("")
