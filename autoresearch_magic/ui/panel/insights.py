"""What the tab "Insights" shows: each of its parts is a question of its own, answered from the study's history in a thread.

Answers are columns (lists of equal length), not a dict for each experiment. Computing takes turns with the kernel: one question of a study
is worked on at a time, and `Pace` rests between pieces, so that a thread that waits for the interpreter gets it within
milliseconds. What does not change with the next experiment is kept for each study.
"""

from __future__ import annotations

import math
import re
import threading
import time
from array import array
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from weakref import WeakKeyDictionary

from ...errors import UserError
from ...judging.analysis.importance import NEEDED, Importance, Kind, fanova_possible, importances, pose
from ...judging.analysis.payoff import Changes, find_changes, payoffs
from ...judging.analysis.rates import plateau, wilson
from ...judging.analysis.tried_constants import Readings, Tried, tried_constants
from ...judging.analysis.verdict_history import GROUPS, verdict_history
from ...source.search_space import Choices, Space, Value
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
    readings: Readings = field(default_factory=Readings)
    importance: dict[str, tuple[Tried, Importance | None]] = field(default_factory=dict)
    computing: threading.Lock = field(default_factory=threading.Lock)


GROWTH = 1.1
"""By how much the number of results must have grown until importances are computed again while a study runs."""
MOST_NUMBERS = 12
"""Numbers besides the metric that can be chosen for an axis: those that most runs have."""
MOST_COLUMNS = 8
"""Constants of which the values are sent: those that had most values."""

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
    found = _parts[name](session.study, memory, content)
    columns, buffers = found if isinstance(found, tuple) else (found, [])
    return {"type": "insights", "part": name, **columns}, buffers


@part("kinds")
def kinds(study: Study, memory: Memory, content: dict[str, Any]) -> dict[str, Any]:
    """Return what kinds of change paid off, as columns."""
    experiments, gains = study.experiments, study.status.gains
    with memory.lock:
        changes = find_changes(experiments, memory.changes, Pace())
        rows = payoffs(experiments, changes, gains)
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


@part("constants")
def constants(study: Study, memory: Memory, content: dict[str, Any]) -> tuple[dict[str, Any], list[bytes]]:
    """Return which values the constants had in comparable versions, as 64-bit floats by constant, the last column the metric."""
    tried = _tried(study, memory)
    often = sorted(range(len(tried.names)), key=lambda i: -len(set(tried.values[i])))[:MOST_COLUMNS]
    chosen = [i for i in range(len(tried.names)) if i in often]
    valued = [row for row, result in enumerate(tried.results) if result is not None]
    described = [_described(tried.names[i], tried.spaces[i], [tried.values[i][row] for row in valued]) for i in chosen]
    columns = [column for _, column in described]
    columns.append([result for result in tried.results if result is not None])
    buffers = [
        array("i", [tried.numbers[row] for row in valued]).tobytes(),
        *(array("d", each).tobytes() for each in columns),
    ]
    return {
        "constants": [each for each, _ in described], "runs": len(valued), "of": tried.of, "needed": NEEDED, "example": tried.example,
        "current": tried.current, "left": len(tried.names) - len(chosen),
    }, buffers  # fmt: skip


@part("importance")
def importance(study: Study, memory: Memory, content: dict[str, Any]) -> dict[str, Any]:
    """Return how much each constant matters, with the value that it has in the best version and the range that was tried."""
    tried = _tried(study, memory)
    kind: Kind = "ped-anova" if content.get("kind") == "ped-anova" or not fanova_possible() else "fanova"
    with memory.computing:
        known, found = memory.importance.get(kind, (None, None))
        if known is None or not _much_the_same(known, tried, ongoing=study.status.state.ongoing):
            found = importances(tried, minimize=study.metric.minimize, kind=kind)
            memory.importance[kind] = known, found = tried, found
    assert known is not None
    best = _best(known)
    columns = dict(zip(known.names, known.values, strict=True))
    names = found.names if found else []
    ranges = [_range(columns[name]) for name in names]
    return {
        "kind": kind, "possible": ["fanova", "ped-anova"] if fanova_possible() else ["ped-anova"], "needed": NEEDED,
        "valued": known.valued, "of": known.of, "tried": len(known.names), "current": known.current, "example": known.example,
        "names": names, "shares": found.shares if found else [], "low": found.low if found else [], "high": found.high if found else [],
        "clear": found.clear if found else [], "first": found.first if found else 0.0, "runs": found.runs if found else 0,
        "best": [_written(columns[name][best]) for name in names] if best is not None else [],
        "failed": found is None and pose(known, minimize=study.metric.minimize, kind=kind) is not None,
        "bestNumber": known.numbers[best] if best is not None else None, "range": ranges,
    }  # fmt: skip


def _tried(study: Study, memory: Memory) -> Tried:
    with memory.lock:
        return tried_constants(study.experiments, study.metric, memory.readings, enough=NEEDED, rest=Pace())


def _much_the_same(before: Tried, now: Tried, *, ongoing: bool) -> bool:
    """Whether importances need not be computed again."""
    if before.names != now.names or before.example != now.example or before.numbers[:1] != now.numbers[:1]:
        return before == now
    return now.valued < GROWTH * before.valued if ongoing and before.valued >= NEEDED else before == now


def _best(tried: Tried) -> int | None:
    """Return the row of the latest kept version among those that are compared."""
    return tried.numbers.index(tried.example) if tried.example in tried.numbers else None


def _described(name: str, space: Space, values: list[Value]) -> tuple[dict[str, Any], list[float]]:
    """Return a constant with its axis, and its values as numbers: the positions of words on the axis."""
    if any(isinstance(value, str | bool) for value in values):
        words = sorted(set(values), key=str)
        return {"name": name, "words": [_written(word) for word in words], "log": False}, [
            float(words.index(v)) for v in values
        ]
    numbers = [float(value) for value in values]
    log = _is_log(space, numbers)
    return {"name": name, "words": None, "log": log, "whole": all(isinstance(v, int) for v in values)}, numbers


def _is_log(space: Space, numbers: list[float]) -> bool:
    """Whether an axis is logarithmic: where the space is, and for sizes that double."""
    if min(numbers, default=0.0) <= 0:
        return False
    if isinstance(space, Choices):
        return max(numbers) >= 4 * min(numbers)
    return space.scale == "log" and max(numbers) > 3 * min(numbers)


def _range(values: tuple[Value, ...]) -> str:
    """Return which values were tried, in words."""
    distinct = set(values)
    if any(isinstance(value, str | bool) for value in values):
        words = sorted(map(_written, distinct))
        return ", ".join(words[:4]) + (f" and {len(words) - 4} more" if len(words) > 4 else "")
    return f"{_written(min(distinct))} to {_written(max(distinct))}"


def _written(value: Value) -> str:
    """Return a value as a person would write it."""
    return (
        re.sub(r"e([+-])0+(?=\d)", r"e\1", f"{value:.4g}").replace("e+", "e")
        if isinstance(value, float)
        else str(value)
    )


@part("tradeoff")
def tradeoff(study: Study, memory: Memory, content: dict[str, Any]) -> tuple[dict[str, Any], list[bytes]]:
    """Return metric, peak memory, seconds of a run, and the other numbers of all experiments with a value, as 64-bit floats by column."""
    valued = [e for e in study.experiments if e.value is not None and not (e.verdict and e.verdict.failed)]
    pace = Pace()
    rows: list[dict[str, float]] = []
    for e in valued:
        rows.append(e.numbers if any(m.numbers for m in e.measurements) else {})
        pace()
    often = Counter(name for row in rows for name, value in row.items() if math.isfinite(value))
    names = sorted(often, key=lambda name: (-often[name], name))[:MOST_NUMBERS]
    columns = [
        [e.value for e in valued if e.value is not None],
        [e.memory for e in valued],
        [e.seconds / len(e.measurements) for e in valued],
        *([row.get(name, math.nan) for row in rows] for name in names),
    ]
    buffers = [array("i", [e.number for e in valued]).tobytes(), *(array("d", each).tobytes() for each in columns)]
    return {"names": names, "runs": len(valued)}, buffers
