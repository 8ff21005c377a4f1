"""Prices of tokens and the user's own price list."""

import json
from datetime import date

import pytest

from autoresearch_magic.agents.llm import prices
from autoresearch_magic.agents.llm.backend import Usage
from autoresearch_magic.agents.llm.claude import Claude
from autoresearch_magic.errors import UserError


def test_prices():
    million = Usage(input=10**6, cached=10**6, written=10**6, output=10**6)
    assert prices.cost("claude-opus-5", million) == pytest.approx(5 + 0.5 + 6.25 + 25)
    assert prices.cost("claude-haiku-4-5-20251001", million) == pytest.approx(1 + 0.1 + 1.25 + 5)
    assert prices.cost("claude-fable-5-2", million) is None  # not a version of claude-fable-5
    assert prices.cost("claude-opus-5-9", million) is None
    assert prices.cost("gpt-x", Usage()) is None
    assert prices.cost("claude-haiku-5-5", Usage(input=100_000)) == pytest.approx(0.01)
    assert prices.cost("claude-haiku-5-5", Usage(input=100_000, cached=1)) == pytest.approx(0.05, rel=1e-3)
    assert date.fromisoformat(prices.PRICES_AS_OF).isoformat() == prices.PRICES_AS_OF


def test_the_users_price_list(monkeypatch, tmp_path):
    path = tmp_path / "prices.json"
    monkeypatch.setenv("AUTORESEARCH_PRICES", str(path))
    own = {"qwen*": {"input": 0, "output": 0}, "claude-opus-5": {"input": 1, "output": 2, "cached": 0.5}}
    path.write_text(json.dumps(own))
    tokens = Usage(input=10**6, cached=10**6, written=10**6, output=10**6)
    assert prices.cost("qwen3:7b", tokens) == 0
    assert prices.cost("claude-opus-5", tokens) == 1 + 0.5 + 1 + 2
    assert prices.cost("claude-sonnet-5", tokens) is not None
    bad = ["[]", "{", '{"a": {"input": 1}}', '{"a": 1}', '{"a": {"input": -1, "output": 1}}',
           '{"a": {"input": true, "output": 1}}', '{"a": {"input": 1, "output": 1, "out": 2}}']  # fmt: skip
    for text in bad:
        path.write_text(text)
        with pytest.raises(UserError, match="AUTORESEARCH_PRICES") as caught:
            Claude()
        assert "\n" not in str(caught.value)
    path.unlink()
    with pytest.raises(UserError, match="cannot be read: No such file"):
        Claude()
