"""What a study says of its runners, wherever they run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ..runners.command import GuardCommand
from ..runners.walls import Walls
from ..runners.walls.programs import named_programs
from .definition import Definition
from .sealed import hidden_paths


def walls_of(definition: Definition, folder: Path) -> Walls:
    """Return what experiments of a study may reach; `folder` is the study's."""
    s = definition.settings
    secret = hidden_paths(definition.sealed_path, [Path.cwd(), *definition.folders]) if definition.sealed_mark else ()
    hidden = (str(folder.parent.absolute()), *secret)
    commands = (s.verify, s.guard, *(stage.command for stage in s.as_stages()))
    return Walls(
        s.sandbox, s.network, s.allow_read, s.allow_write, hidden=hidden, programs=named_programs(filter(None, commands)), disk=s.disk
    )  # fmt: skip


def cell_arguments(definition: Definition, walls: Walls) -> dict[str, Any]:
    """Return those arguments of `CellRunner` that are the same on every machine."""
    s = definition.settings
    return {
        "setup": definition.setup, "target": definition.target, "metric": definition.metric, "budget": s.budget, "seed": s.seed,
        "mode": "fresh" if s.fresh else "auto", "setup_name": definition.setup_path.stem if definition.setup_path else "",
        "valid": s.valid, "wall": s.clock == "wall", "artifacts": s.artifacts, "also": s.also, "walls": walls,
        "sealed": definition.sealed, "holdout": s.holdout,
    }  # fmt: skip


def command_arguments(definition: Definition, walls: Walls) -> dict[str, Any]:
    """Return those arguments of `CommandRunner` that are the same on every machine."""
    s = definition.settings
    return {
        "verify": s.verify, "metric": definition.metric,
        "guard": GuardCommand(s.guard, s.as_guard_metric(), s.guard_threshold or 0.0) if s.guard else None,
        "seed": s.seed, "valid": s.valid, "artifacts": s.artifacts, "hide": s.hide, "also": s.also, "walls": walls,
        "stages": [stage.command for stage in s.as_stages()],
    }  # fmt: skip
