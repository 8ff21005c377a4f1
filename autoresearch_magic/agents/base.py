"""The `Agent` base class, and what an agent is told and made from."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from ..config.settings import Settings
from ..experiment import Experiment, Proposal
from ..metric import Metric

if TYPE_CHECKING:
    from .llm.backend import Backend


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


class Agent(ABC):
    """Anything that proposes. Only `propose` must be written; whatever else is here has a default.

    Attributes
    ----------
    name : str
        The name that its proposals carry, and by which a hybrid tells its two agents apart.
    slow : bool
        Whether a proposal takes so long that it is worth asking for the next one while an experiment runs.
    reworks : bool
        Whether it can mend a proposal that the guard has refused (`Briefing.rework`).
    warning : str
        One line that the user should see at the start, such as that a model is about to be retired; mostly empty.
    """

    name: str = ""
    slow: bool = False
    reworks: bool = False
    warning: str = ""

    @property
    def backend(self) -> Backend | None:
        """The language model that answers for it; None for an agent that asks none."""
        return None

    def check(self) -> None:  # noqa: B027 - a default, not something to be written
        """Raise `UserError` when it cannot work at all, such as for a wrong key; called before anything is paid for."""

    @abstractmethod
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
