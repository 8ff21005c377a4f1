"""The confirmation at the end of a study: best and baseline are measured again, on seeds that the search has never used."""

from __future__ import annotations

import math
from collections.abc import Callable

from ..events import Confirmed, Notice, State, StateChanged
from ..experiment import Experiment, Measurement
from ..judging.headline import confirmed, runs_by_seed
from ..judging.noise import disturbed
from .measuring import FRESH_SEEDS, Measurer
from .status import StudyStatus


def confirm(measurer: Measurer, room_for: Callable[[float], bool] = lambda seconds: True) -> None:
    """Measure best and baseline again, alternating and on fresh seeds, and publish the headline.

    Where one of them varied far more than it did in the search, both get as many runs once more: otherwise the
    disturbance would make the interval so wide that it says nothing.

    Parameters
    ----------
    measurer : Measurer
    room_for : callable
        Whether the time limit leaves room for so many seconds more.
    """
    best, baseline, settings = measurer.incumbent, measurer.experiments[0], measurer.settings
    if best.number == 0:
        return
    measurer.publish(StateChanged(State.CONFIRMING))
    finals = measurer.records.journal.finals()
    _run_pairs(measurer, (best, baseline), finals, settings.repeats)
    size, most = best.value or 0.0, 2 * settings.repeats
    values = [
        [m.value for m in runs_by_seed(finals[e.number]).values() if m.value is not None] for e in (best, baseline)
    ]
    # When a study is resumed, the additional runs may have been made already.
    due = any(len(of_one) < most for of_one in values)
    if due and any(disturbed(of_one, measurer.noise, size) for of_one in values):
        room = room_for(confirmation_seconds(measurer.status))
        what = (
            "each gets as many runs once more." if room else "the interval is wide, and no time is left for more runs."
        )
        measurer.publish(
            Notice(f"Best and baseline varied far more than before when they were run again: {what}", lasting=True)
        )
        if room:
            _run_pairs(measurer, (best, baseline), finals, most)
    result = confirmed(best, finals, measurer.metric, settings.repeats, settings.holdout_name)
    if result is not None:
        measurer.publish(Confirmed(result))


def confirmation_seconds(status: StudyStatus) -> float:
    """Return the expected seconds of the confirmation; 0 while nothing is known to be better than the baseline."""
    best = status.incumbent
    if best is None or best.number == 0:
        return 0.0
    pairs = math.ceil(status.settings.repeats / status.slots)  # one after the other in each slot
    return pairs * sum(e.seconds / len(e.measurements) for e in (best, status.experiments[0]))


def _run_pairs(
    measurer: Measurer, experiments: tuple[Experiment, ...], finals: dict[int, list[Measurement]], repeats: int
) -> None:
    """Run experiments in turn on `repeats` fresh seeds that have no value yet, each seed in one slot; add the runs to `finals[number]`."""

    def job(repeat: int) -> Callable[[Measurer], None]:
        def run(own: Measurer) -> None:
            seed = own.settings.seed + FRESH_SEEDS + repeat
            for experiment in experiments:
                made = finals.setdefault(experiment.number, [])
                if seed in runs_by_seed(made):
                    continue
                own.wait_for_go(State.CONFIRMING)
                made.append(own.measure(experiment, "final", seed, repeat, repeats))

        return run

    measurer.share_out([job(repeat) for repeat in range(repeats)])
