"""The closing phase of a study: one in twenty of its runs at most chooses between its best versions and proves its keeps.

What is run, and which version the study ends with, is decided by `judging.closing`. Where another version than the incumbent is
expected to be better, the keeps that led away from it are taken back: they become discards, and it becomes the incumbent.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial

from ..config.settings import Settings
from ..events import Notice, Remeasured, State
from ..experiment import Experiment, Verdict
from ..judging.belief import Belief
from ..judging.closing import best_version, closing_runs, eligible, next_runs
from ..judging.gains import CERTAIN
from .measuring import Measurer
from .status import StudyStatus

NOTE = "closing"
"""Kind of the journal's notes that count the runs of this phase."""


def searched(status: StudyStatus) -> int:
    """Return how many runs a study's search has made so far, those of the closing phase included."""
    return status.searched("control")[0]


def has_closing(status: StudyStatus) -> bool:
    """Whether a study has a closing phase: not where every repeat gives the same value, nor with the strict rule."""
    return status.settings.judge != "strict" and status.noise.known and not status.noise.deterministic


def baseline_runs(settings: Settings) -> int:
    """Return how often the baseline runs: `--repeats` times, but not for more than a tenth of --max-runs, if that leaves two."""
    most = settings.max_runs
    return settings.repeats if most is None else min(settings.repeats, max(2, most // 10))


def closing_seconds(status: StudyStatus) -> float:
    """Return the expected seconds of the closing phase, if the search ended now."""
    if not has_closing(status):
        return 0.0
    count, seconds = status.searched()
    return closing_runs(count) * seconds / count / status.slots if count else 0.0


def runs_reached(status: StudyStatus) -> str:
    """Return that --max-runs ends the search, in one line; empty while it does not."""
    most, made = status.settings.max_runs, searched(status)
    if most is None or made + (closing_runs(made) if has_closing(status) else 0) < most:
        return ""
    rest = f", and the other {most - made} are for the closing phase" if made < most else ""
    return f"{made} runs were made{rest} (--max-runs {most})."


class Closing:
    """The closing phase of one study.

    Parameters
    ----------
    measurer : Measurer
    """

    def __init__(self, measurer: Measurer) -> None:
        self.measurer, self.status, self.journal = measurer, measurer.status, measurer.records.journal
        self.failing: set[int] = set()  # versions that fail the guard

    def run(self, room_for: Callable[[float], bool] = lambda seconds: True) -> None:
        """Make the runs, as long as there is room for so many seconds, and take back what they show to be no gain."""
        if self.measurer.rule.strict or len(self.status.experiments) < 2 or not self.measurer.noise.known:
            return
        made = len(self.journal.notes(NOTE))
        allowed = closing_runs(searched(self.status) - made)
        if self.measurer.noise.deterministic:
            allowed = max(allowed, 1)  # one more run of the best shows that it was no accident
        most = self.measurer.settings.max_runs
        if most is not None:
            allowed = min(allowed, made + most - searched(self.status))
        many = self.status.slots
        while made < allowed and (chosen := self.next_versions(min(many, allowed - made))):
            if not room_for(max(each.seconds / len(each.measurements) for each in chosen)):
                return
            self.measurer.share_out([partial(self._run_one, each) for each in chosen])
            made += len(chosen)
        self.choose()

    def _run_one(self, each: Experiment, measurer: Measurer) -> None:
        measurer.wait_for_go(State.CONFIRMING)
        self.journal.note(NOTE, experiment=each.number)
        measurer.run_version(each)

    def _belief(self) -> Belief:
        return self.measurer.judge.belief(self.status.experiments, self.measurer.noise)

    def _excluded(self) -> set[int]:
        """Return the versions that cannot be the result: those that fail the guard or are beyond a limit."""
        return self.failing | self.measurer.constraints.farther(self.status.experiments, self.measurer.incumbent)

    def next_version(self) -> Experiment | None:
        """Return the version whose next run is worth most; None where none is worth anything."""
        return next(iter(self.next_versions(1)), None)

    def next_versions(self, most: int) -> list[Experiment]:
        """Return the versions whose next runs are worth most, to be run at the same time; none where none is worth anything."""
        noise, best = self.measurer.noise, self.measurer.incumbent
        if noise.deterministic:  # then the best is run again where a single value proves nothing
            return [best] if best.number and noise.certainty < CERTAIN and len(best.values) < 2 else []
        numbers = next_runs(self._belief(), self.status.experiments, best, self._excluded(), most)
        return [self.status.experiments[number] for number in numbers]

    def choose(self, when: str = "at the end") -> None:
        """End, or go on, with the version that is expected to be best, if it passes the guard."""
        while not self.measurer.noise.deterministic:
            incumbent, experiments = self.measurer.incumbent, self.status.experiments
            number = best_version(self._belief(), experiments, incumbent, self._excluded())
            if number == incumbent.number and (number := self._within_instead(incumbent)) == incumbent.number:
                return
            chosen = experiments[number]
            if self.measurer.settings.guard and not chosen.kept and self.measurer.check_guard(chosen).failure:
                self.failing.add(number)
                continue
            self._go_on_with(chosen, when)
            return

    def _within_instead(self, incumbent: Experiment) -> int:
        """Return the best version within the limits where further runs of the incumbent have shown that it is not, else the incumbent."""
        constraints, experiments = self.measurer.constraints, self.status.experiments
        if not constraints.broken_for_certain(incumbent, experiments):
            return incumbent.number
        belief = self._belief()
        beyond = {e.number for e in experiments if constraints.missing(e) > 0}
        return max(eligible(belief, experiments, self.failing | beyond), key=belief.mean, default=incumbent.number)

    def _go_on_with(self, chosen: Experiment, when: str) -> None:
        experiments = self.status.experiments
        lineage, e = {chosen.number}, chosen
        while e.parent is not None:
            e = experiments[e.parent]
            lineage.add(e.number)
        name = f"experiment {chosen.number}" if chosen.number else "the baseline"
        back = [e for e in experiments if e.verdict is Verdict.KEEP and e.number not in lineage]
        changed = [
            replace(e, verdict=Verdict.DISCARD, reason=f"Taken back {when}: {name} is expected to be better, from all runs. Kept before: {e.reason}")
            for e in back
        ]  # fmt: skip
        if not chosen.kept:
            why = f"Chosen {when}: expected to be the best version, from all runs. Discarded before: {chosen.reason}"
            changed.append(replace(chosen, verdict=Verdict.KEEP, reason=why))
        for e in self.measurer.records.rejudged(changed, chosen.number, experiments):
            self.measurer.publish(Remeasured(e))
        numbers = ", ".join(str(e.number) for e in back)
        undone = f" Taken back: {numbers}." if back else ""
        self.measurer.publish(
            Notice(f"From all runs, {name} is expected to be the best version {when}.{undone}", lasting=True)
        )
