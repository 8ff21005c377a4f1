"""What a proposal may not do, seen in its syntax tree before it runs: set a seed, or tamper with the controller.

A target may hold whatever its human has put there, so a proposal is compared with the baseline and the incumbent: what it does
more often than each of them is a violation. Moving a line, reformatting it or importing under another name is none, and
neither is taking a seed away: the controller's counts again then.

**Seeds.** These set one:

- calls of functions whose name looks like a seed (`constants.seed_like`: ``manual_seed``, ``set_seed``, ``seed_everything``,
  ``RandomState`` ...), of ``default_rng``, ``PRNGKey``, ``random.Random``, ``jax.random.key`` and numpy's bit generators, and
  of what restores a generator's state;
- the same functions handed on without a call (``map(torch.manual_seed, ...)``);
- arguments, assignments, loops, defaults and dictionary keys whose name looks like a seed; ``seed=None`` as an argument is
  none;
- names and parameters that reach one of these by plain arithmetic (``n = 3; torch.manual_seed(n + 1)``), and the calls of the
  target's own functions that fill such a parameter.

The controller's own ``seed``, as it is, is allowed everywhere: ``torch.Generator().manual_seed(seed)``. What is made of it,
such as ``seed + 1``, is another seed.

**The controller.** `clock`, `report` and `seed` of autoresearch_magic may not be bound anew, deleted, written to, looked into
(``clock._budget``), configured or, more often than before, paused; and of the package nothing else may be imported, the data
aside.

Not seen: code made of text (`exec`, `eval`, `getattr`, ``sys.modules``), seeds inside of data or files, a number that reaches
a seed through a container or a call's result, a lambda's parameter or a method handed on, code that is moved into a pause that
was there already, and random numbers that are drawn and thrown away. A change of them shows in the diff.
"""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from . import files
from .edits import UNPARSABLE, canonical
from .name_binding import Binding, Names, Place, Scope
from .seeds import PACKAGE, SETTERS, Seeds, is_none, last, names_seed, own_path

Rule = Literal["seed", "controller"]

OPEN = ("clock", "report", "seed", "data", "runtime", "*")
"""What a target may import of the package."""
FROZEN = {f"{PACKAGE}.{name}" for name in ("clock", "report", "seed")}

_SHOWN = 60


@dataclass(frozen=True)
class Violation:
    """Something that a proposal may not do.

    Attributes
    ----------
    rule : {"seed", "controller"}
    line : int
        Of the target, from 1.
    code : str
        What stands there, in one short line.
    """

    rule: Rule
    line: int
    code: str


def refusal(target: str, allowed: Iterable[str], setup: str = "") -> str:
    """Say in one line why a proposal is rejected; empty when it is not.

    Parameters
    ----------
    target : str
    allowed : iterable of str
        The baseline's and the incumbent's target.
    setup : str
    """
    if files.is_bundle(target):
        before = [files.split(source) for source in allowed]
        for path, content in files.split(target).items():
            if files.is_python(path) and (why := refusal(content, [b.get(path, "") for b in before])):
                return f"{path}: {why}"
        return ""
    found = violations(target, allowed, setup)
    if not found:
        return ""
    told = [v for v in found if v.rule == "seed"] or list(found)
    more = f", and {len(told) - 1} more" if len(told) > 1 else ""
    place = f"(line {told[0].line}: {told[0].code}{more})"
    if told[0].rule == "seed":
        return f"It sets the seed {place}: seeds belong to the controller, whose own is `from {PACKAGE} import seed`."
    return f"It tampers with the controller {place}: clock, report and seed are frozen."


def violations(target: str, allowed: Iterable[str], setup: str = "") -> tuple[Violation, ...]:
    """Return what a proposal does and none of the allowed sources does as often, in the order of lines.

    Parameters
    ----------
    target : str
        One that does not parse does nothing: `edits.check_syntax` tells of it.
    allowed : iterable of str
        The baseline's and the incumbent's target.
    setup : str
        What runs before: its imports and functions are known in the target.
    """
    deeds = _deeds(target, setup)
    if not any(deed.violation for deed in deeds):
        return ()
    room: Counter[str] = Counter()
    for source in allowed:
        room |= Counter(deed.key for deed in _deeds(source, setup))
    found = []
    for deed in deeds:
        room[deed.key] -= 1
        if room[deed.key] < 0 and deed.violation is not None:
            found.append(deed.violation)
    return tuple(sorted(found, key=lambda violation: violation.line))


# -- what a source does -----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Deed:
    """A violation where it is new; `key` is equal for what does the same.

    Harmless bindings are deeds without a violation: a proposal may make a seed of a name that was none, and then what the
    name was bound to before is nothing new.
    """

    violation: Violation | None
    key: str


@lru_cache(maxsize=64)
def _deeds(source: str, setup: str) -> tuple[_Deed, ...]:
    for before in dict.fromkeys((setup, "")):  # a setup that is no Python is no reason to look away
        try:
            names = Names(source, before)
            seeds = Seeds(names)
            return (*_of_bindings(names, seeds), *_of_places(names, seeds))
        except UNPARSABLE:
            continue
    return ()


def _of_bindings(names: Names, seeds: Seeds) -> Iterator[_Deed]:
    for binding in names.bindings:
        if binding.frozen:
            continue
        rule: Rule | None = None
        if seeds.bound_by(binding):
            rule = "seed"
        elif _rebinds(binding) or _writes(binding, names):
            rule = "controller"
        if rule is not None or binding.value is not None:
            target = binding.name or canonical(binding.target)
            yield _deed(rule, binding.node, _shown(binding) if rule else "", binding.how, target, binding.value)


def _of_places(names: Names, seeds: Seeds) -> Iterator[_Deed]:
    called = {id(place.node.func) for place in names.places if isinstance(place.node, ast.Call)}
    for place in names.places:
        node, scope = place.node, place.scope
        if place.frozen:
            continue
        if isinstance(node, ast.Call):
            yield from _of_call(node, scope, names, seeds)
        elif isinstance(node, ast.Dict):
            for key, value in zip(node.keys, node.values, strict=True):
                if names_seed(key) and not is_none(value) and not seeds.controllers(value, scope):
                    yield _deed("seed", value, _cut(f"{_short(key)}: {_short(value)}"), "key", key, value)
        elif isinstance(node, ast.Import | ast.ImportFrom):
            yield from (_deed("controller", node, _short(node), path) for path in _reached(node))
        elif isinstance(node, ast.Name | ast.Attribute) and isinstance(node.ctx, ast.Load):
            if id(node) not in called and seeds.handed_on(node, scope):
                yield _deed("seed", node, _short(node), "handed on", names.path(node, scope) or canonical(node))
            if isinstance(node, ast.Attribute) and _looks_inside(node, place, names):
                yield _deed("controller", node, _short(node), "inside", names.path(node, scope))


def _of_call(node: ast.Call, scope: Scope, names: Names, seeds: Seeds) -> Iterator[_Deed]:
    values = seeds.in_call(node, scope)
    if any(not seeds.controllers(value, scope) for value in values):
        # all of a call that is there to set a seed, and of another one that argument: its others are free
        told: list[object] = [node.args, node.keywords] if seeds.seeding(node.func, scope) else [values]
        yield _deed("seed", node, _short(node), names.path(node.func, scope) or canonical(node.func), *told)
        return
    by_name = last(node.func) in (*SETTERS, "delattr", "__delattr__")
    if by_name and any(_ours(names.path(each, scope)) for each in node.args[:1]):
        yield _deed("controller", node, _short(node), canonical(node))


# -- the controller ---------------------------------------------------------------------------------------------------


def _rebinds(binding: Binding) -> bool:
    """Whether a binding takes the place of the controller's clock, report or seed, or deletes its name."""
    if not binding.name or (binding.how == "import" and _ours(binding.path)):
        return False
    home = binding.scope.elsewhere.get(binding.name, binding.scope)
    return any(b.how == "import" and own_path(b.path) in FROZEN for b in home.bindings.get(binding.name, []))


def _writes(binding: Binding, names: Names) -> bool:
    """Whether a binding is of an attribute or an item of the package's."""
    target = binding.target
    while isinstance(target, ast.Attribute | ast.Subscript):
        target = target.value
        if _ours(names.path(target, binding.scope)):
            return True
    return False


def _looks_inside(node: ast.Attribute, place: Place, names: Names) -> bool:
    hidden = node.attr.startswith("_") and node.attr != "__version__"
    return (hidden or node.attr in ("configure", "paused")) and _ours(names.path(node.value, place.scope))


def _reached(node: ast.Import | ast.ImportFrom) -> Iterator[str]:
    """Yield what an import takes of the package that is not for targets."""
    for alias in node.names:
        within = f"{'.' * node.level}{node.module or ''}." if isinstance(node, ast.ImportFrom) else ""
        path = within + alias.name
        if path.startswith(f"{PACKAGE}.") and path.split(".")[1] not in OPEN:
            yield path


def _ours(path: str) -> bool:
    return path == PACKAGE or path.startswith(f"{PACKAGE}.")


# -- in words ---------------------------------------------------------------------------------------------------------


def _deed(rule: Rule | None, node: ast.AST, code: str, *key: object) -> _Deed:
    # the clause of a comprehension has no line of its own
    line = getattr(node, "lineno", 0) or getattr(getattr(node, "target", None), "lineno", 0)
    violation = Violation(rule, line, code) if rule is not None else None
    return _Deed(violation, "\0".join(each if isinstance(each, str) else canonical(each) for each in key))


def _shown(binding: Binding) -> str:
    node, value, how = binding.node, binding.value, binding.how
    target = _short(binding.target) if binding.target is not None else binding.name
    if how == "loop":
        return _cut(f"for {target} in {_short(value)}")
    if how == "parameter":
        return _cut(f"{target}={_short(value)}")
    if how == "definition":
        return f"{'class' if isinstance(node, ast.ClassDef) else 'def'} {target}"
    if how in ("value", "part"):
        return _cut(f"{target} = {_short(value)}")
    return _cut(f"{target} is bound") if isinstance(node, ast.ExceptHandler | ast.pattern) else _short(node)


def _short(node: ast.AST | None) -> str:
    return "" if node is None else _cut(ast.unparse(node))


def _cut(text: str) -> str:
    text = "".join(c if c.isprintable() else repr(c)[1:-1] for c in " ".join(text.split()))
    return text if len(text) <= _SHOWN else text[: _SHOWN - 1] + "…"
