"""Messages reach a real server on loopback and a real command."""

import json
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from autoresearch_magic.errors import UserError
from autoresearch_magic.study.notifying import command, webhook
from autoresearch_magic.study.notifying.address import parse_address
from autoresearch_magic.study.notifying.message import Message

MESSAGE = Message(
    "keep", "night: experiment 3 is a proven keep", "loss 1 <!channel> & more",
    {"event": "keep", "study": "night", "value": 0.25, "gain": None, "experiment": 3, "summary": "$(touch {}) `id` \"'; rm -rf x\nnext"},
)  # fmt: skip


@pytest.fixture
def server():
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            made.requests.append((self.path, dict(self.headers), body))
            self.send_response(made.code)
            if made.code == 302:
                self.send_header("Location", f"http://127.0.0.1:{made.server_port}/elsewhere")
            self.end_headers()
            self.wfile.write(b"no such channel")

        def log_message(self, *arguments):
            pass

    made = HTTPServer(("127.0.0.1", 0), Handler)
    made.requests, made.code = [], 200
    thread = threading.Thread(target=made.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield made
    made.shutdown()
    thread.join()
    made.server_close()


def post(server, form, path="/hook/abc", userinfo=""):
    webhook.send(parse_address(f"{form}http://{userinfo}127.0.0.1:{server.server_port}{path}"), MESSAGE)
    return server.requests[-1]


def test_each_service_gets_its_form(server):
    title, text = MESSAGE.title, MESSAGE.text
    assert post(server, "slack:")[2] == {"text": f"{title}\nloss 1 &lt;!channel&gt; &amp; more"}
    assert post(server, "discord:")[2] == {"content": f"{title}\n{text}", "allowed_mentions": {"parse": []}}
    path, _, body = post(server, "ntfy:", "/base/my-topic?auth=x")
    assert path == "/base/?auth=x"
    assert body == {"topic": "my-topic", "title": title, "message": text, "tags": ["tada"], "priority": 3}
    path, headers, body = post(server, "")
    assert path == "/hook/abc"
    assert headers["Content-Type"] == "application/json"
    assert body == MESSAGE.figures


def test_user_and_password_go_into_the_header(server):
    _, headers, _ = post(server, "ntfy:", "/topic", "me:s%40crt@")
    assert headers["Authorization"] == "Basic bWU6c0BjcnQ="
    assert "me:" not in headers["Host"]


@pytest.mark.parametrize("code", [404, 500, 302])
def test_what_is_refused_or_sent_elsewhere_is_an_error_without_the_path(server, code):
    server.code = code
    with pytest.raises(UserError, match=f"HTTP {code}") as error:
        post(server, "", "/hook/zzzzyyyyxxxxwwwwvvvv")
    assert "zzzz" not in str(error.value)
    assert len(server.requests) == 1


def test_a_server_that_is_not_there_is_an_error():
    with pytest.raises(UserError, match="cannot be reached"):
        webhook.send(parse_address("http://127.0.0.1:1/x"), MESSAGE)


def test_a_command_finds_the_figures_and_no_value_is_run(tmp_path):
    line = f'cd {tmp_path}; env > found; printf %s "$AUTORESEARCH_SUMMARY" > summary; printf %s "$TELEGRAM_TOKEN" > own'
    environment = {
        "PATH": "/usr/bin:/bin",
        "HOME": "/root",
        "TELEGRAM_TOKEN": "t0ken",
        "OPENAI_API_KEY": "sk-abc",
        "AWS_SECRET_ACCESS_KEY": "x",
    }
    command.run(parse_address(line), MESSAGE, environment=environment)
    found = (tmp_path / "found").read_text()
    assert "AUTORESEARCH_VALUE=0.25\n" in found
    assert "AUTORESEARCH_GAIN=\n" in found
    assert "OPENAI" not in found
    assert "AWS" not in found
    assert (tmp_path / "summary").read_text() == MESSAGE.figures["summary"]
    assert (tmp_path / "own").read_text() == "t0ken"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["found", "own", "summary"]


def test_a_command_that_fails_or_hangs_is_an_error(monkeypatch, tmp_path):
    with pytest.raises(UserError, match="exit code 3: no such user"):
        command.run(parse_address("echo no such user; exit 3"), MESSAGE)
    monkeypatch.setattr(command, "TIMEOUT", 0.2)
    with pytest.raises(UserError, match="was ended after"):
        command.run(parse_address(f"(sleep 2; touch {tmp_path}/late) & sleep 30"), MESSAGE)
    assert not (tmp_path / "late").exists()
