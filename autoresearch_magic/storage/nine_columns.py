"""The nine-column table of the generalised autoresearch skill, for its readers' scripts.

The first line is a comment, ``# metric_direction: lower_is_better`` or ``higher_is_better``, the second the header; then one
row an experiment, in the order of their numbers. The columns, as the skill's documents describe them (2.2, and 2.0 for what
2.2 leaves open):

1. ``iteration``: the experiment's number, 0 for the baseline.
2. ``timestamp``: when it was judged, ISO 8601 in UTC; ``-`` where that is not known.
3. ``commit``: seven digits of the commit of what was kept, ``-`` for what was taken back.
4. ``metric``: the mean of its runs; ``0.0`` after a crash, ``-`` where no number was printed or nothing was run.
5. ``delta``: its metric minus that of the best before it, with a sign, negative for an improvement where lower is better;
   ``0.0`` for the baseline and after a crash, ``-`` where there is no metric.
6. ``guard``: ``pass``, ``fail``, or ``-`` where the guard was not run: there is none, or the metric was no better.
7. ``guard-metric``: ``-``, as an experiment holds only whether its guard passed.
8. ``status``: ``baseline``, ``keep``, ``discard``, ``crash``, ``no-op`` (nothing was run) or ``metric-error``.
9. ``description``: the change in one line; behind it in brackets our own verdict, where that says more than the status.

Pure: experiments in, text out. It is made anew each time and never read back.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime

from ..experiment import Experiment, Verdict
from ..metric import Metric
from .results_tsv import one_line

COLUMNS = ("iteration", "timestamp", "commit", "metric", "delta", "guard", "guard-metric", "status", "description")

_STATUS = {
    Verdict.BASELINE: "baseline",
    Verdict.KEEP: "keep",
    Verdict.DISCARD: "discard",
    Verdict.PRUNED: "discard",
    Verdict.GUARD_FAILED: "discard",
    Verdict.CRASH: "crash",
    Verdict.TIMEOUT: "crash",
    Verdict.METRIC_ERROR: "metric-error",
    Verdict.REJECTED: "metric-error",
    Verdict.DUPLICATE: "no-op",
}


def nine_columns(
    experiments: Iterable[Experiment],
    metric: Metric,
    *,
    guarded: bool = False,
    judged_at: Mapping[int, float] | None = None,
) -> str:
    """Return the table; this module's description has the columns.

    Parameters
    ----------
    experiments : iterable of Experiment
        In any order; those without a verdict are left out.
    metric : Metric
    guarded : bool
        Whether the study has a guard.
    judged_at : mapping of int to float, optional
        Seconds since the epoch by number.
    """
    judged = sorted((e for e in experiments if e.verdict is not None), key=lambda e: e.number)
    direction = "lower_is_better" if metric.minimize else "higher_is_better"
    lines = [f"# metric_direction: {direction}", "\t".join(COLUMNS)]
    best: float | None = None
    for experiment in judged:
        when = (judged_at or {}).get(experiment.number)
        lines.append("\t".join(_row(experiment, best, guarded=guarded, when=when)))
        if experiment.kept and experiment.value is not None:
            best = experiment.value
    return "\n".join(lines) + "\n"


def _row(experiment: Experiment, best: float | None, *, guarded: bool, when: float | None) -> tuple[str, ...]:
    verdict = experiment.verdict
    assert verdict is not None
    status = "no-op" if verdict is Verdict.REJECTED and not experiment.ran else _STATUS[verdict]
    value = None if status in ("crash", "no-op", "metric-error") else experiment.value
    if value is None:
        metric = delta = "0.0" if status == "crash" else "-"
    else:
        metric = f"{value:.6f}"
        delta = "0.0" if best is None else f"{value - best:+.6f}"
    guard = "fail" if verdict is Verdict.GUARD_FAILED else "pass" if guarded and verdict.kept else "-"
    description = one_line(experiment.summary) or f"experiment {experiment.number}"
    if verdict != status:
        description += f" ({verdict})"
    if description.startswith('"'):
        # csv and pandas take a quote that opens a field for one and swallow rows
        description = description.replace('"', "'")
    return (
        str(experiment.number),
        "-" if when is None else datetime.fromtimestamp(when, UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        (experiment.commit[:7] or "-") if verdict.kept else "-",
        metric,
        delta,
        guard,
        "-",
        status,
        description,
    )
