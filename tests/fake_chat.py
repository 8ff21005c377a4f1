"""A real HTTP server on loopback that speaks the chat-completions protocol, with faults on demand.

    with FakeChat([failed(503), answer("hello")]) as server:
        OpenAI(f"{server.model}@{server.url}").complete(...)
    server.requests[0].body["messages"]

Each request for a completion takes the next reply of the script; the last one is repeated.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

USAGE = {"prompt_tokens": 100, "completion_tokens": 7, "prompt_tokens_details": {"cached_tokens": 60}}


@dataclass(frozen=True)
class Reply:
    """One scripted reply; `answer`, `stalled`, `dropped` and `failed` build the usual ones."""

    text: str = ""
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    error: Any = None  # the body of a reply that is not 200, or an error inside the stream
    reasoning: str = ""
    refusal: str = ""
    finish: str | None = "stop"
    usage: Mapping[str, Any] | None = field(default_factory=lambda: USAGE)
    stall: str = ""  # "headers": before anything is sent; "middle": after half of the text
    drop: str = ""  # the same, but the connection breaks
    pause: float = 0.0  # seconds between two pieces
    no_stream_options: bool = False  # a server too old to know them: 400 when they are there


def answer(text: str = "hello", **options: Any) -> Reply:
    return Reply(text, **options)


def stalled(where: str = "middle", text: str = "half of it") -> Reply:
    return Reply(text, stall=where)


def dropped(where: str = "middle", text: str = "half of it") -> Reply:
    return Reply(text, drop=where)


def failed(status: int, message: str = "no", code: str | None = None, **headers: str) -> Reply:
    """Return a reply with an error status; header names have underscores instead of hyphens."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Reply(status=status, error={"error": {"message": message, "code": code}}, headers=named)


@dataclass(frozen=True)
class Request:
    """A request that the server received."""

    path: str
    headers: Mapping[str, str]
    body: Any


class FakeChat:
    """The server, a context manager; see the module."""

    def __init__(
        self, script: Sequence[Reply] = (), *, models: Sequence[str] | None = ("toy",), models_status: int = 200,
        owner: str = "fake",
    ) -> None:  # fmt: skip
        self.script = list(script) or [answer()]
        self.models, self.models_status, self.owner = models, models_status, owner
        self.everything: list[Request] = []
        self.lock = threading.Lock()
        self.closing = threading.Event()
        self._server = _Server(("127.0.0.1", 0), _Handler)
        self._server.chat = self
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02})

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}/v1"

    @property
    def model(self) -> str:
        return (self.models or ["toy"])[0]

    @property
    def spec(self) -> str:
        return f"{self.model}@{self.url}"

    @property
    def requests(self) -> list[Request]:
        """The requests for completions."""
        return [request for request in self.everything if request.path.endswith("/chat/completions")]

    def __enter__(self) -> FakeChat:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.closing.set()
        self._server.shutdown()
        self._server.server_close()  # joins the handlers
        self._thread.join()

    def take(self) -> Reply:
        return self.script.pop(0) if len(self.script) > 1 else self.script[0]


class _Server(ThreadingHTTPServer):
    daemon_threads = False
    chat: FakeChat


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def log_message(self, format: str, *args: Any) -> None:
        pass

    def do_GET(self) -> None:
        chat = self.server.chat
        chat.everything.append(Request(self.path, {name.lower(): value for name, value in self.headers.items()}, None))
        if chat.models is None or not self.path.endswith("/models"):
            return self._json(404, {"error": {"message": "not found"}})
        if chat.models_status != 200:
            return self._json(chat.models_status, {"error": {"message": f"no: {self.headers['Authorization']}"}})
        known = [{"id": m, "object": "model", "created": 0, "owned_by": chat.owner} for m in chat.models]
        self._json(200, {"object": "list", "data": known})

    def do_POST(self) -> None:
        chat = self.server.chat
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        with chat.lock:
            chat.everything.append(
                Request(self.path, {name.lower(): value for name, value in self.headers.items()}, body)
            )
            reply = chat.take()
        try:
            self._reply(reply, body)
        except ConnectionError:
            pass  # the client has left
        self.close_connection = True

    def _reply(self, reply: Reply, body: Any) -> None:
        if reply.stall == "headers":
            self.server.chat.closing.wait(30)
            return
        if reply.drop == "headers":
            return
        if reply.no_stream_options and "stream_options" in body:
            return self._json(400, {"error": {"message": "stream_options: extra fields not permitted"}})
        if reply.status != 200:
            return self._json(reply.status, reply.error, reply.headers)
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Transfer-Encoding", "chunked")
        self.send_header("Connection", "close")
        self.end_headers()
        self._delta({"role": "assistant", "content": ""})
        if reply.reasoning:
            self._delta({"reasoning_content": reply.reasoning})
        if reply.refusal:
            self._delta({"refusal": reply.refusal})
        half = len(reply.text) // 2
        for number, piece in enumerate((reply.text[:half], reply.text[half:])):
            if number and reply.stall:
                self.server.chat.closing.wait(30)
                return
            if number and reply.drop:
                return
            self._delta({"content": piece})
            self.server.chat.closing.wait(reply.pause)
        if reply.error:
            return self._event(reply.error)
        self._delta({}, reply.finish)
        options = body.get("stream_options") or {}
        if reply.usage is not None and options.get("include_usage"):
            self._event({"object": "chat.completion.chunk", "id": "x", "choices": [], "usage": dict(reply.usage)})
        self._chunk(b"data: [DONE]\n\n")
        self._chunk(b"")

    def _delta(self, delta: dict[str, Any], finish: str | None = None) -> None:
        choice = {"index": 0, "delta": delta, "finish_reason": finish}
        self._event({"object": "chat.completion.chunk", "id": "x", "created": 0, "model": "toy", "choices": [choice]})

    def _event(self, data: Any) -> None:
        self._chunk(b"data: " + json.dumps(data).encode() + b"\n\n")

    def _chunk(self, data: bytes) -> None:
        self.wfile.write(f"{len(data):x}\r\n".encode() + data + b"\r\n")
        self.wfile.flush()

    def _json(self, status: int, body: Any, headers: Mapping[str, str] | None = None) -> None:
        data = json.dumps(body).encode()
        self.send_response(status)
        for name, value in {**(headers or {}), "Content-Type": "application/json", "Connection": "close"}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)
        self.close_connection = True
