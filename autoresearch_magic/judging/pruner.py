"""Early stopping: decide during a run whether it is hopeless beside the incumbent, the current best.

A run is compared with the incumbent at the same share p of the budget, by the first value that the incumbent reports. Both curves
are smoothed, and the gap has to exceed the margin at two looks in a row:

    margin(p) = level · (1 − p) + noise

`noise` is how much the curves of the baseline's repeats differ. `level` is learned from the study's own finished curves: how far
apart two runs with similar results were on the way. It is the root mean square of ``gap(p) / (1 − p)`` over runs that are
neighbours in the order of their final values, so it includes warm-down schedules and other late improvements as soon as one has
finished. While few runs have finished, neighbours are far apart and the margin is wide.

A share of the runs that look hopeless is continued as an audit, to measure how often stopping would have been wrong: so it was where
the judge kept the version, or ran it again, as its expected gain or what another run could tell was still worth it. A run that
recovers widens the margin beyond the gap that it made up. Everything is derived from the judged experiments in their order, so a
resumed study has the same margin. `benchmarks/pruning.py` measures what this saves and costs, beside Optuna's median rule.

Pure: no I/O; the runner does the stopping. Only first runs are pruned: a candidate that is run again has passed its first run.
"""

from __future__ import annotations

import math
import random
import statistics
from bisect import bisect_left, insort
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import pairwise
from typing import Any

from ..errors import UserError
from ..experiment import Experiment, Measurement, Outcome
from ..metric import Metric
from ..text import counted
from .finished_runs import Finished, Neighbours, Rank
from .learning_curves import LOOKS, curve_noise, followed, mean, scale, smooth, trend
from .optuna_logging import quiet_optuna
from .run_monitor import Reference, RunMonitor

ENOUGH = 4
"""Finished runs, the baseline's included, before any run is stopped."""
BETTER = 0.6
"""Share of the finished runs, the best ones, from which the margin is learned: bad runs say nothing about runs that may still
become good."""
LEVEL = 0.6
"""How many root mean squares a run must be behind. Set together with `BETTER` by `benchmarks/pruning.py`: with 0.55, or with the
better half, a twentieth more experiments fit into an hour, and two to three times as many stops are wrong."""
WIDER = 1.25
"""Factor by which the margin exceeds the largest gap that an audited run has made up."""
RECENT = 500
"""Finished runs that the margin is learned from, the latest ones: what a long study did long ago says little about its runs now."""
AUDIT = 0.05
"""Share of the hopeless runs that are continued as audits; the first always is. Twice as many cost a thirtieth of the
experiments."""


@dataclass(frozen=True)
class Account:
    """What pruning has saved so far, and how often it was wrong.

    Attributes
    ----------
    stopped : int
        Runs that were stopped.
    audits, wrong : int
        Runs that looked hopeless and were continued, and those of them that the judge kept or ran again.
    ran, saved : float
        Seconds that first runs of candidates took, and seconds more that the stopped ones would have taken.
    margin : float or None
        How far behind the incumbent a run may be at half of the budget, in the curve's unit; None while no run can be stopped.
    """

    stopped: int = 0
    audits: int = 0
    wrong: int = 0
    ran: float = 0.0
    saved: float = 0.0
    margin: float | None = None

    @property
    def share(self) -> float:
        """Share of the first runs' time that was saved, 0 to 1."""
        return self.saved / (self.ran + self.saved) if self.saved else 0.0

    def __str__(self) -> str:
        if not self.stopped + self.audits:
            return "no run was stopped early"
        text = f"{counted(self.stopped, 'run')} stopped early, {self.share:.0%} of the runs' time saved"
        if self.audits:
            text += f"; {self.audits} more looked hopeless but ran on as a check, {self.wrong or 'none'} of them turned out well"
        return text


class Pruner:
    """Base class of the pruners; stops no run itself.

    Parameters
    ----------
    metric : Metric
    seed : int
        The study's: together with an experiment's number it determines which runs are audits.
    """

    patience = 1

    def __init__(self, metric: Metric, seed: int = 0) -> None:
        self.metric, self.seed = metric, seed
        self.finished: list[Finished] = []
        self.margin: float | None = None
        self._account = Account()
        self._curves: dict[int, tuple[tuple[Measurement, ...], Reference | None]] = {}  # of the last incumbent

    @property
    def account(self) -> Account:
        """What pruning has saved so far."""
        return replace(self._account, margin=self.margin)

    def watch(self, number: int, incumbent: Experiment) -> RunMonitor | None:
        """Return a monitor for the first run of experiment `number`; None when there is nothing to compare it with."""
        reference = self.reference(incumbent)
        hopeless = None if reference is None else self.criterion(reference)
        if reference is None or hopeless is None:
            return None
        first = self._account.stopped + self._account.audits == 0
        audit = first or random.Random(f"audit {self.seed} {number}").random() < AUDIT
        return RunMonitor(reference, hopeless, self.patience, audit)

    def learn(self, experiment: Experiment, incumbent: Experiment | None) -> None:
        """Learn from a judged experiment; call in the order of their numbers.

        Parameters
        ----------
        experiment : Experiment
        incumbent : Experiment or None
            The one that it was compared with; None for the baseline.
        """
        if not experiment.measurements:
            return
        run, account = experiment.measurements[0], self._account
        if incumbent is not None:
            account = replace(account, ran=account.ran + run.seconds)
        if run.outcome is Outcome.PRUNED and incumbent is not None:
            usual = statistics.fmean(m.seconds for m in incumbent.measurements)
            saved = max(0.0, usual - run.seconds)
            self._account = replace(account, stopped=account.stopped + 1, saved=account.saved + saved)
            return
        if run.ok and run.value is not None:
            if incumbent is not None and (monitor := self._looked_hopeless(experiment, incumbent)) is not None:
                wrong = experiment.kept or len(experiment.measurements) > 1
                account = replace(account, audits=account.audits + 1, wrong=account.wrong + wrong)
                if wrong:
                    self.widen_margin(monitor)
            self._finish(self._finished(run, run.value))
        self._account = account

    def _finish(self, run: Finished) -> None:
        """Take a run that was not stopped; of more than `RECENT` the oldest is forgotten."""
        self.finished.append(run)
        if len(self.finished) > RECENT:
            self._forget(self.finished.pop(0))

    def _forget(self, run: Finished) -> None:
        """Forget the oldest run."""

    def remember(self, experiments: int) -> dict[str, Any]:
        """Return what was learned from so many experiments, but for their curves, to go on from it when a study is resumed."""
        return {"experiments": experiments, **asdict(replace(self._account, margin=None))}

    def go_on(self, known: Any, experiments: Sequence[Experiment]) -> int:
        """Go on from what `remember` has returned; return the number of the first experiment that is still to be learned.

        Parameters
        ----------
        known : dict or None
            From a journal: what does not fit is not used.
        experiments : sequence of Experiment
            The judged ones by number.
        """
        if not isinstance(known, Mapping) or not 0 < known.get("experiments", 0) <= len(experiments):
            return 0
        self._account = Account(**{name: known[name] for name in ("stopped", "audits", "wrong", "ran", "saved")})
        runs = [e.measurements[0] for e in experiments[: known["experiments"]] if e.measurements]
        for run in [run for run in runs if run.ok and run.value is not None][-RECENT:]:
            self._finish(self._finished(run, run.value or 0.0))
        return int(known["experiments"])

    def _finished(self, run: Measurement, value: float) -> Finished:
        name = followed(run.curve)
        return Finished(value, name, smooth(run.curve, name))

    def _looked_hopeless(self, experiment: Experiment, incumbent: Experiment) -> RunMonitor | None:
        """Return the monitor of a finished run that looked hopeless by what was known when it ran, otherwise None."""
        monitor = self.watch(experiment.number, incumbent)
        if monitor is None:
            return None
        for point in experiment.measurements[0].curve:
            monitor.see(point)
        return monitor if monitor.decision else None

    def reference(self, incumbent: Experiment) -> Reference | None:
        """Return the incumbent's curve, the mean over its runs; None where it has none with a direction."""
        known = self._curves.get(incumbent.number)
        current = incumbent.current
        if (
            known is None
            or len(known[0]) != len(current)
            or any(a is not b for a, b in zip(known[0], current, strict=True))
        ):
            known = current, _curve_of(incumbent)
            self._curves = {incumbent.number: known}  # of one alone: it is the same for hundreds of runs in a row
        return known[1]

    def criterion(self, reference: Reference) -> Callable[[int, float], bool] | None:
        """Return the function that says whether a run is hopeless at a look; None while that cannot be said."""
        return None

    def widen_margin(self, monitor: RunMonitor) -> None:
        """Adapt the margin after an audit showed that stopping would have been wrong."""


def _curve_of(incumbent: Experiment) -> Reference | None:
    runs = [m for m in incumbent.current if m.ok and m.curve]
    name = followed(point for m in runs for point in m.curve)
    curve = mean([each for m in runs if (each := smooth(m.curve, name))])
    sign = trend(curve)
    return Reference(incumbent.number, name, sign, curve) if sign else None


class CurvePruner(Pruner):
    """Stops runs that are further behind the incumbent than runs of this study have made up; see the module."""

    patience = 2

    def __init__(self, metric: Metric, seed: int = 0) -> None:
        super().__init__(metric, seed)
        self.noise = 0.0
        self.recovered = 0.0  # the largest gap that an audited run has made up, relative to the remaining budget
        self._ranks: list[Rank] = []
        self._neighbours: dict[str, Neighbours] = {}
        self._count = 0  # of all finished runs

    def learn(self, experiment: Experiment, incumbent: Experiment | None) -> None:
        """See `Pruner.learn`."""
        super().learn(experiment, incumbent)
        if incumbent is None:
            self.noise = curve_noise(experiment.measurements)

    def reference(self, incumbent: Experiment) -> Reference | None:
        """See `Pruner.reference`; with the margin."""
        reference = super().reference(incumbent)
        if reference is None or len(self.finished) < ENOUGH:
            return None
        last = self._ranks[math.ceil(BETTER * len(self._ranks)) - 1]
        neighbours = self._neighbours.get(reference.name, Neighbours())
        # One more, for studies whose runs are all alike: the incumbent's own progress from each look to its end.
        own = scale(reference.curve, dict.fromkeys(reference.curve, reference.curve[max(reference.curve)]))
        level = max(LEVEL * math.sqrt(neighbours.mean_square(last, own)), WIDER * self.recovered)
        self.margin = level / 2 + self.noise
        return replace(reference, level=level, noise=self.noise)

    def _finish(self, run: Finished) -> None:
        self._count += 1
        rank = self._rank(run, self._count)
        insort(self._ranks, rank)
        self._neighbours.setdefault(run.name, Neighbours()).add(rank, run.curve)
        super()._finish(run)

    def _forget(self, run: Finished) -> None:
        rank = self._rank(run, self._count - RECENT)
        del self._ranks[bisect_left(self._ranks, rank)]
        self._neighbours[run.name].remove(rank)

    def _rank(self, run: Finished, number: int) -> Rank:
        return -self.metric.gain(run.value, over=0.0), number

    def remember(self, experiments: int) -> dict[str, Any]:
        """See `Pruner.remember`."""
        return {**super().remember(experiments), "recovered": self.recovered, "noise": self.noise}

    def go_on(self, known: Any, experiments: Sequence[Experiment]) -> int:
        """See `Pruner.go_on`."""
        first = super().go_on(known, experiments)
        if first:
            self.recovered, self.noise = known.get("recovered", 0.0), known.get("noise", 0.0)
        return first

    def criterion(self, reference: Reference) -> Callable[[int, float], bool] | None:
        """See `Pruner.criterion`; hopeless is a gap beyond the margin."""

        def hopeless(look: int, value: float) -> bool:
            if look not in reference.curve:
                return False
            # Written so that NaN is hopeless: a run whose loss is not finite cannot recover.
            return not reference.sign * (value - reference.curve[look]) <= reference.margin(LOOKS[look])

        return hopeless

    def widen_margin(self, monitor: RunMonitor) -> None:
        """Widen the margin beyond the gap that the run has made up."""
        reference = monitor.reference
        behind = [
            (reference.sign * (monitor.curve[look] - reference.curve[look]) - reference.noise) / (1 - LOOKS[look])
            for look in sorted(monitor.curve)
            if look in reference.curve
        ]
        at_two_looks = [min(pair) for pair in pairwise(behind) if all(map(math.isfinite, pair))]
        self.recovered = max([self.recovered, *at_two_looks])


class MedianPruner(Pruner):
    """Optuna's rule: stops a run that is worse than the median of the finished runs at the same share of the budget.

    It does not compare with the incumbent: a run that is better than the median continues, however hopeless it is. Finished runs
    are given to Optuna as trials, with their smoothed values at the looks as intermediate values.
    """

    def criterion(self, reference: Reference) -> Callable[[int, float], bool] | None:
        """See `Pruner.criterion`; asks `optuna.pruners.MedianPruner` with its defaults."""
        import optuna  # takes half a second to import

        with quiet_optuna():
            study = optuna.create_study(direction="minimize" if reference.sign > 0 else "maximize")
        study.add_trials([
            optuna.trial.create_trial(value=run.curve[max(run.curve)], intermediate_values=dict(run.curve))
            for run in self.finished
            if run.name == reference.name and run.curve
        ])  # fmt: skip
        median = optuna.pruners.MedianPruner()
        trial = optuna.trial.create_trial(state=optuna.trial.TrialState.RUNNING)

        def hopeless(look: int, value: float) -> bool:
            trial.intermediate_values[look] = value
            return look in reference.curve and median.prune(study, trial)

        return hopeless


def make_pruner(kind: str, metric: Metric, seed: int = 0) -> Pruner:
    """Return a pruner of a kind.

    Parameters
    ----------
    kind : {"curve", "median", "none"}
    metric : Metric
    seed : int
        Of the study.

    Raises
    ------
    UserError
        For an unknown kind.
    """
    kinds = {"curve": CurvePruner, "median": MedianPruner, "none": Pruner}
    if kind not in kinds:
        raise UserError(f"There is no pruner {kind!r}: the kinds are {', '.join(kinds)}.")
    return kinds[kind](metric, seed)
