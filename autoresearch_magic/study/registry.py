"""The studies of this process: the only global state of the package."""

from __future__ import annotations

import atexit
import threading
from pathlib import Path
from typing import Protocol


class Registered(Protocol):
    """What the registry needs of a study."""

    name: str
    folder: Path

    @property
    def state(self) -> str:
        """The state."""
        ...

    @property
    def active(self) -> bool:
        """Whether its thread is working or paused."""
        ...

    def stop(self, wait: bool = True) -> object:
        """End it now."""
        ...


_studies: dict[Path, Registered] = {}
lock = threading.RLock()
"""Held while a study is started, so that two cannot start at once."""


def register(study: Registered) -> None:
    """Record a study as the last one that was started or opened."""
    with lock:
        _studies.pop(study.folder, None)
        _studies[study.folder] = study


def known(folder: Path) -> Registered | None:
    """Return this process's study of a folder, if there is one."""
    return _studies.get(folder)


def running() -> Registered | None:
    """Return the active study of this process, if there is one."""
    return next((study for study in list(_studies.values()) if study.active), None)


def registered() -> list[Registered]:
    """Return the studies that this process has started or opened, the last one at the end."""
    with lock:
        return list(_studies.values())


def latest() -> Registered | None:
    """Return the active study, else the one that was registered last."""
    with lock:
        return running() or next(reversed(_studies.values()), None)


@atexit.register
def _stop_all() -> None:
    """Stop every study, so that a process that ends leaves no experiment running."""
    for study in list(_studies.values()):
        if study.active:  # not one that another process runs
            study.stop()
