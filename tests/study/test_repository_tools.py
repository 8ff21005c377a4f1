"""Studies of a repository with what its user has: bash, counting tools, an environment of the repository's own."""

import os
import sys

import pytest

from autoresearch_magic.errors import UserError
from autoresearch_magic.experiment import Verdict
from autoresearch_magic.study.study import Study
from autoresearch_magic.ui.cli import main

from ..repositories import changed, repository, write
from ..studies import finish

FILES = {
    "src/slug.py": "SIZE = 40\nDEPTH = 5\nOLD_A = 1\nOLD_B = 1\n",
    "bench.py": "import slug\nprint('ms:', slug.SIZE + slug.DEPTH)\n",
    ".gitignore": ".autoresearch/\n.venv/\n__pycache__/\n",
}


@pytest.fixture
def repo(tmp_path):
    return repository(tmp_path / "repo", FILES)


@pytest.fixture
def make(repo):
    made = []

    def make(**options):
        known = {
            "repo": str(repo),
            "root": repo / ".autoresearch",
            "scope": "src/**",
            "experiments": 3,
            "repeats": 1,
            "agent": "script",
        }
        made.append(Study("# Fewer", **known | options))
        return made[-1]

    yield make
    for study in made:
        study.stop()


@pytest.mark.slow
def test_a_count_that_reaches_zero_is_kept_and_a_broken_version_is_not(make, script):
    target = make(metric="n", verify="echo 1", minimize=True, agent="tuner").definition.target
    script(
        changed(target, src__slug_py="SIZE = 40\nDEPTH = 5\nOLD_A = 1\n"),
        changed(target, src__slug_py="SIZE = 40\nDEPTH = SISE\n"),
        changed(target, src__slug_py="SIZE = 40\nDEPTH = 5\n"),
    )
    study = make(
        metric="todos",
        verify="PYTHONPATH=src python bench.py > x.log 2>&1; cat src/*.py | grep -c OLD",
        minimize=True,
    )
    finish(study)
    assert [e.verdict for e in study.experiments] == [Verdict.BASELINE, Verdict.KEEP, Verdict.CRASH, Verdict.KEEP]
    assert [e.value for e in study.experiments] == [2, 1, None, 0]
    assert "python bench.py ended with exit status 1, and grep counted 0" in study.experiments[2].reason


@pytest.mark.slow
def test_the_code_of_a_repository_that_its_own_environment_imports_is_the_experiments(make, repo, script):
    base = os.path.realpath(getattr(sys, "_base_executable", sys.executable))
    site = f".venv/lib/python{sys.version_info.major}.{sys.version_info.minor}/site-packages"
    write(repo, {".venv/pyvenv.cfg": f"home = {os.path.dirname(base)}\n", f"{site}/slug.pth": f"{repo / 'src'}\n"})
    (repo / ".venv" / "bin").mkdir()
    (repo / ".venv" / "bin" / "python").symlink_to(base)
    target = make(metric="ms", verify="python bench.py", minimize=True, agent="tuner").definition.target
    script(changed(target, src__slug_py="SIZE = 4\nDEPTH = 5\n"))
    study = finish(make(metric="ms", verify="python bench.py", minimize=True, experiments=1))
    assert [e.value for e in study.experiments] == [45, 9]
    assert (repo / ".venv" / "bin" / "python").exists()


@pytest.mark.slow
def test_plan_says_what_a_command_runs_with(repo, capsys, monkeypatch):
    monkeypatch.chdir(repo)
    write(
        repo,
        {
            "program.md": "Goal: fewer\nScope: src/**\nMetric: n (lower is better)\nVerify: grep -c XXX bench.py\nGuard: cat bench.py | tail -1\n"
        },
    )
    assert main(["plan", "program.md", "-n", "2"]) == 0
    said = capsys.readouterr().out
    assert "The command runs: n 0" in said
    assert "Shell: bash (" in said
    assert f"python: {sys.executable}" in said
    assert "Exit status: 0 counts, and 1 of grep, with which it ends when it counts 0; any other is a crash." in said
    assert "The guard always passes: its exit status is that of tail" in said


@pytest.mark.slow
def test_a_missing_module_is_told_before_anything_is_spent(make, script):
    script()
    study = make(metric="ms", verify="python -c 'import no_such_module_x'", minimize=True)
    with pytest.raises(UserError, match=r"has no module 'no_such_module_x': install it there, with .* -m pip install"):
        study.plan()
