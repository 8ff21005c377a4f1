"""What the tuner learns from the experiments of a study: which values were tried, what was changed, and what came of it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

from ..experiment import Experiment, Verdict
from ..metric import Metric
from ..source.constants import Constant, read_values, replace_constants
from ..source.search_space import Range, Space, Value
from .base import Briefing

HISTORY = 150
"""Number of experiments to learn from: the latest, and the `BEST` of the earlier ones. Reading one of 200 lines takes 1.5 ms, once."""
BEST = 50
"""Number of earlier experiments to learn from."""
INERT = 2
"""Changes of a constant that must leave the metric as it was, for it not to be tuned any more."""
SOURCES: Mapping[str, str] = {
    "model": "Chosen by the model of all runs.",
    "bold": "A bold step.",
    "leap": "A leap.",
    "tpe": "A sample of TPE.",
    "rest": "An untried combination.",
    "prior": "Among the best settings of prior knowledge.",
    "beginning": "A beginning far from the other lines.",
    "region": "Chosen by the model of this line's region.",
}
"""The sources, and the sentences that end the hypotheses of their proposals."""

RUNNING = -1
"""The number of an observation of an experiment that has no verdict yet."""

Constants = Mapping[str, Constant]


@dataclass(frozen=True)
class Observation:
    """What the tuner learns from one experiment.

    Attributes
    ----------
    values : mapping
        Values of those constants of the incumbent that the experiment's target has too.
    value : float or None
        The metric; None for a failure.
    steps : int
        Steps done by a pruned run; 0 for one that was not pruned.
    kept : bool
    changes : mapping
        The values before and after for each constant changed from the parent's target; empty when other code changed too.
    inert : bool
        Whether the metric is exactly the parent's on the same seed.
    number, runs : int
        The experiment's number, and the runs behind its value; 0 for a failure.
    code : str
        The target without the values of the incumbent's constants: equal for targets that differ in them alone.
    source : str
        Which of the tuner's sources proposed it (`SOURCES`); empty for other agents' proposals.
    """

    values: Mapping[str, Value]
    value: float | None
    steps: int
    kept: bool
    changes: Mapping[str, tuple[Value, Value]]
    inert: bool = False
    number: int = 0
    runs: int = 0
    code: str = ""
    source: str = ""


Observations = Sequence[Observation]


def source_of(hypothesis: str) -> str:
    """Return the source of a proposal of the tuner by its hypothesis; empty for another agent's."""
    return next((name for name, sentence in SOURCES.items() if hypothesis.endswith(sentence)), "")


def observe_all(briefing: Briefing, constants: Constants) -> list[Observation]:
    """Return what is learned from the experiments of a study, in their order."""
    by_number = {e.number: e for e in (*briefing.history, briefing.incumbent)}
    return [_observe(e, by_number.get(e.parent or 0), constants, briefing.metric) for e in _selected(briefing)]


def observe_running(briefing: Briefing, constants: Constants) -> list[Observation]:
    """Return what is known of experiments that have no verdict yet; the value of those whose first run has ended.

    One in flight has the ordinal of its proposal as its number, which may be that of another experiment of the history.
    """
    known = {e.number: e for e in (*briefing.history, briefing.incumbent)}
    return [
        replace(_observe(e, known.get(e.parent or 0), constants, briefing.metric), **_so_far(e))
        for e in briefing.running
        if e.number not in known or e.fingerprint != known[e.number].fingerprint
    ]


def _so_far(experiment: Experiment) -> dict[str, Any]:
    """Return what the runs of an experiment without a verdict have given; its number, which may be another one's, is not told."""
    values = experiment.values
    return {"number": RUNNING, "value": experiment.value if values else None, "runs": len(values)}


def inert_constants(constants: Constants, observations: Observations, code: str) -> list[str]:
    """Return the constants that provably change nothing beside the incumbent's switches.

    They were changed `INERT` times, or to each of their other values, and the metric was exactly as before on the same seed; and always
    so where they were changed alone. What was found beside another value of a choice without an order, or in other code, proves nothing: a rate
    of something that is switched off changes nothing until it is switched on.

    Parameters
    ----------
    constants : mapping
        The incumbent's.
    observations : sequence of Observation
    code : str
        The incumbent's code around the constants.
    """
    switches = {name: c.value for name, c in constants.items() if not is_number(c.space)}

    def found_here(o: Observation, name: str) -> bool:
        return o.code == code and all(o.values.get(n) == v for n, v in switches.items() if n != name)

    inert = []
    for name, constant in constants.items():
        changed = [o for o in observations if name in o.changes and found_here(o, name)]
        same = [o for o in changed if o.inert]
        tried = {o.values.get(name) for o in same} - {constant.value}
        few = not isinstance(constant.space, Range) and len(tried) >= len(constant.space.values) - 1
        if (len(same) >= INERT or few) and all(o.inert for o in changed if len(o.changes) == 1):
            inert.append(name)
    return inert


def _selected(briefing: Briefing) -> list[Experiment]:
    """Return the experiments to learn from, in their order: those that were run, at most `HISTORY`."""
    run = [e for e in briefing.history if e.verdict not in (None, Verdict.DUPLICATE)]
    if len(run) <= HISTORY:
        return run
    latest = HISTORY - BEST
    older = sorted(run[:-latest], key=lambda e: _loss(e, briefing.metric))[:BEST]
    return sorted([*older, *run[-latest:]], key=lambda e: e.number)


def _loss(experiment: Experiment, metric: Metric) -> float:
    value = None if experiment.verdict is None or experiment.verdict.failed else experiment.value
    return math.inf if value is None else value if metric.minimize else -value


def _observe(experiment: Experiment, parent: Experiment | None, constants: Constants, metric: Metric) -> Observation:
    verdict, old = experiment.verdict or Verdict.CRASH, read_values(experiment.target)
    value, steps = (None if verdict.failed else experiment.value), 0
    if verdict is Verdict.PRUNED and experiment.measurements:
        curve = experiment.measurements[-1].curve
        steps = max(1, experiment.measurements[-1].steps)
        if value is None and curve:
            last = curve[-1].values.get(metric.name)
            value = last if last is not None and math.isfinite(last) else None
    elif verdict is Verdict.PRUNED:  # at a cheap stage (``--stage``), of which there is no value that compares
        steps = 1
    known = parent is not None and parent.number != experiment.number
    return Observation(
        values={name: old[name] for name, c in constants.items() if name in old and _is_possible(old[name], c)},
        value=value,
        steps=steps,
        kept=verdict.kept,
        changes=_changes(experiment.target, parent.target, tuple(constants)) if known and parent is not None else {},
        inert=known and parent is not None and _as_before(experiment, parent),
        number=experiment.number,
        runs=len(experiment.values) if value is not None else 0,
        code=code_around(experiment.target, tuple(constants)),
        source=source_of(experiment.proposal.hypothesis),
    )


@lru_cache(maxsize=2048)
def code_around(target: str, names: tuple[str, ...]) -> str:
    """Return a target with all numbers 0 and all texts empty where these constants stand."""
    values = read_values(target)
    plain = {name: type(values[name])() for name in names if name in values}
    try:
        return replace_constants(target, plain)
    except KeyError:
        return target


def _as_before(experiment: Experiment, parent: Experiment) -> bool:
    """Return whether every run of an experiment has exactly the value of its parent's run on the same seed."""
    before = {m.seed: m.value for m in parent.measurements}
    pairs = [(m.value, before[m.seed]) for m in experiment.measurements if m.seed in before]
    return bool(pairs) and all(value is not None and value == old for value, old in pairs)


def _is_possible(value: Value, constant: Constant) -> bool:
    """Return whether a value of an older target is possible for a constant of the incumbent."""
    if type(value) is not type(constant.value):
        return False
    return is_number(constant.space) or value in constant.space.grid()


def is_number(space: Space) -> bool:
    """Whether the values of a space have an order, so that one can be raised and lowered."""
    return isinstance(space, Range) or space.ordered


@lru_cache(maxsize=2048)
def _changes(target: str, parent: str, names: tuple[str, ...]) -> Mapping[str, tuple[Value, Value]]:
    """Return the changes from the parent's target, if they are changes of the incumbent's constants and nothing else."""
    before, after = read_values(parent), read_values(target)
    changed = {
        name: (before[name], after[name])
        for name in names
        if name in before and name in after and type(before[name]) is type(after[name]) and before[name] != after[name]
    }
    try:
        rest = replace_constants(parent, {name: new for name, (_, new) in changed.items()})
    except KeyError:  # a constant of the incumbent that was none in the parent
        return {}
    return changed if changed and rest == target else {}


def untried(name: str, value: Value, observations: Observations) -> bool:
    """Whether no experiment has given a constant this value."""
    return all(o.values.get(name) != value for o in observations)
