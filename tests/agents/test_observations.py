"""What is learned from the experiments: which constants change nothing, and which targets differ in constants alone."""

from __future__ import annotations

from collections.abc import Mapping

from autoresearch_magic.agents.observations import Observation, code_around, inert_constants
from autoresearch_magic.source.constants import find_constants
from autoresearch_magic.source.search_space import Value

TARGET = "HEAT = 2.0\nRATE = 0.1\nUSE_HEAT = False\ntrain()\n"
CONSTANTS = {c.name: c for c in find_constants(TARGET)}
BEFORE: Mapping[str, Value] = {"HEAT": 2.0, "RATE": 0.1, "USE_HEAT": False}


def changed(inert: bool, base: Mapping[str, Value] = BEFORE, code: str = "", **changes: Value) -> Observation:
    """Return what is learned from a change whose metric is, or is not, exactly as before."""
    told = {name: (base[name], value) for name, value in changes.items()}
    return Observation({**base, **changes}, 1.0, 0, False, told, inert, code=code)


def inert(*observations: Observation) -> list[str]:
    return inert_constants(CONSTANTS, observations, "")


def test_two_changes_without_effect_prove_that_a_number_changes_nothing() -> None:
    assert inert() == inert(changed(True, HEAT=3.0)) == []
    assert inert(changed(True, HEAT=3.0), changed(True, HEAT=1.0)) == ["HEAT"]
    assert inert(changed(True, HEAT=3.0), changed(True, HEAT=1.0), changed(False, HEAT=4.0)) == []
    assert inert(changed(True, HEAT=3.0), changed(True, HEAT=1.0), changed(False, HEAT=4.0, RATE=0.2)) == ["HEAT"]


def test_one_change_proves_it_for_a_switch() -> None:
    assert inert(changed(True, USE_HEAT=True)) == ["USE_HEAT"]


def test_changes_of_several_without_effect_count_for_each() -> None:
    assert inert(changed(True, HEAT=3.0, RATE=0.2), changed(True, HEAT=1.0, RATE=0.3)) == ["HEAT", "RATE"]


def test_what_was_found_beside_another_value_of_a_switch_proves_nothing() -> None:
    on = {**BEFORE, "USE_HEAT": True}
    assert inert(changed(True, on, HEAT=3.0), changed(True, on, HEAT=1.0)) == []
    assert inert(changed(True, HEAT=3.0, code="other"), changed(True, HEAT=1.0, code="other")) == []


def test_targets_that_differ_in_constants_alone_have_the_same_code() -> None:
    names = tuple(CONSTANTS)
    same = "HEAT = 3e-4\nRATE = 7.5\nUSE_HEAT = True\ntrain()\n"
    assert code_around(TARGET, names) == code_around(same, names)
    assert code_around(TARGET, names) != code_around(TARGET.replace("train()", "train(1)"), names)
    assert code_around(TARGET, ("RATE",)) != code_around(same, ("RATE",))
    assert code_around("not python (", names) == "not python ("
