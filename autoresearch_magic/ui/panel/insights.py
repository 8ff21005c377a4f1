"""What the tab "Insights" shows: each of its parts is a question of its own, answered from the study's history in a thread.

Answers are columns (lists of equal length), not a dict for each experiment. Computing takes turns with the kernel: one question of a study
is worked on at a time, and `Pace` rests between pieces, so that a thread that waits for the interpreter gets it within
milliseconds. What does not change with the next experiment is kept for each study.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from weakref import WeakKeyDictionary

from ...errors import UserError
from ...judging.analysis.payoff import Changes, find_changes, payoffs
from ...judging.analysis.rates import plateau, wilson
from ...judging.analysis.verdict_history import GROUPS, verdict_history
from ...study.limits_used import limits_used, used_by_agent
from ...study.study import Study
from .answers import Answer, PanelSession, answers

WORK, REST = 0.002, 0.001
"""Seconds of work, and of rest after it."""


class Pace:
    """Rests a little after each piece of work: a thread that computes without a pause holds all others up by 5 ms at each of their steps."""

    def __init__(self) -> None:
        self._since = time.perf_counter()

    def __call__(self) -> None:
        """Rest if there was enough work since the last rest."""
        if time.perf_counter() - self._since > WORK:
            time.sleep(REST)
            self._since = time.perf_counter()


@dataclass
class Memory:
    """What is kept of a study between two questions; whoever works on it holds the lock."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    changes: Changes = field(default_factory=dict)


Part = Callable[[Study, Memory, dict[str, Any]], dict[str, Any] | tuple[dict[str, Any], list[bytes]]]

_parts: dict[str, Part] = {}
_memories: WeakKeyDictionary[Study, Memory] = WeakKeyDictionary()
_opening = threading.Lock()


def part(name: str) -> Callable[[Part], Part]:
    """Register the function that answers for a part of the tab."""

    def register(function: Part) -> Part:
        _parts[name] = function
        return function

    return register


@answers("insights", slow=True)
def insights(session: PanelSession, content: dict[str, Any]) -> Answer:
    """Answer with one part of the tab."""
    name = str(content.get("part"))
    if name not in _parts:
        raise UserError(f"The panel has no insights of {name!r}; there are {', '.join(sorted(_parts))}.")
    with _opening:
        memory = _memories.setdefault(session.study, Memory())
    with memory.lock:
        found = _parts[name](session.study, memory, content)
    columns, buffers = found if isinstance(found, tuple) else (found, [])
    return {"type": "insights", "part": name, **columns}, buffers


@part("kinds")
def kinds(study: Study, memory: Memory, content: dict[str, Any]) -> dict[str, Any]:
    """Return what kinds of change paid off, as columns."""
    experiments, gains = study.experiments, study.status.gains
    rows = payoffs(experiments, find_changes(experiments, memory.changes, Pace()), gains)
    return {
        "kind": [r.kind for r in rows],
        "tried": [r.kept.of for r in rows],
        "kept": [r.kept.hits for r in rows],
        "keptLow": [r.kept.low for r in rows],
        "keptHigh": [r.kept.high for r in rows],
        "proven": [r.proven for r in rows],
        "failed": [r.failed for r in rows],
        "total": [r.total for r in rows],
        "mean": [r.mean for r in rows],
        "low": [r.low for r in rows],
        "high": [r.high for r in rows],
    }


@part("verdicts")
def verdicts(study: Study, memory: Memory, content: dict[str, Any]) -> dict[str, Any]:
    """Return the verdicts by batches, the keep rate with its interval, and whether there is a plateau."""
    experiments = study.experiments
    found = verdict_history(experiments)
    ran = [e for e in experiments[1:] if e.ran]
    lately = ran[-min(len(ran), max(10, min(60, len(ran) // 3))) :]
    rates = [wilson(sum(e.kept for e in each), len(each)) for each in (ran, lately)]
    flat = plateau(experiments, study.settings.patience)
    return {
        "size": found.size,
        "starts": found.starts,
        "groups": GROUPS,
        "counts": found.counts,
        "best": found.best,
        "baseline": experiments[0].value if experiments else None,
        "rates": [[r.hits, r.of, r.low, r.high] for r in rates],
        "plateau": {"reached": flat.reached, "since": flat.since, "idle": flat.idle, "patience": flat.patience, "chance": flat.chance},
    }  # fmt: skip


@part("limits")
def limits(study: Study, memory: Memory, content: dict[str, Any]) -> dict[str, Any]:
    """Return what the study has used of its limits, and what each agent has."""
    status = study.status
    rows, agents = limits_used(status), used_by_agent(status)
    return {
        "name": [r.name for r in rows],
        "used": [r.used for r in rows],
        "limit": [r.limit for r in rows],
        "forecast": [r.forecast for r in rows],
        "done": status.done,
        "planned": status.settings.planned,
        "over": status.state.value in ("finished", "stopped", "failed"),
        "agents": {
            "name": list(agents),
            "tried": [a[0] for a in agents.values()],
            "kept": [a[1] for a in agents.values()],
            "calls": [a[2].calls for a in agents.values()],
            "tokens": [a[2].tokens for a in agents.values()],
            "cost": [a[2].cost for a in agents.values()],
        },
    }
