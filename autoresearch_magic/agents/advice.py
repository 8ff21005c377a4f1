"""What the tuner knows, in a few lines for a language model: where the best values are, what matters, and what it would try next.

In a hybrid the model that changes the code sees the optimiser's state and may take, change or ignore it (Centaur, arXiv
2603.24647). The text is bounded: at most `TOLD` constants, the ones that matter most.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from ..experiment import Proposal
from ..metric import Metric, format_number
from ..source.search_space import Choices, Value
from .surrogate import Surrogate, position

TOLD = 8
"""Constants that are told, the ones that matter most first."""
GRID = 25
"""Values at which a range is looked at."""
LITTLE = 0.05
"""Share of the largest effect below which a constant is told to matter little, and of a constant's effect that is no loss."""


def show(value: Value) -> str:
    """Return a value as a person would write it."""
    if isinstance(value, str):
        return value if value.isprintable() and 0 < len(value) <= 40 else ascii(value)[:40]
    return f"{value:.6g}" if isinstance(value, float) else str(value)


@dataclass(frozen=True)
class Effect:
    """What the model says about one constant, while the others have the incumbent's values.

    Attributes
    ----------
    name : str
    size : float
        Difference between the best and the worst mean of the metric over its range, in the metric's unit.
    good : tuple
        The values that are not expected to be worse by more than the standard deviation of that expectation, or by `LITTLE`.
    whole : bool
        Whether these are all values.
    """

    name: str
    size: float
    good: tuple[Value, ...]
    whole: bool


def effects(surrogate: Surrogate) -> list[Effect]:
    """Return what the model says about each constant, the largest effect first."""
    found = []
    here = {name: c.value for name, c in surrogate.constants.items()}
    for name, constant in surrogate.constants.items():
        space = constant.space
        values = space.values if isinstance(space, Choices) else [space.at(i / (GRID - 1)) for i in range(GRID)]
        values = tuple(dict.fromkeys(values))
        x = np.stack([position({**here, name: value}, surrogate.constants) for value in values])
        mean, sd = surrogate.process.difference(x, surrogate.incumbent)
        level = float(surrogate.process.predict(surrogate.incumbent[None, :])[0][0])
        size = surrogate.warp.back(level + float(mean.max())) - surrogate.warp.back(level + float(mean.min()))
        most = LITTLE * float(np.ptp(mean))
        good = tuple(value for value, m, s in zip(values, mean, sd, strict=True) if m <= max(most, s))
        found.append(Effect(name, size, good, len(good) == len(values)))
    return sorted(found, key=lambda e: -e.size)


def advice(surrogate: Surrogate | None, proposal: Proposal | None, inert: Sequence[str], metric: Metric) -> str:
    """Return the tuner's knowledge in lines of text; empty where it knows nothing.

    Parameters
    ----------
    surrogate : Surrogate or None
        None while there are too few runs for a model.
    proposal : Proposal or None
        What it would try next.
    inert : sequence of str
        Constants that provably change nothing.
    metric : Metric
    """
    lines = list(_known(surrogate, inert, metric)) if surrogate else []
    if inert:
        lines.append(f"- These change nothing at present: {', '.join(inert[:TOLD])}.")
    if proposal is not None:
        forecast = f"; the change of {metric.name} that it forecasts: {proposal.expect}" if proposal.expect else ""
        lines.append(f"- It would try next: {proposal.summary}{forecast}.")
    return "\n".join(lines)


def _known(surrogate: Surrogate, inert: Sequence[str], metric: Metric) -> Iterator[str]:
    found = effects(surrogate)
    present = {name: show(c.value) for name, c in surrogate.constants.items()}
    largest = found[0].size if found else 0.0
    for e in found[:TOLD]:
        if e.size < LITTLE * largest:
            break
        yield (
            f"- {e.name} (now {present[e.name]}): {_region(e, surrogate)}; over its range {metric.name} changes by "
            f"about {format_number(e.size, e.size / 5)}."
        )
    if little := [e.name for e in found if e.size < LITTLE * largest and e.name not in inert]:
        yield f"- These matter little: {', '.join(little[:TOLD])}{', ...' if len(little) > TOLD else ''}."


def _region(e: Effect, surrogate: Surrogate) -> str:
    """Return where a constant's good values are, in words."""
    if e.whole:
        return "no value is known to be worse"
    space = surrogate.constants[e.name].space
    if isinstance(space, Choices) and not space.ordered:
        return f"best {' or '.join(show(v) for v in e.good)}"
    low, high = min(map(float, e.good)), max(map(float, e.good))
    ends = [show(type(surrogate.constants[e.name].value)(v)) for v in (low, high)]
    return f"best about {ends[0]}" if low == high else f"best between {ends[0]} and {ends[1]}"
