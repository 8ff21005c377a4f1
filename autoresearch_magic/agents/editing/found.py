"""Which coding agents are on this machine, and in which versions."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from ...errors import UserError
from ...storage.scratch import scratch_folder
from ..environment import agent_environment
from ..processes import last_line, run_program
from .adapters import Adapter

PATIENCE = 6.0
"""Seconds in which a program must tell its version."""

MOST_OUTPUT = 2**16
"""Bytes that it may print for that."""

_VERSION = re.compile(r"\d+(?:\.\d+)+[\w.+-]*")


@dataclass(frozen=True)
class Found:
    """A coding agent on this machine.

    Attributes
    ----------
    path : str
        Where its program is; empty when there is none.
    version : str
        Its version; empty when it does not tell.
    problem : str
        Why there is no program, or no version; in one line, without a full stop.
    """

    path: str = ""
    version: str = ""
    problem: str = ""


def find_all(adapters: Iterable[Adapter], patience: float = PATIENCE) -> Mapping[str, Found]:
    """Look for coding agents and ask all at once for their versions, in a folder and with an environment that hold nothing of the user's.

    Parameters
    ----------
    adapters : iterable of Adapter
    patience : float
        Seconds in which each must tell its version; it is ended then.
    """
    adapters = list(adapters)
    with scratch_folder("versions") as folder, ThreadPoolExecutor(len(adapters) or 1) as pool:
        found = pool.map(lambda adapter: _find(adapter, folder, patience), adapters)
        return {adapter.name: each for adapter, each in zip(adapters, found, strict=True)}


def _find(adapter: Adapter, folder: Path, patience: float) -> Found:
    try:
        path = adapter.path()
    except UserError as error:
        return Found(problem=str(error).rstrip("."))
    try:
        ending = run_program(
            [path, *adapter.version], text="", folder=folder, env=agent_environment() | dict(adapter.variables),
            deadline=patience, wait=lambda seconds, reason: None, most_output=MOST_OUTPUT,
        )  # fmt: skip
    except UserError as error:
        return Found(path, problem=str(error).rstrip("."))
    told = _VERSION.search(ending.output) or _VERSION.search(ending.errors)
    if told and not ending.code and not ending.cut:
        return Found(path, told[0])
    if ending.cut == "deadline":
        return Found(path, problem=f"no version within {patience:g} s")
    said = last_line(ending.errors) or last_line(ending.output)
    return Found(path, problem=f"no version{': ' + said if said else ''}".rstrip(" ."))
