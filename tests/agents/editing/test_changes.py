"""What an agent has changed in its folder, found with a real git."""

import os
import subprocess

import pytest

from autoresearch_magic.agents.editing.workspace import workspace
from autoresearch_magic.source.files import split

from ...repositories import commit, opened, repository, run_git, state, write

FILES = {
    "src/app.py": "X = 1\n",
    "src/util.py": "Y = 2\n",
    "src/picture.png": b"\x89PNG\xff\x00",
    "bench.py": "print('ms:', 1)\n",
    "tests/test_app.py": "def test(): pass\n",
    "README.md": "Hello\n",
    ".gitignore": "*.local\n",
}
TEXTS = {"history.md": "nothing so far\n", "notes.md": "be bold\n"}


@pytest.fixture
def repo(tmp_path):
    return repository(tmp_path / "repo", FILES)


def git_in(space, *words):
    return run_git(space.folder, *words)


def test_changes_within_the_scope_are_the_proposal_and_the_others_are_named(repo):
    checkout, target = opened(repo, ("src/**",), "python bench.py")
    with workspace(target, checkout, started=target, texts=TEXTS) as space:
        (space.folder / "bench.py").chmod(0o644)
        write(space.folder, {
            "src/app.py": "X = 7\n", "src/util.py": None, "src/more/new.py": "A = 1\n", "bench.py": "print('ms:', 0)\n",
            "README.md": "Hi\n", "tests/test_more.py": "", "src/test_new.py": "", "src/data.bin": b"\xff\xfe\x00",
            "src/picture.png": b"other\xff", "src/__pycache__/app.cpython-311.pyc": b"\x00", "src/x.local": "ignored",
        })  # fmt: skip
        found = space.change()
    assert split(found.target) == {"src/app.py": "X = 7\n", "src/more/new.py": "A = 1\n"}
    assert found.inside == ("src/app.py", "src/more/new.py", "src/util.py")
    assert found.outside == (
        "README.md", "bench.py", "src/data.bin (no text)", "src/picture.png (no text)", "src/test_new.py", "tests/test_more.py",
    )  # fmt: skip


@pytest.mark.parametrize("words", [["commit", "-qam", "mine"], ["stash", "-q"], ["checkout", "-qb", "other"]])
def test_the_working_tree_counts_whatever_the_agent_does_with_git(repo, words):
    checkout, target = opened(repo)
    before = state(repo)
    with workspace(target, checkout, started=target) as space:
        write(space.folder, {"src/app.py": "X = 7\n"})
        git_in(space, *words)
        found = space.change()
    assert found.inside == (() if words[0] == "stash" else ("src/app.py",))
    assert state(repo) == before


def test_neither_a_deleted_git_folder_nor_a_new_ignore_file_hides_a_change(repo):
    checkout, target = opened(repo)
    with workspace(target, checkout, started=target) as space:
        write(space.folder, {"src/new.py": "A = 1\n", ".gitignore": "*\n", "src/app.py": "X = 8\n"})
        subprocess.run(["rm", "-rf", space.folder / ".git"], check=True)
        assert space.change().inside == ("src/app.py", "src/new.py")


def test_links_lead_nothing_from_elsewhere_into_the_proposal(repo, tmp_path):
    secret = tmp_path / "secret.py"
    secret.write_text("KEY = 'abc'\n")
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "more.py").write_text("KEY = 'abc'\n")
    checkout, target = opened(repo)
    with workspace(target, checkout, started=target) as space:
        (space.folder / "src/app.py").unlink()
        (space.folder / "src/app.py").symlink_to(secret)
        (space.folder / "src/lib").symlink_to(tmp_path / "other")
        os.mkfifo(space.folder / "src/pipe.py")
        subprocess.run(["git", "init", "-q", space.folder / "src/inner"], check=True)
        (space.folder / "src/inner/a.py").write_text("A = 1\n")
        found = space.change()
    assert found.target == target
    assert found.inside == ()
    assert found.outside == ("src/app.py (a link)", "src/inner/ (a repository of its own)", "src/lib (a link)")


def test_what_programs_leave_behind_is_no_change(repo):
    checkout, target = opened(repo)
    with workspace(target, checkout, started=target, own_files=(".aider*",)) as space:
        write(space.folder, {
            ".pytest_cache/v/x": "", "src/__pycache__/a.pyc": "", ".aider.chat.history.md": "hello", ".aider.tags.cache.v4/a/b": "x",
            "debug.local": "", ".venv/lib/x.py": "",
        })  # fmt: skip
        assert (space.change().inside, space.change().outside) == ((), ())


def test_carriage_returns_are_neither_added_nor_lost(tmp_path):
    repo = repository(tmp_path / "repo", {"a.txt": "a\r\nb\r\n", "b.txt": "a\nb\n"})
    checkout, target = opened(repo, ("*.txt",))
    with workspace(target, checkout, started=target) as space:
        assert space.change().target == target
        (space.folder / "a.txt").write_bytes(b"a\r\nc\r\n")
        assert split(space.change().target) == {"a.txt": "a\r\nc\r\n", "b.txt": "a\nb\n"}


@pytest.mark.parametrize(
    ("content", "why"), [(None, "target.py (deleted)"), (b"\xff\xfe", "target.py (no text)")], ids=["deleted", "binary"]
)
def test_a_target_that_is_no_text_any_more_is_no_proposal(content, why):
    with workspace("x = 1\n") as space:
        write(space.folder, {"target.py": content})
        assert space.change().outside == (why,)
        assert space.change().target == "x = 1\n"


def test_links_of_the_repository_are_no_change(repo):
    (repo / "src" / "same").symlink_to("app.py")
    (repo / "elsewhere").symlink_to("/etc/hostname")
    commit(repo, {})
    checkout, target = opened(repo)
    with workspace(target, checkout, started=target) as space:
        assert os.readlink(space.folder / "elsewhere") == "/etc/hostname"
        (space.folder / "src" / "same").write_text("X = 9\n")  # through the link
        found = space.change()
    assert (found.inside, found.outside) == (("src/app.py",), ())


def test_a_folder_in_the_place_of_a_file_replaces_it(repo):
    checkout, target = opened(repo)
    with workspace(target, checkout, started=target) as space:
        (space.folder / "src/app.py").unlink()
        write(space.folder, {"src/app.py/main.py": "X = 1\n"})
        found = space.change()
    assert split(found.target) == {"src/app.py/main.py": "X = 1\n", "src/util.py": "Y = 2\n"}
    assert checkout.refusal(target, found.target) == ""
