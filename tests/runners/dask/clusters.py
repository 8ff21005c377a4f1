"""A small study on Dask workers of this machine, without the study around it."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from autoresearch_magic.budget import parse_budget
from autoresearch_magic.metric import Metric
from autoresearch_magic.runners.dask.fleet import Wanted, dask_fleet
from autoresearch_magic.runners.dask.shipping import Recipe, leave_token, make_bundle
from autoresearch_magic.runners.fleet import Fleet
from autoresearch_magic.runners.walls import Walls
from autoresearch_magic.storage.git.checkout import open_checkout

SETUP = "print('set up')\ndef evaluate(x):\n    return float(x)\n"


@dataclass
class Lines:
    """What the user was told."""

    notes: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)


def cell(folder: Path, **changed: Any) -> dict[str, Any]:
    return {
        "setup": SETUP, "target": "x = 0\n", "metric": Metric("m", "evaluate(x)", True), "budget": parse_budget("1s"), "seed": 0,
        "mode": "auto", "setup_name": "", "valid": "", "wall": False, "artifacts": (), "also": (), "walls": Walls(hidden=(str(folder),)),
        "sealed": "", "holdout": "", "threads": 1, "memory": 1 << 30, "pass_env": {}, **changed,
    }  # fmt: skip


def start(
    folder: Path, executor: str = "dask", *, workers: int = 2, slots: int = 0, timed: bool = True, id: str = "test", modules: Any = None,
    folders: Sequence[str] = (), seen: bool = True, **changed: Any,
) -> tuple[Fleet, Lines]:  # fmt: skip
    """Return a fleet for cells, and the lines that it tells."""
    lines, token = Lines(), leave_token(folder)
    arguments = cell(folder, **changed)
    if not seen:
        token = (token[0], "another")

    def recipe(all_see: bool) -> Recipe:
        assert all_see == seen
        return Recipe(id, arguments, False, False, os.getcwd(), tuple(folders), token, modules or {})

    wanted = Wanted(executor, slots, timed, arguments["walls"], [{}] * workers)
    fleet = dask_fleet(
        wanted, recipe, token, on_note=lines.notes.append, on_problem=lines.problems.append, logs=folder / "logs"
    )
    return fleet, lines


def start_repository(folder: Path, top: Path, executor: str, verify: str, **changed: Any) -> Fleet:
    """Return a fleet for the files of a repository whose workers do not see it."""
    lines, token = Lines(), (leave_token(folder)[0], "another")
    checkout = open_checkout(top, ("a.py",), [verify])[0]
    arguments = {
        "verify": verify, "metric": Metric("m", "line:m", True), "guard": None, "seed": 0, "valid": "", "artifacts": (), "hide": (), "also": (),
        "walls": Walls(hidden=(str(folder),)), "threads": 1, "memory": 1 << 30, "pass_env": {}, **changed,
    }  # fmt: skip
    made = Recipe(
        "repository", arguments, False, False, str(top), (), token, checkout=checkout.to_json(), base={"a.py": "m = 1\n"},
        bundle=make_bundle(top, checkout.commit),
    )  # fmt: skip
    wanted = Wanted(executor, 0, True, arguments["walls"])
    return dask_fleet(wanted, lambda all_see: made, token, on_note=lines.notes.append, on_problem=lines.problems.append)
