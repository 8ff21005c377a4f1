"""Changes that need no model: bold steps, samples of Optuna's TPE, and all combinations.

Not here: the changes that the model of all runs proposes (`acquisition`), and which source is asked (`portfolio`).
"""

from __future__ import annotations

import itertools
import math
import random
from collections.abc import Callable, Iterator, Mapping

import optuna
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution
from optuna.trial import FrozenTrial, TrialState

from ..judging.optuna_logging import quiet_optuna
from ..metric import Metric
from ..source.constants import Constant
from ..source.search_space import Choices, Space, Value
from .observations import RUNNING, Constants, Observation, Observations, is_number, untried

STEP = (1 / 6, 0.42)
"""Shortest and longest sweep step, as a share of the range: a factor of 2 to 6 where the range is v/8 to 8v."""
DRAWS = 4
"""Number of random steps of which a sweep takes the one that ends furthest from all values tried."""
LEAPS = 4
"""Number of random leaps of which the most hopeful one is taken where there is a model."""
LEAP, GUESSED = 0.7, 0.3
"""Probability that a leap changes a constant whose range a person has written, and one whose range is a guess."""
ONE_MORE = 0.4
"""Probability that TPE samples a second constant, and then again a third."""
ENUMERATED = 2000
"""Size up to which a search space is enumerated before the tuner gives up."""


def bold_steps(constants: Constants, observations: Observations, rng: random.Random) -> Iterator[dict[str, Value]]:
    """Yield one large step of one constant, of the one that was changed least often first."""
    for name in [*_least_changed(constants, observations, rng), *_least_changed(constants, observations, rng)]:
        yield {name: _sweep_step(constants[name], observations, rng)}


def leaps(
    constants: Constants, rng: random.Random, score: Callable[[Mapping[str, Value]], float] | None
) -> Iterator[dict[str, Value]]:
    """Yield large changes of many constants at once, of several random ones that with the lowest score.

    A constant whose range a person has written takes any value of it; one whose range is a guess makes a bold step.
    """

    def leap() -> dict[str, Value]:
        names = [name for name, c in constants.items() if rng.random() < (GUESSED if c.inferred else LEAP)]
        return {name: _leap(constants[name], rng) for name in names}

    for _ in range(5):
        yield min((leap() for _ in range(LEAPS)), key=score) if score else leap()


def _leap(constant: Constant, rng: random.Random) -> Value:
    if constant.inferred and is_number(constant.space):
        return _step(constant, rng.choice((-1, 1)), rng.uniform(*STEP))
    return constant.space.at(rng.random())


def tpe_samples(
    constants: Constants, observations: Observations, metric: Metric, rng: random.Random, running: Observations = ()
) -> Iterator[dict[str, Value]]:
    """Yield samples of Optuna's TPE for a small random set of constants, away from what runs."""
    for _ in range(3):
        yield _sample_tpe(_random_names(list(constants), rng), constants, observations, metric, rng, running)


def untried_combinations(constants: Constants, rng: random.Random) -> Iterator[dict[str, Value]]:
    """Yield random values of a few constants, then every combination of values where they are not too many."""
    for _ in range(20):
        yield {name: constants[name].space.at(rng.random()) for name in _random_names(list(constants), rng)}
    yield from _all_combinations(constants, rng)


def _least_changed(constants: Constants, observations: Observations, rng: random.Random) -> list[str]:
    """Return the names by how often they were changed alone; of those changed equally often, the important ones first."""
    times = {name: sum(list(o.changes) == [name] for o in observations) for name in constants}
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
        return rng.choice([value for value in others if untried(name, value, observations)] or others)
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


def _direction(constant: Constant, observations: Observations) -> int:
    """Return the direction of the next step, 1 for up and −1 for down; 0 when the constant was never changed."""
    last = next((o for o in reversed(observations) if constant.name in o.changes), None)
    if last is None:
        return 0
    before, after = last.changes[constant.name]
    up = 1 if float(after) > float(before) else -1
    return up if last.kept else -up


def _sample_tpe(
    names: list[str],
    constants: Constants,
    observations: Observations,
    metric: Metric,
    rng: random.Random,
    running: Observations,
) -> dict[str, Value]:
    """Return values for a few constants, sampled by Optuna's TPE from all observations that have these constants.

    Optuna sees positions between 0 and 1; scales and rounding are the search space's. Failures become trials pruned at
    step 0, which TPE ranks below all others and so avoids. Those that run are trials that run, which it takes for bad ones
    (the constant liar).
    """
    spaces = {name: constants[name].space for name in names}
    distributions = {name: _distribution(space) for name, space in spaces.items()}
    trials = [
        _trial({name: _encode(spaces[name], o.values[name]) for name in names}, distributions, o)
        for o in [*observations, *running]
        if all(name in o.values for name in names)
    ]
    with quiet_optuna():
        # No random trials at the start: the sweep has taken their place.
        seed, liar = rng.randrange(2**32), any(trial.state is TrialState.RUNNING for trial in trials)
        sampler = optuna.samplers.TPESampler(n_startup_trials=0, seed=seed, constant_liar=liar)
        study = optuna.create_study(direction="minimize" if metric.minimize else "maximize", sampler=sampler)
        study.add_trials(trials)
        params = study.ask(fixed_distributions=distributions).params
    return {name: _decode(spaces[name], params[name]) for name in names}


def _trial(params: Mapping[str, float], distributions: Mapping[str, BaseDistribution], o: Observation) -> FrozenTrial:
    complete = o.value is not None and not o.steps
    runs = o.number == RUNNING and not complete
    return optuna.trial.create_trial(
        state=TrialState.COMPLETE if complete else TrialState.RUNNING if runs else TrialState.PRUNED,
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
