"""Rows out of the pages of an SQLite file, without SQLite: also of one whose header, schema or tree is destroyed.

The format is that of sqlite.org/fileformat2.html. Every page of the file and every page in its write-ahead log that looks like a
leaf of a table, or like a page of an index, is read cell by cell; what cannot be read is passed over. Who a row belongs to must be
told from its shape. The same row may come more than once, as old pages and those of dropped tables are read as well.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Any

MAGIC = b"SQLite format 3\0"
LEAF, INDEX_LEAF, INDEX = 13, 10, 2
"""The first byte of a page: leaf of a table, leaf of an index (or of a table WITHOUT ROWID), and inner page of one."""
PAGE = 4096
"""Bytes of a page where nothing says how large they are."""

Row = tuple[int | None, list[Any]]
"""The number of a row, None in an index, and its values."""


def rows(file: bytes, log: bytes = b"") -> Iterator[Row]:
    """Yield all rows of a database file and its write-ahead log, those of the log first, as they are newer.

    Parameters
    ----------
    file : bytes
    log : bytes
        The file whose name ends in ``-wal``.
    """
    size = _page_size(file, log)
    old = {1 + at // size: file[at : at + size].ljust(size, b"\0") for at in range(0, len(file), size)}
    new = _logged(log, size)
    now = old | new
    for numbered in (new, old):
        for number in sorted(numbered):
            yield from _page(numbered[number], number, now)


def _page_size(file: bytes, log: bytes) -> int:
    found = 0
    if file[:16] == MAGIC:
        (found,) = struct.unpack(">H", file[16:18])
        found = 65536 if found == 1 else found
    elif len(log) >= 32 and log[:4] in (b"\x37\x7f\x06\x82", b"\x37\x7f\x06\x83"):
        (found,) = struct.unpack(">I", log[8:12])
    return found if 512 <= found <= 65536 and found & (found - 1) == 0 else PAGE


def _logged(log: bytes, size: int) -> dict[int, bytes]:
    """Return the newest page of each number in a write-ahead log: of the frames that belong to its present round."""
    pages = {}
    for at in range(32, len(log) - 24 - size + 1, 24 + size):
        if log[at + 8 : at + 16] != log[16:24]:
            break  # of an earlier round
        (number,) = struct.unpack(">I", log[at : at + 4])
        pages[number] = log[at + 24 : at + 24 + size]
    return pages


def _page(page: bytes, number: int, pages: dict[int, bytes]) -> Iterator[Row]:
    start = 100 if number == 1 else 0
    kind = page[start]
    if kind not in (LEAF, INDEX_LEAF, INDEX):
        return
    (count,) = struct.unpack(">H", page[start + 3 : start + 5])
    array = start + (12 if kind == INDEX else 8)
    seen = set()
    # A page of a dropped table says that it has none, while its cells are still there.
    for n in range(count or (len(page) - array) // 2):
        place = array + 2 * n
        (at,) = struct.unpack(">H", page[place : place + 2]) if place + 2 <= len(page) else (0,)
        if not array <= at < len(page) - 3 or at in seen:
            if count:
                continue
            break
        seen.add(at)
        try:
            yield _cell(page, at + (4 if kind == INDEX else 0), kind, pages)
        except (ValueError, IndexError, struct.error):
            continue


def _cell(page: bytes, at: int, kind: int, pages: dict[int, bytes]) -> Row:
    usable = len(page)
    length, at = _varint(page, at)
    number = None
    if kind == LEAF:
        number, at = _varint(page, at)
        most = usable - 35
    else:
        most = (usable - 12) * 64 // 255 - 23
    if length > most:
        least = (usable - 12) * 32 // 255 - 23
        local = least + (length - least) % (usable - 4)
        local = local if local <= most else least
        (following,) = struct.unpack(">I", page[at + local : at + local + 4])
        payload = page[at : at + local] + _overflow(following, length - local, pages)
    else:
        payload = page[at : at + length]
    if len(payload) != length or not length:
        raise ValueError("the cell is cut off")
    return number, _record(payload)


def _overflow(number: int, length: int, pages: dict[int, bytes]) -> bytes:
    parts: list[bytes] = []
    while length > 0:
        page = pages.get(number)
        if page is None:
            raise ValueError("a page that belongs to the cell is not there")
        part = page[4 : 4 + length]
        parts.append(part)
        length -= len(part)
        (number,) = struct.unpack(">I", page[:4])
    return b"".join(parts)


def _record(payload: bytes) -> list[Any]:
    head, at = _varint(payload, 0)
    kinds = []
    while at < head:
        kind, at = _varint(payload, at)
        kinds.append(kind)
    if at != head:
        raise ValueError("the head of the record is damaged")
    values: list[Any] = []
    for kind in kinds:
        value, at = _value(payload, kind, at)
        values.append(value)
    if at != len(payload):
        raise ValueError("the record is damaged")
    return values


_INTEGERS = {1: 1, 2: 2, 3: 3, 4: 4, 5: 6, 6: 8}


def _value(payload: bytes, kind: int, at: int) -> tuple[Any, int]:
    if kind in (0, 8, 9):
        return {0: None, 8: 0, 9: 1}[kind], at
    if kind in _INTEGERS:
        end = at + _INTEGERS[kind]
        return int.from_bytes(payload[at:end], "big", signed=True), end
    if kind == 7:
        return struct.unpack(">d", payload[at : at + 8])[0], at + 8
    if kind < 12:
        raise ValueError("no such kind of value")
    end = at + (kind - 12) // 2
    content = payload[at:end]
    return (content.decode() if kind % 2 else content), end


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = 0
    for n in range(9):
        byte = data[at + n]
        if n == 8:
            return (value << 8) | byte, at + 9
        value = (value << 7) | (byte & 0x7F)
        if byte < 0x80:
            return value, at + n + 1
    raise ValueError("no end of a number")
