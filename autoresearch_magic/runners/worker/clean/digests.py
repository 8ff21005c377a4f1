"""Digests of what the setup has defined: which of it a target has changed."""

from __future__ import annotations

import sys
import types
import zlib
from collections.abc import Mapping
from typing import Any

LARGE = 8 << 20
"""Bytes of an array from which on only a part of it is looked at: its first and last ones, and one in `STRIDE` between."""
STRIDE = 61
MOST_OBJECTS = 20_000
"""Objects that are looked at below one name."""


def digests(names: Mapping[str, Any]) -> dict[str, int]:
    """Return a number for each name, which is the same as long as nothing below it has changed."""
    return {name: _Digest().of(value) for name, value in names.items() if not isinstance(value, types.ModuleType)}


def changed(before: Mapping[str, int], names: Mapping[str, Any]) -> list[str]:
    """Return the names whose value has changed in place since `before`."""
    return sorted(name for name, now in digests({name: names[name] for name in before}).items() if now != before[name])


class _Digest:
    def __init__(self) -> None:
        self._seen: dict[int, Any] = {}
        self._sum = 0

    def of(self, value: Any) -> int:
        waiting = [value]
        while waiting and len(self._seen) < MOST_OBJECTS:
            waiting += self._parts(waiting.pop())
        return self._sum

    def _add(self, *parts: Any) -> None:
        for part in parts:
            data = part if isinstance(part, (bytes, memoryview)) else repr(part).encode("utf-8", "replace")
            self._sum = zlib.crc32(data, self._sum)

    def _parts(self, value: Any) -> list[Any]:
        """Add what a value is itself, and return what it refers to."""
        kind = type(value)
        if value is None or kind in (bool, int, float, complex, str, bytes):
            self._add(kind.__name__, value)
            return []
        if id(value) in self._seen:
            return []
        self._seen[id(value)] = value  # kept, so that its id stays its own
        self._add(kind.__name__)
        if (data := _bytes_of(value)) is not None:
            self._add(*data)
            return []
        if isinstance(value, dict):
            self._add(len(value))
            return [each for pair in list(value.items()) for each in pair]
        if isinstance(value, (list, tuple)):
            self._add(len(value))
            return list(value)
        if isinstance(value, (set, frozenset)):
            self._add(sorted(map(repr, value)) if len(value) < MOST_OBJECTS else len(value))
            return []
        if isinstance(value, types.FunctionType):
            self._add(_code(value.__code__))
            cells = [cell.cell_contents for cell in value.__closure__ or () if _is_filled(cell)]
            return [value.__defaults__, value.__kwdefaults__, *cells]
        if isinstance(value, type):
            methods = {
                name: each
                for name, each in vars(value).items()
                if isinstance(each, (types.FunctionType, int, float, str, classmethod, staticmethod))
            }
            return (
                [getattr(each, "__func__", each) for each in methods.values()] if value.__module__ == "__main__" else []
            )
        own = getattr(value, "__dict__", None)
        slots = (
            [getattr(value, name, None) for base in kind.__mro__ for name in _slots(base)]
            if kind.__module__ == "__main__"
            else []
        )
        return [*([own] if isinstance(own, dict) else []), *slots]


def _slots(base: type) -> list[str]:
    slots = vars(base).get("__slots__", ())
    return [slots] if isinstance(slots, str) else [name for name in slots if isinstance(name, str)]


def _is_filled(cell: types.CellType) -> bool:
    try:
        cell.cell_contents  # noqa: B018
    except ValueError:
        return False
    return True


def _code(code: types.CodeType) -> bytes:
    inner = b"".join(
        _code(each) if isinstance(each, types.CodeType) else repr(each).encode("utf-8", "replace")
        for each in code.co_consts
    )
    return code.co_code + inner + repr((code.co_names, code.co_varnames, code.co_freevars)).encode()


def _bytes_of(value: Any) -> list[Any] | None:
    """Return the content of an array, a tensor or a frame; None for anything else."""
    numpy, torch, pandas = (sys.modules.get(name) for name in ("numpy", "torch", "pandas"))
    if numpy is not None and isinstance(value, numpy.ndarray):
        if value.dtype.hasobject:
            return [value.shape, repr(value.ravel()[:1000].tolist())]
        flat = numpy.ascontiguousarray(value).reshape(-1)
        return [value.shape, str(value.dtype), *_parts_of(flat.view(numpy.uint8) if flat.size else flat)]
    if torch is not None and hasattr(torch, "Tensor") and isinstance(value, torch.Tensor):
        if value.layout != torch.strided or value.device.type != "cpu" or value.is_quantized:
            return [tuple(value.shape), str(value.dtype), value._version]
        flat = value.detach().resolve_conj().contiguous().reshape(-1)
        return [
            tuple(value.shape),
            str(value.dtype),
            *_parts_of(flat.view(torch.uint8).numpy() if flat.numel() else b""),
        ]
    if (
        pandas is not None
        and hasattr(pandas, "DataFrame")
        and isinstance(value, (pandas.DataFrame, pandas.Series, pandas.Index))
    ):
        hashed = (
            pandas.util.hash_pandas_object(value, index=True)
            if not isinstance(value, pandas.Index)
            else pandas.Index(value)
        )
        return [
            value.shape,
            numpy.asarray(hashed).tobytes() if numpy is not None and hashed.dtype != object else repr(list(hashed)),
        ]
    return None


def _parts_of(data: Any) -> list[Any]:
    view = memoryview(data)
    if len(view) <= LARGE:
        return [view]
    return [view[: LARGE // 4], view[-LARGE // 4 :], bytes(view[::STRIDE])]
