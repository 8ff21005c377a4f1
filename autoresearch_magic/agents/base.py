"""The `Agent` base class, the `Briefing` that an agent proposes from, and the `Order` that it is built from."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from ..config.settings import Settings
from ..experiment import Experiment, Proposal, Usage
from ..metric import Metric
from ..storage.git.checkout import Checkout
from .prior import Prior

if TYPE_CHECKING:
    from .llm.backend import Backend


@dataclass(frozen=True)
class Rework:
    """A proposal that goes back to its agent because the guard does not pass.

    Attributes
    ----------
    proposal : Proposal
        The refused proposal; the next one starts from its target.
    problem : str
        What did not pass, in one line.
    output : str
        The end of the guard's output.
    """

    proposal: Proposal
    problem: str
    output: str = ""


@dataclass(frozen=True)
class LineBriefing:
    """The line of work that a proposal is made for, where a study has several (``--lines``).

    Attributes
    ----------
    number, count : int
        Which line, and of how many.
    trunk : tuple of int
        The line's versions, the present one last; empty where the proposal is to be a bold one, from which the line begins.
    members : tuple of int
        The proposals that were made for the line.
    opened : int
        How many of them were bold first ones.
    others : tuple of int
        Versions of the other lines, and those at which lines that have ended had begun.
    """

    number: int
    count: int
    trunk: tuple[int, ...] = ()
    members: tuple[int, ...] = ()
    opened: int = 0
    others: tuple[int, ...] = ()

    @property
    def begins(self) -> bool:
        """Whether the line has no version yet."""
        return not self.trunk


@dataclass(frozen=True)
class Briefing:
    """Everything an agent knows about a study; rebuilt from the journal for every proposal, so agents need no memory.

    Attributes
    ----------
    program : str
        The user's program: goal and rules.
    setup : str
        The frozen code; the agent may read it.
    metric : Metric
    incumbent : Experiment
        The best kept experiment, or the version of the line; the proposal should change its target.
    history : tuple of Experiment
        Every judged experiment, the baseline first.
    number : int
        The number that the proposal will have.
    seed : int
        The study's seed. An agent that draws at random seeds its generator with (seed, number), so that a resumed study
        continues the same way.
    noise : float
        Standard deviation of the metric over runs of the same target.
    budget : str
        What one experiment may spend, as text.
    notes : tuple of str
        The user's notes while the study ran, the oldest first.
    verify, guard : str
        The command that measures and the command that must pass, where the target is made of files of a repository.
    scope, tracked : tuple of str
        Globs of the repository's files that may be changed or added, and the paths of its tracked files.
    valid : str
        The condition under which a run counts; empty for none.
    also : tuple of str
        What is measured beside the metric and decides nothing, as ``"NAME=EXPRESSION"``; `Experiment.numbers` has the values.
    limits : tuple of str
        Limits on numbers besides the metric, as ``"NAME<NUMBER"``: a version beyond one is not kept; `run_numbers` has the values.
    hidden : tuple of str
        Names of files whose contents the agent must not see, or ``setup``; `setup` and `history` are without them already.
    running : tuple of Experiment
        What runs or waits to be judged while the agent is asked ahead of time: it is not to be proposed again.
    others : int
        How many other questions to the same agent are open at this moment; their proposals are not known yet.
    ideas : tuple of str
        The backlog: ideas that agents and the user have had and nobody has tried, each with its number, as ``"3: text"``.
    checkout : Checkout or None
        The user's repository, where the target is made of its files; an agent may read what git holds of it, never its checkout.
    priors : tuple of Prior
        What is known from other studies (``import``).
    advice : str
        What another agent knows, for this one to take, change or ignore; such as the tuner's in a hybrid.
    rework : Rework or None
        A refused proposal to repair instead of making a new one; set only for agents whose ``reworks`` is true.
    line : LineBriefing or None
        The line of work that the proposal is for; None in a study with a single one.
    wait : callable
        Called with seconds and a reason: waits, shows the reason (0 seconds only show it), and raises `Stopped` when the study
        is stopped, or `NothingToPropose` when the wait would exceed the study's time. Call it often with 0 seconds and no
        reason in a long request, to notice the end of the study.
    paid : callable
        Called with what a request has used as soon as that is known, so that nothing that costs is lost; returns whether the
        study's limits allow another request. An agent that never calls it is charged what its proposals say.
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
    valid: str = ""
    also: tuple[str, ...] = ()
    limits: tuple[str, ...] = ()
    hidden: tuple[str, ...] = ()
    running: tuple[Experiment, ...] = ()
    others: int = 0
    ideas: tuple[str, ...] = ()
    checkout: Checkout | None = None
    priors: tuple[Prior, ...] = ()
    advice: str = ""
    rework: Rework | None = None
    line: LineBriefing | None = None
    wait: Callable[[float, str], None] = lambda seconds, reason: time.sleep(seconds)
    paid: Callable[[Usage], bool] = lambda usage: True


class Agent(ABC):
    """Base class of everything that proposes targets. A subclass must define `propose`; the other members have defaults.

    Attributes
    ----------
    name : str
        The agent's name on its proposals; a hybrid tells its two agents apart by it.
    slow : bool
        Whether proposing takes long enough to ask for the next proposal while an experiment runs.
    parallel : bool
        Whether `propose` may be called from several threads at once (``--ask-ahead``).
    reworks : bool
        Whether it can repair a proposal that fails the guard (`Briefing.rework`).
    warning : str
        One line for the user at the start, such as that a model will soon be retired; usually empty.
    """

    name: str = ""
    slow: bool = False
    parallel: bool = False
    reworks: bool = False
    warning: str = ""

    @property
    def backend(self) -> Backend | None:
        """The language model behind the agent; None for an agent without one."""
        return None

    def check(self) -> None:  # noqa: B027 - a default that need not be overridden
        """Raise `UserError` when the agent cannot work at all, such as with a wrong key; called before the baseline runs."""

    def prepare(self, briefing: Briefing) -> None:  # noqa: B027 - a default that need not be overridden
        """Do ahead of time what the proposal after `Briefing.running` needs; called in a thread while that runs.

        For agents that are not ``slow``. It may only make `propose` faster: that is called whether this was or not, and must return the
        same.
        """

    def advise(self, briefing: Briefing) -> str:
        """Return what the agent knows that another one could use, in a few lines; empty for nothing."""
        return ""

    @abstractmethod
    def propose(self, briefing: Briefing) -> Proposal:
        """Return the next proposal.

        Raises
        ------
        NothingToPropose
            When every idea was tried: the study ends.
        ProposalFailed
            When the reply is unusable: the failure is recorded and the agent is asked again.
        CallFailed
            When there is no reply: nothing is recorded, and the agent is asked again after a pause.
        UserError
            When every further attempt would fail too: the search ends with this message.
        """


@dataclass(frozen=True)
class Order:
    """What an agent is built from; the argument of the factories in `registry`.

    Attributes
    ----------
    argument : str
        The text behind the colon in ``NAME:ARGUMENT``.
    target : str
        The study's target.
    settings : Settings
    root : Path
        The folder that holds the studies.
    """

    argument: str
    target: str
    settings: Settings
    root: Path
