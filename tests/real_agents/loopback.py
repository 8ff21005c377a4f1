"""A model server on loopback for real coding agents, in the forms that they speak: OpenAI's two, Anthropic's and Gemini's.

It holds no model. Each request becomes a `Conversation`; a function of the test says what the "model" does next, a `Call` of a
tool or a `Say`; and the answer goes back in the form of the request, as a stream where one was asked for.
"""

import json
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

INPUT, OUTPUT = 1200, 80
"""Tokens that every answer reports."""


@dataclass(frozen=True)
class Conversation:
    """What a request says so far."""

    path: str
    model: str
    system: str
    messages: tuple  # (role, text), the tools' results as role "tool"
    tools: dict  # name: its parameters' JSON schema

    @property
    def results(self):
        return [text for role, text in self.messages if role == "tool"]

    @property
    def text(self):
        return "\n".join(text for _, text in self.messages)


@dataclass(frozen=True)
class Say:
    text: str


@dataclass(frozen=True)
class Call:
    tool: str
    arguments: dict


@dataclass(frozen=True)
class Fail:
    status: int
    body: dict
    headers: dict = field(default_factory=dict)


class _Server(ThreadingHTTPServer):
    daemon_threads = True


@contextmanager
def loopback(decide):
    """Yield a server: its `url`, and what it was asked, `requests` (path, headers, body) and `conversations`."""
    server = _Server(("127.0.0.1", 0), _Handler)
    server.decide = decide
    server.requests, server.conversations, server.strange = [], [], []
    server.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def do_GET(self):
        self.server.requests.append((self.path, dict(self.headers), None))
        if self.path.split("?")[0].endswith("/models"):
            return self._json(200, {"object": "list", "data": [{"id": "loop", "object": "model"}], "models": []})
        self._json(404, {"error": {"message": f"nothing at {self.path}"}})

    def do_POST(self):
        raw = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        try:
            body = json.loads(raw)
        except ValueError:
            body = {}
        self.server.requests.append((self.path, dict(self.headers), body))
        path = self.path.split("?")[0]
        for end, read, answer in (
            ("/chat/completions", _read_chat, _answer_chat),
            ("/responses", _read_responses, _answer_responses),
            ("/messages", _read_messages, _answer_messages),
            (":generateContent", _read_gemini, _answer_gemini),
            (":streamGenerateContent", _read_gemini, _answer_gemini),
        ):
            if path.endswith(end):
                conversation = read(path, body)
                self.server.conversations.append(conversation)
                step = self.server.decide(conversation)
                if isinstance(step, Fail):
                    return self._json(step.status, step.body, step.headers)
                whole, events = answer(step, body.get("model", ""))
                stream = body.get("stream") or path.endswith(":streamGenerateContent")
                return self._events(events) if stream else self._json(200, whole)
        self.server.strange.append(self.path)
        self._json(404, {"error": {"message": f"nothing at {self.path}"}})

    def _json(self, status, data, headers=()):
        raw = json.dumps(data).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(raw)))
        for name, value in dict(headers).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(raw)

    def _events(self, events):
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Connection", "close")
        self.end_headers()
        for name, data in events:
            text = data if isinstance(data, str) else json.dumps(data)
            self.wfile.write((f"event: {name}\n" if name else "").encode() + f"data: {text}\n\n".encode())
        self.close_connection = True


def _plain(content):
    if isinstance(content, str):
        return content
    return "\n".join(part.get("text", "") for part in content or [] if isinstance(part, dict))


# --- OpenAI's chat completions -----------------------------------------------------------------------------------------------


def _read_chat(path, body):
    messages = body.get("messages", [])
    system = "\n".join(_plain(m.get("content")) for m in messages if m["role"] in ("system", "developer"))
    spoken = tuple(
        (m["role"], _plain(m.get("content"))) for m in messages if m["role"] in ("user", "assistant", "tool")
    )
    tools = {t["function"]["name"]: t["function"].get("parameters", {}) for t in body.get("tools") or []}
    return Conversation(path, body.get("model", ""), system, spoken, tools)


def _answer_chat(step, model):
    usage = {"prompt_tokens": INPUT, "completion_tokens": OUTPUT, "total_tokens": INPUT + OUTPUT}
    base = {"id": _id("chat"), "created": int(time.time()), "model": model}
    if isinstance(step, Say):
        message, reason = {"role": "assistant", "content": step.text}, "stop"
        deltas = [message]
    else:
        function = {"name": step.tool, "arguments": json.dumps(step.arguments)}
        call = {"id": _id("call"), "type": "function", "function": function}
        message, reason = {"role": "assistant", "content": None, "tool_calls": [call]}, "tool_calls"
        deltas = [{"role": "assistant", "tool_calls": [{"index": 0, **call}]}]
    whole = base | {
        "object": "chat.completion", "usage": usage,
        "choices": [{"index": 0, "message": message, "finish_reason": reason}],
    }  # fmt: skip
    chunk = base | {"object": "chat.completion.chunk"}
    events = [("", chunk | {"choices": [{"index": 0, "delta": d, "finish_reason": None}]}) for d in deltas]
    events.append(("", chunk | {"choices": [{"index": 0, "delta": {}, "finish_reason": reason}]}))
    events.append(("", chunk | {"choices": [], "usage": usage}))
    return whole, [*events, ("", "[DONE]")]


# --- OpenAI's responses ------------------------------------------------------------------------------------------------------


def _read_responses(path, body):
    spoken, system = [], [body.get("instructions") or ""]
    items = body.get("input") or []
    for item in [{"type": "message", "role": "user", "content": items}] if isinstance(items, str) else items:
        kind = item.get("type", "message")
        if kind == "message" and item["role"] in ("system", "developer"):
            system.append(_plain(item["content"]))
        elif kind == "message":
            spoken.append((item["role"], _plain(item["content"])))
        elif kind.endswith("_output"):
            output = item.get("output", "")
            spoken.append(("tool", output if isinstance(output, str) else json.dumps(output)))
    tools = {t["name"]: t.get("parameters", {}) for t in body.get("tools") or [] if "name" in t}
    for space in (t for t in body.get("tools") or [] if t["type"] == "namespace"):  # such as those of a server
        tools |= {f"{space['name']}/{t['name']}": t.get("parameters", {}) for t in space["tools"]}
    return Conversation(path, body.get("model", ""), "\n".join(system), tuple(spoken), tools)


def _answer_responses(step, model):
    if isinstance(step, Say):
        content = [{"type": "output_text", "text": step.text, "annotations": []}]
        item = {"type": "message", "id": _id("msg"), "role": "assistant", "status": "completed", "content": content}
    else:
        space, _, name = step.tool.rpartition("/")
        item = {
            "type": "function_call", "id": _id("fc"), "call_id": _id("call"), "name": name,
            "arguments": json.dumps(step.arguments), "status": "completed", **({"namespace": space} if space else {}),
        }  # fmt: skip
    usage = {
        "input_tokens": INPUT, "input_tokens_details": {"cached_tokens": 0},
        "output_tokens": OUTPUT, "output_tokens_details": {"reasoning_tokens": 0}, "total_tokens": INPUT + OUTPUT,
    }  # fmt: skip
    base = {"id": _id("resp"), "object": "response", "created_at": int(time.time()), "model": model}
    whole = base | {"status": "completed", "output": [item], "usage": usage}
    events = [
        {"type": "response.created", "response": base | {"status": "in_progress", "output": []}},
        {"type": "response.output_item.added", "output_index": 0, "item": item | {"status": "in_progress"}},
        {"type": "response.output_item.done", "output_index": 0, "item": item},
        {"type": "response.completed", "response": whole},
    ]
    return whole, [(event["type"], event | {"sequence_number": n}) for n, event in enumerate(events)]


# --- Anthropic's messages ----------------------------------------------------------------------------------------------------


def _read_messages(path, body):
    spoken = []
    for message in body.get("messages", []):
        content = message["content"]
        for part in [{"type": "text", "text": content}] if isinstance(content, str) else content:
            if part.get("type") == "tool_result":
                spoken.append(("tool", _plain(part.get("content"))))
            elif part.get("type") == "text":
                spoken.append((message["role"], part["text"]))
    tools = {t["name"]: t.get("input_schema", {}) for t in body.get("tools") or []}
    return Conversation(path, body.get("model", ""), _plain(body.get("system")), tuple(spoken), tools)


def _answer_messages(step, model):
    if isinstance(step, Say):
        block, start, reason = {"type": "text", "text": step.text}, {"type": "text", "text": ""}, "end_turn"
        delta = {"type": "text_delta", "text": step.text}
    else:
        start = {"type": "tool_use", "id": _id("toolu"), "name": step.tool, "input": {}}
        block, reason = start | {"input": step.arguments}, "tool_use"
        delta = {"type": "input_json_delta", "partial_json": json.dumps(step.arguments)}
    usage = {
        "input_tokens": INPUT,
        "output_tokens": OUTPUT,
        "cache_read_input_tokens": 0,
        "cache_creation_input_tokens": 0,
    }
    base = {"id": _id("msg"), "type": "message", "role": "assistant", "model": model, "stop_sequence": None}
    whole = base | {"content": [block], "stop_reason": reason, "usage": usage}
    events = [
        {
            "type": "message_start",
            "message": base | {"content": [], "stop_reason": None, "usage": usage | {"output_tokens": 1}},
        },
        {"type": "content_block_start", "index": 0, "content_block": start},
        {"type": "content_block_delta", "index": 0, "delta": delta},
        {"type": "content_block_stop", "index": 0},
        {
            "type": "message_delta",
            "delta": {"stop_reason": reason, "stop_sequence": None},
            "usage": {"output_tokens": OUTPUT},
        },
        {"type": "message_stop"},
    ]
    return whole, [(event["type"], event) for event in events]


# --- Gemini's generateContent ------------------------------------------------------------------------------------------------


def _read_gemini(path, body):
    spoken = []
    for message in body.get("contents", []):
        for part in message.get("parts", []):
            if "functionResponse" in part:
                spoken.append(("tool", json.dumps(part["functionResponse"].get("response"))))
            elif "text" in part:
                spoken.append(("assistant" if message.get("role") == "model" else "user", part["text"]))
    declared = [d for tool in body.get("tools") or [] for d in tool.get("functionDeclarations", [])]
    tools = {d["name"]: d.get("parametersJsonSchema") or d.get("parameters", {}) for d in declared}
    model = path.rsplit("/", 1)[-1].partition(":")[0]
    return Conversation(path, model, _plain((body.get("systemInstruction") or {}).get("parts")), tuple(spoken), tools)


def _answer_gemini(step, model):
    part = (
        {"text": step.text} if isinstance(step, Say) else {"functionCall": {"name": step.tool, "args": step.arguments}}
    )
    whole = {
        "candidates": [{"content": {"role": "model", "parts": [part]}, "finishReason": "STOP", "index": 0}],
        "usageMetadata": {"promptTokenCount": INPUT, "candidatesTokenCount": OUTPUT, "totalTokenCount": INPUT + OUTPUT},
    }
    return whole, [("", whole)]


_count = iter(range(10**9))


def _id(kind):
    return f"{kind}_{next(_count):024d}"
