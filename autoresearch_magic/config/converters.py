"""Conversion of an option's raw value to its typed value: one reader for each kind of option.

Every reader accepts text as well as a value that already has the right type, and raises a `UserError` of one line that
names the option. All are pure except `machine_memory` and `default_threads`, which look at the machine.
"""

from __future__ import annotations

import math
import os
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

from ..budget import parse_duration
from ..errors import UserError
from ..judging.constraints import parse_limit, split_limits
from ..judging.judge import Bounds
from ..runners.output.also import split_also
from ..source.files import expand_braces
from ..text import size_in_bytes

T = TypeVar("T")

UNLIMITED = 1_000_000
"""Number of experiments that stands for no limit; no study reaches it."""


# -- readers that are made for an option -------------------------------------------------------------------------------


def whole_number(name: str, minimum: int) -> Callable[[Any], int]:
    """Return a reader of whole numbers that are at least `minimum`."""

    def read(value: Any) -> int:
        try:
            number = int(str(value).replace("_", ""))
        except ValueError:
            number = minimum - 1
        if number < minimum:
            raise UserError(f"--{name} takes a whole number from {minimum} up, not {value!r}.")
        return number

    return read


def number(
    name: str, takes: str = "a number", *, minimum: float = -math.inf, above: float = -math.inf, percent: bool = False
) -> Callable[[Any], float]:
    """Return a reader of finite numbers.

    Parameters
    ----------
    name : str
        The option's long name, for the error message.
    takes : str
        What the option takes, for the error message.
    minimum, above : float
        The smallest value that is allowed, and a limit that the value must exceed.
    percent : bool
        Whether a percent sign behind the number is dropped.
    """

    def read(value: Any) -> float:
        try:
            found = float(value.strip().removesuffix("%") if percent and isinstance(value, str) else value)
        except (TypeError, ValueError):
            found = math.nan
        if isinstance(value, bool) or not (math.isfinite(found) and found >= minimum and found > above):
            raise UserError(f"--{name} takes {takes}, not {value!r}.")
        return found

    return read


def duration(name: str) -> Callable[[Any], float]:
    """Return a reader of durations, in seconds."""
    return lambda value: parse_duration(value, name)


def one_of(name: str, *choices: str, former: Mapping[str, str] | None = None) -> Callable[[Any], str]:
    """Return a reader of one of several words; `former` words, which journals and programs may hold, are read as those of today."""

    def read(value: Any) -> str:
        word = str(value).strip().lower()
        word = (former or {}).get(word, word)
        if word not in choices:
            raise UserError(f"--{name} is one of {', '.join(choices)}, not {value!r}.")
        return word

    return read


def optional(read: Callable[[Any], T], *, off: str = "") -> Callable[[Any], T | None]:
    """Return a reader that gives None for None and for the word `off`, and else what `read` gives."""
    return lambda value: None if value is None or (off and str(value).strip().lower() == off) else read(value)


# -- readers -----------------------------------------------------------------------------------------------------------


def read_bool(value: Any) -> bool:
    """Read yes or no; as an answer to "is lower better?", the names of the two directions are understood too."""
    if isinstance(value, bool):
        return value
    word = re.sub(r"[\s_-]+", " ", str(value)).strip().lower()
    if word in ("true", "yes", "on", "1", "lower", "minimize", "minimise", "lower is better"):
        return True
    if word in ("false", "no", "off", "0", "higher", "maximize", "maximise", "higher is better"):
        return False
    raise UserError(f"{value!r} is neither yes nor no, lower nor higher.")


def read_text(value: Any) -> str:
    """Read text without the blanks around it."""
    return str(value).strip()


def read_experiments(value: Any) -> int:
    """Read the number of experiments; the word ``unlimited`` gives `UNLIMITED`."""
    if str(value).strip().lower() == "unlimited":
        return UNLIMITED
    try:
        return whole_number("experiments", 1)(value)
    except UserError:
        raise UserError(
            f"--experiments takes a whole number from 1 up, or the word unlimited, not {value!r}."
        ) from None


_GLOB = re.compile(r"""(?:"[^"]*"|'[^']*'|`[^`]*`|\{[^}]*\}|\[[^\]]*\]|[^\s,])+""")


def read_scope(value: Any) -> tuple[str, ...]:
    """Read globs that are separated by commas or blanks; ``{a,b}`` is expanded, and ``!`` in front of a glob excludes.

    Raises
    ------
    UserError
        When a glob leads out of the repository, or all of them exclude.
    """
    globs = _globs_inside("scope", "inside the repository, such as src/**/*.py", value)
    if globs and all(glob.startswith("!") for glob in globs):
        raise UserError(
            "--scope only excludes: say first which files experiments may change, such as  src/**  !src/gen/**"
        )
    return tuple(dict.fromkeys(glob.removeprefix("./") for glob in globs))


def read_also(value: Any) -> tuple[str, ...]:
    """Read ``NAME=EXPRESSION``, several with commas, in a list, or as a mapping from names to expressions."""
    if isinstance(value, Mapping):
        return tuple(f"{name}={expression}" for name, expression in value.items())
    texts = [value] if isinstance(value, str) else [str(each) for each in value]
    return tuple(part for text in texts for part in split_also(text))


def read_limits(value: Any) -> tuple[str, ...]:
    """Read ``NAME<NUMBER``, several with commas or in a list."""
    texts = [value] if isinstance(value, str) else [str(each) for each in value]
    return tuple(str(parse_limit(part)) for text in texts for part in split_limits(text))


def read_stages(value: Any) -> tuple[str, ...]:
    """Read one stage, or several in a list: a command may hold any character."""
    return tuple(text for each in ([value] if isinstance(value, str) else value) if (text := str(each).strip()))


_ORDER = re.compile(r"[a-z][\w-]*(?::.+)?", re.IGNORECASE | re.ASCII)


def read_track(value: Any) -> tuple[str, ...]:
    """Read ``NAME`` or ``NAME:WHERE``, several with commas or in a list; ``none`` is no tracker. The error quotes no address, which may hold a key."""
    texts = [value] if isinstance(value, str) else [str(each) for each in value]
    orders = [part.strip() for text in texts for part in text.split(",")]
    orders = [order for order in orders if order and order.lower() != "none"]
    if any(not _ORDER.fullmatch(order) for order in orders):
        raise UserError(
            "--track takes NAME or NAME:WHERE, such as mlflow, mlflow:http://localhost:5000 or tensorboard:runs."
        )
    return tuple(dict.fromkeys(orders))


def read_notify(value: Any) -> tuple[str, ...]:
    """Read addresses and command lines, each as a text of its own; ``none`` is none."""
    texts = [value] if isinstance(value, str) else [str(each) for each in value]
    return tuple(dict.fromkeys(text.strip() for text in texts if text.strip() and text.strip().lower() != "none"))


def read_artifacts(value: Any) -> tuple[str, ...]:
    """Read globs of files that runs write, as `read_scope` does."""
    globs = _globs_inside("artifacts", "relative to the folder that a run works in, such as out/*.txt", value)
    if globs and all(glob.startswith("!") for glob in globs):
        raise UserError("--artifacts only excludes: say first which files to take, such as  out/*.txt  !out/big*")
    return tuple(dict.fromkeys(glob.removeprefix("./") for glob in globs))


def _globs_inside(option: str, takes: str, value: Any) -> list[str]:
    words = _GLOB.findall(value) if isinstance(value, str) else [str(each).strip() for each in value]
    globs = [glob for word in words for glob in expand_braces(re.sub("[\"'`]", "", word)) if glob.strip("!")]
    for glob in globs:
        path = glob.removeprefix("!")
        if path.startswith(("/", "~")) or ".." in path.split("/"):
            raise UserError(f"--{option} takes globs {takes}, not {path!r}.")
    return globs


def read_hidden(value: Any) -> tuple[str, ...]:
    """Read globs of files to hide, separated by commas or blanks, or the word ``setup``."""
    words = _GLOB.findall(value) if isinstance(value, str) else [str(each).strip() for each in value]
    globs = [re.sub("[\"'`]", "", word).removeprefix("./") for word in words]
    return tuple(dict.fromkeys(glob for glob in globs if glob.strip("!")))


def read_memory(value: Any) -> int:
    """Read a size in bytes, such as ``8GB`` (10**9 bytes each), ``8GiB`` (2**30) or ``80%`` of the machine's memory."""
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    text = str(value).strip()
    if (size := size_in_bytes(text, machine_memory())) <= 0:
        raise UserError(
            f"--memory takes a size such as 8GB or 8GiB, or a share of the machine's such as 80%, not {text!r}."
        )
    return size


def read_disk(value: Any) -> str:
    """Read a size such as ``20GB`` or ``20GiB``, or a share of the disk's free space such as ``50%``: known when an experiment starts."""
    text = re.sub(r"\s", "", str(value))
    if size_in_bytes(text, 1 << 40) <= 0 or (text.endswith("%") and float(text[:-1]) > 100):
        raise UserError(
            f"--disk takes a size such as 20GB or 20GiB, or a share of the disk's free space such as 50%, not {text!r}."
        )
    return text


def read_bounds(value: Any) -> Bounds:
    """Read ``LOW..HIGH``, where either end may be left out."""
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
    """Read names that are separated by commas or blanks; separators alone are no name."""
    words = re.split(r"[,\s]+", value) if isinstance(value, str) else [str(each).strip() for each in value]
    return tuple(word for word in words if word)


def read_paths(option: str) -> Callable[[Any], tuple[str, ...]]:
    """Return a converter for paths that exist, separated by commas; relative ones become absolute.

    Raises
    ------
    UserError
        When a path does not exist, or is the top of the file system.
    """

    def read(value: Any) -> tuple[str, ...]:
        words = value.split(",") if isinstance(value, str) else [str(each) for each in value]
        paths = [os.path.abspath(Path(word.strip().strip("\"'`")).expanduser()) for word in words if word.strip()]
        for path in paths:
            if not os.path.lexists(path):
                raise UserError(f"--{option}: there is no {path}.")
            if path == "/":
                raise UserError(f"--{option} takes files and folders, not /: --sandbox off confines nothing.")
        return tuple(dict.fromkeys(paths))

    return read


# -- defaults that depend on the machine -------------------------------------------------------------------------------


def machine_memory() -> int:
    """Return the bytes of memory that this machine, or the container it runs in, may use."""
    total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    try:
        limit = Path("/sys/fs/cgroup/memory.max").read_text().strip()
        return min(total, int(limit))
    except (OSError, ValueError):
        return total


def default_threads() -> int:
    """Return the default number of threads of an experiment: all cores but one, so that the notebook stays responsive."""
    affinity = getattr(os, "sched_getaffinity", None)
    cores = len(affinity(0)) if affinity else os.cpu_count() or 1
    return max(1, cores - 1)


def read_executor(value: Any) -> str:
    """Read where experiments run: empty, ``dask`` or ``dask://HOST:PORT``."""
    text = str(value).strip()
    if text in ("", "dask") or re.fullmatch(r"dask://(\[[0-9a-fA-F:.]+\]|[\w.-]+):\d{1,5}", text):
        return text
    raise UserError(
        f"--executor {text}: write  dask  for workers on this machine, or  dask://HOST:PORT  for a cluster's scheduler."
    )
