"""Comparisons that a user can ask for: is B no worse than A, and what does each kept change contribute.

They run targets side by side, on seeds that the search never uses and with the study's own runner. They change nothing in the
study, and the journal keeps their runs apart.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from ..errors import UserError
from ..experiment import Experiment, Verdict
from ..judging.noise import difference, spread, student, welch
from ..metric import Metric
from ..source.edits import merge
from ..values import mean

if TYPE_CHECKING:
    from .measuring import Measurer

SAMPLES = 8
"""Runs of each side: with 8 and 8, Mann-Whitney's test detects a loss of 1.3 sd with a power of 80%."""

LEVEL = 0.05
"""Significance level of a regression."""

BAND = 1.0
"""How many standard deviations of one run of A the mean of B may be worse and still count as no worse."""

CONFIDENCE = 0.95
"""Confidence of the intervals of an ablation."""


@dataclass(frozen=True)
class Regression:
    """The answer to whether experiment B is no worse than A.

    Attributes
    ----------
    a, b : int
        Numbers of experiments.
    a_values, b_values : tuple of float
    loss : float
        By how much B's mean is worse, in the metric's unit; negative when it is better.
    band : float
        The largest loss that counts as none: `BAND` standard deviations of A.
    p : float
        One-sided p-value of the Mann-Whitney U test (1947); small when B's values are worse than A's.
    verdict : {"STABLE", "UNSTABLE", "UNDECIDED"}
        UNSTABLE: worse with p below `LEVEL`, and by more than the band. STABLE: the upper end of Welch's one-sided 95%
        interval of the loss is inside the band. UNDECIDED otherwise: more samples would tell.
    failed : str
        Why a run gave no value; empty when all runs did.
    """

    a: int
    b: int
    a_values: tuple[float, ...]
    b_values: tuple[float, ...]
    loss: float
    band: float
    p: float
    verdict: str
    failed: str = ""

    def text(self, metric: Metric) -> str:
        """Return the answer in one line."""
        if self.failed:
            return f"{self.verdict}: experiment {self.b} does not run: {self.failed}"
        n = len(self.a_values)
        sides = " against ".join(
            f"{metric.format(mean(values), spread(values))} (sd {spread(values):.2g}, experiment {number})"
            for number, values in ((self.b, self.b_values), (self.a, self.a_values))
        )
        how = "worse" if self.loss > 0 else "better"
        more = f" More samples would tell: --samples {2 * n}." if self.verdict == "UNDECIDED" else ""
        return (
            f"{self.verdict}: {metric.name} {sides}, {n} runs each, side by side. Experiment {self.b} is "
            f"{abs(self.loss):.3g} {how}; {self.band:.3g} counts as noise; p = {self.p:.3g} (Mann-Whitney U).{more}"
        )


@dataclass(frozen=True)
class Contribution:
    """What one kept change contributes to the best.

    Attributes
    ----------
    number : int
    summary : str
    gain : float or None
        How much better the best is with the change than without, in the metric's unit; None when it was not measured.
    reach : float or None
        Half the width of its 95% interval (Welch).
    note : str
        Why the gain was not measured, or how the version without the change failed.
    """

    number: int
    summary: str
    gain: float | None = None
    reach: float | None = None
    note: str = ""

    @property
    def idle(self) -> bool:
        """Whether no contribution can be seen: the interval includes zero."""
        return self.gain is not None and (self.reach is None or self.gain <= self.reach)


@dataclass(frozen=True)
class Ablation:
    """The answer to what each kept change contributes to the best.

    Attributes
    ----------
    best : int
    value : float
        The mean of the best, measured again.
    runs : int
        Runs of each version.
    parts : tuple of Contribution
    without : str
        The best target without the changes that contribute nothing; empty when there are none, or it was worse.
    without_gain : float
        How much better that version is than the best; negative when it is worse.
    """

    best: int
    value: float
    runs: int
    parts: tuple[Contribution, ...]
    without: str = ""
    without_gain: float = 0.0

    def text(self, metric: Metric) -> str:
        """Return the answer as a table of text."""
        lines = [
            f"Experiment {self.best}, {metric.name} {metric.format(self.value)}: what is lost without each kept change "
            f"({self.runs} runs each)",
            "",
            f"{'#':>4}  {'contributes':>11}  {'95% interval':>20}  change",
        ]
        for part in self.parts:
            size = "–" if part.gain is None else f"{part.gain:+.3g}"
            ends = ""
            if part.gain is not None and part.reach:
                ends = f"{part.gain - part.reach:+.3g} to {part.gain + part.reach:+.3g}"
            tail = f" ({part.note})" if part.note else " (nothing beyond chance)" if part.idle else ""
            lines.append(f"{part.number:>4}  {size:>11}  {ends:>20}  {part.summary}{tail}")
        idle = [str(part.number) for part in self.parts if part.idle]
        if self.without:
            lines += [
                "",
                f"Without {', '.join(idle)} it is as good ({self.without_gain:+.3g}); that version is the target below.",
            ]
        elif idle:
            lines += [
                "",
                f"Changes {', '.join(idle)} show no effect alone, but removing them together costs something.",
            ]
        return "\n".join(lines)


def ask_regression(measurer: Measurer, a: int, b: int, samples: int = SAMPLES) -> Regression:
    """Run two experiments side by side and return whether the second is no worse; see `Regression`."""
    sides = {number: measurer.experiments[number] for number in (a, b)}
    values: dict[int, list[float]] = {a: [], b: []}
    for repeat in range(samples):
        for number in (a, b) if repeat % 2 == 0 else (b, a):
            measurement = measurer.trial(sides[number], repeat, samples)
            if not measurement.ok or measurement.value is None:
                if number == a:
                    raise UserError(f"Experiment {a} does not run any more: {measurement.error}")
                return Regression(
                    a, b, tuple(values[a]), tuple(values[b]), 0.0, 0.0, 0.0, "UNSTABLE", measurement.error
                )
            values[number].append(measurement.value)
    return Regression(a, b, tuple(values[a]), tuple(values[b]), *compare(values[a], values[b], measurer.metric))


def compare(of_a: Sequence[float], of_b: Sequence[float], metric: Metric) -> tuple[float, float, float, str]:
    """Return loss, band, p and verdict of B's values against A's; see `Regression`."""
    from scipy.stats import mannwhitneyu

    loss = difference(mean(of_a), mean(of_b), metric)
    band = BAND * spread(of_a)
    worse = "greater" if metric.minimize else "less"
    p = float(mannwhitneyu(of_b, of_a, alternative=worse).pvalue) if {*of_b, *of_a} != {of_b[0]} else 1.0
    return loss, band, p, _verdict(of_b, of_a, loss, band, p)


def _verdict(of_b: Sequence[float], of_a: Sequence[float], loss: float, band: float, p: float) -> str:
    reach = welch(of_b, of_a, 1 - 2 * LEVEL)
    if reach == 0:
        return "UNSTABLE" if loss > band else "STABLE"
    if p < LEVEL and loss > band:
        return "UNSTABLE"
    return "STABLE" if reach is not None and loss + reach <= band else "UNDECIDED"


def ask_ablation(measurer: Measurer, samples: int) -> Ablation:
    """Undo each kept change of the best in turn and measure what is lost; see `Ablation`."""
    best = measurer.incumbent
    kept = lineage(measurer.experiments, best)
    if not kept:
        raise UserError("Nothing was kept, so there is nothing to undo.")
    versions: dict[int, str] = {}
    notes: dict[int, str] = {}
    for e in kept:
        parent = measurer.experiments[e.parent or 0]
        target = merge(e.target, best.target, parent.target)
        if target is None:
            notes[e.number] = "later changes build on it: it does not come out alone"
        elif target == best.target:
            notes[e.number] = "a later change has replaced it"
        else:
            versions[e.number] = target
    top, measured, failures = _side_by_side(measurer, best, versions, samples)
    if not top:
        raise UserError(f"Experiment {best.number} does not run any more: {failures.get(-1, 'no value')}")
    parts = []
    for e in kept:
        if not (values := measured.get(e.number, [])):
            note = notes.get(e.number) or f"without it: {failures.get(e.number, 'no value')}"
            parts.append(Contribution(e.number, e.summary, note=note))
            continue
        gain = difference(mean(top), mean(values), measurer.metric)
        parts.append(Contribution(e.number, e.summary, gain, welch(top, values, CONFIDENCE)))
    without, gain = _without_idle(measurer, best, parts, versions, top, samples)
    return Ablation(best.number, mean(top), samples, tuple(parts), without, gain)


def lineage(experiments: Sequence[Experiment], best: Experiment) -> list[Experiment]:
    """Return the kept experiments that led to the best, in their order, without the baseline."""
    found, e = [], best
    while e.number != 0 and e.parent is not None:
        if e.verdict is Verdict.KEEP:
            found.append(e)
        e = experiments[e.parent]
    return found[::-1]


def _side_by_side(
    measurer: Measurer, best: Experiment, versions: dict[int, str], samples: int
) -> tuple[list[float], dict[int, list[float]], dict[int, str]]:
    """Run the best and versions of it in turn; return the best's values, the versions' values, and failures (the best's at -1)."""
    runs = {
        -1: _named(best, best.target, f"the best, experiment {best.number}"),
        **{n: _named(best, target, f"without experiment {n}") for n, target in versions.items()},
    }
    values: dict[int, list[float]] = {n: [] for n in runs}
    failures: dict[int, str] = {}
    for repeat in range(samples):
        for number, version in runs.items():
            measurement = measurer.trial(version, repeat, samples)
            if measurement.ok and measurement.value is not None:
                values[number].append(measurement.value)
            else:
                failures[number] = measurement.error
    return values.pop(-1), values, failures


def _named(best: Experiment, target: str, summary: str) -> Experiment:
    return replace(best, proposal=replace(best.proposal, target=target, summary=summary))


def _without_idle(
    measurer: Measurer,
    best: Experiment,
    parts: Sequence[Contribution],
    versions: dict[int, str],
    top: Sequence[float],
    samples: int,
) -> tuple[str, float]:
    """Remove all idle changes together; return the target and its gain if it is as good as the best, else an empty target."""
    target = best.target
    for part in parts:
        if part.idle:
            undone = merge(best.target, target, versions[part.number])
            target = target if undone is None else undone
    if target == best.target:
        return "", 0.0
    values = []
    for repeat in range(samples):
        measurement = measurer.trial(_named(best, target, "without all that contribute nothing"), repeat, samples)
        if not measurement.ok or measurement.value is None:
            return "", 0.0
        values.append(measurement.value)
    gain = difference(mean(values), mean(top), measurer.metric)
    variance = spread(values) ** 2 / len(values) + spread(top) ** 2 / len(top)
    error = variance**0.5
    reach = student(1 - CONFIDENCE, max(1, 2 * len(values) - 2)) * error
    return (target, gain) if gain >= -reach else ("", gain)
