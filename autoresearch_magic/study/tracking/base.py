"""What a tracker is, and what it is sent: the contract for built-in trackers and those of other packages.

A tracker is found by the name of an entry point in the group ``autoresearch_magic.trackers``, which is a subclass of `Tracker`. It runs in a
process of its own (`sender`) that reads the study's journal, so it may wait for a server, raise, print or crash as it likes.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ...experiment import Verdict
from ...source.search_space import Value


@dataclass(frozen=True)
class SeriesPoint:
    """One value of a series: its step, when it was, in seconds since the epoch, and the value."""

    step: int
    at: float
    value: float


@dataclass(frozen=True)
class TrackedStudy:
    """What of a study a tracker is told when it is opened.

    Attributes
    ----------
    name : str
    identity : str
        The same for each process that works on the study, and for no other study.
    folder : Path
    title : str
        The program's title.
    metric : str
    minimize : bool
    created : float
        In seconds since the epoch.
    settings : Mapping of str to str
        As text; no keys are in it.
    files : Mapping of str to str
        The program and the setup, by name.
    """

    name: str
    identity: str
    folder: Path
    title: str
    metric: str
    minimize: bool
    created: float
    settings: Mapping[str, str] = field(default_factory=dict)
    files: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class TrackedRun:
    """One run of an experiment.

    Attributes
    ----------
    value : float or None
    outcome : str
    curves : Mapping of str to sequence of SeriesPoint
        Its learning curves by name.
    rest : Mapping or None
        Of the curves, what `Tracker.live` was not sent earlier; None where that was not sent anything of the run.
    """

    value: float | None
    outcome: str
    curves: Mapping[str, Sequence[SeriesPoint]]
    rest: Mapping[str, Sequence[SeriesPoint]] | None = None

    @property
    def new(self) -> Mapping[str, Sequence[SeriesPoint]]:
        """What a tracker that adds to what it has must add."""
        return self.curves if self.rest is None else self.rest


@dataclass(frozen=True)
class TrackedLive:
    """New points of a run that goes on, of an experiment that has no verdict yet.

    Attributes
    ----------
    key : str
        The same for all that is sent of the experiment: `TrackedExperiment.live` is it at the verdict.
    number : int or None
        The experiment's; None while it has none, as with several workers until its first run has ended.
    name : str
        Its number, where it has one, and its summary.
    begun : float
        When the run began, in seconds since the epoch.
    run : int
        Which run of the experiment it is, from 0.
    points : Mapping of str to sequence of SeriesPoint
        Those that are new, by name; at first there may be none.
    """

    key: str
    number: int | None
    name: str
    begun: float
    run: int
    points: Mapping[str, Sequence[SeriesPoint]]


@dataclass(frozen=True)
class TrackedExperiment:
    """A judged experiment as a tracker is sent it; texts have no keys in them.

    Attributes
    ----------
    number : int
    parent : int or None
    name : str
        Its number and summary.
    mark : str
        Differs when anything of the experiment has changed, as when it was run again; `runs_in` reads from it how many runs it had.
    verdict : Verdict
    reason : str
    value, best : float or None
        Its value, and that of the best version when it was judged.
    begun, ended : float
        When it was proposed and when it was judged, in seconds since the epoch.
    parameters : Mapping
        The values of the constants that can be tuned, by name.
    numbers : Mapping of str to float
        Seconds, memory, and every other number of its runs.
    texts : Mapping of str to str
        Short texts by name: hypothesis, agent, commit, ...
    runs : sequence of TrackedRun
    files : Mapping of str to str
        Source, difference to its parent, logs, and files that its runs wrote, by path.
    live : str
        The key under which `Tracker.live` was sent points of its runs; empty where it was not.
    """

    number: int
    parent: int | None
    name: str
    mark: str
    verdict: Verdict
    reason: str
    value: float | None
    best: float | None
    begun: float
    ended: float
    parameters: Mapping[str, Value]
    numbers: Mapping[str, float]
    texts: Mapping[str, str]
    runs: Sequence[TrackedRun]
    files: Mapping[str, str]
    live: str = ""


@dataclass(frozen=True)
class TrackedEnd:
    """How a study has ended, or rests.

    Attributes
    ----------
    state, message, result : str
        The state, why it has ended, and the confirmed result in words.
    numbers : Mapping of str to float
        The confirmed result: best, baseline, gain and its interval.
    files : Mapping of str to str
        The history as CSV, the results table, the best version and its difference to the baseline.
    pictures : sequence of Path
    values : sequence of tuple
        Number, value and best value so far of each experiment, in their order.
    """

    state: str
    message: str
    result: str
    numbers: Mapping[str, float]
    files: Mapping[str, str]
    pictures: Sequence[Path] = ()
    values: Sequence[tuple[int, float | None, float | None]] = ()


class TrackerError(Exception):
    """What is wrong with a tracker, in one line that says what to do; other exceptions are told with their type."""


class Tracker(ABC):
    """Base class of trackers. Every method may raise: what could not be sent is sent again later.

    Parameters
    ----------
    argument : str
        What stands behind the colon in ``--track NAME:ARGUMENT``; empty without one.
    """

    needs: str = ""
    """The package that it needs, as ``pip`` names it; it is checked before a study starts. Import it in `open`, not in the module."""
    credentials: tuple[str, ...] = ()
    """Names of environment variables with keys that it may see, or their beginnings with a star: ``MLFLOW_*``."""

    def __init__(self, argument: str = "") -> None:
        self.argument = argument

    @classmethod
    def prepared(cls, argument: str) -> str:
        """Return the argument as the study keeps it, such as a folder's absolute path; raise a `UserError` where it cannot work."""
        return argument

    @property
    def where(self) -> str:
        """Where the study can be seen, in a few words; asked for when it is open."""
        return ""

    @abstractmethod
    def open(self, study: TrackedStudy, identity: str) -> str:
        """Find or make the place of a study, and return what identifies it.

        Parameters
        ----------
        study : TrackedStudy
        identity : str
            What an earlier call has returned, in whatever process; the journal keeps it. Empty at first.
        """

    def sent(self) -> Mapping[int, str]:
        """Return the marks of the experiments that are there already, by number, after `open`."""
        return {}

    @abstractmethod
    def send(self, experiment: TrackedExperiment, before: int) -> None:
        """Send an experiment; `before` of its runs were sent earlier and must not be added twice."""

    def live(self, live: TrackedLive) -> None:  # noqa: B027 (not every tracker shows what goes on)
        """Take new points of a run that goes on; each is sent once. `send` follows at the verdict, or `drop`."""

    def drop(self, key: str) -> None:  # noqa: B027
        """Take back what `live` was sent under a key: the run was begun again, or will have no verdict."""

    def end(self, end: TrackedEnd) -> None:  # noqa: B027 (not every tracker has something to do)
        """Take how the study has ended; it may go on later."""

    def close(self) -> None:  # noqa: B027
        """Let go of what it holds."""


def runs_in(mark: str) -> int:
    """Return how many runs an experiment of a mark had; 0 for what is no mark."""
    runs = mark.partition("-")[0]
    return int(runs) if runs.isdecimal() else 0


def free_names(names: Sequence[str], allowed: str, limit: int = 250) -> dict[str, str]:
    """Return for each name one that a service takes: characters that are neither letters, digits nor `allowed` become ``_``.

    Names that would become the same are told apart by a number.
    """
    made: dict[str, str] = {}
    taken: set[str] = set()
    for name in names:
        free = "".join(c if (c.isascii() and c.isalnum()) or c in allowed else "_" for c in name)[: limit - 4] or "_"
        first, count = free, 1
        while free in taken:
            count += 1
            free = f"{first}_{count}"
        taken.add(free)
        made[name] = free
    return made


def curve_name(name: str, run: int) -> str:
    """Return the name of a curve of a run, from 0: ``curve/loss``, ``curve/loss run 2``, which trackers show in one group."""
    return f"curve/{name}" if run == 0 else f"curve/{name} run {run + 1}"
