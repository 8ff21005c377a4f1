import pytest
from scipy import stats

from autoresearch_magic.judging.chance import p_better


def test_the_chance_is_that_of_student_t():
    assert p_better(0.3, 0.1, 5) == pytest.approx(stats.t.cdf(3, 5))
    assert p_better(-0.3, 0.1, 5) == pytest.approx(1 - p_better(0.3, 0.1, 5))
    assert p_better(0.0, 0.1, 5) == 0.5


@pytest.mark.parametrize(("gain", "chance"), [(1e-9, 1.0), (0.0, 0.5), (-1e-9, 0.0)])
def test_without_noise_any_difference_is_certain(gain, chance):
    assert p_better(gain, 0.0, 3) == chance
