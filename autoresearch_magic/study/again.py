"""Run a version once more because the user asks for it, and let the judge look again at what was kept."""

from __future__ import annotations

from ..errors import UserError
from ..experiment import Experiment, Verdict
from ..text import counted
from .closing import Closing, has_closing
from .measuring import Measurer
from .status import StudyStatus

NOTE = "asked again"
"""Kind of the journal's notes that tell which runs were made for this reason."""

JUDGED_BY_VALUE = (Verdict.BASELINE, Verdict.KEEP, Verdict.DISCARD)


def why_not_again(status: StudyStatus, e: Experiment) -> str:
    """Return why a version is not run again, in one line; empty where it can be."""
    settings = status.settings
    if settings.agent.startswith("replay:"):
        return f"{status.name} replays a recorded study: nothing is measured in it."
    if settings.judge == "strict":
        return (
            f"With --judge strict one run decides, so a further one of experiment {e.number} would change nothing: "
            f"%autoresearch regression {e.parent or 0} {e.number}  compares it with the version before it."
        )
    if e.verdict not in JUDGED_BY_VALUE or not e.values:
        said = f": {e.reason.rstrip('.')}" if e.reason else ""
        return f"Experiment {e.number} has no value ({e.verdict}{said}): there is nothing that another run could be compared with."
    return ""


def check_again(status: StudyStatus, e: Experiment) -> None:
    """Raise a `UserError` where a version is not run again; see `why_not_again`."""
    if why := why_not_again(status, e):
        raise UserError(why)


def run_again(measurer: Measurer, closing: Closing, number: int) -> None:
    """Run a version once more, and take back what all runs together refute, or go on with another version that they favour."""
    measurer.records.journal.note(NOTE, experiment=number)
    measurer.run_version(measurer.experiments[number])
    if has_closing(measurer.status) and len(measurer.experiments) > 1:
        closing.choose(f"after {version_name(number)} was run again")


def run_at_rest(measurer: Measurer, number: int) -> None:
    """Do so in a study that does not run, and bring its table up to date."""
    run_again(measurer, Closing(measurer), number)
    measurer.records.catch_up(list(measurer.experiments))


def again_text(status: StudyStatus, before: tuple[Experiment, ...], number: int) -> str:
    """Return what came of a version that was run again, in one or two sentences.

    Parameters
    ----------
    status : StudyStatus
    before : tuple of Experiment
        The experiments as they were.
    number : int
    """
    was, now = before[number], status.experiments[number]
    runs = now.measurements[len(was.measurements) :]
    name = version_name(number)
    if not runs:
        return f"{name[0].upper()}{name[1:]} was not run again: the study was stopped before."
    run = runs[-1]
    said = f"it gave no value this time ({run.error or run.outcome})"
    if run.ok:
        said = f"{status.metric.name} {status.format(run.value)} this time"
    total = (
        f"with {counted(len(now.values), 'run')} it is {status.format(now.value)}, {status.format(was.value)} before"
    )
    changed = [
        f"experiment {a.number} is a {b.verdict} now, {a.verdict} before"
        for a, b in zip(before, status.experiments, strict=False)
        if a.verdict is not b.verdict
    ]
    verdicts = f" Judged anew: {'; '.join(changed)}." if changed else f" It stays a {now.verdict}." if number else ""
    return f"{name[0].upper()}{name[1:]} was run again: {said}; {total}.{verdicts}"


def version_name(number: int) -> str:
    """Return what a version is called within a sentence."""
    return f"experiment {number}" if number else "the baseline"
