"""The folder of each run of a cell, as the runner makes, keeps and deletes it."""

import os
import subprocess
import sys

import pytest

from autoresearch_magic.budget import Budget
from autoresearch_magic.experiment import Outcome
from autoresearch_magic.metric import Metric
from autoresearch_magic.runners import own_folder
from autoresearch_magic.runners.cell import CellRunner
from autoresearch_magic.runners.own_folder import OwnFolders, remove


def run_one(folders, target, act, users=None, ok=True):
    folder = folders.begin()
    act(folder)
    folders.end(folder, target, users, ok=ok)
    return folder


def write(path, size=3):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"x" * size)


def test_what_a_kept_version_wrote_is_kept_and_the_rest_is_deleted(tmp_path):
    folders = OwnFolders("base")
    for n in range(5):
        ran = run_one(folders, f"v{n}", lambda folder, n=n: write(folder / f"work/out/{n}.txt"), ok=n != 3)
        assert not ran.exists()
    for n in range(5):
        folders.keep(f"v{n}", tmp_path / f"files/{n}")
    assert sorted(path.name for path in tmp_path.rglob("*.txt")) == ["1.txt", "2.txt", "4.txt"]
    place = ran.parent
    folders.close()
    assert not place.exists()


def test_limits_of_what_is_kept(tmp_path, monkeypatch):
    monkeypatch.setattr(own_folder, "LARGEST", 1_000)
    monkeypatch.setattr(own_folder, "KEPT_LARGEST", 1_500)
    folders = OwnFolders("base")

    def act(folder):
        write(folder / "work/a", 900)
        write(folder / "work/b", 200)
        if not (folder / "work/link").is_symlink():
            (folder / "work/link").symlink_to("/etc/passwd")
        os.mkfifo(folder / "work/pipe")

    for n in range(3):
        run_one(folders, f"v{n}", act)
        folders.keep(f"v{n}", tmp_path / f"files/{n:04d}")
    assert sorted(os.listdir(tmp_path / "files")) == ["0002"]
    assert sorted(os.listdir(tmp_path / "files/0002")) == ["a", "not-kept.txt"]
    assert (tmp_path / "files/0002/not-kept.txt").read_text() == "b  200 bytes\n"
    folders.close()


def test_only_the_baselines_caches_are_trusted(tmp_path):
    folders = OwnFolders("base", tmp_path / "cache")
    run_one(folders, "other", lambda folder: write(folder / "cache/triton/poison"))
    run_one(folders, "base", lambda folder: write(folder / "cache/triton/kernel"))
    run_one(folders, "base", lambda folder: write(folder / "cache/triton/late"))
    run_one(folders, "other", lambda folder: (folder / "cache/triton/kernel").write_text("poison"))
    seen = []
    run_one(folders, "other", lambda folder: seen.append((folder / "cache/triton/kernel").read_text()))
    assert seen == ["xxx"]
    assert os.listdir(tmp_path / "cache/triton") == ["kernel"]
    folders.close()
    again = OwnFolders("base", tmp_path / "cache")
    run_one(again, "other", lambda folder: seen.append((folder / "cache/triton/kernel").read_text()))
    assert seen == ["xxx", "xxx"]
    again.close()


def test_a_folder_without_permissions_or_of_any_depth_is_deleted(tmp_path):
    (tmp_path / "a/closed/in").mkdir(parents=True)
    os.chmod(tmp_path / "a/closed", 0)
    deep = subprocess.run(
        [sys.executable, "-c", "import os\nfor _ in range(1500): os.mkdir('d'); os.chdir('d')"], cwd=tmp_path / "a"
    )
    assert deep.returncode == 0
    remove(tmp_path / "a")
    assert not (tmp_path / "a").exists()


SETUP = """
import os
def evaluate(x):
    return x
"""


@pytest.fixture(scope="module")
def runner(tmp_path_factory):
    folder = tmp_path_factory.mktemp("notebook")
    before = os.getcwd()
    os.chdir(folder)
    (folder / "data.txt").write_text("2.5")
    (folder / "runs").mkdir()
    (folder / "runs/old.txt").write_text("old")
    made = CellRunner(
        SETUP, "x = 1", Metric("m", "evaluate(x)"), Budget(0.2, "seconds"), setup_log=folder / "setup.log",
        artifacts=["*.txt", "runs/*.txt"],
    )  # fmt: skip
    made.notebook = folder
    yield made
    made.close()
    os.chdir(before)


@pytest.mark.slow
def test_a_target_reads_the_users_files_and_writes_its_own(runner, tmp_path):
    target = (
        "import os\nx = float(open('data.txt').read())\nopen('data.txt', 'w').write('0')\nos.makedirs('runs', exist_ok=True)\n"
        "open('runs/new.txt', 'w').write('new')\nopen('log.txt', 'a').write('a line')\nprint(os.getcwd())"
    )
    for _ in range(2):
        m = runner.measure(target, seed=0, deadline=20.0)
        assert (m.value, m.error) == (2.5, "")
        assert m.artifacts == {"data.txt": "0", "log.txt": "a line", "runs/new.txt": "new"}
        assert not os.path.exists(m.output.strip())
    assert (runner.notebook / "data.txt").read_text() == "2.5"
    assert sorted(os.listdir(runner.notebook)) == ["data.txt", "runs", "setup.log"]
    runner.keep_files(target, tmp_path / "0001")
    assert (tmp_path / "0001/log.txt").read_text() == "a line"


@pytest.mark.slow
def test_a_metric_in_a_file_is_read_from_the_own_folder(runner, tmp_path):
    (runner.notebook / "result.txt").write_text("m: 9\n")
    os.utime(runner.notebook / "result.txt", (1e9, 1e9))
    made = CellRunner("", "", Metric("m", "file:result.txt"), Budget(0.2, "seconds"), setup_log=tmp_path / "setup.log")
    try:
        stale = made.measure("pass", seed=0, deadline=20.0)
        assert stale.outcome is not Outcome.OK
        m = made.measure("open('result.txt', 'w').write('m: 4\\n')", seed=0, deadline=20.0)
        assert (m.value, m.error) == (4.0, "")
        assert (runner.notebook / "result.txt").read_text() == "m: 9\n"
    finally:
        made.close()
        (runner.notebook / "result.txt").unlink()


@pytest.mark.slow
def test_fresh_processes_have_own_folders_too(runner, tmp_path):
    made = CellRunner("", "", Metric("m", "x"), Budget(0.2, "seconds"), setup_log=tmp_path / "setup.log", mode="fresh")
    try:
        m = made.measure(
            "import os\nx = float(open('data.txt').read())\nopen('n', 'w').close()\nprint(os.getcwd())",
            seed=0,
            deadline=20.0,
        )
        assert (m.value, m.error) == (2.5, "")
        assert not os.path.exists(m.output.strip())
        assert not (runner.notebook / "n").exists()
    finally:
        made.close()


@pytest.mark.slow
def test_a_metric_that_reads_what_the_target_writes_over_the_users_file_is_the_targets(runner, tmp_path):
    """A run by hand has left in the notebook's folder what the baseline writes: both values of the baseline would agree."""
    (runner.notebook / "out.txt").write_text("5")
    (runner.notebook / "labels.txt").write_text("3")
    setup = "def evaluate():\n    return float(open('labels.txt').read()) + float(open('out.txt').read())"
    write = "open('out.txt', 'w').write('{}')"
    made = CellRunner(
        setup, write.format(5), Metric("m", "evaluate()"), Budget(0.2, "seconds"), setup_log=tmp_path / "setup.log"
    )
    try:
        assert made.measure(write.format(5), seed=0, deadline=30.0).value == 8.0
        assert made.learned["mode"] == "in-process"
        assert "out.txt" in made.learned["why"]
        assert made.measure(write.format(7), seed=0, deadline=30.0).value == 10.0
        assert (runner.notebook / "out.txt").read_text() == "5"
    finally:
        made.close()
        for name in ("labels.txt", "out.txt"):
            (runner.notebook / name).unlink()


@pytest.mark.slow
def test_a_file_that_the_metric_does_not_need_may_be_written_over(runner, tmp_path):
    (runner.notebook / "model.txt").write_text("old")
    setup = "def evaluate(x):\n    return x + float(open('data.txt').read() or 0) * 0"
    target = "open('model.txt', 'w').write('new')\nx = 2.0"
    made = CellRunner(
        setup, target, Metric("m", "evaluate(x)"), Budget(0.2, "seconds"), setup_log=tmp_path / "setup.log"
    )
    (runner.notebook / "data.txt").write_text("1")
    try:
        assert made.measure(target, seed=0, deadline=30.0).value == 2.0
        assert made.learned["mode"] == "clean"
    finally:
        made.close()
        (runner.notebook / "model.txt").unlink()
