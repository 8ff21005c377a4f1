"""Classify the change that a proposal makes to its parent: one constant, several constants, or the structure of the code.

Only the statements of module level that differ are parsed, as a history is long and a change is small: about 0.1 ms where
200 whole lines take 1.5 ms.

Pure functions, no I/O.
"""

from __future__ import annotations

import ast
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from ...source.edits import UNPARSABLE, does_nothing, parse, source_lines, tree_size
from ...source.places import find_places

SEVERAL = "several constants"
MORE, LESS, SAME = "structure: more code", "structure: less code", "structure: as much code"
NOTHING = "nothing"

_IGNORED_FIELDS = ("kind", "ctx", "type_ignores", "type_comment")


@dataclass(frozen=True)
class Change:
    """The difference between two versions of a target.

    Attributes
    ----------
    constants : tuple of str
        Names, in alphabetical order, of the places (`source.places`) where another literal stands; empty when anything else changed.
    structure : bool
        Whether anything else changed; layout, comments, docstrings and ``pass`` are ignored.
    size : int
        By how much the code grew, as `edits.complexity` counts; 0 unless `structure`.
    """

    constants: tuple[str, ...] = ()
    structure: bool = False
    size: int = 0

    @property
    def kind(self) -> str:
        """The name of the kind: the constant's, or one of this module's five."""
        if self.structure:
            return MORE if self.size > 0 else LESS if self.size < 0 else SAME
        return self.constants[0] if len(self.constants) == 1 else SEVERAL if self.constants else NOTHING


@lru_cache(maxsize=2048)
def change(before: str, after: str) -> Change:
    """Compare a proposal's target with its parent's; where one is not valid Python, the change is one of structure."""
    try:
        old, new = _differing(before, after)
        names = _changed_literals(old, new)
        if names is None:
            return Change(structure=True, size=tree_size(new) - tree_size(old))
        return Change(constants=tuple(sorted(names)))
    except UNPARSABLE:
        return Change(structure=True)


# -- where targets differ---------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Block:
    """The lines `start` to `end` (exclusive) of whole statements of module level."""

    start: int
    end: int
    statements: tuple[ast.stmt, ...]


@lru_cache(maxsize=64)
def _outline(target: str) -> tuple[list[str], list[_Block]]:
    blocks: list[_Block] = []
    for statement in parse(target).body:
        first = min([statement.lineno, *(d.lineno for d in getattr(statement, "decorator_list", []))]) - 1
        end = statement.end_lineno or statement.lineno
        if blocks and first < blocks[-1].end:  # two statements on one line
            last = blocks.pop()
            blocks.append(_Block(last.start, max(end, last.end), (*last.statements, statement)))
        else:
            blocks.append(_Block(first, end, (statement,)))
    return _lines(target), blocks


def _lines(target: str) -> list[str]:
    return source_lines(target) if "\r" in target else target.split("\n")


def _differing(before: str, after: str) -> tuple[list[ast.stmt], list[ast.stmt]]:
    """Return the statements of each version that contain all differences.

    Above and below them are the same whole statements in both versions, so the statements between can be parsed alone.
    """
    old, blocks = _outline(before)
    new = _lines(after)
    most = min(len(old), len(new))
    above = _equal_lines(old, new, most)
    below = _equal_lines(old[::-1], new[::-1], most - above)
    start, end = above, len(old) - below
    touched = [b for b in blocks if b.start < end and start < b.end]
    if touched:
        start, end = min(start, touched[0].start), max(end, touched[-1].end)
    try:
        body = parse("\n".join(new[start : len(new) - (len(old) - end)])).body
    except UNPARSABLE:  # such as a line that was added to the end of a function
        return parse(before).body, parse(after).body
    return [statement for block in touched for statement in block.statements], body


def _equal_lines(one: list[str], other: list[str], most: int) -> int:
    """Return how many lines are equal from the start, `most` at most; by bisection, as comparing slices is fast."""
    low, high = 0, most
    while low < high:
        middle = (low + high + 1) // 2
        if one[low:middle] == other[low:middle]:
            low = middle
        else:
            high = middle - 1
    return low


# -- how targets differ-----------------------------------------------------------------------------------------------


def _changed_literals(old: Sequence[ast.stmt], new: Sequence[ast.stmt]) -> set[str] | None:
    """Return the names whose literals differ; None when anything else differs."""
    old, new = _effective(old), _effective(new)
    if len(old) != len(new):
        return None
    changed: set[str] = set()
    for one, other in zip(old, new, strict=True):
        ours, theirs = find_places([one]), find_places([other])
        # Where one has more literals than the other (one over two lines is none), no pair of them may differ.
        pairs = list(zip(ours, theirs, strict=True)) if len(ours) == len(theirs) else []
        if not _same(one, other, {id(a.node): b.node for a, b in pairs}):
            return None
        changed |= {a.name for a, b in pairs if (type(a.value), a.value) != (type(b.value), b.value)}
    return changed


def _effective(statements: Sequence[ast.stmt]) -> list[ast.stmt]:
    return [statement for statement in statements if not does_nothing(statement)]


def _same(one: object, other: object, pairs: dict[int, ast.AST]) -> bool:
    """Whether two trees are the same except for the `pairs` of nodes that may differ; ends at the first difference."""
    if isinstance(one, ast.AST):
        if pairs.get(id(one)) is other:
            return True
        if type(one) is not type(other):
            return False
        return all(
            _same(getattr(one, name, None), getattr(other, name, None), pairs)
            for name in one._fields
            if name not in _IGNORED_FIELDS
        )
    if isinstance(one, list) and isinstance(other, list):
        ours, theirs = ([item for item in side if not does_nothing(item)] for side in (one, other))
        return len(ours) == len(theirs) and all(_same(a, b, pairs) for a, b in zip(ours, theirs, strict=True))
    return type(one) is type(other) and one == other
