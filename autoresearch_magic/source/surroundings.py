"""What stands around a place of a source: the functions it is in, where its name is read, and how often it is bound.

Not here: what follows for whether the place is a knob (`knobs`).
"""

from __future__ import annotations

import ast
import re

from .data_flow import USED, DataFlow, Shown, names_metric
from .knob_names import (
    MAIN,
    importance,
    is_making_data,
    is_measuring,
    is_objective,
    makes_or_measures,
    measures_running,
    plain,
    seed_like,
)
from .name_binding import Binding, Bindings, Names, Scope
from .places import ASSIGNED, Place

_BEFORE = re.compile(
    r"(.*_)?(tests?|val|valid|validation|eval|dev|holdout)(_?(loader|dl|ds|set|data\w*|gen\w*|iter))?(_.*)?"
)
"""Variables that hold what is evaluated."""
_FITS = re.compile(r"_?(train|fit|learn|optimi[sz]e|solve|search|evolve|anneal)")


class Surroundings:
    """Answers what stands around the places of one source; see `knobs.Knobs` for the parameters."""

    def __init__(self, tree: ast.Module, metric: str = "", outside: str = "", *, relaxed: bool = False) -> None:
        self.relaxed = relaxed
        self.names = Names(tree)
        self.flow = DataFlow(self.names)
        self.metric, self.outside = metric, set(re.findall(r"\w+", outside))
        self.scopes = {id(b.scope.node): b.scope for b in self.names.bindings}
        self.functions = frozenset(self.flow.functions)
        self._about: dict[int, tuple[bool, bool]] = {}
        self._measured = any(names_metric(each, metric) for each in _strings(tree)) if metric else False

    # -- surroundings ----------------------------------------------------------------------------------------------------

    def _in_place(self, place: Place, known: int) -> bool:
        """Whether the functions around a place leave it a knob."""
        functions = [name for name in place.path if name in self.flow.functions]
        for name in functions:
            if self._function(name)[0]:
                return False
            if is_making_data(name):
                return False
            if self._is_problem(name) and not (known == MAIN and place.role == "default"):
                return False
        if functions and not known and not _FITS.match(functions[-1]) and self._function(functions[-1])[1]:
            return False
        return not (place.target and _BEFORE.fullmatch(plain(place.target)) and place.role == "argument")

    def _measuring(self, function: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
        parameters = tuple(a.arg for a in (*function.args.posonlyargs, *function.args.args))
        return is_measuring(function.name, parameters)

    def _function(self, name: str) -> tuple[bool, bool]:
        """Return whether a function of the source measures, and whether it has a seed of its own."""
        function = self.flow.functions[name]
        if id(function) not in self._about:
            self._about[id(function)] = self._measuring(function), self._draws(function)
        return self._about[id(function)]

    @staticmethod
    def _draws(function: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
        """Whether a function has a seed of its own: it makes data, or simulates."""
        every = (*function.args.posonlyargs, *function.args.args, *function.args.kwonlyargs)
        if any(seed_like(argument.arg) for argument in every):
            return True
        return any(
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Name | ast.Attribute)
            and (node.func.id if isinstance(node.func, ast.Name) else node.func.attr) in ("default_rng", "RandomState")
            for node in ast.walk(function)
        )

    def _only_measures(self, place: Place, known: int) -> bool:
        """Whether every use of a name is in functions that measure or make data, or is an argument of a call that does."""
        if place.role not in ASSIGNED or place.index >= 0 or place.owners:
            return False
        uses = self.flow.uses(self._scope(place), place.key)
        return bool(uses) and all(self._measures(use, known) for use in uses)

    def _measures(self, use: ast.Name, known: int) -> bool:
        function = self.flow.function_of(use)
        if function is not None and not self._handed_on(use):
            if self._measuring(function) or self._is_problem(function.name):
                return True
            if is_making_data(function.name) and known < MAIN and not measures_running(self.metric):
                return True
        if known:
            return False
        node: ast.AST | None = use
        while isinstance(node := self.flow.parents.get(id(node)), ast.expr | ast.keyword):
            if isinstance(node, ast.Call):
                return makes_or_measures(last_part(node.func))
        return False

    def _handed_on(self, use: ast.Name) -> bool:
        """Whether a use is an argument of one of the source's own functions that is no part of measuring."""
        parent = self.flow.parents.get(id(use))
        if isinstance(parent, ast.keyword):
            parent = self.flow.parents.get(id(parent))
        if not isinstance(parent, ast.Call) or use is parent.func:
            return False
        callee = last_part(parent.func)
        return callee in self.functions and not self._calls_data(callee)

    def _only_shown(self, place: Place) -> bool:
        """Whether a value reaches printed figures alone, and none of them is the metric."""
        if place.role not in (*ASSIGNED, "default") or place.owners or place.index >= 0:
            return False
        scope = self._scope(place)
        if scope is None or (scope.parent is None and place.key in self.outside):
            return False
        goals = self.flow.goals(scope, place.key)
        if not goals or USED in goals:
            return False
        return all(isinstance(goal, Shown) and self._is_figure(goal.label) for goal in goals)

    def _is_figure(self, label: str) -> bool:
        if label == "\0":
            return True
        return bool(self.metric and self._measured and label.strip() and not names_metric(label, self.metric))

    # -- bindings --------------------------------------------------------------------------------------------------------

    def _scope(self, place: Place) -> Scope | None:
        return self.names.module if place.scope is None else self.scopes.get(id(place.scope))

    def _bound_once(self, place: Place) -> bool:
        scope = self._scope(place)
        name = place.owners[0] if place.owners else re.sub(r"\[\d+\]$", "", place.key)
        bindings = scope.bindings.get(name, Bindings()) if scope is not None else Bindings()
        if scope is not None and name in scope.redirected:
            return False
        if len(bindings) <= 1:
            return len(bindings) == 1 and bindings[0].kind == "value" and not _chained(bindings[0])
        # a temperature that is lowered step by step has a first value to tune; a sum or a counter has none
        if not importance(place.key) or place.role != "local" or place.value in (0, 1):
            return False
        first = next((b for b in bindings if b.kind == "value"), None)
        return (
            first is not None
            and first.value is place.node
            and all(_updates(each, name) for each in bindings if each is not first)
        )

    def dead(self, place: Place) -> bool:
        """Whether every call of a function gives the parameter whose default a place is."""
        if place.role != "default" or place.owners or not isinstance(place.scope, ast.FunctionDef):
            return False
        parameter = re.sub(r"\[\d+\]$", "", place.key)
        function = place.scope
        in_class = len(place.path) > 1
        name = place.path[-2] if in_class and function.name == "__init__" else function.name
        calls = self.flow.calls.get(name, [])
        if not calls or name in self.flow.passed_on:  # a base class is passed on as well
            return False
        positions = [a.arg for a in (*function.args.posonlyargs, *function.args.args)][in_class:]
        at = positions.index(parameter) if parameter in positions else len(positions)
        return all(
            len([a for a in call.args if not isinstance(a, ast.Starred)]) > at
            or any(k.arg == parameter for k in call.keywords)
            for call in calls
        )

    def _replaced(self, place: Place) -> bool:
        """Whether every call of a class gives the field that a place fills, as of a dataclass."""
        calls = self.flow.calls.get(place.path[-1], []) if place.path else []
        return bool(calls) and all(any(k.arg == place.key for k in call.keywords) for call in calls)

    def _is_problem(self, function: str) -> bool:
        return not self.relaxed and is_objective(function)

    def _calls_data(self, callee: str) -> bool:
        return is_making_data(callee) or is_measuring(callee) or self._is_problem(callee)


def _updates(binding: Binding, name: str) -> bool:
    """Whether a binding computes a new value from the old one."""
    if binding.kind == "change":
        return True
    return binding.kind == "value" and binding.value is not None and any(
        isinstance(node, ast.Name) and node.id == name for node in ast.walk(binding.value)
    )  # fmt: skip


def _chained(binding: Binding) -> bool:
    return isinstance(binding.node, ast.Assign) and len(binding.node.targets) > 1


def _strings(tree: ast.AST) -> list[str]:
    return [node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, str)]


def last_part(node: ast.AST) -> str:
    """Return the last name of an expression: ``b`` for ``a.b``; empty when it does not end in a name."""
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""
