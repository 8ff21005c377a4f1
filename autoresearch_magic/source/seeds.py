"""Detection of code that sets a random seed, other than to the controller's own `seed`.

The controller is the process that runs the study. Seeds are recognised by the names of functions, arguments and variables, and
followed through arithmetic and through the target's own functions. `integrity` says what follows for proposals, and what is
not detected.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from .knob_names import seed_like
from .name_binding import Binding, Names, Scope, arguments

PACKAGE = "autoresearch_magic"

SEEDING = {"default_rng", "PRNGKey", "SeedSequence", "PCG64", "PCG64DXSM", "MT19937", "Philox", "SFC64", "setstate",
           "set_rng_state", "set_rng_state_all"}  # fmt: skip
"""Functions of any module that set a seed although their names do not look like it."""
SEEDING_PATHS = {"random.Random", "jax.random.key", "numpy.random.set_state"}
"""Functions that set a seed, with their modules, because functions of other modules share their names."""
UNSEEDED = {"seed", "seed_all", "default_rng", "Random", "RandomState", "SeedSequence", "PCG64", "PCG64DXSM", "MT19937",
            "Philox", "SFC64"}  # fmt: skip
"""Functions that without an argument take a different seed from the system in each run."""
SEEDING_EVERYWHERE = {
    "manual_seed",
    "manual_seed_all",
    "set_seed",
    "set_random_seed",
    "seed_everything",
    "default_rng",
    "PRNGKey",
}
"""Functions that are only there to set a seed, so that passing one on counts like calling it."""
GETTERS = ("get_", "initial_")
"""Prefixes of functions that only return a seed."""
HARMLESS = {"device", "dtype", "deterministic", "workers", "verbose"}
"""Arguments of seeding functions that do not affect the random numbers."""
STREAMS = {"rng", "generator"}
"""Arguments that take a generator or, in some libraries, a seed."""
SETTERS = {"setattr", "setdefault", "add_argument", "__setattr__"}
"""Functions that take the name of what they set as a string."""


class Seeds:
    """The places of one target that set a seed.

    Parameters
    ----------
    names : Names
        The target's resolved names.
    """

    def __init__(self, names: Names) -> None:
        self.names = names
        self.functions = self._own_functions()
        self.reaching: set[tuple[int, str]] = set()  # names that reach a seed, each with the id of its scope
        while True:  # each round follows the names one step further back
            more = {(id(owner), name) for owner, name in self._names_reaching_seeds()} - self.reaching
            if not more:
                break
            self.reaching |= more

    # -- what sets a seed -----------------------------------------------------------------------------------------

    def sets_seed(self, function: ast.expr, scope: Scope) -> bool:
        """Whether a library function sets a seed; the target's own functions are inspected instead."""
        if self._own_parameters(function, scope) is not None:
            return False
        path = self.names.path(function, scope)
        name = path.rpartition(".")[2] or last_name(function)
        return path in SEEDING_PATHS or name in SEEDING or (seed_like(name) and not name.startswith(GETTERS))

    def seeds_in_call(self, call: ast.Call, scope: Scope) -> list[ast.AST]:
        """Return the arguments that a call uses as seeds; the call itself when the system chooses the seed."""
        name = last_name(call.func)
        if self.sets_seed(call.func, scope):
            values: list[ast.AST] = [*call.args, *(k.value for k in call.keywords if k.arg not in HARMLESS)]
            name = self.names.path(call.func, scope).rpartition(".")[2] or name
            return values or ([call] if name in UNSEEDED else [])
        values = [k.value for k in call.keywords if k.arg and not is_none(k.value) and (
            seed_like(k.arg) or (k.arg in STREAMS and _is_number(k.value)))]  # fmt: skip
        if name in SETTERS and any(names_seed(argument) for argument in call.args):
            values += [k.value for k in call.keywords if k.arg == "default"] or call.args[-1:]
        if (own := self._own_parameters(call.func, scope)) is not None:
            values += self._seed_arguments(call, own)
            if seed_like(name) and not values:
                values += [*call.args, *(k.value for k in call.keywords)]
        return list(dict.fromkeys(values))

    def binds_seed(self, binding: Binding) -> bool:
        """Whether a binding gives a seed a value other than the controller's seed."""
        kind, value, scope = binding.kind, binding.value, binding.scope
        if kind in ("delete", "definition", "import") or value is None or (kind == "parameter" and is_none(value)):
            return False
        target = binding.target
        if isinstance(target, ast.Subscript):
            named = names_seed(target.slice)
        else:
            named = seed_like(target.attr if isinstance(target, ast.Attribute) else binding.name)
        # loop variables are excepted, because most loops share the name i
        reaching = kind != "loop" and bool(binding.name) and self._reaches(binding.name, scope.owner_of(binding.name))
        # a parameter's default is evaluated outside of its function
        outside = scope.parent or scope if kind == "parameter" else scope
        return (named or reaching) and (kind == "change" or not self.is_controllers_seed(value, outside))

    def passed_as_value(self, node: ast.expr, scope: Scope) -> bool:
        """Whether a name or attribute that is not called is a seeding function."""
        path = self.names.path(node, scope)
        name = path.rpartition(".")[2] or last_name(node)
        if path in ("random.seed", "numpy.random.seed"):
            return True
        if name in SEEDING_EVERYWHERE and (path or isinstance(node, ast.Attribute)):
            return True
        own = self.functions.get(node.id) if isinstance(node, ast.Name) else None
        if own is None or not all(isinstance(b.node, ast.FunctionDef) for b in self.names.bindings_of(name, scope)):
            return False
        return any(self._is_seed(name, owner) for name, owner in own)

    # -- whose seed it is ------------------------------------------------------------------------------------------

    def is_controllers_seed(self, value: ast.AST, scope: Scope, depth: int = 8) -> bool:
        """Whether an expression is the controller's seed, or a seed parameter (the calls that fill it are checked instead)."""
        if isinstance(value, ast.Call) and isinstance(value.func, ast.Name) and value.func.id == "int":
            return len(value.args) == 1 and not value.keywords and self.is_controllers_seed(value.args[0], scope, depth)
        if not isinstance(value, ast.Name):
            return public_path(self.names.path(value, scope)) == f"{PACKAGE}.seed"
        bound = self.names.bindings_of(value.id, scope)
        return depth > 0 and bool(bound) and all(self._binds_controllers_seed(each, depth) for each in bound)

    def _binds_controllers_seed(self, binding: Binding, depth: int) -> bool:
        if binding.kind == "import":
            return public_path(binding.path) == f"{PACKAGE}.seed"
        if binding.kind == "parameter":
            named = self._is_seed(binding.name, binding.scope)
            return named and isinstance(binding.node, ast.FunctionDef | ast.AsyncFunctionDef)
        if binding.kind == "value" and binding.value is not None:
            return self.is_controllers_seed(binding.value, binding.scope, depth - 1)
        return False

    def _is_seed(self, name: str, owner: Scope) -> bool:
        return seed_like(name) or self._reaches(name, owner)

    def _reaches(self, name: str, owner: Scope | None) -> bool:
        return owner is not None and (id(owner), name) in self.reaching

    def _names_reaching_seeds(self) -> Iterator[tuple[Scope, str]]:
        """Yield the names that reach a seed through arithmetic, with their scopes."""
        values = [(b.value, b.scope) for b in self.names.bindings if b.value is not None and self.binds_seed(b)]
        for item in self.names.nodes:
            if isinstance(item.node, ast.Call):
                values += [(value, item.scope) for value in self.seeds_in_call(item.node, item.scope)]
        for value, scope in values:
            for name in _arithmetic(value):
                owner = scope.owner_of(name)
                bound = owner.bindings.get(name, []) if owner is not None else []
                if owner is not None and all(b.kind in ("value", "part", "change", "parameter") for b in bound):
                    yield owner, name

    # -- the target's own functions --------------------------------------------------------------------------------

    def _own_functions(self) -> dict[str, list[tuple[str, Scope]]]:
        """Return the parameters (without ``self``) of the target's functions, methods and classes, by the callable's name."""
        inner = {id(b.scope.node): b.scope for b in self.names.bindings if b.kind == "parameter"}
        found = {}
        for binding in self.names.bindings:
            node = binding.node
            if binding.kind != "definition" or not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                continue
            parameters = [(argument.arg, inner[id(node)]) for argument, _ in arguments(node)]
            owner = binding.scope.node
            if isinstance(owner, ast.ClassDef):
                parameters = parameters[1:]
                if node.name == "__init__":
                    found[owner.name] = parameters
            found[node.name] = parameters
        return found

    def _own_parameters(self, function: ast.expr, scope: Scope) -> list[tuple[str, Scope]] | None:
        """Return the parameters of a function of the target; None for other functions, such as a module's of the same name."""
        return None if self.names.path(function, scope) else self.functions.get(last_name(function))

    def _seed_arguments(self, call: ast.Call, own: list[tuple[str, Scope]]) -> list[ast.AST]:
        """Return the arguments of a call that fill seed parameters."""
        seeds = [self._is_seed(name, owner) for name, owner in own]
        by_name = {name for (name, _), seed in zip(own, seeds, strict=True) if seed}
        filled = [value for value, seed in zip(call.args, seeds, strict=False) if seed]
        filled += [k.value for k in call.keywords if k.arg in by_name]
        return [value for value in filled if not is_none(value)]


def public_path(path: str) -> str:
    """Return the public path of a member: ``autoresearch_magic.seed`` for ``autoresearch_magic.runtime.seed``."""
    return path.replace(f"{PACKAGE}.runtime.", f"{PACKAGE}.", 1)


def last_name(node: ast.AST) -> str:
    """Return the last name of an expression: ``b`` for ``a.b``; empty when it does not end in a name."""
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""


def is_none(value: ast.AST) -> bool:
    """Whether an expression is ``None``."""
    return isinstance(value, ast.Constant) and value.value is None


def names_seed(key: ast.AST | None) -> bool:
    """Whether a string literal names a seed, as a dictionary key or an option such as ``--random-seed`` does."""
    if not isinstance(key, ast.Constant) or not isinstance(key.value, str):
        return False
    name = key.value.lstrip("-").replace("-", "_")
    return name.isidentifier() and seed_like(name)


def _is_number(value: ast.AST) -> bool:
    return isinstance(value, ast.Constant) and isinstance(value.value, int)


def _arithmetic(value: ast.AST) -> Iterator[str]:
    """Yield the names from which an expression is computed by arithmetic."""
    match value:
        case ast.Name(id=name):
            yield name
        case ast.BinOp() | ast.UnaryOp() | ast.IfExp() | ast.Tuple() | ast.List():
            for child in ast.iter_child_nodes(value):
                yield from _arithmetic(child)
        case ast.Call(func=ast.Name(id="int" | "abs"), args=args):
            for argument in args:
                yield from _arithmetic(argument)
