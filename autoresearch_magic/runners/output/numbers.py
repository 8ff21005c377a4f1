"""Numbers with units, as command-line tools print them.

`quantities` finds ``0.9979``, ``1,234.5``, ``342ms``, ``85.2 %`` and ``120 req/s`` in a line. Numbers within words (``p95``),
versions, dates, times of day, hexadecimals and paths are ignored, and so is the uncertainty after a ``±``. What can be
read in two ways, such as ``1,5``, ``12k`` or ``3/10``, carries an `ambiguity` instead of a guess. A share that is printed beside
its count, such as ``91/100 (91%)`` or ``85.1% (120/141)``, is one quantity.

No units library is used: the difficulty is to tell units from words in free text, not to convert them.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from decimal import Context, Decimal

from ...text import shorten

_SIGN = r"[+\-−]?"
_PLAIN = rf"{_SIGN}(?:[0-9]+(?:_[0-9]+)*+(?:\.[0-9]*+)?|\.[0-9]+)(?:[eE][+\-−]?[0-9]+)?"
_GROUPED = rf"{_SIGN}[1-9][0-9]{{0,2}}(?:,[0-9]{{3}})++(?:\.[0-9]*+)?(?:[eE][+\-−]?[0-9]+)?"
_NUMBER = rf"(?:{_GROUPED}|{_PLAIN}|{_SIGN}(?i:nan|inf(?:inity)?)(?![a-zA-Z]))"
_UNIT = r"(?:[A-Za-zµμ]++|%|×|°C)(?:/[A-Za-z]++)?"
_WORD = re.compile(r"[^\s|│┃║;(){}\[\]<>\"'`=±]+")
_QUANTITY = re.compile(rf"({_NUMBER})({_UNIT})?")
_PAIR = re.compile(rf"({_NUMBER})({_UNIT})?[/–-]({_NUMBER})({_UNIT})?")  # 3/10, 3-5
_DATE = re.compile(r"[0-9]{1,4}([-/])[0-9]{1,2}\1[0-9]{1,4}.*", re.DOTALL)
_DECIMAL_COMMA = re.compile(rf"({_SIGN}[0-9]+(?:\.[0-9]{{3}})*+,[0-9]+)({_UNIT})?")
_DURATION = re.compile(r"(?=[0-9]+[hm])(?:([0-9]+)h)?(?:([0-9]+)m)?(?:([0-9]+(?:\.[0-9]+)?)s)?")  # 0m0.52s, 1h2m3s
_UNIT_AFTER = re.compile(  # "8.1 [ms]", "8.1 ms", "8.1 ± 0.2 ms"; in "step 5 s=3" the s is a name
    rf"[ \t]{{0,4}}\[({_UNIT})\]|(?:[ \t]{{1,4}}|[ \t]{{0,4}}(?:±|\+/-|\+-)[ \t]{{0,4}}{_NUMBER}[ \t]{{0,4}})({_UNIT})"
    r"(?![\w/]|\.\w|[ \t]*=|:[ \t]*[0-9])"
)
_LABEL = re.compile(r"(?:[A-Za-z_][\w-]*+:)++(?=.)")
_PERCENT, _OF = r"([0-9]+(?:\.[0-9]+)?) ?%", r"([0-9]+) ?(?:/|of|out of) ?([0-9]+)"
_SHARE = re.compile(rf"(?<![\w./,]){_OF}(?!\w)[,:]? {{0,4}}[(\[]? ?{_PERCENT} ?[)\]]?")  # 91/100 (91%)
_SHARE_FIRST = re.compile(rf"(?<![\w./,]){_PERCENT},? {{0,4}}[(\[]? ?{_OF}(?![\w.]) ?[)\]]?")  # 91% (91/100)
_SHARE_NAME = re.compile(
    r"%|(?<![a-z])(?:rate|ratio|share|acc|accuracy|precision|recall|coverage|cover|percent|percentage|pct|score|yield)(?![a-z])",
    re.IGNORECASE,
)
_NAN_OR_INF = re.compile(rf"{_SIGN}(?:nan|inf(?:inity)?)", re.IGNORECASE)
_EXACT = Context(prec=60)

_BYTE_PREFIXES = ((1000, "kilo mega giga tera peta"), (1024, "kibi mebi gibi tebi pebi"))
_UNIT_TABLE = (  # dimension, symbol, size in the dimension's base unit, other spellings
    ("time", "s", "1", "sec secs second seconds"),
    ("time", "ns", "1e-9", "nsec nsecs nanosecond nanoseconds"),
    ("time", "µs", "1e-6", "μs us usec usecs microsecond microseconds"),
    ("time", "ms", "1e-3", "msec msecs millis millisecond milliseconds"),
    ("time", "min", "60", "mins minute minutes"),
    ("time", "h", "3600", "hr hrs hour hours"),
    ("time", "days", "86400", "day"),
    ("size", "B", "1", "byte bytes"),
    *(
        (
            "size",
            f"{letter}B" if base == 1000 else f"{letter.upper()}iB",
            str(base**power),
            f"{prefix}byte {prefix}bytes" + (f" {letter}bytes" if base == 1000 else ""),
        )
        for base, prefixes in _BYTE_PREFIXES
        for power, (letter, prefix) in enumerate(zip("kMGTP", prefixes.split(), strict=True), start=1)
    ),
    ("frequency", "Hz", "1", ""),
    ("frequency", "kHz", "1000", ""),
    ("frequency", "MHz", "1e6", ""),
    ("frequency", "GHz", "1e9", ""),
)
_OTHER_UNITS = frozenset(
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
        Its size in the dimension's base unit: second, byte or hertz.
    """

    dimension: str
    symbol: str
    scale: Decimal


_UNITS = {
    spelling.lower(): Unit(dimension, symbol, Decimal(scale))
    for dimension, symbol, scale, more in _UNIT_TABLE
    for spelling in (symbol, *more.split())
}
_BASE = {"time": _UNITS["s"], "size": _UNITS["b"], "frequency": _UNITS["hz"]}


@dataclass(frozen=True)
class Quantity:
    """A number in a line, with its unit.

    Attributes
    ----------
    text : str
        As printed, with its unit.
    number : str
        The number alone, as Python's `float` reads it.
    unit : str
        As printed; empty when there is none.
    start, end : int
        Its place in the line, unit included.
    labelled : bool
        Whether ``:`` or ``=`` comes right before it.
    ambiguity : str
        What else it may mean; empty when it is clear.
    count : str
        The count that a share was printed after, which may be meant as well; empty where the share alone is.
    """

    text: str
    number: str
    unit: str
    start: int
    end: int
    labelled: bool = False
    ambiguity: str = ""
    count: str = ""

    def doubt(self, name: str) -> str:
        """Return what else it may mean as the value of the metric `name`; empty when it is clear."""
        if self.ambiguity or not self.count or _SHARE_NAME.search(name):
            return self.ambiguity
        return f"{shorten(self.text)} may be {self.count} or {float(self.number):g}%"


def quantities(line: str) -> Iterator[Quantity]:
    """Yield the quantities of a line from left to right, in time linear in its length.

    Parameters
    ----------
    line : str
        Without line breaks and control codes.
    """
    shares = _shares(line) if "%" in line else []
    share_at = 0  # end of the last share, whose own words are left out
    for match in _WORD.finditer(line):
        if shares and match.end() > shares[0].start:
            share = shares.pop(0)
            before = line[max(0, share.start - 8) : share.start].rstrip("\"'`$~*([{ ")
            yield replace(share, labelled=before.endswith((":", "=")))
            share_at = share.end
        if match.start() < share_at:
            continue
        word = match[0].rstrip(",:.!?…*")
        start = match.start() + len(word) - len(word := word.lstrip("~≈$€£*,:"))
        before = line[max(0, start - 8) : start].rstrip()
        if before.endswith(("±", "+/-", "+-")) or word.startswith(("+/-", "+-")):
            continue
        labelled = before.rstrip("\"'`$~*([{ ").endswith((":", "="))
        if label := _LABEL.match(word):
            word, start, labelled = word[label.end() :], start + label.end(), True
        if word and (word[0] in "+-−.0123456789" or _NAN_OR_INF.fullmatch(word)):
            yield from (replace(quantity, labelled=labelled) for quantity in _parse_word(word, start, line))


def sole_quantity(text: str) -> Quantity | None:
    """Return the quantity of a text that holds one and otherwise only punctuation, else None."""
    found = list(quantities(text))
    if len(found) != 1:
        return None
    around = text[: found[0].start] + text[found[0].end :]
    return None if any(character.isalnum() for character in around) else found[0]


def _shares(line: str) -> list[Quantity]:
    """Return the shares that are printed beside their counts and agree with them, exact to the counts."""
    found: list[Quantity] = []
    for pattern, order in ((_SHARE, (1, 2, 3)), (_SHARE_FIRST, (2, 3, 1))):
        for match in pattern.finditer(line):
            part, whole, percent = (match[group] for group in order)
            decimals = len(percent.partition(".")[2])
            if max(len(part), len(whole)) > 15 or not int(whole):
                continue
            exact = 100 * int(part) / int(whole)
            rest = (exact - float(percent)) * 10.0**decimals  # in the last printed digit: tools round, or cut
            if not -0.501 <= rest < 1:
                continue
            count = part if order[0] == 1 and whole != "100" else ""
            text = match[0].rstrip(" ")
            found.append(Quantity(text, repr(exact), "%", match.start(), match.start() + len(text), count=count))
    found.sort(key=lambda share: share.start)
    return [share for n, share in enumerate(found) if n == 0 or share.start >= found[n - 1].end]


def _parse_word(word: str, start: int, line: str) -> Iterator[Quantity]:
    """Yield the quantities in one word that begins like a number; `start` is its place in the line."""
    end = start + len(word)
    if match := _QUANTITY.fullmatch(word):
        number, unit = _plain(match[1]), match[2] or ""
        if not unit and (after := _UNIT_AFTER.match(line, end)) and _is_known(after[1] or after[2]):
            unit, end = after[1] or after[2], after.end()
        if not unit or _is_known(unit):
            text = line[start:end]
            yield Quantity(text, number, unit, start, end, ambiguity=_unit_ambiguity(text, number, unit))
    elif duration := _DURATION.fullmatch(word):
        hours, minutes, seconds = (Decimal(part or 0) for part in duration.groups())
        if duration[1] or duration[3]:
            yield Quantity(word, str(hours * 3600 + minutes * 60 + seconds), "s", start, end)
    elif _DATE.fullmatch(word):
        return
    elif (pair := _PAIR.fullmatch(word)) and all(not unit or _is_known(unit) for unit in (pair[2], pair[4])):
        ambiguity = f"{shorten(word)} may be {shorten(pair[1], 30)}, {shorten(pair[3], 30)} or both together"
        for number, unit in ((pair[1], pair[2] or ""), (pair[3], pair[4] or "")):
            yield Quantity(number + unit, _plain(number), unit, start, end, ambiguity=ambiguity)
    elif comma := _DECIMAL_COMMA.fullmatch(word):
        decimal, grouped = comma[1].replace(".", "").replace(",", "."), comma[1].replace(",", "")
        other = f"or {float(grouped):g}" if grouped.count(".") < 2 else "in figures grouped by dots"
        ambiguity = f"{shorten(word)} may be {float(decimal):.12g} {other}"
        yield Quantity(word, _plain(decimal), comma[2] or "", start, end, ambiguity=ambiguity)
    elif "," in word:
        at = start
        for part in word.split(","):
            if match := _QUANTITY.fullmatch(part):
                yield Quantity(part, _plain(match[1]), match[2] or "", at, at + len(part))
            at += len(part) + 1


def _plain(number: str) -> str:
    return number.replace(",", "").replace("_", "").replace("−", "-")


def _is_known(unit: str) -> bool:
    """Whether letters after a number are a unit, or a magnitude such as ``k`` that may mean several things."""
    first, slash, per = unit.partition("/")
    if slash:
        return bool(_PER.fullmatch(per))
    if len(unit) == 1 and not _magnitude(first):  # 3D and 5S are words
        return unit in "shBx×%"
    return unit.lower() in _UNITS or unit.lower() in _OTHER_UNITS or bool(_magnitude(first))


def _magnitude(unit: str) -> int:
    """Return the power of a thousand that ``k``, ``M`` or ``Mb`` may stand for; 0 for a proper unit."""
    if unit.lower() in _MAGNITUDES:
        return _MAGNITUDES[unit.lower()]
    bits = len(unit) == 2 and unit[0].isupper() and unit[1] == "b"
    return _MAGNITUDES.get(unit[0].lower(), 0) if bits else 0


def _unit_ambiguity(text: str, number: str, unit: str) -> str:
    first = unit.partition("/")[0]
    power = _magnitude(first) if first else 0
    if not power:
        return ""
    if first == "m":
        return f"{shorten(text)} may be {number} minutes, metres or millions"
    if first.endswith("b"):
        return f"{shorten(text)} may be bits or bytes"
    return f"{shorten(text)} may be {float(number) * 1000**power:g} or {float(number) * 1024**power:g}"


def converted(quantity: Quantity, name: str) -> tuple[float, str]:
    """Convert a quantity to the unit in which the metric `name` is kept, so that runs can be compared.

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
    first, slash, per = quantity.unit.partition("/")
    value = float(quantity.number)
    printed = _UNITS.get(first.lower())
    if printed is None:
        return value, quantity.unit
    wanted = _unit_in_name(name, rate=bool(slash))
    if wanted is None or wanted.dimension != printed.dimension:
        wanted = _BASE[printed.dimension]
    if printed.scale != wanted.scale and math.isfinite(value) and value:
        exact = _EXACT.multiply(Decimal(quantity.number), printed.scale)
        value = float(_EXACT.divide(exact, wanted.scale))
    return value, wanted.symbol + slash + per


def is_unit(text: str) -> bool:
    """Whether a text is a unit, such as the ``ms`` in ``latency (ms)``."""
    return bool(re.fullmatch(_UNIT, text)) and _is_known(text) and not _magnitude(text.partition("/")[0])


def same_dimension(unit: str, other: str) -> bool:
    """Whether two units can be converted into each other, as ms and seconds."""
    one, two = _UNITS.get(unit.lower()), _UNITS.get(other.lower())
    return one is not None and two is not None and one.dimension == two.dimension


def unit_of_name(name: str) -> str:
    """Return the unit that a metric's name ends in, as `converted` writes it; empty where it ends in none."""
    unit = _unit_in_name(name, rate=False)
    return unit.symbol if unit else ""


def _unit_in_name(name: str, rate: bool) -> Unit | None:
    """Return the unit that a metric's name ends in, or has before ``per``; ``latency_min`` is a minimum, not minutes."""
    words = [word.lower() for word in re.split(r"[^A-Za-z0-9µμ]+", name) if word]
    if "per" in words[1:]:
        word = words[words.index("per", 1) - 1]
    else:
        word = words[-2] if rate and len(words) > 1 else words[-1] if words else ""
    return None if word == "min" else _UNITS.get(word)
