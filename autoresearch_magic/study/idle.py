"""What the machine does while nothing else can run because the agent is awaited: it runs kept versions and near misses again.

Which of them is what the closing phase would run (`judging.closing`): the version whose run improves the choice between the best
ones most, or the one that a keep needs to be proven; after that the incumbent, with which everything is compared. So a slow agent's
study ends with more that is proven, and where a near miss turns out to be better, the search goes on with it.
"""

from __future__ import annotations

from ..events import Notice, State
from ..experiment import Experiment
from .closing import Closing, has_closing
from .confirming import confirmation_seconds
from .limits import has_room
from .measuring import Measurer

WORTH_IT = 0.5
"""A run is made where the agent is expected to take at least this share of it: the answer may have to wait for the rest."""

MOST, MOST_OF_INCUMBENT = 24, 12
"""Runs of one version, and of an incumbent that nothing is to be proven of, after which it is not run for this reason any more."""

NOTE = "idle run"
"""Kind of the journal's notes that tell which runs were made for this reason."""


class IdleRuns:
    """Runs versions again while the agent is awaited.

    Parameters
    ----------
    measurer : Measurer
    """

    def __init__(self, measurer: Measurer) -> None:
        self.measurer, self.status, self.journal = measurer, measurer.status, measurer.records.journal
        self.closing = Closing(measurer)
        self._told = False

    def run_one(self, expected_wait: float) -> bool:
        """Run one version once more; return False where none is worth it in so many seconds."""
        settings = self.measurer.settings
        if (
            not expected_wait
            or not settings.repeat_idle
            or settings.max_runs is not None
            or not has_closing(self.status)
        ):
            return False
        chosen = self._choose()
        if chosen is None:
            return False
        seconds = chosen.seconds / len(chosen.measurements)
        room = has_room(self.status, seconds + confirmation_seconds(self.status))
        if expected_wait < WORTH_IT * seconds or not room:
            return False
        if not self._told:
            self._told = True
            self.measurer.publish(
                Notice("While the agent is awaited, the best versions are run again (--no-repeat-idle).")
            )
        self.measurer.wait_for_go(State.RUNNING)
        self.journal.note(NOTE, experiment=chosen.number)
        self.measurer.run_version(chosen)
        if len(self.status.experiments) > 1:
            self.closing.choose("while the agent was awaited")
        return True

    def _choose(self) -> Experiment | None:
        incumbent = self.measurer.incumbent
        chosen = self.closing.next_version() if len(self.status.experiments) > 1 else None
        if chosen is not None and len(chosen.measurements) < MOST:
            return chosen
        return incumbent if len(incumbent.measurements) < MOST_OF_INCUMBENT else None
