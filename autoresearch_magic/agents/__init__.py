"""Who proposes: the `Agent` protocol, what an agent is told, and how an agent is found by its name."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from importlib.metadata import entry_points
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from ..config.settings import Settings
from ..errors import UserError
from ..experiment import Experiment, Proposal
from ..metric import Metric

if TYPE_CHECKING:
    from .llm.backend import Backend

GROUP = "autoresearch_magic.agents"


@dataclass(frozen=True)
class Rework:
    """A proposal that comes back to its agent, because the guard does not pass.

    Attributes
    ----------
    proposal : Proposal
        As it was made; the next one starts from its target.
    problem : str
        What did not pass, in one line.
    output : str
        The tail of what the guard printed.
    """

    proposal: Proposal
    problem: str
    output: str = ""


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
    verify, guard : str
        The commands that measure and that must pass, where the target is made of files of a repository.
    scope, tracked : tuple of str
        Which of its files may be changed and added, as globs, and the paths that there are.
    rework : Rework or None
        A proposal that is to be mended, instead of a new one. Only agents whose ``reworks`` is true are asked for that.
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
    verify: str = ""
    guard: str = ""
    scope: tuple[str, ...] = ()
    tracked: tuple[str, ...] = ()
    rework: Rework | None = None
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


@dataclass(frozen=True)
class Order:
    """What an agent is made from.

    Attributes
    ----------
    argument : str
        What stands behind the colon of its name.
    target : str
        The source that it will have to change.
    settings : Settings
    root : Path
        The folder that holds the studies.
    """

    argument: str
    target: str
    settings: Settings
    root: Path


AgentFactory = Callable[[Order], Agent]
"""Makes an agent, or raises `UserError`. An agent may have three things more than the protocol: ``check()``, called before
anything is paid for; ``slow``, true when it is worth asking ahead while an experiment runs; and ``reworks``, true when it can
mend a proposal that the guard has refused."""


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
    from .llm.command import Command

    return _model(Command(order.argument), order)


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

_BUILT_IN: dict[str, AgentFactory] = {
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
    return [*_BUILT_IN, *sorted({e.name for e in entry_points(group=GROUP)} - set(_BUILT_IN))]


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
    factory = _BUILT_IN.get(name)
    if factory is None:
        found = {e.name: e for e in entry_points(group=GROUP)}
        if name not in found:
            raise UserError(f"There is no agent {name!r}: use one of {', '.join(agent_names())} (--agent NAME).")
        factory = found[name].load()
    return factory(Order(argument, target, settings, root))
