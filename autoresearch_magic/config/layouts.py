"""Folder layouts that are recognised by their files, so that a program.md alone is enough to start a study.

Two are known: the original autoresearch repository (`original_settings`), and a lab with its code in ``train/`` (`lab_files`).
"""

from __future__ import annotations

import os
import re
import shutil
import sys
from pathlib import Path
from typing import Any

from ..runners.tools import Tools, lacking_modules
from ..source.edits import imported_modules

ORIGINAL = ("program.md", "prepare.py", "train.py")
COMMANDS = ("python train.py", "uv run train.py")
"""What the layout runs, without and with uv."""

WITHOUT_CHECKS = "python -u train.py"
"""The same as a command of the user's own."""

TIMEOUT = "10m"
"""The original's program.md asks to kill runs that take longer."""

GPU_FILES = ("/dev/nvidia[0-9]*", "/dev/kfd", "/dev/dxg")
"""The drivers' files: NVIDIA's, AMD's (a ROCm build of torch says cuda as well), and that of WSL."""

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
    otherwise ``python train.py``, for which a ``.venv`` of the repository comes first. See `missing_for_original` for what else it needs.
    """
    if not all((folder / name).is_file() for name in ORIGINAL):
        return {}
    command = COMMANDS[bool((folder / "uv.lock").is_file() and shutil.which("uv"))]
    return {
        "repo": str(folder), "scope": "train.py", "verify": command, "metric": "val_bpb", "minimize": True, "timeout": TIMEOUT,
    }  # fmt: skip


def missing_for_original(folder: Path, command: str, tools: Tools) -> list[str]:
    """Return what a study of the original's layout lacks: each a line that says what it is and what to run.

    Judged by the code, because the layout is also used with other data and on other machines: uv or the modules that ``train.py``
    imports, the data and the tokenizer that ``prepare.py`` keeps in ``~/.cache/autoresearch``, and a CUDA GPU where the code
    takes one for granted. Empty for another layout, and for a command of the user's own, who knows what the code needs.

    Parameters
    ----------
    folder : Path
    command : str
        The verify command.
    tools : Tools
        What it would run with.
    """
    if command not in COMMANDS or not all((folder / name).is_file() for name in ORIGINAL):
        return []
    prepare, train = ((folder / name).read_text(encoding="utf-8", errors="replace") for name in ORIGINAL[1:])
    uv = "uv run" in command
    lacking = [
        *_missing_modules(folder, prepare, train, uv, tools),
        *_missing_data(prepare, uv or (folder / "uv.lock").is_file()),
        *_missing_gpu(prepare + train),
    ]
    # Text is no proof of what the code needs.
    return (
        [*lacking, f"To run it all the same, give the command yourself: --verify '{WITHOUT_CHECKS}'"] if lacking else []
    )


def _missing_modules(folder: Path, prepare: str, train: str, uv: bool, tools: Tools) -> list[str]:
    path = tools.environment.get("PATH")
    if uv:
        return (
            []
            if shutil.which("uv", path=path)
            else [f"uv is not installed, which the command calls: {_install_uv(path)}"]
        )
    names = [name.partition(".")[0] for name in imported_modules(train) + imported_modules(prepare)]
    third_party = [
        name for name in dict.fromkeys(names)
        if name not in sys.stdlib_module_names and not (folder / f"{name}.py").exists() and not (folder / name).exists()
    ]  # fmt: skip
    lacking = lacking_modules(tools, third_party)
    if not lacking:
        return []
    what = f"{tools.python or 'python'} lacks {', '.join(lacking)}"
    if (folder / "uv.lock").is_file() or (folder / "pyproject.toml").is_file():
        return [f"uv is not installed, and {what}: {_install_uv(path)}; then  uv sync  in {folder}"]
    return [f"{what}: run  {tools.python or 'python'} -m pip install {' '.join(lacking)}"]


def _install_uv(path: str | None) -> str:
    places = [Path.home() / ".local" / "bin", Path.home() / ".cargo" / "bin"]
    if found := next((place for place in places if os.access(place / "uv", os.X_OK)), None):
        return f"it is in {found}, which is not in PATH: run  export PATH={found}:$PATH  and start again"
    return "run  pip install uv"


def _missing_data(prepare: str, uv: bool) -> list[str]:
    if not re.search(r"""\.cache["']?\s*[,/]\s*["']?autoresearch\b""", prepare):
        return []
    cache = Path.home() / ".cache" / "autoresearch"
    lacking = []
    if re.search(r"ParquetFile|read_parquet|load_dataset", prepare) and not any((cache / "data").glob("*.parquet")):
        lacking.append("data")
    files = [name for name in ("tokenizer.pkl", "token_bytes.pt") if name in prepare]
    if any(not (cache / "tokenizer" / name).exists() for name in files):
        lacking.append("tokenizer")
    if not lacking:
        return []
    what = " and ".join(lacking)
    return [f"The {what} {'are' if len(lacking) > 1 or lacking == ['data'] else 'is'} not prepared ({cache}): run  "
            f"{'uv run' if uv else 'python'} prepare.py  once, which downloads and trains for some minutes"]  # fmt: skip


def _missing_gpu(code: str) -> list[str]:
    if not re.search(r"""["']cuda["']|torch\.cuda\.get_device""", code) or "is_available" in code:
        return []
    advice = "run the study on a machine with one, or change train.py and prepare.py to another device and commit that"
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    if visible is not None and visible.strip() in ("", "-1"):
        return [
            "CUDA_VISIBLE_DEVICES hides every GPU, and train.py needs one: run  unset CUDA_VISIBLE_DEVICES  and start again"
        ]
    if any(any(place.parent.glob(place.name)) for place in map(Path, GPU_FILES)):
        return []
    return [f"There is no CUDA GPU, and train.py needs one: {advice}"]
