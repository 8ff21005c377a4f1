"""The sealed code of a study: how it is given, checked, kept beside the journal, and recognised again.

Its text is in one file of the study's folder, which only its owner can read and which no experiment sees; the journal and git know
its hash. No briefing, log or commit has the text.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from ..config.settings import Settings
from ..errors import UserError
from ..runners.output.holdout import NOT_FRESH, parse_holdout
from ..source.edits import check_syntax
from ..source.sealed import defined_names, mark, undefined, used_names
from .sources import read_source

NAME = "sealed.py"
"""The file in a study's folder."""
REPLAY = "replay:"
"""How agents begin that hand out recorded values: nothing is evaluated."""


def read_sealed(given: str | Path, settings: Settings, program: Path | None) -> tuple[str, Path | None]:
    """Return the sealed source and the path of its file: as given, else the file that the settings name.

    Parameters
    ----------
    given : str or Path
        A text or a path (`read_source`); empty for none.
    settings : Settings
    program : Path or None
        The program's file: a relative path in it begins at its folder, or at the working folder.

    Raises
    ------
    UserError
        When it is given twice, or the file is missing or empty.
    """
    if settings.sealed and str(given).strip():
        raise UserError("Both a sealed cell and --sealed FILE: leave one of them out.")
    if not settings.sealed:
        text, path = read_source(given, "sealed code")
        if path is not None and not text.strip():
            raise UserError(f"The sealed code {path} is empty.")
        return text, path
    path = Path(settings.sealed).expanduser()
    beside = program.parent / path if program is not None else path
    text, path = read_source(beside if beside.is_file() else path, "sealed code")
    if not text.strip():
        raise UserError(f"The sealed code {settings.sealed} is empty.")
    return text, path


def check_sealed(sealed: str, setup: str, target: str, settings: Settings) -> None:
    """Check sealed code and holdout against setup and target; nothing is run.

    Raises
    ------
    UserError
        When it is no Python, cannot be kept apart, or shares a name with the target, or when nothing defines a name of the holdout.
    """
    check_syntax(sealed, "sealed code")
    if sealed.strip() and settings.fresh:
        raise UserError(NOT_FRESH)
    if both := sorted(defined_names(sealed) & defined_names(target)):
        raise UserError(
            f"Both the sealed code and the target define {both[0]!r}, and the metric would use the sealed one: rename it in one of them."
        )
    if not settings.holdout or settings.agent.startswith(REPLAY):
        return
    name, expression = parse_holdout(settings.holdout)
    if missing := undefined(expression, setup, sealed, target):
        raise UserError(
            f"--holdout {name} needs {missing[0]!r}, which neither setup, sealed code nor target defines: it would fail at the end."
        )


def holdout_remark(sealed: str, settings: Settings) -> list[str]:
    """Return that targets can read the holdout's data, where nothing of them is sealed."""
    if (
        not settings.holdout
        or settings.agent.startswith(REPLAY)
        or used_names(parse_holdout(settings.holdout)[1]) & defined_names(sealed)
    ):
        return []
    return [
        f"The holdout {parse_holdout(settings.holdout)[0]} uses no name of sealed code, so targets and agents can read its data: define "
        "them below  %%autoresearch setup --sealed  (or in a file, --sealed FILE)."
    ]


def hidden_paths(path: Path | None, folders: Iterable[Path]) -> tuple[str, ...]:
    """Return the files that have the text of sealed code: its own file, and the notebooks of these folders, one of which may hold its cell.

    Parameters
    ----------
    path : Path or None
        The file that the code was read from.
    folders : iterable of Path
        Those that experiments may read.
    """
    notebooks = (
        []
        if path is not None
        else [
            each
            for folder in dict.fromkeys(folders)
            for each in (*folder.glob("*.ipynb"), folder / ".ipynb_checkpoints")
        ]
    )
    return tuple(str(each.absolute()) for each in ([path] if path is not None else notebooks) if each.exists())


def keep(folder: Path, source: str) -> None:
    """Write sealed code into a study's folder, for its owner alone, unless it is there; nothing for none."""
    path = folder / NAME
    if not source.strip() or kept_source(folder) == source:
        return
    new = path.with_name(f"{NAME}.new")
    new.unlink(missing_ok=True)
    with open(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8", newline="") as file:
        file.write(source)
    new.replace(path)


def kept_source(folder: Path) -> str:
    """Return the sealed code of a study's folder; empty where it cannot be read."""
    try:
        return (folder / NAME).read_bytes().decode("utf-8")
    except (OSError, UnicodeDecodeError):
        return ""


def check_kept(source: str, known: str, folder: Path) -> None:
    """Check that sealed code is what a study has begun with.

    Parameters
    ----------
    source : str
    known : str
        The hash in the journal.
    folder : Path
        The study's.

    Raises
    ------
    UserError
    """
    if mark(source) != known:
        what = "has changed" if source else "is gone or cannot be read"
        raise UserError(
            f"The sealed code of {folder.name}, {folder / NAME}, {what}: its values would not compare with those so far. Put it back, or start a new study."
        )
