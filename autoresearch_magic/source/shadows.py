"""New files that would decide what runs by their names alone: a module in place of another one, or a configuration that a tool finds.

What measures imports ``json``, ``numpy`` or a helper by name, and Python takes the first file of that name on its path. So a proposal
may not add such a file, unless the scope names it literally.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Collection, Mapping
from pathlib import PurePosixPath

from .edits import imported_modules
from .files import is_python

_STARTED = {"sitecustomize", "usercustomize", "antigravity_startup"}
"""Modules that Python imports before a program begins."""
_TOOLS = {
    "pytest", "_pytest", "pluggy", "py", "iniconfig", "coverage", "pytest_cov", "xdist", "hypothesis", "unittest", "nose", "nose2", "tox", "nox",
    "mypy", "ruff", "flake8", "pylint", "numpy", "scipy", "pandas", "torch", "sklearn", "jax", "tensorflow", "pkg_resources", "setuptools", "pip",
    "pyperf", "pytest_benchmark", "asv", "packaging", "exceptiongroup", "pygments", "yaml", "tqdm",
}  # fmt: skip
"""Packages that measure, or that what measures is made of."""
_TEST_CONFIGURATION = re.compile(
    r"conftest\.py|\.?pytest\.(ini|toml)|tox\.ini|\.coveragerc(\..*)?|\.?noxfile\.py|"
    r"\.?(jest|vitest|mocha|karma|cypress|playwright|ava|nyc|c8)(\.(config|conf|setup|workspace))?\.([cm]?[jt]s|json|ya?ml)|"
    r"\.(mocharc|nycrc|taprc)(\..*)?|ctesttestfile\.cmake|ctestcustom\.cmake|phpunit\.xml(\.dist)?|\.rspec|.*\.runsettings|\.config/nextest\.toml",
    re.IGNORECASE,
)
"""Files by which tools are told which tests to run, and how."""
_CONFIGURATION = re.compile(
    r".*\.pth|setup\.cfg|pyproject\.toml|pyvenv\.cfg|\.python-version|\.env|\.envrc|\.npmrc|\.yarnrc(\.ya?ml)?|\.pnpmfile\.c?js|bunfig\.toml|"
    r"babel\.config\..*|\.babelrc(\..*)?|\.swcrc|package\.json|\.cargo|(gnu)?makefile|\.?justfile|taskfile\.ya?ml|cmake(user)?presets\.json|"
    r"directory\.build\.(props|targets|rsp)|nuget\.config|global\.json|\.gitattributes|\.gitignore|\.gitmodules|\.bash_?(rc|profile|env)|\.profile|\.inputrc|\.pdbrc",
    re.IGNORECASE,
)
"""Files that other tools look for and obey."""
_MEASURES = re.compile(
    r"(bench(mark)?(s|ing)?|measur(e|es|ing|ement)|metrics?|scor(e|es|ing|er)|eval(uate|uation|uator|s)?|tim(er|ing|eit)|harness|judge|grader?|"
    r"verify|validate|validation|checker|baseline|profil(e|er|ing))"
)


def configures_tests(path: str) -> bool:
    """Return whether a file tells a test runner, by its name, which tests to run and how."""
    return bool(_TEST_CONFIGURATION.fullmatch(PurePosixPath(path).name))


def refused_addition(path: str, tracked: Collection[str], frozen: Collection[str], needed: Collection[str]) -> str:
    """Return why a file may not be added, in words that follow "It adds PATH, "; empty when it may.

    Parameters
    ----------
    path : str
    tracked : collection of str
        All files of the repository.
    frozen : collection of str
        Those that no proposal may change.
    needed : collection of str
        Top-level modules that frozen files import and that the target does not provide (`needed_modules`).
    """
    place = PurePosixPath(path)
    if any(_CONFIGURATION.fullmatch(part) or configures_tests(part) for part in place.parts):
        return "which tools find by its name and obey"
    if path.lower() in {each.lower() for each in tracked}:
        return "whose name differs from another file's in capital letters only"
    if "__pycache__" in place.parts or place.suffix in (".pyc", ".pyo"):
        return "which Python takes for a compiled module"
    if "node_modules" in place.parts:
        return "which node takes for an installed package"
    if place.suffix not in (".py", ".pyw", ".so", ".pyd"):
        return ""
    name, folder = place.name.partition(".")[0], place.parent
    while name == "__init__" and folder.name:
        name, folder = folder.name, folder.parent
    if name in _STARTED:
        return f"which Python imports before every program, as {name}"
    scripts = any(PurePosixPath(each).parent == folder and is_python(each) for each in frozen)
    in_package = str(folder) != "." and str(folder / "__init__.py") in tracked
    if (name in sys.stdlib_module_names or name in _TOOLS or name in needed) and (scripts or not in_package):
        return f"which could stand in place of the module {name}"
    return ""


def needed_modules(frozen: Mapping[str, str], target: Collection[str]) -> set[str]:
    """Return the top-level modules that frozen files import, without those that the target provides.

    Parameters
    ----------
    frozen : Mapping[str, str]
        Paths to contents.
    target : collection of str
        The target's files.
    """
    names = {
        name.partition(".")[0] for path, text in frozen.items() if is_python(path) for name in imported_modules(text)
    }
    return names - {part.removesuffix(".py") for path in target for part in PurePosixPath(path).parts}


def measures(path: str) -> bool:
    """Return whether a module measures, judging by its name: a bench that imports it may take its number from there."""
    words = PurePosixPath(path).stem.lower().strip("_").split("_")
    return any(_MEASURES.fullmatch(word) for word in (words[0], words[-1]))
