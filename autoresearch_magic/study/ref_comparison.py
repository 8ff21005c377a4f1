"""Is one git ref no worse than another: the verify command and the guard, run at both in temporary folders.

A regression is green to red alone. A guard that fails at both refs was failing before, and one that passes and fails at the same ref
is flaky: both are told, and block nothing. The metric's values are compared as those of two experiments are (`comparisons`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ..config.effective import make_settings
from ..config.program import Program
from ..config.settings import Settings
from ..errors import UserError
from ..judging.gains import Gain
from ..metric import Metric
from ..runners import Runner
from ..storage.git.checkout import Checkout, check_links, top_of
from ..storage.git.command import GitFailed, git
from ..storage.scratch import scratch_folder
from .comparisons import SAMPLES, Compared, compare
from .definition import Definition, check_commands
from .runner_factory import make_one

TRIES = 3
"""Runs of a guard that fails at one ref only, at each of the two: a failure that does not come back is flaky."""
EQUAL = 3
"""Runs of each side after which a metric that never varied is run no more."""

COMPARED = (
    "metric", "minimize", "statistic", "verify", "guard", "guard_metric", "guard_threshold", "repo", "link", "timeout", "threads", "memory", "pass_env", "executor",
)  # fmt: skip
"""Settings that a comparison of two git refs uses."""
Show = Callable[[float, str], None]


@dataclass(frozen=True)
class Side:
    """One of the two refs: its name, its commit, the metric's values, and the guard's failures by run (empty for a pass)."""

    ref: str
    commit: str
    values: tuple[float, ...] = ()
    guard: tuple[str, ...] = ()
    failed: str = ""

    @property
    def guard_state(self) -> str:
        """``green``, ``red``, ``flaky``, or empty where there is no guard."""
        if not self.guard:
            return ""
        return "green" if not any(self.guard) else "red" if all(self.guard) else "flaky"


@dataclass(frozen=True)
class RefRegression:
    """The answer to whether ref B is no worse than ref A.

    Attributes
    ----------
    a, b : Side
    metric : Metric
    verdict : {"STABLE", "UNSTABLE", "UNDECIDED", "BASELINE_UNAVAILABLE"}
        UNSTABLE: the guard or the command is green at A and red at B, or the metric is worse as `comparisons.Regression` says.
        BASELINE_UNAVAILABLE: the command gives no value at A, and no guard is green to red.
    guard : str
        What the guard's two states mean: ``regression-eligible``, ``pre-existing``, ``flaky``, ``fixed``, or empty without one.
    loss, band, gain, gain_low, gain_high, p_better : float or None
        See `comparisons.Regression`; 0 and None where there are no values.
    statistic : str
        What of the values the metric's value is.
    """

    a: Side
    b: Side
    metric: Metric
    verdict: str
    guard: str = ""
    loss: float = 0.0
    band: float = 0.0
    gain: float | None = None
    gain_low: float | None = None
    gain_high: float | None = None
    p_better: float | None = None
    statistic: str = "mean"

    def text(self) -> str:
        """Return the answer: the verdict, and a line for the guard and for the metric."""
        lines = [f"{self.verdict}: {self.b.ref} ({self.b.commit[:10]}) against {self.a.ref} ({self.a.commit[:10]})"]
        if self.guard:
            lines.append(f"guard   {self._guard_line()}")
        lines.append(f"{self.metric.name}   {self._metric_line()}")
        return "\n".join(lines)

    def _guard_line(self) -> str:
        states = f"{self.a.guard_state} at {self.a.ref}, {self.b.guard_state} at {self.b.ref}"
        failure = next((each for each in self.b.guard if each), "")
        return {
            "regression-eligible": f"{states}: a regression. {failure}", "pre-existing": f"{states}: it was failing before, which blocks nothing",
            "flaky": f"{states}: it fails now and then, which blocks nothing", "fixed": f"{states}: fixed", "green": states,
        }[self.guard]  # fmt: skip

    def _metric_line(self) -> str:
        if self.a.failed:
            return f"there is no value at {self.a.ref}, so nothing to compare with: {self.a.failed}"
        if self.b.failed:
            return f"green at {self.a.ref}, red at {self.b.ref}: {self.b.failed}"
        if not self.a.values:
            return "was not measured: the guard has decided"
        n = len(self.a.values)
        found = Gain(-self.loss, self.gain_low, self.gain_high, n, n, self.p_better)
        sides = (self.a.ref, self.a.values), (self.b.ref, self.b.values)
        return Compared(found, self.band, self.verdict).text(self.metric, *sides, self.statistic)


def compare_refs(
    a: str,
    b: str,
    settings: Mapping[str, Any],
    program: Program,
    samples: int = SAMPLES,
    show: Show = lambda share, what: None,
) -> RefRegression:
    """Run verify and guard at two refs of a repository, in turn and in temporary folders, and compare.

    Parameters
    ----------
    a, b : str
        Git refs: branches, tags, commits. The first is the one to compare with.
    settings : Mapping
        Raw settings: ``verify``, ``metric``, ``guard``, ``repo`` and others; see `Settings`.
    program : Program
        What they come from besides, for the metric's direction.
    samples : int
        Runs of the command at each.
    show : callable, optional
        Called with the share that is done, and what is being done.

    Raises
    ------
    UserError
        For a ref that does not exist, two that are the same commit, and a command that is not run.
    """
    s = make_settings({**settings, "scope": "**"}, aim=program.aim)
    check_commands(s)
    top = top_of(Path(s.repo or (program.path.parent if program.path else ".")).expanduser().absolute())
    sides = [Side(ref, _commit(top, ref)) for ref in (a, b)]
    if sides[0].commit == sides[1].commit:
        raise UserError(f"{a} and {b} are the same commit, {sides[0].commit[:10]}: there is nothing to compare.")
    with ExitStack() as stack:
        runners = []
        for side in sides:
            checkout = Checkout(top, side.commit, "", ("**",), ())
            check_links(checkout, s.link)
            folder = stack.enter_context(scratch_folder("regression"))
            fleet = make_one(Definition(program, "", "", s, checkout=checkout), folder, scratch=folder)
            stack.callback(fleet.close)
            runners.append((fleet.runners[0], folder))
        return _Comparison(runners, sides, s, samples, show).run()


class _Comparison:
    """The runs of one comparison."""

    def __init__(
        self,
        runners: list[tuple[Runner, Path]],
        sides: list[Side],
        settings: Settings,
        samples: int,
        show: Show,
    ) -> None:
        self.runners, self.sides, self.deadline = runners, sides, settings.deadline(None)
        self.samples, self.show, self.guarded, self.statistic = samples, show, bool(settings.guard), settings.statistic
        self.metric = settings.as_metric()

    def run(self) -> RefRegression:
        guard = self._check_guards() if self.guarded else ""
        if guard == "regression-eligible":
            return RefRegression(self.sides[0], self.sides[1], self.metric, "UNSTABLE", guard)
        self._measure()
        a, b = self.sides
        answer = RefRegression(a, b, self.metric, "UNSTABLE", guard, statistic=self.statistic)
        if a.failed:
            return replace(answer, verdict="BASELINE_UNAVAILABLE")
        if b.failed:
            return answer
        compared = compare(a.values, b.values, self.metric, self.statistic)
        found = compared.found
        return replace(
            answer, verdict=compared.verdict, loss=0.0 - found.gain, band=compared.band, gain=found.gain, gain_low=found.low,
            gain_high=found.high, p_better=found.p_better,
        )  # fmt: skip

    def _check_guards(self) -> str:
        """Run the guard at both refs, several times where one alone fails; return what it means."""
        for attempt in range(TRIES):
            allowed = None  # the guard's own number at A, which B may not worsen
            for n, side in enumerate(self.sides):
                self.show(0.0, f"the guard at {side.ref}")
                runner, folder = self.runners[n]
                result = runner.check("", deadline=self.deadline, allowed=allowed, log=str(folder / "guard.log"))
                self.sides[n] = replace(side, guard=(*side.guard, result.failure))
                allowed = result.value
            a, b = (side.guard_state for side in self.sides)
            if a == b or "flaky" in (a, b) or (a == "red" and attempt):
                break
        match a, b:
            case ("green", "green"):
                return "green"
            case ("green", "red"):
                return "regression-eligible"
            case ("red", "red"):
                return "pre-existing"
            case ("red", "green"):
                return "fixed"
        return "flaky"

    def _measure(self) -> None:
        """Run the command at both refs in turn, until there are enough values or one side has none."""
        for repeat in range(self.samples):
            for n in (0, 1) if repeat % 2 == 0 else (1, 0):
                side, (runner, folder) = self.sides[n], self.runners[n]
                share = (2 * repeat + len(self.sides[1 - n].values) - repeat) / (2 * self.samples)
                self.show(
                    min(1.0, max(0.0, share)), f"{self.metric.name} at {side.ref}, run {repeat + 1} of {self.samples}"
                )
                # The same seed at both refs, a new one for each pair.
                m = runner.measure("", seed=repeat, deadline=self.deadline, log=str(folder / "verify.log"))
                if not m.ok or m.value is None:
                    failed = m.error or f"the run ended as {m.outcome.value}"
                    last = next((line.strip() for line in reversed(m.output.splitlines()) if line.strip()), "")
                    self.sides[n] = replace(side, failed=f"{failed} {last}".strip())
                else:
                    self.sides[n] = replace(side, values=(*side.values, m.value))
            if any(side.failed for side in self.sides):
                return
            if repeat + 1 >= EQUAL and all(len({*side.values}) == 1 for side in self.sides):
                return


def _commit(top: Path, ref: str) -> str:
    if ref.startswith("-"):
        raise UserError(f"{ref!r} is no git ref: give a branch, a tag or a commit.")
    try:
        return git(top, "rev-parse", "--verify", "--quiet", f"{ref}^{{commit}}").strip()
    except GitFailed:
        raise UserError(f"There is no git ref {ref!r} in {top}: give a branch, a tag or a commit.") from None
