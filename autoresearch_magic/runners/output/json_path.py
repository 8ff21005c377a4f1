"""Paths into JSON, and JSON documents between other lines of output.

Not JMESPath: keys are written here as they are in the JSON, and JMESPath cannot parse ``$``, ``results[-1]["a b"]``,
``first-contentful-paint`` or ``values.p(95)`` (a tool's own key). It also returns null where this module says which key is
missing and which there are.
"""

from __future__ import annotations

import json
import re
from typing import Any

from ...errors import UserError
from ...text import shorten

Step = str | int
_STEP = re.compile(
    r"""\.?\[\s*(?P<index>-?[0-9]+)\s*\]|\.?\[\s*(?:"(?P<double>(?:[^"\\]|\\.)*+)"|'(?P<single>(?:[^'\\]|\\.)*+)')\s*\]"""
    r"""|(?P<dot>\.?)(?P<key>[^.\[\]]+)"""
)
_DOCUMENT_START = re.compile(r"\{(?=\s*+[\"}])|\[(?=\s*+(?:[\[\]{\"0-9-]|true|false|null|NaN|Infinity))")
_FREE = 1_000
"""Characters of an attempt to parse that cost nothing; longer attempts are charged against `_BUDGET`."""
_BUDGET = 20
"""How many times the length of the text may be parsed in vain, so that the search stays linear."""
_SHOWN = 8
"""Keys that a message lists."""


class MissingValue(Exception):
    """No number at a path: a clause that says what is there instead."""


def parse_path(text: str) -> tuple[Step, ...]:
    """Parse a path such as ``totals.percent_covered``, ``results[0].p95`` or ``$["a b"][-1]`` into keys and indexes.

    ``$`` is the whole document, and optional at the beginning.

    Raises
    ------
    UserError
        When it is empty or cannot be parsed.
    """
    path = text.strip()
    if not path:
        raise UserError("The metric's JSON path is empty: write json:totals.percent_covered, or json:$ for the whole.")
    rooted = path == "$" or path.startswith(("$.", "$["))
    steps: list[Step] = []
    at = int(rooted)
    while at < len(path):
        step = _STEP.match(path, at)
        needs_dot = at > 0
        if step is None or (step["key"] and bool(step["dot"]) != needs_dot):
            raise UserError(
                f"The metric's JSON path {shorten(text)!r} cannot be read from {shorten(path[at:])!r} on: "
                'write it like totals.percent_covered, results[0].p95 or results[-1]["a b"].'
            )
        if step["index"] is not None:
            steps.append(int(step["index"]) if len(step["index"]) < 19 else 10**18)
        elif step["key"] is not None:
            steps.append(step["key"].strip())
        else:
            quoted = step["double"] if step["double"] is not None else step["single"]
            steps.append(re.sub(r"\\(.)", r"\1", quoted))
        at = step.end()
    return tuple(steps)


def documents(text: str) -> list[Any]:
    """Return the JSON documents of a text: all of it, else the objects and arrays between other words, in order.

    All numbers are floats.
    """
    decoder = json.JSONDecoder(parse_int=float)
    try:
        return [decoder.decode(text)]
    except (ValueError, RecursionError):
        pass
    found: list[Any] = []
    at, budget = 0, _BUDGET * len(text)
    while budget > 0 and (begin := _DOCUMENT_START.search(text, at)):
        start, at = begin.start(), begin.end()
        end_of_line = text.find("\n", start)
        for stop in dict.fromkeys((end_of_line if end_of_line >= 0 else len(text), len(text))):
            piece = text[start:stop]  # its own string: the decoder counts all lines before an error
            budget -= len(piece) if len(piece) > _FREE else 0
            try:
                document, length = decoder.raw_decode(piece)
            except json.JSONDecodeError as error:
                if piece[error.pos :].strip():
                    break  # wrong before the end of the line, so that more lines cannot help
            except RecursionError:  # thousands of brackets are no document
                break
            else:
                found.append(document)
                at = start + length
                break
    return found


def look_up(found: list[Any], path: tuple[Step, ...]) -> float | str:
    """Return the value at a path in the last document that has the path: a number, or a text such as ``"95%"``.

    Raises
    ------
    MissingValue
        When no document has the path, or neither a number nor a text is there.
    """
    value = value_at(found, path)
    if isinstance(value, float | str):
        return value
    raise MissingValue(f"{_format(path)} is {_describe(value)}, not a number")


def value_at(found: list[Any], path: tuple[Step, ...]) -> Any:
    """Return what is at a path in the last document that has the path.

    Raises
    ------
    MissingValue
        When no document has it.
    """
    missing: MissingValue | None = None
    for document in reversed(found):
        try:
            return _follow(document, path)
        except MissingValue as error:
            missing = missing or error
    raise missing or MissingValue("no JSON was found")


def _follow(document: Any, path: tuple[Step, ...]) -> Any:
    value = document
    for done, step in enumerate(path):
        try:
            fits = isinstance(value, dict if isinstance(step, str) else list)
            if not fits:
                raise KeyError(step)
            value = value[step]
        except (KeyError, IndexError):
            where = f"{_format(path[:done])} is" if done else "the JSON is"
            raise MissingValue(f"there is no {_format((step,))}: {where} {_describe(value)}") from None
    return value


def _describe(value: Any) -> str:
    if isinstance(value, dict):
        keys = ", ".join(shorten(key, 30) for key in list(value)[:_SHOWN])
        more = f" and {len(value) - _SHOWN} more" if len(value) > _SHOWN else ""
        return f"an object with {keys}{more}" if value else "an empty object"
    if isinstance(value, list):
        return f"a list of {len(value)}"
    return shorten(json.dumps(value))


def _format(path: tuple[Step, ...]) -> str:
    parts = [f"[{step}]" if isinstance(step, int) else f".{step}" for step in path]
    return shorten("".join(parts).removeprefix(".")) or "the JSON"
