"""Recorded studies to replay: their folder, the speed, the journal and the settings."""

from __future__ import annotations

import math
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ..errors import UserError
from .folders import ROOT, study_names
from .journal import Journal
from .scratch import scratch_folder

SPEED = 10.0
"""Recorded seconds per second, by default."""

_SPEED = re.compile(r"(\d+(?:\.\d+)?)x?", re.IGNORECASE)


def parse_replay(argument: str, root: str | Path = ROOT) -> tuple[Path, float]:
    """Parse the argument of the agent ``replay:STUDY``.

    Parameters
    ----------
    argument : str
        ``STUDY`` or ``STUDY@SPEED``. A study is its name in `root` or the path of its folder, a speed is ``20x`` or ``max``.
    root : str or Path

    Returns
    -------
    folder : Path
        The recorded study's.
    speed : float
        Recorded seconds per second; `math.inf` for ``max``.

    Raises
    ------
    UserError
        When there is no such study, or the speed is not valid.
    """
    argument = argument.strip()
    study, at, word = argument.rpartition("@")
    # A path may contain an '@', so the whole argument is tried first.
    if not at or _folder(argument, root) is not None:
        study, word = argument, f"{SPEED}x"
    speed = _speed(word)
    folder = _folder(study, root)
    if folder is None:
        there = ", ".join(study_names(root)) or "none"
        wrong = f"There is no study {study!r} to replay" if study else "Name the study to replay, as replay:STUDY[@20x]"
        raise UserError(f"{wrong}: there is {there} in {root}.")
    return folder, speed


def _folder(study: str, root: str | Path) -> Path | None:
    if not study:
        return None
    places = (Path(root) / study, Path(study).expanduser())
    return next((place.absolute() for place in places if (place / "journal.sqlite").is_file()), None)


def _speed(word: str) -> float:
    if word.strip().lower() == "max":
        return math.inf
    found = _SPEED.fullmatch(word.strip())
    if found is None or not 0 < float(found[1]) < math.inf:
        raise UserError(f"The replay speed {word!r} is not valid: write @20x, or @max for no waiting.")
    return float(found[1])


@contextmanager
def open_record(folder: Path) -> Iterator[Journal]:
    """Open the journal of a recorded study for reading.

    SQLite writes files beside the journal even to read it. Where the folder is read-only, as one shared with a class may be,
    a copy is read.
    """
    if os.access(folder, os.W_OK) and os.access(folder / "journal.sqlite", os.W_OK):
        with Journal(folder / "journal.sqlite") as journal:
            yield journal
        return
    with scratch_folder("replay") as copy:
        for path in folder.glob("journal.sqlite*"):
            if not path.name.endswith("-shm"):  # an index of the -wal file, which SQLite rebuilds
                shutil.copyfile(path, Path(copy, path.name))
        with Journal(Path(copy, "journal.sqlite")) as journal:
            yield journal


def recorded_settings(agent: str, root: str | Path) -> dict[str, Any]:
    """Return the settings of the study that an agent replays, as defaults for the new study.

    Empty for any agent but ``replay:...``. Without them a replay would ask for runs that were not recorded, such as more repeats
    or another metric.
    """
    name, _, argument = agent.partition(":")
    if name != "replay":
        return {}
    folder, _ = parse_replay(argument, root)
    with open_record(folder) as journal:
        recorded = journal.get("settings") or {}
    return {
        key: recorded[key]
        for key in (
            "metric",
            "minimize",
            "budget",
            "repeats",
            "statistic",
            "min_delta",
            "experiments",
            "also",
            "limit",
            "holdout",
            "stage",
            "judge",
        )
        if key in recorded
    }
