"""Proposals without keys, before they are run, recorded or shown."""

from __future__ import annotations

from dataclasses import replace

from ..errors import ProposalFailed
from ..experiment import Proposal
from ..keys.redact import cleaned
from ..source.key_references import keys_of, put_away, references, with_known

REFUSED = "The proposed code holds what looks like a key ({place}), and was not run: a version with a key in it would be committed."


def clean_proposal(proposal: Proposal, base: str) -> Proposal:
    """Return a proposal without keys; one whose code has a key that the version before has not is refused by its `failure`.

    Parameters
    ----------
    proposal : Proposal
    base : str
        The version that it changes, in which references stand for keys of the user's.
    """
    proposal = replace(proposal, target=_as_in(base, proposal.target))
    new = [key for key in keys_of(proposal.target) if key not in base]  # files of a repository hold what its git holds
    stays, failure = put_away(proposal.target, new) if new else proposal.target, cleaned(proposal.failure)
    if not failure and (unknown := set(references(stays)) - set(references(base))):
        line = next(i for i, text in enumerate(stays.splitlines(), 1) if any(f": {name}]" in text for name in unknown))
        failure = REFUSED.format(place=f"line {line}")
    return replace(
        proposal, target=stays, summary=cleaned(proposal.summary), hypothesis=cleaned(proposal.hypothesis), expect=cleaned(proposal.expect),
        reply=cleaned(proposal.reply), failure=failure, ideas=tuple(map(cleaned, proposal.ideas)), prompt=cleaned(proposal.prompt),
        agent=cleaned(proposal.agent),
    )  # fmt: skip


def _as_in(base: str, target: str) -> str:
    """Return a version in which a key that the version before has is not a reference: a file of a repository is committed as it was."""
    for name in references(target):
        key = with_known(f"[key removed: {name}]")
        if not key.startswith("[key removed") and key in base:
            target = target.replace(f"[key removed: {name}]", key)
    return target


def clean_failure(failed: ProposalFailed) -> None:
    """Take keys out of what an agent's failure tells."""
    failed.args = tuple(cleaned(str(each)) for each in failed.args)
    failed.reply, failed.output, failed.prompt = cleaned(failed.reply), cleaned(failed.output), cleaned(failed.prompt)
    failed.ideas = tuple(map(cleaned, failed.ideas))
