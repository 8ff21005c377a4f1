"""What a study is made of, checked before anything runs."""

import pytest

from autoresearch_magic.errors import UserError
from autoresearch_magic.study.definition import define, from_json
from autoresearch_magic.ui import cli

from ..repositories import commit, run_git

FILES = {"src/app.py": "N = 1\n", "src/more.py": "M = 1\n", "tests/test_app.py": "", "bench.py": "print('ms: 1')\n"}


@pytest.fixture
def repo(tmp_path, monkeypatch):
    folder = tmp_path / "demo"
    folder.mkdir()
    run_git(folder, "init", "--quiet")
    commit(folder, FILES)
    monkeypatch.chdir(folder)
    return folder


def test_a_missing_scope_asks_with_the_files_that_it_would_take(repo, capsys):
    commit(repo, {"program.md": "Goal: Faster\nMetric: ms\nVerify: python bench.py\n"})
    assert cli.main(["run", "program.md"]) == 2
    assert capsys.readouterr().err == (
        "autoresearch: Say which files experiments may change: --scope 'src/**/*.py' (it would take src/app.py, src/more.py), "
        "or a line  Scope: src/**/*.py\n"
    )
    made = define("Faster", "", "", {"metric": "ms", "verify": "python bench.py", "scope": "src/**/*.py"})
    assert "src/app.py" in made.target


def test_many_files_are_counted(repo):
    commit(repo, {f"src/m{n}.py": "" for n in range(10)})
    with pytest.raises(UserError, match=r"\(it would take src/app\.py, src/m0\.py, src/m1\.py, … 12 files\)"):
        define("Faster", "", "", {"metric": "ms", "verify": "python bench.py"})


def test_without_a_repository_the_question_has_an_example(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match=r"--scope GLOBS, for example --scope 'src/\*\*/\*\.py'"):
        define("Faster", "", "", {"metric": "ms", "verify": "python bench.py"})


def test_a_study_from_before_the_option_keeps_the_wall_clock():
    made = define("Lower the loss", "x = 1\nloss = x", "", {"metric": "loss"})
    settings = made.settings.to_json()
    assert settings["clock"] == "running"
    assert from_json(made.to_json(), settings).settings.clock == "running"
    del settings["clock"]
    assert from_json(made.to_json(), settings).settings.clock == "wall"
