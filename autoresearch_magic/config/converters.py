"""How an option's text becomes its value: one small reader for each kind.

Every reader takes text as well as a value that is of the right type already, and raises a `UserError` of one line that
names the option. Pure, but for `machine_memory` and `default_threads`, which look at the machine.
"""

from __future__ import annotations

import math
import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from ..budget import parse_duration
from ..errors import UserError
from ..judging.judge import Bounds

UNLIMITED = 1_000_000
"""Experiments of a study that goes on until it is stopped; no study gets there."""


def whole(minimum: int, name: str) -> Callable[[Any], int]:
    """Return a reader of whole numbers from `minimum` up."""

    def parse(value: Any) -> int:
        try:
            number = int(str(value).replace("_", ""))
        except ValueError:
            number = minimum - 1
        if number < minimum:
            raise UserError(f"--{name} takes a whole number from {minimum} up, not {value!r}.")
        return number

    return parse


def truth(value: Any) -> bool:
    """Read yes or no; a direction counts as the answer to whether lower is better."""
    if isinstance(value, bool):
        return value
    word = re.sub(r"[\s_-]+", " ", str(value)).strip().lower()
    if word in ("true", "yes", "on", "1", "lower", "minimize", "minimise", "lower is better"):
        return True
    if word in ("false", "no", "off", "0", "higher", "maximize", "maximise", "higher is better"):
        return False
    raise UserError(f"{value!r} is neither yes nor no, lower nor higher.")


def read_min_delta(value: Any) -> float:
    """Read a gain in the metric's unit."""
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = -1.0
    if not 0 <= number < float("inf"):
        raise UserError(f"--min-delta takes a number from 0 up, in the metric's unit, not {value!r}.")
    return number


def above_zero(name: str) -> Callable[[Any], float | None]:
    """Return a reader of numbers above 0, or of none."""

    def parse(value: Any) -> float | None:
        try:
            number = None if value is None else float(value)
        except (TypeError, ValueError):
            number = -1.0
        if number is not None and not 0 < number < float("inf"):
            raise UserError(f"--{name} takes a number above 0, not {value!r}.")
        return number

    return parse


def maybe(parse: Callable[[Any], int]) -> Callable[[Any], int | None]:
    """Return a reader that lets None pass."""
    return lambda value: None if value is None else parse(value)


def unless_off(parse: Callable[[Any], int]) -> Callable[[Any], int | None]:
    """Return a reader for which None and the word ``off`` are none."""
    return lambda value: None if value is None or str(value).strip().lower() == "off" else parse(value)


def read_experiments(value: Any) -> int:
    """Read how many experiments; ``unlimited`` is more than any study gets to."""
    if str(value).strip().lower() == "unlimited":
        return UNLIMITED
    try:
        return whole(1, "experiments")(value)
    except UserError:
        raise UserError(
            f"--experiments takes a whole number from 1 up, or the word unlimited, not {value!r}."
        ) from None


def read_percent(value: Any) -> float | None:
    """Read a tolerance in percent, with or without its sign."""
    try:
        share = None if value is None else float(str(value).strip().removesuffix("%"))
    except ValueError:
        share = -1.0
    if share is not None and not 0 <= share < math.inf:
        raise UserError(f"--guard-threshold takes a percentage from 0 up, such as 5 or 5%, not {value!r}.")
    return share


_GLOB = re.compile(r"""(?:"[^"]*"|'[^']*'|`[^`]*`|\{[^}]*\}|\[[^\]]*\]|[^\s,])+""")


def read_scope(value: Any) -> tuple[str, ...]:
    """Read globs, separated by commas or blanks; ``!`` before one excludes, and ``{a,b}`` is both, as in a shell.

    Raises
    ------
    UserError
        For a glob that leads out of the repository, and where everything is excluded.
    """
    words = _GLOB.findall(value) if isinstance(value, str) else [str(each).strip() for each in value]
    globs = [glob for word in words for glob in _expanded(re.sub("[\"'`]", "", word)) if glob.strip("!")]
    for glob in globs:
        path = glob.removeprefix("!")
        if path.startswith(("/", "~")) or ".." in path.split("/"):
            raise UserError(f"--scope takes globs inside the repository, such as src/**/*.py, not {path!r}.")
    if globs and all(glob.startswith("!") for glob in globs):
        raise UserError(
            "--scope only excludes: say first which files experiments may change, such as  src/**  !src/gen/**"
        )
    return tuple(dict.fromkeys(glob.removeprefix("./") for glob in globs))


def _expanded(glob: str) -> Iterator[str]:
    """Give what braces stand for, the first pair first."""
    if not (braces := re.search(r"\{([^{}]*,[^{}]*)\}", glob)):
        yield glob
        return
    for choice in braces[1].split(","):
        yield from _expanded(glob[: braces.start()] + choice.strip() + glob[braces.end() :])


def read_timeout(value: Any) -> float | None:
    """Read a duration, in seconds."""
    return None if value is None else parse_duration(value, "timeout")


def read_memory(value: Any) -> int:
    """Read a size in bytes, such as ``8GB`` or ``80%`` of the machine's."""
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    text = str(value).strip()
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*(%|[KMGT]?i?B?)", text, re.IGNORECASE)
    if not match or float(match[1]) <= 0:
        raise UserError(f"--memory takes a size such as 8GB, or a share of the machine's such as 80%, not {text!r}.")
    number, unit = float(match[1]), match[2].upper()
    if unit == "%":
        return int(number / 100 * machine_memory())
    return int(number * {"K": 1e3, "M": 1e6, "G": 1e9, "T": 1e12}.get(unit[:1], 1))


def one_of(name: str, *choices: str) -> Callable[[Any], str]:
    """Return a reader of one of a few words."""

    def parse(value: Any) -> str:
        word = str(value).strip().lower()
        if word not in choices:
            raise UserError(f"--{name} is one of {', '.join(choices)}, not {value!r}.")
        return word

    return parse


def real(name: str) -> Callable[[Any], float | None]:
    """Return a reader of finite numbers, or of none; a per cent sign behind one is the metric's unit and dropped."""

    def parse(value: Any) -> float | None:
        try:
            number = None if value is None else float(str(value).strip().removesuffix("%"))
        except ValueError:
            number = math.nan
        if number is not None and not math.isfinite(number):
            raise UserError(f"--{name} takes a number, not {value!r}.")
        return number

    return parse


def read_bounds(value: Any) -> Bounds:
    """Read ``LOW..HIGH``."""
    if isinstance(value, Bounds):
        return value
    text = str(value).strip()
    low, dots, high = text.partition("..")
    try:
        ends = [float(end) if end.strip() else None for end in (low, high)]
    except ValueError:
        ends = []
    wrong = not ends or not (dots or not text) or any(end is not None and math.isnan(end) for end in ends)
    if wrong or (ends[0] is not None and ends[1] is not None and ends[0] >= ends[1]):
        raise UserError(
            f"--bounds takes the lowest and the highest possible value, such as 0..8, 0.. or ..1, not {text!r}."
        )
    return Bounds(*ends)


def read_names(value: Any) -> tuple[str, ...]:
    """Read names separated by commas or blanks."""
    return tuple(re.split(r"[,\s]+", value.strip(", "))) if isinstance(value, str) and value else tuple(value)


def machine_memory() -> int:
    """Return the bytes of memory that this machine, or the container it is, may use; 0 where that is not told."""
    total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    try:
        limit = Path("/sys/fs/cgroup/memory.max").read_text().strip()
        return min(total, int(limit))
    except (OSError, ValueError):
        return total


def default_threads() -> int:
    """Return how many threads an experiment gets: all cores but one, so that the notebook stays quick."""
    affinity = getattr(os, "sched_getaffinity", None)
    cores = len(affinity(0)) if affinity else os.cpu_count() or 1
    return max(1, cores - 1)
