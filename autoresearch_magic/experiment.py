"""The nouns of a study: proposal, measurement, experiment.

All are frozen: behaviour lives in the functions and classes that take them.
"""

from __future__ import annotations

import math
import re
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum

_EXCEPTION = re.compile(r"(?:Reading the metric .+ failed: )?([A-Za-z_]\w*)(?=:|\s*\(line \d|\s*$)")
"""An exception's type in a reason: ``KeyError: 'x' (line 3 of the target)``, with or without a message of its own."""


class Verdict(StrEnum):
    """What became of an experiment."""

    BASELINE = "baseline"
    KEEP = "keep"
    DISCARD = "discard"
    CRASH = "crash"
    TIMEOUT = "timeout"
    PRUNED = "pruned"
    DUPLICATE = "duplicate"
    GUARD_FAILED = "guard-failed"
    METRIC_ERROR = "metric-error"
    REJECTED = "rejected"

    @property
    def kept(self) -> bool:
        """Whether the experiment became the incumbent."""
        return self in (Verdict.BASELINE, Verdict.KEEP)

    @property
    def failed(self) -> bool:
        """Whether there is no value to compare: it ran, or should have, and gave none."""
        return self not in (Verdict.BASELINE, Verdict.KEEP, Verdict.DISCARD, Verdict.PRUNED, Verdict.DUPLICATE)


class Outcome(StrEnum):
    """How one run of a target ended."""

    OK = "ok"
    CRASH = "crash"
    TIMEOUT = "timeout"
    OUT_OF_MEMORY = "out-of-memory"
    NOT_FINITE = "not-finite"
    MISSING_METRIC = "missing-metric"
    METRIC_ERROR = "metric-error"
    PRUNED = "pruned"
    STOPPED = "stopped"
    TAMPERED = "tampered"


@dataclass(frozen=True)
class Usage:
    """What an agent has used.

    Attributes
    ----------
    calls : int
        Requests that were answered.
    input, cached, written, output : int
        Tokens: read anew, read from the vendor's cache, written to it, and answered (thinking included).
    seconds : float
        Wall clock of the requests, waiting for limits not included.
    cost : float or None
        US dollars; None when the price is not known. Unknown and nothing are not the same: an agent without a price
        list has None, one that is free has 0.
    """

    calls: int = 0
    input: int = 0
    cached: int = 0
    written: int = 0
    output: int = 0
    seconds: float = 0.0
    cost: float | None = 0.0

    @property
    def tokens(self) -> int:
        """All tokens, whatever they cost."""
        return self.input + self.cached + self.written + self.output

    def __add__(self, other: Usage) -> Usage:
        cost = None if self.cost is None or other.cost is None else self.cost + other.cost
        return Usage(
            self.calls + other.calls, self.input + other.input, self.cached + other.cached,
            self.written + other.written, self.output + other.output, self.seconds + other.seconds, cost,
        )  # fmt: skip


@dataclass(frozen=True)
class Proposal:
    """A new target with the thought behind it, as an agent hands it in.

    Attributes
    ----------
    target : str
        The whole new source of the target.
    summary : str
        One line for the history and the commit's subject.
    hypothesis, expect : str
        Why it should help, and what effect is expected; may be empty.
    agent : str
        Who proposed it.
    usage : Usage
        What asking for it has used.
    reply : str
        The agent's own words, where there are some.
    failure : str
        One line that says why there is no new target; `target` is the incumbent's then.
    """

    target: str
    summary: str
    hypothesis: str = ""
    expect: str = ""
    agent: str = ""
    usage: Usage = field(default_factory=Usage)
    reply: str = ""
    failure: str = ""


@dataclass(frozen=True)
class Point:
    """One report of a running target.

    Attributes
    ----------
    elapsed : float
        Seconds charged to the budget when it was reported.
    progress : float
        Share of the budget that was spent, 0 to 1.
    step : int
    values : Mapping[str, float]
        What `report(...)` was called with.
    """

    elapsed: float
    progress: float
    step: int
    values: Mapping[str, float]


@dataclass(frozen=True)
class Measurement:
    """One evaluation of one target.

    Attributes
    ----------
    outcome : Outcome
    value : float or None
        The metric; None when there is none. NaN and infinities are kept as they came, with their outcome.
    seed : int
    seconds : float
        Wall clock of the whole run, from the start of its process to its end.
    charged : float
        Seconds charged to the budget (`clock.elapsed` at the end).
    evaluation : float
        Seconds that reading the metric took.
    steps : int
        Steps that the clock counted.
    memory : float
        Peak memory in GB (10**9 bytes): on the GPU where one was used, else resident.
    curve : tuple of Point
    error : str
        One line that says what went wrong; empty when nothing did.
    traceback : str
        The user's frames, where there was an exception.
    output : str
        The tail of what the run printed.
    names : tuple of str
        Names the target had defined at the end, for error messages.
    """

    outcome: Outcome
    value: float | None
    seed: int
    seconds: float = 0.0
    charged: float = 0.0
    evaluation: float = 0.0
    steps: int = 0
    memory: float = 0.0
    curve: tuple[Point, ...] = ()
    error: str = ""
    traceback: str = ""
    output: str = ""
    names: tuple[str, ...] = ()

    @property
    def ok(self) -> bool:
        """Whether there is a finite value."""
        return self.outcome is Outcome.OK and self.value is not None and math.isfinite(self.value)


@dataclass(frozen=True)
class Experiment:
    """One proposal with its measurements and its verdict.

    Attributes
    ----------
    number : int
        0 is the baseline; proposals count from 1.
    parent : int or None
        The incumbent that it was proposed against.
    proposal : Proposal
    fingerprint : str
        Of the normalised syntax tree: equal for targets that differ in layout and comments alone.
    verdict : Verdict or None
        None while it is open: proposed, not judged yet.
    reason : str
        One line that says why.
    measurements : tuple of Measurement
        In the order they were made; those of the final confirmation are not among them.
    commit : str
        The git commit that holds it; empty until it is made.
    since : int
        How many of the measurements were made before the machine drifted, and no longer count.
    """

    number: int
    parent: int | None
    proposal: Proposal
    fingerprint: str = ""
    verdict: Verdict | None = None
    reason: str = ""
    measurements: tuple[Measurement, ...] = field(default=())
    commit: str = ""
    since: int = 0

    @property
    def target(self) -> str:
        """The source that was run."""
        return self.proposal.target

    @property
    def summary(self) -> str:
        """The proposal's one line."""
        return self.proposal.summary

    @property
    def ran(self) -> bool:
        """Whether it was run at all; only such experiments count against the number that was asked for."""
        return bool(self.measurements)

    @property
    def current(self) -> tuple[Measurement, ...]:
        """The measurements that count: those since the last drift of the machine."""
        return self.measurements[self.since :]

    @property
    def values(self) -> tuple[float, ...]:
        """The finite values of the measurements that count."""
        return tuple(m.value for m in self.current if m.ok and m.value is not None)

    @property
    def value(self) -> float | None:
        """The mean of its finite values; None when there is none."""
        return sum(self.values) / len(self.values) if self.values else None

    @property
    def deviation(self) -> float:
        """The sample standard deviation (n - 1) of its values; 0 for fewer than two."""
        return statistics.stdev(self.values) if len(self.values) > 1 else 0.0

    @property
    def kept(self) -> bool:
        """Whether it became the incumbent; the baseline did."""
        return self.verdict is not None and self.verdict.kept

    @property
    def cause(self) -> str:
        """What made it fail, to group failures by: the verdict, and the exception's type where its reason begins so."""
        if self.proposal.failure:
            return f"{self.verdict} (no proposal)"
        named = _EXCEPTION.match(self.reason)
        return f"{self.verdict} ({named[1]})" if named and named[1] != self.verdict else str(self.verdict)

    @property
    def seconds(self) -> float:
        """Wall clock of all its measurements."""
        return sum(m.seconds for m in self.measurements)

    @property
    def memory(self) -> float:
        """Peak memory in GB over its measurements."""
        return max((m.memory for m in self.measurements), default=0.0)

    def with_measurement(self, measurement: Measurement) -> Experiment:
        """Return the same experiment with one measurement more."""
        return replace(self, measurements=(*self.measurements, measurement))


def incumbent_of(experiments: Sequence[Experiment]) -> Experiment | None:
    """Return the last kept experiment of a history in its order; None before there is a baseline."""
    return next((e for e in reversed(experiments) if e.kept), None)


@dataclass(frozen=True)
class Headline:
    """The honest final figure: baseline and best, measured again on fresh seeds.

    Attributes
    ----------
    number : int
        The best experiment.
    best, baseline : float
        Means.
    best_sd, baseline_sd : float
        Standard deviations of a single run (of the sample, n − 1); 0 with fewer than two repeats.
    repeats : int
        Runs of each.
    gain : float
        By how much the best is better, in the metric's unit; negative when it is worse.
    reach : float or None
        Half the width of the gain's interval; None when one run of each says nothing of it.
    confidence : float
        Of that interval.
    """

    number: int
    best: float
    best_sd: float
    baseline: float
    baseline_sd: float
    repeats: int
    gain: float
    reach: float | None = None
    confidence: float = 0.95
