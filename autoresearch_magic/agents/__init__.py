"""Who proposes: the `Agent` protocol, what an agent is told, and how an agent is found by its name."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from importlib.metadata import entry_points
from typing import Protocol

from ..errors import UserError
from ..experiment import Experiment, Proposal
from ..metric import Metric
from ..settings import Settings

GROUP = "autoresearch_magic.agents"


@dataclass(frozen=True)
class Briefing:
    """All that an agent is told. It is rebuilt from the journal for every proposal, so agents need no memory.

    Attributes
    ----------
    program : str
        What the human wrote.
    setup : str
        The frozen code, to read.
    metric : Metric
    incumbent : Experiment
        The best kept experiment: what the proposal should change.
    history : tuple of Experiment
        Every judged experiment, the baseline first.
    number : int
        The number that the proposal will have.
    seed : int
        The study's seed: an agent that draws at random draws from (seed, number), so that a study can be resumed.
    noise : float
        Standard deviation of one run.
    budget : str
        What an experiment may spend, for people.
    notes : tuple of str
        What the human has said while the study ran, the oldest first.
    wait : callable
        Waits so many seconds for the reason given, visibly, and raises `Stopped` when the study is stopped meanwhile.
    """

    program: str
    setup: str
    metric: Metric
    incumbent: Experiment
    history: tuple[Experiment, ...] = field(default=())
    number: int = 1
    seed: int = 0
    noise: float = 0.0
    budget: str = ""
    notes: tuple[str, ...] = ()
    wait: Callable[[float, str], None] = lambda seconds, reason: time.sleep(seconds)


class Agent(Protocol):
    """Anything that proposes."""

    def propose(self, briefing: Briefing) -> Proposal:
        """Return the next proposal.

        Raises
        ------
        NothingToPropose
            When there is none left: the study ends.
        ProposalFailed
            When there is none this time: it is recorded and the next one is asked for.
        UserError
            When there never will be one: the study ends with that line.
        """
        ...


AgentFactory = Callable[[str, str, Settings], Agent]
"""Takes what stands behind the colon of the agent's name, the target's source, and the settings; raises `UserError`.

An agent may have two things more: ``check()``, called before anything is paid for, and ``slow``, true when it is worth
asking ahead while an experiment runs."""


def _tuner(argument: str, target: str, settings: Settings) -> Agent:
    from .tuner import Tuner  # Optuna is imported with it, so only where it is used

    return Tuner(argument, target)


def _claude(argument: str, target: str, settings: Settings) -> Agent:
    from .claude import Claude
    from .llm import LanguageModel

    backend = Claude(argument, effort=settings.effort, base_url=settings.base_url or None, ask_key=ask_key)
    return LanguageModel(backend, deadline=settings.reply_timeout, long=settings.blocks_from)


def _openai(argument: str, target: str, settings: Settings) -> Agent:
    from .llm import LanguageModel
    from .openai import OpenAI

    spec = f"{argument}@{settings.base_url}" if settings.base_url and "@" not in argument else argument
    return LanguageModel(OpenAI(spec), deadline=settings.reply_timeout, long=settings.blocks_from)


def _command(argument: str, target: str, settings: Settings) -> Agent:
    from .command import Command
    from .llm import LanguageModel

    return LanguageModel(Command(argument), deadline=settings.reply_timeout, long=settings.blocks_from)


def _hybrid(argument: str, target: str, settings: Settings) -> Agent:
    from .hybrid import Hybrid

    structure, _, numbers = (argument or "claude").partition("+")
    return Hybrid(make_agent(structure, target, settings), make_agent(numbers or "tuner", target, settings))


def _replay(argument: str, target: str, settings: Settings) -> Agent:
    from .replay import Replay

    return Replay(argument)


ask_key: Callable[[], str] | None = None
"""Asks the user for a key that the environment does not have; set by the magics, where there is somebody to ask."""

_BUILT_IN: dict[str, AgentFactory] = {
    "tuner": _tuner,
    "claude": _claude,
    "openai": _openai,
    "command": _command,
    "hybrid": _hybrid,
    "replay": _replay,
}


def agent_names() -> list[str]:
    """Return the names that `make_agent` knows, our own first."""
    return [*_BUILT_IN, *sorted({e.name for e in entry_points(group=GROUP)} - set(_BUILT_IN))]


def make_agent(spec: str, target: str, settings: Settings) -> Agent:
    """Find an agent by its name.

    Parameters
    ----------
    spec : str
        ``NAME`` or ``NAME:ARGUMENT``.
    target : str
        The source it will have to change; an agent that cannot work with it says so here, before anything is run.
    settings : Settings

    Raises
    ------
    UserError
        When there is no such agent, or it cannot start.
    """
    name, _, argument = spec.partition(":")
    factory = _BUILT_IN.get(name)
    if factory is None:
        found = {e.name: e for e in entry_points(group=GROUP)}
        if name not in found:
            raise UserError(f"There is no agent {name!r}: use one of {', '.join(agent_names())} (--agent NAME).")
        factory = found[name].load()
    return factory(argument, target, settings)
