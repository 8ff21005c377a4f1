"""Two agents in one: a language model changes the structure, the tuner the numbers.

The agent with more keeps lately is asked more often: a two-armed bandit. Which agent that is changes during a study
(numbers are soon tuned, and a new structure needs them tuned again), so the bandit is a non-stationary one, discounted UCB
(A. Garivier and E. Moulines, "On Upper-Confidence Bound Policies for Non-Stationary Bandit Problems", arXiv:0805.3415,
2008). It keeps no state: everything is computed from the history, so a resumed study makes the same choices.

The language model is told what the tuner knows (`advice`), and may take, change or ignore it (Centaur, arXiv 2603.24647).
"""

from __future__ import annotations

import math
import random
import threading
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Literal

from ..errors import CallFailed, NothingToPropose, ProposalFailed, UserError
from ..experiment import Experiment, Proposal, Verdict
from .base import Agent, Briefing
from .llm.backend import Backend

Arm = Literal["structure", "numbers"]
ARMS: tuple[Arm, Arm] = ("structure", "numbers")

PATIENCE = 30.0
"""Seconds of the longest wait for a limit of the structure agent, while the other one could go on."""

NUMBERS = "tuner"
"""Name of the agent whose proposals count as numbers; all other proposals count as structure."""
DISCOUNT = 0.9
"""Factor on a proposal's weight for each later proposal: it halves after 6.6 proposals, and all weights sum to at most 10."""
EXPLORATION = 0.35
"""Width of the confidence bound, ``2 B sqrt(ξ)`` of the paper. Its bound on the regret requires ξ > 1/2, so at least 1.41,
with which both agents get about equally many of a study's two dozen proposals, independent of their success. In
simulations of 24 proposals with keep rates of 50% and 10%, 0.35 gives the better agent four proposals in five and an eighth
more keeps than 1.0 does, and it still switches within the study when the two rates change places."""


def choose(
    history: Sequence[Experiment], running: Sequence[Experiment] = (), others: int = 0, *, seed: int = 0, number: int = 1,
    numbers: str = NUMBERS,
) -> Arm:  # fmt: skip
    r"""Return which agent to ask next, by discounted UCB.

    It is the arm with the greatest index,

    .. math:: I_i = \frac{S_i}{N_i} + c \sqrt{\frac{\log n}{N_i}}, \quad
              N_i = \sum_s \gamma^{t-s} [i_s = i], \quad S_i = \sum_s \gamma^{t-s} x_s [i_s = i], \quad n = \sum_i N_i

    over the proposals s = 1 .. t, where γ is `DISCOUNT`, c is `EXPLORATION`, and the reward x of a proposal is 1 when it
    was kept and 0 otherwise, also for failures and duplicates. It is keeps and not gains, because gains shrink during a
    study: beside a large early gain all later ones would count for nothing.

    An arm that is not asked loses weight with every proposal, so its index grows without bound and it is asked again at
    some point: even one that never has a keep, beside one that always has, is asked every eighteenth time.

    A proposal that has no verdict yet is expected to have the rate of keeps of its arm, 0 where that has none: it makes the arm no better
    and no worse, but better known, so that not all of a batch come from one arm. An open question is taken for one to the
    arm that this function would have chosen for it. One that runs alone counts for nothing: alternating while it runs would ask the worse
    arm as often as the better one.

    Parameters
    ----------
    history : sequence of Experiment
        The experiments; the baseline and unjudged ones do not count.
    running : sequence of Experiment
        What runs or waits for its verdict.
    others : int
        Open questions, which were asked before this one.
    seed, number : int
        Seed of the draw that decides between equal indices, as at the very first choice.
    numbers : str
        Name of the agent whose proposals count as numbers.
    """
    several = len(running) + others > 1
    asked = [_arm(e, numbers) for e in running] if several else []
    for back in range(others if several else 0, 0, -1):
        asked.append(_choose(history, asked, seed, number - back, numbers))
    return _choose(history, asked, seed, number, numbers)


def _choose(history: Sequence[Experiment], asked: Sequence[Arm], seed: int, number: int, numbers: str) -> Arm:
    weight, reward = _totals(history, numbers)
    for arm in ARMS if asked else ():
        rate = reward[arm] / weight[arm] if weight[arm] else 0.0
        weight[arm] *= DISCOUNT ** len(asked)
        weight[arm] += sum(DISCOUNT**age for age, each in enumerate(reversed(asked)) if each == arm)
        reward[arm] = rate * weight[arm]
    total = sum(weight.values())
    draw = random.Random(f"{seed}-{number}-hybrid")

    def index(arm: Arm) -> float:
        if not weight[arm]:
            return math.inf
        # Never negative: the latest proposal weighs 1, so n is at least 1.
        return reward[arm] / weight[arm] + EXPLORATION * math.sqrt(math.log(total) / weight[arm])

    return max(ARMS, key=lambda arm: (index(arm), draw.random()))


def shares(history: Sequence[Experiment], *, numbers: str = NUMBERS) -> dict[Arm, float]:
    """Return each arm's share of the recent proposals, weighted as in `choose`; one half each before the first one."""
    weight, _ = _totals(history, numbers)
    total = sum(weight.values())
    return {arm: weight[arm] / total if total else 1 / len(ARMS) for arm in ARMS}


def _arm(experiment: Experiment, numbers: str) -> Arm:
    return "numbers" if experiment.proposal.agent == numbers else "structure"


def _totals(history: Sequence[Experiment], numbers: str) -> tuple[dict[Arm, float], dict[Arm, float]]:
    """Return the discounted number of each arm's proposals and the discounted sum of their rewards."""
    weight: dict[Arm, float] = dict.fromkeys(ARMS, 0.0)
    reward: dict[Arm, float] = dict.fromkeys(ARMS, 0.0)
    judged = [e for e in history if e.verdict not in (None, Verdict.BASELINE)]
    for age, experiment in enumerate(reversed(judged)):
        arm = _arm(experiment, numbers)
        weight[arm] += DISCOUNT**age
        reward[arm] += DISCOUNT**age * (experiment.verdict is Verdict.KEEP)
    return weight, reward


def agents_of(argument: str) -> tuple[str, str]:
    """Return the two agents that ``hybrid:ARGUMENT`` names, empty where it names none.

    The first ``+`` divides them; where the first agent is a command line, which may have some of its own, the last one.
    """
    if argument.startswith(("command:", "editor:")) and "+" in argument:
        structure, _, numbers = argument.rpartition("+")
        return structure, numbers
    structure, _, numbers = argument.partition("+")
    return structure, numbers


class Hybrid(Agent):
    """Asks one of two agents for each proposal, the one with more keeps lately more often (see `choose`).

    Parameters
    ----------
    structure : Agent
        Changes the code; usually a language model.
    numbers : Agent
        Changes numbers; its proposals are recognised by its ``name``, `NUMBERS` where it has none.

    Raises
    ------
    UserError
        When both have the same name, as the history could not tell their proposals apart.
    """

    def __init__(self, structure: Agent, numbers: Agent) -> None:
        self.structure, self.numbers = structure, numbers
        self.slow = structure.slow or numbers.slow
        self.parallel = structure.parallel  # the numbers agent is asked by one thread at a time
        self._numbers_turn = threading.RLock()
        self.reworks = structure.reworks  # only the structure agent repairs, and only its own proposals
        self.numbers_name = numbers.name or NUMBERS
        if self.numbers_name == structure.name:
            raise UserError(f"A hybrid is made of two different agents, not of {self.numbers_name} twice.")

    @property
    def backend(self) -> Backend | None:
        """The language model of the structure agent, else of the numbers agent."""
        return self.structure.backend or self.numbers.backend

    def check(self) -> None:
        """Check both agents."""
        self.structure.check()
        self.numbers.check()
        self.warning = self.structure.warning or self.numbers.warning

    def propose(self, briefing: Briefing) -> Proposal:
        """Ask the agent that `choose` returns, and the other one when it has nothing to propose.

        Raises
        ------
        NothingToPropose
            When neither has anything to propose.
        ProposalFailed
            As the agent raised it; it counts as a proposal of that agent without a keep. Where the structure agent cannot be
            reached, or would have to wait for long, the other one proposes.
        UserError
            When the structure agent can never answer and never has: the user has to see and fix a wrong key.
        """
        if briefing.rework is not None:
            if briefing.rework.proposal.agent == self.numbers_name:
                raise ProposalFailed("A change of numbers that fails the guard cannot be repaired.")
            return self.structure.propose(briefing)
        return self._asked(briefing)

    def prepare(self, briefing: Briefing) -> None:
        """Let both agents prepare their next proposals."""
        self.structure.prepare(briefing)
        with self._numbers_turn:
            self.numbers.prepare(briefing)

    def advise(self, briefing: Briefing) -> str:
        """Return what the numbers agent knows; empty where it can say nothing now."""
        try:
            with self._numbers_turn:
                return self.numbers.advise(briefing)
        except UserError:  # nothing to tune
            return ""

    def _numbers(self, briefing: Briefing) -> Proposal:
        with self._numbers_turn:
            return self.numbers.propose(briefing)

    def _asked(self, briefing: Briefing) -> Proposal:
        """Return the proposal of the agent that `choose` returns, or of the other one."""
        arm = choose(
            briefing.history, briefing.running, briefing.others, seed=briefing.seed, number=briefing.number,
            numbers=self.numbers_name,
        )  # fmt: skip
        if arm == "numbers":
            try:
                return self._numbers(briefing)
            except UserError:  # nothing to tune now; a new structure may bring new numbers
                return self._structure(briefing)
        try:
            return self._structure(replace(briefing, wait=_impatient(briefing)))
        except (NothingToPropose, CallFailed) as none:
            return self._numbers_instead(briefing, none)
        except _TooLong as limit:
            try:
                return self._numbers_instead(briefing, limit)
            except _TooLong:  # nothing else to do: wait
                return self._structure(briefing)
        except UserError as refused:
            # A key that worked and has expired in the night: the numbers can still be tuned.
            if not any(e.ran and e.proposal.agent == self.structure.name for e in briefing.history):
                raise
            return self._numbers_instead(briefing, refused)

    def _structure(self, briefing: Briefing) -> Proposal:
        """Ask the structure agent, which is told what the numbers agent knows."""
        return self.structure.propose(replace(briefing, advice=self.advise(briefing)))

    def _numbers_instead(self, briefing: Briefing, why: Exception) -> Proposal:
        """Return a change of numbers, and tell why it is one; raise `why` where there is none."""
        try:
            proposal = self._numbers(briefing)
        except UserError:
            raise why from None
        if not isinstance(why, NothingToPropose):
            briefing.wait(0.0, f"{str(why).rstrip('.')}. Meanwhile {self.numbers_name} goes on alone.")
        return proposal


class _TooLong(UserError):
    """The structure agent would wait for longer than `PATIENCE`."""


def _impatient(briefing: Briefing) -> Callable[[float, str], None]:
    """Return a briefing's `wait` that raises `_TooLong` instead of a long wait."""

    def wait(seconds: float, reason: str) -> None:
        if seconds > PATIENCE:
            raise _TooLong(reason)
        briefing.wait(seconds, reason)

    return wait


class RebuiltAgent(Agent):
    """An agent that is built for each proposal, from the incumbent's target.

    The tuner refuses a target without constants; in a hybrid the other agent may write some first.

    Parameters
    ----------
    build : callable
        Builds the agent for a target; its `UserError` means that there is nothing to propose this time.
    """

    name = NUMBERS

    def __init__(self, build: Callable[[str], Agent]) -> None:
        self._build = build

    def propose(self, briefing: Briefing) -> Proposal:
        """Build the agent for the incumbent and ask it.

        Raises
        ------
        UserError
            When it cannot be built, or has nothing to propose.
        """
        return self._build(briefing.incumbent.target).propose(briefing)

    def prepare(self, briefing: Briefing) -> None:
        """Build the agent for the incumbent and let it prepare."""
        self._build(briefing.incumbent.target).prepare(briefing)

    def advise(self, briefing: Briefing) -> str:
        """Build the agent for the incumbent and return what it knows; its `UserError` means nothing."""
        return self._build(briefing.incumbent.target).advise(briefing)
