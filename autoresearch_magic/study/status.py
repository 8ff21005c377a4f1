"""The read-only status of a study, folded from its events. Loop, panel, progress bars and summaries read it."""

from __future__ import annotations

import time
from dataclasses import dataclass, field, replace
from itertools import pairwise
from pathlib import Path

from ..config.settings import Settings
from ..events import (
    Confirmed,
    Event,
    Judged,
    NotesChanged,
    Notice,
    Proposed,
    Remeasured,
    RunEnded,
    RunKind,
    RunProgress,
    RunStarted,
    Spent,
    State,
    StateChanged,
)
from ..experiment import Experiment, Usage
from ..headline import Headline, Holdout
from ..judging.gains import Gain
from ..judging.lines import Lines
from ..judging.noise import Noise
from ..metric import Metric
from ..runs import GrowingCurve, Point
from .definition import Definition
from .gains import StudyGains
from .live_record import LiveRecord
from .tally import RunTally, Tally

LIVE_POINTS = 16_384
"""Most points of the live curve: four times what the panel draws."""

_BEGUN = (State.STARTING, State.BASELINE, State.RUNNING, State.CONFIRMING, State.MEASURING)
"""States that begin something; a pause or a stop leaves it where it was."""


@dataclass
class LiveRun:
    """The run in progress.

    Attributes
    ----------
    experiment : Experiment
    kind : {"baseline", "candidate", "incumbent", "control", "final", "trial", "stage"}
    repeat, repeats : int
        The run is the `repeat`-th (from 0) of `repeats`.
    phase : {"starting", "setup", "training", "evaluating", "guard"}
    elapsed : float
        Seconds charged to the budget; in the phase ``setup``, seconds that the setup has been running.
    progress : float
        Share of the budget that is spent, 0 to 1.
    step : int
    slot : int
        In which of several slots.
    place : str
        Where that slot is, such as ``GPU 1``; empty without ``--workers``.
    flying : bool
        Whether the experiment has no number yet: it gets one when this run has ended.
    since : float
        When it began, in seconds since the epoch.
    reported : GrowingCurve
    """

    experiment: Experiment
    kind: RunKind
    repeat: int
    repeats: int
    phase: str = "starting"
    elapsed: float = 0.0
    progress: float = 0.0
    step: int = 0
    slot: int = 0
    place: str = ""
    flying: bool = False
    since: float = field(default_factory=time.time)
    reported: GrowingCurve = field(default_factory=lambda: GrowingCurve(LIVE_POINTS))

    @property
    def curve(self) -> list[Point]:
        """What the target has reported so far."""
        return self.reported.points


@dataclass
class StudyStatus:
    """What is known of a study: the one record of its judged experiments, and everything its events say.

    Attributes
    ----------
    name : str
    folder : Path
    definition : Definition
        Replaced when a study is resumed with other settings.
    state : State
    message, traceback : str
        The last message; the user's frames when the study failed, or what an agent has printed that ended the search.
    experiments : tuple of Experiment
        Every judged experiment, the baseline first. The tuple is replaced, never changed, so that a reader in another
        thread keeps a consistent view.
    lives : dict of int to LiveRun
        The runs in progress by slot; without ``--workers`` there is slot 0 alone. The dict is replaced, never changed.
    slots : int
        How many experiments can run at once in this process: the workers, or those of the cluster.
    headline : Headline or None
        The confirmed result.
    runs : list of (kind, seconds)
        The kind and wall clock of every run so far.
    revised : list of int
        Numbers of experiments whose measurements have changed since their verdict, in the order of the changes.
    seconds : float
        Seconds at work before the present run of the thread.
    lasting : list of str
        The messages of this run that still matter at its end, such as that the metric takes two values.
    unclaimed : Usage
        What the agent has used for proposals that are not judged yet, or were never used.
    elsewhere : LiveRecord or None
        What the other process that runs the study has told last; None where no other one runs it, or it has told nothing yet.
    pending : int or None
        The number of the experiment that was begun and is not judged.
    confirming : bool
        Whether the result is, or was when the study was paused or stopped, being measured again.
    notes : int
        How often the user's notes to the agent have changed: one was left, or the agent has read them.
    lines : Lines or None
        The lines of work; None where there is a single one.
    believed : StudyGains
        Works out the gains.
    """

    name: str
    folder: Path
    definition: Definition
    state: State = State.NEW
    message: str = ""
    traceback: str = ""
    experiments: tuple[Experiment, ...] = ()
    lives: dict[int, LiveRun] = field(default_factory=dict)
    slots: int = 1
    headline: Headline | None = None
    runs: list[tuple[RunKind, float]] = field(default_factory=list)
    revised: list[int] = field(default_factory=list)
    seconds: float = 0.0
    lasting: list[str] = field(default_factory=list)
    unclaimed: Usage = field(default_factory=Usage)
    elsewhere: LiveRecord | None = None
    pending: int | None = None
    confirming: bool = False
    notes: int = 0
    lines: Lines | None = None
    believed: StudyGains = field(default_factory=StudyGains, repr=False, compare=False)
    _since: float | None = None
    _tally: Tally = field(default_factory=Tally, repr=False, compare=False)
    _run_tally: RunTally = field(default_factory=RunTally, repr=False, compare=False)
    _noise: tuple[tuple[Experiment, ...], Noise, float] | None = None

    @property
    def live(self) -> LiveRun | None:
        """The run in progress; of several that of the lowest slot."""
        lives = self.lives
        return lives[min(lives)] if lives else None

    @property
    def settings(self) -> Settings:
        """The effective settings."""
        return self.definition.settings

    @property
    def metric(self) -> Metric:
        """What is measured."""
        return self.definition.metric

    @property
    def holdout(self) -> Holdout | None:
        """The result on the holdout, once the study rests: while it searches, nobody who proposes must see it."""
        return None if (told := self.told) is None else told.holdout

    @property
    def told(self) -> Headline | None:
        """The confirmed result, while the study searches on without what the holdout says."""
        head = self.headline
        return replace(head, holdout=None, holdout_error="") if head is not None and self.state.ongoing else head

    @property
    def noise(self) -> Noise:
        """The estimate of the metric's noise from all judged experiments, made once for each change of them."""
        return self._estimates()[0]

    def noise_with(self, candidate: Experiment) -> Noise:
        """Return the noise with the runs of a candidate that is not judged yet."""
        return self._tally.noise([*self.experiments, candidate])

    @property
    def gains(self) -> dict[int, Gain]:
        """The gain of each experiment over its parent, by number, made once for each change of the experiments."""
        return self.believed.of_all(self)

    def followed(self, number: int) -> set[int]:
        """Return the versions whose levels the lines of work need after an experiment."""
        return set() if self.lines is None else self.lines.followed(number)

    @property
    def proven(self) -> frozenset[int]:
        """The numbers of the keeps that are proven."""
        return frozenset(number for number, gain in self.believed.of_keeps(self).items() if gain.proven)

    def spread(self, e: Experiment) -> float:
        """Return the standard deviation of one run at an experiment's value; 0 where it is not known."""
        return 0.0 if e.value is None else self.noise.at(e.value)

    def format(self, value: float | None) -> str:
        """Return a value of the metric with the digits that the study's noise allows, or a dash for None.

        Without noise the digits tell kept experiments apart.
        """
        noise, step = self._estimates()
        return self.metric.format(value, noise.at(value or 0.0) or step)

    def _estimates(self) -> tuple[Noise, float]:
        """Return the noise, and the smallest step between kept values that six digits do not show (0 for none)."""
        experiments = self.experiments
        if self._noise is None or self._noise[0] is not experiments:
            tally = self._tally.follow(experiments)
            kept = [value for n in tally.kept if (value := experiments[n].value) is not None]
            steps = (abs(b - a) for a, b in pairwise(kept) if a != b and self.metric.format(a) == self.metric.format(b))
            self._noise = experiments, tally.noise(experiments), min(steps, default=0.0)
        return self._noise[1:]

    def take(self, event: Event) -> None:
        """Fold one event into the status."""
        match event:
            case StateChanged(state, message):
                asked = state in (State.PAUSING, State.STOPPING)
                if not (self._overtaken(state) or (asked and not self.state.active)):
                    self.state = state
                self.message = self.closing(state, message)
                if state in _BEGUN:
                    self.confirming = state is State.CONFIRMING
            case Proposed(experiment):
                self.pending = experiment.number
            case NotesChanged():
                self.notes += 1
            case RunStarted(experiment, kind, repeat, repeats, slot, place, flying):
                live = LiveRun(experiment, kind, repeat, repeats, slot=slot, place=place, flying=flying)
                self.lives = {**self.lives, slot: live}
            case RunProgress() if event.slot in self.lives:
                self._progress(self.lives[event.slot], event)
            case RunEnded(_, kind, measurement, slot):
                self.runs.append((kind, measurement.seconds))
                if self.settings.side_by_side:  # else what has ended is shown until its verdict
                    self.lives = {other: live for other, live in self.lives.items() if other != slot}
            case Remeasured(experiment):
                number = experiment.number
                self.experiments = (*self.experiments[:number], experiment, *self.experiments[number + 1 :])
                self.revised.append(number)
                best = self.incumbent
                if self.headline is not None and best is not None and self.headline.number != best.number:
                    self.headline = None  # as below
            case Judged(experiment):
                self.experiments = (*self.experiments, experiment)
                self.pending = None
                if not self.settings.side_by_side:
                    self.lives = {}
                if experiment.kept:
                    self.headline = None  # the old one compared another experiment with the baseline
            case Confirmed(result):
                self.headline = result
            case Spent(unclaimed):
                self.unclaimed = unclaimed
            case Notice(message, lasting):
                self.message = message
                if lasting and message not in self.lasting:
                    self.lasting.append(message)
            case _:
                pass

    def _overtaken(self, state: State) -> bool:
        """Whether the loop reports a state after a pause or a stop was requested: the request stays visible."""
        own = {State.RUNNING, State.BASELINE, State.WAITING, State.CONFIRMING, State.MEASURING}
        return (self.state is State.PAUSING and state in own) or (
            self.state is State.STOPPING and state in own | {State.PAUSED}
        )

    @staticmethod
    def _progress(live: LiveRun, event: RunProgress) -> None:
        live.phase = event.phase
        if event.phase in ("training", "setup"):
            live.elapsed, live.progress, live.step = event.elapsed, event.progress, event.step
        if event.point is not None:
            live.reported.add(event.point)

    def closing(self, state: State, message: str) -> str:
        """Return the message in a state.

        A study that has ended says why, if not as planned, and what still matters then; what was told on the way, such as a
        plateau, is over.
        """
        if state in (State.FINISHED, State.STOPPED):
            return " ".join([*([message] if message else []), *(each for each in self.lasting if each != message)])
        return message or self.message

    def begin(self) -> None:
        """Start the clock of `elapsed`, and forget what the run before had to say."""
        self.lasting.clear()
        self._since = time.monotonic()

    def end(self) -> None:
        """Stop the clock of `elapsed`; no run is in progress any more."""
        self.seconds, self._since, self.lives = self.elapsed, None, {}

    def goes_on(self, seconds: float) -> None:
        """Let the clock of `elapsed` run on from so many seconds: another process runs the study."""
        self.seconds, self._since = seconds, time.monotonic()

    @property
    def doing(self) -> State:
        """The state of the study in the process that runs it, which may be another one."""
        return self.elsewhere.state if self.state is State.ELSEWHERE and self.elsewhere else self.state

    @property
    def elapsed(self) -> float:
        """Seconds at work; the time between a stop and a resume does not count."""
        seconds, since = self.seconds, self._since  # read once: the study's thread may call `end` in between
        return seconds + (0.0 if since is None else time.monotonic() - since)

    @property
    def baseline(self) -> Experiment | None:
        """Experiment 0; None until it is measured."""
        return self.experiments[0] if self.experiments else None

    @property
    def incumbent(self) -> Experiment | None:
        """The current best: the last kept experiment, the baseline at first; None until that is measured."""
        experiments = self.experiments
        kept = self._tally.follow(experiments).kept
        return experiments[kept[-1]] if kept else None

    @property
    def tally(self) -> Tally:
        """Counts over the experiments."""
        return self._tally.follow(self.experiments)

    def searched(self, *more: RunKind) -> tuple[int, float]:
        """Return number and seconds of the runs of the search, and of further kinds."""
        return self._run_tally.searched(self.runs, *more)

    @property
    def done(self) -> int:
        """How many proposals were run; the baseline and rejected proposals do not count."""
        return self.tally.ran_after(0)

    @property
    def complete(self) -> bool:
        """Whether all planned experiments were made and the result was confirmed."""
        return self.state is State.FINISHED and self.done >= self.settings.experiments

    @property
    def longer(self) -> int:
        """The number of experiments to offer for going on with a study that is complete."""
        return 2 * self.settings.experiments

    @property
    def more(self) -> int | None:
        """How many further experiments to offer after the end: what is left of the plan, else as many as `longer`; None without a plan."""
        if not self.settings.planned:
            return None
        left = self.settings.experiments - self.done
        return left if left > 0 else max(1, self.longer - self.done)

    @property
    def usage(self) -> Usage:
        """Calls, tokens, seconds and cost of the agent so far, also of calls whose proposal was never used."""
        return self.unclaimed + self._tally.usage(self.experiments)

    @property
    def runs_total(self) -> int:
        """Planned runs: baseline, one per experiment, and the confirmation. Repeats of candidates are not planned."""
        best = self.incumbent
        nothing_kept = best is not None and best.number == 0 and self.done >= self.settings.experiments
        return self.settings.repeats + self.settings.experiments + (0 if nothing_kept else 2 * self._confirmations)

    @property
    def runs_done(self) -> int:
        """How many of `runs_total` are done; once the confirmation runs, all experiments count as done."""
        live = self.live
        if not self.experiments:
            return live.repeat if live else 0
        if live is not None and live.kind == "final":
            # Best and baseline alternate, the best first.
            return self.runs_total - 2 * (self._confirmations - live.repeat) + (live.experiment.number == 0)
        return self.settings.repeats + self.done

    @property
    def _confirmations(self) -> int:
        """Runs of best and baseline each in the confirmation; more than planned when their values were disturbed."""
        live = self.live
        return live.repeats if live is not None and live.kind == "final" else self.settings.repeats

    @property
    def fraction(self) -> float:
        """The share of the study that is done, 0 to 1: by runs or by the time limit, whichever is further."""
        if self.state is State.FINISHED:
            return 1.0
        part = sum(live.progress for live in self.lives.values())
        limit = self.settings.time_limit
        spent = 0.0 if limit is None else self.elapsed / limit
        runs = (self.runs_done + part) / max(1, self.runs_total) if self.settings.planned else 0.0
        return min(1.0, max(spent, runs))

    @property
    def pace(self) -> float | None:
        """Mean seconds per experiment, repeats included; None before the first run has ended.

        Each run of the baseline counts as one experiment. The confirmation and the user's comparisons do not count.
        """
        counts, seconds = self._run_tally.follow(self.runs)
        spent = [taken for kind, taken in seconds.items() if kind not in ("control", "final", "trial")]
        return sum(spent) / max(1, counts.get("baseline", 0) + self.done) if spent else None

    @property
    def remaining(self) -> float | None:
        """Estimated seconds to the end; None before the first run has ended and while the study is not active."""
        if self.pace is None or not self.state.ongoing or not (self.settings.planned or self.settings.time_limit):
            return None
        if self.doing in (State.MEASURING, State.WAITING) or (self.live is not None and self.live.kind == "trial"):
            return None  # neither a comparison nor an agent says in advance how long it takes
        part = sum(live.progress for live in self.lives.values())
        left = self.pace * max(0.0, self.runs_total - self.runs_done - part) / max(self.slots, self.settings.workers)
        limit = self.settings.time_limit
        return left if limit is None else min(left, max(0.0, limit - self.elapsed))
