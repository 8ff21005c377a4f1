"""A search that tries many meaningless starts on a small validation set: the holdout tells how much of its gain is the selection's.

Each version adds another random direction to the same weights. None of them is better; the one that suits the twenty points of
the validation set best is kept.
"""

import pytest

from autoresearch_magic.study.summary import result_line

from ..studies import finish

SETUP = """
import numpy as np
from autoresearch_magic import seed
TRUE = np.random.default_rng(0).normal(size=40)
def sample(n, start):
    rng = np.random.default_rng(start)
    x = rng.normal(size=(n, 40))
    return x, x @ TRUE + rng.normal(scale=2.0, size=n)
train, val = sample(120, 1), sample(20, 2)
def error(weights, data):
    x, y = data
    return float(np.sqrt(np.mean((x @ weights - y) ** 2)))
"""
SEALED = "test = sample(5000, 3)\n"
TARGET = """
PICK = 0
import numpy as np
from autoresearch_magic import seed
x, y = train
kept = np.random.default_rng(seed).random(len(x)) < 0.97
weights = np.linalg.lstsq(x[kept], y[kept], rcond=None)[0]
weights = weights + 0.4 * np.sin(1e4 * np.sin(np.arange(1, 41) * (PICK + 0.5)))
"""


@pytest.mark.slow
def test_the_holdout_shows_that_a_lucky_pick_is_no_gain(make_study, script):
    start = TARGET
    script(*(start.replace("PICK = 0", f"PICK = {n}") for n in range(24, 32)))
    study = finish(make_study(
        start, SETUP, sealed=SEALED, agent="script", experiments=8, repeats=3, judge="strict", metric="val=error(weights, val)", minimize=True,
        holdout="test=error(weights, test)",
    ))  # fmt: skip
    line, head = result_line(study.status), study.headline
    print(line)
    assert head.gain > 0.2
    assert head.gain > head.reach
    assert head.holdout.share > 0.8 * head.gain
    assert line.startswith("The holdout test does not confirm it")
