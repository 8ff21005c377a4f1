"""Formulas with several valleys, for `search.py`: what a search from one start can be caught in.

Each is scaled so that noise of a few percent of a task's unit is of the size of the differences that are worth finding. The smallest value
of each is 0, or stands with it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

Values = Mapping[str, Any]


def _x(values: Values, count: int) -> np.ndarray:
    return np.array([float(values[f"X{i}"]) for i in range(1, count + 1)])


def rastrigin5(values: Values, seed: int) -> float:
    """Return a Rastrigin function in five dimensions with valleys one unit apart, in a bowl; 0 at (0.37, −0.61, 0.2, 0.83, −0.45)."""
    z = _x(values, 5) - np.array([0.37, -0.61, 0.2, 0.83, -0.45])
    return float((z**2 + 2.5 * (1 - np.cos(2 * np.pi * z))).sum())


def schwefel4(values: Values, seed: int) -> float:
    """Return Schwefel's function in four dimensions: the deepest valley is far from the second best; 0 at 420.97 each."""
    x = _x(values, 4)
    return float(418.9828872724338 * 4 - (x * np.sin(np.sqrt(np.abs(x)))).sum()) / 100


def lunacek6(values: Values, seed: int) -> float:
    """Return Lunacek's double Rastrigin function in six dimensions: a wide funnel at −1.87, and a narrower, deeper one at 2.5; 0 there.

    The ripples are a fifth of the original's, so that what is to be found is the right funnel.
    """
    x, d, s, mu = _x(values, 6), 1.0, 0.7, 2.5
    other = -math.sqrt((mu**2 - d) / s)
    bowls = min(float(((x - mu) ** 2).sum()), d * 6 + s * float(((x - other) ** 2).sum()))
    return bowls + 2.0 * float((1 - np.cos(2 * np.pi * (x - mu))).sum())


def ackley6(values: Values, seed: int) -> float:
    """Return Ackley's function in six dimensions, away from the middle: almost flat outside, a narrow funnel; 0 at its offset."""
    z = _x(values, 6) - np.array([1.7, -2.3, 0.9, 2.6, -1.1, -0.4])
    return float(
        20
        + math.e
        - 20 * math.exp(-0.2 * math.sqrt(float((z**2).mean())))
        - math.exp(float(np.cos(2 * np.pi * z).mean()))
    )


def wrongvalley4(values: Values, seed: int) -> float:
    """Return a wide valley, in which the start lies, whose bottom is near 1; and a narrower, deeper one far from it: 0 at 0.85, 0.75 in turn."""
    x = _x(values, 4)
    wide = 1 - math.exp(-1.2 * float(((x - 0.25) ** 2).sum()))
    narrow = math.exp(-7.0 * float(((x - np.array([0.85, 0.75] * 2)) ** 2).sum()))
    return 1 + 2 * wide - (1 + 2 * wide) * narrow


_SHEKEL = np.array([
    [4, 4, 4, 4], [1, 1, 1, 1], [8, 8, 8, 8], [6, 6, 6, 6], [3, 7, 3, 7], [2, 9, 2, 9], [5, 5, 3, 3], [8, 1, 8, 1], [6, 2, 6, 2],
    [7, 3.6, 7, 3.6],
])  # fmt: skip
_NARROW = np.array([1, 2, 2, 4, 4, 6, 3, 7, 5, 5]) / 10


def shekel4(values: Values, seed: int) -> float:
    """Return −log of Shekel's function in four dimensions, with ten valleys: its smallest value is −2.3548 near 4 each.

    The logarithm, because the original is flat but for its valleys.
    """
    return -math.log(float((1 / (((_x(values, 4) - _SHEKEL) ** 2).sum(1) + _NARROW)).sum()))


def michalewicz5(values: Values, seed: int) -> float:
    """Return Michalewicz's function in five dimensions (m = 10): steep ridges; −4.687658 at its deepest."""
    x = _x(values, 5)
    return -float((np.sin(x) * np.sin(np.arange(1, 6) * x**2 / math.pi) ** 20).sum())


def levy6(values: Values, seed: int) -> float:
    """Return log(1 + f) of Levy's function in six dimensions: ripples in a valley; 0 at 1 each."""
    w = 1 + (_x(values, 6) - 1) / 4
    middle = (w[:-1] - 1) ** 2 * (1 + 10 * np.sin(np.pi * w[:-1] + 1) ** 2)
    last = (w[-1] - 1) ** 2 * (1 + np.sin(2 * np.pi * w[-1]) ** 2)
    return math.log1p(float(np.sin(np.pi * w[0]) ** 2 + middle.sum() + last))


ROUTES = """\
KIND = "trees"  # one of: trees, net, kernel
LAYERS = 2  # 1 .. 8
RATE = 1e-2  # 1e-4 .. 1 log
DECAY = 0.1  # 0 .. 1
SHARE = 0.5  # 0 .. 1
loss = train()
"""

_BEST = {"trees": (5, -1.0, 0.2, 0.8), "net": (2, -3.2, 0.75, 0.25), "kernel": (7, -2.2, 0.5, 0.1)}
_FLOOR = {"trees": 1.0, "net": 0.0, "kernel": 0.7}
_WIDTH = {"trees": 1.0, "net": 0.35, "kernel": 0.6}


def routes(values: Values, seed: int) -> float:
    """Return the loss of three kinds of models that each want other settings; the best kind is the one that is hardest to set.

    At the settings that suit the first kind the others are worse, so a change of the kind alone never helps. The smallest value is 0.
    """
    kind = values["KIND"]
    layers, rate, decay, share = _BEST[kind]
    off = np.array([
        (values["LAYERS"] - layers) / 7, (math.log10(values["RATE"]) - rate) / 4, values["DECAY"] - decay, values["SHARE"] - share
    ])  # fmt: skip
    distance = float((off**2).sum()) / _WIDTH[kind] ** 2
    return _FLOOR[kind] + 3 * distance / (0.6 + distance)


RECIPES = """\
OPTIMIZER = "sgd"  # one of: sgd, adam, muon
BLOCK = "conv"  # one of: conv, attention, recurrent
RATE = 3e-2  # 1e-4 .. 1 log
WIDTH = 0.3  # 0 .. 1
DECAY = 0.7  # 0 .. 1
WARMUP = 0.3  # 0 .. 1
loss = train()
"""

_RATE = {"sgd": -1.0, "adam": -3.0, "muon": -2.0}
_SHAPE = {"conv": (0.3, 0.6, 0.2), "attention": (0.8, 0.2, 0.7), "recurrent": (0.2, 0.2, 0.9)}
_COST = {"sgd": 0.5, "adam": 0.2, "muon": 0.0, "conv": 0.6, "attention": 0.0, "recurrent": 0.9}


def recipes(values: Values, seed: int) -> float:
    """Return the loss of nine recipes, an optimizer and an architecture, of which each wants other settings; the smallest value is 0.

    At the settings that suit one recipe another is worse, also where it is better at its own; muon with attention is the best of all.
    """
    optimizer, block = values["OPTIMIZER"], values["BLOCK"]
    rate = (math.log10(values["RATE"]) - _RATE[optimizer]) / 2
    off = np.array([values["WIDTH"], values["DECAY"], values["WARMUP"]]) - np.array(_SHAPE[block])
    distance = 2 * rate**2 + 4 * float((off**2).sum())
    return _COST[optimizer] + _COST[block] + 2.5 * distance / (0.5 + distance)
