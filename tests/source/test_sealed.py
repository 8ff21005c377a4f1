"""Which names sealed code defines, and what a target is told that uses one."""

import pytest

from autoresearch_magic.source.sealed import defined_names, mark, sealed_hint, undefined, used_names

SOURCE = """
import numpy as np, os.path
from math import sqrt as root
labels, (a, *rest) = [1, 2], (3, 4)
def score(model, inside=1):
    local = 2
    global counted
    return local
class Held: inner = 1
for row in labels: pass
with open("f") as file: total: int = 3
try: pass
except Exception as error: pass
match 1:
    case [first, *others]: pass
    case {"k": key, **more}: pass
squares = [hidden := n for n in labels]
"""


def test_names_are_those_of_the_top_level():
    assert defined_names(SOURCE) == {
        "np", "os", "root", "labels", "a", "rest", "score", "counted", "Held", "row", "file", "total", "error",
        "first", "others", "key", "more", "squares", "hidden",
    }  # fmt: skip
    assert defined_names("x = (") == frozenset()


@pytest.mark.parametrize(
    ("expression", "missing"),
    [
        ("evaluate(model, labels)", []),
        ("evaluate(model, lables)", ["lables"]),
        ("sum(abs(y - model(x)) for x, y in pairs)", ["pairs"]),
        ("(lambda z: z + labels)(len(model))", []),
    ],
)
def test_names_of_an_expression_that_nothing_defines(expression, missing):
    assert undefined(expression, "def evaluate(m, l): ...", "labels = 1", "model = 2") == missing


def test_where_names_may_be_bound_unseen_none_is_missing():
    for source in ("from data import *", "exec(text)", "globals()['y'] = 1", "x = ("):
        assert undefined("y", source) == []
    assert used_names("[w := v, w]") == {"v"}


def test_a_target_that_uses_a_sealed_name_is_told_so():
    names = frozenset({"labels"})
    said = sealed_hint("NameError: name 'labels' is not defined (line 3 of the target)", names)
    assert said == "NameError: 'labels' is sealed: only the metric may use it (line 3 of the target)"
    for other in ("NameError: name 'lables' is not defined (line 3 of the target)", "KeyError: 'labels'", ""):
        assert sealed_hint(other, names) == other


def test_the_hash_tells_sources_apart():
    assert mark("x = 1") != mark("x = 2")
    assert mark(" \n") == ""
