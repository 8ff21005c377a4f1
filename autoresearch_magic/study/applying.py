"""Bring an experiment into the user's branch: which ones can be, and the message of the commit."""

from __future__ import annotations

from ..errors import UserError
from ..experiment import Experiment, Verdict
from ..text import counted
from .gain_words import gain_text
from .status import StudyStatus


def not_applicable(status: StudyStatus, e: Experiment) -> str:
    """Return why an experiment cannot be applied, in one line; empty where nothing is known that forbids it."""
    if e.number == 0:
        return "Experiment 0 is the code as it was: there is nothing to apply."
    if not e.commit:
        return f"Experiment {e.number} has no commit: see  %autoresearch show {e.number}"
    if e.verdict not in (Verdict.KEEP, Verdict.DISCARD):
        return (
            f"Experiment {e.number} cannot be applied ({e.verdict}: {e.reason.rstrip('.')}): choose one that was kept or "
            f"discarded, or look at  git show {e.commit[:10]}"
        )
    return ""


def instead_of_restoring(status: StudyStatus, e: Experiment) -> str:
    """Return why an experiment of a repository is not restored, and what to do instead."""
    shows = (
        f"git show {e.commit[:10]}  shows the experiment." if e.commit else f"%autoresearch show {e.number}  shows it."
    )
    if e.number == 0 or not_applicable(status, e):
        return f"{status.name} is of a repository, which is not changed:  {shows}"
    return f"{status.name} is of a repository: %autoresearch apply {e.number}  commits the experiment to your branch, and  {shows}"


def apply_to_branch(status: StudyStatus, best: Experiment | None) -> str:
    """Commit an experiment's change to the user's branch; see `Study.apply`."""
    from ..storage.git.apply import apply

    if (checkout := status.definition.checkout) is None:
        raise UserError("This study is of a cell: %autoresearch restore N puts an experiment's version into a cell.")
    if best is None or (best.number == 0 and best is status.incumbent):
        raise UserError(f"{status.name} has kept nothing so far: there is nothing to apply.")
    if why := not_applicable(status, best):
        raise UserError(why)
    return apply(checkout, best.commit, commit_message(status, best))


def applied_text(status: StudyStatus, e: Experiment) -> str:
    """Return what is known of the gain of an applied experiment over the baseline, in one sentence."""
    head = status.headline
    if head is not None and head.number == e.number:
        times = "once" if head.repeats == 1 else f"{head.repeats} times"
        return f"Measured again {times} beside the baseline: {gain_text(head)}."
    return (
        f"Its {status.metric.name}, {status.format(e.value)}, is the {e.statistic} of {counted(len(e.values), 'run')} in the search; it "
        "was not measured again, so chance may explain it."
    )


def commit_message(status: StudyStatus, best: Experiment) -> str:
    """Return the message of the commit that brings an experiment into the user's branch.

    Its values are the confirmed ones, where the experiment is the one that was measured again at the end; the search's own are
    biased towards lucky runs.
    """
    metric, baseline, head = status.metric, status.experiments[0], status.headline
    confirmed = head is not None and head.number == best.number
    before, after = (head.baseline, head.best) if head is not None and confirmed else (baseline.value, best.value)
    chain = [best]
    while (parent := chain[-1].parent) is not None and parent > 0:
        chain.append(status.experiments[parent])
    changes = "\n".join(
        f"- {e.summary}{'' if confirmed else f' ({status.format(e.value)} in the search)'}" for e in reversed(chain)
    )
    subject = f"{metric.name} {status.format(before)} -> {status.format(after)}"
    title = status.definition.program.title
    trailers = f"Experiment: {best.number}\nStudy: {status.name}\nMetric: {metric.name}={after!r}\n"
    parts = (subject, title if title != subject else "", changes, applied_text(status, best), trailers)
    return "\n\n".join(part for part in parts if part)
