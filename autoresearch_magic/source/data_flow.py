"""Where the values of names flow: whether a constant can change what is measured, or only what is printed beside it.

A value flows through arithmetic, f-strings, tuples, conditional expressions, a few pure functions, assignments to names, and the
parameters and results of the source's own functions. Wherever else it goes (another function's argument, an attribute, a loop,
a condition that decides more than whether something is printed) it counts as used.

Not followed: attributes, items and closures that are passed on.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass

from .name_binding import Names, Scope

USED = "used"
"""Where a value goes that may change what the program does."""

WHETHER = "\0"
"""Label of a value that decides whether something is printed."""

_PRINTERS = re.compile(
    r"print|pprint|rprint|info|debug|warning|warn|critical|echo|secho|log|log_metrics?|log_dict|add_scalars?|set_description|set_postfix\w*|display|title|legend"
)
_PURE = {
    "round",
    "str",
    "float",
    "int",
    "abs",
    "min",
    "max",
    "sum",
    "len",
    "format",
    "repr",
    "dumps",
    "asdict",
    "dict",
    "list",
    "tuple",
}
_MATHS = {"math", "np", "numpy", "statistics"}
_PASSING = (
    ast.BinOp, ast.UnaryOp, ast.Compare, ast.BoolOp, ast.IfExp, ast.JoinedStr, ast.FormattedValue, ast.Tuple, ast.List, ast.Set,
    ast.Dict, ast.Starred, ast.Subscript, ast.Slice, ast.keyword,
)  # fmt: skip


@dataclass(frozen=True)
class Shown:
    """A place where a value is printed, logged or drawn, with the text that names it there."""

    label: str


Goal = str | Shown


@dataclass(frozen=True)
class _Value:
    """A step of following a value: from an expression outwards, with the text that names it so far."""

    node: ast.AST
    label: str


@dataclass(frozen=True)
class _Name:
    """A step of following a value: to where a name is read that holds it."""

    owner: Scope | None
    name: str


_Step = _Value | _Name


class DataFlow:
    """Answers where the values of names go.

    Parameters
    ----------
    names : Names
        The resolved names of one source.
    """

    def __init__(self, names: Names) -> None:
        self.names = names
        self.parents: dict[int, ast.AST] = {}
        self.scopes: dict[int, Scope] = {}
        self.loads: dict[tuple[int, str], list[ast.Name]] = {}
        self.calls: dict[str, list[ast.Call]] = {}
        self.functions: dict[str, ast.FunctionDef | ast.AsyncFunctionDef] = {}
        self.passed_on: set[str] = set()
        called = set()
        for item in names.nodes:
            node, scope = item.node, item.scope
            self.scopes[id(node)] = scope
            for child in ast.iter_child_nodes(node):
                self.parents[id(child)] = node
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                self.functions[node.name] = node
            elif isinstance(node, ast.Call):
                called.add(id(node.func))
                if name := _last(node.func):
                    self.calls.setdefault(name, []).append(node)
        for item in names.nodes:
            node, scope = item.node, item.scope
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
                owner = scope.owner_of(node.id)
                self.loads.setdefault((id(owner), node.id), []).append(node)
                if id(node) not in called and not self._only_names(node):
                    self.passed_on.add(node.id)
        # the comprehension's first iterable and a parameter's default have no node of their own in some scopes
        self._inner = {id(b.scope.node): b.scope for b in names.bindings if b.scope.node is not None}

    def _only_names(self, node: ast.Name) -> bool:
        """Whether a class is named without being used: in ``super(Net, self)``, ``isinstance(x, Net)`` and annotations."""
        parent = self.parents.get(id(node))
        if isinstance(parent, ast.Call):
            return _last(parent.func) in ("super", "isinstance")
        return isinstance(parent, ast.arg) or (isinstance(parent, ast.AnnAssign) and parent.annotation is node)

    def uses(self, owner: Scope | None, name: str) -> list[ast.Name]:
        """Return where a name that a scope binds is read."""
        return self.loads.get((id(owner), name), [])

    def goals(self, owner: Scope | None, name: str) -> set[Goal]:
        """Return where the values of a name end: the places that show them, `USED` alone where it is; empty where it is never read."""
        found: set[Goal] = set()
        seen: set[object] = set()
        todo: list[_Step] = [_Name(owner, name)]
        while todo:  # no recursion, because values may go through thousands of names
            following = list(self._next(todo.pop(), seen))
            if USED in following:
                return {USED}
            found.update(each for each in following if isinstance(each, str | Shown))
            todo.extend(each for each in reversed(following) if isinstance(each, _Name | _Value))
        return found

    def _next(self, step: _Step, seen: set[object]) -> Iterator[_Step | Goal]:
        if isinstance(step, _Value):
            yield from self._up(step.node, step.label, seen)
        elif (key := (id(step.owner), step.name)) not in seen:
            seen.add(key)
            yield from (_Value(use, "") for use in self.uses(step.owner, step.name))

    def _up(self, node: ast.AST, label: str, seen: set[object]) -> Iterator[_Step | Goal]:
        """Follow a value from an expression one step outwards."""
        parent = self.parents.get(id(node))
        if isinstance(parent, ast.JoinedStr) and not label:
            label = _before(parent.values, node)
        elif isinstance(parent, ast.Dict) and not label:
            label = _key_of(parent, node)
        elif isinstance(parent, ast.BinOp) and isinstance(parent.op, ast.Mod) and not label:
            label = _text(parent.left)
        match parent:
            case ast.Call(func=func) if node is func:
                yield USED
            case ast.Attribute(attr="format", value=ast.Constant()):
                yield _Value(parent, label)
            case ast.Call():
                yield self._argument(parent, node, label)
            case ast.keyword(arg=name):
                call = self.parents.get(id(parent))
                if isinstance(call, ast.Call):
                    yield self._argument(call, parent, label, name)
            case _ if isinstance(parent, _PASSING):
                yield _Value(parent, label)
            case ast.Assign(targets=targets):
                for target in targets:
                    yield from self._into(target, parent)
            case ast.AnnAssign(target=target) | ast.AugAssign(target=target) | ast.NamedExpr(target=target):
                yield from self._into(target, parent)
            case ast.Return():
                yield from self._result(parent, label, seen)
            case ast.Expr():
                return
            case ast.If(test=test, body=body, orelse=orelse) if (
                node is test and not orelse and all(map(self._only_shows, body))
            ):
                yield Shown(WHETHER)  # it decides whether something is printed, not what is measured
            case _:
                yield USED

    def _argument(self, call: ast.Call, node: ast.AST, label: str, keyword: str | None = None) -> _Step | Goal:
        callee, base = _last(call.func), _base(call.func)
        if self.is_printer(call):
            return Shown(label or _before(call.args, node))
        if isinstance(call.func, ast.Attribute) and callee == "format" and isinstance(call.func.value, ast.Constant):
            return _Value(call, label or _text(call.func.value))
        if (not base and callee in _PURE) or base in _MATHS or (base == "json" and callee == "dumps"):
            return _Value(call, label)
        if not base and callee in self.functions and callee not in self.passed_on:
            return self._parameter(self.functions[callee], call, node, keyword)
        return USED

    def _parameter(
        self, function: ast.FunctionDef | ast.AsyncFunctionDef, call: ast.Call, node: ast.AST, keyword: str | None
    ) -> _Step | Goal:  # fmt: skip
        names = [a.arg for a in (*function.args.posonlyargs, *function.args.args)]
        index = next((i for i, a in enumerate(call.args) if a is node), len(names))
        name = keyword or (names[index] if index < len(names) else "")
        scope = self._inner.get(id(function))
        return _Name(scope, name) if name and scope is not None and name in scope.bindings else USED

    def _into(self, target: ast.expr, statement: ast.AST) -> Iterator[_Step | Goal]:
        if not isinstance(target, ast.Name):
            yield USED
            return
        owner = self.scopes[id(statement)].owner_of(target.id)
        if owner is not None and owner.parent is None and not self.uses(owner, target.id):
            yield USED  # nothing here reads it: the metric may
        yield _Name(owner, target.id)

    def _result(self, node: ast.Return, label: str, seen: set[object]) -> Iterator[_Step | Goal]:
        function = self.function_of(node)
        if function is None or (key := id(function)) in seen:
            return
        calls = self.calls.get(function.name, [])
        if not calls or function.name in self.passed_on:
            yield USED
            return
        seen.add(key)
        yield from (_Value(call, label) for call in calls)

    def function_of(self, node: ast.AST) -> ast.FunctionDef | ast.AsyncFunctionDef | None:
        """Return the innermost function around a node."""
        around = self.parents.get(id(node))
        while around is not None and not isinstance(around, ast.FunctionDef | ast.AsyncFunctionDef):
            around = self.parents.get(id(around))
        return around

    def is_printer(self, call: ast.Call) -> bool:
        """Whether a call only shows its arguments."""
        callee, base = _last(call.func), _base(call.func)
        if base in ("plt", "ax", "sns", "axes"):
            return True
        if callee == "write" and base in ("stdout", "stderr", "tqdm"):
            return True
        if callee == "dump" and base == "json":
            return True
        if callee == "log" and (base in _MATHS or base == "torch" or not base):
            return False
        return bool(callee and _PRINTERS.fullmatch(callee) and callee not in self.functions)

    def _only_shows(self, statement: ast.stmt) -> bool:
        if isinstance(statement, ast.Expr):
            return isinstance(statement.value, ast.Constant) or (
                isinstance(statement.value, ast.Call) and self.is_printer(statement.value)
            )
        return isinstance(statement, ast.Pass)


def _before(parts: list[ast.expr], node: ast.AST) -> str:
    """Return the text right before a value in an f-string or among the arguments of a print."""
    text = ""
    for part in parts:
        if part is node:
            return text
        text = _text(part) if isinstance(part, ast.Constant | ast.JoinedStr) else ""
    return ""


def _key_of(node: ast.Dict, value: ast.AST) -> str:
    return next((_text(k) for k, v in zip(node.keys, node.values, strict=True) if v is value and k is not None), "")


def _text(node: ast.AST) -> str:
    if isinstance(node, ast.Constant):
        return node.value if isinstance(node.value, str) else ""
    if isinstance(node, ast.JoinedStr) and node.values:
        return _text(node.values[-1])
    return ""


def _last(node: ast.AST) -> str:
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""


def _base(node: ast.AST) -> str:
    """Return the name before the last one, ``np`` for ``np.log``; another expression counts as a name."""
    return (_last(node.value) or "?") if isinstance(node, ast.Attribute) else ""


def names_metric(label: str, metric: str) -> bool:
    """Whether the text beside a printed value names the metric: ``val loss`` and ``val_loss`` are the same."""
    words, wanted = (re.findall(r"[a-z0-9]+", text.lower()) for text in (label, metric))
    return bool(wanted) and any(words[i : i + len(wanted)] == wanted for i in range(len(words)))
