"""One value out of the numbers of an output, or an error that shows what else could be meant."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from ...text import shorten
from .named_lines import Candidate
from .numbers import converted


@dataclass(frozen=True)
class Reading:
    """A metric's value as it was read.

    Attributes
    ----------
    value : float
        NaN and infinities as they were printed.
    unit : str
        The unit of `value`, after conversion; empty when none was printed.
    line : str
        The line or place that it was read from.
    """

    value: float
    unit: str
    line: str


class Unreadable(Exception):
    """The metric has no value, or more than one: one line that says what was found and what to do."""


class NothingToRead(Unreadable):
    """Nothing in the output could be the metric."""


@dataclass(frozen=True)
class RunOutput:
    """What a command printed, or wrote to a file, and how it ended.

    Attributes
    ----------
    lines : list of str
        As a terminal shows them.
    metric : str
        The metric's name; a unit at its end is the unit of the value.
    folder : Path
        What the path of a file is relative to.
    since : float
        When the run began, in seconds since the epoch.
    exit_code : int
    seconds : float
        Wall clock of the command.
    file : str
        The file that the lines are from; empty for what was printed.
    """

    lines: list[str]
    metric: str
    folder: Path
    since: float
    exit_code: int = 0
    seconds: float = 0.0
    file: str = ""

    @property
    def origin(self) -> str:
        """The name of where the lines are from, for messages."""
        return self.file or "the output"

    def place(self, number: int, line: str) -> str:
        """Return a line with its number and file, for messages."""
        return f'line {number}{f" of {self.file}" if self.file else ""}: "{shorten(line)}"'

    def option(self, format: str = "re:...") -> str:
        """Return the option that reads the metric by `format`, in quotes where a shell needs them."""
        option = f"{self.metric}={f'file:{self.file}#' if self.file else ''}{format}"
        return f"--metric {option}" if re.fullmatch(r"[\w.,:/%=+#-]+", option) else f"--metric '{option}'"

    def reading(self, candidate: Candidate) -> Reading:
        """Convert one candidate to the metric's unit.

        Raises
        ------
        Unreadable
            When it, or its line, can be read in two ways.
        """
        if candidate.alternative is not None:
            other = Candidate(candidate.alternative, candidate.line_number, candidate.line)
            raise self.conflict(candidate, other, "re:...")
        if doubt := candidate.quantity.doubt(self.metric):
            place = self.place(candidate.line_number, candidate.line)
            raise Unreadable(f"{doubt} ({place}): print the number plainly, or say how to read it with {self.option()}")
        return Reading(*converted(candidate.quantity, self.metric), shorten(candidate.line, 200))

    def agreed(self, candidates: Iterable[Candidate], remedy: str) -> Reading:
        """Return the value that all candidates have, of which there is at least one.

        Raises
        ------
        Unreadable
            When two differ; the message offers the format `remedy`.
        """
        read = ((candidate, self.reading(candidate)) for candidate in candidates)
        first, reading = next(read)
        for candidate, other in read:
            if (other.unit, repr(other.value)) != (reading.unit, repr(reading.value)):
                raise self.conflict(first, candidate, remedy)
        return reading

    def conflict(self, first: Candidate, second: Candidate, remedy: str) -> Unreadable:
        """Return the error that shows two numbers that could be meant."""
        others = f" (or first, max, min, mean), or {self.option()}" if remedy == "last" else ""
        one, other = (f"{shorten(c.quantity.text, 30)} ({self.place(c.line_number, c.line)})" for c in (first, second))
        return Unreadable(
            f"two readings could be meant: {one} and {other}: say which with {self.option(remedy)}{others}"
        )

    def nothing(self, found: str) -> Unreadable:
        """Return the error for an output without a value: `found`, and its last line."""
        printed = [line for line in self.lines if line.strip()]
        if not printed:
            return NothingToRead(
                f"{self.origin} is empty: print {self.metric!r} and its value, or say how to read it with "
                "--metric NAME=FORMAT."
            )
        last = f'{found} in {self.origin} (the last of {len(printed)} lines: "{shorten(printed[-1])}")'
        return NothingToRead(f'{last}: print "{self.metric}: VALUE", or say how to read it with {self.option()}')
