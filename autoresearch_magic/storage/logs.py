"""The logs of a study's runs: files of their own while they are new, then in archives of `BLOCK` experiments.

``logs/0007.log`` has the output of the first run of experiment 7. Once a few hundred experiments came after it, it is in
``logs/0000-0249.zip`` under the same name. `log_bytes` finds it in either place. An archive is written beside the old one and takes its
place as a whole, and only then the files that are in it are deleted; so a kill in between loses nothing.
"""

from __future__ import annotations

import os
import re
import zipfile
from collections.abc import Collection
from contextlib import suppress
from pathlib import Path

from ..events import RunKind
from ..keys.redact import cleaned_bytes

FOLDER = "logs"
BLOCK = 250
"""Experiments whose logs share an archive."""
NEWEST = 50
"""Experiments whose logs stay files: those are looked at."""
MOST = 2**26
"""Bytes of a log in an archive: far more than a run may print, so a larger one was not written here."""

_LOG = re.compile(r"(\d{4,})(-[a-z]*\d*)?\.log")


def log_path(folder: Path, number: int, kind: RunKind, repeat: int) -> Path:
    """Return where the output of a run is in a study's folder: ``logs/0007.log`` for the first run of experiment 7."""
    suffix = (
        f"-{kind}{repeat + 1}" if kind in ("control", "final", "trial", "stage") else f"-{repeat + 1}" if repeat else ""
    )
    return folder / FOLDER / f"{number:04d}{suffix}.log"


def guard_log_path(folder: Path, number: int) -> Path:
    """Return where the output of the guard for an experiment is in a study's folder."""
    return folder / FOLDER / f"{number:04d}-guard.log"


def archive_of(path: Path) -> Path | None:
    """Return the archive that a run's log is in when it is no file any more; None for other files."""
    if (found := _LOG.fullmatch(path.name)) is None:
        return None
    first = int(found[1]) // BLOCK * BLOCK
    return path.with_name(f"{first:04d}-{first + BLOCK - 1:04d}.zip")


def log_bytes(path: Path) -> bytes | None:
    """Return the content of a log, wherever it is; None where there is none."""
    for _ in range(2):  # it may be put into its archive between the two looks
        with suppress(OSError):
            return path.read_bytes()
        archive = archive_of(path)
        if archive is None:
            return None
        with suppress(OSError, KeyError, zipfile.BadZipFile), zipfile.ZipFile(archive) as opened:
            return opened.read(path.name) if opened.getinfo(path.name).file_size <= MOST else None
    return None


def archive_logs(folder: Path, experiments: int, open_logs: Collection[str] = ()) -> int:
    """Put the logs of all but the newest experiments into archives; return how many.

    Parameters
    ----------
    folder : Path
        The study's.
    experiments : int
        How many experiments there are.
    open_logs : collection of str
        Paths of logs that are being written.

    Raises
    ------
    OSError
        When an archive cannot be written; nothing is lost then.
    """
    logs, blocks = folder / FOLDER, dict[Path, list[Path]]()
    open_names = {Path(path).name for path in open_logs}
    for entry in os.scandir(logs):
        found = _LOG.fullmatch(entry.name)
        if found is None or int(found[1]) >= experiments - NEWEST or entry.name in open_names:
            continue
        if entry.is_file(follow_symlinks=False) and (archive := archive_of(Path(entry.path))) is not None:
            blocks.setdefault(archive, []).append(Path(entry.path))
    for archive, paths in sorted(blocks.items()):
        _add(archive, sorted(paths))
    return sum(map(len, blocks.values()))


def _add(archive: Path, paths: list[Path]) -> None:
    """Write an archive anew with further logs, and delete their files."""
    new = archive.with_name(f"{archive.name}.new")
    names = {path.name for path in paths}
    try:
        with zipfile.ZipFile(new, "w", zipfile.ZIP_DEFLATED) as made:
            if archive.is_file():
                with suppress(zipfile.BadZipFile), zipfile.ZipFile(archive) as before:
                    for member in before.infolist():
                        if member.filename not in names and member.file_size <= MOST:
                            made.writestr(member, before.read(member), zipfile.ZIP_DEFLATED)
            for path in paths:
                made.writestr(path.name, cleaned_bytes(path.read_bytes()), zipfile.ZIP_DEFLATED)
        with new.open("rb+") as file:
            os.fsync(file.fileno())
        new.replace(archive)
    finally:
        new.unlink(missing_ok=True)
    for path in paths:
        path.unlink(missing_ok=True)
