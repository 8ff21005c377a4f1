"""Plays back the edits that were recorded on a skill's example: no network, no key, the same every time.

The recorded replies are a language model's, in the form of `agents.reply`, and are read and applied as one's are; so they also
show what happens when a guard does not pass and a proposal goes back.
"""

from __future__ import annotations

from pathlib import Path

from ..config.skills import find_skill, skill_folders
from ..errors import NothingToPropose, ProposalFailed, UserError
from ..experiment import Proposal
from .base import Agent, Briefing
from .llm.reply_parser import ReplyError, read_reply, tag


class Recorded(Agent):
    """Proposes what was recorded, in its order.

    Parameters
    ----------
    name : str
        A skill's.
    root : Path
        The folder that holds the studies: skills of one's own are looked for beside it.

    Raises
    ------
    UserError
        When there is no such skill, or nothing was recorded.
    """

    reworks = True

    def __init__(self, name: str, root: Path) -> None:
        if not name:
            raise UserError("Say whose recorded edits: --agent recorded:SKILL, such as recorded:security.")
        skill = find_skill(name, skill_folders(root.parent))
        if not skill.recorded:
            raise UserError(f"The skill {skill.name} has no recorded edits to play back.")
        self.name = f"recorded:{skill.name}"
        self.replies = [path.read_text(encoding="utf-8") for path in skill.recorded]
        self._summaries = [" ".join(tag(reply, "summary").split()) for reply in self.replies]
        self._given = -1  # what a guard has refused and a mended version has replaced is in no briefing

    def propose(self, briefing: Briefing) -> Proposal:
        """Return the reply after the last one that was tried.

        Raises
        ------
        NothingToPropose
            When there is none left.
        ProposalFailed
            When it does not apply to the present target.
        """
        tried = {" ".join(e.summary.split()) for e in briefing.history}
        last = max((i for i, summary in enumerate(self._summaries) if summary in tried), default=-1)
        place = max(last, self._given) + 1
        if place >= len(self.replies):
            raise NothingToPropose(f"All {len(self.replies)} recorded edits were tried.")
        self._given = place
        try:  # also where a guard has refused the one before: each was recorded on what was kept by then
            reply = read_reply(self.replies[place], briefing.incumbent.target)
        except ReplyError as error:
            said = " ".join(str(error).split())[:300]
            raise ProposalFailed(
                f"Recorded edit {place + 1} does not apply: {said}", reply=self.replies[place]
            ) from None
        return Proposal(
            reply.target, reply.summary, reply.hypothesis, reply.expect, self.name, reply=self.replies[place]
        )
