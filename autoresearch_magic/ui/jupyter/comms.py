"""What our comms share: they answer in the thread in which they are asked."""

from __future__ import annotations

from typing import Any


def answer_in_asking_thread(comm: Any) -> None:
    """Let a comm answer in the thread in which the front end asks.

    JupyterLab 4.4 and later ask in a separate subshell, which can answer while a cell is running. But ipykernel from 7.4 on
    routes requests to the thread that last used the comm, which is the main one, and busy.
    """
    if hasattr(comm, "_reply_subshell_for"):
        comm._reply_subshell_for = lambda data, default: default
