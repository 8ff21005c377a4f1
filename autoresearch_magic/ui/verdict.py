"""What became of a version that was tried from outside, in words and as facts."""

from __future__ import annotations

from typing import Any

from ..agents.me import NAME as ME
from ..experiment import Experiment, Verdict
from ..runners.output.log_file import read_kept_log
from ..storage.git.working_tree import not_tried
from ..storage.logs import guard_log_path
from ..study.evidence import details
from ..study.export import rows
from ..study.limits import limit_reached
from ..study.study import Study
from ..study.tasks import Task
from ..text import counted
from .exit_codes import DONE, NOT_KEPT
from .facts import metric_facts, plain_dict
from .reply import Reply
from .session import MAGIC, Place
from .wording import for_shell

OUTPUT = 3_000
"""Characters of the end of what a failed run printed."""


def verdict_reply(study: Study, e: Experiment, task: Task, place: Place, *, on_disk: bool = True) -> Reply:
    """Return the verdict on a version, what it rests on, and what comes next.

    Parameters
    ----------
    study : Study
    e : Experiment
        Judged.
    task : Task
        What else became of the version.
    place : Place
        Where it is read.
    on_disk : bool
        Whether the version lies in the user's files.
    """
    kept = e.verdict is Verdict.KEEP
    lines = [
        *_finished_first(study, task),
        *(notice for notice in task.notices if not (task.first and "was begun and not finished" in notice)),
        f"Experiment {e.number} of {study.name}: {_verdict(study, e)}",
        *(f"{what}: {text}" for what, text in details(e, study.status.gains.get(e.number), study.status.spread(e))),
        *([f"What decided: {e.reason}"] if e.reason else []),
        *(_files(study, e, task, place) if on_disk else []),
        *next_lines(study, place, kept=kept),
    ]
    text = "\n".join(lines)
    output = _output(study, e)
    shown = for_shell(text) if place is Place.SHELL else text
    return Reply(
        f"{shown}\n\n{output}" if output else shown, exit_code=DONE if kept else NOT_KEPT, prose=not output,
        data=verdict_facts(study, e, task, text),
    )  # fmt: skip


def verdict_facts(study: Study, e: Experiment, task: Task, text: str) -> dict[str, Any]:
    """Return the same as plain values."""
    best = study.incumbent
    row = rows(study.status, [e])[0]
    parent = None if e.parent is None else study.experiments[e.parent]
    return plain_dict({
        "study": study.name, "metric": metric_facts(study.metric), "running": False, "task": "try",
        **{key: value for key, value in row.items() if key not in ("source", "repeats")}, "commit": e.commit, "expect": e.proposal.expect,
        "kept": e.verdict is Verdict.KEEP, "parent_value": parent and parent.value, "output": _output(study, e),
        "best": {"experiment": best.number, "value": best.value, "summary": best.summary},
        "finished_first": [{"experiment": n, "verdict": study.experiments[n].verdict} for n in task.first],
        "reverted": task.reverted, "left": task.left, "scratch": task.scratch, "notices": task.notices, "limit": limit(study), "error": "", "text": text,
    })  # fmt: skip


def limit(study: Study) -> str:
    """Return which of the study's limits has been reached, in one line; empty for none."""
    status, planned = study.status, study.settings.planned
    if planned and status.done >= planned:
        return f"All {counted(planned, 'experiment')} of the study were made (-n {planned})."
    return limit_reached(status, 0.0)


def next_lines(study: Study, place: Place, *, kept: bool) -> list[str]:
    """Return how a study goes on after a verdict."""
    if study.active and not study.driven:
        return [
            f"{study.name} goes on, and its agent learns from this."
            if not kept
            else f"{study.name} goes on from this version."
        ]
    lines = [reached] if (reached := limit(study)) else []
    end = f"{MAGIC} finish  ends the search and confirms the result"
    if place is Place.SHELL:
        return [*lines, f"Next: another version with  {MAGIC} try SUMMARY  (and {end})."]
    agent = study.settings.agent
    inside = (
        f"{MAGIC} resume {study.name} --agent AGENT  lets an agent go on"
        if agent == ME
        else f"{MAGIC} resume {study.name}  lets {agent} go on"
    )
    another = f"%{MAGIC} try SUMMARY" if study.definition.checkout is None else f"{MAGIC} try SUMMARY"
    more = end if reached else f"or {inside}, and {end}"
    return [*lines, f"Next: another version with  {another}  ({more})."]


def _verdict(study: Study, e: Experiment) -> str:
    """Return the verdict in a sentence, with the value and what it was compared with."""
    metric, status = study.metric, study.status
    words = {
        Verdict.KEEP: "kept, it is the best version now.", Verdict.DISCARD: "not kept.", Verdict.DUPLICATE: "not run.",
        Verdict.PRUNED: "not kept, and stopped early as hopeless.", Verdict.GUARD_FAILED: "not kept, because it breaks what must still pass.",
        Verdict.CRASH: "not kept, because it does not run.", Verdict.TIMEOUT: "not kept, because it takes too long.",
        Verdict.METRIC_ERROR: "not kept, because it gives no value.", Verdict.REJECTED: "refused.",
    }  # fmt: skip
    said = words.get(e.verdict, f"{e.verdict}.") if e.verdict is not None else ""
    if e.value is None or e.parent is None:
        return said
    parent = study.experiments[e.parent]
    against = f"experiment {parent.number}, the best before" if parent.number else "the baseline"
    values = f"{metric.name} {status.format(e.value)} ({counted(len(e.values), 'run')})"
    return f"{said} {values} against {status.format(parent.value)} ({counted(len(parent.values), 'run')}) of {against}."


def _finished_first(study: Study, task: Task) -> list[str]:
    lines = []
    for number in task.first:
        e = study.experiments[number]
        more = "; your version is without its change" if e.verdict is Verdict.KEEP else ""
        lines.append(
            f"Experiment {number}, {e.summary}, had been begun and not finished, and came first: {e.verdict}{more}."
        )
    return lines


def _files(study: Study, e: Experiment, task: Task, place: Place) -> list[str]:
    """Return what became of the user's files."""
    lines = [line] if (line := not_tried(task.scratch)) else []
    if task.left:
        lines.append(f"Changed since the version was read, and left as they are: {', '.join(task.left)}.")
    if task.reverted:
        lines.append(f"Put back to the best version: {', '.join(task.reverted)}.")
    elif e.verdict is Verdict.KEEP:
        if study.definition.checkout is not None:
            lines.append(
                f"The files stay as they are; the branch autoresearch/{study.name} has them as commit {e.commit[:10]}."
            )
    elif place is Place.SHELL and not task.left:
        lines.append("The files stay as they are: change them further, or put them back by trying with --revert.")
    return lines


def _output(study: Study, e: Experiment) -> str:
    """Return the end of what a failed experiment has printed: its last run, or the guard that did not pass."""
    if e.verdict is None or not e.verdict.failed or not e.measurements:
        return ""
    last = e.measurements[-1]
    guarded = e.verdict is Verdict.GUARD_FAILED and "guard" in e.reason.lower()
    if guarded and (printed := read_kept_log(guard_log_path(study.folder, e.number))):
        return printed[-OUTPUT:].strip()
    return (last.traceback or last.output)[-OUTPUT:].strip()
