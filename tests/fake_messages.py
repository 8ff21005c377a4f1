"""A real HTTP server on loopback that speaks the Messages API, with server-sent events, and with faults on demand.

    with FakeMessages([limited(2), answer("hello")], key="k") as server:
        Claude("claude-opus-5-5", base_url=server.url).complete(...)
    server.requests[0].body["system"]

Each request for a message takes the next reply of the script; the last one is repeated. A reply's text may be a
function of the `Request`, so that a test can run a whole study. The prompt cache is simulated: a prefix up to a
`cache_control` mark is read from it if exactly the same prefix was sent before, and else written to it. A token is four
characters.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

MALFORMED = "<summary>Wider</summary>\n<<<<<<< SEARCH\nno such line anywhere\n=======\nWIDTH = 128\n"
"""A reply with an unclosed SEARCH/REPLACE block whose SEARCH lines occur nowhere."""

_ERRORS = {
    400: "invalid_request_error",
    401: "authentication_error",
    402: "billing_error",
    403: "permission_error",
    404: "not_found_error",
    413: "request_too_large",
    429: "rate_limit_error",
    500: "api_error",
    529: "overloaded_error",
}


@dataclass(frozen=True)
class Request:
    """A request that the server received."""

    method: str
    path: str
    headers: Mapping[str, str]  # names in lower case
    body: Any

    @property
    def key(self) -> str:
        return self.headers.get("x-api-key") or self.headers.get("authorization", "").removeprefix("Bearer ")

    @property
    def prompt(self) -> str:
        """All text of the request, in order."""
        return "\n".join(block["text"] for block in _blocks(self.body))


Text = str | Callable[[Request], str]


@dataclass(frozen=True)
class Reply:
    """One scripted reply; the functions below build the usual ones."""

    text: Text = "hello"
    status: int = 200
    message: str = "no"
    code: str = ""  # error.details.error_code
    raw: str | None = None  # the whole body of an error, as it is
    headers: Mapping[str, str] = field(default_factory=dict)
    thinking: str = ""
    stop: str = "end_turn"
    explanation: str = ""  # stop_details of a refusal
    drop: str = ""  # "headers", "middle" (cut inside a chunk), "end" (ends politely, but too early)
    stall: str = ""  # "headers", "middle", "trickle" (single bytes that never make an event)
    error: str = ""  # the type of an error event in mid-stream
    pause: float = 0.0  # seconds between two pieces


def answer(text: Text = "hello", **options: Any) -> Reply:
    return Reply(text, **options)


def dropped(where: str = "middle") -> Reply:
    return Reply("half of it", drop=where)


def stalled(where: str = "middle") -> Reply:
    return Reply("half of it", stall=where)


def broken(kind: str = "overloaded_error", message: str = "Overloaded") -> Reply:
    """Return a reply whose stream ends with an error event."""
    return Reply("half of it", error=kind, message=message)


def failed(status: int, message: str = "no", code: str = "", raw: str | None = None, **headers: str) -> Reply:
    """Return a reply with an error status; header names have underscores instead of hyphens."""
    return Reply(
        status=status, message=message, code=code, raw=raw,
        headers={name.replace("_", "-"): value for name, value in headers.items()},
    )  # fmt: skip


def limited(seconds: float | None = None) -> Reply:
    return failed(429, "slow down", **({} if seconds is None else {"retry_after": f"{seconds:g}"}))


def overloaded() -> Reply:
    return failed(529, "Overloaded")


def _blocks(body: Any) -> list[dict[str, Any]]:
    """Return all text blocks of a request in the order of the cache's prefixes."""
    found: list[dict[str, Any]] = []
    parts = [body.get("system") or [], *(message["content"] for message in body.get("messages", []))]
    for part in parts:
        found += [{"type": "text", "text": part}] if isinstance(part, str) else part
    return found


class FakeMessages:
    """The server; a context manager.

    Parameters
    ----------
    script : sequence of Reply, or a callable from a request to a text
    key : str or None
        The only accepted key; None accepts all.
    models : tuple of str or None
        The known models; None knows all.
    info : mapping
        More fields for the answer of the models endpoint (``capabilities``, ``lifecycle``, ``max_tokens``).
    endpoints : bool
        False answers 404 to all but ``/v1/messages``, like a proxy without the other endpoints.
    check : Reply or None
        A fault of the models endpoint (an error status, a stall before the headers).
    """

    def __init__(
        self, script: Sequence[Reply] | Callable[[Request], str] = (), *, key: str | None = None,
        models: tuple[str, ...] | None = None, info: Mapping[str, Any] | None = None, endpoints: bool = True,
        check: Reply | None = None,
    ) -> None:  # fmt: skip
        self.script = [Reply(script)] if callable(script) else list(script) or [Reply()]
        self.key, self.models, self.info, self.endpoints, self.check = key, models, info or {}, endpoints, check
        self.requests: list[Request] = []  # for messages
        self.checks: list[Request] = []  # everything else
        self.cache: set[str] = set()
        self.release = threading.Event()  # set: stalled replies end
        self.lock = threading.Lock()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._server.daemon_threads = False  # so that leaving waits for them and nothing stays open
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> FakeMessages:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.release.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def take(self, request: Request) -> Reply:
        """Record a request and return the reply to it."""
        with self.lock:
            self.requests.append(request)
            reply = self.script[min(len(self.requests), len(self.script)) - 1]
        return replace(reply, text=reply.text(request)) if callable(reply.text) else reply

    def count(self, body: Any) -> dict[str, int]:
        """Return the input token counts of a request, and store its prefixes in the cache."""
        prefix, prefixes = json.dumps([body.get("model"), body.get("thinking")]), []
        length = total = 0
        for block in _blocks(body):
            prefix += "\0" + block["text"]
            total += len(block["text"])
            if block.get("cache_control"):
                prefixes.append((prefix, total))
        with self.lock:
            read = max((size for text, size in prefixes if text in self.cache), default=0)
            length = max((size for _, size in prefixes), default=0)
            self.cache |= {text for text, _ in prefixes}
        return {
            "input_tokens": (total - length) // 4,
            "cache_read_input_tokens": read // 4,
            "cache_creation_input_tokens": (length - read) // 4,
        }


def _handler(fake: FakeMessages) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        timeout = 10  # an idle kept-alive connection must not hold the test

        def log_message(self, *_: object) -> None:
            pass

        def do_GET(self) -> None:
            self.answer(None)

        def do_POST(self) -> None:
            self.answer(json.loads(self.rfile.read(int(self.headers["content-length"]))))

        def answer(self, body: Any) -> None:
            headers = {name.lower(): value for name, value in self.headers.items()}
            request = Request(self.command, self.path.partition("?")[0], headers, body)
            try:
                if request.path == "/v1/messages":
                    self.message(request, fake.take(request))
                else:
                    fake.checks.append(request)
                    self.other(request)
            except (BrokenPipeError, ConnectionResetError):  # the client has closed the connection, as expected
                self.close_connection = True

        def other(self, request: Request) -> None:
            name = request.path.rpartition("/")[2]
            if not fake.endpoints:
                self.reply(404, b'{"detail": "Not Found"}')
            elif fake.check is not None and request.method == "GET":
                self.fail(fake.check)
            elif self.unwelcome(request):
                pass
            elif request.path == "/v1/messages/count_tokens":
                if self.known(request.body["model"]):
                    self.json(200, {"input_tokens": 7})
            elif request.path.startswith("/v1/models/") and self.known(name):
                info = {"id": name, "type": "model", "display_name": name, "created_at": "2026-01-01T00:00:00Z"}
                self.json(200, {**info, "lifecycle": "active", **fake.info})

        def unwelcome(self, request: Request) -> bool:
            if fake.key is None or request.key == fake.key:
                return False
            self.fail(failed(401, f"invalid x-api-key {request.key}"))  # the worst case: a server that repeats the key
            return True

        def known(self, model: str) -> bool:
            if fake.models is None or model in fake.models:
                return True
            self.fail(failed(404, f"model: {model}"))
            return False

        def fail(self, reply: Reply) -> None:
            if reply.stall == "headers":
                fake.release.wait(20)
                self.close_connection = True
            elif reply.raw is not None:
                self.reply(reply.status, reply.raw.encode(), "text/html", reply.headers)
            else:
                error: dict[str, Any] = {"type": _ERRORS.get(reply.status, "api_error"), "message": reply.message}
                if reply.code:
                    error["details"] = {"error_code": reply.code}
                self.json(reply.status, {"type": "error", "error": error, "request_id": "req_1"}, reply.headers)

        def json(self, status: int, data: Any, headers: Mapping[str, str] | None = None) -> None:
            self.reply(status, json.dumps(data).encode(), "application/json", headers)

        def reply(
            self, status: int, data: bytes, kind: str = "application/json", headers: Mapping[str, str] | None = None
        ) -> None:
            self.send_response(status)
            for name, value in {"content-type": kind, "content-length": str(len(data)), **(headers or {})}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(data)

        def message(self, request: Request, reply: Reply) -> None:
            if self.unwelcome(request) or not self.known(request.body["model"]):
                return
            if reply.drop == "headers":
                self.close_connection = True
            elif reply.status != 200 or reply.stall == "headers":
                self.fail(reply)
            else:
                self.stream(request, reply)

        def stream(self, request: Request, reply: Reply) -> None:
            self.send_response(200)
            self.send_header("content-type", "text/event-stream")
            self.send_header("transfer-encoding", "chunked")
            self.end_headers()
            assert isinstance(reply.text, str)
            text, output = reply.text, (len(reply.text) + len(reply.thinking)) // 4 + 1
            usage = {**fake.count(request.body), "output_tokens": 1}
            start = {"id": "msg_1", "type": "message", "role": "assistant", "model": request.body["model"]}
            self.event("message_start", message={
                **start, "content": [], "stop_reason": None, "stop_sequence": None, "usage": usage,
            })  # fmt: skip
            self.event("ping")
            index = 0
            if reply.thinking:
                self.event("content_block_start", index=0, content_block={
                    "type": "thinking", "thinking": "", "signature": "",
                })  # fmt: skip
                self.event("content_block_delta", index=0, delta={
                    "type": "thinking_delta", "thinking": reply.thinking,
                })  # fmt: skip
                self.event("content_block_delta", index=0, delta={"type": "signature_delta", "signature": "c2ln"})
                self.event("content_block_stop", index=0)
                index = 1
            broken_off = reply.drop or reply.stall or reply.error
            if text:
                self.event("content_block_start", index=index, content_block={"type": "text", "text": ""})
                pieces = [text[: len(text) // 2], text[len(text) // 2 :]]
                for piece in pieces[:1] if broken_off else pieces:
                    fake.release.wait(reply.pause)
                    self.event("content_block_delta", index=index, delta={"type": "text_delta", "text": piece})
                if not broken_off:
                    self.event("content_block_stop", index=index)
            if reply.error:
                self.event("error", error={"type": reply.error, "message": reply.message})
            elif reply.drop == "middle":
                self.wfile.write(b"ffff\r\nevent: content_block_delta\ndata: {")
                self.close_connection = True
                return
            elif reply.stall == "trickle":
                self.chunk(b"event: content_block_delta\ndata: {")
                while not fake.release.wait(0.05):
                    self.chunk(b" ")
                self.close_connection = True
                return
            elif reply.stall:
                fake.release.wait(20)
                self.close_connection = True
                return
            elif not reply.drop:
                delta: dict[str, Any] = {"stop_reason": reply.stop, "stop_sequence": None}
                if reply.explanation:
                    details = {"type": "refusal", "category": "frontier_llm", "explanation": reply.explanation}
                    delta["stop_details"] = details
                self.event("message_delta", delta=delta, usage={"output_tokens": output})
                self.event("message_stop")
            self.wfile.write(b"0\r\n\r\n")

        def event(self, name: str, **data: Any) -> None:
            self.chunk(f"event: {name}\ndata: {json.dumps({'type': name, **data})}\n\n".encode())

        def chunk(self, data: bytes) -> None:
            self.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))
            self.wfile.flush()

    return Handler
