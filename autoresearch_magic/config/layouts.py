"""Layouts that are known by their files, so that a program.md alone is enough to start.

The original autoresearch's repository first: what its program.md leaves to its reader, said as settings.

It has a ``program.md`` in prose, a ``train.py`` that experiments change, a frozen ``prepare.py``, and a training run of a fixed
time that prints ``val_bpb:``. Its own words are: run it, read the value off the log, kill what takes ten minutes.
"""

from __future__ import annotations

import shlex
import shutil
from pathlib import Path
from typing import Any

FILES = ("program.md", "prepare.py", "train.py")
LIMIT = "10m"


LAB = ("train/train.py", "train/prepare.py")


def lab_files(folder: Path) -> tuple[Path, Path] | None:
    """Return target and setup of a lab: ``train/train.py`` and ``train/prepare.py`` below a program; None where they are not.

    Parameters
    ----------
    folder : Path
        Where the program is.
    """
    target, setup = (folder / name for name in LAB)
    return (target, setup) if target.is_file() and setup.is_file() else None


def original_settings(folder: Path) -> dict[str, Any]:
    """Return the settings for a folder of the original's layout; none for any other folder.

    The command is ``uv run train.py`` where the folder is a project of uv's and uv is there, else ``python train.py`` with the
    folder's own environment where it has one.

    Parameters
    ----------
    folder : Path
    """
    if not all((folder / name).is_file() for name in FILES):
        return {}
    command = "python train.py"
    if (folder / "uv.lock").is_file() and shutil.which("uv"):
        command = "uv run train.py"
    elif (python := folder / ".venv" / "bin" / "python").exists():
        command = f"{shlex.quote(str(python))} train.py"
    return {
        "repo": str(folder), "scope": "train.py", "verify": command, "metric": "val_bpb", "minimize": True, "timeout": LIMIT,
    }  # fmt: skip
