"""Advice on what to do next: continue, stop or change strategy, with a reason of one or two sentences.

The first rule that holds decides:

1. No baseline: continue.
2. At least half of the latest proposals, and at least 5, ended with the same failure: change strategy, and fix its cause.
3. At least half of them, and at least 5, were duplicates or no proposal at all, or all were that or were stopped early: change
   strategy, the agent is out of ideas. (Most bad runs are stopped early, so that alone means nothing.)
4. The metric takes two values: change strategy, as means of few runs say little.
5. Fewer than 8 experiments were run: continue, it is too early to tell.
6. There is a plateau, the metric is noisy, and a third of the discarded experiments looked better than their parent: change
   strategy, because the noise hides possible gains.
7. There is a plateau, and something was not tried, constants or the code itself: change strategy, and try that.
8. There is a plateau that had a probability of at most 1%, or is twice as long as the patience: stop.
9. Otherwise: continue, and name what paid most.

The latest are the last 10 proposals that were judged, run or not. Pure functions, no I/O.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from ...experiment import Experiment, Verdict
from ...text import counted
from .models import Advice, Findings

EARLY = 8
"""Experiments below which there is no advice: at a keep rate of one in three, none in 8 still happens in 4% of cases."""
MANY, HALF = 5, 0.5
"""Number and share of the latest proposals from which a repeated result counts as a pattern."""
CLOSE = 1 / 3
"""Share of discards with a better value above which noise is the obstacle. Without any effect, half have one."""
FEW = 3
"""Tries below which a kind of change counts as not tried."""
STOP = 0.01
"""Probability of a plateau at a steady keep rate below which it is believed: one of 5% occurs in any long study."""
FADED = 0.25
"""Ratio of late to early gains below which the advice mentions it."""


def advise(evals: Findings, latest: Sequence[Experiment], budgeted: bool = True) -> Advice:
    """Return what to do next, by the rules of this module.

    Parameters
    ----------
    evals : Findings
        Complete but for its advice.
    latest : sequence of Experiment
        The latest judged proposals.
    budgeted : bool
        Whether a run has a budget that could be longer.
    """
    if evals.baseline is None:
        return Advice("continue", "There is no baseline yet.")
    if pattern := _repeated_failure(latest):
        return Advice("change strategy", pattern)
    if evals.levels is not None:
        return Advice("change strategy", evals.levels.text(evals.metric))
    if evals.ran < EARLY:
        return Advice("continue", f"Too early to tell: {counted(evals.ran, 'experiment')} so far.")
    if evals.plateau.reached and (advice := _at_a_plateau(evals, budgeted)) is not None:
        return advice
    return Advice("continue", _reason_to_continue(evals))


def _repeated_failure(latest: Sequence[Experiment]) -> str:
    enough = max(MANY, HALF * len(latest))
    causes = Counter(e.cause for e in latest if e.verdict is not None and e.verdict.failed and not e.proposal.failure)
    cause, times = next(iter(causes.most_common(1)), ("", 0))
    if times >= enough:
        last = next(e for e in reversed(latest) if e.cause == cause)
        reason = " ".join(last.reason.split()).rstrip(".")
        reason = reason if len(reason) <= 160 else reason[:159] + "…"
        return (
            f"{times} of the last {len(latest)} proposals ended with {cause}"
            f"{f' ({reason})' if reason else ''}: fix the cause, or forbid it in the program."
        )
    wasted_on = {
        "tried before": sum(e.verdict is Verdict.DUPLICATE for e in latest),
        "stopped early": sum(e.verdict is Verdict.PRUNED for e in latest),
        "without a new target": sum(bool(e.proposal.failure) for e in latest),
    }
    wasted = sum(wasted_on.values())
    if wasted - wasted_on["stopped early"] >= enough or (wasted == len(latest) and wasted >= enough):
        parts = ", ".join(f"{number} {word}" for word, number in wasted_on.items() if number)
        return (
            f"The agent is out of ideas: of the last {len(latest)} proposals, {parts}. Another agent, a note with a new idea "
            "(%autoresearch say) or wider ranges may help."
        )
    return ""


def _at_a_plateau(evals: Findings, budgeted: bool) -> Advice | None:
    flat = evals.plateau
    idle = f"{counted(flat.idle, 'experiment')} without a keep"
    discarded = evals.ran - evals.kept.hits - evals.pruned - sum(group.failed for group in evals.kinds)
    if evals.noise > 0 and evals.close >= max(FEW, CLOSE * discarded):
        return Advice(
            "change strategy",
            f"{idle}, and {evals.close} of {discarded} discarded ones looked better than their parent: the noise of one run "
            f"(sd {evals.noise:.2g}) hides small gains. "
            f"{'A longer budget, or one in steps,' if budgeted else 'Measuring more in each run of the command'} reduces it.",
        )
    structure = sum(g.kept.of for g in evals.kinds if g.name.startswith("structure"))
    if evals.untried:
        names = ", ".join(evals.untried[:6]) + (" ..." if len(evals.untried) > 6 else "")
        were = "was" if len(evals.untried) == 1 else "were"
        return Advice("change strategy", f"{idle}, but {names} {were} never changed: try that.")
    if structure < FEW:
        tried = "only constants were changed" if not structure else "the code itself was hardly changed"
        return Advice(
            "change strategy",
            f"{idle}, and {tried}: let a model change the structure (--agent claude, or hybrid).",
        )
    if not evals.kept.hits:
        return Advice(
            "change strategy",
            f"Nothing was kept in {counted(evals.ran, 'experiment')}: check whether the program, "
            f"{'the budget' if budgeted else 'the command'} and the metric allow a gain that is larger than the noise.",
        )
    if flat.chance > STOP and flat.idle < 2 * flat.patience:
        return None
    return Advice(
        "stop",
        f"{idle}, which had a probability of {flat.chance:.1%} at the keep rate before; constants and structure were both tried.",
    )


def _reason_to_continue(evals: Findings) -> str:
    if evals.plateau.reached:
        return (
            f"A plateau begins: {counted(evals.plateau.idle, 'experiment')} without a keep. At the keep rate before, that had a "
            f"probability of {evals.plateau.chance:.0%}, which is not unusual in a long study."
        )
    best = next(iter(evals.kinds), None)
    if best is None or best.gain <= 0:
        flat = evals.plateau
        return (
            f"Nothing has paid off yet, but there were only {counted(flat.idle, 'experiment')} without a keep; "
            f"{flat.patience} make a plateau."
        )
    total = sum(group.gain for group in evals.kinds if group.gain > 0)
    reason = (
        f"{best.name[:1].upper()}{best.name[1:]} paid most: kept {best.kept.hits} of {best.kept.of}, "
        f"{best.gain / total:.0%} of all gains."
    )
    ratio = evals.returns.ratio
    if ratio is not None and ratio < FADED:
        return f"{reason} Gains are getting smaller: the second half gained {max(0.0, ratio):.0%} of the first."
    if evals.planned and evals.ran >= evals.planned and evals.lately.hits:
        return (
            f"{reason} There were still gains when the planned experiments were used up: more (-n) are likely to pay."
        )
    return reason
