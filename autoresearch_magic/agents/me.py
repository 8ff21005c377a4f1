"""The agent of a study that is driven from outside: it proposes nothing."""

from __future__ import annotations

from ..errors import NothingToPropose, UserError
from ..experiment import Proposal
from .base import Agent, Briefing

NAME = "me"
"""Its name, and who proposes a version that is given without another name."""


class Me(Agent):
    """Stands for the person or program that gives versions to try; see `Study.try_target`."""

    name = NAME

    def check(self) -> None:
        """Say that there is nobody to ask.

        Raises
        ------
        UserError
        """
        raise UserError(
            "With --agent me nobody in the study proposes changes: try your own version with  %autoresearch try , or "
            "name another agent (--agent tuner)."
        )

    def propose(self, briefing: Briefing) -> Proposal:
        """Propose nothing.

        Raises
        ------
        NothingToPropose
        """
        raise NothingToPropose("Nobody in the study proposes changes (--agent me).")
