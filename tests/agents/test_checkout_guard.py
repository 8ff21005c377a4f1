"""The user's checkout is looked after around every program of an agent."""

import subprocess
import sys
import textwrap

import psutil
import pytest

from autoresearch_magic.agents.checkout_guard import FOLDER, TOLD, UNTOLD, CheckoutGuard
from autoresearch_magic.agents.processes import run_program
from autoresearch_magic.errors import Stopped
from autoresearch_magic.events import Notice
from autoresearch_magic.storage.git.checkout import Checkout
from autoresearch_magic.study.study import Study

from ..repositories import repository, run_git, state, write
from ..studies import finish, wait_for

FILES = {
    "README.md": "Hello\n",
    "src/app.py": "X = 5.0\n",
    "bench.py": "import sys\nsys.path.insert(0, 'src')\nimport app\nprint('loss:', app.X)\n",
}


@pytest.fixture
def repo(tmp_path):
    return repository(tmp_path / "repo", FILES)


def checkout_of(folder):
    return Checkout(folder, "", "main", (), ())


class Told(list):
    """Collects what an agent tells."""

    def __call__(self, seconds, reason):
        assert seconds == 0.0
        self.append(reason)


def around(guard, change, told=None):
    told = Told() if told is None else told
    with guard.around(told):
        change()
    return told


def test_it_watches_the_repository_around_the_current_folder(repo, tmp_path, monkeypatch):
    monkeypatch.chdir(repo / "src")
    guard = CheckoutGuard(repo / ".autoresearch")
    guard.set_checkout(None)
    monkeypatch.chdir(tmp_path)
    (line,) = around(guard, lambda: write(repo, {"README.md": "bad"}))
    assert line.startswith("README.md in ")
    assert (repo / "README.md").read_text() == "Hello\n"
    assert line in (repo / ".autoresearch" / FOLDER / TOLD).read_text()
    assert run_git(repo, "status", "--porcelain") == ""  # what is kept is not in the way
    assert around(guard, lambda: None) == []


def test_the_studys_repository_comes_before_the_current_folder(repo, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    guard = CheckoutGuard(tmp_path / "studies")
    assert around(guard, lambda: write(repo, {"README.md": "mine"})) == []  # in no repository
    assert not (tmp_path / "studies").exists()
    run_git(repo, "checkout", "README.md")
    guard.set_checkout(checkout_of(repo))
    assert len(around(guard, lambda: write(repo, {"README.md": "bad"}))) == 1
    guard.set_checkout(checkout_of(repo))  # again for each proposal: what is known stays known
    write(repo, {"README.md": "mine"})
    assert len(around(guard, lambda: write(repo, {"README.md": "mine as well"}))) == 1
    guard.set_checkout(checkout_of(repo))
    assert around(guard, lambda: write(repo, {"README.md": "mine still"})) == []


def test_all_is_told_although_the_study_stops(repo, tmp_path):
    told = []

    def stopping(seconds, reason):
        told.append(reason)
        raise Stopped

    guard = CheckoutGuard(tmp_path)
    guard.set_checkout(checkout_of(repo))
    with pytest.raises(Stopped):
        around(guard, lambda: write(repo, {"README.md": "bad", "new": "x"}), stopping)
    assert len(told) == 2


def test_it_is_told_when_the_program_fails(repo, tmp_path):
    def fail():
        write(repo, {"README.md": "bad"})
        raise RuntimeError("it failed")

    guard, told = CheckoutGuard(tmp_path), Told()
    guard.set_checkout(checkout_of(repo))
    with pytest.raises(RuntimeError, match="it failed"):
        around(guard, fail, told)
    assert len(told) == 1
    assert (repo / "README.md").read_text() == "Hello\n"


def test_a_repository_that_git_does_not_read_is_told_once(tmp_path):
    (tmp_path / ".git").mkdir()
    (tmp_path / "sub").mkdir()
    guard = CheckoutGuard(tmp_path / "studies")
    guard.set_folder(tmp_path / "sub")
    (line,) = around(guard, lambda: None)
    assert "could not be checked" in line
    assert around(guard, lambda: None) == []


def test_a_repository_that_cannot_be_read_is_told(repo, tmp_path):
    guard = CheckoutGuard(tmp_path)
    guard.set_checkout(checkout_of(repo))
    assert around(guard, lambda: None) == []
    (line,) = around(guard, lambda: (repo / ".git").rename(tmp_path / "gone"))
    assert line.startswith(f"Whether the agent has changed files in {repo} could not be checked: ")
    (line,) = around(guard, lambda: None)  # so is the next look
    assert "could not be checked" in line


ROGUE = """
import random, subprocess, sys
text = sys.stdin.read()
repo = sys.argv[1]
open(repo + "/README.md", "a").write("rogue")
open(repo + "/bench.py", "w").write("print('loss: 0')")
value = len(text) % 1000 / 250 + random.random()
print(f"<summary>X is {value:.3f}</summary>\\n```python\\n" + sys.argv[2].replace("VALUE", f"{value:.3f}") + "\\n```")
"""


def rogue(tmp_path, repo, code):
    """Return the command line of an agent that writes to the user's checkout by an absolute path, and replies as it should."""
    (tmp_path / "rogue.py").write_text(textwrap.dedent(ROGUE))
    return f"command:{sys.executable} -S {tmp_path / 'rogue.py'} {repo} '{code}'"


@pytest.mark.slow
def test_a_study_whose_agent_writes_to_the_checkout(repo, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write(repo, {"src/app.py": "X = 4.0\n"})
    run_git(repo, "stash")
    before = state(repo)
    line = rogue(tmp_path, repo, "#%% file src/app.py\nX = VALUE")
    study = Study("# Less", metric="loss", scope="src/**", verify=f"{sys.executable} bench.py", minimize=True, repo=str(repo), experiments=3,
                  repeats=1, root=tmp_path / "studies", agent=line)  # fmt: skip
    notices = []
    study.observe(lambda event: notices.append(event.message) if isinstance(event, Notice) else None)
    finish(study)
    assert len([e for e in study.experiments if e.ran]) == 4
    after = state(repo)
    for each in (before, after):  # the times of restored files are new
        each["files"] = {name: content for name, (content, _) in each["files"].items()}
    assert after == before
    told = [line for line in notices if "while the agent was asked" in line]
    assert {line.split()[0] for line in told} == {"README.md", "bench.py"}
    assert len(told) >= 6
    assert {place.read_text() for place in (tmp_path / "studies" / FOLDER).rglob("README.md")} == {"Hello\nrogue"}


@pytest.mark.slow
def test_a_cells_study_in_a_repository(repo, tmp_path, monkeypatch):
    monkeypatch.chdir(repo / "src")
    line = rogue(tmp_path, repo, "X = VALUE\nloss = X")
    study = Study(
        "# Less", "X = 5.0\nloss = X\n", metric="loss", minimize=True, experiments=1, repeats=1, budget="2s", agent=line
    )
    finish(study)
    assert (repo / "README.md").read_text() == "Hello\n"
    assert (repo / "bench.py").read_text() == FILES["bench.py"]


CALLER = """
import subprocess
import sys
from pathlib import Path
from autoresearch_magic.agents.checkout_guard import CheckoutGuard
from autoresearch_magic.agents.processes import run_program
guard = CheckoutGuard(Path(sys.argv[1]))
with guard.around(print) as afterwards:
    run_program(["/bin/sh", "-c", sys.argv[2]], text="", folder=Path("/"), env={"PATH": "/usr/bin:/bin"}, deadline=60, wait=lambda *_: None,
                afterwards=afterwards)
"""


@pytest.mark.slow
def test_what_a_program_did_before_a_kill_9_is_undone_and_told_by_the_next_study(repo, tmp_path, monkeypatch):
    root, pid = tmp_path / "studies", tmp_path / "pid"
    before = {path: (repo / path).read_bytes() for path in FILES}
    index = (repo / ".git/index").read_bytes()
    code = f"echo bad > {repo}/README.md; rm {repo}/bench.py; echo $$ > {pid}; sleep 600"
    caller = subprocess.Popen([sys.executable, "-c", CALLER, str(root), code], cwd=repo)
    wait_for(lambda: pid.exists() and pid.read_text())
    caller.kill()
    caller.wait()
    wait_for((root / FOLDER / UNTOLD).exists)
    assert {path: (repo / path).read_bytes() for path in FILES} == before
    assert (repo / ".git/index").read_bytes() == index
    assert not psutil.pid_exists(int(pid.read_text()))
    monkeypatch.chdir(repo)
    guard = CheckoutGuard(root)
    lines = around(guard, lambda: None)
    assert len(lines) == 2
    assert lines[0].startswith(
        f"When the study was killed: README.md in {repo} was changed while the agent was asked and is restored."
    )
    assert "bench.py" in lines[1]
    assert (root / FOLDER / "0001/README.md").read_text() == "bad\n"
    assert around(guard, lambda: None) == []


def test_a_question_that_ends_as_it_should_is_not_looked_at_twice(repo, tmp_path, monkeypatch):
    monkeypatch.chdir(repo)
    told = Told()
    with CheckoutGuard(tmp_path).around(told) as afterwards:
        afterwards = [*afterwards[:2], f"open({str(tmp_path / 'ran')!r}, 'w')"]
        run_program(
            ["/bin/true"], text="", folder=tmp_path, env={}, deadline=9, wait=lambda *_: None, afterwards=afterwards
        )
        run_program(
            ["/bin/sleep", "9"],
            text="",
            folder=tmp_path,
            env={},
            deadline=0.1,
            wait=lambda *_: None,
            afterwards=afterwards,
        )
    assert not (tmp_path / "ran").exists()
    assert told == []
