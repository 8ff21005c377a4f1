"""Agents by name: the built-in ones, and those of other packages."""

from importlib.metadata import EntryPoint

import pytest

from autoresearch_magic.agents import Agent, Order, Proposal, registry
from autoresearch_magic.agents.tuner import Tuner
from autoresearch_magic.config.settings import Settings
from autoresearch_magic.errors import UserError


class Doubler(Agent):
    """The smallest agent: only `propose`."""

    def __init__(self, order: Order):
        self.order = order

    def propose(self, briefing):
        return Proposal(briefing.incumbent.target * 2, "twice")


def not_an_agent(order):
    return object()


@pytest.fixture
def installed(monkeypatch):
    """Two agents that another package registers."""
    found = [EntryPoint(name, f"{__name__}:{name_in}", registry.GROUP) for name, name_in in
             (("double", "Doubler"), ("wrong", "not_an_agent"))]  # fmt: skip
    monkeypatch.setattr(registry, "entry_points", lambda group: found)


def make(spec, tmp_path):
    return registry.make_agent(spec, "X = 1.0\n", Settings(), tmp_path)


def test_a_built_in_agent(tmp_path):
    agent = make("tuner:X", tmp_path)
    assert isinstance(agent, Tuner)
    assert agent.names == ("X",)


def test_an_agent_of_another_package_with_the_defaults_of_the_base_class(tmp_path, installed):
    agent = make("double:this:and that", tmp_path)
    assert isinstance(agent, Doubler)
    assert (agent.order.argument, agent.order.target, agent.order.root) == ("this:and that", "X = 1.0\n", tmp_path)
    assert (agent.name, agent.slow, agent.reworks, agent.warning, agent.backend) == ("", False, False, "", None)
    agent.check()
    assert registry.agent_names() == [*registry.BUILT_IN, "double", "wrong"]


def test_a_factory_that_returns_no_agent_is_refused(tmp_path, installed):
    with pytest.raises(UserError, match=r"'wrong'.*autoresearch_magic\.agents\.Agent"):
        make("wrong", tmp_path)


def test_an_unknown_name_lists_the_known_ones(tmp_path):
    with pytest.raises(UserError, match=r"no agent 'nobody'.*tuner, claude, openai") as caught:
        make("nobody:x", tmp_path)
    assert "\n" not in str(caught.value)
