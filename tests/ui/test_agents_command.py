"""``%autoresearch agents``: the agents, and the coding agents that are on this machine."""

import pytest

from autoresearch_magic.agents.editing.adapters import ADAPTERS
from autoresearch_magic.agents.registry import agent_names
from autoresearch_magic.ui.commands.table import run
from autoresearch_magic.ui.session import Session

from ..agents.editing.standins import first_in_path, install


@pytest.fixture
def reply(tmp_path, monkeypatch):
    install(tmp_path / "bin", "claude")
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    return run(Session(), "agents")


def test_every_agent_has_a_line_and_every_coding_agent_says_how_it_is_started(reply, tmp_path):
    lines = reply.text.splitlines()

    assert [line.split()[0] for line in lines[: len(agent_names())]] == agent_names()
    assert f"claude-code  2.1.197, {tmp_path}/bin/claude" in lines
    assert "There is no command 'codex': install it by npm install -g @openai/codex." in reply.text
    for adapter in ADAPTERS.values():
        assert adapter.shown() in reply.text
        assert adapter.shown() in reply.markdown
        assert f"Documentation of {adapter.dated}" in reply.text


def test_the_facts_for_programs(reply):
    agents = {each["name"]: each for each in reply.data["coding_agents"]}

    assert [*agents] == [*ADAPTERS]
    assert {name for name, each in agents.items() if each["found"]} == {"claude-code"}
    assert agents["claude-code"]["version"] == "2.1.197"
    assert agents["codex"]["command"].startswith("codex --ask-for-approval never exec --json")
    assert set(reply.data["agents"]) == set(agent_names())


@pytest.mark.slow
def test_an_agent_that_hangs_holds_nothing_up(tmp_path, monkeypatch):
    monkeypatch.setattr("autoresearch_magic.agents.editing.found.find_all.__defaults__", (0.5,))
    (tmp_path / "codex").write_text("#!/bin/sh\nsleep 600\n")
    (tmp_path / "codex").chmod(0o755)
    monkeypatch.setenv("PATH", first_in_path(tmp_path))

    assert f"codex        no version within 0.5 s, {tmp_path}/codex" in run(Session(), "agents").text
