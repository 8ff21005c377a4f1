"""The log of a run, read back when the run has ended."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from ...keys.redact import cleaned_bytes
from ...storage.logs import log_bytes
from ...storage.scratch import scratch_folder

MOST = 2**23
"""Bytes of a file that are read for keys, above what a log of a run may have."""


@contextmanager
def readable_log(log: str) -> Iterator[Path]:
    """Give the path of a run's log, or of a temporary file where the run is to have none; however the run ends, its log is without keys."""
    if log != os.devnull:
        try:
            yield Path(log)
        except BaseException:  # it is not read then
            clean_file(Path(log))
            raise
        return
    with scratch_folder() as folder:
        yield folder / "output.log"


def output_of(result: dict[str, Any], path: Path) -> str:
    """Return what a run has printed: its log or, where that could not be kept, what came with the result."""
    if (printed := result.pop("printed", None)) is not None:
        return str(printed)
    try:
        if path.is_file() and not path.is_symlink():
            return read_log(path)
    except OSError:  # deleted in this moment, by what a run has left behind
        pass
    return str(result.get("output", ""))


def read_log(path: Path) -> str:
    """Return a log as it was printed, without keys.

    The worker that wrote it has taken out what looks like a key; the values of this process's keys it does not know, as they would be in
    the memory of its forks then. Not `read_text`, which turns carriage returns into line ends: of a progress bar, only the last state counts.
    """
    clean_file(path)
    return path.read_bytes().decode("utf-8", "replace")


def read_kept_log(path: Path) -> str:
    """Return the log of a run of any age, without keys, as a file or from an archive; empty where there is none."""
    with suppress(OSError):
        return read_log(path)
    return cleaned_bytes(log_bytes(path) or b"").decode("utf-8", "replace")


def clean_file(path: Path) -> None:
    """Take keys out of a file of output, in place: a process may still hold it open to add to it."""
    with suppress(OSError), path.open("r+b") as file:
        data = file.read(MOST)
        if (clean := cleaned_bytes(data)) != data:
            rest = file.read()
            file.seek(0)
            file.write(clean + rest)
            file.truncate()
