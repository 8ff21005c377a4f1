r"""How prior knowledge enters the tuner's model: as a trend, of which the study's own runs decide how far it holds.

Each prior has a Gaussian process of its own, of its own standardised values. Its mean h is a trend of the study's model

.. math:: y = \mu + \sum_j \beta_j h_j(x) + f(x) + ..., \quad \beta_j \sim N(\beta_0 / J, \tau^2)

(`gaussian_process.Trend`), so neither the level of the other study's values nor their unit means anything: another metric's scale, another machine or
another version of the code shifts and stretches them. A prior that holds gets a β near that of its scale; one that misleads gets
one near 0 after a few runs, and f has what it does not explain. β₀ below 1 trusts it less than the study's own runs
(`benchmarks/prior.py` has what that brings and costs).

The search begins at the best settings of the prior (`starts`), one after another as long as they are kept.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from ..judging.noise import Noise
from ..metric import Metric
from ..source.search_space import Choices, Range, Value
from .gaussian_process import Trend
from .observations import Constants, Observation, Observations
from .prior import Prior, thinned
from .surrogate import Surrogate, make_surrogate, position

FITTED = 60
"""Trials of a prior of which its process is made."""
STARTS = 3
"""Most proposals at the beginning that are the best settings of priors."""
APART = 0.1
"""Least distance of two starts in one constant, as a share of its range; a nominal one differs."""
_PLAIN = Noise()


def prior_surrogates(priors: Sequence[Prior], constants: Constants, metric: Metric) -> list[tuple[Prior, Surrogate]]:
    """Return the models of priors over those of their constants that the target has; a prior that says nothing is left out."""
    found = []
    for prior in priors:
        own = {name: c for name, c in constants.items() if name in prior.names}
        if not own:
            continue
        trials = thinned(prior.trials, FITTED, metric.minimize)
        points = [
            Observation(
                {n: v for n, v in t.values.items() if n in own and _possible(v, own[n].space)}, t.value, int(t.pruned), False, {},
                number=i, runs=int(not t.pruned),
            )
            for i, t in enumerate(trials)
        ]  # fmt: skip
        if (surrogate := make_surrogate(own, points, metric, _PLAIN, "", FITTED)) is not None:
            found.append((prior, surrogate))
    return found


def trends(models: Sequence[tuple[Prior, Surrogate]], constants: Constants) -> tuple[Trend, ...]:
    """Return the trends of priors in the dimensions of a target's constants."""
    every = list(constants)
    return tuple(Trend(s.process, np.asarray([every.index(name) for name in s.constants])) for _, s in models)


def starts(
    models: Sequence[tuple[Prior, Surrogate]], constants: Constants, observations: Observations
) -> Iterator[dict[str, Value]]:
    """Yield the best settings of priors, by their models and not by the luck of one run, while they are kept.

    Each prior's best comes first, then further ones that are apart from those.
    """
    before = [o for o in observations if o.source == "prior"]
    if len(before) >= STARTS or not all(o.kept for o in before):
        return
    ranked: list[list[dict[str, Value]]] = []
    for _, surrogate in models:
        process, own = surrogate.process, surrogate.constants
        order = np.argsort(process.predict(process.data.x)[0], kind="stable")
        settings = [surrogate.points[int(i)].values for i in order]
        ranked.append(
            [{name: _inside(v, constants[name].space) for name, v in each.items() if name in own} for each in settings]
        )
    taken = [position({**{n: c.value for n, c in constants.items()}, **o.values}, constants) for o in before]
    for place in range(max(map(len, ranked), default=0)):
        for each in ranked:
            if place < len(each) and each[place]:
                here = {name: c.value for name, c in constants.items()}
                x = position({**here, **each[place]}, constants)
                if all(np.abs(x - other).max() >= APART for other in taken):
                    yield each[place]


def _possible(value: Value, space: Choices | Range) -> bool:
    return isinstance(space, Range) or space.ordered or value in space.values


def _inside(value: Value, space: Choices | Range) -> Value:
    """Return a value of a space that is nearest to one that may lie outside, and unchanged where it is inside."""
    if isinstance(space, Range):
        return value if space.low <= float(value) <= space.high else space.at(space.position(value))
    return value if value in space.values else space.at(space.position(value))
