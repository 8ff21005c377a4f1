"""What can be said about source text without running it: is it Python, is it new, what changed, how simple it is.

Pure functions, no I/O. Not here: applying an agent's SEARCH/REPLACE blocks.
"""

from __future__ import annotations

import ast
import difflib
import hashlib
import re
import warnings
from collections.abc import Iterable, Iterator

from ..errors import UserError
from ..syntax import syntax_tree
from . import files

UNPARSABLE = (SyntaxError, ValueError, RecursionError, MemoryError)
"""What Python's parser raises: ValueError for null bytes and lone surrogates, the last two for absurd nesting."""

BOM = "\ufeff"
"""With which some editors begin a file: Python reads such a file, but not such a text."""

_SHOWN = 80
_MAGIC = re.compile(r"(?:[\w., ]+=)?\s*(?P<sign>%%|%|!!|!)\s*(?=[A-Za-z_/.~$(])")
_HELP = re.compile(r"\?{1,2}\s*[\w.%*]+\s*;?|[\w.%*]+\s*\?{1,2}\s*;?")


def parse(source: str) -> ast.Module:
    """Parse without the warnings that Python may print about it (an invalid escape in a string, for example).

    Raises
    ------
    SyntaxError, ValueError, RecursionError, MemoryError
        As listed in `UNPARSABLE`.
    """
    return syntax_tree(source.removeprefix(BOM))


def fingerprint(source: str) -> str:
    """Hash what a source does: equal for sources that differ in layout, comments, docstrings and ``pass`` alone.

    Parameters
    ----------
    source : str
        Where it does not parse, its text is hashed as it stands. Of several files (`files`) each counts for itself.

    Returns
    -------
    str
        16 hexadecimal digits.
    """
    if files.is_bundle(source):
        text = "".join(
            f"{path}:{fingerprint(content) if files.is_python(path) else content}\0"
            for path, content in sorted(files.split(source).items())
        )
        return hashlib.sha256(text.encode("utf-8", "backslashreplace")).hexdigest()[:16]
    try:
        text = canonical(parse(source))
    except UNPARSABLE:
        text = f"text:{source}"
    return hashlib.sha256(text.encode("utf-8", "backslashreplace")).hexdigest()[:16]


def canonical(node: object) -> str:
    """Write a syntax tree, or a list of them, down: equal for what does the same in other layout.

    Raises
    ------
    RecursionError
        For absurd nesting.
    """
    return "".join(_canonical(node))


def _canonical(node: object) -> Iterator[str]:
    """Yield the parts of it. What is empty is left out: whether `ast.dump` shows it depends on Python's version."""
    if isinstance(node, ast.AST):
        yield f"{type(node).__name__}("
        for name, value in ast.iter_fields(node):
            if isinstance(value, list):
                value = [item for item in value if not does_nothing(item)]
            # `kind` tells u"x" from "x", `ctx` and `type_ignores` repeat what the rest says
            if value is None or value == [] or name in ("kind", "ctx", "type_ignores"):
                continue
            yield f"{name}="
            yield from _canonical(value)
            yield ","
        yield ")"
    elif isinstance(node, list):
        yield "["
        for item in node:
            yield from _canonical(item)
            yield ","
        yield "]"
    else:
        yield repr(node)


def does_nothing(node: object) -> bool:
    """Whether a statement is ``pass`` or a bare string, as docstrings are."""
    if isinstance(node, ast.Pass):
        return True
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)


WRITTEN = 32
"""Characters of a constant that are free; each one more counts like a node."""


def complexity(source: str) -> int:
    """Count what there is to understand: the stated measure of 'equal within noise, and simpler'.

    It is the number of nodes of the syntax tree. Layout, comments, docstrings, other bare strings and ``pass`` count
    nothing, names count one whatever their length, and so does a constant: so deleting code lowers it, while renaming,
    reformatting and another value do not change it.

    So that code cannot hide in text, a constant counts one more for each character of its literal beyond `WRITTEN`, and
    for every character, docstrings too, when the source names ``exec``, ``eval``, ``compile`` or ``__import__`` (not as a
    method: ``model.eval()`` is none of them). What is not seen: code that is fetched from elsewhere (a file, a module of the
    setup, `getattr` on ``builtins``), and names chosen to carry data.

    Parameters
    ----------
    source : str
        One that does not parse counts its characters, and so is never the simpler one. Of several files the counts add up;
        one that is no Python counts its words and signs.
    """
    if files.is_bundle(source):
        return sum(
            complexity(content) if files.is_python(path) else len(_WORDS.findall(content))
            for path, content in files.split(source).items()
        )
    try:
        return tree_size([parse(source)])
    except UNPARSABLE:
        return len(source)


def tree_size(nodes: Iterable[ast.AST]) -> int:
    """Count as `complexity` does, for parts of a syntax tree."""
    count, free = 0, WRITTEN
    texts: list[int] = []
    silent: list[int] = []
    todo = list(nodes)
    while todo:  # no recursion: a tree may be deeper than Python's stack
        node = todo.pop()
        if isinstance(node, ast.Expr) and does_nothing(node):
            assert isinstance(node.value, ast.Constant)
            silent.append(_written(node.value.value))
        if isinstance(node, ast.expr_context) or does_nothing(node):
            continue
        count += 1
        if isinstance(node, ast.Constant):
            texts.append(_written(node.value))
        elif _runs_text(node):
            free = 0
        todo.extend(ast.iter_child_nodes(node))
    # Where text is run, a docstring may be it.
    return count + sum(max(0, length - free) for length in texts) + (0 if free else sum(silent))


def _written(value: object) -> int:
    """Return about how many characters a literal takes; an int's are counted without writing it, which has a limit."""
    if isinstance(value, int) and not isinstance(value, bool):
        return value.bit_length() // 3
    return len(value) if isinstance(value, str | bytes) else len(repr(value))


def _runs_text(node: ast.AST) -> bool:
    if isinstance(node, ast.Attribute):
        return node.attr == "exec" or (
            isinstance(node.value, ast.Name) and node.value.id in ("builtins", "__builtins__") and node.attr in _RUNS
        )
    if isinstance(node, ast.alias):
        return node.name in _RUNS
    return isinstance(node, ast.Name) and node.id in _RUNS


_WORDS = re.compile(r"\w+|[^\w\s]")
_RUNS = {"exec", "eval", "compile", "__import__"}


def check_syntax(source: str, what: str = "target") -> None:
    """Make sure that a source is Python that can be run outside of IPython.

    Parameters
    ----------
    source : str
    what : str
        What to call it in the message.

    Raises
    ------
    UserError
        One line: what, line number, Python's message and the offending line.
    """
    if files.is_bundle(source):
        for path, content in files.split(source).items():
            if files.is_python(path):
                check_syntax(content, f"file {path}")
        return
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            # compile() sees more than ast.parse(): `return` outside a function, for example
            compile(source.removeprefix(BOM), f"<{what}>", "exec", dont_inherit=True)
    except SyntaxError as error:
        number = error.lineno or 1
        lines = source_lines(source)
        line = lines[min(number, len(lines)) - 1].strip() if lines else ""
        if special := _notebook_syntax(line):
            raise UserError(f"line {number} of the {what} is {special}") from None
        shown = f": {_shorten(line)}" if line else ""
        raise UserError(f"line {number} of the {what} is not valid Python ({error.msg}){shown}") from None
    except (RecursionError, MemoryError):
        raise UserError(
            f"the {what} is nested too deeply for Python to compile: split its longest expression."
        ) from None
    except ValueError as error:
        raise UserError(
            f"the {what} cannot be read as Python ({error}): remove the characters that are not text."
        ) from None


def _notebook_syntax(line: str) -> str:
    """Say what is special about a line that only IPython understands; empty when nothing is."""
    if found := _MAGIC.match(line):
        shown = _shorten(line)
        if found["sign"] == "%%":
            return f"an IPython cell magic ({shown}): experiments run as plain Python; delete the line."
        if found["sign"] == "%":
            return (
                f"an IPython magic ({shown}): experiments run as plain Python; "
                "delete the line, or move it to a cell of its own."
            )
        return (
            f"a shell line ({shown}): experiments run as plain Python; "
            "run it in a cell of its own before the study starts, or use subprocess.run."
        )
    if _HELP.fullmatch(line):
        return f"an IPython help request ({_shorten(line)}): experiments run as plain Python; delete the line."
    return ""


def _shorten(line: str) -> str:
    line = "".join(c if c.isprintable() else repr(c)[1:-1] for c in line)  # a null byte would spoil the message
    return line if len(line) <= _SHOWN else line[: _SHOWN - 1] + "…"


def source_lines(source: str) -> list[str]:
    """Split into lines as Python counts them, unlike `str.splitlines`: a form feed ends no line."""
    return re.split(r"\r\n|\r|\n", source)


def unified_diff(before: str, after: str, before_name: str = "before", after_name: str = "after") -> str:
    """Return what changed, as ``diff -u`` writes it, file by file where there are several; empty when nothing did."""
    if files.is_bundle(before) and files.is_bundle(after):
        old, new = files.split(before), files.split(after)
        return "".join(
            unified_diff(
                old.get(path, ""), new.get(path, ""), f"a/{path}" if path in old else "/dev/null",
                f"b/{path}" if path in new else "/dev/null",
            )
            for path in files.changed(before, after)
        )  # fmt: skip
    return "".join(
        _ended(line) for line in difflib.unified_diff(_lines(before), _lines(after), before_name, after_name)
    )


def line_counts(before: str, after: str) -> tuple[int, int]:
    """Return how many lines were added and removed, as counted in `unified_diff`."""
    changes = list(difflib.unified_diff(_lines(before), _lines(after), n=0))[2:]
    return sum(line.startswith("+") for line in changes), sum(line.startswith("-") for line in changes)


def _lines(text: str) -> list[str]:
    """Split at line feeds alone and keep them: the rest of a line is the file's own business."""
    return re.findall(r"[^\n]*\n|[^\n]+", text)


def _ended(line: str) -> str:
    return line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n"


def imported_modules(source: str) -> list[str]:
    """Return the modules that a source imports anywhere in it, each once, in order.

    ``from x.y import z`` gives ``"x.y"``. Relative imports and ``__future__`` are left out; so is everything when the
    source does not parse.
    """
    try:
        tree = parse(source)
    except UNPARSABLE:
        return []
    found: list[tuple[int, int, str]] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found += [(node.lineno, alias.col_offset, alias.name) for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module and node.module != "__future__":
            found.append((node.lineno, node.col_offset, node.module))
    return list(dict.fromkeys(name for _, _, name in sorted(found)))


def merge(base: str, ours: str, theirs: str) -> str | None:
    """Apply the change from `base` to `theirs` to `ours`; None where both have changed the same lines.

    Parameters
    ----------
    base : str
        What both began with.
    ours, theirs : str
        The two versions. Neighbouring lines may be changed by one each: that is no conflict here, because a target's
        constants stand below each other.

    Returns
    -------
    str or None
        `ours` with their change, or None when the changes touch.
    """
    lines = [text.splitlines(keepends=True) for text in (base, ours, theirs)]
    changes = [
        [
            code[1:]
            for code in difflib.SequenceMatcher(None, lines[0], side, autojunk=False).get_opcodes()
            if code[0] != "equal"
        ]
        for side in lines[1:]
    ]
    for a_from, a_to, *_ in changes[0]:
        for b_from, b_to, *_ in changes[1]:
            same_place = a_from == b_from and (a_from == a_to or b_from == b_to)
            if same_place or (a_from < b_to and b_from < a_to):
                return None
    merged = list(lines[0])
    both = [(start, end, lines[1][i:j]) for start, end, i, j in changes[0]]
    both += [(start, end, lines[2][i:j]) for start, end, i, j in changes[1]]
    for start, end, new in sorted(both, key=lambda change: change[:2], reverse=True):
        merged[start:end] = new
    return "".join(merged)
