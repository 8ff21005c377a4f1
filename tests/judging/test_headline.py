import statistics

import pytest

from autoresearch_magic.experiment import Experiment, Proposal
from autoresearch_magic.judging.headline import headline
from autoresearch_magic.metric import Metric

DOWN, UP = Metric("m", "m", True), Metric("m", "m", False)


def test_the_headline():
    e = Experiment(4, 0, Proposal("x = 1", "s"))
    head = headline(e, [1.0, 2.0, 3.0], [5.0, 5.0, 8.0], DOWN)
    assert (head.best, head.baseline, head.gain, head.number, head.repeats) == (2.0, 6.0, 4.0, 4, 3)
    assert head.baseline_sd == pytest.approx(statistics.stdev([5, 5, 8]))
    assert head.reach > 0
    assert headline(e, [1.0], [5.0], UP).gain == -4.0
    assert headline(e, [1.0], [5.0], UP).reach is None
    assert headline(e, [1.0, 1.0], [5.0, 5.0], UP).reach == 0.0
    assert headline(e, [], [5.0], UP) is None
