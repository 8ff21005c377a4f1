"""The command line in a real shell: exit codes, the two outputs, in an empty folder, with a wrong name, in a closed pipe."""

import json
import math
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from autoresearch_magic.study.study import Study
from autoresearch_magic.ui.commands.table import COMMANDS
from autoresearch_magic.ui.session import Place

from ..command_line import shell
from ..studies import QUICK, finish

DOCS = Path(__file__).parents[2] / "docs" / "command-line.md"
SHELL = COMMANDS[Place.SHELL]
OF_STUDY = {
    "status": [], "history": [], "show": ["0"], "diff": ["1"], "best": [], "evals": [], "briefing": [], "report": [],
    "export": ["out.csv"], "restore": ["1"], "apply": [], "say": ["hello"], "pause": [], "stop": [], "wait": [], "resume": [],
    "ideas": [], "regression": ["0", "1"], "ablate": [], "again": ["0"], "branch": ["0"], "watch": [],
    "try": ["an idea"], "finish": [], "import": [], "track": ["tensorboard"],
}  # fmt: skip
"""The commands that look at a study, with arguments that they need."""
ONE_AFTER_ANOTHER = """
import contextlib, io, json, sys
from autoresearch_magic.ui.cli import main
told = []
for words in json.loads(sys.argv[1]):
    with contextlib.redirect_stdout(io.StringIO()) as out, contextlib.redirect_stderr(io.StringIO()) as err:
        code = main(words)
    told.append((words, code, out.getvalue(), err.getvalue()))
print(json.dumps(told))
"""
"""Carries out command lines in one process, and prints what came of each."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder with a finished study, ``night``."""
    made = tmp_path_factory.mktemp("shell")
    study = Study("# Lower it", QUICK, metric="loss", minimize=True, budget="0.05s", experiments=3, repeats=2, name="night",
                  root=made / ".autoresearch")  # fmt: skip
    finish(study)
    (made / "program.md").write_text(
        "---\nmetric: loss\nminimize: true\nbudget: 0.1s\nexperiments: 2\nrepeats: 2\n---\n# Lower it\n"
    )
    (made / "train.py").write_text(QUICK)
    return made


def one_line(done, code, pattern):
    assert done.returncode == code, done
    assert done.stdout == "", done
    assert len(done.stderr.strip().splitlines()) == 1, done.stderr
    assert done.stderr.startswith("autoresearch: ")
    assert re.search(pattern, done.stderr), done.stderr
    assert "%autoresearch" not in done.stderr


@pytest.mark.slow
def test_every_command_that_looks_at_a_study_is_tried(folder):
    assert {name for name, each in SHELL.items() if any("--study" in a.flags for a in each.arguments)} - {
        "mcp",
        "repair",
    } == set(OF_STUDY)


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(OF_STUDY))
def test_without_a_study_and_with_a_wrong_name(name, tmp_path, folder):
    one_line(
        shell(tmp_path, name, *OF_STUDY[name]),
        2,
        "There is no study in .autoresearch: (start|begin) one with  autoresearch (run|begin)",
    )
    assert not (tmp_path / ".autoresearch").exists()
    one_line(
        shell(folder, name, *OF_STUDY[name], "--study", "nihgt"), 2, "There is no study 'nihgt' .*did you mean night"
    )


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(SHELL))
def test_help_needs_no_study_and_names_no_magic(name, tmp_path):
    done = shell(tmp_path, name, "-h")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(f"usage: autoresearch {name} ")
    assert "%autoresearch" not in done.stdout


@pytest.mark.slow
@pytest.mark.parametrize("words", [
    ["status"], ["history", "--kept"], ["show", "0"], ["diff", "0", "1"], ["best"], ["evals"], ["ideas"], ["briefing"], ["agents"], ["skills"],
    ["report"], ["say", "be", "bold"], ["stop"], ["wait"], ["restore", "0"], ["help"], ["help", "show"], [], ["--version"],
])  # fmt: skip
def test_answers_go_to_the_standard_output_alone(folder, words):
    done = shell(folder, *words)
    assert (done.returncode, done.stderr) == (0, ""), done
    assert done.stdout.strip()
    assert "%autoresearch" not in done.stdout
    assert "\r" not in done.stdout
    assert "object at 0x" not in done.stdout


@pytest.mark.slow
def test_usage_errors(folder):
    one_line(shell(folder, "histroy"), 2, "did you mean history")
    one_line(shell(folder, "show"), 2, r"required: N.*See  autoresearch show -h")
    one_line(shell(folder, "show", "77"), 2, "There is no experiment 77 in night")
    one_line(shell(folder, "status", "night", "--study", "day"), 2, "Two studies are named")
    one_line(shell(folder, "pause"), 2, "nothing to pause")
    one_line(shell(folder, "apply"), 2, "autoresearch restore N")
    one_line(shell(folder, "resume"), 2, "go on with  autoresearch resume night -n")
    one_line(shell(folder, "--root"), 2, "--root takes a folder")
    assert shell(folder, "--root=.autoresearch", "status").returncode == 0


@pytest.mark.slow
def test_a_folder_that_cannot_be_written_is_one_line(folder, tmp_path):
    (tmp_path / "file").write_text("no folder")
    done = shell(folder, "--root", str(tmp_path / "file" / "studies"), "run", "program.md", "--target", "train.py")
    one_line(done, 2, "Cannot write")


@pytest.fixture
def reader(folder):
    """A copy of the folder that may be read alone, and a function that runs the command line in it."""
    with tempfile.TemporaryDirectory(prefix="ar-read-only-") as made:
        copy = Path(made) / "copy"
        shutil.copytree(folder, copy)
        user = {"user": 65534, "group": 65534, "extra_groups": []} if os.geteuid() == 0 else {}
        for path in (Path(made), copy, *copy.rglob("*")):
            path.chmod(0o555 if path.is_dir() else 0o444)

        def run(*lines):
            return subprocess.run(
                [sys.executable, "-c", ONE_AFTER_ANOTHER, json.dumps(lines)], cwd=copy, capture_output=True, text=True, timeout=120,
                env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1", "HOME": made}, **user,
            )  # fmt: skip

        try:
            usable = run().returncode == 0
        except PermissionError:
            usable = False
        if not usable:
            pytest.skip("another user cannot run this Python")
        yield lambda *lines: [subprocess.CompletedProcess(*each) for each in json.loads(run(*lines).stdout)]
        for path in (Path(made), copy, *(path for path in copy.rglob("*") if path.is_dir())):
            path.chmod(0o755)


@pytest.mark.slow
def test_what_may_only_be_read_can_be_looked_at_and_not_changed(reader):
    for done in reader(["status"], ["history"], ["show", "0"], ["evals"], ["restore", "0"], ["best", "--json"]):
        assert (done.returncode, done.stderr) == (0, ""), done
    for done in reader(["report"], ["export", "x.csv"], ["resume", "-n", "9"], ["regression", "0", "1"], ["say", "hi"], ["ideas", "add", "hi"],
                       ["restore", "0", "--to", "z.py"], ["run", "program.md", "--target", "train.py"]):  # fmt: skip
        one_line(done, 2, "Cannot write ")


@pytest.mark.slow
def test_a_run_prints_progress_as_lines_and_its_result_alone(folder, tmp_path):
    for name in ("program.md", "train.py"):
        (tmp_path / name).write_text((folder / name).read_text())
    done = shell(tmp_path, "run", "program.md", "--target", "train.py")
    assert "\r" not in done.stderr
    assert all(re.match(r" *\d+%  |loss ", line) for line in done.stderr.splitlines()), done.stderr
    assert "100%" in done.stderr
    assert ".autoresearch" in done.stdout
    assert "%" not in re.sub(r"\d+%\)|\d+% interval", "", done.stdout.splitlines()[0])


@pytest.mark.slow
def test_a_study_without_an_experiment_does_not_hide_a_finished_one(folder, tmp_path):
    subprocess.run(["cp", "-r", str(folder / ".autoresearch"), str(tmp_path)], check=True)
    for name in ("program.md", "train.py"):
        (tmp_path / name).write_text((folder / name).read_text())
    (tmp_path / "train.py").write_text("raise OSError('no data')\nX = 1.0\nloss = X\n")
    assert shell(tmp_path, "run", "program.md", "--target", "train.py", "--name", "broken").returncode == 1
    status = shell(tmp_path, "status")
    assert status.stdout.startswith("night: finished")
    assert "A later study, broken, has no finished experiment: --study broken shows it." in status.stdout
    assert shell(tmp_path, "status", "broken").stdout.startswith("broken: failed")
    assert "X = 3.0" in shell(tmp_path, "show", "0").stdout


@pytest.mark.slow
@pytest.mark.parametrize(
    "command", ["history", "show 0", "briefing", "skills", "status --json", "run program.md --target train.py"]
)
def test_a_closed_pipe_is_no_error(folder, command):
    line = f"{shlex.quote(sys.executable)} -m autoresearch_magic {command} | true; echo ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", line], cwd=folder, capture_output=True, text=True, timeout=120)
    assert done.stdout.strip() in ("0", "141")
    assert "Traceback" not in done.stderr
    assert "BrokenPipe" not in done.stderr


@pytest.mark.slow
def test_no_colour_is_written_where_nobody_sees_it(tmp_path):
    import nbformat
    from nbformat import v4

    cells = [v4.new_code_cell("1 / 0")]
    nbformat.write(v4.new_notebook(cells=cells), tmp_path / "n.ipynb")
    done = shell(tmp_path, "run", "n.ipynb", env={"NO_COLOR": "1"})
    assert done.returncode == 1
    assert "ZeroDivisionError" in done.stderr
    assert "\x1b" not in done.stderr
    assert "\r" not in done.stderr


@pytest.mark.slow
def test_restore_prints_or_writes_and_overwrites_nothing_else(folder, tmp_path):
    printed = shell(folder, "restore", "0").stdout
    assert printed.strip() == QUICK.strip()
    path = tmp_path / "new.py"
    assert shell(folder, "restore", "1", "--to", str(path)).returncode == 0
    version = path.read_text()
    assert version != QUICK
    assert shell(folder, "restore", "0", "--to", str(path)).returncode == 0
    assert path.read_text() == QUICK
    path.write_text("my own work")
    one_line(shell(folder, "restore", "0", "--to", str(path)), 2, "move it away first")
    assert path.read_text() == "my own work"


def documented(command):
    """Return the fields that the documentation names for a command's object."""
    row = next(
        line
        for line in DOCS.read_text().splitlines()
        if line.startswith("| `") and f"`{command}`" in line.split("|")[1]
    )
    return set(re.findall(r"`([a-z_]+)`", re.sub(r"\([^)]*\)", "", row.split("|", 2)[2].split(";")[0])))


@pytest.mark.slow
@pytest.mark.parametrize("words", [
    ["status"], ["history"], ["show", "1"], ["best"], ["evals"], ["ideas", "add", "wider layers"], ["regression", "0", "1", "--samples", "2"],
    ["plan", "program.md", "--target", "train.py"], ["report"],
])  # fmt: skip
def test_json_is_one_object_with_the_documented_fields(folder, words):
    done = shell(folder, *words, "--json")

    def refuse(constant):
        raise AssertionError(f"{constant} is no JSON")

    told = json.loads(done.stdout, parse_constant=refuse)
    from autoresearch_magic.study.export import COLUMNS

    fields = documented(words[0]) | {"metric"} | (set() if words[0] == "plan" else {"study"})
    if words[0] in ("show", "best"):
        fields |= set(COLUMNS)
    assert set(told) == fields
    if words[0] == "history":
        assert set(told["experiments"][0]) == set(COLUMNS)
    assert told["metric"] == {"name": "loss", "direction": "minimize"}


def test_values_without_a_number_are_null(tmp_path):
    from autoresearch_magic.ui.facts import plain

    assert plain({"a": math.nan, "b": (math.inf, 1.5, None), 3: {"x"}}) == {
        "a": None,
        "b": [None, 1.5, None],
        "3": ["x"],
    }
    assert plain(tmp_path) == str(tmp_path)
    assert json.dumps(plain([object, b"x"]), allow_nan=False)
