"""The analysis of a study as plain text for terminals and as Markdown for notebooks.

Both are written from the same lines and tables. Text from agents is escaped in Markdown.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ...text import counted, escape
from .models import Findings, Group
from .rates import Plateau, Rate

TOP = 10
"""Wins that are listed; further ones are summed up."""
CAUSES = 8
"""Causes of failures that are listed."""
_STATISTICS = {"mean": "means", "median": "medians", "min": "least values", "max": "largest values"}
WIDTH = 60
"""Characters of a cell in plain text; Markdown wraps by itself."""


@dataclass(frozen=True)
class _Table:
    """A table, with a line below it; the last `left` columns are left-aligned text, the others numbers."""

    title: str
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    left: int = 1
    below: str = ""


def evals_text(evals: Findings) -> str:
    """Return the analysis as plain text."""
    parts = ["\n".join(f"{name + ':':<12} {_printable(line)}" for name, line in evals_lines(evals))]
    parts += [_text_table(table) for table in _tables(evals)]
    return "\n\n".join(parts)


def evals_markdown(evals: Findings) -> str:
    """Return the analysis as Markdown."""
    parts = ["\n".join(f"- **{name}**: {escape(line)}" for name, line in evals_lines(evals))]
    parts += [_markdown_table(table) for table in _tables(evals)]
    return "\n\n".join(parts)


def evals_line(evals: Findings) -> str:
    """Return the analysis in one line, for the notice every so many experiments (``--evals-interval``)."""
    lines = {name: line for name, line in evals_lines(evals) if name in ("Result", "Keep rate", "Advice")}
    return "Evals: " + "; ".join(_printable(line).rstrip(".") for line in reversed(lines.values())) + "."


def plateau_line(flat: Plateau) -> str:
    """Return how long nothing was kept, in one sentence; also for the notice when a plateau begins."""
    since = "the baseline" if flat.since == 0 else f"experiment {flat.since}"
    line = f"{counted(flat.idle, 'experiment')} without a keep since {since}"
    if flat.idle:
        line += f" (probability {_percent(flat.chance)} at the keep rate before)"
    return f"{line}; {flat.patience} make a plateau"


# -- lines ------------------------------------------------------------------------------------------------------------


def evals_lines(evals: Findings) -> Iterator[tuple[str, str]]:
    """Yield the analysis in lines, each with its name; the advice first."""
    metric = evals.metric
    yield "Advice", f"{evals.advice.action}. {evals.advice.reason}"
    if evals.baseline is None:
        return
    ran = (
        f"{evals.ran} of {counted(evals.planned, 'experiment')}" if evals.planned else counted(evals.ran, "experiment")
    )
    best = f"experiment {evals.incumbent}, the current best" if evals.incumbent else "the baseline"
    result = f"{metric.name} {metric.format(evals.best, evals.noise)} ({best}) after {ran}"
    if evals.incumbent:
        shown = evals.gain if evals.chained else evals.seen
        way = "better" if shown >= 0 else "worse"
        relative = f" ({abs(100 * shown / evals.baseline):.1f}%)" if evals.baseline else ""
        within = ", which chance may explain" if evals.unproven and not evals.proven else ""
        result += f", {way} by {abs(shown):.3g}{relative} than the baseline's {metric.format(evals.baseline, evals.noise)}{within}"
        if evals.chained:
            result += "; the sum of the gains in the search, as the machine has changed in it"
        elif evals.runs:  # unknown for a table of results
            result += f"; {_STATISTICS[evals.statistic]} of {evals.runs} and {counted(evals.baseline_runs, 'run')} in the search"
        if not evals.chained and abs(shown - evals.gain) > 0.01 * abs(shown):
            result += (
                f"; expected {_signed(evals.gain)}{', as what looks good is lucky too' if evals.gain < shown else ''}"
            )
    yield "Result", result
    if evals.confirmed:
        yield "Confirmed", evals.confirmed
    if evals.ran == 0:
        return
    trend = evals.trend
    yield (
        "Trend",
        f"{_signed(trend.mean)} per experiment over the last {trend.window} (median slope {_signed(trend.slope)}; "
        "positive is better)",
    )
    kept, lately = evals.kept, evals.lately
    line = f"{kept.hits} of {kept.of} kept, {_interval(kept, '95% interval ')}"
    if evals.proven + evals.unproven:
        line += f", {evals.proven} of them proven"
    if lately.of < kept.of:
        line += f"; {lately.hits} of the last {lately.of}, {_interval(lately, '95% interval ')}"
    yield "Keep rate", line
    yield "Plateau", f"{'yes' if evals.plateau.reached else 'no'}: {plateau_line(evals.plateau)}"
    if evals.ran > 1:
        yield "Pace", _pace(evals)
    also = [
        (evals.duplicates, "tried before"),
        (evals.pruned, "stopped early"),
        (evals.close, "discarded although better than their parent"),
    ]
    if parts := ", ".join(f"{number} {what}" for number, what in also if number):
        yield "Also", parts


def _pace(evals: Findings) -> str:
    returns = evals.returns
    line = (
        f"{_signed(returns.early)} per experiment in the first {returns.half}, {_signed(returns.late)} in the other "
        f"{evals.ran - returns.half}"
    )
    if returns.ratio is not None:
        line += f" ({_percent(max(0.0, returns.ratio))} of the first)"
    if returns.fade is not None:
        line += f"; each keep gains about {returns.fade:.2g} times as much as the one before"
    if evals.planned > evals.ran:
        line += f"; at the late pace the {evals.planned - evals.ran} left would add {_signed(returns.ahead)}"
    return line


# -- tables -----------------------------------------------------------------------------------------------------------


def _tables(evals: Findings) -> Iterator[_Table]:
    if evals.kinds:
        yield _groups("What paid off", "change", evals.kinds)
    if len(evals.agents) > 1:
        yield _groups("By agent", "agent", evals.agents)
    if evals.wins:
        rows: tuple[tuple[str, ...], ...] = tuple(
            (
                str(n),
                str(win.number),
                f"{win.gain:.3g}",
                _percent(win.share),
                "–" if win.p_better is None else _chance(win.p_better),
                "yes" if win.proven else "–" if win.p_better is None else "no",
                win.summary,
            )
            for n, win in enumerate(evals.wins[:TOP], 1)
        )
        rest = evals.wins[TOP:]
        more = f"and {len(rest)} smaller, together {sum(win.gain for win in rest):.3g}" if rest else ""
        yield _Table("Wins", ("", "experiment", "gain", "share of all", "chance", "proven", "change"), rows, 2, more)
    if evals.failures:
        rows = tuple(
            (str(len(failure.numbers)), ", ".join(map(str, failure.numbers[-5:])), failure.cause, failure.reason)
            for failure in evals.failures[:CAUSES]
        )
        others = evals.failures[CAUSES:]
        more = f"and {counted(len(others), 'cause')} more" if others else ""
        yield _Table("Failures by cause", ("times", "latest", "cause", "latest reason"), rows, 2, more)


def _groups(title: str, what: str, groups: Sequence[Group]) -> _Table:
    rows = tuple(
        (
            str(g.kept.of), str(g.kept.hits), str(g.failed), _interval(g.kept), f"{g.gain:.3g}",
            "–" if g.median is None else f"{g.median:.3g}", g.name,
        )
        for g in groups
    )  # fmt: skip
    return _Table(title, ("run", "kept", "failed", "keep rate (95%)", "gain", "median gain", what), rows)


def _text_table(table: _Table) -> str:
    cells = [[_cut(cell) for cell in row] for row in (table.head, *table.rows)]
    widths = [max(len(row[i]) for row in cells) for i in range(len(table.head))]
    numbers = len(table.head) - table.left
    lines = []
    for row in cells:
        padded = [
            cell.rjust(w) if i < numbers else cell.ljust(w) for i, (cell, w) in enumerate(zip(row, widths, strict=True))
        ]
        lines.append("  ".join(["", *padded]).rstrip())
    return "\n".join([table.title, *lines, *([f"  {table.below}"] if table.below else [])])


def _markdown_table(table: _Table) -> str:
    numbers = len(table.head) - table.left
    lines = [
        f"**{table.title}**",
        "",
        "| " + " | ".join(table.head) + " |",
        "|" + "|".join("--:" if i < numbers else ":--" for i in range(len(table.head))) + "|",
    ]
    lines += ["| " + " | ".join(escape(cell) for cell in row) + " |" for row in table.rows]
    return "\n".join([*lines, *(["", table.below] if table.below else [])])


def _cut(text: str) -> str:
    text = _printable(text)
    return text if len(text) <= WIDTH else text[: WIDTH - 1] + "…"


def _printable(text: str) -> str:
    return "".join(c if c.isprintable() else "�" for c in " ".join(text.split()))  # no terminal control codes


def _interval(rate: Rate, name: str = "") -> str:
    return f"{_percent(rate.share)} ({name}{100 * rate.low:.0f}–{_percent(rate.high)})" if rate.of else "–"


def _percent(share: float) -> str:
    return "<0.1%" if 0 < share < 0.0005 else f"{100 * share:.1f}%" if 0 < share < 0.0095 else f"{100 * share:.0f}%"


def _chance(share: float) -> str:
    """Return a chance of being better in percent, which rounding does not turn into certainty."""
    text = f"{100 * share:.0f}%"
    return text if share in (0.0, 1.0) else {"100%": ">99%", "0%": "<1%"}.get(text, text)


def _signed(value: float) -> str:
    return f"{value:+.3g}" if value else "0"
