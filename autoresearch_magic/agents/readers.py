"""Which agents read what the user tells them while a study runs: notes and ideas."""

from __future__ import annotations

from .me import NAME as ME

OFFLINE = ("tuner", "replay", "recorded")
"""Agents that read nothing."""


def reads_nothing(agent: str, what: str = "notes") -> str:
    """Return why an agent reads no notes or ideas, in one line without a full stop; empty where it reads them.

    A hybrid reads them for its part that is a language model.

    Parameters
    ----------
    agent : str
        As in ``--agent``.
    what : str
    """
    return f"{agent} reads no {what}: a language model does (--agent)" if agent.partition(":")[0] in OFFLINE else ""


def told_when(agent: str) -> str:
    """Return when an agent that reads notes is told of a new one, in one sentence."""
    if agent == ME:
        return "every briefing has it from now on."
    return f"{agent} reads it when it is asked for the next proposal."
