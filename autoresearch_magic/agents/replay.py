"""The replay agent: makes the proposals of a recorded study again, in their order, without a key or costs.

Together with the recorded measurements (`runners.replay`) a whole study is replayed, at any speed.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from ..errors import NothingToPropose, ProposalFailed, UserError
from ..experiment import Proposal, Usage
from ..source.edits import fingerprint
from ..storage.folders import ROOT
from ..storage.recording import open_record, parse_replay
from .base import Agent, Briefing
from .llm.reply_parser import read_ideas


class Replay(Agent):
    """Makes the proposals of a recorded study again.

    A proposal is as recorded, with the recorded agent's name, so that a replayed hybrid shows which agent proposed what;
    the study's settings say that it is a replay. Only the usage is zero, as no model is asked.

    Parameters
    ----------
    argument : str
        See `parse_replay`.
    target : str
        The target of the new study, to be compared with the recorded baseline; empty to skip that.
    root : str or Path
        The folder that holds the studies.

    Raises
    ------
    UserError
        When there is no such study, it has no baseline, or its baseline is another target.
    """

    def __init__(self, argument: str, target: str = "", root: str | Path = ROOT) -> None:
        self.folder, self.speed = parse_replay(argument, root)
        with open_record(self.folder) as journal:
            # An unjudged experiment is where the study was killed: the recording ends before it.
            self.recorded = {e.number: e for e in journal.experiments() if e.verdict is not None}
        if 0 not in self.recorded:
            raise UserError(f"The study {self.folder.name} has no baseline: there is nothing to replay.")
        if target and fingerprint(target) != fingerprint(self.recorded[0].target):
            raise UserError(
                f"The target is not the baseline of {self.folder.name}: use that one, which is  "
                f"autoresearch_magic.open_study({str(self.folder)!r}).restore(0)"
            )

    def propose(self, briefing: Briefing) -> Proposal:
        """Return the recorded proposal of that number.

        Raises
        ------
        NothingToPropose
            At the end of the recording.
        ProposalFailed
            Where the recorded agent failed.
        """
        experiment = self.recorded.get(briefing.number)
        if experiment is None:
            raise NothingToPropose(
                f"The replay ends: {self.folder.name} has no experiment {briefing.number} in its recording."
            )
        # Not which ideas it tries: their numbers are those of the recorded backlog, which may hold the user's own.
        proposal = replace(experiment.proposal, usage=Usage(), ideas=read_ideas(experiment.proposal.reply))
        if proposal.failure:
            raise ProposalFailed(proposal.failure, Usage(), proposal.reply)
        return proposal
