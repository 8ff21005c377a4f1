"""The live record: what the process that runs a study tells, once a second, to those that watch it from outside.

It says what the journal does not hold: the state, the runs in progress with their curves so far, and the latest notices. It is one small
value in the journal's metadata, replaced each time. `requests.RequestReader` writes it, `following.Follower` reads it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ..events import RunKind, State
from ..runs import Point


@dataclass(frozen=True)
class ToldRun:
    """The run in progress, as the process that runs it tells it."""

    number: int
    kind: RunKind
    repeat: int
    repeats: int
    summary: str
    phase: str
    elapsed: float
    progress: float
    step: int
    curve: tuple[Point, ...]
    slot: int = 0
    place: str = ""
    flying: bool = False


@dataclass(frozen=True)
class LiveRecord:
    """What the process that runs a study has told last.

    Attributes
    ----------
    pid : int
        The process.
    state : State
        The study's state there.
    message : str
        The last message there.
    seconds : float or None
        How long the study has been at work; None where it was not told.
    at : float
        When it was told, in seconds since the epoch.
    runs : int
        How many runs the journal held then; a run in progress is over when it holds more.
    run : ToldRun or None
        The run in progress; of several that of the lowest slot.
    others : tuple of ToldRun
        Those of the other slots.
    notices : tuple of (int, str, bool)
        The latest notices: number, from 1 since the start of that process's run, text, and whether it lasts.
    """

    pid: int
    state: State
    message: str = ""
    seconds: float | None = None
    at: float = 0.0
    runs: int = 0
    run: ToldRun | None = None
    notices: tuple[tuple[int, str, bool], ...] = ()
    others: tuple[ToldRun, ...] = ()

    @property
    def words(self) -> str:
        """What happens where, such as ``running in process 123``; with the message of a study that waits or has something to say."""
        return f"{self.state} in process {self.pid}{f' · {self.message}' if self.message else ''}"

    @classmethod
    def from_json(cls, values: Any) -> LiveRecord | None:
        """Return the record that `requests.record_of` has made; None for what is none."""
        try:
            run = values.get("run")
            return cls(
                int(values["pid"]), State(values["state"]), str(values.get("message", "")), values.get("seconds"),
                float(values.get("at", 0.0)), int(values.get("runs", 0)), None if run is None else _told_run(run),
                tuple((int(n), str(text), bool(lasting)) for n, text, lasting in values.get("notices", ())),
                tuple(_told_run(each) for each in values.get("others", ())),
            )  # fmt: skip
        except (AttributeError, KeyError, TypeError, ValueError):
            return None


def _told_run(values: dict[str, Any]) -> ToldRun:
    name, points = values.get("curve") or ("", ())
    return ToldRun(
        int(values["number"]), values["kind"], int(values["repeat"]), int(values["repeats"]), str(values["summary"]),
        str(values["phase"]), float(values["elapsed"]), float(values["progress"]), int(values["step"]),
        tuple(Point(elapsed, progress, step, {name: value}) for elapsed, progress, step, value in points),
        int(values.get("slot", 0)), str(values.get("place", "")), bool(values.get("flying", False)),
    )  # fmt: skip
