"""Limits on numbers besides the metric (``--limit 'peak_memory_gb<8'``): a version that breaks one is not kept, whatever its metric.

A version's number is the mean of its runs. How much such a number varies is pooled over all versions of the study that ran more than once,
so one run has a 95% interval as well. Where a version would be kept and a limit lies within the interval of its mean, it runs once more,
`FURTHER` times at most; then the mean decides.

A study may begin above a limit, in order to get below it. Until a version is within all limits, what is nearer to them is better (the rules of
Deb 2000, *An efficient constraint handling method for genetic algorithms*): a version within them is kept whatever its metric, one that is
nearer by more than chance explains and by a tenth of what is missing is kept, one that is farther by as much is not, and between versions that
are equally far the metric decides.

Pure functions, no I/O. Not here: ``--valid``, by which a single run does not count, and the limits that end a search.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ..errors import UserError
from ..experiment import Experiment, Verdict
from ..metric import Metric
from ..run_numbers import MEASURED, OWN, known_names, mean_number, number_of, numbers_of, plain_name, within
from ..runs import mean
from ..text import counted, exact, shorten
from .judge import Decision
from .noise import student

FURTHER = 4
"""Further runs of a version near a limit, at most, until the mean of its runs decides."""
NEARER = 0.1
"""Share of what is missing to the limits by which a version must be nearer, or farther, for that to decide."""
TAIL = 0.025
"""Probability beyond each end of an interval."""
MOST = 12
"""Limits that a study may have."""

_LIMIT = re.compile(
    r"\s*([A-Za-z_][\w.%/ -]*?)\s*(<=|>=|<|>|≤|≥)\s*([-+]?(?:\d[\d_]*\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)\s*"
)


@dataclass(frozen=True)
class Constraint:
    """A limit on a number.

    Attributes
    ----------
    name : str
    sign : {"<", "<=", ">", ">="}
    bound : float
    """

    name: str
    sign: str
    bound: float

    @property
    def below(self) -> bool:
        """Whether the number must stay below the bound."""
        return self.sign[0] == "<"

    def holds(self, value: float) -> bool:
        """Whether a value is within the limit."""
        return within(value, self.sign, self.bound)

    def excess(self, value: float) -> float:
        """Return by how much a value is beyond the limit, negative within it."""
        return value - self.bound if self.below else self.bound - value

    def broken_by(self, value: float) -> str:
        """Return that a value breaks the limit, in words."""
        return f"{self.name} {value:.4g} is {'over' if self.below else 'under'} the limit {exact(self.bound)}"

    def __str__(self) -> str:
        return f"{self.name}{self.sign}{exact(self.bound)}"


def parse_limit(text: str) -> Constraint:
    """Read ``NAME<NUMBER``, with any of < <= > >=.

    Raises
    ------
    UserError
        When it is not that.
    """
    found = _LIMIT.fullmatch(text)
    if found is None:
        raise UserError(
            f"--limit {shorten(text)!r} cannot be read: it takes  NAME<NUMBER  with < <= > or >=, such as 'peak_memory_gb<8', in quotes."
        )
    sign = {"≤": "<=", "≥": ">="}.get(found[2], found[2])
    return Constraint(found[1].strip(), sign, float(found[3]))


def split_limits(text: str) -> list[str]:
    """Split several limits at their commas."""
    return [part.strip() for part in text.split(",") if part.strip()]


def check_limits(texts: Sequence[str], metric: str) -> tuple[Constraint, ...]:
    """Read the option and return its limits.

    Raises
    ------
    UserError
        When one cannot be read, is on the metric itself, or contradicts another one.
    """
    if len(texts) > MOST:
        raise UserError(f"--limit takes {MOST} limits at most, not {len(texts)}.")
    found: list[Constraint] = []
    for text in texts:
        limit = parse_limit(text)
        if plain_name(limit.name) == plain_name(metric):
            raise UserError(
                f"--limit {text!r} is on the metric itself, which decides already: --bounds says which values are possible at all, --until "
                "when it is good enough."
            )
        for other in found:
            if plain_name(other.name) != plain_name(limit.name):
                continue
            if other.below is limit.below:
                raise UserError(f"--limit says {str(other)!r} and {str(limit)!r}: give one of them.")
            low, high = (limit, other) if other.below else (other, limit)
            if not low.bound < high.bound:
                raise UserError(
                    f"--limit says {str(other)!r} and {str(limit)!r}, which no number fulfils: correct one of them."
                )
        found.append(limit)
    return tuple(found)


@dataclass(frozen=True)
class Standing:
    """Where a version's number is beside a limit.

    Attributes
    ----------
    limit : Constraint
    value : float or None
        The mean of its runs; None where none has the number.
    error : float
        Standard error of the mean; 0 where it does not vary, or where that is not known.
    reach : float
        Half the width of its 95% interval.
    runs : int
    """

    limit: Constraint
    value: float | None
    error: float = 0.0
    reach: float = 0.0
    runs: int = 0

    @property
    def within(self) -> bool:
        """Whether the mean is within the limit; a number that is missing is not."""
        return self.value is not None and self.limit.holds(self.value)

    @property
    def near(self) -> bool:
        """Whether the limit lies within the interval of the mean."""
        return self.value is not None and self.reach > 0 and abs(self.value - self.limit.bound) <= self.reach

    @property
    def missing(self) -> float:
        """By how much it is beyond the limit, in units of the limit; 0 within it."""
        if self.value is None:
            return math.inf
        return 0.0 if self.within else max(self.limit.excess(self.value) / self.unit, 1e-12)

    @property
    def unit(self) -> float:
        """The size of the limit, in which different numbers are added up."""
        return abs(self.limit.bound) or 1.0

    def __str__(self) -> str:
        limit = self.limit
        if self.value is None:
            return f"{limit.name}, which --limit {limit} is on, has no value in its runs"
        of = ""
        if self.runs > 1:
            ends = (
                f", 95% interval {self.value - self.reach:.4g} to {self.value + self.reach:.4g}" if self.reach else ""
            )
            of = f" (mean of {self.runs} runs{ends})"
        if self.within:
            return f"{limit.name} {self.value:.4g}{of} is within the limit {limit.sign} {exact(limit.bound)}"
        return f"{limit.broken_by(self.value)}{of}"


class Constraints:
    """The limits of one study.

    Parameters
    ----------
    limits : sequence of Constraint
    """

    def __init__(self, limits: Sequence[Constraint]) -> None:
        self.limits = tuple(limits)

    def __bool__(self) -> bool:
        return bool(self.limits)

    def check_names(self, baseline: Experiment) -> None:
        """Check the limits' names by the baseline's runs.

        Raises
        ------
        UserError
            When a limit's name is none of the numbers that the baseline has, or could mean two of them.
        """
        runs = [m for m in baseline.measurements if m.ok]
        for limit in self.limits:
            name = plain_name(limit.name)
            if name in MEASURED and any(plain_name(each) == name for m in runs for each in m.numbers):
                raise UserError(
                    f"--limit {limit}: {limit.name!r} is what every run is measured by, and a number that the target prints. Write "
                    f"{OWN}{name} for the first; for the second, name it anew with --also."
                )
            if all(number_of(m, limit.name) is None for m in runs):
                there = ", ".join(known_names(runs)) or "none"
                raise UserError(
                    f"--limit {limit}: the baseline has no number {limit.name!r}. There are: {there}. --also NAME=EXPRESSION measures another one."
                )

    def told_of_baseline(self, baseline: Experiment) -> str:
        """Return in one line that the baseline is beyond a limit, and what follows; empty where it is not."""
        beyond = [s for s in self.standings(baseline, [baseline]) if not s.within]
        if not beyond:
            return ""
        return (
            f"The baseline is not within the limits: {'; '.join(map(str, beyond))}. Until a version is, those that are nearer to the limits are "
            "kept, and the first one within them, whatever their metric."
        )

    def told_of_result(self, best: Experiment, experiments: Sequence[Experiment], metric: Metric) -> str:
        """Return in one line that the result of a study is beyond a limit, or within them as the baseline is not; else empty."""
        beyond = [s for s in self.standings(best, experiments) if not s.within]
        name = f"Experiment {best.number}, the best so far," if best.number else "The baseline, still the best,"
        if beyond:
            return f"{name} is not within the limits: {'; '.join(map(str, beyond))}."
        if self.limits and best.number and self.missing(experiments[0]) > 0:
            said = f"{name} is within the limits, as the baseline is not"
            own, start = best.value, experiments[0].value
            worse = own is not None and start is not None and metric.gain(own, over=start) < 0
            return f"{said}: what it lost in the metric is the price of that." if worse else f"{said}."
        return ""

    def broken_for_certain(self, e: Experiment, experiments: Sequence[Experiment]) -> bool:
        """Whether a version is beyond a limit, and not only by what its runs vary."""
        return any(not s.within and not s.near for s in self.standings(e, experiments))

    def standings(self, e: Experiment, experiments: Iterable[Experiment]) -> list[Standing]:
        """Return where an experiment is beside each limit; `experiments` are those from which the numbers' spread is estimated."""
        every = list(experiments)
        return [self._standing(limit, e, every) for limit in self.limits]

    @staticmethod
    def _standing(limit: Constraint, e: Experiment, experiments: Sequence[Experiment]) -> Standing:
        values = numbers_of(e, limit.name)
        if not values:
            return Standing(limit, None)
        sd, df = pooled_spread(limit.name, [*(x for x in experiments if x.number != e.number), e])
        error = sd / math.sqrt(len(values))
        return Standing(limit, mean(values), error, error * student(TAIL, df) if df and sd > 0 else 0.0, len(values))

    def missing(self, e: Experiment) -> float:
        """Return how far an experiment is beyond the limits by the means of its runs; 0 within all of them."""
        return sum(Standing(limit, mean_number(e, limit.name)).missing for limit in self.limits)

    def farther(self, experiments: Sequence[Experiment], than: Experiment) -> set[int]:
        """Return the numbers of the versions that are farther beyond the limits than another one: none of them can take its place."""
        if not self.limits:
            return set()
        most = self.missing(than)
        return {e.number for e in experiments if e.number != than.number and self.missing(e) > most}

    def applied(
        self, candidate: Experiment, experiments: Sequence[Experiment], decision: Decision, *, most: int = 1 + FURTHER
    ) -> Decision:
        """Return the judge's decision, or another one where the limits demand it.

        Parameters
        ----------
        candidate : Experiment
        experiments : sequence of Experiment
            The judged ones by number; the candidate's parent is among them.
        decision : Decision
            By the metric alone.
        most : int
            Runs that the candidate may have at most because it is near a limit.
        """
        if not self.limits or decision.verdict not in (None, Verdict.KEEP, Verdict.DISCARD):
            return decision
        parent = experiments[candidate.parent or 0]
        every = [*experiments, candidate]
        ours, theirs = self.standings(candidate, every), self.standings(parent, every)
        can_run = len(candidate.measurements) < most
        said = "; ".join(str(s) for s in ours if not s.within)
        near = [s for s in ours if s.near]
        if any(not s.within and not s.near for s in theirs):
            return self._above(candidate, parent, ours, theirs, decision, can_run)
        if any(not s.within and not (s.near and can_run) for s in ours):
            return Decision(Verdict.DISCARD, f"{said}. By the metric: {decision.reason}")
        if decision.verdict is Verdict.KEEP and near and can_run:
            return Decision(
                None, f"Near a limit: {'; '.join(map(str, near))}: run again. By the metric: {decision.reason}"
            )
        return decision

    def _above(
        self, candidate: Experiment, parent: Experiment, ours: Sequence[Standing], theirs: Sequence[Standing], decision: Decision,
        can_run: bool,
    ) -> Decision:  # fmt: skip
        """Decide while the incumbent breaks a limit."""
        name = f"experiment {parent.number}" if parent.number else "the baseline"
        words = "; ".join(map(str, ours))
        if all(s.within for s in ours):
            if can_run and any(s.near for s in ours):
                return Decision(None, f"Near a limit: {words}: run again.")
            return Decision(
                Verdict.KEEP, f"Within the limits, as {name} is not: {words}. By the metric: {decision.reason}"
            )
        before, now = sum(s.missing for s in theirs), sum(s.missing for s in ours)
        error = math.sqrt(sum((s.error / s.unit) ** 2 for s in (*ours, *theirs)))
        enough = max(NEARER * before, 2 * error) if math.isfinite(before) else 0.0
        beyond = "; ".join(str(s) for s in ours if not s.within)
        versus = f"{beyond}; {name}: {'; '.join(str(s) for s in theirs if not s.within)}"
        if before - now > enough:
            return Decision(Verdict.KEEP, f"Nearer to the limits: {versus}. By the metric: {decision.reason}")
        if now - before > enough:
            return Decision(Verdict.DISCARD, f"Farther from the limits: {versus}.")
        return Decision(decision.verdict, f"{decision.reason} As far from the limits: {versus}.", decision.run)


def pooled_spread(name: str, experiments: Iterable[Experiment]) -> tuple[float, int]:
    """Return the standard deviation of a number of single runs, pooled over the versions that ran more than once, and its degrees of freedom."""
    squares, df = 0.0, 0
    for e in experiments:
        if len(e.measurements) > 1 and len(values := numbers_of(e, name)) > 1:
            middle = mean(values)
            squares += sum((v - middle) ** 2 for v in values)
            df += len(values) - 1
    return (math.sqrt(squares / df) if df else 0.0), df


def limit_lines(constraints: Constraints, e: Experiment, experiments: Sequence[Experiment]) -> list[str]:
    """Return where a version is beside each limit, a line each, as for a report."""
    return [str(s) for s in constraints.standings(e, experiments)]


def limits_words(constraints: Constraints, experiments: Sequence[Experiment]) -> str:
    """Return how many versions broke a limit, in a few words; empty without limits."""
    if not constraints:
        return ""
    valued = [e for e in experiments if e.values]
    over = sum(constraints.missing(e) > 0 for e in valued)
    limits = ", ".join(map(str, constraints.limits))
    return f"limits {limits}: {over or 'none'} of {counted(len(valued), 'version')} {'is' if over < 2 else 'are'} beyond them"
