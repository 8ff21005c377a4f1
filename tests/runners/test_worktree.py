"""The folder where commands run: brought to one version of the target after another, and put right after each run."""

import os
import shutil
import stat
import subprocess
from pathlib import Path

import pytest

from autoresearch_magic.errors import UserError
from autoresearch_magic.runners.worktree import Worktree, command_environment
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
    """Return the files of a worktree as text, git's own aside."""
    return {
        str(path.relative_to(tree.folder)): path.read_bytes().decode()
        for path in sorted(tree.folder.rglob("*"))
        if path.is_file() and path.name != ".git"
    }


def show(tree, **files):
    target = changed(tree.target, **files)
    tree.show(split(target))
    return target


def test_it_is_the_commit_on_the_study_s_branch_and_the_checkout_knows_nothing_of_it(repo, tmp_path):
    before = state(repo)
    checkout, target, _ = open_checkout(repo, ("src/**",), [])
    tree = Worktree(tmp_path / "w", checkout, split(target), "autoresearch/one")
    tree.open()
    assert there(tree) == FILES
    assert run_git(tree.folder, "symbolic-ref", "HEAD").strip() == "refs/heads/autoresearch/one"
    assert run_git(repo, "rev-parse", "autoresearch/one").strip() == checkout.commit
    assert tree.changed() == tree.untracked() == tree.tampered() == []
    assert state(repo) == before


def test_versions_come_and_go(made):
    show(made, src__app_py="LIMIT = 20\n", src__new__b_py="b = 1\n", src__pkg__a_py=None)
    wanted = {**FILES, "src/app.py": "LIMIT = 20\n", "src/new/b.py": "b = 1\n"}
    del wanted["src/pkg/a.py"]
    assert there(made) == wanted
    show(made)
    assert there(made) == FILES
    assert made.changed() == []


def test_files_of_the_target_that_are_the_same_are_not_touched(made):
    show(made, src__app_py="LIMIT = 20\n")
    before = {path: (made.folder / path).stat().st_mtime_ns for path in FILES}
    show(made, src__app_py="LIMIT = 20\n", src__pkg__a_py="a = 2\n")
    after = {path: (made.folder / path).stat().st_mtime_ns for path in FILES}
    assert [path for path in FILES if before[path] != after[path]] == ["src/pkg/a.py"], "builds see what has changed"


def test_bytes_are_what_they_were(made):
    assert (made.folder / "src" / "win.txt").read_bytes() == b"one\r\ntwo\r\n"
    made.show(split(made.target) | {"src/win.txt": "one\r\n2\r\n", "src/odd.txt": "\f\x0b no end\u2028"})
    assert (made.folder / "src" / "win.txt").read_bytes() == b"one\r\n2\r\n"
    assert (made.folder / "src" / "odd.txt").read_bytes() == "\f\x0b no end\u2028".encode()


def mode(path):
    return stat.S_IMODE(path.stat().st_mode)


def test_an_executable_stays_one(made):
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


def test_what_a_run_leaves_is_put_back_and_ignored_files_stay(made):
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


def test_tidy_tells_what_it_has_put_back(made):
    show(made)
    write(made.folder, {"data.csv": "3,4\n", "src/app.py": "LIMIT = 0\n", "log.txt": "x\n"})
    assert made.tidy(keep={"src/app.py"}) == ["data.csv"]
    assert (made.folder / "src" / "app.py").read_text() == "LIMIT = 0\n"
    assert made.tidy() == ["src/app.py"]


def test_what_a_run_has_staged_or_committed_is_put_back_too(made):
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


def test_only_content_is_tampering(made):
    show(made)
    os.utime(made.folder / "bench.py", ns=(1, 1))
    assert made.tampered() == []
    (made.folder / "data.csv").write_text("3\n")
    assert made.tampered() == [], "it is put back, but it measures nothing"
    (made.folder / "bench.py").write_text("print('ms: 4')\n")
    assert made.tampered() == ["bench.py"]
    (made.folder / "bench.py").unlink()
    assert made.tampered() == ["bench.py"]


# -- nothing outside of it is written -----------------------------------------------------------------------------------------


@pytest.fixture
def outside(tmp_path):
    write(tmp_path / "outside", {"a.py": "mine\n", "app.py": "mine\n", "b.py": "mine\n"})
    yield tmp_path / "outside"
    found = {path.name: path.read_text() for path in (tmp_path / "outside").iterdir()}
    assert found == dict.fromkeys(("a.py", "app.py", "b.py"), "mine\n")


def test_a_link_in_the_place_of_a_file(made, outside):
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


def test_a_link_to_a_file_that_has_the_very_content(made, tmp_path):
    show(made)
    write(tmp_path, {"twin.py": "LIMIT = 10\n"})
    (made.folder / "src" / "app.py").unlink()
    (made.folder / "src" / "app.py").symlink_to(tmp_path / "twin.py")
    show(made)
    assert not (made.folder / "src" / "app.py").is_symlink()


@pytest.mark.parametrize("gone", [False, True])
def test_a_link_in_the_place_of_a_folder(made, outside, gone):
    show(made)
    shutil.rmtree(made.folder / "src" / "pkg")
    (made.folder / "src" / "pkg").symlink_to(outside)
    target = show(made, src__pkg__a_py=None if gone else "a = 2\n", src__pkg__b_py="b = 2\n")
    assert not (made.folder / "src" / "pkg").is_symlink()
    assert {path: text for path, text in there(made).items() if path.startswith("src/")} == split(target)


def test_a_link_in_the_place_of_an_ignored_folder(made, outside):
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


def test_a_link_where_the_new_file_is_written_first(made, outside):
    show(made)
    (made.folder / "src" / ".app.py.new").symlink_to(outside / "b.py")
    show(made, src__app_py="LIMIT = 20\n")
    assert (made.folder / "src" / "app.py").read_text() == "LIMIT = 20\n"
    assert not (made.folder / "src" / "app.py").is_symlink()


def test_a_folder_in_the_way_and_a_file_in_the_way_of_a_folder(made):
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


# -- links of the user's ------------------------------------------------------------------------------------------------------


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


def test_a_link_to_nothing_is_told(repo, tmp_path):
    with pytest.raises(UserError, match="--link data: there is no such file or folder"):
        linked(repo, tmp_path / "w", "data").open()


# -- half made, and away ------------------------------------------------------------------------------------------------------


def admin(tree):
    """Return git's own folder of a worktree."""
    return Path((tree.folder / ".git").read_text().removeprefix("gitdir:").strip())


@pytest.mark.parametrize("harm", ["git file", "git folder", "index"])
def test_a_run_that_damages_the_worktree_reaches_nothing_above_it(repo, harm):
    """The worktree is below the checkout: git would find that one when the other is gone."""
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
def test_one_that_was_left_half_made_is_made_anew(made, harm):
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


def test_one_that_is_there_is_used_again_with_its_locks_removed_and_its_ignored_files(made):
    show(made, src__app_py="LIMIT = 20\n")
    write(made.folder, {"x.cache": "kept\n"})
    (admin(made) / "index.lock").touch()
    again = Worktree(made.folder, made.checkout, split(made.target), "autoresearch/one")
    again.open()
    again.show(split(made.target))
    assert there(again) == {**FILES, "x.cache": "kept\n"}


def test_taken_away_git_forgets_it_and_nothing_else(repo, made, tmp_path):
    run_git(repo, "worktree", "add", "-q", str(tmp_path / "usb" / "mine"), "-b", "mine")
    (tmp_path / "usb").rename(tmp_path / "unplugged")
    made.remove()
    assert not made.folder.exists()
    listed = run_git(repo, "worktree", "list", "--porcelain")
    assert "study/worktree" not in listed
    assert "usb/mine" in listed, "a worktree of the user's on a disk that is away"
    made.remove()
    made.open()
    assert "usb/mine" in run_git(repo, "worktree", "list", "--porcelain")
    (tmp_path / "unplugged").rename(tmp_path / "usb")
    assert run_git(tmp_path / "usb" / "mine", "status", "--porcelain") == ""


def test_a_checkout_with_line_endings_of_its_own(tmp_path):
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


def test_a_place_that_cannot_be_made_is_one_line(repo, tmp_path):
    checkout, target, _ = open_checkout(repo, ("src/**",), [])
    gone = Worktree(tmp_path / "w", checkout, split(target))
    shutil.rmtree(repo / ".git")
    with pytest.raises(UserError, match=r"worktree of .* could not be made: git worktree failed"):
        gone.open()


def test_this_python_first_and_no_stale_bytecode():
    made = command_environment({"PATH": "/usr/bin", "X": "1"}, "/usr/local/env/bin/python")
    assert made == {"PATH": "/usr/local/env/bin:/usr/bin", "X": "1", "PYTHONDONTWRITEBYTECODE": "1"}


def test_a_target_in_one_text_is_shown_file_by_file(made):
    made.show(split(join({"src/a b.py": "x = 1\n", "src/[x]*.py": "y = 1\n"})))
    write(made.folder, {"data.csv": "0\n"})
    assert {path for path in there(made) if path.startswith("src/")} == {"src/a b.py", "src/[x]*.py"}
    made.show(split(made.target))
    assert there(made) == FILES
