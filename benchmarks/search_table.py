"""The table of `search.py`: mean regrets with intervals, ranks, and how often this package is the lowest."""

from __future__ import annotations

import json
import math
import statistics
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from scipy.special import stdtrit
from search_tasks import Task

METHODS = {
    "ours": "ours",
    "lines2": "2 lines",
    "lines3": "3 lines",
    "lines4": "4 lines",
    "edits": "edits",
    "edits2": "edits, 2 lines",
    "edits3": "edits, 3 lines",
    "edits4": "edits, 4 lines",
    "strict": "strict",
    "tpe": "TPE",
    "gp": "GP",
    "cmaes": "CMA-ES",
    "random": "random",
}
OURS = ("ours", "strict", *(f"{agent}{n}" for agent in ("lines", "edits") for n in (2, 3, 4)), "edits")
CONFIDENCE = 0.95

Row = dict[str, Any]
Cell = tuple[str, float, int]
"""Task, noise, evaluations."""


def read_rows(folder: Path) -> list[Row]:
    """Return the results of all studies in a folder."""
    files = sorted(file for file in folder.glob("*.jsonl") if not file.name.startswith("truths-"))
    return [json.loads(line) for file in files for line in file.read_text().splitlines()]


def interval(values: Sequence[float]) -> tuple[float, float, float]:
    """Return mean, and lower and upper end of its 95% interval (Student's t); infinite ends for a single value."""
    mean = statistics.fmean(values)
    if len(values) < 2:
        return mean, -math.inf, math.inf
    reach = float(stdtrit(len(values) - 1, (1 + CONFIDENCE) / 2)) * statistics.stdev(values) / math.sqrt(len(values))
    return mean, mean - reach, mean + reach


def regrets(
    rows: Sequence[Row], tasks: Mapping[str, Task], label: str, seeds: int
) -> dict[Cell, dict[str, dict[int, float]]]:
    """Return the regret by cell, method and seed, of the first so many seeds; where ours is there, of its cells alone.

    Of each cell the seeds that all of its methods have, so that none is compared on easier ones.

    Raises
    ------
    SystemExit
        When ours or strict are there with several labels and none is asked for.
    """
    labels = {row["label"] for row in rows if row["method"] in OURS}
    if not label and len(labels) > 1:
        raise SystemExit(f"there are several versions here: say --label and one of {', '.join(sorted(labels))}")
    if label and label not in labels:
        raise SystemExit(f"there is no version {label!r} here: there are {', '.join(sorted(labels)) or 'none'}")
    found: dict[Cell, dict[str, dict[int, float]]] = defaultdict(lambda: defaultdict(dict))
    for row in rows:
        if row["seed"] < seeds and (row["method"] not in OURS or not label or row["label"] == label):
            cell = row["task"], row["noise"], row["evaluations"]
            found[cell][row["method"]][row["seed"]] = tasks[row["task"]].regret(row["truth"])
    ours = {cell: found[cell] for cell in found if "ours" in found[cell]}
    return {cell: _of_common_seeds(of_cell) for cell, of_cell in (ours or found).items()}


def _of_common_seeds(of_cell: Mapping[str, Mapping[int, float]]) -> dict[str, dict[int, float]]:
    common = set.intersection(*(set(of_method) for of_method in of_cell.values()))
    return {method: {seed: of_method[seed] for seed in sorted(common)} for method, of_method in of_cell.items()}


def paired(a: Mapping[int, float], b: Mapping[int, float]) -> tuple[float, float, float]:
    """Return the mean difference a − b over the seeds that both have, with its 95% interval."""
    return interval([a[seed] - b[seed] for seed in sorted(a.keys() & b.keys())])


def ranks(means: Mapping[str, float]) -> dict[str, float]:
    """Return the ranks of methods from 1 for the lowest; equal ones share the mean of their ranks."""
    return {
        method: 1 + sum(other < mean for other in means.values()) + (sum(o == mean for o in means.values()) - 1) / 2
        for method, mean in means.items()
    }


def table(rows: Sequence[Row], tasks: Mapping[str, Task], label: str = "", seeds: int = 10**6, least: int = 1) -> str:
    """Return the results as Markdown: a table of cells, mean ranks, and where this package stands."""
    found = {
        cell: of_cell
        for cell, of_cell in regrets(rows, tasks, label, seeds).items()
        if min(map(len, of_cell.values())) >= least
    }
    order = sorted(found, key=lambda cell: (list(tasks).index(cell[0]), cell[1], cell[2]))
    methods = [method for method in METHODS if any(method in found[cell] for cell in order)]
    lines = [
        f"| task | noise | evaluations | seeds | {' | '.join(METHODS[m] for m in methods)} |",
        f"|---|---|---|---|{'---|' * len(methods)}",
    ]
    all_ranks: dict[str, list[float]] = defaultdict(list)
    lowest, worse, better, compared = [], [], [], 0
    for cell in order:
        of_cell = found[cell]
        means = {method: statistics.fmean(of_cell[method].values()) for method in of_cell}
        best = min(means, key=lambda method: means[method])
        for method, rank in ranks(means).items():
            all_ranks[method].append(rank)
        task, noise, evaluations = cell
        shown = []
        for method in methods:
            if method not in of_cell:
                shown.append("–")
                continue
            mean, low, high = interval([*of_cell[method].values()])
            text = f"{mean:.3f} ({low:.3f} to {high:.3f})"
            shown.append(f"**{text}**" if method == best else text)
        count = len(of_cell[best])
        lines.append(
            f"| {task} | {'its own' if noise < 0 else f'{noise:.1%}'} | {evaluations} | {count} | {' | '.join(shown)} |"
        )
        if "ours" in of_cell and len(of_cell) > 1:
            compared += 1
            if best == "ours" or paired(of_cell["ours"], of_cell[best])[1] <= 0:
                lowest.append(cell)
            if "tpe" in of_cell:
                _, low, high = paired(of_cell["ours"], of_cell["tpe"])
                if low > 0:
                    worse.append(cell)
                if high < 0:
                    better.append(cell)
    lines += ["", "Mean rank over the cells (1 is the lowest regret of a cell):", ""]
    lines += [f"| {' | '.join(METHODS[m] for m in methods)} |", f"|{'---|' * len(methods)}"]
    lines.append(
        f"| {' | '.join(f'{statistics.fmean(all_ranks[m]):.2f} ({len(all_ranks[m])} cells)' for m in methods)} |"
    )
    if compared:
        lines += [
            "",
            f"Ours has the lowest mean regret, or one within the 95% interval of the lowest (paired by seed), in {len(lowest)} of "
            f"{compared} cells ({len(lowest) / compared:.0%}).",
            f"Against TPE, beyond the 95% interval: better in {len(better)} cells, worse in {len(worse)}"
            + (f": {'; '.join(_name(cell) for cell in worse)}." if worse else "."),
        ]
    return "\n".join(lines)


def _name(cell: Cell) -> str:
    task, noise, evaluations = cell
    return f"{task}, noise {'its own' if noise < 0 else f'{noise:.1%}'}, {evaluations} evaluations"
