"""What a look back over a history finds: the nouns that `evals` fills, `advice` judges by and `evals_words` tells."""

from __future__ import annotations

from dataclasses import dataclass, field

from ...metric import Metric
from .rates import Plateau, Rate


@dataclass(frozen=True)
class Trend:
    """How progress goes over the last `window` experiments, in the metric's unit per experiment, positive for better."""

    window: int
    slope: float
    mean: float


@dataclass(frozen=True)
class Group:
    """What came of one kind of change, or of one agent's.

    Attributes
    ----------
    name : str
    kept : Rate
        Kept of those that were run.
    gain : float
        Sum of the gains of what was kept, in the metric's unit.
    median : float or None
        Median of those gains; None when nothing was kept.
    failed : int
        Of those that were run.
    """

    name: str
    kept: Rate
    gain: float
    median: float | None
    failed: int


@dataclass(frozen=True)
class Win:
    """A keep: its gain over its parent, that gain's share of all gains, and how much of it chance explains."""

    number: int
    summary: str
    kind: str
    gain: float
    share: float
    chance: float

    @property
    def within_noise(self) -> bool:
        """Whether chance alone explains the gain; such as what was kept because it is simpler."""
        return self.gain <= self.chance


@dataclass(frozen=True)
class Returns:
    """Whether gains become smaller.

    Attributes
    ----------
    early, late : float
        Progress per experiment in the first and in the second half, in the metric's unit.
    half : int
        Experiments in the first half.
    fade : float or None
        Factor from the gain of one keep to the next; None for fewer than three.
    ahead : float
        What the experiments that are left would give at the late pace, in the metric's unit.
    """

    early: float = 0.0
    late: float = 0.0
    half: int = 0
    fade: float | None = None
    ahead: float = 0.0

    @property
    def ratio(self) -> float | None:
        """Late by early; None when there was nothing early."""
        return self.late / self.early if self.early > 0 else None


@dataclass(frozen=True)
class Failure:
    """A cause of failures, the numbers of the experiments it ended, and the reason of the last one."""

    cause: str
    numbers: tuple[int, ...]
    reason: str


@dataclass(frozen=True)
class Advice:
    """What to do next.

    Attributes
    ----------
    action : {"continue", "stop", "change strategy"}
    reason : str
        One or two sentences.
    """

    action: str = "continue"
    reason: str = ""


@dataclass(frozen=True)
class Findings:
    """What a study's history says, in numbers; the formulas are in `evals`.

    Attributes
    ----------
    metric : Metric
    noise : float
        Standard deviation of one run, in the metric's unit.
    planned, judged, ran : int
        Experiments that were asked for, that have a verdict, and of those the ones that were run; no baseline.
    baseline, best : float or None
        Values; None before there is a baseline.
    incumbent : int
        The number of the best one.
    gain : float
        All progress, in the metric's unit.
    chance : float
        How much of a gain of the incumbent over the baseline chance explains.
    trend : Trend
    kept, lately : Rate
        Over all that were run, and over the last window.
    plateau : Plateau
    kinds, agents : tuple of Group
        The largest gain first.
    wins : tuple of Win
        The largest gain first.
    steps : tuple of float
        The same gains in the order of time.
    returns : Returns
    failures : tuple of Failure
        The most frequent first.
    duplicates, pruned : int
        How many were tried before, and how many were stopped early.
    close : int
        Discarded ones that had a better value than their parent: beaten by the noise, or by the smallest gain that counts.
    untried : tuple of str
        Constants of the incumbent that no experiment has changed.
    advice : Advice
    """

    metric: Metric
    noise: float
    planned: int
    judged: int
    ran: int
    baseline: float | None
    best: float | None
    incumbent: int
    gain: float
    chance: float
    trend: Trend
    kept: Rate
    lately: Rate
    plateau: Plateau
    kinds: tuple[Group, ...] = ()
    agents: tuple[Group, ...] = ()
    wins: tuple[Win, ...] = ()
    steps: tuple[float, ...] = ()
    returns: Returns = field(default_factory=Returns)
    failures: tuple[Failure, ...] = ()
    duplicates: int = 0
    pruned: int = 0
    close: int = 0
    untried: tuple[str, ...] = ()
    advice: Advice = field(default_factory=Advice)
