"""How much of each limit a study has used, and where it is heading."""

from __future__ import annotations

from dataclasses import dataclass

from ..experiment import Usage
from .status import StudyStatus

LEAST = 3
"""Experiments from which a forecast is made."""


@dataclass(frozen=True)
class Used:
    """One thing that a study uses.

    Attributes
    ----------
    name : {"experiments", "time", "cost", "tokens", "patience"}
        Time is in seconds, cost in US dollars; patience counts the experiments since the last keep.
    used : float or None
        None where it is not known: an agent may not say what it costs.
    limit : float or None
        None where there is none.
    forecast : float or None
        What will be used when all planned experiments are made, at the mean so far; None where that would be a guess.
    """

    name: str
    used: float | None
    limit: float | None = None
    forecast: float | None = None


def limits_used(status: StudyStatus) -> list[Used]:
    """Return what a study has used of each limit, also of what has none; without what it never uses.

    A forecast is linear: time, cost and tokens of an experiment so far, times the experiments that are planned. It is made while the
    study is not at its end and has made a few experiments.
    """
    s, usage, done = status.settings, status.usage, status.done
    planned = s.planned
    left = max(0, planned - done) if planned else 0
    scale = 1 + left / done if left and done >= LEAST and status.headline is None else None
    rows = [Used("experiments", done, planned or None)]
    rows.append(Used("time", status.elapsed, s.time_limit, status.elapsed * scale if scale else None))
    if usage.calls or s.max_cost is not None:
        cost = usage.cost
        rows.append(Used("cost", cost, s.max_cost, cost * scale if scale and cost is not None else None))
    if usage.tokens or s.max_tokens is not None:
        rows.append(Used("tokens", usage.tokens, s.max_tokens, usage.tokens * scale if scale else None))
    if s.patience is not None and status.incumbent is not None:
        since = sum(e.ran for e in status.experiments[status.incumbent.number + 1 :])
        rows.append(Used("patience", since, s.patience))
    return rows


def used_by_agent(status: StudyStatus) -> dict[str, tuple[int, int, Usage]]:
    """Return for each agent that has proposed: its experiments, those kept of them, and what it has used."""
    found: dict[str, tuple[int, int, Usage]] = {}
    for e in status.experiments[1:]:
        tried, kept, usage = found.get(e.proposal.agent, (0, 0, Usage()))
        found[e.proposal.agent] = tried + 1, kept + e.kept, usage + e.proposal.usage
    return found
