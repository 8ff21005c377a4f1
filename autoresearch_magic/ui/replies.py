"""Replies that show a part of a study: an experiment, a diff, the analysis, an answer; and the doctor's checks.

They format only; the subcommands choose the study and the experiment.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from ..experiment import Experiment, Proposal, Verdict
from ..judging.analysis.format import evals_markdown, evals_text
from ..judging.disturbance import describe, excess, usual_conditions
from ..metric import format_numbers
from ..runners.output.failing_lines import failing_lines
from ..runners.output.log_file import read_kept_log
from ..source.edits import line_counts, unified_diff
from ..storage.logs import guard_log_path
from ..study.applying import not_applicable
from ..study.comparisons import Regression
from ..study.evidence import details
from ..study.plan import Plan
from ..study.results_table import ResultsTable
from ..study.study import Study
from ..text import as_html, counted, escape, fenced
from .colours import bold, coloured_diff, coloured_source, diff_as_html
from .doctor.attacks import Attacked, layer_names
from .doctor.check import Check
from .exit_codes import DONE, VERDICT_CODES
from .facts import comparison_facts, evals_facts, experiment_facts, plan_facts, table_evals_facts
from .reply import Reply, prose_reply
from .session import Place
from .wording import for_shell

ALL_NUMBERS = 4_000
"""Characters of an experiment's other numbers that are shown: all of them, unless their names are very long."""


def experiment_reply(study: Study, e: Experiment, note: str = "", place: Place = Place.MAGIC) -> Reply:
    """Show one experiment: its result, the agent's reasoning, its code or diff, and its error if it failed.

    Parameters
    ----------
    study : Study
    e : Experiment
    note : str, optional
        A text in place of the verdict's reason.
    place : Place
        Where it is shown.
    """
    head = f"Experiment {e.number}: {e.verdict}, {study.metric.name} {study.status.format(e.value)}, {e.seconds:.1f} s"
    said = [f"{what}: {text}" for what, text in details(e, study.status.gains.get(e.number), study.status.spread(e))]
    reason = note or (f"What decided: {e.reason}" if e.parent is not None and e.reason else e.reason)
    measured = [*measured_besides(e), *(f"Note: {note}" for note in e.notes), *unusual_conditions(study, e)]
    facts = [e.summary, *said, reason, *reasoning(e.proposal), *measured]
    failed = next((m for m in e.measurements if not m.ok), None)
    tail = (failed.traceback or failed.output)[-2000:] if failed else ""
    if e.verdict is Verdict.GUARD_FAILED and (failing := guard_lines(study, e)):
        tail = "\n".join(["The guard's output says:", *failing])
    code, language = e.target, "python"
    if study.definition.checkout is not None:  # a target of whole files: show only what changed
        code, language = unified_diff(study.experiments[0].target, e.target) or "(as the study began)", "diff"
        if e.number:
            offer = (
                "" if not_applicable(study.status, e) else f"; {place} apply {e.number}  commits them to your branch"
            )
            facts.append(f"Changes to the baseline, commit {e.commit[:10]}{offer}:")
    if place is Place.SHELL:
        facts = [*map(for_shell, facts)]
    files = [(f"{path}, as the run wrote it:", content) for path, content in e.artifacts.items()]
    below = [*(["", tail] if tail else []), *(line for each in files for line in ("", *each))]

    def text(head: str, code: str) -> str:
        return "\n".join([head, *facts, "", code, *below])

    above = "\n\n".join([f"**{head}**", *map(escape, facts)])
    rest = "\n\n".join([
        *([fenced(tail)] if tail else []), *(part for what, content in files for part in (escape(what), fenced(content))),
    ])  # fmt: skip
    code = code.rstrip()
    colour = coloured_diff if language == "diff" else coloured_source
    return Reply(
        text(head, code), "\n\n".join(part for part in (above, fenced(code, language), rest) if part),
        data=experiment_facts(study, e), verbatim=True, colours=lambda: text(bold(head), colour(code)),
        html=(lambda: _around(above, diff_as_html(code), rest)) if language == "diff" else None,
    )  # fmt: skip


def _around(above: str, middle: str, below: str = "") -> str:
    """Return HTML between two texts in Markdown; empty where Markdown cannot be made HTML."""
    before, after = as_html(above), as_html(below)
    return "" if before is None or after is None else f"{before}{middle}{after if below else ''}"


def reasoning(proposal: Proposal) -> list[str]:
    """Return the agent's hypothesis and the effect it expects, a line each; without those that it did not give."""
    given = (("Hypothesis", proposal.hypothesis), ("Expected effect", proposal.expect))
    return [f"{what}: {text}" for what, text in given if text]


def measured_besides(e: Experiment) -> list[str]:
    """Return the other numbers of an experiment's runs and its peak memory, a line each; without those that there are none of."""
    lines = [f"Also measured: {format_numbers(e.numbers, ALL_NUMBERS)}"] if e.numbers else []
    return [*lines, f"Peak memory: {e.memory:.3g} GiB"] if e.memory else lines


def unusual_conditions(study: Study, e: Experiment) -> list[str]:
    """Return in one line what was unusual about the machine while an experiment ran; nothing where it was as usual."""
    usual = usual_conditions(study.experiments, timed=study.status.settings.budget.unit == "seconds")
    runs = enumerate(e.measurements, 1)
    found = [(excess(m, usual), n, text) for n, m in runs if (text := describe(m, usual))]
    if not found:
        return []
    _, number, text = max(found)
    if len(e.measurements) == 1:
        return [f"{text[:1].upper()}{text[1:]}."]
    several = f"; {len(found)} of its {len(e.measurements)} runs were disturbed" if len(found) > 1 else ""
    return [f"Run {number} of {len(e.measurements)} was {text}{several}."]


def guard_lines(study: Study, e: Experiment) -> list[str]:
    """Return the lines of the guard's log that say what failed; none where the guard was not what failed."""
    if "guard" not in e.reason.lower():
        return []
    return failing_lines(read_kept_log(guard_log_path(study.status.folder, e.number)))


def diff_reply(study: Study, before: Experiment, after: Experiment) -> Reply:
    """Show how the targets of two experiments differ."""
    diff = unified_diff(before.target, after.target, f"experiment {before.number}", f"experiment {after.number}")
    if not diff:
        return replace(
            prose_reply(f"Experiments {before.number} and {after.number} have the same target."),
            data={"study": study.name, "from": before.number, "to": after.number, "diff": ""},
        )
    added, removed = line_counts(before.target, after.target)
    head = (
        f"Experiment {before.number} ({study.status.format(before.value)}) → {after.number} "
        f"({study.status.format(after.value)}): {counted(added, 'line')} added, {removed} removed"
    )
    data = {"study": study.name, "from": before.number, "to": after.number, "diff": diff}
    return Reply(
        f"{head}\n{diff}", f"**{head}**\n\n{fenced(diff, 'diff')}", data=data, verbatim=True,
        colours=lambda: f"{bold(head)}\n{coloured_diff(diff)}", html=lambda: _around(f"**{head}**", diff_as_html(diff)),
    )  # fmt: skip


def evals_reply(study: Study) -> Reply:
    """Show the analysis of a study, and how much early stopping has saved."""
    evals, pruning = study.evals(), study.pruning
    stopped = str(pruning) if pruning.stopped + pruning.audits else ""
    text, markdown = evals_text(evals), evals_markdown(evals)
    said = [("Early stopping", stopped)] if stopped else []
    said += [("Cheap stages", str(account)) for account in study.staging if account.runs]
    return Reply(
        "\n\n".join([text, *(f"{name}: {what}" for name, what in said)]),
        "\n\n".join([markdown, *(f"**{name}**: {escape(what)}" for name, what in said)]),
        data=evals_facts(study),
    )


def table_evals_reply(path: Path, table: ResultsTable) -> Reply:
    """Show the analysis of a results table."""
    evals = table.evals()
    note = f"{path}: {counted(len(table.experiments), 'row')}. A table has single values: what chance explains is not known."
    return Reply(
        f"{note}\n\n{evals_text(evals)}",
        f"{escape(note)}\n\n{evals_markdown(evals)}",
        data=table_evals_facts(path, evals),
    )


def answer_reply(study: Study) -> Reply:
    """Show the answer to the last question: a regression test or an ablation.

    Raises
    ------
    UserError
        When the question could not be answered.
    """
    answer = study.answer()
    if answer is None:
        return prose_reply("Stopped before there was an answer.")
    text = answer.text(study.metric)
    data = comparison_facts(study, answer)
    code = VERDICT_CODES[answer.verdict] if isinstance(answer, Regression) else DONE
    return Reply(text, fenced(text, "text") if "\n" in text else escape(text), exit_code=code, data=data)


def ablation_reply(study: Study) -> Reply:
    """Show what each kept change contributes; for a cell, offer the target without those that contribute nothing."""
    reply = answer_reply(study)
    answer = study.answer()
    if answer is None or not answer.without or study.definition.checkout is not None:
        return reply
    return replace(reply, next_cell=f"%%autoresearch target\n{answer.without.rstrip()}")


def plan_reply(plan: Plan) -> Reply:
    """Show what a study will take."""
    text = str(plan)
    return Reply(text, "\n".join(f"- {escape(line)}" for line in text.splitlines()), prose=True, data=plan_facts(plan))


def shown_path(path: Path) -> str:
    """Return a path relative to the working directory if it is below it; below ``/`` it stays as it is."""
    here = Path.cwd()
    whole = path.resolve()
    return str(whole.relative_to(here)) if here != Path(here.anchor) and whole.is_relative_to(here) else str(path)


def checks_reply(checks: Sequence[Check]) -> Reply:
    """Show the doctor's checks: a table with remedies, and a line that counts the failures and warnings."""
    width = max(len(check.name) for check in checks)
    lines, rows = [], ["| | | found | what to do |", "| --- | --- | --- | --- |"]
    for check in checks:
        lines.append(f"{check.state:<4}  {check.name:<{width}}  {check.found}")
        if check.remedy:
            lines.append(f"{'':<{width + 8}}-> {check.remedy}")
        state = check.state if check.state == "ok" else f"**{check.state}**"
        rows.append(f"| {state} | {check.name} | {escape(check.found)} | {escape(check.remedy)} |")
    bad, warn = (sum(check.state == state for check in checks) for state in ("bad", "warn"))
    total = f"{bad} bad, {counted(warn, 'warning')}." if bad or warn else "Everything works."
    return Reply("\n".join([*lines, "", total]), "\n".join([*rows, "", total]), exit_code=int(bad > 0))


def attacks_reply(attacks: Sequence[Attacked]) -> Reply:
    """Show what came of the doctor's attacks: a table, and a line that counts those that were not held although they could be."""
    width = max(len(each.title) for each in attacks)
    lines, rows = [], ["| | a target that ... | |", "| --- | --- | --- |"]
    for each in attacks:
        state = "held" if each.held else "NOT HELD" if each.layers else "open"
        found = f"by {layer_names(each.layers)}" if each.held and each.layers else each.achieved
        if not each.layers and not each.held:
            found += f"; it takes {layer_names(each.needs)}"
        lines.append(f"{state:<8}  {each.title:<{width}}  {found}".rstrip())
        rows.append(f"| {state if each.held else f'**{state}**'} | {each.title} | {escape(found)} |")
    bad = sum(not each.held and bool(each.layers) for each in attacks)
    still = sum(not each.held and not each.layers for each in attacks)
    total = (
        f"{counted(bad, 'attack')} of {len(attacks)} not held."
        if bad
        else f"{len(attacks) - still} of {len(attacks)} attacks are held"
    )
    if not bad:
        total += f"; for {still} this system lacks the layer: see docs/security.md." if still else "."
    return Reply("\n".join([*lines, "", total]), "\n".join([*rows, "", total]), exit_code=int(bad > 0))
