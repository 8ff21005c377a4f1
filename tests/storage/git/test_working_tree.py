"""The user's working tree as a version: what is in it, what is outside, what is put back."""

import os

import pytest

from autoresearch_magic.errors import UserError
from autoresearch_magic.source.files import split
from autoresearch_magic.storage.git.working_tree import (
    check_here,
    check_scope,
    not_tried,
    put_back,
    read_working_tree,
)

from ...repositories import commit, opened, repository, run_git, state, write

FILES = {
    "src/app.py": "A = 1\n", "src/run.sh": "echo 1\n", "src/logo.png": b"\x89PNG\xff", "src/test_app.py": "def test(): pass\n",
    "bench.py": "print(1)\n", "README.md": "Hello\n", ".gitignore": "*.local\n",
}  # fmt: skip


@pytest.fixture
def repo(tmp_path):
    made = repository(tmp_path / "repo", FILES)
    (made / "src" / "run.sh").chmod(0o755)
    commit(made, {}, "executable")
    return made


@pytest.fixture
def checkout(repo):
    return opened(repo, ("src/**",), "python bench.py")


def test_changed_new_and_deleted_files_of_the_scope_are_the_version(repo, checkout):
    found, target = checkout
    base = split(target)
    assert read_working_tree(found, base).target == base
    write(
        repo,
        {
            "src/app.py": "A = 2\n",
            "src/new/b.py": "B = 1\n",
            "src/run.sh": None,
            "src/x.local": "ignored",
            "notes.txt": "scratch",
        },
    )
    run_git(repo, "add", "src/new/b.py")
    os.utime(repo / "README.md", (1, 1))  # touched: git would like to note that in the index
    before = state(repo)
    tree = read_working_tree(found, base)
    assert tree.target == {"src/app.py": "A = 2\n", "src/new/b.py": "B = 1\n"}
    assert (tree.outside, tree.scratch) == ((), ("notes.txt",))
    check_scope(found, tree)
    assert "notes.txt" in not_tried(tree.scratch)
    assert state(repo) == before


def test_commits_of_the_user_count_as_changes(repo, checkout):
    found, target = checkout
    commit(repo, {"src/app.py": "A = 3\n"})
    assert read_working_tree(found, split(target)).target["src/app.py"] == "A = 3\n"
    commit(repo, {"bench.py": "print(0)\n"})
    with pytest.raises(UserError, match=rf"bench\.py \(frozen.*git checkout {found.commit[:10]} -- bench\.py"):
        check_scope(found, read_working_tree(found, split(target)))


def test_a_file_that_was_deleted_before_is_no_change_outside_the_scope(repo, checkout):
    found, target = checkout
    base = split(target)
    del base["src/run.sh"]  # a kept version has deleted it
    commit(repo, {"src/run.sh": None})
    tree = read_working_tree(found, base)
    assert (tree.target, tree.outside) == (base, ())
    for path in base:
        (repo / path).unlink()
    with pytest.raises(UserError, match=r"No file of the scope \(src/\*\*\) is left in"):
        read_working_tree(found, base)


@pytest.mark.parametrize(("files", "why"), [
    ({"README.md": "Bye\n"}, r"README\.md \(outside the scope \(src/\*\*\)\)\. Put back with  git checkout \w{10} -- README\.md$"),
    ({"src/test_app.py": "def test(): assert 0\n"}, r"src/test_app\.py \(frozen"),
    ({"src/logo.png": b"\x89PNG\xfe"}, r"src/logo\.png \(binary files"),
    ({"bench.py": None, "a b.txt": "new"}, r"a b\.txt, bench\.py \(frozen.*-- bench\.py  Unstage with  git reset -- 'a b\.txt'$"),
])  # fmt: skip
def test_what_is_outside_the_scope_is_named_with_its_remedy(repo, checkout, files, why):
    found, target = checkout
    write(repo, files)
    if "a b.txt" in files:
        run_git(repo, "add", "a b.txt")
    with pytest.raises(UserError, match=why):
        check_scope(found, read_working_tree(found, split(target)))


def test_what_no_version_can_hold(repo, checkout):
    found, target = checkout
    write(repo, {"src/data.bin": b"\xff\xfe"})
    with pytest.raises(UserError, match=r"src/data\.bin is in the scope and is not text"):
        read_working_tree(found, split(target))
    (repo / "src" / "data.bin").unlink()
    os.symlink("app.py", repo / "src" / "link.py")
    with pytest.raises(UserError, match=r"src/link\.py is a link"):
        read_working_tree(found, split(target))
    (repo / "src" / "link.py").unlink()
    write(repo, {"src/test_new.py": "def test(): pass\n"})
    assert read_working_tree(found, split(target)).scratch == ("src/test_new.py",)


def test_another_repository_none_at_all_and_a_commit_that_is_gone(repo, checkout, tmp_path):
    found, target = checkout
    check_here(found, repo / "src")
    other = repository(tmp_path / "other", {"a.py": "A = 1\n"})
    with pytest.raises(UserError, match=f"files of {repo}, and this is {other}: work there"):
        check_here(found, other)
    (tmp_path / "bare").mkdir()
    with pytest.raises(UserError, match="in no git repository"):
        check_here(found, tmp_path / "bare")
    gone = type(found)(**{**vars(found), "commit": "0123456789" * 4})
    with pytest.raises(UserError, match="began with, 0123456789, is no longer in"):
        read_working_tree(gone, split(target))
    moved = type(found)(**{**vars(found), "folder": tmp_path / "away"})
    with pytest.raises(UserError, match="no longer at"):
        read_working_tree(moved, split(target))


def test_files_are_put_back_unless_they_have_changed_since(repo, checkout):
    found, target = checkout
    base = split(target)
    write(
        repo,
        {
            "src/app.py": "A = 2\n",
            "src/new.py": "B = 1\n",
            "src/run.sh": None,
            "src/late.py": "C = 1\n",
            "notes.txt": "mine",
        },
    )
    tried = read_working_tree(found, base).target
    write(repo, {"src/late.py": "C = 2\n"})
    assert put_back(found, tried, base) == (["src/app.py", "src/new.py", "src/run.sh"], ["src/late.py"])
    assert run_git(repo, "status", "--porcelain") == "?? notes.txt\n?? src/late.py\n"
    assert os.access(repo / "src" / "run.sh", os.X_OK)
    assert put_back(found, base, base) == ([], [])
