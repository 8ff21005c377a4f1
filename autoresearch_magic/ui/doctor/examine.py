"""Run all checks of the doctor. Each one tries the real thing; none of them guesses.

Nothing leaves the machine and nothing is left behind. Of an API key only its presence and its form are checked. What is slow
to import, or could start a GPU, is imported in a separate process. Not here: how the checks are shown (`replies`).
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from ...errors import UserError
from .check import ELSEWHERE, Check
from .machine import check_cores, check_disk, check_folder, check_git, check_python, check_sockets
from .packages import (
    CLAUDE,
    OPENAI,
    PACKAGES_SCRIPT,
    TORCH_SCRIPT,
    Probe,
    check_notebook,
    check_programs,
    check_torch,
    check_trackers,
    check_vendor,
)
from .studies import check_strays, check_studies, check_worker
from .walls import check_walls

Show = Callable[[float, str], object]
"""Is called with the share that is done, 0 to 1, and the name of the check that begins."""


def examine(root: str | Path, show: Show | None = None) -> list[Check]:
    """Check this machine and the folder of studies.

    Parameters
    ----------
    root : str or Path
        The folder that holds the studies; it need not exist, and is not created.
    show : callable, optional
        Shows progress.

    Returns
    -------
    list of Check
        Always the same names in the same order.
    """
    folder = Path(root).absolute()
    torch, packages = Probe(TORCH_SCRIPT), Probe(PACKAGES_SCRIPT)  # started first, because they take seconds
    examined: tuple[tuple[str, Callable[[], Check], str], ...] = (
        ("python", check_python, "install Python 3.11 or later"),
        ("cores", check_cores, "look at  uptime"),
        (
            "git",
            check_git,
            "make sure that git can create a repository and commit in the folder for temporary files (TMPDIR)",
        ),
        ("folder", lambda: check_folder(folder), f"make {folder} writable, or {ELSEWHERE}"),
        ("disk", lambda: check_disk(folder), f"make room, or {ELSEWHERE}"),
        ("sockets", check_sockets, "set TMPDIR to a folder of a local disk"),
        ("worker", check_worker, "restart Python, and make sure that autoresearch_magic is installed in it"),
        ("walls", check_walls, "look at docs/security.md"),
        ("studies", lambda: check_studies(folder), f"make sure that {folder} can be read"),
        ("strays", check_strays, "look at  ps aux"),
        ("notebook", lambda: check_notebook(packages.answer()), "pip install --force-reinstall anywidget ipywidgets"),
        ("torch", lambda: check_torch(torch.answer()), "pip install --force-reinstall torch"),
        ("claude", lambda: check_vendor(CLAUDE, packages.answer()), CLAUDE.remedy),
        ("openai", lambda: check_vendor(OPENAI, packages.answer()), OPENAI.remedy),
        ("command", check_programs, "check PATH"),
        ("trackers", check_trackers, "look at docs/tracking.md"),
    )
    checks = []
    try:
        for n, (name, check, remedy) in enumerate(examined):
            if show is not None:
                show(n / len(examined), name)
            try:
                found = check()
            except Exception as error:  # it would fail a study too; the other checks still run
                found = Check(name, "bad", _line(error), remedy)
            checks.append(found)
        if show is not None:
            show(1.0, "done")
    finally:
        torch.close()
        packages.close()
    return checks


def _line(error: BaseException) -> str:
    """Return an error as one line, with its type unless it is written for users."""
    text = " ".join(str(error).split())[:300]
    return text if isinstance(error, UserError) else f"{type(error).__name__}: {text}".removesuffix(": ")
