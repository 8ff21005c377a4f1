"""What a Python source defines, without how: imports, signatures and names. For an agent that shall not see the rest."""

from __future__ import annotations

import ast

from ..syntax import syntax_tree


def signatures(source: str) -> str:
    """Return a source's imports, signatures and assigned names, as Python whose bodies and values are ``...``.

    Default values and docstrings are left out too, as they may hold what shall stay hidden.

    Raises
    ------
    SyntaxError
        When it is not Python.
    """
    return "\n".join(_lines(syntax_tree(source).body))


def _lines(body: list[ast.stmt], indent: str = "") -> list[str]:
    lines: list[str] = []
    for node in body:
        match node:
            case ast.Import() | ast.ImportFrom():
                lines.append(indent + ast.unparse(node))
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                word = "async def" if isinstance(node, ast.AsyncFunctionDef) else "def"
                lines.append(f"{indent}{word} {node.name}({ast.unparse(_without_values(node.args))}): ...")
            case ast.ClassDef():
                bases = ", ".join(
                    ast.unparse(base) for base in node.bases if isinstance(base, (ast.Name, ast.Attribute))
                )
                inner = _lines([each for each in node.body if not isinstance(each, ast.Expr)], indent + "    ")
                lines += [
                    f"{indent}class {node.name}{f'({bases})' if bases else ''}:",
                    *(inner or [f"{indent}    ..."]),
                ]
            case ast.If() | ast.With() | ast.For() | ast.While():
                lines += _lines([*node.body, *getattr(node, "orelse", [])], indent)
            case ast.Try():
                handled = [each for handler in node.handlers for each in handler.body]
                lines += _lines([*node.body, *handled, *node.orelse, *node.finalbody], indent)
            case _:
                lines += [f"{indent}{name} = ..." for name in _assigned(node)]
    return [*dict.fromkeys(lines)] if not indent else lines


def _without_values(arguments: ast.arguments) -> ast.arguments:
    some = ast.Constant(...)
    every = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs, arguments.vararg, arguments.kwarg]
    for each in every:
        if each is not None:
            each.annotation = None
    arguments.defaults = [some for _ in arguments.defaults]
    arguments.kw_defaults = [None if value is None else some for value in arguments.kw_defaults]
    return arguments


def _assigned(node: ast.stmt) -> list[str]:
    found = [each for each in ast.walk(node) if isinstance(each, ast.Name) and isinstance(each.ctx, ast.Store)]
    return [*dict.fromkeys(each.id for each in found)]
