"""Reading of a file that a run may have put anything in the place of: a named pipe, a device, a terabyte of nothing."""

from __future__ import annotations

import os
import stat
from pathlib import Path

LARGEST = 1 << 26
"""Bytes of the largest file that is read."""


def read_result_file(path: Path, folder: Path | None = None) -> tuple[str, float]:
    """Return the text of a regular file and the time of its last change; never waits, as for a named pipe that nobody writes to.

    Parameters
    ----------
    path : Path
    folder : Path, optional
        Where the file has to lie, also where it is a link: what a run points to elsewhere is not what it wrote.

    Raises
    ------
    OSError
    ValueError
        When it is no regular file, too large, or a link to another place.
    """
    if folder is not None and not os.path.realpath(path).startswith(os.path.realpath(folder) + os.sep):
        raise ValueError("it is a link that leads out of the folder")
    with open(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC), "rb") as file:
        found = os.fstat(file.fileno())
        if not stat.S_ISREG(found.st_mode):
            raise ValueError("it is no regular file")
        if folder is not None and found.st_nlink > 1:
            raise ValueError("it has another name elsewhere")
        data = file.read(LARGEST + 1) if found.st_size <= LARGEST else b""
    if found.st_size > LARGEST or len(data) > LARGEST:
        raise ValueError(f"it has more than {LARGEST:,} bytes")
    return data.decode("utf-8", "replace"), found.st_mtime
