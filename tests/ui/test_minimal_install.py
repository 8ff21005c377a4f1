"""A base install runs a repository study in a terminal; what else is missing is said in one line."""

import os
import subprocess
import sys

import pytest

from ..kernels import begin
from ..repositories import commit, run_git

OPTIONAL = (
    "IPython", "anthropic", "anywidget", "ipykernel", "ipywidgets", "jupyterlab", "markdown_it", "matplotlib", "mcp", "nbclient", "nbformat", "openai", "pandas",
    "torch",
)  # fmt: skip
BASE = (
    f"import sys; sys.modules.update(dict.fromkeys({OPTIONAL!r})); "  # an import of a None raises ModuleNotFoundError
)


def base_install(code, folder):
    return subprocess.run(
        [sys.executable, "-c", BASE + code],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=120,
        env=dict(os.environ),
    )


@pytest.mark.slow
def test_a_repository_study_in_a_terminal(tmp_path):
    repository = tmp_path / "r"
    repository.mkdir()
    run_git(repository, "init", "--quiet")
    program = "Goal: lower the cost\nScope: f.py\nMetric: cost\nDirection: lower\nVerify: python v.py\nIterations: 3\n"
    verify = "import f\nprint('cost:', (f.N - 20) ** 2)\n"
    commit(repository, {"f.py": "N = 7  # 1 .. 40\n", "v.py": verify, "program.md": program})
    cli = "from autoresearch_magic.ui.cli import main; sys.exit(main({}))".format
    done = base_install(cli(["run", "program.md"]), repository)
    assert done.returncode == 0, done.stderr
    assert "cost" in done.stdout
    assert "picture   none without matplotlib: pip install matplotlib" in done.stdout
    assert base_install(cli(["export", "a.csv"]), repository).returncode == 0
    assert (repository / "a.csv").read_text().startswith("experiment,verdict,value")
    refused = base_install(cli(["export", "a.ipynb"]), repository)
    assert (refused.returncode, refused.stderr) == (
        2,
        "autoresearch: An exported notebook needs nbformat: pip install nbformat\n",
    )
    [study] = (repository / ".autoresearch").glob("*-cost")
    frame = base_install(f"from autoresearch_magic import open_study; open_study({str(study)!r}).history", repository)
    assert "needs pandas: pip install pandas" in frame.stderr


def test_the_import_loads_no_heavy_package(tmp_path):
    heavy = [*OPTIONAL, "optuna", "scipy", "numpy", "git", "sqlalchemy"]
    code = f"import autoresearch_magic; print([m for m in {heavy!r} if sys.modules.get(m)])"
    assert base_install(code, tmp_path).stdout.strip() == "[]"


@pytest.mark.slow
def test_the_mcp_server_without_its_package_says_what_to_install(tmp_path):
    refused = base_install("from autoresearch_magic.ui.cli import main; sys.exit(main(['mcp']))", tmp_path)
    said = "autoresearch: The MCP server needs the official SDK, version 2 or newer: pip install 'mcp>=2.0'\n"
    assert (refused.returncode, refused.stdout, refused.stderr) == (2, "", said)


@pytest.mark.slow
def test_a_notebook_without_the_widget_packages_says_what_to_install(start_kernel):
    kernel = start_kernel()
    kernel.run("import sys; sys.modules['anywidget'] = None\n%load_ext autoresearch_magic")
    begun = begin(kernel)
    assert "no live panel without anywidget: pip install anywidget ipywidgets" in begun.said
    waited = kernel.run("%autoresearch wait")
    assert waited.status == "ok", waited.text
    assert any("image/png" in data for data in waited.updates)
