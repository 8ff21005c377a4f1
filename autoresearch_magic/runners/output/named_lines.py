"""The lines of an output that name a metric: ``METRIC name=value``, ``name: value``, ``name = value``, ``name value``."""

from __future__ import annotations

import re
from dataclasses import dataclass

from ...metric import split_direction
from .numbers import Figure, figures, is_unit

LONGEST = 1_000
"""Characters of a line that are looked at behind a name; a float with all its digits and commas has 420."""

_CODES = re.compile(r"\x1b\[[0-?]*+[ -/]*+[@-~]|\x1b\][^\x07\x1b]*+(?:\x07|\x1b\\)|\x1b[@-Z\\^_]")
_APART = re.compile(r"[\s_\-]+")
_BESIDE = re.compile(r"\s*(?:[(\[]\s*([^()\[\]\s]+)\s*[)\]]|%)\s*$")  # the unit in "latency (ms)", "coverage %"
_BEHIND = re.compile(  # from the name to the value
    r"[ \t]*+%?[ \t]*+(?:[(\[](?P<unit>[^()\[\]]{1,40})[)\]])?[ \t]*+(?:\.{3,}+)?[\"'`*]*+[ \t]*+"
    r"(?P<sign>=>|->|→|[:=|│](?![:=])|(?<=[ \t]))[ \t]*+"
)
_OPENING = re.compile(r"(?:[A-Za-z_][\w.]{0,20}\(|[A-F][+-]?[ ](?=\())?[\"'`*(\[{$€£~≈]*+")  # tensor(0.4), A (2.5)
_LEVEL = re.compile(r"(?:debug|info|notice|warn|warning|error|result|final|metric)s?", re.IGNORECASE)
_FIELD = re.compile(r"[|│;]\s*[A-Za-z]")


@dataclass(frozen=True)
class Found:
    """A figure and where it stands.

    Attributes
    ----------
    figure : Figure
    number : int
        Of its line, from 1.
    line : str
    other : Figure or None
        Another one that the same line could mean.
    """

    figure: Figure
    number: int
    line: str
    other: Figure | None = None


def visible_lines(output: str) -> list[str]:
    """Split an output into lines as a terminal shows them: no colours, and bars as they were last drawn."""
    output = output.removeprefix("\ufeff")
    if "\x1b" in output:
        output = _CODES.sub("", output)
    lines = output.split("\n")
    if not lines[-1]:
        lines.pop()
    return [line.rstrip("\r").rpartition("\r")[2] if "\r" in line else line for line in lines]


def named_figures(lines: list[str], name: str) -> tuple[list[Found], tuple[int, str] | None]:
    """Find the lines that name a metric, with the figure behind the name.

    The name is compared without case, and with spaces, underscores and hyphens alike; a unit in brackets at its end may
    be missing in the line, and the line may have one more.

    Returns
    -------
    found : list of Found
        Of the lines with ``METRIC`` before the name where there are some, else of all.
    vain : (int, str) or None
        A line, and its number from 1, that names the metric and has no number behind it where one was needed.
    """
    beside = _BESIDE.search(name)
    bare = name[: beside.start()] if beside and (beside[1] is None or is_unit(beside[1])) else name
    words = [re.escape(word) for word in _APART.split(bare) if word]
    pattern = re.compile(r"(?<!\w)" + r"[ \t_-]+".join(words) + r"(?!\w)", re.IGNORECASE)
    marked: list[Found] = []
    plain: list[Found] = []
    without: list[tuple[int, str, bool]] = []
    for number, line in enumerate(lines, start=1):
        for match in pattern.finditer(line):
            before = line[max(0, match.start() - 80) : match.start()]
            behind = _BEHIND.match(line, match.end())
            if behind is None or not _begins(before) or not _belongs(behind["unit"]):
                continue
            if (
                not behind["sign"] and before.strip()
            ):  # "1234 ns/op 16 B/op": only a line's first words name what follows
                continue
            metric = before.strip() == "METRIC"
            found = _value(line, number, behind.end(), behind["unit"])
            if found is not None:
                (marked if metric else plain).append(found)
            elif behind["sign"] and line[behind.end() : behind.end() + LONGEST].strip():
                without.append((number, line, metric))
    vain = next((place for place in without if place[2] or not (marked or plain)), None) if not marked else None
    return marked or plain, vain[:2] if vain else None


def _begins(before: str) -> bool:
    """Whether a name can begin behind this: not in the middle of a longer name, such as the loss in ``val loss``."""
    if not (word := before.rstrip()):
        return True
    gap = before[len(word) :]
    if not gap:
        return word[-1] in "\"'`([{|│,;<>*#:="
    last = re.split(r"[\s=:]", word)[-1].lstrip("([{")
    return len(gap) > 1 or gap == "\t" or not last[-1:].isalnum() or last[:1].isdigit() or bool(_LEVEL.fullmatch(last))


def _belongs(unit: str | None) -> bool:
    """Whether what stands in brackets behind the name is a unit or the direction, and not another name."""
    return unit is None or is_unit(unit.strip()) or unit.strip() == "%" or split_direction(f"({unit})")[1] is not None


def _value(line: str, number: int, start: int, unit: str | None) -> Found | None:
    """Read the figure that begins here, and another that it could be mistaken for."""
    opening = _OPENING.match(line, start)
    start = opening.end() if opening else start
    rest = line[start : start + LONGEST]
    if not rest or not (rest[0].isdigit() or rest[0] in "+-−.nNiI"):
        return None
    found = figures(rest)
    figure = next(found, None)
    if figure is None or figure.start != 0:
        return None
    if unit and not figure.unit and is_unit(unit.strip()):
        figure = Figure(figure.text, figure.number, unit.strip(), figure.start, figure.end, doubt=figure.doubt)
    other = next(found, None)
    if other is not None and (other.labelled or _FIELD.search(rest, figure.end, other.start)):
        other = None
    return Found(figure, number, line, other)
