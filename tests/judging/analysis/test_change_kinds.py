"""The kind of change that a proposal makes, found without parsing all of it."""

from __future__ import annotations

import ast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autoresearch_magic.judging.analysis.change_kinds import LESS, MORE, NOTHING, SAME, SEVERAL, change
from autoresearch_magic.source.edits import complexity, fingerprint

TARGET = '''"""Doc."""
import torch  # the library

LR = 1e-3  # a rate
WIDTH, DEPTH = 64, 2; MODE = "a"

@torch.no_grad()
def f(x):
    """Doc."""
    y = x + 1
    return y

class Net:
    size = 3

    def go(self):
        return f(self.size)
'''


@pytest.mark.parametrize(
    ("old", "new", "kind"),
    [
        ("1e-3", "3e-3", "LR"),
        ("1e-3  # a rate", "3e-3  # another rate\n\n# and more", "LR"),
        ("1e-3", "-1e-3", "LR"),
        ("1e-3", "1", "LR"),
        ('"a"', '"b"', "MODE"),
        ("64, 2", "32, 2", "WIDTH"),
        ("64, 2", "32, 4", SEVERAL),
        ('1e-3  # a rate\nWIDTH, DEPTH = 64, 2; MODE = "a"', '1e-4\nWIDTH, DEPTH = 64, 2; MODE = "b"', SEVERAL),
        ("1e-3", "0.001", NOTHING),
        ("# the library", "# it", NOTHING),
        ('    """Doc."""\n', "", NOTHING),
        ("x + 1", "x + 2", SAME),
        ("LR = 1e-3", "RATE = 1e-3", SAME),
        ("1e-3", "f(1e-3)", MORE),
        ("x + 1", "x + 1 + x", MORE),
        ("    return y\n", "    y += 1\n    return y\n", MORE),
        ("    return y\n", "    return y\n    # end\n    return 2\n", MORE),
        ("return f(self.size)\n", "return f(self.size)\n\n    def more(self):\n        pass\n", MORE),
        ("@torch.no_grad()\n", "", LESS),
        ("@torch.no_grad()\n", "@torch.no_grad()\n@torch.compile\n", MORE),
        ("x + 1", "x", LESS),
        ("    size = 3\n", "", LESS),
        ("    size = 3\n", "    size = 4\n", "Net.size"),
        ("64, 2", "(64, 2)", NOTHING),
        ("64, 2", "64, (2,)", MORE),
        ("def f", "async def f", SAME),
        ("import torch", "import (", SAME),
        ('LR = 1e-3', 'LR = (\n    1e-3)', NOTHING),
    ],
)  # fmt: skip
def test_kinds(old: str, new: str, kind: str) -> None:
    assert old in TARGET
    assert change(TARGET, TARGET.replace(old, new)).kind == kind
    back = {MORE: LESS, LESS: MORE}.get(kind, kind)
    if new != "import (":
        assert change(TARGET.replace(old, new), TARGET).kind == back


def test_the_size_agrees_with_the_complexity_of_the_whole_target() -> None:
    after = TARGET.replace("y = x + 1", "y = x + 1 if x else torch.zeros(3)")
    assert change(TARGET, after).size == complexity(after) - complexity(TARGET) > 0


def test_invalid_python_counts_as_a_change_of_structure() -> None:
    assert change("def f(:", "A = 1").structure
    assert change("", "").kind == NOTHING
    assert change("", "A = 1").kind == MORE
    assert change("a b", "a b").structure


_LINES = ["A = 1", "A = 2", "B = 1; C = 2", "B = 2; C = 2", "def f():\n    x = 1\n    return x", "def f():\n    return 2", "# note", "",
          "x = '''\nA = 1\n'''", "x = '''\nA = 2\n'''", "for i in y:\n    A = 3", "if a:\n    b = 1\nelse:\n    b = 2", "A = (\n1\n)",
          "D, E = 1, 'x'", "D, E = 1, g(2)", "'doc'", "pass"]  # fmt: skip
_sources = st.lists(st.sampled_from(_LINES), max_size=7).map("\n".join)


@pytest.mark.slow
@settings(deadline=None, max_examples=300)
@given(_sources, _sources)
def test_it_agrees_with_the_whole_tree(before: str, after: str) -> None:
    found = change(before, after)
    assert (found.kind == NOTHING) == (fingerprint(before) == fingerprint(after))
    if found.structure:
        assert found.size == complexity(after) - complexity(before)
    mirrored = change(after, before)
    assert (mirrored.constants, mirrored.structure, mirrored.size) == (found.constants, found.structure, -found.size)
    assert change(ast.unparse(ast.parse(before)), after).kind == found.kind
