"""What an agent that edits files is told: short instructions, and files beside the code with what it may want to look up.

An agent reads files by itself, so that the instructions name them and give what it must know before its first step. Programs that see only
what they are given (`Adapter.files`) get the texts of these files in the instructions.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from ...budget import format_duration
from ...experiment import Experiment
from ...source.blocks import END, FIXED, FIXED_END, START, has_blocks
from ...storage.results_tsv import write_results
from ...text import counted, fenced, printable, shorten
from ..base import Briefing
from ..limits import limit_sentence
from ..lines_told import line_lines
from ..llm.prompt import sections, so_far
from .changes import SETUP, TARGET, Workspace

PROGRAM, HISTORY, RESULTS, FAILURES, NOTES, GUARD = (
    "program.md", "history.md", "results.tsv", "failures.md", "notes.md", "guard-output.txt",
)  # fmt: skip
"""Usual names of the files with what an agent may want to look up."""

LAST_FAILURES = 5
"""Failures whose output is shown."""

OUTPUT = 3_000
"""Characters of each output that are shown, its end."""

LISTED = 1_500
"""Characters of a list of names or ideas in the instructions."""

LONGEST = 120_000
"""Bytes of the instructions: where they are an argument, the system takes 128 KiB at most."""

WHAT = {
    PROGRAM: "the user's goal and rules: read it first",
    HISTORY: "what was kept, what was tried and how it turned out: do not repeat any of it",
    RESULTS: "all experiments as a table",
    FAILURES: "the last failures, with the end of what they printed",
    NOTES: "what the user has said since the start, the newest last: it comes before the program",
    GUARD: "what the guard printed about your last change",
}
"""What each of our files holds."""


def texts(briefing: Briefing) -> dict[str, str]:
    """Return our files for a question: usual names to contents, each bounded in size."""
    found = {PROGRAM: f"{briefing.program.strip()}\n", HISTORY: _history(briefing), RESULTS: _results(briefing)}
    if failed := [e for e in briefing.history if e.verdict is not None and e.verdict.failed and not e.proposal.failure]:
        found[FAILURES] = "\n\n".join(map(_failure, reversed(failed[-LAST_FAILURES:]))) + "\n"
    if briefing.notes:
        found[NOTES] = "".join(f"- {note.strip()}\n" for note in briefing.notes)
    if briefing.rework is not None:
        found[GUARD] = f"{briefing.rework.problem}\n\n{briefing.rework.output}"
    return found


def instructions(
    briefing: Briefing, space: Workspace, *, deadline: float, given: Sequence[str] = (), told: Sequence[str] = ()
) -> str:
    """Return the instructions for a question.

    Parameters
    ----------
    briefing : Briefing
    space : Workspace
        Its folder, with the real names of our files.
    deadline : float
        Seconds after which the agent is ended.
    given : sequence of str
        Usual names of our files, and of the setup, whose text is part of the instructions, for a program that cannot open files.
    told : sequence of str
        What the agent did in its last question that has been undone, a line each.
    """
    several = bool(briefing.verify)
    parts = [
        _task(briefing),
        _folder(briefing, space, given),
        _scope(briefing, space),
        _method(deadline, several),
        _undone(told),
        _rework(briefing, space),
        _line(briefing),
        _open(briefing),
        _backlog(briefing),
        _advice(briefing),
        _ending(several),
    ]
    text = "\n\n".join(part for part in parts if part)
    contents = {SETUP: briefing.setup, **texts(briefing)}
    for name in given:
        if (content := contents.get(name, "")).strip():
            room = max(0, LONGEST - len(text.encode("utf-8", "replace"))) // 4
            title = "The files that measure: frozen" if name == SETUP and several else space.named.get(name, name)
            text += f"\n\n# {title}\n\n{fenced(_cut(content, room))}"
    data = printable(text).replace("\0", "").encode()
    return data[:LONGEST].decode("utf-8", "ignore").rstrip() + "\n"


def preview(briefing: Briefing, *, deadline: float) -> str:
    """Return the instructions and our files as one text, for a person: what an agent would get now."""
    found = texts(briefing)
    space = Workspace(Path(), briefing.incumbent.target, {name: name for name in found}, withheld=briefing.hidden)
    parts = [
        instructions(briefing, space, deadline=deadline),
        *(f"===== {name}\n\n{text}" for name, text in found.items()),
    ]
    return "\n".join(parts)


# -- the files --------------------------------------------------------------------------------------------------------


def _history(briefing: Briefing) -> str:
    """Return the sections of a model's prompt on the state of the study, without the target, which lies in the folder."""
    found = [section for section in sections(briefing) if section]
    found[0] = found[0].partition("\n")[0]
    return "\n\n".join(found) + "\n"


def _results(briefing: Briefing) -> str:
    with tempfile.TemporaryDirectory(prefix="autoresearch-") as folder:
        path = Path(folder) / RESULTS
        write_results(path, briefing.history, briefing.metric)
        return path.read_text("utf-8")


def _failure(e: Experiment) -> str:
    last = e.measurements[-1] if e.measurements else None
    tails = dict.fromkeys(text[-OUTPUT:].strip() for text in (last.traceback, last.output)) if last else {}
    shown = "".join(f"\n\n{fenced(tail)}" for tail in tails if tail)
    return f"# {e.number}: {shorten(e.summary, 160)} ({e.verdict})\n\n{e.reason}{shown}"


# -- the instructions -------------------------------------------------------------------------------------------------


def _task(briefing: Briefing) -> str:
    metric, best = briefing.metric, briefing.incumbent
    better = "lower" if metric.minimize else "higher"
    what = "the files of a repository" if briefing.verify else f"one Python file, {TARGET}"
    value = f"has {metric.format(best.value, briefing.noise)}" if best.value is not None else "is being measured"
    noise = f" (standard deviation of one run {briefing.noise:.2g})" if briefing.noise else ""
    if briefing.verify:
        run = f"When you have ended, `{briefing.verify}` is run on your version, and {metric.name} is read from its output"
    else:
        spend = f", which may spend {briefing.budget} on training" if briefing.budget else ""
        setup = f" after {SETUP}" if briefing.setup.strip() else ""
        run = f"When you have ended, {TARGET} is run{setup}{spend}, and {metric.name} is measured by `{metric.expression}`"
    guard = f" `{briefing.guard}` must pass as well." if briefing.guard else ""
    valid = f" A run counts only if this holds: {briefing.valid}." if briefing.valid else ""
    return (
        f"You improve {what}, in the current folder, by one change. {run}: {better} is better. The present version {value}{noise}. A "
        f"version that is better by more than chance is kept, any other is discarded.{guard}{valid}{limit_sentence(briefing)} Then you are asked for the next change, "
        "in a new folder. You have no memory between these questions."
    )


def _folder(briefing: Briefing, space: Workspace, given: Sequence[str]) -> str:
    lines = [
        "# The folder",
        "",
        "It was made for this question and is deleted after it: a git repository of its own with one commit, the present version, so that "
        "`git diff` shows what you have changed. What counts is what lies in the files when you end; nothing need be committed.",
    ]
    lines += [f"- `{real}`: {WHAT[name]}" for name, real in space.named.items() if name not in given]
    if not briefing.verify:
        if briefing.setup.strip() and SETUP not in given:
            hidden = "the names that it defines; what is in them is kept from you" if briefing.hidden else "frozen"
            lines.append(f"- `{SETUP}`: runs before {TARGET} and defines names for it; {hidden}")
        lines.append(f"- The Python of the experiments is `{sys.executable}`.")
    if space.linked:
        lines.append(f"- {_listed(space.linked)}: links to the user's own; read what is there, and change nothing.")
    if space.withheld:
        lines.append(
            f"- Kept from you on purpose: {_listed(space.withheld)}. Do not look for them elsewhere, nor write code that does."
        )
    return "\n".join(lines)


def _scope(briefing: Briefing, space: Workspace) -> str:
    lines = ["# What you may change", ""]
    if briefing.verify:
        lines.append(
            f"Files that match {_listed(briefing.scope)}, also new ones. Nothing else becomes part of your change."
        )
        frozen = briefing.checkout.frozen if briefing.checkout is not None else ()
        if frozen:
            lines.append(f"Frozen, because they test or measure: {_listed(frozen)}, and every new test.")
    else:
        lines.append(f"`{TARGET}`, and nothing else.")
    if has_blocks(space.base):
        lines.append(
            f"Comments mark lines: where a file has `{START}` and `{END}`, only lines between the two may change, in any file; lines between "
            f"`{FIXED}` and `{FIXED_END}` may not change, nor may the markers. A change that does more is refused."
        )
    return "\n".join(lines)


def _method(deadline: float, several: bool) -> str:
    frozen = (
        "what is frozen, also not by code that does so when it is run; set no seed"
        if several
        else "the setup's names, its data, the evaluation, the metric, the clock or the seed"
    )
    return f"""\
# How to work

- One idea, small enough that the result tells whether it was good. Equally good and shorter counts as better.
- Ask nothing: nobody answers. Install nothing, and leave the machine as it is.
- You may run code here to find out, where you have the right to. It is not counted, so do not spend long on it: after {format_duration(deadline)} you are ended, \
and what you have changed until then is not used.
- Do not change {frozen}.
- Do not train on validation data, tune to a seed, or read keys, environment variables or files that the code does not read already.
- Do not hard-code, fake or print the metric, nor change how time or steps are counted. A gain of that kind is worth nothing to the user."""


def _undone(told: Sequence[str]) -> str:
    if not told:
        return ""
    return "# What was undone last time\n\n" + "\n".join(f"- {line}" for line in told)


def _rework(briefing: Briefing, space: Workspace) -> str:
    if (rework := briefing.rework) is None:
        return ""
    return (
        f"# The folder holds your last change, which does not pass\n\nYou proposed: {shorten(rework.proposal.summary, 200)}. "
        f"{shorten(rework.problem, 600)} See `{space.named.get(GUARD, GUARD)}`. Repair it so that it passes and the idea remains, or undo "
        "the part that breaks it."
    )


def _open(briefing: Briefing) -> str:
    lines = [f"- runs now: {shorten(e.summary, 160)}{so_far(e, briefing)}" for e in briefing.running]
    if briefing.others:
        lines.append(
            f"- {counted(briefing.others, 'other question')} like this one is being answered at the same time"
            if briefing.others == 1
            else f"- {counted(briefing.others, 'other question')} like this one are being answered at the same time"
        )
    if not lines:
        return ""
    hint = " Choose something that not everybody would think of first." if briefing.others else ""
    if len(briefing.running) > 1:
        hint += " Choose something of another kind than what runs, from which something else is learned."
    return "\n".join(["# Not known yet: do not propose these again", "", *lines]) + hint


def _backlog(briefing: Briefing) -> str:
    if not briefing.ideas:
        return ""
    ideas = _bounded([f"- {idea}" for idea in briefing.ideas])
    return "\n".join([
        "# Ideas that nobody has tried yet", "",
        "Take one, or have your own. Where your change tries one, end with its number: <idea>3</idea>", *ideas,
    ])  # fmt: skip


def _line(briefing: Briefing) -> str:
    lines = line_lines(briefing)
    return "\n".join(["# The line of work that this change is for", "", *_bounded(lines)]) if lines else ""


def _advice(briefing: Briefing) -> str:
    if not briefing.advice.strip():
        return ""
    return "\n".join(["# What a model of all runs says of the numbers", "", *_bounded(briefing.advice.splitlines())])


def _ending(several: bool) -> str:
    where = "the files" if several else TARGET
    return f"""\
# How to end

Leave your change in {where}, and end with a message of these lines:
<summary>The change in one line of at most 80 characters, like a commit subject.</summary>
<hypothesis>Why it should help, in one to three sentences.</hypothesis>
<expect>The expected effect on the metric, such as -0.02.</expect>
<ideas>Other ideas for later, one a line; leave this out where there are none.</ideas>
Where you find nothing that is worth trying, change nothing and say why in one sentence."""


def _listed(names: Sequence[str]) -> str:
    """Return names in backticks with commas, up to `LISTED` characters."""
    kept: list[str] = []
    for name in names:
        if sum(len(each) + 4 for each in kept) > LISTED:
            break
        kept.append(f"`{shorten(name, 200)}`")
    left = len(names) - len(kept)
    return ", ".join(kept) + (f" and {left} more" if left else "")


def _bounded(lines: Sequence[str]) -> list[str]:
    kept: list[str] = []
    for line in lines:
        if sum(map(len, kept)) > LISTED:
            return [*kept, f"(and {len(lines) - len(kept)} more)"]
        kept.append(shorten(line, 300))
    return kept


def _cut(text: str, limit: int) -> str:
    return text if len(text) <= limit else f"{text[: limit // 2]}\n[...]\n{text[len(text) - limit // 2 :]}"
