"""What Python imports in verify and guard: honest programs as ever, and nothing that a run has left in place of a module."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from autoresearch_magic.runners.imports import FOLDER, digest_of, modules_list, runs_python, with_hook, write_list

PYTHON = sys.executable


@pytest.fixture
def folder(tmp_path):
    made = tmp_path / "run"
    made.mkdir()
    return made.resolve()


def write(folder, files):
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)


def run(folder, files, *arguments, frozen=(), left=None, learn=False, also=(), environment=None):
    """Run Python in a folder that has the files of a version, and those that somebody has left there since."""
    write(folder, files)
    digests = {name: digest_of(files[name].encode()) for name in frozen}
    listed = write_list(folder.with_name("list"), modules_list(str(folder), files, digests, also=also, learn=learn))
    write(folder, left or {})
    started = folder.with_name("started")
    given = {"PATH": os.environ["PATH"], "PYTHONDONTWRITEBYTECODE": "1", **(environment or {})}
    done = subprocess.run(
        arguments if arguments[0].startswith("/") else [PYTHON, *arguments],
        cwd=folder, env=listed.environment(given, started), capture_output=True, text=True, check=False,
    )  # fmt: skip
    noted = started.read_text().split() if started.exists() else []
    return done.stdout + done.stderr, noted


HELPER = {"bench.py": "import helper\nprint(helper.value)\n", "helper.py": "value = 7\n"}


def test_a_script_finds_its_neighbours(folder):
    assert run(folder, HELPER, "bench.py", frozen=["bench.py", "helper.py"]) == ("7\n", ["."])


def test_a_module_of_a_package_runs_by_its_name(folder):
    files = {
        "pkg/__init__.py": "",
        "pkg/bench.py": "from . import helper\nprint(helper.value)\n",
        "pkg/helper.py": "value = 7\n",
    }
    assert run(folder, files, "-m", "pkg.bench", frozen=list(files))[0] == "7\n"


def test_a_source_folder_in_the_users_own_path(folder):
    files = {
        "bench.py": "import app.core\nprint(app.core.value)\n",
        "src/app/__init__.py": "",
        "src/app/core.py": "value = 7\n",
    }
    assert run(folder, files, "bench.py", environment={"PYTHONPATH": "src"})[0] == "7\n"


def test_a_namespace_package(folder):
    files = {"bench.py": "import spread.one\nprint(spread.one.value)\n", "spread/one.py": "value = 7\n"}
    assert run(folder, files, "bench.py", frozen=["spread/one.py"])[0] == "7\n"


@pytest.mark.slow
def test_pytest_finds_tests_and_their_conftest(folder):
    files = {
        "conftest.py": "import pytest\n@pytest.fixture\ndef two():\n    return 2\n", "src/app.py": "def double(x):\n    return 2 * x\n",
        "tests/test_app.py": "import sys\nsys.path.insert(0, 'src')\nfrom app import double\ndef test_it(two):\n    assert double(two) == 4\n",
    }  # fmt: skip
    assert (
        "1 passed"
        in run(
            folder, files, "-m", "pytest", "-q", "-p", "no:cacheprovider", frozen=["conftest.py", "tests/test_app.py"]
        )[0]
    )


def test_a_module_of_the_repository_stands_before_one_of_the_library_where_the_user_has_it_so(folder):
    files = {"bench.py": "import statistics\nprint(statistics.value)\n", "statistics.py": "value = 7\n"}
    assert run(folder, files, "bench.py", frozen=["statistics.py"])[0] == "7\n"


def test_what_is_generated_is_imported_where_nothing_else_has_the_name(folder):
    files = {
        "bench.py": "open('made_by_run.py', 'w').write('value = 7')\nimport made_by_run\nprint(made_by_run.value)\n"
    }
    assert run(folder, files, "bench.py")[0] == "7\n"


def test_a_compiled_module_beside_its_source_is_used(folder):
    import _struct

    files = {
        "bench.py": "import app\nprint(app.fast.__file__)\n",
        "app/__init__.py": "from . import fast\n",
        "app/fast.py": "value = 1\n",
    }
    suffix = ".cpython-" + "".join(map(str, sys.version_info[:2]))
    if not getattr(_struct, "__file__", None):
        pytest.skip("this Python has no module of its library in a file")
    write(folder, {"app/__init__.py": ""})
    # Not loaded, because its name is another one: that it is chosen shows in the error.
    end = next(
        each
        for each in __import__("importlib.machinery").machinery.EXTENSION_SUFFIXES
        if suffix in each or each == ".so"
    )
    (folder / f"app/fast{end}").write_bytes(Path(_struct.__file__).read_bytes())
    assert "fast" in run(folder, files, "bench.py", frozen=["app/fast.py"])[0]
    assert "dynamic module does not define module export function" in run(folder, files, "bench.py")[0]


def test_the_systems_own_sitecustomize_runs_too(folder, tmp_path):
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "sitecustomize.py").write_text("import builtins\nbuiltins.own = 7\n")
    found = run(folder, {"bench.py": "print(own)\n"}, "bench.py", environment={"PYTHONPATH": str(tmp_path / "own")})
    assert found == ("7\n", ["."])


def test_an_isolated_python_is_as_ever_and_not_noted(folder):
    assert run(folder, {"bench.py": "print(7)\n"}, "-I", "bench.py") == ("7\n", [])


def test_a_list_that_cannot_be_read_changes_nothing(folder):
    write(folder, HELPER)
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(FOLDER), "AUTORESEARCH_IMPORTS": "/nowhere:1"}
    done = subprocess.run(
        [PYTHON, "bench.py"], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    assert (done.stdout, done.stderr) == ("7\n", "")


LATER = {
    "a standard module": ("import colorsys\nprint(colorsys.__file__)\n", {"colorsys.py": ""}),
    "an installed package": ("import pytest\nprint(pytest.__file__)\n", {"pytest.py": ""}),
    "a package over an installed package": ("import pytest\nprint(pytest.__file__)\n", {"pytest/__init__.py": ""}),
}  # fmt: skip


@pytest.mark.parametrize("what", LATER)
def test_what_was_left_does_not_stand_before(folder, what):
    bench, left = LATER[what]
    found = run(folder, {"bench.py": bench}, "bench.py", left=left)[0]
    assert found.strip().endswith(".py")
    assert str(folder) not in found


def test_a_sitecustomize_that_was_left_is_not_run(folder):
    found = run(
        folder,
        {"bench.py": "print(7)\n"},
        "bench.py",
        left={"src/sitecustomize.py": "print('no')"},
        environment={"PYTHONPATH": "src"},
    )
    assert found[0] == "7\n"


def test_a_frozen_module_has_the_content_that_it_had(folder):
    found = run(folder, HELPER, "bench.py", frozen=["helper.py"], left={"helper.py": "value = 0\n"})[0]
    assert "helper.py was changed after the run began: it is frozen" in found
    assert run(folder, HELPER, "bench.py", left={"helper.py": "value = 0\n"})[0] == "0\n"


def test_no_package_stands_before_a_frozen_module(folder):
    found = run(folder, HELPER, "bench.py", frozen=["helper.py"], left={"helper/__init__.py": "value = 0\n"})[0]
    assert found == "7\n"


def test_no_compiled_code_that_was_left_is_used(folder):
    write(folder, {"other": "value = 0\n"})
    code = "import py_compile, importlib.util as u; py_compile.compile('other', u.cache_from_source('helper.py'), invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH)"
    subprocess.run([PYTHON, "-c", code], cwd=folder, check=True)
    assert run(folder, HELPER, "bench.py", frozen=["helper.py"])[0] == "7\n"
    assert run(folder, HELPER, "bench.py")[0] == "7\n"


def test_the_list_must_be_the_one_that_was_written(folder):
    write(folder, HELPER)
    listed = write_list(folder.with_name("list"), modules_list(str(folder), HELPER, {}))
    listed.path.write_bytes(b"/\ncheck\n\n")
    environment = listed.environment({"PATH": os.environ["PATH"]}, folder.with_name("started"))
    done = subprocess.run(
        [PYTHON, "bench.py"], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert "was changed after the run began" in done.stderr


def test_the_unchanged_version_imports_as_ever_and_shows_what_is_its_own(folder):
    bench = {"bench.py": "open('colorsys.py', 'w').write('value = 7')\nimport colorsys\nprint(colorsys.value)\n"}
    printed, noted = run(folder, bench, "bench.py", learn=True)
    assert (printed, sorted(noted)) == ("7\n", [".", "colorsys"])
    assert run(folder, bench, "bench.py", also=["colorsys"])[0] == "7\n"


@pytest.mark.parametrize(
    ("command", "changed"),
    [
        ("PYTHONPATH=src python bench.py", True), ("A=1 PYTHONPATH=src python bench.py", True), ("cd x && PYTHONPATH=src python b.py", True),
        ("export PYTHONPATH=src:$PYTHONPATH; python b.py", True), ("env PYTHONPATH=src python b.py", True), ("PYTHONPATH= python b.py", False),
        ("PYTHONPATH='' python b.py", False), ("python b.py --note PYTHONPATH=src", False), ("echo $PYTHONPATH", False), ("MYPYTHONPATH=src python b.py", False),
    ],
)  # fmt: skip
def test_a_command_that_sets_the_path_keeps_the_hook(command, changed):
    found = with_hook(command)
    assert (found != command) is changed
    assert found.replace(f"{FOLDER}:", "") == command


def test_which_commands_start_python():
    assert all(map(runs_python, ("python b.py", "cd x && python3.12 -m b", "/usr/bin/python b.py", "uv run pytest -q")))
    assert not any(map(runs_python, ("make bench", "node bench.js", "cargo bench", "echo pythonic")))
