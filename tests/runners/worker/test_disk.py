"""What a run has written, read from real files and processes; and that it is ended where that is too much."""

import math
import os
import subprocess
import sys
import time

import pytest

from autoresearch_magic.runners.worker import disk
from autoresearch_magic.runners.worker.disk import DiskWatch

MB = 1_000_000


@pytest.fixture(autouse=True)
def often(monkeypatch):
    monkeypatch.setattr(disk, "COUNT_EVERY", 0.02)


def write(path, size):
    with open(path, "wb") as stream:
        for _ in range(size // MB):
            stream.write(os.urandom(MB))


def look_until(watch, condition, seconds=20.0):
    """Look as the worker does, as often as a look is due, until the condition holds."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        watch.exceeded(os.getpid(), time.monotonic())
        if condition():
            return True
        time.sleep(0.005)
    return False


def test_what_was_there_before_does_not_count(tmp_path):
    write(tmp_path / "before", 20 * MB)
    time.sleep(0.1)
    watch = DiskWatch("10MB", [str(tmp_path)])
    write(tmp_path / "after", 5 * MB)
    assert look_until(watch, lambda: watch.written > 0)
    assert 5 * MB <= watch.written < 6 * MB
    assert not watch.why


def test_one_file_beyond_the_limit_is_found(tmp_path):
    watch = DiskWatch("10MB", [str(tmp_path)])
    write(tmp_path / "large", 12 * MB)
    assert look_until(watch, lambda: watch.why)
    assert "may write 0.00931 GiB (--disk)" in watch.why


def test_small_files_count_by_their_blocks(tmp_path):
    watch = DiskWatch("10MB", [str(tmp_path)])
    for number in range(4_000):
        (tmp_path / f"{number}").write_bytes(b"x")
    assert look_until(watch, lambda: watch.why)


def test_a_sparse_file_counts_by_what_is_written_in_it(tmp_path):
    watch = DiskWatch("10MB", [str(tmp_path)])
    with open(tmp_path / "sparse", "wb") as stream:
        stream.truncate(1 << 40)
        stream.write(b"x" * MB)
    assert look_until(watch, lambda: watch.written > 0)
    assert watch.written < 2 * MB
    assert not watch.why


def test_a_hard_link_counts_once(tmp_path):
    watch = DiskWatch("10MB", [str(tmp_path)])
    write(tmp_path / "file", 4 * MB)
    for number in range(5):
        os.link(tmp_path / "file", tmp_path / f"link{number}")
    assert look_until(watch, lambda: watch.written > 0)
    assert watch.written < 5 * MB


@pytest.mark.skipif(sys.platform != "linux", reason="open files are found in /proc")
def test_a_deleted_file_that_is_open_counts(tmp_path):
    watch = DiskWatch("10MB", [str(tmp_path)])
    code = f"import os\nf = open({str(tmp_path / 'gone')!r}, 'wb')\nos.unlink(f.name)\nf.write(os.urandom(12_000_000))\nf.flush()\ninput()"
    process = subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE)
    try:
        assert look_until(watch, lambda: watch.why)
    finally:
        process.communicate(b"\n")


def test_a_file_whose_times_are_set_back_counts(tmp_path):
    watch = DiskWatch("10MB", [str(tmp_path)])
    write(tmp_path / "file", 12 * MB)
    os.utime(tmp_path / "file", (0, 0))
    assert look_until(watch, lambda: watch.why)


def test_a_disk_that_is_nearly_full_ends_who_has_filled_it(tmp_path, monkeypatch):
    free = iter([(100 * MB, 0)])
    monkeypatch.setattr(disk, "_free", lambda folder: next(free, (20 * MB, 0)))
    watch = DiskWatch("90%", [str(tmp_path)])
    write(tmp_path / "file", 12 * MB)
    assert look_until(watch, lambda: watch.why)
    assert "had 0.02 GiB left" in watch.why


def test_who_has_written_little_may_go_on_when_others_fill_the_disk(tmp_path, monkeypatch):
    free = iter([(100 * MB, 0)])
    monkeypatch.setattr(disk, "_free", lambda folder: next(free, (20 * MB, 0)))
    watch = DiskWatch("90%", [str(tmp_path)])
    write(tmp_path / "file", 1 * MB)
    assert look_until(watch, lambda: watch.written > 0)
    assert not watch.why


def test_a_file_system_without_room_for_more_files(tmp_path, monkeypatch):
    free = iter([(10_000 * MB, 1_000)])
    monkeypatch.setattr(disk, "_free", lambda folder: next(free, (10_000 * MB, 100)))
    watch = DiskWatch("90%", [str(tmp_path)])
    for number in range(500):
        (tmp_path / f"{number}").touch()
    assert look_until(watch, lambda: watch.why)
    assert "room for 100 more files" in watch.why


def test_a_count_is_made_in_slices(tmp_path, monkeypatch):
    monkeypatch.setattr(disk, "SLICE", 0.0)
    watch = DiskWatch("1GB", [str(tmp_path)])
    for number in range(1_000):
        (tmp_path / f"{number}").touch()
    looks = 0
    while not watch.written:
        watch.exceeded(os.getpid(), time.monotonic())
        looks += watch._count is not None
        time.sleep(0.002)
    assert looks > 3


def test_without_a_limit_nothing_is_looked_at(tmp_path):
    watch = DiskWatch("", [str(tmp_path)])
    write(tmp_path / "file", 2 * MB)
    assert not watch.exceeded(os.getpid(), time.monotonic())
    assert watch.due == math.inf
