from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from autoresearch_magic.source import line_diff
from autoresearch_magic.source.line_diff import blocks, changed_ranges, pairs

LINES = st.lists(st.sampled_from(["a", "b", "c", "", "d = 1", "d = 2"]), max_size=30)


def check(old, new):
    found = blocks(old, new)
    assert [line for b in found for line in old[b.a1 : b.a2]] == old
    assert [line for b in found for line in new[b.b1 : b.b2]] == new
    for block in found:
        assert (old[block.a1 : block.a2] == new[block.b1 : block.b2]) is block.same
    kinds = [block.same for block in found]
    assert all(a != b for a, b in pairwise(kinds)), "blocks of one kind that touch are one block"


@given(LINES, LINES)
def test_blocks_are_both_texts(old, new):
    check(old, new)


@given(LINES, LINES)
def test_blocks_of_long_texts_are_both_texts(old, new):
    small, line_diff.SMALL = line_diff.SMALL, 4  # so that texts of any length are cut at lines that occur once
    try:
        check(old, new)
    finally:
        line_diff.SMALL = small


def test_lines_that_occur_once_keep_a_long_text_together():
    old = [f"line {n}" for n in range(3000)]
    new = [f"other {n}" if n % 2 else line for n, line in enumerate(old)]
    found = blocks(old, new)
    assert len(found) == 3000
    assert sum(block.a2 - block.a1 for block in found if block.same) == 1500


@given(LINES, LINES)
def test_pairs_have_every_line_once_and_in_order(old, new):
    found = pairs(old, new)
    assert [i for i, _ in found if i is not None] == list(range(len(old)))
    assert [j for _, j in found if j is not None] == list(range(len(new)))


def test_similar_lines_are_paired():
    old = ["rate = 0.1", "for batch in data:"]
    new = ["import math", "rate = 0.2", "for batch in data():"]
    assert pairs(old, new) == [(None, 0), (0, 1), (1, 2)]
    assert pairs(["alpha"], ["zzz"]) == [(0, None), (None, 0)]


def test_what_differs_within_a_line():
    old, new = "rate = 0.10 * warm_up(step)", "rate = 0.25 * warm_up(step, 3)"
    left, right = changed_ranges(old, new)
    assert [old[a:b] for a, b in left] == ["10"]
    assert [new[a:b] for a, b in right] == ["25", ", 3"]
    assert changed_ranges("x" * 5000, "x" * 5001) == ((), ())
