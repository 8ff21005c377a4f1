import pytest

from autoresearch_magic.judging.drift import drifted, moved_alike
from autoresearch_magic.judging.noise import Noise

QUIET, LOUD = Noise(0.0, 2), Noise(0.1, 30)


def test_drift_needs_every_new_value_to_be_off_on_one_side():
    before = [1.0, 1.1, 0.9]
    assert not drifted(before, [1.2], LOUD)
    assert drifted(before, [1.5], LOUD)
    assert drifted(before, [1.5, 1.6], LOUD)
    assert not drifted(before, [1.5, 1.0], LOUD)
    assert not drifted(before, [1.5, 0.4], LOUD)
    assert not drifted([], [1.0], LOUD)
    assert not drifted(before, [], LOUD)


@pytest.mark.parametrize(
    ("control_before", "control_now", "alike"),
    [
        ([2.0], [3.0, 3.1], True),  # half as much again, as the incumbent
        ([2.0], [2.5], True),  # the same amount
        ([0.5, 0.6], [0.75, 0.8], True),
        ([2.0], [2.0, 2.01], False),
        ([2.0], [1.0], False),
        ([], [3.0], False),
        ([2.0], [], False),
    ],
)
def test_a_machine_that_has_changed_moves_another_target_as_well(control_before, control_now, alike):
    assert moved_alike([1.0, 1.0], [1.5, 1.5], control_before, control_now) is alike


def test_values_that_differ_in_their_last_bits_are_no_drift():
    assert not drifted([0.3, 0.3], [0.1 + 0.2], QUIET)
    assert drifted([0.3, 0.3], [0.3001], QUIET)
