"""The result of one of the doctor's checks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

ELSEWHERE = "keep the studies elsewhere: --root FOLDER on the command line, Study(..., root=FOLDER) in Python"
"""A remedy for a folder of studies that cannot be used."""


@dataclass(frozen=True)
class Check:
    """The result of one check.

    Attributes
    ----------
    name : str
    state : {"ok", "warn", "bad"}
        ``bad``: a study cannot run. ``warn``: it can, but something is missing or in poor condition.
    found : str
        One line: what was found.
    remedy : str
        One line: what to do. Never empty for ``warn`` and ``bad``; a hint, or empty, for ``ok``.
    """

    name: str
    state: Literal["ok", "warn", "bad"]
    found: str
    remedy: str = ""
