"""Memory of process trees, read from real processes."""

import os
import subprocess
import sys
import time

import psutil
import pytest

from autoresearch_magic.runners.worker import memory
from autoresearch_magic.runners.worker.memory import MemoryWatch, proportional_bytes, resident_bytes

SHARED = 60_000_000


READERS = f"""
import mmap, os, time
pages = mmap.mmap(-1, {SHARED})
for at in range(0, {SHARED}, 4096):
    pages[at] = 1
ready, tell = os.pipe()
pids = []
for _ in range(3):
    pid = os.fork()
    if pid == 0:
        sum(pages[at] for at in range(0, {SHARED}, 4096))
        os.write(tell, b".")
        time.sleep(60)
        os._exit(0)
    pids.append(pid)
for _ in pids:
    os.read(ready, 1)
print(*pids, flush=True)
time.sleep(60)
"""
"""A small process with three forks that have read the same 60 MB; forks of the tests' own process would share that too."""


@pytest.fixture
def readers():
    """The pids of the three forks."""
    with subprocess.Popen([sys.executable, "-c", READERS], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        pids = [int(pid) for pid in parent.stdout.readline().split()]
        yield pids
        for pid in [*pids, parent.pid]:
            os.kill(pid, 9)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells proportional memory")
def test_pages_that_processes_share_count_once(readers, monkeypatch):
    assert all(resident_bytes(pid) > SHARED for pid in readers)
    assert sum(map(proportional_bytes, readers)) < 2 * SHARED
    with monkeypatch.context() as patch:
        patch.setattr("os.getpid", lambda: readers[0])
        assert memory.shared_bytes() > SHARED / 2
    monkeypatch.setattr(memory, "descendants", lambda pid: readers[1:])
    for limit, exceeded in ((2 * SHARED, False), (SHARED // 4, True)):
        watch = MemoryWatch(limit)
        assert watch.exceeded(readers[0], time.monotonic()) is exceeded
        assert SHARED / 4 < watch.peak < 2 * SHARED


def test_memory_that_grows_is_noticed_before_the_next_exact_look_is_due(monkeypatch):
    resident, exact = [50], [10]
    monkeypatch.setattr(memory, "descendants", lambda pid: [])
    monkeypatch.setattr(memory, "resident_bytes", lambda pid: resident[-1])
    monkeypatch.setattr(memory, "proportional_bytes", lambda pid: exact[-1])
    watch = MemoryWatch(100)
    assert not watch.exceeded(1, 0.0)
    watch._next_exact = 1e9  # a look at PSS takes long
    resident.append(150)
    exact.append(20)
    assert not watch.exceeded(1, 1.0)
    assert watch.peak == 20
    resident.append(240)
    exact.append(110)
    assert watch.exceeded(1, 2.0)
    assert watch.peak == 110


def test_without_a_limit_the_peak_is_followed():
    watch = MemoryWatch(0)
    assert not watch.exceeded(os.getpid(), 0.0)
    assert watch.peak > 10**6


def test_where_pss_cannot_be_read_the_resident_memory_counts(monkeypatch):
    monkeypatch.setattr(memory, "Path", lambda path: (_ for _ in ()).throw(OSError(path)))
    info = psutil.Process().memory_info()
    assert 0 < proportional_bytes(os.getpid()) <= info.rss + 10**7
    assert resident_bytes(os.getpid()) > info.rss / 2


def test_a_process_that_has_ended_has_no_memory():
    with subprocess.Popen(["true"]) as process:
        pass
    assert resident_bytes(process.pid) == proportional_bytes(process.pid) == 0
