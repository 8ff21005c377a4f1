"""Which numbers a study shows beside its metric: those of ``--also``, and those that have a limit."""

from __future__ import annotations

from collections.abc import Sequence

from ..config.settings import Settings
from ..experiment import Experiment
from ..run_numbers import ShownNumber, plain_name
from ..runners.output.also import parse_also

MOST = 24
"""Numbers that are shown; an expression of ``--also`` may give a dictionary of any size."""


def shown_numbers(settings: Settings, experiments: Sequence[Experiment], *, brief: bool = False) -> list[ShownNumber]:
    """Return the numbers to show, in the order in which the user gave them; only those that an experiment has.

    Parameters
    ----------
    settings : Settings
    experiments : sequence of Experiment
        Of a name that stands for a dictionary, the keys are taken from them.
    brief : bool
        For a table of few columns: those that have a limit first, and no keys of dictionaries.
    """
    constraints = settings.as_constraints().limits
    if not settings.also and not constraints:
        return []
    also = [parse_also(text, verified=bool(settings.verify))[0] for text in settings.also]
    there = dict.fromkeys(name for e in experiments for m in e.measurements[:1] for name in m.numbers)
    names: dict[str, str] = {}
    for name in also:
        for each in there:
            if each == name or (each.startswith(f"{name}.") and not brief):
                names.setdefault(plain_name(each), each)
    for limit in constraints:
        names.setdefault(plain_name(limit.name), limit.name)
    found = []
    for plain, name in names.items():
        limits = tuple((c.sign, c.bound) for c in constraints if plain_name(c.name) == plain)
        found.append(ShownNumber(name, limits))
    if brief:
        found.sort(key=lambda n: not n.limits)
    return [n for n in found if any(n.value(e) is not None for e in experiments)][:MOST]
