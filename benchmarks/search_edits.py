"""A simulated agent that climbs hills, for `search.py`: what a language model does that edits the version it is shown.

It knows nothing of the whole space, unlike the tuner, whose model is of all runs. Most of its proposals change one to three constants of the
version that it is shown by a small step, and go on in the direction of an edit that has just become that version. One in ten is a bold
change of about half of the constants, whatever the number of lines is; and so is each with which a line of work begins, where it takes words
that no line is at, as the briefing asks for another approach. So a study with one line makes bold changes as well, but takes them or leaves
them by their first value.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence

from autoresearch_magic.agents.base import Agent, Briefing
from autoresearch_magic.errors import NothingToPropose
from autoresearch_magic.experiment import Proposal
from autoresearch_magic.source.constants import Constant, find_constants, read_values, replace_constants
from autoresearch_magic.source.edits import fingerprint
from autoresearch_magic.source.search_space import Choices, Value

STEP = 0.1
"""Standard deviation of a small step, as a share of a range."""
MORE = 0.4
"""Probability that a small edit changes a second constant, and then again a third."""
WORD = 0.3
"""Probability that a choice without an order takes part in a small edit that would change it."""
JUMP = 0.1
"""Share of bold changes among the proposals for a version."""
CHANGED = 0.5
"""Probability that a bold change changes a constant."""
AGAIN = 0.5
"""Probability that a small edit goes on in the direction of the edit that led to the version."""
TRIES = 200


class Editor(Agent):
    """Proposes small edits of the version it is shown, and sometimes a bold change."""

    name = "editor"

    def propose(self, briefing: Briefing) -> Proposal:
        """Return an edit of the version of the briefing that was not tried yet; the same briefing gives the same one."""
        rng = random.Random(f"{briefing.seed}-{briefing.number}")
        shown = briefing.incumbent
        tried = {e.fingerprint or fingerprint(e.target) for e in (*briefing.history, shown, *briefing.running)}
        constants = {c.name: c for c in find_constants(shown.target)}
        before = None if shown.parent is None else read_values(briefing.history[shown.parent].target)
        at = [read_values(briefing.history[n].target) for n in (briefing.line.others if briefing.line else ())]
        for _ in range(TRIES):
            bold = (briefing.line is not None and briefing.line.begins) or rng.random() < JUMP
            changes = _bold(constants, at, rng) if bold else _small(constants, before, rng)
            changes = {name: value for name, value in changes.items() if value != constants[name].value}
            target = replace_constants(shown.target, changes)
            if changes and fingerprint(target) not in tried:
                summary = ", ".join(f"{name} {constants[name].value} → {value}" for name, value in changes.items())
                return Proposal(target, summary, agent=self.name)
        raise NothingToPropose("The editor has no edit that was not tried.")


def _bold(constants: Mapping[str, Constant], at: Sequence[Mapping[str, Value]], rng: random.Random) -> dict[str, Value]:
    found: dict[str, Value] = {}
    for name, c in constants.items():
        if isinstance(c.space, Choices) and not c.space.ordered and at:
            left = [value for value in c.space.values if all(value != values.get(name) for values in at)]
            found[name] = rng.choice(left or list(c.space.values))
        elif rng.random() < CHANGED:
            found[name] = c.space.at(rng.random())
    return found


def _small(
    constants: Mapping[str, Constant], before: Mapping[str, Value] | None, rng: random.Random
) -> dict[str, Value]:
    count = 1 + (rng.random() < MORE)
    count += count == 2 and rng.random() < MORE
    names = rng.sample(sorted(constants), min(count, len(constants)))
    moved = {n for n in constants if before is not None and before.get(n, constants[n].value) != constants[n].value}
    if moved and rng.random() < AGAIN:
        names = sorted(moved)
    found: dict[str, Value] = {}
    for name in names:
        c = constants[name]
        if isinstance(c.space, Choices) and not c.space.ordered:
            if rng.random() < WORD:
                found[name] = c.space.at(rng.random())
            continue
        here = c.space.position(c.value)
        step = abs(rng.gauss(0, STEP))
        if name in moved and before is not None and names == sorted(moved):
            step = step if here > c.space.position(before[name]) else -step
        elif rng.random() < 0.5:
            step = -step
        there = here + step if 0 <= here + step <= 1 else here - step
        found[name] = _other(c, min(1.0, max(0.0, there)))
    return found


def _other(constant: Constant, there: float) -> Value:
    """Return the value at a position, or the next one where a space of few values would round it to the present one."""
    space, here = constant.space, constant.space.position(constant.value)
    for longer in (1, 2, 4, 8):
        value = space.at(min(1.0, max(0.0, here + (there - here) * longer)))
        if value != constant.value:
            return value
    return constant.value
