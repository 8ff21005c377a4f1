"""The check of what confines experiments on this machine."""

from __future__ import annotations

import platform

from ...runners.walls import Walls, probe
from ...runners.walls.words import NAMES, in_force, open_sides, refusal
from .check import Check


def check_walls() -> Check:
    """Try every layer in a process of its own, and say what they confine together."""
    found, system = probe(), platform.system()
    layers = [layer for layer, why in found.items() if not why]
    missing = {layer: why for layer, why in found.items() if why and not why.endswith("only")}
    line = in_force(Walls(), layers).removeprefix("Sandbox: ").removesuffix(".").replace(". E", ": e")
    if missing:
        line += f" (without {', '.join(f'{NAMES[layer]}: {why}' for layer, why in missing.items())})"
    if not open_sides(Walls(), layers):
        return Check("walls", "ok", line)
    strict = refusal(Walls(sandbox="strict"), layers, found, system)
    _, _, need = strict.partition("it needs ")
    return Check("walls", "warn", line, f"for more it needs {need.partition(', or --sandbox auto')[0]}")
