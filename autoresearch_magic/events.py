"""What a study tells its observers. The loop publishes; panel, text, posters and third parties listen."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal, Protocol

from .experiment import Experiment, Headline, Measurement, Point


class State(StrEnum):
    """Where a study stands."""

    NEW = "new"
    STARTING = "starting"
    BASELINE = "baseline"
    RUNNING = "running"
    PAUSING = "pausing"
    PAUSED = "paused"
    WAITING = "waiting"
    CONFIRMING = "confirming"
    MEASURING = "measuring"
    STOPPING = "stopping"
    STOPPED = "stopped"
    FINISHED = "finished"
    FAILED = "failed"
    ELSEWHERE = "running elsewhere"

    @property
    def active(self) -> bool:
        """Whether a thread of this process is at work on it, or waits paused."""
        return self not in (State.NEW, State.STOPPED, State.FINISHED, State.FAILED, State.ELSEWHERE)


RunKind = Literal["baseline", "candidate", "reworked", "incumbent", "final", "trial"]
"""What a run is for: the first measurement of the target, a proposal (``reworked`` when that was sent back and replaced), the
incumbent once more (beside a candidate, or to see whether the machine has drifted), the confirmation at the end, or a question
of the user's (regression, ablation)."""


@dataclass(frozen=True)
class StateChanged:
    """The study has a new state; `message` is one line, or empty."""

    state: State
    message: str = ""


@dataclass(frozen=True)
class Proposed:
    """A proposal has become an experiment; it has not run yet."""

    experiment: Experiment


@dataclass(frozen=True)
class RunStarted:
    """One run of an experiment's target begins, the `repeat`-th (from 0) of `repeats` (at most, for a candidate)."""

    experiment: Experiment
    kind: RunKind
    repeat: int
    repeats: int


@dataclass(frozen=True)
class RunProgress:
    """A running target gave a sign of life; `point` is set when it reported values."""

    number: int
    phase: Literal["training", "evaluating", "guard"]
    elapsed: float
    progress: float
    step: int
    point: Point | None = None


@dataclass(frozen=True)
class RunEnded:
    """One run of an experiment's target has ended."""

    number: int
    kind: RunKind
    measurement: Measurement


@dataclass(frozen=True)
class Remeasured:
    """A judged experiment, the incumbent, has more runs than before, or others count."""

    experiment: Experiment


@dataclass(frozen=True)
class Judged:
    """An experiment has its verdict and is recorded."""

    experiment: Experiment


@dataclass(frozen=True)
class Confirmed:
    """Best and baseline were measured again at the end."""

    headline: Headline


@dataclass(frozen=True)
class Notice:
    """Something the user should know, in one line."""

    message: str


@dataclass(frozen=True)
class Drawn:
    """progress.png is up to date; `last` when nothing more will be drawn."""

    last: bool = False


Event = StateChanged | Proposed | RunStarted | RunProgress | RunEnded | Remeasured | Judged | Confirmed | Notice | Drawn


class Observer(Protocol):
    """Anything that listens. Called in the study's thread: be quick, do not print."""

    def __call__(self, event: Event) -> None:
        """Take one event."""
        ...


Publish = Callable[[Event], None]
