"""The search space of a constant, read from the comment beside it.

``one of: A, B``, ``LOW .. HIGH``, ``LOW .. HIGH log``, ``LOW .. HIGH step S`` and ``fixed`` are understood, each at the
start of the comment or of a clause (after ``,  ;  :  (`` or a dash); anything else is prose. Where several constants end
on one line, a clause begins with the constant's name, as in ``WIDTH: 32 .. 256 step 32; DEPTH: fixed``.

Not here: which constants there are (`constants`), and the search space without a comment (`search_space`).
"""

from __future__ import annotations

import ast
import io
import math
import re
import tokenize
from itertools import zip_longest

from ..errors import UserError
from .search_space import Choices, Range, Space, Value

_DIGITS = r"\d(?:_?\d)*"
_NUMBER = rf"[+-]?(?:{_DIGITS}(?:\.(?!\.)(?:{_DIGITS})?)?|\.{_DIGITS})(?:[eE][+-]?\d+)?"  # so that "1..2" is a range
_CLAUSE = r"(?:^|[,;:(]\s*|\s[-–—]\s+)"  # the start of a clause
_END = r"(?=\s*(?:$|[,;)]|\.(?:\s|$)|[-–—]\s|\())"  # the end of a clause
_RANGE = re.compile(
    rf"{_CLAUSE}(?P<low>{_NUMBER})\s*\.\.\s*(?P<high>{_NUMBER})"
    rf"(?P<log>\s*,?\s+log(?:[ -]?(?:scale|uniform))?\b)?"
    rf"(?P<step>\s*,?\s+step(?:\s*[=:]?\s*(?P<size>{_NUMBER}))?)?{_END}"
)
_ONE_OF = re.compile(r"\bone of\s*:\s*", re.IGNORECASE)
_ITEM = re.compile(r"""(?P<quoted>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')|(?P<bare>[\w.+/-]+)""")
_FIXED = re.compile(rf"^fixed(?![\w-])|{_CLAUSE}fixed{_END}", re.IGNORECASE)


def read_comments(source: str, last: int) -> dict[int, str]:
    """Return the comments by line, without their ``#``, up to line `last`."""
    comments: dict[int, str] = {}
    if "#" not in source:
        return comments
    try:
        for token in tokenize.generate_tokens(io.StringIO(source, newline=None).readline):
            if token.start[0] > last:  # the tokenizer is slow, and constants are usually at the top
                break
            if token.type == tokenize.COMMENT:
                comments[token.start[0]] = token.string.lstrip("#").strip()
    except (tokenize.TokenError, SyntaxError):  # the tokenizer rejects a few sources that the parser accepts
        pass
    return comments


def space_from_comment(name: str, value: Value, comment: str, names: list[str], line: int) -> Space | None:
    """Return the search space that a comment gives for a constant; None when it gives none.

    Parameters
    ----------
    name : str
    value : bool, int, float or str
        The constant's value; choices and ranges must be of the same type.
    comment : str
        The comment without its ``#``.
    names : list of str
        All constants on the line.
    line : int
        Line number, for error messages.

    Raises
    ------
    UserError
        When the comment is invalid; one line that names the line and the constant.
    """
    mine, shared = _about(name, comment, names)
    where = f"line {line}, {name}"
    if _FIXED.search(mine) or _FIXED.search(shared):
        return Choices((value,))
    if _ONE_OF.search(shared) or _RANGE.search(shared):
        raise UserError(f'{where}: "# {shared}" does not say which constant it is for: write  # {name}: ...')
    if found := _ONE_OF.search(mine):
        return _choices(value, mine[found.end() :], where)
    if found := _RANGE.search(mine):
        return _range(value, found, where)
    return None


def _about(name: str, comment: str, names: list[str]) -> tuple[str, str]:
    """Return the text of a comment for one constant of its line, and the text that names no constant."""
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
        raise UserError(f"{where}: the choice {item} is not of the same type as {value!r} ({type(value).__name__}).")
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
        problem = "must have whole numbers, because the value is one"
    else:
        return Range(low, high, "log" if log else "linear", step, whole)
    raise UserError(f'{where}: the range "{shown}" {problem}.')
