import json
import shlex
import subprocess
import sys

import nbformat
import pytest
from nbformat import v4

from autoresearch_magic.study.opening import open_study
from autoresearch_magic.ui.cli import main

TARGET = "X = 3.0\nloss = (X - 1) ** 2\n"


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "program.md").write_text("---\nmetric: loss\nbudget: 1s\nexperiments: 4\nrepeats: 2\n---\n# Lower it\n")
    (tmp_path / "train.py").write_text(TARGET)
    return tmp_path


@pytest.mark.slow
def test_run_a_program_and_show_it(folder, capsys):
    assert main(["run", "program.md", "--target", "train.py", "--name", "one"]) == 0
    out = capsys.readouterr().out
    assert "Lower it" in out
    assert ".autoresearch/one/results.tsv" in out
    assert main(["status"]) == 0
    assert "one: finished" in capsys.readouterr().out
    assert main(["history", "--kept"]) == 0
    assert "baseline" in capsys.readouterr().out
    assert main(["show", "0"]) == 0
    assert main(["export", "h.json"]) == 0
    assert len(json.loads((folder / "h.json").read_text())) == 5
    assert main(["report", "r.md"]) == 0
    assert main(["resume", "one", "-n", "5"]) == 0
    assert "5/5 experiments" in capsys.readouterr().err


@pytest.mark.slow
def test_exit_code_3_for_a_budget_spent_without_improvement(folder, capsys):
    (folder / "train.py").write_text("X = True\nloss = 1.0\n")
    assert main(["run", "program.md", "--target", "train.py", "-n", "1"]) == 3


@pytest.mark.slow
def test_exit_code_3_where_chance_may_explain_the_result(folder, capsys):
    """The one experiment has a lucky run; when best and baseline are measured again, they are alike."""
    (folder / "train.py").write_text(
        f"import pathlib\nX = 3.0\nruns = pathlib.Path({str(folder / 'runs')!r})\nn = len(runs.read_text()) if runs.exists() else 0\n"
        "_ = runs.write_text('.' * (n + 1))\nloss = 0.9 if n == 2 else (1.0, 1.1)[n // 2 % 2]\n"
    )
    words = [
        "run",
        "program.md",
        "--target",
        "train.py",
        "-n",
        "1",
        "--judge",
        "strict",
        "--repeats",
        "2",
        "--name",
        "luck",
        "--sandbox",
        "off",
    ]
    assert main(words) == 3
    out = capsys.readouterr().out
    assert "which chance may explain" in out
    assert "Chance may explain this: no improvement is shown (exit code 3)." in out


@pytest.mark.slow
def test_exit_code_4_for_a_regression(folder, capsys):
    assert main(["run", "program.md", "--target", "train.py", "--name", "one"]) == 0
    best = open_study("one", ".autoresearch").incumbent.number
    assert main(["regression", str(best), "0", "--samples", "2"]) == 4
    assert capsys.readouterr().out.splitlines()[-1].startswith("UNSTABLE: ")
    assert main(["regression", "0", str(best), "--samples", "2"]) == 0


def test_exit_codes_2_for_wrong_usage_and_1_for_failures(folder, capsys):
    for words in (["dance"], ["run"], ["run", "program.md"], ["run", "none.ipynb"], ["status"], ["show"],
                  ["run", "program.md", "--target", "train.py", "--budget", "soon"]):  # fmt: skip
        assert main(words) == 2, words
        err = capsys.readouterr().err
        assert len(err.strip().splitlines()) == 1, err
    (folder / "train.py").write_text("X = 1.0\n1/0\n")
    assert main(["run", "program.md", "--target", "train.py"]) == 1
    assert "ZeroDivisionError" in capsys.readouterr().err


def test_help(capsys):
    assert main([]) == 0
    assert "autoresearch [--root FOLDER] COMMAND" in capsys.readouterr().out
    assert main(["run", "-h"]) == 0
    assert "--metric" in capsys.readouterr().out


def notebook(path, *cells):
    nbformat.write(v4.new_notebook(cells=[v4.new_code_cell(c) for c in cells]), path)


@pytest.mark.slow
def test_run_a_notebook(folder, capsys):
    notebook(
        folder / "nb.ipynb",
        "%load_ext autoresearch_magic",
        f"%%autoresearch target\n{TARGET}",
        "%%autoresearch --metric loss --budget 1s -n 3 --repeats 2\n# Lower it",
        "%autoresearch wait",
    )
    assert main(["run", "nb.ipynb"]) == 0
    out = capsys.readouterr().out
    assert "nb.executed.ipynb" in out
    executed = nbformat.read(folder / "nb.executed.ipynb", as_version=4)
    pictures = [o for c in executed.cells for o in c.outputs if "image/png" in o.get("data", {})]
    assert pictures, "the saved notebook shows its picture"
    assert "loss" in pictures[0]["data"]["text/plain"]


@pytest.mark.slow
def test_a_failing_cell_is_exit_code_1_and_one_line(folder, capsys):
    notebook(folder / "nb.ipynb", "%load_ext autoresearch_magic", "%autoresearch start")
    assert main(["run", "nb.ipynb"]) == 1
    err = [line for line in capsys.readouterr().err.splitlines() if line.startswith("autoresearch:")]
    assert len(err) == 1
    assert "No target yet" in err[0]


@pytest.mark.slow
def test_a_notebook_runs_under_a_long_runtime_path(folder, monkeypatch):
    runtime = folder / ("deep" * 20) / ("deeper" * 10)
    runtime.mkdir(parents=True)
    monkeypatch.setenv("JUPYTER_RUNTIME_DIR", str(runtime))
    notebook(folder / "nb.ipynb", "1 + 1")
    assert main(["run", "nb.ipynb"]) == 0


@pytest.mark.slow
def test_plan_evals_and_regression_on_the_command_line(folder, capsys):
    assert main(["plan", "program.md", "--target", "train.py", "--repeats", "2", "--budget", "0.2s"]) == 0
    out = capsys.readouterr().out
    assert "The target runs" in out
    assert "Cost: nothing" in out
    assert not (folder / ".autoresearch").exists()
    assert main(["run", "program.md", "--target", "train.py", "-n", "4", "--budget", "0.2s"]) in (0, 3)
    capsys.readouterr()
    assert main(["evals"]) == 0
    assert "Keep rate" in capsys.readouterr().out
    code = main(["regression", "0", "1", "--samples", "2"])
    verdict = capsys.readouterr().out.strip().splitlines()[-1].partition(":")[0]
    assert code == {"STABLE": 0, "UNDECIDED": 3, "UNSTABLE": 4}[verdict]
    assert main(["regression", "0", "1", "--samples", "many"]) == 2
    assert "whole number" in capsys.readouterr().err


@pytest.mark.slow
def test_a_closed_pipe_is_no_error(tmp_path):
    code = "import sys; from autoresearch_magic.ui import cli; sys.exit(cli.main(['skills']))"
    line = f"{shlex.quote(sys.executable)} -c {shlex.quote(code)} | true"
    done = subprocess.run(["sh", "-c", line], cwd=tmp_path, capture_output=True, text=True)
    assert done.stderr == ""
