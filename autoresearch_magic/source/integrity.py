"""The integrity check: a proposal may neither set a seed, nor tamper with the controller, nor change lines that are frozen.

Which lines are frozen is read from comments (`blocks`); everything else is read from the syntax tree.

The controller is the process that runs the study and hands out `clock`, `report` and `seed`. A target may contain anything that
its author put there, so a proposal is compared with the baseline and the incumbent: whatever it does more often than each of
them is a violation. Moving or reformatting a line, importing under another name, and removing a seed are not violations.

**Seeds.** These set a seed:

- calls of functions whose name looks like a seed (`knob_names.seed_like`: ``manual_seed``, ``set_seed``, ``seed_everything``,
  ``RandomState`` ...), of ``default_rng``, ``PRNGKey``, ``random.Random``, ``jax.random.key`` and numpy's bit generators, and
  of functions that restore a generator's state;
- the same functions passed on without a call (``map(torch.manual_seed, ...)``);
- arguments, assignments, loops, defaults and dictionary keys whose name looks like a seed, except ``seed=None`` as an argument;
- names and parameters that reach one of these through arithmetic (``n = 3; torch.manual_seed(n + 1)``), and calls of the
  target's own functions that fill such a parameter.

The controller's ``seed`` itself is allowed everywhere: ``torch.Generator().manual_seed(seed)``. An expression of it, such as
``seed + 1``, is a different seed.

**The controller.** `clock`, `report` and `seed` of autoresearch_magic may not be rebound, deleted, written to, inspected
(``clock._budget``), configured, or paused more often than before; nothing else may be imported from the package, except `data`.

Not detected: code in strings (`exec`, `eval`, `getattr`, ``sys.modules``), seeds in data or files, numbers that reach a seed
through a container, a call's result, a lambda's parameter or a method that is passed on, code that is moved into an existing
pause, and random numbers that are drawn and discarded. Such changes are visible in the diff.
"""

from __future__ import annotations

import ast
import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from ..text import shorten
from . import files
from .blocks import frozen_change
from .edits import UNPARSABLE, canonical, source_lines
from .name_binding import Binding, Names, Scope, ScopedNode
from .seeds import PACKAGE, SETTERS, Seeds, is_none, last_name, names_seed

Rule = Literal["seed", "controller"]

IMPORTABLE = ("clock", "report", "seed", "data", "runtime", "*")
"""Members of the package that a target may import."""
CONTROLLER = {f"{module}.{name}" for module in (PACKAGE, f"{PACKAGE}.runtime") for name in ("clock", "report", "seed")}
"""Paths from which the controller's names are imported."""

_SHOWN = 60
_KEPT = 200
"""Characters up to which a text is kept as it is, instead of as its hash."""


@dataclass(frozen=True)
class Violation:
    """One thing that a proposal does and may not do.

    Attributes
    ----------
    rule : {"seed", "controller"}
        Whether it sets a seed or tampers with the controller.
    line : int
        Line of the target, from 1.
    code : str
        The offending code, shortened to one line.
    """

    rule: Rule
    line: int
    code: str


def refusal(target: str, allowed: Iterable[str], setup: str = "") -> str:
    """Return one line that says why a proposal is rejected; empty when it is not.

    Parameters
    ----------
    target : str
        The proposal's target.
    allowed : iterable of str
        The targets of the baseline, whose frozen lines count, and of the incumbent.
    setup : str
        The study's setup.
    """
    allowed = list(allowed)
    if allowed and (changed := frozen_change(allowed[0], target)):
        return changed
    if files.is_bundle(target):
        before = [files.split(each) for each in allowed]
        for path, content in files.split(target).items():
            if files.is_python(path) and (why := refusal(content, [b.get(path, "") for b in before])):
                return f"{path}: {why}"
        return ""
    if _actions(target, setup) is None:
        return "It is nested too deeply to be checked: split its longest expression."
    found = violations(target, allowed, setup)
    if not found:
        return ""
    reported = [v for v in found if v.rule == "seed"] or list(found)
    more = f", and {len(reported) - 1} more" if len(reported) > 1 else ""
    where = f"(line {reported[0].line}: {reported[0].code}{more})"
    if reported[0].rule == "seed":
        return f"It sets the seed {where}: only the study sets seeds; use its own, `from {PACKAGE} import seed`."
    return f"It tampers with the study's controls {where}: clock, report and seed are frozen."


def violations(target: str, allowed: Iterable[str], setup: str = "") -> tuple[Violation, ...]:
    """Return the violations of a proposal: actions that no allowed target has as often, in the order of lines.

    Parameters
    ----------
    target : str
        The proposal's target; one that does not parse has no violations (`edits.check_syntax` reports it).
    allowed : iterable of str
        The targets of the baseline and the incumbent.
    setup : str
        The study's setup, whose imports and functions the target can use.
    """
    actions = _actions(target, setup) or ()
    if not any(action.violation for action in actions):
        return ()
    allowance: Counter[tuple[str, ...]] = Counter()
    for each in allowed:
        allowance |= Counter(action.key for action in _actions(each, setup) or ())
    found = []
    for action in actions:
        allowance[action.key] -= 1
        if allowance[action.key] < 0 and action.violation is not None:
            found.append(action.violation)
    return tuple(sorted(found, key=lambda violation: violation.line))


# -- what a target does -----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Action:
    """Something that a target does; a violation where it is new. Actions that do the same have the same `key`.

    Harmless bindings are actions without a violation: when a proposal turns an existing name into a seed, the existing
    bindings of that name do not count as new.
    """

    violation: Violation | None
    key: tuple[str, ...]


@lru_cache(maxsize=64)
def _actions(target: str, setup: str) -> tuple[_Action, ...] | None:
    """Return what a target does, nothing where it does not parse; None where its nesting keeps the parser from reading it."""
    for before in dict.fromkeys((setup, "")):  # without the setup, where that does not parse
        try:
            return tuple(_Actions(target, before).all())
        except UNPARSABLE as error:
            if not before and isinstance(error, RecursionError | MemoryError):
                return None
    return ()


class _Actions:
    """What one target does.

    Parameters
    ----------
    target, setup : str

    Raises
    ------
    SyntaxError, ValueError, RecursionError, MemoryError
        See `edits.UNPARSABLE`.
    """

    def __init__(self, target: str, setup: str) -> None:
        self.names = Names(target, setup)
        self.seeds = Seeds(self.names)
        self.lines = source_lines(target)
        self._texts: dict[int, str] = {}
        self._codes: dict[int, str] = {}

    def all(self) -> Iterator[_Action]:
        yield from self._of_bindings()
        yield from self._of_nodes()

    def _of_bindings(self) -> Iterator[_Action]:
        for binding in self.names.bindings:
            if binding.in_setup:
                continue
            rule: Rule | None = None
            if self.seeds.binds_seed(binding):
                rule = "seed"
            elif _rebinds(binding) or _writes_to_package(binding, self.names):
                rule = "controller"
            if rule is not None or binding.value is not None:
                code = self._binding_code(binding) if rule else ""
                yield self._action(
                    rule, binding.node, code, binding.kind, binding.name or binding.target, binding.value
                )

    def _of_nodes(self) -> Iterator[_Action]:
        names, seeds = self.names, self.seeds
        called = {id(item.node.func) for item in names.nodes if isinstance(item.node, ast.Call)}
        for item in names.nodes:
            node, scope = item.node, item.scope
            if item.in_setup:
                continue
            if isinstance(node, ast.Call):
                yield from self._of_call(node, scope)
            elif isinstance(node, ast.Dict):
                for key, value in zip(node.keys, node.values, strict=True):
                    if names_seed(key) and not is_none(value) and not seeds.is_controllers_seed(value, scope):
                        code = shorten(f"{self._code(key)}: {self._code(value)}", _SHOWN)
                        yield self._action("seed", value, code, "key", key, value)
            elif isinstance(node, ast.Import | ast.ImportFrom):
                for path in _forbidden_imports(node):
                    yield self._action("controller", node, self._code(node), path)
            elif isinstance(node, ast.Name | ast.Attribute) and isinstance(node.ctx, ast.Load):
                if id(node) not in called and seeds.passed_as_value(node, scope):
                    yield self._action("seed", node, self._code(node), "passed on", names.path(node, scope) or node)
                if isinstance(node, ast.Attribute) and _accesses_internals(node, item, names):
                    yield self._action("controller", node, self._code(node), "inside", names.path(node, scope))

    def _of_call(self, node: ast.Call, scope: Scope) -> Iterator[_Action]:
        names, seeds = self.names, self.seeds
        values = seeds.seeds_in_call(node, scope)
        if any(not seeds.is_controllers_seed(value, scope) for value in values):
            # the key has all arguments of a seeding function, but only the seed of any other, whose other arguments may change
            key: list[object] = [node.args, node.keywords] if seeds.sets_seed(node.func, scope) else [values]
            yield self._action("seed", node, self._code(node), names.path(node.func, scope) or node.func, *key)
            return
        by_name = last_name(node.func) in (*SETTERS, "delattr", "__delattr__")
        if by_name and any(_in_package(names.path(each, scope)) for each in node.args[:1]):
            yield self._action("controller", node, self._code(node), node)

    # -- formatting -------------------------------------------------------------------------------------------------

    def _action(self, rule: Rule | None, node: ast.AST, code: str, *key: object) -> _Action:
        # the clause of a comprehension has no line of its own
        line = getattr(node, "lineno", 0) or getattr(getattr(node, "target", None), "lineno", 0)
        violation = Violation(rule, line, code) if rule is not None else None
        return _Action(violation, tuple(each if isinstance(each, str) else self._text(each) for each in key))

    def _text(self, node: object) -> str:
        """Return the canonical text of a node, or a hash of a long one: many names may share one large value."""
        if not isinstance(node, ast.AST):  # a list, which nobody keeps
            return _hashed(canonical(node))
        if id(node) not in self._texts:
            self._texts[id(node)] = _hashed(canonical(node))
        return self._texts[id(node)]

    def _binding_code(self, binding: Binding) -> str:
        node, kind, value = binding.node, binding.kind, self._code(binding.value)
        target = self._code(binding.target) if binding.target is not None else binding.name
        if kind == "loop":
            code = f"for {target} in {value}"
        elif kind == "parameter":
            code = f"{target}={value}"
        elif kind == "definition":
            code = f"{'class' if isinstance(node, ast.ClassDef) else 'def'} {target}"
        elif kind in ("value", "part"):
            code = f"{target} = {value}"
        else:
            code = f"{target} is bound" if isinstance(node, ast.ExceptHandler | ast.pattern) else self._code(node)
        return shorten(code, _SHOWN)

    def _code(self, node: ast.AST | None) -> str:
        """Return the code of a node, shortened to one line; the source's line for what Python cannot write down."""
        if node is None:
            return ""
        if id(node) not in self._codes:
            try:
                code = ast.unparse(node)
            except (RecursionError, ValueError):  # a sum of thousands of terms, or an int of thousands of digits
                line = self.lines[getattr(node, "lineno", 1) - 1].encode("utf-8", "replace")
                code = line[getattr(node, "col_offset", 0) :].decode("utf-8", "replace")
            self._codes[id(node)] = shorten(code, _SHOWN)
        return self._codes[id(node)]


def _hashed(text: str) -> str:
    if len(text) <= _KEPT:
        return text
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


# -- the controller ---------------------------------------------------------------------------------------------------


def _rebinds(binding: Binding) -> bool:
    """Whether a binding replaces the controller's clock, report or seed, or deletes its name."""
    if not binding.name or (binding.kind == "import" and _in_package(binding.path)):
        return False
    owner = binding.scope.redirected.get(binding.name, binding.scope)
    return binding.name in owner.bindings and not owner.bindings[binding.name].imports.isdisjoint(CONTROLLER)


def _writes_to_package(binding: Binding, names: Names) -> bool:
    """Whether a binding sets an attribute or item of an object of the package."""
    target = binding.target
    while isinstance(target, ast.Attribute | ast.Subscript):
        target = target.value
        if _in_package(names.path(target, binding.scope)):
            return True
    return False


def _accesses_internals(node: ast.Attribute, item: ScopedNode, names: Names) -> bool:
    hidden = node.attr.startswith("_") and node.attr != "__version__"
    return (hidden or node.attr in ("configure", "paused")) and _in_package(names.path(node.value, item.scope))


def _forbidden_imports(node: ast.Import | ast.ImportFrom) -> Iterator[str]:
    """Yield the paths that an import takes from the package although targets may not import them."""
    for alias in node.names:
        within = f"{'.' * node.level}{node.module or ''}." if isinstance(node, ast.ImportFrom) else ""
        path = within + alias.name
        if path.startswith(f"{PACKAGE}.") and path.split(".")[1] not in IMPORTABLE:
            yield path


def _in_package(path: str) -> bool:
    return path == PACKAGE or path.startswith(f"{PACKAGE}.")
