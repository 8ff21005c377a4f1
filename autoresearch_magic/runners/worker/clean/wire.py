"""Values between the target's process and the clean side, in plain formats: a tree that is JSON, and buffers of bytes.

What has no plain format goes as a reference, which the receiver makes a stand-in of. Nothing is pickled, and nothing that the
target's process sends makes the clean side import a module, look up a function or run code of a class.

A tree is a JSON scalar for None, booleans, texts, integers of 64 bits and finite floats; everything else is a list whose first
element says what it is (see `Packer` and `Unpacker`, which have the same order).
"""

from __future__ import annotations

import builtins
import collections
import decimal
import fractions
import math
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any

DEPTH = 60
"""Most levels of nested containers."""
LARGEST = 2**63
_DICTS = {dict, collections.OrderedDict, collections.Counter, collections.defaultdict}
_COLUMN = re.compile(r"(U?Int|Float)\d+|boolean|(str|string)(\[\w+\])?|(datetime64|timedelta64|period)\[[\w, /+:-]+\]")
"""Types of pandas columns beside numpy's."""
_SCALAR_TYPES = {"bool": bool, "int": int, "float": float, "complex": complex, "str": str, "bytes": bytes}


class CannotForward(Exception):
    """A value or an operation that cannot be passed between the two processes; its text says which and why."""


class Packer:
    """Makes a tree and buffers of values.

    Parameters
    ----------
    refer : callable
        Makes the tree of a value that has no plain format, or raises `CannotForward`.
    detached : bool
        Whether tensors may be sent whose gradient is wanted: they arrive without it.

    Attributes
    ----------
    buffers : list of memoryview or bytes
        What the tree's numbers refer to.
    """

    def __init__(self, refer: Callable[[Any], Any], *, detached: bool = True) -> None:
        self._refer, self._detached = refer, detached
        self.buffers: list[Any] = []

    def pack(self, value: Any, depth: int = 0) -> Any:
        """Return the tree of a value.

        Raises
        ------
        CannotForward
        """
        kind = type(value)
        if value is None or kind is bool or kind is str:
            return value if kind is not str or value.isascii() else _text(value)
        if kind is int:
            return value if -LARGEST <= value < LARGEST else ["int", hex(value)]
        if kind is float:
            return value if math.isfinite(value) else ["float", repr(value)]
        if depth > DEPTH:
            raise CannotForward(f"containers that are nested more than {DEPTH} deep")
        if kind is list or kind is tuple or kind is set or kind is frozenset:
            return [kind.__name__, [self.pack(each, depth + 1) for each in value]]
        if kind in _DICTS:
            return ["dict", [[self.pack(k, depth + 1), self.pack(v, depth + 1)] for k, v in value.items()]]
        if kind is bytes or kind is bytearray:
            return [kind.__name__, self._buffer(bytes(value))]
        if kind is complex:
            return ["complex", repr(value.real), repr(value.imag)]
        if kind is slice or kind is range:
            return [kind.__name__, *(self.pack(getattr(value, part), depth + 1) for part in ("start", "stop", "step"))]
        if value is Ellipsis:
            return ["..."]
        if kind is decimal.Decimal:
            return ["decimal", str(value)]
        if kind is fractions.Fraction:
            return ["fraction", hex(value.numerator), hex(value.denominator)]
        if isinstance(value, type) and _SCALAR_TYPES.get(value.__name__) is value:
            return ["type", value.__name__]
        return self._library(value, depth)

    def _buffer(self, data: Any) -> int:
        self.buffers.append(data)
        return len(self.buffers) - 1

    def _library(self, value: Any, depth: int) -> Any:
        """Return the tree of an array, a tensor or a frame; of anything else, a reference."""
        if (numpy := sys.modules.get("numpy")) is not None:
            if isinstance(value, numpy.ndarray):
                return self._array(numpy, value, depth)
            if isinstance(value, numpy.generic) and not isinstance(value, numpy.object_):
                return ["scalar", _descr(numpy, value.dtype), self._buffer(value.tobytes())]
            if isinstance(value, numpy.dtype):
                return ["dtype", _descr(numpy, value)]
            if isinstance(value, type) and issubclass(value, numpy.generic):
                return (
                    ["dtype-type", _descr(numpy, numpy.dtype(value))]
                    if value is not numpy.object_
                    else self._refer(value)
                )
        if (torch := sys.modules.get("torch")) is not None and hasattr(torch, "Tensor"):
            if isinstance(value, torch.Tensor):
                return self._tensor(torch, value)
            if isinstance(value, torch.dtype):
                return ["torch.dtype", str(value).removeprefix("torch.")]
            if isinstance(value, torch.device):
                return ["torch.device", str(value)]
            if isinstance(value, torch.Size):
                return ["torch.Size", [int(each) for each in value]]
        if (pandas := sys.modules.get("pandas")) is not None and hasattr(pandas, "DataFrame"):
            if type(value) is pandas.DataFrame:
                columns = [self._column(pandas, value.iloc[:, i], depth) for i in range(value.shape[1])]
                return [
                    "frame",
                    self.pack(list(value.columns), depth + 1),
                    columns,
                    self._index(pandas, value.index, depth),
                ]
            if type(value) is pandas.Series:
                return ["series", self.pack(value.name, depth + 1), self._column(pandas, value, depth),
                        self._index(pandas, value.index, depth)]  # fmt: skip
            if isinstance(value, pandas.Index):
                return ["index", *self._index(pandas, value, depth)]
            if type(value) is pandas.Timestamp:
                return ["timestamp", value.isoformat()]
        if (sparse := sys.modules.get("scipy.sparse")) is not None and sparse.issparse(value):
            rows = value.tocsr()
            parts = [self.pack(each, depth + 1) for each in (rows.data, rows.indices, rows.indptr, list(rows.shape))]
            return ["sparse", isinstance(value, sparse.sparray), value.format, *parts]
        return self._refer(value)

    def _array(self, numpy: Any, value: Any, depth: int) -> Any:
        if isinstance(value, numpy.ma.MaskedArray):
            raise CannotForward("a masked array")
        if value.dtype.hasobject:
            if value.dtype != object:
                raise CannotForward(f"an array of {value.dtype}")
            return ["objects", list(value.shape), [self.pack(each, depth + 1) for each in value.ravel().tolist()]]
        plain = numpy.ascontiguousarray(value)
        data = plain.reshape(-1).view(numpy.uint8) if plain.size else b""
        return ["array", _descr(numpy, value.dtype), list(value.shape), self._buffer(data)]

    def _tensor(self, torch: Any, value: Any) -> Any:
        if (
            value.layout != torch.strided
            or value.is_quantized
            or value.device.type == "meta"
            or getattr(value, "is_nested", False)
        ):
            raise CannotForward(f"a tensor with layout {value.layout} on {value.device}")
        if not self._detached and value.requires_grad and torch.is_grad_enabled():
            raise CannotForward("a tensor whose gradient would have to pass through the target")
        plain = value.detach().resolve_conj().resolve_neg().cpu().contiguous().reshape(-1)
        name = str(value.dtype).removeprefix("torch.")
        if not plain.numel():
            return ["tensor", name, list(value.shape), str(value.device), self._buffer(b"")]
        data = plain.view(torch.uint8).numpy() if plain.dtype != torch.bool else plain.numpy().view("uint8")
        return ["tensor", name, list(value.shape), str(value.device), self._buffer(data)]

    def _index(self, pandas: Any, index: Any, depth: int) -> list[Any]:
        if type(index) is pandas.RangeIndex:
            return ["range", index.start, index.stop, index.step, self.pack(index.name, depth + 1)]
        if isinstance(index, pandas.MultiIndex):
            levels = [self._column(pandas, index.get_level_values(i), depth) for i in range(index.nlevels)]
            return ["levels", levels, self.pack(list(index.names), depth + 1)]
        return ["values", self._column(pandas, index, depth), self.pack(index.name, depth + 1)]

    def _column(self, pandas: Any, column: Any, depth: int) -> list[Any]:
        """Return dtype and values of a column or an index."""
        dtype = column.dtype
        if isinstance(dtype, pandas.CategoricalDtype):
            codes = column.cat.codes if hasattr(column, "cat") else column.codes
            parts = [pandas.Series(codes).to_numpy(), dtype.categories.tolist()]
            return ["category", bool(dtype.ordered), *(self.pack(each, depth + 1) for each in parts)]
        numpy = sys.modules["numpy"]
        if isinstance(dtype, numpy.dtype):
            return ["", self.pack(column.to_numpy(), depth + 1)]
        missing = [None if each is pandas.NA else each for each in column.tolist()]
        return [str(dtype), self.pack(missing, depth + 1)]


class Unpacker:
    """Makes values of a tree and its buffers again; the opposite of `Packer`.

    Parameters
    ----------
    buffers : sequence of bytearray
    referred : callable
        Makes the value of a tree that `Packer` left to `refer`: gets its kind and the rest.
    """

    def __init__(self, buffers: Sequence[bytearray], referred: Callable[[str, list[Any]], Any]) -> None:
        self._buffers, self._referred = buffers, referred

    def value(self, tree: Any) -> Any:
        """Return the value of a tree.

        Raises
        ------
        ValueError
            When the tree is not one that `Packer` makes.
        """
        if not isinstance(tree, list):
            if isinstance(tree, dict):
                raise ValueError("a tree has no mappings")
            return tree
        kind, *rest = tree
        if (make := _MAKERS.get(kind) if isinstance(kind, str) else None) is not None:
            return make(self, *rest)
        return self._referred(kind, rest)

    def values(self, trees: Sequence[Any]) -> list[Any]:
        """Return the values of several trees."""
        return [self.value(each) for each in trees]

    def _bytes(self, number: int) -> bytearray:
        if not isinstance(number, int) or not 0 <= number < len(self._buffers):
            raise ValueError("a buffer that was not sent")
        return self._buffers[number]

    def _dict(self, pairs: Sequence[Sequence[Any]]) -> dict[Any, Any]:
        return {self.value(key): self.value(each) for key, each in pairs}

    def _array(self, descr: Any, shape: Sequence[int], number: int) -> Any:
        numpy = sys.modules["numpy"]
        dtype = _dtype(numpy, descr)
        data = self._bytes(number)
        found = numpy.frombuffer(data, dtype) if len(data) else numpy.empty(0, dtype)
        return found.reshape([int(each) for each in shape])

    def _scalar(self, descr: Any, number: int) -> Any:
        numpy = sys.modules["numpy"]
        return numpy.frombuffer(self._bytes(number), _dtype(numpy, descr), count=1)[0]

    def _objects(self, shape: Sequence[int], trees: Sequence[Any]) -> Any:
        numpy = sys.modules["numpy"]
        found = numpy.empty(len(trees), dtype=object)
        for i, each in enumerate(trees):
            found[i] = self.value(each)
        return found.reshape([int(each) for each in shape])

    def _tensor(self, name: str, shape: Sequence[int], device: str, number: int) -> Any:
        torch = _loaded("torch")
        dtype = _torch_dtype(torch, name)
        data = self._bytes(number)
        sizes = [int(each) for each in shape]
        if not len(data):
            plain = torch.empty(sizes, dtype=dtype)
        else:
            plain = torch.frombuffer(data, dtype=torch.uint8)
            plain = (plain.bool() if dtype is torch.bool else plain.view(dtype)).reshape(sizes)
        return plain if device == "cpu" else plain.to(torch.device(device))

    def _frame(self, names: Any, columns: Sequence[Any], index: Sequence[Any]) -> Any:
        pandas = _loaded("pandas")
        made = [self._column(pandas, each) for each in columns]
        rows = self._index(*index)
        frame = pandas.DataFrame(dict(enumerate(made)), index=range(len(rows)))
        frame.index = rows
        frame.columns = self.value(names)
        return frame

    def _series(self, name: Any, column: Sequence[Any], index: Sequence[Any]) -> Any:
        pandas = _loaded("pandas")
        return pandas.Series(self._column(pandas, column), index=self._index(*index), name=self.value(name))

    def _index(self, kind: str, *rest: Any) -> Any:
        pandas = _loaded("pandas")
        if kind == "range":
            return pandas.RangeIndex(*(int(each) for each in rest[:3]), name=self.value(rest[3]))
        if kind == "levels":
            levels = [self._column(pandas, each) for each in rest[0]]
            return pandas.MultiIndex.from_arrays(levels, names=self.value(rest[1]))
        return pandas.Index(self._column(pandas, rest[0]), name=self.value(rest[1]))

    def _column(self, pandas: Any, column: Sequence[Any]) -> Any:
        kind, *rest = column
        if kind == "category":
            ordered, codes, categories = rest
            return pandas.Categorical.from_codes(self.value(codes), self.value(categories), ordered=bool(ordered))
        values = self.value(rest[0])
        if not kind:
            return values
        if not isinstance(kind, str) or not _COLUMN.fullmatch(kind):
            raise ValueError("a column of an unknown type")
        return pandas.array(values, dtype=kind)

    def _sparse(self, array: bool, layout: str, *parts: Any) -> Any:
        sparse = _loaded("scipy.sparse")
        data, indices, indptr, shape = self.values(parts)
        made = (sparse.csr_array if array else sparse.csr_matrix)((data, indices, indptr), shape=tuple(shape))
        made.check_format(full_check=True)
        return made.asformat(layout)


def _text(value: str) -> Any:
    try:
        value.encode()
    except UnicodeEncodeError:
        return ["text", [ord(each) for each in value]]
    return value


def _descr(numpy: Any, dtype: Any) -> Any:
    if dtype.hasobject or (dtype.kind == "V" and dtype.names is None):
        raise CannotForward(f"an array of {dtype}")
    return numpy.lib.format.dtype_to_descr(dtype)


def _dtype(numpy: Any, descr: Any) -> Any:
    """Return the numpy type of a description; JSON has made lists of its tuples."""

    def as_tuples(each: Any) -> Any:
        if not isinstance(each, list):
            return each
        fields = [tuple(as_tuples(part) for part in field) for field in each]
        return [field if len(field) < 3 else (*field[:2], tuple(field[2])) for field in fields]

    dtype = numpy.lib.format.descr_to_dtype(as_tuples(descr))
    if dtype.hasobject:
        raise ValueError("an array of objects")
    return dtype


def _torch_dtype(torch: Any, name: Any) -> Any:
    dtype = getattr(torch, name, None) if isinstance(name, str) else None
    if not isinstance(dtype, torch.dtype):
        raise ValueError("a tensor of an unknown type")
    return dtype


def _loaded(name: str) -> Any:
    """Return a module that this process has imported by itself; what the other one sends imports nothing."""
    if (module := sys.modules.get(name)) is None:
        raise CannotForward(f"a value of {name}, which only the target has imported: import it in the setup")
    return module


_MAKERS: Mapping[str, Callable[..., Any]] = {
    "int": lambda u, text: int(text, 16),
    "float": lambda u, text: float(text),
    "text": lambda u, codes: "".join(map(chr, codes)),
    "list": lambda u, trees: u.values(trees),
    "tuple": lambda u, trees: tuple(u.values(trees)),
    "set": lambda u, trees: set(u.values(trees)),
    "frozenset": lambda u, trees: frozenset(u.values(trees)),
    "dict": Unpacker._dict,
    "bytes": lambda u, number: bytes(u._bytes(number)),
    "bytearray": lambda u, number: bytearray(u._bytes(number)),
    "complex": lambda u, real, imaginary: complex(float(real), float(imaginary)),
    "slice": lambda u, *parts: slice(*u.values(parts)),
    "range": lambda u, *parts: range(*u.values(parts)),
    "...": lambda u: Ellipsis,
    "decimal": lambda u, text: decimal.Decimal(text),
    "fraction": lambda u, upper, lower: fractions.Fraction(int(upper, 16), int(lower, 16)),
    "type": lambda u, name: _SCALAR_TYPES[name],
    "array": Unpacker._array,
    "scalar": Unpacker._scalar,
    "objects": Unpacker._objects,
    "dtype": lambda u, descr: _dtype(_loaded("numpy"), descr),
    "dtype-type": lambda u, descr: _dtype(_loaded("numpy"), descr).type,
    "tensor": Unpacker._tensor,
    "torch.dtype": lambda u, name: _torch_dtype(_loaded("torch"), name),
    "torch.device": lambda u, name: _loaded("torch").device(name),
    "torch.Size": lambda u, sizes: _loaded("torch").Size([int(each) for each in sizes]),
    "frame": Unpacker._frame,
    "series": Unpacker._series,
    "index": Unpacker._index,
    "timestamp": lambda u, text: _loaded("pandas").Timestamp(text),
    "sparse": Unpacker._sparse,
}


def exception_type(name: object) -> type[Exception]:
    """Return the built-in exception of a name that another process has sent; `RuntimeError` where there is none."""
    found = getattr(builtins, name, None) if isinstance(name, str) else None
    return found if isinstance(found, type) and issubclass(found, Exception) else RuntimeError
