"""The gains of one study's experiments, each worked out once, and kept in the journal of a long study that rests."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import astuple
from typing import Any, Protocol

from ..config.settings import Settings
from ..experiment import Experiment
from ..judging.belief import LastBelief
from ..judging.gains import Gain, KnownGains, expected_gains
from ..judging.noise import Noise
from ..metric import Metric

LONG, FORM = 300, 1
"""Experiments from which on the gains are kept in the journal, and the number of the form and formula in which they are."""


class StudySoFar(Protocol):
    """What gains are worked out from: a study's status."""

    @property
    def experiments(self) -> tuple[Experiment, ...]:
        """The judged ones."""

    @property
    def runs(self) -> Sequence[object]:
        """All runs."""

    @property
    def metric(self) -> Metric:
        """What is measured."""

    @property
    def noise(self) -> Noise:
        """The estimate of its noise."""

    @property
    def settings(self) -> Settings:
        """The study's."""

    def followed(self, number: int) -> set[int]:
        """Return the versions whose levels are needed after an experiment."""


class StudyGains:
    """Works out the gains of a study from its status.

    Attributes
    ----------
    belief : LastBelief
        From which the next belief goes on; the judge shares it.
    """

    def __init__(self) -> None:
        self.belief = LastBelief()
        self._known: KnownGains = {}
        self._made: tuple[tuple[Experiment, ...], dict[int, Gain]] | None = None  # of which experiments, and the gains

    def of_all(self, status: StudySoFar, rest: Callable[[], object] = lambda: None) -> dict[int, Gain]:
        """Return the gains of all experiments; where they are not known yet, `rest` is called after each millisecond of work on them."""
        experiments, made = status.experiments, self._made
        if made is None or made[0] is not experiments:
            made = self._made = experiments, self._expected(status, experiments, rest)
        return made[1]

    def of_keeps(self, status: StudySoFar) -> dict[int, Gain]:
        """Return those of keeps at least: of thousands of experiments, the others are most of the work."""
        experiments, made = status.experiments, self._made
        if made is not None and made[0] is experiments:
            return made[1]
        return self._expected(status, experiments, lambda: None, keeps_only=True)

    def _expected(
        self, status: StudySoFar, experiments: tuple[Experiment, ...], rest: Callable[[], object], *, keeps_only: bool = False
    ) -> dict[int, Gain]:  # fmt: skip
        gains, belief = expected_gains(
            experiments, status.metric, status.noise, timed=status.settings.budget.unit != "steps", before=self.belief.value,
            rest=rest, known=self._known, followed=status.followed, keeps_only=keeps_only,
        )  # fmt: skip
        if belief is not None:
            self.belief.value = belief
        return gains

    def for_journal(self, status: StudySoFar) -> dict[str, Any] | None:
        """Return the gains as they are kept in the journal of a long study that rests; None where they are worked out in no time."""
        if len(status.experiments) < LONG:
            return None
        return _mark(status) | {"rows": [[n, *astuple(gain)] for n, gain in sorted(self.of_all(status).items())]}

    def take(self, status: StudySoFar, kept: Any) -> None:
        """Take gains that were kept in the journal, where they are those of the experiments and runs that are known."""
        if isinstance(kept, Mapping) and all(kept.get(name) == value for name, value in _mark(status).items()):
            self._made = status.experiments, {row[0]: Gain(*row[1:]) for row in kept["rows"]}


def _mark(status: StudySoFar) -> dict[str, Any]:
    """Return what tells of which experiments and runs gains are."""
    return {"form": FORM, "experiments": len(status.experiments), "runs": len(status.runs)}
