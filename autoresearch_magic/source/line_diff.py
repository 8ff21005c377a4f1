"""Which lines of two texts belong together, and what differs within two similar lines; quick also for texts of many thousand lines."""

from __future__ import annotations

import difflib
import re
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import NamedTuple

SMALL = 60_000
"""Pairs of lines up to which two passages are compared thoroughly, by difflib; larger ones are first cut at lines that occur once."""
ALIKE = 0.5
"""Share of equal text from which two lines count as one line that has changed."""
PAIRED = 40
"""Lines of a passage up to which each is compared with each, to find those that are alike."""
LONGEST = 1000
"""Characters of a line up to which it is looked at what differs within it."""

_WORDS = re.compile(r"\w+|\s+|.", re.DOTALL)


class Block(NamedTuple):
    """Lines ``a1:a2`` of one text and ``b1:b2`` of the other: the same, or different; one of the two may then be empty."""

    same: bool
    a1: int
    a2: int
    b1: int
    b2: int


Spans = tuple[tuple[int, int], ...]


def blocks(old: Sequence[str], new: Sequence[str]) -> list[Block]:
    """Return two texts as blocks that are alternately the same and different, and together are both texts."""
    found: list[Block] = []
    a = b = 0
    for a1, b1, size in [*_matches(old, new), (len(old), len(new), 0)]:
        if a1 > a or b1 > b:
            found.append(Block(False, a, a1, b, b1))
        if size:
            found.append(Block(True, a1, a1 + size, b1, b1 + size))
        a, b = a1 + size, b1 + size
    return found


def pairs(old: Sequence[str], new: Sequence[str]) -> list[tuple[int | None, int | None]]:
    """Pair the lines of a passage that differs: similar lines together, in order, and None beside a line that stands alone."""
    chosen: list[tuple[int, int]] = []
    if max(len(old), len(new)) > PAIRED:
        chosen = [(i, i) for i in range(min(len(old), len(new)))]
    else:
        _pair_alike(old, new, (0, len(old), 0, len(new)), chosen)
    found: list[tuple[int | None, int | None]] = []
    a = b = 0
    for i, j in [*chosen, (len(old), len(new))]:
        found += [(k, None) for k in range(a, i)]
        found += [(None, k) for k in range(b, j)]
        if i < len(old) and j < len(new):
            found.append((i, j))
        a, b = i + 1, j + 1
    return found


def changed_ranges(old: str, new: str) -> tuple[Spans, Spans]:
    """Return what differs within two similar lines, word by word, as ranges of characters of each."""
    if max(len(old), len(new)) > LONGEST:
        return (), ()
    left, right = _WORDS.findall(old), _WORDS.findall(new)
    starts = [_starts(left), _starts(right)]
    marks: tuple[list[tuple[int, int]], list[tuple[int, int]]] = ([], [])
    for kind, *ends in difflib.SequenceMatcher(None, left, right, autojunk=False).get_opcodes():
        if kind == "equal":
            continue
        for side in (0, 1):
            begin, end = (starts[side][n] for n in ends[2 * side : 2 * side + 2])
            if begin == end:
                continue
            if marks[side] and marks[side][-1][1] == begin:
                begin = marks[side].pop()[0]
            marks[side].append((begin, end))
    return tuple(marks[0]), tuple(marks[1])


def _starts(words: Sequence[str]) -> list[int]:
    found = [0]
    for word in words:
        found.append(found[-1] + len(word))
    return found


def _matches(old: Sequence[str], new: Sequence[str]) -> list[tuple[int, int, int]]:
    """Return the passages that are the same, as begin in one text, begin in the other, and number of lines."""
    joined: list[tuple[int, int, int]] = []
    for a, b, size in _within(old, new, (0, len(old), 0, len(new))):
        if joined and joined[-1][0] + joined[-1][2] == a and joined[-1][1] + joined[-1][2] == b:
            a, b, before = joined.pop()
            size += before
        joined.append((a, b, size))
    return joined


def _within(
    old: Sequence[str], new: Sequence[str], window: tuple[int, int, int, int]
) -> Iterator[tuple[int, int, int]]:
    """Yield the passages that are the same within two ranges: the common head, what `_middle` finds, and the common tail."""
    a1, a2, b1, b2 = window
    head = 0
    while a1 + head < a2 and b1 + head < b2 and old[a1 + head] == new[b1 + head]:
        head += 1
    if head:
        yield a1, b1, head
    a1, b1, tail = a1 + head, b1 + head, 0
    while a2 - tail > a1 and b2 - tail > b1 and old[a2 - tail - 1] == new[b2 - tail - 1]:
        tail += 1
    if a1 < a2 - tail and b1 < b2 - tail:
        yield from _middle(old, new, (a1, a2 - tail, b1, b2 - tail))
    if tail:
        yield a2 - tail, b2 - tail, tail


def _middle(
    old: Sequence[str], new: Sequence[str], window: tuple[int, int, int, int]
) -> Iterator[tuple[int, int, int]]:
    a1, a2, b1, b2 = window
    if (a2 - a1) * (b2 - b1) <= SMALL:
        found = difflib.SequenceMatcher(None, old[a1:a2], new[b1:b2], autojunk=False).get_matching_blocks()
        yield from ((a1 + m.a, b1 + m.b, m.size) for m in found if m.size)
        return
    a, b = a1, b1
    anchors = _anchors(old, new, window)  # without any, the passage counts as replaced
    for i, j in anchors:
        if i >= a and j >= b:
            yield from _within(old, new, (a, i, b, j))
            yield i, j, 1
            a, b = i + 1, j + 1
    if anchors:
        yield from _within(old, new, (a, a2, b, b2))


def _anchors(old: Sequence[str], new: Sequence[str], window: tuple[int, int, int, int]) -> list[tuple[int, int]]:
    """Return the lines that occur once in each range, as far as they are in the same order: the longest such sequence."""
    a1, a2, b1, b2 = window
    in_old, in_new = Counter(old[a1:a2]), Counter(new[b1:b2])
    where = {new[j]: j for j in range(b1, b2) if in_new[new[j]] == 1}
    shared = [(i, where[old[i]]) for i in range(a1, a2) if in_old[old[i]] == 1 and old[i] in where]
    ends: list[int] = []  # of the best sequence of each length, its last line in `new`
    last: list[int] = []  # and its place in `shared`
    before: list[int] = []
    for place, (_, j) in enumerate(shared):
        length = bisect_left(ends, j)
        before.append(last[length - 1] if length else -1)
        ends[length : length + 1] = [j]
        last[length : length + 1] = [place]
    chosen: list[tuple[int, int]] = []
    place = last[-1] if last else -1
    while place >= 0:
        chosen.append(shared[place])
        place = before[place]
    return chosen[::-1]


def _pair_alike(
    old: Sequence[str], new: Sequence[str], window: tuple[int, int, int, int], chosen: list[tuple[int, int]]
) -> None:
    """Choose the pair of lines that are most alike, and so on above and below it."""
    a1, a2, b1, b2 = window
    best, at = ALIKE, (-1, -1)
    for j in range(b1, b2):
        matcher = difflib.SequenceMatcher(None, "", new[j][:LONGEST].strip(), autojunk=False)
        for i in range(a1, a2):
            matcher.set_seq1(old[i][:LONGEST].strip())
            if matcher.real_quick_ratio() > best and matcher.quick_ratio() > best and (ratio := matcher.ratio()) > best:
                best, at = ratio, (i, j)
    if at[0] >= 0:
        i, j = at
        _pair_alike(old, new, (a1, i, b1, j), chosen)
        chosen.append(at)
        _pair_alike(old, new, (i + 1, a2, j + 1, b2), chosen)
