"""Plain git commands: environment, input and output, errors, locks."""

import os
import subprocess
import sys
import threading
import time

import pytest

from autoresearch_magic.errors import UserError
from autoresearch_magic.storage.git import command
from autoresearch_magic.storage.git.command import GitFailed, GitLocked, git, names

from ...repositories import add_hooks, repository


@pytest.fixture
def repo(tmp_path):
    return repository(tmp_path / "repo", {"a.txt": "one\n"})


def test_input_and_output_keep_every_byte(repo):
    content = b"a\r\n\xff\x00b\r"
    blob = git(repo, "hash-object", "-w", "--stdin", given=content).strip()
    assert git(repo, "cat-file", "blob", blob).encode("utf-8", "surrogateescape") == content
    assert git(repo, "hash-object", "--stdin", given=content.decode("utf-8", "surrogateescape")).strip() == blob


def test_inherited_git_variables_are_removed_and_given_ones_count(repo, tmp_path, monkeypatch):
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "elsewhere"))
    monkeypatch.setenv("GIT_INDEX_FILE", str(tmp_path / "no-index"))
    assert git(repo, "ls-files") == "a.txt\n"
    assert git(repo, "ls-files", env={"GIT_INDEX_FILE": str(tmp_path / "no-index")}) == ""
    assert os.environ["GIT_DIR"] == str(tmp_path / "elsewhere")


def test_a_command_that_fails_is_one_line_with_exit_status_and_output(repo):
    with pytest.raises(GitFailed, match="git rev-parse failed: fatal: ") as caught:
        git(repo, "rev-parse", "HEAD", "no-such\nthing")
    assert "\n" not in str(caught.value)
    assert caught.value.code == 128
    assert len(caught.value.output.split()[0]) == 40


def test_a_missing_folder_does_not_lead_to_another_repository(repo, monkeypatch):
    monkeypatch.chdir(repo)
    with pytest.raises(UserError, match="no folder"):
        git(repo / "gone", "rev-parse", "HEAD")


@pytest.mark.parametrize("variable", [{}, {"GIT_TRACE2": "0"}])
def test_no_git_is_one_line(tmp_path, variable):
    code = (
        "import os, git as _\n"  # found when GitPython is imported, and gone later
        "from pathlib import Path\n"
        "from autoresearch_magic.errors import UserError\n"
        "from autoresearch_magic.storage.git.command import git\n"
        f"os.environ['PATH'] = {str(tmp_path)!r}\n"
        "try: git(Path('.'), 'version')\n"
        "except UserError as error: print(error)\n"
    )
    (tmp_path / "env").symlink_to("/usr/bin/env")
    done = subprocess.run([sys.executable, "-c", code], env={**os.environ, **variable}, capture_output=True, text=True)
    assert done.stdout == f"{command.NO_GIT}\n", done.stderr


def test_hooks_do_not_run(repo, tmp_path):
    add_hooks(repo, tmp_path / "ran")
    git(repo, "commit", "--quiet", "--allow-empty", "-m", "more")
    assert not (tmp_path / "ran").exists()


@pytest.mark.slow
def test_a_lock_is_waited_for(repo):
    lock = repo / ".git" / "index.lock"
    lock.touch()
    threading.Timer(0.3, lock.unlink).start()
    git(repo, "rm", "--quiet", "a.txt")


@pytest.mark.slow
def test_a_lock_is_removed_only_where_it_may_be_and_told_at_once_elsewhere(repo):
    lock = repo / ".git" / "index.lock"
    lock.touch()
    began = time.monotonic()
    with pytest.raises(GitLocked) as caught:
        git(repo, "rm", "--quiet", "a.txt")
    assert str(caught.value) == f"{lock} was left behind by a git that was killed: delete it."
    assert time.monotonic() - began < command.PATIENCE / 2
    assert lock.exists()
    git(repo, "rm", "--quiet", "a.txt", stale=60)
    assert not lock.exists()


@pytest.mark.slow
def test_a_lock_that_a_git_holds_is_waited_for_and_never_removed_in_a_users_repository(repo, monkeypatch):
    lock = repo / ".git" / "index.lock"
    lock.touch()
    monkeypatch.setattr(command, "PATIENCE", 0.8)
    monkeypatch.setattr(command, "git_works_at", lambda lock: True)
    with pytest.raises(GitFailed, match=r"index\.lock"):
        git(repo, "rm", "--quiet", "a.txt")
    assert lock.exists()


def test_names():
    assert names("a b\0ä\n\0") == ["a b", "ä\n"]
    assert names("") == []
