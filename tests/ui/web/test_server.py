"""The page's server over real HTTP: who is let in, what is served, and how messages and buffers travel."""

import http.client
import json
import math
import struct
import threading

import pytest

from autoresearch_magic.errors import UserError
from autoresearch_magic.events import Judged, RunProgress, RunStarted
from autoresearch_magic.experiment import Experiment, Measurement, Outcome, Proposal, Verdict
from autoresearch_magic.runs import Point
from autoresearch_magic.study.study import Study
from autoresearch_magic.ui.loopback import listen
from autoresearch_magic.ui.web.framing import frame
from autoresearch_magic.ui.web.server import MOST_BYTES, WebServer

from ...kernels import TARGET

TOKEN = "a-token-of-the-tests"


def unpack(data):
    """What the page does with an answer."""
    size, zero = struct.unpack_from("<II", data)
    assert zero == 0
    messages, at = [], 8 + size + -size % 8
    for content, lengths in json.loads(data[8 : 8 + size]):
        buffers = []
        for length in lengths:
            buffers.append(data[at : at + length])
            at += length + -length % 8
        messages.append((content, buffers))
    assert at == len(data)
    return messages


def experiment(number, value, verdict=Verdict.DISCARD):
    runs = (Measurement(Outcome.OK, value, 1, 1.0),) if value is not None else ()
    parent = None if number == 0 else 0
    return Experiment(number, parent, Proposal(f"X = {number}\n", f"idea {number}", "why"), "", verdict, "", runs)


@pytest.fixture
def study(tmp_path):
    made = Study("# Lower it", TARGET, metric="loss", experiments=10, repeats=2, budget="5s", root=tmp_path)
    made.status.take(Judged(experiment(0, 2.0, Verdict.BASELINE)))
    made.status.take(Judged(experiment(1, 1.5, Verdict.KEEP)))
    return made


@pytest.fixture
def server(study):
    made = WebServer(lambda: study, 0, TOKEN)
    thread = threading.Thread(target=lambda: made.serve_forever(poll_interval=0.01))
    thread.start()
    yield made
    made.shutdown()
    thread.join()
    made.server_close()


class Asked:
    """One request, by a client that sends exactly these headers, and its answer."""

    def __init__(self, server, path, content=None, method=None, **headers):
        body = content if isinstance(content, bytes | None) else json.dumps(content).encode()
        sent = {"Host": f"127.0.0.1:{server.port}", "Cookie": f"{server.cookie}={TOKEN}"}
        sent |= {name.replace("_", "-"): value for name, value in headers.items()}
        if body is not None:
            sent["Content-Length"] = sent.get("Content-Length", str(len(body)))
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=20)
        connection.putrequest(method or ("GET" if body is None else "POST"), path, skip_host=True)
        for name, value in sent.items():
            if value is not None:
                connection.putheader(name, value)
        connection.endheaders(body)
        answer = connection.getresponse()
        self.status, self.headers, self.body = answer.status, answer.headers, answer.read()
        connection.close()


def pull(server, view="one", **known):
    answer = Asked(server, f"/message?view={view}", {"type": "pull", **known})
    assert answer.status == 200
    return unpack(answer.body)


def test_the_token_of_the_address_becomes_a_cookie(server):
    opened = Asked(server, f"/?token={TOKEN}", Cookie=None)
    assert opened.status == 200
    assert b'src="/host.js"' in opened.body
    cookie = opened.headers["Set-Cookie"]
    assert cookie.startswith(f"autoresearch-{server.port}={TOKEN};")
    assert "HttpOnly" in cookie
    assert "SameSite" in cookie
    again = Asked(server, "/")
    assert (again.status, again.headers["Set-Cookie"]) == (200, None)
    assert Asked(server, "/", Cookie=None, Authorization=f"Bearer {TOKEN}").status == 200


@pytest.mark.parametrize("path", ["/", "/?token=", "/?token=wrong", "/?ticket=", "/panel.js", "/message", "/no"])
def test_nothing_is_served_without_the_token(server, path):
    assert Asked(server, path, Cookie=None).status == 403
    assert Asked(server, path, Cookie=f"{server.cookie}=wrong").status == 403
    assert Asked(server, path, Cookie=f"another={TOKEN}").status == 403
    refused = Asked(server, path, {"type": "pull"}, Cookie=None)
    assert (refused.status, TOKEN.encode() in refused.body) == (403, False)


def test_a_ticket_opens_the_page_once(server):
    path = server.ticket().partition(str(server.port))[2]
    assert Asked(server, path, Cookie=None).headers["Set-Cookie"]
    assert Asked(server, path, Cookie=None).status == 403


@pytest.mark.parametrize(
    "host", ["example.org", "example.org:80", "127.0.0.1.example.org", "[::1]:80", "", "127.0.0.1:x"]
)
def test_other_names_are_refused(server, host):
    assert Asked(server, "/", Host=host).status == 421
    assert Asked(server, "/message?view=a", {"type": "pull"}, Host=host).status == 421


def test_a_tunnel_may_begin_at_another_port(server):
    assert Asked(server, "/", Host="localhost:1").status == 200
    posted = {"Host": "127.0.0.1:1", "Origin": "http://127.0.0.1:1"}
    assert Asked(server, "/message?view=a", {"type": "pull"}, **posted).status == 200


@pytest.mark.parametrize("origin", ["http://example.org", "null", "http://127.0.0.1:1", "https://127.0.0.1", ""])
def test_pages_of_other_origins_are_refused(server, origin):
    assert Asked(server, "/message?view=a", {"type": "command", "name": "stop"}, Origin=origin).status == 403


def test_what_is_no_message_is_refused(server):
    path = "/message?view=a"
    for wrong in (b"", b"[]", b"{", b"[" * 100_000, b"\xff", b"null"):
        assert Asked(server, path, wrong).status == 400
    assert Asked(server, "/message", {}).status == 400
    assert Asked(server, f"/message?view={'a' * 65}", {}).status == 400
    assert Asked(server, path, b"{}", Content_Length=str(MOST_BYTES + 1)).status == 413
    assert Asked(server, path, b"{}", Content_Length="-1").status == 413
    assert Asked(server, "/other", {}).status == 404
    for path in ("/other", "/index.html", "/../server.py", "/host.js/", "/%2e%2e/server.py"):
        assert Asked(server, path).status == 404
    assert Asked(server, "/", method="PUT").status == 501


def test_the_page_may_only_reach_its_own_server(server):
    for path in ("/", "/panel.js", "/panel.css", "/host.js", "/host.css", "/icon.svg"):
        answer = Asked(server, path)
        assert answer.status == 200
        policy = answer.headers["Content-Security-Policy"]
        assert policy.startswith("default-src 'none'; script-src 'self'; style-src 'self';")
        assert "unsafe" not in policy
        assert answer.headers["Referrer-Policy"] == "no-referrer"
        assert b"//cdn" not in answer.body
    assert b"<script>" not in Asked(server, "/").body


def test_messages_and_buffers(server, study):
    curve = [Point(n / 10, n / 10, n, {"loss": 1 / (1 + n)}) for n in range(5)]
    study.status.take(RunStarted(experiment(2, None), "candidate", 0, 1))
    for point in curve:
        study.status.take(RunProgress(2, "training", point.elapsed, point.progress, point.step, point))
    [(content, buffers)] = pull(server)
    assert (content["type"], content["asked"], content["facts"]["study"]["name"]) == ("delta", True, study.name)
    assert b"".join(struct.pack("<ff", n / 10, 1 / (1 + n)) for n in range(5)) in buffers
    assert content["rows"]["to"] == 2
    [(content, _)] = pull(server, since=2, epoch=content["epoch"])
    assert "rows" not in content


def test_each_page_has_a_view_of_its_own(server):
    [(one, _)], [(two, _)] = pull(server, "one"), pull(server, "two")
    assert one["epoch"] != two["epoch"]
    assert pull(server, "one")[0][0]["epoch"] == one["epoch"]


def test_questions_and_commands_are_answered_in_the_same_exchange(server):
    def ask(content):
        return [message for message, _ in unpack(Asked(server, "/message?view=a", content).body)]

    [refused] = ask({"type": "nonsense", "key": "k"})
    assert (refused["type"], refused["key"]) == ("refused", "k")
    answers = ask({"type": "command", "name": "pause"})
    assert any("nothing to pause" in each.get("message", "") for each in answers)


def test_commands_are_said_as_a_shell_types_them(server, study):
    study.status.message = "See  %autoresearch status"
    assert pull(server)[0][0]["facts"]["message"] == "See  autoresearch status"


def test_numbers_that_are_not_finite_are_null():
    framed = frame([({"a": [math.nan, {"b": -math.inf}], "c": 1.5, "é": "\ud800"}, [b"123", b""])])
    assert unpack(framed) == [({"a": [None, {"b": None}], "c": 1.5, "é": "\ud800"}, [b"123", b""])]


def test_a_port_that_is_taken(study):
    taken = listen("127.0.0.1", 0)
    with pytest.raises(UserError, match=r"^Port \d+ of 127.0.0.1 cannot be used"):
        WebServer(lambda: study, taken.getsockname()[1], TOKEN)
    taken.close()
