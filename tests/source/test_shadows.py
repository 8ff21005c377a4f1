"""Files that would decide by their names alone what runs."""

import pytest

from autoresearch_magic.source.shadows import configures_tests, measures, needed_modules, refused_addition

TRACKED = ("bench.py", "src/app.py", "src/pkg/__init__.py", "src/pkg/a.py", "tests/test_app.py", "tools/run.py")
FROZEN = ("bench.py", "tests/test_app.py", "tools/run.py")


@pytest.mark.parametrize(
    ("path", "why"),
    [
        ("src/sitecustomize.py", "before every program"), ("usercustomize.py", "before every program"),
        ("src/json.py", "the module json"), ("src/json/__init__.py", "the module json"), ("random.py", "the module random"),
        ("src/time.cpython-311-x86_64-linux-gnu.so", "the module time"), ("src/pytest.py", "the module pytest"),
        ("src/pytest/__main__.py", ""), ("src/helper.py", "the module helper"), ("tools/json.py", "the module json"),
        ("src/pkg/json.py", ""), ("src/pkg/helper.py", ""), ("src/new.py", ""), ("src/app/__init__.py", ""), ("src/app2.py", ""),
        ("pytest.ini", "obey"), ("src/conftest.py", "obey"), ("src/jest.config.mjs", "obey"), ("src/x.pth", "obey"), ("tox.ini", "obey"),
        ("pyproject.toml", "obey"), ("src/setup.cfg", "obey"), (".coveragerc", "obey"), ("src/.cargo/config.toml", "obey"),
        ("src/__pycache__/app.cpython-311.pyc", "compiled"), ("src/node_modules/left-pad/index.js", "installed"),
        ("SRC/App.py", "capital letters"), ("src/data.json", ""), ("src/config.toml", ""), ("src/makefile.py", ""),
    ],
)  # fmt: skip
def test_additions(path, why):
    found = refused_addition(path, TRACKED, FROZEN, {"helper"})
    assert why in found
    assert bool(why) is bool(found)


def test_what_frozen_files_import_and_the_target_does_not_provide():
    frozen = {"bench.py": "import app, helper\nfrom pkg.a import x\nimport numpy.linalg\n", "run.sh": "import no\n"}
    assert needed_modules(frozen, ["src/app.py", "src/pkg/a.py"]) == {"helper", "numpy"}


def test_configuration_of_tests_and_modules_that_measure():
    assert [each for each in ("pytest.ini", "a/vitest.config.ts", "setup.py", "tests.py") if configures_tests(each)] == [
        "pytest.ini", "a/vitest.config.ts",
    ]  # fmt: skip
    named = (
        "src/metrics.py",
        "src/bench_utils.py",
        "my_timer.py",
        "src/app.py",
        "src/sometimes.py",
        "evaluate/model.py",
    )
    assert [each for each in named if measures(each)] == ["src/metrics.py", "src/bench_utils.py", "my_timer.py"]
