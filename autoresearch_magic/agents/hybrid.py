"""Two agents in one: a language model changes the structure, the tuner the numbers.

Whoever has been paying off lately is asked more often. That is a bandit with two arms, and because what pays off
changes as a study goes on (numbers are soon tuned, a new structure wants them tuned again), one that forgets:
discounted UCB (A. Garivier and E. Moulines, "On Upper-Confidence Bound Policies for Non-Stationary Bandit Problems",
arXiv:0805.3415, 2008). Nothing is remembered here; all of it is read from the history, so a resumed study goes on as it
would have.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Sequence
from typing import Literal

from ..errors import NothingToPropose, ProposalFailed, UserError
from ..experiment import Experiment, Proposal, Verdict
from .base import Agent, Briefing
from .llm.backend import Backend

Arm = Literal["structure", "numbers"]
ARMS: tuple[Arm, Arm] = ("structure", "numbers")

NUMBERS = "tuner"
"""Whose proposals count as numbers, unless the agent has a name of its own; all others count as structure."""
DISCOUNT = 0.9
"""Weight that a proposal loses with every later one: half of it is gone after 6.6, and 10 in all are ever remembered."""
EXPLORATION = 0.35
"""Width of the confidence bound, ``2 B sqrt(ξ)`` of the paper. The paper's bound on the regret asks for ξ > 1/2, so 1.41
and more, which over the two dozen proposals of a study asks both about equally, whatever they bring. In simulations of
24 proposals with keeps at 50% and 10%, 0.35 gives the better one four in five and an eighth more keeps than 1.0 does,
and still turns round within the study when the two change places."""


def choose(history: Sequence[Experiment], *, seed: int = 0, number: int = 1, numbers: str = NUMBERS) -> Arm:
    r"""Choose whom to ask next, by discounted UCB.

    The arm with the greatest index is asked,

    .. math:: I_i = \frac{S_i}{N_i} + c \sqrt{\frac{\log n}{N_i}}, \quad
              N_i = \sum_s \gamma^{t-s} [i_s = i], \quad S_i = \sum_s \gamma^{t-s} x_s [i_s = i], \quad n = \sum_i N_i

    over the proposals s = 1 .. t, where γ is `DISCOUNT`, c is `EXPLORATION`, and the reward x of a proposal is 1 when it
    was kept and 0 otherwise. Keeps rather than gains, because gains shrink as a study goes on: beside an early leap every
    later one would count for nothing. What failed, was a duplicate or was no proposal at all counts as 0, too.

    An arm that is not asked loses weight with every proposal, so its index grows without bound: none is ever starved,
    and even one that never brings anything beside one that always does is asked every eighteenth time.

    Parameters
    ----------
    history : sequence of Experiment
        The judged experiments; the baseline and open ones do not count.
    seed, number : int
        Equal indices, and the very first choice, are settled by a draw from these two.
    numbers : str
        Name of the agent whose proposals count as numbers.
    """
    weight, reward = _totals(history, numbers)
    total = sum(weight.values())
    draw = random.Random(f"{seed}-{number}-hybrid")

    def index(arm: Arm) -> float:
        if not weight[arm]:
            return math.inf
        # With one proposal alone log n is 0; below that it cannot be, as the latest always weighs 1.
        return reward[arm] / weight[arm] + EXPLORATION * math.sqrt(math.log(total) / weight[arm])

    return max(ARMS, key=lambda arm: (index(arm), draw.random()))


def shares(history: Sequence[Experiment], *, numbers: str = NUMBERS) -> dict[Arm, float]:
    """Return the share of recent proposals that each arm has made, for display; the two sum to 1.

    Recent is meant as in `choose`: a proposal loses weight with every later one. Half each before the first one.
    """
    weight, _ = _totals(history, numbers)
    total = sum(weight.values())
    return {arm: weight[arm] / total if total else 1 / len(ARMS) for arm in ARMS}


def _totals(history: Sequence[Experiment], numbers: str) -> tuple[dict[Arm, float], dict[Arm, float]]:
    """Return the discounted count of each arm's proposals, and the discounted sum of their rewards."""
    weight: dict[Arm, float] = dict.fromkeys(ARMS, 0.0)
    reward: dict[Arm, float] = dict.fromkeys(ARMS, 0.0)
    judged = [e for e in history if e.verdict not in (None, Verdict.BASELINE)]
    for age, experiment in enumerate(reversed(judged)):
        arm: Arm = "numbers" if experiment.proposal.agent == numbers else "structure"
        weight[arm] += DISCOUNT**age
        reward[arm] += DISCOUNT**age * (experiment.verdict is Verdict.KEEP)
    return weight, reward


class Hybrid(Agent):
    """Asks a language model for structure and the tuner for numbers, the one that pays off more often (see `choose`).

    Parameters
    ----------
    structure : Agent
    numbers : Agent
        Its proposals are told apart by its ``name``, `NUMBERS` where it has none.

    Raises
    ------
    UserError
        When both are the same, as the history could not tell them apart.
    """

    def __init__(self, structure: Agent, numbers: Agent) -> None:
        self.structure, self.numbers = structure, numbers
        self.slow = structure.slow or numbers.slow
        self.reworks = structure.reworks  # the model mends what was the model's
        self.numbers_name = numbers.name or NUMBERS
        if self.numbers_name == structure.name:
            raise UserError(f"A hybrid is made of two different agents, not of {self.numbers_name} twice.")

    @property
    def backend(self) -> Backend | None:
        """The first that one of the two has."""
        return self.structure.backend or self.numbers.backend

    def check(self) -> None:
        """See that both can be asked at all, before the baseline is paid for."""
        self.structure.check()
        self.numbers.check()
        self.warning = self.structure.warning or self.numbers.warning

    def propose(self, briefing: Briefing) -> Proposal:
        """Ask the one that `choose` names, and the other one where that has nothing to propose.

        Raises
        ------
        NothingToPropose
            When neither has anything.
        ProposalFailed
            As the agent raised it; the failure counts against whoever was asked.
        UserError
            When the structure agent will never answer: a wrong key is its maker's to mend, not ours to hide.
        """
        if briefing.rework is not None:
            if briefing.rework.proposal.agent == self.numbers_name:
                raise ProposalFailed("Numbers that the guard refuses cannot be mended.")
            return self.structure.propose(briefing)
        arm = choose(briefing.history, seed=briefing.seed, number=briefing.number, numbers=self.numbers_name)
        if arm == "numbers":
            try:
                return self.numbers.propose(briefing)
            except UserError:  # nothing left to tune, or nothing yet; a new structure may bring new numbers
                return self.structure.propose(briefing)
        try:
            return self.structure.propose(briefing)
        except NothingToPropose as end:
            try:
                return self.numbers.propose(briefing)
            except UserError:
                raise end from None


class Later(Agent):
    """An agent that is made anew for every proposal, for the target as it is by then.

    The tuner refuses a target without constants; in a hybrid the other agent may write some first.

    Parameters
    ----------
    make : callable
        Makes the agent for a target's source; a `UserError` of it means that there is nothing to propose this time.
    """

    name = NUMBERS

    def __init__(self, make: Callable[[str], Agent]) -> None:
        self._make = make

    def propose(self, briefing: Briefing) -> Proposal:
        """Make the agent for the incumbent and ask it.

        Raises
        ------
        UserError
            When it cannot be made, or has nothing to propose.
        """
        return self._make(briefing.incumbent.target).propose(briefing)
