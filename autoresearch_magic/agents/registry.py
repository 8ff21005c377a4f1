"""Find an agent by its name: the built-in ones, and those that other packages register."""

from __future__ import annotations

from collections.abc import Callable
from importlib.metadata import entry_points
from pathlib import Path

from ..config.settings import Settings
from ..errors import UserError
from .base import Agent, Order
from .llm.backend import Backend

GROUP = "autoresearch_magic.agents"
"""The entry-point group in which other packages register theirs: a name, and a callable that takes an `Order`."""

AgentFactory = Callable[[Order], Agent]
"""Makes an agent, or raises `UserError`."""


def _tuner(order: Order) -> Agent:
    from .tuner import Tuner  # Optuna is imported with it, so only where it is used

    return Tuner(order.argument, order.target)


def _model(backend: Backend, order: Order) -> Agent:
    from .llm.agent import LanguageModel

    return LanguageModel(backend, deadline=order.settings.reply_timeout, long=order.settings.blocks_from)


def _claude(order: Order) -> Agent:
    from .llm.claude import Claude

    s = order.settings
    return _model(Claude(order.argument, effort=s.effort, base_url=s.base_url or None, ask_key=ask_key), order)


def _openai(order: Order) -> Agent:
    from .llm.openai import OpenAI

    url = order.settings.base_url
    return _model(OpenAI(f"{order.argument}@{url}" if url and "@" not in order.argument else order.argument), order)


def _command(order: Order) -> Agent:
    from .llm.command import CommandBackend

    return _model(CommandBackend(order.argument), order)


def _hybrid(order: Order) -> Agent:
    from .hybrid import Hybrid, Later

    def make(spec: str, target: str) -> Agent:
        return make_agent(spec, target, order.settings, order.root)

    structure, _, numbers = (order.argument or "claude").partition("+")
    numbers = numbers or "tuner"
    try:
        second = make(numbers, order.target)
    except UserError:
        if numbers.partition(":")[0] != "tuner":
            raise
        second = Later(lambda target: make("tuner", target))  # the model may write constants first
    return Hybrid(make(structure or "claude", order.target), second)


def _recorded(order: Order) -> Agent:
    from .recorded import Recorded

    return Recorded(order.argument, order.root)


def _replay(order: Order) -> Agent:
    from .replay import Replay

    return Replay(order.argument, order.target, order.root)


ask_key: Callable[[], str] | None = None
"""Asks the user for a key that the environment does not have; set by the magics, where there is somebody to ask."""

BUILT_IN: dict[str, AgentFactory] = {
    "tuner": _tuner,
    "claude": _claude,
    "openai": _openai,
    "command": _command,
    "hybrid": _hybrid,
    "replay": _replay,
    "recorded": _recorded,
}


def agent_names() -> list[str]:
    """Return the names that `make_agent` knows, our own first."""
    return [*BUILT_IN, *sorted({e.name for e in entry_points(group=GROUP)} - set(BUILT_IN))]


def make_agent(spec: str, target: str, settings: Settings, root: Path) -> Agent:
    """Find an agent by its name.

    Parameters
    ----------
    spec : str
        ``NAME`` or ``NAME:ARGUMENT``.
    target : str
        The source it will have to change; an agent that cannot work with it says so here, before anything is run.
    settings : Settings
    root : Path
        The folder that holds the studies.

    Raises
    ------
    UserError
        When there is no such agent, or it cannot start.
    """
    name, _, argument = spec.partition(":")
    factory = BUILT_IN.get(name)
    if factory is None:
        found = {e.name: e for e in entry_points(group=GROUP)}
        if name not in found:
            raise UserError(f"There is no agent {name!r}: use one of {', '.join(agent_names())} (--agent NAME).")
        factory = found[name].load()
    agent = factory(Order(argument, target, settings, root))
    if not isinstance(agent, Agent):
        raise UserError(f"The agent {name!r} cannot be used: it must derive from autoresearch_magic.agents.Agent.")
    return agent
