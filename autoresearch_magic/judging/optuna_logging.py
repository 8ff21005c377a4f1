"""Silence for a moment: Optuna writes a line for each study that is made."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

_logging = threading.Lock()  # Optuna's verbosity is one for the whole process


@contextmanager
def quiet_optuna() -> Iterator[None]:
    """Silence Optuna's log for a moment; the user's own studies in this process keep theirs."""
    import optuna

    with _logging:
        level = optuna.logging.get_verbosity()
        optuna.logging.set_verbosity(optuna.logging.ERROR)
        try:
            yield
        finally:
            optuna.logging.set_verbosity(level)
