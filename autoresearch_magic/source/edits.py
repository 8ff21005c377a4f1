"""Analysis and comparison of source text without running it: syntax, fingerprint, complexity, diff and merge.

Parameters called `target` accept a target of several files (see `files`); `source` is the text of one file.

Not here: applying an agent's SEARCH/REPLACE blocks (`agents.llm.reply_parser`).
"""

from __future__ import annotations

import ast
import difflib
import hashlib
import re
import warnings
from collections.abc import Iterable

from ..errors import UserError
from ..syntax import syntax_tree
from ..text import shorten
from . import files

UNPARSABLE = (SyntaxError, ValueError, RecursionError, MemoryError)
"""Exceptions of Python's parser: ValueError for null bytes and lone surrogates, the last two for extreme nesting."""

BOM = "\ufeff"
"""The byte order mark that some editors write first: Python accepts it in a file, but not in a string."""

_SHOWN = 80
"""Characters of a line that an error message quotes."""
_MAGIC = re.compile(r"(?:[\w., ]+=)?\s*(?P<sign>%%|%|!!|!)\s*(?=[A-Za-z_/.~$(])")
_HELP = re.compile(r"\?{1,2}\s*[\w.%*]+\s*;?|[\w.%*]+\s*\?{1,2}\s*;?")


def parse(source: str) -> ast.Module:
    """Return the syntax tree of a source that may begin with a byte order mark.

    Raises
    ------
    SyntaxError, ValueError, RecursionError, MemoryError
        See `UNPARSABLE`.
    """
    return syntax_tree(source.removeprefix(BOM))


def fingerprint(target: str) -> str:
    """Return a hash of what a target does: targets that differ only in layout, comments, docstrings and ``pass`` are equal.

    Parameters
    ----------
    target : str
        Text that does not parse, and files that are not Python, are hashed as they are.

    Returns
    -------
    str
        16 hexadecimal digits.
    """
    if files.is_bundle(target):
        text = "".join(
            f"{path}:{fingerprint(content) if files.is_python(path) else content}\0"
            for path, content in sorted(files.split(target).items())
        )
    else:
        try:
            text = canonical(parse(target))
        except UNPARSABLE:
            text = f"text:{target}"
    return hashlib.sha256(text.encode("utf-8", "backslashreplace")).hexdigest()[:16]


def canonical(node: object) -> str:
    """Return a syntax tree, or a list of them, as text that does not depend on layout, comments and docstrings.

    Empty fields are left out, because Python versions differ in which ones exist.
    """
    parts: list[str] = []
    todo: list[object] = [node]
    while todo:  # no recursion, because a tree may be deeper than Python's stack
        item = todo.pop()
        if isinstance(item, _Mark):
            parts.append(item)
        elif isinstance(item, ast.AST):
            parts.append(f"{type(item).__name__}(")
            following: list[object] = []
            for name, value in ast.iter_fields(item):
                if isinstance(value, list):
                    value = [each for each in value if not does_nothing(each)]
                # `kind` distinguishes u"x" from "x"; `ctx` and `type_ignores` follow from the other fields
                if value is None or value == [] or name in ("kind", "ctx", "type_ignores"):
                    continue
                following += [_Mark(f"{name}="), value, _COMMA]
            todo.append(_Mark(")"))
            todo.extend(reversed(following))
        elif isinstance(item, list):
            parts.append("[")
            todo.append(_Mark("]"))
            for each in reversed(item):
                todo += [_COMMA, each]
        elif isinstance(item, int) and item.bit_length() > _PRINTED_BITS:
            parts.append(hex(item))
        else:
            parts.append(repr(item))
    return "".join(parts)


class _Mark(str):
    """A part of the text of `canonical` itself, and not a string of the syntax tree."""

    __slots__ = ()


_COMMA = _Mark(",")
_PRINTED_BITS = 2000
"""Size up to which an int is printed in decimal digits; Python refuses to print those of more than 640 digits, or 4300."""


def does_nothing(node: object) -> bool:
    """Whether a statement is ``pass`` or a bare string such as a docstring."""
    if isinstance(node, ast.Pass):
        return True
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)


FREE_CHARACTERS = 32
"""Characters of a constant that do not count; each further one counts like a node."""


def complexity(target: str) -> int:
    """Return the size of a target's code, by which the judge decides what is "equal within noise, and simpler".

    It is the number of nodes of the syntax tree. Layout, comments, docstrings, other bare strings and ``pass`` do not
    count; a name counts one whatever its length, and so does a constant. Deleting code lowers it; renaming, reformatting
    and other values do not change it.

    So that code cannot hide in strings, a constant counts one more for each character of its literal beyond
    `FREE_CHARACTERS`, and for every character, also of docstrings, when the source names ``exec``, ``eval``, ``compile`` or
    ``__import__`` (methods such as ``model.eval()`` excepted). Not detected: code loaded from elsewhere (a file, a module of
    the setup, `getattr` on ``builtins``), and names that carry data.

    Parameters
    ----------
    target : str
        Text that does not parse counts its characters, and so is never simpler. The counts of several files add up; a file
        that is not Python counts its words and punctuation marks.
    """
    if files.is_bundle(target):
        return sum(
            complexity(content) if files.is_python(path) else len(_WORDS.findall(content))
            for path, content in files.split(target).items()
        )
    try:
        return tree_size([parse(target)])
    except UNPARSABLE:
        return len(target)


def tree_size(nodes: Iterable[ast.AST]) -> int:
    """Return the complexity of parts of a syntax tree; see `complexity`."""
    count, free = 0, FREE_CHARACTERS
    constants: list[int] = []  # lengths of their literals
    bare_strings: list[int] = []
    todo = list(nodes)
    while todo:  # no recursion, because a tree may be deeper than Python's stack
        node = todo.pop()
        if isinstance(node, ast.Expr) and does_nothing(node):
            assert isinstance(node.value, ast.Constant)
            bare_strings.append(_literal_length(node.value.value))
        if isinstance(node, ast.expr_context) or does_nothing(node):
            continue
        count += 1
        if isinstance(node, ast.Constant):
            constants.append(_literal_length(node.value))
        elif _executes_text(node):
            free = 0
        todo.extend(ast.iter_child_nodes(node))
    # Where strings are executed, a docstring may be one of them.
    return count + sum(max(0, length - free) for length in constants) + (0 if free else sum(bare_strings))


def _literal_length(value: object) -> int:
    """Return the approximate length of a literal. Python refuses to print very large ints, so theirs is computed."""
    if isinstance(value, int) and not isinstance(value, bool):
        return value.bit_length() // 3
    return len(value) if isinstance(value, str | bytes) else len(repr(value))


def _executes_text(node: ast.AST) -> bool:
    if isinstance(node, ast.Attribute):
        return node.attr == "exec" or (
            isinstance(node.value, ast.Name)
            and node.value.id in ("builtins", "__builtins__")
            and node.attr in _EXECUTORS
        )
    if isinstance(node, ast.alias):
        return node.name in _EXECUTORS
    return isinstance(node, ast.Name) and node.id in _EXECUTORS


_WORDS = re.compile(r"\w+|[^\w\s]")
_EXECUTORS = {"exec", "eval", "compile", "__import__"}


def check_syntax(source: str, what: str = "target") -> None:
    """Raise a `UserError` unless a target or setup is plain Python, which runs outside of IPython.

    Parameters
    ----------
    source : str
        One source, or a target of several files.
    what : str
        Name of the source in the message.

    Raises
    ------
    UserError
        One line with the name, the line number, Python's message and the offending line.
    """
    if files.is_bundle(source):
        for path, content in files.split(source).items():
            if files.is_python(path):
                check_syntax(content, f"file {path}")
        return
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            # compile() reports more than ast.parse(), for example `return` outside of a function
            compile(source.removeprefix(BOM), f"<{what}>", "exec", dont_inherit=True)
    except SyntaxError as error:
        number = error.lineno or 1
        lines = source_lines(source)
        line = lines[min(number, len(lines)) - 1].strip() if lines else ""
        if special := _notebook_syntax(line):
            raise UserError(f"line {number} of the {what} is {special}") from None
        shown = f": {shorten(line, _SHOWN)}" if line else ""
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
    """Return an explanation of a line that only IPython understands; empty for any other line."""
    shown = shorten(line, _SHOWN)
    if found := _MAGIC.match(line):
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
        return f"an IPython help request ({shown}): experiments run as plain Python; delete the line."
    return ""


def source_lines(source: str) -> list[str]:
    """Return the lines of a source as Python counts them; unlike for `str.splitlines`, a form feed does not end a line."""
    return re.split(r"\r\n|\r|\n", source)


def unified_diff(before: str, after: str, before_name: str = "before", after_name: str = "after") -> str:
    """Return the difference as ``diff -u`` shows it, file by file for targets of several files; empty when there is none."""
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
    """Return the number of added and of removed lines, as in `unified_diff`."""
    changes = list(difflib.unified_diff(_lines(before), _lines(after), n=0))[2:]
    return sum(line.startswith("+") for line in changes), sum(line.startswith("-") for line in changes)


def _lines(text: str) -> list[str]:
    """Split text at line feeds only, and keep them; other line endings belong to the content."""
    return re.findall(r"[^\n]*\n|[^\n]+", text)


def _ended(line: str) -> str:
    return line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n"


def imported_modules(source: str) -> list[str]:
    """Return the modules that a source imports anywhere, each once, in order; none when it does not parse.

    ``from x.y import z`` gives ``"x.y"``. Relative imports and ``__future__`` are left out.
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
    """Merge two versions of a text by lines (a three-way merge); None where both have changed the same lines.

    Parameters
    ----------
    base : str
        The common ancestor.
    ours, theirs : str
        The two versions. Changes of neighbouring lines do not conflict, other than in git, because a target's constants
        are usually on neighbouring lines.

    Returns
    -------
    str or None
        `ours` with the changes from `base` to `theirs`, or None when the changes overlap.
    """
    lines = [_lines(text) for text in (base, ours, theirs)]
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
