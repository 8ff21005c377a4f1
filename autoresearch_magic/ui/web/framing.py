"""How messages with buffers travel in one HTTP answer: a head in JSON, then the buffers."""

from __future__ import annotations

import json
import math
import struct
from collections.abc import Iterable, Sequence
from typing import Any

Message = tuple[dict[str, Any], Sequence[bytes]]
"""Content, and buffers."""

ALIGNED = 8
"""Each buffer begins at a multiple of this many bytes, so that a page can read numbers in place."""


def frame(messages: Iterable[Message]) -> bytes:
    """Pack messages.

    The length of the head (32 bits, little-endian) and four zero bytes, the head, which is a list of [content, lengths of the buffers],
    then all buffers one after another. Head and buffers are filled up with zero bytes to a multiple of eight.
    """
    made = list(messages)
    head = _json([[content, [len(each) for each in buffers]] for content, buffers in made]).encode()
    parts = [struct.pack("<II", len(head), 0), _filled(head)]
    for _, buffers in made:
        parts += [_filled(bytes(each)) for each in buffers]
    return b"".join(parts)


def _filled(data: bytes) -> bytes:
    return data + bytes(-len(data) % ALIGNED)


def _json(value: Any) -> str:
    """Return JSON that a browser reads: numbers that are not finite are null."""
    try:
        return json.dumps(value, allow_nan=False, separators=(",", ":"))
    except ValueError:
        return json.dumps(_finite(value), allow_nan=False, separators=(",", ":"))


def _finite(value: Any) -> Any:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {key: _finite(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(each) for each in value]
    return value
