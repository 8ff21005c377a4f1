"""The server over streamable HTTP, for clients on this machine: loopback addresses alone, a token, and the headers that a browser cannot forge."""

from __future__ import annotations

import ipaddress
import re
import signal

import uvicorn
from mcp.server.transport_security import TransportSecuritySettings

from ...errors import UserError
from ..loopback import HOST, listen
from .server import Server
from .serving import Serving
from .token import VARIABLE, take_token

PATH = "/mcp"

GRACE = 2
"""Seconds that open calls have to end when the server is asked to."""


def read_address(text: str) -> tuple[str, int]:
    """Return the address and port of ``[ADDRESS:]PORT``.

    Raises
    ------
    UserError
        When it is none, or not a loopback address.
    """
    found = re.fullmatch(r"(?:(?P<host>\[[^\]]*\]|[^:\s]+):)?(?P<port>\d{1,5})", text.strip())
    if found is None or int(found["port"]) > 65535:
        raise UserError(
            f"--http takes a port, as in  --http 8765, or an address with one, as in  --http {HOST}:8765, not {text!r}."
        )
    host = (found["host"] or HOST).strip("[]")
    host = HOST if host.lower() == "localhost" else host
    try:
        loopback = ipaddress.ip_address(host).is_loopback
    except ValueError:
        loopback = False
    if not loopback:
        raise UserError(
            f"--http serves this machine alone, not {host}: use {HOST}, and reach it from another machine by an SSH tunnel."
        )
    return host, int(found["port"])


def serve_http(serving: Serving, host: str, port: int) -> None:
    """Serve until this process is asked to end; the address and the token are printed first."""
    token, chosen = take_token()
    listening = listen(host, port)
    shown = f"[{host}]" if ":" in host else host
    port = listening.getsockname()[1]
    app = Server(serving, token).streamable_http_app(
        streamable_http_path=PATH, host=host,
        # Against DNS rebinding: a page of another origin, or under another name, is refused even where it has the token.
        transport_security=TransportSecuritySettings(
            enable_dns_rebinding_protection=True,
            allowed_hosts=[f"{shown}:{port}", f"localhost:{port}"],
            allowed_origins=[f"http://{shown}:{port}", f"http://localhost:{port}"],
        ),
    )  # fmt: skip
    print(f"http://{shown}:{port}{PATH}")
    print(f"Authorization: Bearer {f'(from {VARIABLE})' if chosen else token}", flush=True)
    for each in (signal.SIGTERM, signal.SIGINT):
        # uvicorn ends by these signals, and raises them again: by default, that would end this process before its studies are stopped.
        signal.signal(each, lambda number, frame: None)
    config = uvicorn.Config(app, log_level="warning", access_log=False, timeout_graceful_shutdown=GRACE)
    uvicorn.Server(config).run(sockets=[listening])
