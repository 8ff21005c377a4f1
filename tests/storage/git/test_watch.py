"""The user's checkout before and after an agent's program: what is restored, what is told, and that nothing is lost."""

import os
import shutil
import stat
import subprocess
import tempfile
import threading

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from autoresearch_magic.storage.git.command import GitFailed
from autoresearch_magic.storage.git.watch import CheckoutWatch

from ...repositories import commit, repository, run_git, write

ODD = ["a b.txt", "new\nline", "-dash", ":(glob)*", "quo'te\"", "ünïcode/ä.txt", "*", "back\\slash"]
FILES = {
    "README.md": "Hello\n",
    "src/app.py": "LIMIT = 10\n",
    "src/util.py": "x = 1\n",
    "run.sh": "echo\n",
    **{n: f"{n}\n" for n in ODD},
}


@pytest.fixture
def repo(tmp_path):
    folder = repository(tmp_path / "repo", FILES)
    (folder / "run.sh").chmod(0o755)
    (folder / "link").symlink_to("README.md")
    (folder / "secret").write_text("s")
    (folder / "secret").chmod(0o600)
    commit(folder, {})
    return folder


@pytest.fixture
def kept(tmp_path):
    return tmp_path / "kept"


def contents(folder):
    """Return what is in a checkout: each file's content, permissions or link."""
    return {
        str(place.relative_to(folder)): os.readlink(place) if place.is_symlink() else (place.read_bytes(), stat.S_IMODE(place.stat().st_mode))
        for place in sorted(folder.rglob("*"))
        if place.relative_to(folder).parts[0] != ".git" and (place.is_symlink() or not place.is_dir())
    }  # fmt: skip


def hidden(folder):
    """Return what git knows, byte for byte."""
    return (
        (folder / ".git" / "index").read_bytes(), (folder / ".git" / "HEAD").read_bytes(), run_git(folder, "for-each-ref"),
        run_git(folder, "stash", "list"), sorted(os.listdir(folder / ".git")),
    )  # fmt: skip


def around(folder, kept, change, watch=None):
    """Let a change happen between look and comparison; return the lines."""
    watch = watch or CheckoutWatch(folder)
    before = watch.look()
    change()
    lines = watch.compare(before, kept)
    assert all(line.isprintable() for line in lines)
    return lines


def command(line):
    """Run the command that a line names at its end."""
    subprocess.run(["bash", "-c", line.rpartition(":  ")[2]], check=True)


def test_nothing_changed_is_nothing_told_and_nothing_written(repo, kept):
    before, known = contents(repo), hidden(repo)
    assert around(repo, kept, lambda: None) == ()
    (repo / "README.md").touch()
    assert around(repo, kept, lambda: (repo / "src/app.py").touch()) == ()
    assert (contents(repo), hidden(repo)) == (before, known)
    assert not kept.exists()


def test_a_changed_file_is_kept_restored_and_told_with_the_way_back(repo, kept):
    before, known = contents(repo), hidden(repo)
    (line,) = around(repo, kept, lambda: write(repo, {"src/app.py": "LIMIT = 99\n"}))
    assert line.startswith(f"src/app.py in {repo} was changed while the agent was asked and is restored.")
    assert (contents(repo), hidden(repo)) == (before, known)
    command(line)
    assert (repo / "src/app.py").read_text() == "LIMIT = 99\n"


def test_every_kind_of_change_is_undone(repo, kept):
    before, known = contents(repo), hidden(repo)

    def change():
        for name in ODD:
            write(repo, {name: "changed"})
        (repo / "run.sh").chmod(0o644)
        (repo / "secret").write_text("t")
        (repo / "secret").chmod(0o644)
        (repo / "link").unlink()
        (repo / "link").symlink_to("/etc/passwd")
        (repo / "README.md").unlink()
        (repo / "README.md").symlink_to("src/util.py")
        shutil.rmtree(repo / "src")

    lines = around(repo, kept, change)
    assert (contents(repo), hidden(repo)) == (before, known)
    assert len(lines) == 2
    assert "12 files in" in lines[0]
    assert "src/app.py, src/util.py" in lines[1]
    assert "were deleted while the agent was asked and are back" in lines[1]
    command(lines[0])
    assert (repo / "new\nline").read_text() == "changed"
    assert os.readlink(repo / "README.md") == "src/util.py"
    assert not os.access(repo / "run.sh", os.X_OK)


def test_a_folder_in_a_files_place_and_a_link_in_a_folders_place(repo, kept, tmp_path):
    before, known = contents(repo), hidden(repo)
    outside = tmp_path / "outside"
    write(outside, {"app.py": "mine", "util.py": "mine"})

    def change():
        (repo / "README.md").unlink()
        write(repo, {"README.md/deep/x": "y"})
        shutil.rmtree(repo / "src")
        (repo / "src").symlink_to(outside)

    lines = around(repo, kept, change)
    assert (contents(repo), hidden(repo)) == (before, known)
    assert contents(outside)["app.py"][0] == b"mine"
    assert (kept / "0001/README.md/deep/x").read_text() == "y"
    assert os.readlink(kept / "0001/src") == str(outside)
    assert "README.md" in lines[0]
    assert "The folder of src/app.py, src/util.py" in lines[1]
    assert len(lines) == 2


def test_a_file_in_a_folders_place(repo, kept):
    before = contents(repo)

    def change():
        shutil.rmtree(repo / "src")
        (repo / "src").write_text("now a file")

    around(repo, kept, change)
    assert contents(repo) == before
    assert (kept / "0001/src").read_text() == "now a file"


def test_what_is_taken_back_stays(repo, kept):
    watch = CheckoutWatch(repo)
    (line,) = around(repo, kept, lambda: write(repo, {"README.md": "mine\n"}), watch)
    assert around(repo, kept, lambda: command(line), watch) == ()  # during a call
    assert (repo / "README.md").read_text() == "mine\n"
    (line,) = around(repo, kept, lambda: write(repo, {"README.md": "more\n"}), watch)
    assert "had uncommitted changes before, so nothing was undone; this is told once" in line
    assert around(repo, kept, lambda: write(repo, {"README.md": "more still\n"}), watch) == ()
    (line,) = around(repo, kept, lambda: write(repo, {"secret": "1"}), watch)
    command(line)  # between calls
    assert around(repo, kept, lambda: None, watch) == ()
    assert (repo / "secret").read_text() == "1"


def test_the_same_edit_again_is_no_taking_back(repo, kept):
    watch = CheckoutWatch(repo)
    for number in (1, 2, 3):
        assert len(around(repo, kept, lambda: write(repo, {"README.md": "bad\n"}), watch)) == 1
        assert (repo / "README.md").read_text() == "Hello\n"
        assert (kept / f"000{number}/README.md").read_text() == "bad\n"


def test_dirty_files_and_notebooks_are_told_only(repo, kept, monkeypatch):
    commit(repo, {"a.ipynb": "{}", "own.ipynb": "{}"})
    write(repo, {"README.md": "dirty\n", "secret": "dirty"})
    monkeypatch.setenv("JPY_SESSION_NAME", str(repo / "own.ipynb"))
    lines = around(
        repo, kept, lambda: write(repo, {"README.md": "dirtier\n", "a.ipynb": "[]", "own.ipynb": "[]", "secret": None})
    )
    assert (repo / "README.md").read_text() == "dirtier\n"
    assert (repo / "a.ipynb").read_text() == "[]"
    assert len(lines) == 2
    assert lines[0].startswith(
        f"README.md, secret in {repo} changed while the agent was asked, had uncommitted changes before"
    )
    assert lines[1].startswith("a.ipynb")
    assert not kept.exists()
    (line,) = around(repo, kept, lambda: run_git(repo, "checkout", "--", "README.md"))
    assert "had uncommitted changes before, which are gone" in line


def test_a_staged_version_is_what_a_file_goes_back_to(repo, kept):
    write(repo, {"README.md": "staged\n"})
    run_git(repo, "add", "README.md")
    known = hidden(repo)
    around(repo, kept, lambda: write(repo, {"README.md": "bad\n"}))
    assert (repo / "README.md").read_text() == "staged\n"
    assert hidden(repo) == known


def test_new_files_are_told_and_left(repo, kept):
    write(repo, {"old.txt": "x", ".gitignore": "*.log\n"})
    lines = around(
        repo,
        repo / "kept",
        lambda: write(repo, {"new/a.txt": "x", "b\nb": "", "x.log": "x", "__pycache__/a.pyc": "", "README.md": "x"}),
    )
    assert len(lines) == 2
    assert (
        lines[1]
        == f"New in {repo} while the agent was asked: 'b\\nb', new/a.txt; git does not track that, and it is left there."
    )
    assert (repo / "new/a.txt").exists()
    assert around(repo, repo / "kept", lambda: None) == ()


def test_our_own_temporary_folders_in_the_checkout_are_not_told(repo, kept, monkeypatch):
    (repo / "tmp").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(repo / "tmp"))
    assert around(repo, kept, lambda: write(repo, {"tmp/autoresearch-agent-x/a": "", "README.md": "bad"}))[1:] == ()
    (line,) = around(repo, kept, lambda: write(repo, {"tmp/other": ""}))
    assert "tmp/other" in line


def test_a_commit_and_a_switch_by_the_user_are_no_edits(repo, kept):
    run_git(repo, "switch", "-q", "-c", "other")
    commit(repo, {"README.md": "other\n", "src/app.py": None})
    run_git(repo, "switch", "-q", "main")
    (line,) = around(repo, kept, lambda: run_git(repo, "switch", "-q", "other"))
    assert line.startswith(f"HEAD of {repo} moved while the agent was asked, from ")
    assert "(main) to " in line
    assert "(other): nothing was undone" in line
    assert (repo / "README.md").read_text() == "other\n"
    assert not (repo / "src/app.py").exists()
    (line,) = around(repo, kept, lambda: commit(repo, {"README.md": "committed\n", "added": "x"}))
    assert line.startswith("HEAD of")
    assert (repo / "README.md").read_text() == "committed\n"
    lines = around(repo, kept, lambda: (run_git(repo, "switch", "-q", "main"), write(repo, {"secret": "bad"})))
    assert len(lines) == 2
    assert (repo / "secret").read_text() == "s"
    assert not kept.joinpath("0002").exists()


def test_what_git_commands_do_is_told_and_not_undone(repo, kept):
    def change():
        write(repo, {"README.md": "staged\n"})
        run_git(repo, "add", "README.md")
        run_git(repo, "rm", "-q", "secret")
        run_git(repo, "tag", "v1")
        run_git(repo, "update-ref", "refs/autoresearch/study/0001", "HEAD")
        (repo / ".git/hooks").mkdir(exist_ok=True)
        (repo / ".git/hooks/pre-commit").write_text("#!/bin/sh\nevil\n")

    lines = around(repo, kept, change)
    assert [line.split(" in ")[0].split(" of ")[0].split(" changed")[0] for line in lines] == [
        "The index", "Refs", str(repo / ".git/hooks/pre-commit"),
    ]  # fmt: skip
    assert "(README.md, secret)" in lines[0]
    assert "refs/tags/v1 (new)" in lines[1]
    assert (repo / "README.md").read_text() == "staged\n"
    write(repo, {"src/app.py": "mine"})
    lines = around(repo, kept, lambda: run_git(repo, "stash"))
    assert any(line.startswith("The stash of") for line in lines)
    lines = around(repo, kept, lambda: run_git(repo, "stash", "drop", "-q"))
    (line,) = lines
    run_git(repo, *line.partition("; git ")[2].split()[:3])
    assert (repo / "src/app.py").read_text() == "mine"


@pytest.mark.slow
def test_a_git_command_in_between_is_waited_for_and_not_disturbed(repo, kept, monkeypatch):
    watch = CheckoutWatch(repo)
    before = watch.look()
    lock = repo / ".git/index.lock"
    lock.touch()
    write(repo, {"README.md": "half of a switch\n"})
    timer = threading.Timer(0.2, lambda: (lock.unlink(), run_git(repo, "commit", "-qam", "x")))
    timer.start()
    lines = watch.compare(before, kept)
    timer.join()
    assert (repo / "README.md").read_text() in ("half of a switch\n", "Hello\n")
    assert lines
    monkeypatch.setattr("autoresearch_magic.storage.git.snapshot.LOCK_WAIT", 0.1)
    before = watch.look()
    lock.touch()
    write(repo, {"secret": "x"})
    (line,) = watch.compare(before, kept)
    assert "another git command works there, so nothing was undone" in line
    assert (repo / "secret").read_text() == "x"


@pytest.mark.slow
def test_line_endings_and_filters(repo, kept):
    (repo / ".gitattributes").write_text("*.txt text eol=crlf\n*.up filter=up\n")
    run_git(repo, "config", "filter.up.clean", "tr A-Z a-z")
    run_git(repo, "config", "filter.up.smudge", "tr a-z A-Z")
    commit(repo, {"crlf.txt": "a\r\nb\r\n", "x.up": "ABC\n"})
    before, known = contents(repo), hidden(repo)
    assert run_git(repo, "cat-file", "-p", ":x.up") == "abc\n"

    def change():
        write(repo, {"crlf.txt": "a\r\nc\r\n", "x.up": "XYZ\n", ".gitattributes": "* -text\n"})

    lines = around(repo, kept, change)
    assert len(lines) == 3
    assert (contents(repo), hidden(repo)) == (before, known)
    (line,) = around(repo, kept, lambda: write(repo, {"crlf.txt": "a\nb\n"}))
    assert "is restored" in line
    assert (contents(repo), hidden(repo)) == (before, known)


def test_permissions_that_git_does_not_count_are_told(repo, kept):
    (line,) = around(repo, kept, lambda: (repo / "secret").chmod(0o666))
    assert line.startswith("secret in")
    assert "in permissions" in line


def test_a_filter_that_fails_loses_nothing(repo, kept):
    write(repo, {".gitattributes": "*.up filter=up\n"})
    run_git(repo, "config", "filter.up.required", "true")
    run_git(repo, "config", "filter.up.clean", "cat")
    run_git(repo, "config", "filter.up.smudge", "false")
    commit(repo, {"x.up": "abc\n"})
    lines = around(repo, kept, lambda: write(repo, {"x.up": "changed\n"}))
    assert len(lines) == 1
    assert "x.up" in lines[0]
    assert "could not be restored" in lines[0]
    assert (repo / "x.up").read_text() == "changed\n"


def test_files_that_git_does_not_look_at_are_told(repo, kept):
    run_git(repo, "update-index", "--skip-worktree", "README.md")
    run_git(repo, "update-index", "--assume-unchanged", "secret")
    lines = around(repo, kept, lambda: write(repo, {"README.md": "x", "secret": "y"}))
    assert len(lines) == 1
    assert lines[0].startswith("README.md, secret in")
    assert (repo / "README.md").read_text() == "x"


def test_a_file_in_conflict_is_left(repo, kept):
    run_git(repo, "switch", "-q", "-c", "other")
    commit(repo, {"README.md": "other\n"})
    run_git(repo, "switch", "-q", "main")
    commit(repo, {"README.md": "main\n"})
    subprocess.run(["git", "merge", "-q", "other"], cwd=repo, capture_output=True, check=False)
    lines = around(repo, kept, lambda: write(repo, {"README.md": "solving\n", "secret": "bad"}))
    assert (repo / "README.md").read_text() == "solving\n"
    assert (repo / "secret").read_text() == "s"
    assert len(lines) == 1


def test_a_linked_worktree_a_repository_without_commits_and_none_at_all(repo, kept, tmp_path):
    run_git(repo, "worktree", "add", "-q", str(tmp_path / "tree"))
    around(tmp_path / "tree", kept, lambda: write(tmp_path / "tree", {"README.md": "bad"}))
    assert (tmp_path / "tree/README.md").read_text() == "Hello\n"
    empty = tmp_path / "empty"
    empty.mkdir()
    run_git(empty, "init", "-q")
    lines = around(empty, kept, lambda: write(empty, {"x": "x"}))
    assert lines[0].startswith("New in")
    with pytest.raises(GitFailed):
        CheckoutWatch(tmp_path)


def test_another_file_system_for_what_is_kept(repo, monkeypatch):
    """`rename` between file systems fails, so the file is moved aside first and copied then."""
    other = "/dev/shm" if os.path.isdir("/dev/shm") else None
    if other is None or os.stat(other).st_dev == os.stat(repo).st_dev:
        pytest.skip("needs two file systems")
    with tempfile.TemporaryDirectory(dir=other) as folder:
        around(repo, type(repo)(folder), lambda: write(repo, {"README.md": "bad"}))
        assert (type(repo)(folder) / "0001/README.md").read_text() == "bad"
        assert contents(repo).keys() >= {"README.md"}
        assert not any(".autoresearch" in name for name in contents(repo))


def test_questions_that_overlap_share_their_baseline(repo, kept):
    before = contents(repo)
    watch = CheckoutWatch(repo)
    first = watch.look()
    write(repo, {"README.md": "by the first"})
    second = watch.look()
    write(repo, {"secret": "by the second"})
    lines = watch.compare(first, kept)
    assert len(lines) == 2
    assert contents(repo) == before
    write(repo, {"secret": "again"})
    (line,) = watch.compare(second, kept)
    assert line.startswith("secret")
    assert contents(repo) == before
    lost = watch.look()
    del lost  # a question that was never compared
    write(repo, {"secret": "by the user, between questions"})
    assert around(repo, kept, lambda: None, watch) == ()
    with pytest.raises(ValueError, match="once"):
        watch.compare(second, kept)


@pytest.mark.slow
def test_many_threads_at_once_lose_and_forget_nothing(repo, kept):
    before, known = contents(repo), hidden(repo)
    watch, told = CheckoutWatch(repo), []

    def work(number):
        for turn in range(3):
            look = watch.look()
            write(repo, {["README.md", "secret", "src/app.py", "src/util.py"][number]: f"bad {number} {turn}"})
            told.extend(watch.compare(look, kept))

    threads = [threading.Thread(target=work, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (contents(repo), hidden(repo)) == (before, known)
    found = {place.read_text() for place in kept.rglob("*") if place.is_file()}
    assert found == {f"bad {n} {t}" for n in range(4) for t in range(3)}
    assert sum("is restored" in line for line in told) + sum("are restored" in line for line in told) >= 4


NAMES = [*FILES, "secret"]
EDITS = st.lists(
    st.tuples(st.sampled_from(NAMES), st.sampled_from(["write", "delete", "link", "folder", "mode", "touch"])),
    max_size=6,
)


@pytest.mark.slow
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(EDITS)
def test_whatever_is_done_to_clean_files_is_undone_and_kept(repo, tmp_path, edits):
    before, known = contents(repo), hidden(repo)

    def change():
        for number, (name, kind) in enumerate(edits):
            place = repo / name
            if place.is_dir() and not place.is_symlink():
                continue
            if kind in ("delete", "link", "folder"):
                place.unlink(missing_ok=True)
            if kind == "link":
                place.symlink_to("nowhere")
            elif kind == "folder":
                place.mkdir()
            elif kind == "write" and not place.is_symlink():
                place.write_text(f"{number}")
            elif kind == "mode" and place.is_file():
                place.chmod(place.stat().st_mode ^ 0o100)
            elif kind == "touch" and place.is_file():
                place.touch()

    lines = around(repo, tmp_path / "kept", change)
    assert (contents(repo), hidden(repo)) == (before, known)
    for name, kind in edits:
        if kind in ("write", "delete", "link", "folder"):
            assert lines, f"{name} was changed, and nothing is told"
