"""Model names, compared with the lists of the installed SDK."""

from datetime import date

import pytest

from autoresearch_magic.agents.llm import claude_models as module
from autoresearch_magic.agents.llm import prices
from autoresearch_magic.agents.llm.backend import BackendRefused
from autoresearch_magic.agents.llm.claude import Claude

from ...sdks import needs_sdk

needs_sdk("anthropic")


def test_the_default_model_is_current():
    assert Claude().name == f"claude:{module.DEFAULT_MODEL}"
    assert module.DEFAULT_MODEL in module.known_models()
    assert module.DEFAULT_MODEL not in module.deprecated_models()
    assert module.deprecated_models()
    assert prices.price(module.DEFAULT_MODEL) is not None
    assert Claude().warning == ""


def test_deprecated_models(monkeypatch):
    monkeypatch.setattr(module, "deprecated_models", lambda: {"claude-sonnet-4-5": "November 30th, 2026"})
    monkeypatch.setattr(module, "_today", lambda: date(2026, 11, 29))
    backend = Claude("claude-sonnet-4-5")
    assert "ends on November 30th, 2026: use claude-sonnet-5-5" in backend.warning
    assert module.ended("claude-sonnet-4-5") == ""
    monkeypatch.setattr(module, "_today", lambda: date(2026, 12, 1))
    with pytest.raises(BackendRefused) as caught:
        backend.check()
    assert str(caught.value) == (
        "The model claude-sonnet-4-5 ended on 2026-11-30: use claude-sonnet-5-5 (--agent claude:claude-sonnet-5-5)."
    )


def test_the_servers_lifecycle_is_enough_to_warn():
    assert module.leaving("claude-sonnet-5-5", "active") == ""
    assert module.leaving("claude-sonnet-5-5", "deprecated").startswith(
        "The model claude-sonnet-5-5 is deprecated: use "
    )


def test_all_dates_of_the_sdk_can_be_parsed():
    assert module._day("November 30th, 2026") == date(2026, 11, 30)
    assert all(module._day(words) for words in module.deprecated_models().values())
    with pytest.raises(BackendRefused, match=module.DEFAULT_MODEL):
        Claude("claude-2.1").check()


@pytest.mark.parametrize(
    ("model", "can"),
    [
        ("claude-opus-5-5", True), ("claude-opus-4-6", True), ("claude-opus-4-5", False), ("claude-2.1", False),
        ("claude-sonnet-4-20250514", False), ("claude-instant-1.2", False), ("a-proxys-own-name", False),
    ],
)  # fmt: skip
def test_which_models_have_adaptive_thinking(model, can):
    assert module.has_adaptive_thinking(model) is can
