"""The tunable constants of a source: which there are, where each may go, and how to write new values in place.

A constant is a name that the source assigns once, at module level, to a literal:

    LR = 3e-4                               # a number: a range around it is searched
    DEPTH, WIDTH = 2, 64                    # WIDTH: 32 .. 256 step 32; DEPTH: fixed
    BETA: float = 0.9                       # 0.8 .. 0.99
    POSITIONS = "learned"                   # one of: learned, rotary, none
    TIED = True                             # both values are tried

A comment counts when it stands on the line on which the value ends. ``one of: A, B``, ``LOW .. HIGH``, ``LOW .. HIGH
log``, ``LOW .. HIGH step S`` and ``fixed`` are understood, each at the start of the comment or of a clause (after
``,  ;  :  (`` or a dash); anything else is prose. Where several constants end on one line, each clause is named.

Pure functions, no I/O; the search itself is in `agents.tuner`, and what is no literal at module level is left alone.
"""

from __future__ import annotations

import ast
import io
import math
import re
import tokenize
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from itertools import zip_longest
from typing import Literal

from .edits import UNPARSABLE, parse
from .errors import UserError

Value = bool | int | float | str

# -- where a value may go ---------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Choices:
    """A few values.

    Attributes
    ----------
    values : tuple
    ordered : bool
        Whether neighbours are alike: numbers are, in ascending order; names and booleans are not.
    """

    values: tuple[Value, ...]
    ordered: bool = False

    def position(self, value: Value) -> float:
        """Return where a value lies between the first (0) and the last (1); the next higher for a number between."""
        if value in self.values:
            index = float(self.values.index(value))
        elif isinstance(value, str) or not self.ordered:
            raise ValueError(f"{value!r} is not among {self.values}")
        else:
            index = float(min(bisect_left([float(v) for v in self.values], float(value)), len(self.values) - 1))
        return index / max(1, len(self.values) - 1)

    def at(self, position: float) -> Value:
        """Return the value at a position between 0 and 1."""
        return self.values[round(min(1.0, max(0.0, position)) * (len(self.values) - 1))]

    def grid(self) -> tuple[Value, ...]:
        """Return every value that `at` can give."""
        return self.values


@dataclass(frozen=True)
class Range:
    """The numbers from `low` to `high`.

    Attributes
    ----------
    low, high : float
        Both belong to it.
    scale : {"linear", "log", "near-one"}
        Equal steps of position are equal differences of the value, its logarithm, or the logarithm of one minus it.
    step : float
        Values are `low` plus multiples of it; 0 for none.
    whole : bool
        Whether values are ints.
    """

    low: float
    high: float
    scale: Literal["linear", "log", "near-one"] = "linear"
    step: float = 0.0
    whole: bool = False

    def position(self, value: Value) -> float:
        """Return where a value lies between `low` (0) and `high` (1); 0 or 1 for one outside."""
        inside = min(self.high, max(self.low, float(value)))
        bottom, top = self._forward(self.low), self._forward(self.high)
        return (self._forward(inside) - bottom) / (top - bottom)

    def at(self, position: float) -> Value:
        """Return the value at a position between 0 and 1, rounded to what a person would write."""
        bottom, top = self._forward(self.low), self._forward(self.high)
        value = self._back(bottom + min(1.0, max(0.0, position)) * (top - bottom))
        if self.step:
            value = self.low + min(round((value - self.low) / self.step), self._steps) * self.step
            value = float(f"{value:.12g}")  # 0.1 + 2 * 0.1 is 0.30000000000000004
        elif self.scale == "near-one":
            digits = 1 - math.floor(math.log10(1 - value))  # of one minus the value, two count
            value = round(value, digits)
        elif self.scale == "linear":
            value = round(value, max(0, math.ceil(-math.log10((self.high - self.low) / 200))))
        elif not self.whole or abs(value) >= 100:
            value = float(f"{value:.{2 if abs(top - bottom) > math.log(4) else 3}g}")
        if self.whole:
            value = round(value)
        value = min(self.high, max(self.low, value))
        return int(value) if self.whole else float(value)

    @property
    def _steps(self) -> int:
        return math.floor((self.high - self.low) / self.step + 1e-9)

    def grid(self) -> tuple[Value, ...]:
        """Return the values that `at` gives at 401 evenly spaced positions: all of them where there are few."""
        return tuple(dict.fromkeys(self.at(i / 400) for i in range(401)))

    def _forward(self, value: float) -> float:
        if self.scale == "log":
            return math.log(value) if value > 0 else -math.log(-value)
        return -math.log(1 - value) if self.scale == "near-one" else value

    def _back(self, value: float) -> float:
        if self.scale == "log":
            return math.exp(value) if self.low > 0 else -math.exp(-value)
        return 1 - math.exp(-value) if self.scale == "near-one" else value


Space = Choices | Range


def inferred_space(value: Value, origin: Value | None = None) -> Space | None:
    """Return where to search a constant that no comment speaks of; None for one that is better left alone.

    Always a few times the value either way, so that one step can be bold and none is absurd:

    ===================================  ==============================================================================
    bool                                 both
    0.0                                  0 to 0.3: what may be switched off is a dropout, a decay, a smoothing
    float in (0, 0.5)                    log, v/8 to 8v, at most halfway from v to 1: it may be a rate or a share
    float in [0.5, 1)                    log of 1 − v, 8 times smaller to 4 times larger: momentum, betas, shares
    other float                          log, v/8 to 8v
    0                                    0 to 4
    2**k ≥ 8, 3 · 2**k ≥ 24              numbers of those two forms, v/4 to 4v; of 3 · 2**k only multiples of 8: tensor
                                         shapes, batches, and what must divide them
    other int                            log, v/4 to 4v, at least 1
    −1                                   left alone: it is a code ("all", "last") and no quantity
    other negative number                the mirror image of log, v/8 to 8v (ints v/4 to 4v, but not −1)
    str                                  left alone: nothing says what else there is
    ===================================  ==============================================================================

    Parameters
    ----------
    value : bool, int, float or str
    origin : bool, int, float or str, optional
        What the constant was at first, which tells better what sort of thing it is: a scale of 1.0 that has come down to
        0.9 is no share, and what began as 0.0 may go back there. It chooses the line of the table.
    """
    if isinstance(value, bool):
        return Choices((False, True))
    if isinstance(value, str):
        return None
    if origin is None or isinstance(origin, str) or type(origin) is not type(value) or not _akin(value, origin):
        origin = value
    if isinstance(value, int):
        return _inferred_int(value, int(origin))
    if not math.isfinite(value) or 0 < abs(value) < 1e-300 or abs(value) > 1e300 or 0 < 1 - value < 1e-9:
        return None
    if origin == 0:
        return Range(0.0, max(0.3, min(_tidy(value * 2), _one_minus((1 - value) / 2))))
    if origin < 0:
        return Range(_tidy(value * 8), _tidy(value / 8), "log")
    if origin < 0.5:
        return Range(_tidy(value / 8), min(_tidy(value * 8), _one_minus((1 - value) / 2)), "log")
    if origin < 1:
        rest = 1 - value
        return Range(max(_one_minus(4 * rest), _tidy(value / 8)), _one_minus(rest / 8), "near-one")
    return Range(_tidy(value / 8), _tidy(value * 8), "log")


def _akin(value: float, origin: float) -> bool:
    """Whether a number can be of the same sort as the one it began as."""
    if origin < 0 or value < 0:
        return origin < 0 and value < 0
    if value == 0 < origin:
        return False
    return value < 1 or origin >= 1 or isinstance(origin, int)


def _inferred_int(value: int, origin: int) -> Space | None:
    if value == -1 or abs(value) > 2**53:
        return None
    if origin == 0:
        return Range(0, max(4, 4 * value), whole=True)
    if origin < 0:
        return Range(value * 4, min(-2, math.ceil(value / 4)), "log", whole=True)
    if _is_ladder(origin) and origin >= 8 and _is_ladder(value):
        rungs = {2**k for k in range(60)} | {3 * 2**k for k in range(3, 60)}
        return Choices(tuple(sorted(r for r in rungs if value <= 4 * r and r <= 4 * value)), ordered=True)
    return Range(max(1, value // 4), value * 4, "log", whole=True)


def _is_ladder(value: int) -> bool:
    odd = value // (value & -value)
    return odd == 1 or (odd == 3 and value % 8 == 0)


def _tidy(value: float) -> float:
    return float(f"{value:.4g}")


def _one_minus(value: float) -> float:
    """Return one minus it, tidy: the rest has to be rounded, as 0.99999875 to four figures is 1."""
    return float(f"{1 - _tidy(value):.14g}")


# -- finding them -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Constant:
    """A tunable constant.

    Attributes
    ----------
    name : str
    value : bool, int, float or str
    space : Choices or Range
        Where to search.
    inferred : bool
        Whether that comes from the value, and not from a comment.
    line : int
        On which the value ends, from 1.
    start, end : int
        Where the value stands in the source, in characters.
    """

    name: str
    value: Value
    space: Space
    inferred: bool
    line: int
    start: int
    end: int


@dataclass(frozen=True)
class _Literal:
    """A name that is assigned a literal at module level."""

    name: str
    value: Value
    node: ast.expr


@lru_cache(maxsize=256)
def _found(source: str, strict: bool) -> tuple[Constant, ...]:
    try:
        tree = parse(source)
    except UNPARSABLE:
        return ()
    rebound = _rebound(tree)
    literals = [literal for literal in _literals(tree) if literal.name not in rebound and not _private(literal.name)]
    if not literals:
        return ()
    positions = _Positions(source)
    comments = _comments(source, max(_last_line(literal.node) for literal in literals))
    on_line: dict[int, list[str]] = {}
    for literal in literals:
        on_line.setdefault(_last_line(literal.node), []).append(literal.name)
    constants = []
    for literal in literals:
        line = _last_line(literal.node)
        try:
            told = _told_space(literal, comments.get(line, ""), on_line[line], line)
        except UserError:
            if strict:
                raise
            continue
        space = inferred_space(literal.value) if told is None else told
        if space is not None and len(space.grid()) > 1:
            start, end = positions.span(literal.node)
            constants.append(Constant(literal.name, literal.value, space, told is None, line, start, end))
    return tuple(constants)


def find_constants(source: str, *, strict: bool = True) -> list[Constant]:
    """Find the constants of a source that may be tuned, in the order of their lines.

    Left out are names with a leading underscore; seeds, since a better seed is no improvement; names that are bound
    more than once or in another way anywhere in the source (augmented, deleted, ``global``, a loop's, a ``with``'s, an
    import's, a function's ...); what a comment calls ``fixed``; and what has only one value to take.

    Parameters
    ----------
    source : str
        One that does not parse has no constants.
    strict : bool
        Whether a comment that cannot be meant as it stands is an error; else its constant is left out.

    Raises
    ------
    UserError
        For such a comment: one line that names the source's line and the constant.
    """
    return list(_found(source, strict))


@lru_cache(maxsize=2048)
def _read(source: str) -> Mapping[str, Value]:
    try:
        return {literal.name: literal.value for literal in _literals(parse(source))}
    except UNPARSABLE:
        return {}


def read_values(source: str) -> Mapping[str, Value]:
    """Return the value of every name that is assigned a literal at module level, tunable or not; the last of several.

    Much cheaper than `find_constants`, for reading a long history.
    """
    return _read(source)


def _literals(tree: ast.Module) -> Iterator[_Literal]:
    for statement in tree.body:
        if isinstance(statement, ast.AnnAssign) and statement.value is not None:
            pairs: list[tuple[ast.expr, ast.expr]] = [(statement.target, statement.value)]
        elif isinstance(statement, ast.Assign) and len(statement.targets) == 1:
            target, value = statement.targets[0], statement.value
            if isinstance(target, ast.Tuple | ast.List) and isinstance(value, ast.Tuple | ast.List):
                # a star on either side, or a tuple within, and it is no longer plain what goes where
                flat = all(isinstance(e, ast.Name) for e in target.elts) and len(target.elts) == len(value.elts)
                pairs = list(zip(target.elts, value.elts, strict=True)) if flat else []
                if any(isinstance(e, ast.Starred) for e in value.elts):
                    pairs = []
            else:
                pairs = [(target, value)]
        else:
            continue
        for name, node in pairs:
            literal = _literal_value(node)
            if isinstance(name, ast.Name) and literal is not None:
                yield _Literal(name.id, literal, node)


def _literal_value(node: ast.expr) -> Value | None:
    if node.end_lineno != node.lineno:  # a comment may stand inside, and would be lost
        return None
    negative = isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub)
    inner = node.operand if isinstance(node, ast.UnaryOp) and negative else node
    if not isinstance(inner, ast.Constant) or not isinstance(inner.value, bool | int | float | str):
        return None
    if not negative:
        return inner.value
    return None if isinstance(inner.value, bool | str) else -inner.value


def _rebound(tree: ast.Module) -> set[str]:
    """Return the names that are bound more than once, or in a way that is no assignment, in any scope."""
    assigned: Counter[str] = Counter()
    otherwise: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Name):
            if isinstance(node.ctx, ast.Store):
                assigned[node.id] += 1
            elif isinstance(node.ctx, ast.Del):
                otherwise.add(node.id)
        elif isinstance(node, ast.Global | ast.Nonlocal):
            otherwise.update(node.names)
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            otherwise.add(node.name)
        elif isinstance(node, ast.alias):
            otherwise.add((node.asname or node.name).partition(".")[0])
        elif isinstance(node, ast.ExceptHandler | ast.MatchAs | ast.MatchStar) and node.name:
            otherwise.add(node.name)
        elif isinstance(node, ast.MatchMapping) and node.rest:
            otherwise.add(node.rest)
    return otherwise | {name for name, count in assigned.items() if count > 1}


_SEED = re.compile(r"(?i).*seeds?|(.*_)?seeds?(_|\d).*|(.*_)?random_?state(_?\d+)?")


def _private(name: str) -> bool:
    return name.startswith("_") or _SEED.fullmatch(name) is not None


def _last_line(node: ast.expr) -> int:
    return node.end_lineno or node.lineno


class _Positions:
    """Turns the parser's positions, which count UTF-8 bytes within lines, into offsets of characters."""

    def __init__(self, source: str) -> None:
        self._source = source
        # Not str.splitlines: to the parser a form feed ends no line.
        self._starts = [0, *(match.end() for match in re.finditer(r"\r\n|\r|\n", source))]

    def span(self, node: ast.expr) -> tuple[int, int]:
        end_line, end_column = node.end_lineno or node.lineno, node.end_col_offset or 0
        return self._offset(node.lineno, node.col_offset), self._offset(end_line, end_column)

    def _offset(self, line: int, column: int) -> int:
        start = self._starts[line - 1]
        end = self._starts[line] if line < len(self._starts) else len(self._source)
        return start + len(self._source[start:end].encode()[:column].decode())


def _comments(source: str, last: int) -> dict[int, str]:
    """Return the comment of every line that has one, without its sign, up to line `last`."""
    comments: dict[int, str] = {}
    if "#" not in source:
        return comments
    try:
        for token in tokenize.generate_tokens(io.StringIO(source, newline=None).readline):
            if token.start[0] > last:  # the tokenizer is slow, and constants stand at the top
                break
            if token.type == tokenize.COMMENT:
                comments[token.start[0]] = token.string.lstrip("#").strip()
    except (tokenize.TokenError, SyntaxError):  # it is pickier than the parser in a few corners
        pass
    return comments


# -- reading a comment ------------------------------------------------------------------------------------------------

_DIGITS = r"\d(?:_?\d)*"
_NUMBER = rf"[+-]?(?:{_DIGITS}(?:\.(?!\.)(?:{_DIGITS})?)?|\.{_DIGITS})(?:[eE][+-]?\d+)?"  # "1..2" is a range
_CLAUSE = r"(?:^|[,;:(]\s*|\s[-–—]\s+)"  # where a clause begins
_END = r"(?=\s*(?:$|[,;)]|\.(?:\s|$)|[-–—]\s|\())"  # where one ends
_RANGE = re.compile(
    rf"{_CLAUSE}(?P<low>{_NUMBER})\s*\.\.\s*(?P<high>{_NUMBER})"
    rf"(?P<log>\s*,?\s+log(?:[ -]?(?:scale|uniform))?\b)?"
    rf"(?P<step>\s*,?\s+step(?:\s*[=:]?\s*(?P<size>{_NUMBER}))?)?{_END}"
)
_ONE_OF = re.compile(r"\bone of\s*:\s*", re.IGNORECASE)
_ITEM = re.compile(r"""(?P<quoted>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')|(?P<bare>[\w.+/-]+)""")
_FIXED = re.compile(rf"^fixed(?![\w-])|{_CLAUSE}fixed{_END}", re.IGNORECASE)


def _told_space(literal: _Literal, comment: str, names: list[str], line: int) -> Space | None:
    """Return where the comment says to search; None when it says nothing about this constant."""
    mine, shared = _about(literal.name, comment, names)
    where = f"line {line}, {literal.name}"
    if _FIXED.search(mine) or _FIXED.search(shared):
        return Choices((literal.value,))
    if _ONE_OF.search(shared) or _RANGE.search(shared):
        raise UserError(f'{where}: "# {shared}" does not say which constant it is for: write  # {literal.name}: ...')
    if found := _ONE_OF.search(mine):
        return _choices(literal.value, mine[found.end() :], where)
    if found := _RANGE.search(mine):
        return _range(literal.value, found, where)
    return None


def _about(name: str, comment: str, names: list[str]) -> tuple[str, str]:
    """Return what a comment says about one of the constants on its line, and what it says of none in particular."""
    marks = list(re.finditer(rf"{_CLAUSE}(?P<name>{'|'.join(map(re.escape, names))})\s*:", comment))
    pieces = {
        mark["name"]: comment[mark.end() : after.start() if after else len(comment)].strip()
        for mark, after in zip_longest(marks, marks[1:])
    }
    rest = comment[: marks[0].start()].strip() if marks else comment
    if len(names) == 1:
        return pieces.get(name, rest), ""
    return pieces.get(name, ""), rest


def _choices(value: Value, text: str, where: str) -> Choices:
    items: list[str] = []
    rest = text
    while found := _ITEM.match(rest):
        items.append(found["quoted"] or found["bare"].rstrip("."))
        rest = rest[found.end() :].lstrip()
        if not rest.startswith(","):
            break
        rest = rest[1:].lstrip()
    if not items or (rest and not re.match(r"[;.()]|[-–—]\s", rest)):
        raise UserError(
            f'{where}: cannot read the choices "one of: {text}": separate them by commas, prose by a semicolon.'
        )
    values = [_choice(item, value, where) for item in items]
    if not any(type(v) is type(value) and v == value for v in values):
        values.append(value)
    if isinstance(value, bool | str):
        return Choices(tuple(dict.fromkeys(values)))
    return Choices(tuple(sorted(set(values), key=float)), ordered=True)


def _choice(item: str, value: Value, where: str) -> Value:
    try:
        read = ast.literal_eval(item)
    except (ValueError, SyntaxError):
        read = item
    if isinstance(value, str):
        return read if isinstance(read, str) else item
    if isinstance(value, float) and type(read) is int:
        read = float(read)
    if type(read) is not type(value) or (isinstance(read, float) and not math.isfinite(read)):
        raise UserError(f"{where}: the choice {item} is not of the kind of {value!r} ({type(value).__name__}).")
    return value if read == value else _same_kind(read, value)


def _same_kind(read: object, value: Value) -> Value:
    assert isinstance(read, type(value))
    return read


def _range(value: Value, found: re.Match[str], where: str) -> Range:
    shown = found[0].strip(" ,;:(-–—")
    low, high, log = float(found["low"]), float(found["high"]), found["log"] is not None
    step = float(found["size"] or 0)
    whole = isinstance(value, int)
    if isinstance(value, bool | str):
        problem = f"is a range of numbers, but the value is {value!r}: write  # one of: ..."
    elif not 1e-300 < high - low < math.inf:
        problem = "is empty: write  # LOW .. HIGH"
    elif found["step"] and (step <= 0 or log):
        problem = (
            "has a step and a log scale: choose one" if log else "needs a step above 0: write  # LOW .. HIGH step S"
        )
    elif log and low <= 0:
        problem = "cannot have a log scale: LOW must be above 0"
    elif whole and not (low.is_integer() and high.is_integer() and step.is_integer()):
        problem = "must be made of whole numbers, as the value is"
    else:
        return Range(low, high, "log" if log else "linear", step, whole)
    raise UserError(f'{where}: the range "{shown}" {problem}.')


# -- writing them -----------------------------------------------------------------------------------------------------


def replace_constants(source: str, values: Mapping[str, Value]) -> str:
    """Write new values for constants; every other character stays as it is.

    Parameters
    ----------
    source : str
    values : mapping
        From names that `find_constants` finds to values of the same type.

    Raises
    ------
    KeyError
        For a name that is no constant of the source.
    """
    constants = {constant.name: constant for constant in find_constants(source, strict=False)}
    edits = sorted(((constants[name], value) for name, value in values.items()), key=lambda e: -e[0].start)
    for constant, value in edits:
        text = format_value(value, like=source[constant.start : constant.end])
        source = source[: constant.start] + text + source[constant.end :]
    return source


def format_value(value: Value, like: str = "") -> str:
    """Write a value as a literal, in the style of another one: its exponent, underscores, base and quotes.

    Parameters
    ----------
    value : bool, int, float or str
        Read back, the literal gives exactly this value.
    like : str
        A literal of the same type.
    """
    if isinstance(value, bool):
        return repr(value)
    if isinstance(value, str):
        return _format_string(value, "'" if like.endswith("'") else '"')
    if isinstance(value, int):
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
