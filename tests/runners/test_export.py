"""The export where commands run: it takes on versions of the target, as if it were made anew for each run."""

import os
import shutil
import stat
import subprocess

import pytest

from autoresearch_magic.errors import UserError
from autoresearch_magic.runners import export
from autoresearch_magic.runners.export import Export
from autoresearch_magic.source.files import join, split
from autoresearch_magic.storage.git.checkout import open_checkout
from autoresearch_magic.storage.git.export import calls_git

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
    tree = Export(tmp_path / "study" / "export", checkout, split(target), "autoresearch/one")
    tree.open()
    tree.target = target
    return tree


def there(tree):
    """Return the text of all files of an export except git's own."""
    return {
        str(path.relative_to(tree.folder)): path.read_bytes().decode()
        for path in sorted(tree.folder.rglob("*"))
        if path.is_file() and path.name != ".git"
    }


def show(tree, **files):
    target = changed(tree.target, **files)
    tree.show(split(target))
    return target


def test_a_new_export_has_the_commit_and_leaves_the_repository_unchanged_but_for_the_branch(repo, tmp_path):
    before = state(repo)
    checkout, target, _ = open_checkout(repo, ("src/**",), [])
    tree = Export(tmp_path / "w", checkout, split(target), "autoresearch/one")
    tree.open()
    tree.show(split(target))
    assert there(tree) == FILES
    assert not (tree.folder / ".git").exists()
    assert run_git(repo, "rev-parse", "autoresearch/one").strip() == checkout.commit
    assert run_git(repo, "worktree", "list").count("\n") == 1
    assert tree.changed() == tree.touched() == tree.tampered() == []
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
    show(made)
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


def test_everything_that_a_run_leaves_is_gone(made):
    show(made)
    write(made.folder, {
        "data.csv": "3,4\n", "src/app.py": "LIMIT = 0\n", "bench.py": None, "log.txt": "x\n", "out/deep/er.txt": "x\n",
        "src/left.py": "x = 1\n", "x.cache": "left\n", "build/o.bin": b"\0left", "src/__pycache__/app.cpython-311.pyc": b"\0",
        "sitecustomize.py": "x = 1\n", "a/b/c/d/e": "",
    })  # fmt: skip
    run_git(made.folder, "init", "-q", "inner")
    run_git(made.folder, "init", "-q")
    os.mkfifo(made.folder / "pipe")
    os.link(made.folder / "data.csv", made.folder / "src" / "twin.csv")
    (made.folder / "empty").mkdir(mode=0o000)
    show(made)
    assert there(made) == FILES
    assert sorted(path.name for path in made.folder.iterdir()) == [".gitignore", "bench.py", "data.csv", "src"]


def test_a_file_that_was_written_and_put_back_with_its_times_is_written_again(made):
    show(made)
    place = made.folder / "bench.py"
    before, text = place.stat(), place.read_text()
    place.write_text("print('ms: 0')\n")
    place.write_text(text)
    os.utime(place, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert made.tampered() == ["bench.py"]
    assert made.changed() == []
    assert made.tampered(also_written=["bench.py"]) == [], "the unchanged version does the same"
    show(made)
    assert made.touched() == []
    place.chmod(0o600)
    assert made.touched() == ["bench.py"]


def test_programs_that_no_proposal_may_change_are_watched_and_data_is_not(repo, tmp_path):
    commit(repo, {"helper/timing.py": "x = 1\n"})
    checkout, target, _ = open_checkout(repo, ("src/**",), ["python bench.py"])
    tree = Export(tmp_path / "w", checkout, split(target))
    tree.open()
    tree.show(split(target))
    write(tree.folder, {"data.csv": "3\n", "src/app.py": "LIMIT = 3\n"})
    assert tree.tampered() == [], "it is put back, but it measures nothing"
    write(tree.folder, {"helper/timing.py": "x = 1\n"})
    assert tree.tampered() == ["helper/timing.py"]
    (tree.folder / "bench.py").unlink()
    assert sorted(tree.tampered(["bench.py", "helper/timing.py"])) == ["bench.py"]


def test_the_pristine_copy_is_made_again_when_somebody_has_written_there(made):
    show(made)
    pristine = made.folder.with_name("export.pristine")
    before = (pristine / "bench.py").stat()
    write(pristine, {"bench.py": "print('ms: 1')\n", "src/more.py": "x = 1\n"})
    os.utime(pristine / "bench.py", ns=(before.st_atime_ns, before.st_mtime_ns))
    (made.folder / "bench.py").unlink()
    show(made)
    assert there(made) == FILES
    shutil.rmtree(pristine)
    (made.folder / "bench.py").unlink()
    show(made)
    assert there(made) == FILES


def test_what_the_unchanged_version_has_built_is_there_for_each_version_as_it_was(made):
    show(made, src__app_py="LIMIT = 20\n")
    write(made.folder, {"build/a.o": b"\0 of another version"})
    made.keep_built()
    show(made)
    write(
        made.folder,
        {
            "build/a.o": b"\0",
            "build/.cache/x": "state\n",
            "build/__pycache__/x.pyc": b"\0",
            "x.cache": "state\n",
            "left.o": b"0",
        },
    )
    os.utime(made.folder / "build" / "a.o", ns=(10**18, 10**18))
    made.keep_built()
    built = {**FILES, "build/a.o": "\0"}
    for harm in ({}, {"build/a.o": b"\1", "build/b.o": b"\0"}, {"build/a.o": None}):
        write(made.folder, harm)
        show(made, src__app_py="LIMIT = 20\n")
        assert there(made) == {**built, "src/app.py": "LIMIT = 20\n"}
        assert (made.folder / "build" / "a.o").stat().st_mtime_ns == 10**18, (
            "what was built is not older than its sources"
        )


# -- nothing outside the export is written -----------------------------------------------------------------------------------------


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
    tree = Export(folder, checkout, split(target), "", names)
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


# -- damaged, resumed, removed ---------------------------------------------------------------------------------------------------------


def test_a_folder_that_cannot_be_deleted_is_put_aside(made, monkeypatch):
    show(made)
    write(made.folder, {"kept.txt": "x\n"})

    def refuse(place):
        if str(place).endswith("kept.txt") or str(place) == str(made.folder):
            raise PermissionError(1, "Operation not permitted")
        real(place)

    real = export.remove
    monkeypatch.setattr(export, "remove", refuse)
    show(made)
    assert there(made) == FILES
    assert (made.folder.with_name("export.left1") / "kept.txt").exists()


@pytest.mark.parametrize("harm", ["file", "link", "nothing", "unreadable"])
def test_a_folder_that_a_run_has_replaced_is_made_again(made, outside, harm):
    show(made)
    if harm == "unreadable":
        made.folder.chmod(0o000)
    else:
        shutil.rmtree(made.folder)
    if harm == "file":
        made.folder.write_text("x\n")
    if harm == "link":
        made.folder.symlink_to(outside)
    assert harm == "unreadable" or "bench.py" in made.tampered()
    show(made)
    assert there(made) == FILES
    assert made.tampered() == []


def test_the_folder_of_an_earlier_process_is_not_trusted(made):
    show(made)
    before = (made.folder / "bench.py").stat().st_ctime_ns
    write(made.folder, {"x.cache": "left\n"})
    again = Export(made.folder, made.checkout, split(made.target), "autoresearch/one")
    again.open()
    again.show(split(made.target))
    assert there(again) == FILES
    assert (made.folder / "bench.py").stat().st_ctime_ns != before


def test_a_worktree_of_an_older_version_is_removed_and_those_of_the_user_stay(repo, made, tmp_path):
    run_git(repo, "worktree", "add", "-q", str(tmp_path / "usb" / "mine"), "-b", "mine")
    (tmp_path / "usb").rename(tmp_path / "unplugged")
    run_git(repo, "worktree", "add", "-q", "-f", "--detach", str(made.folder.with_name("worktree")))
    made.open()
    show(made)
    assert there(made) == FILES
    listed = run_git(repo, "worktree", "list", "--porcelain")
    assert "study/worktree" not in listed
    assert not made.folder.with_name("worktree").exists()
    assert "usb/mine" in listed, "the user's worktree on a disk that is not mounted"
    made.remove()
    assert not made.folder.exists()
    assert not [*made.folder.parent.iterdir()]


@pytest.mark.slow
def test_a_command_that_calls_git_gets_a_repository_that_leads_nowhere(repo, tmp_path):
    run_git(repo, "tag", "-a", "v1", "-m", "one")
    commit(repo, {"data.csv": "2\n"})
    run_git(repo, "remote", "add", "origin", "https://example.org/x.git")
    before = state(repo)
    checkout, target, _ = open_checkout(repo, ("src/**",), [])
    tree = Export(tmp_path / "w", checkout, split(target), repository=True)
    tree.open()
    tree.show(split(target))
    assert run_git(tree.folder, "describe").startswith("v1-1-g")
    assert run_git(tree.folder, "rev-parse", "--abbrev-ref", "HEAD") == "main\n"
    assert run_git(tree.folder, "status", "--porcelain") == run_git(tree.folder, "remote") == ""
    assert not (tree.folder / ".git" / "objects" / "info" / "alternates").exists()
    text = "".join(p.read_text("utf-8", "replace") for p in (tree.folder / ".git").rglob("*") if p.is_file())
    assert str(repo) not in text
    write(
        tree.folder,
        {"bench.py": "print(0)\n", "a": "1", ".git/hooks/post-checkout": "#!/bin/sh\n", ".git/info/exclude": "*.py\n"},
    )
    run_git(tree.folder, "commit", "-qam", "mine", "--allow-empty")
    run_git(tree.folder, "update-index", "--skip-worktree", "bench.py")
    run_git(tree.folder, "config", "filter.x.clean", "false")
    run_git(tree.folder, "update-ref", "refs/heads/main", "HEAD")
    assert tree.tampered() == ["bench.py"]
    tree.show(split(target))
    assert run_git(tree.folder, "status", "--porcelain") == ""
    assert run_git(tree.folder, "rev-parse", "HEAD").strip() == checkout.commit
    assert "filter" not in run_git(tree.folder, "config", "--list", "--local")
    assert not (tree.folder / ".git" / "hooks").exists()
    assert state(repo) == before


def test_which_commands_need_a_repository(tmp_path):
    write(
        tmp_path,
        {"bench.sh": "x=$(git rev-parse HEAD)\n", "a.py": "'digit'\n", "pyproject.toml": "[tool.setuptools_scm]\n"},
    )
    for command, named, tracked, needed in [
        ("git describe", [], [], True), ("sh bench.sh", ["bench.sh"], ["bench.sh"], True), ("python a.py", ["a.py"], ["a.py"], False),
        ("pytest --ignore=.git", [], [], False), ("make", [], ["pyproject.toml"], True), ("x | digit; cat .gitignore", [], [], False),
    ]:  # fmt: skip
        assert calls_git([command], tmp_path, named, tracked) is needed, command


def test_line_ends_follow_gitattributes(tmp_path):
    repo = tmp_path / "repo"
    repository(repo, {"src/a.py": "x = 1\ny = 2\n", ".gitattributes": "*.py text eol=crlf\n"})
    write(repo, {"src/a.py": None})
    run_git(repo, "checkout", "--", ".")
    assert (repo / "src" / "a.py").read_bytes() == b"x = 1\r\ny = 2\r\n"
    checkout, target, _ = open_checkout(repo, ("src/**",), [])
    tree = Export(tmp_path / "w", checkout, split(target))
    write(repo, {".gitattributes": "*.py -text\n"})
    tree.open()
    tree.show(split(target))
    assert (tree.folder / "src" / "a.py").read_bytes() == b"x = 1\r\ny = 2\r\n"
    assert tree.changed() == []


def test_a_failing_git_is_a_one_line_error(repo, tmp_path):
    checkout, target, _ = open_checkout(repo, ("src/**",), [])
    gone = Export(tmp_path / "w", checkout, split(target))
    shutil.rmtree(repo / ".git")
    with pytest.raises(UserError, match=r"git could not export .*: git .* failed"):
        gone.open()


def test_file_names_with_spaces_and_wildcards(made):
    made.show(split(join({"src/a b.py": "x = 1\n", "src/[x]*.py": "y = 1\n"})))
    write(made.folder, {"data.csv": "0\n"})
    assert {path for path in there(made) if path.startswith("src/")} == {"src/a b.py", "src/[x]*.py"}
    made.show(split(made.target))
    assert there(made) == FILES
