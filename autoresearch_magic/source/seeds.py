"""Detection of code that sets a random seed, other than to the controller's own `seed`.

The controller is the process that runs the study. Seeds are recognised by the names of functions, arguments and variables, and
followed through arithmetic and through the target's own functions. `integrity` says what follows for proposals, and what is
not detected.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from .knob_names import seed_like
from .name_binding import Binding, Names, Scope, ScopedNode, arguments

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

_FOLLOWED = {"value", "part", "change", "parameter"}
"""Kinds of bindings whose names are followed back from a seed."""

_Key = tuple[int, str]
"""The id of the scope that binds a name, and the name."""


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
        self.reaching: set[_Key] = set()  # names that reach a seed
        self._asked: set[_Key] = set()  # names that do not, as far as is known, although something depends on it
        self._answers: dict[tuple[int, str, int], tuple[bool, set[_Key]]] = {}
        self._takes_seed: dict[str, bool] = {}
        self._follow_seeds()

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
        if own is None or not isinstance(node, ast.Name) or not self.names.bindings_of(name, scope).only_functions:
            return False
        if node.id not in self._takes_seed:
            self._takes_seed[node.id] = any(self._is_seed(name, owner) for name, owner in own.items())
        return self._takes_seed[node.id]

    # -- whose seed it is ------------------------------------------------------------------------------------------

    def is_controllers_seed(self, value: ast.AST, scope: Scope, depth: int = 8) -> bool:
        """Whether an expression is the controller's seed, or a seed parameter (the calls that fill it are checked instead)."""
        if isinstance(value, ast.Call) and isinstance(value.func, ast.Name) and value.func.id == "int":
            return len(value.args) == 1 and not value.keywords and self.is_controllers_seed(value.args[0], scope, depth)
        if not isinstance(value, ast.Name):
            return public_path(self.names.path(value, scope)) == f"{PACKAGE}.seed"
        owner = scope.owner_of(value.id)
        if owner is None or depth == 0:
            return False
        key = (id(owner), value.id, depth)
        if key not in self._answers:  # names that are bound and read often would take very long otherwise
            before, self._asked = self._asked, set()
            bound = owner.bindings.get(value.id, ())
            answer = bool(bound) and all(self._binds_controllers_seed(each, depth) for each in bound)
            self._answers[key], self._asked = (answer, self._asked), before
        answer, asked = self._answers[key]
        self._asked |= asked
        return answer

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
        if owner is None:
            return False
        if (key := (id(owner), name)) in self.reaching:
            return True
        self._asked.add(key)
        return False

    def _follow_seeds(self) -> None:
        """Find the names that reach a seed through arithmetic; each round follows them one step further back.

        After the first round only those bindings and calls are looked at that depend on a name found in the round before, so
        that a chain of many names takes no more time than as many names without one.
        """
        todo: list[Binding | ScopedNode] = [binding for binding in self.names.bindings if binding.value is not None]
        todo += [item for item in self.names.nodes if isinstance(item.node, ast.Call)]
        asking: dict[_Key, dict[Binding | ScopedNode, None]] = {}  # what depends on a name
        followed: set[tuple[int, int]] = set()
        while todo:
            found: dict[_Key, None] = {}
            for item in todo:
                self._asked = set()
                values = self._seeds_of(item)
                for key in self._asked:
                    asking.setdefault(key, {})[item] = None
                for value in values:
                    if (step := (id(value), id(item.scope))) not in followed:
                        followed.add(step)
                        found |= dict.fromkeys(self._names_in(value, item.scope))
            more = [key for key in found if key not in self.reaching]
            self.reaching.update(more)
            self._answers.clear()
            todo = list(dict.fromkeys(item for key in more for item in asking.pop(key, ())))

    def _seeds_of(self, item: Binding | ScopedNode) -> list[ast.AST]:
        """Return the values that a binding or a call uses as seeds."""
        if isinstance(item, Binding):
            return [item.value] if item.value is not None and self.binds_seed(item) else []
        return self.seeds_in_call(item.node, item.scope) if isinstance(item.node, ast.Call) else []

    def _names_in(self, value: ast.AST, scope: Scope) -> Iterator[_Key]:
        """Yield the names from which a seed is computed, as far as they can be followed."""
        for name in _arithmetic(value):
            owner = scope.owner_of(name)
            if owner is not None and (name not in owner.bindings or owner.bindings[name].kinds <= _FOLLOWED):
                yield id(owner), name

    # -- the target's own functions --------------------------------------------------------------------------------

    def _own_functions(self) -> dict[str, dict[str, Scope]]:
        """Return the parameters (without ``self``) of the target's functions, methods and classes, by the callable's name."""
        inner = {id(b.scope.node): b.scope for b in self.names.bindings if b.kind == "parameter"}
        found = {}
        for binding in self.names.bindings:
            node = binding.node
            if binding.kind != "definition" or not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                continue
            names = [argument.arg for argument, _ in arguments(node)]
            owner = binding.scope.node
            in_class = isinstance(owner, ast.ClassDef)
            parameters = {name: inner[id(node)] for name in names[in_class:]}
            if isinstance(owner, ast.ClassDef) and node.name == "__init__":
                found[owner.name] = parameters
            found[node.name] = parameters
        return found

    def _own_parameters(self, function: ast.expr, scope: Scope) -> dict[str, Scope] | None:
        """Return the parameters of a function of the target; None for other functions, such as a module's of the same name."""
        return None if self.names.path(function, scope) else self.functions.get(last_name(function))

    def _seed_arguments(self, call: ast.Call, own: dict[str, Scope]) -> list[ast.AST]:
        """Return the arguments of a call that fill seed parameters."""
        filled = [value for value, each in zip(call.args, own.items(), strict=False) if self._is_seed(*each)]
        filled += [k.value for k in call.keywords if k.arg in own and self._is_seed(k.arg, own[k.arg])]
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
    todo = [value]
    while todo:  # no recursion, because a sum may have thousands of terms
        match node := todo.pop():
            case ast.Name(id=name):
                yield name
            case ast.BinOp() | ast.UnaryOp() | ast.IfExp() | ast.Tuple() | ast.List():
                todo.extend(ast.iter_child_nodes(node))
            case ast.Call(func=ast.Name(id="int" | "abs"), args=args):
                todo.extend(args)
