"""The prompt for a proposal, rebuilt from the journal each time and bounded in size.

Its parts are ordered by how often they change, so that a vendor's prompt cache applies: first the model's role and the form
of its answer (never), then program and setup (once per study), then the state of the study (every time). Each section of the
last part has a limit in characters, so the prompt does not grow with the study.

The rules against cheating are spelled out because published measurements found that such wording cut the exploitation of
loopholes from 100% of runs to 8%.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import PurePosixPath

from ...experiment import Experiment, Verdict
from ...metric import Metric, format_numbers
from ...runners.output.cell_metric import printed_metric
from ...source.blocks import END, FIXED, FIXED_END, START, has_blocks
from ...source.edits import unified_diff
from ...source.files import HEAD, is_bundle, split
from ...text import counted, fenced, shorten
from ..base import Briefing
from ..limits import limit_lines, limit_sentence
from ..lines_told import line_lines
from .backend import Prompt, Turn
from .run_sections import run_files, run_notes

LONG = 200
"""Number of lines from which a target is edited by SEARCH/REPLACE blocks. In published measurements on small files 99.6% of
whole rewrites and 94% of diffs were well-formed; but a rewrite costs output tokens for every line, and from a few hundred
lines on that costs more than an occasional second attempt."""

SECTION = 2_400
"""Limit of a section about the past in characters, about 600 tokens. Six sections stay below 5,000 tokens of history, beyond
which agents were seen to lose track."""
SOURCE = 60_000
"""Limit of setup and target in characters; longer ones are shown with a marked gap in the middle."""
SOURCES = 240_000
"""Limit of all files together in characters, about 60,000 tokens; beyond it the longest files are cut."""
NUMBERS = 1_600
"""Limit of the numbers besides the metric in characters."""
IDEAS = 2_400
"""Limit of the backlog of ideas in characters; the user's and the newest are shown."""
NOTES = 3_000
"""Limit of the user's notes in characters; the newest are shown."""

_ROLE = """\
You improve one Python source, the target, by experiments. You propose one change; it is run with a fixed budget and one number \
is measured; the change is kept if the number is better by more than its noise, else it is discarded. Then you are asked for the \
next change. You have no memory between proposals: everything you know about the study is in the message."""
_ROLE_FILES = """\
You improve a few files of a repository, the target, by experiments. You propose one change to one or several files; a command \
measures one number; the change is kept if the number is better by more than its noise and the guard, if there is one, still \
passes; else it is discarded. Then you are asked for the next change. You have no memory between proposals: everything you know \
about the study is in the message."""
_METHOD = """

How to propose
- One idea at a time, small enough that the result tells whether the idea was good.
- Read what was tried. Do not repeat anything listed there, nor a variant that differs only in name.
- Failures are listed with their cause: avoid the cause, not only the instance.
- Prefer changes that delete code. Equally good and simpler counts as better.
- When small steps no longer help, try a different kind of change.

What is not allowed, even where it would work
"""
_FROZEN = """\
- Do not change what is frozen: the setup's names, its data, the evaluation, the metric, the clock, the seed. They are restored \
before the metric is read, and a change to them is recorded as rejected."""
_FROZEN_FILES = """\
- Do not change what is frozen: files outside the scope, tests, and the files that the measuring command and the guard name. A \
change to them, also one made by your code while it runs, is recorded as rejected. So is a new or changed seed."""
_RULES = """
- Do not train on validation data, read it in the target, or tune to the random seed.
- Do not hard-code, fake or print the metric, and do not change how time or steps are counted.
- Do not read environment variables, keys, or files that the target does not read already; do not use the network.
An improvement gained in one of these ways is worthless to the user. If you see no other way to improve the number, propose a \
small honest change instead and say so in the hypothesis.

How to answer
<hypothesis>Why the change should help, in one to three sentences.</hypothesis>
<summary>One line of at most 80 characters, like a commit subject.</summary>
<expect>The expected effect on the metric, such as -0.02.</expect>
<ideas>If you had other ideas on the way: one a line, to be kept and shown to you again. Else leave this tag out.</ideas>
then the code, and nothing after it. No JSON."""

SYSTEM = _ROLE + _METHOD + _FROZEN + _RULES
SYSTEM_FILES = _ROLE_FILES + _METHOD + _FROZEN_FILES + _RULES

WHOLE = "Give the whole new target in one fenced block (```python ... ```), complete, with every line it needs."
BLOCKS = """\
The target is long: give SEARCH/REPLACE blocks instead of the whole target. Copy the SEARCH lines exactly from the target, \
enough of them to occur only once:
<<<<<<< SEARCH
the present lines
=======
the new lines
>>>>>>> REPLACE"""

WHOLE_FILES = """\
Give each file that you change or add as a whole, in one fenced block that begins with its name:
```
#% file src/app.py
every line of the file
```
Files that you do not name stay unchanged. A line  #% delete src/old.py  outside the blocks deletes a file."""
BLOCKS_FILES = """\
The files are long: give SEARCH/REPLACE blocks instead of whole files, each below the name of its file. Copy the SEARCH lines \
exactly from the file, enough of them to occur only once:
#% file src/app.py
<<<<<<< SEARCH
the present lines
=======
the new lines
>>>>>>> REPLACE
Give a new file as a whole, in a fenced block that begins with the line  #% file PATH  ; a line  #% delete PATH  deletes a file."""


def build_prompt(briefing: Briefing, *, long: int = LONG) -> Prompt:
    """Build the prompt for the next proposal.

    Parameters
    ----------
    briefing : Briefing
    long : int
        Number of lines from which a target is edited by SEARCH/REPLACE blocks.
    """
    several = bool(briefing.verify)
    stable = "\n\n".join(
        part
        for part in (
            f"# The program, written by the user\n\n{briefing.program.strip()}",
            *(_about_repository(briefing) if several else _about_cell(briefing)),
            _about_blocks(briefing.incumbent.target),
        )
        if part
    )
    if len(briefing.incumbent.target.splitlines()) > long:
        form = BLOCKS_FILES if several else BLOCKS
    else:
        form = WHOLE_FILES if several else WHOLE
    idea = "Where your change tries one of the ideas for later, give its number before the code: <idea>3</idea>"
    ends = (_rework(briefing), idea if briefing.ideas else "", form)
    state = "\n\n".join(section for section in (*sections(briefing), *ends) if section)
    return Prompt(SYSTEM_FILES if several else SYSTEM, stable, (Turn("user", state),))


def _about_cell(briefing: Briefing) -> Sequence[str]:
    setup, hidden = briefing.setup, bool(briefing.hidden)
    title = (
        "names that it defines, their bodies are hidden from you"
        if hidden
        else "frozen, runs before the target and defines names for it"
    )
    return (
        f"# The metric\n\n{_metric(briefing)} An experiment may spend {briefing.budget or 'a fixed budget'}.",
        f"# The setup: {title}\n\n{_code(setup)}" if setup.strip() else "",
    )


def _about_repository(briefing: Briefing) -> Sequence[str]:
    metric = briefing.metric
    better = "Lower" if metric.minimize else "Higher"
    guard = f" The guard, `{briefing.guard}`, must pass as well." if briefing.guard else ""
    paths = "\n".join(briefing.tracked)
    return (
        f"# The metric\n\n{metric.name}, read from the output of `{briefing.verify}`, which runs in the repository's root. {better} is "
        f"better.{guard}{_valid(briefing)}{limit_sentence(briefing)}",
        f"# The scope: files that you may change or add\n\n{' '.join(briefing.scope)}",
        f"# The files of the repository\n\n{_short(paths, SECTION * 2)}" if paths else "",
        f"# The files that measure: frozen\n\n{_files(briefing.setup)}" if briefing.setup.strip() else "",
        f"# Files that are hidden from you\n\n{_short(', '.join(briefing.hidden), SECTION)}\n\nTheir contents are kept from you on purpose: do "
        "not read them, and do not write code that does."
        if briefing.hidden
        else "",
    )


def _about_blocks(target: str) -> str:
    if not has_blocks(target):
        return ""
    return (
        f"# Lines that may change\n\nComments in the target mark them. Where it has {START} and {END}, only lines between the two may "
        f"change, in any file. Lines between `{FIXED}` and `{FIXED_END}` may not change, nor may the "
        "markers. A proposal that does more is rejected without a run."
    )


def _files(target: str) -> str:
    """Return the files of a target, each below its name; where they exceed `SOURCES` together, the longest are cut."""
    contents = split(target)
    limit = _share([len(content) for content in contents.values()], SOURCES)
    return "\n\n".join(
        f"{HEAD}{path}\n{_code(content, PurePosixPath(path).suffix.removeprefix('.'), limit)}"
        for path, content in contents.items()
    )


def _share(sizes: Sequence[int], room: int) -> int:
    """Return the limit per file in characters that fits all into `room`; short files leave their share to long ones."""
    left = sorted(sizes)
    for done, size in enumerate(left):
        if size * (len(left) - done) > room:
            return min(SOURCE, room // (len(left) - done))
        room -= size
    return SOURCE


def _rework(briefing: Briefing) -> str:
    if (rework := briefing.rework) is None:
        return ""
    shown = _files if is_bundle(rework.proposal.target) else _code
    output = f"\n\nThe end of the guard's output:\n{fenced(rework.output[-SECTION:])}" if rework.output.strip() else ""
    return (
        f"# Your proposal does not pass the guard\n\nYou proposed: {rework.proposal.summary}. The metric may be better, but "
        f"the guard does not pass. {rework.problem}{output}\n\nThe target with your change:\n\n{shown(rework.proposal.target)}\n\nRepair it so that the guard passes and the "
        "idea remains, or undo the part that breaks the guard. Your answer starts from this version, not from the present target."
    )


def sections(briefing: Briefing) -> list[str]:
    """Return the sections on the current state of the study, each within its limit."""
    metric, history = briefing.metric, briefing.history
    return [
        _incumbent(briefing),
        _section("The line of work that this proposal is for", line_lines(briefing)),
        _section("What was kept, in order", _kept(history, metric, briefing.noise)),
        _section("Near misses: not kept, but close", _near_misses(history, metric, briefing.noise)),
        _section("Failures, by cause", _failures(history)),
        _section("Numbers that have limits", limit_lines(briefing)),
        _section("Other numbers that the runs gave", _numbers(briefing), limit=NUMBERS),
        _section("Running or waiting to run: do not propose these, nor a variant", _running(briefing)),
        run_notes(briefing),
        run_files(briefing),
        _section("Already tried, latest first: do not propose these again", _tried(history, metric, briefing.noise)),
        _section("Learning curves, best and latest", _curves(history, briefing.incumbent)),
        _section(
            "What the tuner knows, a model of all runs: take it, change it or ignore it", briefing.advice.splitlines()
        ),
        _section("Known from other studies, of another version of the code or another machine", _priors(briefing)),
        _section("Ideas for later, not tried yet", [f"- {idea}" for idea in briefing.ideas], limit=IDEAS),
        _section("Notes by the user, newest last", list(briefing.notes), keep_last=True, limit=NOTES),
    ]


def _priors(briefing: Briefing) -> list[str]:
    lines = []
    for prior in briefing.priors:
        best = prior.best(briefing.metric.minimize)
        settings = ", ".join(f"{name} = {value!r}" for name, value in best.values.items())
        lines.append(f"- {prior.text()}. Its best value was {best.value:.6g}, with {settings}.")
    return lines


def _metric(briefing: Briefing) -> str:
    metric = briefing.metric
    printed = (reading := printed_metric(metric)) is not None and reading.always
    how = "what the target prints, by" if printed else "the target, as"
    better = "Lower" if metric.minimize else "Higher"
    return f"{metric.name}, read from {how} `{metric.expression}`. {better} is better.{_valid(briefing)}{limit_sentence(briefing)}"


def _valid(briefing: Briefing) -> str:
    return f" A run counts only if this holds: `{briefing.valid}`." if briefing.valid else ""


def _incumbent(briefing: Briefing) -> str:
    e, metric = briefing.incumbent, briefing.metric
    value = f"{metric.name} {'is being measured' if e.value is None else metric.format(e.value, briefing.noise)}"
    noise = f", standard deviation of one run {briefing.noise:.2g}" if briefing.noise else ""
    what = "the baseline" if e.number == 0 else f"experiment {e.number}, {e.summary}"
    shown = _files(e.target) if is_bundle(e.target) else _code(e.target)
    return f"# The present target: {what} ({value}{noise})\n\n{shown}"


def _code(source: str, language: str = "python", limit: int = SOURCE) -> str:
    if len(source) > limit:
        half = limit // 2
        source = (
            f"{source[:half]}\n# [... {len(source) - 2 * half} characters left out ...]\n{source[len(source) - half :]}"
        )
    return fenced(source, language)


def _section(title: str, lines: Sequence[str], *, keep_last: bool = False, limit: int = SECTION) -> str:
    """Return lines below a title, up to a limit in characters, with a note of how many were left out."""
    if not lines:
        return ""
    kept: list[str] = []
    room = limit
    for line in reversed(lines) if keep_last else lines:
        line = _short(line, limit // 2)
        if room < len(line) + 1:
            break
        kept.append(line)
        room -= len(line) + 1
    if keep_last:
        kept.reverse()
    left = len(lines) - len(kept)
    more = [f"(and {left} more)"] if left else []
    return "\n".join([f"# {title}", "", *kept, *more])


def _short(text: str, limit: int) -> str:
    return text if len(text) <= limit else text[: limit - 1] + "…"


def _line(e: Experiment, metric: Metric, noise: float) -> str:
    value = "no value" if e.value is None else f"{metric.name} {metric.format(e.value, noise)}"
    return f"- {e.number}: {shorten(e.summary, 160)} ({value})"


def _kept(history: Sequence[Experiment], metric: Metric, noise: float) -> list[str]:
    kept = [e for e in history if e.kept]
    if len(kept) > 14:  # the first and the last steps say most
        middle = len(kept) - 12
        return [
            *(_line(e, metric, noise) for e in kept[:2]),
            f"- ({middle} more)",
            *(_line(e, metric, noise) for e in kept[-10:]),
        ]
    return [_line(e, metric, noise) for e in kept] if len(kept) > 1 else []


def _near_misses(history: Sequence[Experiment], metric: Metric, noise: float) -> list[str]:
    """Return lines on the best discarded experiments, with what they changed."""
    missed = [e for e in history if e.verdict is Verdict.DISCARD and e.value is not None]
    missed.sort(key=lambda e: metric.gain(e.value or 0.0, over=0.0), reverse=True)
    lines = []
    for e in missed[:4]:
        parent = next((p for p in history if p.number == e.parent), None)
        diff = unified_diff(parent.target, e.target, "before", "after") if parent else ""
        body = "\n".join(line for line in diff.splitlines()[2:] if line[:1] in "+-")
        lines.append(_line(e, metric, noise) + (f"\n{_short(body, 400)}" if body else ""))
    return lines


def _failures(history: Sequence[Experiment]) -> list[str]:
    """Return lines on the failures by cause, most frequent first, with experiment numbers and the last traceback's end."""
    causes: dict[str, list[Experiment]] = {}
    silent = [e for e in history if e.proposal.failure]
    for e in history:
        # Calls that brought no proposal teach nothing about the target; only the model's own last unusable reply is told.
        if e.proposal.failure and not (e.proposal.reply and e is silent[-1]):
            continue
        if e.verdict is not None and e.verdict.failed:
            causes.setdefault(e.cause, []).append(e)
    lines = []
    for cause, found in sorted(causes.items(), key=lambda item: (-len(item[1]), -item[1][-1].number)):
        last = found[-1]
        numbers = ", ".join(str(e.number) for e in found[-6:])
        tail = "\n".join(last.measurements[-1].traceback.splitlines()[-4:]) if last.measurements else ""
        reason = f": {_short(last.reason, 240)}" if last.reason else ""
        lines.append(
            f"- {cause}, {counted(len(found), 'time')} (experiment {numbers}){reason}"
            + (f"\n{fenced(_short(tail, 400))}" if tail else "")
        )
    return lines


def _numbers(briefing: Briefing) -> list[str]:
    """Return a line with the other numbers of the present target, of the baseline and of the latest experiments."""
    history = briefing.history
    chosen = {e.number: e for e in [briefing.incumbent, *history[:1], *reversed(history[-3:])]}
    lines = [f"- {e.number}: {format_numbers(e.numbers, NUMBERS // 4)}" for e in chosen.values() if e.numbers]
    what = "; ".join(f"`{each}`" for each in briefing.also)
    return (
        [f"Measured on purpose, for you to learn from, while the metric alone decides: {what}", *lines]
        if what and lines
        else lines
    )


def _running(briefing: Briefing) -> list[str]:
    """Return lines on what runs, waits to run, and is being thought of elsewhere at this moment."""
    # Without numbers: one in flight has none yet.
    lines = [f"- {shorten(e.summary, 160)}{so_far(e, briefing)}" for e in briefing.running]
    if len(briefing.running) > 1:
        lines.append(
            f"These {len(briefing.running)} run side by side, and nobody knows yet what comes of them: propose something of another kind, from "
            "which something else is learned than from these."
        )
    if briefing.others:
        lines.append(
            f"- {counted(briefing.others, 'other question')} like this one {'is' if briefing.others == 1 else 'are'} open now, and the answer is "
            "not known yet: leave the most obvious next change to them, and propose one of another kind."
        )
    return lines


def so_far(e: Experiment, briefing: Briefing) -> str:
    """Return what the first runs of an experiment without a verdict have given; empty where none has ended."""
    return f"; so far {briefing.metric.format(e.value, briefing.noise)}, not judged yet" if e.value is not None else ""


def _tried(history: Sequence[Experiment], metric: Metric, noise: float) -> list[str]:
    return [f"{_line(e, metric, noise)}: {e.verdict}" for e in reversed(history) if _is_proposal(e)]


def _is_proposal(e: Experiment) -> bool:
    """Whether an experiment is a proposal that was judged: neither the baseline nor a call without a usable reply."""
    return e.number > 0 and e.verdict is not None and not e.proposal.failure


def _curves(history: Sequence[Experiment], incumbent: Experiment) -> list[str]:
    chosen = [incumbent, *[e for e in reversed(history) if e.number != incumbent.number and e.measurements][:2]]
    return [line for e in chosen if (line := _curve(e))]


def _curve(e: Experiment) -> str:
    """Return a line with a learning curve's values at five shares of the budget and its trend at the end."""
    points = e.measurements[0].curve if e.measurements else ()
    name = next(iter(points[0].values), None) if points else None
    if name is None or len(points) < 5:
        return ""
    at = [points[min(len(points) - 1, round(share * (len(points) - 1)))] for share in (0.1, 0.3, 0.5, 0.8, 1.0)]
    values = ", ".join(f"{p.progress:.0%}: {p.values.get(name, float('nan')):.3g}" for p in at)
    early, late = at[-2].values.get(name, 0.0), at[-1].values.get(name, 0.0)
    trend = (
        "still falling"
        if late < early - 0.01 * abs(early)
        else "rising"
        if late > early + 0.01 * abs(early)
        else "level"
    )
    return f"- {e.number} ({_short(e.summary, 60)}): {name} at shares of the budget: {values}; {trend} at the end; {e.measurements[0].steps} steps"
