"""Comparisons that a user can ask for: is B no worse than A, and what does each kept change contribute.

They run targets side by side, on seeds that the search never uses and with the study's own runner. They change nothing in the
study, and the journal keeps their runs apart. Chances and intervals are those of gains (`judging.chance`), from the noise of the study
and of these runs together.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from ..errors import UserError
from ..experiment import Experiment, Verdict
from ..judging.chance import Contrast, contrast, pooled
from ..judging.gains import CONFIDENCE, Gain
from ..judging.noise import Noise, estimate_noise, spread
from ..metric import Metric
from ..runs import summary
from ..source.edits import merge
from ..text import counted
from .evidence import chance, ends, figures, interval, signed

if TYPE_CHECKING:
    from .measuring import Measurer

SAMPLES = 8
"""Runs of each side: with 8 and 8, a loss of 1.7 sd is called one in nine of ten cases, and none in one of thirty."""

BAND = 1.0
"""How many standard deviations of one run B may be worse than A and still count as no worse."""


@dataclass(frozen=True)
class Compared:
    """Two versions by their runs.

    Attributes
    ----------
    found : Gain
        Of B over A: its gain, the 95% interval and the chance that B is better.
    band : float
        The largest loss that counts as none: `BAND` standard deviations of one run.
    verdict : {"STABLE", "UNSTABLE", "UNDECIDED"}
        UNSTABLE: the loss is larger than the band, and the chance that B is better at most 5%. STABLE: with a probability of 95% the loss
        is inside the band. UNDECIDED otherwise: more samples would tell.
    """

    found: Gain
    band: float
    verdict: str

    def text(
        self, metric: Metric, a: tuple[str, Sequence[float]], b: tuple[str, Sequence[float]], statistic: str
    ) -> str:
        """Return the two sides and the evidence: each side is given by a name and its values."""
        sides = " against ".join(
            f"{metric.format(summary(values, statistic), spread(values))} (sd {spread(values):.2g}, {name})"
            for name, values in (b, a)
        )
        found, n = self.found, len(a[1])
        better = "worse" if found.gain < 0 else "better"
        size = f"{abs(found.gain):.3g} {better}" if found.gain else "the same"
        if not spread(a[1]) and not spread(b[1]):
            return f"{sides}, {counted(n, 'run')} each: {size}, in every run."
        more = f" More samples would tell: --samples {2 * n}." if self.verdict == "UNDECIDED" else ""
        return (
            f"{sides}, {counted(n, 'run')} each: {size}; 95% interval {ends(found)}; chance that it is better {chance(found)}; a loss of "
            f"up to {self.band:.2g} counts as noise.{more}"
        )


@dataclass(frozen=True)
class Regression:
    """The answer to whether experiment B is no worse than A.

    Attributes
    ----------
    a, b : int
        Numbers of experiments.
    a_values, b_values : tuple of float
    verdict : {"STABLE", "UNSTABLE", "UNDECIDED"}
        See `Compared`.
    loss, band : float
        By how much B is worse, in the metric's unit, negative when it is better; and the largest loss that counts as none.
    gain, gain_low, gain_high, p_better : float or None
        The same as a gain of B over A, with its 95% interval and the chance that B is better; None while the noise is not known.
    failed : str
        Why a run gave no value; empty when all runs did.
    statistic : str
        What of the values the metric's value is.
    """

    a: int
    b: int
    a_values: tuple[float, ...]
    b_values: tuple[float, ...]
    verdict: str = "UNSTABLE"
    loss: float = 0.0
    band: float = 0.0
    gain: float | None = None
    gain_low: float | None = None
    gain_high: float | None = None
    p_better: float | None = None
    failed: str = ""
    statistic: str = "mean"

    def text(self, metric: Metric) -> str:
        """Return the answer in one line."""
        if self.failed:
            return f"{self.verdict}: experiment {self.b} does not run: {self.failed}"
        n = len(self.a_values)
        found = Gain(-self.loss, self.gain_low, self.gain_high, n, n, self.p_better)
        sides = (f"experiment {self.a}", self.a_values), (f"experiment {self.b}", self.b_values)
        return f"{self.verdict}: {metric.name} {Compared(found, self.band, self.verdict).text(metric, *sides, self.statistic)}"


@dataclass(frozen=True)
class Contribution:
    """What one kept change contributes to the best.

    Attributes
    ----------
    number : int
    summary : str
    found : Gain or None
        How much better the best is with the change than without, with its 95% interval and chance; None when it was not measured.
    note : str
        Why that was not measured, or how the version without the change failed.
    """

    number: int
    summary: str
    found: Gain | None = None
    note: str = ""

    @property
    def proven(self) -> bool:
        """Whether these runs prove that the change makes the best better."""
        return self.found is not None and self.found.p_better is not None and self.found.p_better >= CONFIDENCE

    @property
    def idle(self) -> bool:
        """Whether the change was measured and proves nothing."""
        return self.found is not None and not self.proven

    @property
    def free(self) -> bool:
        """Whether the change may be taken back without loss: the best is at least as likely to be better without it."""
        return self.found is not None and self.found.gain <= 0

    @property
    def remark(self) -> str:
        """What the numbers mean for the change, in a few words; empty for one that is proven."""
        if self.note or not self.idle:
            return self.note
        return "may be taken back without loss" if self.free else "proves nothing"


@dataclass(frozen=True)
class Ablation:
    """The answer to what each kept change contributes to the best.

    Attributes
    ----------
    best : int
    value : float
        The value of the best, measured again.
    runs : int
        Runs of each version.
    parts : tuple of Contribution
    without : str
        The best target without changes that prove nothing, where that loses nothing; empty when there are none, or it does.
    without_found : Gain or None
        How much better the version is that was tried without them; None where none was.
    taken_back : tuple of int
        The experiments whose changes that version does not have.
    """

    best: int
    value: float
    runs: int
    parts: tuple[Contribution, ...]
    without: str = ""
    without_found: Gain | None = None
    taken_back: tuple[int, ...] = ()

    def text(self, metric: Metric) -> str:
        """Return the answer as a table of text."""
        lines = [
            f"Experiment {self.best}, {metric.name} {metric.format(self.value)}: what is lost without each kept change "
            f"({counted(self.runs, 'run')} each)",
            "",
            f"{'#':>4}  {'contributes':>11}  {'95% interval':>18}  {'chance':>6}  change",
        ]
        for part in self.parts:
            size, ends, probability = figures(part.found)
            tail = f" ({part.remark})" if part.remark else ""
            lines.append(f"{part.number:>4}  {size:>11}  {ends:>18}  {probability:>6}  {part.summary}{tail}")
        lines += ["", "Chance: that the best is better with the change than without it."]
        if (found := self.without_found) is not None:
            numbers = ", ".join(map(str, self.taken_back))
            evidence = f"{signed(found)}; 95% interval {interval(found)}; chance that it is better {chance(found)}"
            it = "it" if len(self.taken_back) == 1 else "they"
            end = f"{it} may be taken back." if self.without else f"{it} {'stays' if it == 'it' else 'stay'}."
            better = "better" if found.gain > 0 else "worse" if found.gain < 0 else "as good"
            lines += ["", f"Without {numbers} the best is {better} ({evidence}): {end}"]
        return "\n".join(lines)


def ask_regression(measurer: Measurer, a: int, b: int, samples: int = SAMPLES) -> Regression:
    """Run two experiments side by side and return whether the second is no worse; see `Regression`."""
    sides = {number: measurer.experiments[number] for number in (a, b)}
    values: dict[int, list[float]] = {a: [], b: []}
    statistic = sides[a].statistic
    for repeat in range(samples):
        for number in (a, b) if repeat % 2 == 0 else (b, a):
            measurement = measurer.trial(sides[number], repeat, samples)
            if not measurement.ok or measurement.value is None:
                if number == a:
                    raise UserError(f"Experiment {a} does not run any more: {measurement.error}")
                return Regression(a, b, tuple(values[a]), tuple(values[b]), failed=measurement.error)
            values[number].append(measurement.value)
    compared = compare(values[a], values[b], measurer.metric, statistic, estimate_noise(measurer.experiments))
    found = compared.found
    return Regression(
        a, b, tuple(values[a]), tuple(values[b]), compared.verdict, 0.0 - found.gain, compared.band, found.gain, found.low, found.high,
        found.p_better, statistic=statistic,
    )  # fmt: skip


def compare(
    of_a: Sequence[float], of_b: Sequence[float], metric: Metric, statistic: str = "mean", noise: Noise | None = None
) -> Compared:
    """Compare B's values with A's.

    Parameters
    ----------
    of_a, of_b : sequence of float
    metric : Metric
    statistic : {"mean", "median", "min", "max"}
    noise : Noise, optional
        What a study knew of it before.
    """
    noise = pooled([of_a, of_b], noise)
    found = contrast(of_b, of_a, metric, statistic, noise)
    gain, band = _gain(found, of_b, of_a), BAND * noise.at(summary(of_a, statistic))
    inside = found.reach(1 - 2 * (1 - CONFIDENCE))
    if inside is None or gain.p_better is None:
        return Compared(gain, band, "UNDECIDED")
    worse = -gain.gain > band and gain.p_better <= 1 - CONFIDENCE
    return Compared(gain, band, "UNSTABLE" if worse else "STABLE" if inside - gain.gain <= band else "UNDECIDED")


def _gain(found: Contrast, ours: Sequence[float], theirs: Sequence[float]) -> Gain:
    reach, gain = found.reach(CONFIDENCE), found.gain
    low, high = (None, None) if reach is None else (gain - reach, gain + reach)
    return Gain(gain, low, high, len(ours), len(theirs), found.p_better)


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
    noise = pooled([top, *measured.values()], estimate_noise(measurer.experiments))
    parts = []
    for e in kept:
        if not (values := measured.get(e.number, [])):
            note = notes.get(e.number) or f"without it: {failures.get(e.number, 'no value')}"
            parts.append(Contribution(e.number, e.summary, note=note))
            continue
        found = contrast(top, values, measurer.metric, best.statistic, noise)
        parts.append(Contribution(e.number, e.summary, _gain(found, top, values)))
    answer = Ablation(best.number, summary(top, best.statistic), samples, tuple(parts))
    # All that prove nothing; where that loses something together, those alone that lose nothing each.
    choices = [tuple(p.number for p in parts if p.idle), tuple(p.number for p in parts if p.free)]
    for numbers in dict.fromkeys(choices):
        if not numbers:
            continue
        if len(numbers) == 1:  # measured already
            target, values = versions[numbers[0]], measured[numbers[0]]
        else:
            target, numbers, values = _take_back(measurer, best, numbers, versions, samples)
        if not values:
            continue
        tried = _gain(contrast(values, top, measurer.metric, best.statistic, noise), values, top)
        as_good = tried.gain >= 0
        answer = replace(answer, without=target if as_good else "", without_found=tried, taken_back=numbers)
        if as_good:
            break
    return answer


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


def _take_back(
    measurer: Measurer, best: Experiment, numbers: Sequence[int], versions: dict[int, str], samples: int
) -> tuple[str, tuple[int, ...], list[float]]:
    """Undo several changes together; return the target, which of them come out of it, and its values (none where it does not run)."""
    target, undone, values = best.target, [], []
    for number in numbers:
        without = merge(best.target, target, versions[number])
        if without is not None:
            target = without
            undone.append(number)
    for repeat in range(samples):
        measurement = measurer.trial(_named(best, target, "without what proves nothing"), repeat, samples)
        if not measurement.ok or measurement.value is None:
            return target, tuple(undone), []
        values.append(measurement.value)
    return target, tuple(undone), values
