"""Values keep their types and contents on their way, and nothing that is sent runs code here."""

import decimal
import fractions
import json
import math

import numpy as np
import pandas as pd
import pytest

from autoresearch_magic.runners.worker.clean.wire import CannotForward, Packer, Unpacker


def refuse(value):
    raise CannotForward(type(value).__name__)


def sent(value):
    packer = Packer(refuse)
    tree = json.loads(json.dumps(packer.pack(value), allow_nan=False))
    buffers = [bytearray(memoryview(each).cast("B")) if len(each) else bytearray() for each in packer.buffers]
    return Unpacker(buffers, lambda kind, rest: refuse(kind)).value(tree)


PLAIN = [
    None, True, 5, -(2**70), 0.1, -math.inf, "text", "\ud800", b"\x00\xff", 3 - 4j, [1, [2.5, None]], (1, "a"), {1, 2}, frozenset({3}),
    {"a": 1, 2: [3], (1, 2): "t"}, slice(1, None, 2), range(3, 9, 2), ..., decimal.Decimal("1.10"), fractions.Fraction(1, 3), float,
]  # fmt: skip


@pytest.mark.parametrize("value", PLAIN, ids=repr)
def test_plain_values_arrive_as_they_were(value):
    found = sent(value)
    assert found == value
    assert type(found) is type(value)


def test_nan_arrives():
    assert math.isnan(sent(float("nan")))


@pytest.mark.parametrize(
    "value",
    [
        np.arange(6.0).reshape(2, 3), np.array(5), np.zeros((0, 3), "int16"), np.array(["a", "bc"]), np.array([1, "a", None], dtype=object),
        np.arange(12).reshape(3, 4).T[::2], np.array([(1, 2.5)], dtype=[("a", "i4"), ("b", "f8")]), np.array(["2026-01-01"], "M8[D]"),
        np.array([True, False]), np.array([1 + 2j]), np.float32(0.5), np.int64(7), np.bool_(True),
    ],
    ids=lambda value: str(value.dtype),
)  # fmt: skip
def test_arrays_arrive_as_they_were(value):
    found = sent(value)
    assert found.dtype == value.dtype
    assert found.shape == value.shape
    assert np.array_equal(found, value)


@pytest.mark.parametrize(
    "frame",
    [
        pd.DataFrame({"a": [1, 2], "b": ["x", None], "c": [0.5, np.nan]}),
        pd.DataFrame({"k": pd.Categorical(["u", "v", "u"], ordered=True), "n": pd.array([1, None, 3], dtype="Int64")}),
        pd.DataFrame({"t": pd.to_datetime(["2026-01-01", "2026-02-01"])}, index=pd.Index(["r", "s"], name="row")),
        pd.DataFrame([[1, 2]], columns=["same", "same"]),
        pd.DataFrame({"v": [1.0, 2.0]}, index=pd.MultiIndex.from_tuples([("a", 1), ("b", 2)], names=["x", "y"])),
    ],
)
def test_frames_arrive_as_they_were(frame):
    pd.testing.assert_frame_equal(sent(frame), frame)


def test_series_and_indexes_arrive():
    pd.testing.assert_series_equal(sent(pd.Series([1, 2], name="s")), pd.Series([1, 2], name="s"))
    pd.testing.assert_index_equal(sent(pd.Index(["a", "b"])), pd.Index(["a", "b"]))


@pytest.mark.slow
def test_tensors_arrive_as_they_were():
    torch = pytest.importorskip("torch")
    for value in (
        torch.arange(6.0).reshape(2, 3).T, torch.tensor(3), torch.zeros(0, 4), torch.tensor([True, False]), torch.ones(2, dtype=torch.bfloat16),
        torch.ones(3, dtype=torch.complex64).conj(), torch.nn.Parameter(torch.ones(2)),
    ):  # fmt: skip
        found = sent(value)
        assert type(found) is torch.Tensor
        assert (found.dtype, found.shape) == (value.dtype, value.shape)
        assert torch.equal(found, value.detach().resolve_conj())
    assert sent(torch.float16) is torch.float16
    assert sent(torch.device("cpu")) == torch.device("cpu")
    with pytest.raises(CannotForward, match="gradient"):
        Packer(refuse, detached=False).pack(torch.ones(2, requires_grad=True))


def test_other_objects_are_refused():
    for value in (object(), lambda: 1, open, pytest, [object()]):
        with pytest.raises(CannotForward):
            sent(value)


@pytest.mark.parametrize(
    "tree",
    [
        ["array", "|O", [1], 0], ["array", "<f8", [10**9, 10**9], 0], ["array", "<f8", [2], 7], ["tensor", "load", [1], "cpu", 0], ["type", "eval"],
        ["dict", [[1]]], {"a": 1}, ["fraction", "1", "0"], ["range", 1, 2, "x"], [["list"]], ["int", "zz"], ["frame", [], [], ["range", 0]],
        ["series", None, ["object]x", []], ["range", 0, 0, 1, None]], [], ["list", 3],
    ],
    ids=repr,
)  # fmt: skip
def test_what_is_no_tree_is_an_error_and_runs_nothing(tree):
    with pytest.raises((CannotForward, ValueError, TypeError, LookupError, ArithmeticError, MemoryError)):
        Unpacker([bytearray(8)], lambda kind, rest: refuse(kind)).value(tree)
