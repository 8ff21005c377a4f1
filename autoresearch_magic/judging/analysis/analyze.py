"""Analysis of a study's history: trend, plateau, keep rate, what paid off, what failed, what to do next.

Everything is computed from the judged experiments alone, so it is the same after a resume. The formulas:

- **gain** of an experiment over its parent, in the metric's unit, positive for better in either direction: what the study believes of
  it from all runs, with the chance that it is better (`gains`), where that is given; else by how much its value is better. Where the
  machine drifted, an experiment's values from before the drift are compared with its parent, and those since the drift with its
  children, so that only values from the same time are compared.
- **progress** after n experiments: the sum of the gains of the kept ones, 0 at the baseline. With drift it is chained, like a price
  index. The n-th experiment is the n-th that was run:
  crashes count, duplicates and refused proposals do not.
- **trend**: the Theil-Sen slope of progress over the last ``w`` experiments, and the mean ``(y_n − y_(n−w)) / w``; ``w`` is
  a third of the experiments, at least 10 and at most 60.
- **keep rate**: kept / run, with Wilson's interval, over all and over the last ``w``.
- **plateau**: how long nothing was kept, how probable that was at the keep rate before, and whether that is too long. The
  formulas of these three are in `rates`.
- **paid off**: for each kind of change (`change_kinds`) and each agent, how many were run and kept, the keep rate, and sum and
  median of the gains of the kept ones.
- **wins**: the gains of the kept experiments, largest first, each with its share of the sum of all positive ones, its chance of being
  better, and whether that is proven.
- **diminishing returns**: progress per experiment in the first and the second half, their ratio, and the factor from one
  kept gain to the next, ``exp`` of the Theil-Sen slope of ``ln gain`` over the positive ones.
- **failures** by cause (`Experiment.cause`), the most frequent first.
- **advice**: continue, stop or change strategy (`advice`).

Pure functions, no I/O.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from ...experiment import Experiment, Verdict
from ...metric import Metric
from ...source.constants import find_constants
from ..gains import Gain, gain_over_parent
from ..levels import two_levels
from ..noise import Noise, difference
from .advice import advise
from .change_kinds import Change
from .format import evals_markdown, evals_text
from .models import Failure, Findings, Group, Returns, Trend, Win
from .payoff import Changes, find_changes
from .rates import plateau, theil_sen, wilson

WINDOW = (10, 60)
"""The least and the most experiments that count as the latest ones."""


class Evals(Findings):
    """The analysis of a study, displayed as text where it is printed and as Markdown in a notebook."""

    def __str__(self) -> str:
        return evals_text(self)

    def _repr_markdown_(self) -> str:
        return evals_markdown(self)


def evaluate(
    experiments: Iterable[Experiment],
    metric: Metric,
    *,
    noise: Noise | float = 0.0,
    gains: Mapping[int, Gain] | None = None,
    planned: int = 0,
    patience: int | None = None,
    budgeted: bool = True,
    confirmed: str = "",
    known: Changes | None = None,
) -> Evals:
    """Analyze a study's history.

    Parameters
    ----------
    experiments : iterable of Experiment
        In the order of their numbers, the baseline first; open ones are left out.
    metric : Metric
    noise : Noise or float
        Of the study; or the standard deviation of one run, in the metric's unit, 0 for a deterministic metric.
    gains : mapping of int to Gain, optional
        What the study believes of each experiment's gain, by number; by default the differences of the values, without chances.
    planned : int
        Experiments that were planned, besides the baseline.
    patience : int or None
        Experiments without a keep that make a plateau; for None or 0 see `rates.plateau`.
    budgeted : bool
        Whether a run has a budget that could be longer.
    confirmed : str
        The result as measured again at the end, in one line.
    known : dict, optional
        The changes that an earlier call for the same study has found; new ones are put into it.
    """
    noise = noise if isinstance(noise, Noise) else Noise(noise)
    judged = [e for e in experiments if e.verdict is not None]
    by_number = {e.number: e for e in judged}
    proposals = [e for e in judged if e.number > 0]
    ran = [e for e in proposals if e.ran]
    seen = {e.number: found for e in ran if (found := gain_over_parent(e, by_number, metric)) is not None}
    believed = {**seen, **(gains or {})}
    size = {number: found.gain for number, found in believed.items()}
    compared = find_changes(judged, known)
    changes = {e.number: compared[e.number][1] for e in ran}
    won = [e for e in ran if e.verdict is Verdict.KEEP and e.number in size]
    steps = [size[e.number] for e in won]
    progress = [0.0]
    for e in ran:
        progress.append(progress[-1] + (size.get(e.number, 0.0) if e.verdict is Verdict.KEEP else 0.0))
    window = min(len(ran), max(WINDOW[0], min(WINDOW[1], len(ran) // 3)))
    latest = ran[len(ran) - window :]
    baseline = by_number.get(0)
    best = next((e for e in reversed(judged) if e.kept), None)
    evals = Evals(
        metric=metric, noise=noise.sd, planned=planned, judged=len(proposals), ran=len(ran),
        baseline=baseline.value if baseline else None, best=best.value if best else None,
        incumbent=best.number if best else 0, runs=len(best.values) if best else 0,
        baseline_runs=len(baseline.values) if baseline else 0, chained=any(e.since for e in judged), gain=progress[-1],
        seen=_seen(best, baseline, metric), statistic=baseline.statistic if baseline else "mean",
        proven=sum(believed[e.number].proven for e in won),
        trend=Trend(window, theil_sen(progress[-window - 1 :]), (progress[-1] - progress[-window - 1]) / max(1, window)),
        kept=wilson(sum(e.verdict is Verdict.KEEP for e in ran), len(ran)),
        lately=wilson(sum(e.verdict is Verdict.KEEP for e in latest), window), plateau=plateau(judged, patience),
        kinds=_groups([(changes[e.number].kind, e) for e in ran], size),
        agents=_groups([(e.proposal.agent or "unnamed", e) for e in ran], size),
        wins=_wins(won, believed, changes), steps=tuple(steps),
        returns=_returns(progress, steps, max(0, planned - len(ran))), failures=failures(proposals),
        duplicates=sum(e.verdict is Verdict.DUPLICATE for e in proposals),
        pruned=sum(e.verdict is Verdict.PRUNED for e in proposals),
        close=sum(e.verdict is Verdict.DISCARD and e.number in seen and seen[e.number].gain > 0 for e in ran),
        untried=_untried(best, changes.values()), levels=two_levels(judged), confirmed=confirmed,
    )  # fmt: skip
    return replace(evals, advice=advise(evals, proposals[len(proposals) - min(len(proposals), WINDOW[0]) :], budgeted))


def failures(experiments: Iterable[Experiment]) -> tuple[Failure, ...]:
    """Group failures by their cause, the most frequent first; of equally frequent ones the latest first."""
    causes: dict[str, list[Experiment]] = {}
    for e in experiments:
        if e.verdict is not None and e.verdict.failed:
            causes.setdefault(e.cause, []).append(e)
    found = [Failure(cause, tuple(e.number for e in each), each[-1].reason) for cause, each in causes.items()]
    return tuple(sorted(found, key=lambda failure: (-len(failure.numbers), -failure.numbers[-1])))


def _seen(best: Experiment | None, baseline: Experiment | None, metric: Metric) -> float:
    """Return by how much the best value is better than the baseline's; 0 where there is none."""
    if best is None or baseline is None or best.value is None or baseline.value is None:
        return 0.0
    return difference(best.value, baseline.value, metric)


def _groups(named: Sequence[tuple[str, Experiment]], gains: Mapping[int, float]) -> tuple[Group, ...]:
    members: dict[str, list[Experiment]] = {}
    for name, e in named:
        members.setdefault(name, []).append(e)
    groups = []
    for name, each in members.items():
        kept = [e.number for e in each if e.verdict is Verdict.KEEP]
        won = [gains[number] for number in kept if number in gains]
        failed = sum(e.verdict is not None and e.verdict.failed for e in each)
        median = statistics.median(won) if won else None
        groups.append(Group(name, wilson(len(kept), len(each)), math.fsum(won), median, failed))
    return tuple(sorted(groups, key=lambda g: (-g.gain, -g.kept.hits, g.kept.of, g.name)))


def _wins(won: Sequence[Experiment], gains: Mapping[int, Gain], changes: Mapping[int, Change]) -> tuple[Win, ...]:
    total = math.fsum(max(0.0, gains[e.number].gain) for e in won)
    wins = []
    for e in won:
        found = gains[e.number]
        share = max(0.0, found.gain) / total if total else 0.0
        wins.append(Win(e.number, e.summary, changes[e.number].kind, found.gain, share, found.p_better, found.proven))
    return tuple(sorted(wins, key=lambda win: (-win.gain, win.number)))


def _returns(progress: Sequence[float], steps: Sequence[float], left: int) -> Returns:
    ran = len(progress) - 1
    if ran < 2:
        return Returns()
    half = ran // 2
    early, late = progress[half] / half, (progress[-1] - progress[half]) / (ran - half)
    logs = [math.log(step) for step in steps if step > 0]
    # Limited to a window, as the slope takes all pairs.
    fade = math.exp(theil_sen(logs[-WINDOW[1] :])) if len(logs) > 2 else None
    return Returns(early, late, half, fade, late * left)


def _untried(best: Experiment | None, changes: Iterable[Change]) -> tuple[str, ...]:
    if best is None:
        return ()
    tried = {name for each in changes for name in each.constants}
    found = sorted(find_constants(best.target, strict=False), key=lambda constant: -constant.importance)
    return tuple(constant.name for constant in found if constant.name not in tried)
