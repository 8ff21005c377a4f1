"""The studies of this process. The only global state there is."""

from __future__ import annotations

import atexit
import threading
from pathlib import Path
from typing import Protocol


class Registered(Protocol):
    """What the registry knows of a study."""

    name: str
    folder: Path

    @property
    def state(self) -> str:
        """Where it stands."""
        ...

    @property
    def active(self) -> bool:
        """Whether it is at work, or waits paused."""
        ...

    def stop(self, wait: bool = True) -> object:
        """End it now."""
        ...


_studies: dict[Path, Registered] = {}
lock = threading.RLock()
"""Held while a study is started, so that two cannot be at once."""


def register(study: Registered) -> None:
    """Make a study the last one that was started or opened."""
    with lock:
        _studies.pop(study.folder, None)
        _studies[study.folder] = study


def known(folder: Path) -> Registered | None:
    """Return this process's study of a folder, if there is one."""
    return _studies.get(folder)


def running() -> Registered | None:
    """Return the study that is at work in this process, if there is one."""
    return next((study for study in list(_studies.values()) if study.active), None)


def latest() -> Registered | None:
    """Return the one at work, else the one that was registered last."""
    with lock:
        return running() or next(reversed(_studies.values()), None)


@atexit.register
def _stop_all() -> None:
    """See that a process that ends leaves no experiment behind."""
    for study in list(_studies.values()):
        study.stop()
