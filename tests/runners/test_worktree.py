"""The worktree where commands run: it takes on versions of the target, and is restored after each run."""

import os
import shutil
import stat
import subprocess
from pathlib import Path

import pytest

from autoresearch_magic.errors import UserError
from autoresearch_magic.runners.worktree import Worktree
from autoresearch_magic.source.files import join, split
from autoresearch_magic.storage.git.checkout import open_checkout

from ..repositories import changed, commit, repository, run_git, state, write

FILES = {
    "src/app.py": "LIMIT = 10\n",
    "src/run.sh": "#!/bin/sh\necho 1\n",
    "src/win.txt": "one\r\ntwo\r\n",
    "src/pkg/a.py": "a = 1\n",
    "bench.py": "print('ms: 5')\n",
    "data.csv": "1,2\n",
    ".gitignore": "*.cache\nbuild/\n.*.new\n",
}


@pytest.fixture
def repo(tmp_path):
    folder = repository(tmp_path / "repo", FILES)
    (folder / "src" / "run.sh").chmod(0o755)
    commit(folder, {})
    return folder


@pytest.fixture
def made(repo, tmp_path):
    checkout, target, _ = open_checkout(repo, ("src/**",), ["python bench.py"])
    tree = Worktree(tmp_path / "study" / "worktree", checkout, split(target), "autoresearch/one")
    tree.open()
    tree.target = target
    return tree


def there(tree):
    """Return the text of all files of a worktree except git's own."""
    return {
        str(path.relative_to(tree.folder)): path.read_bytes().decode()
        for path in sorted(tree.folder.rglob("*"))
        if path.is_file() and path.name != ".git"
    }


def show(tree, **files):
    target = changed(tree.target, **files)
    tree.show(split(target))
    return target


def test_a_new_worktree_has_the_commit_and_the_branch_and_leaves_the_checkout_unchanged(repo, tmp_path):
    before = state(repo)
    checkout, target, _ = open_checkout(repo, ("src/**",), [])
    tree = Worktree(tmp_path / "w", checkout, split(target), "autoresearch/one")
    tree.open()
    assert there(tree) == FILES
    assert run_git(tree.folder, "symbolic-ref", "HEAD").strip() == "refs/heads/autoresearch/one"
    assert run_git(repo, "rev-parse", "autoresearch/one").strip() == checkout.commit
    assert tree.changed() == tree.untracked() == tree.tampered() == []
    assert state(repo) == before


def test_showing_a_version_adds_changes_and_deletes_files(made):
    show(made, src__app_py="LIMIT = 20\n", src__new__b_py="b = 1\n", src__pkg__a_py=None)
    wanted = {**FILES, "src/app.py": "LIMIT = 20\n", "src/new/b.py": "b = 1\n"}
    del wanted["src/pkg/a.py"]
    assert there(made) == wanted
    show(made)
    assert there(made) == FILES
    assert made.changed() == []


def test_unchanged_files_are_not_written(made):
    show(made, src__app_py="LIMIT = 20\n")
    before = {path: (made.folder / path).stat().st_mtime_ns for path in FILES}
    show(made, src__app_py="LIMIT = 20\n", src__pkg__a_py="a = 2\n")
    after = {path: (made.folder / path).stat().st_mtime_ns for path in FILES}
    assert [path for path in FILES if before[path] != after[path]] == ["src/pkg/a.py"], "builds see what has changed"


def test_line_ends_and_odd_characters_are_kept(made):
    assert (made.folder / "src" / "win.txt").read_bytes() == b"one\r\ntwo\r\n"
    made.show(split(made.target) | {"src/win.txt": "one\r\n2\r\n", "src/odd.txt": "\f\x0b no end\u2028"})
    assert (made.folder / "src" / "win.txt").read_bytes() == b"one\r\n2\r\n"
    assert (made.folder / "src" / "odd.txt").read_bytes() == "\f\x0b no end\u2028".encode()


def mode(path):
    return stat.S_IMODE(path.stat().st_mode)


def test_file_modes_are_kept_and_restored(made):
    script = made.folder / "src" / "run.sh"
    show(made)
    made.show(split(made.target) | {"src/run.sh": "#!/bin/sh\necho 2\n"})
    assert mode(script) & 0o111
    assert subprocess.run([script], capture_output=True, text=True, check=True).stdout == "2\n"
    made.show({path: text for path, text in split(made.target).items() if path != "src/run.sh"})
    assert not script.exists()
    made.show(split(made.target) | {"src/run.sh": "#!/bin/sh\necho 3\n"})
    assert mode(script) & 0o111, "it comes back as what it was"
    script.chmod(0o644)
    (made.folder / "src" / "app.py").chmod(0o755)
    show(made)
    assert mode(script) & 0o111
    assert not mode(made.folder / "src" / "app.py") & 0o111


def test_changes_of_a_run_are_undone_and_ignored_files_stay(made):
    show(made)
    write(made.folder, {
        "data.csv": "3,4\n", "src/app.py": "LIMIT = 0\n", "bench.py": None, "log.txt": "x\n", "out/deep/er.txt": "x\n",
        "src/left.py": "x = 1\n", "x.cache": "kept\n", "build/o.bin": b"\0kept", "src/y.cache": "kept\n",
    })  # fmt: skip
    run_git(made.folder, "init", "-q", "inner")
    write(made.folder, {"inner/a.py": "x = 1\n"})
    show(made)
    kept = {"x.cache": "kept\n", "build/o.bin": "\0kept", "src/y.cache": "kept\n"}
    assert there(made) == {**FILES, **kept}
    assert not (made.folder / "inner").exists()


def test_tidy_returns_the_restored_files(made):
    show(made)
    write(made.folder, {"data.csv": "3,4\n", "src/app.py": "LIMIT = 0\n", "log.txt": "x\n"})
    assert made.tidy(keep={"src/app.py"}) == ["data.csv"]
    assert (made.folder / "src" / "app.py").read_text() == "LIMIT = 0\n"
    assert made.tidy() == ["src/app.py"]


def test_staged_and_committed_changes_are_undone_too(made):
    show(made)
    write(made.folder, {"bench.py": "print('ms: 0')\n", "data.csv": None, "new.txt": "x\n"})
    run_git(made.folder, "add", "-A")
    assert made.tampered() == ["bench.py"]
    show(made)
    assert there(made) == FILES
    assert made.changed() == []
    write(made.folder, {"bench.py": "print('ms: 0')\n"})
    run_git(made.folder, "commit", "-qam", "mine")
    assert made.tampered() == ["bench.py"]
    show(made)
    assert there(made) == FILES


def test_only_changed_content_of_frozen_files_is_tampering(made):
    show(made)
    os.utime(made.folder / "bench.py", ns=(1, 1))
    assert made.tampered() == []
    (made.folder / "data.csv").write_text("3\n")
    assert made.tampered() == [], "it is put back, but it measures nothing"
    (made.folder / "bench.py").write_text("print('ms: 4')\n")
    assert made.tampered() == ["bench.py"]
    (made.folder / "bench.py").unlink()
    assert made.tampered() == ["bench.py"]


# -- nothing outside the worktree is written -----------------------------------------------------------------------------------------


@pytest.fixture
def outside(tmp_path):
    write(tmp_path / "outside", {"a.py": "mine\n", "app.py": "mine\n", "b.py": "mine\n"})
    yield tmp_path / "outside"
    found = {path.name: path.read_text() for path in (tmp_path / "outside").iterdir()}
    assert found == dict.fromkeys(("a.py", "app.py", "b.py"), "mine\n")


def test_a_link_in_place_of_a_file_is_replaced(made, outside):
    show(made)
    (made.folder / "src" / "app.py").unlink()
    (made.folder / "src" / "app.py").symlink_to(outside / "app.py")
    show(made, src__app_py="LIMIT = 20\n")
    assert not (made.folder / "src" / "app.py").is_symlink()
    assert (made.folder / "src" / "app.py").read_text() == "LIMIT = 20\n"
    (made.folder / "src" / "app.py").unlink()
    (made.folder / "src" / "app.py").symlink_to(outside / "app.py")
    show(made)
    assert there(made) == FILES


def test_a_link_to_a_file_with_the_same_content_is_replaced(made, tmp_path):
    show(made)
    write(tmp_path, {"twin.py": "LIMIT = 10\n"})
    (made.folder / "src" / "app.py").unlink()
    (made.folder / "src" / "app.py").symlink_to(tmp_path / "twin.py")
    show(made)
    assert not (made.folder / "src" / "app.py").is_symlink()


@pytest.mark.parametrize("gone", [False, True])
def test_a_link_in_place_of_a_folder_is_replaced(made, outside, gone):
    show(made)
    shutil.rmtree(made.folder / "src" / "pkg")
    (made.folder / "src" / "pkg").symlink_to(outside)
    target = show(made, src__pkg__a_py=None if gone else "a = 2\n", src__pkg__b_py="b = 2\n")
    assert not (made.folder / "src" / "pkg").is_symlink()
    assert {path: text for path, text in there(made).items() if path.startswith("src/")} == split(target)


def test_a_link_in_place_of_an_ignored_folder_is_replaced(made, outside):
    made.show({**split(made.target), "build/a.py": "a = 1\n"})
    shutil.rmtree(made.folder / "build")
    (made.folder / "build").symlink_to(outside)
    show(made)
    assert not (made.folder / "build" / "a.py").exists()
    shutil.rmtree(made.folder / "build", ignore_errors=True)
    (made.folder / "build").unlink(missing_ok=True) if (made.folder / "build").is_symlink() else None
    (made.folder / "build").symlink_to(outside)
    made.show({**split(made.target), "build/a.py": "mine\n"})
    assert not (made.folder / "build").is_symlink()


def test_a_link_in_place_of_the_temporary_file_is_replaced(made, outside):
    show(made)
    (made.folder / "src" / ".app.py.new").symlink_to(outside / "b.py")
    show(made, src__app_py="LIMIT = 20\n")
    assert (made.folder / "src" / "app.py").read_text() == "LIMIT = 20\n"
    assert not (made.folder / "src" / "app.py").is_symlink()


def test_a_folder_in_place_of_a_file_and_the_reverse_are_replaced(made):
    show(made)
    (made.folder / "src" / "app.py").unlink()
    write(made.folder, {"src/app.py/x.txt": "x\n", "src/.pkg/y": ""})
    shutil.rmtree(made.folder / "src" / "pkg")
    write(made.folder, {"src/pkg": "a file\n", "data.csv": None, "data.csv/x.cache": "x\n"})
    show(made)
    assert there(made) == FILES


def test_a_file_may_become_a_folder_and_back(made):
    made.show({"src/app.py/inner.py": "x = 1\n"})
    assert (made.folder / "src" / "app.py" / "inner.py").exists()
    show(made)
    assert there(made) == FILES


# -- the user's links (--link) ------------------------------------------------------------------------------------------------------


def linked(repo, folder, *names):
    checkout, target, _ = open_checkout(repo, ("src/**",), [])
    tree = Worktree(folder, checkout, split(target), "", names)
    tree.target = target
    return tree


def test_links_are_made_and_kept(repo, tmp_path):
    write(
        repo, {".git/info/exclude": "/node_modules/\n/big\n", "node_modules/a/index.js": "1\n", "big/data.bin": b"\0"}
    )
    tree = linked(repo, tmp_path / "w", "node_modules", "big/data.bin")
    tree.open()
    show(tree)
    show(tree, src__app_py="LIMIT = 20\n")
    assert (tree.folder / "node_modules").is_symlink()
    assert (tree.folder / "node_modules" / "a" / "index.js").read_text() == "1\n"
    assert (tree.folder / "big" / "data.bin").read_bytes() == b"\0"
    (tree.folder / "node_modules").unlink()
    write(tree.folder, {"node_modules": "a file\n"})
    show(tree)
    assert (tree.folder / "node_modules" / "a" / "index.js").exists(), "it is a link again"
    tree.remove()
    assert (repo / "node_modules" / "a" / "index.js").exists()
    assert (repo / "big" / "data.bin").exists()


def test_a_link_to_a_missing_file_is_an_error(repo, tmp_path):
    with pytest.raises(UserError, match="--link data: there is no such file or folder"):
        linked(repo, tmp_path / "w", "data").open()


# -- damaged, incomplete, removed ------------------------------------------------------------------------------------------------------


def admin(tree):
    """Return git's administrative folder of a worktree."""
    return Path((tree.folder / ".git").read_text().removeprefix("gitdir:").strip())


@pytest.mark.slow
@pytest.mark.parametrize("harm", ["git file", "git folder", "index"])
def test_a_damaged_worktree_never_leads_git_to_the_checkout_above(repo, harm):
    """The worktree is below the checkout, which git would find when the worktree's own `.git` is gone."""
    checkout, target, _ = open_checkout(repo, ("src/**",), ["python bench.py"])
    tree = Worktree(repo / ".autoresearch" / "one" / "worktree", checkout, split(target), "autoresearch/one")
    write(repo, {".autoresearch/one/.gitignore": "*\n"})
    tree.open()
    tree.show(split(target))
    write(repo, {"data.csv": "the user goes on\n", "src/app.py": "LIMIT = 0\n", "src/mine.py": "x = 1\n"})
    run_git(repo, "add", "src/app.py")
    before = state(repo)
    if harm == "index":
        (admin(tree) / "index").write_bytes(b"DIRC broken")
    else:
        (tree.folder / ".git").unlink()
    if harm == "git folder":
        run_git(tree.folder, "init", "-q")
    assert tree.tampered() == [".git"]
    tree.show(split(changed(target, src__app_py="LIMIT = 20\n")))
    assert there(tree) == {**FILES, "src/app.py": "LIMIT = 20\n"}
    assert state(repo) == before
    assert tree.tampered() == []


@pytest.mark.parametrize("harm", ["index", "locked", "git file", "files", "admin", "folder", "HEAD"])
def test_an_incomplete_worktree_is_created_again(made, harm):
    at = admin(made)
    if harm == "index":
        (at / "index").unlink()
    elif harm == "locked":
        (at / "locked").write_text("initializing")
        (at / "index").unlink()
    elif harm == "git file":
        (made.folder / ".git").unlink()
    elif harm == "files":
        shutil.rmtree(made.folder / "src")
    elif harm == "admin":
        shutil.rmtree(at)
    elif harm == "folder":
        (at / "locked").write_text("initializing")
        shutil.rmtree(made.folder)
    elif harm == "HEAD":
        (at / "HEAD").write_text("")
    again = Worktree(made.folder, made.checkout, split(made.target), "autoresearch/one")
    again.open()
    again.show(split(made.target))
    assert there(again) == FILES
    assert run_git(again.folder, "symbolic-ref", "HEAD").strip() == "refs/heads/autoresearch/one"


def test_an_existing_worktree_is_reused_without_its_locks_and_with_its_ignored_files(made):
    show(made, src__app_py="LIMIT = 20\n")
    write(made.folder, {"x.cache": "kept\n"})
    (admin(made) / "index.lock").touch()
    again = Worktree(made.folder, made.checkout, split(made.target), "autoresearch/one")
    again.open()
    again.show(split(made.target))
    assert there(again) == {**FILES, "x.cache": "kept\n"}


def test_removing_unregisters_this_worktree_only(repo, made, tmp_path):
    run_git(repo, "worktree", "add", "-q", str(tmp_path / "usb" / "mine"), "-b", "mine")
    (tmp_path / "usb").rename(tmp_path / "unplugged")
    made.remove()
    assert not made.folder.exists()
    listed = run_git(repo, "worktree", "list", "--porcelain")
    assert "study/worktree" not in listed
    assert "usb/mine" in listed, "the user's worktree on a disk that is not mounted"
    made.remove()
    made.open()
    assert "usb/mine" in run_git(repo, "worktree", "list", "--porcelain")
    (tmp_path / "unplugged").rename(tmp_path / "usb")
    assert run_git(tmp_path / "usb" / "mine", "status", "--porcelain") == ""


def test_line_ends_follow_gitattributes(tmp_path):
    repo = tmp_path / "repo"
    repository(repo, {"src/a.py": "x = 1\ny = 2\n", ".gitattributes": "*.py text eol=crlf\n"})
    write(repo, {"src/a.py": None})
    run_git(repo, "checkout", "--", ".")
    assert (repo / "src" / "a.py").read_bytes() == b"x = 1\r\ny = 2\r\n"
    checkout, target, _ = open_checkout(repo, ("src/**",), [])
    tree = Worktree(tmp_path / "w", checkout, split(target))
    tree.open()
    tree.show(split(target))
    assert (tree.folder / "src" / "a.py").read_bytes() == b"x = 1\r\ny = 2\r\n"
    assert tree.changed() == []


def test_a_failing_git_is_a_one_line_error(repo, tmp_path):
    checkout, target, _ = open_checkout(repo, ("src/**",), [])
    gone = Worktree(tmp_path / "w", checkout, split(target))
    shutil.rmtree(repo / ".git")
    with pytest.raises(UserError, match=r"could not create a worktree of .*: git worktree failed"):
        gone.open()


def test_file_names_with_spaces_and_wildcards(made):
    made.show(split(join({"src/a b.py": "x = 1\n", "src/[x]*.py": "y = 1\n"})))
    write(made.folder, {"data.csv": "0\n"})
    assert {path for path in there(made) if path.startswith("src/")} == {"src/a b.py", "src/[x]*.py"}
    made.show(split(made.target))
    assert there(made) == FILES
