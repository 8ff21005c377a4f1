"""Where a study stands: what its events add up to. Status, panel and bars read it; it changes nothing."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

from ..config.settings import Settings
from ..events import (
    Confirmed,
    Event,
    Judged,
    Notice,
    Remeasured,
    RunEnded,
    RunKind,
    RunProgress,
    RunStarted,
    State,
    StateChanged,
)
from ..experiment import Experiment, Headline, Point, Usage


@dataclass
class Live:
    """The run that is under way, as far as is known.

    Attributes
    ----------
    experiment : Experiment
    kind : {"baseline", "candidate", "incumbent", "final", "trial"}
    repeat, repeats : int
        The run is the `repeat`-th (from 0) of `repeats`.
    phase : {"starting", "training", "evaluating", "guard"}
    elapsed, progress, step
        As the target's clock has them.
    curve : list of Point
    """

    experiment: Experiment
    kind: RunKind
    repeat: int
    repeats: int
    phase: str = "starting"
    elapsed: float = 0.0
    progress: float = 0.0
    step: int = 0
    curve: list[Point] = field(default_factory=list)


@dataclass
class StudyStatus:
    """Where a study stands.

    Attributes
    ----------
    settings : Settings
    state : State
    message, traceback : str
        The last thing to say; the user's frames when it failed.
    experiments : tuple of Experiment
        Every judged one, the baseline first. Replaced, never changed: a reader in another thread keeps what it took.
    live : Live or None
    headline : Headline or None
    runs : list of (kind, seconds)
        What every run so far was for, and its wall clock.
    revised : list of int
        Numbers of experiments that have got other runs after their verdict, in the order in which that happened.
    seconds : float
        At work in earlier stretches.
    """

    settings: Settings
    state: State = State.NEW
    message: str = ""
    traceback: str = ""
    experiments: tuple[Experiment, ...] = ()
    live: Live | None = None
    headline: Headline | None = None
    runs: list[tuple[RunKind, float]] = field(default_factory=list)
    revised: list[int] = field(default_factory=list)
    seconds: float = 0.0
    _since: float | None = None

    def take(self, event: Event) -> None:
        """Add one event."""
        match event:
            case StateChanged(state, message):
                asked = state in (State.PAUSING, State.STOPPING)
                if not (self._overtaken(state) or (asked and not self.state.active)):
                    self.state = state
                self.message = message or self.message
            case RunStarted(experiment, kind, repeat, repeats):
                self.live = Live(experiment, kind, repeat, repeats)
            case RunProgress() if self.live is not None:
                self._progress(self.live, event)
            case RunEnded(_, kind, measurement):
                self.runs.append((kind, measurement.seconds))
            case Remeasured(experiment):
                number = experiment.number
                self.experiments = (*self.experiments[:number], experiment, *self.experiments[number + 1 :])
                self.revised.append(number)
            case Judged(experiment):
                self.experiments = (*self.experiments, experiment)
                self.live = None
                if experiment.kept:
                    self.headline = None  # it was of another best
            case Confirmed(result):
                self.headline = result
            case Notice(message):
                self.message = message
            case _:
                pass

    def _overtaken(self, state: State) -> bool:
        """Whether the loop's own progress comes after someone has asked for a pause or a stop."""
        own = {State.RUNNING, State.BASELINE, State.WAITING, State.CONFIRMING, State.MEASURING}
        return (self.state is State.PAUSING and state in own) or (
            self.state is State.STOPPING and state in own | {State.PAUSED}
        )

    @staticmethod
    def _progress(live: Live, event: RunProgress) -> None:
        live.phase = event.phase
        if event.phase == "training":
            live.elapsed, live.progress, live.step = event.elapsed, event.progress, event.step
        if event.point is not None:
            live.curve.append(event.point)

    def begin(self) -> None:
        """Start the stopwatch."""
        self._since = time.monotonic()

    def end(self) -> None:
        """Stop the stopwatch; no run is under way any more."""
        self.seconds, self._since, self.live = self.elapsed, None, None

    @property
    def elapsed(self) -> float:
        """Seconds at work; absences are not counted."""
        seconds, since = self.seconds, self._since  # taken once: the study's thread may end it meanwhile
        return seconds + (0.0 if since is None else time.monotonic() - since)

    @property
    def baseline(self) -> Experiment | None:
        """Experiment 0, once it is measured."""
        return self.experiments[0] if self.experiments else None

    @property
    def incumbent(self) -> Experiment | None:
        """The best kept experiment; the baseline until something beats it."""
        return next((e for e in reversed(self.experiments) if e.kept), None)

    @property
    def done(self) -> int:
        """How many experiments have been run, the baseline and what was refused not counted."""
        return sum(e.ran for e in self.experiments[1:])

    @property
    def usage(self) -> Usage:
        """What the agent has used."""
        return sum((e.proposal.usage for e in self.experiments), Usage())

    @property
    def runs_total(self) -> int:
        """How many runs there will have been at the end, the repeats of candidates not counted: baseline, experiments and confirmation."""
        best = self.incumbent
        nothing_kept = best is not None and best.number == 0 and self.done >= self.settings.experiments
        return self.settings.repeats + self.settings.experiments + (0 if nothing_kept else 2 * self._again)

    @property
    def runs_done(self) -> int:
        """How many of those have been made, or need not be: with the confirmation the experiments are over."""
        live = self.live
        if not self.experiments:
            return live.repeat if live else 0
        if live is not None and live.kind == "final":
            # Best and baseline take turns, the best first.
            return self.runs_total - 2 * (self._again - live.repeat) + (live.experiment.number == 0)
        return self.settings.repeats + self.done

    @property
    def _again(self) -> int:
        """How often the confirmation runs best and baseline: more often than planned where they were disturbed."""
        live = self.live
        return live.repeats if live is not None and live.kind == "final" else self.settings.repeats

    @property
    def fraction(self) -> float:
        """The share of the whole that is done, by runs or by the limit of time, whichever is further; 0 to 1."""
        if self.state is State.FINISHED:
            return 1.0
        part = self.live.progress if self.live is not None else 0.0
        limit = self.settings.time_limit
        spent = 0.0 if limit is None else self.elapsed / limit
        runs = (self.runs_done + part) / max(1, self.runs_total) if self.settings.planned else 0.0
        return min(1.0, max(spent, runs))

    @property
    def pace(self) -> float | None:
        """Seconds of wall clock that an experiment takes on average, its repeats with it; None before the first run is over.

        The baseline's runs count as one experiment each. The confirmation and questions of the user's count for nothing.
        """
        search = [(kind, seconds) for kind, seconds in self.runs if kind not in ("final", "trial")]
        baseline = sum(kind == "baseline" for kind, _ in search)
        return sum(seconds for _, seconds in search) / max(1, baseline + self.done) if search else None

    @property
    def remaining(self) -> float | None:
        """Seconds to the end as far as what was done so far tells; None before the first run is over, and at rest."""
        if self.pace is None or not self.state.active or not (self.settings.planned or self.settings.time_limit):
            return None
        if self.state is State.MEASURING or (self.live is not None and self.live.kind == "trial"):
            return None  # the study is at rest, and how many runs its question takes is not told
        part = self.live.progress if self.live is not None else 0.0
        left = self.pace * max(0.0, self.runs_total - self.runs_done - part)
        limit = self.settings.time_limit
        return left if limit is None else min(left, max(0.0, limit - self.elapsed))
