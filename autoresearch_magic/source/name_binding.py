"""Static resolution of names: where each name of a source is bound, to what, and which imported member it stands for.

It follows Python's scopes (functions, classes, comprehensions, ``global``) and aliases, such as ``import torch as t`` and
``draw = t.manual_seed``. It does not follow values, such as the result of a call or the elements of a container.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal

from .edits import parse

STAR_IMPORTS = dict.fromkeys(("autoresearch_magic", "autoresearch_magic.runtime"), ("clock", "report", "seed", "data"))
"""The names that ``from ... import *`` imports, for the modules that matter here."""

_ATTRIBUTES = {"type": "__class__", "vars": "__dict__"}
"""Builtins that return an attribute of their argument."""

Function = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda
BindingKind = Literal["value", "part", "change", "loop", "parameter", "definition", "import", "delete", "other"]


class Bindings(list["Binding"]):
    """All bindings of one name in one scope, in the order of the source.

    A generated source may bind one name a hundred thousand times and read it as often, so whatever is asked of all bindings
    at once is worked out once. It is asked when the source has been read to its end.
    """

    @cached_property
    def imported(self) -> str:
        """The path of the first import among them; empty when there is none."""
        return next((each.path for each in self if each.kind == "import"), "")

    @cached_property
    def imports(self) -> frozenset[str]:
        """The paths of all imports among them."""
        return frozenset(each.path for each in self if each.kind == "import")

    @cached_property
    def kinds(self) -> frozenset[str]:
        """The kinds that occur among them."""
        return frozenset(each.kind for each in self)

    @cached_property
    def alias(self) -> Binding | None:
        """The only binding, where it is the value of an assignment; deletions do not count."""
        bound = [each for each in self if each.kind != "delete"]
        return bound[0] if len(bound) == 1 and bound[0].kind == "value" else None

    @cached_property
    def only_functions(self) -> bool:
        """Whether each of them is the definition of a function, or one of its parameters."""
        return all(isinstance(each.node, ast.FunctionDef) for each in self)


@dataclass(eq=False)
class Scope:
    """A module, function, class or comprehension, with the names that it binds.

    Attributes
    ----------
    node : AST or None
        None for the module.
    parent : Scope or None
        The enclosing scope.
    bindings : dict
        From names to their bindings, in the order of the source.
    redirected : dict
        From names that ``global`` or ``nonlocal`` declare to the scopes that bind them.
    """

    node: ast.AST | None = None
    parent: Scope | None = None
    bindings: dict[str, Bindings] = field(default_factory=dict)
    redirected: dict[str, Scope] = field(default_factory=dict)

    @property
    def module(self) -> Scope:
        """The outermost scope."""
        scope = self
        while scope.parent is not None:
            scope = scope.parent
        return scope

    def owner_of(self, name: str) -> Scope | None:
        """Return the scope that binds a name which is read in this scope; None when no scope does."""
        scope: Scope | None = self
        while scope is not None:
            if name in scope.redirected:
                return scope.redirected[name]
            # the methods of a class do not see the names that its body binds
            if name in scope.bindings and (scope is self or not isinstance(scope.node, ast.ClassDef)):
                return scope
            scope = scope.parent
        return None


@dataclass(frozen=True, eq=False)
class Binding:
    """One binding, change or deletion of a name, attribute or item.

    Attributes
    ----------
    target : expr or None
        The name, attribute or subscript; None for parameters, imports and definitions, which have only a name.
    name : str
        Empty for attributes and subscripts.
    kind : str
        ``part`` is one of several names that share a value; ``change`` is an augmented assignment such as ``+=``.
    value : AST or None
        The bound expression; for a loop its iterable, for a parameter its default.
    path : str
        For an import, the dotted path of the imported member.
    node : AST
        The statement, for its line and its text.
    scope : Scope
    in_setup : bool
        Whether it belongs to the setup.
    """

    target: ast.expr | None
    name: str
    kind: BindingKind
    value: ast.AST | None
    path: str
    node: ast.AST
    scope: Scope
    in_setup: bool


@dataclass(frozen=True, eq=False)
class ScopedNode:
    """A syntax tree node with its scope, and whether it belongs to the setup."""

    node: ast.AST
    scope: Scope
    in_setup: bool


_Visit = tuple[ast.AST, Scope, bool]
"""A node to be visited, the scope around it, and whether it is a function of which only parameters and body are left."""

_UNBOUND = Bindings()


class Names:
    """The names of a setup and a target, resolved.

    Parameters
    ----------
    target : str or Module
        A Python source, or its syntax tree.
    setup : str
        Another source; they share one module scope, as they do when they run.

    Attributes
    ----------
    nodes : list of ScopedNode
        All syntax tree nodes, in the order of the source.
    bindings : list of Binding
        All bindings, in the order of the source.

    Raises
    ------
    SyntaxError, ValueError, RecursionError, MemoryError
        As `edits.parse`.
    """

    def __init__(self, target: str | ast.Module, setup: str = "") -> None:
        self.module = Scope()
        self.nodes: list[ScopedNode] = []
        self.bindings: list[Binding] = []
        self._in_setup = True
        self._walk(parse(setup).body)
        self._in_setup = False
        self._walk((parse(target) if isinstance(target, str) else target).body)

    # -- queries ---------------------------------------------------------------------------------------------------

    def bindings_of(self, name: str, scope: Scope) -> Bindings:
        """Return all bindings of a name that is read in a scope."""
        owner = scope.owner_of(name)
        return owner.bindings.get(name, _UNBOUND) if owner else _UNBOUND

    def path(self, node: ast.AST | None, scope: Scope, depth: int = 8) -> str:
        """Return the dotted path of the imported member that an expression is, such as ``torch.manual_seed``; else empty.

        ``type(x)`` and ``vars(x)`` count as ``x.__class__`` and ``x.__dict__``.
        """
        rest: list[str] = []  # what follows the path of `node`, last name first
        while depth > 0:
            if isinstance(node, ast.Attribute):
                rest.append(node.attr)
                node = node.value
            elif isinstance(node, ast.Call):
                attribute = _ATTRIBUTES.get(node.func.id) if isinstance(node.func, ast.Name) else None
                if attribute is None or not node.args:
                    return ""
                rest.append(attribute)
                node = node.args[0]
            elif isinstance(node, ast.Name):
                bound = self.bindings_of(node.id, scope)
                if bound.imported:
                    return ".".join((bound.imported, *reversed(rest)))
                if bound.alias is None:
                    return ""
                node, scope, depth = bound.alias.value, bound.alias.scope, depth - 1
            else:
                return ""
        return ""

    # -- construction ---------------------------------------------------------------------------------------------------

    def _bind(self, name: str, kind: BindingKind, scope: Scope, node: ast.AST, *, value: ast.AST | None = None,
              path: str = "", target: ast.expr | None = None) -> None:  # fmt: skip
        binding = Binding(target, name, kind, value, path, node, scope, self._in_setup)
        self.bindings.append(binding)
        if name:
            scope = scope.redirected.get(name, scope)
            scope.bindings.setdefault(name, Bindings()).append(binding)

    def _store(self, target: ast.expr, value: ast.AST | None, kind: BindingKind, scope: Scope, node: ast.AST) -> None:
        """Record the left side of an assignment; tuples pair by pair where both sides are tuples of the same length."""
        if isinstance(target, ast.Starred):
            self._store(target.value, value, "part", scope, node)
        elif isinstance(target, ast.Tuple | ast.List):
            right = value.elts if isinstance(value, ast.Tuple | ast.List) and kind == "value" else []
            plain = len(right) == len(target.elts) and not any(
                isinstance(each, ast.Starred) for each in (*right, *target.elts)
            )
            for i, each in enumerate(target.elts):
                part: BindingKind = "part" if kind == "value" else kind
                self._store(each, right[i] if plain else value, "value" if plain else part, scope, node)
        else:
            name = target.id if isinstance(target, ast.Name) else ""
            self._bind(name, kind, scope, node, value=value, target=target)

    def _walk(self, statements: list[ast.stmt]) -> None:
        """Visit all nodes in the order of the source; without recursion, because a tree may be deeper than Python's stack."""
        todo: list[_Visit] = [(statement, self.module, False) for statement in reversed(statements)]
        while todo:
            node, scope, inside = todo.pop()
            following = self._body(node, scope) if inside else self._visit(node, scope)
            todo.extend(reversed(following))

    def _visit(self, node: ast.AST, scope: Scope) -> list[_Visit]:
        """Record one node and what it binds, and return what is to be visited next."""
        self.nodes.append(ScopedNode(node, scope, self._in_setup))
        match node:
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.Lambda():
                return self._function(node, scope)
            case ast.ClassDef():
                self._bind(node.name, "definition", scope, node)
                inner = Scope(node, scope)
                return [
                    (child, inner if isinstance(child, ast.stmt) else scope, False)
                    for child in ast.iter_child_nodes(node)
                ]
            case ast.ListComp() | ast.SetComp() | ast.GeneratorExp() | ast.DictComp():
                inner = Scope(node, scope)
                for clause in node.generators:
                    self._store(clause.target, clause.iter, "loop", inner, clause)
                scope = inner
            case ast.Import() | ast.ImportFrom():
                self._imports(node, scope)
            case ast.Global():
                scope.redirected.update(dict.fromkeys(node.names, scope.module))
            case ast.Nonlocal():
                for name in node.names:
                    if scope.parent and (owner := scope.parent.owner_of(name)):
                        scope.redirected[name] = owner
            case ast.Assign(targets=targets, value=value):
                for target in targets:
                    self._store(target, value, "value", scope, node)
            case ast.AnnAssign(target=target, value=value) if value is not None:
                self._store(target, value, "value", scope, node)
            case ast.AugAssign(target=target, value=value):
                self._store(target, value, "change", scope, node)
            case ast.NamedExpr(target=target, value=value):
                outer = scope
                while outer.parent and isinstance(
                    outer.node, ast.ListComp | ast.SetComp | ast.GeneratorExp | ast.DictComp
                ):
                    outer = outer.parent
                self._store(target, value, "value", outer, node)
            case ast.For(target=target, iter=value) | ast.AsyncFor(target=target, iter=value):
                self._store(target, value, "loop", scope, node)
            case ast.withitem(optional_vars=ast.expr() as target, context_expr=value):
                self._store(target, value, "other", scope, value)
            case ast.Delete(targets=targets):
                for target in targets:
                    self._store(target, None, "delete", scope, node)
            case (ast.ExceptHandler(name=str() as name) | ast.MatchAs(name=str() as name)
                  | ast.MatchStar(name=str() as name) | ast.MatchMapping(rest=str() as name)):  # fmt: skip
                self._bind(name, "other", scope, node)
        return [(child, scope, False) for child in ast.iter_child_nodes(node)]

    def _function(self, node: Function, scope: Scope) -> list[_Visit]:
        if not isinstance(node, ast.Lambda):
            self._bind(node.name, "definition", scope, node)
        outside: list[ast.AST] = [*getattr(node, "decorator_list", []), *node.args.defaults]
        outside += [default for default in node.args.kw_defaults if default is not None]
        return [*((child, scope, False) for child in outside), (node, scope, True)]

    def _body(self, node: ast.AST, scope: Scope) -> list[_Visit]:
        """Bind the parameters of a function, after its defaults and decorators were visited, and return its body."""
        assert isinstance(node, Function)
        inner = Scope(node, scope)
        for argument, default in arguments(node):
            self._bind(argument.arg, "parameter", inner, node, value=default)
        return [(child, inner, False) for child in (node.body if isinstance(node.body, list) else [node.body])]

    def _imports(self, node: ast.Import | ast.ImportFrom, scope: Scope) -> None:
        for alias in node.names:
            if isinstance(node, ast.ImportFrom) and alias.name == "*":
                for name in STAR_IMPORTS.get(node.module or "", ()):
                    self._bind(name, "import", scope, node, path=f"{node.module}.{name}")
                continue
            if isinstance(node, ast.ImportFrom):
                path = f"{'.' * node.level}{node.module or ''}.{alias.name}"
                name = alias.asname or alias.name
            else:
                path = alias.name if alias.asname else alias.name.partition(".")[0]
                name = alias.asname or path
            self._bind(name, "import", scope, node, path=path)


def arguments(node: Function) -> Iterator[tuple[ast.arg, ast.expr | None]]:
    """Yield a function's parameters with their defaults: positional, keyword-only, then ``*args`` and ``**kwargs``."""
    places = [*node.args.posonlyargs, *node.args.args]
    defaults: list[ast.expr | None] = [None] * (len(places) - len(node.args.defaults))
    yield from zip(places, [*defaults, *node.args.defaults], strict=True)
    yield from zip(node.args.kwonlyargs, node.args.kw_defaults, strict=True)
    for rest in (node.args.vararg, node.args.kwarg):
        if rest is not None:
            yield rest, None
