"""Two git refs, compared by the verify command and the guard: green to red is a regression, and nothing else is."""

import pytest

from autoresearch_magic.errors import UserError
from autoresearch_magic.runners.walls import Walls
from autoresearch_magic.study import runner_arguments
from autoresearch_magic.ui import cli
from autoresearch_magic.ui.commands.table import run
from autoresearch_magic.ui.session import Session

from ..repositories import commit, repository, run_git

FILES = {
    "app.py": "N = 5\n", "bench.py": "import app\nprint('ms:', app.N)\n", "check.py": "import app\nassert app.N < 8\n",
    ".gitignore": ".autoresearch/\nseen\n",
}  # fmt: skip
BRANCHES = {
    "fast": {"app.py": "N = 4\n"}, "slow": {"app.py": "N = 7\n"}, "wrong": {"app.py": "N = 9\n"}, "worse": {"app.py": "N = 10\n"},
    "dead": {"bench.py": "raise SystemExit('no bench')\n"}, "words": {"README": "words\n"},
    "flaky": {"check.py": "import pathlib\nf = pathlib.Path('../seen')\nassert f.exists() or f.write_text('x') is None\n"},
}  # fmt: skip
VERIFY, GUARD = ("--verify", "python bench.py", "--metric", "ms"), ("--guard", "python check.py")


@pytest.fixture
def repo(tmp_path, monkeypatch):
    folder = repository(tmp_path / "demo", FILES)
    for name, files in BRANCHES.items():
        run_git(folder, "checkout", "--quiet", "-b", name, "main" if name != "worse" else "wrong")
        commit(folder, files, name)
    run_git(folder, "checkout", "--quiet", "main")
    monkeypatch.chdir(folder)
    return folder


@pytest.mark.slow
@pytest.mark.parametrize(
    ("a", "b", "code", "lines"),
    [
        ("main", "slow", 4, ["UNSTABLE: slow", "green at main, green at slow", "7 (sd 0, slow) against 5 (sd 0, main), 3 runs each: 2 worse"]),
        ("main", "fast", 0, ["STABLE: fast", "1 better, in every run."]),
        ("main", "words", 0, ["STABLE: words", "the same, in every run."]),
        ("main", "wrong", 4, ["UNSTABLE: wrong", "green at main, red at wrong: a regression.", "exit status 1"]),
        ("wrong", "worse", 4, ["UNSTABLE: worse", "red at wrong, red at worse: it was failing before, which blocks nothing", "1 worse"]),
        ("wrong", "main", 0, ["STABLE: main", "red at wrong, green at main: fixed"]),
        ("main", "flaky", 0, ["STABLE: flaky", "green at main, flaky at flaky: it fails now and then, which blocks nothing"]),
        ("main", "dead", 4, ["UNSTABLE: dead", "green at main, red at dead: The command ended with exit status 1. no bench"]),
        ("dead", "main", 1, ["BASELINE_UNAVAILABLE: main", "there is no value at dead"]),
    ],
)  # fmt: skip
def test_what_two_refs_give(repo, capsys, monkeypatch, a, b, code, lines):
    before = run_git(repo, "worktree", "list"), run_git(repo, "for-each-ref"), run_git(repo, "status", "--porcelain")
    if (
        b == "flaky"
    ):  # what a run leaves in its own folder is gone at the next one, and with walls it writes nowhere else
        monkeypatch.setattr(runner_arguments, "Walls", lambda *_, **__: Walls(sandbox="off"))
    assert cli.main(["regression", a, b, *VERIFY, *GUARD]) == code
    shown = capsys.readouterr().out
    for line in lines:
        assert line in shown
    assert before == (
        run_git(repo, "worktree", "list"),
        run_git(repo, "for-each-ref"),
        run_git(repo, "status", "--porcelain"),
    )


@pytest.mark.slow
def test_the_command_is_that_of_program_md_or_of_the_options(repo, capsys):
    (repo / "program.md").write_text(
        "Scope: app.py\nVerify: python bench.py\nMetric: number (higher is better)\nIterations: 3\n"
    )
    (repo / "bench.py").write_text("not what is at the refs")
    assert cli.main(["regression", "main", "slow", "--metric", "ms"]) == 4, "another metric has a direction of its own"
    assert "2 worse" in capsys.readouterr().out
    assert cli.main(["regression", "main", "slow", "--metric", "ms", "--maximize"]) == 0
    assert "2 better" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("main",), "Give two: numbers of experiments"),
        (("main", "nowhere", *VERIFY), "There is no git ref 'nowhere' in "),
        (("main", "HEAD", *VERIFY), "main and HEAD are the same commit"),
        (("main", "slow"), "Say which command measures: --verify COMMAND --metric NAME"),
        (("main", "slow", "--verify", "git push origin main", "--metric", "ms"), "--verify is not run, because"),
        (("main", "slow", "--verify", "python bench.py", "--metric", "number"), "Nothing says whether lower or higher"),
        (("0", "1", "--verify", "python bench.py"), "Options of a comparison are for git refs"),
    ],
)
def test_what_cannot_be_compared_is_one_line(repo, capsys, words, message):
    assert cli.main(["regression", *words]) == 2
    told = capsys.readouterr().err.splitlines()[-1]
    assert message in told


@pytest.mark.slow
def test_a_notebook_compares_refs_with_its_program(repo):
    session = Session()
    run(session, "program --scope app.py --verify 'python bench.py' --metric ms", "Answer faster")
    answer = run(session, "regression main slow --samples 3").work(lambda share, what: None)
    assert "UNSTABLE: slow" in answer.text
    with pytest.raises(UserError, match="no git ref 'HEAD~99'"):
        run(session, "regression main HEAD~99").work(lambda share, what: None)
