"""A metric out of what a command printed, never by a silent choice.

The metric's text is ``NAME`` or ``NAME=HOW``:

- nothing: the line that names it, ``METRIC name=value`` before ``name: value``, ``name = value`` or ``name value``; where
  no line does, the only number of the output. The name is compared without case, and with spaces, underscores and
  hyphens alike.
- ``last``, ``first``, ``max``, ``min``, ``mean``: of the lines that name it; ``last:REGEX`` of what a pattern matches.
- ``re:REGEX``: the group, or the group named ``value``, or the whole match.
- ``json:PATH``: a place in the output's JSON, such as ``totals.percent_covered`` or ``results[-1]["a b"].p95``.
- ``file:PATH``, ``file:PATH#HOW``: the same in a file that the run has written.
- ``exit``, ``seconds``: the command's exit status, its wall clock. ``lines``, ``lines:REGEX``: how many lines it printed,
  blank ones included, or how many of them match.

Two different readings that could be meant are an error that shows both. Units are converted as `figures.converted` says.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from ...errors import UserError
from ...metric import split_direction
from .json_path import Missing, Step, documents, look_up, parse_path
from .named_lines import LONGEST, Found, named_figures, visible_lines
from .numbers import Figure, converted, figures, shorten, sole_figure

FACTS = 100
"""Facts that are kept of one output."""
TICK = 0.01
"""Seconds by which a file's time may lag behind the clock: file systems stamp with the kernel's last tick."""

_KINDS = ("re", "json", "file", "exit", "seconds", "lines", "last", "first", "max", "min", "mean")
_ALONE = ("exit", "seconds")
_PICKS: Mapping[str, Callable[[list[float]], float]] = {
    "last": lambda values: values[-1],
    "first": lambda values: values[0],
    "max": lambda values: math.nan if any(map(math.isnan, values)) else max(values),
    "min": lambda values: math.nan if any(map(math.isnan, values)) else min(values),
    "mean": lambda values: math.fsum(values) / len(values) if all(map(math.isfinite, values)) else sum(values),
}
_WAYS = "re:REGEX, json:PATH, file:PATH, exit, seconds, lines, last, first, max, min or mean"

_OTHERS_NAME = re.compile(
    r"\s*(?:METRIC\s+(?P<metric>[^=:]{1,60})|(?P<name>[A-Za-z][A-Za-z0-9]*(?:_[A-Za-z0-9]+)+)\s*)[:=]"
)
_FACT = re.compile(r"[ \t]*+(?:METRIC[ \t]+)?([A-Za-z]\w{0,60})[ \t]*+[:=][ \t]*+(?=[^\s:=])")


@dataclass(frozen=True)
class Reading:
    """What was read.

    Attributes
    ----------
    value : float
        NaN and infinities as they were printed.
    unit : str
        The unit of `value`, after conversion; empty when none was printed.
    line : str
        Where it was read: the line, or the place.
    """

    value: float
    unit: str
    line: str


class Unreadable(Exception):
    """There is no reading, or more than one: a line that says what was found and what to do."""


@dataclass(frozen=True)
class How:
    """How a metric is read.

    Attributes
    ----------
    kind : str
        ``name``, ``re``, ``json``, ``file``, ``exit``, ``seconds``, ``lines``, ``last``, ``first``, ``max``, ``min`` or
        ``mean``.
    argument : str
        The pattern or the path, as the user wrote it; empty when there is none.
    pattern : re.Pattern or None
        The pattern, compiled.
    path : tuple of str or int
        The keys and indices of a JSON path.
    inner : How or None
        How the file is read.
    """

    kind: str
    argument: str = ""
    pattern: re.Pattern[str] | None = None
    path: tuple[Step, ...] = ()
    inner: How | None = None


@dataclass(frozen=True)
class _Text:
    """What is read from: the lines as a terminal shows them, and the file they are from."""

    lines: list[str]
    name: str
    file: str = ""

    def place(self, number: int, line: str) -> str:
        return f'line {number}{f" of {self.file}" if self.file else ""}: "{shorten(line)}"'

    def option(self, way: str = "re:...") -> str:
        """Write the metric as it goes on the command line, in quotes where a shell needs them."""
        option = f"{self.name}={f'file:{self.file}#' if self.file else ''}{way}"
        return f"--metric {option}" if re.fullmatch(r"[\w.,:/%=+#-]+", option) else f"--metric '{option}'"


# -- what the user says -------------------------------------------------------------------------------------------------


def parse_verified_metric(text: str) -> tuple[str, str, bool | None]:
    """Read the metric of a command: ``NAME`` or ``NAME=HOW``; the name may be prose.

    Parameters
    ----------
    text : str
        For example ``p95_ms=re:p95=([0-9.]+)``, ``coverage % (higher is better)`` or ``val_bpb``.

    Returns
    -------
    name : str
        With single spaces.
    how : str
        For `parse_how`; empty for a name alone.
    minimize : bool or None
        Where the text says which way is better, else None.

    Raises
    ------
    UserError
        When there is no name, or nothing behind its ``=``.
    """
    text, minimize = split_direction(text)
    name, equals, how = text.partition("=")
    name, how = " ".join(name.split()), how.strip()
    if not any(character.isalnum() for character in name):
        raise UserError(
            "The metric has no name: give --metric NAME or --metric NAME=HOW, for example --metric p95_ms=json:p95."
        )
    if equals and not how:
        raise UserError(f"The metric {name!r} ends in '=': give the name alone, or say how it is read: {_WAYS}.")
    return name, how, minimize


def parse_how(text: str) -> How:
    """Read how a metric is read.

    Parameters
    ----------
    text : str
        As behind ``NAME=``; empty for the name alone.

    Raises
    ------
    UserError
        For what can never work: an unknown way, a pattern that is none or has more than one group, a broken path.
    """
    text = text.strip()
    if not text:
        return How("name")
    kind, colon, argument = text.partition(":")
    kind, argument = kind.strip(), argument.strip()
    if kind not in _KINDS:
        raise UserError(f"The metric cannot be read by {shorten(text)!r}: say {_WAYS}, or give the name alone.")
    if colon and (kind in _ALONE or not argument):
        what = "takes nothing behind it" if kind in _ALONE else "has nothing behind its colon"
        raise UserError(f"The metric's {kind!r} {what}: write --metric NAME={kind}{'' if kind in _ALONE else ':...'}.")
    if not colon and kind in ("re", "json", "file"):
        raise UserError(f"The metric's {kind!r} needs something behind it: write --metric NAME={kind}:...")
    if kind == "json":
        return How(kind, argument, path=parse_path(argument))
    if kind == "file":
        return _parse_file(argument)
    return How(kind, argument, pattern=_compile(argument, counts=kind == "lines") if argument else None)


def _compile(text: str, counts: bool) -> re.Pattern[str]:
    try:
        pattern = re.compile(text, re.MULTILINE)
    except (re.error, OverflowError, RecursionError) as error:
        raise UserError(f"The metric's pattern {shorten(text)!r} is no regular expression: {error}.") from None
    if pattern.groups > 1 and "value" not in pattern.groupindex and not counts:
        raise UserError(
            f"The metric's pattern {shorten(text)!r} has {pattern.groups} groups: name the number's (?P<value>...), "
            "or write the others (?:...)."
        )
    return pattern


def _parse_file(argument: str) -> How:
    path, mark, way = argument.partition("#")
    inner = parse_how(way)
    if not path.strip() or (mark and not way.strip()):
        raise UserError("The metric's 'file' is written file:PATH or file:PATH#HOW, such as file:result.json#json:p95.")
    if inner.kind in ("file", *_ALONE):
        raise UserError(f"The metric's file cannot be read by {inner.kind!r}: say json:PATH or re:REGEX behind the #.")
    if inner.kind == "name" and path.strip().lower().endswith(".json"):
        raise UserError(f"Where in {path} is the metric? Write --metric NAME=file:{path}#json:PATH.")
    return How("file", path.strip(), inner=inner)


# -- reading ----------------------------------------------------------------------------------------------------------


def read_metric(
    output: str, name: str, how: How, *, folder: Path, since: float, exit_code: int = 0, seconds: float = 0.0
) -> Reading:
    """Read a metric.

    Parameters
    ----------
    output : str
        What the command printed.
    name : str
        The metric's name; a unit at its end is the unit of the value.
    how : How
    folder : Path
        What the path of a file is relative to.
    since : float
        When the run began, in seconds since the epoch: an older file is not of this run.
    exit_code : int
        Of the command.
    seconds : float
        Its wall clock.

    Raises
    ------
    Unreadable
        When there is no reading, or more than one that could be meant.
    """
    if how.kind == "exit":
        return Reading(float(exit_code), "", f"exit status {exit_code}")
    if how.kind == "seconds":
        value, unit = converted(Figure(f"{seconds!r} s", repr(float(seconds)), "s", 0, 0), name)
        return Reading(value, unit, "the command's wall clock")
    if how.kind == "file" and how.inner is not None:
        return _read(_Text(visible_lines(_contents(how.argument, folder, since)), name, how.argument), how.inner)
    return _read(_Text(visible_lines(output), name), how)


def facts(output: str) -> Mapping[str, float]:
    """Other figures worth keeping: lines that are ``name: value`` with a one-word name, such as ``peak_vram_mb``.

    Returns
    -------
    Mapping[str, float]
        Finite values by the names as printed, in the units of the names. A name that is printed again has its last value;
        of more than `FACTS` names the first ones are kept.
    """
    found: dict[str, float] = {}
    for line in visible_lines(output):
        if (named := _FACT.match(line)) and len(line) <= LONGEST:
            figure = sole_figure(line[named.end() :])
            if figure is None or figure.doubt or (named[1] not in found and len(found) >= FACTS):
                continue
            value, _ = converted(figure, named[1])
            if math.isfinite(value):
                found[named[1]] = value
    return found


def _contents(path: str, folder: Path, since: float) -> str:
    file = folder / path
    try:
        if file.stat().st_mtime < since - TICK:
            raise Unreadable(f"{path} was not written by this run: the command must write it anew each time.")
        return file.read_text(encoding="utf-8", errors="replace")
    except FileNotFoundError:
        raise Unreadable(
            f"{path} is not there: the command has to write it, relative to {folder.name or folder}."
        ) from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise Unreadable(f"{path} cannot be read ({reason}): --metric NAME=file:PATH needs a text file.") from None


def _read(text: _Text, how: How) -> Reading:
    if how.kind == "lines":
        count = len(text.lines) if how.pattern is None else sum(bool(how.pattern.search(line)) for line in text.lines)
        return Reading(float(count), "", f"{count} lines" + (f" match {shorten(how.argument)}" if how.argument else ""))
    if how.kind == "json":
        return _read_json(text, how)
    if how.kind == "name":
        named = _named(text)
        return _only(text, named, "last") if named else _lone(text)
    if how.pattern is not None:
        matches = _matches(text, how)
        return _only(text, matches, f"last:{how.argument}") if how.kind == "re" else _pick(text, matches, how.kind)
    found = _named(text)
    if not found:
        raise Unreadable(_nothing(text, f"no line names {text.name!r}"))
    return _pick(text, found, how.kind)


def _read_json(text: _Text, how: How) -> Reading:
    try:
        value = look_up(documents("\n".join(text.lines)), how.path)
    except Missing as missing:
        where = text.file or "the output"
        raise Unreadable(f"{where}: {missing}; write --metric NAME=json:PATH for a place that has a number.") from None
    place = f"{how.argument} = {shorten(str(value))}"
    if isinstance(value, float):
        return Reading(value, "", place)
    figure = sole_figure(value) if len(value) <= LONGEST else None
    if figure is None or figure.doubt:
        doubt = figure.doubt if figure else f"{shorten(value)!r} is not one number"
        raise Unreadable(f"{how.argument} in {text.file or 'the output'}: {doubt}.")
    return Reading(*converted(figure, text.name), place)


def _reading(text: _Text, found: Found) -> Reading:
    """Convert one figure; refuse it where it, or its line, can be read in two ways."""
    if found.other is not None:
        raise Unreadable(_two(text, found, Found(found.other, found.number, found.line), "re:..."))
    if found.figure.doubt:
        place = text.place(found.number, found.line)
        raise Unreadable(f"{found.figure.doubt} ({place}): print it plainly, or say how with {text.option()}")
    return Reading(*converted(found.figure, text.name), shorten(found.line, 200))


def _only(text: _Text, all_found: Iterable[Found], way: str) -> Reading:
    """Read the one figure, printed any number of times."""
    first: Found | None = None
    reading = None
    for found in all_found:
        now = _reading(text, found)
        if first is None or reading is None:
            first, reading = found, now
        elif (now.unit, repr(now.value)) != (reading.unit, repr(reading.value)):
            raise Unreadable(_two(text, first, found, way))
    if reading is None:
        raise Unreadable(_nothing(text, "no number was found"))
    return reading


def _pick(text: _Text, all_found: Iterable[Found], kind: str) -> Reading:
    found = list(all_found)
    if not found:
        raise Unreadable(_nothing(text, "no number was found"))
    if kind in ("first", "last"):
        return _reading(text, found[0 if kind == "first" else -1])
    readings = [_reading(text, one) for one in found]
    for one, reading in zip(found, readings, strict=True):
        if reading.unit != readings[0].unit:
            raise Unreadable(_two(text, found[0], one, "re:..."))
    value = _PICKS[kind]([reading.value for reading in readings])
    line = next((r.line for r in readings if r.value == value), f"the {kind} of {len(readings)} readings")
    return Reading(value, readings[0].unit, f"the mean of {len(readings)} readings" if kind == "mean" else line)


def _two(text: _Text, first: Found, second: Found, way: str) -> str:
    tail = f" (or first, max, min, mean), or {text.option()}" if way == "last" else ""
    one, other = (f"{shorten(f.figure.text, 30)} ({text.place(f.number, f.line)})" for f in (first, second))
    return f"two readings could be meant: {one} and {other}: say which with {text.option(way)}{tail}"


def _nothing(text: _Text, found: str) -> str:
    where = text.file or "the output"
    printed = [line for line in text.lines if line.strip()]
    if not printed:
        return f"{where} is empty: print {text.name!r} and its value, or say how it is read with --metric NAME=HOW."
    last = f'{found} in {where} (the last of {len(printed)} lines: "{shorten(printed[-1])}")'
    return f'{last}: print "{text.name}: VALUE", or say how with {text.option()}'


def _matches(text: _Text, how: How) -> Iterator[Found]:
    """Find what the pattern matches, empty matches aside."""
    assert how.pattern is not None
    group = "value" if "value" in how.pattern.groupindex else min(1, how.pattern.groups)
    whole, number, at, any_match = "\n".join(text.lines), 1, 0, False
    for match in how.pattern.finditer(whole):
        if not match[group] or not match[group].strip():
            continue
        number, at, any_match = number + whole.count("\n", at, match.start(group)), match.start(group), True
        line = text.lines[number - 1]
        figure = sole_figure(match[group])
        if figure is None:
            raise Unreadable(
                f"the pattern found {shorten(match[group])!r}, which is not one number ({text.place(number, line)}): "
                "put a group round the number, re:...([0-9.]+)"
            )
        yield Found(figure, number, line)
    if not any_match:
        raise Unreadable(_nothing(text, f"nothing matches {how.kind}:{shorten(how.argument)}"))


def _named(text: _Text) -> list[Found]:
    found, vain = named_figures(text.lines, text.name)
    if vain is not None:
        raise Unreadable(
            f"no number right behind {text.name!r} ({text.place(*vain)}): "
            f"print a number there, or say how with {text.option()}"
        )
    return found


def _lone(text: _Text) -> Reading:
    """Read the only number of an output that does not name the metric."""
    first: Found | None = None
    for number, line in enumerate(text.lines, start=1):
        for figure in figures(line):
            found = Found(figure, number, line)
            if first is None:
                first = found
            elif (figure.number, figure.unit, figure.doubt) != (
                first.figure.number,
                first.figure.unit,
                first.figure.doubt,
            ):
                raise Unreadable(f"no line names {text.name!r}, and {_two(text, first, found, 're:...')}")
    if first is None:
        raise Unreadable(_nothing(text, f"no line names {text.name!r}, and there is no number"))
    if other := _OTHERS_NAME.match(first.line):
        its = (other["metric"] or other["name"]).strip()
        raise Unreadable(
            f"no line names {text.name!r}, and the only number is that of {shorten(its, 30)} "
            f"({text.place(first.number, first.line)}): name the metric so, or say how with {text.option()}"
        )
    return _reading(text, first)
