"""The generalised skill's table of a regression, and the verdict that its documented rule gives.

A HARD row that is ``regression-eligible`` (green at the base) and ``regressed`` is a regression, green to red; one that was failing before,
is new or is flaky is none. Without such a row the verdict is that of a score: the worst subscore of each dimension of the tier
SCORE, weighted, over the dimensions that ran.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ..errors import UserError
from ..text import shorten
from .results_table import read_table

HARD = ("functional", "api-contract", "data-migration", "integration-e2e")
WEIGHTS = {"flakiness": 0.30, "performance": 0.30, "resource": 0.20, "visual-ui": 0.20}
"""The share of each dimension of the tier SCORE, as the skill documents them."""
STABLE_FROM = 95.0
UNAVAILABLE = "baseline-unavailable"
CLASSES = ("regression-eligible", "pre-existing", "new-coverage", "flaky", UNAVAILABLE)
COLUMNS = (
    "iteration", "timestamp", "dimension", "axis", "tier", "classification", "baseline", "candidate", "delta", "regressed", "subscore",
    "severity", "status", "file_line", "description",
)  # fmt: skip


@dataclass(frozen=True)
class TableVerdict:
    """The verdict of a regression table.

    Attributes
    ----------
    verdict : {"STABLE", "UNSTABLE", "BASELINE_UNAVAILABLE"}
    score : float
        The weighted score, 0 to 100; 100 where no dimension of the tier SCORE ran.
    blocking : tuple of str
        The dimensions with a regression, and ``score`` where that is below `STABLE_FROM`.
    ran, missing : tuple of str
        Dimensions with a result, and without.
    """

    verdict: str
    score: float
    blocking: tuple[str, ...]
    ran: tuple[str, ...]
    missing: tuple[str, ...]

    def text(self) -> str:
        """Return the verdict with its reason."""
        if not self.ran:
            return f"{self.verdict}: no dimension has a result, so nothing can be said."
        score = f"score {int(self.score * 100) / 100:.2f} of 100 (stable from {STABLE_FROM:g})"
        why = f"blocked by {', '.join(self.blocking)}; " if self.blocking else ""
        missing = f"; no result for {', '.join(self.missing)}" if self.missing else ""
        return f"{self.verdict}: {why}{score}; ran {', '.join(self.ran)}{missing}."


def read_regression(path: Path) -> TableVerdict:
    """Read a table of regression results.

    Raises
    ------
    UserError
        When it is none, or a row cannot be what its dimension says: nothing is passed silently.
    """
    _, names, rows = read_table(path)
    if tuple(names) != COLUMNS:
        raise UserError(
            f"{path} is no table of a regression: its columns are {shorten(', '.join(names), 120)}; those are {', '.join(COLUMNS)}."
        )
    ran: set[str] = set()
    blocking: set[str] = set()
    worst: dict[str, float] = {}
    for number, cells in enumerate(rows, 1):
        row = _checked(path, number, cells)
        dimension, kind = row["dimension"], row["classification"]
        if kind == UNAVAILABLE:
            continue
        ran.add(dimension)
        if dimension in HARD:
            if row["regressed"] == "true" and kind == "regression-eligible":
                blocking.add(dimension)
        else:
            worst[dimension] = min(worst.get(dimension, 100.0), float(row["subscore"]))
    every = (*HARD, *WEIGHTS)
    ran_in_order = tuple(name for name in every if name in ran)
    missing = tuple(name for name in every if name not in ran)
    if not ran:
        return TableVerdict("BASELINE_UNAVAILABLE", 0.0, (), (), missing)
    weight = sum(WEIGHTS[name] for name in worst)
    score = sum(WEIGHTS[name] * value for name, value in worst.items()) / weight if weight else 100.0
    blocked = tuple(name for name in HARD if name in blocking) + (("score",) if score < STABLE_FROM - 1e-9 else ())
    return TableVerdict("UNSTABLE" if blocked else "STABLE", score, blocked, ran_in_order, missing)


def _checked(path: Path, number: int, cells: list[str]) -> dict[str, str]:
    def wrong(what: str) -> UserError:
        return UserError(f"{path}, row {number}: {what}; a table that is damaged has no verdict.")

    if len(cells) != len(COLUMNS):
        raise wrong(f"it has {len(cells)} columns instead of {len(COLUMNS)}")
    row = dict(zip(COLUMNS, (cell.strip() for cell in cells), strict=True))
    dimension = row["dimension"]
    if dimension not in (*HARD, *WEIGHTS):
        raise wrong(f"{shorten(dimension)!r} is no dimension")
    tier = "HARD" if dimension in HARD else "SCORE"
    if row["tier"] != tier:
        raise wrong(f"{dimension} belongs to the tier {tier}, not {shorten(row['tier'])!r}")
    if row["regressed"] not in ("true", "false"):
        raise wrong(f"regressed is true or false, not {shorten(row['regressed'])!r}")
    if row["classification"] not in CLASSES:
        raise wrong(f"{shorten(row['classification'])!r} is no classification")
    try:
        score = float(row["subscore"])
    except ValueError:
        score = -1.0
    if not 0 <= score <= 100:
        raise wrong(f"subscore is a number from 0 to 100, not {shorten(row['subscore'])!r}")
    return row
