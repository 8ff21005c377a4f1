"""Tunable constants: which there are, their search spaces, and replacing their values in place."""

from __future__ import annotations

import ast
import math
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from autoresearch_magic.errors import UserError
from autoresearch_magic.source.constants import Constant, find_constants, format_value, read_values, replace_constants
from autoresearch_magic.source.search_space import Choices, Range, Value, inferred_space


def one(source: str) -> Constant:
    (constant,) = find_constants(source)
    return constant


def names(source: str) -> list[str]:
    return [constant.name for constant in find_constants(source)]


# -- which -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("LR = 3e-4", {"LR": 3e-4}),
        ("lr: float = 3e-4", {"lr": 3e-4}),
        ("BIAS = -1.5", {"BIAS": -1.5}),
        ("TIED = True", {"TIED": True}),
        ("DEPTH, WIDTH, LR = 2, 64, 3e-4", {"DEPTH": 2, "WIDTH": 64, "LR": 3e-4}),
        ("(A, B) = [\n    2,\n    3,\n]", {"A": 2, "B": 3}),
        ("A, B = 2, f()", {"A": 2}),
        ("A = 2; B = 3", {"A": 2, "B": 3}),
        ("A = (2)", {"A": 2}),
        ("P = 'x'  # one of: x, y", {"P": "x"}),
        ("lr = 0.1\ndef train(lr):\n    return lr", {"lr": 0.1}),
        ("def f():\n    A = 3", {"f.A": 3}),
        ("if x:\n    A = 3", {"A": 3}),
        ("A = 3\n[A for A in x]", {"A": 3}),
    ],
)
def test_found(source: str, expected: dict[str, Value]) -> None:
    found = {constant.name: constant.value for constant in find_constants(source)}
    assert found == expected
    assert {k: type(v) for k, v in found.items()} == {k: type(v) for k, v in expected.items()}


@pytest.mark.parametrize(
    "source",
    [
        "_HIDDEN = 3",
        "__version__ = 3",
        "seed = 3",
        "SEED = 3",
        "random_state = 3",
        "torch_seed = 3",
        "SEED_OFFSET = 3",
        "randomSeeds = 3",
        "A = 3\nA = 4",
        "A = 3\nA += 1",
        "A = 3\ndel A",
        "A = 3\ndef f():\n    global A\n    A = 5",
        "A = 3\nfor A in x: pass",
        "A = 3\nwith x as A: pass",
        "A = 3\ntry: pass\nexcept E as A: pass",
        "A = 3\nimport A",
        "A = 3\nfrom x import y as A",
        "A = 3\nimport A.b",
        "A = 3\nif (A := 4): pass",
        "A = 3\ndef A(): pass",
        "A = 3\nclass A: pass",
        "A = 3\nmatch x:\n    case [A, *_]: pass",
        "A = 3\nmatch x:\n    case {**A}: pass",
        "A, A = 3, 4",
        "A, (B, C) = 3, (4, 5)",
        "A, *B = 3, 4",
        "A, B = *x, 4",
        "A, B = 3, 4, 5",
        "A = B = 3",
        "A = 3  # fixed",
        "A = 3  # fixed by the data",
        "A = 3  # the vocabulary; fixed",
        "A = 3  # A: fixed",
        "A, B = 3, 4  # fixed",
        "A = 3  # one of: 3",
        "A = 'text'",
        "A = 'text'  # learned, rotary",
        "A = b'x'",
        "A = 3j",
        "A = 2 + 3",
        "A = -1",
        "A = None",
        "A: int",
        "A = ...",
        "x.A = 3",
        "x['A'] = 3",
        "A = ('a'  # one of: a, b\n     'b')",
        "A = 3 is not python",
    ],
)
def test_left_out(source: str) -> None:
    assert find_constants(source) == []


# -- where to --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("source", "space"),
    [
        ("A = 0.5  # 0.1 .. 0.9", Range(0.1, 0.9)),
        ("A = 3e-4  # 1e-4..1e-2 log", Range(1e-4, 1e-2, "log")),
        ("A = 3e-4  # learning rate, 1e-4 .. 1e-2 log", Range(1e-4, 1e-2, "log")),
        ("A = 3e-4  # learning rate (1e-4 .. 1e-2, log)", Range(1e-4, 1e-2, "log")),
        ("A = 3e-4  # 1e-4 .. 1e-2 log; higher diverges at 3 .. 4", Range(1e-4, 1e-2, "log")),
        ("A = 3e-4  # 1e-4 .. 1e-2 - the rate", Range(1e-4, 1e-2)),
        ("A = 64  # 32 .. 256 step 32", Range(32, 256, "linear", 32, True)),
        ("A = 64  # 1..1_000", Range(1, 1000, whole=True)),
        ("A = -2.0  # -4 .. -.5", Range(-4, -0.5)),
        ("A = 64  # A: 32 .. 256", Range(32, 256, whole=True)),
        ("A: int = 64  # one of: 128, 32", Choices((32, 64, 128), ordered=True)),
        ("A = 0.1  # one of: 0, 0.2", Choices((0.0, 0.1, 0.2), ordered=True)),
        ("A = 'a'  # positions, one of: b, 'c d', a; prose", Choices(("b", "c d", "a"))),
        ("A = 'a'  # one of: b, c (see the paper)", Choices(("b", "c", "a"))),
        ("A = 'a'  # One of: 1, b-2/x.", Choices(("1", "b-2/x", "a"))),
        ("A = True  # one of: False, True", Choices((False, True))),
        ("A = (\n    64  # 32 .. 256\n)", Range(32, 256, whole=True)),
    ],
)
def test_comments_give_the_search_space(source: str, space: object) -> None:
    assert one(source).space == space


@pytest.mark.parametrize(
    "comment",
    [
        "bytes 0..255",
        "tokens 0..255 are bytes",
        "was 3 .. now 4",
        "see 1...5",
        "version 1.2..3.4 of it",
        "one of the knobs that matter",
        "any of: 3, 4",
        "was fixed-size once",
        "not fixed yet",
        "log 1 to 8",
        "step 3",
        "1.5.2",
        "0..",
        "1-8",
    ],
)
def test_prose_in_comments_has_no_effect(comment: str) -> None:
    assert one(f"A = 256  # {comment}").space == inferred_space(256)


def test_comments_elsewhere_do_not_count() -> None:
    assert one("# 1 .. 8\nA = 256\n# 1 .. 8").space == inferred_space(256)
    assert one("A = 256\nB = f('# 1 .. 8')").space == inferred_space(256)


def test_a_shared_line_names_its_constants() -> None:
    source = "DEPTH, WIDTH, LR = 2, 64, 3e-4  # WIDTH: 32 .. 256 step 32; LR: 1e-4 .. 1e-2 log"
    spaces = {constant.name: constant.space for constant in find_constants(source)}
    assert spaces["WIDTH"] == Range(32, 256, "linear", 32, True)
    assert spaces["LR"] == Range(1e-4, 1e-2, "log")
    assert spaces["DEPTH"] == inferred_space(2)
    assert names("A, B = 2, 3  # A: fixed; B: 1 .. 8") == ["B"]
    lines = "A, B = (\n    2,  # 1 .. 8\n    3,  # 1 .. 9\n)"
    assert [c.space for c in find_constants(lines)] == [Range(1, 8, whole=True), Range(1, 9, whole=True)]


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("A = 4  # 10 .. 1", "empty"),
        ("A = 4  # 4 .. 4", "empty"),
        ("A = 4.0  # 0 .. 1e999", "empty"),
        ("A = 4  # 1 .. 10 step 0", "step above 0"),
        ("A = 4  # 1 .. 10 step", "step above 0"),
        ("A = 4  # 1 .. 10 step -1", "step above 0"),
        ("A = 4  # 0 .. 10 log", "above 0"),
        ("A = 4  # 1 .. 10 log step 2", "choose one"),
        ("A = 4  # 0.5 .. 10", "whole"),
        ("A = True  # 0 .. 1", "one of"),
        ("A = 4  # one of: 1.5, 2", "type"),
        ("A = 4  # one of: a", "type"),
        ("A = 'a'  # one of: b c", "commas"),
        ("A = 'a'  # one of:", "commas"),
        ("A, B = 4, 5  # 1 .. 8", "which constant"),
    ],
)
def test_invalid_comments_are_one_line_errors(line: str, words: str) -> None:
    source = f"import x\n{line}\nC = 5"
    with pytest.raises(UserError) as caught:
        find_constants(source)
    assert words in str(caught.value)
    assert str(caught.value).startswith("line 2, A: ")
    assert "\n" not in str(caught.value)
    assert "C" in [constant.name for constant in find_constants(source, strict=False)]
    assert "A" not in [constant.name for constant in find_constants(source, strict=False)]


@pytest.mark.slow
@settings(deadline=None)  # a shared machine stalls at times
@given(st.text(max_size=60))
def test_any_comment_is_read_or_a_one_line_error(comment: str) -> None:
    for source in (f"A = 3  # {comment}", f"A, B = 3, 'x'  # one of: {comment}", f"A = 0.5 # A: {comment} 1 .. 3"):
        try:
            find_constants(source)
        except UserError as error:
            message = str(error)
            assert message.startswith("line 1, ")


@settings(deadline=None)  # a shared machine stalls at times
@given(st.one_of(st.booleans(), st.integers(), st.floats(allow_nan=False)))
def test_inferred_spaces_have_the_values_type_and_contain_it(value: Any) -> None:
    space = inferred_space(value)
    if space is None:
        return
    grid: tuple[Any, ...] = space.grid()
    assert all(type(v) is type(value) for v in grid)
    assert all(math.isfinite(v) for v in grid)
    if isinstance(value, bool):
        assert set(grid) == {False, True}
        return
    assert min(grid) <= value <= max(grid)
    assert len(grid) > 1
    assert 0 <= space.position(value) <= 1
    if isinstance(value, float) and 0 < value < 1:
        assert all(0 < v < 1 for v in grid), "what may be a share stays one"
    if value > 0:
        assert all(v > 0 for v in grid)
        assert max(grid) <= 8 * value * 1.01
    if value < 0:
        assert all(v < 0 for v in grid)


def test_inferred_ranges_of_common_constants() -> None:
    assert inferred_space(64) == Choices((16, 24, 32, 48, 64, 96, 128, 192, 256), ordered=True)
    assert inferred_space(8) == Choices((2, 4, 8, 16, 24, 32), ordered=True)
    assert inferred_space(768) == Choices((192, 256, 384, 512, 768, 1024, 1536, 2048, 3072), ordered=True)
    assert inferred_space(3e-4) == Range(3.75e-5, 2.4e-3, "log")
    assert inferred_space(0.1) == Range(0.0125, 0.55, "log")
    assert inferred_space(0.9) == Range(0.6, 0.9875, "near-one")
    assert inferred_space(1) == Range(1, 4, "log", whole=True)
    assert inferred_space(0) == Range(0, 4, whole=True)
    assert inferred_space(0.0) == Range(0.0, 0.3)
    assert inferred_space(-4) == Range(-16, -2, "log", whole=True)


@pytest.mark.parametrize(
    ("value", "origin", "space"),
    [
        (0.8, 1.0, Range(0.1, 6.4, "log")),
        (0.6, 0.2, Range(0.075, 0.8, "log")),
        (0.4, 0.9, Range(0.05, 0.925, "near-one")),
        (0.1, 0.0, Range(0.0, 0.3)),
        (0.3, 0.0, Range(0.0, 0.6)),
        (2, 0, Range(0, 8, whole=True)),
        (4, 8, Choices((1, 2, 4, 8, 16), ordered=True)),
        (16, 12, Range(4, 64, "log", whole=True)),
        (5, 8, Range(1, 20, "log", whole=True)),
    ],
)
def test_the_original_value_decides_the_kind_of_range(value: Value, origin: Value, space: object) -> None:
    assert inferred_space(value, origin) == space


@pytest.mark.parametrize(
    ("value", "origin"),
    [(3.0, 0.9), (3.0, 0.1), (-2.0, 1.0), (2.0, -1.0), (0.0, 0.5), (0, 3), (3, -3), (3, "x"), (3, 1.0)],
)
def test_an_origin_of_another_kind_has_no_effect(value: Value, origin: Value) -> None:
    assert inferred_space(value, origin) == inferred_space(value)


_ranges = st.tuples(
    st.floats(1e-6, 1e6), st.floats(1.01, 1e4), st.sampled_from(["linear", "log"]), st.booleans(), st.floats(0, 1)
)  # fmt: skip


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])  # a shared machine stalls at times
@given(_ranges)
def test_positions_and_values_of_a_range_agree(drawn: tuple[float, float, Any, bool, float]) -> None:
    low, factor, scale, whole, position = drawn
    high = low * factor
    if whole:
        low, high = float(math.ceil(low)), float(math.ceil(low) + math.ceil(high))
    space = Range(low, high, scale, whole=whole)
    value: Any = space.at(position)
    assert low <= value <= high
    assert type(value) is (int if whole else float)
    assert space.position(low) == 0
    assert space.position(high) == 1
    assert space.at(space.position(value)) == value or abs(space.position(value) - position) < 0.05


def test_steps_are_exact() -> None:
    space = Range(0.1, 0.75, step=0.2)
    assert space.grid() == (0.1, 0.3, 0.5, 0.7)
    assert Range(32, 200, step=32, whole=True).grid() == (32, 64, 96, 128, 160, 192)


# -- edits -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("before", "values", "after"),
    [
        ("LR = 3e-4  # é", {"LR": 0.0011}, "LR = 1.1e-3  # é"),
        ("LR = 0.0003", {"LR": 0.0011}, "LR = 0.0011"),
        ("LR = 1E-3", {"LR": 0.02}, "LR = 2E-2"),
        ("LR = 0.1", {"LR": 1.25e-05}, "LR = 0.0000125"),
        ("N = 1_000", {"N": 25000}, "N = 25_000"),
        ("N = 0x40", {"N": 128}, "N = 0x80"),
        ("A=-1.5;B=2", {"A": -2.0, "B": 3}, "A=-2.0;B=3"),
        ("A: bool = True", {"A": False}, "A: bool = False"),
        ("P = 'a'  # one of: a, \"it's\"", {"P": "it's"}, "P = 'it\\'s'  # one of: a, \"it's\""),
        ('P = "a"  # one of: a, x', {"P": "x"}, 'P = "x"  # one of: a, x'),
        ("é = 'ü'; LR, W = 0.1, 64; s = '日本'  # 64", {"W": 96}, "é = 'ü'; LR, W = 0.1, 96; s = '日本'  # 64"),
        ("ключ, 幅 = 2, 64", {"幅": 32, "ключ": 3}, "ключ, 幅 = 3, 32"),
        ("A = 2\r\nx = '\x0c'\r\nB = 3\r\n", {"B": 4}, "A = 2\r\nx = '\x0c'\r\nB = 4\r\n"),
        ("s = '''\n# A = 5\n'''\nA = 5", {"A": 6}, "s = '''\n# A = 5\n'''\nA = 6"),
    ],
)
def test_values_are_replaced_in_place(before: str, values: dict[str, Value], after: str) -> None:
    assert replace_constants(before, values) == after


def test_unknown_names_are_refused() -> None:
    with pytest.raises(KeyError):
        replace_constants("A = 3", {"B": 4})


_styles: dict[type, st.SearchStrategy[str]] = {
    float: st.sampled_from(["3e-4", "0.1", "1E5", "2.", ".5", "1_0.5", "-1.5e-3"]),
    int: st.sampled_from(["3", "1_000", "0x1F", "-7", "0b11"]),
    str: st.sampled_from(["'a'", '"a"', "r'a'", "'''a'''"]),
}


@settings(deadline=None)  # a shared machine stalls at times
@given(st.data())
def test_formatted_literals_evaluate_to_the_same_value(data: st.DataObject) -> None:
    kind = data.draw(st.sampled_from([float, int, str]))
    new: Any = data.draw(
        {float: st.floats(allow_nan=False, allow_infinity=False), int: st.integers(), str: st.text()}[kind]
    )
    text = format_value(new, like=data.draw(_styles[kind]))
    read = ast.literal_eval(text) if kind is not str or _encodable(text) else new
    assert type(read) is kind
    assert read == new
    assert "\n" not in text
    assert "\r" not in text


def _encodable(text: str) -> bool:
    return not any("\ud800" <= c <= "\udfff" for c in text)


def test_there_is_no_literal_for_nan() -> None:
    with pytest.raises(ValueError, match="no literal"):
        format_value(math.nan, "0.1")


_tails = ["", "  # note", "  # prose, é 日本 – 3 .. ", " # ünï; 0..9 is prose", "   "]
_lines = st.one_of(
    st.tuples(st.just("plain"), st.sampled_from(["3e-4", "0.1", "2", "64", "-2.5", "True", "1_000"]), st.sampled_from(_tails)),
    st.tuples(st.just("tuple"), st.sampled_from(["2, 0.5", "64, False", "(8, -3)", "[1, 1e3]"]), st.sampled_from(_tails)),
    st.tuples(st.just("text"), st.sampled_from(["'a'", '"ü"']), st.just("  # one of: a, ü, 'ß c'")),
    st.tuples(st.just("other"), st.sampled_from(["s = 'é = 3'", "# X = 3", "def f(x): return x * 3", "", "t = '''\n3\n'''"]), st.just("")),
)  # fmt: skip


@pytest.mark.slow
@settings(deadline=None)  # a shared machine stalls at times
@given(st.lists(_lines, min_size=1, max_size=8), st.sampled_from(["\n", "\r\n"]), st.data())
def test_replacing_values_changes_nothing_else(
    lines: list[tuple[str, str, str]], newline: str, data: st.DataObject
) -> None:
    written = []
    for i, (kind, value, tail) in enumerate(lines):
        left = {"plain": f"ä{i} = ", "text": f"P{i}: str = ", "tuple": f"é{i}, 幅{i} = "}.get(kind, "")
        written.append(left + value + tail)
    source = newline.join(written).replace("\r\n", "\n").replace("\n", newline)
    constants = find_constants(source)
    chosen = [constant for constant in constants if data.draw(st.booleans())]
    values = {c.name: c.space.at(data.draw(st.floats(0, 1))) for c in chosen}
    edited = replace_constants(source, values)

    after = {c.name: c for c in find_constants(edited)}
    assert list(after) == [c.name for c in constants]
    for constant in constants:
        expected = values.get(constant.name, constant.value)
        assert after[constant.name].value == expected
        assert type(after[constant.name].value) is type(constant.value)
    assert dict(read_values(edited)) == {**read_values(source), **values}

    def blank(text: str) -> str:
        for c in sorted(find_constants(text), key=lambda c: -c.start):
            text = f"{text[: c.start]}□{text[c.end :]}"
        return text

    assert blank(edited) == blank(source), "layout, comments and everything else stay"
    back = replace_constants(edited, {c.name: c.value for c in constants})
    assert ast.dump(ast.parse(back)) == ast.dump(ast.parse(source))


LONG = {
    "a sum": "x = 1" + " + 1" * 2000,
    "a product": "x = y" + " * 0.5" * 2000,
    "attributes": "x = a" + ".b" * 2000,
    "methods": "x = a" + ".b(1)" * 700,
    "branches": "if a == 0: b = 1\n" + "".join(f"elif a == {i}: b = 1\n" for i in range(1000)),
    "a chain of names": "x0 = WIDTH\n" + "".join(f"x{i + 1} = x{i} * 2\n" for i in range(3000)) + "print(x3000)",
    "one name": "x = 0\n" * 3000,
}


@pytest.mark.slow
@pytest.mark.parametrize("long", LONG.values(), ids=LONG)
def test_long_code_beside_a_constant_does_not_hide_it(long: str) -> None:
    found = find_constants(f"WIDTH = 64\nLR = 0.1\n{long}\nprint(LR)\n")
    assert {"WIDTH", "LR"} <= {each.name for each in found}


@pytest.mark.slow
def test_a_value_that_flows_through_thousands_of_names_to_a_print_is_followed() -> None:
    chain = "x0 = RATE\n" + "".join(f"x{i + 1} = x{i} * x{i}\n" for i in range(2000))
    source = f"RATE = 0.1\nLR = 0.1\n{chain}"
    shown = find_constants(f"{source}print('rate', x2000)\nprint('loss', LR)\n", metric="loss")
    assert [each.name for each in shown] == ["LR"]
    used = find_constants(f"{source}print('loss', LR + x2000)\n", metric="loss")
    assert [each.name for each in used] == ["RATE", "LR"]
