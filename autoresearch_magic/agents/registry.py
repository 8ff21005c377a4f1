"""Build an agent from its name: a built-in one, or one that another package registers.

A new built-in agent needs a factory here, and a line in `BUILT_IN` and in `DESCRIPTIONS`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from importlib.metadata import entry_points
from pathlib import Path

from ..config.settings import Settings
from ..errors import UserError
from ..source.key_references import given_back
from .base import Agent, Briefing, Order
from .editing.adapters import ADAPTERS, EDITOR, editor_adapter
from .llm.backend import Backend

GROUP = "autoresearch_magic.agents"
"""The entry-point group of agents in other packages: each entry is a name and a callable that takes an `Order`."""

AgentFactory = Callable[[Order], Agent]
"""Returns an agent, or raises `UserError` when it cannot be built."""


def _tuner(order: Order) -> Agent:
    from .tuner import Tuner  # imported only where it is used, as it imports Optuna

    # an agent that is only asked for its model has no metric
    metric = order.settings.as_metric() if order.settings.metric else None
    return Tuner(order.argument, order.target, metric)


def _language_model(backend: Backend, order: Order) -> Agent:
    from .llm.agent import LanguageModel

    return LanguageModel(backend, deadline=order.settings.reply_timeout, long=order.settings.blocks_from)


def _claude(order: Order) -> Agent:
    from .llm.claude import Claude

    s = order.settings
    return _language_model(Claude(order.argument, effort=s.effort, base_url=s.base_url or None, ask_key=ask_key), order)


def _openai(order: Order) -> Agent:
    from .llm.openai import OpenAI

    url = order.settings.base_url
    return _language_model(
        OpenAI(f"{order.argument}@{url}" if url and "@" not in order.argument else order.argument), order
    )


def _command(order: Order) -> Agent:
    from .checkout_guard import CheckoutGuard
    from .llm.command import CommandBackend

    return _language_model(CommandBackend(order.argument, CheckoutGuard(order.root)), order)


def _editor(order: Order) -> Agent:
    from .editing.agent import EditingAgent

    return EditingAgent(editor_adapter(order.argument), "", order.settings, order.root)


def _coding_agent(name: str) -> AgentFactory:
    def build(order: Order) -> Agent:
        from .editing.agent import EditingAgent

        return EditingAgent(ADAPTERS[name], order.argument, order.settings, order.root)

    return build


def _hybrid(order: Order) -> Agent:
    from .hybrid import Hybrid, RebuiltAgent, agents_of

    def build(spec: str, target: str) -> Agent:
        return make_agent(spec, target, order.settings, order.root)

    structure, numbers = agents_of(order.argument)
    numbers = numbers or "tuner"
    try:
        second = build(numbers, order.target)
    except UserError:
        if numbers.partition(":")[0] != "tuner":
            raise
        # Nothing to tune yet, but the model may write constants first.
        second = RebuiltAgent(lambda target: build("tuner", target))
    return Hybrid(build(structure or "claude", order.target), second)


def _me(order: Order) -> Agent:
    from .me import Me

    if order.argument:
        raise UserError("--agent me takes nothing behind it.")
    return Me()


def _recorded(order: Order) -> Agent:
    from .recorded import Recorded

    return Recorded(order.argument, order.root)


def _replay(order: Order) -> Agent:
    from .replay import Replay

    return Replay(order.argument, order.target, order.root)


ask_key: Callable[[], str] | None = None
"""Asks the user for an API key that the environment does not hold; the notebook magics set it."""

BUILT_IN: dict[str, AgentFactory] = {
    "tuner": _tuner,
    "claude": _claude,
    "openai": _openai,
    "command": _command,
    **{name: _coding_agent(name) for name in ADAPTERS},
    EDITOR: _editor,
    "hybrid": _hybrid,
    "replay": _replay,
    "recorded": _recorded,
    "me": _me,
}


DESCRIPTIONS = {
    "tuner": "offline: finds the constants of the target and chooses values by a model of all runs (tuner:LR,WIDTH for only those)",
    "claude": "a Claude model (claude:MODEL); the key comes from ANTHROPIC_API_KEY, or is asked for",
    "openai": "any OpenAI-compatible server: openai:MODEL[@URL], such as openai:qwen3@http://localhost:11434/v1",
    "command": "any program that reads the briefing and writes the reply, in an empty folder: command:claude -p",
    "hybrid": "a model changes the structure and the tuner the numbers (hybrid:claude+tuner)",
    "replay": "plays a recorded study: replay:STUDY[@SPEED]",
    "recorded": "plays back the edits that were recorded on a skill's example: recorded:SKILL",
    "claude-code": "Claude Code edits files in a folder of its own, and what it changed is the proposal (claude-code:MODEL)",
    "codex": "Codex edits files (codex:MODEL)",
    "gemini": "Gemini CLI edits files (gemini:MODEL)",
    "opencode": "OpenCode edits files (opencode:PROVIDER/MODEL)",
    "aider": "Aider edits files (aider:MODEL)",
    "cursor": "Cursor's agent edits files (cursor:MODEL)",
    "editor": "any other program that edits files in its working folder: editor:COMMAND LINE",
    "me": "nobody in the study proposes: you, or a coding agent that drives it, try versions",
}
"""What `%autoresearch agents` shows of the built-in ones."""


def agent_names() -> list[str]:
    """Return the names that `make_agent` knows, the built-in ones first."""
    return [*BUILT_IN, *sorted({e.name for e in entry_points(group=GROUP)} - set(BUILT_IN))]


def description(name: str) -> str:
    """Return an agent's description in one line."""
    return DESCRIPTIONS.get(name, "registered by another package")


def make_agent(spec: str, target: str, settings: Settings, root: Path) -> Agent:
    """Build an agent from its name.

    Parameters
    ----------
    spec : str
        ``NAME`` or ``NAME:ARGUMENT``.
    target : str
        The study's target; an agent that cannot work with it raises here, before anything runs.
    settings : Settings
    root : Path
        The folder that holds the studies.

    Raises
    ------
    UserError
        When there is no such agent, or it cannot be built.
    """
    spec = given_back(spec, "agent")
    name, _, argument = spec.partition(":")
    factory = BUILT_IN.get(name)
    if factory is None:
        found = {e.name: e for e in entry_points(group=GROUP)}
        if name not in found:
            raise UserError(f"There is no agent {name!r}: use one of {', '.join(agent_names())} (--agent NAME).")
        factory = found[name].load()
    agent = factory(Order(argument, target, settings, root))
    if not isinstance(agent, Agent):
        raise UserError(
            f"The agent {name!r} cannot be used: its class must derive from autoresearch_magic.agents.Agent."
        )
    return agent


def advised(briefing: Briefing, settings: Settings, root: Path) -> Briefing:
    """Return the briefing that the first agent of a hybrid gets: with what the second one knows. Other agents get it as it is."""
    from .hybrid import agents_of

    name, _, argument = settings.agent.partition(":")
    if name != "hybrid":
        return briefing
    try:
        numbers = make_agent(agents_of(argument)[1] or "tuner", briefing.incumbent.target, settings, root)
        return replace(briefing, advice=numbers.advise(briefing))
    except UserError:  # nothing to tune
        return briefing
