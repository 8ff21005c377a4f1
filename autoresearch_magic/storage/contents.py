"""What a journal holds, kept in memory and brought up to date with its news: the same as reading it afresh gives."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from ..events import RunKind
from ..experiment import Experiment, Measurement, Usage
from .journal import SEARCH
from .news import News, Position
from .rows import Run, experiment_of


class Contents:
    """The experiments, runs and expenses of one journal, as far as it was read.

    Attributes
    ----------
    position : Position
        How far that is.
    experiments : dict of int to Experiment
        All by number, also those without a verdict.
    runs : list of Run
        All in the order in which they were made.
    runs_in_short : list of (kind, seconds)
        The same in short.
    unjudged : set of int
        The experiments without a verdict.
    finals : dict of int to list of Measurement
        The runs of the final confirmation, by experiment.
    """

    def __init__(self) -> None:
        self.position = Position()
        self.experiments: dict[int, Experiment] = {}
        self.runs: list[Run] = []
        self.runs_in_short: list[tuple[RunKind, float]] = []
        self.unjudged: set[int] = set()
        self._judged: tuple[Experiment, ...] | None = None
        self.finals: dict[int, list[Measurement]] = {}
        self._measured: dict[int, list[Run]] = {}  # runs of the search, by experiment
        self._since: dict[int, int] = {}
        self._paid: list[tuple[int, Usage]] = []  # by calls that no experiment has claimed
        self._claimed: set[int] = set()

    @property
    def judged(self) -> tuple[Experiment, ...]:
        """All experiments with a verdict."""
        if self._judged is None:
            self._judged = tuple(e for _, e in sorted(self.experiments.items()) if e.verdict is not None)
        return self._judged

    @property
    def unclaimed(self) -> Usage:
        """What calls of the agent have used that belong to no judged experiment; see `Journal.unclaimed`."""
        spent = sum((usage for _, usage in self._paid), Usage())
        return sum((self.experiments[n].proposal.usage for n in sorted(self.unjudged)), spent)

    def take(self, news: News) -> set[int]:
        """Take news that begin at `position`; return the numbers of the experiments that are new or have changed."""
        self.position = news.position
        changed = self._take_events(news.events)
        for run in news.runs:
            self.runs.append(run)
            self.runs_in_short.append((run.kind, run.measurement.seconds))
            if run.kind in SEARCH:
                self._measured.setdefault(run.experiment, []).append(run)
                changed.add(run.experiment)
            elif run.kind == "final":
                self.finals.setdefault(run.experiment, []).append(run.measurement)
        changed |= self._take_rows(news)
        for number in (changed & self.experiments.keys()) - {row["number"] for row in news.rows}:
            self.experiments[number] = replace(
                self.experiments[number], measurements=self._measurements(number), since=self._since.get(number, 0)
            )
        if changed:
            self._judged = None
        self.unjudged = {
            n for n in self.unjudged | changed if n in self.experiments and self.experiments[n].verdict is None
        }
        return changed & self.experiments.keys()

    def _measurements(self, number: int) -> tuple[Measurement, ...]:
        return tuple(run.measurement for run in self._measured.get(number, ()))

    def _take_events(self, events: Iterable[tuple[str, dict[str, Any]]]) -> set[int]:
        """Take drifts, reworked proposals and what calls have used; return the experiments that have changed by it."""
        changed = set()
        for kind, body in events:
            if kind == "paid":
                self._paid.append((body["call"], Usage(**body["usage"])))
            elif kind == "claimed":
                self._claimed.update(body["calls"])
            elif kind == "drift":
                self._since[body["experiment"]] = body["since"]
                changed.add(body["experiment"])
            elif kind == "rework":
                self._set_aside(body["experiment"])
                changed.add(body["experiment"])
        self._paid = [(call, usage) for call, usage in self._paid if call not in self._claimed]
        return changed

    def _set_aside(self, number: int) -> None:
        """Let the runs of a proposal that was reworked count as such; those that are read from now on are of the new one."""
        self._measured[number] = [run for run in self._measured.get(number, []) if run.kind != "candidate"]
        self.runs = [
            replace(run, kind="reworked") if run.experiment == number and run.kind == "candidate" else run
            for run in self.runs
        ]
        self.runs_in_short = [(run.kind, run.measurement.seconds) for run in self.runs]

    def _take_rows(self, news: News) -> set[int]:
        """Take the rows of experiments; return the numbers of those that say something new."""
        statistic = (news.meta["settings"] or {}).get("statistic", "mean")
        changed = set()
        for row in news.rows:
            number = row["number"]
            made = experiment_of(row, self._measurements(number), self._since.get(number, 0), statistic)
            if made != self.experiments.get(number):
                self.experiments[number] = made
                changed.add(number)
        return changed
