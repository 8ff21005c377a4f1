"""The HTTP server of the panel's page: loopback alone, one token, and the checks that keep other pages and other names out.

``GET /?token=…`` opens the page and leaves the token in a cookie. ``POST /message?view=NAME`` takes one message of the panel as JSON, and
its answer has all messages for that view, as `framing` packs them. Nothing is kept open in between: a browser opens only six connections
to a server, and there may be more tabs.
"""

from __future__ import annotations

import json
import secrets
import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from ...study.study import Study
from ..loopback import HOST, listen, same_token
from ..panel.assets import page_script, page_style
from .framing import frame
from .views import Views

PAGE = Path(__file__).parent / "page"

NAMES = (HOST, "localhost")
"""The names under which the page may be opened, with any port: a tunnel may begin at another one."""

MOST_BYTES = 1_000_000
"""Of a message."""

LONGEST_NAME = 64
"""Characters of the name of a view."""

HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; font-src 'self'; connect-src 'self'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}


class WebServer(ThreadingHTTPServer):
    """Serves the page of one study until `shutdown`.

    Parameters
    ----------
    study : callable
        Returns the study to show; called for each page that is opened.
    port : int
        0 takes a free one.
    token : str

    Raises
    ------
    UserError
        When the port cannot be used.
    """

    daemon_threads = True
    block_on_close = False

    def __init__(self, study: Callable[[], Study], port: int, token: str) -> None:
        listening = listen(HOST, port)
        super().__init__((HOST, port), Handler, bind_and_activate=False)
        self.socket.close()
        self.socket = listening
        self.server_address = (HOST, int(listening.getsockname()[1]))
        self.token, self.views = token, Views(study)
        self._tickets: set[str] = set()
        self._connections: set[socket.socket] = set()
        self._lock = threading.Lock()

    @property
    def port(self) -> int:
        """The port that it listens on."""
        return int(self.server_address[1])

    @property
    def url(self) -> str:
        """The address of the page, with the token."""
        return f"http://{HOST}:{self.port}/?token={self.token}"

    @property
    def cookie(self) -> str:
        """The name of the cookie; browsers do not keep those of different ports apart."""
        return f"autoresearch-{self.port}"

    def ticket(self) -> str:
        """Return an address that opens the page once: command lines, such as that of a browser, can be read by others."""
        made = secrets.token_urlsafe(24)
        with self._lock:
            self._tickets.add(made)
        return f"http://{HOST}:{self.port}/?ticket={made}"

    def take_ticket(self, ticket: str) -> bool:
        """Whether a ticket is valid; it is used up."""
        with self._lock:
            if ticket in self._tickets:
                self._tickets.remove(ticket)
                return True
            return False

    def get_request(self) -> tuple[socket.socket, Any]:
        """Take a connection, and remember it."""
        connection, address = super().get_request()
        with self._lock:
            self._connections.add(connection)
        return connection, address

    def shutdown_request(self, request: Any) -> None:
        """End a connection."""
        with self._lock:
            self._connections.discard(request)
        super().shutdown_request(request)

    def server_close(self) -> None:
        """End the server and its connections, which pages keep open."""
        super().server_close()
        with self._lock:
            for each in self._connections:
                with suppress(OSError):
                    each.shutdown(socket.SHUT_RDWR)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Do nothing: a page that was closed in the middle of an answer is no error."""


@cache
def _file(name: str) -> tuple[str, bytes]:
    """Return type and content of one of the page's files.

    Raises
    ------
    KeyError
        When there is none of this name.
    """
    kind = {"js": "text/javascript", "css": "text/css", "svg": "image/svg+xml"}[name.rpartition(".")[2]]
    text = {"panel.js": page_script, "panel.css": page_style}.get(name)
    if text is None and name not in ("host.js", "host.css", "icon.svg"):
        raise KeyError(name)
    return f"{kind}; charset=utf-8", (text() if text else (PAGE / name).read_text("utf-8")).encode()


class Handler(BaseHTTPRequestHandler):
    """One connection."""

    server: WebServer
    protocol_version = "HTTP/1.1"
    server_version, sys_version = "autoresearch", ""
    timeout = 90  # of a connection without a request

    def do_GET(self) -> None:
        """Answer with the page, its script or its style."""
        asked = urlsplit(self.path)
        query = {name: values[-1] for name, values in parse_qs(asked.query).items()}
        if not self._named_well():
            return
        let_in = same_token(query.get("token", ""), self.server.token) or self.server.take_ticket(
            query.get("ticket", "")
        )
        if not (let_in or self._knows_token()):
            self._say(HTTPStatus.FORBIDDEN, "Open the address with the token that the command has printed.")
        elif asked.path == "/":
            headers = {}
            if let_in:
                headers["Set-Cookie"] = f"{self.server.cookie}={self.server.token}; Path=/; HttpOnly; SameSite=Lax"
            self._answer(HTTPStatus.OK, "text/html; charset=utf-8", (PAGE / "index.html").read_bytes(), headers)
        else:
            try:
                self._answer(HTTPStatus.OK, *_file(asked.path.removeprefix("/")))
            except KeyError:
                self._say(HTTPStatus.NOT_FOUND, "There is no such page.")

    def do_POST(self) -> None:
        """Take a message of a page, and answer it."""
        asked = urlsplit(self.path)
        length = self.headers.get("Content-Length", "")
        if not length.isdecimal() or int(length) > MOST_BYTES:
            self.close_connection = True  # what follows is not read
            self._say(HTTPStatus.REQUEST_ENTITY_TOO_LARGE if length else HTTPStatus.LENGTH_REQUIRED, "Too long.")
            return
        body = self.rfile.read(int(length))
        view = parse_qs(asked.query).get("view", [""])[-1]
        if not self._named_well():
            return
        # A browser says where a page that posts comes from; other programs say nothing.
        if (origin := self.headers.get("Origin")) is not None and origin != f"http://{self.headers.get('Host')}":
            self._say(HTTPStatus.FORBIDDEN, "A page of another origin may not ask.")
        elif not self._knows_token():
            self._say(HTTPStatus.FORBIDDEN, "Open the address with the token that the command has printed.")
        elif asked.path != "/message":
            self._say(HTTPStatus.NOT_FOUND, "There is no such page.")
        elif not 0 < len(view) <= LONGEST_NAME or (content := _object(body)) is None:
            self._say(HTTPStatus.BAD_REQUEST, "A message is an object in JSON, sent by a view with a name.")
        else:
            messages = self.server.views.view(view).exchange(content)
            self._answer(HTTPStatus.OK, "application/octet-stream", frame(messages))

    def _named_well(self) -> bool:
        """Whether the server was asked by one of its names; else another page may have given its own name this address."""
        host = self.headers.get("Host", "")
        name, _, port = host.partition(":")
        if name.lower() in NAMES and (not port or port.isdecimal()):
            return True
        self._say(HTTPStatus.MISDIRECTED_REQUEST, f"This is {HOST} and has no other name.")
        return False

    def _knows_token(self) -> bool:
        """Whether cookie or header have the token."""
        given = self.headers.get("Authorization", "").removeprefix("Bearer ")
        for cookie in self.headers.get("Cookie", "").split(";"):
            name, _, value = cookie.strip().partition("=")
            given = value if name == self.server.cookie else given
        return same_token(given, self.server.token)

    def _say(self, status: HTTPStatus, text: str) -> None:
        self._answer(status, "text/plain; charset=utf-8", f"{text}\n".encode())

    def _answer(self, status: HTTPStatus, kind: str, body: bytes, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in {**HEADERS, **(headers or {}), "Content-Type": kind}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing: the terminal shows the address, and the token stays out of logs."""


def _object(body: bytes) -> dict[str, Any] | None:
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None
