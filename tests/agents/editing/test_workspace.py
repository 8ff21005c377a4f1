"""The folder of an editing agent, with a real git: what lies in it, what counts as a change, and what it leaves alone."""

import os
import subprocess

import pytest

from autoresearch_magic.agents.editing.changes import FolderGone
from autoresearch_magic.agents.editing.workspace import workspace
from autoresearch_magic.errors import UserError

from ...repositories import add_hooks, changed, commit, opened, repository, run_git, state, write

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


def listed(space):
    return sorted(
        str(path.relative_to(space.folder))
        for path in space.folder.rglob("*")
        if not path.is_dir() and ".git" not in path.relative_to(space.folder).parts
    )


def test_a_repository_study_shows_all_tracked_files_with_the_target_laid_over(repo):
    checkout, target = opened(repo, ("src/**",), "python bench.py")
    base = changed(target, src__app_py="X = 5\n", src__util_py=None, src__new_py="Z = 3\n")
    with workspace(base, checkout, started=target, texts=TEXTS) as space:
        expected = {*FILES, *TEXTS, "src/new.py"} - {"src/util.py"}
        assert listed(space) == sorted(expected)
        assert (space.folder / "src/app.py").read_text() == "X = 5\n"
        assert (space.folder / "notes.md").read_text() == "be bold\n"
        assert git_in(space, "log", "--format=%s").splitlines() == ["The version to improve"]
        assert git_in(space, "status", "--porcelain") == ""
        assert space.change().target == base
        assert (space.change().inside, space.change().outside) == ((), ())
        assert not os.stat(space.folder / "bench.py").st_mode & 0o222
        assert os.stat(space.folder / "src/app.py").st_mode & 0o200
    assert not space.folder.exists()
    assert not space.folder.parent.exists()


def test_hidden_files_are_absent_also_from_the_folders_git_and_linked_folders_with_them(repo):
    commit(repo, {"tests/answers.json": "{}\n", "data.md": "x\n"})
    write(repo, {"table/a.local": "1", "table/answers.local": "2", "more/b.local": "3"})
    checkout, target = opened(repo)
    hidden = ("tests/answers.json", "table/answers*")
    with workspace(target, checkout, started=target, linked=("table", "more"), hidden=hidden) as space:
        assert not (space.folder / "tests/answers.json").exists()
        assert "answers" not in git_in(space, "ls-tree", "-r", "--name-only", "HEAD")
        assert space.withheld == ("tests/answers.json", "table")
        assert not (space.folder / "table").exists()
        assert (space.folder / "more" / "b.local").read_text() == "3"
        assert space.change().outside == ()


def test_our_files_give_way_to_those_of_the_repository(repo):
    commit(repo, {"history.md": "the town's\n", "Notes.md/x.txt": "x\n", "autoresearch-history.md": "theirs as well\n"})
    checkout, target = opened(repo)
    with workspace(target, checkout, started=target, texts=TEXTS) as space:
        assert space.named == {"history.md": "autoresearch-2-history.md", "notes.md": "autoresearch-notes.md"}
        assert (space.folder / "history.md").read_text() == "the town's\n"
        assert (space.folder / "autoresearch-2-history.md").read_text() == "nothing so far\n"
        assert space.change().outside == ()


def test_links_of_the_worktree_are_there_and_no_change(repo):
    write(repo, {"data/table.csv.local": "1,2\n", "node_modules/left/index.js": "1\n"})
    checkout, target = opened(repo)
    with workspace(target, checkout, started=target, linked=["data"], mirrored=["node_modules"]) as space:
        assert (space.folder / "data" / "table.csv.local").read_text() == "1,2\n"
        assert (space.folder / "node_modules" / "left" / "index.js").read_text() == "1\n"
        assert (space.folder / "node_modules" / "left").is_symlink()
        assert space.change().outside == ()
    assert (repo / "data" / "table.csv.local").exists()
    assert (repo / "node_modules" / "left" / "index.js").exists()


def test_the_users_repository_is_left_as_it_is_and_no_hook_runs(repo, tmp_path):
    log = tmp_path / "hooks.log"
    add_hooks(repo, log)
    run_git(repo, "config", "core.splitIndex", "true")
    checkout, target = opened(repo)
    before, inside = state(repo), sorted(path.name for path in (repo / ".git").iterdir())
    with workspace(target, checkout, started=target, texts=TEXTS) as space:
        write(space.folder, {"src/app.py": "X = 7\n"})
        git_in(space, "commit", "-qam", "mine")
        git_in(space, "tag", "mine")
        space.change()
    assert state(repo) == before
    assert sorted(path.name for path in (repo / ".git").iterdir()) == inside
    assert not log.exists()


def test_line_endings_and_filters_are_those_of_a_checkout(tmp_path):
    repo = repository(
        tmp_path / "repo", {".gitattributes": "*.txt eol=crlf\n*.up filter=up\n", "a.py": "X = 1\n", "b.txt": "a\nb\n"}
    )
    run_git(repo, "config", "filter.up.clean", "tr A-Z a-z")
    run_git(repo, "config", "filter.up.smudge", "tr a-z A-Z")
    commit(repo, {"c.up": "ABC\n"})
    checkout, target = opened(repo, ("a.py",))
    run_git(repo, "rm", "-q", ".gitattributes")  # the commit's count, not those that lie there now
    with workspace(target, checkout, started=target) as space:
        assert (space.folder / "b.txt").read_bytes() == b"a\r\nb\r\n"
        assert (space.folder / "c.up").read_text() == "ABC\n"
        assert git_in(space, "status", "--porcelain") == ""
        os.utime(space.folder / "c.up")
        assert space.change().outside == ()


def test_a_cell_study_has_the_target_to_change_and_the_setup_to_read():
    with workspace("x = 1\nloss = x", setup="import math\n", texts=TEXTS) as space:
        assert listed(space) == ["history.md", "notes.md", "setup.py", "target.py"]
        write(space.folder, {"target.py": "x = 2\nloss = x", "try.py": "1"})
        (space.folder / "setup.py").unlink()
        found = space.change()
    assert found.target == "x = 2\nloss = x"
    assert found.inside == ("target.py",)
    assert found.outside == ("setup.py", "try.py")


def test_a_folder_that_the_agent_has_deleted_or_locked_is_no_bug():
    with workspace("x = 1\n") as space:
        subprocess.run(["rm", "-rf", space.folder], check=True)
        with pytest.raises(FolderGone):
            space.change()
    with workspace("x = 1\n") as space:
        (space.folder / "cache" / "deep").mkdir(parents=True)
        (space.folder / "cache" / "deep" / "file").write_text("")
        (space.folder / "cache" / "deep").chmod(0o500)
        (space.folder / "cache").chmod(0)
    assert not space.folder.parent.exists()


def test_a_repository_that_has_been_moved_is_one_line(repo, tmp_path):
    checkout, target = opened(repo)
    repo.rename(tmp_path / "moved")
    with pytest.raises(UserError, match="There is no folder"), workspace(target, checkout, started=target):
        pass


def test_a_checkout_that_is_a_worktree_itself_and_one_that_is_sparse(repo, tmp_path):
    run_git(repo, "worktree", "add", "-q", "-b", "two", str(tmp_path / "two"))
    run_git(repo, "sparse-checkout", "set", "src")
    for folder in (tmp_path / "two", repo):
        checkout, target = opened(folder)
        with workspace(target, checkout, started=target) as space:
            assert (space.folder / "tests/test_app.py").exists()
            write(space.folder, {"src/app.py": "X = 2\n"})
            assert (space.change().inside, space.change().outside) == (("src/app.py",), ())
