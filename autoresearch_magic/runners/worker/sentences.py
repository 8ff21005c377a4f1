"""What is told of a worker in sentences: how it has ended, what it cannot share with experiments, what is not installed."""

from __future__ import annotations

import signal


def ended_how(code: int) -> str:
    """Say how a worker has ended, as the predicate of a sentence; `code` is negative for a signal."""
    if code >= 0:
        return f"ended with exit code {code}"
    try:
        return f"was killed by {signal.Signals(-code).name}"
    except ValueError:  # a real-time signal
        return f"was killed by signal {-code}"


def not_in_forks(left_open: list[str]) -> str:
    """Say what of a setup experiments cannot use; `left_open` describes each thing."""
    return (
        f"The setup has left open what experiments, which are forks of its process, cannot share: {_listed(left_open)}. Open it in a "
        "function that the target or the metric calls, or add --fresh, which runs the setup for every experiment."
    )


def written_in_copies(names: list[str]) -> str:
    """Say which files, that the setup has opened for writing, experiments write to in copies."""
    return f"What experiments write to a file that the setup has left open stays with them: each has its own copy of {_listed(names)}."


def _listed(things: list[str]) -> str:
    return ", ".join(things[:6]) + (f" and {len(things) - 6} more" if len(things) > 6 else "")


def missing_module(name: str, where: str) -> str:
    """Say which module is not installed and how to install it; `where` is ``"setup"`` or ``"target"``."""
    return f"{name} is not installed, and the {where} imports it: run  %pip install {name.partition('.')[0]}  and start again."
