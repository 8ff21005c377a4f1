"""Serve a study's page until Ctrl-C: the address, what to do over ssh, and the end."""

from __future__ import annotations

import getpass
import os
import socket
import sys

from ...errors import UserError
from ...study.study import Study
from ..browser import open_in_browser
from ..launch import launcher
from ..loopback import new_token
from .place import WebPlace, read_place, write_place
from .server import WebServer


def make_server(study: Study, port: int | None = None) -> WebServer:
    """Return a server for a study: at the port and with the token that it had before, where they are free; else at others.

    Parameters
    ----------
    study : Study
    port : int, optional
        0 takes a free one.

    Raises
    ------
    UserError
        When the port that was given cannot be used.
    """
    before = read_place(study.folder)
    token = before.token if before else new_token()
    study.launcher = launcher(study)  # what is started from the page goes on when the page has ended
    if port is None and before is not None:
        try:
            return WebServer(lambda: study, before.port, token)
        except UserError:
            port = 0  # somebody else has it, or a page of this study
            token = new_token()
    server = WebServer(lambda: study, port or 0, token)
    write_place(study.folder, WebPlace(server.port, token))
    return server


def serve_page(study: Study, port: int | None = None, *, browser: bool = False) -> None:
    """Serve a study's page until Ctrl-C; the address is printed first.

    Parameters
    ----------
    study : Study
    port : int, optional
        By default the one that it had before, else a free one.
    browser : bool
        Whether to open it in the browser.
    """
    server = make_server(study, port)
    try:
        print(server.url, flush=True)
        for line in [*_tunnel(server.port), f"Ctrl-C ends this page, and not {study.name}."]:
            print(line, file=sys.stderr)
        if browser and not open_in_browser(server.ticket()):
            print("There is no browser to open here: open the address yourself.", file=sys.stderr)
        server.serve_forever(poll_interval=0.1)
    except KeyboardInterrupt:
        state = "goes on" if study.refresh().status.state.ongoing else f"is {study.state}"
        print(f"\nThe page has ended; {study.name} {state}.", file=sys.stderr)
    finally:
        server.server_close()


def _tunnel(port: int) -> list[str]:
    """Return what to do on the own machine where this one was reached by ssh."""
    if not os.environ.get("SSH_CONNECTION"):
        return []
    here = os.environ["SSH_CONNECTION"].split()
    host = here[2] if len(here) > 2 else socket.gethostname()
    try:
        user = f"{getpass.getuser()}@"
    except (KeyError, OSError):
        user = ""
    return [
        f"On your own machine, open a tunnel, and then the address:  ssh -N -L {port}:127.0.0.1:{port} {user}{host}"
    ]
