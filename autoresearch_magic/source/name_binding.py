"""What the names of a source stand for: where each is bound, to what, and which module's member it is.

It follows Python's scopes (functions, classes, comprehensions, ``global``) and aliases of imports, as ``import torch as t``
and ``draw = t.manual_seed``. It does not follow values: what a call returns, what a container holds.

Pure, no I/O.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal

from .edits import parse

STARS = dict.fromkeys(("autoresearch_magic", "autoresearch_magic.runtime"), ("clock", "report", "seed", "data"))
"""What ``from ... import *`` brings, where it matters."""

_INSIDE = {"type": "__class__", "vars": "__dict__"}

Function = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda
How = Literal["value", "part", "change", "loop", "parameter", "definition", "import", "delete", "other"]


@dataclass(eq=False)
class Scope:
    """A module, function, class or comprehension, and what it binds.

    Attributes
    ----------
    node : AST or None
        None for the module.
    parent : Scope or None
    bindings : dict
        From each name to its bindings, in the order of the source.
    elsewhere : dict
        Names that ``global`` and ``nonlocal`` place in another scope.
    """

    node: ast.AST | None = None
    parent: Scope | None = None
    bindings: dict[str, list[Binding]] = field(default_factory=dict)
    elsewhere: dict[str, Scope] = field(default_factory=dict)

    @property
    def module(self) -> Scope:
        """The outermost scope."""
        return self if self.parent is None else self.parent.module

    def home(self, name: str) -> Scope | None:
        """Return the scope that a name belongs to when it is read here; None when nothing binds it."""
        scope: Scope | None = self
        while scope is not None:
            if name in scope.elsewhere:
                return scope.elsewhere[name]
            # what a class binds is not seen by its functions
            if name in scope.bindings and (scope is self or not isinstance(scope.node, ast.ClassDef)):
                return scope
            scope = scope.parent
        return None


@dataclass(frozen=True, eq=False)
class Binding:
    """One place that binds, changes or deletes something.

    Attributes
    ----------
    target : expr or None
        A name, attribute or subscript; None for what is bound by name alone (a parameter, an import, a definition).
    name : str
        Empty for attributes and subscripts.
    how : str
        ``part`` is one name of several for one value, ``change`` is ``+=`` and the like.
    value : AST or None
        What is bound: an expression; for a loop what it goes through, for a parameter its default.
    path : str
        For an import: what it imports, with dots.
    node : AST
        The statement, for its line and its text.
    scope : Scope
    frozen : bool
        Whether it stands in the setup.
    """

    target: ast.expr | None
    name: str
    how: How
    value: ast.AST | None
    path: str
    node: ast.AST
    scope: Scope
    frozen: bool


@dataclass(frozen=True, eq=False)
class Place:
    """A node, its scope, and whether it stands in the setup."""

    node: ast.AST
    scope: Scope
    frozen: bool


class Names:
    """What the names of a target mean, after the setup.

    Parameters
    ----------
    source, setup : str
        Both are Python; they share a module's scope, as they do when they run.

    Raises
    ------
    SyntaxError, ValueError, RecursionError, MemoryError
        As `edits.parse`, and for absurd nesting.
    """

    def __init__(self, source: str, setup: str = "") -> None:
        self.module = Scope()
        self.places: list[Place] = []
        self.bindings: list[Binding] = []
        self._frozen = True
        for statement in parse(setup).body:
            self._visit(statement, self.module)
        self._frozen = False
        for statement in parse(source).body:
            self._visit(statement, self.module)

    # -- asking ----------------------------------------------------------------------------------------------------

    def of(self, name: str, scope: Scope) -> list[Binding]:
        """Return every binding of a name that is read in a scope."""
        home = scope.home(name)
        return home.bindings.get(name, []) if home else []

    def path(self, node: ast.AST | None, scope: Scope, depth: int = 8) -> str:
        """Return what an expression stands for, such as ``torch.manual_seed``; empty when that is no member of a module.

        ``type(x)`` and ``vars(x)`` are ``x.__class__`` and ``x.__dict__`` here.
        """
        if depth == 0:
            return ""
        if isinstance(node, ast.Attribute):
            base = self.path(node.value, scope, depth)
            return f"{base}.{node.attr}" if base else ""
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in _INSIDE and node.args:
            base = self.path(node.args[0], scope, depth)
            return f"{base}.{_INSIDE[node.func.id]}" if base else ""
        if not isinstance(node, ast.Name):
            return ""
        bound = [each for each in self.of(node.id, scope) if each.how != "delete"]
        for each in bound:
            if each.how == "import":
                return each.path
        if len(bound) == 1 and bound[0].how == "value":
            return self.path(bound[0].value, bound[0].scope, depth - 1)
        return ""

    # -- reading ---------------------------------------------------------------------------------------------------

    def _bind(self, name: str, how: How, scope: Scope, node: ast.AST, *, value: ast.AST | None = None,
              path: str = "", target: ast.expr | None = None) -> None:  # fmt: skip
        binding = Binding(target, name, how, value, path, node, scope, self._frozen)
        self.bindings.append(binding)
        if name:
            scope = scope.elsewhere.get(name, scope)
            scope.bindings.setdefault(name, []).append(binding)

    def _store(self, target: ast.expr, value: ast.AST | None, how: How, scope: Scope, node: ast.AST) -> None:
        """Bind what stands on the left; a tuple pair by pair where the right is one, too."""
        if isinstance(target, ast.Starred):
            self._store(target.value, value, "part", scope, node)
        elif isinstance(target, ast.Tuple | ast.List):
            right = value.elts if isinstance(value, ast.Tuple | ast.List) and how == "value" else []
            plain = len(right) == len(target.elts) and not any(
                isinstance(each, ast.Starred) for each in (*right, *target.elts)
            )
            for i, each in enumerate(target.elts):
                part: How = "part" if how == "value" else how
                self._store(each, right[i] if plain else value, "value" if plain else part, scope, node)
        else:
            name = target.id if isinstance(target, ast.Name) else ""
            self._bind(name, how, scope, node, value=value, target=target)

    def _visit(self, node: ast.AST, scope: Scope) -> None:
        self.places.append(Place(node, scope, self._frozen))
        match node:
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.Lambda():
                return self._function(node, scope)
            case ast.ClassDef():
                self._bind(node.name, "definition", scope, node)
                inner = Scope(node, scope)
                for child in ast.iter_child_nodes(node):
                    self._visit(child, inner if isinstance(child, ast.stmt) else scope)
                return None
            case ast.ListComp() | ast.SetComp() | ast.GeneratorExp() | ast.DictComp():
                inner = Scope(node, scope)
                for clause in node.generators:
                    self._store(clause.target, clause.iter, "loop", inner, clause)
                scope = inner
            case ast.Import() | ast.ImportFrom():
                self._imports(node, scope)
            case ast.Global():
                scope.elsewhere.update(dict.fromkeys(node.names, scope.module))
            case ast.Nonlocal():
                for name in node.names:
                    if scope.parent and (home := scope.parent.home(name)):
                        scope.elsewhere[name] = home
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
        for child in ast.iter_child_nodes(node):
            self._visit(child, scope)
        return None

    def _function(self, node: Function, scope: Scope) -> None:
        if not isinstance(node, ast.Lambda):
            self._bind(node.name, "definition", scope, node)
        outside: list[ast.AST] = [*getattr(node, "decorator_list", []), *node.args.defaults]
        outside += [default for default in node.args.kw_defaults if default is not None]
        for child in outside:
            self._visit(child, scope)
        inner = Scope(node, scope)
        for argument, default in arguments(node):
            self._bind(argument.arg, "parameter", inner, node, value=default)
        for child in node.body if isinstance(node.body, list) else [node.body]:
            self._visit(child, inner)

    def _imports(self, node: ast.Import | ast.ImportFrom, scope: Scope) -> None:
        for alias in node.names:
            if isinstance(node, ast.ImportFrom) and alias.name == "*":
                for name in STARS.get(node.module or "", ()):
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
    """Yield a function's parameters with their defaults: those that go by position first."""
    places = [*node.args.posonlyargs, *node.args.args]
    defaults: list[ast.expr | None] = [None] * (len(places) - len(node.args.defaults))
    yield from zip(places, [*defaults, *node.args.defaults], strict=True)
    yield from zip(node.args.kwonlyargs, node.args.kw_defaults, strict=True)
    for rest in (node.args.vararg, node.args.kwarg):
        if rest is not None:
            yield rest, None
