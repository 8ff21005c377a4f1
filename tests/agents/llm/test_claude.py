"""The real SDK against a real server on loopback."""

import gc
import os
import pickle
import socket
import sys
import threading
import time
import traceback

import pytest

from autoresearch_magic.agents.llm import calls
from autoresearch_magic.agents.llm import claude as module
from autoresearch_magic.agents.llm.backend import BackendFailed, BackendRefused, Prompt, Turn
from autoresearch_magic.agents.llm.claude import Claude
from autoresearch_magic.agents.llm.claude_models import DEFAULT_MODEL
from autoresearch_magic.errors import NothingToPropose, Stopped

from ...fake_messages import (
    MALFORMED,
    FakeMessages,
    Reply,
    answer,
    broken,
    dropped,
    failed,
    limited,
    overloaded,
    stalled,
)
from ...sdks import needs_sdk

needs_sdk("anthropic")

KEY = "sk-ant-test-0123456789"
PROMPT = Prompt("You are a researcher. " * 50, "The program. " * 100, (Turn("user", "Propose."),))


@pytest.fixture(autouse=True)
def environment(monkeypatch, tmp_path):
    for name in [name for name in os.environ if name.startswith("ANTHROPIC_")]:
        monkeypatch.delenv(name)
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "AUTORESEARCH_PRICES"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))  # a login of the developer's own must not help
    monkeypatch.setenv("ANTHROPIC_API_KEY", KEY)
    yield
    assert not [thread for thread in threading.enumerate() if thread.name == "autoresearch-request"]


@pytest.fixture(autouse=True, scope="module")
def _no_socket_stays_open():
    yield
    gc.collect()  # an unclosed one warns here, and warnings are errors


class Waits(list):
    """Records instead of waiting."""

    def __call__(self, seconds, reason):
        if reason:  # else it only looks whether the study was stopped
            self.append((seconds, reason))

    @property
    def seconds(self):
        return [seconds for seconds, _ in self]


def ask(server, model="claude-opus-5-5", prompt=PROMPT, deadline=20.0, wait=None, **options):
    return Claude(model, base_url=server.url, **options).complete(
        prompt, deadline=deadline, wait=Waits() if wait is None else wait
    )


def error_of(kind, act):
    """Return the message of the error that a call raises, after checking that the key is nowhere in the error."""
    with pytest.raises(kind) as caught:
        act()
    assert KEY not in "".join(traceback.format_exception(caught.value))
    assert KEY not in repr(caught.value)
    assert "\n" not in str(caught.value)
    assert caught.value.__cause__ is None
    assert not hasattr(caught.value.__context__, "request")  # whose headers hold the key
    return str(caught.value)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


# ------------------------------------------------------------------------------------------------------------ answers


def test_answer():
    with FakeMessages([answer("The édit.", thinking="hm, hm")], key=KEY) as server:
        done = ask(server, effort="low")
    assert (done.text, done.stop, done.usage.calls) == ("The édit.", "end", 1)
    body = server.requests[0].body
    assert body["stream"] is True
    assert body["thinking"] == {"type": "adaptive"}
    assert body["output_config"] == {"effort": "low"}
    assert [block.get("cache_control") for block in body["system"]] == [{"type": "ephemeral"}]
    blocks = body["messages"][0]["content"]
    assert [block["text"] for block in blocks] == [PROMPT.stable, "Propose."]
    assert [block.get("cache_control") for block in blocks] == [{"type": "ephemeral"}, None]
    assert 0 < done.usage.seconds < 10


def test_answer_made_from_the_request():
    with FakeMessages(lambda request: f"{request.prompt.splitlines()[-1]} {request.key}") as server:
        assert ask(server).text == f"Propose. {KEY}"
    with FakeMessages([answer(MALFORMED)]) as server:
        assert ask(server).text == MALFORMED


def test_conversation_without_stable_parts():
    turns = (Turn("user", "a"), Turn("assistant", " "), Turn("user", "c"))
    with FakeMessages() as server:
        ask(server, prompt=Prompt("", "", turns))
    body = server.requests[0].body
    assert "system" not in body
    texts = [(message["role"], message["content"][0]["text"]) for message in body["messages"]]
    assert texts == [("user", "a"), ("assistant", "(empty)"), ("user", "c")]


def test_cached_tokens_and_cost():
    with FakeMessages([answer("x" * 400)]) as server:
        first, second = ask(server).usage, ask(server).usage
        other = ask(server, prompt=Prompt(PROMPT.system, "Another program. " * 100, PROMPT.turns)).usage
    stable, system = (len(PROMPT.system) + len(PROMPT.stable)) // 4, len(PROMPT.system) // 4
    assert (first.cached, first.written, first.input, first.output) == (0, stable, 2, 101)
    assert (second.cached, second.written, second.input) == (stable, 0, 2)
    assert other.cached == system
    assert other.written > 0
    assert second.cost < first.cost
    assert second.cost == pytest.approx((2 * 4 + stable * 0.2 + 101 * 20) / 1e6)


def test_cost_of_an_unknown_model_is_unknown():
    with FakeMessages() as server:
        done = ask(server, "my-proxy-model")
        assert "thinking" not in server.requests[0].body
    assert done.usage.cost is None
    assert done.usage.tokens > 0


@pytest.mark.parametrize(
    ("model", "thinks"),
    [("claude-opus-5-5", True), ("claude-sonnet-4-6", True), ("claude-haiku-5-5", True), ("claude-haiku-4-5", False),
     ("claude-opus-4-5-20251101", False), ("claude-3-7-sonnet-latest", False), ("claude-fable-5-1", True)],
)  # fmt: skip
def test_thinking_by_name(model, thinks):
    assert Claude(model)._thinks is thinks


def test_the_servers_description_overrides_the_name():
    types = {"adaptive": {"supported": False}}
    info = {
        "capabilities": {"thinking": {"supported": False, "types": types}, "effort": {"max": {"supported": False}}},
        "max_tokens": 8000,
        "lifecycle": "deprecated",
    }
    with FakeMessages(info=info) as server:
        backend = Claude(base_url=server.url)
        backend.check()
        backend.complete(PROMPT, deadline=20, wait=Waits())
        assert server.requests[0].body["max_tokens"] == 8000
        assert "thinking" not in server.requests[0].body
        assert "deprecated" in backend.warning
        assert "no effort 'max'" in error_of(BackendRefused, Claude(base_url=server.url, effort="max").check)


@pytest.mark.parametrize(
    ("reason", "stop"),
    [("end_turn", "end"), ("stop_sequence", "end"), ("max_tokens", "length"), ("refusal", "refusal"),
     ("model_context_window_exceeded", "length"), ("pause_turn", "pause_turn"), ("tool_use", "tool_use")],
)  # fmt: skip
def test_stop_reasons(reason, stop):
    with FakeMessages([answer("text", stop=reason)]) as server:
        assert ask(server).stop == stop


def test_all_stop_reasons_of_the_sdk_are_known():
    from typing import get_args

    from anthropic.types import StopReason

    assert set(get_args(StopReason)) == {*module._STOPS, "tool_use", "pause_turn"}


def test_a_refusal_says_why():
    with FakeMessages([answer("", stop="refusal", explanation="Not this.")]) as server:
        assert ask(server).text == "Not this."


# --------------------------------------------------------------------------------------------------- limits and errors


def test_rate_limit_waits_exactly_as_long_as_asked():
    waits = Waits()
    with FakeMessages([limited(7), failed(429, retry_after_ms="1500"), overloaded(), answer("ok")]) as server:
        done = ask(server, wait=waits)
    assert done.text == "ok"
    assert done.usage.calls == 1
    assert waits.seconds[:2] == [7, 1.5]
    assert 6 <= waits.seconds[2] <= 10
    assert [reason.split(":")[0] for _, reason in waits] == ["Rate limit of Claude"] * 2 + ["Claude is overloaded"]


@pytest.mark.slow
def test_waiting_is_not_charged_to_the_deadline():
    def wait(seconds, reason):
        time.sleep(seconds)

    with FakeMessages([limited(2.2), answer("ok")]) as server:
        done = ask(server, wait=wait, deadline=2.0)
    assert done.usage.seconds < 2.0


@pytest.mark.slow
def test_a_limit_is_waited_out_as_long_as_the_study_has_time():
    waits = Waits()

    def wait(seconds, reason):
        waits(seconds, reason)
        if len(waits) == 15:
            raise NothingToPropose("The time is up.")

    with FakeMessages([limited()]) as server:
        assert error_of(NothingToPropose, lambda: ask(server, wait=wait)) == "The time is up."
    assert len(server.requests) == 15
    assert 30 < max(waits.seconds) <= calls.BACKOFF[1] * 1.2
    waits = Waits()
    with FakeMessages([limited(7200), answer("at last")]) as server:
        assert ask(server, wait=waits).text == "at last"
    assert waits.seconds == [7200]
    with FakeMessages([failed(429, "Limit", "enforced_spend_limit_reached")]) as server:
        assert "account" in error_of(BackendRefused, lambda: ask(server))


@pytest.mark.slow
def test_stop_while_waiting_or_reading():
    def wait(seconds, reason):
        raise Stopped

    for reply in limited(5), stalled():
        with FakeMessages([reply]) as server, pytest.raises(Stopped):
            ask(server, wait=wait)


def test_overload_in_mid_stream():
    waits = Waits()
    with FakeMessages([broken(), broken("rate_limit_error"), answer("ok")]) as server:
        done = ask(server, wait=waits)
    assert done.text == "ok"
    assert len(waits) == 2
    assert done.usage.calls == 1
    stable = (len(PROMPT.system) + len(PROMPT.stable)) // 4
    assert (done.usage.written, done.usage.cached) == (stable, 2 * stable)  # what broke off has cost something too


@pytest.mark.slow
@pytest.mark.parametrize(
    "reply",
    [dropped("middle"), dropped("end"), dropped("headers"), failed(500), failed(503), failed(502, raw="<html>"),
     broken("api_error")],
)  # fmt: skip
def test_broken_answers_are_retried_twice(reply):
    waits = Waits()
    with FakeMessages([reply, reply, answer("ok")]) as server:
        assert ask(server, wait=waits).text == "ok"
    assert waits.seconds == [0.5, 1.0]
    with FakeMessages([reply]) as server:
        error_of(BackendFailed, lambda: ask(server))
    assert len(server.requests) == 3


def test_the_cost_of_a_broken_answer():
    with FakeMessages([dropped()]) as server, pytest.raises(BackendFailed) as caught:
        ask(server)
    assert caught.value.usage.calls == 0
    assert caught.value.usage.cached > 0
    assert caught.value.usage.cost > 0


@pytest.mark.parametrize(
    ("status", "message", "expected"),
    [(400, "messages: bad\nthing", "messages: bad thing"), (401, KEY, "set ANTHROPIC_API_KEY"),
     (402, "pay", "account: pay"), (403, "not yours", "not yours"), (404, "model: nope", "claude-sonnet-5-5"),
     (404, "Not Found", "no Messages API"), (400, "Your credit balance is too low", "account"),
     (400, f"odd {KEY} sk-ant-other", "odd [key removed] [key removed]"), (422, "odd", "refuses the request: odd")],
)  # fmt: skip
def test_refusals(status, message, expected):
    with FakeMessages([failed(status, message)]) as server:
        assert expected in error_of(BackendRefused, lambda: ask(server))
    assert len(server.requests) == 1


@pytest.mark.parametrize("status", [400, 413])
def test_a_prompt_that_is_too_long_fails_one_answer_only(status):
    with FakeMessages([failed(status, "prompt is too long: 9 tokens > 8 maximum")]) as server:
        assert "too long" in error_of(BackendFailed, lambda: ask(server))


@pytest.mark.slow
@pytest.mark.parametrize("where", ["headers", "middle", "trickle"])
def test_deadline(where):
    with FakeMessages([stalled(where)]) as server:
        began = time.monotonic()
        line = error_of(BackendFailed, lambda: ask(server, deadline=1.0))
        assert 0.9 < time.monotonic() - began < 3.0
    assert line.endswith("no answer within 1 s.")


@pytest.mark.slow
def test_the_deadline_covers_all_retries():
    with FakeMessages([dropped(), stalled()]) as server:
        began = time.monotonic()
        error_of(BackendFailed, lambda: ask(server, deadline=1.0))
        assert time.monotonic() - began < 3.0
    assert len(server.requests) == 2


# ---------------------------------------------------------------------------------------------------------- the check


def test_check_makes_one_free_request():
    with FakeMessages(key=KEY) as server:
        Claude(base_url=server.url).check()
    assert [request.path for request in server.checks] == [f"/v1/models/{DEFAULT_MODEL}"]
    assert not server.requests


def test_check_honours_the_environment(monkeypatch):
    with FakeMessages(key="token-1") as server:
        monkeypatch.setenv("ANTHROPIC_BASE_URL", server.url)
        monkeypatch.delenv("ANTHROPIC_API_KEY")
        monkeypatch.setenv("ANTHROPIC_AUTH_TOKEN", "token-1")
        Claude().check()
        monkeypatch.delenv("ANTHROPIC_AUTH_TOKEN")
        monkeypatch.setenv("ANTHROPIC_CUSTOM_HEADERS", "X-Api-Key: token-1")
        Claude().check()
    assert len(server.checks) == 2


def test_check_without_a_key(monkeypatch):
    monkeypatch.delenv("ANTHROPIC_API_KEY")
    assert "set ANTHROPIC_API_KEY" in error_of(BackendRefused, Claude().check)
    assert "set ANTHROPIC_API_KEY" in error_of(BackendRefused, Claude(ask_key=lambda: " ").check)
    monkeypatch.setenv("ANTHROPIC_PROFILE", "nowhere")
    assert "ANTHROPIC_PROFILE" in error_of(BackendRefused, Claude().check)
    with FakeMessages(key=KEY) as server:
        Claude(base_url=server.url, ask_key=lambda: KEY).check()
    monkeypatch.delenv("ANTHROPIC_PROFILE")
    with FakeMessages() as server:
        assert "set ANTHROPIC_API_KEY" in error_of(BackendRefused, lambda: ask(server))


@pytest.mark.parametrize("key", [f"{KEY}\n", f"{KEY} ", f"{KEY}é"])
def test_a_malformed_key(monkeypatch, key):
    monkeypatch.setenv("ANTHROPIC_API_KEY", key)
    assert "set ANTHROPIC_API_KEY again" in error_of(BackendRefused, Claude().check)


def test_a_key_that_was_asked_for_stays_in_the_object(monkeypatch):
    monkeypatch.delenv("ANTHROPIC_API_KEY")
    asked = iter(["wrong", KEY])
    with FakeMessages([failed(400, f"bad {KEY}")], key=KEY) as server:
        backend = Claude(base_url=server.url, ask_key=lambda: next(asked))
        assert "wrong" not in error_of(BackendRefused, backend.check)
        backend.check()
        backend.check()  # asks no third time
        assert "bad [key removed]" in error_of(
            BackendRefused, lambda: backend.complete(PROMPT, deadline=9, wait=Waits())
        )
    assert KEY not in repr(backend)
    assert KEY.encode() not in pickle.dumps(backend)
    assert KEY not in str(os.environ)


def test_check_asks_for_no_key_when_there_is_one():
    with FakeMessages(key=KEY) as server:
        Claude(base_url=server.url, ask_key=lambda: pytest.fail("asked")).check()


@pytest.mark.slow
def test_check_reports_what_is_wrong(monkeypatch):
    with FakeMessages(key="another", models=("claude-opus-5",)) as server:
        assert "does not accept the key" in error_of(BackendRefused, Claude("claude-opus-5", base_url=server.url).check)
    with FakeMessages(models=("claude-opus-5",)) as server:
        assert "no model 'claude-9'" in error_of(BackendRefused, Claude("claude-9", base_url=server.url).check)
    url = f"http://user:secret@127.0.0.1:{free_port()}"
    line = error_of(BackendRefused, Claude(base_url=url).check)
    assert "Nobody answers" in line
    assert "secret" not in line
    error_of(BackendRefused, Claude(base_url="nonsense").check)
    with FakeMessages(check=failed(200, raw="<html>A front page</html>"), models=("claude-opus-5-5",)) as server:
        Claude(base_url=server.url).check()  # the count of tokens makes up for it
    with FakeMessages(info={"lifecycle": "retired"}) as server:
        assert "retired" in error_of(BackendRefused, Claude(base_url=server.url).check)
    monkeypatch.setattr(module, "CHECK_SECONDS", 0.3)
    with FakeMessages(check=Reply(stall="headers")) as server:
        assert "did not answer" in error_of(BackendRefused, Claude(base_url=server.url).check)


@pytest.mark.parametrize("check", [failed(403, "no listing"), failed(405), failed(404, raw="nothing here")])
def test_check_passes_a_proxy_without_the_list_of_models(check):
    with FakeMessages(check=check, key=KEY) as server:
        Claude(base_url=server.url).check()
    assert server.checks[-1].path == "/v1/messages/count_tokens"


def test_check_passes_a_proxy_with_messages_only():
    with FakeMessages(endpoints=False) as server:
        backend = Claude(base_url=server.url)
        backend.check()
        assert backend.complete(PROMPT, deadline=20, wait=Waits()).text == "hello"


@pytest.mark.parametrize("check", [overloaded(), limited(3), failed(500)])
def test_check_passes_a_busy_server(check):
    with FakeMessages(check=check) as server:
        Claude(base_url=server.url).check()


def test_without_the_sdk(monkeypatch):
    monkeypatch.setitem(sys.modules, "anthropic", None)
    assert "pip install anthropic" in error_of(BackendRefused, Claude().check)


def test_the_module_does_not_import_the_sdk():
    import subprocess

    code = "import sys, autoresearch_magic.agents.llm.claude; sys.exit('anthropic' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.slow
def test_unknown_effort():
    assert "use one of low" in error_of(BackendRefused, lambda: Claude(effort="huge"))
