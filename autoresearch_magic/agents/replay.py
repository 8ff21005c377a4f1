"""The agent that repeats: proposes again what a recorded study has proposed, in its order. No key, no cost.

With `autoresearch_magic.runners.replay.ReplayRunner` for the measurements, a whole study plays again at any speed.
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


class Replay(Agent):
    """Proposes what a recorded study has proposed.

    Summary, hypothesis, reply and the agent's name are as recorded, so that the history reads as it did and a replayed
    hybrid shows who proposed what; that it is a replay is said by the study's own settings. The usage is not: a replay
    asks nobody and costs nothing.

    Parameters
    ----------
    argument : str
        See `parse_replay`.
    target : str
        The source that the new study begins with, to say at once when it is not what the recorded one began with.
    root : str or Path
        The folder that holds the studies.

    Raises
    ------
    UserError
        When there is no such study, it has no baseline, or it began with another target.
    """

    def __init__(self, argument: str, target: str = "", root: str | Path = ROOT) -> None:
        self.folder, self.speed = parse_replay(argument, root)
        with open_record(self.folder) as journal:
            # An experiment that was never judged is where a study was killed: its record ends before it.
            self.recorded = {e.number: e for e in journal.experiments() if e.verdict is not None}
        if 0 not in self.recorded:
            raise UserError(f"The study {self.folder.name} has no baseline on record: there is nothing to replay.")
        if target and fingerprint(target) != fingerprint(self.recorded[0].target):
            raise UserError(
                f"The target is not the one that {self.folder.name} began with: take that one, which is  "
                f"autoresearch_magic.open_study({str(self.folder)!r}).restore(0)"
            )

    def propose(self, briefing: Briefing) -> Proposal:
        """Return the recorded proposal of that number.

        Raises
        ------
        NothingToPropose
            At the end of the record.
        ProposalFailed
            Where the recorded agent had failed.
        """
        experiment = self.recorded.get(briefing.number)
        if experiment is None:
            raise NothingToPropose(
                f"The replay ends: {self.folder.name} has no experiment {briefing.number} on record."
            )
        proposal = replace(experiment.proposal, usage=Usage())
        if proposal.failure:
            raise ProposalFailed(proposal.failure, Usage(), proposal.reply)
        return proposal
