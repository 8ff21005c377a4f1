"""Cheap stages before the full run (``--stage``): which versions are clear losers there and are not run in full.

A stage is a shorter budget or a cheaper command. A version is compared with the incumbent by what both have at the stage, and has to be behind
by more than the margin: what two versions of equal full value differ by at the stage. It is learned from those that have run in full, the better
`BETTER` of the latest: the standard deviation of their values at the stage about their line over the full values, times the root of two and
Student's t for a chance of `TAIL`. While few versions have run in full, no version is stopped. Nor is one while the stage has not shown that it
orders versions as the full run does: Kendall's rank correlation of both values must be above
`LEAST` by `SURE` of its standard errors. So a stage
that says little, or the opposite, stops nothing; when `PROVED` versions have shown that, one in `STILL` runs there. Audits are those of early stopping (`pruner`).

One in twenty of the losers runs in full as an audit, the first always. A wrong one, which the judge kept or ran again, widens the margin beyond
what it has made up.

Pure: no I/O.
"""

from __future__ import annotations

import math
import random
import statistics
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import combinations
from typing import Literal

from ..metric import Metric
from ..runs import mean
from .noise import student
from .pruner import AUDIT, BETTER, ENOUGH, WIDER

SURE = 1.64
"""Standard errors by which the rank correlation must be above zero: 5% of stages that say nothing pass that."""
LEAST = 0.25
"""Rank correlation that the stage has to exceed by that: one that says little stops good versions, of which audits would tell late."""
TAIL = 0.025
"""Chance by which a version that is as good in full may be further behind at the stage."""
PROVED, STILL = 12, 5
"""Versions by which a stage has shown that it is useless, and one in how many runs there from then on."""
LATEST = 60
"""Versions that ran in full from which it is learned: the latest; with more, each decision takes longer and says the same."""

Way = Literal["passed", "stopped", "audit", "failed"]


@dataclass(frozen=True)
class Seen:
    """What a version had at a stage.

    Attributes
    ----------
    experiment : int
    value : float
        At the stage.
    gap : float
        By how much it was behind the incumbent there, in the stage's unit; negative where it was ahead.
    way : {"passed", "stopped", "audit", "failed"}
    """

    experiment: int
    value: float
    gap: float
    way: Way


@dataclass(frozen=True)
class Full:
    """What came of a version that ran in full: its value, and whether the judge kept it or ran it again."""

    value: float
    promising: bool


@dataclass(frozen=True)
class StageDecision:
    """What becomes of a version after a stage, with the reason in one line."""

    way: Way
    reason: str = ""


@dataclass
class StageJudge:
    """Decides after one stage, from what is known of the versions that have run in full.

    Attributes
    ----------
    name : str
        The stage, as users know it.
    metric : Metric
        What is read at the stage.
    full : Metric
        The study's.
    seed : int
        The study's: together with a version's fingerprint it determines which losers are audits.
    seen : dict of int to Seen
        By experiment.
    values : dict of int to Full
        Of those that ran in full.
    """

    name: str
    metric: Metric
    full: Metric
    seed: int = 0
    seen: dict[int, Seen] = field(default_factory=dict)
    values: dict[int, Full] = field(default_factory=dict)

    def gap(self, value: float, incumbent: Sequence[float]) -> float:
        """Return by how much a value is behind the mean of the incumbent's, in the stage's unit."""
        return self.metric.gain(mean(incumbent), over=value)

    def pairs(self) -> list[tuple[float, float]]:
        """Return value at the stage and full value of the latest versions that have both, in the order of their numbers."""
        both = sorted(self.seen.keys() & self.values.keys())
        return [(self.seen[n].value, self.values[n].value) for n in both][-LATEST:]

    def margin(self, sd: float) -> float | None:
        """Return how far behind a version may be; None while that is not known, or the stage does not order versions as the full run does.

        Parameters
        ----------
        sd : float
            Standard deviation of one run of the stage.
        """
        pairs = self.pairs()
        if len(pairs) < ENOUGH or not self.orders(pairs):
            return None
        ranked = sorted(pairs, key=lambda pair: self.full.gain(pair[1], over=0.0), reverse=True)
        better = ranked[: max(ENOUGH, math.ceil(BETTER * len(ranked)))]
        recovered = [
            s.gap for n, s in self.seen.items() if s.way == "audit" and n in self.values and self.values[n].promising
        ]
        apart = math.sqrt(2) * student(TAIL, len(better) - 2) * residual(better)
        return max(apart, WIDER * max(recovered, default=0.0), math.sqrt(2) * sd)

    def orders(self, pairs: Sequence[tuple[float, float]]) -> bool:
        """Whether the stage has shown that it orders versions as the full run does."""
        sign = 1.0 if self.metric.minimize is self.full.minimize else -1.0
        agree = 0
        for (a, x), (b, y) in combinations(pairs, 2):
            product = sign * (a - b) * (x - y)
            agree += (product > 0) - (product < 0)
        n = len(pairs)
        tau = agree / (n * (n - 1) / 2)
        return tau - SURE * math.sqrt(2 * (2 * n + 5) / (9 * n * (n - 1))) > LEAST

    def useless(self) -> bool:
        """Whether enough versions have run both at the stage and in full, and the stage does not order them as the full run does."""
        pairs = self.pairs()
        return len(pairs) >= PROVED and not self.orders(pairs)

    def spares(self, mark: str) -> bool:
        """Whether a version is spared the stage: most are while it is useless, and one in `STILL` shows whether it still is."""
        return self.useless() and random.Random(f"spared {self.seed} {mark}").random() > 1 / STILL

    def near(self, value: float, incumbent: Sequence[float], sd: float) -> bool:
        """Whether one more run of the incumbent at the stage could change what becomes of a version."""
        margin = self.margin(sd)
        return margin is not None and sd > 0 and abs(self.gap(value, incumbent) - margin) < sd

    def decide(self, value: float, incumbent: Sequence[float], sd: float, *, number: int, mark: str) -> StageDecision:
        """Decide what becomes of a version.

        Parameters
        ----------
        value : float
            At the stage.
        incumbent : sequence of float
            The incumbent's values there.
        sd : float
            Standard deviation of one run of the stage.
        number : int
            The incumbent's.
        mark : str
            The version's fingerprint.
        """
        gap, margin = self.gap(value, incumbent), self.margin(sd)
        if margin is None or not gap > margin:
            return StageDecision("passed")
        which = f"experiment {number}" if number else "the baseline"
        ours, theirs = self.metric.format_apart(value, mean(incumbent), sd)
        reason = f"A loser at the stage {self.name}: {self.metric.name} {ours} against {theirs} of the current best, {which}; more than {margin:.2g} behind is rarely made up"
        first = not any(s.way in ("stopped", "audit") for s in self.seen.values())
        audit = first or random.Random(f"stage {self.seed} {mark}").random() < AUDIT
        return StageDecision("audit" if audit else "stopped", f"{reason}.")


def residual(pairs: Sequence[tuple[float, float]]) -> float:
    """Return the standard deviation of values at a stage about their line over the full values."""
    cheap, full = [a for a, _ in pairs], [b for _, b in pairs]
    spread = statistics.fmean((b - mean(full)) ** 2 for b in full)
    slope = statistics.fmean((a - mean(cheap)) * (b - mean(full)) for a, b in pairs) / spread if spread > 0 else 0.0
    rest = [a - mean(cheap) - slope * (b - mean(full)) for a, b in pairs]
    return math.sqrt(sum(r * r for r in rest) / (len(pairs) - 2))


@dataclass(frozen=True)
class StageAccount:
    """What a stage has saved so far, and how often it was wrong.

    Attributes
    ----------
    name : str
    runs : int
        Runs of the stage.
    seconds : float
        That they took.
    stopped : int
        Versions that were not run in full because of it.
    failed : int
        Versions that failed there, and were not run in full either.
    audits, wrong : int
        Losers that ran in full as a check, and those of them that the judge kept or ran again.
    saved : float
        Seconds that the full runs of the stopped and failed ones would have taken.
    """

    name: str
    runs: int = 0
    seconds: float = 0.0
    stopped: int = 0
    failed: int = 0
    audits: int = 0
    wrong: int = 0
    saved: float = 0.0

    def __str__(self) -> str:
        spared = self.stopped + self.failed
        text = f"stage {self.name}: {spared or 'no'} full run{'' if spared == 1 else 's'} saved"
        if self.failed:
            text += f" ({self.failed} failed there)"
        text += f", {self.saved:.1f} s for {self.seconds:.1f} s that {self.runs} runs of the stage took"
        if self.audits:
            text += f"; {self.audits} more {'was a loser' if self.audits == 1 else 'were losers'} but ran in full as a check, {self.wrong or 'none'} of them turned out well"
        return text
