"""The user's repository: what a study may begin with, what proposals may change, and applying the best."""

import json
import os
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autoresearch_magic.errors import UserError
from autoresearch_magic.source.files import join, split
from autoresearch_magic.storage.git.apply import apply
from autoresearch_magic.storage.git.checkout import Checkout, check_links, open_checkout

from ...repositories import add_hooks, changed, commit, opened, repository, run_git, state, write

FILES = {
    "src/app.py": "LIMIT = 10\n",
    "src/util.py": "def f():\n    return 1\n",
    "bench.py": "print('ms: 5')\n",
    "tests/test_app.py": "def test(): pass\n",
    "README.md": "Hello\n",
}


@pytest.fixture
def repo(tmp_path):
    return repository(tmp_path / "repo", FILES)


def refused(folder, scope=("src/**",), *commands):
    """Return the error message of a repository that a study cannot use."""
    with pytest.raises(UserError) as caught:
        open_checkout(folder, scope, commands)
    line = str(caught.value)
    assert "\n" not in line
    assert len(line) < 400
    return line


# -- repositories that a study cannot use ------------------------------------------------------------------------------


def test_no_repository(tmp_path):
    assert "in no git repository: run  git init" in refused(tmp_path)
    assert "There is no folder" in refused(tmp_path / "nowhere")


def test_a_bare_repository(tmp_path):
    run_git(tmp_path, "init", "--quiet", "--bare", "bare.git")
    assert "is a bare repository" in refused(tmp_path / "bare.git")


def test_no_commit_yet(tmp_path):
    run_git(tmp_path, "init", "--quiet")
    assert "has no commit yet: run  git add -A" in refused(tmp_path)


@pytest.mark.parametrize("staged", [False, True])
def test_changes_that_are_not_committed(repo, staged):
    write(repo, {"README.md": "Changed\n"})
    if staged:
        run_git(repo, "add", "README.md")
    line = refused(repo)
    assert "not committed (README.md)" in line
    assert "commit or stash them" in line


def test_many_changes_are_counted(repo):
    write(repo, dict.fromkeys(FILES, "x = 1\n"))
    assert "and 2 more" in refused(repo)


def test_untracked_files_in_the_scope_must_be_committed(repo):
    write(repo, {"notes.txt": "mine\n"})
    opened(repo)
    write(repo, {"src/new.py": "x = 1\n"})
    assert "git does not track (src/new.py): git add" in refused(repo)
    write(repo, {".gitignore": "src/new.py\n"})
    run_git(repo, "add", ".gitignore")
    run_git(repo, "commit", "-qm", "ignore")
    assert "src/new.py" not in split(opened(repo)[1])


@pytest.mark.parametrize("what", ["merge", "rebase", "cherry-pick", "revert", "bisect"])
def test_an_unfinished_operation(repo, what):
    run_git(repo, "switch", "-qc", "other")
    commit(repo, {"README.md": "theirs\n"})
    run_git(repo, "switch", "-q", "main")
    commit(repo, {"README.md": "ours\n"})
    words = {
        "merge": ("merge", "other"), "rebase": ("rebase", "other"), "cherry-pick": ("cherry-pick", "other"),
        "revert": ("revert", "--no-commit", "HEAD"), "bisect": ("bisect", "start"),
    }[what]  # fmt: skip
    with pytest.raises(AssertionError) if what in ("merge", "rebase", "cherry-pick") else _nothing():
        run_git(repo, *words)
    assert f"an unfinished {what}" in refused(repo)


class _nothing:  # noqa: N801
    def __enter__(self): ...
    def __exit__(self, *_): ...


def test_another_git_at_work(repo):
    lock = repo / ".git" / "index.lock"
    lock.touch()
    line = refused(repo)
    assert "index.lock" in line
    assert str(lock) in line
    assert lock.exists(), "in a user's repository no lock is removed"


def test_a_submodule(repo, tmp_path):
    repository(tmp_path / "inner", {"a.py": "x = 1\n"})
    run_git(repo, "-c", "protocol.file.allow=always", "submodule", "--quiet", "add", str(tmp_path / "inner"), "inner")
    commit(repo, {})
    assert "has a submodule (inner)" in refused(repo)


def test_a_scope_that_matches_nothing(repo):
    assert "no tracked file" in refused(repo, ("lib/**",))
    assert "may not change (bench.py)" in refused(repo, ("be*.py",), "python bench.py")
    assert "may not change (tests/test_app.py)" in refused(repo, ("**/*_app.py",))


def test_a_scope_without_text(repo):
    commit(repo, {"img/a.png": b"\x89PNG\xff\xfe\x00", "img/b.bin": bytes(range(128, 256))})
    os.symlink("../README.md", repo / "img" / "link.md")
    commit(repo, {})
    assert "no text file (img/a.png, img/b.bin, img/link.md)" in refused(repo, ("img/**",))


def test_more_text_than_a_journal_should_hold(repo, monkeypatch):
    monkeypatch.setattr("autoresearch_magic.storage.git.checkout.MAX_TARGET", 2_000_000)
    commit(repo, {"src/big.txt": "x" * 2_000_001})
    assert "more than 2 MB of text: narrow --scope" in refused(repo)
    commit(repo, {"src/big.txt": None, "data.txt": "x" * 2_000_001})
    _, _, measuring = open_checkout(repo, ("src/**",), ["python bench.py data.txt"])
    assert list(split(measuring)) == ["bench.py"], "what is too large to be shown is frozen all the same"


# -- what is read from a repository ------------------------------------------------------------------------------------


def test_what_is_read(repo):
    head = run_git(repo, "rev-parse", "HEAD").strip()
    checkout, target, measuring = open_checkout(repo / "src", ["src/**"], ["python bench.py", "pytest -q"])
    assert (checkout.folder, checkout.commit, checkout.branch) == (repo, head, "main")
    assert split(target) == {path: FILES[path] for path in ("src/app.py", "src/util.py")}
    assert split(measuring) == {"bench.py": FILES["bench.py"]}
    assert checkout.frozen == ("bench.py", "tests/test_app.py")
    assert set(checkout.tracked) == set(FILES)
    assert Checkout.from_json(checkout.to_json()) == checkout


def test_files_that_measure_are_shown_with_the_modules_they_import(repo):
    commit(repo, {
        "bench.py": "import harness\nfrom lib.timing import best\nimport json\n", "harness.py": "H = 1\n",
        "lib/timing.py": "T = 1\n", "src/app.py": "import helper, util\nfrom lib import timing\n", "src/helper.py": "X = 1\n",
        "lib/__init__.py": "", "json.md": "no module\n",
    })  # fmt: skip
    checkout, target, measuring = open_checkout(repo, ["src/*.py", "!src/helper.py"], ["python bench.py"])
    assert set(split(measuring)) == {"bench.py", "harness.py", "lib/timing.py", "lib/__init__.py", "src/helper.py"}
    assert set(split(target)) == {"src/app.py", "src/util.py"}
    assert checkout.frozen == ("bench.py", "tests/test_app.py"), "shown is not frozen: a run may make such a module"


def test_a_detached_head_can_be_studied(repo):
    run_git(repo, "checkout", "-q", "--detach")
    assert opened(repo)[0].branch == ""


def test_a_repository_in_a_linked_worktree_and_one_with_odd_names(repo, tmp_path):
    commit(repo, {"src/ä b'\"$x.py": "x = 1\n"})
    run_git(repo, "worktree", "add", "-q", str(tmp_path / "second tree"), "-b", "second")
    checkout, target = opened(tmp_path / "second tree")
    assert checkout.branch == "second"
    assert "src/ä b'\"$x.py" in split(target)


def test_opening_changes_nothing_not_even_the_index(repo):
    os.utime(repo / "src" / "app.py", ns=(10**18, 10**18))  # git status would write the new time into its index
    before = state(repo)
    opened(repo, ("src/**",), "python bench.py")
    assert state(repo) == before


@pytest.mark.slow
def test_the_user_s_hooks_do_not_run(repo, tmp_path):
    add_hooks(repo, tmp_path / "ran")
    checkout, target = opened(repo)
    made = proposal_commit(repo, checkout, target)
    (tmp_path / "ran").unlink()  # by this test's own git
    apply(checkout, made, "better")
    opened(repo)
    assert not (tmp_path / "ran").exists()


def test_what_may_be_linked(repo):
    write(repo, {".git/info/exclude": "/data/\n", "data/big/x.bin": "1\n", "src/local.cfg": ""})
    checkout, _ = opened(repo, ("src/*.py",))
    check_links(checkout, ("data", "./data/big/", "src/local.cfg"))
    for name, why in (
        ("../other", "path inside"), ("/etc", "path inside"), (".git", "path inside"), ("nothing", "no such file"),
        ("src", "git tracks src/app.py"), ("README.md", "git tracks README.md"),
    ):  # fmt: skip
        with pytest.raises(UserError, match=why):
            check_links(checkout, (name,))


# -- frozen ------------------------------------------------------------------------------------------------------------


def test_what_verify_and_guard_name_is_frozen_unless_the_scope_names_the_file(repo):
    commit(repo, {"pkg/bench.py": "x = 1\n", "pkg/__init__.py": "", "run.sh": "true\n", "tool/__main__.py": "x = 1\n"})
    checkout, target = opened(repo, ("**",), "./run.sh && python -m pkg.bench", "python -m tool")
    assert {"pkg/bench.py", "run.sh", "tool/__main__.py"} <= set(checkout.frozen)
    assert "bench.py" not in checkout.frozen
    assert "pkg/bench.py" not in split(target)
    checkout, target = opened(repo, ("src/**", "pkg/bench.py"), "python -m pkg.bench")
    assert "pkg/bench.py" not in checkout.frozen
    assert "pkg/bench.py" in split(target)


def test_tests_are_frozen_unless_the_scope_names_tests(repo):
    checkout, _ = opened(repo, ("**",))
    assert "tests/test_app.py" in checkout.frozen
    checkout, target = opened(repo, ("tests/**",))
    assert checkout.frozen == ()
    assert list(split(target)) == ["tests/test_app.py"]
    checkout, _ = opened(repo, ("src/**", "tests/test_app.py"))
    assert checkout.frozen == ()


def test_a_path_that_is_not_text_is_left_out(repo):
    (repo / "src" / os.fsdecode(b"\xff.py")).write_text("x = 1\n")
    (repo / "src" / "a\nb.py").write_text("x = 1\n")
    commit(repo, {})
    checkout, target = opened(repo)
    assert set(split(target)) == {"src/app.py", "src/util.py"}
    assert set(checkout.shown) == set(FILES)
    assert Checkout.from_json(json.loads(json.dumps(checkout.to_json()))) == checkout


@pytest.fixture(scope="module")
def checkout(tmp_path_factory):
    repo = repository(tmp_path_factory.mktemp("checkout") / "repo", FILES)
    os.symlink("../README.md", repo / "src" / "link.md")
    commit(repo, {"src/bench.py": "x = 1\n", "src/logo.png": b"\xff\xfe\x00", "src/sub/deep.py": "x = 1\n"})
    return opened(repo, ("src/**", "!src/gen/**"), "python src/bench.py", "pytest tests")[0]


BEFORE = join({"src/app.py": "x = 1\n", "src/util.py": "y = 1\n", "src/sub/deep.py": "x = 1\n"})


@pytest.mark.parametrize(
    "path",
    [
        "../out.py", "src/../../out.py", "/etc/passwd", ".git/hooks/pre-commit", "src/.git/config", "src/.GIT/config",
        "src\\..\\out.py", " ", "src/./bench.py", "./src/bench.py", "src//bench.py", "src/new/", "src/a\x00b.py",
        "src/a\tb.py", "src/.", "src/a\x1b[2J.py",
    ],
)  # fmt: skip
def test_paths_outside_the_repository_are_refused(checkout, path):
    said = checkout.refusal(BEFORE, join({**split(BEFORE), path: "x = 2\n"}))
    assert "not a path inside the repository" in said
    assert "\n" not in said


@pytest.mark.parametrize(
    ("path", "why"),
    [
        ("README.md", "outside the scope"),
        ("lib/new.py", "outside the scope"),
        ("src/gen/new.py", "outside the scope"),
        ("src/bench.py", "which is frozen"),
        ("tests/test_app.py", "which is frozen"),
        ("src/test_new.py", "looks like a test"),
        ("src/conftest.py", "looks like a test"),
        ("src/tests/helper.py", "looks like a test"),
        ("src/logo.png", "binary file or a link"),
        ("src/link.md", "binary file or a link"),
        ("src/app.py/inner.py", "src/app.py is a file"),
        ("src/bench.py/inner.py", "src/bench.py is a file"),
        ("src/sub", "src/sub is a folder"),
        ("src/data/new.py", "src/data, which is linked"),
        ("src/data", "src/data, which is linked"),
    ],
)
def test_files_that_a_proposal_may_not_write(checkout, path, why):
    assert why in checkout.refusal(BEFORE, join({**split(BEFORE), path: "x = 2\n"}), linked=("src/data/",))


def test_what_a_proposal_may_do(checkout):
    assert checkout.refusal(BEFORE, BEFORE) == ""
    assert checkout.refusal(BEFORE, changed(BEFORE, src__app_py="x = 2\n", src__new__file_py="z = 1\n")) == ""
    assert checkout.refusal(BEFORE, changed(BEFORE, src__app_py=None)) == ""
    # a file may give way to a folder of its name
    assert checkout.refusal(BEFORE, join({"src/util.py": "y = 1\n", "src/app.py/inner.py": "x = 1\n"})) == ""


def test_a_file_that_leaves_the_scope_by_deletion_of_a_frozen_one(checkout):
    before = join({**split(BEFORE), "src/bench.py": "x = 1\n"})
    assert "frozen" in checkout.refusal(before, BEFORE)


parts = st.lists(st.from_regex(r"[a-z]{1,8}", fullmatch=True), min_size=1, max_size=4)


@pytest.mark.slow
@given(parts, st.sampled_from(["..", ".", "", ".git", ".Git"]), st.integers(0, 4))
def test_one_bad_part_anywhere_makes_a_path_invalid(parts, bad, where):
    anywhere = Checkout(folder=Path(), commit="", branch="", scope=("**", "**/tests/**", "tests/**"), frozen=())
    path = "/".join([*parts[:where], bad, *parts[where:]])
    assert "not a path inside" in anywhere.refusal("", join({path: "x = 1\n"}))
    assert "not a path inside" not in anywhere.refusal("", join({"/".join(parts): "x = 1\n"}))


# -- applying the best -------------------------------------------------------------------------------------------------


def proposal_commit(repo, checkout, target, **files):
    """Commit a version of the target outside the branch, as a study does."""
    head = run_git(repo, "rev-parse", "--abbrev-ref", "HEAD").strip()
    run_git(repo, "checkout", "-q", "--detach", checkout.commit)
    new = split(changed(target, **(files or {"src__app_py": "LIMIT = 20\n"})))
    commit(repo, {**dict.fromkeys(split(target).keys() - new.keys()), **new}, "experiment")
    made = run_git(repo, "rev-parse", "HEAD").strip()
    run_git(repo, "checkout", "-q", head)
    return made


@pytest.fixture
def remote(repo, tmp_path):
    run_git(tmp_path, "clone", "-q", "--bare", str(repo), "remote.git")
    run_git(repo, "remote", "add", "origin", str(tmp_path / "remote.git"))
    run_git(repo, "push", "-qu", "origin", "main")
    return tmp_path / "remote.git"


@pytest.fixture(autouse=True)
def identity(monkeypatch, tmp_path):
    home = tmp_path / "home"
    home.mkdir()
    (home / ".gitconfig").write_text("[user]\nname = Someone\nemail = someone@example.org\n")
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)


@pytest.mark.slow
def test_one_commit_on_the_branch_and_nothing_is_pushed(repo, remote):
    checkout, target = opened(repo)
    made = proposal_commit(repo, checkout, target, src__app_py="LIMIT = 20\n", src__new_py="y = 1\n", src__util_py=None)
    theirs = run_git(remote, "for-each-ref")
    new = apply(checkout, made, "ms 5 -> 4\n\nExperiment: 3\n")
    assert run_git(repo, "log", "-1", "--format=%H %P %an %s").split() == [
        new, checkout.commit, "Someone", "ms", "5", "->", "4",
    ]  # fmt: skip
    assert run_git(repo, "symbolic-ref", "HEAD").strip() == "refs/heads/main"
    assert run_git(repo, "status", "--porcelain") == ""
    assert (repo / "src" / "app.py").read_text() == "LIMIT = 20\n"
    assert (repo / "src" / "new.py").exists()
    assert not (repo / "src" / "util.py").exists()
    assert run_git(remote, "for-each-ref") == theirs
    with pytest.raises(UserError, match="already has"):
        apply(checkout, made, "again")


def unchanged(repo, work, message):
    """Assert that applying is refused in one line and changes nothing."""
    before = state(repo)
    with pytest.raises(UserError, match=message) as caught:
        work()
    assert "\n" not in str(caught.value)
    assert state(repo) == before


def test_new_commits_on_the_branch_are_merged_where_that_is_clean(repo):
    checkout, target = opened(repo)
    made = proposal_commit(repo, checkout, target)
    commit(repo, {"README.md": "Newer\n", "src/util.py": "def f():\n    return 2\n"})
    apply(checkout, made, "better")
    assert (repo / "src" / "app.py").read_text() == "LIMIT = 20\n"
    assert (repo / "src" / "util.py").read_text() == "def f():\n    return 2\n"
    assert (repo / "README.md").read_text() == "Newer\n"
    assert len(run_git(repo, "log", "-1", "--format=%P").split()) == 1


def test_new_commits_on_the_branch_that_conflict(repo):
    checkout, target = opened(repo)
    made = proposal_commit(repo, checkout, target)
    commit(repo, {"src/app.py": "LIMIT = 30\n"})
    unchanged(repo, lambda: apply(checkout, made, "x"), rf"conflict with .* git merge {made[:10]}")


def test_uncommitted_changes_are_kept(repo):
    checkout, target = opened(repo)
    made = proposal_commit(repo, checkout, target)
    write(repo, {"README.md": "In the middle of something\n"})
    unchanged(repo, lambda: apply(checkout, made, "x"), re.escape("not committed (README.md)"))
    run_git(repo, "add", "README.md")
    unchanged(repo, lambda: apply(checkout, made, "x"), "not committed")


def test_an_untracked_file_in_the_way_stays(repo):
    checkout, target = opened(repo)
    made = proposal_commit(repo, checkout, target, src__new_py="y = 1\n")
    write(repo, {"src/new.py": "mine\n", "notes.txt": "mine\n"})
    unchanged(repo, lambda: apply(checkout, made, "x"), "could not be applied to main: .*src/new.py")
    os.unlink(repo / "src" / "new.py")
    apply(checkout, made, "x")
    assert (repo / "notes.txt").read_text() == "mine\n"


def test_nothing_is_applied_to_a_detached_head(repo):
    checkout, target = opened(repo)
    made = proposal_commit(repo, checkout, target)
    run_git(repo, "checkout", "-q", "--detach")
    unchanged(repo, lambda: apply(checkout, made, "x"), "detached: switch to the branch")


@pytest.mark.slow
def test_no_identity_to_commit_with(repo, tmp_path, monkeypatch):
    checkout, target = opened(repo)
    made = proposal_commit(repo, checkout, target)
    monkeypatch.setenv("HOME", str(tmp_path / "nobody"))
    for key in ("user.name", "user.email"):
        run_git(repo, "config", "--unset", key)
    run_git(repo, "config", "user.useConfigOnly", "true")
    unchanged(repo, lambda: apply(checkout, made, "x"), "does not know who you are: run  git config user.name")


def test_a_repository_that_is_gone_or_busy(repo, tmp_path):
    checkout, target = opened(repo)
    made = proposal_commit(repo, checkout, target)
    lock = repo / ".git" / "index.lock"
    lock.touch()
    unchanged(repo, lambda: apply(checkout, made, "x"), "index.lock")
    repo.rename(tmp_path / "moved")
    with pytest.raises(UserError, match="no longer at"):
        apply(checkout, made, "x")
