"""The tasks of `search.py`: a target with constants to tune, the value of one run, and the true value.

Four tasks are formulas with normal noise that is added; two train a small model of scikit-learn on bundled data, whose noise is
that of the training rows and of the initialisation, by the seed. Lower is better in all of them. A task's unit is the
distance between the true value of its start and the best true value known, so a regret of 1 is the start, and 0 is the best.
"""

from __future__ import annotations

import gzip
import json
import math
import re
import statistics
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from search_valleys import (
    RECIPES,
    ROUTES,
    ackley6,
    levy6,
    lunacek6,
    michalewicz5,
    rastrigin5,
    recipes,
    routes,
    schwefel4,
    shekel4,
    wrongvalley4,
)

Values = Mapping[str, Any]

CURVES = Path(__file__).resolve().parent / "quickstart_curves.json.gz"

HELD_BACK = 200
"""Runs whose mean is the true value of a real task, on seeds that no search uses."""
HELD_BACK_SEEDS = 10_000_000
"""The first of these seeds."""

OWN = -1.0
"""The noise level of a task whose noise is its own."""


@dataclass(frozen=True)
class Task:
    """Something to minimise.

    Attributes
    ----------
    name : str
    source : str
        The target: constants with their ranges in comments, at their starting values.
    value : callable
        The value of one run by the constants' values and the seed; without noise for a formula.
    start, best : float
        The true values of the start and of the best point known; the unit of regret is their distance.
    noises : tuple of float
        Standard deviations of the noise that is added to a run, in units; `OWN` for a task that has its own.
    """

    name: str
    source: str
    value: Callable[[Values, int], float]
    start: float
    best: float
    noises: tuple[float, ...] = (0.0, 0.025, 0.1)
    truths: dict[str, float] = field(default_factory=dict, compare=False)

    @property
    def unit(self) -> float:
        """The distance between start and best."""
        return self.start - self.best

    @property
    def real(self) -> bool:
        """Whether its noise is its own."""
        return self.noises == (OWN,)

    def regret(self, truth: float) -> float:
        """Return how far a true value is from the best known, in units."""
        return (truth - self.best) / self.unit

    def truth(self, values: Values, cache_in: Path | None = None) -> float:
        """Return the true value at a point; for a real task the mean of `HELD_BACK` runs, cached in a folder's file."""
        if not self.real:
            return self.value(values, 0)
        key = json.dumps(dict(values), sort_keys=True)
        file = None if cache_in is None else cache_in / f"truths-{self.name}.jsonl"
        if not self.truths and file is not None and file.is_file():
            self.truths.update(json.loads(line) for line in file.read_text().splitlines())
        if key not in self.truths:
            self.truths[key] = statistics.fmean(self.value(values, HELD_BACK_SEEDS + i) for i in range(HELD_BACK))
            if file is not None:
                with file.open("a") as out:
                    out.write(json.dumps([key, self.truths[key]]) + "\n")
        return self.truths[key]


# -- formulas ---------------------------------------------------------------------------------------------------------------


def _columns(count: int, low: float, high: float, start: list[float]) -> str:
    return "".join(f"X{i + 1} = {start[i]}  # {low:g} .. {high:g}\n" for i in range(count))


_A = np.array(
    [[10, 3, 17, 3.5, 1.7, 8], [0.05, 10, 17, 0.1, 8, 14], [3, 3.5, 1.7, 10, 17, 8], [17, 8, 0.05, 10, 0.1, 14]]
)
_P = 1e-4 * np.array(
    [[1312, 1696, 5569, 124, 8283, 5886], [2329, 4135, 8307, 3736, 1004, 9991], [2348, 1451, 3522, 2883, 3047, 6650],
     [4047, 8828, 8732, 5743, 1091, 381]]
)  # fmt: skip
_WEIGHTS = np.array([1.0, 1.2, 3.0, 3.2])


def hartmann6(values: Values, seed: int) -> float:
    """Return the Hartmann function in six dimensions: six local minima, the global one is −3.32237."""
    x = np.array([values[f"X{i}"] for i in range(1, 7)])
    return float(-_WEIGHTS @ np.exp(-(_A * (x - _P) ** 2).sum(1)))


def rosenbrock8(values: Values, seed: int) -> float:
    """Return log(1 + f) of the Rosenbrock function in eight dimensions.

    The logarithm, because the raw values span five orders of magnitude: noise of a few percent of their range would be larger
    than everything that is worth finding.
    """
    x = [float(values[f"X{i}"]) for i in range(1, 9)]
    total = sum(100 * (b - a * a) ** 2 + (1 - a) ** 2 for a, b in pairwise(x))
    return math.log1p(total)


MIXED = """\
OPTIMIZER = "adam"  # one of: sgd, adam, muon
NORM = "none"  # one of: none, layer, rms
GATED = False  # one of: True, False
DEPTH = 2  # 1 .. 8
WIDTH = 64  # one of: 32, 64, 128, 256, 512
LR = 3e-4  # 1e-5 .. 1e-1 log
WARMDOWN = 0.0  # 0 .. 0.8
DROPOUT = 0.1  # 0 .. 0.5
loss = train()
"""


def mixed(values: Values, seed: int) -> float:
    """Return a loss of the kind that training a small model has, in which switches only help together.

    Muon is the best optimizer, but at ten times the rate, so at the start's rate it is worse; gating and depth help with a
    normalisation and hurt without one; how much dropout is right depends on the size. The smallest value is 2.28.
    """
    optimizer, norm, depth = values["OPTIMIZER"], values["NORM"], values["DEPTH"]
    size = math.log2(values["WIDTH"] / 32) + 0.5 * depth
    best_rate = {"sgd": -1.5, "adam": -3.0, "muon": -2.0}[optimizer] - 0.1 * (size - 5)
    rate = math.log10(values["LR"]) - best_rate
    loss = 2.4 + {"sgd": 0.25, "adam": 0.1, "muon": 0.0}[optimizer]
    loss += (0.35 if rate < 0 else 0.7) * rate**2 / (1 + 0.15 * rate**2)
    loss += {"none": 0.05 * depth, "layer": 0.04, "rms": 0.0}[norm]
    if values["GATED"]:
        loss += 0.08 if norm == "none" else -0.12
    loss += 0.04 * (size - 5) ** 2 + 1.5 * (values["DROPOUT"] - 0.05 * max(0.0, size - 3)) ** 2
    return loss + {"sgd": 0.1, "adam": 0.2, "muon": 0.3}[optimizer] * (values["WARMDOWN"] - 0.5) ** 2


# -- the quickstart, by a model of its recorded proposals -------------------------------------------------------------------

QUICKSTART = """\
POSITIONS = "learned"  # one of: learned, rotary
OPTIMIZER = "adamw"  # one of: adamw, muon
DEPTH = 2  # 1 .. 4
WIDTH = 64  # 32 .. 128 step 32
BATCH = 8  # one of: 2, 4, 8, 16, 32
LR = 1e-3  # 1e-4 .. 1e-2 log
WARMDOWN = 0.0  # 0 .. 0.8
val_bpb = train()
"""

_AT_REST = 5
"""Studies of the record that were made on an idle machine; in the last two all values are higher by up to 0.5."""
_AMPLITUDE, _LENGTHS, _NUGGET = 3.73, np.array([5.43, 10.8, 2.16, 2.31, 1.64, 0.718, 3.62]), 0.0455
"""Kernel of the Gaussian process (Matérn 5/2), by maximum likelihood; the values are standardised. Its error on records that were
left out is 0.073 where the values' standard deviation is 0.28 (R² 0.93), noise of 0.02 included."""


def _features(values: Values) -> list[float]:
    return [
        values["POSITIONS"] == "rotary", values["OPTIMIZER"] == "muon", (values["DEPTH"] - 1) / 3, (values["WIDTH"] - 32) / 96,
        math.log2(values["BATCH"] / 2) / 4, math.log10(values["LR"] / 1e-4) / 2, values["WARMDOWN"] / 0.8,
    ]  # fmt: skip


def _kernel(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    distance = np.sqrt((((a[:, None] - b[None]) / _LENGTHS) ** 2).sum(2) * 5)
    return np.asarray(_AMPLITUDE**2 * (1 + distance + distance**2 / 3) * np.exp(-distance))


@cache
def _fitted() -> tuple[np.ndarray, np.ndarray, float, float]:
    """Return the recorded points, the weights of the process at them, and the mean and standard deviation of the values."""
    start = {
        "POSITIONS": "learned",
        "OPTIMIZER": "adamw",
        "DEPTH": 2,
        "WIDTH": 64,
        "BATCH": 8,
        "LR": 1e-3,
        "WARMDOWN": 0.0,
    }
    points, found = [], []
    with gzip.open(CURVES) as file:
        studies = json.load(file)[:_AT_REST]
    for study in studies:
        of_study: list[dict[str, Any]] = []
        for experiment in study["experiments"]:
            values = dict(start if experiment["parent"] is None else of_study[experiment["parent"]])
            for name, new in re.findall(r"(\w+) \S+ → ([^\s,]+)", experiment["summary"]):
                values[name] = type(start[name])(new)
            of_study.append(values)
            points.append(_features(values))
            found.append(statistics.fmean(run["value"] for run in experiment["runs"]))
    x, y = np.array(points, float), np.array(found)
    middle, scale = float(y.mean()), float(y.std())
    weights = np.linalg.solve(_kernel(x, x) + _NUGGET * np.eye(len(x)), (y - middle) / scale)
    return x, weights, middle, scale


def quickstart(values: Values, seed: int) -> float:
    """Return the bits per byte that the quickstart's recorded proposals let expect."""
    x, weights, middle, scale = _fitted()
    return middle + scale * float((_kernel(np.array([_features(values)], float), x) @ weights)[0])


# -- real models ------------------------------------------------------------------------------------------------------------

MLP = """\
HIDDEN = 32  # one of: 8, 16, 32, 64
ACTIVATION = "relu"  # one of: relu, tanh, logistic
SOLVER = "adam"  # one of: adam, sgd
BATCH = 64  # one of: 32, 64, 128, 250
LR = 3e-3  # 1e-4 .. 1 log
MOMENTUM = 0.9  # 0.5 .. 0.99
ALPHA = 1e-4  # 1e-6 .. 1 log
log_loss = train()
"""


@cache
def _shuffled(name: str) -> tuple[np.ndarray, np.ndarray]:
    from sklearn import datasets

    x, y = getattr(datasets, f"load_{name}")(return_X_y=True)
    order = np.random.RandomState(0).permutation(len(x))
    return x[order] / np.abs(x).max(0).clip(1e-9), y[order]


def mlp(values: Values, seed: int) -> float:
    """Return the log loss on 600 held-out digits of a network that was trained for ten epochs on 250 others."""
    from sklearn.neural_network import MLPClassifier

    x, y = _shuffled("digits")
    rows = 600 + np.random.RandomState(seed % 2**32).permutation(1000)[:250]
    model = MLPClassifier(
        (values["HIDDEN"],), activation=values["ACTIVATION"], solver=values["SOLVER"], batch_size=values["BATCH"],
        learning_rate_init=values["LR"], momentum=values["MOMENTUM"], beta_1=values["MOMENTUM"], alpha=values["ALPHA"],
        max_iter=10, n_iter_no_change=1000, random_state=seed % 2**32,
    )  # fmt: skip
    return _log_loss(model, x[rows], y[rows], x[:600], y[:600])


BOOSTING = """\
TREES = 15  # 3 .. 30 log
LR = 0.1  # 0.01 .. 1 log
DEPTH = 3  # 1 .. 5
LEAF = 1  # 1 .. 20 log
SUBSAMPLE = 1.0  # 0.3 .. 1
FEATURES = 1.0  # 0.05 .. 1
log_loss = train()
"""


def boosting(values: Values, seed: int) -> float:
    """Return the log loss on 269 held-out tumours of gradient boosting that was trained on 120 others."""
    from sklearn.ensemble import GradientBoostingClassifier

    x, y = _shuffled("breast_cancer")
    rows = 269 + np.random.RandomState(seed % 2**32).permutation(300)[:120]
    model = GradientBoostingClassifier(
        n_estimators=values["TREES"], learning_rate=values["LR"], max_depth=values["DEPTH"], min_samples_leaf=values["LEAF"],
        subsample=values["SUBSAMPLE"], max_features=values["FEATURES"], random_state=seed % 2**32,
    )  # fmt: skip
    return _log_loss(model, x[rows], y[rows], x[:269], y[:269])


def _log_loss(model: Any, x: np.ndarray, y: np.ndarray, held_x: np.ndarray, held_y: np.ndarray) -> float:
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a network that diverges, or has not converged in ten epochs
        chances = model.fit(x, y).predict_proba(held_x)
    chance = chances[np.arange(len(held_y)), np.searchsorted(model.classes_, held_y)]
    return float(np.minimum(-np.log(np.maximum(np.nan_to_num(chance), 1e-300)), 7.0).mean())


def _start_of(source: str, value: Callable[[Values, int], float]) -> float:
    from autoresearch_magic.source.constants import read_values

    return value(read_values(source), 0)


def _formula(name: str, source: str, value: Callable[[Values, int], float], best: float) -> Task:
    return Task(name, source, value, _start_of(source, value), best)


TASKS = {
    task.name: task
    for task in (
        _formula("hartmann6", _columns(6, 0, 1, [0.2] * 6) + "loss = f()\n", hartmann6, -3.32237),
        _formula("rosenbrock8", _columns(8, -2.5, 1.5, [-1.2, 1.0] * 4) + "loss = f()\n", rosenbrock8, 0.0),
        _formula("mixed", MIXED, mixed, 2.28),
        _formula("quickstart", QUICKSTART, quickstart, 2.60493),
        Task("mlp", MLP, mlp, 1.36660, 0.23641, (OWN,)),
        Task("boosting", BOOSTING, boosting, 0.26382, 0.14701, (OWN,)),
        _formula("rastrigin5", _columns(5, -3, 3, [-2.0] * 5) + "loss = f()\n", rastrigin5, 0.0),
        _formula("schwefel4", _columns(4, -500, 500, [-300.0] * 4) + "loss = f()\n", schwefel4, 0.0),
        _formula("lunacek6", _columns(6, -5, 5, [-3.0] * 6) + "loss = f()\n", lunacek6, 0.0),
        _formula("ackley6", _columns(6, -5, 5, [-3.5, 3.5] * 3) + "loss = f()\n", ackley6, 0.0),
        _formula("wrongvalley4", _columns(4, 0, 1, [0.1] * 4) + "loss = f()\n", wrongvalley4, 0.0),
        _formula("routes", ROUTES, routes, 0.0),
        _formula("recipes", RECIPES, recipes, 0.0),
        _formula("shekel4", _columns(4, 0, 10, [9.0, 5.0] * 2) + "loss = f()\n", shekel4, -2.35484),
        _formula("michalewicz5", _columns(5, 0, 3.14, [1.0] * 5) + "loss = f()\n", michalewicz5, -4.687658),
        _formula("levy6", _columns(6, -10, 10, [-6.0] * 6) + "loss = f()\n", levy6, 0.0),
    )
}
VALLEYS = (
    "rastrigin5",
    "schwefel4",
    "lunacek6",
    "ackley6",
    "wrongvalley4",
    "routes",
    "recipes",
    "shekel4",
    "michalewicz5",
    "levy6",
)
"""Tasks with several valleys, of which only one is deepest."""
