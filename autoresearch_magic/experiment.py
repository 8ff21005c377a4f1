"""The records of a study: proposal, measurement, experiment, and the final headline.

An agent makes a `Proposal`, a runner runs it and returns a `Measurement` for each run, and the judge gives the `Experiment`
that holds both its `Verdict`. All are immutable; behaviour lives in the functions and classes that take them.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from functools import cached_property

from .runs import LARGEST, Conditions, Point, mean, standard_deviation, summary
from .text import printable

LARGEST_INTEGER = 2**63 - 1
"""The largest integer that the journal can hold."""
GIB = 2**30
"""Bytes of the unit of peak memory, everywhere: runs, messages, exports, and the column ``memory_gb`` of results.tsv, for which the
original divides its ``peak_vram_mb`` (2**20 bytes) by 1024 as well."""
MOST_NOTES, LONGEST_NOTE = 12, 300
"""Notes of a run that a measurement keeps, and characters of each."""
MOST_ARTIFACTS, LONGEST_ARTIFACT = 8, 4_000
"""Files written by a run that a measurement keeps, and characters of each, without the mark where its middle is cut out."""
MOST_NUMBERS = 64
"""Numbers besides the metric that a measurement keeps."""

_EXCEPTION = re.compile(r"(?:Reading the metric .+ failed: )?([A-Za-z_]\w*)(?=:|\s*\(line \d|\s*$)")
"""The exception's type in a reason such as ``KeyError: 'x' (line 3 of the target)``; the message may be missing."""


class Verdict(StrEnum):
    """The judge's decision about an experiment, or how it failed.

    ``baseline`` is the unchanged target. ``keep`` is better than the current best and replaces it; ``discard`` is not better.
    ``pruned`` was stopped early as hopeless. ``duplicate`` repeats a target that was tried before. ``crash``, ``timeout`` and
    ``metric-error`` gave no value; ``guard-failed`` broke the command that must still pass. ``rejected`` was refused: it
    touched something frozen, set a seed, gave an impossible value, or there was no usable proposal.
    """

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
        """Whether the experiment became the incumbent (the current best)."""
        return self in (Verdict.BASELINE, Verdict.KEEP)

    @property
    def failed(self) -> bool:
        """Whether the experiment failed and so has no value to compare."""
        return self not in (Verdict.BASELINE, Verdict.KEEP, Verdict.DISCARD, Verdict.PRUNED, Verdict.DUPLICATE)


class Outcome(StrEnum):
    """How one run of a target ended.

    Only ``ok`` has a value that counts. ``not-finite`` gave NaN or infinity; ``missing-metric`` never defined or printed the
    metric; ``metric-error`` raised while evaluating it; ``pruned`` was stopped early as hopeless; ``stopped`` was killed from
    outside, for example because the study was stopped; ``tampered`` changed files that are frozen; ``invalid`` has a value but
    does not fulfil the condition on valid runs; ``overtime`` ran on outside of its clock.
    """

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
    INVALID = "invalid"
    OVERTIME = "overtime"


@dataclass(frozen=True)
class Usage:
    """The requests, tokens, time and money that an agent has used. Two of them can be added.

    Attributes
    ----------
    calls : int
        Requests that were answered.
    input, cached, written, output : int
        Tokens: uncached input, input read from the vendor's cache, input written to that cache, and output (thinking included).
    seconds : float
        Wall-clock time of the requests, without waits for rate limits.
    cost : float or None
        US dollars: 0 for an agent that is free, None when the price is not known.
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
        """The sum of all four kinds of tokens."""
        return self.input + self.cached + self.written + self.output

    def __add__(self, other: Usage) -> Usage:
        cost = None if self.cost is None or other.cost is None else self.cost + other.cost
        return Usage(
            self.calls + other.calls, self.input + other.input, self.cached + other.cached,
            self.written + other.written, self.output + other.output, self.seconds + other.seconds, cost,
        )  # fmt: skip


NOTHING_USED = Usage()


@dataclass(frozen=True)
class Proposal:
    """A new version of the target that an agent proposes, with its reasons.

    Attributes
    ----------
    target : str
        The complete new source of the target.
    summary : str
        One line for the history and the subject of the git commit.
    hypothesis, expect : str
        Why the change should help, and the expected effect; may be empty.
    agent : str
        Name of the agent that proposed it.
    usage : Usage
        What the request for this proposal has used.
    reply : str
        The agent's full reply; empty for agents that reply without text.
    failure : str
        One line that says why there is no new target; empty for a usable proposal. `target` is then the incumbent's.
    ideas : tuple of str
        Other ideas that the agent had on the way, for the study's backlog.
    tries : tuple of int
        Numbers of the backlog's ideas that it tries.
    prompt : str
        What the agent was asked, as text. The journal keeps it; an experiment in memory does not, for it may be long.
    """

    target: str
    summary: str
    hypothesis: str = ""
    expect: str = ""
    agent: str = ""
    usage: Usage = NOTHING_USED
    reply: str = ""
    failure: str = ""
    ideas: tuple[str, ...] = ()
    tries: tuple[int, ...] = ()
    prompt: str = field(default="", compare=False, repr=False)

    def __post_init__(self) -> None:
        """Escape halves of surrogate pairs, which a model's JSON may contain and no file can hold."""
        for name in ("target", "summary", "hypothesis", "expect", "agent", "reply", "failure"):
            text = getattr(self, name)
            if (written := printable(text)) is not text:
                object.__setattr__(self, name, written)


@dataclass(frozen=True)
class Measurement:
    """The result of one run of one target: the metric's value, time, memory and learning curve.

    Attributes
    ----------
    outcome : Outcome
        How the run ended.
    value : float or None
        The metric's value; None when there is none. NaN and infinities are recorded as they are.
    seed : int
        The seed of this run.
    seconds : float
        Wall-clock time of the whole run, from the start of its process to its end.
    charged : float
        Seconds charged to the budget (`clock.elapsed` at the end).
    evaluation : float
        Seconds spent on evaluating the metric.
    steps : int
        Training steps that the clock counted.
    memory : float
        Peak memory in GiB (`GIB`): of the GPU where one was used, else of the host.
    curve : tuple of Point
        The reported learning curve.
    error : str
        One line that says what went wrong; empty for a run without an error.
    traceback : str
        The traceback of the user's code, where it raised an exception.
    output : str
        The last lines that the run printed.
    names : tuple of str
        Names that the target had defined at its end, for error messages.
    numbers : Mapping of str to float
        The other numbers that the run has printed or its metric has returned, by name; at most `MOST_NUMBERS`.
    conditions : Conditions or None
        How busy the machine was besides; None where it is not known.
    notes : tuple of str
        What the run has printed as lines ``note: text``: the last `MOST_NOTES`.
    artifacts : Mapping of str to str
        Text files that the run has written (``--artifacts``), by path; at most `MOST_ARTIFACTS`.
    holdout : float or None
        The value of ``--holdout``, which only runs of the final confirmation have. No agent is shown it.
    holdout_error : str
        Why it has none, in one line; empty where it was not asked for.
    judged : int or None
        Of a run that a version made after its own verdict: how many experiments were judged by then. None for all others.
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
    numbers: Mapping[str, float] = field(default_factory=dict)
    conditions: Conditions | None = None
    notes: tuple[str, ...] = ()
    artifacts: Mapping[str, str] = field(default_factory=dict)
    holdout: float | None = None
    holdout_error: str = ""
    judged: int | None = field(default=None, compare=False)

    def __post_init__(self) -> None:
        """Turn a value that is too large to compare into a failed run, also one that was recorded before."""
        value = self.value
        if self.outcome is Outcome.OK and value is not None and math.isfinite(value) and abs(value) > LARGEST:
            error = f"The value {value:.6g} is too large to be compared: the run diverged or the metric is wrong."
            object.__setattr__(self, "outcome", Outcome.NOT_FINITE)
            object.__setattr__(self, "error", self.error or error)
        if abs(self.steps) > LARGEST_INTEGER:
            object.__setattr__(self, "steps", max(-LARGEST_INTEGER, min(LARGEST_INTEGER, self.steps)))

    @property
    def training(self) -> float:
        """Seconds of wall clock of the training: those that are charged, and those in which other programs held its core."""
        return self.charged + ((self.conditions and self.conditions.lost) or 0.0)

    @property
    def ok(self) -> bool:
        """Whether the run succeeded with a finite value."""
        return self.outcome is Outcome.OK and self.value is not None and math.isfinite(self.value)


@dataclass(frozen=True)
class Experiment:
    """One proposal with its measurements and its verdict: one row of a study's history.

    Attributes
    ----------
    number : int
        0 for the baseline; proposals count from 1.
    parent : int or None
        Number of the incumbent on which the proposal is based; None for the baseline.
    proposal : Proposal
    fingerprint : str
        Hash of the target's syntax tree: equal for targets that differ only in layout, comments and docstrings.
    verdict : Verdict or None
        None until the experiment is judged.
    reason : str
        One line that explains the verdict.
    measurements : tuple of Measurement
        One for each run, in order; runs of the final confirmation are not included.
    commit : str
        Hash of the git commit that holds the target; empty until it is made.
    since : int
        Index of the first measurement that counts; earlier ones were made before the machine drifted.
    statistic : {"mean", "median", "min", "max"}
        What of its runs' values its value is; that of the study.
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
    statistic: str = "mean"

    @property
    def target(self) -> str:
        """The source of the target that was run."""
        return self.proposal.target

    @property
    def summary(self) -> str:
        """The proposal's one-line summary."""
        return self.proposal.summary

    @property
    def ran(self) -> bool:
        """Whether it was run at all, be it at a cheap stage alone (``--stage``); only such experiments count towards the requested number."""
        return bool(self.measurements) or self.verdict is Verdict.PRUNED

    @property
    def current(self) -> tuple[Measurement, ...]:
        """The measurements that count: those made since the last drift of the machine."""
        return self.measurements[self.since :]

    @cached_property
    def values(self) -> tuple[float, ...]:
        """The metric's finite values among the measurements that count."""
        return tuple(m.value for m in self.current if m.ok and m.value is not None)

    @cached_property
    def value(self) -> float | None:
        """The mean of `values`, or another `statistic` of them; None when there are none."""
        return summary(self.values, self.statistic) if self.values else None

    @property
    def deviation(self) -> float:
        """The sample standard deviation (n - 1) of `values`; 0 for fewer than two."""
        return standard_deviation(self.values)

    @property
    def numbers(self) -> dict[str, float]:
        """The other numbers of its runs by name: means over the runs that count, else those of a failed run."""
        runs = [m for m in self.current if m.ok] or list(self.measurements[-1:])
        found: dict[str, list[float]] = {}
        for m in runs:
            for name, value in m.numbers.items():
                found.setdefault(name, []).append(value)
        return {name: mean(values) for name, values in found.items()}

    @property
    def notes(self) -> tuple[str, ...]:
        """The notes of the last of its runs that counts, else of a failed run."""
        return run.notes if (run := self._shown_run) else ()

    @property
    def artifacts(self) -> Mapping[str, str]:
        """The files that the last of its runs that counts has written, else a failed run."""
        return run.artifacts if (run := self._shown_run) else {}

    @property
    def _shown_run(self) -> Measurement | None:
        return next((m for m in reversed(self.current) if m.ok), self.measurements[-1] if self.measurements else None)

    @property
    def kept(self) -> bool:
        """Whether it became the incumbent (the current best); the baseline counts as kept."""
        return self.verdict is not None and self.verdict.kept

    @property
    def cause(self) -> str:
        """A label to group failures by: the verdict, with the type of the exception where the reason names one."""
        if self.proposal.failure:
            return f"{self.verdict} (no proposal)"
        named = _EXCEPTION.match(self.reason)
        return f"{self.verdict} ({named[1]})" if named and named[1] != self.verdict else str(self.verdict)

    @property
    def seconds(self) -> float:
        """Wall-clock seconds of all its measurements."""
        return sum(m.seconds for m in self.measurements)

    @property
    def memory(self) -> float:
        """Peak memory in GiB over all its measurements."""
        return max((m.memory for m in self.measurements), default=0.0)

    def with_measurement(self, measurement: Measurement) -> Experiment:
        """Return a copy with one more measurement."""
        return replace(self, measurements=(*self.measurements, measurement))


def incumbent_of(experiments: Sequence[Experiment]) -> Experiment | None:
    """Return the incumbent (the current best): the last kept experiment; None before there is a baseline."""
    return next((e for e in reversed(experiments) if e.kept), None)
