"""The places of a Python source where a literal may be tuned, each with a name that says where it stands.

====================================================  =================================================================
source                                                name
====================================================  =================================================================
``LR = 0.1``                                          ``LR``
``def train(lr=0.1): momentum = 0.9``                 ``train.lr``, ``train.momentum``
``class Config: lr: float = 0.1``                     ``Config.lr``; so does ``self.lr = 0.1`` in its methods
``config = {"lr": 0.1, "net": {"depth": 4}}``         ``config.lr``, ``config.net.depth``; so does ``config["lr"] = 0.1``
``AdamW(params, lr=0.1, betas=(0.9, 0.95))``          ``AdamW.lr``, ``AdamW.betas[0]``, ``AdamW.betas[1]``
``nn.Dropout(0.1)``, ``train(0.1)``                   ``Dropout.p``, ``train().lr``: known or own functions' parameters
``add_argument("--lr", default=0.1)``                 ``--lr``
``temperature *= 0.99``                               ``temperature.factor``
``return 0.7 * fill``, ``x ** 1.5``, ``load > 0.8``   ``fill.weight``, ``x.exponent``, ``load.threshold``
====================================================  =================================================================

A function's or class's name stands in front. Where names are equal, the variables that are assigned stand in front of the
call's name, or else ``#2`` and so on behind it.

Not here: which of these places are worth tuning (`knobs`), and which values they may take (`search_space`, `knob_spaces`).
"""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Literal as OneOf

from .known_calls import positional_names
from .search_space import Value

Role = OneOf["module", "local", "class", "attribute", "default", "argument", "item", "option", "inline"]
"""How a literal stands: assigned (at module level, in a function, in a class, to an attribute), a parameter's default, a call's
argument, an item of a dict, the default of a command-line option, or an operand of an expression."""

ASSIGNED = ("module", "local", "class")
"""Roles of a literal that is assigned to a name."""

_ELEMENTS = 4
"""Length of the longest tuple whose elements are places."""


@dataclass(frozen=True)
class Place:
    """A literal that may be tuned.

    Attributes
    ----------
    name : str
        Unique in its source, except for a name that is assigned several times.
    key : str
        The last part of the name: of a parameter, variable, key or option.
    value : bool, int, float or str
    node : expr
    role : str
    owners : tuple of str
        What the key belongs to, outermost first: the called function, or the names of the dicts around it.
    path : tuple of str
        The names of the functions and classes around it.
    target : str
        The variable that the statement assigns, if there is one.
    scope : AST or None
        The innermost function or class around it; None for module level.
    call : Call or None
        The call of which it is an argument.
    index : int
        Position within a tuple or list; -1 outside of one.
    options : tuple of str
        The possible values of a command-line option, where they are listed.
    """

    name: str
    key: str
    value: Value
    node: ast.expr
    role: Role
    owners: tuple[str, ...] = ()
    path: tuple[str, ...] = ()
    target: str = ""
    scope: ast.AST | None = None
    call: ast.Call | None = None
    index: int = -1
    options: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Around:
    """What a node stands in: see the attributes of `Place`."""

    path: tuple[str, ...] = ()
    target: str = ""
    scope: ast.AST | None = None


def find_places(statements: Iterable[ast.stmt]) -> list[Place]:
    """Return the places of the statements of a module, in the order of the source."""
    statements = list(statements)
    signatures = {node.name: node for node in statements if isinstance(node, ast.FunctionDef)}
    found = _Finder(signatures).places(statements)
    found.sort(key=lambda place: (place.node.lineno, place.node.col_offset))
    return _named_apart(found)


def _named_apart(found: Sequence[Place]) -> list[Place]:
    """Make names unique, except those of one variable that is assigned several times."""
    groups: dict[str, list[int]] = defaultdict(list)
    for index, place in enumerate(found):
        groups[place.name].append(index)
    named = list(found)
    for name, members in groups.items():
        if len(members) == 1:
            continue
        targets = [found[i].target for i in members]
        if all(found[i].owners and found[i].role == "argument" for i in members) and len({*targets, ""}) > len(members):
            for i in members:
                place = found[i]
                full = ".".join((*_shown(place.path), place.target, *place.owners, place.key))
                named[i] = replace(place, name=full)
            continue
        seen: dict[object, int] = {}
        for i in members:
            place = found[i]
            same = id(place.scope) if place.role in ASSIGNED else i
            number = seen.setdefault(same, len(seen) + 1)
            if number > 1:
                named[i] = replace(place, name=f"{name}#{number}")
    return named


def _shown(path: Sequence[str]) -> list[str]:
    return [each for each in path if each != "__init__"]


class _Finder:
    """Walks a syntax tree.

    Parameters
    ----------
    signatures : dict
        The functions of module level by their names.
    """

    def __init__(self, signatures: dict[str, ast.FunctionDef]) -> None:
        self.signatures = signatures
        self.found: list[Place] = []
        self.todo: list[tuple[ast.AST, _Around]] = []

    def places(self, statements: Iterable[ast.stmt]) -> list[Place]:
        """Return the places in statements, in no order; without recursion, because a tree may be deeper than Python's stack."""
        self.block(statements, _Around())
        while self.todo:
            node, around = self.todo.pop()
            if isinstance(node, ast.stmt):
                self.statement(node, around)
            elif isinstance(node, ast.expr):
                self.expression(node, around)
            else:  # the handler of an exception, an item of a `with`, a case of a `match`
                self.todo.extend((child, around) for child in ast.iter_child_nodes(node))
        return self.found

    def later(self, node: ast.AST, around: _Around) -> None:
        self.todo.append((node, around))

    # -- statements -----------------------------------------------------------------------------------------------------

    def block(self, statements: Iterable[ast.stmt], around: _Around) -> None:
        for statement in statements:
            self.later(statement, around)

    def statement(self, node: ast.stmt, around: _Around) -> None:
        match node:
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                inner = _Around((*around.path, node.name), "", node)
                for decorator in node.decorator_list:
                    self.later(decorator, around)
                self.defaults(node.args, inner)
                self.block(node.body, inner)
            case ast.ClassDef():
                for each in (*node.decorator_list, *node.bases):
                    self.later(each, around)
                self.block(node.body, _Around((*around.path, node.name), "", node))
            case ast.Assign(targets=[target], value=value) | ast.AnnAssign(target=target, value=ast.expr() as value):
                self.assignment(target, value, around)
            case ast.AugAssign(target=ast.Name(id=name), op=ast.Mult() | ast.Div(), value=value) if (
                _number(value)
            ):  # fmt: skip
                self.place(value, "factor", "inline", (name,), replace(around, target=name))
            case _:
                for child in ast.iter_child_nodes(node):
                    self.later(child, around)

    def defaults(self, arguments: ast.arguments, inner: _Around) -> None:
        positional = [*arguments.posonlyargs, *arguments.args]
        pairs = list(zip(positional[len(positional) - len(arguments.defaults) :], arguments.defaults, strict=True))
        pairs += [(a, d) for a, d in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True) if d is not None]
        for argument, default in pairs:
            self.value(default, argument.arg, "default", (), inner)

    def assignment(self, target: ast.expr, value: ast.expr, around: _Around) -> None:
        if isinstance(target, ast.Tuple | ast.List):
            if isinstance(value, ast.Tuple | ast.List) and _one_to_one(target, value):
                for one, other in zip(target.elts, value.elts, strict=True):
                    self.assignment(one, other, around)
            else:
                self.later(value, around)
            return
        role: Role = (
            "module" if around.scope is None else "class" if isinstance(around.scope, ast.ClassDef) else "local"
        )
        match target:
            case ast.Name(id=name):
                self.value(value, name, role, (), replace(around, target=name))
            case ast.Attribute(value=ast.Name(id="self" | "cls"), attr=name):
                self.value(
                    value, name, "attribute", (), replace(around, path=around.path[:-1], target=name)
                )  # fmt: skip
            case ast.Attribute(value=ast.Name(id=owner), attr=name):
                self.value(value, name, "attribute", (owner,), replace(around, target=owner))
            case ast.Subscript(value=ast.Name(id=owner), slice=ast.Constant(value=str(name))):
                self.value(value, name, "item", (owner,), replace(around, target=owner))
            case _:
                self.later(target, around)
                self.later(value, around)

    # -- expressions ----------------------------------------------------------------------------------------------------

    def place(
        self, node: ast.expr, key: str, role: Role, owners: tuple[str, ...], around: _Around, *, call: ast.Call | None = None,
        index: int = -1, options: tuple[str, ...] = (),
    ) -> None:  # fmt: skip
        value = literal_value(node)
        if value is None:
            self.later(node, around)
            return
        name = key if role == "option" else ".".join((*_shown(around.path), *owners, key))
        self.found.append(
            Place(name, key, value, node, role, owners, around.path, around.target, around.scope, call, index, options)
        )

    def value(
        self, node: ast.expr, key: str, role: Role, owners: tuple[str, ...], around: _Around, call: ast.Call | None = None
    ) -> None:  # fmt: skip
        """Yield the place of what a name, parameter or key is given, and those within it, where it is a dict or tuple."""
        match node:
            case ast.Dict():
                self.items(node, (*owners, key), around, call)
            case ast.Call(func=ast.Name(id="dict" | "SimpleNamespace" | "Namespace" | "field"), args=[]):
                within = node.func.id != "field" if isinstance(node.func, ast.Name) else True
                for keyword in node.keywords:
                    if within and keyword.arg:
                        self.value(keyword.value, keyword.arg, "item", (*owners, key), around, call)
                    elif keyword.arg == "default":
                        self.value(keyword.value, key, role, owners, around, call)
            case ast.Tuple(elts=elements) | ast.List(elts=elements) if 0 < len(elements) <= _ELEMENTS:
                for index, element in enumerate(elements):
                    self.place(
                        element, f"{key}[{index}]", role if role in ("argument", "default") else "item", owners, around,
                        call=call, index=index,
                    )  # fmt: skip
            case _:
                self.place(node, key, role, owners, around, call=call)

    def items(self, node: ast.Dict, owners: tuple[str, ...], around: _Around, call: ast.Call | None = None) -> None:
        for key, value in zip(node.keys, node.values, strict=True):
            if isinstance(key, ast.Constant) and isinstance(key.value, str) and _plain(key.value):
                self.value(value, key.value, "item", owners, around, call)
            else:
                self.later(value, around)

    def expression(self, node: ast.expr, around: _Around) -> None:
        match node:
            case ast.Call():
                self.call(node, around)
            case ast.Dict():
                self.items(node, (), around)
            case ast.BinOp(left=left, op=ast.Mult(), right=right):
                for one, other in ((left, right), (right, left)):
                    self.operand(one, other, "weight", around)
            case ast.BinOp(left=left, op=ast.Pow(), right=right):
                self.later(left, around)
                self.operand(right, left, "exponent", around)
            case ast.Compare(left=left, ops=[ast.Lt() | ast.LtE() | ast.Gt() | ast.GtE()], comparators=[right]):
                for one, other in ((left, right), (right, left)):
                    self.operand(one, other, "threshold", around)
            case ast.Lambda():
                self.later(node.body, around)
            case _:
                for child in ast.iter_child_nodes(node):
                    self.later(child, around)

    def operand(self, node: ast.expr, other: ast.expr, key: str, around: _Around) -> None:
        if not _number(node):
            self.later(node, around)
        elif literal_value(other) is None:
            named = _identifier(other) or around.target
            self.place(node, key, "inline", (named,) if named else (), around)

    def call(self, node: ast.Call, around: _Around) -> None:
        callee = _identifier(node.func)
        if isinstance(node.func, ast.Attribute):
            self.later(node.func.value, around)
        if flag := _option(node):
            self.option(node, flag, around)
            return
        owner = f"{callee}()" if callee in self.signatures else callee
        names = self.parameters(node, callee)
        for index, argument in enumerate(node.args):
            if index < len(names) and names[index]:
                self.value(argument, names[index], "argument", (owner,), around, node)
            else:
                self.later(argument, around)
        for keyword in node.keywords:
            if keyword.arg and owner:
                self.value(keyword.value, keyword.arg, "argument", (owner,), around, node)
            else:
                self.later(keyword.value, around)

    def parameters(self, node: ast.Call, callee: str) -> Sequence[str]:
        """Return the names of a call's positional arguments, as far as they are known."""
        if any(isinstance(argument, ast.Starred) for argument in node.args):
            return ()
        if isinstance(node.func, ast.Name) and (own := self.signatures.get(callee)) is not None:
            return [argument.arg for argument in (*own.args.posonlyargs, *own.args.args)]
        base = node.func.value if isinstance(node.func, ast.Attribute) else None
        return positional_names(callee, _identifier(base) if base is not None else "")

    def option(self, node: ast.Call, flag: str, around: _Around) -> None:
        given = {keyword.arg: keyword.value for keyword in node.keywords}
        default = given.get("default", node.args[1] if _identifier(node.func).startswith("DEFINE_") and len(node.args) > 1 else None)  # fmt: skip
        if default is None or isinstance(given.get("action"), ast.Constant):
            return
        listed = given.get("choices")
        values = [e.value for e in listed.elts if isinstance(e, ast.Constant)] if isinstance(listed, ast.List | ast.Tuple) else []  # fmt: skip
        options = tuple(value for value in values if isinstance(value, str))
        self.place(default, flag, "option", (), around, call=node, options=options)


def _option(node: ast.Call) -> str:
    """Return the name of the command-line option that a call declares: ``--lr``; empty for other calls."""
    callee = _identifier(node.func)
    if callee not in ("add_argument", "option", "DEFINE_float", "DEFINE_integer"):
        return ""
    flags = [a.value for a in node.args if isinstance(a, ast.Constant) and isinstance(a.value, str)]
    if callee.startswith("DEFINE_"):
        return f"--{flags[0]}" if flags else ""
    long = next((flag for flag in flags if flag.startswith("--")), flags[0] if flags else "")
    return long.partition("/")[0].strip()


def _one_to_one(target: ast.Tuple | ast.List, value: ast.Tuple | ast.List) -> bool:
    starred = any(isinstance(e, ast.Starred) for e in (*target.elts, *value.elts))
    return len(target.elts) == len(value.elts) and not starred and all(isinstance(e, ast.Name) for e in target.elts)


def _plain(key: str) -> bool:
    return key.replace("-", "_").replace(".", "_").isidentifier()


def _identifier(node: ast.AST) -> str:
    """Return the last name of an expression: ``b`` for ``a.b``, ``a.b[0]`` and ``a.b(x)``; for a sum that of its first part."""
    while True:
        match node:
            case ast.Name(id=name) | ast.Attribute(attr=name):
                return name
            case ast.Subscript(value=inner) | ast.Call(func=inner) | ast.BinOp(left=inner) | ast.UnaryOp(operand=inner):
                node = inner
            case _:
                return ""


def _number(node: ast.expr) -> bool:
    value = literal_value(node)
    return isinstance(value, int | float) and not isinstance(value, bool)


def literal_value(node: ast.expr) -> Value | None:
    """Return the value of a literal, also of ``-3``, ``2**10``, ``1 << 10`` and ``1/3``; None for other expressions.

    A literal of several lines is none, as a comment inside of it would be lost.
    """
    if node.end_lineno != node.lineno:
        return None
    match node:
        case ast.Constant(value=bool() | int() | float() | str() as value):
            return value
        case ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=int() | float() as value)):
            return None if isinstance(value, bool) else -value
        case ast.BinOp(left=ast.Constant(value=int(left)), op=op, right=ast.Constant(value=int(right))):
            if isinstance(left, bool) or isinstance(right, bool):
                return None
            match op:
                case ast.Pow() if left == 2 and 0 < right <= 40:
                    return int(2**right)
                case ast.LShift() if left == 1 and 0 < right <= 40:
                    return int(1 << right)
                case ast.Div() if right != 0 and 0 < left < 2**53:
                    return left / right
    return None
