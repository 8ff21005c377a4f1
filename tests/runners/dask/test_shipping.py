import os
import pickle
import subprocess

import pytest

from autoresearch_magic.errors import UserError
from autoresearch_magic.runners.dask import shipping
from autoresearch_magic.runners.dask.shipping import (
    Recipe,
    leave_token,
    make_bundle,
    open_bundle,
    own_modules,
    sees,
    write_modules,
)


def git(folder, *arguments):
    done = subprocess.run(["git", *arguments], cwd=folder, check=True, capture_output=True, text=True)
    return done.stdout.strip()


@pytest.fixture
def repository(tmp_path):
    top = tmp_path / "repository"
    top.mkdir()
    git(top, "init", "--quiet", "-b", "main")
    for name, value in (("user.name", "a"), ("user.email", "a@b")):
        git(top, "config", name, value)
    (top / "big.bin").write_bytes(os.urandom(300_000))
    git(top, "add", "-A")
    git(top, "commit", "--quiet", "-m", "one")
    git(top, "tag", "v1")
    (top / "big.bin").unlink()
    (top / "a.py").write_text("a = 1\n")
    (top / "run.sh").write_text("#!/bin/sh\n")
    (top / "run.sh").chmod(0o755)
    git(top, "add", "-A")
    git(top, "commit", "--quiet", "-m", "two")
    (top / "secret.txt").write_text("never committed")
    return top


class TestToken:
    def test_a_worker_recognises_the_folder_by_what_is_in_a_file(self, tmp_path):
        path, token = leave_token(tmp_path)
        assert sees((path, token))
        assert not sees((path, "another"))
        assert not sees((str(tmp_path / "elsewhere"), token))


class TestBundle:
    def test_a_bundle_holds_the_commit_without_its_history(self, repository, tmp_path):
        commit = git(repository, "rev-parse", "HEAD")
        before = sorted(str(each) for each in (repository / ".git").rglob("*"))
        bundle = make_bundle(repository, commit)
        assert len(bundle) < 10_000  # the first commit has 300 kB
        assert sorted(str(each) for each in (repository / ".git").rglob("*")) == before
        open_bundle(bundle, commit, tmp_path / "there")
        assert git(tmp_path / "there", "rev-parse", "HEAD") == commit
        assert (tmp_path / "there" / "a.py").read_text() == "a = 1\n"
        assert os.access(tmp_path / "there" / "run.sh", os.X_OK)
        assert not (tmp_path / "there" / "secret.txt").exists()
        assert git(tmp_path / "there", "status", "--porcelain") == ""
        assert git(tmp_path / "there", "log", "--format=%s") == "two"
        git(tmp_path / "there", "fsck", "--connectivity-only")

    def test_with_history_there_are_earlier_commits_and_tags(self, repository, tmp_path):
        commit = git(repository, "rev-parse", "HEAD")
        open_bundle(make_bundle(repository, commit, history=True), commit, tmp_path / "there")
        assert git(tmp_path / "there", "describe", "--tags") == f"v1-1-g{commit[:7]}"
        assert git(tmp_path / "there", "log", "--format=%s").split() == ["two", "one"]

    def test_a_large_history_is_left_out(self, repository, monkeypatch):
        monkeypatch.setattr(shipping, "LARGE_HISTORY", -1)
        assert len(make_bundle(repository, git(repository, "rev-parse", "HEAD"), history=True)) < 10_000

    def test_a_shallow_clone_is_sent_as_it_is(self, repository, tmp_path):
        git(tmp_path, "clone", "--quiet", "--depth=1", f"file://{repository}", "shallow")
        commit = git(tmp_path / "shallow", "rev-parse", "HEAD")
        for number, history in enumerate((True, False)):
            open_bundle(make_bundle(tmp_path / "shallow", commit, history=history), commit, tmp_path / str(number))
            assert git(tmp_path / str(number), "log", "--format=%s") == "two"

    def test_a_commit_that_is_not_there_is_an_error_of_one_line(self, repository):
        with pytest.raises(UserError, match="could not make a bundle"):
            make_bundle(repository, "0" * 40)


class TestModules:
    def test_what_is_imported_from_the_folders_is_found_and_written(self, tmp_path):
        (tmp_path / "one.py").write_text("import two\nimport os\n")
        (tmp_path / "two.py").write_text("from pack.inner import x\n")
        (tmp_path / "pack" / "inner").mkdir(parents=True)
        (tmp_path / "pack" / "__init__.py").write_text("")
        (tmp_path / "pack" / "inner" / "__init__.py").write_text("x = 1\n")
        (tmp_path / "other.py").write_text("not imported")
        found = own_modules(["import one, numpy"], [str(tmp_path)])
        assert sorted(found) == ["one.py", "pack/__init__.py", "pack/inner/__init__.py", "two.py"]
        write_modules(found, tmp_path / "there")
        assert (tmp_path / "there" / "pack" / "inner" / "__init__.py").read_text() == "x = 1\n"

    def test_too_much_is_refused(self, tmp_path, monkeypatch):
        monkeypatch.setattr(shipping, "MOST_BYTES", 10)
        (tmp_path / "one.py").write_text("x = 123456789\n")
        with pytest.raises(UserError, match=r"'one'.*too large"):
            own_modules(["import one"], [str(tmp_path)])


def test_a_recipe_that_is_shown_has_no_source():
    made = Recipe("id", {"sealed": "secret"}, False, False, "/", (), ("", ""), {"a.py": "secret"}, bundle=b"secret")
    assert "secret" not in repr(made)
    assert pickle.loads(pickle.dumps(made)) == made
