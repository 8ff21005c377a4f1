"""The file of a run's log, kept where it belongs whatever a run does to it: deletes it or its folder, or puts something else there.

What was written stays in the file that was opened. At the end it is written again where its path names another one; where that is
not possible, the output goes to the kernel with the result, so that a number that was printed still counts.
"""

from __future__ import annotations

import io
import os
import tempfile
from pathlib import Path
from typing import BinaryIO


def open_log(path: str) -> tuple[BinaryIO, str]:
    """Open a new file for a log; return it, and why it is not at its place (empty where it is)."""
    try:
        return _create(path), ""
    except OSError as error:
        why = f"{error.strerror or error}"
    try:
        return tempfile.TemporaryFile("w+b", buffering=0), why
    except OSError:
        return io.BytesIO(), why  # what is written is limited


def settle(file: BinaryIO, path: str) -> str:
    """See to it that a path names the file of a log, before that is closed; return why it cannot, empty where it does."""
    try:
        if _names(path, file):
            return ""
        file.seek(0)
        with _create(path) as again:
            again.write(file.read())
    except OSError as error:
        return f"{error.strerror or error}"
    return ""


def _names(path: str, file: BinaryIO) -> bool:
    if path == os.devnull:
        return True
    try:
        there, own = os.lstat(path), os.fstat(file.fileno())
    except (OSError, io.UnsupportedOperation):
        return False
    return (there.st_dev, there.st_ino) == (own.st_dev, own.st_ino)


def _create(path: str) -> BinaryIO:
    """Create a file anew in a folder that is one, without following links: what a run has put there must not lead elsewhere."""
    if path == os.devnull:
        return open(path, "r+b", buffering=0)
    place = Path(path)
    if place.parent.is_symlink():
        place.parent.unlink()
    place.parent.mkdir(parents=True, exist_ok=True)
    place.unlink(missing_ok=True)
    return open(
        os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o644), "w+b", buffering=0
    )
