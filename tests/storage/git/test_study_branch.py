"""The commits of a study in the user's own repository."""

import os
import subprocess
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from autoresearch_magic.errors import UserError
from autoresearch_magic.experiment import Experiment, Measurement, Outcome, Proposal, Verdict
from autoresearch_magic.metric import Metric
from autoresearch_magic.source.files import split
from autoresearch_magic.storage.git.checkout import open_checkout
from autoresearch_magic.storage.git.study_branch import StudyBranch

from ...repositories import changed, commit, repository, run_git, state

FILES = {
    "src/app.py": "LIMIT = 10\n",
    "src/old.py": "x = 1\n",
    "src/win.py": "a = 1\r\nb = 2\r\n",
    "src/run.sh": "echo 1\n",
    "README.md": "Hello\n",
}
METRIC = Metric("ms", "re:x")
WHEN = datetime(2025, 3, 1, 12, 0, 7, tzinfo=UTC)


def make(folder, *init):
    repository(folder, FILES, *init)
    (folder / "src" / "run.sh").chmod(0o755)
    commit(folder, {})
    return folder


@pytest.fixture
def repo(tmp_path):
    return make(tmp_path / "repo")


def branch_of(repo, name="one"):
    checkout, target, _ = open_checkout(repo, ("src/**",), [])
    made = StudyBranch(checkout, split(target), name)
    made.target = target
    return made


@pytest.fixture
def branch(repo):
    return branch_of(repo)


def experiment(number, target, verdict=Verdict.KEEP, value=3.5):
    proposal = Proposal(target, f"step {number}", "Because it should.", agent="claude:some <model>")
    run = Measurement(Outcome.OK, value, 0)
    return Experiment(number, None if number == 0 else 0, proposal, "f", verdict, "It is better.", (run,))


def record(branch, e, parent=None, when=WHEN):
    return branch.record(e, split(e.target), METRIC, parent, when)


def tip(branch):
    return run_git(branch.folder, "rev-parse", branch.branch).strip()


def test_every_experiment_is_a_commit_and_every_keep_on_the_branch(repo, branch):
    before = state(repo)
    base = record(branch, experiment(0, branch.target, Verdict.BASELINE))
    assert tip(branch) == base
    assert run_git(repo, "rev-parse", f"{base}^").strip() == branch.base
    assert run_git(repo, "diff", "--stat", branch.base, base) == ""
    target = changed(branch.target, src__app_py="LIMIT = 20\n", src__new__b_py="b = 1\n", src__old_py=None)
    kept = record(branch, experiment(1, target), base)
    assert tip(branch) == kept
    assert run_git(repo, "diff", "--name-status", "--no-renames", base, kept).split() == [
        "M", "src/app.py", "A", "src/new/b.py", "D", "src/old.py",
    ]  # fmt: skip
    lost = record(branch, experiment(2, changed(target, src__app_py="LIMIT = 0\n"), Verdict.DISCARD), kept)
    assert tip(branch) == kept
    refs = run_git(repo, "for-each-ref", "--format=%(refname) %(objectname)", "refs/autoresearch").splitlines()
    assert refs == [f"refs/autoresearch/one/{n:04d} {sha}" for n, sha in enumerate((base, kept, lost))]
    assert branch.commits() == {0: base, 1: kept, 2: lost}
    assert state(repo) == before


def test_author_dates_and_message_of_a_commit(repo, branch):
    sha = record(branch, experiment(0, branch.target, Verdict.BASELINE))
    text = run_git(repo, "log", "-1", "--format=%an|%ae|%cn|%ad|%cd|%s|%(trailers:only,unfold)", "--date=iso", sha)
    author, mail, committer, authored, committed, subject, trailers = text.split("|")
    assert (author, mail, committer) == ("claude:some model", "autoresearch@localhost", "autoresearch")
    assert authored == committed == "2025-03-01 12:00:07 +0000"
    assert subject == "step 0"
    assert trailers.split("\n")[:3] == ["Experiment: 0", "Verdict: baseline", "Metric: ms=3.5"]


def test_recording_again_changes_nothing(repo, branch):
    first = record(branch, experiment(0, branch.target, Verdict.BASELINE))
    target = changed(branch.target, src__app_py="LIMIT = 20\n")
    second = record(branch, experiment(1, target), first)
    third = record(branch, experiment(2, changed(target, src__app_py="LIMIT = 30\n")), second)
    refs = run_git(repo, "for-each-ref")
    again = branch_of(repo)
    assert record(again, experiment(0, branch.target, Verdict.BASELINE)) == first
    assert record(again, experiment(1, target), first) == second
    assert run_git(repo, "for-each-ref") == refs
    assert tip(branch) == third, "never back"


def test_a_lost_branch_is_made_again(repo, branch):
    first = record(branch, experiment(0, branch.target, Verdict.BASELINE))
    run_git(repo, "branch", "-qD", branch.branch)
    assert record(branch, experiment(0, branch.target, Verdict.BASELINE)) == first
    assert tip(branch) == first


def test_a_study_that_begins_with_the_applied_best_of_another(repo):
    commit(repo, {"src/app.py": "LIMIT = 20\n"}, "ms 5 -> 4\n\nExperiment: 12\nStudy: other\n")
    branch = branch_of(repo)
    run_git(repo, "update-ref", "refs/heads/autoresearch/one", branch.base)  # as the worktree does
    base = record(branch, experiment(0, branch.target, Verdict.BASELINE))
    assert tip(branch) == base
    kept = record(branch, experiment(1, changed(branch.target, src__app_py="LIMIT = 30\n")), base)
    assert tip(branch) == kept


def test_modes_and_bytes_are_kept(repo, branch):
    base = record(branch, experiment(0, branch.target, Verdict.BASELINE))
    contents = split(branch.target) | {
        "src/run.sh": "echo 2",
        "src/win.py": "a = 2\r\nb = 2\r\n",
        "src/odd.txt": "\f\u2028ä",
    }
    e = experiment(1, branch.target)
    kept = branch.record(e, contents, METRIC, base, WHEN)
    modes = {line.split("\t")[1]: line[:6] for line in run_git(repo, "ls-tree", "-r", kept).splitlines()}
    assert modes["src/run.sh"] == "100755"
    assert modes["src/app.py"] == modes["src/odd.txt"] == "100644"
    for path, text in contents.items():
        shown = subprocess.run(["git", "show", f"{kept}:{path}"], cwd=repo, capture_output=True, check=True).stdout
        assert shown == text.encode()


def test_the_filters_of_the_repository_apply(tmp_path):
    repo = repository(tmp_path / "repo", {"src/a.py": "x = 1\n", ".gitattributes": "*.py text eol=crlf\n"})
    os.unlink(repo / "src" / "a.py")
    run_git(repo, "checkout", "--", ".")
    branch = branch_of(repo)
    assert split(branch.target) == {"src/a.py": "x = 1\r\n"}
    base = record(branch, experiment(0, branch.target, Verdict.BASELINE))
    contents = {"src/a.py": "x = 2\r\n"}
    kept = branch.record(experiment(1, branch.target), contents, METRIC, base, WHEN)
    shown = subprocess.run(["git", "show", f"{kept}:src/a.py"], cwd=repo, capture_output=True, check=True).stdout
    assert shown == b"x = 2\n", "no file changes all its line endings"


def test_the_identity_and_configuration_of_the_user_do_not_matter(repo, branch, monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path / "nobody"))
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "elsewhere"))
    monkeypatch.setenv("GIT_INDEX_FILE", str(tmp_path / "elsewhere" / "index"))
    for key, value in (("user.useConfigOnly", "true"), ("commit.gpgSign", "true"), ("core.safecrlf", "true"),
                       ("core.autocrlf", "input"), ("i18n.commitEncoding", "latin1")):  # fmt: skip
        run_git(repo, "config", key, value)
    e = experiment(0, branch.target, Verdict.BASELINE)
    e = replace(e, proposal=replace(e.proposal, summary="bräuchte ✓"))
    sha = record(branch, e)
    assert "bräuchte ✓" in run_git(repo, "log", "-1", "--format=%s", sha)
    record(branch, experiment(1, changed(branch.target, src__win_py="a = 3\r\nb = 2\r\n")), sha)


def test_a_lock_of_the_users_index_does_not_matter(repo, branch):
    (repo / ".git" / "index.lock").touch()
    assert record(branch, experiment(0, branch.target, Verdict.BASELINE))


def test_a_repository_that_is_gone_is_one_line(repo, branch):
    (repo / ".git").rename(repo.parent / "away")
    with pytest.raises(UserError, match=r"in .*repo could not be read or written: git .* failed") as caught:
        record(branch, experiment(0, branch.target, Verdict.BASELINE))
    assert "\n" not in str(caught.value)


def test_sha256(tmp_path):
    repo = make(tmp_path / "repo", "--object-format=sha256")
    branch = branch_of(repo)
    base = record(branch, experiment(0, branch.target, Verdict.BASELINE))
    kept = record(branch, experiment(1, changed(branch.target, src__old_py=None)), base)
    assert len(kept) == 64
    assert run_git(repo, "diff", "--name-status", base, kept).split() == ["D", "src/old.py"]
    assert tip(branch) == kept


@pytest.mark.slow
def test_a_version_does_not_depend_on_those_before_it(repo, branch):
    base = record(branch, experiment(0, branch.target, Verdict.BASELINE))
    targets = [
        changed(branch.target, src__old_py=None, src__new__b_py="b = 1\n"),
        changed(branch.target, src__app_py="LIMIT = 20\n"),
        branch.target,
        changed(branch.target, **{"src__app_py": None, "src__app.py__inner_py": "x = 1\n"}),
        changed(branch.target, src__new_py="n = 1\n"),
    ]
    in_turn = [record(branch, experiment(n, target), base) for n, target in enumerate(targets, 1)]
    alone = [record(branch_of(repo), experiment(n, target), base) for n, target in enumerate(targets, 1)]
    assert in_turn == alone
    names = [run_git(repo, "ls-tree", "-r", "--name-only", sha).split() for sha in in_turn]
    assert "src/app.py/inner.py" in names[3]
    assert "src/app.py" in names[4]


@pytest.mark.slow
def test_a_lock_in_the_users_repository_is_never_removed(repo, branch, monkeypatch):
    base = record(branch, experiment(0, branch.target, Verdict.BASELINE))
    monkeypatch.setattr("autoresearch_magic.storage.git.command.PATIENCE", 0.0)
    lock = repo / ".git" / "refs" / "autoresearch" / "one" / "0001.lock"
    lock.touch()
    with pytest.raises(UserError, match=r"0001\.lock"):
        record(branch, experiment(1, changed(branch.target, src__app_py="LIMIT = 0\n")), base)
    lock.unlink()  # fails if it was removed
    sha = record(branch, experiment(1, changed(branch.target, src__old_py="x = 2\n")), base)
    assert run_git(repo, "diff", "--name-only", base, sha).split() == ["src/old.py"]


def test_paths_of_a_rejected_proposal_do_not_affect_the_next_version(repo, branch):
    base = record(branch, experiment(0, branch.target, Verdict.BASELINE))
    wild = split(branch.target) | {
        "README.md": "mine\n", "src/app.py/inner.py": "x = 1\n", "src": "a file\n", "../out.py": "1\n", ".git/hooks/x": "1\n",
        "/etc/x": "1\n", "src/a\0b.py": "1\n", "src//c.py": "1\n", "": "1\n",
    }  # fmt: skip
    assert branch.record(experiment(1, branch.target, Verdict.REJECTED), wild, METRIC, base, WHEN)
    after = record(branch, experiment(2, changed(branch.target, src__app_py="LIMIT = 20\n")), base)
    assert run_git(repo, "diff", "--name-status", base, after).split() == ["M", "src/app.py"]
    assert run_git(repo, "status", "--porcelain") == ""
    assert not (repo / ".git" / "hooks" / "x").exists()
