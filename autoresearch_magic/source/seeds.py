"""What in a source is a seed, and whether it is the controller's own.

Seeds are found by their names, and followed through plain arithmetic and the source's own functions. `integrity` says what
that means for a proposal, and what is not seen.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from .constants import seed_like
from .name_binding import Binding, Names, Scope, arguments

PACKAGE = "autoresearch_magic"

SEEDING = {"default_rng", "PRNGKey", "SeedSequence", "PCG64", "PCG64DXSM", "MT19937", "Philox", "SFC64", "setstate",
           "set_rng_state", "set_rng_state_all"}  # fmt: skip
"""Names of functions that set a seed and do not look like it, whatever they are a member of."""
SEEDING_PATHS = {"random.Random", "jax.random.key", "numpy.random.set_state"}
"""The same, for names that mean other things elsewhere."""
UNSEEDED = {"seed", "seed_all", "default_rng", "Random", "RandomState", "SeedSequence", "PCG64", "PCG64DXSM", "MT19937",
            "Philox", "SFC64"}  # fmt: skip
"""Without an argument these take a seed from the system, another one in each run."""
HANDED_ON = {
    "manual_seed",
    "manual_seed_all",
    "set_seed",
    "set_random_seed",
    "seed_everything",
    "default_rng",
    "PRNGKey",
}
"""Functions that set a seed wherever they are called: a mention is as good as a call."""
GETTERS = ("get_", "initial_")
"""How names begin that only tell a seed."""
HARMLESS = {"device", "dtype", "deterministic", "workers", "verbose"}
"""Arguments of such functions that leave the stream as it is."""
STREAMS = {"rng", "generator"}
"""Arguments that take a generator, and in some libraries a seed."""
SETTERS = {"setattr", "setdefault", "add_argument", "__setattr__"}
"""Functions that take the name of what they set as text."""


class Seeds:
    """The seeds of one source.

    Parameters
    ----------
    names : Names
    """

    def __init__(self, names: Names) -> None:
        self.names = names
        self.functions = self._own_functions()
        self.fed: set[tuple[int, str]] = set()  # scopes and names of what reaches a seed
        while True:  # each round follows the names of the last one a step further
            more = {(id(home), name) for home, name in self._feeding()} - self.fed
            if not more:
                break
            self.fed |= more

    # -- what sets one ---------------------------------------------------------------------------------------------

    def seeding(self, function: ast.expr, scope: Scope) -> bool:
        """Whether a function is there to set a seed, and none of the source's own, which are looked into instead."""
        if self._own(function, scope) is not None:
            return False
        path = self.names.path(function, scope)
        name = path.rpartition(".")[2] or last(function)
        return path in SEEDING_PATHS or name in SEEDING or (seed_like(name) and not name.startswith(GETTERS))

    def in_call(self, call: ast.Call, scope: Scope) -> list[ast.AST]:
        """Return what a call uses as seeds; the call itself where it lets the system choose."""
        name = last(call.func)
        if self.seeding(call.func, scope):
            values: list[ast.AST] = [*call.args, *(k.value for k in call.keywords if k.arg not in HARMLESS)]
            name = self.names.path(call.func, scope).rpartition(".")[2] or name
            return values or ([call] if name in UNSEEDED else [])
        values = [k.value for k in call.keywords if k.arg and not is_none(k.value) and (
            seed_like(k.arg) or (k.arg in STREAMS and _is_number(k.value)))]  # fmt: skip
        if name in SETTERS and any(names_seed(argument) for argument in call.args):
            values += [k.value for k in call.keywords if k.arg == "default"] or call.args[-1:]
        if (own := self._own(call.func, scope)) is not None:
            values += self._filled(call, own)
            if seed_like(name) and not values:
                values += [*call.args, *(k.value for k in call.keywords)]
        return list(dict.fromkeys(values))

    def bound_by(self, binding: Binding) -> bool:
        """Whether a binding puts something into a seed that is not the controller's."""
        how, value, scope = binding.how, binding.value, binding.scope
        if how in ("delete", "definition", "import") or value is None or (how == "parameter" and is_none(value)):
            return False
        target = binding.target
        if isinstance(target, ast.Subscript):
            named = names_seed(target.slice)
        else:
            named = seed_like(target.attr if isinstance(target, ast.Attribute) else binding.name)
        home = scope.home(binding.name) if binding.name else None
        # a loop's variable that feeds a seed is most often called i, and so are others
        fed = how != "loop" and home is not None and (id(home), binding.name) in self.fed
        outside = scope.parent or scope if how == "parameter" else scope  # a default is read outside its function
        return (named or fed) and (how == "change" or not self.controllers(value, outside))

    def handed_on(self, node: ast.expr, scope: Scope) -> bool:
        """Whether a name or attribute that is not called is a function that sets a seed."""
        path = self.names.path(node, scope)
        name = path.rpartition(".")[2] or last(node)
        if path in ("random.seed", "numpy.random.seed"):
            return True
        if name in HANDED_ON and (path or isinstance(node, ast.Attribute)):
            return True
        own = self.functions.get(node.id) if isinstance(node, ast.Name) else None
        if own is None or not all(isinstance(b.node, ast.FunctionDef) for b in self.names.of(name, scope)):
            return False
        return any(self._is_seed(name, home) for name, home in own)

    # -- whose it is -----------------------------------------------------------------------------------------------

    def controllers(self, value: ast.AST, scope: Scope, depth: int = 8) -> bool:
        """Whether an expression is the controller's seed, or a parameter, whose callers are looked at instead."""
        if isinstance(value, ast.Call) and isinstance(value.func, ast.Name) and value.func.id == "int":
            return len(value.args) == 1 and not value.keywords and self.controllers(value.args[0], scope, depth)
        if not isinstance(value, ast.Name):
            return own_path(self.names.path(value, scope)) == f"{PACKAGE}.seed"
        bound = self.names.of(value.id, scope)
        return depth > 0 and bool(bound) and all(self._trusted(each, depth) for each in bound)

    def _trusted(self, binding: Binding, depth: int) -> bool:
        if binding.how == "import":
            return own_path(binding.path) == f"{PACKAGE}.seed"
        if binding.how == "parameter":
            named = self._is_seed(binding.name, binding.scope)
            return named and isinstance(binding.node, ast.FunctionDef | ast.AsyncFunctionDef)
        if binding.how == "value" and binding.value is not None:
            return self.controllers(binding.value, binding.scope, depth - 1)
        return False

    def _is_seed(self, name: str, home: Scope) -> bool:
        return seed_like(name) or (id(home), name) in self.fed

    def _feeding(self) -> Iterator[tuple[Scope, str]]:
        """Yield the names that reach a seed by plain arithmetic."""
        values = [(b.value, b.scope) for b in self.names.bindings if b.value is not None and self.bound_by(b)]
        for place in self.names.places:
            if isinstance(place.node, ast.Call):
                values += [(value, place.scope) for value in self.in_call(place.node, place.scope)]
        for value, scope in values:
            for name in _arithmetic(value):
                home = scope.home(name)
                bound = home.bindings.get(name, []) if home is not None else []
                if home is not None and all(b.how in ("value", "part", "change", "parameter") for b in bound):
                    yield home, name

    # -- the source's own functions --------------------------------------------------------------------------------

    def _own_functions(self) -> dict[str, list[tuple[str, Scope]]]:
        """Return the parameters of functions, methods and classes by their name, without ``self``."""
        inner = {id(b.scope.node): b.scope for b in self.names.bindings if b.how == "parameter"}
        found = {}
        for binding in self.names.bindings:
            node = binding.node
            if binding.how != "definition" or not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                continue
            told = [(argument.arg, inner[id(node)]) for argument, _ in arguments(node)]
            owner = binding.scope.node
            if isinstance(owner, ast.ClassDef):
                told = told[1:]
                if node.name == "__init__":
                    found[owner.name] = told
            found[node.name] = told
        return found

    def _own(self, function: ast.expr, scope: Scope) -> list[tuple[str, Scope]] | None:
        """Return the parameters of a function of the source's own; a module's member of the same name is none."""
        return None if self.names.path(function, scope) else self.functions.get(last(function))

    def _filled(self, call: ast.Call, own: list[tuple[str, Scope]]) -> list[ast.AST]:
        """Return what a call puts into parameters that are seeds."""
        seeds = [self._is_seed(name, home) for name, home in own]
        by_name = {name for (name, _), seed in zip(own, seeds, strict=True) if seed}
        filled = [value for value, seed in zip(call.args, seeds, strict=False) if seed]
        filled += [k.value for k in call.keywords if k.arg in by_name]
        return [value for value in filled if not is_none(value)]


def own_path(path: str) -> str:
    """Return ``autoresearch_magic.seed`` for ``autoresearch_magic.runtime.seed``, which is the same."""
    return path.replace(f"{PACKAGE}.runtime.", f"{PACKAGE}.", 1)


def last(node: ast.AST) -> str:
    """Return the name that an expression ends with; empty where there is none."""
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""


def is_none(value: ast.AST) -> bool:
    """Whether an expression is ``None``."""
    return isinstance(value, ast.Constant) and value.value is None


def names_seed(key: ast.AST | None) -> bool:
    """Whether a literal is the name of a seed: a key, or an option such as ``--random-seed``."""
    if not isinstance(key, ast.Constant) or not isinstance(key.value, str):
        return False
    name = key.value.lstrip("-").replace("-", "_")
    return name.isidentifier() and seed_like(name)


def _is_number(value: ast.AST) -> bool:
    return isinstance(value, ast.Constant) and isinstance(value.value, int)


def _arithmetic(value: ast.AST) -> Iterator[str]:
    """Yield the names in an expression that is a number made of numbers."""
    match value:
        case ast.Name(id=name):
            yield name
        case ast.BinOp() | ast.UnaryOp() | ast.IfExp() | ast.Tuple() | ast.List():
            for child in ast.iter_child_nodes(value):
                yield from _arithmetic(child)
        case ast.Call(func=ast.Name(id="int" | "abs"), args=args):
            for argument in args:
                yield from _arithmetic(argument)
