"""What commands show of a study: an experiment whole, what it changed, how the study goes, an answer, the report; and the doctor.

Each is a `Reply`, in Markdown and in plain text. Not here: which experiment is meant, and whether there is one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from ..experiment import Experiment, Proposal
from ..judging.analysis.format import evals_markdown, evals_text
from ..source.edits import line_counts, unified_diff
from ..study.study import Study
from ..study.summary import counts, result_line
from ..text import counted, escape, fenced
from .doctor import Check, examine
from .reply import Reply, said


def experiment_reply(study: Study, e: Experiment, note: str = "") -> Reply:
    """Show one experiment whole: what came out, what was thought, its source or its diff, and how it failed.

    Parameters
    ----------
    study : Study
    e : Experiment
    note : str, optional
        What to say instead of the verdict's reason.
    """
    head = f"Experiment {e.number}: {e.verdict}, {study.metric.name} {study.metric.format(e.value)}, {e.seconds:.1f} s"
    facts = [e.summary, note or e.reason, *thought(e.proposal)]
    failed = next((m for m in e.measurements if not m.ok), None)
    tail = (failed.traceback or failed.output)[-2000:] if failed else ""
    source, language = e.target, "python"
    if study.definition.checkout is not None:  # whole files would bury what was done to them
        source, language = unified_diff(study.experiments[0].target, e.target) or "(as the study began)", "diff"
        facts += [
            f"Against the baseline, commit {e.commit[:10]}; %autoresearch apply {e.number}  brings it into your branch:"
        ][: e.number]
    text = "\n".join([head, *facts, "", source.rstrip(), *(["", tail] if tail else [])])
    markdown = "\n\n".join(
        [f"**{head}**", *map(escape, facts), fenced(source, language), *([fenced(tail)] if tail else [])]
    )
    return Reply(text, markdown)


def thought(proposal: Proposal) -> list[str]:
    """Return what an agent thought of its proposal, a line each; empty where it said nothing."""
    said = (("Hypothesis", proposal.hypothesis), ("Expected effect", proposal.expect))
    return [f"{what}: {words}" for what, words in said if words]


def diff_reply(study: Study, before: Experiment, after: Experiment) -> Reply:
    """Show how the targets of two experiments differ."""
    diff = unified_diff(before.target, after.target, f"experiment {before.number}", f"experiment {after.number}")
    if not diff:
        return said(f"Experiments {before.number} and {after.number} have the same target.")
    added, removed = line_counts(before.target, after.target)
    head = (
        f"Experiment {before.number} ({study.metric.format(before.value)}) → {after.number} "
        f"({study.metric.format(after.value)}): {counted(added, 'line')} added, {removed} removed"
    )
    return Reply(f"{head}\n{diff}", f"**{head}**\n\n{fenced(diff, 'diff')}")


def evals_reply(study: Study) -> Reply:
    """Show how a study goes, and what stopping losers early has come to."""
    evals = study.evals()
    account = study.pruning
    stopped = str(account) if account.stopped + account.audits else ""
    text, markdown = evals_text(evals), evals_markdown(evals)
    return Reply(
        f"{text}\n\nEarly stopping: {stopped}" if stopped else text,
        f"{markdown}\n\n**Early stopping**: {escape(stopped)}" if stopped else markdown,
    )


def answer_reply(study: Study) -> Reply:
    """Show the answer to the last question.

    Raises
    ------
    UserError
        When there was none to be had.
    """
    answer = study.answer()
    if answer is None:
        return said("Stopped before there was an answer.")
    text = answer.text(study.metric)
    return Reply(text, fenced(text, "text") if "\n" in text else escape(text))


def ablation_reply(study: Study) -> Reply:
    """Show what each kept change contributes, and, of a cell, the target without those that contribute nothing."""
    reply = answer_reply(study)
    answer = study.answer()
    if answer is None or not answer.without or study.definition.checkout is not None:
        return reply
    return replace(reply, next_cell=f"%%autoresearch target\n{answer.without.rstrip()}")


def report_reply(study: Study, to: str | None) -> Reply:
    """Write the report, into the study's folder by default, and show where it is with the result."""
    path = study.report(to, confirm=False)
    n = counts(study.experiments)
    tried = counted(max(0, len(study.experiments) - 1), "experiment")
    head = f"{tried}: {n['keep']} kept, {n['discard']} discarded, {n['failed']} failed"
    line = result_line(study.status)
    return Reply(
        f"{head}\n{line}\nThe report is at {shown_path(path)}",
        f"**{escape(line)}.**\n\n{head}. The report is at `{shown_path(path)}`.",
    )


def shown_path(path: Path) -> str:
    """Return a path as short as it can be said from here."""
    try:
        return str(path.resolve().relative_to(Path.cwd()))
    except ValueError:
        return str(path)


def doctor_reply(root: Path) -> Reply:
    """Examine the machine and the folder of studies, which takes a few seconds."""

    def work(show: Callable[[float, str], None]) -> Reply:
        return checks_reply(examine(root, show))

    return Reply("", work=work)


def checks_reply(checks: Sequence[Check]) -> Reply:
    """Show what was examined: a table, what to do with it, and the sum of it in one line."""
    width = max(len(check.name) for check in checks)
    lines, rows = [], ["| | | found | what to do |", "| --- | --- | --- | --- |"]
    for check in checks:
        lines.append(f"{check.state:<4}  {check.name:<{width}}  {check.said}")
        if check.remedy:
            lines.append(f"{'':<{width + 8}}-> {check.remedy}")
        state = check.state if check.state == "ok" else f"**{check.state}**"
        rows.append(f"| {state} | {check.name} | {escape(check.said)} | {escape(check.remedy)} |")
    bad, warn = (sum(check.state == state for check in checks) for state in ("bad", "warn"))
    total = f"{bad} bad, {counted(warn, 'warning')}." if bad or warn else "All is well."
    return Reply("\n".join([*lines, "", total]), "\n".join([*rows, "", total]), failed=bad > 0)
