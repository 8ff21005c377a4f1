"""Exceptions of the user's code in words: one line, and a traceback without this package's own frames."""

from __future__ import annotations

import os
import traceback

from ...text import cut_middle

TRACEBACK_LINES, LINE_LENGTH = 30, 2_000
"""Most lines of a traceback that are kept, and characters of each: its first and its last ones."""
USERS = {"<target>": "target", "<setup>": "setup", "<sealed>": "sealed cell"}
"""File names of the user's code, and what they are called."""

_OUR_FOLDER = os.path.dirname(os.path.abspath(__file__))


def users_traceback(error: BaseException) -> str:
    """Format an exception from the first frame of the user's code, shortened to its last lines.

    Where it was raised in the target's process and passed on, the traceback there follows.
    """
    found = traceback.TracebackException(type(error), error, error.__traceback__)
    frames = [each for each in found.stack if not each.filename.startswith(_OUR_FOLDER)]
    found.stack = traceback.StackSummary.from_list(frames)
    if (there := getattr(error, "_target_traceback", "")) and isinstance(there, str):
        head = "Traceback (most recent call last):\n"
        text = head + "".join(found.stack.format()) + there.removeprefix(head)
    else:
        text = "".join(found.format())
    lines = text.rstrip().splitlines()
    first = [lines[0], "  ..."] if len(lines) > TRACEBACK_LINES else []
    return "\n".join(cut_middle(line, LINE_LENGTH) for line in [*first, *lines[-TRACEBACK_LINES:]])


def text_of(error: BaseException) -> str:
    """Return an exception's text, also where computing it fails."""
    try:
        return str(error)
    except BaseException as second:
        return f"(its text cannot be computed: {type(second).__name__})"


def line_of(error: BaseException) -> str:
    """Return where in the user's code an exception was raised, such as `` (line 3 of the target)``; empty if nowhere."""
    where = ""
    for frame, line in traceback.walk_tb(error.__traceback__):
        if (name := frame.f_code.co_filename) in USERS:
            where = f" (line {line} of the {USERS[name]})"
    if isinstance(error, SyntaxError) and isinstance(error.lineno, int):
        where = f" (line {error.lineno})"
    return where


def one_line(error: BaseException) -> str:
    """Describe an exception in one line, with the line of the user's code that raised it."""
    if (there := getattr(error, "_target_line", "")) and isinstance(there, str):
        return there
    where = line_of(error)
    text = " ".join(text_of(error)[:2_000].split())
    return f"{type(error).__name__}: {text[:300]}{where}" if text else f"{type(error).__name__}{where}"


def out_of_memory(error: BaseException) -> bool:
    """Return whether an exception means that memory ran out, on the host or on a GPU."""
    return (
        isinstance(error, MemoryError)
        or type(error).__name__ == "OutOfMemoryError"
        or (isinstance(error, RuntimeError) and "can't allocate memory" in text_of(error))
    )


def not_finite(name: str, value: float) -> str:
    """Describe in one line a metric that is NaN or infinite."""
    return f"{name} is {value}: the run diverged or the metric is wrong."


def sealed_line(error: BaseException) -> str:
    """Describe an exception in one line without its text, which may contain what is sealed."""
    return f"{type(error).__name__}{line_of(error)}"
