"""Packs of a study's commits, with a real git."""

import os
import signal
import subprocess
import sys
from datetime import UTC, datetime, timedelta

import pytest

from autoresearch_magic.experiment import Experiment, Measurement, Outcome, Proposal, Verdict
from autoresearch_magic.metric import Metric
from autoresearch_magic.source.files import split
from autoresearch_magic.storage.git import packing
from autoresearch_magic.storage.git.cell_repository import CellRepository
from autoresearch_magic.storage.git.checkout import open_checkout
from autoresearch_magic.storage.git.history import damage
from autoresearch_magic.storage.git.packing import Packing, packed_quietly
from autoresearch_magic.storage.git.study_branch import StudyBranch

from ...repositories import commit, repository, run_git

METRIC = Metric("loss", "loss")
START = datetime(2026, 11, 24, 12, tzinfo=UTC)


def record(made, numbers, path="target.py", parent=None):
    for n in numbers:
        verdict = Verdict.BASELINE if n == 0 else Verdict.DISCARD
        run = Measurement(Outcome.OK, 1.0 + n, 1)
        e = Experiment(n, None, Proposal(f"x = {n}\n", f"set {n}"), verdict=verdict, measurements=(run,))
        sha = made.record(e, {path: e.target}, METRIC, parent, when=START + timedelta(seconds=n))
        parent = parent or sha
    return parent


def loose(folder):
    return [path for path in (folder / ".git" / "objects").glob("??/*") if path.is_file()]


def packs(folder):
    return sorted(path.name for path in (folder / ".git" / "objects" / "pack").glob("*.pack"))


@pytest.fixture
def cells(tmp_path):
    made = CellRepository(tmp_path / "repo", "one")
    record(made, range(12))
    return made, Packing(made, tmp_path)


def whole(made, numbers, path="target.py"):
    """Whether every version and every commit is there as it was."""
    assert damage(made) == ""
    assert sorted(made.commits()) == list(numbers)
    assert all(made.read(n) == {path: f"x = {n}\n"} for n in list(numbers)[-3:])
    return True


def test_what_is_packed_is_no_file_any_more_and_reads_the_same(cells):
    made, packing = cells
    before, tip = made.commits(), run_git(made.folder, "rev-parse", "HEAD")
    assert len(loose(made.folder)) == 36
    packing.pack()
    assert loose(made.folder) == []
    assert len(packs(made.folder)) == 1
    assert [*(made.folder / ".git" / "refs" / "autoresearch").rglob("00*")] == []
    assert made.commits() == before
    assert run_git(made.folder, "rev-parse", "HEAD") == tip
    assert whole(made, range(12))
    packing.pack()  # nothing new
    assert len(packs(made.folder)) == 1
    record(made, [12], parent=before[0])
    assert whole(made, range(13))
    assert run_git(made.folder, "fsck", "--full", "--strict") == ""


def test_many_packs_become_one(cells, monkeypatch):
    made, packed = cells
    monkeypatch.setattr(packing, "MOST_PACKS", 2)
    first = made.commits()[0]
    for n in range(12, 15):
        packed.pack()
        record(made, [n], parent=first)
    packed.pack()
    assert len(packs(made.folder)) <= 2
    assert whole(made, range(15))


@pytest.mark.parametrize("step", ["_noted", "_delete_loose", "_content", "_move"])
def test_a_kill_at_any_step_loses_nothing_and_is_tidied_up(cells, tmp_path, monkeypatch, step):
    made, killed = cells

    def kill(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(killed, step, kill)
    with pytest.raises(KeyboardInterrupt):
        killed.pack()
    assert whole(made, range(12))
    record(made, [12], parent=made.commits()[0])
    Packing(made, tmp_path).pack()
    assert whole(made, range(13))
    assert loose(made.folder) == []
    assert not [*(made.folder / ".git" / "objects").glob("autoresearch*")]


@pytest.mark.slow
def test_killed_for_real_at_any_moment(cells, tmp_path):
    made, packing = cells
    code = (
        "import sys; from pathlib import Path; from autoresearch_magic.storage.git.cell_repository import CellRepository; "
        "from autoresearch_magic.storage.git.packing import Packing; f = Path(sys.argv[1]); "
        "p = Packing(CellRepository(f / 'repo', 'one'), f); print('ready', flush=True); p.pack(); print('done', flush=True)"
    )
    for n, after in enumerate((0.0, 0.02, 0.05, 0.1)):
        with subprocess.Popen(
            [sys.executable, "-c", code, str(tmp_path)], stdout=subprocess.PIPE, start_new_session=True
        ) as process:
            process.stdout.readline()
            try:
                process.wait(after)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
        assert whole(made, range(12 + n))
        record(made, [12 + n], parent=made.commits()[0])
    packing.pack()
    assert whole(made, range(16))
    assert loose(made.folder) == []
    assert not [*(made.folder / ".git" / "objects").glob("autoresearch*")]


def test_in_the_users_repository_only_objects_of_the_study_are_packed(tmp_path):
    folder = repository(tmp_path / "user", {"src/app.py": "LIMIT = 10\n", "README.md": "Hello\n"})
    checkout, target, _ = open_checkout(folder, ("src/app.py",), [])
    made = StudyBranch(checkout, split(target), "one")
    for name in ("stashed", "staged"):
        (folder / "src" / f"{name}.py").write_text(f"{name} and not committed\n")
        run_git(folder, "add", "src")
        if name == "stashed":
            run_git(folder, "stash", "push")
    theirs = {path.relative_to(folder) for path in loose(folder)}
    refs = run_git(folder, "for-each-ref")
    record(made, range(5), path="src/app.py", parent=None)
    assert packed_quietly(Packing(made, tmp_path)) == ""
    assert {path.relative_to(folder) for path in loose(folder)} == theirs
    assert len(packs(folder)) == 1
    assert sorted(made.commits()) == [0, 1, 2, 3, 4]
    assert damage(made) == ""
    left = [line for line in run_git(folder, "for-each-ref").splitlines() if "autoresearch" not in line]
    assert left == refs.splitlines()
    assert "staged.py" in run_git(folder, "status", "--porcelain")
    commit(folder, {"README.md": "Hello again\n"})
    assert run_git(folder, "fsck", "--full") == ""
    run_git(folder, "gc", "--quiet", "--prune=now")  # a person's own, which puts all into one
    assert packed_quietly(Packing(made, tmp_path)) == ""
    assert damage(made) == ""


def test_a_git_that_fails_is_a_reason_and_loses_nothing(cells, monkeypatch):
    made, packed = cells
    place = made.folder / ".git" / "objects" / "pack"
    place.rmdir()
    place.write_text("not a folder")
    assert packed_quietly(packed) != ""
    place.unlink()
    place.mkdir()
    assert whole(made, range(12))
