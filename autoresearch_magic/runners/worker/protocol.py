"""The messages between an experiment, the worker and the kernel: JSON lines, checked and limited where an experiment sent them.

A target runs in the process that sends them, and may write anything into the pipe. What is not a message is dropped, and what is
too long is cut, so that nothing a target does can end the worker or the study.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from typing import Any

from ...experiment import LARGEST_INTEGER, Outcome
from ...runs import limited
from ...text import cut_middle, printable

LONGEST_LINE = 1 << 20
"""Bytes of the longest line that is read from an experiment; longer ones are dropped."""
SETUP_LIMIT, SETUP_FACTOR = 600.0, 3.0
"""A fresh process may take so many seconds to run the setup, or `SETUP_FACTOR` times as long as the worker took, or as long as a
run may take, whichever is longest."""
KILLED = "The experiment's process was killed by SIGKILL, which neither this study nor a lack of memory explains."
NOT_EVALUATED = (
    "The process that evaluates the metric ended before it had a value: it has crashed, or was killed from outside."
)
OURS = ("killed", "out_of_memory", "printed", "log_problem", "exit")
"""What the worker says of a run with its result, and so no run of itself."""
MOST_ENTRIES = 1_000
"""Entries of the longest list or mapping in a message."""
ERROR, TEXT, NAME = 1_000, 64_000, 100
"""Characters of an error's line, of a traceback or another text, and of a name."""

_encode = json.JSONEncoder().encode  # a target may replace what the module contains


def encode(message: Mapping[str, Any]) -> bytes:
    """Return a message as one line."""
    return _encode(message).encode() + b"\n"


class LineBuffer:
    """Joins pieces of a stream to lines, and drops lines that are too long."""

    def __init__(self, longest: int = LONGEST_LINE) -> None:
        self._longest = longest
        self._pieces: list[bytes] = []
        self._length = 0

    def feed(self, data: bytes) -> list[bytes]:
        """Take more data; return the lines that it completes, without their ends."""
        first, *rest = data.split(b"\n")
        self._add(first)
        if not rest:
            return []
        lines = [b"".join(self._pieces)] if self._length <= self._longest else []
        *complete, last = rest
        lines += [line for line in complete if len(line) <= self._longest]
        self._pieces, self._length = [], 0
        self._add(last)
        return lines

    def _add(self, piece: bytes) -> None:
        self._length += len(piece)
        if self._length > self._longest:
            self._pieces.clear()
        elif piece:
            self._pieces.append(piece)


def read_event(line: bytes) -> dict[str, Any] | None:
    """Return the event in a line that an experiment wrote; None when it is none.

    The result has one of the keys ``begin``, ``evaluating``, ``tick``, ``report`` and ``result``.
    """
    try:
        message = json.loads(line)
    except (ValueError, RecursionError):
        return None
    if not isinstance(message, dict):
        return None
    for key in ("begin", "evaluating"):
        if message.get(key) is True:
            return {key: True}
    for key, check in _CHECKS.items():
        if isinstance(body := message.get(key), dict):
            checked = check(body)
            return None if checked is None else {key: checked}
    return None


def read_message(line: bytes) -> dict[str, Any] | None:
    """Return a worker's message to the kernel, with what the kernel takes for granted; None when it is none.

    Its parts that come from an experiment were checked by the worker. This is for a worker that is not itself any more.
    """
    try:
        message = json.loads(line)
    except (ValueError, RecursionError):
        return None
    if not isinstance(message, dict):
        return None
    match message:
        case {"is": "ready", "mode": "fork" | "fresh", "why": str(), "open": list(), "folder": str()}:
            return message
        case {"is": "refused", "error": str()}:
            return message
        case {"is": "setup-failed", "error": str(), "traceback": str()}:
            return message
        case {"is": "event", "id": int(), "event": dict(event)}:
            report = event.get("report")
            if report is not None and (not isinstance(report, dict) or checked_report(report) is None):
                return None
            tick = event.get("tick")
            return None if tick is not None and (not isinstance(tick, dict) or _position(tick) is None) else message
        case {"is": "done", "id": int(), "result": {"outcome": str(outcome), **rest}} if outcome in [*Outcome]:
            checked = _result({key: rest[key] for key in rest if key in _FIELDS})
            if checked is None or not all(_is_amount(rest.get(key, 0.0)) for key in ("seconds", "memory")):
                return None
            own = {key: value for key, value in rest.items() if key not in _FIELDS}
            return {**message, "result": {"outcome": outcome, **own, **checked}}
    return None


def _position(body: dict[str, Any]) -> dict[str, Any] | None:
    elapsed, progress, step = (_number(body.get(key)) for key in ("elapsed", "progress", "step"))
    if elapsed is None or progress is None or step is None or not all(map(math.isfinite, (elapsed, progress, step))):
        return None
    return {
        "elapsed": max(0.0, elapsed), "progress": min(1.0, max(0.0, progress)), "step": _integer(body.get("step")),
    }  # fmt: skip


def checked_report(body: dict[str, Any]) -> dict[str, Any] | None:
    """Return a point of a learning curve with numbers that can be compared; None when it is none."""
    position, values = _position(body), body.get("values")
    if position is None or not isinstance(values, dict):
        return None
    numbers = {printable(name)[:NAME]: _number(value) for name, value in list(values.items())[:MOST_ENTRIES]}
    point = {name: limited(value) for name, value in numbers.items() if value is not None}
    return {**position, "values": point} if point else None


def _result(body: dict[str, Any]) -> dict[str, Any] | None:
    """Return a result, or the part of it that a message has; fields of another type than theirs are left out."""
    result = _cleaned({key: value for key, value in body.items() if key not in OURS})
    assert isinstance(result, dict)
    if "outcome" in result and result["outcome"] not in [*Outcome]:  # not a set: a list has no hash
        return None
    for key, fits in _FIELDS.items():
        if key in result and not fits(result[key]):
            del result[key]
    for key in ("value", "charged", "evaluation"):
        if result.get(key) is not None:
            result[key] = _number(result[key])
    if result.get("outcome") == Outcome.OK and result.get("value") is None:
        result.update(outcome=Outcome.METRIC_ERROR, error=result.get("error") or "The run gave no number.")
    if "error" in result:
        result["error"] = cut_middle(" ".join(result["error"].split()), ERROR)
    if "names" in result:
        result["names"] = [name[:NAME] for name in result["names"]]
    for key in ("numbers", "also"):
        if key in result:
            result[key] = {name: float(value) for name, value in result[key].items()}
    if result.get("invalid"):
        result["invalid"] = cut_middle(" ".join(result["invalid"].split()), ERROR)
    return result


def _cleaned(value: Any) -> Any:
    """Return a JSON value with all texts printable and cut, integers of 64 bits and no long lists."""
    if isinstance(value, str):
        return cut_middle(printable(value), TEXT)
    if isinstance(value, dict):
        entries = list(value.items())[:MOST_ENTRIES]
        return {printable(key)[:NAME]: _cleaned(each) for key, each in entries}
    if isinstance(value, list):
        return [_cleaned(each) for each in value[:MOST_ENTRIES]]
    return _integer(value) if isinstance(value, int) and not isinstance(value, bool) else value


def _number(value: Any) -> float | None:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    try:
        return float(value)
    except OverflowError:
        return math.inf if value > 0 else -math.inf


def _integer(value: Any) -> int:
    return max(-LARGEST_INTEGER, min(LARGEST_INTEGER, int(value)))


def _is_number(value: Any) -> bool:
    return _number(value) is not None


def _is_finite(value: Any) -> bool:
    number = _number(value)
    return number is not None and math.isfinite(number)


def _is_amount(value: Any) -> bool:
    number = _number(value)
    return number is not None and math.isfinite(number) and number >= 0


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


_FIELDS: dict[str, Callable[[Any], bool]] = {
    "value": lambda value: value is None or _is_number(value),
    "error": _is_text,
    "traceback": _is_text,
    "charged": _is_amount,
    "paused": _is_amount,
    "lost": lambda value: value is None or _is_amount(value),
    "evaluation": _is_amount,
    "steps": _is_count,
    "gpu_memory": _is_count,
    "shared_memory": _is_count,
    "names": lambda value: isinstance(value, list) and all(map(_is_text, value)),
    "numbers": lambda value: isinstance(value, dict) and all(map(_is_finite, value.values())),
    "also": lambda value: isinstance(value, dict) and all(map(_is_finite, value.values())),
    "also_errors": lambda value: isinstance(value, dict) and all(map(_is_text, value.values())),
    "invalid": lambda value: value is None or _is_text(value),
    "missing_module": lambda value: value is None or _is_text(value),
}
_CHECKS = {"tick": _position, "report": checked_report, "result": _result}
