"""Data classes of a study's analysis: `analyze` fills them, `advice` decides by them, `format` writes them as text."""

from __future__ import annotations

from dataclasses import dataclass, field

from ...metric import Metric
from ..levels import Levels
from .rates import Plateau, Rate


@dataclass(frozen=True)
class Trend:
    """Progress per experiment over the last `window` experiments, in the metric's unit, positive for better."""

    window: int
    slope: float
    mean: float


@dataclass(frozen=True)
class Group:
    """The results of one kind of change, or of one agent.

    Attributes
    ----------
    name : str
    kept : Rate
        Kept experiments among those that were run.
    gain : float
        Sum of the gains of the kept ones, in the metric's unit.
    median : float or None
        Median of those gains; None when nothing was kept.
    failed : int
        Failed experiments among those that were run.
    """

    name: str
    kept: Rate
    gain: float
    median: float | None
    failed: int


@dataclass(frozen=True)
class Win:
    """A kept experiment: its gain over its parent, that gain's share of all gains, and whether it is one.

    Attributes
    ----------
    number : int
    summary, kind : str
    gain, share : float
    p_better : float or None
        The chance that it is better than its parent, 0 to 1; None where the noise is not known.
    proven : bool
        Whether its runs have shown that.
    """

    number: int
    summary: str
    kind: str
    gain: float
    share: float
    p_better: float | None = None
    proven: bool = False


@dataclass(frozen=True)
class Returns:
    """Whether gains become smaller over time (diminishing returns).

    Attributes
    ----------
    early, late : float
        Progress per experiment in the first and in the second half, in the metric's unit.
    half : int
        Experiments in the first half.
    fade : float or None
        Factor from the gain of one kept experiment to the next; None for fewer than three.
    ahead : float
        What the remaining experiments would add at the late pace, in the metric's unit.
    """

    early: float = 0.0
    late: float = 0.0
    half: int = 0
    fade: float | None = None
    ahead: float = 0.0

    @property
    def ratio(self) -> float | None:
        """Late divided by early progress; None when there was no early progress."""
        return self.late / self.early if self.early > 0 else None


@dataclass(frozen=True)
class Failure:
    """A cause of failures, the numbers of the experiments that it ended, and the reason of the latest one."""

    cause: str
    numbers: tuple[int, ...]
    reason: str


@dataclass(frozen=True)
class Advice:
    """The recommended next step.

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
    """The analysis of a study's history, in numbers; `analyze` has the formulas.

    Attributes
    ----------
    metric : Metric
    noise : float
        Standard deviation of one run, in the metric's unit.
    planned, judged, ran : int
        Experiments that were planned, that have a verdict, and of those the ones that were run; without the baseline.
    baseline, best : float or None
        Values; None before there is a baseline.
    incumbent : int
        The number of the current best.
    runs, baseline_runs : int
        Runs of the current best and of the baseline that these values are of.
    statistic : str
        What of those runs they are: the mean, or another one.
    gain : float
        Total progress in the search, in the metric's unit: the sum of the gains of the kept experiments.
    seen : float
        The difference of the two values, which is larger on average, as what looked good was chosen.
    chained : bool
        Whether the machine has changed in between: then the two values are of different times, and their difference is no gain.
    proven : int
        Kept experiments whose gain is proven.
    trend : Trend
    kept, lately : Rate
        Keep rate over all that were run, and over the last window.
    plateau : Plateau
    kinds, agents : tuple of Group
        In the order of decreasing gains.
    wins : tuple of Win
        In the order of decreasing gains.
    steps : tuple of float
        The same gains in the order of time.
    returns : Returns
    failures : tuple of Failure
        The most frequent first.
    duplicates, pruned : int
        Proposals that had been tried before, and runs that were stopped early.
    close : int
        Discarded experiments with a better value than their parent: within the noise, or below the minimum gain.
    untried : tuple of str
        Constants of the current best that no experiment has changed.
    levels : Levels or None
        The two values that the metric takes, where it does.
    confirmed : str
        The result as measured again at the end, in one line; empty before that.
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
    runs: int
    baseline_runs: int
    gain: float
    seen: float
    chained: bool
    proven: int
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
    levels: Levels | None = None
    confirmed: str = ""
    statistic: str = "mean"
    advice: Advice = field(default_factory=Advice)

    @property
    def unproven(self) -> int:
        """Kept experiments of which it is not known that they are gains; 0 where the noise is not known."""
        return sum(win.p_better is not None and not win.proven for win in self.wins)
