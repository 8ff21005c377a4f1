"""Which limits a coding agent's account of its use allows."""

import json

import pytest

from autoresearch_magic.agents.editing.accounting import accounting, check_limits
from autoresearch_magic.agents.llm.prices import VARIABLE
from autoresearch_magic.config.settings import Settings
from autoresearch_magic.errors import UserError


@pytest.mark.parametrize(
    ("spec", "tokens", "cost"),
    [
        ("claude-code", True, "agent"), ("opencode:openai/x", True, "agent"), ("codex", True, ""), ("codex:mine", True, "prices"),
        ("codex:other", True, ""), ("cursor:mine", False, ""), ("editor:my-agent", False, ""), ("hybrid:codex:mine+tuner", True, "prices"),
    ],
)  # fmt: skip
def test_where_tokens_and_cost_come_from(monkeypatch, tmp_path, spec, tokens, cost):
    (tmp_path / "prices.json").write_text(json.dumps({"mine": {"input": 1, "output": 2}}))
    monkeypatch.setenv(VARIABLE, str(tmp_path / "prices.json"))
    told = accounting(spec)
    assert (told.tokens, told.cost) == (tokens, cost)
    assert bool(told.untold) == (not cost)


@pytest.mark.parametrize("spec", ["tuner", "claude:claude-opus-5", "command:claude -p", "hybrid", "me"])
def test_agents_that_edit_nothing_have_no_account(spec):
    assert accounting(spec) is None


@pytest.mark.parametrize(
    ("spec", "limit", "said"),
    [
        ("cursor", {"max_cost": 1.0}, "Cursor tells neither tokens nor cost, so neither --max-tokens nor --max-cost can be kept: use -n or --hours."),
        ("cursor", {"max_tokens": 10}, "neither tokens nor cost"),
        ("codex", {"max_cost": 1.0}, "Codex tells tokens but no cost, so --max-cost cannot be kept: use --max-tokens, or name its model."),
        ("codex:new", {"max_cost": 1.0}, "the price of new is not known"),
    ],
)  # fmt: skip
def test_a_limit_that_cannot_be_kept_is_refused(spec, limit, said):
    with pytest.raises(UserError) as caught:
        check_limits(Settings(metric="loss", **limit), spec)
    assert said in str(caught.value)


def test_limits_that_can_be_kept_pass():
    check_limits(Settings(metric="loss", max_cost=1.0), "claude-code")
    check_limits(Settings(metric="loss", max_tokens=10), "codex")
    check_limits(Settings(metric="loss"), "cursor")
