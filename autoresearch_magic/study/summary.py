"""What a study looks like in words: one line, a few lines, a table, a report."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from ..agents.llm.prices import usage_line
from ..budget import format_duration
from ..experiment import Experiment, Headline, Verdict
from ..source.edits import unified_diff
from ..text import counted, escape, fenced

if TYPE_CHECKING:
    import pandas as pd

    from ..config.settings import Settings
    from ..metric import Metric
    from .definition import Definition
    from .status import Live, StudyStatus


class Shown(Protocol):
    """What is asked of a study to show it; `Study` has all of it."""

    name: str
    folder: Path
    definition: Definition
    status: StudyStatus

    @property
    def settings(self) -> Settings:
        """The effective settings."""
        ...

    @property
    def metric(self) -> Metric:
        """What is measured."""
        ...

    @property
    def state(self) -> str:
        """Where it stands."""
        ...

    @property
    def experiments(self) -> list[Experiment]:
        """Every judged experiment."""
        ...

    @property
    def incumbent(self) -> Experiment | None:
        """The best kept experiment."""
        ...

    @property
    def history(self) -> pd.DataFrame:
        """One row an experiment."""
        ...


def result_line(study: Shown) -> str:
    """Say in one line what came out so far; the re-measured figures where there are some."""
    metric, best, baseline, head = study.metric, study.incumbent, study.status.baseline, study.status.headline
    if best is None or baseline is None:
        return "no baseline yet"
    if head is not None:
        once = head.repeats < 2
        sds = ("", "") if once else (f" (sd {head.best_sd:.2g})", f" (sd {head.baseline_sd:.2g})")
        return (
            f"{metric.name} {head.best:.4g}{sds[0]} against a baseline of {head.baseline:.4g}{sds[1]}, "
            f"both measured again {'once' if once else f'{head.repeats} times'}: {gain_words(head)}"
        )
    if best.number == 0:
        return f"{metric.name} {metric.format(best.value)} is the baseline; nothing has beaten it"
    return f"{metric.name} {metric.format(best.value)} (experiment {best.number}), baseline {metric.format(baseline.value)}"


def gain_words(head: Headline) -> str:
    """Say what was gained, with its interval, and whether chance may explain it."""
    gain, reach = abs(head.gain), head.reach
    # As many decimals as the interval has, so that both can be read together.
    decimals = _decimals(reach, 2) if reach else 0
    amount = f"{gain:.{decimals}f}" if decimals > _decimals(gain, 3) else _figure(gain, 3)
    line = f"a {'loss' if head.gain < 0 else 'gain'} of {amount}"
    if reach:
        line += f" ± {_figure(reach, 2)} ({head.confidence:.0%})"
    if head.baseline:
        line += f", {100 * gain / abs(head.baseline):.1f}%"
    if reach is None:
        return f"{line}, which one run of each cannot tell from chance"
    if reach == 0:
        return f"{line}, the same in every run"
    return f"{line}, which chance may explain" if gain <= reach else line


def _decimals(value: float, digits: int) -> int:
    """Return how many decimals show a value with so many significant digits; 0 where none are needed, 9 at most."""
    return max(0, min(9, digits - 1 - math.floor(math.log10(value)))) if value else 0


def _figure(value: float, digits: int) -> str:
    """Write a value with so many significant digits, without an exponent where it is no smaller than 1."""
    text = f"{value:.{digits}g}"
    return f"{value:.0f}" if "e+" in text and value < 1e7 else text


def doing(live: Live, incumbent: Experiment | None, metric: Metric) -> str:
    """Say in one line which run is under way, and what for."""
    e, number = live.experiment, live.experiment.number
    turn = f"run {live.repeat + 1} of {live.repeats}" if live.repeats > 1 else ""
    match live.kind:
        case "baseline":
            parts = ["Baseline", turn]
        case "final":
            parts = [f"Measuring the {f'best, experiment {number},' if number else 'baseline'} again", turn]
        case "incumbent":
            parts = [f"The {f'incumbent, experiment {number},' if number else 'baseline'} once more, to compare"]
        case "trial":
            parts = [f"A question of yours: {e.summary}", turn]
        case _:
            parts = [f"Experiment {number}", e.summary, ""]
            if live.repeat > 0:
                better = (
                    incumbent is None or incumbent.value is None or e.value is None
                    or metric.gain(e.value, over=incumbent.value) > 0
                )  # fmt: skip
                why = "looks better" if better else "simpler, perhaps as good"
                parts[-1] = f"{why}, run {live.repeat + 1} of at most {live.repeats}"
    return " · ".join(" ".join(part.split()) for part in parts if part)


def applied_message(study: Shown, best: Experiment) -> str:
    """Return the message of the commit that brings an experiment into the user's branch."""
    metric, baseline = study.metric, study.experiments[0]
    chain = [best]
    while (parent := chain[-1].parent) is not None and parent > 0:
        chain.append(study.experiments[parent])
    changes = "\n".join(f"- {e.summary} ({metric.format(e.value)})" for e in reversed(chain))
    subject = f"{metric.name} {metric.format(baseline.value)} -> {metric.format(best.value)}"
    title = study.definition.program.title
    return "\n\n".join(
        part
        for part in (
            subject, title if title != subject else "", changes,
            f"Experiment: {best.number}\nStudy: {study.name}\nMetric: {metric.name}={best.value!r}\n",
        )
        if part
    )  # fmt: skip


def counts(experiments: list[Experiment]) -> dict[str, int]:
    """Count keeps, discards (pruned and duplicates too) and failures; the baseline is none of them."""
    verdicts = [e.verdict for e in experiments if e.number > 0 and e.verdict is not None]
    keep = sum(v is Verdict.KEEP for v in verdicts)
    failed = sum(v.failed for v in verdicts)
    return {"keep": keep, "discard": len(verdicts) - keep - failed, "failed": failed}


def ledgers(status: StudyStatus) -> str:
    """Say what evaluations and agent have used: the two ledgers, in one line."""
    seconds = [each for _, each in status.runs]
    spent = f"Evaluations: {counted(len(seconds), 'run')}, {format_duration(max(0.1, round(sum(seconds), 1)))}"
    return " · ".join(part for part in (spent, usage_line(status.usage)) if part)


def status(study: Shown) -> str:
    """Say where a study stands, in a few lines."""
    lines = [
        f"{study.name}: {study.state}{f' · {study.status.message}' if study.status.message else ''}",
        study.settings.describe(),
    ]
    done, n = study.status.done, counts(study.experiments)
    told = (
        f"{done} of {counted(planned, 'experiment')}"
        if (planned := study.settings.planned)
        else counted(done, "experiment")
    )
    lines.append(
        f"{told}: {n['keep']} kept, {n['discard']} discarded, {n['failed']} "
        f"failed; {format_duration(max(0.01, study.status.elapsed))} at work"
        + (f", about {format_duration(left)} left" if (left := study.status.remaining) else "")
    )
    lines.append(ledgers(study.status))
    if (live := study.status.live) is not None:
        what = doing(live, study.incumbent, study.metric)
        of = "the last ones' time" if study.settings.verify else "the run's budget"
        lines.append(f"Now: {what} · {live.phase}, {live.progress:.0%} of {of}")
    lines.append(f"Result: {result_line(study)}")
    return "\n".join(lines)


def history_text(study: Shown, shown: list[Experiment]) -> str:
    """Return the history as a table of text."""
    head = f"{'#':>4}  {'verdict':<12}  {study.metric.name:>12}  {'runs':>4}  {'seconds':>7}  change"
    lines = [
        f"{e.number:>4}  {e.verdict!s:<12}  {study.metric.format(e.value):>12}  {len(e.measurements):>4}  "
        f"{e.seconds:>7.1f}  {e.summary}"
        for e in shown
    ]
    return "\n".join([head, *lines])


def history_markdown(study: Shown, shown: list[Experiment]) -> str:
    """Return the history as a Markdown table, kept rows in bold."""
    lines = [
        f"| # | verdict | {escape(study.metric.name)} | runs | seconds | change | why |",
        "|--:|:--|--:|--:|--:|:--|:--|",
    ]
    for e in shown:
        bold = "**" if e.kept else ""
        cells = [
            str(e.number),
            f"{bold}{e.verdict}{bold}",
            f"{bold}{study.metric.format(e.value)}{bold}",
            str(len(e.measurements)),
            f"{e.seconds:.1f}",
        ]
        lines.append("| " + " | ".join([*cells, escape(e.summary), escape(e.reason)]) + " |")
    return "\n".join(lines)


def report(study: Shown) -> str:
    """Write the report as Markdown."""
    metric, best, baseline = study.metric, study.incumbent, study.status.baseline
    lines = [
        f"# {study.definition.program.title or study.name}",
        "",
        f"Study `{study.name}`: {study.state}. Result: {result_line(study)}.",
        "",
    ]
    lines += [f"Settings: {study.settings.describe()}.", ""]
    n = counts(study.experiments)
    lines += [
        f"{counted(len(study.experiments) - 1 if baseline else 0, 'experiment')}: {n['keep']} kept, {n['discard']} discarded, "
        f"{n['failed']} failed, in {format_duration(max(0.01, study.status.elapsed))}.", "", "![progress](progress.png)", "",
    ]  # fmt: skip
    kept = [e for e in study.experiments if e.kept]
    if kept:
        lines += [
            "## What was kept",
            "",
            f"| experiment | {metric.name} | runs | change | why |",
            "|---:|---:|---:|---|---|",
        ]
        lines += [
            f"| {e.number} | {metric.format(e.value)} | {len(e.measurements)} | {escape(e.summary)} | {escape(e.reason)} |"
            for e in kept
        ]
        lines.append("")
    if best is not None and baseline is not None and best.number > 0:
        diff = unified_diff(baseline.target, best.target, "baseline", f"experiment {best.number}")
        lines += ["## From the baseline to the best", "", fenced(diff, "diff"), "", "## The best target", ""]
        lines += [fenced(best.target, "python"), ""]
    lines += [
        "## Everything that was tried",
        "",
        f"| experiment | verdict | {metric.name} | runs | seconds | change |",
        "|---:|---|---:|---:|---:|---|",
    ]
    lines += [
        f"| {e.number} | {e.verdict} | {metric.format(e.value)} | {len(e.measurements)} | {e.seconds:.1f} | "
        f"{escape(e.summary)} |"
        for e in study.experiments
    ]
    return "\n".join(lines) + "\n"
