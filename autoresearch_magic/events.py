"""The events that a study publishes to its observers.

The loop knows no user interface: the panel, the progress bar, saved pictures and third-party code all receive these events.
An `Observer` is any callable that takes one event; `Study.observe` adds it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal, Protocol

from .experiment import Experiment, Measurement, Usage
from .headline import Headline
from .keys.redact import cleaned
from .runs import Point
from .text import printable


class State(StrEnum):
    """What a study is doing at the moment."""

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
        """Whether a thread of this process is running the study or holding it paused."""
        return self not in (State.NEW, State.STOPPED, State.FINISHED, State.FAILED, State.ELSEWHERE)

    @property
    def ongoing(self) -> bool:
        """Whether this or another process is running the study or holding it paused."""
        return self.active or self is State.ELSEWHERE


RunKind = Literal["baseline", "candidate", "reworked", "incumbent", "control", "final", "trial", "stage"]
"""The purpose of a run: ``baseline`` measures the unchanged target; ``candidate`` measures a proposal, and ``reworked`` one that
the agent has revised; ``incumbent`` repeats the current best, to compare it with a candidate or to detect drift of the machine,
and ``control`` then repeats another version, which a change of the machine would change as well;
``final`` confirms the result at the end; ``trial`` answers a comparison that the user asked for; ``stage`` is a cheap run before
the first full one (``--stage``)."""


@dataclass(frozen=True)
class StateChanged:
    """The study has entered a new state; `message` is one line about it, or empty."""

    state: State
    message: str = ""

    def __post_init__(self) -> None:
        """Make the message printable: it may quote a server or a program."""
        object.__setattr__(self, "message", printable(cleaned(self.message)))


@dataclass(frozen=True)
class Proposed:
    """A proposal was accepted as the next experiment; it has not run yet."""

    experiment: Experiment


@dataclass(frozen=True)
class RunStarted:
    """One run of an experiment's target begins in a slot: number `repeat` (from 0) of `repeats`, for a candidate of at most `repeats`.

    A study with several workers numbers an experiment when its first run has ended; until then it has the number that it would get next.
    """

    experiment: Experiment
    kind: RunKind
    repeat: int
    repeats: int
    slot: int = 0
    place: str = ""
    """Where the slot is, such as ``GPU 1``; empty where all runs take place on this machine, one after the other."""
    flying: bool = False
    """Whether the experiment has no number yet."""


@dataclass(frozen=True)
class RunProgress:
    """The progress of a running target, several times a second; `point` is set when the target called `report`."""

    number: int
    phase: Literal["setup", "training", "evaluating", "guard"]
    elapsed: float
    progress: float
    step: int
    point: Point | None = None
    slot: int = 0


@dataclass(frozen=True)
class RunEnded:
    """One run of an experiment's target has ended."""

    number: int
    kind: RunKind
    measurement: Measurement
    slot: int = 0


@dataclass(frozen=True)
class Remeasured:
    """The measurements of the incumbent have changed: it was run again, or older runs no longer count after a drift."""

    experiment: Experiment


@dataclass(frozen=True)
class Judged:
    """An experiment has received its verdict and is recorded."""

    experiment: Experiment


@dataclass(frozen=True)
class Confirmed:
    """The best experiment and the baseline were measured again at the end."""

    headline: Headline


@dataclass(frozen=True)
class Spent:
    """The agent has used something; `unclaimed` is the sum over all calls that belong to no judged experiment (yet)."""

    unclaimed: Usage


@dataclass(frozen=True)
class NotesChanged:
    """The user has left the agent a note, or the agent has read those so far; `Study.notes` has them."""


@dataclass(frozen=True)
class Notice:
    """A message for the user, in one line; a `lasting` one still matters when the study has ended."""

    message: str
    lasting: bool = False

    def __post_init__(self) -> None:
        """Make the message printable: it may quote a server or a program."""
        object.__setattr__(self, "message", printable(cleaned(self.message)))


@dataclass(frozen=True)
class Drawn:
    """progress.png was redrawn; `last` marks the final picture of the study."""

    last: bool = False


Event = (
    StateChanged
    | Proposed
    | RunStarted
    | RunProgress
    | RunEnded
    | Remeasured
    | Judged
    | Confirmed
    | Spent
    | NotesChanged
    | Notice
    | Drawn
)


class Observer(Protocol):
    """A callable that receives a study's events.

    It is called in the study's thread, so it must return quickly and must not print.
    """

    def __call__(self, event: Event) -> None:
        """Handle one event."""
        ...


Publish = Callable[[Event], None]
