"""The order of the tests: each process gets all of a long file, nothing is lost, and no name in the list is one of the past."""

from pathlib import Path

import pytest

from .order import LAB, LONGEST, processes, shared_out

HERE = Path(__file__).parent
NAMES = [str(path.relative_to(HERE).with_suffix("")) for path in sorted(HERE.rglob("test_*.py"))]


def test_all_names_are_those_of_files():
    assert {*LONGEST, *LAB} <= set(NAMES)
    assert len({*LONGEST, *LAB}) == len(LONGEST) + len(LAB)


@pytest.mark.parametrize("count", [1, 2, 4, 7])
@pytest.mark.parametrize("each", [1, 9])
def test_long_files_come_first_in_each_share(count, each):
    items = [(name, number) for name in NAMES for number in range(each)]
    ordered = shared_out(items, count, lambda item: item[0])
    assert sorted(ordered) == sorted(items)
    for name in LONGEST:
        first = ordered.index((name, 0))
        assert ordered[first : first + each] == [(name, number) for number in range(each)]
    size = -(-len(items) // count)
    assert ordered[: each * len(LAB)] == [(name, number) for name in LAB for number in range(each)]
    for number in range(1, count):
        assert ordered[number * size] == (LONGEST[number - 1], 0)


def test_of_the_quick_half_each_core_has_one():
    assert (processes(2, quick=True), processes(2, quick=False)) == (2, 4)
