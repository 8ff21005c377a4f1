"""Losers die early: which run is hopeless beside the incumbent, and what it takes to say so.

A run is compared with the incumbent at the same share of the budget, by the first value that the incumbent reports. Its
curve is smoothed, and the gap between the two has to be beyond the margin at two looks in a row:

    margin(p) = level · (1 − p) + noise

`noise` is what the curves of the baseline's repeats differ by. `level` is learned from the study's own finished curves, by
how far apart two runs were on the way that ended alike: the root mean square of ``gap(p) / (1 − p)`` over runs that are
neighbours in the order of their final values. Warm-down schedules and other late bloomers are in it as soon as one has
finished. At first few runs have finished, neighbours are far apart, and the margin is wide.

Some of the doomed are let through, to see whether they come back: an audit. One that does widens the margin beyond the gap
that it made up for. Everything is derived from the judged experiments in their order, so that a resumed study goes on with
the same margin. `benchmarks/pruning.py` measures what this saves and what it costs, beside Optuna's rule.

Pure: no I/O. Not here: the killing, which is the runner's, and first runs alone are watched: whoever is run again has won
its first run.
"""

from __future__ import annotations

import math
import random
import statistics
from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import pairwise

from ..errors import UserError
from ..experiment import Experiment, Outcome, Point
from ..metric import Metric
from .judge import PROMISING
from .learning_curves import LOOKS, Curve, Smoother, curve_noise, followed, mean, scale, smooth, trend
from .optuna_logging import quiet_optuna

ENOUGH = 4
"""Finished runs, the baseline among them, before anything is stopped."""
BETTER = 0.6
"""Of the finished runs, the better part from which the margin is learned: what failed on the way says nothing of those
that may come back."""
LEVEL = 0.6
"""Root mean squares that a run must be behind. Set together with `BETTER` by `benchmarks/pruning.py`: with 0.55, or with the
better half, a twentieth more experiments fit into an hour, and two to three times as many kills are wrong."""
WIDER = 1.25
"""How far the margin goes beyond a gap from which a doomed run has come back."""
AUDIT = 0.05
"""Share of the doomed that is let through; the first one always is. Twice as many cost a thirtieth of the experiments."""


@dataclass(frozen=True)
class PruneDecision:
    """A run looks hopeless.

    Attributes
    ----------
    progress : float
        Share of the budget at which it does, 0 to 1.
    reason : str
        One line for people.
    audit : bool
        It is let through all the same, to see whether it comes back.
    """

    progress: float
    reason: str
    audit: bool


@dataclass(frozen=True)
class Account:
    """What pruning has come to.

    Attributes
    ----------
    stopped : int
        Runs that were stopped.
    audits, wrong : int
        Doomed runs that were let through, and those among them that the judge kept or found worth another run.
    ran, saved : float
        Seconds that first runs of candidates took, and those that the stopped ones would have taken in addition.
    margin : float or None
        How far behind the incumbent a run may be at half-time, in the curve's unit; None while nothing is stopped yet.
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
        proved = f", and {self.wrong or 'none'} came back" if self.audits else ""
        return (
            f"{self.stopped} stopped early, {self.share:.0%} of the runs' time saved; {self.audits} more looked hopeless and "
            f"went on as {'an audit' if self.audits == 1 else 'audits'}{proved}"
        )


@dataclass(frozen=True)
class Rival:
    """The incumbent, as a run is compared with it: see the module's formula.

    Attributes
    ----------
    number : int
    name : str
        The value that is compared.
    sign : int
        1 where lower is better on the curve, −1 where higher is.
    curve : Curve
    level, noise : float
        In the curve's unit.
    """

    number: int
    name: str
    sign: int
    curve: Curve
    level: float = 0.0
    noise: float = 0.0

    def margin(self, share: float) -> float:
        """How far behind a run may be at a share of the budget, in the curve's unit."""
        return self.level * (1 - share) + self.noise


class RunMonitor:
    """Watches one run.

    Parameters
    ----------
    rival : Rival
    hopeless : callable
        Takes the index of a look and the run's value there; whether it is hopeless by that.
    patience : int
        Looks in a row at which it must be.
    audit : bool
        Whether it is to be let through.
    """

    def __init__(self, rival: Rival, hopeless: Callable[[int, float], bool], patience: int, audit: bool) -> None:
        self.rival, self.audit = rival, audit
        self.decision: PruneDecision | None = None
        self.curve: Curve = {}
        self._hopeless, self._patience, self._row = hopeless, patience, 0
        self._smoother = Smoother(rival.name)

    def see(self, point: Point) -> PruneDecision | None:
        """Take a report of the run; returns its decision at the moment it is sealed, and None before and after that."""
        for look, value, new in self._smoother.add(point):
            self.curve[look] = value
            if not new:
                continue
            self._row = self._row + 1 if self._hopeless(look, value) else 0
            if self._row == self._patience and self.decision is None:
                self.decision = PruneDecision(LOOKS[look], self._reason(look, value), self.audit)
                return self.decision
        return None

    def _reason(self, look: int, value: float) -> str:
        rival, share = self.rival, LOOKS[look]
        versus = f"{rival.name} {value:.4g} against {rival.curve[look]:.4g} of experiment {rival.number}"
        margin = f"; runs further behind than {rival.margin(share):.2g} do not catch up" if rival.level else ""
        return f"Hopeless at {share:.0%} of the budget: {versus}{margin}."


@dataclass(frozen=True)
class Finished:
    """A run that was not stopped: its curve and what came of it."""

    value: float
    name: str
    curve: Curve


class Pruner:
    """Stops nothing; what the kinds of pruners share.

    Parameters
    ----------
    metric : Metric
    seed : int
        Of the study: which of the doomed are audits follows from it and the experiment's number.
    """

    patience = 1

    def __init__(self, metric: Metric, seed: int = 0) -> None:
        self.metric, self.seed = metric, seed
        self.finished: list[Finished] = []
        self.margin: float | None = None
        self._account = Account()

    @property
    def account(self) -> Account:
        """What pruning has come to so far."""
        return replace(self._account, margin=self.margin)

    def watch(self, number: int, incumbent: Experiment) -> RunMonitor | None:
        """Return what watches the first run of experiment `number`; None when there is nothing to compare it with."""
        rival = self.rival(incumbent)
        hopeless = None if rival is None else self.criterion(rival)
        if rival is None or hopeless is None:
            return None
        first = self._account.stopped + self._account.audits == 0
        audit = first or random.Random(f"audit {self.seed} {number}").random() < AUDIT
        return RunMonitor(rival, hopeless, self.patience, audit)

    def learn(self, experiment: Experiment, incumbent: Experiment | None, noise: float = 0.0) -> None:
        """Take a judged experiment, in the order of their numbers.

        Parameters
        ----------
        experiment : Experiment
        incumbent : Experiment or None
            The one it was watched against; None for the baseline.
        noise : float
            Standard deviation of one run, in the metric's unit.
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
            if incumbent is not None and (watch := self._watch_again(experiment, incumbent)) is not None:
                wrong = self._deserved(experiment, run.value, incumbent, noise)
                account = replace(account, audits=account.audits + 1, wrong=account.wrong + wrong)
                if wrong:
                    self.came_back(watch)
            name = followed(run.curve)
            self.finished.append(Finished(run.value, name, smooth(run.curve, name)))
        self._account = account

    def _watch_again(self, experiment: Experiment, incumbent: Experiment) -> RunMonitor | None:
        """Find out whether a finished run was doomed, by what was known when it ran."""
        watch = self.watch(experiment.number, incumbent)
        if watch is None:
            return None
        for point in experiment.measurements[0].curve:
            watch.see(point)
        return watch if watch.decision else None

    def _deserved(self, experiment: Experiment, value: float, incumbent: Experiment, noise: float) -> bool:
        """Whether a run was no loser: the judge kept it or, by this value, has reason to look again."""
        if experiment.kept:
            return True
        if incumbent.value is None:
            return False
        error = noise * math.sqrt(1 + 1 / len(incumbent.values))
        return self.metric.gain(value, over=incumbent.value) > PROMISING * error

    def rival(self, incumbent: Experiment) -> Rival | None:
        """Make the incumbent's curve, the mean over its runs; None where it has none that goes one way."""
        runs = [m for m in incumbent.current if m.ok and m.curve]
        name = followed(point for m in runs for point in m.curve)
        curve = mean([each for m in runs if (each := smooth(m.curve, name))])
        sign = trend(curve)
        return Rival(incumbent.number, name, sign, curve) if sign else None

    def criterion(self, rival: Rival) -> Callable[[int, float], bool] | None:
        """Return what says that a run is hopeless at a look; None while nothing can be said."""
        return None

    def came_back(self, watch: RunMonitor) -> None:
        """Take to heart that a doomed run was no loser."""


class CurvePruner(Pruner):
    """Stops what is further behind the incumbent than runs of this study have made up for; see the module."""

    patience = 2

    def __init__(self, metric: Metric, seed: int = 0) -> None:
        super().__init__(metric, seed)
        self.noise = 0.0
        self.made_up = 0.0  # the largest gap that a doomed run has made up for, for the time that was left

    def learn(self, experiment: Experiment, incumbent: Experiment | None, noise: float = 0.0) -> None:
        """See `Pruner.learn`."""
        super().learn(experiment, incumbent, noise)
        if incumbent is None:
            self.noise = curve_noise(experiment.measurements)

    def rival(self, incumbent: Experiment) -> Rival | None:
        """Add the margin."""
        rival = super().rival(incumbent)
        if rival is None or len(self.finished) < ENOUGH:
            return None
        ranked = sorted(self.finished, key=lambda run: self.metric.gain(run.value, over=0.0), reverse=True)
        better = [run.curve for run in ranked[: math.ceil(BETTER * len(ranked))] if run.name == rival.name]
        apart = [scale(one, other) for one, other in pairwise(better)]
        # Once, and for the sake of studies whose runs are all alike: the incumbent's own way from there to its end.
        apart.append(scale(rival.curve, dict.fromkeys(rival.curve, rival.curve[max(rival.curve)])))
        known = [each for each in apart if each is not None]
        level = max(LEVEL * math.sqrt(statistics.fmean(x * x for x in known)), WIDER * self.made_up)
        self.margin = level / 2 + self.noise
        return replace(rival, level=level, noise=self.noise)

    def criterion(self, rival: Rival) -> Callable[[int, float], bool] | None:
        """Compare with the margin."""

        def hopeless(look: int, value: float) -> bool:
            if look not in rival.curve:
                return False
            # NaN: a run whose loss is not finite has lost
            return not rival.sign * (value - rival.curve[look]) <= rival.margin(LOOKS[look])

        return hopeless

    def came_back(self, watch: RunMonitor) -> None:
        """Widen the margin beyond the gap, and beyond noise, at which the run was doomed."""
        rival = watch.rival
        behind = [
            (rival.sign * (watch.curve[look] - rival.curve[look]) - rival.noise) / (1 - LOOKS[look])
            for look in sorted(watch.curve)
            if look in rival.curve
        ]
        rows = [min(pair) for pair in pairwise(behind) if all(map(math.isfinite, pair))]
        self.made_up = max([self.made_up, *rows])


class MedianPruner(Pruner):
    """Optuna's rule: stops what is worse than the median of the finished runs at the same share of the budget.

    It asks for curves that are comparable, and knows no incumbent: a run that is better than the median goes on, however
    hopeless it is. Runs are told to Optuna as trials, smoothed, the looks as steps.
    """

    def criterion(self, rival: Rival) -> Callable[[int, float], bool] | None:
        """Ask `optuna.pruners.MedianPruner`, with its own defaults."""
        import optuna  # half a second, so only where it is asked for

        with quiet_optuna():
            study = optuna.create_study(direction="minimize" if rival.sign > 0 else "maximize")
        study.add_trials([
            optuna.trial.create_trial(value=run.curve[max(run.curve)], intermediate_values=dict(run.curve))
            for run in self.finished
            if run.name == rival.name and run.curve
        ])  # fmt: skip
        median = optuna.pruners.MedianPruner()
        trial = optuna.trial.create_trial(state=optuna.trial.TrialState.RUNNING)

        def hopeless(look: int, value: float) -> bool:
            trial.intermediate_values[look] = value
            return look in rival.curve and median.prune(study, trial)

        return hopeless


def make_pruner(kind: str, metric: Metric, seed: int = 0) -> Pruner:
    """Make a pruner.

    Parameters
    ----------
    kind : {"curve", "median", "none"}
    metric : Metric
    seed : int
        Of the study.

    Raises
    ------
    UserError
        For any other kind.
    """
    kinds = {"curve": CurvePruner, "median": MedianPruner, "none": Pruner}
    if kind not in kinds:
        raise UserError(f"There is no pruner {kind!r}: the kinds are {', '.join(kinds)}.")
    return kinds[kind](metric, seed)
