"""The lines above the charts: what is studied, in which state, what runs now, and how it is going."""

from __future__ import annotations

from rich.text import Text

from ...budget import format_duration
from ...events import State
from ...study.gain_words import gain_text
from ...study.holdout import holdout_text, warning
from ...study.status import StudyStatus
from ...study.summary import counts, run_line, state_words
from ...text import counted
from ..wording import for_shell
from . import look

BAR = 12
"""Characters of a progress bar."""
MOST_SLOTS = 8
"""Most runs in progress that have a line of their own."""


def heading(status: StudyStatus, width: int, proven: int) -> Text:
    """Return the lines above the charts, most of them at most so wide.

    Parameters
    ----------
    status : StudyStatus
    width : int
    proven : int
        How many keeps are proven.
    """
    now = _slots(status) if status.settings.side_by_side and len(status.lives) > 1 else [_now(status)]
    lines = [_title(status, width), _facts(status), *now, _whole(status), _result(status, proven)]
    if status.message and status.elsewhere is None:
        lines.append(Text(for_shell(status.message), look.BAD if status.state is State.FAILED else look.WAITS))
    elif status.elsewhere is not None and status.elsewhere.message:
        lines.append(Text(for_shell(status.elsewhere.message), look.QUIET))
    for number, line in enumerate(lines):
        line.truncate(
            width if number < 3 + len(now) else 2 * width - 8, overflow="ellipsis"
        )  # result and message may take two lines
    return Text("\n").join(lines)


def _title(status: StudyStatus, width: int) -> Text:
    words = state_words(status) + (f" in process {status.elsewhere.pid}" if status.elsewhere else "")
    state = Text(f" {words}", f"bold {look.STATES.get(status.doing, look.QUIET)}")
    title = Text(status.definition.program.title or status.name, "bold")
    title.truncate(max(8, width - state.cell_len - 1), overflow="ellipsis")
    return Text.assemble(title, " " * max(1, width - title.cell_len - state.cell_len), state)


def _facts(status: StudyStatus) -> Text:
    metric, settings = status.metric, status.settings
    each = settings.verify or f"{settings.budget} per run"
    name = [status.name] if status.definition.program.title else []
    facts = [*name, f"{metric.name} {'↓' if metric.minimize else '↑'}", each, f"agent {settings.agent}"]
    return Text(" · ".join(" ".join(fact.split()) for fact in facts), look.QUIET)


def _now(status: StudyStatus) -> Text:
    live, told = status.live, status.elsewhere
    if live is None or (told is not None and told.runs < len(status.runs)):
        return Text(_waiting(status))
    what = run_line(live, status.incumbent, status.metric)
    phase = f"setup is running, {live.elapsed:.0f} s" if live.phase == "setup" else live.phase
    if live.phase != "training":
        return Text(f"{what} · {phase}")
    return Text.assemble(_bar(live.progress, look.LIVE), f" {live.progress:4.0%}  {what}")


def _slots(status: StudyStatus) -> list[Text]:
    """Return a line for each run in progress, at most `MOST_SLOTS`, and how many more there are."""
    lives = [live for _, live in sorted(status.lives.items())]
    places = [live.place or f"worker {live.slot + 1}" for live in lives]
    wide = max(map(len, places[:MOST_SLOTS]))
    lines = [
        Text.assemble(
            (f"{place:{wide}}  ", look.QUIET), _bar(live.progress, look.LIVE),
            f" {live.progress:4.0%}  " if live.phase == "training" else f" {live.phase[:10]}  ",
            run_line(live, status.incumbent, status.metric),
        )
        for place, live in zip(places[:MOST_SLOTS], lives, strict=False)
    ]  # fmt: skip
    return [
        *lines,
        *([Text(f"and {counted(more, 'more run')}", look.QUIET)] if (more := len(lives) - MOST_SLOTS) > 0 else []),
    ]


def _waiting(status: StudyStatus) -> str:
    """Return what a study does while nothing is measured."""
    agent, name = status.settings.agent, status.name
    match status.doing:
        case State.RUNNING | State.BASELINE if status.settings.agent == "me":
            return "Waiting for the next version to try"
        case State.RUNNING:
            return f"Between two runs, or waiting for the next idea from {agent}"
        case State.WAITING:
            return f"Waiting until {agent} can be reached; the study then continues by itself"
        case State.PAUSED:
            return "Paused; r resumes it"
        case State.STOPPED | State.FAILED:
            return "It has ended before its end; r continues it"
        case State.FINISHED:
            best = status.incumbent
            more = f" · autoresearch diff {best.number}" if best is not None and best.number else ""
            return f"Finished. Next: autoresearch best --study {name}{more}"
        case _:
            return ""


def _whole(status: StudyStatus) -> Text:
    planned, done = status.settings.planned, status.done
    text = f"{done} of {counted(planned, 'experiment')}" if planned else counted(done, "experiment")
    if left := status.remaining:
        text += f" · about {format_duration(max(1.0, round(left)))} left"
    text += f" · {format_duration(max(0.01, round(status.elapsed, 1)))} at work"
    return Text.assemble(_bar(status.fraction), f" {status.fraction:4.0%}  {text}")


def _result(status: StudyStatus, proven: int) -> Text:
    best, baseline, head = status.incumbent, status.baseline, status.told
    if best is None or baseline is None:
        return Text("No baseline yet", look.QUIET)
    n = counts(status.experiments)
    tried = f"{n['keep']} kept" + (f", {proven} proven" if n["keep"] else "")
    tried += f" · {n['discard']} discarded" + (f" · {n['failed']} failed" if n["failed"] else "")
    if head is not None:
        confirmed = Text.assemble(
            (status.metric.format(head.best, head.best_sd), f"bold {look.GOOD}"), f" measured again: {gain_text(head)}"
        )
        if held := " ".join(each for each in (warning(head), holdout_text(head)) if each):
            confirmed = Text.assemble(confirmed, (f" · {held}", look.BAD if warning(head) else ""))
        return Text.assemble(confirmed, (f" · {tried}", look.QUIET))
    if best.number == 0:
        return Text.assemble(
            "Baseline ", (status.format(best.value), "bold"), (f" · nothing better yet · {tried}", look.QUIET)
        )
    return Text.assemble(
        "Best ", (status.format(best.value), f"bold {look.GOOD}"), f" (experiment {best.number}) · baseline {status.format(baseline.value)}",
        (f" · {tried}", look.QUIET),
    )  # fmt: skip


def _bar(share: float, style: str = "") -> Text:
    full = round(max(0.0, min(1.0, share)) * BAR)
    return Text.assemble(("━" * full, style), ("─" * (BAR - full), look.QUIET))
