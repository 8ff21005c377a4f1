"""The offline agent: finds the tunable constants of the target and lets Optuna propose values for them.

It needs no key and no memory. Every proposal changes one to three constants of the incumbent, so that each line of the
history teaches something:

- Every other proposal, and all of the first ones, are a *sweep*: the constant that was changed least often makes one
  bold step, the way that last paid off, or the other way when it did not.
- The rest come from Optuna's TPE, asked about a small random set of constants.

Neither alone does as well in the two dozen experiments of a typical study: TPE has little to learn from yet, and a
sweep sees no further than one step.

Not here: what a constant is (`constants`), where it may go (`spaces`), and any change of the code itself.
"""

from __future__ import annotations

import itertools
import math
import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import optuna
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution
from optuna.trial import FrozenTrial, TrialState

from ..errors import NothingToPropose, UserError
from ..experiment import Experiment, Proposal, Verdict
from ..judging.optuna_logging import quiet_optuna
from ..metric import Metric
from ..source.constants import Constant, find_constants, read_values, replace_constants
from ..source.edits import fingerprint
from ..source.search_space import Choices, Range, Space, Value, inferred_space
from .base import Agent, Briefing

SWEEP = 16
"""Proposals at most before TPE is asked at all; with few constants it is twice their number, once each way."""
SHARE = 0.5
"""Share of proposals that go on sweeping after that."""
STEP = (1 / 6, 0.42)
"""A bold step, as a share of the range: a factor of 2 to 6 where the range is v/8 to 8v."""
DRAWS = 4
"""Of so many random steps the sweep takes the one that ends furthest from all that was tried."""
MORE = 0.4
"""Chance that TPE is asked about one constant more, and again about a third."""
REMEMBERED = 80
"""Experiments that are read: the latest, and `BEST` of the rest. Reading takes about 1.5 ms for 200 lines."""
BEST = 25
ENUMERATED = 2000
"""Spaces up to this size are gone through one by one before they are called exhausted."""


@dataclass(frozen=True)
class _Told:
    """What the tuner makes of an experiment.

    Attributes
    ----------
    values : mapping
        Of those of the incumbent's constants that it has, too.
    value : float or None
        None for a failure.
    steps : int
        How far a pruned one came; 0 for those that were not pruned.
    kept : bool
    changes : mapping
        What it changed of its parent, (before, after) for each name; empty when it changed anything else, too.
    """

    values: Mapping[str, Value]
    value: float | None
    steps: int
    kept: bool
    changes: Mapping[str, tuple[Value, Value]]


class Tuner(Agent):
    """Proposes new values for the target's constants.

    Parameters
    ----------
    argument : str
        Names of the constants to tune, separated by commas; empty for all.
    target : str
        The source, to say at once when there is nothing to tune.

    Raises
    ------
    UserError
        When a name is unknown, a comment cannot be read, or the target has nothing to tune.
    """

    name = "tuner"

    def __init__(self, argument: str, target: str) -> None:
        self.names = tuple(dict.fromkeys(name.strip() for name in argument.split(",") if name.strip()))
        constants = find_constants(target)
        if not constants:
            raise UserError(
                "The target has nothing to tune: write its numbers as constants at the top level, for example  "
                "LR = 3e-4  or  WIDTH = 64  # 32 .. 256 step 32, or choose another agent (--agent NAME)."
            )
        found = [constant.name for constant in constants]
        # In a target of several files a name has its module's before it, which need not be said where it is one file's alone.
        self.names = tuple(_full(name, found) for name in self.names)
        if unknown := [name for name in self.names if name not in found]:
            raise UserError(f"The target has no tunable constant {', '.join(unknown)}: there are {', '.join(found)}.")

    def propose(self, briefing: Briefing) -> Proposal:
        """Change one to three constants of the incumbent.

        The same briefing gives the same proposal, so a resumed study goes on as it would have.

        Raises
        ------
        NothingToPropose
            When every combination was tried, or the incumbent has no constants any more.
        """
        source = briefing.incumbent.target
        found = find_constants(source, strict=False)
        constants = {c.name: _anchored(c, briefing) for c in found if not self.names or c.name in self.names}
        if not constants:
            raise NothingToPropose("The tuner stops: the incumbent has no constants left to tune.")
        rng = random.Random(f"{briefing.seed}-{briefing.number}")
        history = _read_history(briefing, constants)
        present = {name: constant.value for name, constant in constants.items()}
        tried = {e.fingerprint or fingerprint(e.target) for e in (*briefing.history, briefing.incumbent)}
        refused: set[tuple[Value, ...]] = set()
        for changes in _candidates(constants, history, briefing.metric, rng):
            changes = {name: changes[name] for name in constants if changes.get(name, present[name]) != present[name]}
            key = tuple({**present, **changes}.values())
            if not changes or key in refused:
                continue
            refused.add(key)
            target = replace_constants(source, changes)
            if fingerprint(target) not in tried:
                return Proposal(
                    target=target,
                    summary=", ".join(f"{name} {_show(present[name])} → {_show(changes[name])}" for name in changes),
                    hypothesis=_hypothesis(changes, constants, history),
                    agent=self.name,
                )
        raise NothingToPropose(
            f"The tuner stops: every value of {', '.join(constants)} was tried; widen a range or add a constant."
        )


# -- what the history says --------------------------------------------------------------------------------------------


def _full(name: str, found: Sequence[str]) -> str:
    ending = [each for each in found if each.endswith(f".{name}")]
    return ending[0] if name not in found and len(ending) == 1 else name


def _anchored(constant: Constant, briefing: Briefing) -> Constant:
    """Let a range that was inferred go on from what the constant was in the baseline."""
    if not constant.inferred or not briefing.history:
        return constant
    space = inferred_space(constant.value, read_values(briefing.history[0].target).get(constant.name))
    return constant if space is None else replace(constant, space=space)


def _read_history(briefing: Briefing, constants: Mapping[str, Constant]) -> list[_Told]:
    by_number = {e.number: e for e in (*briefing.history, briefing.incumbent)}
    return [_told(e, by_number.get(e.parent or 0), constants, briefing.metric) for e in _remembered(briefing)]


def _remembered(briefing: Briefing) -> list[Experiment]:
    """Return the experiments to learn from, in their order: those that were run, at most `REMEMBERED`."""
    run = [e for e in briefing.history if e.verdict not in (None, Verdict.DUPLICATE)]
    if len(run) <= REMEMBERED:
        return run
    latest = REMEMBERED - BEST
    older = sorted(run[:-latest], key=lambda e: _loss(e, briefing.metric))[:BEST]
    return sorted([*older, *run[-latest:]], key=lambda e: e.number)


def _loss(experiment: Experiment, metric: Metric) -> float:
    value = None if experiment.verdict is None or experiment.verdict.failed else experiment.value
    return math.inf if value is None else value if metric.minimize else -value


def _told(
    experiment: Experiment, parent: Experiment | None, constants: Mapping[str, Constant], metric: Metric
) -> _Told:
    verdict = experiment.verdict or Verdict.CRASH
    value, steps = (None if verdict.failed else experiment.value), 0
    if verdict is Verdict.PRUNED and experiment.measurements:
        curve = experiment.measurements[-1].curve
        steps = max(1, experiment.measurements[-1].steps)
        if value is None and curve:
            last = curve[-1].values.get(metric.name)
            value = last if last is not None and math.isfinite(last) else None
    return _Told(
        values=_fitting(read_values(experiment.target), constants),
        value=value,
        steps=steps,
        kept=verdict.kept,
        changes={} if parent is None or parent.number == experiment.number else _changes(experiment, parent, constants),
    )


def _fitting(values: Mapping[str, Value], constants: Mapping[str, Constant]) -> dict[str, Value]:
    """Return those of an older source's values that mean something for the constants of the incumbent."""
    return {name: values[name] for name, c in constants.items() if name in values and _fits(values[name], c)}


def _fits(value: Value, constant: Constant) -> bool:
    if type(value) is not type(constant.value):
        return False
    return _is_number(constant.space) or value in constant.space.grid()


def _is_number(space: Space) -> bool:
    return isinstance(space, Range) or space.ordered


def _changes(
    experiment: Experiment, parent: Experiment, constants: Mapping[str, Constant]
) -> dict[str, tuple[Value, Value]]:
    """Return what was changed of the parent, where that was the incumbent's constants and nothing else."""
    before, after = read_values(parent.target), read_values(experiment.target)
    changed = {
        name: (before[name], after[name])
        for name in constants
        if name in before and name in after and type(before[name]) is type(after[name]) and before[name] != after[name]
    }
    try:
        rest = replace_constants(parent.target, {name: new for name, (_, new) in changed.items()})
    except KeyError:  # it is a constant now, but was none then
        return {}
    return changed if changed and rest == experiment.target else {}


# -- what to try ------------------------------------------------------------------------------------------------------


def _candidates(
    constants: Mapping[str, Constant], history: Sequence[_Told], metric: Metric, rng: random.Random
) -> Iterator[dict[str, Value]]:
    """Yield changes to try, the best first; what follows is for when those were tried before."""
    sweeping = len(history) - 1 < min(SWEEP, 2 * len(constants)) or rng.random() < SHARE
    if not sweeping:
        for _ in range(3):
            yield _ask_tpe(_subset(list(constants), rng), constants, history, metric, rng)
    for name in [*_least_changed(constants, history, rng), *_least_changed(constants, history, rng)]:
        yield {name: _bold(constants[name], history, rng)}
    for _ in range(20):
        yield {name: constants[name].space.at(rng.random()) for name in _subset(list(constants), rng)}
    yield from _all(constants, rng)


def _least_changed(constants: Mapping[str, Constant], history: Sequence[_Told], rng: random.Random) -> list[str]:
    return sorted(constants, key=lambda name: (sum(name in told.changes for told in history), rng.random()))


def _subset(names: list[str], rng: random.Random) -> list[str]:
    count = 1 + (rng.random() < MORE)
    count += count == 2 and rng.random() < MORE
    return rng.sample(names, min(count, len(names)))


def _bold(constant: Constant, history: Sequence[_Told], rng: random.Random) -> Value:
    """Take one bold step from the present value: on after a keep, back after anything else, and into the open."""
    space, name = constant.space, constant.name
    if isinstance(space, Choices) and not space.ordered:
        others = [value for value in space.values if value != constant.value]
        return rng.choice([value for value in others if _untried(name, value, history)] or others)
    direction = _promising(constant, history)
    known = [space.position(told.values[name]) for told in history if name in told.values]
    steps = [_step(constant, direction or rng.choice((-1, 1)), rng.uniform(*STEP)) for _ in range(DRAWS)]
    return max(steps, key=lambda value: min((abs(space.position(value) - p) for p in known), default=0.0))


def _step(constant: Constant, way: int, reach: float) -> Value:
    here = constant.space.position(constant.value)
    if not 0 <= here + way * reach <= 1:
        way = -way
    for signed in (way, -way):
        for longer in (1.0, 1.5, 2.0, 3.0):  # among few ints a short step may round to where it began
            value = constant.space.at(here + signed * longer * reach)
            if value != constant.value:
                return value
    return constant.value


def _untried(name: str, value: Value, history: Sequence[_Told]) -> bool:
    return all(told.values.get(name) != value for told in history)


def _promising(constant: Constant, history: Sequence[_Told]) -> int:
    """Return the way to go next, 1 for up and −1 for down; 0 when the constant was never changed."""
    last = next((told for told in reversed(history) if constant.name in told.changes), None)
    if last is None:
        return 0
    before, after = last.changes[constant.name]
    up = 1 if float(after) > float(before) else -1
    return up if last.kept else -up


def _ask_tpe(
    names: list[str], constants: Mapping[str, Constant], history: Sequence[_Told], metric: Metric, rng: random.Random
) -> dict[str, Value]:
    """Ask Optuna for values of a few constants, from all experiments that have them.

    Optuna sees positions between 0 and 1: scales and rounding are ours. Failures are told as trials that were pruned
    at once, which TPE ranks below all others and so learns to stay away from.
    """
    spaces = {name: constants[name].space for name in names}
    distributions = {name: _distribution(space) for name, space in spaces.items()}
    trials = [
        _trial({name: _encode(spaces[name], told.values[name]) for name in names}, distributions, told)
        for told in history
        if all(name in told.values for name in names)
    ]
    with quiet_optuna():
        # No random start-up of its own: the sweep was that.
        sampler = optuna.samplers.TPESampler(n_startup_trials=0, seed=rng.randrange(2**32))
        study = optuna.create_study(direction="minimize" if metric.minimize else "maximize", sampler=sampler)
        study.add_trials(trials)
        answer = study.ask(fixed_distributions=distributions).params
    return {name: _decode(spaces[name], answer[name]) for name in names}


def _trial(params: Mapping[str, float], distributions: Mapping[str, BaseDistribution], told: _Told) -> FrozenTrial:
    complete = told.value is not None and not told.steps
    return optuna.trial.create_trial(
        state=TrialState.COMPLETE if complete else TrialState.PRUNED,
        value=told.value if complete else None,
        params=dict(params),
        distributions=dict(distributions),
        intermediate_values={told.steps: told.value} if told.steps and told.value is not None else {},
    )


def _distribution(space: Space) -> BaseDistribution:
    if isinstance(space, Choices) and not space.ordered:
        return CategoricalDistribution(list(range(len(space.values))))
    return FloatDistribution(0.0, 1.0)


def _encode(space: Space, value: Value) -> float:
    return space.values.index(value) if isinstance(space, Choices) and not space.ordered else space.position(value)


def _decode(space: Space, answer: float) -> Value:
    return space.values[int(answer)] if isinstance(space, Choices) and not space.ordered else space.at(answer)


def _all(constants: Mapping[str, Constant], rng: random.Random) -> Iterator[dict[str, Value]]:
    """Yield every combination, fewest changes first, where there are not too many to go through."""
    grids = [constant.space.grid() for constant in constants.values()]
    if math.prod(map(len, grids)) > ENUMERATED:
        return
    present = [constant.value for constant in constants.values()]
    combinations = list(itertools.product(*grids))
    rng.shuffle(combinations)
    combinations.sort(key=lambda values: sum(a != b for a, b in zip(values, present, strict=True)))
    for values in combinations:
        yield dict(zip(constants, values, strict=True))


# -- in words ---------------------------------------------------------------------------------------------------------


def _show(value: Value) -> str:
    if isinstance(value, str):
        return value if value.isprintable() and 0 < len(value) <= 40 else ascii(value)[:40]
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def _hypothesis(changes: Mapping[str, Value], constants: Mapping[str, Constant], history: Sequence[_Told]) -> str:
    """Say in one sentence what the history knows about the changes; only what it does know."""
    return "; ".join(f"{name}: {_reason(constants[name], value, history)}" for name, value in changes.items()) + "."


def _reason(constant: Constant, value: Value, history: Sequence[_Told]) -> str:
    name = constant.name
    untried = _untried(name, value, history)
    if not _is_number(constant.space):
        return f"{_show(value)} is untried" if untried else f"{_show(value)} again, beside other values than before"
    if not any(name in told.changes for told in history):
        return "never changed so far"
    alone = [told for told in history if list(told.changes) == [name]]
    up = float(value) > float(constant.value)
    same = [told for told in alone if (float(told.changes[name][1]) > float(told.changes[name][0])) == up]
    way, back = ("raising", "lowering") if up else ("lowering", "raising")
    if won := sum(told.kept for told in same):
        times = "when it was tried" if len(same) == 1 else f"{won} of {len(same)} times"
        return f"{way} it alone was kept {times}"
    if alone and not same and not any(told.kept for told in alone):
        return f"{back} it alone did not help, so the other way"
    if same:
        return f"{way} it alone has not helped yet, {'an untried' if untried else 'another'} value"
    return "an untried value" if untried else "a value tried before, beside others than then"
