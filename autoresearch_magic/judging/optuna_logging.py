"""Silence Optuna's log, which has a line for each study that is created."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

_verbosity_lock = threading.Lock()  # Optuna's verbosity is global to the process


@contextmanager
def quiet_optuna() -> Iterator[None]:
    """Silence Optuna's log within a block, then restore its verbosity, which the user's own studies rely on."""
    import optuna

    with _verbosity_lock:
        level = optuna.logging.get_verbosity()
        optuna.logging.set_verbosity(optuna.logging.ERROR)
        try:
            yield
        finally:
            optuna.logging.set_verbosity(level)
