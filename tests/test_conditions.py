import math

import pytest

from autoresearch_magic.conditions import Conditions


def test_conditions_come_back_from_json():
    conditions = Conditions(1.8, 2, 0.1)
    assert Conditions.from_json(conditions.to_json()) == conditions
    # of a newer version
    assert Conditions.from_json({**conditions.to_json(), "temperature": 80}) == conditions


@pytest.mark.parametrize(
    "written",
    [None, {}, [], {"others": 1.0, "cores": 0}, {"others": math.nan, "cores": 2}, {"others": "1", "cores": 2}],
)
def test_what_is_no_conditions_is_none(written):
    assert Conditions.from_json(written) is None


def test_the_share_that_is_taken_and_its_words():
    assert Conditions(1.0, 4, 1.0).taken == 0.5
    assert Conditions(5.0, 2, 1.0).taken == 1.0
    assert str(Conditions(1.75, 2)) == "other programs kept 1.8 of 2 cores busy"
    assert str(Conditions(0.0, 2, 0.3)) == "other programs kept 0.0 of 2 cores busy, and the hypervisor took 0.3"
