"""Imports run one way: each room may import only the rooms before it, and no modules import each other in a circle."""

import ast
import functools
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import autoresearch_magic

PACKAGE = Path(autoresearch_magic.__file__).parent

ROOMS: list[set[str]] = [
    {"keys"}, {"root"}, {"source"}, {"judging", "storage"}, {"runners"}, {"config"}, {"agents"}, {"study"}, {"ui"},
]  # fmt: skip
"""The order of docs/architecture.md, from the bottom; rooms in one set stand side by side and may not import each other."""

RANK = {room: i for i, rooms in enumerate(ROOMS) for room in rooms}
MODULES = {
    ".".join(path.relative_to(PACKAGE).with_suffix("").parts).removesuffix("__init__").removesuffix("."): path
    for path in sorted(PACKAGE.rglob("*.py"))
    if "skills" not in path.relative_to(PACKAGE).parts
}


def room(module: str) -> str:
    """Return the room of a module: the folder below the package, or ``root``."""
    first = module.partition(".")[0]
    if first == "__main__":  # the command line
        return "ui"
    return first if first in RANK else "root"


def statements(node: ast.AST) -> Iterator[ast.stmt]:
    """Yield the statements in a node, also those in others: a walk through all expressions takes five times as long."""
    for field in ("body", "orelse", "finalbody", "handlers", "cases"):
        for inner in getattr(node, field, ()):
            if isinstance(inner, ast.stmt):
                yield inner
            yield from statements(inner)


@functools.cache
def imports(module: str) -> list[tuple[str, int]]:
    """Return the modules of the package that a module imports, also inside of functions, with the line."""
    return list(_imports(module, MODULES[module]))


def _imports(module: str, path: Path) -> Iterator[tuple[str, int]]:
    package = module.split(".") if path.name == "__init__.py" else module.split(".")[:-1]
    for node in statements(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.level:
            base = [*package[: len(package) - node.level + 1], *(node.module or "").split(".")]
            name = ".".join(part for part in base if part)
            for alias in node.names:
                inner = f"{name}.{alias.name}".strip(".")
                yield (inner if inner in MODULES else name), node.lineno
        elif isinstance(node, ast.Import | ast.ImportFrom):
            names = [node.module or ""] if isinstance(node, ast.ImportFrom) else [alias.name for alias in node.names]
            for name in names:
                assert not name.startswith(PACKAGE.name), f"{path}:{node.lineno} imports the package by its name"


IMPORTERS = [module for module in MODULES if module]
"""The package's own ``__init__`` is left out: it looks names up in any room when they are first asked for."""


def test_every_folder_of_the_package_is_a_room():
    folders = {module.partition(".")[0] for module in MODULES if "." in module}
    assert folders == set(RANK) - {"root"}


@pytest.mark.parametrize("name", sorted(RANK))
def test_imports_run_downward(name):
    upward = [
        f"{module}:{line} imports {other}"
        for module in IMPORTERS
        if room(module) == name
        for other, line in imports(module)
        if room(other) != name and RANK[room(other)] >= RANK[name]
    ]
    assert not upward


def test_no_modules_import_each_other_in_a_circle():
    done: set[str] = set()

    def visit(module: str, path: tuple[str, ...]) -> None:
        assert module not in path, " -> ".join([*path[path.index(module) :], module])
        if module not in done:
            for other, _ in imports(module) if module in IMPORTERS else ():
                visit(other, (*path, module))
            done.add(module)

    for module in IMPORTERS:
        visit(module, ())


def loaded(code: str, names: tuple[str, ...]) -> list[str]:
    """Return which of some modules a fresh interpreter has loaded after running code."""
    code += f"\nimport sys\nprint(*[name for name in {names} if name in sys.modules])"
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()


@pytest.mark.slow
def test_only_the_jupyter_modules_load_notebook_libraries_and_no_module_loads_a_vendors_sdk():
    core = [f"{PACKAGE.name}.{module}".strip(".") for module in MODULES if not module.startswith("ui.jupyter")]
    code = f"import importlib\nfor name in {core}: importlib.import_module(name)"
    assert loaded(code, ("IPython", "ipywidgets", "anywidget", "anthropic", "openai", "torch")) == []


def test_an_experiment_that_imports_the_clock_loads_no_heavy_library():
    code = "from autoresearch_magic import clock, report, seed"
    assert loaded(code, ("pandas", "matplotlib", "optuna", "git", "scipy")) == []
