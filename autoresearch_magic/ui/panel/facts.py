"""The facts of a study that a panel shows besides its experiments, and which of them have changed."""

from __future__ import annotations

import weakref
from collections.abc import Mapping
from typing import Any

from ...agents.readers import reads_nothing
from ...experiment import Experiment
from ...headline import Headline
from ...judging.headline import CONFIDENCE
from ...judging.noise import Noise, student
from ...judging.statistic import standard_error
from ...metric import Metric
from ...study.gain_words import gain_text
from ...study.holdout import contradicts, holdout_gain, holdout_text, share_text, warning
from ...study.shown_numbers import shown_numbers
from ...study.status import LiveRun
from ...study.study import Study
from ...study.summary import counts, lines_of_work, run_line, spent_line, state_words

Facts = dict[str, Any]


def study_facts(study: Study, proven: int | None) -> Facts:
    """Return what the panel shows of a study, without its experiments.

    Parameters
    ----------
    study : Study
    proven : int or None
        How many keeps are proven; None while that is being worked out.
    """
    status = study.status
    best, baseline, live, told = status.incumbent, status.baseline, status.live, status.elsewhere
    head, sums = status.told, _sums(study)
    return {
        "study": {
            "name": study.name, "goal": study.definition.program.title, "metric": study.metric.name,
            "minimize": study.metric.minimize, "budget": "" if study.settings.verify else str(study.settings.budget),
            "verify": study.settings.verify, "agent": study.settings.agent,
            "total": study.settings.planned, "deaf": reads_nothing(study.settings.agent),
        },
        "state": status.doing,
        "words": state_words(status),
        "notes": status.notes,
        "process": told.pid if told else None,
        "behind": told is not None and told.runs < len(status.runs),
        "message": told.message if told else status.message,
        "traceback": status.traceback,
        "elapsed": round(status.elapsed, 1),
        "remaining": None if status.remaining is None else round(status.remaining, 1),
        "spent": round(status.elapsed / limit, 4) if (limit := study.settings.time_limit) else 0.0,
        "baseline": baseline and {
            "value": baseline.value, "sd": _spread(baseline, status.noise), "repeats": len(baseline.values),
        },
        "noise": noise_of(status.noise),
        "best": best and {"number": best.number, "value": best.value, "summary": best.summary},
        "headline": head and {
            "best": head.best, "best_sd": head.best_sd, "baseline": head.baseline, "baseline_sd": head.baseline_sd,
            "best_reach": level_reach(head.best_sd, head.repeats, study.settings.statistic),
            "baseline_reach": level_reach(head.baseline_sd, head.repeats, study.settings.statistic),
            "gain": head.gain, "reach": head.reach, "text": gain_text(head), "repeats": head.repeats, "number": head.number,
            "contradicted": contradicts(head),
        },
        "holdout": head and _holdout(head, study.metric),
        **sums,
        "counts": {**sums["counts"], "proven": proven},
        "pace": status.pace,
        "running": live and {**_running(live), **({"number": len(status.experiments)} if live.flying else {}), "what": run_line(live, best, study.metric)},
        "slots": slot_facts(study),
        "lines": lines_of_work(status),
    }  # fmt: skip


def _holdout(head: Headline, metric: Metric) -> Facts | None:
    """Return what the tile of the holdout shows; None without one, and while the study searches."""
    if (held := head.holdout) is None:
        return {"error": holdout_text(head)} if head.holdout_error else None
    return {
        "name": held.name, "best": metric.format(held.best, held.best_sd), "sd": f"{held.best_sd:.2g}" if held.best_sd else "",
        "good": held.confirms, "text": holdout_gain(head, held), "share": share_text(held, head.confidence), "looks": held.looks,
        "warning": warning(head), "error": "",
    }  # fmt: skip


def changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> Facts:
    """Return what has changed: of a fact that has parts, the changed parts alone.

    A part that is gone cannot be told so; then the whole fact is.
    """
    found: Facts = {}
    for name, value in after.items():
        old = before.get(name)
        if old == value and name in before:
            continue
        if isinstance(value, dict) and isinstance(old, dict) and old.keys() == value.keys():
            found[name] = {part: each for part, each in value.items() if old[part] != each}
        else:
            found[name] = value
    return found


def _sums(study: Study) -> Facts:
    """Return what is summed over all experiments, once for each change of them."""
    status = study.status
    key = (id(status.experiments), len(status.experiments), len(status.runs), status.unclaimed, status.state)
    known = _summed.get(study)
    if known is None or known[0] != key or known[1] is not status.experiments:
        experiments = status.experiments
        sums = {
            "counts": counts(experiments),
            "done": status.done,
            "further": status.more,
            "ledger": spent_line(status),
            "numbers": [number.name for number in shown_numbers(status.settings, experiments)],
        }
        known = _summed[study] = key, experiments, sums
    return known[2]


_summed: weakref.WeakKeyDictionary[Study, tuple[Any, tuple[Experiment, ...], Facts]] = weakref.WeakKeyDictionary()


def _spread(e: Experiment, noise: Noise) -> float | None:
    """Return the standard deviation of one run at an experiment's value: of its own runs, else from the study's noise."""
    if len(e.values) > 1:
        return e.deviation
    return noise.at(e.value) if noise.known and e.value is not None else None


def noise_of(noise: Noise) -> Facts | None:
    """Return what tells the standard deviation of one run at any value, for the band around the best line; None while it is not known.

    At a value ``v`` it is ``sd * (abs(v) / size) ** power``; see `Noise.at`.
    """
    return {"sd": noise.sd, "power": noise.power, "size": noise.size} if noise.known else None


def level_reach(sd: float, runs: int, statistic: str) -> float | None:
    """Return half the width of the 95% interval of a version's level, from its own runs; None for one run."""
    return student((1 - CONFIDENCE) / 2, runs - 1) * standard_error(runs, statistic, sd) if runs > 1 else None


def slot_facts(study: Study) -> list[Facts]:
    """Return the run of each slot, in their order, null for one that is free; empty for a study that runs one after the other."""
    status = study.status
    lives = dict(status.lives) if study.settings.side_by_side else {}
    if not lives:
        return []
    many = max(study.settings.workers, 1 + max(lives))
    return [
        {"slot": n, **_running(live), "what": run_line(live, status.incumbent, study.metric), "place": live.place or f"worker {n + 1}"}
        if (live := lives.get(n)) is not None
        else {"slot": n, "kind": "", "place": f"worker {n + 1}", "what": "", "phase": "", "progress": 0.0}
        for n in range(many)
    ]  # fmt: skip


def _running(live: LiveRun) -> Facts:
    return {
        "number": live.experiment.number, "flying": live.flying, "summary": live.experiment.summary, "phase": live.phase,
        "progress": round(live.progress, 4), "elapsed": round(live.elapsed, 1), "step": live.step, "repeat": live.repeat,
        "repeats": live.repeats, "kind": live.kind,
    }  # fmt: skip
