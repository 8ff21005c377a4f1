"""Lines that name a value: ``METRIC name=value``, ``name: value``, ``name = value`` and ``name value``; also ``12 passed``."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace

from ...metric import split_direction
from .numbers import Quantity, converted, is_unit, quantities, same_dimension, sole_quantity

LONGEST = 1_000
"""Characters after a name that are searched for its value; a float with all its digits and commas has 420."""
MOST_VALUES = 100
"""Names that `named_values` keeps of one output."""

_ESCAPE_CODE = re.compile(r"\x1b\[[0-?]*+[ -/]*+[@-~]|\x1b\][^\x07\x1b]*+(?:\x07|\x1b\\)|\x1b[@-Z\\^_]")
_WORD_SEPARATOR = re.compile(r"[\s_\-]+")
_UNIT_IN_NAME = re.compile(r"\s*(?:[(\[]\s*([^()\[\]\s]+)\s*[)\]]|%)\s*$")  # "latency (ms)", "coverage %"
_BETWEEN = re.compile(  # what may come between a name and its value
    r"[ \t]*+%?[ \t]*+(?:[(\[](?P<unit>[^()\[\]]{1,40})[)\]])?[ \t]*+(?:\.{3,}+)?[\"'`*]*+[ \t]*+"
    r"(?P<sign>=>|->|→|[:=|│](?![:=])|(?<=[ \t]))[ \t]*+"
)
_OPENING = re.compile(r"(?:[A-Za-z_][\w.]{0,20}\(|[A-F][+-]?[ ](?=\())?[\"'`*(\[{$€£~≈]*+")  # tensor(0.4), A (2.5)
_LOG_LEVEL = re.compile(r"(?:debug|info|notice|warn|warning|error|result|final|metric)s?", re.IGNORECASE)
_PERCENTILE = re.compile(r"(p)\\?\(?([0-9]+(?:\\?\.[0-9]+)?)\\?\)?", re.IGNORECASE)  # an escaped p95 or p(95)
_BLANKS = re.compile(r"[ \t]*+")
_BEFORE_COUNT = re.compile(
    r"(?:^|[^\w\s/.-])[ \t]*$|(?:^|\W)(?:found|with|got|has|have|are|were|and|ok\.)[ \t]*$", re.IGNORECASE
)
_AFTER_COUNT = re.compile(
    r"[ \t]*(?:$|[,;.)\]!|#]|[ \t]{2,}(?![-+.\d])|(?:in|out of|total|found|remaining)\b|\()", re.IGNORECASE
)
_FINDINGS = re.compile(
    r"(?<![a-z])(error|issue|problem|warning|violation|finding|failure|lint)s?(?![a-z])", re.IGNORECASE
)
_NOTHING_FOUND = re.compile(  # mypy, ruff and others
    r"(?<!\w)(?:no|zero) (?P<noun>issue|problem|error|warning|violation|finding|failure)s(?: were)?(?: found| detected)?(?!\w)"
    r"|^All checks passed!?\s*$",
    re.IGNORECASE,
)
_FIELD_END = re.compile(r"[,;:|│][ \t]*$")  # "step 500: train loss 1.5, val loss 1.8"
_KINDS_OF_VALUE = (
    "%",
    "mean",
    "mean ± σ",
    "average",
    "avg",
    "ratio",
)  # hyperfine's "Time (mean ± σ):", vegeta's "Success [ratio]"
_NEXT_FIELD = re.compile(r"[|│;,]\s*(?!(?:of|or|to|and)\b)[A-Za-z]")
_COUNT_END = re.compile(r"(?:^|[ \t(])[0-9][0-9,]*[ \t]$")
_NAMED_VALUE = re.compile(r"[ \t]*+(?:METRIC[ \t]+)?([A-Za-z]\w{0,60})[ \t]*+[:=][ \t]*+(?=[^\s:=])")


@dataclass(frozen=True)
class Candidate:
    """A number that may be the metric's value, with its line.

    Attributes
    ----------
    quantity : Quantity
    line_number : int
        From 1.
    line : str
    alternative : Quantity or None
        Another number that the same line may mean.
    """

    quantity: Quantity
    line_number: int
    line: str
    alternative: Quantity | None = None


def visible_lines(output: str) -> list[str]:
    """Split an output into lines as a terminal shows them: without colours, and progress bars as they were last drawn."""
    output = output.removeprefix("\ufeff")
    if "\x1b" in output:
        output = _ESCAPE_CODE.sub("", output)
    lines = output.split("\n")
    if not lines[-1]:
        lines.pop()
    return [line.rstrip("\r").rpartition("\r")[2] if "\r" in line else line for line in lines]


def named_values(output: str) -> Mapping[str, float]:
    """Return the finite values of all ``name: value`` lines with a one-word name, such as ``peak_vram_mb: 45060.2``.

    Names are as printed, values in the units of their names. The last value of a name counts; of more than `MOST_VALUES`
    names the first ones are kept.
    """
    values: dict[str, float] = {}
    for line in visible_lines(output):
        if (match := _NAMED_VALUE.match(line)) and len(line) <= LONGEST:
            quantity = sole_quantity(line[match.end() :])
            if quantity is None or quantity.doubt(match[1]) or (match[1] not in values and len(values) >= MOST_VALUES):
                continue
            value, _ = converted(quantity, match[1])
            if math.isfinite(value):
                values[match[1]] = value
    return values


def find_named(lines: list[str], name: str) -> tuple[list[Candidate], tuple[int, str] | None]:
    """Find the lines that name a metric, with the number after the name.

    Case is ignored, and spaces, underscores and hyphens are the same. A unit in brackets at the end of `name` may be
    missing in the line, and the line may have one that `name` lacks.

    Returns
    -------
    candidates : list of Candidate
        Of the lines with ``METRIC`` before the name where there are any, else of all.
    without_number : (int, str) or None
        A line, after its number from 1, that names the metric but lacks a number where one was needed.
    """
    pattern = re.compile(rf"(?<!\w){name_pattern(name)}(?!\w)", re.IGNORECASE)
    candidates: dict[bool, list[Candidate]] = {True: [], False: []}  # by whether the line begins with METRIC
    without_number: dict[bool, tuple[int, str]] = {}
    for number, line in enumerate(lines, start=1):
        for match in pattern.finditer(line):
            before = line[max(0, match.start() - 80) : match.start()]
            between = _BETWEEN.match(line, match.end())
            if between is None or not _is_name_start(before) or not _is_unit_or_direction(between["unit"]):
                continue
            if not between["sign"] and before.strip() and not _FIELD_END.search(before):
                continue  # "1234 ns/op 16 B/op": without a sign, only the first words of a line or a field name what follows
            if between["sign"] in ("|", "│") and _COUNT_END.search(before):
                continue  # "2 failed | 38 passed": the bar ends the field
            marked = before.strip() == "METRIC"
            candidate = _candidate(line, number, between.end(), between["unit"])
            if candidate is not None:
                candidates[marked].append(candidate)
            elif between["sign"] and line[between.end() : between.end() + LONGEST].strip():
                without_number.setdefault(marked, (number, line))
    if candidates[True]:
        return candidates[True], None
    if candidates[False]:
        return candidates[False], without_number.get(True)
    return [], min(without_number.values(), default=None)


def find_loosely(lines: list[str], name: str) -> list[Candidate]:
    """Find values that are named in another form than `find_named` takes, for a metric that it has not found at all.

    The first of these forms that occurs:

    1. a row and a field: ``http_req_duration p(95)`` in the line ``http_req_duration: avg=3ms p(95)=9ms``;
    2. a line without the unit at the name's end: ``p95_ms`` in ``p95: 9.1ms``, where the value has a unit of that kind;
    3. a count before its name: ``failed`` in ``2 failed, 40 passed``;
    4. nothing of what is counted: ``errors`` in ``Success: no issues found in 5 source files``;
    5. a unit for a name: ``ns/op`` in ``BenchmarkFib-8  1000  1234 ns/op``.
    """
    words = [word for word in _WORD_SEPARATOR.split(name) if word]
    for cut in range(len(words) - 1, 0, -1):
        row = re.compile(
            rf"[ \t{{|*-]*{name_pattern(' '.join(words[:cut]))}(?!\w)(?:[. \t]*[:=|]|[ \t]{{2,}})", re.IGNORECASE
        )
        found: list[Candidate] = []
        for number, line in enumerate(lines, start=1):
            if start := row.match(line):
                # Blanks in place of the row's name, so that the field's place in the line stays.
                rest, field = [" " * start.end() + line[start.end() :]], " ".join(words[cut:])
                inner = find_named(rest, field)[0] or _without_unit(rest, field) or _counted(rest, field)
                found += [replace(c, line_number=number, line=line) for c in inner]
        if found:
            return found
    return _without_unit(lines, name) or _counted(lines, name) or _none_found(lines, name) or _by_unit(lines, name)


def _without_unit(lines: list[str], name: str) -> list[Candidate]:
    """Return the values of lines that lack the unit at the name's end and have one of its kind at their number."""
    words = [word for word in _WORD_SEPARATOR.split(name) if word]
    if len(words) < 2 or not is_unit(words[-1]):
        return []
    bare, _ = find_named(lines, " ".join(words[:-1]))
    return [c for c in bare if same_dimension(c.quantity.unit, words[-1])]


def _none_found(lines: list[str], name: str) -> list[Candidate]:
    """Return a zero for each line in which a tool says that it has found nothing, for a metric that counts findings.

    ``no issues`` and ``no problems`` are said of any kind of finding, ``no warnings`` of warnings alone.
    """
    if not (counted := _FINDINGS.search(name)):
        return []
    said = (None, "issue", "problem", counted[1].lower())
    places = ((number, line, _NOTHING_FOUND.search(line)) for number, line in enumerate(lines, start=1))
    found = [(number, line, m) for number, line, m in places if m and (m["noun"] and m["noun"].lower()) in said]
    return [Candidate(Quantity(m[0], "0", "", m.start(), m.end()), number, line) for number, line, m in found]


def _by_unit(lines: list[str], name: str) -> list[Candidate]:
    """Return the numbers whose unit is the metric's name, where that is a rate."""
    if "/" not in name:
        return []
    found = ((number, line, each) for number, line in enumerate(lines, start=1) for each in quantities(line))
    return [Candidate(each, number, line) for number, line, each in found if each.unit == name]


def _counted(lines: list[str], name: str) -> list[Candidate]:
    """Return the numbers that stand right before a name, as the 12 in ``12 passed``; not the 5 in ``step 5 loss 0.3``."""
    pattern = re.compile(rf"(?<=[ \t/]){name_pattern(name)}(?!\w)", re.IGNORECASE)
    found = []
    for number, line in enumerate(lines, start=1):
        ends = {match.start(): match.end() for match in pattern.finditer(line)}
        for quantity in quantities(line) if ends else ():
            end = ends.get(_BLANKS.match(line, quantity.end).end())  # type: ignore[union-attr]
            if (
                end is not None
                and quantity.unit in ("", "%")
                and not quantity.ambiguity
                and _AFTER_COUNT.match(line, end)
                and _BEFORE_COUNT.search(line[max(0, quantity.start - 12) : quantity.start])
            ):
                found.append(Candidate(quantity, number, line))
    return found


def name_pattern(name: str) -> str:
    """Return the pattern of a metric's name as it is printed, without the unit in brackets at its end; ``p95`` may be ``p(95)``."""
    unit = _UNIT_IN_NAME.search(name)
    bare_name = name[: unit.start()] if unit and (unit[1] is None or is_unit(unit[1])) else name
    words = [re.escape(word) for word in _WORD_SEPARATOR.split(bare_name) if word]
    words = [rf"{p[1]}\(?{p[2]}\)?" if (p := _PERCENTILE.fullmatch(word)) else word for word in words]
    return r"[ \t_-]+".join(words)


def _is_name_start(before: str) -> bool:
    """Whether a name can begin after this text: the loss in ``val loss`` does not, it is the end of a longer name."""
    if not (text := before.rstrip()):
        return True
    gap = before[len(text) :]
    if not gap:
        return text[-1] in "\"'`([{|│,;<>*#:="
    last = re.split(r"[\s=:]", text)[-1].lstrip("([{")
    return (
        len(gap) > 1 or gap == "\t" or not last[-1:].isalnum() or last[:1].isdigit() or bool(_LOG_LEVEL.fullmatch(last))
    )


def _is_unit_or_direction(text: str | None) -> bool:
    """Whether the brackets after a name hold a unit or the direction, or nothing; else they belong to another name."""
    if text is None or is_unit(text.strip()) or text.strip() in _KINDS_OF_VALUE:
        return True
    return split_direction(f"({text})")[1] is not None


def _candidate(line: str, number: int, start: int, unit: str | None) -> Candidate | None:
    """Return the number that begins at `start`, with the next one of the line if it might be meant instead."""
    opening = _OPENING.match(line, start)
    start = opening.end() if opening else start
    text = line[start : start + LONGEST]
    if not text or not (text[0].isdigit() or text[0] in "+-−.nNiI"):
        return None
    found = quantities(text)
    quantity = next(found, None)
    if quantity is None or quantity.start != 0:
        return None
    if unit and not quantity.unit and is_unit(unit.strip()):
        quantity = replace(quantity, unit=unit.strip())
    other = next(found, None)
    if other is not None and (other.labelled or _NEXT_FIELD.search(text, quantity.end, other.start)):
        other = None
    return Candidate(quantity, number, line, other)
