"""Put together what an agent is told, from the journal alone."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from ..agents.base import Briefing, Rework
from ..agents.prior import Prior
from ..experiment import Experiment, Proposal, incumbent_of
from ..judging.noise import estimate_noise
from .definition import Definition
from .hidden import hidden_of
from .ideas import Idea, for_agents


def make_briefing(
    definition: Definition,
    experiments: Sequence[Experiment],
    *,
    notes: Sequence[str],
    ideas: Sequence[Idea] = (),
    priors: Sequence[Prior] = (),
    wait: Callable[[float, str], None] | None = None,
    number: int | None = None,
    noise: float | None = None,
) -> Briefing:
    """Return the briefing for the next proposal.

    Parameters
    ----------
    definition : Definition
    experiments : sequence of Experiment
        Every judged experiment, the baseline first.
    notes : sequence of str
        What the user has said, the oldest first.
    ideas : sequence of Idea
        The backlog.
    priors : sequence of Prior
        What was imported from other studies.
    wait : callable, optional
        See `Briefing.wait`.
    number : int, optional
        The number of the proposed experiment; the next one by default.
    noise : float, optional
        The standard deviation of one run, where it is known already.
    """
    incumbent, backlog = incumbent_of(experiments), for_agents(ideas)
    assert incumbent is not None, "there is no baseline yet"
    s, checkout, hidden = definition.settings, definition.checkout, hidden_of(definition)
    setup, names = (hidden.setup, hidden.names) if hidden else (definition.setup, ())
    if hidden:
        experiments = [hidden.clean_experiment(e) for e in experiments]
        incumbent = experiments[incumbent.number]
        backlog = tuple(hidden.clean(idea) for idea in backlog)
    briefing = Briefing(
        program=definition.program.text, setup=setup, metric=definition.metric, incumbent=incumbent,
        history=tuple(experiments), number=len(experiments) if number is None else number, seed=s.seed,
        noise=estimate_noise(experiments).sd if noise is None else noise, budget="" if checkout else str(s.budget), notes=tuple(notes), also=s.also, limits=s.limit, ideas=backlog, priors=tuple(priors),
        hidden=names, verify=s.verify, guard=s.guard, valid=s.valid, scope=checkout.scope if checkout else (), tracked=checkout.shown if checkout else (), checkout=checkout,
    )  # fmt: skip
    return briefing if wait is None else replace(briefing, wait=wait)


def make_rework(definition: Definition, proposal: Proposal, problem: str, output: str) -> Rework:
    """Return a refused proposal to repair, without what is hidden from the agent."""
    hidden = hidden_of(definition)
    return (
        Rework(proposal, hidden.clean(problem, output), hidden.clean(output))
        if hidden
        else Rework(proposal, problem, output)
    )
