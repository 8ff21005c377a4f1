"""Loops of a study that is driven from outside: they try what is given to them, with the judge and the seeds of any other loop."""

from __future__ import annotations

from ..events import Notice, State
from ..experiment import Experiment, Verdict
from ..judging.judge import Decision
from .closing import Closing
from .confirming import confirm, confirmation_seconds
from .limits import has_room
from .loop import Loop


class DrivenLoop(Loop):
    """Measure the baseline, where there is none, and try the versions that are given; then end, so that the study can go on."""

    def run(self) -> tuple[State, str]:
        """Do so, and return the state to end in, with nothing to say about it."""
        try:
            self.measure_baseline()
            if self.pending is not None:
                self.meet_unfinished(self.pending)
            while self.pending is not None or self.open_given():
                self.measurer.wait_for_go(State.RUNNING)
                self.try_pending()
            while self.run_asked():
                pass
            return self.end()
        finally:
            self.proposer.close()
            self.proposer.join()

    def meet_unfinished(self, experiment: Experiment) -> None:
        """Say that an experiment that was begun and not finished comes first."""
        self.publish(Notice(f"Experiment {experiment.number} was begun and not finished: that comes first."))

    def end(self) -> tuple[State, str]:
        """Leave the study as one that was stopped."""
        return State.STOPPED, ""


class DroppingLoop(DrivenLoop):
    """Try the versions that are given, and give up an experiment that was begun and not finished."""

    def meet_unfinished(self, experiment: Experiment) -> None:
        """Record that it was dropped."""
        self.record(experiment, Decision(Verdict.REJECTED, "It was interrupted, and dropped by the user."))


class FinishingLoop(DrivenLoop):
    """Choose the final version, as at the end of any search, and confirm the result on fresh seeds."""

    def end(self) -> tuple[State, str]:
        """Run the closing phase and the confirmation, as far as --hours or --minutes leaves room."""
        Closing(self.measurer).run(lambda seconds: has_room(self.status, seconds + confirmation_seconds(self.status)))
        confirm(self.measurer, lambda seconds: has_room(self.status, seconds))
        return State.FINISHED, ""
