"""An agent that plays back the edits recorded for a skill's example: no network, no key, the same every time.

The recordings are a language model's replies, and they are parsed and applied like a model's; so they also show what happens
when a guard does not pass and a proposal goes back to its agent.
"""

from __future__ import annotations

from pathlib import Path

from ..config.skills import find_skill, skill_folders
from ..errors import NothingToPropose, ProposalFailed, UserError
from ..experiment import Proposal
from ..text import shorten
from .base import Agent, Briefing
from .llm.reply_parser import ReplyError, read_reply, tag


class Recorded(Agent):
    """Proposes a skill's recorded edits, in their order.

    Parameters
    ----------
    name : str
        The skill's name.
    root : Path
        The folder that holds the studies; the user's own skills are looked up beside it.

    Raises
    ------
    UserError
        When there is no such skill, or it has no recorded edits.
    """

    reworks = True

    def __init__(self, name: str, root: Path) -> None:
        if not name:
            raise UserError(
                "Name the skill whose recorded edits to play back: --agent recorded:SKILL, such as recorded:security."
            )
        skill = find_skill(name, skill_folders(root.parent))
        if not skill.recorded:
            raise UserError(f"The skill {skill.name} has no recorded edits to play back.")
        self.name = f"recorded:{skill.name}"
        self.replies = [path.read_text(encoding="utf-8") for path in skill.recorded]
        self._summaries = [" ".join(tag(reply, "summary").split()) for reply in self.replies]
        self._last = -1  # index of the last reply given: a refused proposal that was reworked is in no briefing

    def propose(self, briefing: Briefing) -> Proposal:
        """Return the edit after the last one that was tried.

        Raises
        ------
        NothingToPropose
            When all were tried.
        ProposalFailed
            When the edit does not apply to the current target.
        """
        tried = {" ".join(e.summary.split()) for e in briefing.history}
        last = max((i for i, summary in enumerate(self._summaries) if summary in tried), default=-1)
        index = max(last, self._last) + 1
        if index >= len(self.replies):
            raise NothingToPropose(f"All {len(self.replies)} recorded edits were tried.")
        self._last = index
        try:  # always against the incumbent, even for a rework: each edit was recorded on what was kept by then
            reply = read_reply(self.replies[index], briefing.incumbent.target)
        except ReplyError as error:
            problem = f"Recorded edit {index + 1} does not apply: {shorten(str(error), 300)}"
            raise ProposalFailed(problem, reply=self.replies[index]) from None
        return Proposal(
            reply.target, reply.summary, reply.hypothesis, reply.expect, self.name, reply=self.replies[index],
            ideas=reply.ideas, tries=reply.tries,
        )  # fmt: skip
