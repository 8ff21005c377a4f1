"""Reads the metric of a command. `FORMATS` is the table of all formats, each with the function that reads it.

A metric is written ``NAME`` or ``NAME=FORMAT``. The ``--metric`` help, the prompt for models and the error messages are
made from the table. Where two values could be meant, none is chosen: the error shows both. Units are converted as
`numbers.converted` says.

To add a format, write its function and its row here, a case in ``test_metric_reader.py`` and a line in
``docs/repositories.md``.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from operator import attrgetter
from pathlib import Path

from ...errors import UserError
from ...metric import split_direction
from ...text import shorten
from .coverage_tables import table_total
from .json_path import MissingValue, documents, look_up, parse_path
from .named_lines import LONGEST, Candidate, find_loosely, find_named, visible_lines
from .notes import without_notes
from .numbers import Quantity, converted, quantities, sole_quantity
from .readings import Reading, RunOutput, Unreadable
from .result_file import read_result_file

TICK = 0.01
"""Seconds by which a file's time may lag behind the clock: file systems stamp with the kernel's last tick."""

Read = Callable[[RunOutput], Reading]
"""Reads a metric; raises `Unreadable` where there is no value, or more than one that could be meant."""

_OTHER_NAME = re.compile(
    r"\s*(?:METRIC\s+(?P<metric>[^=:]{1,60})|(?P<name>[A-Za-z][A-Za-z0-9]*(?:_[A-Za-z0-9]+)+)\s*)[:=]"
)


@dataclass(frozen=True)
class MetricFormat:
    """A way to read a metric.

    Attributes
    ----------
    usage : str
        How it is written after ``NAME=``: a keyword, then ``:ARGUMENT`` or, where it may be missing, ``[:ARGUMENT]``.
    meaning : str
        What it reads, in a clause for users and models.
    compile : callable
        Makes the reader from the argument; raises `UserError` for an argument that can never work.
    any_exit_status : bool
        Whether the value counts when the command fails: many tools report what they found by their exit status.
    in_file : bool
        Whether it can also read a file, after ``file:PATH#``.
    """

    usage: str
    meaning: str
    compile: Callable[[str], Read]
    any_exit_status: bool = False
    in_file: bool = True

    @property
    def keyword(self) -> str:
        """The word that it begins with; empty for the name alone."""
        return re.split(r"\W", self.usage)[0]


@dataclass(frozen=True)
class ReadingRule:
    """How one metric is read: a format, its argument as the user wrote it, and the reader made from both."""

    format: MetricFormat
    argument: str
    read: Read

    @property
    def file(self) -> str:
        """The path of the file that is read; empty when it is the command's output."""
        return self.argument.partition("#")[0].strip() if self.format.keyword == "file" else ""


# -- what the user writes ---------------------------------------------------------------------------------------------


def parse_verified_metric(text: str) -> tuple[str, str, bool | None]:
    """Split the metric of a command, ``NAME`` or ``NAME=FORMAT``; the name may be several words.

    Parameters
    ----------
    text : str
        For example ``p95_ms=re:p95=([0-9.]+)``, ``coverage % (higher is better)`` or ``val_bpb``.

    Returns
    -------
    name : str
        With single spaces.
    rule : str
        For `parse_rule`; empty for a name alone.
    minimize : bool or None
        Where the text says which way is better, else None.

    Raises
    ------
    UserError
        When there is no name, or nothing after its ``=``.
    """
    text, minimize = split_direction(text)
    name, equals, rule = text.partition("=")
    name, rule = " ".join(name.split()), rule.strip()
    if not any(character.isalnum() for character in name):
        raise UserError(
            "The metric has no name: give --metric NAME or --metric NAME=FORMAT, for example --metric p95_ms=json:p95."
        )
    if equals and not rule:
        raise UserError(
            f"The metric {name!r} ends in '=': give the name alone, or a format after it: {format_usages()}."
        )
    return name, rule, minimize


def parse_rule(text: str) -> ReadingRule:
    """Return the rule for what comes after ``NAME=``; an empty text is the name alone.

    Raises
    ------
    UserError
        For what can never work: an unknown format, an invalid pattern or one with several groups, an invalid path.
    """
    keyword, colon, argument = (part.strip() for part in text.partition(":"))
    known = FORMATS.get(keyword)
    if known is None or (colon and not keyword):
        raise UserError(
            f"The metric cannot be read by {shorten(text.strip())!r}: write one of {format_usages()}, or the name alone."
        )
    takes = known.usage.removeprefix(keyword)
    if bool(colon) != bool(argument) or (argument and not takes) or (not argument and takes.startswith(":")):
        problem = "takes no argument" if not takes else "needs an argument" if takes[0] == ":" else "ends in a colon"
        raise UserError(f"The metric's {keyword!r} {problem}: write --metric NAME={known.usage}.")
    return ReadingRule(known, argument, known.compile(argument))


def read_metric(
    output: str, name: str, rule: ReadingRule, *, folder: Path, since: float, exit_code: int = 0, seconds: float = 0.0
) -> Reading:
    """Read a metric of a command that has ended.

    Parameters
    ----------
    output : str
        What the command printed.
    name, folder, since, exit_code, seconds
        See `RunOutput`.
    rule : ReadingRule

    Raises
    ------
    Unreadable
        When there is no value, or more than one that could be meant.
    """
    return rule.read(RunOutput(visible_lines(output), name, folder, since, exit_code, seconds))


def format_usages(*, in_file: bool = False) -> str:
    """Return how the formats are written, in one line: ``re:REGEX, json:PATH, ... or mean[:REGEX]``."""
    *most, last = (f.usage for f in FORMATS.values() if f.usage and (f.in_file or not in_file))
    return f"{', '.join(most)} or {last}"


def describe_formats() -> str:
    """Return the formats with their meanings, a line each, and which of them are read when the command fails."""
    lines = [f"{f'NAME={f.usage}' if f.usage else 'NAME'}: {f.meaning}" for f in FORMATS.values()]
    kept = ", ".join(f.keyword for f in FORMATS.values() if f.any_exit_status)
    return "\n".join([*lines, f"A command that exits with another status than 0 has failed, except with {kept}."])


# -- readers of the formats -------------------------------------------------------------------------------------------


def read_named_line(run: RunOutput) -> Reading:
    """Read the line that names the metric."""
    if named := _named(run):
        return run.agreed(named, "last")
    raise run.nothing(f"no line names {run.metric!r}")


def _read_name(run: RunOutput) -> Reading:
    """Read the line that names the metric, or the only number of the output."""
    if named := _named(run):
        return run.agreed(named, "last")
    lines = without_notes(run.lines)
    all_numbers = (Candidate(q, number, line) for number, line in enumerate(lines, 1) for q in quantities(line))
    first = next(all_numbers, None)
    if first is None:
        raise run.nothing(f"no line names {run.metric!r}, and there is no number")
    for candidate in all_numbers:
        if _content(candidate.quantity) != _content(first.quantity):
            raise Unreadable(f"no line names {run.metric!r}, and {run.conflict(first, candidate, 're:...')}")
    if other := _OTHER_NAME.match(first.line):
        its_name = (other["metric"] or other["name"]).strip()
        raise Unreadable(
            f"no line names {run.metric!r}, and the only number is that of {shorten(its_name, 30)} "
            f"({run.place(first.line_number, first.line)}): give the metric this name, or say how to read it with {run.option()}"
        )
    return run.reading(first)


_content = attrgetter("number", "unit", "ambiguity")  # what two printings of one quantity have in common


def _named(run: RunOutput) -> list[Candidate]:
    lines = without_notes(run.lines)
    candidates, without_number = find_named(lines, run.metric)
    if totals := [Candidate(*total) for total in table_total(lines, run.metric)]:
        rows = {total.line_number for total in totals}
        return totals + [c for c in candidates if c.line_number not in rows]
    if not candidates and (loosely := find_loosely(lines, run.metric)):
        return loosely
    if without_number is not None:
        raise Unreadable(
            f"no number right after {run.metric!r} ({run.place(*without_number)}): "
            f"print a number there, or say how to read it with {run.option()}"
        )
    if not candidates and (in_notes := find_named(run.lines, run.metric)[0]):
        place = run.place(in_notes[-1].line_number, in_notes[-1].line)
        raise Unreadable(
            f"only a note names {run.metric!r} ({place}), and notes are for the agent: print it without  note:"
        )
    return candidates


def _compile_regex(argument: str) -> Read:
    pattern = _pattern(argument)
    return lambda run: run.agreed(_matches(run, pattern, f"re:{argument}"), f"last:{argument}")


def _pattern(text: str, *, any_groups: bool = False) -> re.Pattern[str]:
    try:
        pattern = re.compile(text, re.MULTILINE)
    except (re.error, OverflowError, RecursionError) as error:
        raise UserError(f"The metric's pattern {shorten(text)!r} is not a regular expression: {error}.") from None
    if pattern.groups > 1 and "value" not in pattern.groupindex and not any_groups:
        raise UserError(
            f"The metric's pattern {shorten(text)!r} has {pattern.groups} groups: write (?P<value>...) for the number, "
            "or (?:...) for the other groups."
        )
    return pattern


def _matches(run: RunOutput, pattern: re.Pattern[str], written: str) -> Iterator[Candidate]:
    """Yield what the pattern's group matches, without empty matches; `written` is the pattern as in the metric."""
    group = "value" if "value" in pattern.groupindex else min(1, pattern.groups)
    text, number, at, any_match = "\n".join(run.lines), 1, 0, False
    for match in pattern.finditer(text):
        if not match[group] or not match[group].strip():
            continue
        number, at, any_match = number + text.count("\n", at, match.start(group)), match.start(group), True
        line = run.lines[number - 1]
        quantity = sole_quantity(match[group])
        if quantity is None:
            raise Unreadable(
                f"the pattern found {shorten(match[group])!r}, which is not one number ({run.place(number, line)}): "
                "put a group around the number, re:...([0-9.]+)"
            )
        yield Candidate(quantity, number, line)
    if not any_match:
        raise run.nothing(f"nothing matches {shorten(written, 70)}")


def _compile_json(argument: str) -> Read:
    path = parse_path(argument)

    def read(run: RunOutput) -> Reading:
        try:
            value = look_up(documents("\n".join(run.lines)), path)
        except MissingValue as missing:
            raise Unreadable(
                f"{run.origin}: {missing}; write --metric NAME=json:PATH with the path of a number."
            ) from None
        place = f"{argument} = {shorten(str(value))}"
        if isinstance(value, float):
            return Reading(value, "", place)
        quantity = sole_quantity(value) if len(value) <= LONGEST else None
        doubt = quantity.doubt(run.metric) if quantity else ""
        if quantity is None or doubt:
            problem = doubt if quantity else f"{shorten(value)!r} is not one number"
            raise Unreadable(f"{argument} in {run.origin}: {problem}.")
        return Reading(*converted(quantity, run.metric), place)

    return read


def _compile_file(argument: str) -> Read:
    path, mark, inner = (part.strip() for part in argument.partition("#"))
    rule = parse_rule(inner)
    if not path or (mark and not inner):
        raise UserError(
            "The metric's 'file' is written file:PATH or file:PATH#FORMAT, such as file:result.json#json:p95."
        )
    if not rule.format.in_file:
        raise UserError(
            f"The metric's file cannot be read by {rule.format.keyword!r}: after the # write "
            f"{format_usages(in_file=True)}."
        )
    if not inner and path.lower().endswith(".json"):
        raise UserError(f"The path within {path} is missing: write --metric NAME=file:{path}#json:PATH.")
    return lambda run: rule.read(replace(run, lines=file_lines(path, run), file=path))


def file_lines(path: str, run: RunOutput) -> list[str]:
    """Return the lines of a file that a run has written.

    Raises
    ------
    Unreadable
        When there is none, it is older than the run, or it cannot be read.
    """
    try:
        text, changed = read_result_file(run.folder / path, None if Path(path).is_absolute() else run.folder)
    except FileNotFoundError:
        raise Unreadable(
            f"{path} does not exist: the command has to write it, relative to {run.folder.name or run.folder}."
        ) from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise Unreadable(f"{path} cannot be read ({reason}): --metric NAME=file:PATH needs a text file.") from None
    if changed < run.since - TICK:
        raise Unreadable(f"{path} was not written by this run: the command must write it anew each time.")
    return visible_lines(text)


def _read_exit(run: RunOutput) -> Reading:
    return Reading(float(run.exit_code), "", f"exit status {run.exit_code}")


def _read_seconds(run: RunOutput) -> Reading:
    seconds = Quantity(f"{run.seconds!r} s", repr(float(run.seconds)), "s", 0, 0)
    return Reading(*converted(seconds, run.metric), "the command's wall clock")


def _compile_lines(argument: str) -> Read:
    pattern = _pattern(argument, any_groups=True)  # an empty one matches every line

    def read(run: RunOutput) -> Reading:
        count = sum(bool(pattern.search(line)) for line in run.lines)
        return Reading(float(count), "", f"{count} lines" + (f" match {shorten(argument)}" if argument else ""))

    return read


Choose = Callable[[RunOutput, list[Candidate]], Reading]


def _compile_choice(keyword: str, choose: Choose, argument: str) -> Read:
    """Read one of several values: of the lines that name the metric, or of what a pattern matches."""
    pattern = _pattern(argument) if argument else None

    def read(run: RunOutput) -> Reading:
        candidates = list(_matches(run, pattern, f"{keyword}:{argument}")) if pattern else _named(run)
        if not candidates:
            raise run.nothing(f"no line names {run.metric!r}")
        return choose(run, candidates)

    return read


def _combine(
    keyword: str, combine: Callable[[list[float]], float], run: RunOutput, candidates: list[Candidate]
) -> Reading:
    """Combine all values, which must have the same unit; NaN where one is NaN."""
    readings = [run.reading(candidate) for candidate in candidates]
    for candidate, reading in zip(candidates, readings, strict=True):
        if reading.unit != readings[0].unit:
            raise run.conflict(candidates[0], candidate, "re:...")
    values = [reading.value for reading in readings]
    value = math.nan if any(map(math.isnan, values)) else combine(values)
    lines = [reading.line for reading in readings if reading.value == value and keyword != "mean"]
    return Reading(value, readings[0].unit, lines[0] if lines else f"the {keyword} of {len(readings)} readings")


def _mean(values: list[float]) -> float:
    return math.fsum(values) / len(values) if all(map(math.isfinite, values)) else sum(values)


def _choice(keyword: str, meaning: str, choose: Choose) -> MetricFormat:
    of = "of the lines that name it, or of all matches of a pattern"
    return MetricFormat(f"{keyword}[:REGEX]", f"{meaning} {of}", partial(_compile_choice, keyword, choose))


FORMATS: Mapping[str, MetricFormat] = {
    f.keyword: f
    for f in (
        MetricFormat(
            "", "the line that names it, such as `NAME: 3.2`, `NAME = 3.2` or `METRIC NAME=3.2`, else the only number",
            lambda _: _read_name,
        ),
        MetricFormat(
            "re:REGEX", "the number that a regular expression's group matches, or its group (?P<value>...), or the whole match",
            _compile_regex, any_exit_status=True,
        ),
        MetricFormat(
            "json:PATH", 'a number in JSON, alone or within other output: totals.percent_covered, results[-1]["a b"].p95',
            _compile_json, any_exit_status=True,
        ),
        MetricFormat(
            "file:PATH[#FORMAT]", "the same in a file that the command has written, such as file:result.json#json:p95",
            _compile_file, any_exit_status=True, in_file=False,
        ),
        MetricFormat("exit", "the command's exit status", lambda _: _read_exit, any_exit_status=True, in_file=False),
        MetricFormat("seconds", "the command's wall clock", lambda _: _read_seconds, in_file=False),
        MetricFormat(
            "lines[:REGEX]", "how many lines are printed, or how many match", _compile_lines, any_exit_status=True
        ),
        _choice("last", "the last value", lambda run, found: run.reading(found[-1])),
        _choice("first", "the first value", lambda run, found: run.reading(found[0])),
        _choice("max", "the largest value", partial(_combine, "max", max)),
        _choice("min", "the smallest value", partial(_combine, "min", min)),
        _choice("mean", "the mean value", partial(_combine, "mean", _mean)),
    )
}  # fmt: skip
"""Every way to read a metric, by keyword, in the order in which they are described."""
