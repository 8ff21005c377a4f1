"""The sealed cell: which names it defines, and what a target is told that uses one of them."""

from __future__ import annotations

import ast
import builtins
import hashlib
import re

from ..syntax import syntax_tree

_UNDEFINED = re.compile(r"NameError: (?:name|global name) '(\w+)' is not defined(?:[.:] [^(]*)?")
_OPEN = ("exec", "globals", "setattr", "vars", "__import__")
"""Functions by which names may be bound that the source does not show."""


def mark(source: str) -> str:
    """Return the hash by which a sealed cell is known to journal and git; empty for none."""
    return hashlib.sha256(source.encode("utf-8", "surrogatepass")).hexdigest() if source.strip() else ""


def defined_names(source: str) -> frozenset[str]:
    """Return the names that a source binds at its top level; nothing where it does not parse."""
    try:
        tree = syntax_tree(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return frozenset()
    found: set[str] = set()
    waiting: list[ast.AST] = list(tree.body)
    while waiting:
        node = waiting.pop()
        match node:
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
                found.add(name)
                found |= _globals(node)
                continue  # what is bound inside is local
            case ast.Lambda():
                continue
            case ast.ListComp() | ast.SetComp() | ast.DictComp() | ast.GeneratorExp():
                found |= {each.target.id for each in ast.walk(node) if isinstance(each, ast.NamedExpr)}
                continue
            case ast.Import(names=aliases) | ast.ImportFrom(names=aliases):
                found |= {alias.asname or alias.name.partition(".")[0] for alias in aliases} - {"*"}
            case ast.Name(id=name, ctx=ast.Store()):
                found.add(name)
            case ast.ExceptHandler(name=str(name)) | ast.MatchAs(name=str(name)) | ast.MatchStar(name=str(name)):
                found.add(name)
            case ast.MatchMapping(rest=str(name)):
                found.add(name)
        waiting.extend(ast.iter_child_nodes(node))
    return frozenset(found)


def _globals(node: ast.AST) -> set[str]:
    return {name for each in ast.walk(node) if isinstance(each, ast.Global) for name in each.names}


def _shows_all_names(source: str) -> bool:
    """Return whether all names that a source may bind can be seen in it: it has no star import, and binds none by their texts."""
    try:
        nodes = list(ast.walk(syntax_tree(source)))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    star = any(isinstance(n, ast.ImportFrom) and any(alias.name == "*" for alias in n.names) for n in nodes)
    return not star and not any(isinstance(n, ast.Name) and n.id in _OPEN for n in nodes)


def used_names(expression: str) -> frozenset[str]:
    """Return the names that an expression needs from outside."""
    tree = syntax_tree(expression, "eval")
    names = [node for node in ast.walk(tree) if isinstance(node, ast.Name)]
    own = {node.id for node in names if not isinstance(node.ctx, ast.Load)}
    own |= {each.arg for node in ast.walk(tree) if isinstance(node, ast.arguments) for each in _arguments(node)}
    return frozenset(node.id for node in names if isinstance(node.ctx, ast.Load) and node.id not in own)


def _arguments(node: ast.arguments) -> list[ast.arg]:
    rest = [each for each in (node.vararg, node.kwarg) if each is not None]
    return [*node.posonlyargs, *node.args, *node.kwonlyargs, *rest]


def undefined(expression: str, *sources: str) -> list[str]:
    """Return the names of an expression that no source defines; nothing where a source may define names that it does not show."""
    if not all(map(_shows_all_names, sources)):
        return []
    known = frozenset(vars(builtins)).union(*map(defined_names, sources))
    return sorted(used_names(expression) - known)


def sealed_hint(error: str, names: frozenset[str]) -> str:
    """Return an error of a target; where it is that a name of the sealed cell is not defined, it says that instead."""
    if not names or (found := _UNDEFINED.match(error)) is None or found[1] not in names:
        return error
    where = error[found.end() :].strip()
    return f"NameError: {found[1]!r} is sealed: only the metric may use it{f' {where}' if where else ''}"
