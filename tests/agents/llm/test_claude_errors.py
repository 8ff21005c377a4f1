"""Texts of errors; what each error means is tested in test_claude, with the SDK's own errors."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autoresearch_magic.agents.llm.claude_errors import clean, reach

SECRETS = st.lists(st.from_regex(r"[A-Za-z0-9_-]{8,20}", fullmatch=True), max_size=3)


@pytest.mark.slow
@given(SECRETS, st.lists(st.text(max_size=40), max_size=8), st.data())
def test_no_key_gets_through(secrets, texts, data):
    text = "".join(part + data.draw(st.sampled_from(["", " ", *secrets, "sk-ant-abc_12-3"])) for part in texts)
    told = clean(text, *secrets, None)
    assert not any(secret in told for secret in secrets)
    assert "sk-ant-abc" not in told
    assert "\n" not in told
    assert len(told) <= 300


def test_text_without_a_key_is_unchanged():
    assert clean("The  prompt\nis too long.", "key-of-mine") == "The prompt is too long."


def test_a_key_of_the_environment_is_hidden(monkeypatch):
    monkeypatch.setenv("ANTHROPIC_AUTH_TOKEN", "a-token-of-theirs")
    assert clean("who is a-token-of-theirs?") == "who is [key removed]?"


def test_reach_follows_keys_and_attributes():
    assert reach({"error": {"message": "no"}}, "error", "message") == "no"
    assert reach({"error": "no"}, "error", "message") is None
    assert reach(3 + 4j, "real") == 3.0
