"""Notices that the machine has drifted: the incumbent is measured again now and then, and beside it another version.

Its older values no longer count then. A metric that takes two values looks alike, and is told from it.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Protocol

from ..events import Notice, Publish, Remeasured, RunKind
from ..experiment import Experiment, Measurement
from ..judging.drift import drifted, moved_alike
from ..judging.judge import Rule
from ..judging.levels import two_levels
from ..judging.noise import Noise
from ..metric import Metric
from ..runs import mean
from ..storage.records import Records
from .status import StudyStatus

RECHECK = 30
"""Runs after which the incumbent is measured again without another reason, to notice that the machine has drifted."""

CALM = 3
"""Factor on `RECHECK` where all repeats gave the same value: such a metric does not depend on the machine's load."""


class Remeasures(Protocol):
    """What is needed of a `Measurer`."""

    publish: Publish
    records: Records
    status: StudyStatus
    metric: Metric
    rule: Rule

    @property
    def experiments(self) -> tuple[Experiment, ...]:
        """Every judged experiment."""

    @property
    def incumbent(self) -> Experiment:
        """The current best."""

    @property
    def noise(self) -> Noise:
        """The study's."""

    def measure(self, experiment: Experiment, kind: RunKind, seed: int, repeat: int, repeats: int) -> Measurement:
        """Run a target once."""

    def run_incumbent(self, incumbent: Experiment, seed: int) -> Experiment:
        """Run a judged version once more."""


class DriftCheck:
    """Looks for a drift of the machine, for all slots of a study together."""

    def __init__(self) -> None:
        self._looks = False  # whether one of the slots does
        self._doubts = False  # whether there is a reason to look now
        self._levels_told = False  # that the metric takes two values
        self._levels_seen = -1  # how often a repeated version had changed when that was looked for last

    def look(self, measurer: Remeasures) -> None:
        """Measure the incumbent again when its last run is `RECHECK` runs old: candidates say as much of its level, but not of time."""
        incumbent = measurer.incumbent
        due = RECHECK * (CALM if measurer.noise.deterministic else 1)
        if measurer.rule.strict or self._looks:
            return
        if not self._doubts and measurer.records.journal.runs_since(incumbent.number) < due:
            return
        self._looks, self._doubts = True, False  # one slot at a time
        try:
            self.remeasure(measurer, 1 + max(m.seed for m in incumbent.measurements))
        finally:
            self._looks = False

    def doubt(self) -> None:
        """Let the incumbent be measured again beside the next candidate, because values may not be what they were."""
        self._doubts = True

    def remeasure(self, measurer: Remeasures, seed: int) -> None:
        """Run the incumbent once more; drop its older values where the machine has changed since.

        That is so where two new values differ by more than chance explains, and another version has moved as they have: a
        metric that takes two values, or a version that was lucky, differs as well, but the other version stays.
        """
        before = measurer.incumbent
        noise = measurer.noise
        incumbent = measurer.run_incumbent(before, seed)
        count = len(before.measurements)
        if not drifted(before.values, incumbent.values[len(before.values) :], noise):
            return
        incumbent = measurer.run_incumbent(incumbent, seed + 1)  # a single odd value may be chance
        now = [m.value for m in incumbent.measurements[count:] if m.ok and m.value is not None]
        if len(now) < 2 or not drifted(before.values, now, noise):
            return
        was, gives = measurer.metric.format(before.value), measurer.metric.format(mean(now))
        line = f"Experiment {incumbent.number} gives {gives} now, {was} before"
        control = _control(measurer, before)
        if control is None:  # no other version has run: a third value must be off as well
            incumbent = measurer.run_incumbent(incumbent, seed + 2)
            now = [m.value for m in incumbent.measurements[count:] if m.ok and m.value is not None]
            changed = len(now) > 2 and drifted(before.values, now, noise)
        else:
            changed = moved_alike(before.values, now, control.values, _run_control(measurer, control, seed, len(now)))
        if not changed:
            if not self.tell_levels(measurer) and control is not None:
                other = f"experiment {control.number}" if control.number else "the baseline"
                measurer.publish(
                    Notice(f"{line}, but {other} has not changed with it: it varies, and all its runs count.")
                )
            return
        incumbent = replace(incumbent, since=count)
        measurer.records.journal.set_since(incumbent)
        measurer.publish(Remeasured(incumbent))
        measurer.publish(Notice(f"{line}: the machine has changed, and comparisons use the new value."))

    def tell_levels(self, measurer: Remeasures) -> bool:
        """Publish, once, that the metric takes two values; return whether it does."""
        repeats = measurer.status.tally.repeats
        if self._levels_told or repeats == self._levels_seen:
            return self._levels_told
        self._levels_seen = repeats  # versions that ran once say nothing
        experiments = measurer.experiments
        if (levels := two_levels([experiments[n] for n in measurer.status.tally.repeated])) is not None:
            self._levels_told = True
            measurer.publish(Notice(levels.text(measurer.metric), lasting=True))
        return self._levels_told


def _control(measurer: Remeasures, before: Experiment) -> Experiment | None:
    """Return the other version that was run nearest in time to the incumbent's last run, to see whether it moves as well.

    Those that ran before it come first: the machine may have changed right after it.
    """
    runs = measurer.records.journal.order_of_runs()
    own = [i for i, (number, _) in enumerate(runs) if number == before.number]
    last = own[len(before.measurements) - 1]
    others = [
        (i > last, abs(i - last), number)
        for i, (number, ok) in enumerate(runs)
        if number != before.number and number < len(measurer.experiments) and ok
    ]
    return measurer.experiments[min(others)[2]] if others else None


def _run_control(measurer: Remeasures, control: Experiment, seed: int, runs: int) -> list[float]:
    found = [measurer.measure(control, "control", seed + repeat, repeat, runs) for repeat in range(runs)]
    return [m.value for m in found if m.ok and m.value is not None]
