"""Temporary folders, and those that killed processes leave behind."""

import os
import subprocess
import sys
import tempfile
import time

import pytest

from autoresearch_magic.storage import scratch
from autoresearch_magic.storage.git.command import git
from autoresearch_magic.storage.scratch import clean_up, scratch_folder

from ..repositories import repository

OWNER = "import time\nfrom autoresearch_magic.storage.scratch import scratch_folder\n" \
        "with scratch_folder('plan') as folder:\n    print(folder, flush=True)\n    time.sleep(60)\n"  # fmt: skip


@pytest.fixture
def place(tmp_path, monkeypatch):
    """The folder of temporary files, for this process and those it starts."""
    (tmp_path / "tmp").mkdir()
    monkeypatch.setenv("TMPDIR", str(tmp_path / "tmp"))
    monkeypatch.setattr(tempfile, "tempdir", None)
    yield tmp_path / "tmp"
    tempfile.tempdir = None


def make_old(folder, seconds=3600):
    then = time.time() - seconds
    os.utime(folder, (then, then))


@pytest.mark.slow
def test_the_next_process_deletes_what_a_killed_one_has_left_and_nothing_else(place):
    with subprocess.Popen([sys.executable, "-c", OWNER], stdout=subprocess.PIPE, text=True) as owner:
        left = place / os.path.basename(owner.stdout.readline().strip())
        (left / "worktree").mkdir()
        make_old(left)
        clean_up(place)
        assert left.is_dir()  # its owner is alive
        owner.kill()
    clean_up(place)
    assert not left.exists()


def test_a_folder_exists_within_the_block_only(place, monkeypatch):
    monkeypatch.setattr(scratch, "_cleaned", set())
    abandoned = place / "autoresearch-old"
    abandoned.mkdir()
    make_old(abandoned, seconds=2 * 86_400)
    with scratch_folder("plan") as folder:
        assert folder.parent == place
        assert folder.name.startswith("autoresearch-plan-")
        assert not abandoned.exists()  # deleted by the first folder that this process makes
        (folder / "file").write_text("x")
        make_old(folder)
        clean_up(place)
        assert folder.is_dir()
    assert list(place.iterdir()) == []


def test_what_is_young_or_not_ours_stays(place):
    for name, age in (("autoresearch-young", 0), ("autoresearch-unlocked", 3600), ("other", 10**6)):
        (place / name).mkdir()
        make_old(place / name, age)
    (place / "autoresearch-link").symlink_to(place / "other")
    (place / "autoresearch-file").write_text("x")
    before = sorted(place.iterdir())
    clean_up(place)
    assert sorted(place.iterdir()) == before


def test_the_repository_forgets_a_worktree_in_a_deleted_folder(place, tmp_path):
    top = tmp_path / "repository"
    repository(top, {"a.txt": "x"})
    abandoned = place / "autoresearch-plan-x"
    git(top, "worktree", "add", "--detach", str(abandoned / "worktree"))
    assert "autoresearch-plan-x" in git(top, "worktree", "list")
    make_old(abandoned, seconds=2 * 86_400)
    clean_up(place)
    assert not abandoned.exists()
    assert "autoresearch-plan-x" not in git(top, "worktree", "list")
