"""Source text: fingerprints, syntax errors, complexity, diffs, merges and imports."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import warnings
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autoresearch_magic.errors import UserError
from autoresearch_magic.source.edits import (  # fmt: skip
    check_syntax,
    complexity,
    fingerprint,
    imported_modules,
    line_counts,
    merge,
    unified_diff,
)

TARGET = '''"""A target."""
import math  # for pi

LR = 1e-3

def area(r):
    """Of a circle."""
    return math.pi * r ** 2  # exact

class Empty:
    """Nothing."""
'''


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("x = 1\n", "x   =  1  # one\n\n\n"),
        ("LR = 1e-3", "LR = 0.001"),
        ("x = 'a'", 'x = "a"'),
        ("x = u'a'", "x = 'a'"),
        ("x = (1 +\n     2)", "x = 1 + 2"),
        ("def f():\n    'doc'\n    return 1", "def f():\n  return 1"),
        ("def f():\n    'doc'", "def f():\n    pass"),
        (
            TARGET,
            TARGET.replace('"""Of a circle."""\n    ', "").replace('"""A target."""', "").replace("  # exact", ""),
        ),
    ],
)
def test_layout_comments_and_docstrings_do_not_count(one: str, other: str) -> None:
    assert fingerprint(one) == fingerprint(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("x = 1", "x = 2"),
        ("x = 1", "x = 1.0"),
        ("x = 1", "x = True"),
        ("x = 'a'", "x = b'a'"),
        ("x = a - b", "x = b - a"),
        ("x = [1, 2]", "x = [1], 2"),
        ("x = None", "x = ()"),
        ("def f(a): pass", "def f(a, /): pass"),
        ("if a:\n    b()\nc()", "if a:\n    b()\n    c()"),
        ("not python at all", "not python at  all"),
    ],
)
def test_everything_else_counts(one: str, other: str) -> None:
    assert fingerprint(one) != fingerprint(other)


@settings(deadline=None)  # a shared machine stalls at times
@given(st.text())
def test_any_text_has_a_fingerprint(text: str) -> None:
    print_ = fingerprint(text)
    assert len(print_) == 16
    assert int(print_, 16) >= 0
    assert fingerprint(text) == print_


@settings(deadline=None)  # a shared machine stalls at times
@given(
    st.lists(st.sampled_from(["", "# note", "    # note é"]), min_size=10, max_size=10), st.sampled_from(["\n", "\r\n"])
)
def test_comments_anywhere_leave_the_fingerprint(notes: list[str], newline: str) -> None:
    lines = TARGET.splitlines()
    noted = newline.join(line + note for line, note in zip(lines, [*notes, *[""] * len(lines)], strict=False))
    assert fingerprint(noted) == fingerprint(TARGET)


def test_a_syntax_tree_too_deep_to_walk_falls_back_to_the_text() -> None:
    assert len(fingerprint("x = " + "-" * 5000 + "1")) == 16


def test_long_expressions_and_huge_numbers_are_compared_like_any_other_code() -> None:
    for long in ("x = 1" + " + 1" * 2000, "x = a" + ".b" * 2000, "x = 0x" + "f" * 5000):
        assert fingerprint(long) == fingerprint(long.replace(" = ", "  =  ") + "  # the same\n")
        assert fingerprint(long) != fingerprint(long + "\ny = 2\n")


def test_parsing_emits_no_warnings() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        fingerprint(r"x = '\d'")
        check_syntax(r"x = '\d'; y = x is 'a'")


@pytest.mark.parametrize(
    ("source", "parts"),
    [
        ("x = 1\ny = (2,\n", ["line 2 of the target", "never closed", "y = (2,"]),
        ("def f(:\n    pass", ["line 1 of the target", "invalid syntax", "def f(:"]),
        ("x = 1\nreturn x", ["line 2 of the target", "outside function", "return x"]),
        ("import a\n\n%matplotlib inline\nx = 1", ["line 3 of the target is an IPython magic (%matplotlib inline)"]),
        ("if x:\n    %time f()", ["line 2 of the target is an IPython magic (%time f())"]),
        ("%%time\nx = 1", ["line 1 of the target is an IPython cell magic (%%time)"]),
        ("x = 1\n!pip install torch", ["line 2 of the target is a shell line (!pip install torch)", "cell of its own"]),
        ("files = !ls", ["a shell line (files = !ls)"]),
        ("model?", ["an IPython help request (model?)"]),
        ("x = 1\x00", ["null bytes"]),
        ("x = '\ud800'", ["cannot be read"]),
        ("x = " + "(" * 300 + ")" * 300, ["nested"]),
        ("x = a b" + " " * 3 + "c" * 500, ["…"]),
    ],
)
def test_syntax_errors_are_one_line_with_a_remedy(source: str, parts: list[str]) -> None:
    with pytest.raises(UserError) as caught:
        check_syntax(source)
    message = str(caught.value)
    assert all(part in message for part in parts), message
    assert "\n" not in message
    assert "\x00" not in message
    assert len(message) < 300


def test_the_message_names_the_source() -> None:
    with pytest.raises(UserError, match="line 1 of the setup"):
        check_syntax("a b", "setup")


def test_a_modulo_at_the_start_of_a_line_is_python() -> None:
    check_syntax("x = 7\ny = (x\n%x)")


@settings(deadline=None)  # a shared machine stalls at times
@given(st.text())
def test_any_text_passes_or_is_a_one_line_error(text: str) -> None:
    try:
        check_syntax(text)
    except UserError as error:
        assert len(str(error).splitlines()) == 1  # noqa: PT017  # either is right


_texts = st.lists(st.sampled_from(["a", "b", "c = 1", "", "é", "\x0c", "-- x", "++ y", "x\r"]), max_size=12)


@pytest.mark.slow
@settings(deadline=None)  # a shared machine stalls at times
@given(_texts, _texts, st.booleans())
def test_a_diff_is_empty_or_counted(before: list[str], after: list[str], ended: bool) -> None:
    one, other = "\n".join(before), "\n".join(after) + "\n" * ended
    diff = unified_diff(one, other)
    added, removed = line_counts(one, other)
    assert (diff == "") == (one == other)
    assert added - removed == len(re.findall(r"[^\n]*\n|[^\n]+", other)) - len(re.findall(r"[^\n]*\n|[^\n]+", one))
    body = diff.split("\n")[2:]
    assert added == sum(line.startswith("+") for line in body)
    assert removed == sum(line.startswith("-") for line in body)


def test_a_diff_can_be_applied(tmp_path: Path) -> None:
    before, after = TARGET, TARGET.replace("1e-3", "3e-3").rstrip("\n")
    (tmp_path / "target.py").write_text(before, encoding="utf-8")
    diff = unified_diff(before, after, "a/target.py", "b/target.py")
    subprocess.run(["git", "apply", "-"], input=diff.encode(), cwd=tmp_path, check=True)
    assert (tmp_path / "target.py").read_text(encoding="utf-8") == after
    assert line_counts(before, after) == (2, 2)
    assert diff.startswith("--- a/target.py\n+++ b/target.py\n")


def test_imports_are_found_anywhere_once_and_in_order() -> None:
    source = (
        "from __future__ import annotations\nimport torch.nn as nn, math\nfrom . import mine\n"
        "def f():\n    from x.y import z\n    import math\nimport b\n"
    )
    assert imported_modules(source) == ["torch.nn", "math", "x.y", "b"]
    assert imported_modules("import (") == []


def test_the_fingerprint_is_the_same_in_another_process() -> None:
    code = f"from autoresearch_magic.source.edits import fingerprint; print(fingerprint({TARGET!r}))"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == fingerprint(TARGET)


def test_merge_combines_changes_of_different_lines():
    base = "A = 1\nB = 2\nC = 3\n"
    assert merge(base, "A = 9\nB = 2\nC = 3\n", "A = 1\nB = 8\nC = 3\n") == "A = 9\nB = 8\nC = 3\n"
    assert merge(base, "A = 9\nB = 2\nC = 3\n", "A = 7\nB = 2\nC = 3\n") is None
    assert merge(base, base, "A = 7\nC = 3\n") == "A = 7\nC = 3\n"
    assert merge(base, "Z = 0\n" + base, base + "Y = 0\n") == "Z = 0\nA = 1\nB = 2\nC = 3\nY = 0\n"
    assert merge(base, base + "Z = 0\n", base + "Y = 0\n") is None, "both have put something at the same place"


@given(st.lists(st.integers(0, 9), max_size=8), st.lists(st.integers(0, 9), max_size=8))
def test_merge_with_an_unchanged_side_is_the_other_side(a, b):
    base, other = ("".join(f"x{n} = {n}\n" for n in side) for side in (a, b))
    assert merge(base, base, other) == other
    assert merge(base, other, base) == other


@pytest.mark.parametrize(
    ("one", "same"),
    [
        ("x = 1", "x   = 1  # one\n\n"),
        ("x = 1", "longer_name = 12_345.678"),
        ("x = 'a'", "x = 'another word'"),
        ("x = 1; y = 2", "x = 1\ny = 2"),
        ("def f():\n    return 1", "def f():\n    'doc'\n    return 1\n    pass"),
        ("x = a + b", "x = (a\n     * b)"),
        ("if a:\n    b()\nelif c:\n    d()", "if a: b()\nelse:\n    if c: d()"),
        ("model.eval()\nx = 'a'", "model.train()\nx = 'abc'"),
        ("torch.compile(f)\nx = 'a'", "torch.no_grad(f)\nx = 'abc'"),
    ],
)
def test_changes_that_leave_the_complexity(one: str, same: str) -> None:
    assert complexity(one) == complexity(same)


PACKED = "a = b + c\nd = a * b\ne = d - a"


@pytest.mark.parametrize(
    ("simpler", "than"),
    [
        ("", "x = 1"),
        ("x = 1", "x = 1\ny = 2"),
        ("x = a", "x = a + b"),
        ("f(x)", "f(x, y=1)"),
        ("for x in y:\n    f(x)", "for x in y:\n    if x:\n        f(x)"),
        ("x = 1", "x = 1 if x else 1"),
        ("def f(): pass", "def f(a): pass"),
        ("import a", "import a, b"),
        ("x = 'word'", "x = f'word {y}'"),
        ("x = 1", "x = ("),
        # code does not become simpler where it is packed into a constant
        (PACKED, f"exec({PACKED!r})"),
        (PACKED, f"import builtins\nbuiltins.exec({PACKED!r})"),
        (PACKED, f"from builtins import exec as go\ngo({PACKED!r})"),
        (PACKED, f"def f():\n    {PACKED!r}\nexec(f.__doc__)"),
        ("x = 'a'", f"x = {'a' * 100!r}"),
        ("x = b'a'", f"x = {b'a' * 100!r}"),
        ("x = 1", f"x = {'1' * 200}"),
    ],
)
def test_simpler_sources_have_lower_complexity(simpler: str, than: str) -> None:
    assert complexity(simpler) < complexity(than)


def test_very_deep_and_large_sources_are_counted() -> None:
    assert complexity("x = " + "-" * 2000 + "1") > 2000
    assert complexity("\n".join(f"x{i} = {i}" for i in range(5000))) == 15001


_STATEMENTS = [
    "x = 1", "y: int = -2", "f(a, *b, c=d)", "def g(a, b=1):\n    'doc'\n    return a @ b", "del x", "'bare'",
    "for i in y:\n    pass\nelse:\n    z()", "with a as b, c:\n    exec('x')", "lambda: (yield)", "import a.b as c, d",
    "class A(B):\n    'doc'\n    x = f'{a!r:>{w}} and'", "x = [i for i in j if i][::2]", "x = 'a' \"b\" f'{c}'",
    "try:\n    a\nexcept (E, F) as e:\n    raise\nfinally:\n    b", "match a:\n    case [1, *r] if r:\n        pass",
    "x = 1e999, 1 + 2j, ..., None", "async def h():\n    await x", "x = '" + "word " * 20 + "'",
]  # fmt: skip


@settings(deadline=None)  # a shared machine stalls at times
@given(st.lists(st.sampled_from(_STATEMENTS), min_size=1, max_size=8), st.data())
def test_layout_leaves_the_complexity_and_deleting_lowers_it(statements: list[str], data: st.DataObject) -> None:
    source = "\n".join(statements)
    assert complexity(ast.unparse(ast.parse(source))) == complexity(source)
    index = data.draw(st.integers(0, len(statements) - 1))
    less = complexity("\n".join([*statements[:index], *statements[index + 1 :]]))
    if statements[index] == "'bare'" and "exec" not in source:
        assert less == complexity(source)
    else:
        assert less < complexity(source)
