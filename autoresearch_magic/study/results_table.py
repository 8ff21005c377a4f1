"""Read a results table of this package, of the original autoresearch or of the generalised skill, to analyze it.

Columns are found by their names. Of the first kind of table the second column is named after the metric; the others have a column
``metric``. Not here: the skill's table of a regression (`regression_table`).
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path

from ..config.directions import direction_of_name
from ..errors import UserError
from ..experiment import Experiment, Measurement, Outcome, Proposal, Verdict
from ..judging.analysis.analyze import Evals, evaluate
from ..metric import Metric
from ..text import shorten

_STATUS = {
    **{verdict.value: verdict for verdict in Verdict}, "reverted": Verdict.DISCARD, "revert": Verdict.DISCARD, "rework": Verdict.DISCARD,
    "kept": Verdict.KEEP, "discarded": Verdict.DISCARD, "no-op": Verdict.DUPLICATE, "hook-blocked": Verdict.REJECTED,
}  # fmt: skip
_DIRECTION = re.compile(r"#\s*metric_direction:\s*(lower|higher)", re.IGNORECASE)
_KNOWN = {
    "iteration", "experiment", "timestamp", "commit", "metric", "delta", "guard", "guard-metric", "status", "description", "memory_gb",
}  # fmt: skip
_OUTCOMES = {
    Verdict.TIMEOUT: Outcome.TIMEOUT,
    Verdict.METRIC_ERROR: Outcome.METRIC_ERROR,
    Verdict.PRUNED: Outcome.PRUNED,
}
_NOT_RUN = {Verdict.DUPLICATE, Verdict.REJECTED}


@dataclass(frozen=True)
class ResultsTable:
    """The experiments of a results table, as far as it holds them: no sources, no repeats."""

    metric: Metric
    experiments: tuple[Experiment, ...]

    def evals(self) -> Evals:
        """Analyze the table; kinds of changes are left out, as it has no sources."""
        evals = evaluate(self.experiments, self.metric)
        return replace(
            evals,
            runs=0,
            baseline_runs=0,
            kinds=(),
            agents=(),
            wins=tuple(replace(win, kind="–") for win in evals.wins),
        )


def is_results_table(text: str) -> bool:
    """Whether an argument names a table rather than a study."""
    return text.endswith(".tsv")


def read_table(path: Path) -> tuple[str, list[str], list[list[str]]]:
    """Return a table's comments, its header and its rows; empty lines are left out.

    Raises
    ------
    UserError
        When it cannot be read, or has no header.
    """
    try:
        lines = path.expanduser().read_text(encoding="utf-8-sig", errors="replace").splitlines()
    except OSError as error:
        raise UserError(f"The table {path} cannot be read: {error.strerror}.") from None
    comments = "\n".join(line for line in lines if line.startswith("#"))
    rows = [line.split("\t") for line in lines if line.strip() and not line.startswith("#")]
    if not rows or len(rows[0]) < 2:
        raise UserError(
            f"{path} is no results table: it needs a line with the names of its columns, separated by tabs."
        )
    return comments, [name.strip() for name in rows[0]], rows[1:]


def read_results(path: Path, minimize: bool | None = None) -> ResultsTable:
    """Read a results table.

    Parameters
    ----------
    path : Path
    minimize : bool, optional
        Whether lower is better; by default the table's comment says it, else the name of its metric, else its kept values.

    Raises
    ------
    UserError
        When it has no metric, a row cannot be read, or nothing says which way is better.
    """
    comments, names, rows = read_table(path)
    column = "metric" if "metric" in names else next((name for name in names if name not in _KNOWN), "")
    if "status" not in names or not column or ("metric" not in names and "memory_gb" not in names):
        raise UserError(
            f"{path} has the columns {shorten(', '.join(names), 120)}: to analyze it, it needs  status  and  metric  (or the "
            "metric's own name and  memory_gb, as in the original)."
        )
    experiments: list[Experiment] = []
    for number, cells in enumerate(rows):
        row = dict(zip(names, (cell.strip() for cell in cells), strict=False))
        experiments.append(_experiment(path, number, row, column, experiments))
    if not any(e.verdict is Verdict.BASELINE for e in experiments) and experiments and experiments[0].kept:
        experiments[0] = replace(experiments[0], verdict=Verdict.BASELINE)  # the original calls its baseline a keep
    if not experiments or experiments[0].verdict is not Verdict.BASELINE:
        raise UserError(f"{path} has no baseline: its first row must be one that was kept.")
    said = _DIRECTION.search(comments)
    if minimize is None:
        minimize = said[1].lower() == "lower" if said else direction_of_name(column)
    if minimize is None:
        minimize = _by_keeps(experiments)
    if minimize is None:
        raise UserError(
            f"Nothing says whether lower or higher values of {column!r} are better in {path}. Say which way: --minimize or --maximize."
        )
    return ResultsTable(Metric(column, column, minimize), tuple(experiments))


def _experiment(path: Path, number: int, row: dict[str, str], column: str, before: list[Experiment]) -> Experiment:
    status = row.get("status", "").lower()
    word = re.split(r"[\s(:]", status, maxsplit=1)[0]
    if word not in _STATUS:
        raise UserError(
            f"{path}, row {number + 1}: {shorten(status)!r} is no status; the statuses are {', '.join(_STATUS)}."
        )
    verdict, description = _STATUS[word], row.get("description", "")
    if more := re.search(
        r"\(([a-z-]+)\)$", description
    ):  # what `export` writes where the verdict says more than the status
        named = next((each for each in Verdict if each.value == more[1]), verdict)
        verdict, description = named, description[: more.start()].strip() if named is not verdict else description
    if verdict is Verdict.DISCARD and row.get("guard", "").lower() == "fail":
        verdict = Verdict.GUARD_FAILED
    value = _number(path, number, row.get(column, ""))
    memory = _number(path, number, row.get("memory_gb", "")) or 0.0
    if verdict.failed or verdict is Verdict.PRUNED:
        value = None
    if value is None and verdict.kept:
        raise UserError(f"{path}, row {number + 1}: it was kept, but has no number under {column!r}.")
    runs: tuple[Measurement, ...] = ()
    if verdict not in _NOT_RUN:
        outcome = Outcome.OK if value is not None else _OUTCOMES.get(verdict, Outcome.CRASH)
        runs = (Measurement(outcome, value, seed=0, memory=memory),)
    parent = next((e.number for e in reversed(before) if e.kept), None)
    commit = row.get("commit", "").strip("-")
    return Experiment(
        number, parent, Proposal("", description), "", verdict, description if verdict.failed else "", runs, commit
    )


def _number(path: Path, number: int, text: str) -> float | None:
    text = text.strip().removesuffix("%").replace("−", "-")
    if text.lower() in ("", "-", "–", "n/a", "na", "none", "null", "nan"):
        return None
    try:
        value = float(text)
    except ValueError:
        raise UserError(f"{path}, row {number + 1}: {shorten(text)!r} is not a number.") from None
    return value if math.isfinite(value) else None


def _by_keeps(experiments: list[Experiment]) -> bool | None:
    """Return the direction in which all kept values go; None when they go in both, or there are none."""
    values = [e.value for e in experiments if e.kept and e.value is not None]
    steps = {after < before for before, after in pairwise(values) if after != before}
    return steps.pop() if len(steps) == 1 else None
