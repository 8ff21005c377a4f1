"""All numbers that a run gives besides its metric: from JSON, from dictionaries, and from lines such as ``name: value``."""

from __future__ import annotations

import ast
import json
import math
import re
from collections import deque
from collections.abc import Iterator, Mapping
from typing import Any

from ...experiment import MOST_NUMBERS
from ...run_numbers import plain_name
from .json_path import documents
from .named_lines import LONGEST, visible_lines
from .notes import without_notes
from .numbers import converted, quantities
from .progress_lines import parse_line

LONGEST_NAME = 60
"""Characters of a name; longer ones are text that happens to end in a colon."""
LAST = 60_000
"""Characters at the end of an output that are searched; numbers that sum a run up are printed at its end."""

PROGRESS_LINES = 100
"""Lines at the end of an output whose losses and scores are read without a sign, as in ``step 500: train loss 2.1``."""

_LABEL = re.compile(
    r"(?:^|(?<=[\s|,;({\"'*]))([A-Za-z][\w/%.()'-]*(?: [A-Za-z(%][\w/%.()'-]*){0,4})[\s\"'`*.]{0,40}[:=]\s*[\"'`$~*(\[{]*$"
)
_NO_NAME = re.compile(r"(?:(?:METRIC|DEBUG|INFO|NOTICE|WARNING|ERROR|RESULT|FINAL)\s+)+")


def printed_numbers(output: str, metric: str = "") -> dict[str, float]:
    """Return the finite numbers of an output by name, at most `MOST_NUMBERS`: those of JSON first, then the last ones printed.

    The last value of a name counts. Values have the units of their names (`numbers.converted`).

    Parameters
    ----------
    output : str
    metric : str
        The metric's name, which is left out.
    """
    lines = without_notes(visible_lines(output[-LAST:] if len(output) > LAST else output))
    text = "\n".join(lines)
    found: dict[str, float] = {}
    for document in documents(text):
        found.update(flat_numbers(document))
    for line in lines:
        if line.startswith("{'"):
            found.update(flat_numbers(_python_value(line)))
    room = MOST_NUMBERS - len(found)
    labelled: dict[str, float] = {}
    if not _is_json(text):
        for name, value in _labelled(lines):
            if name not in found:
                labelled.pop(name, None)  # so that the order is that of the last printing
                labelled[name] = value
    last = list(labelled.items())[-room:] if room > 0 else []
    own = plain_name(metric)
    return bounded({name: value for name, value in [*found.items(), *last] if plain_name(name) != own})


def bounded(numbers: Mapping[str, float]) -> dict[str, float]:
    """Return the first `MOST_NUMBERS` numbers."""
    return dict(list(numbers.items())[:MOST_NUMBERS])


def flat_numbers(value: Any) -> dict[str, float]:
    """Return the finite numbers within dictionaries and lists of dictionaries by path, at most `MOST_NUMBERS`, the outer ones first.

    Truth values are 1 and 0; numpy and torch scalars are numbers.
    """
    found: dict[str, float] = {}
    waiting: deque[tuple[str, Any]] = deque([("", value)])
    while waiting and len(found) < MOST_NUMBERS:
        path, value = waiting.popleft()
        if isinstance(value, Mapping):
            waiting.extend((f"{path}.{key}" if path else str(key), inner) for key, inner in list(value.items())[:1000])
        elif isinstance(value, list | tuple):
            waiting.extend((f"{path}[{n}]", inner) for n, inner in enumerate(value[:100]) if isinstance(inner, Mapping))
        elif path and len(path) <= LONGEST_NAME and (number := scalar(value)) is not None and math.isfinite(number):
            found[path] = number
    return found


def scalar(value: Any) -> float | None:
    """Return a Python, numpy or torch scalar as a float; None for what is none."""
    if value is None or isinstance(value, str | bytes | bytearray):
        return None
    try:
        return float(value.item() if hasattr(value, "item") else value)
    except Exception:  # an array of several numbers, or an object that has its own idea of a float
        return None


def _python_value(line: str) -> Any:
    """Return the value of a printed dictionary, such as a trainer's ``{'loss': 0.5, 'epoch': 1.0}``; None for what is none."""
    if len(line) > LONGEST:
        return None
    try:
        return ast.literal_eval(line.strip())
    except (ValueError, SyntaxError, MemoryError, RecursionError, TypeError):
        return None


def _is_json(text: str) -> bool:
    try:
        return isinstance(json.loads(text), dict | list)
    except (ValueError, RecursionError):
        return False


def _labelled(lines: list[str]) -> Iterator[tuple[str, float]]:
    """Yield the clear numbers that stand right after a name and ``:`` or ``=``, and the losses and scores of progress lines."""
    for line in lines[-PROGRESS_LINES:]:
        if len(line) <= LONGEST and (progress := parse_line(line)) is not None:
            yield from ((name, value) for name, value in progress.values.items() if math.isfinite(value))
    for line in lines:
        if len(line) > LONGEST or (":" not in line and "=" not in line) or line.startswith("{'"):
            continue
        for quantity in quantities(line):
            label = _LABEL.search(line[max(0, quantity.start - 2 * LONGEST_NAME) : quantity.start])
            name = _NO_NAME.sub("", label[1]).strip(" .'\"`") if label else ""
            if not name or len(name) > LONGEST_NAME or quantity.doubt(name):
                continue
            value, _ = converted(quantity, name)
            if math.isfinite(value):
                yield name, value
