"""How much each constant matters, by Optuna's evaluators over the study's own runs, and how far that can be trusted.

- **fANOVA** (Hutter, Hoos and Leyton-Brown 2014, *ICML*; `optuna.importance.FanovaImportanceEvaluator`, which needs scikit-learn): how much of the
  metric's variance over all runs each constant explains by itself, in a forest of regression trees.
- **PED-ANOVA** (Watanabe, Bansal and Hutter 2023, *IJCAI*; `PedAnovaImportanceEvaluator`): how differently a constant's values are spread among the
  best runs than among all. The best are a tenth of the runs, and at least `TOP` of them.

Both were tried on histories with known effects, in which each version changes one or two constants of the best, as tuner and language models do
(300 runs, seven constants, one of them without any effect). fANOVA put the constants in the order of their effects. PED-ANOVA did not: changes of a
constant without effect stay close to the best and so are many among the best runs, and its divergence counts that. So fANOVA is taken
where scikit-learn is installed.

Any set of numbers gives shares, also one in which nothing matters. So each answer comes with two checks: the *interval* holds the
middle 90% of the shares in `RESAMPLES` resamples of the runs (bootstrap), and *clear* says whether what the evaluator finds for a constant
is more than it finds in 95% of as many copies in which the results are dealt out anew (permutation). Neither removes that the values are no
random design: constants that were changed together share the credit.

Values are placed as the constant's search space has them (logarithms where it is logarithmic); those of a choice without an order are
categories. A run that was stopped early has no result, but it is known that it is none of the best: PED-ANOVA counts it as such, fANOVA
leaves it out. Crashes are left out of both.

It takes seconds of computing and large imports, so `importances` does it in a process of its own, at a low priority: the caller's process and the
experiments are not held up.
"""

from __future__ import annotations

import json
import math
import os
import random
import subprocess
import sys
import warnings
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from ...source.search_space import Choices, Space, Value
from ..optuna_logging import quiet_optuna
from .tried_constants import Tried

if TYPE_CHECKING:
    import optuna
    from optuna.distributions import BaseDistribution

NEEDED = 16
"""Runs with a result from which importances are computed."""
TOP = 5
"""The least of the best runs that PED-ANOVA compares with all: Optuna's own advice."""
RESAMPLES = 20
MOST_RUNS = 120
"""Runs that are used, chosen at random where there are more: the time of fANOVA grows with their square."""
MOST_CONSTANTS = 24
"""Constants that are compared: those with the most values."""
TREES, FEW_TREES = 32, 8
"""Trees of fANOVA's forest: for the shares, and for each of the checks."""
PATIENCE = 120.0
"""Seconds after which the process is given up."""

Kind = Literal["fanova", "ped-anova"]


@dataclass(frozen=True)
class Importance:
    """The importances of constants, the largest first.

    Attributes
    ----------
    kind : {"fanova", "ped-anova"}
    names : list of str
    shares : list of float
        They add up to one, unless nothing matters at all.
    low, high : list of float
        The middle 90% of the shares in resamples.
    clear : list of bool
        Whether a constant matters more than chance explains.
    first : float
        In which share of the resamples the first constant is the first.
    runs : int
        Runs that were used.
    best : int
        How many of them count as the best; 0 for fANOVA.
    """

    kind: Kind
    names: list[str]
    shares: list[float]
    low: list[float]
    high: list[float]
    clear: list[bool]
    first: float
    runs: int
    best: int


@dataclass(frozen=True)
class Problem:
    """What a process needs to know: placed values by constant, whether they are categories, and losses (lower is better)."""

    kind: Kind
    columns: dict[str, list[Value]]
    choices: list[str]
    losses: list[float]
    resamples: int = RESAMPLES


def fanova_possible() -> bool:
    """Whether scikit-learn is there, which Optuna's fANOVA needs."""
    return find_spec("sklearn") is not None


def importances(tried: Tried, *, minimize: bool, kind: Kind | None = None) -> Importance | None:
    """Return how much each constant matters, as computed in another process.

    Parameters
    ----------
    tried : Tried
    minimize : bool
    kind : {"fanova", "ped-anova"}, optional
        By default fANOVA where it is possible.

    Returns
    -------
    Importance or None
        None for too few runs, for no constants, and where all results are equal; and where the process failed.
    """
    kind = kind or ("fanova" if fanova_possible() else "ped-anova")
    problem = pose(tried, minimize=minimize, kind=kind)
    if problem is None:
        return None
    package = str(Path(__file__).parents[3])
    paths = [package, *filter(None, [os.environ.get("PYTHONPATH")])]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(paths), **dict.fromkeys(_THREADS, "1")}
    try:
        done = subprocess.run(
            [sys.executable, "-P", "-m", __name__], input=json.dumps(asdict(problem)), env=environment, capture_output=True, text=True,
            timeout=PATIENCE, check=True, start_new_session=True,
        )  # fmt: skip
        return Importance(**json.loads(done.stdout))
    except (OSError, subprocess.SubprocessError, ValueError):
        return None


_THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


def pose(tried: Tried, *, minimize: bool, kind: Kind, resamples: int = RESAMPLES) -> Problem | None:
    """Return the problem to solve; None where there is none."""
    if tried.valued < NEEDED or not tried.names or len({v for v in tried.results if v is not None}) < 2:
        return None
    rng = random.Random(0)
    keep = [i for i, v in enumerate(tried.results) if v is not None or kind == "ped-anova"]
    if len(keep) > MOST_RUNS:
        keep = sorted(rng.sample(keep, MOST_RUNS))
    known = [v if minimize else -v for i in keep if (v := tried.results[i]) is not None]
    if len(set(known)) < 2:
        return None
    beyond = max(known) + abs(max(known)) + 1.0  # of a run that was stopped early
    losses = [beyond if (v := tried.results[i]) is None else v if minimize else -v for i in keep]
    placed = {
        name: _placed([values[i] for i in keep], space)
        for name, values, space in zip(tried.names, tried.values, tried.spaces, strict=True)
    }
    often = sorted((name for name in placed if len(set(placed[name])) > 1), key=lambda name: -len(set(placed[name])))
    columns = {name: placed[name] for name in placed if name in often[:MOST_CONSTANTS]}
    spaces = dict(zip(tried.names, tried.spaces, strict=True))
    choices = [name for name in columns if _is_category(spaces[name])]
    return Problem(kind, columns, choices, losses, resamples) if columns else None


def solve(problem: Problem) -> Importance:
    """Return the importances, with their checks."""
    rng, runs = random.Random(1), len(problem.losses)
    every = list(range(runs))
    quantile = max(0.1, TOP / runs)
    found = _evaluate(problem, every, every, quantile, TREES)
    shares = _shares(found)
    names = sorted(shares, key=lambda name: -shares[name])
    few = _evaluate(problem, every, every, quantile, FEW_TREES) if problem.kind == "fanova" else found
    resampled, dealt = [], []
    for _ in range(problem.resamples):
        chosen = rng.choices(every, k=runs)
        resampled.append(_shares(_evaluate(problem, chosen, chosen, quantile, FEW_TREES)))
        dealt.append(_evaluate(problem, every, rng.sample(every, runs), quantile, FEW_TREES))
    spans = [_middle([each.get(name, 0.0) for each in resampled]) for name in names]
    clear = [few[n] > 0 and sum(each[n] >= few[n] for each in dealt) <= 0.05 * problem.resamples for n in names]
    first = sum(max(each, key=lambda name: each[name]) == names[0] for each in resampled) / max(1, problem.resamples)
    return Importance(
        problem.kind, names, [shares[n] for n in names], [low for low, _ in spans], [high for _, high in spans], clear, first,
        runs, math.ceil(quantile * runs) if problem.kind == "ped-anova" else 0,
    )  # fmt: skip


def _evaluate(
    problem: Problem, rows: Sequence[int], results: Sequence[int], quantile: float, trees: int
) -> dict[str, float]:
    """Return what Optuna's evaluator says of these rows, with the losses of those."""
    from optuna.importance import FanovaImportanceEvaluator, PedAnovaImportanceEvaluator

    losses = [problem.losses[result] for result in results]
    if len(set(losses)) < 2:
        return dict.fromkeys(problem.columns, 0.0)
    evaluator = (
        FanovaImportanceEvaluator(n_trees=trees, seed=0)
        if problem.kind == "fanova"
        else PedAnovaImportanceEvaluator(target_quantile=quantile)
    )
    found = evaluator.evaluate(_study(problem, rows, losses))
    return {name: float(found.get(name, 0.0)) for name in problem.columns}


def _study(problem: Problem, rows: Sequence[int], losses: Sequence[float]) -> optuna.Study:
    """Return a study of Optuna's, in memory, with these runs as its trials."""
    import optuna
    from optuna.distributions import CategoricalDistribution, FloatDistribution
    from optuna.trial import create_trial

    distributions: dict[str, BaseDistribution] = {}
    for name, values in problem.columns.items():
        if name in problem.choices:
            distributions[name] = CategoricalDistribution(sorted(set(values), key=str))
        else:
            numbers = [float(value) for value in values]
            distributions[name] = FloatDistribution(min(numbers), max(numbers))
    with quiet_optuna():
        study = optuna.create_study(direction="minimize")
    for row, loss in zip(rows, losses, strict=True):
        params = {name: values[row] for name, values in problem.columns.items()}
        study.add_trial(create_trial(params=params, distributions=distributions, value=loss))
    return study


def _is_category(space: Space) -> bool:
    return isinstance(space, Choices) and not space.ordered


def _placed(values: Sequence[Value], space: Space) -> list[Value]:
    """Return where values stand in their space: as they are for categories, else as numbers."""
    if _is_category(space):
        return list(values)
    if isinstance(space, Choices):
        grid = sorted({float(value) for value in values})
        return [float(grid.index(float(value))) for value in values]
    return [space.place(value) for value in values]


def _shares(importance: dict[str, float]) -> dict[str, float]:
    total = sum(importance.values())
    return {name: value / total if total > 0 else 0.0 for name, value in importance.items()}


def _middle(values: Sequence[float]) -> tuple[float, float]:
    """Return the ends of the middle 90%."""
    ordered = sorted(values)
    if not ordered:
        return 0.0, 1.0
    cut = int(0.05 * len(ordered))
    return ordered[cut], ordered[len(ordered) - 1 - cut]


def main() -> None:
    """Solve the problem that comes as JSON on standard input."""
    if hasattr(os, "nice"):
        os.nice(10)
    given: dict[str, Any] = json.load(sys.stdin)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # PED-ANOVA is experimental in Optuna 4
        found = solve(Problem(**given))
    sys.stdout.write(json.dumps(asdict(found)))


if __name__ == "__main__":
    main()
