"""The tunable constants of a target: finding them, the search space of each, and writing new values in place.

A constant is a name that is assigned once, at module level, to a literal:

    LR = 3e-4                               # a number: a range around it is searched
    DEPTH, WIDTH = 2, 64                    # WIDTH: 32 .. 256 step 32; DEPTH: fixed
    BETA: float = 0.9                       # 0.8 .. 0.99
    POSITIONS = "learned"                   # one of: learned, rotary, none
    TIED = True                             # both values are tried

A comment on the line on which the value ends can give the search space (`constant_comments`); without one it is inferred from
the value (`search_space`).

Not here: the search itself (`agents.tuner`), and expressions or values inside of functions, which are never tuned.
"""

from __future__ import annotations

import ast
import math
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import PurePosixPath

from ..errors import UserError
from .blocks import editable_spans
from .constant_comments import read_comments, space_from_comment
from .edits import BOM, UNPARSABLE, parse
from .files import Part, is_bundle, is_python, parts
from .search_space import Space, Value, inferred_space

# -- finding them -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Constant:
    """A tunable constant.

    Attributes
    ----------
    name : str
        In a target of several Python files with the module's name in front: ``model.WIDTH``.
    value : bool, int, float or str
    space : Choices or Range
        The values to search.
    inferred : bool
        Whether the space was inferred from the value, and not given by a comment.
    line : int
        The line on which the value ends, from 1.
    start, end : int
        The position of the value's literal in the target, in characters.
    """

    name: str
    value: Value
    space: Space
    inferred: bool
    line: int
    start: int
    end: int


@dataclass(frozen=True)
class Literal:
    """A name that is assigned a literal at module level; `node` is the literal's syntax tree."""

    name: str
    value: Value
    node: ast.expr


@lru_cache(maxsize=256)
def _constants(target: str, strict: bool) -> tuple[Constant, ...]:
    found, spans = _constants_of_files(target, strict), editable_spans(target)
    return tuple(c for c in found if spans is None or any(start <= c.start < end for start, end in spans))


def _constants_of_files(target: str, strict: bool) -> tuple[Constant, ...]:
    if not is_bundle(target):
        return _constants_of_file(target, strict)
    return tuple(
        replace(
            c, name=f"{prefix}{c.name}", line=c.line + part.line, start=c.start + part.start, end=c.end + part.start
        )
        for prefix, part in _python_parts(target).items()
        if part.verbatim  # positions in the file and in the target differ otherwise
        for c in _constants_of_file(part.content, strict)
    )


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


def _constants_of_file(source: str, strict: bool) -> tuple[Constant, ...]:
    if source.startswith(BOM):
        return ()  # the parser's positions would be off by one
    try:
        tree = parse(source)
    except UNPARSABLE:
        return ()
    rebound = _rebound(tree)
    found = [each for each in literals(tree.body) if each.name not in rebound and not _excluded(each.name)]
    if not found:
        return ()
    positions = _Positions(source)
    comments = read_comments(source, max(_last_line(literal.node) for literal in found))
    on_line: dict[int, list[str]] = {}
    for literal in found:
        on_line.setdefault(_last_line(literal.node), []).append(literal.name)
    constants = []
    for literal in found:
        line = _last_line(literal.node)
        try:
            commented = space_from_comment(literal.name, literal.value, comments.get(line, ""), on_line[line], line)
        except UserError:
            if strict:
                raise
            continue
        space = inferred_space(literal.value) if commented is None else commented
        if space is not None and len(space.grid()) > 1:
            start, end = positions.span(literal.node)
            constants.append(Constant(literal.name, literal.value, space, commented is None, line, start, end))
    return tuple(constants)


def find_constants(target: str, *, strict: bool = True) -> list[Constant]:
    """Return the constants of a target that may be tuned, in the order of their lines.

    Left out are names with a leading underscore; seeds, because a better seed is not an improvement; names that are bound
    more than once or other than by assignment anywhere in the file (``+=``, ``del``, ``global``, a loop, a ``with``, an
    import, a function ...); constants that a comment calls ``fixed``, or that stand in lines that may not change (`blocks`); and those with only one possible value.

    Parameters
    ----------
    target : str
        Text that does not parse has no constants.
    strict : bool
        Whether an invalid comment is an error; otherwise its constant is left out.

    Raises
    ------
    UserError
        For an invalid comment; one line that names the line and the constant.
    """
    return list(_constants(target, strict))


@lru_cache(maxsize=2048)
def read_values(target: str) -> Mapping[str, Value]:
    """Return the (last) value of every name that is assigned a literal at module level, tunable or not.

    This is much faster than `find_constants`, for reading a long history.
    """
    if is_bundle(target):
        return {
            f"{prefix}{name}": value
            for prefix, part in _python_parts(target).items()
            for name, value in read_values(part.content).items()
        }
    try:
        return {literal.name: literal.value for literal in literals(parse(target).body)}
    except UNPARSABLE:
        return {}


def literals(statements: Iterable[ast.stmt]) -> Iterator[Literal]:
    """Yield every name to which statements of module level assign a literal."""
    for statement in statements:
        if isinstance(statement, ast.AnnAssign) and statement.value is not None:
            pairs: list[tuple[ast.expr, ast.expr]] = [(statement.target, statement.value)]
        elif isinstance(statement, ast.Assign) and len(statement.targets) == 1:
            target, value = statement.targets[0], statement.value
            if isinstance(target, ast.Tuple | ast.List) and isinstance(value, ast.Tuple | ast.List):
                # with a star on either side, or a nested tuple, names and values do not correspond one to one
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
                yield Literal(name.id, literal, node)


def _literal_value(node: ast.expr) -> Value | None:
    if node.end_lineno != node.lineno:  # a comment inside of the literal would be lost
        return None
    negative = isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub)
    inner = node.operand if isinstance(node, ast.UnaryOp) and negative else node
    if not isinstance(inner, ast.Constant) or not isinstance(inner.value, bool | int | float | str):
        return None
    if not negative:
        return inner.value
    return None if isinstance(inner.value, bool | str) else -inner.value


def _rebound(tree: ast.Module) -> set[str]:
    """Return the names that any scope binds more than once, or other than by assignment."""
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


def seed_like(name: str) -> bool:
    """Whether a name looks like that of a seed: ``SEED``, ``torch_seed``, ``seed_offset``, ``random_state`` ..."""
    return _SEED.fullmatch(name) is not None


def _excluded(name: str) -> bool:
    return name.startswith("_") or seed_like(name)


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
        return start + len(self._source[start:end].encode()[:column].decode())


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
        For a name that is not a constant of the target.
    """
    constants = {constant.name: constant for constant in find_constants(target, strict=False)}
    edits = sorted(((constants[name], value) for name, value in values.items()), key=lambda e: -e[0].start)
    for constant, value in edits:
        text = format_value(value, like=target[constant.start : constant.end])
        target = target[: constant.start] + text + target[constant.end :]
    return target


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
