"""The OpenAI-compatible backend against a real server on loopback."""

import asyncio
import socket
import subprocess
import sys
import threading
import time

import pytest

from autoresearch_magic.agents.llm.backend import BackendFailed, BackendRefused, Prompt, Turn, Usage
from autoresearch_magic.agents.llm.openai import OpenAI, without_thinking
from autoresearch_magic.errors import Stopped, UserError

from ...fake_chat import FakeChat, answer, dropped, failed, stalled
from ...sdks import needs_sdk

needs_sdk("openai")

PROMPT = Prompt("Be brief.", "The program.", (Turn("user", "1?"), Turn("assistant", "2"), Turn("user", "3?")))
KEY = "sk-secret-0123456789abcdef"


@pytest.fixture(autouse=True)
def _surroundings(monkeypatch, tmp_path):
    """Set a key, no server, and a price list in which a million tokens of the model toy cost a dollar."""
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    monkeypatch.delenv("OPENAI_BASE_URL", raising=False)
    prices = tmp_path / "prices.json"
    prices.write_text('{"toy": {"input": 1, "output": 1}}')
    monkeypatch.setenv("AUTORESEARCH_PRICES", str(prices))


class Waiting:
    """Records the calls of the study's `wait` instead of waiting."""

    def __init__(self, stop_after=None):
        self.waits, self.looks, self.stop_after = [], 0, stop_after

    def __call__(self, seconds, reason):
        if seconds == 0:
            self.looks += 1
            if self.stop_after is not None and self.looks > self.stop_after:
                raise Stopped
        else:
            self.waits.append((round(seconds, 3), reason))


def ask(server, *, deadline=10.0, wait=None):
    return OpenAI(server.spec).complete(PROMPT, deadline=deadline, wait=wait or Waiting())


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def test_an_answer_with_its_usage_and_cost():
    with FakeChat([answer("x = 1\nä")]) as server:
        got = ask(server)
    assert (got.text, got.stop) == ("x = 1\nä", "end")
    assert (got.usage.calls, got.usage.input, got.usage.cached, got.usage.output) == (1, 40, 60, 7)
    assert got.usage.cost == pytest.approx(107e-6)
    assert 0 < got.usage.seconds < 5
    body = server.requests[0].body
    assert (body["model"], body["stream"], body["stream_options"]) == ("toy", True, {"include_usage": True})
    assert [m["role"] for m in body["messages"]] == ["system", "user", "assistant", "user"]
    assert body["messages"][0]["content"] == "Be brief.\n\nThe program."
    assert server.requests[0].headers["authorization"] == f"Bearer {KEY}"


def test_a_server_without_usage_leaves_the_cost_unknown():
    with FakeChat([answer(usage=None)]) as server:
        usage = ask(server).usage
    assert (usage.calls, usage.tokens, usage.cost) == (1, 0, None)


def test_a_model_without_a_price_leaves_the_cost_unknown():
    with FakeChat(models=["other"]) as server:
        usage = ask(server).usage
    assert (usage.tokens, usage.cost) == (107, None)


def test_a_server_without_stream_options_is_remembered():
    with FakeChat([answer("yes", no_stream_options=True)]) as server:
        backend = OpenAI(server.spec)
        for _ in range(2):
            got = backend.complete(PROMPT, deadline=10, wait=Waiting())
            assert (got.text, got.usage.cost) == ("yes", None)
        assert ["stream_options" in r.body for r in server.requests] == [True, False, False]


@pytest.mark.parametrize(
    ("finish", "stop"), [("length", "length"), ("content_filter", "refusal"), ("tool_calls", "tool_calls")]
)
def test_stop_reasons(finish, stop):
    with FakeChat([answer("so far", finish=finish)]) as server:
        got = ask(server)
    assert (got.text, got.stop) == ("so far", stop)


def test_a_refusal():
    with FakeChat([answer("", refusal="I will not.")]) as server:
        got = ask(server)
    assert (got.text, got.stop) == ("I will not.", "refusal")


def test_thinking_is_not_part_of_the_text():
    with FakeChat([answer("<think>\nhm\n</think>\n\nx = 1", reasoning="well, well")]) as server:
        assert ask(server).text == "x = 1"


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("<think>a</think> b", "b"),
        ("\n<think>a</think>\nsay </think> b", "say </think> b"),
        ("<think>cut off", ""),
        ("opened by the template</think>\nb", "b"),
        ('re.sub("<think>.*</think>", "")', 're.sub("<think>.*</think>", "")'),
        ("  plain", "  plain"),
    ],
)
def test_thinking_is_stripped_at_the_beginning_only(text, left):
    assert without_thinking(text) == left


def test_a_rate_limit_waits_as_long_as_the_server_says():
    script = [failed(429, retry_after="7"), failed(429, retry_after_ms="1500"), answer("at last")]
    wait = Waiting()
    with FakeChat(script) as server:
        got = ask(server, wait=wait)
        assert len(server.requests) == 3
    assert (got.text, got.usage.calls) == ("at last", 1)
    assert got.usage.cost == pytest.approx(107e-6)
    assert [seconds for seconds, _ in wait.waits] == [7.0, 1.5]
    assert "rate limit" in wait.waits[0][1]
    assert KEY not in str(wait.waits)


def test_an_overload_waits_longer_each_time():
    wait = Waiting()
    with FakeChat([failed(503), failed(529), failed(503), answer()]) as server:
        ask(server, wait=wait)
    first, second, third = [seconds for seconds, _ in wait.waits]
    assert 1.6 <= first <= 2.4 < second < third < 10
    assert "overloaded" in wait.waits[0][1]


def test_a_long_wait_is_waited_out_too():
    wait = Waiting()
    with FakeChat([failed(429, retry_after="7200"), answer("at last")]) as server:
        assert ask(server, wait=wait).text == "at last"
    assert [seconds for seconds, _ in wait.waits] == [7200.0]


@pytest.mark.slow
def test_what_was_used_before_a_refusal_or_a_stop_is_told():
    with FakeChat([dropped("middle"), failed(401, "who are you?")]) as server:
        with pytest.raises(BackendRefused) as caught:
            ask(server)
        assert caught.value.usage.input > 0
        assert caught.value.usage.cost > 0
    with FakeChat([answer("ab" * 40, pause=0.3)]) as server, pytest.raises(Stopped) as stopped:
        ask(server, wait=Waiting(stop_after=1))
    assert stopped.value.usage.cost > 0


@pytest.mark.parametrize("broken", [failed(500, "oh"), dropped("headers"), dropped("middle")])
def test_a_single_failure_is_retried(broken):
    wait = Waiting()
    with FakeChat([broken, answer("whole")]) as server:
        got = ask(server, wait=wait)
    assert (got.text, [seconds for seconds, _ in wait.waits]) == ("whole", [0.5])
    # What was begun is billed as well, as far as can be estimated.
    assert (got.usage.cost > 107e-6) == (broken == dropped("middle"))


@pytest.mark.parametrize(
    "broken",
    [
        failed(500, "oh"), dropped("middle"), answer("", error={"error": {"message": "oh"}}), answer(finish=None),
    ],
)  # fmt: skip
def test_repeated_failures_fail_the_answer(broken):
    with FakeChat([broken]) as server:
        with pytest.raises(BackendFailed) as caught:
            ask(server)
        assert len(server.requests) == 3
    assert "\n" not in str(caught.value)
    assert caught.value.usage.calls == 0
    assert caught.value.usage.seconds > 0


@pytest.mark.slow
@pytest.mark.parametrize("where", ["headers", "middle"])
def test_a_silent_server_is_abandoned_at_the_deadline(where):
    with FakeChat([stalled(where)]) as server:
        start = time.monotonic()
        with pytest.raises(BackendFailed, match=r"no answer within 0.5 s") as caught:
            ask(server, deadline=0.5)
        assert time.monotonic() - start < 2
        assert "autoresearch-request" not in [thread.name for thread in threading.enumerate()]
    assert caught.value.usage.cost > 0


@pytest.mark.slow
def test_a_trickling_server_is_abandoned_at_the_deadline():
    with FakeChat([answer("ab", pause=0.4)] * 4) as server, pytest.raises(BackendFailed, match="no answer"):
        ask(server, deadline=0.6)


@pytest.mark.slow
def test_waiting_does_not_count_against_the_deadline():
    def wait(seconds, reason):
        time.sleep(seconds and 0.8)

    with FakeChat([failed(429, retry_after="1"), answer("yes")]) as server:
        assert ask(server, deadline=0.7, wait=wait).text == "yes"


@pytest.mark.slow
def test_a_stopped_study_does_not_wait_for_the_answer():
    with FakeChat([stalled()]) as server:
        start = time.monotonic()
        with pytest.raises(Stopped):
            ask(server, deadline=60, wait=Waiting(stop_after=1))
        assert time.monotonic() - start < 2


@pytest.mark.parametrize("status", [400, 401, 402, 403, 404, 422])
def test_permanent_errors_are_refused_in_one_line(status):
    with FakeChat([failed(status, f"bad\nthing {KEY} and sk-proj-***abcd")]) as server:
        with pytest.raises(BackendRefused) as caught:
            ask(server)
        assert len(server.requests) == (2 if status in (400, 422) else 1)
    said = str(caught.value)
    assert str(status) in said
    assert "bad thing" in said
    assert "sk-" not in said
    assert "\n" not in said


def test_an_exhausted_quota_is_refused():
    with FakeChat([failed(429, "You exceeded your quota", "insufficient_quota")]) as server:
        with pytest.raises(BackendRefused, match="quota"):
            ask(server)
        assert len(server.requests) == 1


def test_it_works_inside_a_running_loop():
    async def cell():
        with FakeChat() as server:
            return ask(server).text

    assert asyncio.run(cell()) == "hello"


def test_other_servers_need_no_key(monkeypatch):
    monkeypatch.delenv("OPENAI_API_KEY")
    with FakeChat() as server:
        OpenAI(server.spec).check()
        assert ask(server).text == "hello"
        monkeypatch.setenv("OPENAI_BASE_URL", server.url)
        backend = OpenAI("toy")
        backend.check()
        assert backend.complete(PROMPT, deadline=10, wait=Waiting()).text == "hello"


def test_loopback_bypasses_the_proxy(monkeypatch):
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{free_port()}")
    with FakeChat() as server:
        assert ask(server).text == "hello"


@pytest.mark.parametrize(
    ("spec", "model", "url"),
    [
        ("gpt-x", "gpt-x", "https://api.openai.com/v1"),
        ("qwen2.5-coder:7b@http://localhost:11434", "qwen2.5-coder:7b", "http://localhost:11434/v1"),
        ("m@http://localhost:1/v1/", "m", "http://localhost:1/v1/"),
        ("m@localhost:8000", "m", "http://localhost:8000/v1"),
        ("@cf/meta/llama@https://host/openai", "@cf/meta/llama", "https://host/openai"),
        ("claude@20240229", "claude@20240229", "https://api.openai.com/v1"),
    ],
)
def test_model_and_url(spec, model, url):
    backend = OpenAI(spec)
    assert (backend.model, backend.url, backend.name) == (model, url, f"openai:{model}")


def test_check_passes_a_good_server():
    with FakeChat(models=["toy", "llama3:latest"]) as server:
        OpenAI(server.spec).check()
        OpenAI(f"llama3@{server.url}").check()
        assert not server.requests


@pytest.mark.parametrize("spec", ["", "  ", "@http://localhost:1/v1"])
def test_check_without_a_model(spec):
    with pytest.raises(BackendRefused, match="No model"):
        OpenAI(spec).check()


@pytest.mark.parametrize("url", [None, "https://api.openai.com", "https://eu.api.openai.com/v1"])
def test_check_without_a_key(monkeypatch, url):
    monkeypatch.delenv("OPENAI_API_KEY")
    with pytest.raises(BackendRefused, match="OPENAI_API_KEY"):
        OpenAI(f"m@{url}" if url else "m").check()


@pytest.mark.parametrize("key", ["sk-\n1", "“quoted”"])
def test_check_with_a_malformed_key(monkeypatch, key):
    monkeypatch.setenv("OPENAI_API_KEY", key)
    with pytest.raises(BackendRefused, match="not a key"):
        OpenAI("m").check()


@pytest.mark.parametrize("url", ["http://", "http://[::1", "http://me:password@/v1", "http://host:99999/v1"])
def test_check_with_a_malformed_url(url):
    with pytest.raises(BackendRefused, match="is not a URL") as caught:
        OpenAI(f"m@{url}").check()
    assert "password" not in str(caught.value)


def test_check_without_a_server():
    with pytest.raises(BackendRefused, match="Nobody answers at") as caught:
        OpenAI(f"m@http://user:password@127.0.0.1:{free_port()}/v1").check()
    assert "password" not in str(caught.value)


def test_check_with_an_unknown_model():
    with FakeChat(models=["tiny", "tony"]) as server, pytest.raises(BackendRefused, match=r"no model 'toy'.*tony"):
        OpenAI(f"toy@{server.url}").check()


def test_check_where_any_model_name_is_valid():
    with FakeChat(models=["/models/a.gguf"], owner="llamacpp") as server:
        OpenAI(f"toy@{server.url}").check()


def test_check_with_a_wrong_key():
    with FakeChat(models_status=401) as server, pytest.raises(BackendRefused, match="401") as caught:
        OpenAI(server.spec).check()
    assert KEY not in str(caught.value)


@pytest.mark.parametrize("options", [{"models": None}, {"models": []}, {"models_status": 403}, {"models_status": 500}])
def test_check_at_a_server_without_a_list_of_models(options):
    with FakeChat(**options) as server:
        OpenAI(server.spec).check()


def test_check_reads_the_price_list(monkeypatch, tmp_path):
    monkeypatch.setenv("AUTORESEARCH_PRICES", str(tmp_path / "none.json"))
    with FakeChat() as server, pytest.raises(UserError, match=r"none\.json"):
        OpenAI(server.spec).check()


def test_check_without_the_sdk(monkeypatch):
    monkeypatch.setitem(sys.modules, "openai", None)
    with pytest.raises(BackendRefused, match=r"pip install openai"):
        OpenAI("m").check()


@pytest.mark.slow
def test_the_sdk_is_imported_only_when_it_is_needed():
    code = "import sys, autoresearch_magic.agents.llm.openai; print('openai' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"


def test_a_failed_connection_costs_nothing():
    with pytest.raises(BackendFailed) as caught:
        OpenAI(f"m@http://127.0.0.1:{free_port()}/v1").complete(PROMPT, deadline=5, wait=Waiting())
    assert caught.value.usage == Usage(seconds=caught.value.usage.seconds, cost=0.0)
