"""An HTTP server on loopback with the layout of a data set on the Hugging Face hub; it can be told to fail.

    with FakeHub("somebody/stories", "a" * 40, {"data/train-0.parquet": content}) as hub:
        hub.faults["data/train-0.parquet"] = [dropped(1000), Fault(status=503)]
        fetch(dataset, 1, endpoint=hub.url)
    hub.asked("data/train-0.parquet")  # the Range headers of the requests for its content

As on the hub, ``resolve`` redirects to a store that serves the content and supports Range. Each request for a file's content
uses up the next fault of its list; without faults the file is served correctly.
"""

from __future__ import annotations

import hashlib
import json
import threading
import urllib.parse
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass(frozen=True)
class Fault:
    """How one response fails; `dropped`, `short` and `stalled` create the usual ones."""

    status: int = 0  # respond with this status and no content
    after: int | None = None  # send only this many of the requested bytes
    header_too: bool = False  # Content-Length gives the shorter length as well, so HTTP alone does not reveal it
    stall: bool = False  # keep the connection open after them
    no_range: bool = False  # ignore Range and send the whole file
    garbled: bool = False  # change every byte, keep the length


def dropped(after: int) -> Fault:
    return Fault(after=after)


def short(after: int) -> Fault:
    return Fault(after=after, header_too=True)


def stalled(after: int) -> Fault:
    return Fault(after=after, stall=True)


@dataclass
class FakeHub:
    """The server; see the module."""

    repo: str
    revision: str
    files: Mapping[str, bytes]
    faults: dict[str, list[Fault]] = field(default_factory=dict)
    sends_sha256: bool = True
    requests: list[tuple[str, str, str | None]] = field(default_factory=list)  # method, path, Range

    def __post_init__(self) -> None:
        self.lock = threading.Lock()
        self.closing = threading.Event()
        self.stalling = threading.Event()  # set when a stalled response has paused
        self._server = _Server(("127.0.0.1", 0), _Handler)
        self._server.hub = self
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02})

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def asked(self, name: str) -> list[str | None]:
        """The Range headers of the requests for the content of a file, in order."""
        return [asked for method, path, asked in self.requests if (method, path) == ("GET", f"/store/{name}")]

    def __enter__(self) -> FakeHub:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.closing.set()
        self._server.shutdown()
        self._server.server_close()  # joins the handlers
        self._thread.join()


class _Server(ThreadingHTTPServer):
    daemon_threads = False
    hub: FakeHub

    def handle_error(self, request: Any, client_address: Any) -> None:
        pass  # the client was killed during the transfer


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def log_message(self, format: str, *args: Any) -> None:
        pass

    def note(self) -> str:
        path = urllib.parse.unquote(self.path)
        with self.server.hub.lock:
            self.server.hub.requests.append((self.command, path, self.headers["Range"]))
        return path

    def do_POST(self) -> None:
        hub, path = self.server.hub, self.note()
        form = urllib.parse.parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
        if path != f"/api/datasets/{hub.repo}/paths-info/{hub.revision}":
            return self.answer(404, b'{"error": "Repository not found"}')
        self.answer(200, json.dumps([self.info(name) for name in form["paths"] if name in hub.files]).encode())

    def info(self, name: str) -> dict[str, Any]:
        content = self.server.hub.files[name]
        info = {"type": "file", "path": name, "size": len(content), "oid": hashlib.sha1(content).hexdigest()}
        if self.server.hub.sends_sha256:
            info["lfs"] = {"oid": hashlib.sha256(content).hexdigest(), "size": len(content), "pointerSize": 134}
        return info

    def do_GET(self) -> None:
        hub, path = self.server.hub, self.note()
        resolve = f"/datasets/{hub.repo}/resolve/{hub.revision}/"
        if path.startswith(resolve) and (name := path.removeprefix(resolve)) in hub.files:
            content = hub.files[name]
            return self.answer(302, b"", {
                "Location": f"{hub.url}/store/{urllib.parse.quote(name)}", "X-Repo-Commit": hub.revision,
                "X-Linked-Size": str(len(content)), "X-Linked-ETag": f'"{hashlib.sha256(content).hexdigest()}"',
            })  # fmt: skip
        if path.startswith("/store/") and (name := path.removeprefix("/store/")) in hub.files:
            return self.content(name)
        self.answer(404, b"Entry not found", {"X-Error-Code": "EntryNotFound"})

    do_HEAD = do_GET  # noqa: N815

    def content(self, name: str) -> None:
        hub = self.server.hub
        with hub.lock:
            fault = hub.faults[name].pop(0) if hub.faults.get(name) else Fault()
        if fault.status:
            return self.answer(fault.status, b"no")
        whole = hub.files[name]
        if fault.garbled:
            whole = bytes(byte ^ 0xFF for byte in whole)
        start, headers, status = 0, {}, 200
        if (asked := self.headers["Range"]) and not fault.no_range:
            start, status = int(asked.removeprefix("bytes=").partition("-")[0]), 206
            headers["Content-Range"] = f"bytes {start}-{len(whole) - 1}/{len(whole)}"
        part = whole[start:]
        sent = part if fault.after is None else part[: fault.after]
        self.answer(status, sent, headers, len(sent) if fault.header_too else len(part), fault.stall)

    def answer(
        self, status: int, body: bytes, headers: Mapping[str, str] | None = None, length: int | None = None, stall: bool = False
    ) -> None:  # fmt: skip
        self.send_response(status)
        self.send_header("Content-Length", str(len(body) if length is None else length))
        self.send_header("Connection", "close")
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.end_headers()
        self.close_connection = True
        if self.command == "HEAD":
            return
        self.wfile.write(body)
        self.wfile.flush()
        if stall:
            self.server.hub.stalling.set()
            self.server.hub.closing.wait(60)
