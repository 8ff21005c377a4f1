"""Folder layouts that are recognised by their files, so that a program.md alone is enough to start a study.

Two are known: the original autoresearch repository (`original_settings`), and a lab with its code in ``train/`` (`lab_files`).
"""

from __future__ import annotations

import shlex
import shutil
from pathlib import Path
from typing import Any

ORIGINAL = ("program.md", "prepare.py", "train.py")
TIMEOUT = "10m"
"""The original's program.md asks to kill runs that take longer."""

LAB = ("train/train.py", "train/prepare.py")


def lab_files(folder: Path) -> tuple[Path, Path] | None:
    """Return the paths of a lab's target and setup, ``train/train.py`` and ``train/prepare.py``; None when one is missing.

    Parameters
    ----------
    folder : Path
        The program's folder.
    """
    target, setup = (folder / name for name in LAB)
    return (target, setup) if target.is_file() and setup.is_file() else None


def original_settings(folder: Path) -> dict[str, Any]:
    """Return the settings for a folder with the original autoresearch's layout; empty for any other folder.

    That layout has a ``program.md`` in prose, a ``train.py`` that experiments change, a frozen ``prepare.py``, and a training
    run of fixed length that prints ``val_bpb:``. The command is ``uv run train.py`` for a uv project where uv is installed, and
    otherwise ``python train.py``, with the folder's ``.venv`` where there is one.
    """
    if not all((folder / name).is_file() for name in ORIGINAL):
        return {}
    command = "python train.py"
    if (folder / "uv.lock").is_file() and shutil.which("uv"):
        command = "uv run train.py"
    elif (python := folder / ".venv" / "bin" / "python").exists():
        command = f"{shlex.quote(str(python))} train.py"
    return {
        "repo": str(folder), "scope": "train.py", "verify": command, "metric": "val_bpb", "minimize": True, "timeout": TIMEOUT,
    }  # fmt: skip
