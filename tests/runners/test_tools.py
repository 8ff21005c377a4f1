"""Which Python and which packages the commands of a study find."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from autoresearch_magic.runners import tools as tools_module
from autoresearch_magic.runners.tools import find_tools, missing_module, packages

SITE = f"lib/python{sys.version_info.major}.{sys.version_info.minor}/site-packages"
FILES = ["src/slug/__init__.py", "bench.py", "tests/test_slug.py"]
BASE = os.path.realpath(getattr(sys, "_base_executable", sys.executable))


def make_venv(folder):
    """Make a virtual environment without pip: what counts is pyvenv.cfg beside the interpreter's folder."""
    (folder / "bin").mkdir(parents=True)
    (folder / SITE).mkdir(parents=True)
    (folder / "bin" / "python").symlink_to(BASE)
    (folder / "pyvenv.cfg").write_text(f"home = {os.path.dirname(BASE)}\n")
    return folder / SITE


@pytest.fixture
def checkout(tmp_path):
    folder = tmp_path / "repo"
    (folder / "src" / "slug").mkdir(parents=True)
    (folder / "src" / "slug" / "__init__.py").write_text("WHERE = __file__\n")
    (folder / "bench.py").write_text("import slug\nprint(slug.WHERE)\n")
    return folder


def find(checkout, *commands, tracked=FILES, linked=(), ignored=(), path="/usr/bin:/bin", **environment):
    worktree = checkout / ".autoresearch" / "one" / "worktree"
    return find_tools(
        checkout, worktree, tracked, commands or ["python bench.py"], {"PATH": path, **environment}, linked, ignored
    )


def worktree_of(checkout, tools):
    """Make the worktree, as `Export` would."""
    folder = checkout / ".autoresearch" / "one" / "worktree"
    shutil.copytree(checkout / "src", folder / "src")
    shutil.copy(checkout / "bench.py", folder)
    for name in tools.linked:
        (folder / name).symlink_to(checkout / name)
    return folder


def test_the_users_python_comes_first_and_this_one_last(checkout, tmp_path):
    own = tmp_path / "bin"
    own.mkdir()
    (own / "python").symlink_to(sys.executable)
    tools = find(checkout, path=f"{own}:/usr/bin:/bin")
    assert tools.environment["PATH"].split(":") == [str(own), "/usr/bin", "/bin", os.path.dirname(sys.executable)]
    assert tools.linked == ()
    assert (
        shutil.which("python", path=find(checkout, path=str(tmp_path / "none")).environment["PATH"]) == sys.executable
    )


@pytest.mark.parametrize("name", [".venv", "venv"])
def test_the_repositorys_environment_is_linked_and_comes_before_the_path(checkout, name):
    site = make_venv(checkout / name)
    (site / "parcel.py").write_text("X = 1\n")
    tools = find(checkout)
    folder = worktree_of(checkout, tools)
    assert tools.linked == (name,)
    assert tools.environment["PATH"].startswith(f"{folder / name / 'bin'}:/usr/bin")
    assert tools.environment["VIRTUAL_ENV"] == str(folder / name)
    assert tools.environment["UV_PROJECT_ENVIRONMENT"] != str(checkout / name)
    done = subprocess.run(
        ["python", "-c", "import parcel, sys; print(parcel.X, sys.prefix)"], cwd=folder, env=tools.environment, capture_output=True,
        text=True, check=True,
    )  # fmt: skip
    assert done.stdout.split() == ["1", str(folder / name)]
    assert any(f"Linked from your checkout: {name}." in line for line in tools.describe())
    assert f"{checkout / name / 'bin' / 'python'} (" in tools.describe()[0]


@pytest.mark.slow
@pytest.mark.parametrize("editable", ["path", "finder"])
def test_a_repository_that_is_installed_in_editable_form_is_imported_from_the_worktree(checkout, editable):
    site = make_venv(checkout / ".venv")
    if editable == "path":
        (site / "__editable__.slug-1.0.pth").write_text(f"{checkout / 'src'}\n")
    else:
        (site / "__editable___slug_finder.py").write_text(
            f"import sys\nfrom importlib.machinery import PathFinder\nMAPPING = {{'slug': {str(checkout / 'src' / 'slug')!r}}}\n"
            "class Finder:\n    @staticmethod\n    def find_spec(name, path=None, target=None):\n"
            f"        return PathFinder.find_spec(name, [{str(checkout / 'src')!r}]) if name in MAPPING else None\n"
            "def install():\n    sys.meta_path.append(Finder)\n"
        )
        (site / "__editable__.slug-1.0.pth").write_text(
            "import __editable___slug_finder; __editable___slug_finder.install()\n"
        )
    tools = find(checkout, PYTHONPATH="/mine")
    folder = worktree_of(checkout, tools)
    assert tools.environment["PYTHONPATH"] == f"{folder / 'src'}:/mine"
    done = subprocess.run(
        ["python", "bench.py"], cwd=folder, env=tools.environment, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == str(folder / "src" / "slug" / "__init__.py")
    assert any("its modules are taken from the worktree" in line for line in tools.describe())


def test_a_manager_of_environments_keeps_its_own(checkout):
    make_venv(checkout / ".venv")
    tools = find(checkout, "uv run bench.py")
    assert tools.linked == ()
    assert ".venv is not linked: uv makes an environment of its own in the worktree." in tools.describe()
    assert "What uv run starts has the Python that uv chooses." in tools.describe()
    assert find(checkout, "uv run bench.py", linked=[".venv/"]).environment["VIRTUAL_ENV"], "the user has linked it"


def test_a_tracked_or_broken_environment_is_left_alone(checkout):
    assert find(checkout, tracked=[*FILES, "venv/bin/python"]).linked == ()
    (checkout / ".venv" / "bin").mkdir(parents=True)
    (checkout / ".venv" / "bin" / "python").symlink_to("/nowhere/python")
    assert find(checkout).linked == ()


@pytest.mark.slow
def test_node_modules_are_linked_unless_the_command_installs(checkout):
    (checkout / "node_modules" / "left").mkdir(parents=True)
    tools = find(checkout, "npm test")
    assert tools.mirrored == ("node_modules",)
    assert "Linked from your checkout: node_modules." in tools.describe()[1]
    assert find(checkout, linked=["node_modules"]).mirrored == ()
    assert find(checkout, tracked=[*FILES, "node_modules/left/x.js"]).mirrored == ()
    assert find(checkout, ignored=["packages/a/node_modules", "build"]).mirrored == (
        "node_modules",
        "packages/a/node_modules",
    )
    for command, installer in (
        ("npm ci && npm test", "npm ci"),
        ("cd . && yarn && yarn test", "yarn"),
        ("pnpm i; pnpm test", "pnpm i"),
    ):
        tools = find(checkout, command)
        assert tools.mirrored == ()
        assert f"node_modules: not linked, because the command installs packages ({installer})." in tools.describe()


@pytest.mark.slow
def test_an_environment_is_not_linked_where_the_command_would_change_it(checkout):
    make_venv(checkout / ".venv")
    for command, installer in (("pip install -q -e . && python bench.py", "pip install"), ("poetry install && poetry run pytest", "poetry install"),
                               ("python -m pip install x; pytest", "pip install")):  # fmt: skip
        tools = find(checkout, command)
        assert tools.linked == ()
        assert any(
            f".venv is not linked: the command installs packages ({installer})." in line for line in tools.describe()
        )
    assert find(checkout, "poetry run pytest").linked == (".venv",)


def test_a_python_that_does_not_start_is_told(checkout, tmp_path):
    own = tmp_path / "bin"
    own.mkdir()
    (own / "python").write_text("#!/bin/sh\nexit 3\n")
    (own / "python").chmod(0o755)
    tools = find(checkout, path=f"{own}:/usr/bin:/bin")
    assert f"python: {own / 'python'} (it does not start)." in tools.describe()[0]


def test_a_python_that_hangs_is_not_waited_for(checkout, tmp_path, monkeypatch):
    monkeypatch.setattr(tools_module, "PROBE_SECONDS", 0.1)
    own = tmp_path / "bin"
    own.mkdir()
    (own / "python").write_text("#!/bin/sh\ntrap '' TERM\nsleep 300 &\nsleep 300\n")
    (own / "python").chmod(0o755)
    assert "it does not start" in find(checkout, path=f"{own}:/usr/bin:/bin").describe()[0]


def test_installed_packages_are_seen_and_caches_are_not(checkout):
    site = make_venv(checkout / ".venv")
    (site / "parcel").mkdir()
    before = packages(checkout / ".venv")
    (site / "parcel" / "__pycache__").mkdir()
    (site / "__pycache__").mkdir()
    assert packages(checkout / ".venv") == before
    (site / "new-1.0.dist-info").mkdir()
    assert packages(checkout / ".venv").keys() - before.keys() == {f"{SITE}/new-1.0.dist-info"}
    assert packages(checkout / "nowhere") == {}


# -- modules that are missing -------------------------------------------------------------------------------------------------

MISSING = "Traceback (most recent call last):\n  File \"bench.py\"\nModuleNotFoundError: No module named '{}'\n"


def missing(checkout, name, command="python bench.py", output=MISSING, path="/usr/bin:/bin"):
    tools = find(checkout, command, path=path)
    return missing_module(output.format(name), command, tools, checkout, FILES)


@pytest.mark.slow
def test_a_missing_module_names_the_interpreter_and_the_remedy(checkout):
    make_venv(checkout / ".venv")
    python = str(checkout / ".venv" / "bin" / "python")
    assert missing(checkout, "no_such_module_x") == (
        f"{python} has no module 'no_such_module_x': install it there, with  {python} -m pip install no_such_module_x"
    )
    assert missing(checkout, "optuna.samplers").endswith(
        f"; {sys.executable} has it: write that path in the command, or put its folder first in PATH."
    )
    assert missing(checkout, "slug").endswith("; it is in the repository: write  PYTHONPATH=src  before the command.")
    assert missing(checkout, "pytest", output=f"{python}: No module named {{}}\n").startswith(
        f"{python} has no module 'pytest'"
    )
    (checkout / "secretly.py").write_text("")
    assert missing(checkout, "secretly").endswith(
        "; secretly.py is in your checkout, but git does not track it: commit it, or give --link secretly.py."
    )
    assert missing(checkout, "x", output="No module here: {}\n") == ""


def test_the_interpreter_of_a_program_is_read_from_its_first_line(checkout, tmp_path):
    own = tmp_path / "bin"
    own.mkdir()
    (own / "checker").write_text("#!/opt/other/bin/python3\n")
    (own / "checker").chmod(0o755)
    said = missing(checkout, "no_such_module_x", "timeout 9 checker src | tail -1", path=f"{own}:/usr/bin:/bin")
    assert said.startswith("/opt/other/bin/python3 has no module")
    assert missing(checkout, "no_such_module_x", "make bench").startswith("the interpreter has no module")
    assert missing(checkout, "no_such_module_x", "uv run bench.py").startswith(
        "the environment of uv run has no module"
    )
    assert Path(own / "checker").exists()
