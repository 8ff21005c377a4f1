"""Numbers as tools print them: signs, thousands and units, and what looks like a number and is none.

A figure is a number with its unit: ``0.9979``, ``1,234.5``, ``342ms``, ``85.2 %``, ``120 req/s``. No figures are numbers
within words (``p95``), versions, dates, times of day, hexadecimals and paths. ``3/10`` and ``3-5`` are two figures each,
and both are in doubt.
What follows ``±`` is the uncertainty of the figure before it and none of its own.

Some figures can be read in two ways, such as ``1,5`` or ``12k``: those carry a `doubt`, and nobody should choose.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from decimal import Context, Decimal

_SIGN = r"[+\-−]?"
_PLAIN = rf"{_SIGN}(?:[0-9]+(?:_[0-9]+)*+(?:\.[0-9]*+)?|\.[0-9]+)(?:[eE][+\-−]?[0-9]+)?"
_GROUPED = rf"{_SIGN}[1-9][0-9]{{0,2}}(?:,[0-9]{{3}})++(?:\.[0-9]*+)?(?:[eE][+\-−]?[0-9]+)?"
_NUMBER = rf"(?:{_GROUPED}|{_PLAIN}|{_SIGN}(?i:nan|inf(?:inity)?)(?![a-zA-Z]))"
_UNIT = r"(?:[A-Za-zµμ]++|%|×|°C)(?:/[A-Za-z]++)?"
_WORD = re.compile(r"[^\s|│┃║;(){}\[\]<>\"'`=±]+")
_MEASURE = re.compile(rf"({_NUMBER})({_UNIT})?")
_PAIR = re.compile(rf"({_NUMBER})({_UNIT})?[/–-]({_NUMBER})({_UNIT})?")  # 3/10, 3-5
_DATE = re.compile(r"[0-9]{1,4}([-/])[0-9]{1,2}\1[0-9]{1,4}.*", re.DOTALL)
_DECIMAL_COMMA = re.compile(rf"({_SIGN}[0-9]+(?:\.[0-9]{{3}})*+,[0-9]+)({_UNIT})?")
_CLOCK = re.compile(r"(?=[0-9]+[hm])(?:([0-9]+)h)?(?:([0-9]+)m)?(?:([0-9]+(?:\.[0-9]+)?)s)?")  # 0m0.52s, 1h2m3s
_BEHIND = re.compile(  # "8.1 [ms]", "8.1 ms", "8.1 ± 0.2 ms"; in "step 5 s=3" the s is a name
    rf"[ \t]{{0,4}}\[({_UNIT})\]|(?:[ \t]{{1,4}}|[ \t]{{0,4}}(?:±|\+/-|\+-)[ \t]{{0,4}}{_NUMBER}[ \t]{{0,4}})({_UNIT})"
    r"(?![\w/]|\.\w|[ \t]*=|:[ \t]*[0-9])"
)
_LABEL = re.compile(r"(?:[A-Za-z_][\w-]*+:)++(?=.)")
_WORDLIKE = re.compile(rf"{_SIGN}(?:nan|inf(?:inity)?)", re.IGNORECASE)
_EXACT = Context(prec=60)

_MANY = (  # dimension, symbol, size in the dimension's first unit, other spellings
    ("time", "s", "1", "sec secs second seconds"),
    ("time", "ns", "1e-9", "nsec nsecs nanosecond nanoseconds"),
    ("time", "µs", "1e-6", "μs us usec usecs microsecond microseconds"),
    ("time", "ms", "1e-3", "msec msecs millis millisecond milliseconds"),
    ("time", "min", "60", "mins minute minutes"),
    ("time", "h", "3600", "hr hrs hour hours"),
    ("time", "days", "86400", "day"),
    ("size", "B", "1", "byte bytes"),
    *(
        ("size", symbol, str(base**power), f"{long} {long}s {letter}bytes" if base == 1000 else f"{long} {long}s")
        for base, long_ones in ((1000, "kilo mega giga tera peta"), (1024, "kibi mebi gibi tebi pebi"))
        for power, (letter, prefix) in enumerate(zip("kMGTP", long_ones.split(), strict=True), start=1)
        for symbol, long in [(f"{letter}B" if base == 1000 else f"{letter.upper()}iB", f"{prefix}byte")]
    ),
    ("frequency", "Hz", "1", ""),
    ("frequency", "kHz", "1000", ""),
    ("frequency", "MHz", "1e6", ""),
    ("frequency", "GHz", "1e9", ""),
)
_OTHERS = frozenset(
    {"%", "x", "×", "°c", "fps", "db", "rps", "qps", "tps", "iops", "rpm", "bpm", "ppm", "px", "kwh", "wh"}
)
_PER = re.compile(
    r"s|secs?|seconds?|min|minute|h|hr|hour|day|op|it|iter|iteration|step|item|tok|token|req|request|call|epoch|batch|"
    r"sample|run|query|row|file",
    re.IGNORECASE,
)
_MAGNITUDES = {"k": 1, "m": 2, "g": 3, "t": 4}


@dataclass(frozen=True)
class Unit:
    """A unit that can be converted.

    Attributes
    ----------
    dimension : str
        ``time``, ``size`` or ``frequency``.
    symbol : str
    scale : Decimal
        How many of the dimension's basic unit it is: second, byte, hertz.
    """

    dimension: str
    symbol: str
    scale: Decimal


_UNITS = {
    spelling.lower(): Unit(dimension, symbol, Decimal(scale))
    for dimension, symbol, scale, more in _MANY
    for spelling in (symbol, *more.split())
}
_BASE = {"time": _UNITS["s"], "size": _UNITS["b"], "frequency": _UNITS["hz"]}
_NOT_IN_NAMES = frozenset({"min"})
"""Endings of names that mean something else more often than a unit: `latency_min` is the least."""


@dataclass(frozen=True)
class Figure:
    """A number as it was printed.

    Attributes
    ----------
    text : str
        As printed, with its unit.
    number : str
        The number alone, as Python's `float` reads it.
    unit : str
        As printed; empty when there is none.
    start, end : int
        Where it stands in the line, its unit included.
    labelled : bool
        Whether ``:`` or ``=`` stands right before it.
    doubt : str
        What else it may mean; empty when it is clear.
    """

    text: str
    number: str
    unit: str
    start: int
    end: int
    labelled: bool = False
    doubt: str = ""

    @property
    def value(self) -> float:
        """The number, its unit left aside."""
        return float(self.number)


def figures(line: str) -> Iterator[Figure]:
    """Find the figures of a line, in their order.

    Parameters
    ----------
    line : str
        Without line breaks and control codes. The time it takes is linear in its length.

    Yields
    ------
    Figure
    """
    for match in _WORD.finditer(line):
        core = match[0].rstrip(",:.!?…*")
        start = match.start() + len(core) - len(core := core.lstrip("~≈$€£*,:"))
        before = line[max(0, start - 8) : start].rstrip()
        if before.endswith(("±", "+/-", "+-")) or core.startswith(("+/-", "+-")):
            continue
        labelled = before.rstrip("\"'`$~*([{ ").endswith((":", "="))
        if label := _LABEL.match(core):
            core, start, labelled = core[label.end() :], start + label.end(), True
        if core and (core[0] in "+-−.0123456789" or _WORDLIKE.fullmatch(core)):
            yield from (replace(figure, labelled=labelled) for figure in _classify(core, start, line))


def sole_figure(text: str) -> Figure | None:
    """Read a text that is one figure and nothing else but punctuation; None when it is not."""
    found = list(figures(text))
    if len(found) != 1:
        return None
    rest = text[: found[0].start] + text[found[0].end :]
    return None if any(character.isalnum() for character in rest) else found[0]


def _classify(core: str, start: int, line: str) -> Iterator[Figure]:
    """Read one word that begins like a number."""
    if measure := _MEASURE.fullmatch(core):
        number, unit, end = measure[1], measure[2] or "", start + len(core)
        if not unit and (behind := _BEHIND.match(line, end)) and _known(behind[1] or behind[2]):
            unit, end = behind[1] or behind[2], behind.end()
        if not unit or _known(unit):
            text = line[start:end]
            yield Figure(text, _plain(number), unit, start, end, doubt=_doubtful_unit(text, _plain(number), unit))
    elif clock := _CLOCK.fullmatch(core):
        hours, minutes, seconds = (Decimal(part or 0) for part in clock.groups())
        if clock[1] or clock[3]:
            yield Figure(core, str(hours * 3600 + minutes * 60 + seconds), "s", start, start + len(core))
    elif _DATE.fullmatch(core):
        return
    elif (pair := _PAIR.fullmatch(core)) and all(not unit or _known(unit) for unit in (pair[2], pair[4])):
        doubt = f"{shorten(core)} may be {shorten(pair[1], 30)}, {shorten(pair[3], 30)} or both together"
        for number, unit in ((pair[1], pair[2] or ""), (pair[3], pair[4] or "")):
            yield Figure(number + unit, _plain(number), unit, start, start + len(core), doubt=doubt)
    elif comma := _DECIMAL_COMMA.fullmatch(core):
        decimal, grouped = comma[1].replace(".", "").replace(",", "."), comma[1].replace(",", "")
        doubt = f"{shorten(core)} may be {float(decimal):g} or {float(grouped):g}"
        yield Figure(core, _plain(decimal), comma[2] or "", start, start + len(core), doubt=doubt)
    elif "," in core:
        at = start
        for part in core.split(","):
            if measure := _MEASURE.fullmatch(part):
                yield Figure(part, _plain(measure[1]), measure[2] or "", at, at + len(part))
            at += len(part) + 1


def shorten(text: str, longest: int = 60) -> str:
    """Cut a text to one line of at most `longest` characters, for a message."""
    text = text[: longest * 4].strip()
    if not text.isprintable():
        text = "".join(character if character.isprintable() else " " for character in text)
    return text if len(text) <= longest else text[: longest - 1].rstrip() + "…"


def _plain(number: str) -> str:
    return number.replace(",", "").replace("_", "").replace("−", "-")


def _known(unit: str) -> bool:
    """Whether letters behind a number are a unit, or a magnitude that nobody can tell the meaning of."""
    of, slash, per = unit.partition("/")
    if slash:
        return bool(_PER.fullmatch(per))
    if len(unit) == 1 and not _magnitude(of):  # 3D and 5S are words
        return unit in "shBx×%"
    return unit.lower() in _UNITS or unit.lower() in _OTHERS or bool(_magnitude(of))


def _magnitude(unit: str) -> int:
    """Return the power of a thousand in ``k``, ``M`` or ``Mb``, which are no units: 0 where it is one."""
    if unit.lower() in _MAGNITUDES:
        return _MAGNITUDES[unit.lower()]
    bits = len(unit) == 2 and unit[0].isupper() and unit[1] == "b"
    return _MAGNITUDES.get(unit[0].lower(), 0) if bits else 0


def _doubtful_unit(text: str, number: str, unit: str) -> str:
    of = unit.partition("/")[0]
    power = _magnitude(of) if of else 0
    if not power:
        return ""
    if of == "m":
        return f"{shorten(text)} may be {number} minutes, metres or millions"
    if of.endswith("b"):
        return f"{shorten(text)} may be bits or bytes"
    return f"{shorten(text)} may be {float(number) * 1000**power:g} or {float(number) * 1024**power:g}"


def converted(figure: Figure, name: str) -> tuple[float, str]:
    """Bring a figure to the unit in which the metric `name` is kept, so that runs can be compared.

    A tool prints ``980ms`` in one run and ``1.02s`` in the next. Times are kept in the unit that the name ends in
    (``p95_ms``), else in seconds; sizes in the name's unit (``size_mb``), else in bytes; frequencies likewise, else in
    hertz. A rate such as ``MB/s`` is converted in its first part, by the name's ``mb_s`` or ``mb_per_s``. kB, MB and GB
    are powers of 1000, KiB, MiB and GiB those of 1024. Percentages and other units stay as printed, and a number
    without a unit never changes.

    Returns
    -------
    value : float
        Correctly rounded.
    unit : str
    """
    of, slash, per = figure.unit.partition("/")
    printed = _UNITS.get(of.lower())
    if printed is None:
        return figure.value, figure.unit
    wanted = _unit_of(name, rate=bool(slash))
    if wanted is None or wanted.dimension != printed.dimension:
        wanted = _BASE[printed.dimension]
    value = figure.value
    if printed.scale != wanted.scale and math.isfinite(value) and value:
        exact = _EXACT.multiply(Decimal(figure.number), printed.scale)
        value = float(_EXACT.divide(exact, wanted.scale))
    return value, wanted.symbol + slash + per


def is_unit(text: str) -> bool:
    """Whether a text is the name of a unit, as in ``latency (ms)``."""
    return bool(re.fullmatch(_UNIT, text)) and _known(text) and not _magnitude(text.partition("/")[0])


def _unit_of(name: str, rate: bool) -> Unit | None:
    words = [word.lower() for word in re.split(r"[^A-Za-z0-9µμ]+", name) if word]
    if "per" in words[1:]:
        word = words[words.index("per", 1) - 1]
    else:
        word = words[-2] if rate and len(words) > 1 else words[-1] if words else ""
    return None if word in _NOT_IN_NAMES else _UNITS.get(word)
