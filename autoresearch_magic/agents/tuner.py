"""The offline agent: finds the tunable constants of the target and proposes values for them, with Optuna.

It needs no key and keeps no state. Every proposal changes one to three constants of the incumbent, so that each experiment
tells something about few constants:

- Half of the proposals, and all of the first ones, are *sweep steps*: the constant that was changed least often makes one
  large step, in the direction of its last change if that was kept, else in the opposite one.
- The others are sampled by Optuna's TPE, for a small random set of constants.

In the two dozen experiments of a typical study both together do better than either alone: TPE has little data to learn from
yet, and a sweep step looks at one constant only.

A program of another author may have dozens of constants, too many for a study. They are tuned in the order of how much such
constants usually matter: `ACTIVE` at the start, one more with every `WIDEN` experiments. One whose changes have left the metric
exactly as it was, on the same seed, is tuned last.

Not here: what a constant is (`source.constants`), its range (`source.search_space`), and changes of the code itself.
"""

from __future__ import annotations

import itertools
import math
import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import optuna
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution
from optuna.trial import FrozenTrial, TrialState

from ..errors import NothingToPropose, NothingToTune, UserError
from ..experiment import Experiment, Proposal, Verdict
from ..judging.optuna_logging import quiet_optuna
from ..metric import Metric
from ..source.constants import Constant, find_constants, read_values, replace_constants
from ..source.edits import fingerprint
from ..source.integrity import refusal
from ..source.search_space import Choices, Range, Space, Value
from .base import Agent, Briefing

FIRST_SWEEPS = 16
"""Number of first proposals that are all sweep steps; with few constants it is twice their number, one step each way."""
SWEEP_SHARE = 0.5
"""Share of sweep steps among the later proposals."""
STEP = (1 / 6, 0.42)
"""Shortest and longest sweep step, as a share of the range: a factor of 2 to 6 where the range is v/8 to 8v."""
DRAWS = 4
"""Number of random steps of which a sweep takes the one that ends furthest from all values tried."""
ONE_MORE = 0.4
"""Probability that TPE samples a second constant, and then again a third."""
HISTORY = 80
"""Number of experiments to learn from: the latest, and the `BEST` of the earlier ones. Reading one of 200 lines takes 1.5 ms."""
BEST = 25
"""Number of earlier experiments to learn from."""
ACTIVE = 8
"""Number of constants that are tuned at the start; see `WIDEN`."""
WIDEN = 8
"""Experiments after which one more constant is tuned. Of 25 constants of which 6 matter (``benchmarks/tuner.py``), 8 and 8 leave
20% of the loss after 24 experiments and 6% after 60 where the names say which matter; all 25 at once leave 68% and 19%. Where
the names mislead, the two are alike: 54% and 34%, 61% and 32%."""
INERT = 2
"""Changes of a constant alone that must all leave the metric as it was, for it to be tuned last."""
ENUMERATED = 2000
"""Size up to which a search space is enumerated before the tuner gives up."""


Constants = Mapping[str, Constant]


@dataclass(frozen=True)
class _Observation:
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
    """

    values: Mapping[str, Value]
    value: float | None
    steps: int
    kept: bool
    changes: Mapping[str, tuple[Value, Value]]
    inert: bool = False


Observations = Sequence[_Observation]


class Tuner(Agent):
    """Proposes new values for the target's constants.

    Parameters
    ----------
    argument : str
        Names of the constants to tune, separated by commas; empty for all.
    target : str
        The study's target; checked for constants.
    metric : Metric, optional
        What is measured; constants of which only other printed figures depend are not tuned.

    Raises
    ------
    UserError
        When a name is unknown, a comment cannot be read, or the target has no constants to tune.
    """

    name = "tuner"

    def __init__(self, argument: str, target: str, metric: Metric | None = None) -> None:
        self.names = tuple(dict.fromkeys(name.strip() for name in argument.split(",") if name.strip()))
        constants = _find(target, metric)
        if not constants:
            raise NothingToTune(
                "The target has nothing to tune: write its numbers as constants, for example  LR = 3e-4  or  "
                "WIDTH = 64  # 32 .. 256 step 32, or choose another agent (--agent NAME)."
            )
        found = [constant.name for constant in constants]
        # In a target of several files names are MODULE.NAME; the module may be left out where the name is unique.
        self.names = tuple(_full_name(name, found) for name in self.names)
        if unknown := [name for name in self.names if name not in found]:
            raise UserError(f"The target has no tunable constant {', '.join(unknown)}: there are {', '.join(found)}.")

    def propose(self, briefing: Briefing) -> Proposal:
        """Change one to three constants of the incumbent.

        The same briefing gives the same proposal, so a resumed study continues in the same way.

        Raises
        ------
        NothingToPropose
            When every combination was tried, or the incumbent has no constants left.
        """
        incumbent = briefing.incumbent.target
        baseline = briefing.history[0].target if briefing.history else incumbent
        found = _find(incumbent, briefing.metric, baseline, strict=False)
        constants = {c.name: c for c in found if not self.names or c.name in self.names}
        if not constants:
            raise NothingToPropose("The tuner stops: the incumbent has no constants left to tune.")
        rng = random.Random(f"{briefing.seed}-{briefing.number}")
        observations = _observations(briefing, constants)
        present = {name: constant.value for name, constant in constants.items()}
        tried = {e.fingerprint or fingerprint(e.target) for e in (*briefing.history, briefing.incumbent)}
        rejected: set[tuple[Value, ...]] = set()
        active = constants if self.names else _active(constants, observations)
        candidates = _candidates(active, observations, briefing.metric, rng)
        if len(active) < len(constants):
            candidates = itertools.chain(candidates, _candidates(constants, observations, briefing.metric, rng))
        for changes in candidates:
            changes = {name: changes[name] for name in constants if changes.get(name, present[name]) != present[name]}
            key = tuple({**present, **changes}.values())
            if not changes or key in rejected:
                continue
            rejected.add(key)
            target = replace_constants(incumbent, changes)
            if fingerprint(target) not in tried and not refusal(target, (baseline, incumbent), briefing.setup):
                return Proposal(
                    target=target,
                    summary=", ".join(f"{name} {_show(present[name])} → {_show(changes[name])}" for name in changes),
                    hypothesis=_hypothesis(changes, constants, observations),
                    agent=self.name,
                )
        raise NothingToPropose(
            f"The tuner stops: every value of {', '.join(constants)} was tried; widen a range or add a constant."
        )


# -- observations -----------------------------------------------------------------------------------------------------


def _full_name(name: str, found: Sequence[str]) -> str:
    ending = [each for each in found if each.endswith(f".{name}")]
    return ending[0] if name not in found and len(ending) == 1 else name


def _find(target: str, metric: Metric | None, baseline: str = "", *, strict: bool = True) -> list[Constant]:
    name, outside = ("", "") if metric is None else (metric.name, metric.expression)
    return find_constants(target, strict=strict, baseline=baseline, metric=name, outside=outside)


def _active(constants: Constants, observations: Observations) -> Constants:
    """Return the constants that are tuned by now, in the order of their importance."""
    inert = {name for name in constants if _is_inert(name, observations)}
    order = sorted(constants, key=lambda name: (name in inert, -constants[name].importance))
    return {name: constants[name] for name in order[: ACTIVE + len(observations) // WIDEN]}


def _is_inert(name: str, observations: Observations) -> bool:
    alone = [o for o in observations if list(o.changes) == [name]]
    return len(alone) >= INERT and all(o.inert for o in alone)


def _observations(briefing: Briefing, constants: Constants) -> list[_Observation]:
    by_number = {e.number: e for e in (*briefing.history, briefing.incumbent)}
    return [_observe(e, by_number.get(e.parent or 0), constants, briefing.metric) for e in _selected(briefing)]


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


def _observe(experiment: Experiment, parent: Experiment | None, constants: Constants, metric: Metric) -> _Observation:
    verdict, old = experiment.verdict or Verdict.CRASH, read_values(experiment.target)
    value, steps = (None if verdict.failed else experiment.value), 0
    if verdict is Verdict.PRUNED and experiment.measurements:
        curve = experiment.measurements[-1].curve
        steps = max(1, experiment.measurements[-1].steps)
        if value is None and curve:
            last = curve[-1].values.get(metric.name)
            value = last if last is not None and math.isfinite(last) else None
    known = parent is not None and parent.number != experiment.number
    return _Observation(
        values={name: old[name] for name, c in constants.items() if name in old and _is_possible(old[name], c)},
        value=value,
        steps=steps,
        kept=verdict.kept,
        changes=_changes(experiment, parent, constants) if known and parent is not None else {},
        inert=known and parent is not None and _as_before(experiment, parent),
    )


def _as_before(experiment: Experiment, parent: Experiment) -> bool:
    """Return whether every run of an experiment has exactly the value of its parent's run on the same seed."""
    before = {m.seed: m.value for m in parent.measurements}
    pairs = [(m.value, before[m.seed]) for m in experiment.measurements if m.seed in before]
    return bool(pairs) and all(value is not None and value == old for value, old in pairs)


def _is_possible(value: Value, constant: Constant) -> bool:
    """Return whether a value of an older target is possible for a constant of the incumbent."""
    if type(value) is not type(constant.value):
        return False
    return _is_number(constant.space) or value in constant.space.grid()


def _is_number(space: Space) -> bool:
    return isinstance(space, Range) or space.ordered


def _changes(experiment: Experiment, parent: Experiment, constants: Constants) -> dict[str, tuple[Value, Value]]:
    """Return the changes from the parent's target, if they are changes of the incumbent's constants and nothing else."""
    before, after = read_values(parent.target), read_values(experiment.target)
    changed = {
        name: (before[name], after[name])
        for name in constants
        if name in before and name in after and type(before[name]) is type(after[name]) and before[name] != after[name]
    }
    try:
        rest = replace_constants(parent.target, {name: new for name, (_, new) in changed.items()})
    except KeyError:  # a constant of the incumbent that was none in the parent
        return {}
    return changed if changed and rest == experiment.target else {}


# -- candidates -------------------------------------------------------------------------------------------------------


def _candidates(
    constants: Constants, observations: Observations, metric: Metric, rng: random.Random
) -> Iterator[dict[str, Value]]:
    """Yield changes in order of preference; the later ones are for when the earlier ones were tried already."""
    sweeping = len(observations) - 1 < min(FIRST_SWEEPS, 2 * len(constants)) or rng.random() < SWEEP_SHARE
    if not sweeping:
        for _ in range(3):
            yield _sample_tpe(_random_names(list(constants), rng), constants, observations, metric, rng)
    for name in [*_least_changed(constants, observations, rng), *_least_changed(constants, observations, rng)]:
        yield {name: _sweep_step(constants[name], observations, rng)}
    for _ in range(20):
        yield {name: constants[name].space.at(rng.random()) for name in _random_names(list(constants), rng)}
    yield from _all_combinations(constants, rng)


def _least_changed(constants: Constants, observations: Observations, rng: random.Random) -> list[str]:
    """Return the names by how often they were changed; of those changed equally often, the important ones first."""
    times = {name: sum(name in o.changes for o in observations) for name in constants}
    return sorted(constants, key=lambda name: (times[name], -constants[name].importance, rng.random()))


def _random_names(names: list[str], rng: random.Random) -> list[str]:
    count = 1 + (rng.random() < ONE_MORE)
    count += count == 2 and rng.random() < ONE_MORE
    return rng.sample(names, min(count, len(names)))


def _sweep_step(constant: Constant, observations: Observations, rng: random.Random) -> Value:
    """Return a value one large step away: in `_direction`, and of several random steps the furthest from values tried."""
    space, name = constant.space, constant.name
    if isinstance(space, Choices) and not space.ordered:
        others = [value for value in space.values if value != constant.value]
        return rng.choice([value for value in others if _untried(name, value, observations)] or others)
    direction = _direction(constant, observations)
    known = [space.position(o.values[name]) for o in observations if name in o.values]
    steps = [_step(constant, direction or rng.choice((-1, 1)), rng.uniform(*STEP)) for _ in range(DRAWS)]
    return max(steps, key=lambda value: min((abs(space.position(value) - p) for p in known), default=0.0))


def _step(constant: Constant, direction: int, length: float) -> Value:
    """Return the value at the end of a step, turned round where it would leave the range."""
    here = constant.space.position(constant.value)
    if not 0 <= here + direction * length <= 1:
        direction = -direction
    for signed in (direction, -direction):
        for longer in (1.0, 1.5, 2.0, 3.0):  # in a small range of integers a short step may round to the present value
            value = constant.space.at(here + signed * longer * length)
            if value != constant.value:
                return value
    return constant.value


def _untried(name: str, value: Value, observations: Observations) -> bool:
    return all(o.values.get(name) != value for o in observations)


def _direction(constant: Constant, observations: Observations) -> int:
    """Return the direction of the next step, 1 for up and −1 for down; 0 when the constant was never changed."""
    last = next((o for o in reversed(observations) if constant.name in o.changes), None)
    if last is None:
        return 0
    before, after = last.changes[constant.name]
    up = 1 if float(after) > float(before) else -1
    return up if last.kept else -up


def _sample_tpe(
    names: list[str], constants: Constants, observations: Observations, metric: Metric, rng: random.Random
) -> dict[str, Value]:
    """Return values for a few constants, sampled by Optuna's TPE from all observations that have these constants.

    Optuna sees positions between 0 and 1; scales and rounding are the search space's. Failures become trials pruned at
    step 0, which TPE ranks below all others and so avoids.
    """
    spaces = {name: constants[name].space for name in names}
    distributions = {name: _distribution(space) for name, space in spaces.items()}
    trials = [
        _trial({name: _encode(spaces[name], o.values[name]) for name in names}, distributions, o)
        for o in observations
        if all(name in o.values for name in names)
    ]
    with quiet_optuna():
        # No random trials at the start: the sweep has taken their place.
        sampler = optuna.samplers.TPESampler(n_startup_trials=0, seed=rng.randrange(2**32))
        study = optuna.create_study(direction="minimize" if metric.minimize else "maximize", sampler=sampler)
        study.add_trials(trials)
        params = study.ask(fixed_distributions=distributions).params
    return {name: _decode(spaces[name], params[name]) for name in names}


def _trial(params: Mapping[str, float], distributions: Mapping[str, BaseDistribution], o: _Observation) -> FrozenTrial:
    complete = o.value is not None and not o.steps
    return optuna.trial.create_trial(
        state=TrialState.COMPLETE if complete else TrialState.PRUNED,
        value=o.value if complete else None,
        params=dict(params),
        distributions=dict(distributions),
        intermediate_values={o.steps: o.value} if o.steps and o.value is not None else {},
    )


def _distribution(space: Space) -> BaseDistribution:
    if isinstance(space, Choices) and not space.ordered:
        return CategoricalDistribution(list(range(len(space.values))))
    return FloatDistribution(0.0, 1.0)


def _encode(space: Space, value: Value) -> float:
    return space.values.index(value) if isinstance(space, Choices) and not space.ordered else space.position(value)


def _decode(space: Space, param: float) -> Value:
    return space.values[int(param)] if isinstance(space, Choices) and not space.ordered else space.at(param)


def _all_combinations(constants: Constants, rng: random.Random) -> Iterator[dict[str, Value]]:
    """Yield every combination of values, fewest changes first; nothing when there are more than `ENUMERATED`."""
    grids = [constant.space.grid() for constant in constants.values()]
    if math.prod(map(len, grids)) > ENUMERATED:
        return
    present = [constant.value for constant in constants.values()]
    combinations = list(itertools.product(*grids))
    rng.shuffle(combinations)
    combinations.sort(key=lambda values: sum(a != b for a, b in zip(values, present, strict=True)))
    for values in combinations:
        yield dict(zip(constants, values, strict=True))


# -- texts ------------------------------------------------------------------------------------------------------------


def _show(value: Value) -> str:
    if isinstance(value, str):
        return value if value.isprintable() and 0 < len(value) <= 40 else ascii(value)[:40]
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def _hypothesis(changes: Mapping[str, Value], constants: Constants, observations: Observations) -> str:
    """Return one sentence on what the observations say about the changes."""
    return (
        "; ".join(f"{name}: {_reason(constants[name], value, observations)}" for name, value in changes.items()) + "."
    )


def _reason(constant: Constant, value: Value, observations: Observations) -> str:
    name = constant.name
    untried = _untried(name, value, observations)
    if not _is_number(constant.space):
        return f"{_show(value)} is untried" if untried else f"{_show(value)} again, beside other values than before"
    if not any(name in o.changes for o in observations):
        return "never changed so far"
    alone = [o for o in observations if list(o.changes) == [name]]
    up = float(value) > float(constant.value)
    same = [o for o in alone if (float(o.changes[name][1]) > float(o.changes[name][0])) == up]
    way, back = ("raising", "lowering") if up else ("lowering", "raising")
    if won := sum(o.kept for o in same):
        times = "when it was tried" if len(same) == 1 else f"{won} of {len(same)} times"
        return f"{way} it alone was kept {times}"
    if alone and not same and not any(o.kept for o in alone):
        return f"{back} it alone did not help, so the other way"
    if same:
        return f"{way} it alone has not helped yet, {'an untried' if untried else 'another'} value"
    return "an untried value" if untried else "a value tried before, beside others than then"
