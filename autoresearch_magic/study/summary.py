"""A study in words: one line, a few lines, a table, a report."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

from ..agents.editing.accounting import accounting
from ..agents.llm.prices import usage_line
from ..budget import format_duration
from ..events import State
from ..experiment import Experiment, Verdict
from ..judging.noise import difference
from ..metric import Metric, format_number
from ..run_numbers import ShownNumber
from ..source.edits import unified_diff
from ..text import counted, escape, fenced, fit, shorten
from .evidence import NOTE, figures, tried_text, verdict_words
from .gain_words import gain_text
from .holdout import holdout_text, warning
from .shown_numbers import shown_numbers
from .status import LiveRun, StudyStatus

SUMMARY = 24
"""Characters that a table in a terminal has for summaries at least, where they are so long."""
LEAST = ("seconds", "runs", "chance", "95% interval")
"""The columns that are left out first where a terminal is narrow."""
BRIEF = 34
"""Characters of summaries and reasons in a notebook's table; ``show`` has them whole."""
ALSO_SHOWN = 4
"""Further numbers that get a column in tables of experiments; ``show N`` has all."""
BEYOND = "!"
"""Behind a number that is beyond its limit (``--limit``)."""


def state_words(status: StudyStatus) -> str:
    """Return the state in words; of a study that rests, with where it does: ``stopped during experiment 1``."""
    state = status.doing
    if state not in (State.PAUSED, State.STOPPED, State.FAILED):
        return str(state)
    last = len(status.experiments) - 1
    if last < 0:
        where = "before the baseline was measured"
    elif status.pending is not None and status.pending > last:
        where = f"during experiment {status.pending}"
    elif status.confirming:
        where = "while the result was measured again"
    else:
        where = f"after experiment {last}" if last else "after the baseline"
    return f"{state} {where}"


def result_line(status: StudyStatus) -> str:
    """Return the result so far in one line: the confirmed values, or the search's own before the confirmation."""
    metric, best, baseline, head = status.metric, status.incumbent, status.baseline, status.told
    if best is None or baseline is None:
        return "no baseline yet"
    if head is not None:
        once = head.repeats < 2
        ours, theirs = headline_values(status)
        sds = ("", "") if once else (f" (sd {head.best_sd:.2g})", f" (sd {head.baseline_sd:.2g})")
        kind = status.settings.statistic
        taken = "" if kind == "mean" or once else f" ({kind} of the runs)"
        line = (
            f"{metric.name} {ours}{sds[0]} against a baseline of {theirs}{sds[1]}, "
            f"both measured again {'once' if once else f'{head.repeats} times'}{taken}: {gain_text(head)}"
        )
        if not (held := holdout_text(head)):
            return line
        if head.holdout is not None:
            line = line.removesuffix(gain_text(head)) + f"on the validation data {gain_text(head)}"
        return " ".join(each for each in (warning(head), f"{line}.", held) if each).removesuffix(".")
    if best.number == 0:
        return f"{metric.name} {status.format(best.value)} is the baseline; nothing has beaten it"
    return f"{metric.name} {status.format(best.value)} (experiment {best.number}), baseline {status.format(baseline.value)}"


def headline_values(status: StudyStatus) -> tuple[str, str]:
    """Return best and baseline of the confirmed result, with the digits that their noise allows."""
    metric, head = status.metric, status.headline
    assert head is not None, "the result is not confirmed"
    once = head.repeats < 2
    # Without noise the difference of the two is what their digits must show.
    best_noise = (not once and head.best_sd) or status.noise.at(head.best)
    baseline_noise = (not once and head.baseline_sd) or status.noise.at(head.baseline)
    ours, theirs = metric.format(head.best, best_noise), metric.format(head.baseline, baseline_noise)
    if ours == theirs and not (best_noise or baseline_noise):
        return metric.format_apart(head.best, head.baseline)
    return ours, theirs


def run_line(live: LiveRun, incumbent: Experiment | None, metric: Metric) -> str:
    """Return which run is in progress, and what it is for, in one line."""
    e, number = live.experiment, live.experiment.number
    turn = f"run {live.repeat + 1} of {live.repeats}" if live.repeats > 1 else ""
    match live.kind:
        case "baseline":
            parts = ["Baseline", turn]
        case "final":
            parts = [f"Measuring the {f'best, experiment {number},' if number else 'baseline'} again", turn]
        case "incumbent":
            best = incumbent is None or number == incumbent.number
            who = f"Experiment {number}" if number else "The baseline"
            parts = [
                f"The current best, experiment {number}, once more, to compare"
                if number and best
                else f"{who} once more, to compare"
            ]
        case "control":
            parts = [
                f"{f'Experiment {number}' if number else 'The baseline'} once more, to see whether the machine has changed"
            ]
        case "stage":
            which = f", {live.repeat + 1} of {live.repeats}" if live.repeats > 1 else ""
            parts = [
                f"{f'Experiment {number}' if number else 'The baseline'} at a cheap stage{which}",
                e.summary if number else "",
            ]
        case "trial":
            parts = [f"Your comparison: {e.summary}", turn]
        case _:
            parts = ["New" if live.flying else f"Experiment {number}", e.summary, ""]
            if live.repeat > 0:
                better = (
                    incumbent is None or incumbent.value is None or e.value is None
                    or difference(e.value, incumbent.value, metric) > 0
                )  # fmt: skip
                why = "looks better" if better else "simpler, perhaps as good"
                parts[-1] = f"{why}, run {live.repeat + 1} of at most {live.repeats}"
    return " · ".join(" ".join(part.split()) for part in parts if part)


def slot_lines(status: StudyStatus) -> list[str]:
    """Return a line for each run in progress of a study with several slots: where, how far, and what it is for."""
    return [
        f"Worker {live.slot + 1}{f', {live.place}' if live.place not in ('', f'worker {live.slot + 1}') else ''}: {run_line(live, status.incumbent, status.metric)} · {phase_words(live)}"
        for _, live in sorted(status.lives.items())
    ]


def phase_words(live: LiveRun) -> str:
    """Return the phase of a run, and how far it is where that is known."""
    if live.phase == "setup":
        return f"setup is running, {live.elapsed:.0f} s"
    return f"{live.phase}, {live.progress:.0%}" if live.phase == "training" else live.phase


def counts(experiments: Sequence[Experiment]) -> dict[str, int]:
    """Count keeps, discards (pruned runs and duplicates included) and failures; the baseline is not counted."""
    verdicts = [e.verdict for e in experiments if e.number > 0 and e.verdict is not None]
    keep = sum(v is Verdict.KEEP for v in verdicts)
    failed = sum(v.failed for v in verdicts)
    return {"keep": keep, "discard": len(verdicts) - keep - failed, "failed": failed}


def tried_line(status: StudyStatus) -> str:
    """Return how much was tried, kept and proven: ``16 experiments, 4 kept, 3 proven``."""
    tried = max(0, len(status.experiments) - 1)
    return tried_text(tried, counts(status.experiments)["keep"], len(status.proven))


def spent_line(status: StudyStatus) -> str:
    """Return what evaluations and agent have used, in one line."""
    seconds = [each for _, each in status.runs]
    spent = f"Evaluations: {counted(len(seconds), 'run')}, {format_duration(max(0.1, round(sum(seconds), 1)))}"
    if stages := sum(kind == "stage" for kind, _ in status.runs):
        spared = sum(e.verdict is Verdict.PRUNED and not e.measurements for e in status.experiments)
        spent += (
            f" ({stages} of them cheap stages, which have saved {spared or 'no'} full run{'' if spared == 1 else 's'})"
        )
    account = accounting(status.settings.agent)
    agent = usage_line(status.usage, told=account is not None and account.cost == "agent")
    unused = status.unclaimed
    if not status.state.ongoing and (unused.cost or unused.calls):
        what = f"${unused.cost:.2f}" if unused.cost else counted(unused.calls, "call")
        agent += f" ({what} of it for answers that no experiment used)"
    return " · ".join(part for part in (spent, agent) if part)


def lines_of_work(status: StudyStatus) -> str:
    """Return where each line of work is, in one line; empty for a study with a single one."""
    if status.lines is None:
        return ""
    best, experiments, told = status.incumbent, status.experiments, []
    for line in status.lines.lines:
        made = counted(len(line.members), "proposal")
        anew = "" if line.life < 2 else ", begun anew" if line.life == 2 else f", begun anew {line.life - 1} times"
        if line.version is None:
            told.append(f"{line.number} looks for its first version, {made}{anew}" if line.members else f"{line.number} not begun{anew}")  # fmt: skip
            continue
        e = experiments[line.version] if line.version < len(experiments) else None  # its verdict is being recorded
        value = "" if e is None or e.value is None else f" ({status.format(e.value)})"
        leads = ", the best" if best is not None and line.version == best.number else ""
        told.append(f"{line.number} at experiment {line.version}{value}{leads}, {made}{anew}")
    return f"Lines of work: {' · '.join(told)}"


def status_text(status: StudyStatus) -> str:
    """Return the status in a few lines."""
    words = status.state if status.state is State.ELSEWHERE else state_words(status)
    lines = [
        f"{status.name}: {words}{f' · {status.message}' if status.message else ''}",
        status.settings.describe(),
    ]
    done, n = status.done, counts(status.experiments)
    progress = (
        f"{done} of {counted(planned, 'experiment')}"
        if (planned := status.settings.planned)
        else counted(done, "experiment")
    )
    lines.append(
        f"{progress}: {n['keep']} kept{f' ({len(status.proven)} proven)' if n['keep'] else ''}, {n['discard']} discarded, {n['failed']} "
        f"failed; {format_duration(max(0.01, status.elapsed))} at work"
        + (f", about {format_duration(left)} left" if (left := status.remaining) else "")
    )
    lines.append(spent_line(status))
    if work := lines_of_work(status):
        lines.append(work)
    if (live := status.live) is not None:
        of = "the time of the last runs" if status.settings.verify else "the run's budget"
        if status.settings.side_by_side:
            lines += slot_lines(status)
        else:
            what = run_line(live, status.incumbent, status.metric)
            lines.append(f"Now: {what} · {live.phase}, {live.progress:.0%} of {of}")
    lines.append(f"Result: {result_line(status)}")
    return "\n".join(lines)


def history_text(status: StudyStatus, shown: Sequence[Experiment], width: int | None = None) -> str:
    """Return the history as a table of text, with a line that says what its columns mean.

    Parameters
    ----------
    status : StudyStatus
    shown : sequence of Experiment
    width : int, optional
        Characters of a line at most. Columns that say least are left out where little room would remain for the summaries, which
        are shortened.
    """
    also = shown_numbers(status.settings, shown, brief=True)[:ALSO_SHOWN]
    heads = [
        "#",
        "verdict",
        status.metric.name,
        "runs",
        "seconds",
        "gain",
        "95% interval",
        "chance",
        *(n.name for n in also),
    ]
    table = [heads, *([*_cells(e, status), *_numbers(e, also)] for e in shown)]
    widths = {n: max(len(row[n]) for row in table) for n in range(len(heads))}
    hidden: list[int] = []
    wanted = min(SUMMARY, max(len(e.summary) for e in shown)) if shown else 0
    for n in (*reversed(range(len(heads) - len(also), len(heads))), *map(heads.index, LEAST)):
        if width is not None and width - sum(widths.values()) - 2 * len(widths) < wanted:
            hidden.append(n)
            del widths[n]
    room = 10**9 if width is None else max(wanted, width - sum(widths.values()) - 2 * len(widths))
    lines = []
    for row, summary in zip(table, ["change", *(e.summary for e in shown)], strict=True):
        aligned = (f"{row[n]:<{w}}" if n == 1 else f"{row[n]:>{w}}" for n, w in widths.items())
        lines.append("  ".join([*aligned, fit(summary, room)]))
    explained = NOTE + _limits_note(also)
    note = (
        f"{explained} Not shown in a terminal of this width: {', '.join(heads[n] for n in sorted(hidden))}."
        if hidden
        else explained
    )
    return "\n".join([*lines, "", *textwrap.wrap(note, min(110, width or 110))])


def _cells(e: Experiment, status: StudyStatus) -> tuple[str, ...]:
    """Return the figures of an experiment for a row of a table: from its number to its chance of being better."""
    gains = status.gains
    return (
        str(e.number), verdict_words(e, gains), status.format(e.value), str(len(e.measurements)), f"{e.seconds:.1f}",
        *figures(gains.get(e.number), status.spread(e)),
    )  # fmt: skip


def _limits_note(shown: Sequence[ShownNumber]) -> str:
    limits = ", ".join(f"{n.name} {n.words}" for n in shown if n.limits)
    return f" {BEYOND} is beyond a limit: {limits}." if limits else ""


def _numbers(e: Experiment, shown: Sequence[ShownNumber]) -> list[str]:
    """Return the further numbers of an experiment; one that is beyond its limit has a mark."""
    values = [(n, n.value(e)) for n in shown]
    return ["–" if v is None else format_number(v) + (BEYOND if n.broken_by(v) else "") for n, v in values]


def history_markdown(status: StudyStatus, shown: Sequence[Experiment]) -> str:
    """Return the history as a Markdown table of one line for each experiment, kept ones in bold, and what its columns mean."""
    also = shown_numbers(status.settings, shown, brief=True)[:ALSO_SHOWN]
    return "\n".join([*_table(status, shown, brief=True), "", NOTE + _limits_note(also)])


def _table(status: StudyStatus, shown: Sequence[Experiment], *, why: bool = True, brief: bool = False) -> list[str]:
    """Return the rows of a Markdown table; a brief one has shortened texts that do not wrap."""
    also = shown_numbers(status.settings, shown, brief=True)[:ALSO_SHOWN]
    heads = [
        "#",
        "verdict",
        escape(status.metric.name),
        "runs",
        "seconds",
        "gain",
        "95% interval",
        "chance",
        *(escape(n.name) for n in also),
        "change",
    ]
    ways = ["--:", ":--", *["--:"] * (6 + len(also)), ":--"]
    rows = [[*heads, "why"], [*ways, ":--"]]
    for e in shown:
        cells = [*map(escape, _cells(e, status)), *_numbers(e, also)]
        if e.kept:
            cells[1:3] = [f"**{cell}**" for cell in cells[1:3]]
        change, reason = (shorten(e.summary, BRIEF), shorten(e.reason, BRIEF)) if brief else (e.summary, e.reason)
        rows.append([*cells, escape(change), escape(reason)])
    if brief:  # a space that does not break keeps a cell in one line, whatever shows it
        rows = [[cell.replace(" ", "\u00a0") for cell in row] for row in rows]
    return [f"| {' | '.join(row if why else row[:-1])} |" for row in rows]


def _numbers_table(baseline: Experiment | None, best: Experiment | None) -> list[str]:
    """Return a table of the other numbers of baseline and best for the report; nothing where there are none."""
    if baseline is None or best is None or not best.numbers:
        return []
    before, after = baseline.numbers, best.numbers
    lines = ["## Other numbers of the runs", "", "| | baseline | best |", "|---|---:|---:|"]
    for name, value in after.items():
        was = format_number(before[name]) if name in before else "–"
        lines.append(f"| {escape(name)} | {was} | {format_number(value)} |")
    return [*lines, ""]


def report_markdown(status: StudyStatus) -> str:
    """Return the report of a study in Markdown."""
    best, baseline = status.incumbent, status.baseline
    lines = [
        f"# {status.definition.program.title or status.name}",
        "",
        f"Study `{status.name}`: {status.state}. Result: {result_line(status)}.",
        "",
    ]
    lines += [f"Settings: {status.settings.describe()}.", ""]
    n = counts(status.experiments)
    lines += [
        f"{tried_line(status)}, {n['discard']} discarded, {n['failed']} failed, in {format_duration(max(0.01, status.elapsed))}.",
        "", "![progress](progress.png)", "",
    ]  # fmt: skip
    kept = [e for e in status.experiments if e.kept]
    if kept:
        lines += [
            "## What was kept",
            "",
            *_table(status, kept),
            "",
            NOTE,
            "",
        ]
    if best is not None and baseline is not None and best.number > 0:
        diff = unified_diff(baseline.target, best.target, "baseline", f"experiment {best.number}")
        lines += ["## From the baseline to the best", "", fenced(diff, "diff"), "", "## The best target", ""]
        lines += [fenced(best.target, "python"), ""]
    lines += _numbers_table(baseline, best)
    lines += [
        "## Everything that was tried",
        "",
        *_table(status, status.experiments, why=False),
    ]
    return "\n".join(lines) + "\n"
