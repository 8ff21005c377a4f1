"""Several runners side by side: a `Fleet` has one for each slot, and says where each of them runs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass

from . import Runner


@dataclass(frozen=True)
class Place:
    """Where the runs of a slot take place.

    Attributes
    ----------
    name : str
        For people, such as ``GPU 1`` or ``tcp://10.0.0.7:40123``.
    device : str
        What ``CUDA_VISIBLE_DEVICES`` is set to there; empty where nothing is set.
    cores : tuple of int
        The processors that its runs may use; empty for all.
    kind : str
        What must be equal for the times of two places to be comparable, such as the model of the processor or of the GPU.
    """

    name: str
    device: str = ""
    cores: tuple[int, ...] = ()
    kind: str = ""

    @property
    def environment(self) -> dict[str, str]:
        """What experiments there have in their environment besides what all have."""
        return {"CUDA_VISIBLE_DEVICES": self.device} if self.device else {}


ALONE = Place("this machine")
"""The place of a study that runs one experiment at a time."""


class Fleet:
    """The runners of a study, one for each slot, all for the same target.

    Parameters
    ----------
    runners : sequence of Runner
    places : sequence of Place
        As many.
    notes : sequence of str
        What the user should know before the first run, a line each.
    close : callable, optional
        Called after the runners are closed, such as to end a cluster.
    """

    def __init__(
        self, runners: Sequence[Runner], places: Sequence[Place] = (ALONE,), notes: Sequence[str] = (),
        close: Callable[[], object] = lambda: None,
    ) -> None:  # fmt: skip
        if len(runners) != len(places):
            raise ValueError(f"{len(runners)} runners in {len(places)} places")
        self.runners, self.places, self.notes, self._close = tuple(runners), tuple(places), tuple(notes), close

    def __len__(self) -> int:
        return len(self.runners)

    def interrupt(self) -> None:
        """Kill all runs in progress, from any thread; see `Runner.interrupt`."""
        for runner in self.runners:
            runner.interrupt()

    def close(self) -> None:
        """End all processes of all runners, whatever goes wrong with one of them."""
        try:
            for runner in self.runners:
                with suppress(Exception):
                    runner.close()
        finally:
            self._close()
