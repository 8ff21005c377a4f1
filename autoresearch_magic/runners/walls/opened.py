"""Which files the user's setup opens by Python: experiments may read them, wherever they are."""

from __future__ import annotations

import builtins
import io
import os
from collections.abc import Iterator
from typing import Any

MOST = 20_000
"""Most paths that are remembered."""


class Opened:
    """Notes the paths that are opened for reading while it is active, as a context manager.

    A library that opens files in C (HDF5, Arrow) is not seen: ``--allow-read`` is for those. An audit hook would see no more of them, and
    would stay in every experiment for ever, at half a microsecond for each ``id`` of an object.
    """

    def __init__(self) -> None:
        self._paths: dict[str, None] = {}
        self._before: tuple[Any, Any, Any] | None = None

    def __iter__(self) -> Iterator[str]:
        return iter(list(self._paths))

    def _note(self, path: object) -> None:
        if isinstance(path, (str, bytes, os.PathLike)) and len(self._paths) < MOST:
            try:
                self._paths[os.path.abspath(os.fsdecode(path))] = None
            except (OSError, ValueError, TypeError):  # no such working folder, or no path
                pass

    def __enter__(self) -> Opened:
        self._before = builtins.open, io.open, os.open
        text_open, low_open, note = builtins.open, os.open, self._note

        def noting_open(file: Any, *arguments: Any, **options: Any) -> Any:
            note(file)
            return text_open(file, *arguments, **options)

        def noting_low_open(path: Any, *arguments: Any, **options: Any) -> int:
            if options.get("dir_fd") is None:
                note(path)
            return low_open(path, *arguments, **options)

        builtins.open = io.open = noting_open
        os.open = noting_low_open
        return self

    def __exit__(self, *_: object) -> None:
        if self._before is not None:
            builtins.open, io.open, os.open = self._before
