"""The log of a run, read back when the run has ended."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ...storage.scratch import scratch_folder


@contextmanager
def readable_log(log: str) -> Iterator[Path]:
    """Give the path of a run's log, or of a temporary file where the run is to have none."""
    if log != os.devnull:
        yield Path(log)
        return
    with scratch_folder() as folder:
        yield folder / "output.log"


def read_log(path: Path) -> str:
    """Return a log as it was printed.

    Not `read_text`, which turns carriage returns into line ends: of a progress bar, only the last state counts.
    """
    return path.read_bytes().decode("utf-8", "replace")
