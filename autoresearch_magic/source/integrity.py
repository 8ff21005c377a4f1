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
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from ..text import shorten
from . import files
from .blocks import frozen_change
from .edits import UNPARSABLE, canonical
from .name_binding import Binding, Names, Scope, ScopedNode
from .seeds import PACKAGE, SETTERS, Seeds, is_none, last_name, names_seed, public_path

Rule = Literal["seed", "controller"]

IMPORTABLE = ("clock", "report", "seed", "data", "runtime", "*")
"""Members of the package that a target may import."""
CONTROLLER = {f"{PACKAGE}.{name}" for name in ("clock", "report", "seed")}

_SHOWN = 60


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
    actions = _actions(target, setup)
    if not any(action.violation for action in actions):
        return ()
    allowance: Counter[str] = Counter()
    for each in allowed:
        allowance |= Counter(action.key for action in _actions(each, setup))
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
    key: str


@lru_cache(maxsize=64)
def _actions(target: str, setup: str) -> tuple[_Action, ...]:
    for before in dict.fromkeys((setup, "")):  # without the setup, where that does not parse
        try:
            names = Names(target, before)
            seeds = Seeds(names)
            return (*_binding_actions(names, seeds), *_node_actions(names, seeds))
        except UNPARSABLE:
            continue
    return ()


def _binding_actions(names: Names, seeds: Seeds) -> Iterator[_Action]:
    for binding in names.bindings:
        if binding.in_setup:
            continue
        rule: Rule | None = None
        if seeds.binds_seed(binding):
            rule = "seed"
        elif _rebinds(binding) or _writes_to_package(binding, names):
            rule = "controller"
        if rule is not None or binding.value is not None:
            target = binding.name or canonical(binding.target)
            yield _action(
                rule, binding.node, _binding_code(binding) if rule else "", binding.kind, target, binding.value
            )


def _node_actions(names: Names, seeds: Seeds) -> Iterator[_Action]:
    called = {id(item.node.func) for item in names.nodes if isinstance(item.node, ast.Call)}
    for item in names.nodes:
        node, scope = item.node, item.scope
        if item.in_setup:
            continue
        if isinstance(node, ast.Call):
            yield from _call_actions(node, scope, names, seeds)
        elif isinstance(node, ast.Dict):
            for key, value in zip(node.keys, node.values, strict=True):
                if names_seed(key) and not is_none(value) and not seeds.is_controllers_seed(value, scope):
                    yield _action("seed", value, shorten(f"{_code(key)}: {_code(value)}", _SHOWN), "key", key, value)
        elif isinstance(node, ast.Import | ast.ImportFrom):
            yield from (_action("controller", node, _code(node), path) for path in _forbidden_imports(node))
        elif isinstance(node, ast.Name | ast.Attribute) and isinstance(node.ctx, ast.Load):
            if id(node) not in called and seeds.passed_as_value(node, scope):
                yield _action("seed", node, _code(node), "passed on", names.path(node, scope) or canonical(node))
            if isinstance(node, ast.Attribute) and _accesses_internals(node, item, names):
                yield _action("controller", node, _code(node), "inside", names.path(node, scope))


def _call_actions(node: ast.Call, scope: Scope, names: Names, seeds: Seeds) -> Iterator[_Action]:
    values = seeds.seeds_in_call(node, scope)
    if any(not seeds.is_controllers_seed(value, scope) for value in values):
        # the key has all arguments of a seeding function, but only the seed of any other, whose other arguments may change
        key: list[object] = [node.args, node.keywords] if seeds.sets_seed(node.func, scope) else [values]
        yield _action("seed", node, _code(node), names.path(node.func, scope) or canonical(node.func), *key)
        return
    by_name = last_name(node.func) in (*SETTERS, "delattr", "__delattr__")
    if by_name and any(_in_package(names.path(each, scope)) for each in node.args[:1]):
        yield _action("controller", node, _code(node), canonical(node))


# -- the controller ---------------------------------------------------------------------------------------------------


def _rebinds(binding: Binding) -> bool:
    """Whether a binding replaces the controller's clock, report or seed, or deletes its name."""
    if not binding.name or (binding.kind == "import" and _in_package(binding.path)):
        return False
    owner = binding.scope.redirected.get(binding.name, binding.scope)
    return any(b.kind == "import" and public_path(b.path) in CONTROLLER for b in owner.bindings.get(binding.name, []))


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


# -- formatting -------------------------------------------------------------------------------------------------------


def _action(rule: Rule | None, node: ast.AST, code: str, *key: object) -> _Action:
    # the clause of a comprehension has no line of its own
    line = getattr(node, "lineno", 0) or getattr(getattr(node, "target", None), "lineno", 0)
    violation = Violation(rule, line, code) if rule is not None else None
    return _Action(violation, "\0".join(each if isinstance(each, str) else canonical(each) for each in key))


def _binding_code(binding: Binding) -> str:
    node, value, kind = binding.node, binding.value, binding.kind
    target = _code(binding.target) if binding.target is not None else binding.name
    if kind == "loop":
        code = f"for {target} in {_code(value)}"
    elif kind == "parameter":
        code = f"{target}={_code(value)}"
    elif kind == "definition":
        code = f"{'class' if isinstance(node, ast.ClassDef) else 'def'} {target}"
    elif kind in ("value", "part"):
        code = f"{target} = {_code(value)}"
    else:
        code = f"{target} is bound" if isinstance(node, ast.ExceptHandler | ast.pattern) else _code(node)
    return shorten(code, _SHOWN)


def _code(node: ast.AST | None) -> str:
    return "" if node is None else shorten(ast.unparse(node), _SHOWN)
