"""Places in JSON, and JSON in the midst of other output."""

from __future__ import annotations

import json
import re
from typing import Any

from ...errors import UserError
from .numbers import shorten

Step = str | int
_STEP = re.compile(
    r"""\.?\[\s*(-?[0-9]+)\s*\]|\.?\[\s*(?:"((?:[^"\\]|\\.)*+)"|'((?:[^'\\]|\\.)*+)')\s*\]|(\.?)([^.\[\]]+)"""
)
_BEGIN = re.compile(r"\{(?=\s*+[\"}])|\[(?=\s*+(?:[\[\]{\"0-9-]|true|false|null|NaN|Infinity))")
_SHORT = 1_000
"""Characters that are looked at for nothing."""
_WORK = 20
"""How often the text may be gone through, at most, in search of its JSON, short attempts aside."""
_SHOWN = 8
"""Keys that a message lists."""


class Missing(Exception):
    """There is no such place, or no number there: a clause that says what is there instead."""


def parse_path(text: str) -> tuple[Step, ...]:
    """Read a path such as ``totals.percent_covered``, ``results[0].p95`` or ``$["a b"][-1]``; ``$`` is the whole.

    Returns
    -------
    tuple of str or int
        Keys and indices.

    Raises
    ------
    UserError
        When it is none.
    """
    path = text.strip()
    rest = path[1:] if path == "$" or path.startswith(("$.", "$[")) else path
    if not path:
        raise UserError("The metric's JSON path is empty: write json:totals.percent_covered, or json:$ for the whole.")
    steps: list[Step] = []
    at = 0
    while at < len(rest):
        step = _STEP.match(rest, at)
        dotted = bool(at or rest is not path)
        if step is None or (step[5] and bool(step[4]) != dotted):
            raise UserError(
                f"The metric's JSON path {shorten(text)!r} breaks off at {shorten(rest[at:])!r}: "
                'write it like totals.percent_covered, results[0].p95 or results[-1]["a b"].'
            )
        if step[1] is not None:
            steps.append(int(step[1]) if len(step[1]) < 19 else 10**18)
        else:
            quoted = step[2] if step[2] is not None else step[3]
            steps.append(step[5].strip() if quoted is None else re.sub(r"\\(.)", r"\1", quoted))
        at = step.end()
    return tuple(steps)


def documents(text: str) -> list[Any]:
    """Find the JSON in a text: the whole of it, else its objects and arrays between other words, in their order.

    Numbers are floats, whatever their size.
    """
    decoder = json.JSONDecoder(parse_int=float)
    try:
        return [decoder.decode(text)]
    except (ValueError, RecursionError):
        pass
    found: list[Any] = []
    at, work = 0, _WORK * len(text)
    while work > 0 and (begin := _BEGIN.search(text, at)):
        start, at = begin.start(), begin.end()
        end_of_line = text.find("\n", start)
        for stop in dict.fromkeys((end_of_line if end_of_line >= 0 else len(text), len(text))):
            piece = text[start:stop]  # a failure counts the lines up to it, so a piece of its own
            work -= len(piece) if len(piece) > _SHORT else 0
            try:
                document, length = decoder.raw_decode(piece)
            except json.JSONDecodeError as error:
                if piece[error.pos :].strip():
                    break  # wrong within the line: more lines do not mend it
            except RecursionError:  # thousands of brackets: no document of anybody
                break
            else:
                found.append(document)
                at = start + length
                break
    return found


def look_up(found: list[Any], path: tuple[Step, ...]) -> float | str:
    """Go to the path's place, in the last document that has it.

    Returns
    -------
    float or str
        A number, or a text that may be one, such as ``"95%"``.

    Raises
    ------
    Missing
    """
    if not found:
        raise Missing("no JSON was found")
    reason: Missing | None = None
    for document in reversed(found):
        try:
            value = _walk(document, path)
        except Missing as missing:
            reason = reason or missing
            continue
        if isinstance(value, float | str):
            return value
        raise Missing(f"{_written(path)} is {_described(value)}, not a number")
    raise reason or Missing("no JSON was found")


def _walk(document: Any, path: tuple[Step, ...]) -> Any:
    value = document
    for done, step in enumerate(path):
        try:
            fits = isinstance(value, dict if isinstance(step, str) else list)
            if not fits:
                raise KeyError(step)
            value = value[step]
        except (KeyError, IndexError):
            where = f"{_written(path[:done])} is" if done else "the JSON is"
            raise Missing(f"there is no {_written((step,))}: {where} {_described(value)}") from None
    return value


def _described(value: Any) -> str:
    if isinstance(value, dict):
        keys = ", ".join(shorten(key, 30) for key in list(value)[:_SHOWN])
        more = f" and {len(value) - _SHOWN} more" if len(value) > _SHOWN else ""
        return f"an object with {keys}{more}" if value else "an empty object"
    if isinstance(value, list):
        return f"a list of {len(value)}"
    return shorten(json.dumps(value))


def _written(path: tuple[Step, ...]) -> str:
    parts = [f"[{step}]" if isinstance(step, int) else f".{step}" for step in path]
    return shorten("".join(parts).removeprefix(".")) or "the JSON"
