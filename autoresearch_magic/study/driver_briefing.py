"""What a person or a coding agent that drives a study from outside should know now, as Markdown."""

from __future__ import annotations

from ..agents.base import Briefing
from ..agents.llm.prompt import sections
from ..experiment import Experiment
from ..source.blocks import END, FIXED, FIXED_END, START, has_blocks
from ..storage.journal import Journal
from .briefing import make_briefing
from .definition import Definition
from .ideas import backlog
from .priors import read_priors
from .view import StudyView

LISTED = 12
"""Files of one kind that are named."""

RULES = """\
## What is not allowed, even where it would work

- Change what is frozen: the evaluation, the metric, the data, the clock, tests, a seed. Such a version is refused.
- Hard-code, fake or print the number, or change how time or steps are counted.
- Train on validation data, or tune to a seed.
- A gain of that kind is worth nothing to the user."""

HOW = """\
## How to go on

- {change}
- Then  %autoresearch try "what it changes" --hypothesis "why it should help" --expect "-0.02"  runs and judges it, with repeats where chance \
could explain the number. Exit code 0: kept. 5: not kept. 1: it could not be run. --json prints the verdict as one object.
- {after}
- A run takes about {seconds}. Where a command of yours may not take that long, add --background, and then  %autoresearch wait --timeout 9m \
until its exit code is no longer 6.
- One idea at a time. Equally good and simpler counts as better. Do not repeat what is listed below.
- %autoresearch ideas add "..."  keeps an idea for later,  ideas strike N  takes one off the list that was tried;  %autoresearch history  and  show N  look back.
- %autoresearch finish  ends the search and measures the best version and the baseline again on fresh seeds; that is the result to report."""


def driver_briefing(study: StudyView, how: str = "") -> str:
    """Return the goal, the rules, how to try a version, and what was tried so far; also before there is a baseline.

    Parameters
    ----------
    study : StudyView
    how : str, optional
        How a version is tried, in place of the commands for it.
    """
    definition, experiments = study.definition, study.experiments
    parts = [
        how or _how(definition, experiments),
        f"## The program, written by the user\n\n{definition.program.text.strip()}",
        _measured(definition),
    ]
    parts += [_scope(definition), RULES]
    if experiments:
        with Journal(study.folder / "journal.sqlite") as journal:
            notes, ideas, priors = journal.said(), backlog(journal, experiments), read_priors(journal)
        briefing = make_briefing(definition, experiments, ideas=ideas, notes=notes, priors=priors)
        parts += _state(briefing, whole=definition.checkout is None and definition.target_path is None)
    else:
        parts.append("## The present version\n\nIts value is not measured yet: the first try measures it.")
    return "\n\n".join(part for part in parts if part)


def _how(definition: Definition, experiments: list[Experiment]) -> str:
    files = definition.checkout is not None
    change = (
        "Change files of the scope in the working tree, starting from the best version so far, which lies there after a keep. Commit nothing."
        if files
        else f"Change {definition.target_path or 'the target'}, starting from the best version so far."
    )
    after = (
        "What is kept stays, and is a commit on the study's branch. What is not kept stays as well, unless you try with --revert, which puts "
        "the best version back."
    )
    baseline = experiments[0] if experiments else None
    each = (
        f"{baseline.seconds / len(baseline.measurements):.2g} s"
        if baseline and baseline.measurements
        else "as long as the program takes"
    )
    return HOW.format(change=change, after=after, seconds=each)


def _measured(definition: Definition) -> str:
    metric, s = definition.metric, definition.settings
    better = "Lower" if metric.minimize else "Higher"
    if s.verify:
        how = f"{metric.name}, read from the output of `{s.verify}`, which runs in a folder of its own"
    else:
        how = f"{metric.name}, measured by `{metric.expression}` after a run that may spend {s.budget}"
    guard = f" The guard, `{s.guard}`, must pass as well." if s.guard else ""
    limits = "".join(f" A version is kept only if `{limit}` holds as well, whatever its number." for limit in s.limit)
    valid = f" A run counts only if this holds: `{s.valid}`." if s.valid else ""
    return f"## The number\n\n{how}. {better} is better.{guard}{valid}{limits}"


def _scope(definition: Definition) -> str:
    checkout = definition.checkout
    if checkout is None:
        lines = [f"`{definition.target_path or 'the target'}`, and nothing else."]
        if definition.setup_path is not None:
            lines.append(f"Frozen: `{definition.setup_path}`, which runs before it.")
    else:
        lines = [f"Files of {checkout.folder} that match {_named(checkout.scope)}, also new ones."]
        if checkout.frozen:
            lines.append(f"Frozen, because they test or measure: {_named(checkout.frozen)}, and every new test.")
        if checkout.opaque:
            lines.append(f"Binary files and links, which no version can change: {_named(checkout.opaque)}.")
    if has_blocks(definition.target):
        lines.append(
            f"Comments mark lines: where a file has `{START}` and `{END}`, only lines between the two may change, in any file; lines between "
            f"`{FIXED}` and `{FIXED_END}` may not change, nor may the markers."
        )
    return "\n".join(["## What may change", "", *lines])


def _state(briefing: Briefing, *, whole: bool) -> list[str]:
    """Return what was kept and tried, and the value of the present version; its text where that lies in no file."""
    found = [section for section in sections(briefing) if section]
    if not whole:
        found[0] = found[0].partition("\n")[0]
    return [f"#{section}" for section in found]


def _named(names: tuple[str, ...]) -> str:
    more = f" and {len(names) - LISTED} more" if len(names) > LISTED else ""
    return ", ".join(f"`{name}`" for name in names[:LISTED]) + more
