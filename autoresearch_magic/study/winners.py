"""Winners one by one: each proven keep's own change on top of the study's base, run again by itself, as commits on new branches.

A keep was found on top of earlier ones. Its own edit (from its parent) is merged into the base; where it does not apply alone, it
forms a unit with the earlier keeps that it needs. Each unit is run beside the base, on the same seeds that the search never uses, so
the value in its commit is its own and not that of the run that made it a keep.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from ..errors import UserError
from ..experiment import Experiment
from ..judging.chance import contrast, pooled
from ..judging.gains import CONFIDENCE, Gain
from ..judging.noise import estimate_noise
from ..metric import Metric
from ..runners.clean import clean_guard
from ..runs import summary
from ..source.edits import merge
from ..source.files import split
from ..storage.git.commits import safe_name
from ..text import counted
from .comparisons import lineage
from .evidence import chance, interval, signed

if TYPE_CHECKING:
    from ..storage.git.checkout import Checkout
    from .measuring import Measurer
    from .status import StudyStatus

ONE, BRANCHES = "commits", "branches"
"""Whether the winners are commits of one branch, or each has a branch."""


@dataclass(frozen=True)
class Unit:
    """A change that applies to the base alone: a keep, with the earlier ones that it needs.

    Attributes
    ----------
    experiments : tuple of Experiment
        In their order.
    target : str
        The base with their changes.
    """

    experiments: tuple[Experiment, ...]
    target: str

    @property
    def name(self) -> str:
        """Their numbers, as in ``3`` or ``2-5``."""
        return "-".join(str(e.number) for e in self.experiments)


@dataclass(frozen=True)
class Winner:
    """A unit that was run by itself.

    Attributes
    ----------
    unit : Unit
    values, base : tuple of float
        Its values, and those of the base on the same seeds.
    found : Gain or None
        How much better it is than the base; None where it has no value.
    failed : str
        Why it gets no commit; empty where it does.
    """

    unit: Unit
    values: tuple[float, ...] = ()
    base: tuple[float, ...] = ()
    found: Gain | None = None
    failed: str = ""


@dataclass(frozen=True)
class Winners:
    """The answer to `ask_winners`.

    Attributes
    ----------
    winners : tuple of Winner
    unproven : tuple of int
        Keeps on the way to the best that are not proven, and that none of the others needs.
    samples : int
        Runs of each.
    """

    winners: tuple[Winner, ...]
    unproven: tuple[int, ...]
    samples: int


def units_of(
    baseline: Experiment, kept: Sequence[Experiment], wanted: Sequence[int], experiments: Sequence[Experiment]
) -> list[Unit]:
    """Return the units of the wanted keeps, in the order in which they can be put on top of each other.

    Parameters
    ----------
    baseline : Experiment
    kept : sequence of Experiment
        The keeps that led to the best, in their order.
    wanted : sequence of int
        Numbers of those that are to be applied.
    experiments : sequence of Experiment
        By number: the parents.
    """

    def applied(some: Sequence[Experiment]) -> str | None:
        target: str | None = baseline.target
        for e in some:
            target = None if target is None else merge(experiments[e.parent or 0].target, target, e.target)
        return target

    sets: list[list[Experiment]] = []
    for at, e in enumerate(kept):
        if e.number not in wanted:
            continue
        need = [e]
        for before in reversed(kept[:at]):
            if applied(need) is not None:
                break
            need.insert(0, before)
        for before in need[:-1]:  # not all of them may be needed
            fewer = [each for each in need if each is not before]
            if applied(fewer) is not None:
                need = fewer
        sets.append(need)
    while (pair := _touching(sets, applied)) is not None:
        one, two = pair
        together = {e.number for e in (*sets[one], *sets[two])}
        sets[one] = [e for e in kept if e.number in together]
        del sets[two]
        sets.sort(key=lambda each: each[-1].number)
    return [Unit(tuple(each), target) for each in sets if (target := applied(each)) is not None]


def _touching(
    sets: Sequence[Sequence[Experiment]], applied: Callable[[Sequence[Experiment]], str | None]
) -> tuple[int, int] | None:
    """Return two units that share a keep, or of which the second does not apply on top of those before it."""
    below: list[Experiment] = []
    for two, each in enumerate(sets):
        for one in range(two):
            if {e.number for e in sets[one]} & {e.number for e in each}:
                return one, two
        if two and applied([*below, *each]) is None:
            return two - 1, two
        below += each
    return None


def ask_winners(measurer: Measurer, samples: int) -> Winners:
    """Run each unit beside the base; see the module."""
    experiments, status = measurer.experiments, measurer.status
    kept = lineage(experiments, measurer.incumbent)
    if not kept:
        raise UserError("Nothing was kept, so there is nothing to apply.")
    proven = [e.number for e in kept if e.number in status.proven]
    if not proven:
        raise UserError(
            f"None of the {counted(len(kept), 'keep')} is proven, so there is no winner:  %autoresearch apply  commits the best as it is."
        )
    baseline = experiments[0]
    units = units_of(baseline, kept, proven, experiments)
    base: list[float] = []
    values: list[list[float]] = [[] for _ in units]
    failed = [_guard(measurer, unit) for unit in units]
    for repeat in range(samples):
        run = measurer.trial(baseline, repeat, samples)
        if not run.ok or run.value is None:
            raise UserError(f"The baseline does not run any more: {run.error}")
        base.append(run.value)
        for i, unit in enumerate(units):
            if failed[i]:
                continue
            first = unit.experiments[-1]
            version = replace(
                first, proposal=replace(first.proposal, target=unit.target, summary=f"experiment {unit.name} alone")
            )
            run = measurer.trial(version, repeat, samples)
            if run.ok and run.value is not None:
                values[i].append(run.value)
            else:
                failed[i] = f"it does not run alone: {run.error}"
    noise = pooled([base, *(v for v in values if v)], estimate_noise(experiments))
    winners = []
    for unit, own, why in zip(units, values, failed, strict=True):
        found = None
        if not why:
            c = contrast(own, base, measurer.metric, baseline.statistic, noise)
            reach = c.reach(CONFIDENCE)
            low, high = (None, None) if reach is None else (c.gain - reach, c.gain + reach)
            found = Gain(c.gain, low, high, len(own), len(base), c.p_better)
        winners.append(Winner(unit, tuple(own), tuple(base), found, why))
    used = {e.number for unit in units for e in unit.experiments}
    return Winners(tuple(winners), tuple(e.number for e in kept if e.number not in used), samples)


def _guard(measurer: Measurer, unit: Unit) -> str:
    """Run the guard on a unit alone; return what does not pass, empty for a pass."""
    if not measurer.settings.guard:
        return ""
    checked = clean_guard(
        measurer.runner.check(
            unit.target, deadline=measurer.settings.deadline(None), allowed=measurer.records.journal.guard_value(),
            log=str(measurer.records.folder / "logs" / "winners-guard.log"),
        )
    )  # fmt: skip
    return f"the guard does not pass without the other changes: {checked.failure}" if checked.failure else ""


# -- commits ------------------------------------------------------------------------------------------------------------


def write_winners(status: StudyStatus, answer: Winners, how: str) -> dict[str, list[str]]:
    """Make the branches with the winners' commits; return the commits' hashes by branch."""
    from ..storage.git.new_branches import add_branches

    checkout = checked_branches(status)
    good = [w for w in answer.winners if not w.failed]
    if not good:
        return {}
    before = split(status.experiments[0].target)
    name = safe_name(status.name)
    if how == BRANCHES:
        return add_branches(
            checkout, before,
            {f"{name}-winner-{w.unit.name}": [(split(w.unit.target), message(status, w))] for w in good},
        )  # fmt: skip
    target, versions = status.experiments[0].target, []
    for w in good:
        for e in w.unit.experiments:
            merged = merge(status.experiments[e.parent or 0].target, target, e.target)
            if merged is None:  # one in between has failed
                raise UserError(
                    f"Experiment {e.number} does not apply on top of the other winners: use  apply --each branches"
                )
            target = merged
        versions.append((split(target), message(status, w)))
    return add_branches(checkout, before, {f"{name}-winners": versions})


def checked_branches(status: StudyStatus, how: str = "") -> Checkout:
    """Return the checkout, where winners can be made of this study; with `how`, where the branches' names are free."""
    if (checkout := status.definition.checkout) is None:
        raise UserError(
            "apply --each makes branches of a repository, and this study is of a cell: %autoresearch restore N puts one experiment's version into "
            "a cell, and  %autoresearch ablate  says what each change contributes."
        )
    from ..storage.git.new_branches import check_new

    name = safe_name(status.name)
    kept = [] if status.incumbent is None else lineage(status.experiments, status.incumbent)
    check_new(
        checkout, [f"{name}-winners"] if how == ONE else [f"{name}-winner-{e.number}" for e in kept] if how else []
    )
    return checkout


def message(status: StudyStatus, w: Winner) -> str:
    """Return the message of a winner's commit: its own value and interval, and what it is."""
    metric, statistic = status.metric, status.experiments[0].statistic
    own, base = summary(w.values, statistic), summary(w.base, statistic)
    assert w.found is not None
    assert status.definition.checkout is not None
    base_commit = status.definition.checkout.commit
    es = w.unit.experiments
    subject = es[-1].summary.splitlines()[0][:72] if es[-1].summary.strip() else f"experiment {es[-1].number}"
    together = (
        f"Experiments {', '.join(str(e.number) for e in es)} together, since the last does not apply alone:\n"
        + "\n".join(f"- {e.summary}" for e in es)
        if len(es) > 1
        else ""
    )
    measured = (
        f"{metric.name} {status.format(base)} -> {status.format(own)}, by itself on top of {base_commit[:10]}: "
        f"{signed(w.found)}; 95% interval {interval(w.found)}; chance that it is better {chance(w.found)} ({counted(len(w.values), 'run')} each, on seeds "
        "that the search never used)."
    )
    trailers = "\n".join(
        [*(f"Experiment: {e.number}" for e in es), f"Study: {status.name}", f"Metric: {metric.name}={own!r}"]
    )
    return (
        "\n\n".join(
            part for part in (subject, es[-1].proposal.hypothesis.strip(), together, measured, trailers) if part
        )
        + "\n"
    )


def winners_text(metric: Metric, answer: Winners, made: dict[str, list[str]], how: str) -> str:
    """Return what was made and found, in a few lines."""
    hashes = iter([sha for commits in made.values() for sha in commits])
    lines = []
    for w in answer.winners:
        es = w.unit.experiments
        what = f"{' and '.join(str(e.number) for e in es)} {'(together: the last does not apply alone) ' if len(es) > 1 else ''}{es[-1].summary}"
        if w.failed or w.found is None:
            lines.append(f"no commit   experiment {what}: {w.failed}")
            continue
        doubt = "" if (w.found.p_better or 0.0) >= CONFIDENCE else " (by itself it proves nothing)"
        lines.append(
            f"{next(hashes)[:10]}  experiment {what}: {signed(w.found)}, 95% interval {interval(w.found)}{doubt}"
        )
    if answer.unproven:
        lines.append(
            f"left out    not proven: {', '.join(map(str, answer.unproven))} (%autoresearch again N  runs one once more)"
        )
    named = ", ".join(made)
    where = f"Branch {named}" if len(made) == 1 else f"Branches {named}"
    head = (
        f"{where}: {counted(sum(map(len, made.values())), 'commit')}, each run by itself on top of the base ({counted(answer.samples, 'run')} each). Your checkout "
        "is as it was, and nothing is pushed."
        if made
        else "No branch is made: none of the winners runs by itself."
    )
    return "\n".join([head, *lines])
