"""Put together what an agent is told, from the journal alone."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from ..agents.base import Briefing
from ..experiment import Experiment, incumbent_of
from ..judging.noise import estimate_noise
from .definition import Definition


def make_briefing(
    definition: Definition,
    experiments: Sequence[Experiment],
    *,
    notes: Sequence[str],
    wait: Callable[[float, str], None] | None = None,
    number: int | None = None,
) -> Briefing:
    """Return the briefing for the next proposal.

    Parameters
    ----------
    definition : Definition
    experiments : sequence of Experiment
        Every judged experiment, the baseline first.
    notes : sequence of str
        What the user has said, the oldest first.
    wait : callable, optional
        See `Briefing.wait`.
    number : int, optional
        The number of the proposed experiment; the next one by default.
    """
    incumbent = incumbent_of(experiments)
    assert incumbent is not None, "there is no baseline yet"
    s, checkout = definition.settings, definition.checkout
    briefing = Briefing(
        program=definition.program.text, setup=definition.setup, metric=definition.metric, incumbent=incumbent,
        history=tuple(experiments), number=len(experiments) if number is None else number, seed=s.seed,
        noise=estimate_noise(experiments).sd, budget="" if checkout else str(s.budget), notes=tuple(notes),
        verify=s.verify, guard=s.guard, valid=s.valid, scope=checkout.scope if checkout else (), tracked=checkout.shown if checkout else (),
    )  # fmt: skip
    return briefing if wait is None else replace(briefing, wait=wait)
