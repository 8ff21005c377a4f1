"""The tunable constants of a target: finding them, the search space of each, and writing new values in place.

A constant is a literal that a person would tune, wherever it stands (`places`): assigned to a name at module level, in a function
or a class, a parameter's default, a keyword argument, an item of a configuration, the default of a command-line option::

    LR = 3e-4                               # a number: a range around it is searched
    DEPTH, WIDTH = 2, 64                    # WIDTH: 32 .. 256 step 32; DEPTH: fixed
    POSITIONS = "learned"                   # one of: learned, rotary, none
    model = RandomForestClassifier(n_estimators=100, random_state=0)    # RandomForestClassifier.n_estimators

Which ones are tuned is judged in `knobs`. A comment on the line on which the value ends can give the search space
(`constant_comments`); without one it is inferred from name and value (`knob_spaces`, `search_space`).

Not here: the search itself (`agents.tuner`).
"""

from __future__ import annotations

import ast
import math
import re
from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from pathlib import PurePosixPath

from ..errors import UserError
from .blocks import editable_spans
from .constant_comments import read_comments, space_from_comment
from .edits import BOM, UNPARSABLE, parse
from .files import Part, is_bundle, is_python, parts
from .knob_names import plain
from .knob_spaces import named_space
from .knobs import DECLARED, Knobs
from .places import ASSIGNED, Place, find_places
from .search_space import Choices, Range, Space, Value

Spans = list[tuple[int, int]] | None

# -- finding them -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Constant:
    """A tunable constant.

    Attributes
    ----------
    name : str
        Says where it stands (`places`); in a target of several Python files with the module's name in front: ``model.WIDTH``.
    value : bool, int, float or str
    space : Choices or Range
        The values to search.
    inferred : bool
        Whether the space was inferred from the value, and not given by a comment.
    line : int
        The line on which the value ends, from 1.
    start, end : int
        The position of the value's literal in the target, in characters.
    importance : int
        How much such a constant usually matters, from 1 to `knobs.DECLARED`: important ones are tuned first.
    """

    name: str
    value: Value
    space: Space
    inferred: bool
    line: int
    start: int
    end: int
    importance: int = 2


@dataclass(frozen=True)
class _Study:
    """What is known of the study besides the target; see `find_constants`."""

    baseline: str
    metric: str
    outside: str
    relaxed: bool = False


@lru_cache(maxsize=256)
def _constants(target: str, strict: bool, study: _Study) -> tuple[Constant, ...]:
    found = _constants_of_files(target, strict, study)
    return found or _constants_of_files(target, strict, replace(study, relaxed=True))


def _constants_of_files(target: str, strict: bool, study: _Study) -> tuple[Constant, ...]:
    spans = editable_spans(target)
    if not is_bundle(target):
        return _constants_of_file(target, strict, study, spans)
    before = {part.path: part.content for part in parts(study.baseline)}
    return tuple(
        replace(
            c, name=f"{prefix}{c.name}", line=c.line + part.line, start=c.start + part.start, end=c.end + part.start
        )
        for prefix, part in _python_parts(target).items()
        if part.verbatim  # positions in the file and in the target differ otherwise
        for c in _constants_of_file(
            part.content, strict, replace(study, baseline=before.get(part.path, "")), _within(spans, part)
        )
    )


def _within(spans: Spans, part: Part) -> Spans:
    """Return the ranges of a target that lie in one file, counted from the file's start."""
    if spans is None:
        return None
    end = part.start + len(part.content)
    return [(a - part.start, b - part.start) for a, b in spans if part.start <= a and b <= end]


def _python_parts(target: str) -> dict[str, Part]:
    """Return the Python files of a target by the prefix of the names in them: ``module.``, or empty for a single file."""
    found = [part for part in parts(target) if is_python(part.path)]
    if len(found) == 1:
        return {"": found[0]}
    stems = Counter(PurePosixPath(part.path).stem for part in found)
    return {
        f"{stem}." if stems[stem := PurePosixPath(p.path).stem] == 1 else f"{p.path.rpartition('.')[0]}.": p
        for p in found
    }


def _constants_of_file(source: str, strict: bool, study: _Study, spans: Spans) -> tuple[Constant, ...]:
    if source.startswith(BOM):
        return ()  # the parser's positions would be off by one
    try:
        tree = parse(source)
        places = find_places(tree.body)
        knobs = Knobs(tree, places, study.metric, study.outside, relaxed=study.relaxed)
    except UNPARSABLE:
        return ()
    if not places:
        return ()
    positions = _Positions(source)
    tuned = []
    for place in places:
        start, end = positions.span(place.node)
        if spans is None or _lies_in(spans, start, end):
            tuned.append((place, start, end, knobs.worth(place, marked=spans is not None)))
    lines: dict[int, list[tuple[Place, int]]] = {}
    for place, _, _, worth in tuned:
        lines.setdefault(_last_line(place.node), []).append((place, worth))
    comments = read_comments(source, max(lines, default=0))
    on_line = {line: _declarable(found, knobs) for line, found in lines.items() if line in comments}
    origins = read_values(study.baseline) if study.baseline else {}
    groups: _Groups = defaultdict(list)
    for place in places:
        groups[place.owners, place.scope].append(place)
    constants = []
    for place, start, end, worth in tuned:
        line = _last_line(place.node)
        try:
            commented = None
            if place.key in (keys := on_line.get(line, [])):
                commented = space_from_comment(place.key, place.value, comments[line], keys, line)
        except UserError:
            if strict:
                raise
            continue
        if commented is None and not worth:
            continue
        origin = origins.get(place.name)
        space = _space(place, groups, knobs, origin) if commented is None else commented
        if space is not None and _varies(space):
            weight = worth if commented is None else DECLARED
            constants.append(Constant(place.name, place.value, space, commented is None, line, start, end, weight))
    return tuple(constants)


def _varies(space: Space) -> bool:
    """Whether a space has more than one value; a look at both ends is much faster than the whole grid."""
    return (isinstance(space, Range) and space.at(0.0) != space.at(1.0)) or len(space.grid()) > 1


def _lies_in(spans: Sequence[tuple[int, int]], start: int, end: int) -> bool:
    """Whether a range lies in one of the spans, which are in order and do not overlap."""
    before = bisect_right(spans, start, key=lambda span: span[0])
    return before > 0 and end <= spans[before - 1][1]


def _declarable(found: Sequence[tuple[Place, int]], knobs: Knobs) -> list[str]:
    """Return the keys of the places of a line about which its comment can speak: the tuned ones, else the only one."""
    tuned = [place.key for place, worth in found if worth]
    strings = [
        place.key
        for place, worth in found
        if not worth and isinstance(place.value, str) and knobs.allowed(place) and place.role in ASSIGNED
    ]
    if tuned or strings:
        return tuned + strings
    allowed = [place.key for place, _ in found if knobs.allowed(place)]
    return allowed if len(allowed) == 1 else []


_Groups = dict[tuple[tuple[str, ...], ast.AST | None], list[Place]]
"""Places by what they belong to: their owners, and the function or class around them."""


class _Others(Mapping[str, Value]):
    """The values of the places beside one place by their plain names; worked out when a rule asks, as few do."""

    def __init__(self, place: Place, group: Sequence[Place]) -> None:
        self._place, self._group = place, group

    @cached_property
    def _values(self) -> dict[str, Value]:
        return {plain(each.key): each.value for each in self._group if each is not self._place}

    def __getitem__(self, name: str) -> Value:
        return self._values[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)


def _space(place: Place, groups: _Groups, knobs: Knobs, origin: Value | None) -> Space | None:
    if isinstance(place.value, str):
        words = knobs.words(place)
        return Choices(tuple(words)) if len(words) > 1 else None
    others = _Others(place, groups[place.owners, place.scope])
    callee = place.owners[-1] if place.role == "argument" and place.owners else ""
    space = named_space(place.key, place.value, origin, others, callee, knobs.functions)
    if isinstance(place.node, ast.BinOp) and isinstance(space, Choices) and isinstance(place.value, int):
        powers = tuple(v for v in space.values if isinstance(v, int) and v & (v - 1) == 0)
        return replace(space, values=powers)
    if isinstance(place.node, ast.BinOp) and isinstance(space, Range) and isinstance(place.value, int):
        return Choices(tuple(place.value * 4**i // 2**i for i in (-1, 0, 1)), ordered=True)
    return space


def find_constants(
    target: str, *, strict: bool = True, baseline: str = "", metric: str = "", outside: str = ""
) -> list[Constant]:
    """Return the constants of a target that may be tuned, in the order of their lines.

    `knobs` says what is left out. A constant that a comment calls ``fixed`` is left out, and so is one with only one possible
    value, or in lines that may not change (`blocks`). A comment that gives values makes any assigned literal a constant, except
    a seed, a private name, and a name that is bound more than once.

    Parameters
    ----------
    target : str
        Text that does not parse has no constants.
    strict : bool
        Whether an invalid comment is an error; otherwise its constant is left out.
    baseline : str
        The study's first target: an inferred range also reaches around the value there.
    metric : str
        The metric's name, by which its printed line is told from other figures. Without it, constants of which only printed
        figures depend are not left out.
    outside : str
        Text, such as the metric's expression, whose words are names that are read from outside.

    Raises
    ------
    UserError
        For an invalid comment; one line that names the line and the constant.
    """
    return list(_constants(target, strict, _Study(baseline, metric, outside)))


@lru_cache(maxsize=2048)
def read_values(target: str) -> Mapping[str, Value]:
    """Return the (last) value of every literal that has a place with a name, tunable or not.

    This is much faster than `find_constants`, for reading a long history.
    """
    if is_bundle(target):
        return {
            f"{prefix}{name}": value
            for prefix, part in _python_parts(target).items()
            for name, value in read_values(part.content).items()
        }
    try:
        return {place.name: place.value for place in find_places(parse(target).body)}
    except UNPARSABLE:
        return {}


def _last_line(node: ast.expr) -> int:
    return node.end_lineno or node.lineno


class _Positions:
    """Converts the parser's positions, which count UTF-8 bytes within lines, into character offsets."""

    def __init__(self, source: str) -> None:
        self._source = source
        # str.splitlines would also split at form feeds, where the parser sees no line end.
        self._starts = [0, *(match.end() for match in re.finditer(r"\r\n|\r|\n", source))]

    def span(self, node: ast.expr) -> tuple[int, int]:
        end_line, end_column = node.end_lineno or node.lineno, node.end_col_offset or 0
        return self._offset(node.lineno, node.col_offset), self._offset(end_line, end_column)

    def _offset(self, line: int, column: int) -> int:
        start = self._starts[line - 1]
        end = self._starts[line] if line < len(self._starts) else len(self._source)
        text = self._source[start:end]
        return start + (column if text.isascii() else len(text.encode()[:column].decode()))


# -- writing them -----------------------------------------------------------------------------------------------------


def replace_constants(target: str, values: Mapping[str, Value]) -> str:
    """Return a target with new values for some of its constants; no other character changes.

    Parameters
    ----------
    target : str
    values : mapping
        From names that `find_constants` returns to values of the same type.

    Raises
    ------
    KeyError
        For a name that is not the name of a literal of the target.
    """
    spans = _spans(target)
    for (start, end), value in sorted(((spans[name], value) for name, value in values.items()), reverse=True):
        target = target[:start] + format_value(value, like=target[start:end]) + target[end:]
    return target


@lru_cache(maxsize=256)
def _spans(target: str) -> Mapping[str, tuple[int, int]]:
    """Return the position of every literal that has a name."""
    if is_bundle(target):
        return {
            f"{prefix}{name}": (start + part.start, end + part.start)
            for prefix, part in _python_parts(target).items()
            if part.verbatim
            for name, (start, end) in _spans(part.content).items()
        }
    if target.startswith(BOM):
        return {}
    try:
        places, positions = find_places(parse(target).body), _Positions(target)
    except UNPARSABLE:
        return {}
    return {place.name: positions.span(place.node) for place in places}


def format_value(value: Value, like: str = "") -> str:
    """Return a value as a literal in the style of another literal: its exponent, underscores, base and quotes.

    Parameters
    ----------
    value : bool, int, float or str
        The literal evaluates to exactly this value.
    like : str
        A literal of the same type.
    """
    if isinstance(value, bool):
        return repr(value)
    if isinstance(value, str):
        return _format_string(value, "'" if like.endswith("'") else '"')
    if isinstance(value, int):
        if (written := re.fullmatch(r"(2\s*\*\*\s*|1\s*<<\s*)\d+", like)) and value > 1 and value & (value - 1) == 0:
            return f"{written[1]}{value.bit_length() - 1}"
        if (prefix := like.lstrip("- ")[:2].lower()) in ("0x", "0o", "0b"):
            return f"{value:#{prefix[1]}}"
        return f"{value:_}" if "_" in like else str(value)
    if not math.isfinite(value):
        raise ValueError(f"there is no literal for {value}")
    sign, digits, exponent = re.fullmatch(r"(-?)([\d.]+)(?:e([+-]\d+))?", repr(value)).groups()  # type: ignore[union-attr]
    whole, _, fraction = digits.partition(".")
    power = int(exponent or 0) + len(whole) - 1
    figures = (whole + fraction).lstrip("0")
    power -= len(whole + fraction) - len(figures)
    figures = figures.rstrip("0") or "0"
    marker = "E" if "E" in like else "e"
    if value and (marker in like or not -9 <= power <= 15):
        return f"{sign}{figures[0]}{'.' if figures[1:] else ''}{figures[1:]}{marker}{power}"
    text = f"{value:.{max(1, len(figures) - 1 - power)}f}" if value else f"{sign}0.0"
    return text if float(text) == value else repr(value)


def _format_string(value: str, quote: str) -> str:
    escaped = (
        f"\\{c}" if c in ("\\", quote) else c if c.isprintable() else repr(c)[1:-1]  # repr: \n, \x00, ...
        for c in value
    )  # fmt: skip
    return f"{quote}{''.join(escaped)}{quote}"
